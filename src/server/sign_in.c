#include "server/sign_in.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct code {
    uint8_t hash[UD_SHA256_BYTES];
    struct ud_sign_in_who who;
    int64_t until_ms; /* 0 = free */
};

struct ud_sign_in {
    pthread_mutex_t lock;
    struct code codes[UD_SIGN_IN_CODES_MAX];
};

ud_err ud_sign_in_open(struct ud_sign_in **out)
{
    struct ud_sign_in *codes = calloc(1, sizeof *codes);
    if (codes == NULL) {
        return UD_ERR_MEMORY;
    }
    pthread_mutex_init(&codes->lock, NULL);
    *out = codes;
    return UD_OK;
}

void ud_sign_in_close(struct ud_sign_in *codes)
{
    if (codes != NULL) {
        pthread_mutex_destroy(&codes->lock);
        free(codes);
    }
}

/* A free place, or the one that would end first. */
static struct code *place(struct ud_sign_in *codes)
{
    struct code *best = &codes->codes[0];
    for (size_t i = 0; i < UD_SIGN_IN_CODES_MAX; i++) {
        struct code *code = &codes->codes[i];
        if (code->until_ms == 0) {
            return code;
        }
        best = code->until_ms < best->until_ms ? code : best;
    }
    return best;
}

void ud_sign_in_add(struct ud_sign_in *codes, const uint8_t hash[UD_SHA256_BYTES],
                    const struct ud_sign_in_who *who, int64_t now_ms)
{
    pthread_mutex_lock(&codes->lock);
    struct code *code = place(codes);
    memcpy(code->hash, hash, UD_SHA256_BYTES);
    code->who = *who;
    code->until_ms = now_ms + UD_SIGN_IN_MS;
    pthread_mutex_unlock(&codes->lock);
}

ud_err ud_sign_in_take(struct ud_sign_in *codes, const uint8_t hash[UD_SHA256_BYTES], int64_t now_ms,
                       struct ud_sign_in_who *who)
{
    ud_err err = UD_ERR_SIGN_IN_CODE;
    pthread_mutex_lock(&codes->lock);
    for (size_t i = 0; i < UD_SIGN_IN_CODES_MAX; i++) {
        struct code *code = &codes->codes[i];
        if (code->until_ms == 0 || !ud_bytes_equal_secret((struct ud_bytes){hash, UD_SHA256_BYTES},
                                                          (struct ud_bytes){code->hash, UD_SHA256_BYTES})) {
            continue;
        }
        if (now_ms < code->until_ms) {
            *who = code->who;
            err = UD_OK;
        }
        code->until_ms = 0;
    }
    pthread_mutex_unlock(&codes->lock);
    return err;
}
