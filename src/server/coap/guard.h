/*
 * OSCORE at the endpoint (updraft/oscore.h): security contexts, found by the name in a message, over plain UDP.
 *
 * A context that was made stays until the server ends, because its numbers must not come twice; what a key says of it is
 * asked again now and then. Numbers of ours begin at a place of their own in each run of a server (`run`, which the
 * store counts), so nothing is written while messages go. What was taken before the run is not known: the first request
 * of a device is answered by 4.01 with Echo, and its repetition is the first that counts (RFC 8613 appendix B.1.2).
 *
 * INV-1  A request is the device's whose context opened it, whatever address it came from; one that comes unprotected
 *        from the same address is nobody's.
 * INV-2  What is to go to a device under protection goes so or not at all.
 * INV-3  A repeated request is answered with the very bytes of before: an answer without a number of its own must not be
 *        made twice. The last long one of an address is kept for that (RFC 8613 section 8.3, RFC 7252 section 4.2).
 * INV-4  A name that no key in memory has is looked up within the bounds of pace.h; one that is over them gets no answer.
 *        A device that was heard is found in memory, and its key is asked for again outside of the bounds.
 */
#ifndef UD_SERVER_COAP_GUARD_H
#define UD_SERVER_COAP_GUARD_H

#include "server/coap/pace.h"
#include "updraft/coap_peer.h"
#include "updraft/oscore.h"

#define UD_GUARD_RUN_BITS 20 /* of a number: so many messages of ours for each device in a run */
#define UD_GUARD_RUN_MAX ((UINT32_C(1) << (40 - UD_GUARD_RUN_BITS)) - 1)

struct ud_endpoint;
struct ud_remote;
struct ud_guard;

/* A key, as it is stored. The views point into `bytes`. */
struct ud_guard_key {
    int64_t device;
    uint8_t bytes[256];
    struct ud_oscore_input input;
};

struct ud_guard_keys {
    void *ctx;
    /** UD_ERR_AUTH: there is none. `id_context` is only what the message says. */
    ud_err (*of_name)(void *ctx, struct ud_bytes kid, struct ud_guard_key *key);
    ud_err (*of_device)(void *ctx, int64_t device, struct ud_guard_key *key);
};

/* All contexts. */
struct ud_guards {
    struct ud_guard **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    uint32_t run;
    struct ud_pace pace;
};

ud_err ud_guards_init(struct ud_guards *guards, uint32_t run, uint64_t now_ms);
void ud_guards_free(struct ud_guards *guards);

/**
 * A request with the OSCORE option. True: event->message is what was protected, event->asked says whose; false: it has been
 * answered, or is to be forgotten.
 */
bool ud_guard_take_request(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event);
/** An answer to a request of ours that went under protection. False: it is none. */
bool ud_guard_take_answer(struct ud_endpoint *endpoint, struct ud_remote *remote, struct ud_coap_event *event);
/** A notification, the same. */
bool ud_guard_take_notification(struct ud_endpoint *endpoint, struct ud_remote *remote,
                                struct ud_coap_event *event);
/** Protect what goes out, in its place. */
ud_err ud_guard_seal_request(struct ud_endpoint *endpoint, struct ud_guard *guard, struct ud_buf *message);
ud_err ud_guard_seal_answer(struct ud_endpoint *endpoint, const struct ud_coap_asked *asked,
                            struct ud_buf *message);

/** The request will be neither done nor answered: it may come again. */
void ud_guard_forget(const struct ud_coap_asked *asked);
/** Whose key opened it; 0: it was not protected, or the key is gone. */
int64_t ud_guard_device(const struct ud_coap_asked *asked);

/**
 * What goes to this remote goes under this device's key: the one that it spoke under last, or the newest when it was not
 * heard yet. 0: unprotected. UD_ERR_AUTH: the device has none.
 */
ud_err ud_guard_set(struct ud_endpoint *endpoint, struct ud_remote *remote, int64_t device);

#endif
