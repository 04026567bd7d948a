/* Between the files of the report only. */
#ifndef UPDRAFT_MANIFEST_REPORT_PARTS_H
#define UPDRAFT_MANIFEST_REPORT_PARTS_H

#include "updraft/cbor.h"
#include "updraft/report.h"

enum { UD_REPORT_RECORD_ELEMENTS = 5, UD_REPORT_CAPABILITIES = 8, UD_REPORT_CLAIM_VERSION = 28 };

/* Labels of what a record has measured: those of parameters, and one of our own. */
enum {
    RECORD_VENDOR = 1,
    RECORD_CLASS = 2,
    RECORD_DIGEST = 3,
    RECORD_SLOT = 5,
    RECORD_SIZE = 14,
    RECORD_DEVICE = 24,
    RECORD_BATTERY = 26,
    RECORD_FAILURE = -258, /* ud_err: why it did not hold, or was not done */
};

/** A key; and one with a number behind it. Not as long where it is called as the writer's function for any number. */
void ud_report_put_key(struct ud_cbor_writer *w, int32_t key);
void ud_report_put_pair(struct ud_cbor_writer *w, int32_t key, uint64_t number);
/** All of a record but its map. */
void ud_report_put_place(struct ud_cbor_writer *w, const struct ud_suit_record *place);
/** SHA-256 as in a manifest's parameter. */
void ud_report_put_wrapped_digest(struct ud_cbor_writer *w, struct ud_bytes digest);

/** The pairs of a claim that stand before a version, and those behind it. */
void ud_report_put_claim_image(struct ud_cbor_writer *w, const struct ud_report_claim *claim);
void ud_report_put_claim_sequence(struct ud_cbor_writer *w, const struct ud_report_claim *claim);

void ud_report_read_place(struct ud_cbor *r, struct ud_suit_record *record);
void ud_report_read_record(struct ud_cbor *r, struct ud_report_record *record);
/** UD_ERR_NUMBER_RANGE for the code of a success. */
void ud_report_read_failure(struct ud_cbor *r, ud_err *result);
struct ud_bytes ud_report_read_wrapped_digest(struct ud_cbor *r);
/** A bstr around [3, [+ int]]; its content. */
struct ud_bytes ud_report_read_version(struct ud_cbor *r);

#endif
