#include "server/secret.h"

ud_err ud_secret_make(char *text, size_t chars)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const uint8_t unbiased = 248; /* 4 * 62: bytes from here on would favour the first letters */
    size_t done = 0;
    while (done < chars) {
        uint8_t byte;
        if (ud_random(&byte, 1) != UD_OK) {
            return UD_ERR_CRYPTO;
        }
        if (byte < unbiased) {
            text[done++] = alphabet[byte % 62];
        }
    }
    text[chars] = '\0';
    return UD_OK;
}

ud_err ud_secret_hash(struct ud_bytes secret, uint8_t hash[UD_SHA256_BYTES])
{
    return ud_sha256(&secret, 1, hash);
}

void ud_hex_write(char *text, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool ud_hex_read(uint8_t *bytes, size_t len, struct ud_bytes text)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_digit(text.ptr[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(hex_digit(text.ptr[2 * i]) << 4 | hex_digit(text.ptr[2 * i + 1]));
    }
    return true;
}
