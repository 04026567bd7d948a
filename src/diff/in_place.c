/* Patches in place: how they lie in a slot. */
#include "diff/diff.h"

enum { BLOCK_SECTORS_MAX = 16, SECTOR_BYTES_MIN = 256, SECTOR_BYTES_MAX = 1 << 20 };

static uint32_t round_down(uint32_t bytes, uint32_t unit)
{
    return bytes - bytes % unit;
}

/*
 * A block is lost to the gap as soon as it is begun, so content that goes up by as much as the image grows needs a block more
 * than the growth. Half of what is left over is given to blocks: fewer snapshots, and still room to move.
 */
ud_err delta_in_place_fit(struct ud_delta_in_place_head *head, uint32_t slot_bytes, uint32_t sector_bytes,
                          uint32_t old_bytes, uint32_t new_bytes)
{
    const bool power = sector_bytes != 0 && (sector_bytes & (sector_bytes - 1)) == 0;
    if (!power || sector_bytes < SECTOR_BYTES_MIN || sector_bytes > SECTOR_BYTES_MAX ||
        old_bytes > slot_bytes || new_bytes > slot_bytes || slot_bytes > UD_DELTA_IMAGE_BYTES_MAX) {
        return UD_ERR_IN_PLACE;
    }
    const uint32_t slot = round_down(slot_bytes, sector_bytes);
    const uint32_t old = round_down(old_bytes + sector_bytes - 1, sector_bytes);
    if (old >= slot) { /* without a gap every block destroys what it needs */
        return UD_ERR_IN_PLACE;
    }
    const uint32_t gap = slot - old;
    const uint32_t growth = new_bytes > old_bytes ? new_bytes - old_bytes : 0;
    const uint32_t spare = gap > growth ? (gap - growth) / 2 / sector_bytes : 0;
    uint32_t sectors = 1;
    while (sectors < BLOCK_SECTORS_MAX && 2 * sectors <= spare) {
        sectors *= 2;
    }
    *head = (struct ud_delta_in_place_head){gap, sector_bytes, sectors * sector_bytes};
    return UD_OK;
}

static uint8_t log_of(uint32_t power)
{
    return (uint8_t)(31 - __builtin_clz(power));
}

void delta_in_place_head_write(const struct ud_delta_in_place_head *head,
                               uint8_t out[UD_DELTA_IN_PLACE_HEAD_BYTES])
{
    const uint32_t gap_sectors = head->gap_bytes / head->sector_bytes;
    const uint32_t block_sectors = head->block_bytes / head->sector_bytes;
    out[0] = UD_DELTA_IN_PLACE_FORMAT;
    out[1] = (uint8_t)(log_of(head->sector_bytes / SECTOR_BYTES_MIN) | log_of(block_sectors) << 4);
    out[2] = (uint8_t)gap_sectors;
    out[3] = (uint8_t)(gap_sectors >> 8);
}
