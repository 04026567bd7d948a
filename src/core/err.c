#include "updraft/err.h"

/*
 * What programs decide by, found by an error's value. The words stand in err_text.c, so a device that shows none carries
 * none, and what stands here takes one byte for each error.
 */
#define UNKNOWN_REASON 11

/* Both in one byte, four bits each. The reason is one more than it is, 0 for no error. */
static const uint8_t meanings[] = {
#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) [value] = (uint8_t)((lwm2m) << 4 | ((reason) + 1)),
    UD_ERR_LIST(UD_ERR_ROW)
#undef UD_ERR_ROW
};
#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy)                                                     \
    _Static_assert((lwm2m) >= 0 && (lwm2m) < 16 && (reason) >= -1 && (reason) < 15, #id ": four bits each");
UD_ERR_LIST(UD_ERR_ROW)
#undef UD_ERR_ROW

uint8_t ud_err_lwm2m(ud_err err)
{
    return (size_t)err < sizeof meanings ? (uint8_t)(meanings[err] >> 4) : 0;
}

uint8_t ud_err_suit_reason(ud_err err)
{
    const uint8_t found = (size_t)err < sizeof meanings ? (uint8_t)(meanings[err] & 0x0f) : 0;
    return found == 0 ? UNKNOWN_REASON : (uint8_t)(found - 1);
}

/* By no table: a bootloader needs no more of the list than this. */
bool ud_err_from_value(uint32_t value, ud_err *err)
{
#define UD_ERR_CASE(id, value, lwm2m, reason, text, remedy) case value:
    switch (value) {
        UD_ERR_LIST(UD_ERR_CASE)
        *err = (ud_err)value;
        return true;
    default:
        return false;
    }
#undef UD_ERR_CASE
}
