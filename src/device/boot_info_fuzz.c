/* What parses is written, parses again and is written the same; anything else leaves the struct alone. */
#include "device/boot_info.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    struct ud_boot_info info;
    struct ud_boot_info again;
    uint8_t bytes[UD_BOOT_INFO_BYTES_MAX];
    uint8_t bytes_again[UD_BOOT_INFO_BYTES_MAX];
    struct ud_buf out = {bytes, sizeof bytes, 0};
    struct ud_buf out_again = {bytes_again, sizeof bytes_again, 0};
    memset(&info, 0, sizeof info);
    memset(&again, 0, sizeof again);
    if (ud_boot_info_parse(&info, in) == UD_OK) {
        UD_ASSERT(ud_boot_info_write(&out, &info) == UD_OK);
        UD_ASSERT(ud_boot_info_parse(&again, ud_buf_bytes(&out)) == UD_OK);
        UD_ASSERT(ud_boot_info_write(&out_again, &again) == UD_OK);
        UD_ASSERT(ud_bytes_equal(ud_buf_bytes(&out), ud_buf_bytes(&out_again)));
    } else {
        UD_ASSERT(memcmp(&info, &again, sizeof info) == 0);
    }
    return 0;
}
