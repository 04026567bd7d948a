/* The keys of a POSIX device that encrypted images are for: files of mode 0600 in its folder (docs/formats.md section 6). */
#ifndef UPDRAFT_POSIX_CONTENT_KEYS_H
#define UPDRAFT_POSIX_CONTENT_KEYS_H

#include "ports/openssl/keys.h"
#include "ports/posix/device_folder.h"
#include "updraft/encrypt.h"

#define UD_CONTENT_KEYS_MAX 4
#define UD_CONTENT_KEY_FILE_BYTES_MAX 256

struct ud_content_keys {
    struct ud_decrypt_key keys[UD_CONTENT_KEYS_MAX]; /* views into the rest: does not move while it is used */
    uint8_t count;
    struct ud_key_pair *pairs[UD_CONTENT_KEYS_MAX];
    uint8_t kids[UD_CONTENT_KEYS_MAX][UD_KID_BYTES];
    uint8_t secrets[UD_CONTENT_KEYS_MAX][UD_CONTENT_KEY_FILE_BYTES_MAX];
};

/**
 * Load each file of the list: a private P-256 key (PEM), or the secret of a group (COSE_Key).
 *
 * @param keys  zeroed
 * @param names separated by commas, looked for in the device's folder; empty: no key
 * @return UD_ERR_LIMIT (more than UD_CONTENT_KEYS_MAX), UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_EXPOSED, UD_ERR_KEY; what
 *         was loaded until then is to be closed as well
 */
ud_err ud_content_keys_load(struct ud_content_keys *keys, const struct ud_device_folder *device,
                            const char *names);
/** Overwrite them. Harmless on zeros. */
void ud_content_keys_close(struct ud_content_keys *keys);

#endif
