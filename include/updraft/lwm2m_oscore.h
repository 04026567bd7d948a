/*
 * Protection of the LwM2M client's messages from end to end: OSCORE (RFC 8613, oscore.h), and Echo (RFC 9175). One object that a
 * configuration of the client names (struct ud_lwm2m_client_config.guard); a device without it links none of it.
 *
 * OSCORE is for accounts of UD_LWM2M_OSCORE: `identity` holds what ud_lwm2m_oscore_pack() makes of both ids, salt and id
 * context, `key` the master secret. A bootstrap server provisions them as object 21 (all its instances are one here). Echo is
 * for every link: a server that wants to see that a request is sent now gets it again with what it gave.
 *
 * Numbers of our messages come from what the port reserves for good, UD_LWM2M_NUMBERS_STEP at a time, so that a restart at any
 * moment uses none twice; the counter belongs to the device and not to a key. A server's requests are not taken after a
 * restart before one brings our Echo back.
 *
 *     static struct ud_lwm2m_oscore oscore;
 *     ud_lwm2m_oscore_init(&oscore, &port, number_kept);
 *     config.guard = &oscore.guard;
 *
 * RAM: struct ud_lwm2m_oscore, about 640 bytes.
 */
#ifndef UPDRAFT_LWM2M_OSCORE_H
#define UPDRAFT_LWM2M_OSCORE_H

#include "updraft/lwm2m_client.h"
#include "updraft/oscore.h"

#define UD_LWM2M_NUMBERS_STEP 256 /* reserved at one time */
#define UD_LWM2M_ECHO_BYTES 40
#define UD_LWM2M_CHALLENGE_BYTES 8

/* What a port gives beside struct ud_lwm2m_port. */
struct ud_lwm2m_oscore_port {
    void *ctx;
    /** Keep this number over a restart in place of the one before; durable at return. */
    ud_err (*keep_number)(void *ctx, uint64_t number);
};

/* One more than the client's: a new one has a place before the one that it replaces has ended. */
#define UD_LWM2M_OSCORE_WATCHES (UD_LWM2M_WATCHES + 1)

/* An observation of the server: what its notifications are tied to. */
struct ud_lwm2m_oscore_watch {
    uint8_t token_bytes;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    struct ud_coap_tie tie;
};

struct ud_lwm2m_oscore {
    struct ud_lwm2m_guard guard; /* for the client's configuration */
    /* private */
    const struct ud_lwm2m_oscore_port *port;
    bool on; /* the link in use is protected */
    bool has_key;
    bool challenged; /* challenge is made */
    struct ud_oscore context;
    struct ud_coap_tie asked; /* our request under way */
    uint8_t challenge[UD_LWM2M_CHALLENGE_BYTES];
    uint8_t echo_bytes; /* to be sent back with the next request */
    uint8_t echo[UD_LWM2M_ECHO_BYTES];
    uint16_t again_id;    /* whose answer in the client's `reply` is too long for its `seen`, ... */
    uint16_t again_bytes; /* ... so long: it must not be made twice. 0: none */
    struct ud_lwm2m_oscore_watch watches[UD_LWM2M_OSCORE_WATCHES];
    struct {
        bool any;
        uint8_t key_bytes;
        uint8_t identity_bytes;
        uint8_t key[UD_LWM2M_KEY_BYTES];
        uint8_t identity[UD_LWM2M_IDENTITY_BYTES];
    } staged; /* object 21, until the bootstrap's finish */
};

/** @param number  what keep_number was given last; 0 when it never was */
void ud_lwm2m_oscore_init(struct ud_lwm2m_oscore *oscore, const struct ud_lwm2m_oscore_port *port,
                          uint64_t number);

/**
 * Both ids, salt and id context into an account's identity; `input->secret` into its key; its security is OSCORE then.
 * @return UD_OK; UD_ERR_CONFIG for lengths out of their bounds
 */
ud_err ud_lwm2m_oscore_pack(const struct ud_oscore_input *input, struct ud_lwm2m_account *account);

#endif
