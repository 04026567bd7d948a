/* Values of description files: from text to CBOR. Each kind of desc_words.h is written in its own way. */
#ifndef UPDRAFT_AUTHOR_DESC_VALUE_H
#define UPDRAFT_AUTHOR_DESC_VALUE_H

#include "author/desc_model.h"
#include "author/desc_words.h"
#include "updraft/cbor.h"

/** Append the CBOR of `text`. Any kind may be written as cbor:HEX. Errors say where and what to write instead. */
ud_err desc_value_put(struct desc *desc, const struct desc_line *line, const char *text, desc_kind kind,
                      struct ud_cbor_writer *w);

/** hex:0102, text:abc, "quoted", file:NAME. Lasts as long as the description. */
ud_err desc_value_bytes(struct desc *desc, const struct desc_line *line, const char *text,
                        struct ud_bytes *bytes);
/** Text as it stands, or "quoted" with \n \t \" \\ \xHH. UTF-8. */
ud_err desc_value_text(struct desc *desc, const struct desc_line *line, const char *text, struct ud_bytes *out);
/** Decimal, or hexadecimal after 0x. */
ud_err desc_value_uint(struct desc *desc, const struct desc_line *line, const char *text, uint64_t max,
                       uint64_t *value);
/** A decimal number with a sign. */
ud_err desc_value_int(struct desc *desc, const struct desc_line *line, const char *text, int64_t *value);
/** yes or no */
ud_err desc_value_bool(struct desc *desc, const struct desc_line *line, const char *text, bool *value);
/** A component or dependency, by name or number. */
ud_err desc_value_index(struct desc *desc, const struct desc_line *line, const char *text, size_t len,
                        uint64_t *index);
/** 1.2.3-rc.1: its numbers, with -1 rc, -2 beta, -3 alpha. */
ud_err desc_value_version(struct desc *desc, const struct desc_line *line, const char *text,
                          struct ud_cbor_writer *w);
/** Encoded component id: elements between /, each text or 0xHEX. */
ud_err desc_value_id(struct desc *desc, const struct desc_line *line, const char *text, struct ud_bytes *id);
/** sha256:HEX and its like, file:NAME, envelope:NAME: the bare SUIT_Digest. */
ud_err desc_value_digest(struct desc *desc, const struct desc_line *line, const char *text,
                         struct ud_cbor_writer *w);

/** Split off what stands before the next comma, without spaces around. @return false at the end */
bool desc_next_item(const char **text, const char **item, size_t *len);

#endif
