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
    uint64_t pairs = record->answer != UD_OK;
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        pairs += (record->measured & measures[i].bit) != 0;
    }
    ud_report_put_place(w, &record->where);
    ud_cbor_put_map(w, pairs);
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        if ((record->measured & measures[i].bit) == 0) {
            continue;
        }
        ud_cbor_put_uint(w, measures[i].label);
        if (measures[i].bit == UD_SUIT_HAS_DIGEST) {
            ud_report_put_wrapped_digest(w, record->bytes);
        } else if ((measures[i].bit & NUMBERS) != 0) {
            ud_cbor_put_uint(w, record->number);
        } else {
            ud_cbor_put_bstr(w, record->bytes);
        }
    }
    if (record->answer != UD_OK) {
        ud_cbor_put_int(w, RECORD_FAILURE);
        ud_cbor_put_uint(w, (uint64_t)record->answer);
    }
}

static void put_claim(struct ud_cbor_writer *w, const struct ud_report_claim *claim, struct ud_bytes version)
{
    const bool versioned = version.len > 0;
    ud_cbor_put_map(w, versioned ? 5 : 4);
    ud_report_put_claim_image(w, claim);
    if (versioned) {
        ud_cbor_put_uint(w, UD_REPORT_CLAIM_VERSION);
        ud_cbor_put_bstr(w, version);
    }
    ud_report_put_claim_sequence(w, claim);
}

static void put_list(struct ud_cbor_writer *w, const struct ud_report *report)
{
    const struct ud_report_more *more = report->more;
    ud_cbor_put_array(w, (uint64_t)more->record_count + report->claim_count);
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

static int64_t label_of(uint8_t label)
{
    return label == SUIT_LABEL_PATCH ? UD_SUIT_PARAM_PATCH : label;
}

/* Parameters that a writing command must take account of are the device's only if it does. */
static bool has_param(const struct ud_suit_ops *can, const struct suit_param_row *row)
{
    const uint32_t must_obey = UD_SUIT_HAS_ENCRYPTION | UD_SUIT_HAS_METADATA | UD_SUIT_HAS_PATCH;
    const uint32_t bit = row->place == SUIT_NO_PLACE ? 0 : UINT32_C(1) << row->place;
    return (bit & must_obey & ~can->obeys) == 0;
}

static size_t list_commands(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    for (const struct suit_group *const *group = suit_groups; *group != NULL; group++) {
        const struct suit_command_row *row = (*group)->rows[SUIT_COMMANDS];
        for (uint8_t left = (*group)->counts[SUIT_COMMANDS]; left > 0; left--, row++) {
            if (suit_can(more->can, *group, row)) {
                each(w, &count, row->code);
            }
        }
    }
    return count;
}

static size_t list_params(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    for (const struct suit_group *const *group = suit_groups; *group != NULL; group++) {
        const struct suit_param_row *row = (*group)->rows[SUIT_PARAMS];
        for (uint8_t left = (*group)->counts[SUIT_PARAMS]; left > 0; left--, row++) {
            if (has_param(more->can, row)) {
                each(w, &count, label_of(row->label));
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

static size_t list_members(struct ud_cbor_writer *w, bool severable_only)
{
    size_t count = 0;
    for (const struct suit_group *const *group = suit_groups; *group != NULL; group++) {
        const struct suit_member_row *row = (*group)->rows[SUIT_MEMBERS];
        for (uint8_t left = (*group)->counts[SUIT_MEMBERS]; left > 0; left--, row++) {
            if (!severable_only || row->member != SUIT_NOT_SEVERABLE) {
                each(w, &count, row->label);
            }
        }
    }
    return count;
}

static size_t list_envelope(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    size_t count = 0;
    (void)more;
    each(w, &count, 2); /* authentication wrapper */
    each(w, &count, 3); /* manifest */
    return count + list_members(w, true);
}

static size_t list_manifest(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    (void)more;
    return list_members(w, false);
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

static void put_components(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    ud_cbor_put_array(w, more->component_count);
    for (size_t i = 0; i < more->component_count; i++) {
        ud_cbor_put_raw(w, more->components[i]);
    }
}

static void put_capabilities(struct ud_cbor_writer *w, const struct ud_report_more *more)
{
    static size_t (*const lists[])(struct ud_cbor_writer *, const struct ud_report_more *) = {
        list_commands, list_params, list_algorithms, list_envelope, list_manifest, list_common,
    };
    if (more->can == NULL) {
        return;
    }
    ud_cbor_put_uint(w, UD_REPORT_CAPABILITIES);
    ud_cbor_put_map(w, UD_CAPABILITY_COUNT);
    ud_cbor_put_uint(w, 1);
    put_components(w, more);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        ud_cbor_put_uint(w, 2 + i);
        ud_cbor_put_array(w, lists[i](NULL, more));
        (void)lists[i](w, more);
    }
}

const struct ud_report_more_ops ud_report_more_ops = {put_list, put_capabilities};
