#include "updraft/twin.h"

#include "core/crc32.h"
#include "slots/area.h"
#include "slots/le.h"

/* head: magic, number, length, CRC-32 over these and the content; then the seal, then the content */
enum { HEAD_BYTES = 16, CRC_AT = 12, CHUNK_BYTES = 64 };

static const uint8_t magic[4] = {'U', 'D', 'T', '1'};

static uint32_t seal_at(const struct ud_area *area)
{
    return ud_area_round_up(HEAD_BYTES, area->flash->write_size);
}

static uint32_t content_at(const struct ud_area *area)
{
    return seal_at(area) + area->flash->write_size;
}

static uint32_t capacity_of(const struct ud_area *area)
{
    return area->size - content_at(area);
}

uint32_t ud_twin_capacity(const struct ud_twin *twin)
{
    const uint32_t first = capacity_of(&twin->area[0]);
    const uint32_t second = capacity_of(&twin->area[1]);
    return first < second ? first : second;
}

/* ---- reading ---- */

static ud_err crc_of_content(const struct ud_area *area, uint32_t len, uint32_t crc, uint32_t *out)
{
    uint8_t chunk[CHUNK_BYTES];
    for (uint32_t at = 0; at < len;) {
        const uint32_t n = len - at < sizeof chunk ? len - at : (uint32_t)sizeof chunk;
        const ud_err err = ud_area_read(area, content_at(area) + at, chunk, n);
        if (err != UD_OK) {
            return err;
        }
        crc = ud_crc32_more(crc, (struct ud_bytes){chunk, n});
        at += n;
    }
    *out = crc;
    return UD_OK;
}

/* A seal is any unit that is not blank: it is written after the rest was read back, so even a weak one tells the truth. */
static ud_err read_seal(const struct ud_area *area, bool *sealed)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    const ud_err err = ud_area_read(area, seal_at(area), unit, area->flash->write_size);
    *sealed = false;
    for (uint32_t i = 0; err == UD_OK && i < area->flash->write_size; i++) {
        *sealed = *sealed || unit[i] != area->flash->erased_value;
    }
    return err;
}

static ud_err look_at(const struct ud_area *area, struct ud_twin_copy *copy)
{
    uint8_t head[HEAD_BYTES];
    struct ud_bytes rest = {head + sizeof magic, sizeof head - sizeof magic};
    uint32_t crc = 0;
    *copy = (struct ud_twin_copy){.valid = false};
    ud_err err = ud_area_read(area, 0, head, sizeof head);
    if (err != UD_OK) {
        return err;
    }
    copy->number = ud_le_take(&rest, 4);
    copy->len = ud_le_take(&rest, 4);
    copy->crc = ud_le_take(&rest, 4);
    if (memcmp(head, magic, sizeof magic) != 0 || copy->len > capacity_of(area)) {
        return UD_OK;
    }
    err = crc_of_content(area, copy->len, ud_crc32((struct ud_bytes){head, CRC_AT}), &crc);
    if (err == UD_OK) {
        err = read_seal(area, &copy->sealed);
    }
    copy->valid = err == UD_OK && crc == copy->crc;
    return err;
}

ud_err ud_twin_mount(struct ud_twin *twin, const struct ud_area areas[UD_TWIN_COPIES])
{
    ud_err errs[UD_TWIN_COPIES];
    for (size_t i = 0; i < UD_TWIN_COPIES; i++) {
        const ud_err err = ud_area_check(&areas[i]);
        if (err != UD_OK || areas[i].size < content_at(&areas[i])) {
            return UD_ERR_LIMIT;
        }
        twin->area[i] = areas[i];
    }
    twin->notes = NULL;
    twin->noted = 0;
    for (size_t i = 0; i < UD_TWIN_COPIES; i++) {
        errs[i] = look_at(&twin->area[i], &twin->copy[i]);
    }
    return errs[0] == UD_OK ? UD_OK : errs[1];
}

static uint8_t bit(uint8_t copy)
{
    return (uint8_t)(1U << copy);
}

void ud_twin_note_with(struct ud_twin *twin, const struct ud_twin_notes *notes, uint8_t noted)
{
    twin->notes = notes;
    twin->noted = noted;
    twin->copy[0].sealed = twin->copy[0].sealed && (noted & 1) == 0;
    twin->copy[1].sealed = twin->copy[1].sealed && (noted & 2) == 0;
}

/* Is copy 1 the better one? With all else equal it is not: copy 0 is written last, so it is never the doubtful one. */
static bool second_is_better(const struct ud_twin_copy copy[UD_TWIN_COPIES])
{
    if (copy[0].valid != copy[1].valid) {
        return copy[1].valid;
    }
    if (copy[0].sealed != copy[1].sealed) {
        return copy[1].sealed;
    }
    return copy[1].number > copy[0].number;
}

ud_err ud_twin_candidate(const struct ud_twin *twin, size_t rank, uint8_t *copy)
{
    if (rank >= UD_TWIN_COPIES) {
        return UD_ABSENT;
    }
    const uint8_t index = (uint8_t)(second_is_better(twin->copy) ? 1 - rank : rank);
    if (!twin->copy[index].valid) {
        return UD_ABSENT;
    }
    *copy = index;
    return UD_OK;
}

uint32_t ud_twin_number(const struct ud_twin *twin, uint8_t copy)
{
    return twin->copy[copy].number;
}

ud_err ud_twin_read(const struct ud_twin *twin, uint8_t copy, struct ud_buf *out)
{
    const struct ud_area *area = &twin->area[copy];
    const uint32_t len = twin->copy[copy].len;
    if (len > out->cap - out->len) {
        return UD_ERR_BUFFER;
    }
    const ud_err err = ud_area_read(area, content_at(area), out->ptr + out->len, len);
    if (err == UD_OK) {
        out->len += len;
    }
    return err;
}

/* ---- writing ---- */

static ud_err program_content(const struct ud_area *area, struct ud_bytes content)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    struct ud_bytes whole = {NULL, 0};
    (void)ud_bytes_take(&content, content.len - content.len % area->flash->write_size, &whole);
    ud_err err = UD_OK;
    if (whole.len > 0) {
        err = ud_area_program(area, content_at(area), whole.ptr, (uint32_t)whole.len);
    }
    if (err == UD_OK && content.len > 0) {
        memset(unit, area->flash->erased_value, sizeof unit);
        memcpy(unit, content.ptr, content.len);
        err = ud_area_program(area, content_at(area) + (uint32_t)whole.len, unit, area->flash->write_size);
    }
    return err;
}

static ud_err program_head(const struct ud_area *area, uint32_t number, struct ud_bytes content)
{
    uint8_t head[UD_FLASH_WRITE_SIZE_MAX];
    struct ud_buf buf = {head, sizeof head, 0};
    memset(head, area->flash->erased_value, sizeof head);
    (void)ud_buf_put(&buf, UD_BYTES_ARRAY(magic));
    ud_le_put(&buf, number, 4);
    ud_le_put(&buf, (uint32_t)content.len, 4);
    ud_le_put(&buf, ud_crc32_more(ud_crc32(ud_buf_bytes(&buf)), content), 4);
    return ud_area_program(area, 0, head, seal_at(area));
}

static ud_err program_seal(const struct ud_area *area)
{
    uint8_t unit[UD_FLASH_WRITE_SIZE_MAX];
    memset(unit, (uint8_t)~area->flash->erased_value, sizeof unit);
    return ud_area_program(area, seal_at(area), unit, area->flash->write_size);
}

/* Content, then head, each read back and synced; the seal says that this was so. */
static ud_err write_copy(struct ud_twin *twin, uint8_t copy, uint32_t number, struct ud_bytes content)
{
    const struct ud_area *area = &twin->area[copy];
    const uint32_t end = content_at(area) + (uint32_t)content.len;
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < end; at += area->flash->erase_size) {
        err = ud_area_erase(area, at);
    }
    err = err == UD_OK ? ud_area_sync(area) : err;
    err = err == UD_OK ? program_content(area, content) : err;
    err = err == UD_OK ? ud_area_sync(area) : err;
    err = err == UD_OK ? program_head(area, number, content) : err;
    err = err == UD_OK ? ud_area_sync(area) : err;
    err = err == UD_OK ? program_seal(area) : err;
    err = err == UD_OK ? ud_area_sync(area) : err;
    const ud_err looked = look_at(area, &twin->copy[copy]);
    return err == UD_OK ? looked : err;
}

static bool is_same(const struct ud_twin_copy *a, const struct ud_twin_copy *b)
{
    return a->valid && b->valid && a->number == b->number && a->len == b->len && a->crc == b->crc;
}

/* The copies that are not firm from now on. */
static ud_err note(struct ud_twin *twin, uint8_t copies)
{
    if (twin->notes == NULL || twin->noted == copies) {
        return UD_OK;
    }
    const ud_err err = twin->notes->put(twin->notes->ctx, copies);
    if (err == UD_OK) {
        twin->noted = copies;
    }
    return err;
}

/* The copies in `todo`, `copy` before the other one. Those in `weak` are not firm until they were written. */
static ud_err rewrite(struct ud_twin *twin, uint8_t copy, uint8_t todo, uint8_t weak, uint32_t number,
                      struct ud_bytes content)
{
    ud_err err = UD_OK;
    for (; err == UD_OK && todo != 0; copy ^= 1) {
        if ((todo & bit(copy)) != 0) {
            err = note(twin, weak | bit(copy));
            err = err == UD_OK ? write_copy(twin, copy, number, content) : err;
            weak &= (uint8_t)~bit(copy);
            todo &= (uint8_t)~bit(copy);
        }
    }
    return err == UD_OK ? note(twin, 0) : err;
}

ud_err ud_twin_settle(struct ud_twin *twin, uint8_t copy, struct ud_bytes content)
{
    const uint8_t other = copy ^ 1;
    const uint8_t weak = twin->copy[copy].sealed ? 0 : bit(copy);
    uint8_t todo = weak; /* after the other one, which is firm then */
    if (!is_same(&twin->copy[copy], &twin->copy[other]) || !twin->copy[other].sealed) {
        todo |= bit(other);
    }
    return rewrite(twin, other, todo, weak, twin->copy[copy].number, content);
}

ud_err ud_twin_replace(struct ud_twin *twin, uint32_t number, struct ud_bytes content)
{
    if (content.len > ud_twin_capacity(twin)) {
        return UD_ERR_SPACE;
    }
    const uint8_t first = twin->noted == bit(0) ? 0 : 1; /* not the only firm one */
    return rewrite(twin, first, 3, twin->noted, number, content);
}

ud_err ud_twin_forget(const struct ud_area areas[UD_TWIN_COPIES])
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < UD_TWIN_COPIES; i++) {
        err = ud_area_erase(&areas[i], 0);
        err = err == UD_OK ? ud_area_sync(&areas[i]) : err;
    }
    return err;
}
