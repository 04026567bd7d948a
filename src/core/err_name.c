#include "updraft/err.h"

/* Apart from what people read: a device that logs names carries no sentences. */
struct err_name {
    ud_err err;
    const char *name;
};

#define UD_ERR_ROW(id, value, lwm2m, reason, text, remedy) {id, #id},
static const struct err_name names[] = {UD_ERR_LIST(UD_ERR_ROW)};
#undef UD_ERR_ROW

const char *ud_err_name(ud_err err)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].err == err) {
            return names[i].name;
        }
    }
    return "UD_ERR_?";
}
