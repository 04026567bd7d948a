/* Whatever is being typed: what is wanted lies at the end of the text, and the texts given back have their ends. */
#include "server/fiql_complete.h"
#include "updraft/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ud_completing completing;
    char text[UD_FIQL_BYTES_MAX + 1];
    if (size > UD_FIQL_BYTES_MAX || (size > 0 && memchr(data, 0, size) != NULL)) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    for (size_t at = 0; at <= size; at++) {
        ud_fiql_completing(text, at, &completing);
        UD_ASSERT(completing.from <= at);
        UD_ASSERT(strlen(completing.prefix) <= at - completing.from);
        UD_ASSERT(completing.wanted == UD_WANTED_FIELD || completing.field[0] != '\0' ||
                  completing.wanted == UD_WANTED_JOIN || completing.wanted == UD_WANTED_COMPARISON ||
                  completing.wanted == UD_WANTED_VALUE);
    }
    return 0;
}
