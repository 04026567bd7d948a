#include "ports/posix/content_keys.h"

#include <string.h>

#include "ports/openssl/agree.h"
#include "ports/openssl/files.h"
#include "updraft/cose.h"

/* The kid is the thumbprint, as for every key pair of ours. */
static ud_err take_pair(struct ud_content_keys *keys, uint8_t i)
{
    uint8_t pub[UD_P256_PUBLIC_BYTES];
    ud_key_pair_public(keys->pairs[i], pub);
    keys->keys[i] = (struct ud_decrypt_key){.alg = UD_ALG_ECDH_ES_A128KW,
                                            .kid = UD_BYTES_ARRAY(keys->kids[i]),
                                            .agree = ud_key_pair_agree,
                                            .ctx = keys->pairs[i]};
    return ud_cose_key_thumbprint(&(struct ud_key){.pub = UD_BYTES_ARRAY(pub)}, keys->kids[i]);
}

static ud_err take_secret(struct ud_content_keys *keys, uint8_t i, const char *path)
{
    struct ud_buf buf = {keys->secrets[i], sizeof keys->secrets[i], 0};
    const ud_err err = ud_small_file_read(path, true, &buf);
    return err == UD_OK ? ud_decrypt_key_parse(&keys->keys[i], ud_buf_bytes(&buf)) : err;
}

static ud_err load_one(struct ud_content_keys *keys, const char *path)
{
    if (keys->count == UD_CONTENT_KEYS_MAX) {
        return UD_ERR_LIMIT;
    }
    const uint8_t i = keys->count++;
    const ud_err err = ud_key_pair_load(&keys->pairs[i], path);
    if (err == UD_OK) {
        return take_pair(keys, i);
    }
    return err == UD_ERR_KEY ? take_secret(keys, i, path) : err; /* no PEM: the other kind of file */
}

static ud_err load_named(struct ud_content_keys *keys, const struct ud_device_folder *device, const char *name,
                         size_t len)
{
    char one[UD_PATH_BYTES_MAX];
    char path[UD_PATH_BYTES_MAX];
    if (len == 0 || len >= sizeof one) {
        return UD_ERR_CONFIG;
    }
    memcpy(one, name, len);
    one[len] = '\0';
    const ud_err err = ud_device_folder_path(device, one, path);
    return err == UD_OK ? load_one(keys, path) : err;
}

ud_err ud_content_keys_load(struct ud_content_keys *keys, const struct ud_device_folder *device,
                            const char *names)
{
    ud_err err = UD_OK;
    while (err == UD_OK && *names != '\0') {
        names += strspn(names, " ");
        const size_t len = strcspn(names, ", ");
        err = load_named(keys, device, names, len);
        names += len;
        names += strspn(names, " ");
        names += *names == ',' ? 1 : 0;
    }
    return err;
}

void ud_content_keys_close(struct ud_content_keys *keys)
{
    for (size_t i = 0; i < UD_CONTENT_KEYS_MAX; i++) {
        ud_key_pair_close(keys->pairs[i]);
    }
    ud_wipe(keys, sizeof *keys);
}
