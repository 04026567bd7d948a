#include "delta/model.h"
#include "delta/table.h"

static uint32_t read_number(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

static void write_number(uint8_t *bytes, unsigned count, uint32_t value)
{
    for (unsigned i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

ud_err ud_delta_parse_head(struct ud_bytes bytes, struct ud_delta_head *head)
{
    struct ud_bytes raw;
    if (!ud_bytes_take(&bytes, UD_DELTA_HEAD_BYTES, &raw)) {
        return UD_ERR_TRUNCATED;
    }
    if (raw.ptr[0] != UD_DELTA_FORMAT) {
        return UD_ERR_VERSION;
    }
    const uint8_t profile = raw.ptr[1] & 15;
    const uint8_t predictor = raw.ptr[1] >> 4;
    if (profile > UD_DELTA_PROFILE_MAX || predictor >= UD_DELTA_PREDICTOR_COUNT) {
        return UD_ERR_PATCH_PROFILE;
    }
    *head = (struct ud_delta_head){.profile = profile,
                                   .predictor = predictor,
                                   .old_bytes = read_number(raw.ptr + 2, 3),
                                   .new_bytes = read_number(raw.ptr + 5, 3),
                                   .base = read_number(raw.ptr + 8, 4),
                                   .old_crc = read_number(raw.ptr + 12, 4)};
    return UD_OK;
}

void delta_head_write(const struct ud_delta_head *head, uint8_t out[UD_DELTA_HEAD_BYTES])
{
    out[0] = UD_DELTA_FORMAT;
    out[1] = (uint8_t)(head->profile | head->predictor << 4);
    write_number(out + 2, 3, head->old_bytes);
    write_number(out + 5, 3, head->new_bytes);
    write_number(out + 8, 4, head->base);
    write_number(out + 12, 4, head->old_crc);
}

static void start_counters(uint16_t *counters, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        counters[i] = COUNTER_START;
    }
}

void delta_model_init(struct ud_delta *delta, const struct ud_delta_head *head)
{
    memset(delta, 0, sizeof *delta);
    delta->head = *head;
    delta->high = UINT32_MAX;
    delta->token = TOKEN_EXACT;
    start_counters(delta->flags, UD_DELTA_FLAG_COUNT);
    start_counters(delta->numbers[0], UD_DELTA_NUMBER_COUNT * UD_DELTA_NUMBER_COUNTERS);
    start_counters(delta->equal_counters, 1u << UD_DELTA_EQUAL_BITS(head->profile));
    start_counters(delta->byte_counters, 1u << UD_DELTA_BYTE_BITS(head->profile));
    for (uint32_t i = 0; i < UD_DELTA_MIX_ROWS * UD_DELTA_MIX_INPUTS; i++) {
        delta->weights[i / UD_DELTA_MIX_INPUTS][i % UD_DELTA_MIX_INPUTS] = WEIGHT_START;
    }
    delta_table_init(delta);
}
