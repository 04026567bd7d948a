/* Names of what the tables hold, for tools; not linked into a device. */
#include <string.h>

#include "manifest/suit_command.h"

struct name {
    int64_t label;
    const char *text;
};

static const struct name commands[] = {
    {SUIT_VENDOR, "vendor-identifier"},
    {SUIT_CLASS, "class-identifier"},
    {SUIT_IMAGE_MATCH, "image-match"},
    {SUIT_USE_BEFORE, "use-before"},
    {SUIT_COMPONENT_SLOT, "component-slot"},
    {SUIT_CHECK_CONTENT, "check-content"},
    {SUIT_DEPENDENCY_INTEGRITY, "dependency-integrity"},
    {SUIT_IS_DEPENDENCY, "is-dependency"},
    {SUIT_PROCESS_DEPENDENCY, "process-dependency"},
    {SUIT_SET_INDEX, "set-component-index"},
    {SUIT_ABORT, "abort"},
    {SUIT_TRY_EACH, "try-each"},
    {SUIT_WRITE, "write"},
    {SUIT_SET_PARAMETERS, "set-parameters"},
    {SUIT_OVERRIDE, "override-parameters"},
    {SUIT_FETCH_PAYLOAD, "fetch"},
    {SUIT_COPY, "copy"},
    {SUIT_INVOKE_COMPONENT, "invoke"},
    {SUIT_DEVICE, "device-identifier"},
    {SUIT_IMAGE_NOT_MATCH, "image-not-match"},
    {SUIT_MINIMUM_BATTERY, "minimum-battery"},
    {SUIT_UPDATE_AUTHORIZED, "update-authorized"},
    {SUIT_VERSION_MATCH, "version"},
    {SUIT_WAIT, "wait"},
    {SUIT_SWAP, "swap"},
    {SUIT_RUN_SEQUENCE, "run-sequence"},
    {SUIT_UNLINK, "unlink"},
    {SUIT_OVERRIDE_MULTIPLE, "override-multiple"},
    {SUIT_COPY_PARAMETERS, "copy-params"},
    {0, NULL},
};

static const struct name params[] = {
    {1, "vendor-id"},
    {2, "class-id"},
    {3, "image-digest"},
    {4, "use-before"},
    {5, "component-slot"},
    {12, "strict-order"},
    {13, "soft-failure"},
    {14, "image-size"},
    {18, "content"},
    {19, "encryption-info"},
    {21, "uri"},
    {22, "source-component"},
    {23, "invoke-args"},
    {24, "device-id"},
    {25, "fetch-arguments"},
    {26, "minimum-battery"},
    {27, "update-priority"},
    {28, "version"},
    {29, "wait-info"},
    {30, "component-metadata"},
    {UD_SUIT_PARAM_PATCH, "updraft-patch"},
    {0, NULL},
};

static const struct name sections[] = {
    {UD_SUIT_SHARED, "shared"},       {UD_SUIT_VALIDATE, "validate"},
    {UD_SUIT_LOAD, "load"},           {UD_SUIT_INVOKE, "invoke"},
    {UD_SUIT_COSWID, "coswid"},       {UD_SUIT_RESOLUTION, "dependency-resolution"},
    {UD_SUIT_FETCH, "payload-fetch"}, {UD_SUIT_CANDIDATE, "candidate-verification"},
    {UD_SUIT_INSTALL, "install"},     {UD_SUIT_TEXT, "text"},
    {UD_SUIT_UNINSTALL, "uninstall"}, {0, NULL},
};

static const char *name_of(const struct name *name, int64_t label)
{
    while (name->text != NULL && name->label != label) {
        name++;
    }
    return name->text;
}

static int64_t label_of(const struct name *name, const char *text)
{
    while (name->text != NULL && strcmp(name->text, text) != 0) {
        name++;
    }
    return name->text == NULL ? -1 : name->label;
}

const char *suit_command_name(int64_t code)
{
    return name_of(commands, code);
}

const char *suit_param_name(int64_t label)
{
    return name_of(params, label);
}

const char *suit_section_name(int64_t label)
{
    return name_of(sections, label);
}

int64_t suit_command_code(const char *name)
{
    return label_of(commands, name);
}

int64_t suit_param_label(const char *name)
{
    return label_of(params, name);
}
