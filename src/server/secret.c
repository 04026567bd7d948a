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

/* By a table: digits are random, and a processor that guesses which kind comes next is wrong at every third. */
int ud_hex_digit(uint8_t c)
{
    static const uint8_t and_one[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    return and_one[c] - 1;
}

bool ud_hex_read(uint8_t *bytes, size_t len, struct ud_bytes text)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (ud_hex_digit(text.ptr[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(ud_hex_digit(text.ptr[2 * i]) << 4 | ud_hex_digit(text.ptr[2 * i + 1]));
    }
    return true;
}
