/* How a dependency is named in the envelope that a slot keeps (docs/formats.md section 2). */
#include "updraft/suit_tree.h"

ud_err ud_suit_kept_uri(struct ud_bytes id, struct ud_buf *uri)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t mark = '#';
    bool fits = ud_buf_put(uri, (struct ud_bytes){&mark, 1});
    for (size_t i = 0; fits && i < id.len; i++) {
        const uint8_t pair[] = {(uint8_t)digits[id.ptr[i] >> 4], (uint8_t)digits[id.ptr[i] & 15]};
        fits = ud_buf_put(uri, UD_BYTES_ARRAY(pair));
    }
    return fits ? UD_OK : UD_ERR_LIMIT;
}

ud_err ud_suit_check_place(const struct ud_suit_run *run, uint8_t component, const struct ud_suit_manifest *man)
{
    struct ud_bytes id;
    const ud_err err = ud_suit_run_component_id(run, component, &id);
    if (err != UD_OK) {
        return err;
    }
    return man->component_id.len == 0 || ud_bytes_equal(man->component_id, id) ? UD_OK : UD_ERR_DEPENDENCY;
}
