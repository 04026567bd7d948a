/*
 * Envelopes as wholes: the head of a new one, one more signature, another number. What a manifest holds is made of its
 * description (author/desc.h). Hosts only: what devices do with it is in updraft/suit.h.
 */
#ifndef UPDRAFT_AUTHOR_SUIT_WRITE_H
#define UPDRAFT_AUTHOR_SUIT_WRITE_H

#include "updraft/cbor.h"
#include "updraft/suit.h"

#define SUIT_WRITE_OVERHEAD_BYTES_MAX 4096 /* what a reissue may need beside the old envelope */

/** The head of an envelope of `pairs` members: tag, map, wrapper without a signature, manifest. UD_ERR_CRYPTO. */
ud_err suit_write_unsigned(struct ud_cbor_writer *w, size_t pairs, struct ud_bytes manifest);
/** SUIT_Digest of a severable member with this content, as it stands in the manifest. UD_ERR_CRYPTO. */
ud_err suit_write_member_digest(struct ud_cbor_writer *w, struct ud_bytes content);

/** Append the envelope with these authentication blocks, encoded byte strings one after another, behind its own. */
ud_err suit_write_with_blocks(struct ud_buf *out, const struct ud_suit_envelope *env, size_t block_count,
                              struct ud_bytes blocks);

/**
 * Append the envelope without some of its members; the signatures hold.
 *
 * @param labels   set of bits by label, of severable members
 * @param payloads integrated payloads and dependencies, too
 * @return UD_ERR_NOT_FOUND where the envelope has none of them; UD_ERR_BUFFER
 */
ud_err suit_write_cut(struct ud_buf *out, const struct ud_suit_envelope *env, uint32_t labels, bool payloads);

/** Do both hold the same but for their signatures? Both as ud_suit_envelope_parse() found them. */
bool suit_write_is_same(const struct ud_suit_envelope *a, const struct ud_suit_envelope *b);

/**
 * Append the envelope with one more signature; whatever else it holds stays byte for byte.
 *
 * @param env  digest checked (ud_suit_envelope_check_digest)
 * @return UD_ERR_STATE (digest not checked), UD_ERR_CONFLICT (this key has signed already), UD_ERR_LIMIT (no room for
 *         one more), UD_ERR_BUFFER, the signer's errors
 */
ud_err suit_write_signed(struct ud_buf *out, const struct ud_suit_envelope *env,
                         const struct ud_signer *signer);

/**
 * Append the same manifest under another sequence number, unsigned. UD_ERR_STATE (digest not checked), UD_ERR_STALE
 * (not above the present number), UD_ERR_BUFFER; errors of the manifest.
 */
ud_err suit_write_reissued(struct ud_buf *out, const struct ud_suit_envelope *env, uint64_t sequence);

#endif
