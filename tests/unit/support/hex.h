/* Test vectors as text: hex digits, white space between them ignored. */
#ifndef UPDRAFT_TESTS_HEX_H
#define UPDRAFT_TESTS_HEX_H

#include "updraft/bytes.h"

/** Decode into `out`; fails the running test when the text is not hex or does not fit. @return view of out */
struct ud_bytes hex_decode(const char *text, uint8_t *out, size_t out_bytes);

/** Read a file of hex digits of this repository, by its path from the root; fails the running test without it. */
struct ud_bytes hex_file(const char *path, uint8_t *out, size_t out_bytes);

/**
 * Read a file of hex digits below the shared data folder ($UPDRAFT_SHARED, else ../shared), such as
 * "data/suit/manifest/example0.hex". Marks the running test as skipped when the file is absent.
 */
struct ud_bytes hex_shared(const char *name, uint8_t *out, size_t out_bytes);

#endif
