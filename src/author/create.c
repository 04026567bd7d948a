/* `updraft create`: an envelope for an image, or an old envelope under a new number. */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/offline.h"
#include "author/suit_write.h"

#define INTEGRATED_BYTES_MAX (16u << 20) /* larger images stay beside their envelope */

struct create {
    const char *image;
    const char *reissue;
    const char *vendor;
    const char *class_name;
    const char *component;
    const char *model;
    const char *version;
    const char *output;
    uint64_t sequence;
    bool has_sequence;
    bool integrated;
    bool json;
};

static struct ud_bytes view(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

static int report(const struct create *create, struct ud_bytes envelope)
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
                                 "sequence", (json_int_t)create->sequence, "bytes", (json_int_t)envelope.len);
        cli_print_json(json);
        json_decref(json);
    } else if (code == CLI_OK) {
        printf("Wrote %s, %zu bytes, not signed yet.\n  next: updraft sign %s --key KEY\n", create->output,
               envelope.len, create->output);
    }
    return code;
}

static int write_spec(const struct create *create, const struct suit_spec *spec)
{
    struct ud_buf out = {NULL, SUIT_WRITE_OVERHEAD_BYTES_MAX + spec->payload.len, 0};
    out.ptr = malloc(out.cap);
    ud_err err = out.ptr != NULL ? suit_write(&out, spec) : UD_ERR_MEMORY;
    const int code = err == UD_OK ? report(create, ud_buf_bytes(&out)) : cli_fail("create", NULL, err);
    free(out.ptr);
    return code;
}

static ud_err fill_names(const struct create *create, struct suit_spec *spec)
{
    uint8_t as_uuid[UD_UUID_BYTES];
    ud_err err = cli_vendor(create->vendor, spec->vendor_id);
    if (err == UD_OK) {
        err = cli_class(create->class_name, spec->vendor_id, spec->class_id);
    }
    if (!cli_uuid_parse(create->vendor, as_uuid)) {
        spec->vendor_name = view(create->vendor);
    }
    return err;
}

static int create_new(const struct create *create)
{
    struct suit_spec spec = {
        .sequence = create->sequence,
        .component = view(create->component),
        .model = view(create->model),
        .version = view(create->version),
        .integrated = create->integrated,
    };
    char *payload = NULL;
    ud_err err = image_hash(create->image, spec.image_digest, &spec.image_bytes);
    if (err == UD_OK && create->integrated) {
        err = cli_read_file(create->image, INTEGRATED_BYTES_MAX, &payload, &spec.payload.len);
        spec.payload.ptr = (const uint8_t *)payload;
    }
    if (err == UD_OK && spec.image_bytes == 0) {
        return cli_fail(create->image, "an empty image", UD_ERR_LIMIT);
    }
    if (err != UD_OK) {
        return cli_fail_file(create->image, err);
    }
    err = fill_names(create, &spec);
    const int code = err == UD_OK ? write_spec(create, &spec) : cli_fail("create", NULL, err);
    free(payload);
    return code;
}

static int create_reissue(const struct create *create)
{
    struct envelope_file file;
    int code = envelope_read(&file, create->reissue);
    if (code != CLI_OK) {
        return code;
    }
    struct ud_buf out = {NULL, SUIT_WRITE_OVERHEAD_BYTES_MAX + file.env.whole.len, 0};
    out.ptr = malloc(out.cap);
    const ud_err err = out.ptr != NULL ? suit_write_reissued(&out, &file.env, create->sequence) : UD_ERR_MEMORY;
    if (err == UD_ERR_STALE) {
        code = cli_fail(create->reissue, "the new sequence number is not above its present one", err);
    } else {
        code = err == UD_OK ? report(create, ud_buf_bytes(&out)) : cli_fail(create->reissue, NULL, err);
    }
    free(out.ptr);
    free(file.bytes);
    return code;
}

static const struct option options[] = {
    {"image", required_argument, NULL, 'i'},    {"reissue", required_argument, NULL, 'r'},
    {"vendor", required_argument, NULL, 'v'},   {"class", required_argument, NULL, 'c'},
    {"sequence", required_argument, NULL, 's'}, {"component", required_argument, NULL, 'C'},
    {"model", required_argument, NULL, 'm'},    {"version", required_argument, NULL, 'V'},
    {"integrated", no_argument, NULL, 'I'},     {"output", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0},
};

static bool take_option(struct create *create, int option)
{
    const struct {
        int option;
        const char **text;
    } texts[] = {
        {'i', &create->image},     {'r', &create->reissue}, {'v', &create->vendor},  {'c', &create->class_name},
        {'C', &create->component}, {'m', &create->model},   {'V', &create->version}, {'o', &create->output},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].option == option) {
            *texts[i].text = optarg;
            return true;
        }
    }
    if (option == 's') {
        create->has_sequence = cli_number(optarg, 0, INT64_MAX, &create->sequence);
        return create->has_sequence;
    }
    create->integrated |= option == 'I';
    create->json |= option == 'j';
    return option == 'I' || option == 'j';
}

int offline_create(int argc, char **argv)
{
    struct create create = {.component = "app"};
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (!take_option(&create, option)) {
            return cli_usage("create", option == 's' ? "--sequence is a number" : "unknown option");
        }
    }
    if (optind != argc || !create.has_sequence || create.output == NULL) {
        return cli_usage("create", "--sequence and --output are needed, and nothing beside options");
    }
    if (create.reissue != NULL) {
        const bool alone = create.image == NULL && create.vendor == NULL && create.class_name == NULL &&
                           create.model == NULL && create.version == NULL && !create.integrated;
        return alone ? create_reissue(&create)
                     : cli_usage("create", "--reissue takes --sequence and --output only: the rest stays");
    }
    if (create.image == NULL || create.vendor == NULL || create.class_name == NULL) {
        return cli_usage("create", "--image, --vendor and --class are needed");
    }
    return create_new(&create);
}
