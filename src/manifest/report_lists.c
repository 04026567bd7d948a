/* Reading what a report says beside its result: records of commands, and what the device can do. For servers and tools. */
#include <string.h>

#include "manifest/fields.h"
#include "manifest/report_parts.h"

enum { INDEX_MAX = 23 };    /* of a dependency */
enum { VERSION_EQUAL = 3 }; /* the comparison in a version that is one */
enum { NUMBERS_MAX = 16 };  /* of a version */

/* A code that this program does not know is from a newer device; a success is none. */
void ud_report_read_failure(struct ud_cbor *r, ud_err *result)
{
    const struct ud_cbor before = *r;
    const uint64_t value = ud_fields_number(r, 0, UINT32_MAX);
    *result = UD_ERR_INTERNAL;
    (void)ud_err_from_value((uint32_t)value, result);
    if (r->err == UD_OK && (*result == UD_OK || *result == UD_WAIT || *result == UD_ABSENT)) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_NUMBER_RANGE); /* no failure */
    }
}

static bool is_section(uint64_t value)
{
    static const uint8_t known[] = {0,
                                    UD_SUIT_SHARED,
                                    UD_SUIT_VALIDATE,
                                    UD_SUIT_LOAD,
                                    UD_SUIT_INVOKE,
                                    UD_SUIT_RESOLUTION,
                                    UD_SUIT_FETCH,
                                    UD_SUIT_CANDIDATE,
                                    UD_SUIT_INSTALL,
                                    UD_SUIT_UNINSTALL};
    return value <= UINT8_MAX && memchr(known, (int)value, sizeof known) != NULL;
}

static void read_path(struct ud_cbor *r, struct ud_suit_record *record)
{
    const struct ud_cbor before = *r;
    const size_t count = ud_cbor_array(r);
    if (r->err == UD_OK && count > UD_SUIT_DEPENDENCIES_MAX) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return;
    }
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        record->path[i] = (uint8_t)ud_fields_number(r, 0, INDEX_MAX);
    }
    record->path_len = (uint8_t)count;
}

void ud_report_read_place(struct ud_cbor *r, struct ud_suit_record *record)
{
    ud_fields_array(r, UD_REPORT_RECORD_ELEMENTS);
    read_path(r, record);
    const struct ud_cbor before = *r;
    const uint64_t section = ud_cbor_uint(r);
    if (r->err == UD_OK && !is_section(section)) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_NUMBER_RANGE);
    }
    record->section = (ud_suit_section)section;
    record->offset_bytes = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
    record->component = (uint8_t)ud_fields_number(r, 0, UINT8_MAX);
}

struct ud_bytes ud_report_read_version(struct ud_cbor *r)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes version = ud_cbor_bstr(r);
    struct ud_cbor inner;
    ud_cbor_init(&inner, version);
    ud_fields_array(&inner, 2);
    (void)ud_fields_number(&inner, VERSION_EQUAL, VERSION_EQUAL);
    const size_t count = ud_cbor_array(&inner);
    if (count == 0 || count > NUMBERS_MAX) {
        ud_cbor_fail(&inner, UD_ERR_SHAPE);
    }
    for (size_t i = 0; i < count && inner.err == UD_OK; i++) {
        (void)ud_cbor_int(&inner);
    }
    const ud_err err = ud_cbor_finish(&inner);
    if (r->err == UD_OK && err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
    return version;
}

/* ---- records ---- */

static void read_id(struct ud_cbor *r, struct ud_report_record *record, uint32_t bit)
{
    record->measured |= bit;
    record->bytes = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_number(struct ud_cbor *r, struct ud_report_record *record, uint32_t bit)
{
    record->measured |= bit;
    record->number = ud_cbor_uint(r);
}

static void read_vendor(struct ud_cbor *r, void *into)
{
    read_id(r, into, UD_SUIT_HAS_VENDOR);
}

static void read_class(struct ud_cbor *r, void *into)
{
    read_id(r, into, UD_SUIT_HAS_CLASS);
}

static void read_digest(struct ud_cbor *r, void *into)
{
    struct ud_report_record *record = into;
    record->measured |= UD_SUIT_HAS_DIGEST;
    record->bytes = ud_report_read_wrapped_digest(r);
}

static void read_slot(struct ud_cbor *r, void *into)
{
    read_number(r, into, UD_SUIT_HAS_SLOT);
}

static void read_size(struct ud_cbor *r, void *into)
{
    read_number(r, into, UD_SUIT_HAS_SIZE);
}

static void read_device(struct ud_cbor *r, void *into)
{
    read_id(r, into, UD_SUIT_HAS_DEVICE);
}

static void read_battery(struct ud_cbor *r, void *into)
{
    read_number(r, into, UD_SUIT_HAS_BATTERY);
}

static void read_answer(struct ud_cbor *r, void *into)
{
    ud_report_read_failure(r, &((struct ud_report_record *)into)->answer);
}

static const struct ud_field record_fields[] = {
    {RECORD_VENDOR, false, read_vendor},   {RECORD_CLASS, false, read_class},
    {RECORD_DIGEST, false, read_digest},   {RECORD_SLOT, false, read_slot},
    {RECORD_SIZE, false, read_size},       {RECORD_DEVICE, false, read_device},
    {RECORD_BATTERY, false, read_battery}, {RECORD_FAILURE, false, read_answer},
};

/* A command measures one thing, or an image by its digest and its size. */
static bool is_one_thing(uint32_t measured)
{
    return (measured & (measured - 1U)) == 0 || measured == (UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_SIZE);
}

void ud_report_read_record(struct ud_cbor *r, struct ud_report_record *record)
{
    ud_report_read_place(r, &record->where);
    const struct ud_cbor before = *r;
    ud_fields_read(r, record_fields, sizeof record_fields / sizeof record_fields[0], record);
    if (r->err == UD_OK && !is_one_thing(record->measured)) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
}

ud_err ud_report_record(const struct ud_report *report, size_t i, struct ud_report_record *record)
{
    struct ud_cbor r;
    if (i >= report->record_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, report->list);
    while (r.err == UD_OK) {
        if (ud_cbor_peek(&r) != UD_CBOR_ARRAY) {
            (void)ud_cbor_skip(&r); /* a claim */
        } else {
            *record = (struct ud_report_record){.answer = UD_OK};
            ud_report_read_record(&r, record);
            if (i-- == 0) {
                break;
            }
        }
    }
    return r.err;
}

/* ---- versions ---- */

static void pass(struct ud_cbor *r, void *into)
{
    (void)into;
    (void)ud_cbor_skip(r);
}

static void keep_version(struct ud_cbor *r, void *into)
{
    *(struct ud_bytes *)into = ud_report_read_version(r);
}

/* Of a claim, which ud_report_verify() has looked over. */
static const struct ud_field version_fields[] = {
    {0, true, pass},           {RECORD_DIGEST, true, pass},
    {RECORD_SIZE, true, pass}, {UD_REPORT_CLAIM_VERSION, false, keep_version},
    {-257, true, pass},
};

ud_err ud_report_version(const struct ud_report *report, size_t i, struct ud_bytes *version)
{
    struct ud_bytes found = {NULL, 0};
    struct ud_cbor r;
    if (i >= report->claim_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, report->list);
    while (r.err == UD_OK) {
        if (ud_cbor_peek(&r) != UD_CBOR_MAP || i-- > 0) {
            (void)ud_cbor_skip(&r);
        } else {
            ud_fields_read(&r, version_fields, sizeof version_fields / sizeof version_fields[0], &found);
            break;
        }
    }
    if (r.err == UD_OK) {
        *version = found;
    }
    return r.err;
}

/* ---- capabilities ---- */

/* A component, or a prefix of some: an array of byte strings, and `true` for a prefix. */
static void check_component(struct ud_cbor *r)
{
    const size_t count = ud_cbor_array(r);
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        if (i + 1 == count && ud_cbor_peek(r) == UD_CBOR_BOOL) {
            (void)ud_cbor_bool(r);
        } else {
            (void)ud_cbor_bstr(r);
        }
    }
}

static void read_list(struct ud_cbor *r, void *into, ud_capability which)
{
    const size_t count = ud_cbor_array(r);
    struct ud_bytes list = r->rest;
    for (size_t i = 0; i < count && r->err == UD_OK; i++) {
        if (which == UD_CAPABILITY_COMPONENTS) {
            check_component(r);
        } else {
            (void)ud_cbor_int(r);
        }
    }
    list.len -= r->rest.len;
    ((struct ud_capabilities *)into)->list[which] = list;
}

#define LIST(name, which)                                                                                      \
    static void name(struct ud_cbor *r, void *into)                                                            \
    {                                                                                                          \
        read_list(r, into, which);                                                                             \
    }
LIST(read_components, UD_CAPABILITY_COMPONENTS)
LIST(read_commands, UD_CAPABILITY_COMMANDS)
LIST(read_parameters, UD_CAPABILITY_PARAMETERS)
LIST(read_algorithms, UD_CAPABILITY_ALGORITHMS)
LIST(read_envelope, UD_CAPABILITY_ENVELOPE)
LIST(read_manifest, UD_CAPABILITY_MANIFEST)
LIST(read_common, UD_CAPABILITY_COMMON)

static const struct ud_field capability_fields[] = {
    {1, true, read_components}, {2, true, read_commands},  {3, true, read_parameters},
    {4, true, read_algorithms}, {5, false, read_envelope}, {6, false, read_manifest},
    {7, false, read_common},
};

ud_err ud_report_capabilities(struct ud_bytes item, struct ud_capabilities *capabilities)
{
    struct ud_capabilities found = {{{NULL, 0}}};
    struct ud_cbor r;
    ud_cbor_init(&r, item);
    ud_fields_read(&r, capability_fields, sizeof capability_fields / sizeof capability_fields[0], &found);
    const ud_err err = ud_cbor_finish(&r);
    if (err == UD_OK) {
        *capabilities = found;
    }
    return err;
}
