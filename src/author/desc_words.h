/*
 * The words of a description file and the labels that they stand for, in one place: who makes an envelope and who
 * writes a description of one read the same tables. docs/author.md lists every word.
 *
 * Labels: draft-ietf-suit-manifest-37, trust-domains-12, update-management-14, firmware-encryption-24.
 */
#ifndef UPDRAFT_AUTHOR_DESC_WORDS_H
#define UPDRAFT_AUTHOR_DESC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a value is written in the file and in CBOR. */
typedef enum desc_kind {
    DESC_UINT,
    DESC_INT,
    DESC_BOOL,
    DESC_VENDOR, /* a domain, or a UUID */
    DESC_CLASS,  /* a text within the vendor, or a UUID */
    DESC_UUID,
    DESC_DIGEST,    /* bstr-wrapped SUIT_Digest */
    DESC_SIZE,      /* a number, or a file's */
    DESC_BYTES,     /* bstr */
    DESC_TEXT,      /* tstr */
    DESC_COMPONENT, /* index, given by name */
    DESC_VERSION,   /* bstr-wrapped [comparison, [+ int]] */
    DESC_WAIT,      /* bstr-wrapped map of events */
    DESC_METADATA,  /* bstr-wrapped map of file facts */
    DESC_ANY,       /* of a custom parameter */
} desc_kind;

/* Labels that the code itself needs. */
enum {
    DESC_PARAM_VENDOR = 1,
    DESC_PARAM_CLASS = 2,
    DESC_PARAM_DIGEST = 3,
    DESC_PARAM_SIZE = 14,
    DESC_DO_SELECT = 12,
    DESC_DO_STOP = 14,
    DESC_DO_TRY = 15,
    DESC_DO_DEFAULT = 19,  /* set parameters */
    DESC_DO_OVERRIDE = 20, /* override parameters */
    DESC_DO_RUN = 32,
    DESC_DO_OVERRIDE_MULTIPLE = 34,
    DESC_DO_TAKE = 35, /* copy params */
};

/* Reporting policies where the file says none: conditions record all, directives failures. */
enum { DESC_POLICY_CHECK = 15, DESC_POLICY_DO = 2, DESC_POLICY_MAX = 15 };

struct desc_word {
    const char *name; /* NULL ends a table */
    int32_t label;
    uint8_t kind; /* desc_kind, of parameters */
};

extern const struct desc_word desc_params[];
extern const struct desc_word desc_checks[];   /* conditions */
extern const struct desc_word desc_actions[];  /* directives with a reporting policy */
extern const struct desc_word desc_text_all[]; /* texts of the whole manifest */
extern const struct desc_word desc_text_component[];
extern const struct desc_word desc_digests[];     /* names of hash functions; kind is their length in bytes */
extern const struct desc_word desc_comparisons[]; /* of versions */
extern const struct desc_word desc_wait_events[];
extern const struct desc_word desc_metadata[];
extern const struct desc_word desc_file_types[];

/* A command sequence. */
struct desc_sequence {
    const char *name;
    uint8_t label;
    bool severable;
};
extern const struct desc_sequence desc_sequences[]; /* ends with a NULL name */

/** @return NULL where the table has no such word */
const struct desc_word *desc_word_named(const struct desc_word *table, const char *name, size_t len);
const struct desc_word *desc_word_labelled(const struct desc_word *table, int64_t label);
const struct desc_sequence *desc_sequence_named(const char *name);

#endif
