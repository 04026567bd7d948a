/* `updraft inspect`: what an envelope holds and what it will do, in plain words; and what other files are. */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/inspect_other.h"
#include "author/offline.h"
#include "author/show_cbor.h"
#include "author/suit_show.h"

static const struct {
    const char *section;
    const char *title;
} titles[] = {
    {"first", "Before anything else"},
    {"dependencies", "Fetch the manifests that it depends on"},
    {"download", "Download"},
    {"candidate", "Check what was downloaded"},
    {"install", "Install"},
    {"validate", "Check, after the install and again at every start"},
    {"load", "Load"},
    {"start", "Start"},
    {"uninstall", "When it is taken away again"},
};

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void print_list(const json_t *show)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(show, "texts"), i, item)
    {
        printf("Text         ");
        cli_print_text(stdout, member(item, "what"), 0);
        printf(": ");
        cli_print_text(stdout, member(item, "text"), 0);
        printf("\n");
    }
    json_array_foreach(json_object_get(show, "integrated"), i, item)
    {
        printf("Carries      %s, %lld bytes\n", member(item, "uri"),
               (long long)json_integer_value(json_object_get(item, "bytes")));
    }
    json_array_foreach(json_object_get(show, "severed"), i, item)
    {
        printf("Cut off      the part \"%s\" is not in this file\n", json_string_value(item));
    }
}

static void print_signatures(const json_t *show)
{
    const json_t *signatures = json_object_get(show, "signatures");
    size_t i;
    json_t *item;
    if (json_array_size(signatures) == 0) {
        printf("Signatures   none: no device will take it\n");
        return;
    }
    json_array_foreach(signatures, i, item)
    {
        const char *kid = member(item, "kid");
        printf("Signature    %s, key %s\n", member(item, "algorithm"), kid[0] != '\0' ? kid : "not named");
    }
    printf("             (not checked here: updraft verify --anchor KEY.pub)\n");
}

static void print_steps(const json_t *steps)
{
    unsigned number = 1;
    for (size_t s = 0; s < sizeof titles / sizeof titles[0]; s++) {
        size_t i;
        json_t *step;
        bool titled = false;
        json_array_foreach(steps, i, step)
        {
            if (strcmp(member(step, "section"), titles[s].section) != 0) {
                continue;
            }
            if (!titled) {
                printf("\n%s\n", titles[s].title);
                titled = true;
            }
            const int depth = (int)json_integer_value(json_object_get(step, "depth"));
            printf("  %2u. %*s", number++, 2 * depth, "");
            cli_print_text(stdout, member(step, "does"), 0);
            printf("\n");
        }
    }
}

static void print(const char *path, const json_t *show)
{
    size_t i;
    json_t *item;
    printf("Envelope     %s, %lld bytes\n", path,
           (long long)json_integer_value(json_object_get(show, "bytes")));
    printf("Digest       %s\n", member(show, "digest"));
    printf("Sequence     %lld (a device refuses it once it runs a higher one)\n",
           (long long)json_integer_value(json_object_get(show, "sequence")));
    json_array_foreach(json_object_get(show, "components"), i, item)
    {
        printf("Component    ");
        cli_print_text(stdout, json_string_value(item), 0);
        printf("\n");
    }
    print_list(show);
    print_signatures(show);
    printf("\nWhat a device does with it, step by step:\n");
    print_steps(json_object_get(show, "steps"));
}

static int run_envelope(const char *path, bool as_json)
{
    struct envelope_file file;
    struct ud_suit_manifest man;
    struct ud_diag diag = {.err = UD_OK};
    int code = envelope_read(&file, path);
    if (code != CLI_OK) {
        return code;
    }
    const ud_err err = ud_suit_manifest_inspect(&man, &file.env, &diag);
    json_t *show = err == UD_OK ? suit_show(&man) : NULL;
    if (err != UD_OK) {
        code = cli_fail_at(path, &diag);
    } else if (show == NULL) {
        code = cli_fail(path, NULL, UD_ERR_MEMORY);
    } else if (as_json) {
        cli_print_json(show);
    } else {
        print(path, show);
    }
    json_decref(show);
    free(file.bytes);
    return code;
}

static int run_other(const char *path, struct ud_bytes bytes, const struct ud_trust *trust, bool as_json)
{
    struct ud_diag diag = {.err = UD_OK};
    json_t *show = inspect_other(bytes, trust, &diag);
    if (show == NULL) {
        return diag.offset_bytes > 0
                   ? cli_fail_at(path, &diag)
                   : cli_fail(path, "is nothing that we know, or a secret that is not shown", diag.err);
    }
    if (as_json) {
        cli_print_json(show);
    } else {
        show_lines(show, 0);
    }
    json_decref(show);
    return CLI_OK;
}

static int run(const char *path, const struct ud_trust *trust, bool as_json)
{
    char *bytes = NULL;
    size_t len = 0;
    const ud_err err = cli_read_file(path, CLI_ENVELOPE_BYTES_MAX, &bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(path, err);
    }
    const struct ud_bytes file = {(const uint8_t *)bytes, len};
    const int code =
        inspect_is_envelope(file) ? run_envelope(path, as_json) : run_other(path, file, trust, as_json);
    ud_wipe(bytes, len);
    free(bytes);
    return code;
}

int offline_inspect(int argc, char **argv)
{
    static const struct option options[] = {
        {"anchor", required_argument, NULL, 'a'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct ud_trust trust = {.threshold = 1};
    bool as_json = false;
    int option;
    while ((option = getopt_long(argc, argv, "a:", options, NULL)) != -1) {
        if (option == 'a') {
            const ud_err err = cli_anchor(&trust, optarg);
            if (err != UD_OK) {
                return cli_fail_file(optarg, err);
            }
        } else if (option != 'j') {
            return cli_usage("inspect", "unknown option");
        } else {
            as_json = true;
        }
    }
    if (argc - optind != 1) {
        return cli_usage("inspect", "one FILE is needed");
    }
    return run(argv[optind], &trust, as_json);
}
