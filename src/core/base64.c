#include "core/base64.h"

static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

ud_err ud_base64_decode(struct ud_bytes text, struct ud_buf *out)
{
    uint32_t bits = 0;
    unsigned held = 0; /* bits that wait for the rest of their byte: 0, 6, 4 or 2 */
    size_t len = text.len;
    while (len > 0 && text.len % 4 == 0 && text.len - len < 2 && text.ptr[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        const int value = sextet(text.ptr[i]);
        if (value < 0) {
            return UD_ERR_SHAPE;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held < 8) {
            continue;
        }
        held -= 8;
        const uint8_t byte = (uint8_t)(bits >> held);
        bits &= (1u << held) - 1;
        if (!ud_buf_put(out, (struct ud_bytes){&byte, 1})) {
            return UD_ERR_BUFFER;
        }
    }
    return held == 6 || bits != 0 ? UD_ERR_SHAPE : UD_OK;
}

bool ud_base64_encode(struct ud_bytes bytes, bool url, struct ud_buf *out)
{
    static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        uint8_t text[4] = {'=', '=', '=', '='};
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < left ? bytes.ptr[i + k] : 0u);
        }
        for (size_t k = 0; k <= left; k++) {
            const uint32_t value = bits >> (18 - 6 * k) & 63;
            text[k] = (uint8_t)(value < 62    ? common[value]
                                : value == 62 ? (url ? '-' : '+')
                                              : (url ? '_' : '/'));
        }
        if (!ud_buf_put(out, (struct ud_bytes){text, url ? left + 1 : 4})) {
            return false;
        }
    }
    return true;
}
