/* `updraft trust sign` and `updraft trust show`. */
#include "author/trust_cmd.h"

#include <stdlib.h>

#include "author/image.h"
#include "author/key.h"
#include "author/offline.h"
#include "author/show_cbor.h"
#include "author/trust_show.h"

int trust_input_read(struct trust_input *input, const char *path)
{
    struct ud_diag diag = {.err = UD_OK};
    size_t len = 0;
    *input = (struct trust_input){.bytes = NULL};
    ud_err err = cli_read_file(path, UD_TRUST_STORE_BYTES_MAX, &input->bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(path, err);
    }
    err = trust_file_read(&input->file, (struct ud_bytes){(const uint8_t *)input->bytes, len}, &diag);
    return err == UD_OK ? CLI_OK : cli_fail_at(path, &diag);
}

int trust_input_read_kind(struct trust_input *input, const char *path, trust_file_kind kind)
{
    if (path == NULL) {
        return CLI_OK;
    }
    const int code = trust_input_read(input, path);
    if (code == CLI_OK && input->file.kind != kind) {
        const struct trust_file wanted = {.kind = kind};
        char why[64];
        (void)snprintf(why, sizeof why, "is a file of kind \"%s\", not \"%s\"", trust_show_kind(&input->file),
                       trust_show_kind(&wanted));
        return cli_fail(path, why, UD_ERR_SHAPE);
    }
    return code;
}

/* ---- sign ---- */

struct sign {
    const char *file;
    const char *output;
    struct author_key_choice keys[UD_COSE_PROOFS_MAX];
    size_t key_count;
    bool json;
};

/* One signature more, from `in` to `out`. */
static int sign_once(const struct sign *sign, struct ud_bytes in, const struct author_key_choice *choice,
                     struct ud_buf *out)
{
    struct trust_file file;
    struct ud_diag diag = {.err = UD_OK};
    struct author_key *key = NULL;
    if (trust_file_read(&file, in, &diag) != UD_OK) {
        return cli_fail_at(sign->file, &diag);
    }
    ud_err err = author_key_open(&key, choice);
    if (err != UD_OK) {
        return cli_fail_file(choice->name, err);
    }
    err = trust_file_sign(out, &file, author_key_signer(key));
    author_key_close(key);
    if (err == UD_ERR_CONFLICT) {
        return cli_fail(choice->name, "this key has signed it already; nothing was changed", err);
    }
    if (err == UD_ERR_UNSIGNED) {
        return cli_fail(sign->file, "roots of number 0 are signed by nobody: they are provisioned", err);
    }
    return err == UD_OK ? CLI_OK : cli_fail(choice->name, NULL, err);
}

static int print_signed(const struct sign *sign, struct ud_bytes bytes)
{
    struct trust_file file;
    struct ud_diag diag = {.err = UD_OK};
    if (trust_file_read(&file, bytes, &diag) != UD_OK) {
        return cli_fail_at(sign->output, &diag);
    }
    if (sign->json) {
        json_t *json = trust_show(&file);
        (void)json_object_set_new(json, "file", json_string(sign->output));
        cli_print_json(json);
        json_decref(json);
    } else {
        printf("Signed %s; it has %u signature%s now.\n", sign->output, file.signer_count,
               file.signer_count == 1 ? "" : "s");
    }
    return CLI_OK;
}

static int run_sign(const struct sign *sign)
{
    uint8_t rooms[2][UD_TRUST_STORE_BYTES_MAX];
    struct trust_input input;
    int code = trust_input_read(&input, sign->file);
    struct ud_bytes bytes = {NULL, 0};
    for (size_t i = 0; code == CLI_OK && i < sign->key_count; i++) {
        struct ud_buf out = {rooms[i % 2], UD_TRUST_STORE_BYTES_MAX, 0};
        code = sign_once(sign, i == 0 ? input.file.whole : bytes, &sign->keys[i], &out);
        bytes = ud_buf_bytes(&out);
    }
    code = code == CLI_OK ? envelope_save(sign->output, bytes) : code;
    code = code == CLI_OK ? print_signed(sign, bytes) : code;
    free(input.bytes);
    return code;
}

int offline_trust_sign(int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},      {"alg", required_argument, NULL, 'a'},
        {"pin-file", required_argument, NULL, 'p'}, {"output", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0}};
    struct sign sign = {.json = false};
    struct author_key_choice shared = {.alg = UD_ALG_NONE};
    int option;
    while ((option = getopt_long(argc, argv, "k:o:", options, NULL)) != -1) {
        switch (option) {
        case 'k':
            if (sign.key_count == UD_COSE_PROOFS_MAX) {
                return cli_usage("trust sign", "too many keys");
            }
            sign.keys[sign.key_count++].name = optarg;
            break;
        case 'a':
            shared.alg = author_alg_named(optarg);
            if (shared.alg == UD_ALG_NONE || shared.alg == UD_ALG_HMAC256) {
                return cli_usage("trust sign", "--alg is ES256, ESP256, Ed25519 or HSS-LMS");
            }
            break;
        case 'p':
            shared.pin_file = optarg;
            break;
        case 'o':
            sign.output = optarg;
            break;
        case 'j':
            sign.json = true;
            break;
        default:
            return cli_usage("trust sign", "unknown option");
        }
    }
    if (argc - optind != 1 || sign.key_count == 0) {
        return cli_usage("trust sign", "one FILE and at least one --key are needed");
    }
    for (size_t i = 0; i < sign.key_count; i++) {
        sign.keys[i].alg = shared.alg;
        sign.keys[i].pin_file = shared.pin_file;
    }
    sign.file = argv[optind];
    sign.output = sign.output != NULL ? sign.output : sign.file;
    return run_sign(&sign);
}

/* ---- show ---- */

struct show {
    const char *file;
    const char *roots;
    const char *after;
    bool json;
};

/* As a device with these roots would: the store before, verified from them as well, and this one. */
static int check(const struct show *show, const struct trust_input *input, const struct trust_input *roots,
                 const struct trust_input *after)
{
    struct ud_trust_store next;
    struct ud_trust_store now;
    struct ud_diag diag = {.err = UD_OK};
    const struct ud_trust *first = &roots->file.store.roots;
    if (after->bytes != NULL && ud_trust_store_verify(&now, after->file.whole, first, &diag) != UD_OK) {
        return cli_fail_at(show->after, &diag);
    }
    if (ud_trust_store_verify(&next, input->file.whole, first, &diag) != UD_OK) {
        return cli_fail_at(show->file, &diag);
    }
    const ud_err err = ud_trust_store_follows(&next, after->bytes != NULL ? &now : NULL, 0);
    return err == UD_OK ? CLI_OK : cli_fail(show->file, NULL, err);
}

static int run_show(const struct show *show, struct trust_input *input, struct trust_input *roots,
                    struct trust_input *after)
{
    int code = trust_input_read(input, show->file);
    code = code == CLI_OK ? trust_input_read_kind(roots, show->roots, TRUST_FILE_ROOTS) : code;
    code = code == CLI_OK ? trust_input_read_kind(after, show->after, TRUST_FILE_STORE) : code;
    if (code == CLI_OK && show->roots != NULL) {
        code = input->file.kind == TRUST_FILE_STORE ? check(show, input, roots, after)
                                                    : cli_usage("trust show", "--roots is for a trust store");
    }
    if (code != CLI_OK) {
        return code;
    }
    json_t *json = trust_show(&input->file);
    if (input->file.kind == TRUST_FILE_STORE) {
        (void)json_object_set_new(
            json, "verdict",
            json_string(show->roots != NULL ? "a device takes it" : "not checked: give --roots FILE"));
    }
    if (show->json) {
        cli_print_json(json);
    } else {
        show_lines(json, 0);
    }
    json_decref(json);
    return CLI_OK;
}

int offline_trust_show(int argc, char **argv)
{
    static const struct option options[] = {{"roots", required_argument, NULL, 'r'},
                                            {"after", required_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct show show = {.json = false};
    struct trust_input inputs[3] = {{.bytes = NULL}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'r') {
            show.roots = optarg;
        } else if (option == 'a') {
            show.after = optarg;
        } else if (option == 'j') {
            show.json = true;
        } else {
            return cli_usage("trust show", "unknown option");
        }
    }
    if (argc - optind != 1 || (show.after != NULL && show.roots == NULL)) {
        return cli_usage("trust show", "one FILE is needed, and --after only with --roots");
    }
    show.file = argv[optind];
    const int code = run_show(&show, &inputs[0], &inputs[1], &inputs[2]);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        free(inputs[i].bytes);
    }
    return code;
}
