#include "updraft/journal.h"

#include "slots/area.h"
#include "slots/record.h"
#include "updraft/assert.h"

/* docs/design/slots.md names the invariants J1..J6 that comments here refer to. */

#define PLACES_MIN 4 /* of a sector: so many cuts in a row must find room for copies (J6) */
#define TRIES_MAX 3  /* places of a sector that may refuse a record before the next sector is taken */
#define GENERATION_WINDOW                                                                                      \
    4096u /* a torn record further ahead than this is noise: so many cuts in a row do not happen */

static uint32_t sector_count(const struct ud_area *area)
{
    return area->size / area->flash->erase_size;
}

static uint32_t place_count(const struct ud_area *area)
{
    const struct ud_record_shape shape = ud_record_shape(area->flash);
    return area->flash->erase_size / ud_record_bytes(&shape);
}

ud_err ud_journal_check(const struct ud_area *area)
{
    const ud_err err = ud_area_check(area);
    if (err != UD_OK) {
        return err;
    }
    const uint32_t places = place_count(area);
    return sector_count(area) >= 2 && places >= PLACES_MIN && places <= UINT16_MAX ? UD_OK : UD_ERR_LIMIT;
}

/* Places are counted through all sectors: place i of sector n is n * journal->places + i. */
static uint32_t all_places(const struct ud_journal *journal)
{
    return sector_count(&journal->area) * journal->places;
}

static uint32_t offset_of(const struct ud_journal *journal, uint32_t place)
{
    return place / journal->places * journal->area.flash->erase_size +
           place % journal->places * journal->record_bytes;
}

static void begin(struct ud_journal *journal, const struct ud_area *area)
{
    const struct ud_record_shape shape = ud_record_shape(area->flash);
    *journal = (struct ud_journal){.area = *area,
                                   .places = (uint16_t)place_count(area),
                                   .record_bytes = (uint16_t)ud_record_bytes(&shape),
                                   .settled = true};
}

/* A place that cannot be read is torn: worn flash and broken ECC words must not stop a boot. */
static void read_place(const struct ud_journal *journal, uint32_t place, struct ud_record *record,
                       struct ud_slots_state *state)
{
    uint8_t bytes[UD_JOURNAL_RECORD_BYTES_MAX];
    const struct ud_record_shape shape = ud_record_shape(journal->area.flash);
    UD_ASSERT(journal->record_bytes <= sizeof bytes);
    if (ud_area_read(&journal->area, offset_of(journal, place), bytes, journal->record_bytes) != UD_OK) {
        *record = (struct ud_record){.kind = UD_RECORD_TORN};
        return;
    }
    ud_record_decode(record, state, &shape, bytes);
}

static bool is_blank(const struct ud_journal *journal, uint32_t place)
{
    struct ud_record record;
    struct ud_slots_state state;
    read_place(journal, place, &record, &state);
    return record.kind == UD_RECORD_BLANK;
}

/* ---- writing ---- */

static ud_err write_place(struct ud_journal *journal, uint32_t at, const struct ud_slots_state *state)
{
    uint8_t bytes[UD_JOURNAL_RECORD_BYTES_MAX];
    const struct ud_area *area = &journal->area;
    const struct ud_record_shape shape = ud_record_shape(area->flash);
    const uint32_t len = ud_record_encode(&shape, journal->generation, state, bytes);
    ud_err err = ud_area_program(area, at, bytes, len); /* the commit point (J1); reads back */
    if (err == UD_OK) {
        err = ud_area_sync(area); /* the seal must not overtake the record */
    }
    if (err == UD_OK) {
        memset(bytes, (uint8_t)~shape.erased_value, shape.seal_bytes);
        err = ud_area_program(area, at + len, bytes, shape.seal_bytes);
    }
    return err == UD_OK ? ud_area_sync(area) : err;
}

/* In the present sector, from journal->next on. Each try has a generation of its own (J3). */
static ud_err put_in_tail(struct ud_journal *journal, const struct ud_slots_state *state)
{
    for (uint32_t tries = 0; tries < TRIES_MAX && journal->next < journal->places; journal->next++) {
        const uint32_t place = journal->sector * journal->places + journal->next;
        if (!is_blank(journal, place) || journal->generation >= UD_RECORD_GENERATION_MAX) {
            continue;
        }
        journal->generation++;
        tries++;
        if (write_place(journal, offset_of(journal, place), state) == UD_OK) {
            journal->next++;
            return UD_OK;
        }
    }
    return UD_ERR_FLASH;
}

static ud_err erase_sector(const struct ud_journal *journal, uint32_t sector)
{
    return ud_area_erase(&journal->area, sector * journal->area.flash->erase_size);
}

/*
 * In a freshly erased sector, neither the present one nor `keep` (J2: the newest sealed record is never
 * erased).
 */
static ud_err put_in_fresh(struct ud_journal *journal, const struct ud_slots_state *state, uint32_t keep)
{
    const uint32_t count = sector_count(&journal->area);
    const uint32_t sector = journal->sector;
    const uint16_t next = journal->next;
    for (uint32_t i = 1; i < count; i++) {
        journal->sector = (sector + i) % count;
        journal->next = 0;
        if (journal->sector != keep && erase_sector(journal, journal->sector) == UD_OK &&
            put_in_tail(journal, state) == UD_OK) {
            return UD_OK;
        }
    }
    journal->sector = sector;
    journal->next = next;
    return UD_ERR_FLASH;
}

ud_err ud_journal_put(struct ud_journal *journal, const struct ud_slots_state *state)
{
    if (!journal->settled) {
        return UD_ERR_FLASH;
    }
    ud_err err = put_in_tail(journal, state);
    if (err != UD_OK) {
        err = put_in_fresh(journal, state, journal->sector);
    }
    /* what refused may read whole later: nothing more is written before the next mount has looked (J4) */
    journal->settled = err == UD_OK;
    return err;
}

ud_err ud_journal_format(struct ud_journal *journal, const struct ud_area *area,
                         const struct ud_slots_state *state)
{
    ud_err err = ud_journal_check(area);
    if (err != UD_OK) {
        return err;
    }
    begin(journal, area);
    for (uint32_t sector = 0; err == UD_OK && sector < sector_count(area); sector++) {
        err = erase_sector(journal, sector);
    }
    return err == UD_OK ? ud_journal_put(journal, state) : err;
}

/* ---- mounting ---- */

struct found {
    bool is;
    bool sealed;
    uint32_t place;
    uint32_t generation;
    struct ud_slots_state state; /* as read once: a doubtful record may read differently the next time */
};

struct scan {
    struct found newest;        /* valid, sealed or not */
    struct found newest_sealed; /* may be the same */
    bool later;
};

static void note(struct found *best, const struct ud_record *record, uint32_t place,
                 const struct ud_slots_state *state)
{
    if (!best->is || record->generation > best->generation) {
        *best = (struct found){true, record->sealed, place, record->generation, *state};
    }
}

static void scan_area(const struct ud_journal *journal, struct scan *scan)
{
    struct ud_record record;
    struct ud_slots_state state;
    memset(scan, 0, sizeof *scan);
    for (uint32_t place = 0; place < all_places(journal); place++) {
        read_place(journal, place, &record, &state);
        if (record.kind == UD_RECORD_LATER) {
            scan->later = true;
        }
        if (record.kind == UD_RECORD_VALID) {
            note(&scan->newest, &record, place, &state);
        }
        if (record.kind == UD_RECORD_VALID && record.sealed) {
            note(&scan->newest_sealed, &record, place, &state);
        }
    }
}

/*
 * The highest generation that any place may show one day (J3). Of a record that can still come to read whole,
 * only the last unit is in doubt, and the generation is in the first: what is read here is what it will be.
 */
static uint32_t highest_generation(const struct ud_journal *journal, uint32_t newest)
{
    struct ud_record record;
    struct ud_slots_state state;
    uint32_t highest = newest;
    for (uint32_t place = 0; place < all_places(journal); place++) {
        read_place(journal, place, &record, &state);
        if (record.counts && record.generation > highest && record.generation - newest < GENERATION_WINDOW) {
            highest = record.generation;
        }
    }
    return highest;
}

static uint16_t place_after_last_used(const struct ud_journal *journal, uint32_t sector)
{
    uint16_t place = journal->places;
    while (place > 0 && is_blank(journal, sector * journal->places + place - 1)) {
        place--;
    }
    return place;
}

/* Could a program or erase have been cut after the newest record was complete? (J5) */
static bool is_doubtful(const struct ud_journal *journal, const struct found *newest)
{
    struct ud_record record;
    struct ud_slots_state state;
    if (!newest->sealed || journal->next != newest->place % journal->places + 1) {
        return true;
    }
    read_place(journal, (journal->sector + 1) % sector_count(&journal->area) * journal->places, &record,
               &state);
    return record.kind == UD_RECORD_TORN;
}

/*
 * What to go on from. With two sectors, and no place left to copy an unsealed record to, it is the sealed one
 * (J6).
 */
static const struct found *base_of(const struct ud_journal *journal, const struct scan *scan)
{
    const struct found *newest = &scan->newest;
    const struct found *sealed = &scan->newest_sealed;
    const uint32_t sector = newest->place / journal->places;
    const bool stuck = !newest->sealed && sealed->is && sealed->place / journal->places != sector &&
                       sector_count(&journal->area) == 2 &&
                       place_after_last_used(journal, sector) == journal->places;
    return stuck ? sealed : newest;
}

/*
 * A sealed record is whole for good, so any other sector may be erased. One without a seal may only be copied.
 */
static ud_err settle(struct ud_journal *journal, const struct found *base, const struct found *sealed)
{
    uint32_t keep = journal->sector;
    if (!base->sealed) {
        if (put_in_tail(journal, &base->state) == UD_OK) {
            return UD_OK;
        }
        keep = sealed->is ? sealed->place / journal->places : keep;
    }
    return put_in_fresh(journal, &base->state, keep);
}

ud_err ud_journal_mount(struct ud_journal *journal, const struct ud_area *area, struct ud_slots_state *state)
{
    struct scan scan;
    const ud_err err = ud_journal_check(area);
    if (err != UD_OK) {
        return err;
    }
    begin(journal, area);
    scan_area(journal, &scan);
    if (scan.later || !scan.newest.is) {
        return scan.later ? UD_ERR_VERSION : UD_ERR_JOURNAL;
    }
    const struct found *base = base_of(journal, &scan);
    journal->sector = base->place / journal->places;
    journal->next = place_after_last_used(journal, journal->sector);
    journal->generation = highest_generation(journal, base->generation);
    if (is_doubtful(journal, base)) {
        journal->settled = settle(journal, base, &scan.newest_sealed) == UD_OK;
    }
    *state = base->state;
    return UD_OK;
}
