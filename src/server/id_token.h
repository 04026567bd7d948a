/*
 * ID tokens of OpenID Connect (Core 1.0, 3.1.3.7): what a provider says about who logged in. Nothing of a token is believed before
 * its signature was checked with a key of the provider's own set, by an algorithm of ours; "none" and everything symmetric are
 * no algorithms here.
 */
#ifndef UD_SERVER_ID_TOKEN_H
#define UD_SERVER_ID_TOKEN_H

#include "server/store_people.h"

#define UD_ID_TOKEN_BYTES_MAX 16384

struct ud_id_token_want {
    const char *issuer;
    const char *client; /* must be the audience; with others beside it also the authorized party */
    const char *nonce;  /* that was sent with the login */
    int64_t now_s;
};

/**
 * Check a token in compact form.
 *
 * @param keys    the provider's JSON Web Key Set, as text
 * @param subject out: who it is
 * @param why     out: a static text, what did not hold
 * @return UD_ERR_LOGIN for whatever does not hold
 */
ud_err ud_id_token_check(struct ud_bytes token, struct ud_bytes keys, const struct ud_id_token_want *want,
                         char subject[UD_SUBJECT_BYTES_MAX + 1], const char **why);

#endif
