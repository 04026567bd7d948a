/* The envelope's own area of a slot: header, then the envelope's bytes (docs/formats.md section 11). */
#include "core/crc32.h"
#include "slots/area.h"
#include "slots/commit.h"
#include "slots/le.h"
#include "updraft/assert.h"
#include "updraft/slots.h"

#define HEADER_BYTES UD_ENVELOPE_HEADER_BYTES
#define HEADER_BYTES_MAX UD_FLASH_WRITE_SIZE_MAX

static const uint8_t magic[4] = {'U', 'D', 'E', '1'};

static uint32_t header_bytes(const struct ud_area *area)
{
    return ud_area_round_up(HEADER_BYTES, area->flash->write_size);
}

static uint32_t capacity_of(const struct ud_area *area)
{
    return area->size - header_bytes(area);
}

uint32_t ud_slots_envelope_capacity(const struct ud_slots *slots)
{
    const uint32_t first = capacity_of(&slots->layout->envelope[0]);
    const uint32_t second = capacity_of(&slots->layout->envelope[1]);
    return first < second ? first : second;
}

/* Sectors from the first to the one with byte `len - 1`. */
static ud_err erase_for(const struct ud_area *area, uint32_t len)
{
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < len; at += area->flash->erase_size) {
        err = ud_area_erase(area, at);
    }
    return err;
}

static ud_err program_body(const struct ud_area *area, struct ud_bytes envelope)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    struct ud_bytes whole = {NULL, 0};
    const uint32_t start = header_bytes(area);
    const size_t whole_bytes = envelope.len - envelope.len % area->flash->write_size;
    const bool taken = ud_bytes_take(&envelope, whole_bytes, &whole);
    UD_ASSERT(taken);
    ud_err err = UD_OK;
    if (whole.len > 0) {
        err = ud_area_program(area, start, whole.ptr, (uint32_t)whole.len);
    }
    if (err == UD_OK && envelope.len > 0) {
        memset(unit, area->flash->erased_value, sizeof unit);
        memcpy(unit, envelope.ptr, envelope.len);
        err = ud_area_program(area, start + (uint32_t)whole.len, unit, area->flash->write_size);
    }
    return err;
}

/* The header goes last: an envelope that was cut has none. */
static ud_err program_header(const struct ud_area *area, uint32_t len)
{
    uint8_t header[HEADER_BYTES_MAX];
    struct ud_buf buf = {header, sizeof header, 0};
    memset(header, area->flash->erased_value, sizeof header);
    memcpy(header, magic, sizeof magic);
    buf.len = sizeof magic;
    ud_le_put(&buf, len, 4);
    ud_le_put(&buf, ud_crc32(ud_buf_bytes(&buf)), 4);
    return ud_area_program(area, 0, header, header_bytes(area));
}

ud_err ud_slots_envelope_write(struct ud_slots *slots, struct ud_bytes envelope)
{
    const struct ud_area *area = &slots->layout->envelope[ud_slots_inactive(slots)];
    if (!slots->writing) {
        return UD_ERR_STATE;
    }
    if (envelope.len > ud_slots_envelope_capacity(slots)) {
        return UD_ERR_SPACE;
    }
    slots->envelope_stored = false;
    ud_err err = erase_for(area, header_bytes(area) + (uint32_t)envelope.len);
    if (err == UD_OK) {
        err = program_body(area, envelope);
    }
    if (err == UD_OK) {
        err = program_header(area, (uint32_t)envelope.len);
    }
    if (err == UD_OK) {
        err = ud_area_sync(area);
    }
    slots->envelope_stored = err == UD_OK;
    return err;
}

static ud_err read_header(const struct ud_area *area, uint32_t *len)
{
    uint8_t header[HEADER_BYTES];
    const ud_err err = ud_area_read(area, 0, header, sizeof header);
    if (err != UD_OK) {
        return err;
    }
    struct ud_bytes tail = {header + sizeof magic, sizeof header - sizeof magic};
    const uint32_t stated = ud_le_take(&tail, 4);
    const uint32_t crc = ud_le_take(&tail, 4);
    if (memcmp(header, magic, sizeof magic) != 0 ||
        crc != ud_crc32((struct ud_bytes){header, HEADER_BYTES - 4}) || stated > capacity_of(area)) {
        return UD_ABSENT;
    }
    *len = stated;
    return UD_OK;
}

ud_err ud_slots_envelope_read(const struct ud_slots *slots, uint8_t slot, struct ud_buf *out)
{
    uint32_t len = 0;
    const struct ud_recovery_image *recovery = ud_layout_recovery(slots->layout);
    if (slot > UD_SLOT_RECOVERY || (slot == UD_SLOT_RECOVERY && recovery == NULL)) {
        return UD_ERR_RANGE;
    }
    const struct ud_area *area =
        slot == UD_SLOT_RECOVERY ? &recovery->envelope : &slots->layout->envelope[slot];
    ud_err err = read_header(area, &len);
    if (err != UD_OK) {
        return err;
    }
    if (len > out->cap - out->len) {
        return UD_ERR_BUFFER;
    }
    err = ud_area_read(area, header_bytes(area), out->ptr + out->len, len);
    if (err == UD_OK) {
        out->len += len;
    }
    return err;
}
