/*
 * Encrypted images (updraft/encrypt.h), for an agent that is given this part and keys. One that is not carries none of its
 * code, and refuses a manifest that sets an encryption info (UD_ERR_PARAMETER).
 *
 * The ciphertext is decrypted while it is written: the slot holds the image as it runs, no staging area is needed, and
 * after an interruption the download goes on at the sector that was at work. The manifest's digest is the image's; a tag, where the
 * cipher has one, is checked as well, over what the flash gives back.
 *
 * It also takes manifests that carry a payload themselves (command write), encrypted or not: with no key at all, if need be.
 *
 *     static const struct ud_decrypt_key key = {.alg = UD_ALG_ECDH_ES_A128KW, .agree = my_ecdh, .ctx = &my_key};
 *     static struct ud_agent_decrypting decrypting = {.ops = &ud_agent_decrypting_ops, .keys = {&key, 1}};
 *     config.decrypting = &decrypting;
 */
#ifndef UPDRAFT_AGENT_DECRYPT_H
#define UPDRAFT_AGENT_DECRYPT_H

#include "updraft/agent.h"
#include "updraft/encrypt.h"

struct ud_agent_decrypting {
    const struct ud_agent_decrypting_ops *ops; /* &ud_agent_decrypting_ops */
    struct ud_decrypt_keys keys;               /* of this device */
    /* private */
    struct ud_decrypt decrypt;
    bool open;              /* for the component at work */
    bool checking;          /* the tag, from the first byte on */
    bool checked;           /* and it was right */
    uint8_t tag_bytes;      /* of the payload, behind the image */
    uint8_t tag_here;       /* of them, taken */
    uint32_t checked_bytes; /* of the image */
    uint8_t tag[UD_AEAD_TAG_BYTES];
    uint8_t room[UD_AGENT_HASH_CHUNK_BYTES];
};

/* The agent calls these; a port only names the table. */
struct ud_agent_decrypting_ops {
    /**
     * Put fetch and write in the place of what the agent has, for payloads with and without an encryption info. Beside their
     * errors: UD_ERR_NO_RECIPIENT; UD_ERR_DECRYPT (no key unwraps, or the tag is another); those of
     * ud_encrypt_info_parse() and ud_decrypt_open().
     */
    void (*add)(struct ud_suit_ops *ops);
    /** Forget the key. Harmless when there is none. */
    void (*stop)(struct ud_agent *agent);
    /** For what goes elsewhere than into a slot: find the key, for the payload from byte `from` on. */
    ud_err (*begin)(struct ud_agent *agent, const struct ud_suit_params *params, uint32_t from);
    /** ... and decrypt at most as many bytes as `room` has, into it. */
    ud_err (*update)(struct ud_agent *agent, struct ud_bytes piece);
};
extern const struct ud_agent_decrypting_ops ud_agent_decrypting_ops;

#endif
