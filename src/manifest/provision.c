#include "updraft/provision.h"

#include "manifest/diag.h"
#include "manifest/fields.h"
#include "manifest/trust_policy.h"
#include "updraft/flash.h"
#include "updraft/trust_store.h"

/* Labels of docs/formats.md section 5. */
enum {
    KEY_VERSION = 1,
    KEY_VENDOR = 2,
    KEY_CLASS = 3,
    KEY_DEVICE = 4,
    KEY_TRUST = 5,
    KEY_COMPONENTS = 6,
    KEY_ENVELOPES = 7,
    KEY_JOURNAL = 8,
    KEY_FLASH = 9,
    KEY_TRIAL = 10,
    KEY_TRUST_STORE = 11,
    KEY_ROOTS = 12,
    KEY_MOVER = 16,
    KEY_RECOVERY = 17,
};
enum { COMPONENT_ID = 1, COMPONENT_AREAS = 2, COMPONENT_WRITERS = 3 };
enum { WRITERS_ALL = (1 << UD_TRUST_GROUPS_MAX) - 1 };
enum { FLASH_BYTES = 1, FLASH_ERASE = 2, FLASH_WRITE = 3, FLASH_ERASED = 4 };
enum { TRIAL_BOOTS = 1, TRIAL_DEADLINE = 2 };
enum { MOVER_KIND = 1, MOVER_AREA = 2, MOVER_AT_REST = 3 };

enum { FORMAT_VERSION = 1, AREAS_MAX = UD_PROVISION_SLOTS * (UD_COMPONENTS_MAX + 2) + 4 };

/* Reading: areas and components */

static struct ud_provision_area read_area(struct ud_cbor *r)
{
    ud_fields_array(r, 2);
    const uint32_t offset = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
    const uint32_t size = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
    return (struct ud_provision_area){offset, size};
}

static void read_slots(struct ud_cbor *r, struct ud_provision_area slot[UD_PROVISION_SLOTS])
{
    ud_fields_array(r, UD_PROVISION_SLOTS);
    for (size_t i = 0; i < UD_PROVISION_SLOTS; i++) {
        slot[i] = read_area(r);
    }
}

static void read_component_id(struct ud_cbor *r, void *into)
{
    ((struct ud_provision_component *)into)->id = ud_fields_component_id(r);
}

static void read_component_areas(struct ud_cbor *r, void *into)
{
    read_slots(r, ((struct ud_provision_component *)into)->slot);
}

static void read_component_writers(struct ud_cbor *r, void *into)
{
    ((struct ud_provision_component *)into)->writers = (uint8_t)ud_fields_number(r, 1, WRITERS_ALL);
}

static const struct ud_field component_fields[] = {
    {COMPONENT_ID, true, read_component_id},
    {COMPONENT_AREAS, true, read_component_areas},
    {COMPONENT_WRITERS, false, read_component_writers},
};

/* Reading: the file */

static void read_version(struct ud_cbor *r, void *into)
{
    const struct ud_cbor before = *r;
    (void)into;
    if (ud_cbor_uint(r) != FORMAT_VERSION && r->err == UD_OK) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_VERSION);
    }
}

static void read_vendor(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->vendor_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_class(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->class_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_device(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->device_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_trust(struct ud_cbor *r, void *into)
{
    ud_trust_policy_read(r, &((struct ud_provision *)into)->trust);
}

static void read_components(struct ud_cbor *r, void *into)
{
    struct ud_provision *provision = into;
    size_t taken = 0;
    for (uint64_t count = ud_cbor_array(r); count > 0 && r->err == UD_OK; count--) {
        struct ud_provision_component component = {.id = {NULL, 0}};
        if (provision->component_count == UD_COMPONENTS_MAX) {
            ud_cbor_fail(r, UD_ERR_LIMIT);
            return;
        }
        ud_fields_read(r, component_fields, sizeof component_fields / sizeof component_fields[0], &component);
        if (r->err == UD_OK && ud_provision_component(provision, component.id, &taken) == UD_OK) {
            ud_cbor_fail(r, UD_ERR_DUPLICATE);
        }
        provision->components[provision->component_count++] = component;
    }
}

static void read_envelopes(struct ud_cbor *r, void *into)
{
    read_slots(r, ((struct ud_provision *)into)->envelope);
}

static void read_journal(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->journal = read_area(r);
}

static void read_flash_bytes(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->flash_bytes = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
}

static void read_flash_erase(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->erase_size = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
}

static void read_flash_write(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->write_size = (uint32_t)ud_fields_number(r, 1, UD_FLASH_WRITE_SIZE_MAX);
}

static void read_flash_erased(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->erased_value = (uint8_t)ud_fields_number(r, 0, UINT8_MAX);
}

static const struct ud_field flash_fields[] = {
    {FLASH_BYTES, true, read_flash_bytes},
    {FLASH_ERASE, true, read_flash_erase},
    {FLASH_WRITE, true, read_flash_write},
    {FLASH_ERASED, true, read_flash_erased},
};

static void read_flash(struct ud_cbor *r, void *into)
{
    ud_fields_read(r, flash_fields, sizeof flash_fields / sizeof flash_fields[0], into);
}

static void read_trial_boots(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->trial_boots = (uint8_t)ud_fields_number(r, 1, UINT8_MAX);
}

static void read_trial_deadline(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->trial_deadline_ms = (uint32_t)ud_fields_number(r, 1, UINT32_MAX);
}

static const struct ud_field trial_fields[] = {
    {TRIAL_BOOTS, true, read_trial_boots},
    {TRIAL_DEADLINE, true, read_trial_deadline},
};

static void read_trial(struct ud_cbor *r, void *into)
{
    ud_fields_read(r, trial_fields, sizeof trial_fields / sizeof trial_fields[0], into);
}

static void read_trust_store(struct ud_cbor *r, void *into)
{
    read_slots(r, ((struct ud_provision *)into)->trust_store);
}

/* Read once to see that it is sound; whoever verifies a store reads it again. */
static void read_roots(struct ud_cbor *r, void *into)
{
    struct ud_trust roots;
    const struct ud_cbor before = *r;
    const struct ud_bytes item = ud_cbor_skip(r);
    const ud_err err = r->err == UD_OK ? ud_trust_roots_parse(&roots, item, NULL) : UD_OK;
    ((struct ud_provision *)into)->roots = item;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
}

static void read_mover_kind(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->mover =
        (ud_provision_mover)ud_fields_number(r, UD_PROVISION_SWAP, UD_PROVISION_PATCH);
}

static void read_mover_area(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->move = read_area(r);
}

static void read_mover_at_rest(struct ud_cbor *r, void *into)
{
    ((struct ud_provision *)into)->at_rest = ud_fields_number(r, 1, 1) == 1;
}

static const struct ud_field mover_fields[] = {
    {MOVER_KIND, true, read_mover_kind},
    {MOVER_AREA, true, read_mover_area},
    {MOVER_AT_REST, false, read_mover_at_rest},
};

static void read_mover(struct ud_cbor *r, void *into)
{
    ud_fields_read(r, mover_fields, sizeof mover_fields / sizeof mover_fields[0], into);
}

static void read_recovery(struct ud_cbor *r, void *into)
{
    read_slots(r, ((struct ud_provision *)into)->recovery);
}

static const struct ud_field file_fields[] = {
    {KEY_VERSION, true, read_version},
    {KEY_VENDOR, true, read_vendor},
    {KEY_CLASS, true, read_class},
    {KEY_DEVICE, false, read_device},
    {KEY_TRUST, true, read_trust},
    {KEY_COMPONENTS, true, read_components},
    {KEY_ENVELOPES, true, read_envelopes},
    {KEY_JOURNAL, true, read_journal},
    {KEY_FLASH, true, read_flash},
    {KEY_TRIAL, true, read_trial},
    {KEY_TRUST_STORE, false, read_trust_store},
    {KEY_ROOTS, false, read_roots},
    {KEY_MOVER, false, read_mover},
    {KEY_RECOVERY, false, read_recovery},
};

/* Checks of the whole */

/* Roots and a place for what they sign come together, or neither does. */
static ud_err check_trust(const struct ud_provision *p)
{
    const bool has_areas = p->trust_store[0].size > 0 || p->trust_store[1].size > 0;
    const ud_err err = ud_trust_policy_check(&p->trust);
    return err == UD_OK && has_areas != (p->roots.len > 0) ? UD_ERR_MISSING : err;
}

static ud_err check_geometry(const struct ud_provision *p)
{
    const bool power_of_two = (p->write_size & (p->write_size - 1)) == 0;
    const bool fits = p->erase_size % p->write_size == 0 && p->flash_bytes % p->erase_size == 0;
    const bool erased = p->erased_value == 0x00 || p->erased_value == 0xff;
    return power_of_two && fits && erased ? UD_OK : UD_ERR_NUMBER_RANGE;
}

static bool area_inside(const struct ud_provision *p, struct ud_provision_area area)
{
    return area.offset % p->erase_size == 0 && area.size % p->erase_size == 0 && area.offset < p->flash_bytes &&
           area.size <= p->flash_bytes - area.offset;
}

/* Both are inside the flash, so their ends do not wrap. */
static bool overlap(struct ud_provision_area a, struct ud_provision_area b)
{
    return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

static size_t all_areas(const struct ud_provision *p, struct ud_provision_area areas[AREAS_MAX])
{
    size_t count = 0;
    areas[count++] = p->journal;
    if (p->mover != UD_PROVISION_STAY) {
        areas[count++] = p->move;
    }
    for (size_t i = 0; i < 2 && ud_provision_has_recovery(p); i++) {
        areas[count++] = p->recovery[i];
    }
    for (size_t slot = 0; slot < UD_PROVISION_SLOTS; slot++) {
        areas[count++] = p->envelope[slot];
        if (p->roots.len > 0) {
            areas[count++] = p->trust_store[slot];
        }
        for (size_t i = 0; i < p->component_count; i++) {
            areas[count++] = p->components[i].slot[slot];
        }
    }
    return count;
}

static ud_err check_areas(const struct ud_provision *p)
{
    struct ud_provision_area areas[AREAS_MAX];
    const size_t count = all_areas(p, areas);
    for (size_t i = 0; i < count; i++) {
        if (!area_inside(p, areas[i])) {
            return UD_ERR_RANGE;
        }
        for (size_t k = 0; k < i; k++) {
            if (overlap(areas[i], areas[k])) {
                return UD_ERR_RANGE;
            }
        }
    }
    if (p->mover != UD_PROVISION_STAY && p->move.size / p->erase_size < UD_PROVISION_MOVE_SECTORS_MIN) {
        return UD_ERR_RANGE;
    }
    if (p->mover == UD_PROVISION_PATCH && !ud_provision_has_recovery(p)) {
        return UD_ERR_IN_PLACE; /* nothing would bring such a device back */
    }
    if (p->at_rest && p->mover != UD_PROVISION_SWAP && p->mover != UD_PROVISION_OVERWRITE) {
        return UD_ERR_CONFIG; /* no image rests where another one than the bootloader runs it from */
    }
    return p->journal.size / p->erase_size >= UD_PROVISION_JOURNAL_SECTORS_MIN ? UD_OK : UD_ERR_RANGE;
}

/* A component that nobody could ever write; where roots make stores, their keys may come with one. */
static ud_err check_writers(const struct ud_provision *p)
{
    uint8_t groups = 0;
    for (size_t i = 0; i < p->trust.key_count; i++) {
        groups |= (uint8_t)(1U << p->trust.keys[i].group);
    }
    for (size_t i = 0; i < p->component_count && p->roots.len == 0; i++) {
        if ((p->components[i].writers & ~groups) != 0) {
            return UD_ERR_THRESHOLD;
        }
    }
    return UD_OK;
}

static ud_err check(const struct ud_provision *p)
{
    ud_err err = p->component_count > 0 ? check_trust(p) : UD_ERR_MISSING;
    if (err == UD_OK) {
        err = check_writers(p);
    }
    if (err == UD_OK) {
        err = check_geometry(p);
    }
    return err == UD_OK ? check_areas(p) : err;
}

ud_err ud_provision_parse(struct ud_provision *provision, struct ud_bytes in, struct ud_diag *diag)
{
    struct ud_provision found = {.component_count = 0};
    struct ud_cbor r;
    if (in.len > UD_PROVISION_BYTES_MAX) {
        return ud_diag_set(diag, UD_ERR_LIMIT, UD_PROVISION_BYTES_MAX);
    }
    ud_cbor_init(&r, in);
    ud_fields_read(&r, file_fields, sizeof file_fields / sizeof file_fields[0], &found);
    ud_err err = ud_cbor_finish(&r);
    if (err != UD_OK) {
        return ud_diag_set(diag, err, r.err_offset_bytes);
    }
    err = check(&found);
    if (err == UD_OK) {
        *provision = found;
    }
    return ud_diag_set(diag, err, 0); /* the file as a whole does not add up */
}

ud_err ud_provision_component(const struct ud_provision *provision, struct ud_bytes id, size_t *index)
{
    for (size_t i = 0; i < provision->component_count; i++) {
        if (ud_bytes_equal(provision->components[i].id, id)) {
            *index = i;
            return UD_OK;
        }
    }
    return UD_ERR_COMPONENT;
}

/* Writing */

static void put_bstr_field(struct ud_cbor_writer *w, uint64_t key, struct ud_bytes value)
{
    if (value.len > 0) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_bstr(w, value);
    }
}

static void put_number_field(struct ud_cbor_writer *w, uint64_t key, uint64_t value)
{
    ud_cbor_put_uint(w, key);
    ud_cbor_put_uint(w, value);
}

static void put_area(struct ud_cbor_writer *w, struct ud_provision_area area)
{
    ud_cbor_put_array(w, 2);
    ud_cbor_put_uint(w, area.offset);
    ud_cbor_put_uint(w, area.size);
}

static void put_slots(struct ud_cbor_writer *w, const struct ud_provision_area slot[UD_PROVISION_SLOTS])
{
    ud_cbor_put_array(w, UD_PROVISION_SLOTS);
    for (size_t i = 0; i < UD_PROVISION_SLOTS; i++) {
        put_area(w, slot[i]);
    }
}

static void put_places(struct ud_cbor_writer *w, const struct ud_provision *p)
{
    ud_cbor_put_uint(w, KEY_COMPONENTS);
    ud_cbor_put_array(w, p->component_count);
    for (size_t i = 0; i < p->component_count; i++) {
        ud_cbor_put_map(w, p->components[i].writers != 0 ? 3 : 2);
        ud_cbor_put_uint(w, COMPONENT_ID);
        ud_cbor_put_raw(w, p->components[i].id);
        ud_cbor_put_uint(w, COMPONENT_AREAS);
        put_slots(w, p->components[i].slot);
        if (p->components[i].writers != 0) {
            put_number_field(w, COMPONENT_WRITERS, p->components[i].writers);
        }
    }
    ud_cbor_put_uint(w, KEY_ENVELOPES);
    put_slots(w, p->envelope);
    ud_cbor_put_uint(w, KEY_JOURNAL);
    put_area(w, p->journal);
}

static void put_file(struct ud_cbor_writer *w, const struct ud_provision *p)
{
    ud_cbor_put_map(w, 9U + (p->device_id.len > 0 ? 1 : 0) + (p->roots.len > 0 ? 2 : 0) +
                           (p->mover != UD_PROVISION_STAY ? 1 : 0) + (ud_provision_has_recovery(p) ? 1 : 0));
    put_number_field(w, KEY_VERSION, FORMAT_VERSION);
    put_bstr_field(w, KEY_VENDOR, p->vendor_id);
    put_bstr_field(w, KEY_CLASS, p->class_id);
    put_bstr_field(w, KEY_DEVICE, p->device_id);
    ud_cbor_put_uint(w, KEY_TRUST);
    ud_trust_policy_put(w, &p->trust);
    put_places(w, p);
    ud_cbor_put_uint(w, KEY_FLASH);
    ud_cbor_put_map(w, 4);
    put_number_field(w, FLASH_BYTES, p->flash_bytes);
    put_number_field(w, FLASH_ERASE, p->erase_size);
    put_number_field(w, FLASH_WRITE, p->write_size);
    put_number_field(w, FLASH_ERASED, p->erased_value);
    ud_cbor_put_uint(w, KEY_TRIAL);
    ud_cbor_put_map(w, 2);
    put_number_field(w, TRIAL_BOOTS, p->trial_boots);
    put_number_field(w, TRIAL_DEADLINE, p->trial_deadline_ms);
    if (p->roots.len > 0) {
        ud_cbor_put_uint(w, KEY_TRUST_STORE);
        put_slots(w, p->trust_store);
        ud_cbor_put_uint(w, KEY_ROOTS);
        ud_cbor_put_raw(w, p->roots);
    }
    if (p->mover != UD_PROVISION_STAY) {
        ud_cbor_put_uint(w, KEY_MOVER);
        ud_cbor_put_map(w, p->at_rest ? 3 : 2);
        put_number_field(w, MOVER_KIND, (uint64_t)p->mover);
        ud_cbor_put_uint(w, MOVER_AREA);
        put_area(w, p->move);
        if (p->at_rest) {
            put_number_field(w, MOVER_AT_REST, 1);
        }
    }
    if (ud_provision_has_recovery(p)) {
        ud_cbor_put_uint(w, KEY_RECOVERY);
        put_slots(w, p->recovery);
    }
}

ud_err ud_provision_write(struct ud_buf *out, const struct ud_provision *provision)
{
    struct ud_provision back;
    struct ud_cbor_writer w;
    const size_t start = out->len;
    ud_cbor_writer_init(&w, out);
    put_file(&w, provision);
    ud_err err = ud_cbor_written(&w);
    if (err == UD_OK) { /* what no device would read must not be written */
        err = ud_provision_parse(&back, (struct ud_bytes){out->ptr + start, out->len - start}, NULL);
    }
    if (err != UD_OK) {
        out->len = start;
    }
    return err;
}
