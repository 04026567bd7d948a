/* The steps of suit_show(): one sentence for each command. */
#ifndef UPDRAFT_AUTHOR_SUIT_SHOW_STEPS_H
#define UPDRAFT_AUTHOR_SUIT_SHOW_STEPS_H

#include <jansson.h>

#include "updraft/suit.h"

#define SUIT_SHOW_NAME_BYTES_MAX 256

/** A component id as text: 'usr/bin/env', or hex where the bytes are no printable text. */
void suit_show_component(struct ud_bytes id, char name[SUIT_SHOW_NAME_BYTES_MAX]);

/** Append the steps of all sequences, in the order in which a device runs them. */
void suit_show_steps(json_t *steps, const struct ud_suit_manifest *man);

#endif
