/* What parses is consistent, and what is written of it parses and is written the same again. */
#include "updraft/assert.h"
#include "updraft/provision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    struct ud_provision provision;
    struct ud_provision again;
    uint8_t bytes[UD_PROVISION_BYTES_MAX];
    uint8_t bytes_again[UD_PROVISION_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_buf out_again = {bytes_again, sizeof bytes_again, 0};
    if (ud_provision_parse(&provision, in, NULL) == UD_OK) {
        UD_ASSERT(ud_bytes_within(in, provision.vendor_id));
        UD_ASSERT(ud_bytes_within(in, provision.components[provision.component_count - 1].id));
        UD_ASSERT(provision.journal.size <= provision.flash_bytes - provision.journal.offset);
        UD_ASSERT(ud_provision_write(&out, &provision) == UD_OK);
        UD_ASSERT(ud_provision_parse(&again, ud_buf_bytes(&out), NULL) == UD_OK);
        UD_ASSERT(ud_provision_write(&out_again, &again) == UD_OK);
        UD_ASSERT(ud_bytes_equal(ud_buf_bytes(&out), ud_buf_bytes(&out_again)));
    }
    return 0;
}
