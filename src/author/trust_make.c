/* `updraft trust make`: roots, links and trust stores, unsigned, of a description. What no device would take is not written. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/key.h"
#include "author/offline.h"
#include "author/trust_cmd.h"
#include "author/trust_desc.h"
#include "author/trust_show.h"
#include "updraft/cbor.h"

#define PATH_BYTES_MAX 4096

struct make {
    const char *description;
    const char *output;
    const char *after;
    const char *link;
    bool json;
};

static ud_err load_key(void *ctx, const char *name, struct ud_cose_key *key)
{
    char folder[PATH_BYTES_MAX];
    char path[2 * PATH_BYTES_MAX];
    (void)snprintf(folder, sizeof folder, "%s", (const char *)ctx);
    (void)snprintf(path, sizeof path, "%s/%s", dirname(folder), name);
    return author_public_load(name[0] == '/' ? name : path, key);
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

static int describe(const struct make *make, struct trust_desc *desc)
{
    const struct trust_desc_keys keys = {load_key, (void *)(uintptr_t)make->description};
    struct desc_error error = {.line = 0};
    char *text = NULL;
    size_t len = 0;
    ud_err err = cli_read_file(make->description, DESC_BYTES_MAX, &text, &len);
    if (err != UD_OK) {
        return cli_fail_file(make->description, err);
    }
    err = trust_desc_read(desc, (struct ud_bytes){(const uint8_t *)text, len}, &keys, &error);
    free(text);
    return err == UD_OK ? CLI_OK : wrong(make->description, &error, err);
}

/* The links of the store before and the new one, one after another. */
static ud_err put_links(const struct trust_input *after, const struct trust_input *link, struct ud_buf *links,
                        uint8_t *count)
{
    struct ud_cbor_writer w;
    *count = after->file.store.link_count;
    ud_cbor_writer_init(&w, links);
    ud_cbor_put_raw(&w, after->file.store.links);
    if (link->bytes != NULL) {
        uint8_t room[UD_TRUST_STORE_BYTES_MAX];
        struct ud_buf whole = {room, sizeof room, 0};
        const ud_err err = trust_file_write(&whole, &link->file);
        if (err != UD_OK) {
            return err;
        }
        ud_cbor_put_bstr(&w, ud_buf_bytes(&whole));
        (*count)++;
        if (link->file.store.roots.epoch != *count) {
            return UD_ERR_CHAIN;
        }
    }
    return ud_cbor_written(&w) == UD_OK ? UD_OK : UD_ERR_LIMIT;
}

static int make_store(const struct make *make, struct trust_desc *desc, const struct trust_input *after,
                      const struct trust_input *link, struct ud_buf *out)
{
    uint8_t links_room[UD_TRUST_STORE_BYTES_MAX];
    uint8_t body_room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf links = {links_room, sizeof links_room, 0};
    struct ud_buf body = {body_room, sizeof body_room, 0};
    const struct ud_trust *before = &after->file.store.trust;
    struct ud_trust_store *store = &desc->store;
    store->trust.number = desc->has_number ? store->trust.number : before->number + 1;
    store->trust.epoch = desc->has_epoch ? store->trust.epoch : before->epoch;
    ud_err err = put_links(after, link, &links, &store->link_count);
    if (err != UD_OK) {
        return cli_fail(make->link != NULL ? make->link : make->output,
                        err == UD_ERR_CHAIN ? "leads to roots that do not come next" : NULL, err);
    }
    store->links = ud_buf_bytes(&links);
    store->roots.epoch = store->link_count;
    if (make->after != NULL) {
        err = ud_trust_store_follows(store, &after->file.store, 0);
    }
    if (err != UD_OK) {
        return cli_fail(make->description,
                        "does not follow the store of --after: number + 1, its epoch or one more", err);
    }
    struct trust_file file = {.kind = TRUST_FILE_STORE, .store = *store};
    err = ud_trust_store_body_write(&body, store);
    file.payload = ud_buf_bytes(&body);
    err = err == UD_OK ? trust_file_write(out, &file) : err;
    return err == UD_OK ? CLI_OK : cli_fail(make->description, NULL, err == UD_ERR_BUFFER ? UD_ERR_LIMIT : err);
}

static int make_roots(const struct make *make, const struct trust_desc *desc, struct ud_buf *out)
{
    uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf payload = {room, sizeof room, 0};
    struct trust_file file = {.kind = desc->store.roots.epoch == 0 ? TRUST_FILE_ROOTS : TRUST_FILE_LINK};
    ud_err err = ud_trust_roots_write(&payload, &desc->store.roots);
    file.payload = ud_buf_bytes(&payload);
    err = err == UD_OK ? trust_file_write(out, &file) : err;
    return err == UD_OK ? CLI_OK : cli_fail(make->description, NULL, err);
}

static int report(const struct make *make, struct ud_bytes made)
{
    struct trust_file file;
    struct ud_diag diag = {.err = UD_OK};
    if (trust_file_read(&file, made, &diag) != UD_OK) { /* a published key, for example */
        return cli_fail(make->description, NULL, diag.err);
    }
    const int code = envelope_save(make->output, made);
    if (code != CLI_OK) {
        return code;
    }
    if (make->json) {
        json_t *json = trust_show(&file);
        (void)json_object_set_new(json, "file", json_string(make->output));
        cli_print_json(json);
        json_decref(json);
        return CLI_OK;
    }
    printf("Made %s: %s, number %lu, %zu bytes.\n", make->output, trust_show_kind(&file),
           (unsigned long)(file.kind == TRUST_FILE_STORE ? file.store.trust.number : file.store.roots.epoch),
           made.len);
    if (file.kind == TRUST_FILE_ROOTS) {
        printf("  next: updraft device init FOLDER --roots %s ...\n", make->output);
    } else {
        printf("  next: updraft trust sign %s --key ROOT.key\n", make->output);
    }
    return CLI_OK;
}

static int make_all(const struct make *make, struct trust_input *after, struct trust_input *link,
                    struct trust_desc *desc)
{
    uint8_t room[UD_TRUST_STORE_BYTES_MAX];
    struct ud_buf out = {room, sizeof room, 0};
    int code = trust_input_read_kind(after, make->after, TRUST_FILE_STORE);
    code = code == CLI_OK ? trust_input_read_kind(link, make->link, TRUST_FILE_LINK) : code;
    code = code == CLI_OK ? describe(make, desc) : code;
    if (code == CLI_OK && desc->is_roots && (make->after != NULL || make->link != NULL)) {
        return cli_usage("trust make", "--after and --link are for a [store]");
    }
    if (code == CLI_OK) {
        code = desc->is_roots ? make_roots(make, desc, &out) : make_store(make, desc, after, link, &out);
    }
    return code == CLI_OK ? report(make, ud_buf_bytes(&out)) : code;
}

static int run(const struct make *make)
{
    struct trust_input after = {.bytes = NULL};
    struct trust_input link = {.bytes = NULL};
    struct trust_desc *desc = calloc(1, sizeof *desc);
    const int code =
        desc != NULL ? make_all(make, &after, &link, desc) : cli_fail("trust make", NULL, UD_ERR_MEMORY);
    free(desc);
    free(after.bytes);
    free(link.bytes);
    return code;
}

int offline_trust_make(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"after", required_argument, NULL, 'a'},
                                            {"link", required_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct make make = {.json = false};
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            make.output = optarg;
            break;
        case 'a':
            make.after = optarg;
            break;
        case 'l':
            make.link = optarg;
            break;
        case 'j':
            make.json = true;
            break;
        default:
            return cli_usage("trust make", "unknown option");
        }
    }
    if (argc - optind != 1 || make.output == NULL) {
        return cli_usage("trust make", "one DESCRIPTION and --output FILE are needed");
    }
    make.description = argv[optind];
    return run(&make);
}
