#include "updraft/err.h"

/*
 * What programs decide by, found by an error's value. The words stand in err_text.c, so a device that shows none carries none,
 * and one table each, so that a device without LwM2M carries one.
 */
#define UNKNOWN_REASON 11

static const uint8_t lwm2m_results[] = {
#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) [value] = (lwm2m),
    UD_ERR_LIST(UD_ERR_ROW)
#undef UD_ERR_ROW
};

static const uint8_t reasons[] = {/* one more than the reason; 0 is no error */
#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) [value] = (reason) + 1,
                                  UD_ERR_LIST(UD_ERR_ROW)
#undef UD_ERR_ROW
};

uint8_t ud_err_lwm2m(ud_err err)
{
    return (size_t)err < sizeof lwm2m_results ? lwm2m_results[err] : 0;
}

uint8_t ud_err_suit_reason(ud_err err)
{
    const uint8_t found = (size_t)err < sizeof reasons ? reasons[err] : 0;
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
