#include "updraft/err.h"

/* What programs decide by. The words stand in err_text.c, so a device that shows none carries none. */
struct err_row {
    ud_err err;
    uint8_t lwm2m;
    uint8_t suit_reason;
};

#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) {id, lwm2m, reason},
static const struct err_row rows[] = {UD_ERR_LIST(UD_ERR_ROW)};
#undef UD_ERR_ROW

static const struct err_row unknown = {UD_ERR_INTERNAL, 0, 11};

static const struct err_row *row_of(uint32_t value)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((uint32_t)rows[i].err == value) {
            return &rows[i];
        }
    }
    return &unknown;
}

uint8_t ud_err_lwm2m(ud_err err)
{
    return row_of((uint32_t)err)->lwm2m;
}

uint8_t ud_err_suit_reason(ud_err err)
{
    return row_of((uint32_t)err)->suit_reason;
}

/* Not by the table: a bootloader needs no more of it than this. */
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
