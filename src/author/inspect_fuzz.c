/* Whatever file is shown, it is shown as JSON that has a kind, or refused with a reason. */
#include <stdlib.h>

#include "author/inspect_other.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    const struct ud_trust nobody = {.threshold = 1};
    struct ud_diag diag = {.err = UD_OK};
    if (inspect_is_envelope(in)) {
        return 0;
    }
    json_t *show = inspect_other(in, &nobody, &diag);
    if (show == NULL) {
        UD_ASSERT(diag.err != UD_OK);
        return 0;
    }
    UD_ASSERT(json_is_string(json_object_get(show, "kind")));
    char *text = json_dumps(show, JSON_ENSURE_ASCII);
    UD_ASSERT(text != NULL);
    free(text);
    json_decref(show);
    return 0;
}
