#include "author/desc_value.h"

#include <stdlib.h>

#include "author/ids.h"
#include "updraft/suit.h"

enum { WRAPPED_BYTES_MAX = 1024, VERSION_NUMBERS_MAX = 16 };

static bool begins(const char **text, const char *prefix)
{
    const size_t len = strlen(prefix);
    if (strncmp(*text, prefix, len) != 0) {
        return false;
    }
    *text += len;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool desc_next_item(const char **text, const char **item, size_t *len)
{
    const char *at = *text;
    while (is_space(*at)) {
        at++;
    }
    if (*at == '\0') {
        return false;
    }
    const char *comma = strchr(at, ',');
    const char *end = comma != NULL ? comma : at + strlen(at);
    *text = comma != NULL ? comma + 1 : end;
    while (end > at && is_space(end[-1])) {
        end--;
    }
    *item = at;
    *len = (size_t)(end - at);
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static ud_err no_room(struct desc *desc, const struct desc_line *line)
{
    return desc_wrong(desc, line, "the description is too large in all");
}

static ud_err take_hex(struct desc *desc, const struct desc_line *line, const char *text, size_t len,
                       struct ud_bytes *bytes)
{
    uint8_t *out = desc_room(desc, len / 2);
    if (out == NULL) {
        return no_room(desc, line);
    }
    for (size_t i = 0; i < len; i++) {
        if (digit(text[i]) < 0 || len % 2 != 0) {
            return desc_wrong(desc, line, "hex takes pairs of the digits 0 to 9 and a to f");
        }
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit(text[i]) << 4 : out[i / 2] | digit(text[i]));
    }
    *bytes = (struct ud_bytes){out, len / 2};
    return UD_OK;
}

/* One character of a quoted text. @return false when it is none */
static bool take_quoted(const char **at, uint8_t *out)
{
    const char *c = *at;
    if (*c != '\\') {
        *out = (uint8_t)*c;
        *at = c + 1;
        return true;
    }
    if (c[1] == 'n' || c[1] == 't') {
        *out = c[1] == 'n' ? '\n' : '\t';
    } else if (c[1] == '"' || c[1] == '\\') {
        *out = (uint8_t)c[1];
    } else if (c[1] == 'x' && digit(c[2]) >= 0 && digit(c[3]) >= 0) {
        *out = (uint8_t)(digit(c[2]) << 4 | digit(c[3]));
        *at = c + 4;
        return true;
    } else {
        return false;
    }
    *at = c + 2;
    return true;
}

/* "one" "two": put together, as in C */
static ud_err take_quotes(struct desc *desc, const struct desc_line *line, const char *text,
                          struct ud_bytes *bytes)
{
    uint8_t *out = desc_room(desc, strlen(text));
    size_t len = 0;
    if (out == NULL) {
        return no_room(desc, line);
    }
    while (*text == '"') {
        text++;
        while (*text != '"') {
            if (*text == '\0') {
                return desc_wrong(desc, line, "the closing \" is missing (a ; in a text is written \\x3b)");
            }
            if (!take_quoted(&text, &out[len++])) {
                return desc_wrong(desc, line, "after \\ stands n, t, \", \\ or x and two hex digits");
            }
        }
        text++;
        while (is_space(*text)) {
            text++;
        }
    }
    if (*text != '\0') {
        return desc_wrong(desc, line, "nothing may follow the closing \"");
    }
    *bytes = (struct ud_bytes){out, len};
    return UD_OK;
}

static ud_err wrong_file(struct desc *desc, const struct desc_line *line, const char *name, ud_err err)
{
    if (err == UD_ERR_NOT_FOUND) {
        return desc_wrong(desc, line, "there is no file \"%s\" (names count from the description's folder)",
                          name);
    }
    if (err == UD_ERR_TOO_LARGE) {
        return desc_wrong(desc, line, "the file \"%s\" is larger than %u bytes", name, DESC_FILE_BYTES_MAX);
    }
    return desc_wrong(desc, line, "\"%s\": %s", name, ud_err_text(err));
}

static ud_err take_file(struct desc *desc, const struct desc_line *line, const char *name,
                        struct ud_bytes *bytes)
{
    const ud_err err = desc->files->read(desc->files->ctx, name, bytes);
    return err == UD_OK ? UD_OK : wrong_file(desc, line, name, err);
}

static ud_err hash_file(struct desc *desc, const struct desc_line *line, const char *name,
                        uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    const ud_err err = desc->files->hash(desc->files->ctx, name, digest, bytes);
    return err == UD_OK ? UD_OK : wrong_file(desc, line, name, err);
}

ud_err desc_value_bytes(struct desc *desc, const struct desc_line *line, const char *text,
                        struct ud_bytes *bytes)
{
    if (begins(&text, "hex:")) {
        return take_hex(desc, line, text, strlen(text), bytes);
    }
    if (begins(&text, "file:")) {
        return take_file(desc, line, text, bytes);
    }
    if (*text == '"') {
        return take_quotes(desc, line, text, bytes);
    }
    if (begins(&text, "text:")) {
        *bytes = (struct ud_bytes){(const uint8_t *)text, strlen(text)};
        return UD_OK;
    }
    return desc_wrong(desc, line, "bytes are written text:abc, \"abc\", hex:0102 or file:NAME");
}

/* The reader of our own CBOR knows UTF-8. */
static bool is_utf8(struct ud_bytes text)
{
    struct ud_cbor_writer w;
    struct ud_cbor r;
    struct ud_buf buf = {malloc(text.len + 9), text.len + 9, 0};
    bool ok = false;
    if (buf.ptr != NULL) {
        ud_cbor_writer_init(&w, &buf);
        ud_cbor_put_tstr(&w, text);
        ud_cbor_init(&r, ud_buf_bytes(&buf));
        (void)ud_cbor_tstr(&r);
        ok = ud_cbor_finish(&r) == UD_OK;
    }
    free(buf.ptr);
    return ok;
}

ud_err desc_value_text(struct desc *desc, const struct desc_line *line, const char *text, struct ud_bytes *out)
{
    struct ud_bytes found = {(const uint8_t *)text, strlen(text)};
    ud_err err = UD_OK;
    if (*text == '"') {
        err = take_quotes(desc, line, text, &found);
    } else if (begins(&text, "file:")) {
        err = take_file(desc, line, text, &found);
    }
    if (err == UD_OK && !is_utf8(found)) {
        err = desc_wrong(desc, line, "the text is not UTF-8");
    }
    if (err == UD_OK) {
        *out = found;
    }
    return err;
}

static bool take_number(const char *text, size_t len, uint64_t *value)
{
    const bool hex = len > 2 && text[0] == '0' && text[1] == 'x';
    const unsigned base = hex ? 16 : 10;
    uint64_t found = 0;
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        const int d = digit(text[i]);
        if (d < 0 || (unsigned)d >= base || found > (UINT64_MAX - (uint64_t)d) / base) {
            return false;
        }
        found = base * found + (uint64_t)d;
    }
    *value = found;
    return len > 0;
}

ud_err desc_value_uint(struct desc *desc, const struct desc_line *line, const char *text, uint64_t max,
                       uint64_t *value)
{
    if (!take_number(text, strlen(text), value) || *value > max) {
        return desc_wrong(desc, line, "a number from 0 to %llu stands here (decimal, or hexadecimal after 0x)",
                          (unsigned long long)max);
    }
    return UD_OK;
}

static bool take_int(const char *text, size_t len, int64_t *value)
{
    const bool minus = len > 0 && text[0] == '-';
    uint64_t found;
    if (!take_number(text + minus, len - minus, &found) || found > INT64_MAX) {
        return false;
    }
    *value = minus ? -(int64_t)found : (int64_t)found;
    return true;
}

ud_err desc_value_int(struct desc *desc, const struct desc_line *line, const char *text, int64_t *value)
{
    return take_int(text, strlen(text), value) ? UD_OK : desc_wrong(desc, line, "a number stands here");
}

ud_err desc_value_bool(struct desc *desc, const struct desc_line *line, const char *text, bool *value)
{
    *value = strcmp(text, "yes") == 0;
    return *value || strcmp(text, "no") == 0 ? UD_OK : desc_wrong(desc, line, "yes or no stands here");
}

ud_err desc_value_index(struct desc *desc, const struct desc_line *line, const char *text, size_t len,
                        uint64_t *index)
{
    const struct desc_part *part = desc_part_find(desc, text, len);
    if (part != NULL) {
        *index = part->index;
        return UD_OK;
    }
    if (take_number(text, len, index) && *index <= UINT32_MAX) {
        return UD_OK;
    }
    return desc_wrong(desc, line, "there is no [component %.*s] and no [dependency %.*s]", (int)len, text,
                      (int)len, text);
}

static ud_err take_id_element(struct desc *desc, const struct desc_line *line, const char *text, size_t len,
                              struct ud_cbor_writer *w)
{
    struct ud_bytes element = {(const uint8_t *)text, len};
    ud_err err = UD_OK;
    if (len >= 2 && text[0] == '0' && text[1] == 'x') {
        err = take_hex(desc, line, text + 2, len - 2, &element);
    }
    ud_cbor_put_bstr(w, element);
    return err;
}

ud_err desc_value_id(struct desc *desc, const struct desc_line *line, const char *text, struct ud_bytes *id)
{
    uint8_t bytes[WRAPPED_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    uint64_t count = strcmp(text, "/") == 0 ? 0 : 1; /* "/" alone: no element at all */
    for (const char *c = text; count > 0 && *c != '\0'; c++) {
        count += *c == '/';
    }
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_array(&w, count);
    for (; count > 0; count--) {
        const size_t len = strcspn(text, "/");
        const ud_err err = take_id_element(desc, line, text, len, &w);
        if (err != UD_OK) {
            return err;
        }
        text += len + (text[len] == '/');
    }
    if (ud_cbor_written(&w) != UD_OK) {
        return desc_wrong(desc, line, "the id is longer than %d bytes", WRAPPED_BYTES_MAX);
    }
    *id = desc_keep(desc, ud_buf_bytes(&buf));
    return id->ptr != NULL ? UD_OK : no_room(desc, line);
}

/* The digest of an envelope's manifest: by it, a dependency is known. */
static ud_err envelope_digest(struct desc *desc, const struct desc_line *line, const char *name,
                              struct ud_bytes *digest)
{
    struct ud_suit_envelope env;
    struct ud_bytes bytes;
    ud_err err = take_file(desc, line, name, &bytes);
    if (err != UD_OK) {
        return err;
    }
    err = ud_suit_envelope_parse(&env, bytes, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_check_digest(&env, NULL);
    }
    if (err != UD_OK) {
        return desc_wrong(desc, line, "\"%s\" is not an envelope: %s", name, ud_err_text(err));
    }
    *digest = env.digest;
    return UD_OK;
}

static ud_err named_digest(struct desc *desc, const struct desc_line *line, const char *text,
                           struct ud_cbor_writer *w)
{
    const char *colon = strchr(text, ':');
    const struct desc_word *row =
        colon != NULL ? desc_word_named(desc_digests, text, (size_t)(colon - text)) : NULL;
    struct ud_bytes digest = {NULL, 0};
    if (row == NULL) {
        return desc_wrong(desc, line, "a digest is written sha256:HEX, file:NAME or envelope:NAME");
    }
    const ud_err err = take_hex(desc, line, colon + 1, strlen(colon + 1), &digest);
    if (err == UD_OK && digest.len != row->kind) {
        return desc_wrong(desc, line, "%s has %u bytes, here are %zu", row->name, (unsigned)row->kind,
                          digest.len);
    }
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, row->label);
    ud_cbor_put_bstr(w, digest);
    return err;
}

ud_err desc_value_digest(struct desc *desc, const struct desc_line *line, const char *text,
                         struct ud_cbor_writer *w)
{
    uint8_t hash[UD_SHA256_BYTES] = {0};
    struct ud_bytes digest = UD_BYTES_ARRAY(hash);
    uint64_t bytes;
    ud_err err;
    if (begins(&text, "file:")) {
        err = hash_file(desc, line, text, hash, &bytes);
    } else if (begins(&text, "envelope:")) {
        err = envelope_digest(desc, line, text, &digest);
    } else {
        return named_digest(desc, line, text, w);
    }
    ud_cbor_put_array(w, 2);
    ud_cbor_put_int(w, desc_digests[0].label);
    ud_cbor_put_bstr(w, digest);
    return err;
}

/* rc, beta, alpha */
static bool take_release(const char *text, size_t len, int64_t *number)
{
    static const char *const names[] = {"rc", "beta", "alpha"};
    for (int i = 0; i < 3; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
            *number = -1 - i;
            return true;
        }
    }
    return false;
}

ud_err desc_value_version(struct desc *desc, const struct desc_line *line, const char *text,
                          struct ud_cbor_writer *w)
{
    int64_t numbers[VERSION_NUMBERS_MAX];
    size_t count = 0;
    while (*text != '\0') {
        const size_t len = strcspn(text, ".-");
        const bool known =
            count < VERSION_NUMBERS_MAX &&
            (take_int(text, len, &numbers[count]) || (count > 0 && take_release(text, len, &numbers[count])));
        if (!known) {
            return desc_wrong(desc, line, "a version is written 1.2.3 or 1.2.3-rc.1 (rc, beta, alpha)");
        }
        count++;
        text += len;
        if (*text != '\0' && *++text == '\0') {
            return desc_wrong(desc, line, "a version does not end in . or -");
        }
    }
    if (count == 0) {
        return desc_wrong(desc, line, "a version is missing");
    }
    ud_cbor_put_array(w, count);
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_int(w, numbers[i]);
    }
    return UD_OK;
}

static ud_err put_match(struct desc *desc, const struct desc_line *line, const char *text,
                        struct ud_cbor_writer *w)
{
    for (const struct desc_word *row = desc_comparisons; row->name != NULL; row++) {
        if (begins(&text, row->name)) {
            while (is_space(*text)) {
                text++;
            }
            ud_cbor_put_array(w, 2);
            ud_cbor_put_int(w, row->label);
            return desc_value_version(desc, line, text, w);
        }
    }
    return desc_wrong(desc, line, "a comparison is written >= 1.2.3 (or >, =, <, <=)");
}

/* word number, word number: a map in the order of its labels */
static ud_err put_facts(struct desc *desc, const struct desc_line *line, const char *text,
                        const struct desc_word *table, struct ud_cbor_writer *w)
{
    enum { LABEL_MAX = 16, TAG_TIME = 1 };
    int64_t values[LABEL_MAX] = {0};
    const struct desc_word *rows[LABEL_MAX] = {NULL};
    const char *item;
    size_t len;
    uint64_t count = 0;
    while (desc_next_item(&text, &item, &len)) {
        const size_t name_len = strcspn(item, " \t,");
        const struct desc_word *row = name_len < len ? desc_word_named(table, item, name_len) : NULL;
        const char *value = item + name_len + strspn(item + name_len, " \t");
        const size_t value_len = len - (size_t)(value - item);
        const struct desc_word *type =
            table == desc_metadata ? desc_word_named(desc_file_types, value, value_len) : NULL;
        uint64_t number = type != NULL ? (uint64_t)type->label : 0;
        if (row == NULL || rows[row->label] != NULL) {
            return desc_wrong(desc, line,
                              "each item is  word number  and stands once; the words are %s, %s, ...",
                              table[0].name, table[1].name);
        }
        if (row->kind == DESC_INT
                ? !take_int(value, value_len, &values[row->label])
                : type == NULL && (!take_number(value, value_len, &number) || number > INT64_MAX)) {
            return desc_wrong(desc, line, "\"%.*s\" is not a number", (int)value_len, value);
        }
        if (row->kind != DESC_INT) {
            values[row->label] = (int64_t)number;
        }
        rows[row->label] = row;
        count++;
    }
    ud_cbor_put_map(w, count);
    for (int i = 0; i < LABEL_MAX; i++) {
        if (rows[i] != NULL) {
            ud_cbor_put_int(w, i);
            if (table == desc_metadata && (i == 6 || i == 7)) {
                ud_cbor_put_tag(w, TAG_TIME);
            }
            ud_cbor_put_int(w, values[i]);
        }
    }
    return UD_OK;
}

static ud_err put_wrapped(struct desc *desc, const struct desc_line *line, const char *text, desc_kind kind,
                          struct ud_cbor_writer *w)
{
    uint8_t bytes[WRAPPED_BYTES_MAX];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer inner;
    ud_err err;
    ud_cbor_writer_init(&inner, &buf);
    if (kind == DESC_DIGEST) {
        err = desc_value_digest(desc, line, text, &inner);
    } else if (kind == DESC_VERSION) {
        err = put_match(desc, line, text, &inner);
    } else {
        err = put_facts(desc, line, text, kind == DESC_WAIT ? desc_wait_events : desc_metadata, &inner);
    }
    ud_cbor_put_bstr(w, ud_buf_bytes(&buf));
    return err;
}

static ud_err put_uuid(struct desc *desc, const struct desc_line *line, const char *text, desc_kind kind,
                       struct ud_cbor_writer *w)
{
    uint8_t uuid[UD_UUID_BYTES];
    ud_err err = UD_OK;
    if (kind == DESC_VENDOR) {
        err = cli_vendor(text, uuid);
        if (err == UD_OK) { /* classes are named within it from here on */
            memcpy(desc->vendor, uuid, sizeof uuid);
            desc->has_vendor = true;
        }
    } else if (!cli_uuid_parse(text, uuid)) {
        if (kind == DESC_UUID) {
            return desc_wrong(desc, line, "a UUID stands here, 8-4-4-4-12 hex digits");
        }
        if (!desc->has_vendor) {
            return desc_wrong(desc, line, "a class is named within a vendor: write vendor-id before it");
        }
        err = cli_class(text, desc->vendor, uuid);
    }
    ud_cbor_put_bstr(w, UD_BYTES_ARRAY(uuid));
    return err == UD_OK ? UD_OK : desc_wrong(desc, line, "a name or a UUID stands here");
}

static ud_err put_raw(struct desc *desc, const struct desc_line *line, const char *hex,
                      struct ud_cbor_writer *w)
{
    struct ud_bytes item = {NULL, 0};
    struct ud_cbor r;
    const ud_err err = take_hex(desc, line, hex, strlen(hex), &item);
    ud_cbor_init(&r, item);
    (void)ud_cbor_skip(&r);
    if (err == UD_OK && ud_cbor_finish(&r) != UD_OK) {
        return desc_wrong(desc, line, "cbor: takes one whole item in deterministic CBOR; this is none");
    }
    ud_cbor_put_raw(w, item);
    return err;
}

static ud_err put_size(struct desc *desc, const struct desc_line *line, const char *text,
                       struct ud_cbor_writer *w)
{
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t size = 0;
    const ud_err err = begins(&text, "file:") ? hash_file(desc, line, text, digest, &size)
                                              : desc_value_uint(desc, line, text, UINT64_MAX, &size);
    ud_cbor_put_uint(w, size);
    return err;
}

/* beside:NAME is the name under which a payload lies beside its envelope: its digest. */
static ud_err put_text(struct desc *desc, const struct desc_line *line, const char *text,
                       struct ud_cbor_writer *w)
{
    char hex[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    uint8_t digest[UD_SHA256_BYTES] = {0};
    struct ud_bytes out = {(const uint8_t *)hex, sizeof hex - 1};
    uint64_t bytes;
    ud_err err;
    if (begins(&text, "beside:")) {
        err = hash_file(desc, line, text, digest, &bytes);
        cli_hex(UD_BYTES_ARRAY(digest), hex);
    } else {
        err = desc_value_text(desc, line, text, &out);
    }
    ud_cbor_put_tstr(w, out);
    return err;
}

/* The value of a custom parameter or command shows its own kind. */
static ud_err put_any(struct desc *desc, const struct desc_line *line, const char *text,
                      struct ud_cbor_writer *w)
{
    const size_t len = strlen(text);
    struct ud_bytes bytes = {NULL, 0};
    int64_t number;
    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) {
        ud_cbor_put_bool(w, text[0] == 'y');
        return UD_OK;
    }
    if (take_int(text, len, &number)) {
        ud_cbor_put_int(w, number);
        return UD_OK;
    }
    if (*text == '"') {
        const ud_err err = desc_value_text(desc, line, text, &bytes);
        ud_cbor_put_tstr(w, bytes);
        return err;
    }
    const ud_err err = desc_value_bytes(desc, line, text, &bytes);
    ud_cbor_put_bstr(w, bytes);
    return err;
}

ud_err desc_value_put(struct desc *desc, const struct desc_line *line, const char *text, desc_kind kind,
                      struct ud_cbor_writer *w)
{
    struct ud_bytes bytes = {NULL, 0};
    uint64_t number = 0;
    int64_t whole = 0;
    bool on = false;
    ud_err err = UD_OK;
    if (begins(&text, "cbor:")) {
        return put_raw(desc, line, text, w);
    }
    switch (kind) {
    case DESC_UINT:
        err = desc_value_uint(desc, line, text, UINT64_MAX, &number);
        ud_cbor_put_uint(w, number);
        return err;
    case DESC_INT:
        err = desc_value_int(desc, line, text, &whole);
        ud_cbor_put_int(w, whole);
        return err;
    case DESC_BOOL:
        err = desc_value_bool(desc, line, text, &on);
        ud_cbor_put_bool(w, on);
        return err;
    case DESC_VENDOR:
    case DESC_CLASS:
    case DESC_UUID:
        return put_uuid(desc, line, text, kind, w);
    case DESC_DIGEST:
    case DESC_VERSION:
    case DESC_WAIT:
    case DESC_METADATA:
        return put_wrapped(desc, line, text, kind, w);
    case DESC_SIZE:
        return put_size(desc, line, text, w);
    case DESC_BYTES:
        err = desc_value_bytes(desc, line, text, &bytes);
        ud_cbor_put_bstr(w, bytes);
        return err;
    case DESC_TEXT:
        return put_text(desc, line, text, w);
    case DESC_COMPONENT:
        err = desc_value_index(desc, line, text, strlen(text), &number);
        ud_cbor_put_uint(w, number);
        return err;
    case DESC_ANY:
        return put_any(desc, line, text, w);
    }
    return UD_ERR_INTERNAL;
}
