/* `updraft keygen`: a key pair of any kind that devices verify. */
#include <string.h>
#include <unistd.h>

#include "author/cli.h"
#include "author/hss_witness.h"
#include "author/key.h"
#include "author/key_cose.h"
#include "author/offline.h"
#include "ports/openssl/ed25519_key.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"

#define PATH_BYTES_MAX 4096

struct keygen {
    const char *base;
    const char *levels;  /* of HSS/LMS */
    const char *witness; /* NULL: not said */
    const char *pin_file;
    char private_key[PATH_BYTES_MAX];
    char public_key[PATH_BYTES_MAX];
    ud_alg alg;
    bool no_witness;
    bool force;
    bool json;
    struct ud_cose_key made; /* the public half */
    uint64_t capacity;       /* of an HSS/LMS key */
};

static const char restored[] = "  This key has no witness. If its file is ever restored from a backup, or "
                               "copied, and then signs, a one-time\n"
                               "  signature is used twice, and whoever has both can sign in your name. Nothing "
                               "will notice. Keep no copy of it.\n";

static bool make_names(struct keygen *keygen)
{
    const int private_len = snprintf(keygen->private_key, PATH_BYTES_MAX, "%s.key", keygen->base);
    const int public_len = snprintf(keygen->public_key, PATH_BYTES_MAX, "%s.pub", keygen->base);
    return private_len > 0 && private_len < PATH_BYTES_MAX && public_len > 0 && public_len < PATH_BYTES_MAX;
}

static ud_err save_secret(const struct keygen *keygen, struct ud_buf *secret)
{
    const ud_err err = ud_small_file_write(keygen->private_key, 0600, keygen->force, ud_buf_bytes(secret));
    ud_wipe(secret->ptr, secret->cap);
    return err;
}

static ud_err make_p256(struct keygen *keygen)
{
    struct ud_key_pair *pair = NULL;
    ud_err err = ud_key_pair_generate(&pair);
    if (err == UD_OK) {
        keygen->made = (struct ud_cose_key){.type = UD_KEY_P256, .len = UD_P256_PUBLIC_BYTES};
        ud_key_pair_public(pair, keygen->made.bytes);
        err = ud_key_pair_save(pair, keygen->private_key, keygen->force);
    }
    ud_key_pair_close(pair);
    return err;
}

static ud_err make_ed25519(struct keygen *keygen)
{
    struct ud_ed25519_pair *pair = NULL;
    struct ud_signer signer;
    uint8_t pem[1024];
    struct ud_buf secret = {pem, sizeof pem, 0};
    ud_err err = ud_ed25519_generate(&pair);
    err = err == UD_OK ? ud_ed25519_signer(pair, UD_ALG_ED25519, &signer) : err;
    if (err == UD_OK) {
        keygen->made = (struct ud_cose_key){.type = UD_KEY_ED25519, .len = UD_ED25519_PUBLIC_BYTES};
        memcpy(keygen->made.bytes, signer.pub, UD_ED25519_PUBLIC_BYTES);
        err = ud_ed25519_write(pair, &secret);
    }
    err = err == UD_OK ? save_secret(keygen, &secret) : err;
    ud_ed25519_close(pair);
    return err;
}

/* Who verifies a tag can make one: there is no public half, and the one file is the secret. */
static ud_err make_hmac(struct keygen *keygen)
{
    struct key_cose key = {.type = UD_KEY_HMAC256};
    uint8_t bytes[128];
    struct ud_buf secret = {bytes, sizeof bytes, 0};
    ud_err err = ud_random(key.secret, sizeof key.secret);
    keygen->made = (struct ud_cose_key){.type = UD_KEY_HMAC256, .len = UD_HMAC256_BYTES};
    memcpy(keygen->made.bytes, key.secret, sizeof key.secret);
    err = err == UD_OK ? key_cose_write(&secret, &key) : err;
    ud_wipe(&key, sizeof key);
    return err == UD_OK ? save_secret(keygen, &secret) : err;
}

/* sha256/192:10/4,5/8 = hash, then for each level height/width. @return number of levels, 0 when it is none */
static size_t take_levels(const char *text, struct hss_level levels[HSS_LEVELS_MAX])
{
    const char *colon = strchr(text, ':');
    const size_t hash_len = colon != NULL ? (size_t)(colon - text) : 0;
    const bool full = hash_len == 6 && memcmp(text, "sha256", 6) == 0;
    if (!full && !(hash_len == 10 && memcmp(text, "sha256/192", 10) == 0)) {
        return 0;
    }
    size_t count = 0;
    for (const char *at = colon + 1;; at++) {
        unsigned height = 0;
        unsigned width = 0;
        int used = 0;
        if (count == HSS_LEVELS_MAX || sscanf(at, "%2u/%1u%n", &height, &width, &used) != 2) {
            return 0;
        }
        levels[count++] = (struct hss_level){full ? 32 : 24, (uint8_t)height, (uint8_t)width};
        at += used;
        if (*at != ',') {
            return *at == '\0' && hss_levels_ok(levels, count) ? count : 0;
        }
    }
}

static ud_err save_hss(struct keygen *keygen, struct hss_key *key)
{
    struct hss_witness_place *place = NULL;
    struct hss_witness witness;
    if (keygen->no_witness) {
        return hss_key_save(key, keygen->private_key, NULL, keygen->force);
    }
    memcpy(key->witness, keygen->witness, strlen(keygen->witness) + 1);
    ud_err err = hss_witness_open(&place, keygen->witness, keygen->pin_file, &witness);
    err = err == UD_OK ? hss_key_save(key, keygen->private_key, &witness, keygen->force) : err;
    hss_witness_close(place);
    return err;
}

static ud_err make_hss(struct keygen *keygen)
{
    struct hss_level levels[HSS_LEVELS_MAX];
    struct hss_key key;
    const size_t count = take_levels(keygen->levels, levels);
    if (access(keygen->private_key, F_OK) == 0) {
        return UD_ERR_CONFLICT; /* also with --force: signatures of the old key would be forgotten */
    }
    ud_err err = hss_key_generate(&key, levels, count);
    if (err == UD_OK) {
        keygen->made = (struct ud_cose_key){.type = UD_KEY_HSS_LMS, .len = key.pub_bytes};
        memcpy(keygen->made.bytes, key.pub, key.pub_bytes);
        keygen->capacity = hss_capacity(levels, count);
        err = save_hss(keygen, &key);
    }
    ud_wipe(&key, sizeof key);
    return err;
}

static ud_err make(struct keygen *keygen)
{
    switch (keygen->alg) {
    case UD_ALG_ES256:
    case UD_ALG_ESP256:
        return make_p256(keygen);
    case UD_ALG_ED25519:
        return make_ed25519(keygen);
    case UD_ALG_HMAC256:
        return make_hmac(keygen);
    case UD_ALG_HSS_LMS:
        return make_hss(keygen);
    case UD_ALG_NONE:
        break;
    }
    return UD_ERR_ALGORITHM;
}

static int save_public(const struct keygen *keygen)
{
    uint8_t bytes[512];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    const struct ud_key key = ud_cose_key_view(&keygen->made);
    ud_err err = author_public_write(&out, &key);
    if (err == UD_OK) {
        err = ud_small_file_write(keygen->public_key, 0644, keygen->force, ud_buf_bytes(&out));
    }
    if (err == UD_OK) {
        return CLI_OK;
    }
    if (!keygen->force) {
        (void)unlink(keygen->private_key); /* ours, of a moment ago: half a pair is of no use */
    }
    return cli_fail_file(keygen->public_key, err);
}

static void print(const struct keygen *keygen, const char *kid)
{
    const bool is_mac = keygen->alg == UD_ALG_HMAC256;
    if (keygen->json) {
        json_t *json = json_pack("{s:s, s:s, s:s}", "kid", kid, "algorithm", author_alg_name(keygen->alg),
                                 "private", keygen->private_key);
        if (!is_mac) {
            (void)json_object_set_new(json, "public", json_string(keygen->public_key));
        }
        if (keygen->capacity > 0) {
            (void)json_object_set_new(json, "signatures", json_integer((json_int_t)keygen->capacity));
        }
        cli_print_json(json);
        json_decref(json);
        return;
    }
    if (keygen->capacity > 0) {
        printf("Private key  %s (keep it secret, and keep no second copy: it is used up by signing)\n",
               keygen->private_key);
    } else {
        printf("Private key  %s (keep it secret, keep a copy in a safe place)\n", keygen->private_key);
    }
    if (is_mac) {
        printf("             (devices get the same file: who can check with it can also sign with it)\n");
    } else {
        printf("Public key   %s (devices and server get this one)\n", keygen->public_key);
    }
    printf("Key id       %s\n", kid);
    if (keygen->capacity > 0) {
        printf("Signatures   %llu, each once\n", (unsigned long long)keygen->capacity);
        printf("Witness      %s\n", keygen->no_witness ? "none" : keygen->witness);
    }
    if (keygen->no_witness) {
        fputs(restored, stdout);
    }
}

static int run(struct keygen *keygen)
{
    uint8_t kid_bytes[UD_KID_BYTES];
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    ud_err err = make(keygen);
    if (err == UD_ERR_WITNESS || err == UD_ERR_TOKEN) {
        return cli_fail(keygen->witness, "the witness cannot be written", err);
    }
    if (err != UD_OK) {
        return cli_fail(keygen->private_key, err == UD_ERR_CONFLICT ? "exists already" : NULL, err);
    }
    const struct ud_key key = ud_cose_key_view(&keygen->made);
    err = ud_cose_key_thumbprint(&key, kid_bytes);
    if (err != UD_OK) {
        return cli_fail("keygen", NULL, err);
    }
    cli_hex(UD_BYTES_ARRAY(kid_bytes), kid);
    const int code = keygen->alg == UD_ALG_HMAC256 ? CLI_OK : save_public(keygen);
    if (code == CLI_OK) {
        print(keygen, kid);
    }
    return code;
}

/* HSS/LMS keys ask for a decision: where is the witness? */
static int check_witness(const struct keygen *keygen)
{
    struct hss_level levels[HSS_LEVELS_MAX];
    if (keygen->alg != UD_ALG_HSS_LMS) {
        return keygen->witness == NULL && !keygen->no_witness
                   ? CLI_OK
                   : cli_usage("keygen", "--witness and --no-witness are for --alg HSS-LMS");
    }
    if (take_levels(keygen->levels, levels) == 0) {
        return cli_usage("keygen",
                         "--levels is HASH:HEIGHT/WIDTH,... such as sha256/192:10/4 (sha256 or sha256/192; "
                         "heights 5, 10, 15; widths 1, 2, 4, 8; at most 3 levels)");
    }
    if ((keygen->witness != NULL) == keygen->no_witness) {
        fprintf(stderr,
                "updraft keygen: an HSS-LMS key needs --witness PLACE, or --no-witness\n%s"
                "  next: --witness with a file on another medium (a stick, a share) or a pkcs11: URI\n",
                restored);
        return CLI_USAGE;
    }
    if (keygen->witness == NULL || strncmp(keygen->witness, "pkcs11:", 7) == 0) {
        return CLI_OK;
    }
    const ud_err err = keygen->witness[0] == '/' && strlen(keygen->witness) < HSS_WITNESS_BYTES_MAX
                           ? hss_witness_apart(keygen->private_key, keygen->witness)
                           : UD_ERR_USAGE;
    if (err == UD_ERR_USAGE) {
        return cli_usage("keygen", "--witness is an absolute path, or a pkcs11: URI");
    }
    return err == UD_OK
               ? CLI_OK
               : cli_fail(keygen->witness,
                          err == UD_ERR_WITNESS ? "lies on the same medium as the key: a backup would bring "
                                                  "both back"
                                                : NULL,
                          err);
}

static const struct option options[] = {
    {"output", required_argument, NULL, 'o'},
    {"alg", required_argument, NULL, 'a'},
    {"levels", required_argument, NULL, 'l'},
    {"witness", required_argument, NULL, 'w'},
    {"no-witness", no_argument, NULL, 'n'},
    {"pin-file", required_argument, NULL, 'p'},
    {"force", no_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

int offline_keygen(int argc, char **argv)
{
    struct keygen keygen = {.base = "author", .alg = UD_ALG_ES256, .levels = "sha256/192:10/4"};
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option == 'o') {
            keygen.base = optarg;
        } else if (option == 'a') {
            keygen.alg = author_alg_named(optarg);
        } else if (option == 'l') {
            keygen.levels = optarg;
        } else if (option == 'w') {
            keygen.witness = optarg;
        } else if (option == 'p') {
            keygen.pin_file = optarg;
        } else if (option == 'n' || option == 'f' || option == 'j') {
            keygen.no_witness |= option == 'n';
            keygen.force |= option == 'f';
            keygen.json |= option == 'j';
        } else {
            return cli_usage("keygen", "unknown option");
        }
    }
    if (optind != argc || keygen.alg == UD_ALG_NONE) {
        return cli_usage("keygen", optind != argc ? "nothing is expected beside options"
                                                  : "--alg is ES256, ESP256, Ed25519, HSS-LMS or HMAC256");
    }
    if (!make_names(&keygen)) {
        return cli_usage("keygen", "name too long");
    }
    const int code = check_witness(&keygen);
    return code == CLI_OK ? run(&keygen) : code;
}
