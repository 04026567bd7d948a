#include "updraft/err.h"

struct text_row {
    ud_err err;
    const char *text;
    const char *remedy;
};

#define UD_ERR_TEXT_ROW(id, value, lwm2m, reason, text, remedy) {id, text, remedy},
static const struct text_row rows[] = {UD_ERR_LIST(UD_ERR_TEXT_ROW)};
#undef UD_ERR_TEXT_ROW

static const struct text_row unknown = {UD_ERR_INTERNAL, "an error that this program does not know",
                                        "update the older of the two sides"};

static const struct text_row *row_of(ud_err err)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == err) {
            return &rows[i];
        }
    }
    return &unknown;
}

const char *ud_err_text(ud_err err)
{
    return row_of(err)->text;
}

const char *ud_err_remedy(ud_err err)
{
    return row_of(err)->remedy;
}
