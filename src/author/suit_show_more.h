/* Sentences for commands beyond the core: update management, trust domains, encryption. */
#ifndef UPDRAFT_AUTHOR_SUIT_SHOW_MORE_H
#define UPDRAFT_AUTHOR_SUIT_SHOW_MORE_H

#include "updraft/suit.h"

/**
 * What the command does to the component called `name`.
 *
 * @param other name of the component that is the source, for copy
 * @return false for a command that is not told here
 */
bool suit_show_more(uint8_t code, const char *name, const char *other, const struct ud_suit_params *params,
                    char *text, size_t cap);

#endif
