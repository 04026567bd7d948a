/* What a manifest will do, in words that a plant operator understands. For showing only: nothing here is believed. */
#ifndef UPDRAFT_AUTHOR_SUIT_SHOW_H
#define UPDRAFT_AUTHOR_SUIT_SHOW_H

#include <jansson.h>

#include "updraft/suit.h"

/**
 * Everything about an envelope as one JSON object, from which the plain text is made, too:
 * digest, sequence, signatures [{kid, algorithm}], components, integrated [{uri, bytes}], severed, texts
 * [{component, what, text}], steps [{section, depth, does}].
 *
 * @param man  of ud_suit_manifest_inspect() or ud_suit_manifest_parse()
 * @return the caller's; NULL when memory is short
 */
json_t *suit_show(const struct ud_suit_manifest *man);

#endif
