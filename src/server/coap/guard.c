#include "server/coap/endpoint_parts.h"

#include "updraft/assert.h"

#include <stdlib.h>

#define BUCKETS 4096
#define TIES_MAX 48        /* observations of one device that notifications are known of */
#define ASK_AGAIN_MS 60000 /* whether the key is there still */

/* An observation: its request, and how far its notifications went. */
struct seen_tie {
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    uint8_t token_bytes;
    struct ud_coap_tie tie;
    uint64_t newest;
};

struct ud_guard {
    struct ud_guard *next;
    int64_t device; /* 0: the key is gone */
    uint64_t asked_ms;
    struct ud_oscore context;
    struct ud_coap_tie tie; /* of our request under way */
    struct seen_tie *ties;
    size_t tie_count;
    size_t tie_next; /* the one that goes first when there are too many */
};

ud_err ud_guards_init(struct ud_guards *guards, uint32_t run, uint64_t now_ms)
{
    *guards = (struct ud_guards){
        .buckets = calloc(BUCKETS, sizeof(struct ud_guard *)), .bucket_count = BUCKETS, .run = run};
    return guards->buckets == NULL ? UD_ERR_MEMORY : ud_pace_open(&guards->pace, now_ms);
}

void ud_guards_free(struct ud_guards *guards)
{
    for (size_t i = 0; guards->buckets != NULL && i < guards->bucket_count; i++) {
        while (guards->buckets[i] != NULL) {
            struct ud_guard *guard = guards->buckets[i];
            guards->buckets[i] = guard->next;
            ud_wipe(&guard->context, sizeof guard->context);
            free(guard->ties);
            free(guard);
        }
    }
    free(guards->buckets);
    guards->buckets = NULL;
    ud_pace_close(&guards->pace);
}

static struct ud_guard **bucket_of(const struct ud_guards *guards, struct ud_bytes kid)
{
    uint64_t hash = kid.len;
    for (size_t i = 0; i < kid.len; i++) {
        hash = (hash ^ kid.ptr[i]) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    return &guards->buckets[hash & (guards->bucket_count - 1)];
}

static struct ud_guard *find(const struct ud_guards *guards, struct ud_bytes kid)
{
    struct ud_guard *guard = *bucket_of(guards, kid);
    while (guard != NULL &&
           !ud_bytes_equal(kid, (struct ud_bytes){guard->context.recipient, guard->context.recipient_bytes})) {
        guard = guard->next;
    }
    return guard;
}

/* The key as it is now: the same as before leaves all as it is; another begins anew, with numbers that go on. */
static ud_err follow_key(struct ud_guard *guard, const struct ud_guard_key *key)
{
    struct ud_oscore made;
    const ud_err err = ud_oscore_derive(&made, &key->input);
    if (err != UD_OK) {
        return err;
    }
    const bool same =
        ud_bytes_equal_secret(UD_BYTES_ARRAY(made.sender_key), UD_BYTES_ARRAY(guard->context.sender_key)) &&
        ud_bytes_equal_secret(UD_BYTES_ARRAY(made.common_iv), UD_BYTES_ARRAY(guard->context.common_iv));
    if (!same) {
        made.next = guard->context.next;
        made.until = guard->context.until;
        guard->context = made;
        guard->tie_count = 0;
    }
    ud_wipe(&made, sizeof made);
    guard->device = key->device;
    return UD_OK;
}

static ud_err make(struct ud_guards *guards, const struct ud_guard_key *key, struct ud_guard **out)
{
    struct ud_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = follow_key(guard, key);
    if (err != UD_OK) {
        free(guard);
        return err;
    }
    guard->context.next = (uint64_t)guards->run << UD_GUARD_RUN_BITS;
    guard->context.until = guard->context.next + (UINT64_C(1) << UD_GUARD_RUN_BITS);
    struct ud_guard **bucket = bucket_of(guards, key->input.recipient);
    guard->next = *bucket;
    *bucket = guard;
    guards->count++;
    *out = guard;
    return UD_OK;
}

/* The context of a key that was just read, or of none (`err`). */
static ud_err settle(struct ud_endpoint *endpoint, struct ud_guard *guard, const struct ud_guard_key *key,
                     ud_err err, struct ud_guard **out)
{
    if (err == UD_ERR_AUTH && guard != NULL) {
        guard->device = 0;
    }
    if (err == UD_OK) {
        err = guard == NULL ? make(&endpoint->guards, key, &guard) : follow_key(guard, key);
    }
    if (guard != NULL && (err == UD_OK || err == UD_ERR_AUTH)) {
        guard->asked_ms = endpoint->now_ms;
    }
    if (err == UD_OK) {
        *out = guard;
    }
    return err;
}

static ud_err of_name(struct ud_endpoint *endpoint, const struct ud_address *from, struct ud_bytes kid,
                      struct ud_guard **out)
{
    struct ud_guard *guard = find(&endpoint->guards, kid);
    struct ud_guard_key key;
    const bool known = guard != NULL && guard->device != 0;
    if (known && endpoint->now_ms - guard->asked_ms < ASK_AGAIN_MS) {
        *out = guard;
        return UD_OK;
    }
    if (!known && !ud_pace_may(&endpoint->guards.pace, from, endpoint->now_ms)) {
        ud_endpoint_count(&endpoint->not_looked_up);
        return UD_ERR_RETRY_LATER;
    }
    const ud_err err = endpoint->guard_keys.of_name == NULL
                           ? UD_ERR_AUTH
                           : endpoint->guard_keys.of_name(endpoint->guard_keys.ctx, kid, &key);
    if (!known && err != UD_OK) {
        ud_pace_missed(&endpoint->guards.pace, from, endpoint->now_ms);
    }
    const ud_err settled = settle(endpoint, guard, &key, err, out);
    ud_wipe(&key, sizeof key);
    return settled;
}

ud_err ud_guard_set(struct ud_endpoint *endpoint, struct ud_remote *remote, int64_t device)
{
    struct ud_guard_key key;
    if (device == 0) {
        remote->guard = NULL;
        return UD_OK;
    }
    /* the device speaks under this key now, whichever of its keys is the newest here */
    if (remote->heard != NULL && remote->heard->device == device) {
        remote->guard = remote->heard;
        return UD_OK;
    }
    if (remote->guard != NULL && remote->guard->device == device) {
        return UD_OK;
    }
    remote->guard = NULL;
    if (endpoint->guard_keys.of_device == NULL) {
        return UD_ERR_AUTH;
    }
    ud_err err = endpoint->guard_keys.of_device(endpoint->guard_keys.ctx, device, &key);
    if (err == UD_OK) {
        err = settle(endpoint, find(&endpoint->guards, key.input.recipient), &key, err, &remote->guard);
    }
    ud_wipe(&key, sizeof key);
    return err;
}

/* --- in */

static struct ud_buf room_of(struct ud_endpoint *endpoint)
{
    return (struct ud_buf){endpoint->opened, sizeof endpoint->opened, 0};
}

/* RFC 8613 section 8.2: refusals go unprotected, and say no more than which of three it was. */
static uint8_t refusal_code(ud_err err)
{
    return err == UD_ERR_DECRYPT                                  ? UD_COAP_400_BAD_REQUEST
           : err == UD_ERR_REPLAY || err == UD_ERR_OSCORE_CONTEXT ? UD_COAP_401_UNAUTHORIZED
                                                                  : UD_COAP_402_BAD_OPTION;
}

/* The Echo value that proves a request to be sent now; it is bound to the address as every other. */
static bool prove(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_guard *guard,
                  struct ud_coap_event *event)
{
    if (ud_endpoint_echoed(endpoint, remote, &event->message)) {
        ud_oscore_proven(&guard->context, &event->asked.tie);
        return true;
    }
    event->asked.own_number = true; /* the same request may be answered again */
    ud_endpoint_challenge(endpoint, remote, &event->asked);
    return false;
}

bool ud_guard_take_request(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct ud_oscore_name name;
    struct ud_guard *guard = NULL;
    struct ud_buf room = room_of(endpoint);
    const struct ud_coap_message outer = event->message;
    ud_err err = ud_oscore_name(&outer, &name);
    if (err == UD_OK) {
        err = !name.has_kid ? UD_ERR_SHAPE : of_name(endpoint, &remote->address, name.kid, &guard);
        err = err == UD_ERR_AUTH ? UD_ERR_OSCORE_CONTEXT : err;
    }
    if (err == UD_OK) {
        err = ud_oscore_open_request(&guard->context, &outer, &room, &event->message, &event->asked.tie);
    }
    if (err == UD_ERR_MEMORY || err == UD_ERR_CRYPTO || err == UD_ERR_STORE || err == UD_ERR_RETRY_LATER) {
        ud_endpoint_ignore(endpoint, remote, &event->asked); /* its repetition finds us better */
        return false;
    }
    if (err != UD_OK && err != UD_ERR_OSCORE_FRESH) {
        ud_endpoint_count(&endpoint->refused);
        ud_endpoint_reply_err(endpoint, remote, &event->asked, refusal_code(err), err);
        return false;
    }
    event->asked.code = event->message.code;
    event->asked.guard = guard;
    if (err == UD_OK || prove(endpoint, remote, guard, event)) {
        remote->heard = guard;
        return true;
    }
    return false;
}

bool ud_guard_take_answer(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event)
{
    struct ud_guard *guard = remote->guard;
    struct ud_buf room = room_of(endpoint);
    const struct ud_coap_message outer = event->message;
    if (guard == NULL) {
        return false;
    }
    for (size_t i = 0; i < guard->tie_count;
         i++) { /* the first answer to an observation counts among its notifications */
        struct seen_tie *seen = &guard->ties[i];
        if (ud_bytes_equal(outer.token, (struct ud_bytes){seen->token, seen->token_bytes})) {
            return ud_oscore_open_answer(&guard->context, &outer, &seen->tie, &seen->newest, &room,
                                         &event->message) == UD_OK;
        }
    }
    return ud_oscore_open_answer(&guard->context, &outer, &guard->tie, NULL, &room, &event->message) == UD_OK;
}

bool ud_guard_take_notification(struct ud_endpoint *endpoint, struct ud_remote *remote,
                                struct ud_coap_event *event)
{
    struct ud_guard *guard = remote->guard;
    struct ud_buf room = room_of(endpoint);
    const struct ud_coap_message outer = event->message;
    struct ud_oscore_name name;
    if (ud_oscore_name(&outer, &name) != UD_OK || name.number.len == 0) {
        return false; /* without a number it has no order; RFC 8613 section 7.4.1 allows that of the first answer only */
    }
    for (size_t i = 0; guard != NULL && i < guard->tie_count; i++) {
        struct seen_tie *seen = &guard->ties[i];
        if (ud_bytes_equal(outer.token, (struct ud_bytes){seen->token, seen->token_bytes})) {
            return ud_oscore_open_answer(&guard->context, &outer, &seen->tie, &seen->newest, &room,
                                         &event->message) == UD_OK;
        }
    }
    return false;
}

/* --- out */

/* Remember an observation's request by its token; the oldest goes when there are too many. */
static void note_observation(struct ud_guard *guard, struct ud_bytes token, const struct ud_coap_tie *tie)
{
    struct seen_tie *at = NULL;
    for (size_t i = 0; i < guard->tie_count; i++) {
        if (ud_bytes_equal(token, (struct ud_bytes){guard->ties[i].token, guard->ties[i].token_bytes})) {
            at = &guard->ties[i];
        }
    }
    if (at == NULL && guard->ties == NULL) {
        guard->ties = calloc(TIES_MAX, sizeof *guard->ties);
        if (guard->ties == NULL) {
            return; /* its notifications will be unknown, and end with a Reset */
        }
    }
    if (at == NULL) {
        at = &guard->ties[guard->tie_count < TIES_MAX ? guard->tie_count++ : guard->tie_next++ % TIES_MAX];
    }
    *at = (struct seen_tie){.token_bytes = (uint8_t)token.len, .tie = *tie};
    memcpy(at->token, token.ptr, token.len);
}

/* Its end is asked for by the same token, and answered to that request. */
static void forget_observation(struct ud_guard *guard, struct ud_bytes token)
{
    for (size_t i = 0; i < guard->tie_count; i++) {
        if (ud_bytes_equal(token, (struct ud_bytes){guard->ties[i].token, guard->ties[i].token_bytes})) {
            guard->ties[i] = guard->ties[--guard->tie_count];
        }
    }
}

ud_err ud_guard_seal_request(struct ud_endpoint *endpoint, struct ud_guard *guard, struct ud_buf *message)
{
    struct ud_coap_message plain;
    uint32_t observe = 0;
    struct ud_coap_tie tie;
    (void)endpoint;
    ud_err err = ud_coap_parse(ud_buf_bytes(message), &plain);
    UD_ASSERT(err == UD_OK);
    const bool observes = ud_coap_find_uint(&plain, UD_COAP_OBSERVE, &observe) == UD_OK;
    err = ud_oscore_seal_request(&guard->context, message, &tie);
    if (err != UD_OK) {
        return err;
    }
    guard->tie = tie;
    if (observes && ud_coap_parse(ud_buf_bytes(message), &plain) == UD_OK) {
        if (observe == 0) {
            note_observation(guard, plain.token, &tie);
        } else {
            forget_observation(guard, plain.token);
        }
    }
    return UD_OK;
}

ud_err ud_guard_seal_answer(struct ud_endpoint *endpoint, const struct ud_coap_asked *asked,
                            struct ud_buf *message)
{
    struct ud_guard *guard = asked->guard;
    (void)endpoint;
    return ud_oscore_seal_answer(&guard->context, message, &asked->tie, asked->own_number);
}

void ud_guard_forget(const struct ud_coap_asked *asked)
{
    struct ud_guard *guard = asked->guard;
    ud_oscore_forget(&guard->context, &asked->tie);
}

int64_t ud_guard_device(const struct ud_coap_asked *asked)
{
    const struct ud_guard *guard = asked->guard;
    return asked->tie.number_bytes == 0 || guard == NULL ? 0 : guard->device;
}
