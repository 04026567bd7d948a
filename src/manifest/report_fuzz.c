/*
 * The readers of reports and enrolments. A fuzzer cannot sign, so the payload is wrapped and signed here: what is
 * read back must be what was written, whatever the bytes in between are.
 */
#include <stdlib.h>

#include "ports/openssl/keys.h"
#include "updraft/assert.h"
#include "updraft/cose.h"
#include "updraft/report.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ud_signer signer;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct ud_key_pair *pair = NULL; /* kept until the process ends */
    (void)argc;
    (void)argv;
    UD_ASSERT(ud_key_pair_generate(&pair) == UD_OK);
    UD_ASSERT(ud_key_pair_signer(pair, UD_ALG_ES256, &signer) == UD_OK);
    return 0;
}

/* Whatever was read can be walked, and lies in the input. */
static void check_lists(struct ud_bytes in, const struct ud_report *report)
{
    struct ud_report_record record;
    struct ud_capabilities can;
    for (size_t i = 0; i < report->record_count; i++) {
        UD_ASSERT(ud_report_record(report, i, &record) == UD_OK);
        UD_ASSERT(record.bytes.len == 0 || ud_bytes_within(in, record.bytes));
        UD_ASSERT(record.where.path_len <= UD_SUIT_DEPENDENCIES_MAX);
    }
    UD_ASSERT(ud_report_record(report, report->record_count, &record) == UD_ERR_INDEX);
    if (report->capabilities.len > 0) {
        UD_ASSERT(ud_report_capabilities(report->capabilities, &can) == UD_OK);
        for (size_t i = 0; i < UD_CAPABILITY_COUNT; i++) {
            UD_ASSERT(can.list[i].len == 0 || ud_bytes_within(in, can.list[i]));
        }
    }
}

static void check_report(struct ud_bytes in)
{
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(signer.pub)};
    struct ud_report report;
    struct ud_report again;
    uint8_t bytes[UD_REPORT_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    if (ud_report_verify(&report, in, &key, NULL) == UD_OK) {
        UD_ASSERT(ud_bytes_within(in, report.nonce));
        UD_ASSERT(ud_bytes_within(in, report.reference_uri));
        check_lists(in, &report);
        UD_ASSERT(ud_report_write(&out, &report, &signer) == UD_OK);
        UD_ASSERT(ud_report_verify(&again, ud_buf_bytes(&out), &key, NULL) == UD_OK);
        UD_ASSERT(again.result == report.result && again.counter == report.counter);
        UD_ASSERT(again.claim_count == report.claim_count);
        UD_ASSERT(ud_report_read(&again, in, NULL) == UD_OK && again.record_count == report.record_count);
    }
}

static void check_enrolment(struct ud_bytes in)
{
    struct ud_enrolment enrolment;
    if (ud_enrolment_verify(&enrolment, in, NULL) == UD_OK) {
        UD_ASSERT(ud_bytes_within(in, enrolment.name) && enrolment.name.len > 0);
        UD_ASSERT(ud_bytes_within(in, enrolment.code) && enrolment.code.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[UD_REPORT_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    const struct ud_bytes in = {data, size};
    check_report(in);
    check_enrolment(in);
    if (ud_cose_sign1_write(&out, &signer, in, false) == UD_OK) {
        check_report(ud_buf_bytes(&out));
        check_enrolment(ud_buf_bytes(&out));
    }
    return 0;
}
