#include "author/ids.h"

#include <string.h>

#include "ports/openssl/uuid.h"

void cli_hex(struct ud_bytes bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *text++ = digits[bytes.ptr[i] >> 4];
        *text++ = digits[bytes.ptr[i] & 15];
    }
    *text = '\0';
}

/* Bytes of a UUID in front of which its text form has a hyphen. */
static bool hyphen_before(size_t i)
{
    return i == 4 || i == 6 || i == 8 || i == 10;
}

void cli_uuid_text(const uint8_t uuid[UD_UUID_BYTES], char text[CLI_UUID_TEXT_BYTES])
{
    for (size_t i = 0; i < UD_UUID_BYTES; i++) {
        if (hyphen_before(i)) {
            *text++ = '-';
        }
        cli_hex((struct ud_bytes){uuid + i, 1}, text);
        text += 2;
    }
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool cli_uuid_parse(const char *text, uint8_t uuid[UD_UUID_BYTES])
{
    uint8_t found[UD_UUID_BYTES];
    if (strlen(text) != CLI_UUID_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < UD_UUID_BYTES; i++) {
        if (hyphen_before(i) && *text++ != '-') {
            return false;
        }
        const int high = digit(*text++);
        const int low = digit(*text++);
        if (high < 0 || low < 0) {
            return false;
        }
        found[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(uuid, found, sizeof found);
    return true;
}

static ud_err uuid_or_name(const char *text, const uint8_t name_space[UD_UUID_BYTES],
                           uint8_t uuid[UD_UUID_BYTES])
{
    if (*text == '\0') {
        return UD_ERR_USAGE;
    }
    if (cli_uuid_parse(text, uuid)) {
        return UD_OK;
    }
    return ud_uuid5(name_space, (struct ud_bytes){(const uint8_t *)text, strlen(text)}, uuid);
}

ud_err cli_vendor(const char *text, uint8_t uuid[UD_UUID_BYTES])
{
    static const uint8_t dns[UD_UUID_BYTES] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                               0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    return uuid_or_name(text, dns, uuid);
}

ud_err cli_class(const char *text, const uint8_t vendor[UD_UUID_BYTES], uint8_t uuid[UD_UUID_BYTES])
{
    return uuid_or_name(text, vendor, uuid);
}
