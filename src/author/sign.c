/*
 * `updraft sign`: add a signature to an envelope; ask another machine for one (--request), and take its answer (--attach).
 *
 * A request is the envelope without its payloads: all that a signer must see to know what it signs. So the other machine needs
 * nothing but this command, recomputes the digest itself, and gives the request back with its signature in it.
 */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/key.h"
#include "author/offline.h"
#include "author/suit_write.h"

struct sign {
    const char *envelope;
    const char *request;
    const char *attach;
    const char *output; /* NULL: in place */
    struct author_key_choice key;
    struct ud_trust trust; /* who may have answered */
    bool json;
};

static void print_signed(const struct sign *sign, const struct author_key *key,
                         const struct ud_suit_envelope *env)
{
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    const unsigned count = env->block_count + 1u;
    uint64_t left = 0;
    const bool is_hss = author_key_left(key, &left);
    cli_hex(UD_BYTES_ARRAY(author_key_signer(key)->kid), kid);
    if (sign->json) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:i}", "envelope", sign->output, "kid", kid, "algorithm",
                                 author_alg_name(author_key_signer(key)->alg), "signatures", (int)count);
        if (is_hss) {
            (void)json_object_set_new(json, "left", json_integer((json_int_t)left));
        }
        cli_print_json(json);
        json_decref(json);
        return;
    }
    printf("Signed %s with key %s; it has %u signature%s now.\n", sign->output, kid, count,
           count == 1 ? "" : "s");
    if (is_hss) {
        printf("This key can sign %llu more.\n", (unsigned long long)left);
    }
}

/* Nobody signs what cannot be read: the manifest must be one that devices understand. */
static int check_readable(const struct sign *sign, const struct ud_suit_envelope *env)
{
    struct ud_suit_manifest man;
    struct ud_diag diag = {.err = UD_OK};
    const ud_err err = ud_suit_manifest_inspect(&man, env, &diag);
    return err == UD_OK ? CLI_OK : cli_fail_at(sign->envelope, &diag);
}

static int sign_with(const struct sign *sign, const struct ud_suit_envelope *env,
                     const struct ud_signer *signer)
{
    struct ud_buf out = {NULL, env->whole.len + UD_COSE_SIGN1_OVERHEAD_BYTES_MAX + signer->signature_bytes + 16,
                         0};
    out.ptr = malloc(out.cap);
    const ud_err err = out.ptr != NULL ? suit_write_signed(&out, env, signer) : UD_ERR_MEMORY;
    int code = CLI_OK;
    if (err == UD_ERR_CONFLICT) {
        code = cli_fail(sign->envelope, "this key has signed it already; nothing was changed", err);
    } else {
        code = err == UD_OK ? envelope_save(sign->output, ud_buf_bytes(&out))
                            : cli_fail(err == UD_ERR_WITNESS || err == UD_ERR_TOKEN || err == UD_ERR_USED_UP
                                           ? sign->key.name
                                           : sign->envelope,
                                       NULL, err);
    }
    free(out.ptr);
    return code;
}

static int run_sign(const struct sign *sign, const struct ud_suit_envelope *env)
{
    struct author_key *key = NULL;
    const ud_err err = author_key_open(&key, &sign->key);
    if (err != UD_OK) {
        return cli_fail_file(sign->key.name, err);
    }
    const int code = sign_with(sign, env, author_key_signer(key));
    if (code == CLI_OK) {
        print_signed(sign, key, env);
    }
    author_key_close(key);
    return code;
}

static int run_request(const struct sign *sign, const struct ud_suit_envelope *env)
{
    struct ud_buf out = {NULL, env->whole.len, 0};
    out.ptr = malloc(out.cap);
    ud_err err = out.ptr != NULL ? suit_write_cut(&out, env, 0, true) : UD_ERR_MEMORY;
    if (err == UD_ERR_NOT_FOUND) { /* there were no payloads: the envelope as it is */
        err = ud_buf_put(&out, env->whole) ? UD_OK : UD_ERR_BUFFER;
    }
    const int code =
        err == UD_OK ? envelope_save(sign->request, ud_buf_bytes(&out)) : cli_fail(sign->envelope, NULL, err);
    if (code == CLI_OK && sign->json) {
        json_t *json = json_pack("{s:s, s:I}", "request", sign->request, "bytes", (json_int_t)out.len);
        cli_print_json(json);
        json_decref(json);
    } else if (code == CLI_OK) {
        printf("Wrote %s, %zu bytes: what a signer must see.\n"
               "  next, on the other machine: updraft inspect %s, then updraft sign %s --key KEY\n"
               "  then here: updraft sign %s --attach %s --anchor KEY.pub\n",
               sign->request, out.len, sign->request, sign->request, sign->envelope, sign->request);
    }
    free(out.ptr);
    return code;
}

/* The blocks of an answer that are good and not here yet. */
struct taken {
    struct ud_buf blocks; /* encoded byte strings */
    size_t count;
    ud_err why; /* of the last one that was not taken */
};

static bool has_block(const struct ud_suit_envelope *env, struct ud_bytes block)
{
    for (size_t i = 0; i < env->block_count; i++) {
        struct ud_bytes here;
        if (ud_suit_envelope_block(env, i, &here) == UD_OK && ud_bytes_equal(here, block)) {
            return true;
        }
    }
    return false;
}

static ud_err take_block(const struct sign *sign, const struct ud_suit_envelope *env, struct ud_bytes block,
                         struct taken *taken)
{
    struct ud_cose cose;
    struct ud_cbor_writer w;
    ud_trust_set signers = 0;
    ud_err err = ud_cose_parse(&cose, block, NULL);
    if (err == UD_OK) {
        err = ud_trust_verify(&sign->trust, &cose, env->digest_item, &signers);
    }
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_writer_init(&w, &taken->blocks);
    ud_cbor_put_bstr(&w, block);
    taken->count++;
    return ud_cbor_written(&w);
}

static ud_err take_blocks(const struct sign *sign, const struct ud_suit_envelope *env,
                          const struct ud_suit_envelope *answer, struct taken *taken)
{
    if (!ud_bytes_equal(env->digest_item, answer->digest_item)) {
        return UD_ERR_DIGEST;
    }
    for (size_t i = 0; i < answer->block_count; i++) {
        struct ud_bytes block;
        ud_err err = ud_suit_envelope_block(answer, i, &block);
        if (err == UD_OK && has_block(env, block)) {
            taken->why = UD_ERR_CONFLICT;
            continue;
        }
        err = err == UD_OK ? take_block(sign, env, block, taken) : err;
        taken->why = err != UD_OK ? err : taken->why;
    }
    return taken->count > 0 ? UD_OK : taken->why;
}

static int attach(const struct sign *sign, const struct ud_suit_envelope *env, const struct taken *taken)
{
    struct ud_buf out = {NULL, env->whole.len + taken->blocks.len + 32, 0};
    out.ptr = malloc(out.cap);
    const ud_err err = out.ptr != NULL
                           ? suit_write_with_blocks(&out, env, taken->count, ud_buf_bytes(&taken->blocks))
                           : UD_ERR_MEMORY;
    const int code =
        err == UD_OK ? envelope_save(sign->output, ud_buf_bytes(&out)) : cli_fail(sign->envelope, NULL, err);
    const size_t count = env->block_count + taken->count;
    if (code == CLI_OK && sign->json) {
        json_t *json = json_pack("{s:s, s:i, s:i}", "envelope", sign->output, "attached", (int)taken->count,
                                 "signatures", (int)count);
        cli_print_json(json);
        json_decref(json);
    } else if (code == CLI_OK) {
        printf("Attached %zu signature%s; %s has %zu now.\n", taken->count, taken->count == 1 ? "" : "s",
               sign->output, count);
    }
    free(out.ptr);
    return code;
}

static int run_attach(const struct sign *sign, const struct ud_suit_envelope *env)
{
    struct envelope_file answer;
    struct taken taken = {.why = UD_ERR_UNSIGNED};
    int code = envelope_read(&answer, sign->attach);
    if (code != CLI_OK) {
        return code;
    }
    taken.blocks = (struct ud_buf){malloc(answer.env.whole.len), answer.env.whole.len, 0};
    const ud_err err = taken.blocks.ptr != NULL ? take_blocks(sign, env, &answer.env, &taken) : UD_ERR_MEMORY;
    if (err == UD_ERR_DIGEST) {
        code = cli_fail(sign->attach, "answers for another manifest", err);
    } else if (err == UD_ERR_CONFLICT) {
        code = cli_fail(sign->attach, "brings no signature that is not there already", err);
    } else {
        code = err == UD_OK ? attach(sign, env, &taken) : cli_fail(sign->attach, NULL, err);
    }
    free(taken.blocks.ptr);
    free(answer.bytes);
    return code;
}

static int run(const struct sign *sign)
{
    struct envelope_file file;
    int code = envelope_read(&file, sign->envelope);
    if (code != CLI_OK) {
        return code;
    }
    code = check_readable(sign, &file.env);
    if (code == CLI_OK) {
        code = sign->request != NULL  ? run_request(sign, &file.env)
               : sign->attach != NULL ? run_attach(sign, &file.env)
                                      : run_sign(sign, &file.env);
    }
    free(file.bytes);
    return code;
}

static const struct option options[] = {
    {"key", required_argument, NULL, 'k'},
    {"alg", required_argument, NULL, 'a'},
    {"output", required_argument, NULL, 'o'},
    {"pin-file", required_argument, NULL, 'p'},
    {"request", required_argument, NULL, 'r'},
    {"attach", required_argument, NULL, 't'},
    {"anchor", required_argument, NULL, 'A'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

int offline_sign(int argc, char **argv)
{
    struct sign sign = {.trust = {.threshold = 1}};
    const struct {
        int option;
        const char **text;
    } texts[] = {{'k', &sign.key.name},
                 {'o', &sign.output},
                 {'p', &sign.key.pin_file},
                 {'r', &sign.request},
                 {'t', &sign.attach}};
    int option;
    while ((option = getopt_long(argc, argv, "k:o:", options, NULL)) != -1) {
        bool known = option == 'j';
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            if (texts[i].option == option) {
                *texts[i].text = optarg;
                known = true;
            }
        }
        sign.json |= option == 'j';
        if (option == 'A') {
            const ud_err err = cli_anchor(&sign.trust, optarg);
            if (err != UD_OK) {
                return cli_fail_file(optarg, err);
            }
        } else if (option == 'a') {
            sign.key.alg = author_alg_named(optarg);
            if (sign.key.alg == UD_ALG_NONE) {
                return cli_usage("sign", "--alg is ES256, ESP256, Ed25519, HSS-LMS or HMAC256");
            }
        } else if (!known) {
            return cli_usage("sign", "unknown option");
        }
    }
    const int ways = (sign.key.name != NULL) + (sign.request != NULL) + (sign.attach != NULL);
    if (argc - optind != 1 || ways != 1) {
        return cli_usage("sign", "one ENVELOPE and one of --key, --request and --attach are needed");
    }
    if ((sign.attach != NULL) != (sign.trust.key_count > 0)) {
        return cli_usage("sign", "--attach takes --anchor KEY.pub: whose answer is it?");
    }
    sign.envelope = argv[optind];
    sign.output = sign.output != NULL ? sign.output : sign.envelope;
    return run(&sign);
}
