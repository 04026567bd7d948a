/* `updraft encrypt`: an image for some devices' eyes only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "author/cli.h"
#include "author/encrypt_choice.h"
#include "author/offline.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"

enum { PATH_BYTES_MAX = 4096, INFO_BYTES_MAX = 8192, CHUNK_BYTES = 65536 };

struct encrypt {
    const char *image;
    const char *output;
    const char *info;
    const struct ud_content_algorithm *algorithm;
    struct encrypt_recipient recipients[UD_ENCRYPT_TO_MAX];
    size_t recipient_count;
    bool json;
    uint8_t key[UD_CONTENT_KEY_BYTES_MAX]; /* made for this image alone, forgotten at the end */
    uint8_t iv[UD_CIPHER_BLOCK_BYTES];
    uint64_t bytes; /* of the ciphertext */
};

static struct ud_bytes key_of(const struct encrypt *encrypt)
{
    return (struct ud_bytes){encrypt->key, encrypt->algorithm->key_bytes};
}

static struct ud_bytes iv_of(const struct encrypt *encrypt)
{
    const bool has_tag = encrypt->algorithm->seal != NULL;
    return (struct ud_bytes){encrypt->iv, has_tag ? UD_AEAD_IV_BYTES : UD_CIPHER_BLOCK_BYTES};
}

static ud_err pump(struct encrypt *encrypt, struct ud_cipher_state *cipher, FILE *in, FILE *out)
{
    static uint8_t plain[CHUNK_BYTES];
    static uint8_t sealed[CHUNK_BYTES];
    ud_err err = UD_OK;
    size_t got = 0;
    while (err == UD_OK && (got = fread(plain, 1, sizeof plain, in)) > 0) {
        err = ud_cipher_update(cipher, (struct ud_bytes){plain, got}, sealed);
        if (err == UD_OK && fwrite(sealed, 1, got, out) != got) {
            err = errno == ENOSPC ? UD_ERR_DISK_FULL : UD_ERR_IO;
        }
        encrypt->bytes += got;
    }
    ud_wipe(plain, sizeof plain);
    if (err == UD_OK && ferror(in)) {
        err = UD_ERR_IO;
    }
    return err == UD_OK && encrypt->bytes == 0 ? UD_ERR_LIMIT : err;
}

static ud_err put_tag(struct encrypt *encrypt, struct ud_cipher_state *cipher, FILE *out)
{
    uint8_t bytes[UD_AEAD_TAG_BYTES];
    struct ud_buf tag = {bytes, sizeof bytes, 0};
    const ud_err err = ud_encrypt_end(cipher, encrypt->algorithm->alg, &tag);
    encrypt->bytes += tag.len;
    return err == UD_OK && fwrite(bytes, 1, tag.len, out) != tag.len ? UD_ERR_IO : err;
}

static ud_err seal_files(struct encrypt *encrypt, FILE *in, FILE *out)
{
    struct ud_cipher_state cipher = {.state = {.align_ptr = NULL}};
    ud_err err = ud_encrypt_begin(&cipher, encrypt->algorithm->alg, key_of(encrypt), iv_of(encrypt));
    err = err == UD_OK ? pump(encrypt, &cipher, in, out) : err;
    err = err == UD_OK ? put_tag(encrypt, &cipher, out) : err;
    ud_cipher_abort(&cipher);
    if (err == UD_OK && (fflush(out) != 0 || fsync(fileno(out)) != 0)) {
        err = UD_ERR_IO;
    }
    return err;
}

/* Beside its place first: half a ciphertext is never found under its name. */
static int seal_image(struct encrypt *encrypt)
{
    char beside[PATH_BYTES_MAX];
    const int len = snprintf(beside, sizeof beside, "%s.new.%ld", encrypt->output, (long)getpid());
    FILE *in = fopen(encrypt->image, "rbe");
    if (in == NULL) {
        return cli_fail_file(encrypt->image, errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO);
    }
    FILE *out = len > 0 && len < PATH_BYTES_MAX ? fopen(beside, "wbex") : NULL;
    ud_err err = out != NULL ? seal_files(encrypt, in, out) : UD_ERR_IO;
    (void)fclose(in);
    if (out != NULL && fclose(out) != 0 && err == UD_OK) {
        err = UD_ERR_IO;
    }
    if (err == UD_OK && rename(beside, encrypt->output) != 0) {
        err = UD_ERR_IO;
    }
    if (err == UD_OK) {
        return CLI_OK;
    }
    if (out != NULL) {
        (void)unlink(beside);
    }
    return err == UD_ERR_LIMIT ? cli_fail(encrypt->image, "an empty image", err)
                               : cli_fail_file(encrypt->output, err);
}

static int save_info(const struct encrypt *encrypt)
{
    uint8_t bytes[INFO_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_encrypt_to to[UD_ENCRYPT_TO_MAX];
    for (size_t i = 0; i < encrypt->recipient_count; i++) {
        to[i] = encrypt_recipient_to(&encrypt->recipients[i]);
    }
    ud_err err = ud_encrypt_info_write(&out, encrypt->algorithm->alg, key_of(encrypt), iv_of(encrypt), to,
                                       encrypt->recipient_count);
    if (err == UD_OK) {
        err = ud_small_file_write(encrypt->info, 0644, true, ud_buf_bytes(&out));
    }
    return err == UD_OK ? CLI_OK : cli_fail_file(encrypt->info, err);
}

static void print(const struct encrypt *encrypt)
{
    if (encrypt->json) {
        json_t *kids = json_array();
        for (size_t i = 0; i < encrypt->recipient_count; i++) {
            char kid[CLI_HEX_BYTES(ENCRYPT_KID_BYTES_MAX)];
            cli_hex((struct ud_bytes){encrypt->recipients[i].kid, encrypt->recipients[i].kid_bytes}, kid);
            (void)json_array_append_new(kids, json_string(kid));
        }
        json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:o}", "ciphertext", encrypt->output, "info",
                                 encrypt->info, "algorithm", encrypt_alg_name(encrypt->algorithm->alg), "bytes",
                                 (json_int_t)encrypt->bytes, "recipients", kids);
        cli_print_json(json);
        json_decref(json);
        return;
    }
    printf("Wrote %s, %llu bytes, and %s, for %zu recipient%s.\n"
           "  next: describe it as examples/manifests/encrypted.ini does\n",
           encrypt->output, (unsigned long long)encrypt->bytes, encrypt->info, encrypt->recipient_count,
           encrypt->recipient_count == 1 ? "" : "s");
    if (encrypt->algorithm->seal == NULL) {
        printf("  %s notices no change by itself: sign the digest of %s as well as the image's\n",
               encrypt_alg_name(encrypt->algorithm->alg), encrypt->output);
    }
}

static int run(struct encrypt *encrypt)
{
    ud_err err = ud_random(encrypt->key, encrypt->algorithm->key_bytes);
    err = err == UD_OK ? ud_random(encrypt->iv, iv_of(encrypt).len) : err;
    if (err != UD_OK) {
        return cli_fail("encrypt", NULL, err);
    }
    int code = seal_image(encrypt);
    code = code == CLI_OK ? save_info(encrypt) : code;
    if (code == CLI_OK) {
        print(encrypt);
    }
    return code;
}

static int take_recipient(struct encrypt *encrypt, const char *path)
{
    if (encrypt->recipient_count == UD_ENCRYPT_TO_MAX) {
        return cli_fail(path, "more recipients than an envelope takes", UD_ERR_LIMIT);
    }
    const ud_err err = encrypt_recipient_load(&encrypt->recipients[encrypt->recipient_count], path);
    if (err != UD_OK) {
        return cli_fail_file(path, err);
    }
    encrypt->recipient_count++;
    return CLI_OK;
}

int offline_encrypt(int argc, char **argv)
{
    static const struct option options[] = {{"recipient", required_argument, NULL, 'r'},
                                            {"alg", required_argument, NULL, 'a'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"info", required_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct encrypt encrypt = {.algorithm = encrypt_content_named("A128GCM")};
    int code = CLI_OK;
    int option;
    while (code == CLI_OK && (option = getopt_long(argc, argv, "r:o:", options, NULL)) != -1) {
        if (option == 'r') {
            code = take_recipient(&encrypt, optarg);
        } else if (option == 'a') {
            encrypt.algorithm = encrypt_content_named(optarg);
            code = encrypt.algorithm != NULL
                       ? CLI_OK
                       : cli_usage("encrypt", "--alg is A128GCM, A256GCM, ChaCha20-Poly1305, A128CTR or "
                                              "A256CTR");
        } else if (option == 'o') {
            encrypt.output = optarg;
        } else if (option == 'i') {
            encrypt.info = optarg;
        } else if (option == 'j') {
            encrypt.json = true;
        } else {
            code = cli_usage("encrypt", "unknown option");
        }
    }
    if (code == CLI_OK && (argc - optind != 1 || encrypt.output == NULL || encrypt.info == NULL ||
                           encrypt.recipient_count == 0)) {
        code = cli_usage("encrypt", "one IMAGE, --recipient, --output and --info are needed");
    }
    if (code == CLI_OK) {
        encrypt.image = argv[optind];
        code = run(&encrypt);
    }
    ud_wipe(&encrypt, sizeof encrypt);
    return code;
}
