#include "delta/thumb.h"

bool delta_is_call(uint32_t word)
{
    if ((word & 0xf800) != 0xf000) {
        return false;
    }
    const uint32_t second = word >> 16;
    const uint32_t sort = second & 0xd000;
    return sort == 0xd000 || sort == 0x9000 || (second & 0xd001) == 0xc000; /* BL, B.W, BLX */
}

bool delta_same_call(uint32_t word, uint32_t other)
{
    return delta_is_call(word) && delta_is_call(other) && ((word ^ other) & 0xd0000000u) == 0;
}

/* hw1 = 11110 S imm10, hw2 = 1x J1 x J2 imm11; I = not (J xor S); displacement = S:I1:I2:imm10:imm11:0 */
int32_t delta_call_reach(uint32_t word)
{
    const uint32_t sign = word >> 10 & 1;
    const uint32_t i1 = ~(word >> 29 ^ sign) & 1;
    const uint32_t i2 = ~(word >> 27 ^ sign) & 1;
    return (int32_t)((0 - sign) << 24 | i1 << 23 | i2 << 22 | (word & 0x3ff) << 12 | (word >> 16 & 0x7ff) << 1);
}

uint32_t delta_call_with(uint32_t word, uint32_t reach)
{
    const uint32_t sign = reach >> 24 & 1;
    const uint32_t j1 = ~(reach >> 23 ^ sign) & 1;
    const uint32_t j2 = ~(reach >> 22 ^ sign) & 1;
    return 0xf000 | sign << 10 | (reach >> 12 & 0x3ff) | (word & 0xd0000000u) | j1 << 29 | j2 << 27 |
           (reach >> 1 & 0x7ff) << 16;
}

delta_local delta_local_kind(uint32_t half)
{
    switch (half >> 12) {
    case 0x4:
        return (half & 0x0800) != 0 ? DELTA_LOCAL_LITERAL : DELTA_LOCAL_NONE;
    case 0xa:
        return (half & 0x0800) == 0 ? DELTA_LOCAL_LITERAL : DELTA_LOCAL_NONE;
    case 0xb:
        return (half & 0x0500) == 0x0100 ? DELTA_LOCAL_COMPARE : DELTA_LOCAL_NONE;
    case 0xd:
        return (half & 0x0f00) < 0x0e00 ? DELTA_LOCAL_CONDITIONAL : DELTA_LOCAL_NONE;
    case 0xe:
        return (half & 0x0800) == 0 ? DELTA_LOCAL_BRANCH : DELTA_LOCAL_NONE;
    default:
        return DELTA_LOCAL_NONE;
    }
}

static uint32_t origin(delta_local kind, uint32_t at)
{
    return kind == DELTA_LOCAL_LITERAL ? (at + 4) & ~3u : at + 4;
}

static uint32_t extend(uint32_t value, unsigned bits)
{
    const uint32_t sign = 1u << (bits - 1);
    return ((value & (sign * 2 - 1)) ^ sign) - sign;
}

int32_t delta_local_target(delta_local kind, uint32_t half, uint32_t at)
{
    uint32_t reach = 0;
    if (kind == DELTA_LOCAL_LITERAL) {
        reach = (half & 0xff) * 4;
    } else if (kind == DELTA_LOCAL_CONDITIONAL) {
        reach = extend(half, 8) * 2;
    } else if (kind == DELTA_LOCAL_BRANCH) {
        reach = extend(half, 11) * 2;
    } else {
        reach = (half >> 3 & 31) * 2 + (half >> 9 & 1) * 64;
    }
    return (int32_t)(origin(kind, at) + reach);
}

bool delta_local_aim(delta_local kind, uint32_t *half, uint32_t at, uint32_t target)
{
    /* by kind: bits of the field, and of what it keeps */
    static const struct {
        uint16_t keep;
        uint8_t bits;
    } fields[] = {{0, 1}, {0xff00, 8}, {0xff00, 8}, {0xf800, 11}, {0xfd07, 6}};
    const uint32_t reach = target - origin(kind, at);
    const unsigned scale = kind == DELTA_LOCAL_LITERAL ? 2 : 1;
    const bool is_signed = kind == DELTA_LOCAL_CONDITIONAL || kind == DELTA_LOCAL_BRANCH;
    const uint32_t limit = 1u << (fields[kind].bits + scale);
    if ((reach & ((1u << scale) - 1)) != 0 || (is_signed ? reach + limit / 2 : reach) >= limit) {
        return false;
    }
    uint32_t field = reach >> scale & ((1u << fields[kind].bits) - 1);
    if (kind == DELTA_LOCAL_COMPARE) {
        field = (field & 31) << 3 | (field & 32) << 4;
    }
    *half = (*half & fields[kind].keep) | field;
    return true;
}
