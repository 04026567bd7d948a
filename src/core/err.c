#include "updraft/err.h"

struct err_row {
    ud_err err;
    uint8_t lwm2m;
    uint8_t suit_reason;
    const char *name;
    const char *text;
    const char *remedy;
};

#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) {id, lwm2m, reason, #id, text, remedy},
static const struct err_row rows[] = {UD_ERR_LIST(UD_ERR_ROW)};
#undef UD_ERR_ROW

static const struct err_row unknown = {UD_ERR_INTERNAL,
                                       0,
                                       11,
                                       "UD_ERR_?",
                                       "an error that this program does not know",
                                       "update the older of the two sides"};

static const struct err_row *row_of(uint32_t value)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((uint32_t)rows[i].err == value) {
            return &rows[i];
        }
    }
    return &unknown;
}

const char *ud_err_name(ud_err err)
{
    return row_of((uint32_t)err)->name;
}

const char *ud_err_text(ud_err err)
{
    return row_of((uint32_t)err)->text;
}

const char *ud_err_remedy(ud_err err)
{
    return row_of((uint32_t)err)->remedy;
}

uint8_t ud_err_lwm2m(ud_err err)
{
    return row_of((uint32_t)err)->lwm2m;
}

uint8_t ud_err_suit_reason(ud_err err)
{
    return row_of((uint32_t)err)->suit_reason;
}

bool ud_err_from_value(uint32_t value, ud_err *err)
{
    const struct err_row *row = row_of(value);
    if (row == &unknown) {
        return false;
    }
    *err = row->err;
    return true;
}
