#include "server/lwm2m/capability.h"

#include "server/secret.h"
#include "server/server.h"
#include "server/store_mgmt.h"

#define SECRET_NAME "coap.secret" /* among the settings of no tenant */
#define SECRET_CHARS ((size_t)2 * UD_CAPABILITY_SECRET_BYTES)

/* In the state folder; on a database of several servers the first one's is for all. */
static ud_err load_file(struct ud_server *server, bool shared, uint8_t secret[UD_CAPABILITY_SECRET_BYTES])
{
    char path[UD_PATH_BYTES_MAX];
    struct ud_text text;
    ud_err err = ud_path_join(path, server->config.state, "coap.key");
    if (err != UD_OK) {
        return err;
    }
    ud_text_init(&text, UD_CAPABILITY_SECRET_BYTES);
    err = ud_state_file_read(path, &text);
    if (err == UD_ERR_NOT_FOUND) {
        err = ud_random(secret, UD_CAPABILITY_SECRET_BYTES);
        err =
            err == UD_OK && !shared ? ud_state_file_write(path, 0600, secret, UD_CAPABILITY_SECRET_BYTES) : err;
    } else if (err == UD_OK) {
        err = text.len == UD_CAPABILITY_SECRET_BYTES ? UD_OK : UD_ERR_CONFIG;
        if (err == UD_OK) {
            memcpy(secret, text.ptr, UD_CAPABILITY_SECRET_BYTES);
        }
    }
    ud_text_free(&text);
    return err;
}

struct sharing {
    struct ud_job job; /* first */
    uint8_t *secret;
    bool found;
};

static void take_secret(void *ctx, const char *key, const char *value, bool visible)
{
    struct sharing *sharing = ctx;
    (void)key;
    (void)visible;
    const struct ud_bytes text = {(const uint8_t *)value, strlen(value)};
    sharing->found = ud_hex_read(sharing->secret, UD_CAPABILITY_SECRET_BYTES, text);
}

static ud_err share_secret(struct ud_job *job, struct ud_store *store)
{
    struct sharing *sharing = (struct sharing *)(void *)job;
    char hex[SECRET_CHARS + 1];
    sharing->found = false;
    ud_err err = ud_store_pair_list(store, UD_PAIRS_SETTING, 0, SECRET_NAME, take_secret, sharing);
    if (err == UD_OK && !sharing->found) {
        ud_hex_write(hex, sharing->secret, UD_CAPABILITY_SECRET_BYTES);
        err = ud_store_pair_set(store, UD_PAIRS_SETTING, 0, SECRET_NAME, hex, false);
        ud_wipe(hex, sizeof hex);
    }
    return err;
}

ud_err ud_capability_secret(struct ud_server *server, bool shared, uint8_t secret[UD_CAPABILITY_SECRET_BYTES])
{
    struct sharing sharing = {.secret = secret};
    const ud_err err = load_file(server, shared, secret);
    return err == UD_OK && shared ? ud_writer_run(server->writer, share_secret, &sharing.job) : err;
}
