#include "updraft/delta_in_place.h"

#include "delta/page.h"
#include "delta/snapshot.h"
#include "slots/area.h"
#include "updraft/slots.h"

/* In this order, CRC before MOVE and MOVED before MAKE. */
enum stage { STAGE_PATCH, STAGE_OLD, STAGE_CRC, STAGE_MOVE, STAGE_MOVED, STAGE_MAKE, STAGE_NEW, STAGE_DONE };

/* What a note says of the slot. */
enum phase {
    PHASE_MOVING = 1, /* old is on its way up, `moved` sectors of it are there */
    PHASE_MAKING = 2, /* the snapshot behind the note is of the beginning of a block; everything below is new */
    PHASE_MADE = 3,
};

enum { SECTOR_LOG_MIN = 8, SECTOR_LOG_MAX = 20, BLOCK_LOG_MAX = 24 };

/* Of the same program only: a snapshot is the struct as it lies in memory. */
#define SHAPE (1u << 24 | (uint32_t)sizeof(struct ud_delta))

/* ---- the head ---- */

ud_err ud_delta_in_place_parse(struct ud_bytes bytes, struct ud_delta_in_place_head *head)
{
    struct ud_bytes raw;
    if (!ud_bytes_take(&bytes, UD_DELTA_IN_PLACE_HEAD_BYTES, &raw)) {
        return UD_ERR_TRUNCATED;
    }
    if (raw.ptr[0] != UD_DELTA_IN_PLACE_FORMAT) {
        return UD_ERR_VERSION;
    }
    const uint32_t sector_log = (raw.ptr[1] & 15u) + SECTOR_LOG_MIN;
    const uint32_t block_log = sector_log + (raw.ptr[1] >> 4);
    const uint32_t gap = raw.ptr[2] | (uint32_t)raw.ptr[3] << 8;
    if (sector_log > SECTOR_LOG_MAX || block_log > BLOCK_LOG_MAX || gap == 0 ||
        gap > UD_DELTA_IMAGE_BYTES_MAX >> sector_log) {
        return UD_ERR_SHAPE;
    }
    *head = (struct ud_delta_in_place_head){gap << sector_log, 1u << sector_log, 1u << block_log};
    return UD_OK;
}

uint32_t ud_delta_in_place_floor(const struct ud_delta_in_place_head *head, uint32_t new_bytes, uint32_t made)
{
    const uint32_t block_end = made - made % head->block_bytes + head->block_bytes;
    const uint32_t new_end = ud_area_round_up(new_bytes, head->sector_bytes);
    const uint32_t end = block_end < new_end ? block_end : new_end;
    return end < head->gap_bytes ? 0 : end - head->gap_bytes;
}

/* ---- what the applier reads and writes ---- */

static ud_err read_old(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_delta_in_place *p = ctx;
    const uint32_t up = p->stage < STAGE_MOVE ? 0 : p->head.gap_bytes;
    return ud_area_read(&p->job->slot, up + offset, out, len);
}

static ud_err read_new(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    return ud_area_read(&((struct ud_delta_in_place *)ctx)->job->slot, offset, out, len);
}

/* What is to be written is the applier's page. */
static ud_err write_new(void *ctx, uint32_t offset, const uint8_t *data, uint32_t len)
{
    struct ud_delta_in_place *p = ctx;
    (void)data;
    return delta_page_program(&p->job->slot, offset, p->record.delta.page, len);
}

static ud_err read_patch(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    const struct ud_delta_in_place *p = ctx;
    const ud_err err = ud_area_read(&p->job->patch, UD_DELTA_IN_PLACE_PATCH_AT + offset, out, len);
    if (offset == 0) {
        ud_delta_in_place_complete(out);
    }
    return err;
}

/* ---- records ---- */

/*
 * Nothing of what the note says was done is still in a cache when it is written. Each record has a higher number than the one
 * before: a copy whose erase was cut may read whole once more, and must not be taken for as good as the new one, or the only firm
 * copy would be replaced from it.
 */
static ud_err put_record(struct ud_delta_in_place *p, enum phase phase, size_t bytes)
{
    const ud_err err = ud_area_sync(&p->job->slot);
    p->record.note.phase = phase;
    const struct ud_bytes content = {(const uint8_t *)&p->record, bytes};
    return err == UD_OK ? ud_twin_replace(&p->twin, p->twin.copy[0].number + 1, content) : err;
}

static ud_err put_note(struct ud_delta_in_place *p, enum phase phase)
{
    return put_record(p, phase, sizeof p->record.note);
}

static ud_err put_snapshot(struct ud_delta_in_place *p)
{
    return put_record(p, PHASE_MAKING, sizeof p->record);
}

/* Of this patch, in this program? Then its length follows from what it says. */
static bool is_ours(const struct ud_delta_in_place *p, size_t bytes)
{
    const struct ud_delta_in_place_note *note = &p->record.note;
    return bytes >= sizeof *note && note->shape == SHAPE &&
           memcmp(note->patch_digest, p->job->patch_digest, sizeof note->patch_digest) == 0;
}

/* A snapshot is of the beginning of a block, or up to 3 bytes behind it. */
static ud_err go_on(struct ud_delta_in_place *p, size_t bytes)
{
    const struct ud_delta_in_place_note *note = &p->record.note;
    const bool snapshot = note->phase == PHASE_MAKING;
    bool sound = bytes == (snapshot ? sizeof p->record : sizeof *note) && note->phase - 1 < PHASE_MADE;
    if (snapshot && sound) {
        sound = delta_snapshot_mend(&p->record.delta, &p->patch_head, &p->applier) &&
                p->record.delta.made % p->head.block_bytes < 4;
    }
    p->moved = note->moved;
    p->was_made = note->phase == PHASE_MADE;
    p->stage = snapshot ? STAGE_MAKE : p->was_made ? STAGE_NEW : STAGE_MOVE;
    return sound ? UD_OK : UD_ERR_PATCH_RECORD;
}

/* The patch is the one that was signed: is there a record of an earlier run with it? */
static ud_err look_for_record(struct ud_delta_in_place *p)
{
    uint8_t copy = 0;
    p->stage = STAGE_OLD;
    for (size_t rank = 0; ud_twin_candidate(&p->twin, rank, &copy) == UD_OK; rank++) {
        struct ud_buf content = {(uint8_t *)&p->record, sizeof p->record, 0};
        if (ud_twin_read(&p->twin, copy, &content) == UD_OK && is_ours(p, content.len)) {
            const ud_err err = ud_twin_settle(&p->twin, copy, ud_buf_bytes(&content));
            return err == UD_OK ? go_on(p, content.len) : err;
        }
    }
    return UD_OK;
}

/* ---- digests ---- */

/* The next page of an image or the patch into the hash; UD_OK when all of it was read and is what it must be. */
static ud_err match(struct ud_delta_in_place *p, const struct ud_area *area, uint32_t bytes,
                    const uint8_t *digest)
{
    uint8_t *page = p->record.delta.page;
    uint8_t got[UD_SHA256_BYTES];
    const uint32_t rest = bytes - p->hashed;
    const uint32_t len = rest < UD_DELTA_PAGE_BYTES ? rest : UD_DELTA_PAGE_BYTES;
    ud_err err = p->hashed == 0 ? ud_hash_init(&p->hash) : UD_OK;
    if (err != UD_OK) {
        return err;
    }
    err = ud_area_read(area, p->hashed, page, len);
    err = err == UD_OK ? ud_hash_update(&p->hash, (struct ud_bytes){page, len}) : err;
    if (err == UD_OK && len < rest) {
        p->hashed += len;
        return UD_WAIT;
    }
    p->hashed = 0;
    const ud_err ended = ud_hash_final(&p->hash, got);
    err = err == UD_OK ? ended : err;
    return err == UD_OK && memcmp(got, digest, sizeof got) != 0 ? UD_ERR_DIGEST : err;
}

/* ---- the stages: each UD_OK when the next one may begin ---- */

static ud_err check_patch(struct ud_delta_in_place *p)
{
    ud_err err = match(p, &p->job->patch, p->job->patch_bytes, p->job->patch_digest);
    if (err != UD_OK) {
        return err;
    }
    err = ud_delta_init(&p->record.delta, &p->applier);
    p->patch_head = p->record.delta.head;
    return err == UD_OK ? look_for_record(p) : err;
}

static ud_err check_old(struct ud_delta_in_place *p)
{
    const ud_err err = match(p, &p->job->slot, p->job->old_bytes, p->job->old_digest);
    if (err != UD_OK) {
        return err == UD_ERR_DIGEST ? UD_ERR_PRECURSOR : err;
    }
    p->stage = STAGE_CRC;
    return ud_delta_init(&p->record.delta, &p->applier);
}

/*
 * The applier's own check of old, where it is and again where it was moved to. After the first, everything that can be refused
 * has been; the record is what is written first.
 */
static ud_err check_crc(struct ud_delta_in_place *p)
{
    const ud_err err = ud_delta_step(&p->record.delta);
    if ((err != UD_OK && err != UD_WAIT) || !p->record.delta.old_good) {
        return err;
    }
    if (p->stage++ == STAGE_MOVED) {
        return put_snapshot(p);
    }
    p->record.note.shape = SHAPE;
    p->record.note.moved = p->moved = 0;
    memcpy(p->record.note.patch_digest, p->job->patch_digest, sizeof p->job->patch_digest);
    return put_note(p, PHASE_MOVING);
}

static ud_err move_sector(struct ud_delta_in_place *p, uint32_t from)
{
    const uint32_t sector = p->job->slot.flash->erase_size;
    uint8_t *page = p->record.delta.page;
    ud_err err = UD_OK;
    for (uint32_t at = 0; err == UD_OK && at < sector; at += UD_DELTA_PAGE_BYTES) {
        err = ud_area_read(&p->job->slot, from + at, page, UD_DELTA_PAGE_BYTES);
        if (err == UD_OK) {
            err = delta_page_program(&p->job->slot, from + p->head.gap_bytes + at, page, UD_DELTA_PAGE_BYTES);
        }
    }
    return err;
}

/*
 * The topmost sector first. One whose record is not written yet can be moved again: its place of old is overwritten only by
 * the sector that comes one gap later, and between the two there is a record.
 */
static ud_err move(struct ud_delta_in_place *p)
{
    const uint32_t sector = p->job->slot.flash->erase_size;
    const uint32_t count = ud_area_round_up(p->job->old_bytes, sector) / sector;
    if (p->moved >= count) { /* a record may say anything; the check that follows decides */
        p->stage = STAGE_MOVED;
        return ud_delta_init(&p->record.delta, &p->applier);
    }
    const ud_err err = move_sector(p, (count - 1 - p->moved) * sector);
    if (err != UD_OK) {
        return err;
    }
    p->moved++;
    if (p->moved != count && p->moved * sector % p->head.gap_bytes != 0) {
        return UD_WAIT;
    }
    p->record.note.moved = p->moved;
    return put_note(p, PHASE_MOVING);
}

static ud_err make(struct ud_delta_in_place *p)
{
    struct ud_delta *delta = &p->record.delta;
    const uint32_t block = delta->made / p->head.block_bytes;
    delta->floor = ud_delta_in_place_floor(&p->head, p->job->new_bytes, delta->made);
    const ud_err err = ud_delta_step(delta);
    if (err == UD_OK) {
        p->stage = STAGE_NEW;
        return put_note(p, PHASE_MADE);
    }
    return err == UD_WAIT && delta->made / p->head.block_bytes != block ? put_snapshot(p) : err;
}

/* A record of an earlier update by this patch says nothing: somebody may have loaded the old image since. */
static ud_err check_new(struct ud_delta_in_place *p)
{
    const ud_err err = match(p, &p->job->slot, p->job->new_bytes, p->job->new_digest);
    if (err == UD_OK) {
        p->stage = STAGE_DONE;
    } else if (err == UD_ERR_DIGEST && p->was_made) {
        p->was_made = false;
        p->stage = STAGE_OLD;
        return UD_WAIT;
    }
    return err == UD_ERR_DIGEST ? UD_ERR_IMAGE_MISMATCH : err;
}

/* ---- from outside ---- */

static ud_err look_at_places(const struct ud_delta_in_place *p)
{
    const struct ud_delta_in_place_job *job = p->job;
    const struct ud_delta_in_place_head *head = &p->head;
    const uint32_t sector = job->slot.flash->erase_size;
    const bool fits = job->recovery != NULL && job->recovery->image.size > 0 &&
                      job->new_bytes <= job->slot.size && job->patch_bytes <= job->patch.size &&
                      sector % UD_DELTA_PAGE_BYTES == 0 && head->sector_bytes % sector == 0 &&
                      head->gap_bytes + ud_area_round_up(job->old_bytes, sector) <= job->slot.size &&
                      ud_twin_capacity(&p->twin) >= sizeof p->record;
    return fits ? UD_OK : UD_ERR_IN_PLACE;
}

ud_err ud_delta_in_place_init(struct ud_delta_in_place *in_place, const struct ud_delta_in_place_job *job)
{
    uint8_t raw[UD_DELTA_IN_PLACE_HEAD_BYTES];
    memset(in_place, 0, sizeof *in_place);
    in_place->job = job;
    in_place->io = (struct ud_delta_io){in_place, read_old, read_new, write_new, read_patch};
    in_place->applier = (struct ud_delta_job){&in_place->io, job->patch_bytes - UD_DELTA_IN_PLACE_PATCH_AT,
                                              job->old_bytes, job->new_bytes};
    if (job->patch_bytes < sizeof raw) {
        return UD_ERR_TRUNCATED;
    }
    ud_err err = ud_area_check(&job->slot);
    err = err == UD_OK ? ud_area_read(&job->patch, 0, raw, sizeof raw) : err;
    err = err == UD_OK ? ud_delta_in_place_parse(UD_BYTES_ARRAY(raw), &in_place->head) : err;
    err = err == UD_OK ? ud_twin_mount(&in_place->twin, job->records) : err;
    err = err == UD_OK ? look_at_places(in_place) : err;
    in_place->err = err == UD_OK ? UD_WAIT : err;
    return err;
}

ud_err ud_delta_in_place_step(struct ud_delta_in_place *in_place)
{
    static ud_err (*const stages[])(struct ud_delta_in_place * p) = {
        [STAGE_PATCH] = check_patch, [STAGE_OLD] = check_old, [STAGE_CRC] = check_crc, [STAGE_MOVE] = move,
        [STAGE_MOVED] = check_crc,   [STAGE_MAKE] = make,     [STAGE_NEW] = check_new};
    if (in_place->err == UD_WAIT) {
        const ud_err err = stages[in_place->stage](in_place);
        in_place->err = err == UD_OK && in_place->stage != STAGE_DONE ? UD_WAIT : err;
    }
    return in_place->err;
}
