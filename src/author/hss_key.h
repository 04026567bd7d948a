/*
 * HSS/LMS keys on disk. A leaf must never sign twice, and a key file is easily copied or restored; so:
 *
 *   H1  a number is taken only while the key file is locked, and only after the number behind it is on disk;
 *   H2  a second place, the witness, keeps the highest number taken; it is raised, on disk, before the signature is made;
 *   H3  a key file that is behind its witness, or whose witness is out of reach, signs nothing: it was restored, or copied;
 *   H4  a crash between any two steps loses a number and reuses none. (The file is written before the witness is raised: after
 *       a crash in between, the witness is behind, which is harmless; the other order would make a good key look restored.)
 *
 * The steps are hss_key_take(): lock, read, ask the witness, write the file (H1), raise the witness (H2). The caller signs
 * with the number that it gives, once.
 *
 * File: "UDHSSKEY", then a deterministic CBOR map; docs/formats.md section 1. Mode 0600.
 */
#ifndef UPDRAFT_AUTHOR_HSS_KEY_H
#define UPDRAFT_AUTHOR_HSS_KEY_H

#include "author/hss_sign.h"

#define HSS_WITNESS_BYTES_MAX 1024 /* of the text that names it */
#define HSS_KEY_FILE_BYTES_MAX 2048

struct hss_key {
    struct hss_secret secret;
    uint64_t next; /* the first number that was never taken */
    uint8_t pub[UD_HSS_PUBLIC_BYTES_MAX];
    uint8_t pub_bytes;
    char witness[HSS_WITNESS_BYTES_MAX]; /* "" none; a path; a pkcs11: URI */
};

/* Where the highest number taken is kept a second time. */
struct hss_witness {
    /* UD_ERR_NOT_FOUND where there is none for this key; every other error: out of reach */
    ud_err (*read)(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t *next);
    /* on disk, or in the token, when it returns */
    ud_err (*raise)(void *ctx, const uint8_t kid[UD_KID_BYTES], uint64_t next);
    void *ctx;
};

/** Encode, without the file. UD_ERR_BUFFER. */
ud_err hss_key_write(struct ud_buf *out, const struct hss_key *key);
/** Read what hss_key_write() wrote. UD_ERR_KEY for anything else. */
ud_err hss_key_parse(struct ud_bytes in, struct hss_key *key);
/** Does a file that begins so hold such a key? */
bool hss_key_is(struct ud_bytes in);

/** kid: thumbprint of the public key. UD_ERR_CRYPTO. */
ud_err hss_key_kid(const struct hss_key *key, uint8_t kid[UD_KID_BYTES]);

/** Make a key of random seed; the topmost tree is grown. UD_ERR_KEY for levels that we do not make. */
ud_err hss_key_generate(struct hss_key *key, const struct hss_level *levels, size_t count);
/** Write a new key file, and the witness's first entry before it. UD_ERR_CONFLICT, UD_ERR_WITNESS, UD_ERR_IO. */
ud_err hss_key_save(const struct hss_key *key, const char *path, const struct hss_witness *witness,
                    bool replace);
/** Read the key without taking a number: for its public part, and for what is left. */
ud_err hss_key_load(struct hss_key *key, const char *path);
/**
 * Take the next number for one signature.
 *
 * @param witness the key's; NULL only for a key that was made without one
 * @param key     out: the key, its `next` already past the number
 * @return UD_ERR_WITNESS (ahead of the file, or out of reach), UD_ERR_USED_UP, UD_ERR_BUSY (another process signs),
 *         UD_ERR_EXPOSED, UD_ERR_KEY, errors of files
 */
ud_err hss_key_take(const char *path, const struct hss_witness *witness, struct hss_key *key, uint64_t *number);

#endif
