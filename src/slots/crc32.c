#include "slots/crc32.h"

/* Bit by bit: a table of 1 KiB is worth more in a bootloader than the time for 200 bytes. */
uint32_t ud_crc32_more(uint32_t crc, struct ud_bytes bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            const uint32_t low = crc & 1u;
            crc = (crc >> 1) ^ (low != 0 ? 0xedb88320u : 0u);
        }
    }
    return ~crc;
}

uint32_t ud_crc32(struct ud_bytes bytes)
{
    return ud_crc32_more(0, bytes);
}
