#include "author/trust_desc.h"

#include <stdio.h>
#include <string.h>

#include "author/cli.h"
#include "author/desc_model.h"
#include "author/desc_value.h"
#include "author/sample_keys.h"

enum { IN_ROOTS = 1, IN_STORE = 2, IN_KEY = 4 };

struct reader {
    struct desc *desc;
    struct trust_desc *out;
    const struct trust_desc_keys *keys;
    struct ud_trust *trust;  /* of the roots, or of the store */
    struct ud_trust_key key; /* rights of the key whose section is read */
    size_t place;            /* in vendor and class_id */
    const char *file;
    const struct desc_line *file_line;
};

static ud_err number(struct reader *reader, const struct desc_line *line, uint64_t low, uint64_t high,
                     uint64_t *value)
{
    const ud_err err = desc_value_uint(reader->desc, line, line->value, high, value);
    return err == UD_OK && *value < low
               ? desc_wrong(reader->desc, line, "here stands a number from %llu on", (unsigned long long)low)
               : err;
}

static ud_err take_number(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, reader->out->is_roots ? 0 : 1, UINT32_MAX, &value);
    reader->out->has_number = true;
    *(reader->out->is_roots ? &reader->trust->epoch : &reader->trust->number) = (uint32_t)value;
    return err;
}

static ud_err take_threshold(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, 1, UINT8_MAX, &value);
    reader->trust->threshold = (uint8_t)value;
    return err;
}

static ud_err take_need(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, 0, UINT8_MAX, &value);
    reader->trust->group_need[line->word[strlen(line->word) - 1] - '0'] = (uint8_t)value;
    return err;
}

static ud_err take_epoch(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, 0, UINT32_MAX, &value);
    reader->out->has_epoch = true;
    reader->trust->epoch = (uint32_t)value;
    return err;
}

static ud_err take_sequence_min(struct reader *reader, const struct desc_line *line)
{
    return number(reader, line, 1, UINT64_MAX, &reader->trust->sequence_min);
}

static ud_err take_expires(struct reader *reader, const struct desc_line *line)
{
    return number(reader, line, 1, UINT64_MAX, &reader->trust->expires_s);
}

static ud_err take_vendor(struct reader *reader, const struct desc_line *line)
{
    uint8_t *uuid = reader->out->vendor[reader->place];
    if (cli_vendor(line->value, uuid) != UD_OK) {
        return desc_wrong(reader->desc, line, "a vendor is a domain or a UUID");
    }
    *(reader->place == 0 ? &reader->out->store.vendor_id : &reader->key.vendor_id) =
        (struct ud_bytes){uuid, UD_UUID_BYTES};
    return UD_OK;
}

static ud_err take_class(struct reader *reader, const struct desc_line *line)
{
    uint8_t *uuid = reader->out->class_id[reader->place];
    const struct ud_bytes vendor = reader->place == 0 ? reader->out->store.vendor_id : reader->key.vendor_id;
    if (vendor.len == 0 && !cli_uuid_parse(line->value, uuid)) {
        return desc_wrong(reader->desc, line, "a class is a UUID, or a text on a line behind vendor =");
    }
    if (vendor.len > 0 && cli_class(line->value, vendor.ptr, uuid) != UD_OK) {
        return desc_wrong(reader->desc, line, "a class is a text or a UUID");
    }
    *(reader->place == 0 ? &reader->out->store.class_id : &reader->key.class_id) =
        (struct ud_bytes){uuid, UD_UUID_BYTES};
    return UD_OK;
}

/* 32 bytes as hex digits */
static bool take_hex(const char *text, uint8_t out[UD_SHA256_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != (size_t)2 * UD_SHA256_BYTES || strspn(text, digits) != strlen(text)) {
        return false;
    }
    for (size_t i = 0; i < UD_SHA256_BYTES; i++) {
        out[i] =
            (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 | (strchr(digits, text[2 * i + 1]) - digits));
    }
    return true;
}

static ud_err load(struct reader *reader, const struct desc_line *line, const char *name,
                   struct ud_cose_key *key)
{
    const ud_err err = reader->keys->load(reader->keys->ctx, name, key);
    return err == UD_OK ? UD_OK
                        : desc_wrong(reader->desc, line, "the public key %s cannot be read (%s)", name,
                                     ud_err_name(err));
}

/* Room for one more of a list; NULL when it is full. */
static uint8_t *list_room(struct ud_bytes *list, uint8_t *all)
{
    if (list->len == (size_t)TRUST_DESC_LIST_MAX * UD_SHA256_BYTES) {
        return NULL;
    }
    uint8_t *at = all + list->len;
    *list = (struct ud_bytes){all, list->len + UD_SHA256_BYTES};
    return at;
}

static ud_err take_revoked(struct reader *reader, const struct desc_line *line)
{
    struct ud_cose_key key = {.len = 0};
    uint8_t *at = list_room(&reader->trust->revoked, reader->out->revoked);
    if (at == NULL) {
        return desc_wrong(reader->desc, line, "there are more than %d revoked keys", TRUST_DESC_LIST_MAX);
    }
    if (take_hex(line->value, at)) {
        return UD_OK;
    }
    const ud_err err = load(reader, line, line->value, &key);
    const struct ud_key view = ud_cose_key_view(&key);
    return err == UD_OK ? ud_cose_key_thumbprint(&view, at) : err;
}

static ud_err take_kept(struct reader *reader, const struct desc_line *line)
{
    uint8_t *at = list_room(&reader->trust->kept, reader->out->kept);
    if (at == NULL) {
        return desc_wrong(reader->desc, line, "there are more than %d kept manifests", TRUST_DESC_LIST_MAX);
    }
    return take_hex(line->value, at)
               ? UD_OK
               : desc_wrong(reader->desc, line, "a kept manifest is its digest, 64 digits of 0-9 and a-f");
}

static ud_err take_file(struct reader *reader, const struct desc_line *line)
{
    reader->file = line->value;
    reader->file_line = line;
    return UD_OK;
}

static ud_err take_weight(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, 1, UINT8_MAX, &value);
    reader->key.weight = (uint8_t)value;
    return err;
}

static ud_err take_group(struct reader *reader, const struct desc_line *line)
{
    uint64_t value = 0;
    const ud_err err = number(reader, line, 0, UD_TRUST_GROUPS_MAX - 1, &value);
    reader->key.group = (uint8_t)value;
    return err;
}

static ud_err take_component(struct reader *reader, const struct desc_line *line)
{
    struct ud_bytes id = {NULL, 0};
    const ud_err err = desc_value_id(reader->desc, line, line->value, &id);
    if (err != UD_OK) {
        return err;
    }
    if (id.len > UD_COMPONENT_ID_BYTES_MAX) {
        return desc_wrong(reader->desc, line, "a component id has at most %d bytes", UD_COMPONENT_ID_BYTES_MAX);
    }
    memcpy(reader->out->prefix[reader->place - 1], id.ptr, id.len);
    reader->key.component_prefix = (struct ud_bytes){reader->out->prefix[reader->place - 1], id.len};
    return UD_OK;
}

static const struct word {
    const char *name;
    unsigned where;
    bool repeats;
    ud_err (*take)(struct reader *reader, const struct desc_line *line);
} words[] = {
    {"number", IN_ROOTS | IN_STORE, false, take_number},
    {"threshold", IN_ROOTS | IN_STORE, false, take_threshold},
    {"need-0", IN_ROOTS | IN_STORE, false, take_need},
    {"need-1", IN_ROOTS | IN_STORE, false, take_need},
    {"need-2", IN_ROOTS | IN_STORE, false, take_need},
    {"need-3", IN_ROOTS | IN_STORE, false, take_need},
    {"epoch", IN_STORE, false, take_epoch},
    {"sequence-min", IN_STORE, false, take_sequence_min},
    {"expires", IN_STORE, false, take_expires},
    {"revoked", IN_STORE, true, take_revoked},
    {"kept", IN_STORE, true, take_kept},
    {"vendor", IN_STORE | IN_KEY, false, take_vendor},
    {"class", IN_STORE | IN_KEY, false, take_class},
    {"file", IN_KEY, false, take_file},
    {"weight", IN_KEY, false, take_weight},
    {"group", IN_KEY, false, take_group},
    {"component", IN_KEY, false, take_component},
};
_Static_assert(UD_TRUST_GROUPS_MAX == 4, "a word need-N for every group");

static ud_err take_line(struct reader *reader, const struct desc_section *section, unsigned where,
                        const struct desc_line *line)
{
    if (line->if_unset) {
        return desc_wrong(reader->desc, line, "?= is for manifests; here stands =");
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((words[i].where & where) != 0 && strcmp(words[i].name, line->word) == 0) {
            return words[i].repeats || desc_line_find(reader->desc, section, line->word) == line
                       ? words[i].take(reader, line)
                       : desc_wrong(reader->desc, line, "%s stands here twice", line->word);
        }
    }
    return desc_wrong(reader->desc, line, "[%s] knows no \"%s\"", section->kind, line->word);
}

static ud_err take_section(struct reader *reader, const struct desc_section *section, unsigned where)
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < section->count; i++) {
        err = take_line(reader, section, where, &reader->desc->lines[section->first + i]);
    }
    return err;
}

static ud_err add_key(struct reader *reader, const struct desc_section *section)
{
    struct ud_trust *trust = reader->trust;
    struct ud_cose_key key = {.len = 0};
    char name[DESC_NAME_CHARS_MAX + 8];
    (void)snprintf(name, sizeof name, "%s.pub", section->name);
    const char *file = reader->file != NULL ? reader->file : name;
    ud_err err = reader->keys->load(reader->keys->ctx, file, &key);
    const struct ud_key view = ud_cose_key_view(&key);
    if (err == UD_OK && key.type == UD_KEY_HMAC256) {
        return desc_wrong_section(reader->desc, section,
                                  "%s holds a secret, and everybody can read what is made here", file);
    }
    err = err == UD_OK ? ud_trust_add_key(trust, &view, reader->key.weight) : err;
    if (err == UD_OK && author_key_is_sample(trust->keys[trust->key_count - 1].kid)) {
        err = UD_ERR_KEY_PUBLISHED;
    }
    if (err != UD_OK && reader->file_line != NULL) {
        return desc_wrong(reader->desc, reader->file_line, "%s: %s (%s)", file, ud_err_text(err),
                          ud_err_name(err));
    }
    if (err != UD_OK) {
        return desc_wrong_section(reader->desc, section, "%s: %s (%s)", file, ud_err_text(err),
                                  ud_err_name(err));
    }
    struct ud_trust_key *added = &trust->keys[trust->key_count - 1];
    added->component_prefix = reader->key.component_prefix;
    added->vendor_id = reader->key.vendor_id;
    added->class_id = reader->key.class_id;
    added->group = reader->key.group;
    return UD_OK;
}

static ud_err take_key(struct reader *reader, const struct desc_section *section)
{
    if (section->name[0] == '\0') {
        return desc_wrong_section(reader->desc, section, "[key] wants a name");
    }
    if (reader->trust->key_count == UD_TRUST_KEYS_MAX) {
        return desc_wrong_section(reader->desc, section, "there are more than %d keys", UD_TRUST_KEYS_MAX);
    }
    reader->place = (size_t)reader->trust->key_count + 1;
    reader->key = (struct ud_trust_key){.weight = 1};
    reader->file = NULL;
    reader->file_line = NULL;
    const ud_err err = take_section(reader, section, IN_KEY);
    return err == UD_OK ? add_key(reader, section) : err;
}

/* The head first, wherever it stands: keys are compared with what it revokes. */
static ud_err take_all(struct reader *reader)
{
    struct desc *desc = reader->desc;
    const struct desc_section *roots = desc_section_find(desc, "roots", "");
    const struct desc_section *store = desc_section_find(desc, "store", "");
    if ((roots != NULL) == (store != NULL)) {
        return desc_wrong(desc, NULL, "one of [roots] and [store] is needed");
    }
    reader->out->is_roots = roots != NULL;
    reader->trust = roots != NULL ? &reader->out->store.roots : &reader->out->store.trust;
    reader->trust->threshold = 1;
    ud_err err = take_section(reader, roots != NULL ? roots : store, roots != NULL ? IN_ROOTS : IN_STORE);
    for (size_t i = 0; err == UD_OK && i < desc->section_count; i++) {
        const struct desc_section *section = &desc->sections[i];
        if (strcmp(section->kind, "key") == 0) {
            err = take_key(reader, section);
        } else if (section != roots && section != store) {
            err = desc_wrong_section(desc, section, "here stand [roots] or [store], and [key NAME]");
        }
    }
    return err == UD_OK && reader->trust->key_count == 0
               ? desc_wrong_section(desc, roots != NULL ? roots : store, "there is no [key NAME]")
               : err;
}

ud_err trust_desc_read(struct trust_desc *out, struct ud_bytes text, const struct trust_desc_keys *keys,
                       struct desc_error *error)
{
    struct desc *desc = NULL;
    struct reader reader = {.out = out, .keys = keys};
    memset(out, 0, sizeof *out);
    ud_err err = desc_parse(&desc, text, error);
    if (err == UD_OK) {
        reader.desc = desc;
        err = take_all(&reader);
    }
    desc_close(desc);
    return err;
}
