/*
 * Keys of other people's examples, with which many an image was signed that was meant for a desk. No device of ours meets
 * them anywhere but in what is made here, so the list is the desk's (attack E1); what the SUIT drafts published, a device
 * refuses by itself (src/manifest/published.c).
 */
#ifndef UPDRAFT_AUTHOR_SAMPLE_KEYS_H
#define UPDRAFT_AUTHOR_SAMPLE_KEYS_H

#include <stdbool.h>

#include "updraft/crypto.h"

/** Is this the thumbprint of a key whose private half is in somebody's samples? */
bool author_key_is_sample(const uint8_t kid[UD_KID_BYTES]);

#endif
