/* Inside the CoAP module: message ids that came in, so that a duplicate is known and answered with the same bytes. */
#ifndef COAP_SEEN_H
#define COAP_SEEN_H

#include "updraft/coap_peer.h"

/** The live entry for this id, or NULL. */
struct ud_coap_seen *ud_coap_seen_find(struct ud_coap_peer *peer, uint64_t now_ms, uint16_t id);
/** Remember an id that came in; takes a free place, or that of the oldest. */
struct ud_coap_seen *ud_coap_seen_add(struct ud_coap_peer *peer, uint64_t now_ms,
                                      const struct ud_coap_message *m);
/**
 * Keep what the id was answered with; UD_COAP_REPLY_BYTES_MAX at most. Empty: a duplicate gets nothing. Where there is
 * no room for it, the oldest are forgotten with their answers.
 * Nothing happens for NULL: the table has forgotten the id meanwhile.
 */
void ud_coap_seen_answer(struct ud_coap_peer *peer, struct ud_coap_seen *seen, struct ud_bytes reply);
/** What the id was answered with; valid until the next call for this peer. */
struct ud_bytes ud_coap_seen_reply(const struct ud_coap_peer *peer, const struct ud_coap_seen *seen);
/** The same id counts as new when it comes again. */
void ud_coap_seen_forget(struct ud_coap_peer *peer, struct ud_coap_seen *seen);

#endif
