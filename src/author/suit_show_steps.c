#include "author/suit_show_steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "author/cli.h"
#include "author/suit_show_more.h"
#include "manifest/suit_command.h"

#define SENTENCE_BYTES_MAX 1024

/* A place in a sequence, or in the branches of a try-each. */
struct level {
    struct ud_cbor r;
    uint32_t left;
    uint32_t branch; /* number of the next branch; 0: a sequence */
    struct ud_suit_index index;
};

struct show {
    const struct ud_suit_manifest *man;
    json_t *steps;
    const char *section;
    struct ud_suit_params params[UD_SUIT_COMPONENTS_MAX];
    struct level levels[2 * (UD_SUIT_NESTING_MAX + 1)]; /* try-each takes two: branches, then the sequence */
    size_t depth;
    suit_place place;
    bool image_varies; /* attempts of a try-each set it: which one holds shows on the device only */
    bool uri_varies;
};

static bool printable(struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] < 0x21 || bytes.ptr[i] > 0x7e) {
            return false;
        }
    }
    return bytes.len > 0;
}

void suit_show_component(struct ud_bytes id, char name[SUIT_SHOW_NAME_BYTES_MAX])
{
    struct ud_cbor r;
    size_t len = 0;
    ud_cbor_init(&r, id);
    name[0] = '\0';
    for (uint64_t elements = ud_cbor_array(&r); elements > 0 && r.err == UD_OK; elements--) {
        const struct ud_bytes element = ud_cbor_bstr(&r);
        if (len + CLI_HEX_BYTES(element.len) + 1 >= SUIT_SHOW_NAME_BYTES_MAX) {
            return;
        }
        if (len > 0) {
            name[len++] = '/';
        }
        if (printable(element)) {
            memcpy(name + len, element.ptr, element.len);
            name[len + element.len] = '\0';
        } else {
            cli_hex(element, name + len);
        }
        len = strlen(name);
    }
}

__attribute__((format(printf, 2, 3))) static void say(struct show *show, const char *format, ...)
{
    char text[SENTENCE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)json_array_append_new(show->steps, json_pack("{s:s, s:i, s:s}", "section", show->section, "depth",
                                                       (int)show->depth - 1, "does", text));
}

static struct level *top(struct show *show)
{
    return &show->levels[show->depth - 1];
}

static void name_of(const struct show *show, uint8_t component, char name[SUIT_SHOW_NAME_BYTES_MAX])
{
    struct ud_bytes id;
    name[0] = '\0';
    if (ud_suit_component_id(show->man, component, &id) == UD_OK) {
        suit_show_component(id, name);
    }
}

static void uuid_of(struct ud_bytes id, char text[CLI_UUID_TEXT_BYTES])
{
    (void)snprintf(text, CLI_UUID_TEXT_BYTES, "(not set)");
    if (id.len == UD_UUID_BYTES) {
        cli_uuid_text(id.ptr, text);
    }
}

static void say_match(struct show *show, const char *name, const struct ud_suit_params *params)
{
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)] = "(not set)";
    if (params->digest.len == UD_SHA256_BYTES) {
        cli_hex(params->digest, digest);
    }
    if (show->image_varies && show->depth == 1) {
        say(show, "Go on only if the image in \"%s\" is exactly the one of the attempt that succeeded.", name);
    } else if ((params->has & UD_SUIT_HAS_SIZE) != 0) {
        say(show, "Go on only if the image in \"%s\" is exactly the signed one: %llu bytes, SHA-256 %s.", name,
            (unsigned long long)params->image_size, digest);
    } else {
        say(show, "Go on only if the image in \"%s\" is exactly the signed one: SHA-256 %s.", name, digest);
    }
}

static void say_no_match(struct show *show, const char *name, const struct ud_suit_params *params)
{
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)] = "(not set)";
    if (params->digest.len == UD_SHA256_BYTES) {
        cli_hex(params->digest, digest);
    }
    say(show, "Go on only if the image in \"%s\" is another than the one with SHA-256 %s.", name, digest);
}

static void say_fetch(struct show *show, const char *name, const struct ud_suit_params *params)
{
    struct ud_bytes payload;
    const int len = (int)params->uri.len;
    const char *uri = len > 0 ? (const char *)params->uri.ptr : "";
    if (ud_suit_envelope_integrated(show->man->env, params->uri, &payload) == UD_OK) {
        say(show, "Take the image for \"%s\" out of this envelope (%zu bytes).", name, payload.len);
    } else if (show->uri_varies && show->depth == 1) {
        say(show, "Download the image for \"%s\" from the place of the attempt that succeeded.", name);
    } else if (params->uri.len > 0 && memchr(params->uri.ptr, ':', params->uri.len) == NULL) {
        say(show, "Download the image for \"%s\": the file %.*s beside this envelope.", name, len, uri);
    } else {
        say(show, "Download the image for \"%s\" from %.*s.", name, len, uri);
    }
}

static void say_copy(struct show *show, const char *name, const struct ud_suit_params *params, bool swap)
{
    char source[SUIT_SHOW_NAME_BYTES_MAX];
    name_of(show, (uint8_t)params->source, source);
    say(show, swap ? "Exchange the contents of \"%s\" and \"%s\"." : "Copy \"%s\" into \"%s\".", source, name);
}

static void say_command(struct show *show, uint8_t code, uint8_t component)
{
    const struct ud_suit_params *params = &show->params[component];
    char name[SUIT_SHOW_NAME_BYTES_MAX];
    char source[SUIT_SHOW_NAME_BYTES_MAX];
    char id[CLI_UUID_TEXT_BYTES];
    char more[SENTENCE_BYTES_MAX];
    name_of(show, component, name);
    name_of(show, params->source <= UINT8_MAX ? (uint8_t)params->source : UINT8_MAX, source);
    if (suit_show_more(code, name, source, params, more, sizeof more)) {
        say(show, "%s", more);
        return;
    }
    switch (code) {
    case SUIT_VENDOR:
        uuid_of(params->vendor_id, id);
        say(show, "Go on only if the device is of vendor %s.", id);
        break;
    case SUIT_CLASS:
        uuid_of(params->class_id, id);
        say(show, "Go on only if the device is of class %s.", id);
        break;
    case SUIT_DEVICE:
        uuid_of(params->device_id, id);
        say(show, "Go on only on the one device %s.", id);
        break;
    case SUIT_IMAGE_MATCH:
        say_match(show, name, params);
        break;
    case SUIT_IMAGE_NOT_MATCH:
        say_no_match(show, name, params);
        break;
    case SUIT_COMPONENT_SLOT:
        say(show, "Go on only if \"%s\" is in slot %lu.", name, (unsigned long)params->slot);
        break;
    case SUIT_CHECK_CONTENT:
        say(show, "Go on only if \"%s\" holds exactly the %zu bytes given here.", name, params->content.len);
        break;
    case SUIT_ABORT:
        say(show, "Stop here.");
        break;
    case SUIT_WRITE:
        say(show, "Write the %zu bytes given here into \"%s\".", params->content.len, name);
        break;
    case SUIT_FETCH_PAYLOAD:
        say_fetch(show, name, params);
        break;
    case SUIT_COPY:
    case SUIT_SWAP:
        say_copy(show, name, params, code == SUIT_SWAP);
        break;
    case SUIT_INVOKE_COMPONENT:
        say(show, "Start \"%s\".", name);
        break;
    default:
        say(show, "Do command %u on \"%s\".", code, name);
        break;
    }
}

static void push(struct show *show, struct ud_bytes sequence, uint32_t branch)
{
    const struct ud_suit_index index = top(show)->index;
    if (show->depth == sizeof show->levels / sizeof show->levels[0]) {
        ud_cbor_fail(&top(show)->r, UD_ERR_DEPTH);
        return;
    }
    struct level *level = &show->levels[show->depth++];
    *level = (struct level){.index = index, .branch = branch};
    ud_cbor_init(&level->r, sequence);
    if (branch == 0) {
        level->left = suit_take_sequence(&level->r);
    }
}

/* What an attempt of a try-each sets is part of what it does. */
static void say_changes(struct show *show, uint8_t component, const struct ud_suit_params *before)
{
    const struct ud_suit_params *now = &show->params[component];
    char name[SUIT_SHOW_NAME_BYTES_MAX];
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    name_of(show, component, name);
    if (now->digest.ptr != before->digest.ptr && now->digest.len == UD_SHA256_BYTES) {
        cli_hex(now->digest, digest);
        say(show, "Then the image for \"%s\" is the one with SHA-256 %s.", name, digest);
        show->image_varies = true;
    }
    if (now->uri.ptr != before->uri.ptr) {
        say(show, "Then the image for \"%s\" comes from %.*s.", name, (int)now->uri.len,
            (const char *)now->uri.ptr);
        show->uri_varies = true;
    }
}

static void take_params(struct show *show, struct level *level)
{
    const struct ud_cbor at = level->r;
    for (uint8_t i = 0; i < level->index.count; i++) {
        const uint8_t component = level->index.components[i];
        const struct ud_suit_params before = show->params[component];
        level->r = at; /* the same map for every component of the index */
        suit_take_params(&level->r, show->place, &show->params[component]);
        if (level->r.err == UD_OK && show->depth > 1) {
            say_changes(show, component, &before);
        }
    }
}

static void do_policy(struct show *show, struct level *level, uint8_t code)
{
    (void)suit_take_policy(&level->r);
    for (uint8_t i = 0; i < level->index.count; i++) {
        say_command(show, code, level->index.components[i]);
    }
}

static void do_branches(struct show *show, struct level *level)
{
    const uint32_t branches = suit_take_branches(&level->r);
    const struct ud_cbor at = level->r;
    for (uint32_t i = 0; i < branches; i++) {
        (void)ud_cbor_skip(&level->r);
    }
    say(show, "Try in turn, until one of these succeeds:");
    push(show, at.rest, 1);
    top(show)->left = branches;
}

/* Parameters of several components at once; the last one is at work afterwards. */
static void do_maps(struct show *show, struct level *level)
{
    struct suit_pairs pairs;
    suit_take_map(&level->r, &pairs);
    while (suit_next_pair(&level->r, &pairs)) {
        level->index =
            (struct ud_suit_index){.count = 1, .components = {suit_take_component(&level->r, show->place)}};
        take_params(show, level);
    }
}

/* One command of a sequence. */
static void step_command(struct show *show, struct level *level)
{
    show->place = (show->place & ~(suit_place)SUIT_NESTED) | (show->depth > 1 ? SUIT_NESTED : 0U);
    const struct suit_command_row *row = suit_take_code(&level->r, show->place, NULL);
    if (row == NULL) {
        return;
    }
    switch ((suit_argument)row->argument) {
    case SUIT_ARG_POLICY:
        do_policy(show, level, row->code);
        break;
    case SUIT_ARG_INDEX:
        level->index = suit_take_index_all(&level->r, show->place);
        break;
    case SUIT_ARG_PARAMS:
        take_params(show, level);
        break;
    case SUIT_ARG_BRANCHES:
        do_branches(show, level);
        break;
    case SUIT_ARG_SEQUENCE:
        say(show, "Then:");
        push(show, ud_cbor_bstr(&level->r), 0);
        break;
    case SUIT_ARG_MAPS:
        do_maps(show, level);
        break;
    case SUIT_ARG_LABELS:
        say(show, "Use parameters of other components for this one as well.");
        (void)ud_cbor_skip(&level->r);
        break;
    }
}

static void step_branch(struct show *show, struct level *level)
{
    if (ud_cbor_peek(&level->r) == UD_CBOR_NULL) {
        ud_cbor_null(&level->r);
        say(show, "Or go on without any of them.");
        return;
    }
    say(show, "Attempt %lu:", (unsigned long)level->branch++);
    push(show, ud_cbor_bstr(&level->r), 0);
}

static void show_sequence(struct show *show, const char *section, struct ud_bytes sequence)
{
    if (sequence.len == 0) {
        return;
    }
    show->section = section;
    show->levels[0].index = (struct ud_suit_index){.count = 1};
    show->depth = 1;
    ud_cbor_init(&show->levels[0].r, sequence);
    show->levels[0].branch = 0;
    show->levels[0].left = suit_take_sequence(&show->levels[0].r);
    while (show->depth > 0) {
        struct level *level = top(show);
        if (level->left == 0 || level->r.err != UD_OK) {
            show->depth--;
            continue;
        }
        level->left--;
        if (level->branch > 0) {
            step_branch(show, level);
        } else {
            step_command(show, level);
        }
    }
}

void suit_show_steps(json_t *steps, const struct ud_suit_manifest *man)
{
    struct show show = {.man = man, .steps = steps};
    show.place = man->component_count;
    show_sequence(&show, "first", man->shared);
    show_sequence(&show, "dependencies", man->member[UD_SUIT_MEMBER_RESOLUTION]);
    show_sequence(&show, "download", man->member[UD_SUIT_MEMBER_FETCH]);
    show_sequence(&show, "candidate", man->member[UD_SUIT_MEMBER_CANDIDATE]);
    show_sequence(&show, "install", man->member[UD_SUIT_MEMBER_INSTALL]);
    show_sequence(&show, "validate", man->validate);
    show_sequence(&show, "load", man->load);
    show_sequence(&show, "start", man->invoke);
    show_sequence(&show, "uninstall", man->uninstall);
}
