/*
 * Slots that belong to a resident MCUboot, as a mover: where images lie, how large they may be, how a trial is asked for and
 * kept. Nothing here moves an image. R1.. are the invariants of docs/design/resident.md.
 */
#include "boot/mcuboot_header.h"
#include "boot/resident_parts.h"
#include "slots/area.h"
#include "slots/commit.h"
#include "slots/le.h"

#define PRIMARY 0
#define SECONDARY 1
#define STATES_OF_A_SECTOR 3 /* that MCUboot notes while it swaps, at most */
#define TRAILER_FLAGS 4      /* image ok, copy done, kind of swap, size of swap */
#define MAGIC_BYTES 16
#define READ_BYTES 64

static const struct ud_resident *table_of(const struct ud_layout *layout)
{
    return (const struct ud_resident *)layout->mover;
}

static const struct ud_area *area_of(const struct ud_slots *slots, size_t which)
{
    return &slots->layout->components[0].image[which];
}

/* ---- sizes ---- */

/* What is written by us or by imgtool lies in here, at the very end. */
static uint32_t info_bytes(const struct ud_resident *resident, uint32_t flags)
{
    return flags * resident->max_align + ud_area_round_up(MAGIC_BYTES, resident->max_align);
}

uint32_t ud_resident_trailer_bytes(const struct ud_resident *resident, uint32_t write_size)
{
    const uint32_t sectors = resident->sectors_max == 0 ? UD_RESIDENT_SECTORS : resident->sectors_max;
    if (resident->way == UD_RESIDENT_OVERWRITE) {
        return info_bytes(resident, TRAILER_FLAGS - 1);
    }
    return sectors * STATES_OF_A_SECTOR * write_size + info_bytes(resident, TRAILER_FLAGS);
}

static uint32_t trailer_of(const struct ud_slots *slots)
{
    return ud_resident_trailer_bytes(table_of(slots->layout), area_of(slots, SECONDARY)->flash->write_size);
}

/* Where a swap needs whole sectors, the trailer takes them whole. */
static uint32_t room(const struct ud_resident *resident, const struct ud_area *area, bool has_spare)
{
    const uint32_t trailer = ud_resident_trailer_bytes(resident, area->flash->write_size);
    const bool in_sectors = resident->way == UD_RESIDENT_MOVE || resident->way == UD_RESIDENT_OFFSET;
    uint32_t bytes = area->size > trailer ? area->size - trailer : 0;
    if (in_sectors) {
        bytes -= bytes % area->flash->erase_size;
    }
    if (has_spare) {
        bytes -= bytes < area->flash->erase_size ? bytes : area->flash->erase_size;
    }
    return bytes - bytes % area->flash->write_size;
}

uint32_t ud_resident_capacity(const struct ud_layout *layout, uint8_t component)
{
    const struct ud_resident *resident = table_of(layout);
    const struct ud_area *image = layout->components[component].image;
    const uint32_t primary = room(resident, &image[PRIMARY], resident->way == UD_RESIDENT_MOVE);
    const uint32_t secondary = room(resident, &image[SECONDARY], resident->way == UD_RESIDENT_OFFSET);
    const uint32_t least = primary < secondary ? primary : secondary;
    return resident->image_bytes_max != 0 && resident->image_bytes_max < least ? resident->image_bytes_max
                                                                               : least;
}

/* Two components would be two swaps, and no one moment at which both happen. */
ud_err ud_resident_check(const struct ud_layout *layout)
{
    const struct ud_resident *resident = table_of(layout);
    struct ud_mcuboot_trailer trailer;
    if (layout->component_count != 1 || layout->cipher != NULL || resident->way > UD_RESIDENT_OVERWRITE ||
        resident->sectors_max > UINT16_MAX) {
        return UD_ERR_LIMIT;
    }
    for (size_t i = 0; i < UD_SLOT_COUNT; i++) {
        const ud_err err =
            ud_mcuboot_trailer_read(&layout->components[0].image[i], resident->max_align, &trailer);
        if (err != UD_OK) {
            return err;
        }
    }
    return ud_resident_capacity(layout, 0) == 0 ? UD_ERR_LIMIT : UD_OK;
}

/* ---- where images lie ---- */

/* R2: between two starts MCUboot runs the active slot's image, but while a trial is on. */
uint8_t ud_resident_home(const struct ud_slots *slots)
{
    const struct ud_slots_state *state = &slots->state;
    return state->trial == UD_TRIAL_STARTED ? (uint8_t)(1 - state->active) : state->active;
}

struct ud_area ud_resident_target(const struct ud_slots *slots, uint8_t component)
{
    struct ud_area area = slots->layout->components[component].image[SECONDARY];
    if (table_of(slots->layout)->way == UD_RESIDENT_OFFSET) {
        area.offset += area.flash->erase_size;
        area.size -= area.flash->erase_size;
    }
    return area;
}

ud_err ud_resident_read(const struct ud_slots *slots, uint8_t slot, uint8_t component, uint32_t offset,
                        uint8_t *out, uint32_t len)
{
    const struct ud_area stored = ud_resident_target(slots, component);
    const bool runs = slot == ud_resident_home(slots);
    return ud_area_read(runs ? area_of(slots, PRIMARY) : &stored, offset, out, len);
}

void ud_resident_rest(struct ud_slots_state *state, uint8_t home)
{
    (void)state;
    (void)home; /* nothing is noted of it: R2 */
}

ud_err ud_resident_settle(struct ud_slots *slots)
{
    (void)slots;
    return UD_OK;
}

/* MCUboot alone moves images. */
ud_err ud_resident_bring(struct ud_slots *slots, uint8_t slot, const struct ud_image_sizes *sizes)
{
    (void)sizes;
    return slot == ud_resident_home(slots) ? UD_OK : UD_ERR_STATE;
}

/* ---- asking ---- */

/* Sectors of the trailer from the one that `from` lies in or starts. */
static ud_err erase_from(const struct ud_area *area, uint32_t from)
{
    ud_err err = UD_OK;
    for (uint32_t at = from; err == UD_OK && at < area->size; at += area->flash->erase_size) {
        err = ud_area_erase(area, at);
    }
    return err == UD_OK ? ud_area_sync(area) : err;
}

static uint32_t sector_of(const struct ud_area *area, uint32_t offset)
{
    return offset - offset % area->flash->erase_size;
}

/* R1: nobody asks for what is being written. */
ud_err ud_resident_begin(const struct ud_slots *slots)
{
    const struct ud_area *area = area_of(slots, SECONDARY);
    return erase_from(area, sector_of(area, area->size - trailer_of(slots)));
}

static ud_err is_blank(const struct ud_area *area, uint32_t from, bool *blank)
{
    uint8_t chunk[READ_BYTES];
    ud_err err = UD_OK;
    *blank = true;
    for (uint32_t at = from; err == UD_OK && at < area->size;) {
        const uint32_t n = area->size - at < sizeof chunk ? area->size - at : (uint32_t)sizeof chunk;
        err = ud_area_read(area, at, chunk, n);
        for (uint32_t i = 0; err == UD_OK && i < n; i++) {
            *blank = *blank && chunk[i] == area->flash->erased_value;
        }
        at += n;
    }
    return err;
}

/* Sectors of the trailer that hold nothing of the image. */
static ud_err erase_behind(const struct ud_slots *slots, uint32_t image_bytes)
{
    const struct ud_area *area = area_of(slots, SECONDARY);
    const uint32_t shift = area->size - ud_resident_target(slots, 0).size;
    const uint32_t trailer = sector_of(area, area->size - trailer_of(slots));
    const uint32_t behind = ud_area_round_up(shift + image_bytes, area->flash->erase_size);
    return erase_from(area, trailer > behind ? trailer : behind);
}

static ud_err make_blank(const struct ud_slots *slots)
{
    const struct ud_area *area = area_of(slots, SECONDARY);
    const uint32_t from = area->size - trailer_of(slots);
    bool blank = false;
    ud_err err = is_blank(area, from, &blank);
    if (err == UD_OK && !blank) {
        err = erase_behind(slots, slots->size_bytes[0]);
        err = err == UD_OK ? is_blank(area, from, &blank) : err;
    }
    return err == UD_OK && !blank ? UD_ERR_STATE : err; /* somebody wrote beside the image's end */
}

/*
 * What MCUboot could only refuse, and what would be another image once it runs: encrypted, compressed. Its entries are
 * MCUboot's to judge.
 */
static ud_err check_image(const struct ud_slots *slots)
{
    uint8_t header[UD_MCUBOOT_HEADER_BYTES];
    const struct ud_area area = ud_resident_target(slots, 0);
    const ud_err err = ud_area_read(&area, 0, header, sizeof header);
    struct ud_bytes in = UD_BYTES_ARRAY(header);
    const uint32_t magic = ud_le_take(&in, 4);
    (void)ud_le_take(&in, 4); /* where it would be loaded */
    const uint32_t sizes = ud_le_take(&in, 4);
    const uint32_t payload = ud_le_take(&in, 4);
    const uint64_t bytes = (uint64_t)payload + (sizes & UINT16_MAX) + (sizes >> 16);
    const bool fits = (sizes & UINT16_MAX) >= sizeof header && payload > 0 && bytes < slots->size_bytes[0];
    if (err == UD_OK &&
        (magic != UD_MCUBOOT_IMAGE_MAGIC || !fits || (ud_le_take(&in, 4) & ~UD_MCUBOOT_FLAGS_KNOWN) != 0)) {
        return UD_ERR_IMAGE_FORMAT;
    }
    return err;
}

/* R3: the journal asks already; MCUboot is asked now; then the journal says that it was. */
ud_err ud_resident_request(struct ud_slots *slots)
{
    const struct ud_resident *resident = table_of(slots->layout);
    struct ud_slots_state next = slots->state;
    ud_err err = check_image(slots);
    if (err == UD_OK) {
        err = make_blank(slots);
    }
    if (err == UD_OK) {
        err = ud_mcuboot_request(area_of(slots, SECONDARY), resident->max_align,
                                 resident->for_good && resident->way != UD_RESIDENT_OVERWRITE);
    }
    if (err != UD_OK) {
        (void)erase_behind(slots, slots->size_bytes[0]); /* neither is told when the flash fails: R4 finds it */
        (void)ud_slots_trial_end(slots, err);
        return err;
    }
    next.attempts = 1;
    (void)ud_slots_commit(slots, &next); /* without it an image that ends at once is asked for once more */
    return UD_OK;
}

/*
 * R5: MCUboot's flag first, since only it keeps the image. A flag that was cut is neither set nor erased: MCUboot reverts by
 * an erased one alone, so the image stays, and it is this call of a healthy application that counts.
 */
ud_err ud_resident_confirm(struct ud_slots *slots)
{
    const struct ud_resident *resident = table_of(slots->layout);
    struct ud_mcuboot_trailer trailer;
    if (resident->way == UD_RESIDENT_OVERWRITE) {
        return UD_OK;
    }
    const ud_err err = ud_mcuboot_confirm(area_of(slots, PRIMARY), resident->max_align);
    if (err == UD_ERR_STATE &&
        ud_mcuboot_trailer_read(area_of(slots, PRIMARY), resident->max_align, &trailer) == UD_OK &&
        trailer.magic == UD_MCUBOOT_SET && trailer.image_ok == UD_MCUBOOT_BAD) {
        return UD_OK;
    }
    return err;
}

ud_err ud_resident_reopen(struct ud_slots *slots, uint32_t image_bytes)
{
    const struct ud_area *area = area_of(slots, SECONDARY);
    const uint32_t shift = area->size - ud_resident_target(slots, 0).size;
    const uint32_t info = info_bytes(table_of(slots->layout), TRAILER_FLAGS);
    const uint32_t shared = sector_of(area, area->size - info) - shift;
    struct ud_slots_state next = slots->state;
    next.trial = UD_TRIAL_NONE;
    next.attempts = 0;
    next.install = (struct ud_install_state){.open = true};
    memcpy(next.install.manifest_digest, next.attempted, sizeof next.install.manifest_digest);
    next.install.done_bytes[0] = image_bytes <= shared ? image_bytes : shared;
    const ud_err err = ud_slots_commit(slots, &next);
    return err == UD_OK ? erase_behind(slots, image_bytes) : err;
}
