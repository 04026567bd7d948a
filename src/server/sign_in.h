/*
 * One-time codes that open a session of the console: made by somebody who is logged in already, for himself, used once
 * within ten minutes. They travel behind the '#' of a link, so that no server and no proxy writes them down.
 *
 * In memory only, as hashes, a fixed number: a restart forgets them, each of several servers knows its own, and the
 * oldest makes room for a new one.
 */
#ifndef UD_SERVER_SIGN_IN_H
#define UD_SERVER_SIGN_IN_H

#include "server/store.h"

#define UD_SIGN_IN_MS (INT64_C(10) * 60 * 1000)
#define UD_SIGN_IN_CODES_MAX 64

struct ud_sign_in;

/* Whose code it is. */
struct ud_sign_in_who {
    int64_t tenant;
    int64_t person;
    int64_t created_ms; /* of the person: numbers of removed people are given out again */
    char name[UD_TITLE_BYTES_MAX + 1];
};

/** UD_ERR_MEMORY. */
ud_err ud_sign_in_open(struct ud_sign_in **codes);
void ud_sign_in_close(struct ud_sign_in *codes);
/** Keep the hash of a code. */
void ud_sign_in_add(struct ud_sign_in *codes, const uint8_t hash[UD_SHA256_BYTES],
                    const struct ud_sign_in_who *who, int64_t now_ms);
/** Whose code it is; it is gone then. UD_ERR_SIGN_IN_CODE for one that is not there, or past its time. */
ud_err ud_sign_in_take(struct ud_sign_in *codes, const uint8_t hash[UD_SHA256_BYTES], int64_t now_ms,
                       struct ud_sign_in_who *who);

#endif
