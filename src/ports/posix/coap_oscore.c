#include "ports/posix/coap_oscore.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ports/openssl/files.h"
#include "updraft/crypto.h"

#define FILE_BYTES_MAX 1024
#define NUMBER_CHARS_MAX 16

struct reading {
    uint8_t room[5][UD_OSCORE_SECRET_BYTES_MAX];
    struct ud_oscore_input input;
};

static const struct {
    const char *name;
    size_t offset;
} rows[] = {
    {"secret", offsetof(struct ud_oscore_input, secret)},
    {"salt", offsetof(struct ud_oscore_input, salt)},
    {"id_context", offsetof(struct ud_oscore_input, id_context)},
    {"id", offsetof(struct ud_oscore_input, sender)},
    {"server_id", offsetof(struct ud_oscore_input, recipient)},
};

static bool read_hex(const char *text, uint8_t *out, size_t cap, size_t *len)
{
    const size_t chars = strlen(text);
    if (chars % 2 != 0 || chars / 2 > cap) {
        return false;
    }
    for (size_t i = 0; i < chars / 2; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        if (strspn(pair, "0123456789abcdefABCDEF") != 2) {
            return false;
        }
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    *len = chars / 2;
    return true;
}

/* inih's convention: 0 is an error of this line. */
static int on_value(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *reading = ctx;
    for (size_t i = 0; section[0] == '\0' && i < sizeof rows / sizeof rows[0]; i++) {
        struct ud_bytes *bytes = (struct ud_bytes *)(void *)((uint8_t *)&reading->input + rows[i].offset);
        if (strcmp(name, rows[i].name) == 0) {
            bytes->ptr = reading->room[i];
            return read_hex(value, reading->room[i], sizeof reading->room[i], &bytes->len);
        }
    }
    return 0;
}

ud_err ud_coap_oscore_key(const char *path, struct ud_lwm2m_account *account)
{
    char text[FILE_BYTES_MAX + 1];
    struct ud_buf buf = {(uint8_t *)text, FILE_BYTES_MAX, 0};
    struct reading reading = {.input = {.secret = {NULL, 0}}};
    ud_err err = ud_small_file_read(path, true, &buf);
    if (err == UD_OK) {
        text[buf.len] = '\0';
        err = ini_parse_string(text, on_value, &reading) == 0 &&
                      ud_lwm2m_oscore_pack(&reading.input, account) == UD_OK
                  ? UD_OK
                  : UD_ERR_KEY;
    }
    ud_wipe(text, sizeof text);
    ud_wipe(&reading, sizeof reading);
    return err;
}

static ud_err keep_number(void *ctx, uint64_t number)
{
    const struct ud_coap_oscore *o = ctx;
    char text[NUMBER_CHARS_MAX + 8];
    const int len = snprintf(text, sizeof text, "%" PRIu64 "\n", number);
    return ud_small_file_write(o->number_path, 0600, true,
                               (struct ud_bytes){(const uint8_t *)text, (size_t)len});
}

ud_err ud_coap_oscore_open(struct ud_coap_oscore *o, const char *number_path)
{
    char text[NUMBER_CHARS_MAX + 1] = "";
    char *end = NULL;
    struct ud_buf buf = {(uint8_t *)text, NUMBER_CHARS_MAX, 0};
    unsigned long long number = 0;
    ud_err err = ud_small_file_read(number_path, true, &buf);
    if (err == UD_OK) {
        text[buf.len] = '\0';
        errno = 0;
        number = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || errno != 0 || strcmp(end, "\n") != 0) {
            return UD_ERR_CONFIG; /* none at all would be worse than standing still: numbers must not come twice */
        }
    } else if (err != UD_ERR_NOT_FOUND) {
        return err;
    }
    o->number_path = number_path;
    o->port = (struct ud_lwm2m_oscore_port){.ctx = o, .keep_number = keep_number};
    ud_lwm2m_oscore_init(&o->oscore, &o->port, number);
    return UD_OK;
}
