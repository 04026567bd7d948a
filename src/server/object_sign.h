/* Requests to object storage, signed by libcurl as AWS signature version 4 asks for. */
#ifndef UD_SERVER_OBJECT_SIGN_H
#define UD_SERVER_OBJECT_SIGN_H

#include "updraft/err.h"

#include <curl/curl.h>

struct ud_object_key {
    const char *id;
    const char *secret;
    const char *token; /* of a session; empty = none */
    const char *region;
};

#define UD_OBJECT_NOTHING                                                                                      \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* SHA-256 of no bytes */

/**
 * Have the request signed, with these headers under the signature. Its URL must need no escaping: what is signed is what is
 * sent only then.
 *
 * @param headers  in and out: the request's list; its owner frees it after the request
 * @param sha256   hex digest of the body, which the storage compares with what it gets; UD_OBJECT_NOTHING without one
 * @param range    of an object, "bytes=0-9"; NULL = all
 * @return UD_OK; UD_ERR_MEMORY; UD_ERR_LIMIT for a token or a region that is too long
 */
ud_err ud_object_sign(CURL *curl, struct curl_slist **headers, const struct ud_object_key *key,
                      const char *sha256, const char *range);

#endif
