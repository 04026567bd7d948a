/* What is read from CBOR and written again is read as the same. */
#include "server/cbor_json.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *first = NULL;
    if (size > 65536 || ud_cbor_to_json((struct ud_bytes){data, size}, &first) != UD_OK) {
        return 0;
    }
    json_t *second = NULL;
    struct ud_text text;
    ud_text_init(&text, 4U << 20);
    UD_ASSERT(ud_json_to_cbor(first, &text) == UD_OK);
    UD_ASSERT(ud_cbor_to_json((struct ud_bytes){(const uint8_t *)text.ptr, text.len}, &second) == UD_OK);
    UD_ASSERT(json_equal(first, second));
    ud_text_free(&text);
    json_decref(first);
    json_decref(second);
    return 0;
}
