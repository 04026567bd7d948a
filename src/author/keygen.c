/* `updraft keygen` */
#include <unistd.h>

#include "author/cli.h"
#include "author/offline.h"
#include "ports/openssl/keys.h"

#define PATH_BYTES_MAX 4096

struct names {
    char private_key[PATH_BYTES_MAX];
    char public_key[PATH_BYTES_MAX];
};

static bool make_names(struct names *names, const char *base)
{
    const int private_len = snprintf(names->private_key, sizeof names->private_key, "%s.key", base);
    const int public_len = snprintf(names->public_key, sizeof names->public_key, "%s.pub", base);
    return private_len > 0 && (size_t)private_len < sizeof names->private_key && public_len > 0 &&
           (size_t)public_len < sizeof names->public_key;
}

static int save(struct ud_key_pair *pair, const struct names *names, bool force)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    ud_key_pair_public(pair, pub);
    ud_err err = ud_key_pair_save(pair, names->private_key, force);
    if (err != UD_OK) {
        return cli_fail(names->private_key, err == UD_ERR_CONFLICT ? "exists already" : NULL, err);
    }
    err = ud_public_key_save(pub, names->public_key, force);
    if (err == UD_OK) {
        return CLI_OK;
    }
    if (!force) {
        (void)unlink(names->private_key); /* ours, of a moment ago: half a pair is of no use */
    }
    return cli_fail_file(names->public_key, err);
}

static void print(const struct ud_signer *signer, const struct names *names, bool as_json)
{
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    cli_hex(UD_BYTES_ARRAY(signer->kid), kid);
    if (as_json) {
        json_t *json = json_pack("{s:s, s:s, s:s}", "kid", kid, "private", names->private_key, "public",
                                 names->public_key);
        cli_print_json(json);
        json_decref(json);
        return;
    }
    printf("Private key  %s (keep it secret, keep a copy in a safe place)\n", names->private_key);
    printf("Public key   %s (devices and server get this one)\n", names->public_key);
    printf("Key id       %s\n", kid);
}

static int keygen(const struct names *names, bool force, bool as_json)
{
    struct ud_key_pair *pair = NULL;
    struct ud_signer signer;
    ud_err err = ud_key_pair_generate(&pair);
    if (err == UD_OK) {
        err = ud_key_pair_signer(pair, UD_ALG_ES256, &signer);
    }
    int code = err == UD_OK ? save(pair, names, force) : cli_fail("keygen", NULL, err);
    if (code == CLI_OK) {
        print(&signer, names, as_json);
    }
    ud_key_pair_close(pair);
    return code;
}

int offline_keygen(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"force", no_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    const char *base = "author";
    bool force = false;
    bool as_json = false;
    struct names names;
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option == 'o') {
            base = optarg;
        } else if (option == 'f') {
            force = true;
        } else if (option == 'j') {
            as_json = true;
        } else {
            return cli_usage("keygen", "unknown option");
        }
    }
    if (optind != argc) {
        return cli_usage("keygen", "nothing is expected beside options");
    }
    return make_names(&names, base) ? keygen(&names, force, as_json) : cli_usage("keygen", "name too long");
}
