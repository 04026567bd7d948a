/* Lines of a description, written so that desc_parse() reads the same again. */
#ifndef UPDRAFT_AUTHOR_DESC_SHOW_H
#define UPDRAFT_AUTHOR_DESC_SHOW_H

#include "author/desc.h"
#include "author/desc_words.h"
#include "updraft/cbor.h"

enum { DESC_SHOW_NAME_BYTES = 24, DESC_SHOW_NESTED_MAX = 128 };

/* A component or dependency found in the envelope. */
struct desc_show_part {
    char name[DESC_SHOW_NAME_BYTES];
    uint64_t index;
    struct ud_bytes id; /* encoded; of a dependency its prefix, empty where it has none */
    bool dependency;
};

struct desc_show {
    struct ud_buf *out;
    struct ud_bytes whole; /* for offsets */
    struct desc_show_part parts[DESC_COMPONENTS_MAX];
    size_t part_count;
    struct ud_bytes nested[DESC_SHOW_NESTED_MAX]; /* sequences within others, still to be written or written */
    size_t nested_count;
    int64_t before; /* code of the command before; 0: none */
    bool full;
};

/** Text of one's own, whole. */
__attribute__((format(printf, 2, 3))) void desc_show_print(struct desc_show *show, const char *format, ...);
/** word = prefixHEX, over as many lines as it takes */
void desc_show_hex(struct desc_show *show, const char *word, const char *sign, const char *prefix,
                   struct ud_bytes bytes);
/** word = text, quoted where it must be, over as many lines as it takes */
void desc_show_text(struct desc_show *show, const char *word, const char *sign, struct ud_bytes text);
/** Encoded component id as desc_value_id() reads it: "usr/bin/env", "0x00". False when it is none or too long. */
bool desc_show_id(struct ud_bytes id, char *text, size_t cap);
/** 1.2.3-rc.1; false when the array is none that can be written so. Consumes it. */
bool desc_show_version(struct ud_cbor *r, char *text, size_t cap);
/** The content of a bstr-wrapped value of this kind, as a line would say it; false when it is an odd one. */
bool desc_show_wrapped(struct ud_bytes content, desc_kind kind, char *text, size_t cap);
/** sha256:HEX of a bare SUIT_Digest; false when it is of another kind. Consumes it. */
bool desc_show_digest(struct ud_cbor *r, char *text, size_t cap);
/** Name of the component with this index, or the number. */
void desc_show_index(const struct desc_show *show, uint64_t index, char *text, size_t cap);
/** A line for the parameter whose value `r` stands before. */
void desc_show_value(struct desc_show *show, const char *word, const char *sign, desc_kind kind,
                     struct ud_cbor *r);
/** All lines of a sequence; what is nested in it joins show->nested. */
void desc_show_sequence(struct desc_show *show, struct ud_cbor *r);
/** The text member, as [text LANGUAGE] sections, or as a line of hex for [manifest] where it is an odd one. */
bool desc_show_text_fits(const struct desc_show *show, struct ud_bytes text);
void desc_show_texts(struct desc_show *show, struct ud_bytes text);

#endif
