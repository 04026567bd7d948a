/*
 * Images encrypted at rest: what lies in a mover's second area (an external flash that anybody can read), and in every slot
 * that is loaded to RAM. AES-128 in counter mode under a secret of the device, so that two devices never hold the same
 * bytes. How an image travelled, plain or encrypted for many devices, does not matter here.
 *
 *     static struct ud_at_rest at_rest;
 *     ud_at_rest_init(&at_rest, &slots, secret);      // the struct ud_slots that the layout is used with
 *     layout.cipher = &at_rest.cipher;                // agent and factory: ud_at_rest_init_install()
 *
 * Each manifest has a key of its own: NIST SP 800-56C revision 2, the one-step form, over the secret, the manifest's
 * digest and the slot. The digest stands in the journal during an install and at the start of the slot's stored envelope afterwards. So a
 * stream never meets two images, and an image that goes back to the second area is the same bytes again at the same place.
 * It hides; it does not authenticate: the manifest's digest over the plain image does, at every boot.
 */
#ifndef UPDRAFT_AT_REST_H
#define UPDRAFT_AT_REST_H

#include "updraft/slots.h"

#define UD_AT_REST_SECRET_BYTES 32
#define UD_AT_REST_KEY_BYTES 16

struct ud_at_rest {
    struct ud_cipher cipher; /* for the layout */
    /* private */
    const struct ud_slots *slots;
    struct ud_bytes secret;
    struct ud_at_rest_slot {
        bool known;
        uint8_t digest[UD_DIGEST_BYTES]; /* that the key was made from */
        uint8_t key[UD_AT_REST_KEY_BYTES];
    } slot[UD_SLOT_COUNT];
};

/**
 * @param slots  borrowed: mounted before the first access to an image
 * @param secret  UD_AT_REST_SECRET_BYTES random bytes that only this device has; borrowed
 *
 * Accesses then fail with UD_ERR_KEY (a secret of another length), UD_ERR_SHAPE (the slot has no envelope to find a digest
 * in), UD_ERR_FLASH, UD_ERR_CRYPTO. Cost: 250 bytes of stack and a UD_CIPHER_STATE_BYTES; 64 bytes read for each access
 */
void ud_at_rest_init(struct ud_at_rest *at_rest, const struct ud_slots *slots, struct ud_bytes secret);

/** The same for who installs, too: what ud_slots_install_write() is given is encrypted for where it goes. */
void ud_at_rest_init_install(struct ud_at_rest *at_rest, const struct ud_slots *slots, struct ud_bytes secret);

/** Overwrite the keys. */
void ud_at_rest_deinit(struct ud_at_rest *at_rest);

/**
 * The manifest's digest by the first bytes of an envelope, 64 are enough: 107({2: bstr [bstr [-16, digest], ...], ...}).
 * Nothing is authenticated. UD_ERR_SHAPE for anything else.
 */
ud_err ud_at_rest_digest(struct ud_bytes in, uint8_t digest[UD_DIGEST_BYTES]);

#endif
