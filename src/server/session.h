/*
 * Sessions of the console: a secret in a cookie that scripts of the page cannot read (HttpOnly) and other sites' pages
 * cannot use (SameSite=Strict), stored as its hash. A changing request proves beside it that our page made it: by the
 * X-CSRF-Token that the login gave, which is derived from the secret. A login always makes a new secret.
 */
#ifndef UD_SERVER_SESSION_H
#define UD_SERVER_SESSION_H

#include "server/http.h"
#include "server/store_people.h"

#define UD_CSRF_CHARS 64
#define UD_SESSION_MS (INT64_C(12) * 3600 * 1000)

/** The session's secret that the request carries; NULL where there is none. */
const char *ud_session_cookie(struct ud_call *call);
/** Hex of SHA-256 over a fixed word and the secret. UD_ERR_CRYPTO. */
ud_err ud_session_csrf(struct ud_bytes secret, char csrf[UD_CSRF_CHARS + 1]);
/**
 * From a finish function, when it is certain who this is: make a session in the store, and reply with its cookie.
 *
 * @param life_ms how long it lasts, at most UD_SESSION_MS
 * @param page NULL: 201 with {"name", "csrf", ...}; else this HTML, for logins that come back from a provider
 */
void ud_session_begin(struct ud_call *call, const struct ud_row_person *person, int64_t life_ms,
                      const char *page);
/** POST /session with {"code"} or {"token"} in place of name and password (api_sign_in.c). Takes no reference. */
void ud_session_login_by_secret(struct ud_call *call, json_t *body);

#endif
