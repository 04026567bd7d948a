/* `updraft sign`: add a signature to an envelope. */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/offline.h"
#include "author/suit_write.h"
#include "ports/openssl/keys.h"
#include "updraft/cose.h"

struct sign {
    const char *envelope;
    const char *key;
    const char *output; /* NULL: in place */
    ud_alg alg;
    bool json;
};

static void print(const struct sign *sign, const struct ud_signer *signer, const struct ud_suit_envelope *env)
{
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    const unsigned count = env->block_count + 1u;
    cli_hex(UD_BYTES_ARRAY(signer->kid), kid);
    if (sign->json) {
        json_t *json =
            json_pack("{s:s, s:s, s:i}", "envelope", sign->output, "kid", kid, "signatures", (int)count);
        cli_print_json(json);
        json_decref(json);
        return;
    }
    printf("Signed %s with key %s; it has %u signature%s now.\n", sign->output, kid, count,
           count == 1 ? "" : "s");
}

/* Nobody signs what cannot be read: the manifest must be one that devices understand. */
static int sign_with(const struct sign *sign, const struct ud_suit_envelope *env,
                     const struct ud_signer *signer)
{
    struct ud_suit_manifest man;
    struct ud_diag diag = {.err = UD_OK};
    ud_err err = ud_suit_manifest_inspect(&man, env, &diag);
    if (err != UD_OK) {
        return cli_fail_at(sign->envelope, &diag);
    }
    struct ud_buf out = {NULL, env->whole.len + UD_COSE_SIGN1_OVERHEAD_BYTES_MAX, 0};
    out.ptr = malloc(out.cap);
    err = out.ptr != NULL ? suit_write_signed(&out, env, signer) : UD_ERR_MEMORY;
    int code = CLI_OK;
    if (err == UD_ERR_CONFLICT) {
        code = cli_fail(sign->envelope, "this key has signed it already; nothing was changed", err);
    } else {
        code = err == UD_OK ? envelope_save(sign->output, ud_buf_bytes(&out))
                            : cli_fail(sign->envelope, NULL, err);
    }
    free(out.ptr);
    return code;
}

static int run(const struct sign *sign)
{
    struct ud_key_pair *pair = NULL;
    struct ud_signer signer;
    struct envelope_file file;
    int code = envelope_read(&file, sign->envelope);
    if (code != CLI_OK) {
        return code;
    }
    ud_err err = ud_key_pair_load(&pair, sign->key);
    if (err == UD_OK) {
        err = ud_key_pair_signer(pair, sign->alg, &signer);
    }
    code = err == UD_OK ? sign_with(sign, &file.env, &signer) : cli_fail_file(sign->key, err);
    if (code == CLI_OK) {
        print(sign, &signer, &file.env);
    }
    ud_key_pair_close(pair);
    free(file.bytes);
    return code;
}

static bool take_alg(const char *text, ud_alg *alg)
{
    if (strcmp(text, "ES256") == 0) {
        *alg = UD_ALG_ES256;
        return true;
    }
    *alg = UD_ALG_ESP256;
    return strcmp(text, "ESP256") == 0;
}

int offline_sign(int argc, char **argv)
{
    static const struct option options[] = {{"key", required_argument, NULL, 'k'},
                                            {"alg", required_argument, NULL, 'a'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct sign sign = {.alg = UD_ALG_ES256};
    int option;
    while ((option = getopt_long(argc, argv, "k:o:", options, NULL)) != -1) {
        if (option == 'k') {
            sign.key = optarg;
        } else if (option == 'o') {
            sign.output = optarg;
        } else if (option == 'j') {
            sign.json = true;
        } else if (option != 'a' || !take_alg(optarg, &sign.alg)) {
            return cli_usage("sign", option == 'a' ? "--alg is ES256 or ESP256" : "unknown option");
        }
    }
    if (argc - optind != 1 || sign.key == NULL) {
        return cli_usage("sign", "one ENVELOPE and --key are needed");
    }
    sign.envelope = argv[optind];
    sign.output = sign.output != NULL ? sign.output : sign.envelope;
    return run(&sign);
}
