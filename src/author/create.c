/* `updraft create`: an envelope of a description, of an image and a few flags, or an old one under a new number. */
#include <stdlib.h>
#include <string.h>

#include "author/desc_files.h"
#include "author/desc_model.h"
#include "author/image.h"
#include "author/offline.h"
#include "author/suit_write.h"

enum { TEXT_BYTES_MAX = 256, NAME_BYTES_MAX = UD_COMPONENT_ID_BYTES_MAX - 3 };

struct create {
    const char *description;
    const char *image;
    const char *payload;
    const char *info;
    const char *reissue;
    const char *vendor;
    const char *class_name;
    const char *component;
    const char *model;
    const char *version;
    const char *output;
    const char *sequence;
    bool integrated;
    bool foreign;
    bool json;
};

static int report(const struct create *create, struct ud_bytes envelope, uint64_t sequence)
{
    struct ud_suit_envelope env;
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    const ud_err err = ud_suit_envelope_parse(&env, envelope, NULL);
    if (err != UD_OK) { /* we made it: it must be readable */
        return cli_fail("create", NULL, UD_ERR_INTERNAL);
    }
    cli_hex(env.digest, digest);
    const int code = envelope_save(create->output, envelope);
    if (code == CLI_OK && create->json) {
        json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "envelope", create->output, "digest", digest,
                                 "sequence", (json_int_t)sequence, "bytes", (json_int_t)envelope.len);
        cli_print_json(json);
        json_decref(json);
    } else if (code == CLI_OK) {
        printf("Wrote %s, %zu bytes, not signed yet.\n  next: updraft sign %s --key KEY\n", create->output,
               envelope.len, create->output);
    }
    return code;
}

/* What our own devices would refuse is told now, not in the field. */
static int check(const struct create *create, const char *what, struct ud_bytes envelope, uint64_t *sequence)
{
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    struct ud_diag diag = {.err = UD_OK};
    ud_err err = ud_suit_envelope_parse(&env, envelope, &diag);
    if (err == UD_OK) {
        err = ud_suit_envelope_check_digest(&env, &diag);
    }
    if (err == UD_OK) {
        err = ud_suit_manifest_inspect(&man, &env, &diag);
        *sequence = man.sequence;
    }
    return err == UD_OK || create->foreign ? CLI_OK : cli_fail_at(what, &diag);
}

static int wrong(const char *what, const struct desc_error *error, ud_err err)
{
    char place[512];
    if (error->why[0] == '\0') {
        return cli_fail(what, NULL, err);
    }
    (void)snprintf(place, sizeof place, error->line > 0 ? "%s:%u:%u" : "%s", what, error->line, error->column);
    return cli_fail(place, error->why, err);
}

static int build(const struct create *create, const char *what, struct desc *desc,
                 struct desc_files_folder *folder, struct desc_error *error)
{
    const struct desc_files files = {desc_folder_read, desc_folder_hash, folder};
    struct ud_bytes envelope = {NULL, 0};
    uint64_t sequence = 0;
    const ud_err err = desc_build(desc, &files, &envelope, error);
    int code = err == UD_OK ? check(create, what, envelope, &sequence) : wrong(what, error, err);
    if (code == CLI_OK) {
        code = report(create, envelope, sequence);
    }
    return code;
}

/* --sequence beside a description: what changes from release to release need not be edited into it. */
static ud_err renumber(const struct create *create, struct desc *desc)
{
    struct desc_section *manifest = NULL;
    for (size_t i = 0; i < desc->section_count && manifest == NULL; i++) {
        manifest = strcmp(desc->sections[i].kind, "manifest") == 0 ? &desc->sections[i] : NULL;
    }
    for (size_t i = 0; manifest != NULL && i < manifest->count; i++) {
        struct desc_line *line = &desc->lines[manifest->first + i];
        if (strcmp(line->word, "sequence") == 0) {
            line->value = create->sequence;
            return UD_OK;
        }
    }
    return desc_wrong(desc, NULL,
                      "--sequence takes the place of the sequence = in [manifest], and there is none");
}

static int create_described(const struct create *create)
{
    struct desc_files_folder *folder = desc_folder_open(create->description);
    struct desc *desc = NULL;
    struct desc_error error;
    char *text = NULL;
    size_t len = 0;
    int code = CLI_OK;
    ud_err err =
        folder != NULL ? cli_read_file(create->description, DESC_BYTES_MAX, &text, &len) : UD_ERR_MEMORY;
    if (err != UD_OK) {
        desc_folder_close(folder);
        return cli_fail_file(create->description, err);
    }
    err = desc_parse(&desc, (struct ud_bytes){(const uint8_t *)text, len}, &error);
    if (err == UD_OK && create->sequence != NULL) {
        err = renumber(create, desc);
    }
    code = err == UD_OK ? build(create, create->description, desc, folder, &error)
                        : wrong(create->description, &error, err);
    desc_close(desc);
    desc_folder_close(folder);
    free(text);
    return code;
}

/* The flags say what a short description would. */
static bool describe(const struct create *create, struct desc *desc)
{
    char id[3 + CLI_HEX_BYTES(NAME_BYTES_MAX)] = "0x"; /* one element, whatever the name holds */
    uint8_t as_uuid[UD_UUID_BYTES];
    cli_hex((struct ud_bytes){(const uint8_t *)create->component, strlen(create->component)}, id + 2);
    bool ok =
        desc_begin(desc, "manifest", "", 0) != NULL && desc_add(desc, NULL, "sequence", create->sequence) &&
        desc_add(desc, NULL, "vendor", create->vendor) && desc_add(desc, NULL, "class", create->class_name);
    ok = ok && desc_begin(desc, "component", "image", 0) != NULL &&
         desc_add(desc, NULL, "id", desc_keep_text(desc, id, strlen(id))) &&
         desc_add(desc, NULL, "image", create->image) &&
         desc_add(desc, NULL, "integrated", create->integrated ? "yes" : "no");
    if (create->payload != NULL) {
        ok = ok && desc_add(desc, NULL, "payload", create->payload) &&
             desc_add(desc, NULL, "encryption-info", desc_joined(desc, "file:", create->info));
    }
    if (!cli_uuid_parse(create->vendor, as_uuid)) {
        ok = ok && desc_add(desc, NULL, "vendor-name", desc_quote(desc, create->vendor));
    }
    if (create->model != NULL) {
        ok = ok && desc_add(desc, NULL, "model-name", desc_quote(desc, create->model));
    }
    if (create->version != NULL) {
        ok = ok && desc_add(desc, NULL, "version", desc_quote(desc, create->version));
    }
    return ok;
}

static bool over(const char *text, size_t max)
{
    return text != NULL && strlen(text) > max;
}

static int create_flagged(const struct create *create)
{
    struct desc_files_folder *folder = desc_folder_open("");
    struct desc_error error = {.line = 0};
    struct desc *desc = desc_new(&error);
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t bytes = 0;
    int code = CLI_OK;
    const ud_err err = image_hash(create->image, digest, &bytes);
    if (err != UD_OK) {
        code = cli_fail_file(create->image, err);
    } else if (bytes == 0) {
        code = cli_fail(create->image, "an empty image", UD_ERR_LIMIT);
    } else if (create->component[0] == '\0' || over(create->component, NAME_BYTES_MAX) ||
               over(create->vendor, TEXT_BYTES_MAX) || over(create->model, TEXT_BYTES_MAX) ||
               over(create->version, TEXT_BYTES_MAX)) {
        code = cli_fail("create", "a name or text is empty or too long", UD_ERR_LIMIT);
    } else if (folder == NULL || desc == NULL || !describe(create, desc)) {
        code = cli_fail("create", NULL, UD_ERR_MEMORY);
    } else {
        code = build(create, "create", desc, folder, &error);
    }
    desc_close(desc);
    desc_folder_close(folder);
    return code;
}

static int create_reissue(const struct create *create)
{
    struct envelope_file file;
    uint64_t sequence = 0;
    if (!cli_number(create->sequence, 0, INT64_MAX, &sequence)) {
        return cli_usage("create", "--sequence is a number");
    }
    int code = envelope_read(&file, create->reissue);
    if (code != CLI_OK) {
        return code;
    }
    struct ud_buf out = {NULL, SUIT_WRITE_OVERHEAD_BYTES_MAX + file.env.whole.len, 0};
    out.ptr = malloc(out.cap);
    const ud_err err = out.ptr != NULL ? suit_write_reissued(&out, &file.env, sequence) : UD_ERR_MEMORY;
    if (err == UD_ERR_STALE) {
        code = cli_fail(create->reissue, "the new sequence number is not above its present one", err);
    } else {
        code =
            err == UD_OK ? report(create, ud_buf_bytes(&out), sequence) : cli_fail(create->reissue, NULL, err);
    }
    free(out.ptr);
    free(file.bytes);
    return code;
}

static const struct option options[] = {
    {"image", required_argument, NULL, 'i'},
    {"payload", required_argument, NULL, 'p'},
    {"encryption-info", required_argument, NULL, 'e'},
    {"reissue", required_argument, NULL, 'r'},
    {"vendor", required_argument, NULL, 'v'},
    {"class", required_argument, NULL, 'c'},
    {"sequence", required_argument, NULL, 's'},
    {"component", required_argument, NULL, 'C'},
    {"model", required_argument, NULL, 'm'},
    {"version", required_argument, NULL, 'V'},
    {"integrated", no_argument, NULL, 'I'},
    {"output", required_argument, NULL, 'o'},
    {"foreign", no_argument, NULL, 'F'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct create *create, int option)
{
    const struct {
        int option;
        const char **text;
    } texts[] = {
        {'i', &create->image},     {'r', &create->reissue}, {'v', &create->vendor},  {'c', &create->class_name},
        {'C', &create->component}, {'m', &create->model},   {'V', &create->version}, {'o', &create->output},
        {'s', &create->sequence},  {'p', &create->payload}, {'e', &create->info},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].option == option) {
            *texts[i].text = optarg;
            uint64_t number;
            return option != 's' || cli_number(optarg, 0, INT64_MAX, &number);
        }
    }
    create->integrated |= option == 'I';
    create->foreign |= option == 'F';
    create->json |= option == 'j';
    return option == 'I' || option == 'F' || option == 'j';
}

static bool has_image_flags(const struct create *create)
{
    return create->image != NULL || create->vendor != NULL || create->class_name != NULL ||
           create->model != NULL || create->version != NULL || create->component != NULL ||
           create->payload != NULL || create->info != NULL || create->integrated;
}

int offline_create(int argc, char **argv)
{
    struct create create = {.json = false};
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (!take_option(&create, option)) {
            return cli_usage("create", option == 's' ? "--sequence is a number" : "unknown option");
        }
    }
    if (argc - optind > 1 || create.output == NULL) {
        return cli_usage("create", "--output is needed, and at most one DESCRIPTION beside options");
    }
    if (argc - optind == 1) {
        create.description = argv[optind];
        return has_image_flags(&create) || create.reissue != NULL
                   ? cli_usage("create", "beside a DESCRIPTION only --sequence, --foreign and --output stand")
                   : create_described(&create);
    }
    if (create.sequence == NULL) {
        return cli_usage("create", "a DESCRIPTION, or --sequence with --image or --reissue, is needed");
    }
    if (create.reissue != NULL) {
        return has_image_flags(&create)
                   ? cli_usage("create", "--reissue takes --sequence and --output only: the rest stays")
                   : create_reissue(&create);
    }
    if (create.image == NULL || create.vendor == NULL || create.class_name == NULL) {
        return cli_usage("create", "--image, --vendor and --class are needed");
    }
    if ((create.payload != NULL) != (create.info != NULL)) {
        return cli_usage("create",
                         "--payload and --encryption-info go together: both come from updraft encrypt");
    }
    create.component = create.component != NULL ? create.component : "app";
    return create_flagged(&create);
}
