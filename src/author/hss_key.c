#include "author/hss_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

static const char magic[] = "UDHSSKEY";
enum { MAGIC_BYTES = sizeof magic - 1, VERSION = 1, PATH_BYTES_MAX = 4096 };
enum {
    KEY_VERSION = 1,
    KEY_LEVELS = 2,
    KEY_SEED = 3,
    KEY_ID = 4,
    KEY_NEXT = 5,
    KEY_PUBLIC = 6,
    KEY_WITNESS = 7
};

bool hss_key_is(struct ud_bytes in)
{
    return in.len > MAGIC_BYTES && memcmp(in.ptr, magic, MAGIC_BYTES) == 0;
}

ud_err hss_key_write(struct ud_buf *out, const struct hss_key *key)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_cbor_put_raw(&w, (struct ud_bytes){(const uint8_t *)magic, MAGIC_BYTES});
    ud_cbor_put_map(&w, 7);
    ud_cbor_put_uint(&w, KEY_VERSION);
    ud_cbor_put_uint(&w, VERSION);
    ud_cbor_put_uint(&w, KEY_LEVELS);
    ud_cbor_put_array(&w, key->secret.level_count);
    for (size_t i = 0; i < key->secret.level_count; i++) {
        ud_cbor_put_array(&w, 3);
        ud_cbor_put_uint(&w, key->secret.levels[i].hash_bytes);
        ud_cbor_put_uint(&w, key->secret.levels[i].height);
        ud_cbor_put_uint(&w, key->secret.levels[i].width);
    }
    ud_cbor_put_uint(&w, KEY_SEED);
    ud_cbor_put_bstr(&w, UD_BYTES_ARRAY(key->secret.seed));
    ud_cbor_put_uint(&w, KEY_ID);
    ud_cbor_put_bstr(&w, UD_BYTES_ARRAY(key->secret.id));
    ud_cbor_put_uint(&w, KEY_NEXT);
    ud_cbor_put_uint(&w, key->next);
    ud_cbor_put_uint(&w, KEY_PUBLIC);
    ud_cbor_put_bstr(&w, (struct ud_bytes){key->pub, key->pub_bytes});
    ud_cbor_put_uint(&w, KEY_WITNESS);
    ud_cbor_put_tstr(&w, (struct ud_bytes){(const uint8_t *)key->witness, strlen(key->witness)});
    return ud_cbor_written(&w);
}

static bool take_label(struct ud_cbor *r, uint64_t label)
{
    return ud_cbor_uint(r) == label && r->err == UD_OK;
}

static bool take_levels(struct ud_cbor *r, struct hss_secret *secret)
{
    const size_t count = ud_cbor_array(r);
    if (count == 0 || count > HSS_LEVELS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const bool three = ud_cbor_array(r) == 3;
        const uint64_t hash_bytes = ud_cbor_uint(r);
        const uint64_t height = ud_cbor_uint(r);
        const uint64_t width = ud_cbor_uint(r);
        if (!three || hash_bytes > UINT8_MAX || height > UINT8_MAX || width > UINT8_MAX) {
            return false;
        }
        secret->levels[i] = (struct hss_level){(uint8_t)hash_bytes, (uint8_t)height, (uint8_t)width};
    }
    secret->level_count = (uint8_t)count;
    return r->err == UD_OK && hss_levels_ok(secret->levels, count);
}

static bool take_exact(struct ud_cbor *r, uint8_t *out, size_t len)
{
    const struct ud_bytes bytes = ud_cbor_bstr(r);
    if (r->err != UD_OK || bytes.len != len) {
        return false;
    }
    memcpy(out, bytes.ptr, len);
    return true;
}

static bool take_witness(struct ud_cbor *r, struct hss_key *key)
{
    const struct ud_bytes text = ud_cbor_tstr(r);
    if (r->err != UD_OK || text.len >= sizeof key->witness || memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(key->witness, text.ptr, text.len);
    key->witness[text.len] = '\0';
    return true;
}

static bool take_public(struct ud_cbor *r, struct hss_key *key)
{
    const size_t bytes = 4 + 4 + 4 + HSS_ID_BYTES + (size_t)key->secret.levels[0].hash_bytes;
    key->pub_bytes = (uint8_t)bytes;
    return take_exact(r, key->pub, bytes);
}

ud_err hss_key_parse(struct ud_bytes in, struct hss_key *key)
{
    struct hss_key found = {.next = 0};
    struct ud_bytes head;
    struct ud_cbor r;
    if (!hss_key_is(in)) {
        return UD_ERR_KEY;
    }
    (void)ud_bytes_take(&in, MAGIC_BYTES, &head);
    ud_cbor_init(&r, in);
    bool ok = ud_cbor_map(&r) == 7 && take_label(&r, KEY_VERSION) && ud_cbor_uint(&r) == VERSION &&
              take_label(&r, KEY_LEVELS) && take_levels(&r, &found.secret) && take_label(&r, KEY_SEED) &&
              take_exact(&r, found.secret.seed, HSS_SEED_BYTES) && take_label(&r, KEY_ID) &&
              take_exact(&r, found.secret.id, HSS_ID_BYTES) && take_label(&r, KEY_NEXT);
    found.next = ok ? ud_cbor_uint(&r) : 0;
    ok = ok && take_label(&r, KEY_PUBLIC) && take_public(&r, &found) && take_label(&r, KEY_WITNESS) &&
         take_witness(&r, &found) && ud_cbor_finish(&r) == UD_OK;
    if (ok) {
        *key = found;
    }
    ud_wipe(&found, sizeof found);
    return ok ? UD_OK : UD_ERR_KEY;
}

ud_err hss_key_kid(const struct hss_key *key, uint8_t kid[UD_KID_BYTES])
{
    const struct ud_key pub = {.pub = {key->pub, key->pub_bytes}, .type = UD_KEY_HSS_LMS};
    return ud_cose_key_thumbprint(&pub, kid);
}

ud_err hss_key_generate(struct hss_key *key, const struct hss_level *levels, size_t count)
{
    struct hss_key made = {.next = 0};
    struct ud_buf pub = {made.pub, sizeof made.pub, 0};
    if (!hss_levels_ok(levels, count)) {
        return UD_ERR_KEY;
    }
    memcpy(made.secret.levels, levels, count * sizeof levels[0]);
    made.secret.level_count = (uint8_t)count;
    ud_err err = ud_random(made.secret.seed, sizeof made.secret.seed);
    err = err == UD_OK ? ud_random(made.secret.id, sizeof made.secret.id) : err;
    err = err == UD_OK ? hss_public(&made.secret, &pub) : err;
    if (err == UD_OK) {
        made.pub_bytes = (uint8_t)pub.len;
        *key = made;
    }
    ud_wipe(&made, sizeof made);
    return err;
}

static ud_err write_file(const struct hss_key *key, const char *path, bool replace)
{
    uint8_t bytes[HSS_KEY_FILE_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    ud_err err = hss_key_write(&out, key);
    if (err == UD_OK) {
        err = ud_small_file_write(path, 0600, replace, ud_buf_bytes(&out));
    }
    ud_wipe(bytes, sizeof bytes);
    return err;
}

ud_err hss_key_load(struct hss_key *key, const char *path)
{
    uint8_t bytes[HSS_KEY_FILE_BYTES_MAX];
    struct ud_buf in = {bytes, sizeof bytes, 0};
    ud_err err = ud_small_file_read(path, true, &in);
    if (err == UD_OK) {
        err = hss_key_parse(ud_buf_bytes(&in), key);
    }
    ud_wipe(bytes, sizeof bytes);
    return err;
}

ud_err hss_key_save(const struct hss_key *key, const char *path, const struct hss_witness *witness,
                    bool replace)
{
    uint8_t kid[UD_KID_BYTES];
    ud_err err = hss_key_kid(key, kid);
    if (err == UD_OK && witness != NULL && witness->raise(witness->ctx, kid, key->next) != UD_OK) {
        err = UD_ERR_WITNESS;
    }
    return err == UD_OK ? write_file(key, path, replace) : err;
}

/* The key file is replaced as a whole, so the lock is on a file beside it, which stays. */
static ud_err lock(const char *path, int *fd)
{
    char beside[PATH_BYTES_MAX];
    const int len = snprintf(beside, sizeof beside, "%s.lock", path);
    if (len < 0 || (size_t)len >= sizeof beside) {
        return UD_ERR_LIMIT;
    }
    *fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(*fd);
        return UD_ERR_BUSY;
    }
    return UD_OK;
}

static ud_err ask(const struct hss_witness *witness, const struct hss_key *key, uint8_t kid[UD_KID_BYTES])
{
    uint64_t seen = 0;
    if ((witness == NULL) != (key->witness[0] == '\0')) {
        return UD_ERR_WITNESS; /* a key with a witness is never used without it */
    }
    const ud_err err = hss_key_kid(key, kid);
    if (err != UD_OK || witness == NULL) {
        return err;
    }
    return witness->read(witness->ctx, kid, &seen) == UD_OK && seen <= key->next ? UD_OK : UD_ERR_WITNESS;
}

static ud_err take(const char *path, const struct hss_witness *witness, struct hss_key *key, uint64_t *number)
{
    uint8_t kid[UD_KID_BYTES];
    ud_err err = hss_key_load(key, path);
    err = err == UD_OK ? ask(witness, key, kid) : err;
    if (err == UD_OK && key->next >= hss_capacity(key->secret.levels, key->secret.level_count)) {
        err = UD_ERR_USED_UP;
    }
    if (err != UD_OK) {
        return err;
    }
    const uint64_t taken = key->next++;
    err = write_file(key, path, true);
    if (err == UD_OK && witness != NULL && witness->raise(witness->ctx, kid, key->next) != UD_OK) {
        err = UD_ERR_WITNESS;
    }
    if (err == UD_OK) {
        *number = taken;
    }
    return err;
}

ud_err hss_key_take(const char *path, const struct hss_witness *witness, struct hss_key *key, uint64_t *number)
{
    int fd = -1;
    struct hss_key found = {.next = 0};
    ud_err err = lock(path, &fd);
    if (err != UD_OK) {
        return err;
    }
    err = take(path, witness, &found, number);
    (void)close(fd); /* and with it the lock */
    if (err == UD_OK) {
        *key = found;
    }
    ud_wipe(&found, sizeof found);
    return err;
}
