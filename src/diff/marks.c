#include "diff/marks.h"

#include "delta/model.h"
#include "delta/thumb.h"

uint32_t delta_word_at(struct ud_bytes image, uint32_t at)
{
    const uint8_t *from = image.ptr + at;
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void mark_word(uint8_t *marks, uint32_t at, unsigned kind)
{
    for (unsigned i = 0; i < 4; i++) {
        marks[at + i] = (uint8_t)(kind | (i + 1));
    }
}

static void mark_calls(struct ud_bytes image, uint8_t *calls)
{
    for (uint32_t at = 0; at + 4 <= image.len; at += 2) {
        if (delta_is_call(delta_word_at(image, at))) {
            mark_word(calls, at, MARK_CALL);
            at += 2;
        }
    }
}

static void mark_pointers(struct ud_bytes image, uint32_t base, uint8_t *pointers)
{
    for (uint32_t at = 0; at + 4 <= image.len; at += 4) {
        const uint32_t word = delta_word_at(image, at);
        if (delta_in_ram(word)) {
            mark_word(pointers, at, MARK_RAM);
        } else if (word - base < image.len && word - base > POINTER_LOWEST) {
            mark_word(pointers, at, MARK_FLASH);
        }
    }
}

void delta_marks_make(struct ud_bytes image, const struct delta_options *options, uint8_t *calls,
                      uint8_t *pointers)
{
    if (image.len == 0) {
        return;
    }
    memset(calls, 0, image.len);
    memset(pointers, 0, image.len);
    if (options->predictor == UD_DELTA_PREDICTOR_THUMB) {
        mark_calls(image, calls);
    }
    mark_pointers(image, options->base, pointers);
}

void delta_marks_normal(struct ud_bytes image, const uint8_t *calls, const uint8_t *pointers, uint8_t *normal)
{
    static const uint8_t call_keeps[4] = {0x00, 0xf8, 0x00, 0xd0};
    for (size_t i = 0; i < image.len; i++) {
        if (pointers[i] != 0) {
            normal[i] = (pointers[i] & MARK_PLACE) < 4 ? 0 : image.ptr[i];
        } else if (calls[i] != 0) {
            normal[i] = image.ptr[i] & call_keeps[(calls[i] & MARK_PLACE) - 1];
        } else {
            normal[i] = image.ptr[i];
        }
    }
}
