/* Writing what a report says beside its result, for devices that are linked with it. */
#include "manifest/report_parts.h"
#include "manifest/suit_command.h"

/* ---- records ---- */

/* What can be measured, in the order of encoded keys. */
static const struct {
    uint32_t bit;
    uint8_t label;
} measures[] = {
    {UD_SUIT_HAS_VENDOR, RECORD_VENDOR},   {UD_SUIT_HAS_CLASS, RECORD_CLASS},
    {UD_SUIT_HAS_DIGEST, RECORD_DIGEST},   {UD_SUIT_HAS_SLOT, RECORD_SLOT},
    {UD_SUIT_HAS_SIZE, RECORD_SIZE},       {UD_SUIT_HAS_DEVICE, RECORD_DEVICE},
    {UD_SUIT_HAS_BATTERY, RECORD_BATTERY},
};
#define NUMBERS (UD_SUIT_HAS_SLOT | UD_SUIT_HAS_SIZE | UD_SUIT_HAS_BATTERY)

static void put_record(struct ud_cbor_writer *w, const struct ud_report_record *record)
{
    size_t pairs = record->answer != UD_OK;
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        pairs += (record->measured & measures[i].bit) != 0;
    }
    ud_report_put_place(w, &record->where);
    ud_cbor_put_map(w, pairs);
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        if ((record->measured & measures[i].bit) == 0) {
            continue;
        }
        ud_report_put_key(w, measures[i].label);
        if (measures[i].bit == UD_SUIT_HAS_DIGEST) {
            ud_report_put_wrapped_digest(w, record->bytes);
        } else if ((measures[i].bit & NUMBERS) != 0) {
            ud_cbor_put_uint(w, record->number);
        } else {
            ud_cbor_put_bstr(w, record->bytes);
        }
    }
    if (record->answer != UD_OK) {
        ud_report_put_pair(w, RECORD_FAILURE, (uint64_t)record->answer);
    }
}

static void put_claim(struct ud_cbor_writer *w, const struct ud_report_claim *claim, struct ud_bytes version)
{
    const bool versioned = version.len > 0;
    ud_cbor_put_map(w, versioned ? 5 : 4);
    ud_report_put_claim_image(w, claim);
    if (versioned) {
        ud_report_put_key(w, UD_REPORT_CLAIM_VERSION);
        ud_cbor_put_bstr(w, version);
    }
    ud_report_put_claim_sequence(w, claim);
}

static void put_list(struct ud_cbor_writer *w, const struct ud_report *report)
{
    const struct ud_report_more *more = report->more;
    ud_cbor_put_array(w, (size_t)more->record_count + report->claim_count);
    for (size_t i = 0; i < more->record_count; i++) {
        put_record(w, &more->records[i]);
    }
    for (size_t i = 0; i < report->claim_count; i++) {
        put_claim(w, &report->claims[i],
                  more->versions == NULL ? (struct ud_bytes){NULL, 0} : more->versions[i]);
    }
}

/* ---- capabilities ---- */

/* One label of a list: counted, and written where there is a writer. */
static void each(struct ud_cbor_writer *w, size_t *count, int64_t label)
{
    ++*count;
    if (w != NULL) {
        ud_cbor_put_int(w, label);
    }
}

/* Parameters that a writing command must take account of are the device's only if it does. */
static bool has_param(const struct ud_suit_ops *can, const struct suit_param_row *row)
{
    const uint32_t must_obey = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA | UD_SUIT_HAS_PATCH;
    return (UINT32_C(1) << row->place & must_obey & ~can->obeys) == 0;
}

/* The labels of a table that the device has. */
static size_t list_table(struct ud_cbor_writer *w, const struct ud_suit_ops *can, suit_table table,
                         bool severable_only)
{
    size_t count = 0;
    for (const struct suit_group *const *group = suit_groups; *group != NULL; group++) {
        const uint8_t *row = (*group)->rows[table];
        for (uint8_t left = (*group)->counts[table]; left > 0; left--, row += suit_row_bytes[table]) {
            if (table == SUIT_COMMANDS ? suit_can(can, *group, (const struct suit_command_row *)row)
                : table == SUIT_PARAMS
                    ? has_param(can, (const struct suit_param_row *)row)
                    : !severable_only || suit_is_severable((const struct suit_member_row *)row)) {
                each(w, &count, *row == SUIT_LABEL_PATCH ? UD_SUIT_PARAM_PATCH : *row);
            }
        }
    }
    return count;
}

static size_t list_algorithms(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    for (size_t i = 0; i < ud_algorithm_count; i++) {
        each(w, &count, ud_algorithms[i].alg);
    }
    for (size_t i = 0; i < more->algorithm_count; i++) {
        each(w, &count, more->algorithms[i]);
    }
    return count;
}

static size_t list_envelope(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    each(w, &count, 2); /* authentication wrapper */
    each(w, &count, 3); /* manifest */
    return count + list_table(w, more->can, SUIT_MEMBERS, true);
}

static size_t list_common(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    if (more->can->td != NULL) {
        each(w, &count, 1); /* dependencies */
    }
    each(w, &count, 2); /* components */
    each(w, &count, 4); /* shared sequence */
    return count;
}

/* The lists of a capability report, which begin at its key 2. */
static size_t list(struct ud_cbor_writer *w, const struct ud_report_more *more, uint32_t key)
{
    switch (key) {
    case 2:
        return list_table(w, more->can, SUIT_COMMANDS, false);
    case 3:
        return list_table(w, more->can, SUIT_PARAMS, false);
    case 4:
        return list_algorithms(w, more);
    case 5:
        return list_envelope(w, more);
    case 6:
        return list_table(w, more->can, SUIT_MEMBERS, false);
    default:
        return list_common(w, more);
    }
}

static void put_components(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    ud_cbor_put_array(w, more->component_count);
    for (size_t i = 0; i < more->component_count; i++) {
        ud_cbor_put_raw(w, more->components[i]);
    }
}

static void put_capabilities(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    if (more->can == NULL) {
        return;
    }
    ud_report_put_key(w, UD_REPORT_CAPABILITIES);
    ud_cbor_put_map(w, UD_CAPABILITY_COUNT);
    ud_cbor_put_uint(w, 1);
    put_components(w, more);
    for (uint32_t key = 2; key <= UD_CAPABILITY_COUNT; key++) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_array(w, list(NULL, more, key));
        (void)list(w, more, key);
    }
}

const struct ud_report_more_ops ud_report_more_ops = {put_list, put_capabilities};
