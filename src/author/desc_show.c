#include "author/desc_show.h"

#include <stdio.h>

#include "author/ids.h"
#include "updraft/suit.h"

enum { WORD_BYTES = 96, ID_CHARS = 150 };

/* What the envelope holds, by label; contents of byte strings. */
struct found {
    struct ud_bytes manifest[32]; /* encoded values */
    struct ud_bytes apart[32];    /* contents of severable members in the envelope */
    struct ud_bytes payloads;     /* from the first text key on */
    uint64_t payload_count;
};

static const struct {
    uint8_t label;
    const char *name;
} severables[] = {{14, "coswid"},        {15, "dependency-resolution"},
                  {16, "payload-fetch"}, {18, "candidate-verification"},
                  {20, "install"},       {23, "text"}};

static bool is_severable(uint64_t label)
{
    for (size_t i = 0; i < sizeof severables / sizeof severables[0]; i++) {
        if (severables[i].label == label) {
            return true;
        }
    }
    return false;
}

static void take_member(struct found *found, struct ud_cbor *r, struct ud_bytes *manifest)
{
    enum { WRAPPER = 2, MANIFEST = 3 };
    const size_t at = ud_cbor_offset(r);
    const uint64_t label = ud_cbor_uint(r);
    const struct ud_bytes content = ud_cbor_bstr(r);
    if (label == MANIFEST) {
        *manifest = content;
    } else if (is_severable(label)) {
        found->apart[label] = content;
    } else if (label != WRAPPER) {
        ud_cbor_fail_at(r, at, UD_ERR_LABEL_UNKNOWN);
    }
}

static void take_envelope(struct found *found, struct ud_cbor *r, struct ud_bytes *manifest)
{
    struct ud_bytes previous = {NULL, 0};
    if (ud_cbor_tag(r) != UD_SUIT_TAG_ENVELOPE) {
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        ud_cbor_key_order(r, &previous);
        if (ud_cbor_peek(r) != UD_CBOR_TSTR) {
            take_member(found, r, manifest);
            continue;
        }
        found->payloads = found->payload_count == 0 ? r->rest : found->payloads;
        found->payload_count++;
        (void)ud_cbor_tstr(r);
        (void)ud_cbor_bstr(r);
    }
    if (r->err == UD_OK && manifest->len == 0) {
        ud_cbor_fail(r, UD_ERR_MISSING);
    }
    (void)ud_cbor_finish(r);
}

static void take_manifest(struct found *found, struct ud_cbor *r)
{
    static const uint8_t known[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 18, 20, 23, 24};
    struct ud_bytes previous = {NULL, 0};
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        const size_t at = ud_cbor_offset(r);
        ud_cbor_key_order(r, &previous);
        const uint64_t label = ud_cbor_uint(r);
        if (label >= 32 || memchr(known, (int)label, sizeof known) == NULL) {
            ud_cbor_fail_at(r, at, UD_ERR_LABEL_UNKNOWN);
        } else {
            found->manifest[label] = ud_cbor_skip(r);
        }
    }
    if (r->err == UD_OK &&
        (found->manifest[1].len == 0 || found->manifest[2].len == 0 || found->manifest[3].len == 0)) {
        ud_cbor_fail(r, UD_ERR_MISSING);
    }
    (void)ud_cbor_finish(r);
}

static bool is_word(const char *text)
{
    if (*text == '\0' || strlen(text) >= DESC_SHOW_NAME_BYTES || strcmp(text, "all") == 0) {
        return false;
    }
    bool letter = false;
    for (; *text != '\0'; text++) {
        letter |= (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *text) == NULL) {
            return false;
        }
    }
    return letter; /* a number would be taken for an index */
}

static void name_part(struct desc_show *show, struct desc_show_part *part, const char *id)
{
    bool free_name = is_word(id);
    for (size_t i = 0; i < show->part_count && free_name; i++) {
        free_name = strcmp(show->parts[i].name, id) != 0;
    }
    if (free_name && !(id[0] == 'c' && id[1] >= '0' && id[1] <= '9') &&
        !(id[0] == 'd' && id[1] >= '0' && id[1] <= '9')) {
        memcpy(part->name, id, strlen(id) + 1);
    } else {
        (void)snprintf(part->name, sizeof part->name, "%c%zu", part->dependency ? 'd' : 'c', show->part_count);
    }
}

static void add_part(struct desc_show *show, struct ud_cbor *r, struct desc_show_part part)
{
    char id[ID_CHARS] = "";
    if (show->part_count == DESC_COMPONENTS_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return;
    }
    if (part.id.len > 0 && !desc_show_id(part.id, id, sizeof id)) {
        ud_cbor_fail(r, UD_ERR_DESCRIPTION);
        return;
    }
    name_part(show, &part, id);
    show->parts[show->part_count++] = part;
}

static void take_dependencies(struct desc_show *show, struct ud_cbor *r)
{
    struct ud_bytes previous = {NULL, 0};
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        struct desc_show_part part = {.dependency = true};
        ud_cbor_key_order(r, &previous);
        part.index = ud_cbor_uint(r);
        const uint64_t facts = ud_cbor_map(r);
        if (facts > 1 || (facts == 1 && ud_cbor_uint(r) != 1)) {
            ud_cbor_fail(r, UD_ERR_DESCRIPTION);
        }
        if (facts == 1) {
            part.id = ud_cbor_skip(r);
        }
        add_part(show, r, part);
    }
}

/* Components come first in a description, dependencies first in the map. */
static void take_common(struct desc_show *show, struct ud_cbor *r, struct ud_bytes *shared)
{
    enum { DEPENDENCIES = 1, COMPONENTS = 2, SHARED = 4 };
    struct ud_bytes previous = {NULL, 0};
    struct ud_bytes dependencies = {NULL, 0};
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        ud_cbor_key_order(r, &previous);
        const uint64_t label = ud_cbor_uint(r);
        if (label == DEPENDENCIES) {
            dependencies = ud_cbor_skip(r);
        } else if (label == COMPONENTS) {
            const uint64_t count = ud_cbor_array(r);
            for (uint64_t i = 0; i < count && r->err == UD_OK; i++) {
                add_part(show, r, (struct desc_show_part){.index = i, .id = ud_cbor_skip(r)});
            }
        } else if (label == SHARED) {
            *shared = ud_cbor_bstr(r);
        } else {
            ud_cbor_fail(r, UD_ERR_LABEL_UNKNOWN);
        }
    }
    if (r->err == UD_OK && dependencies.len > 0) {
        struct ud_cbor inner;
        ud_cbor_init_within(&inner, show->whole, dependencies);
        take_dependencies(show, &inner);
        if (inner.err != UD_OK) {
            ud_cbor_fail_at(r, inner.err_offset_bytes, inner.err);
        }
    }
    (void)ud_cbor_finish(r);
}

/* A reader for the content of an encoded byte string; for a digest (severed) `r` stays empty. */
static bool content_of(struct desc_show *show, struct ud_bytes item, struct ud_bytes *content,
                       struct ud_cbor *r)
{
    ud_cbor_init_within(r, show->whole, item);
    if (ud_cbor_peek(r) != UD_CBOR_BSTR) {
        return false;
    }
    *content = ud_cbor_bstr(r);
    return r->err == UD_OK;
}

static void show_ids(struct desc_show *show)
{
    for (size_t i = 0; i < show->part_count; i++) {
        const struct desc_show_part *part = &show->parts[i];
        char id[ID_CHARS] = "";
        (void)desc_show_id(part->id, id, sizeof id);
        if (!part->dependency) {
            desc_show_print(show, "\n[component %s]\nid = %s\n", part->name, id);
            continue;
        }
        desc_show_print(show, "\n[dependency %s]\nindex = %llu\n", part->name, (unsigned long long)part->index);
        if (part->id.len > 0) {
            desc_show_print(show, "prefix = %s\n", id);
        }
    }
}

static void show_severable(struct desc_show *show, const struct found *found)
{
    const char *comma = "";
    desc_show_print(show, "severable = ");
    for (size_t i = 0; i < sizeof severables / sizeof severables[0]; i++) {
        if (found->apart[severables[i].label].len > 0) {
            desc_show_print(show, "%s%s", comma, severables[i].name);
            comma = ", ";
        }
    }
    desc_show_print(show, comma[0] == '\0' ? "none\n" : "\n");
}

static void show_severed(struct desc_show *show, const struct found *found, struct ud_cbor *r)
{
    for (size_t i = 0; i < sizeof severables / sizeof severables[0]; i++) {
        const uint8_t label = severables[i].label;
        char digest[160];
        ud_cbor_init_within(r, show->whole, found->manifest[label]);
        if (ud_cbor_peek(r) != UD_CBOR_ARRAY || found->apart[label].len > 0) {
            continue;
        }
        if (!desc_show_digest(r, digest, sizeof digest)) {
            ud_cbor_fail(r, UD_ERR_DESCRIPTION);
            return;
        }
        desc_show_print(show, "severed-%s = %s\n", severables[i].name, digest);
    }
}

/* Content of a member, wherever it stands; empty where it does not. */
static struct ud_bytes member(struct desc_show *show, const struct found *found, uint8_t label)
{
    struct ud_bytes content = {NULL, 0};
    struct ud_cbor r;
    if (found->apart[label].len > 0) {
        return found->apart[label];
    }
    return content_of(show, found->manifest[label], &content, &r) ? content : (struct ud_bytes){NULL, 0};
}

static void show_manifest(struct desc_show *show, const struct found *found, struct ud_cbor *r)
{
    enum { REFERENCE = 4, COMPONENT = 5, SET_VERSION = 6, COSWID = 14, TEXT = 23 };
    char text[ID_CHARS];
    struct ud_bytes content = {NULL, 0};
    ud_cbor_init_within(r, show->whole, found->manifest[1]);
    if (ud_cbor_uint(r) != 1) {
        ud_cbor_fail(r, UD_ERR_VERSION);
        return;
    }
    ud_cbor_init_within(r, show->whole, found->manifest[2]);
    desc_show_print(show, "[manifest]\nsequence = %llu\nautomatic = no\n", (unsigned long long)ud_cbor_uint(r));
    if (r->err == UD_OK && found->manifest[REFERENCE].len > 0) {
        ud_cbor_init_within(r, show->whole, found->manifest[REFERENCE]);
        desc_show_text(show, "reference-uri", "=", ud_cbor_tstr(r));
    }
    if (r->err == UD_OK && found->manifest[COMPONENT].len > 0) {
        if (!desc_show_id(found->manifest[COMPONENT], text, sizeof text)) {
            ud_cbor_fail(r, UD_ERR_DESCRIPTION);
        }
        desc_show_print(show, "component = %s\n", text);
    }
    if (r->err == UD_OK && content_of(show, found->manifest[SET_VERSION], &content, r)) {
        ud_cbor_init_within(r, show->whole, content);
        if (!desc_show_version(r, text, sizeof text)) {
            ud_cbor_fail(r, UD_ERR_DESCRIPTION);
        }
        desc_show_print(show, "set-version = %s\n", text);
    }
    if (r->err != UD_OK) {
        return;
    }
    show_severable(show, found);
    show_severed(show, found, r);
    content = member(show, found, COSWID);
    if (content.len > 0) {
        desc_show_hex(show, "coswid", "=", "hex:", content);
    }
    content = member(show, found, TEXT);
    if (content.len > 0 && !desc_show_text_fits(show, content)) {
        desc_show_hex(show, "text", "=", "hex:", content);
    }
}

static bool show_sequence(struct desc_show *show, const char *title, struct ud_bytes content, struct ud_cbor *r)
{
    if (content.len == 0) {
        return true;
    }
    desc_show_print(show, "\n[%s]\n", title);
    ud_cbor_init_within(r, show->whole, content);
    desc_show_sequence(show, r);
    return ud_cbor_finish(r) == UD_OK;
}

static bool show_sequences(struct desc_show *show, const struct found *found, struct ud_bytes shared,
                           struct ud_cbor *r)
{
    for (const struct desc_sequence *row = desc_sequences; row->name != NULL; row++) {
        const struct ud_bytes content = row == desc_sequences ? shared : member(show, found, row->label);
        if (!show_sequence(show, row->name, content, r)) {
            return false;
        }
    }
    for (size_t i = 0; i < show->nested_count; i++) { /* grows as we go: what is nested in nested ones */
        char title[32];
        (void)snprintf(title, sizeof title, "sequence s%zu", i + 1);
        if (!show_sequence(show, title, show->nested[i], r)) {
            return false;
        }
    }
    return true;
}

static void show_payloads(struct desc_show *show, const struct found *found)
{
    struct ud_cbor r;
    ud_cbor_init(&r, found->payloads);
    for (uint64_t i = 0; i < found->payload_count && r.err == UD_OK; i++) {
        desc_show_print(show, "\n[integrated p%llu]\n", (unsigned long long)i + 1);
        desc_show_text(show, "uri", "=", ud_cbor_tstr(&r));
        desc_show_hex(show, "content", "=", "hex:", ud_cbor_bstr(&r));
    }
}

static ud_err result(const struct ud_cbor *r, struct ud_diag *diag)
{
    if (diag != NULL) {
        *diag = (struct ud_diag){.err = r->err, .offset_bytes = r->err_offset_bytes};
    }
    return r->err;
}

ud_err desc_show(struct ud_buf *out, struct ud_bytes envelope, struct ud_diag *diag)
{
    struct desc_show show = {.out = out, .whole = envelope};
    struct found found = {.payload_count = 0};
    struct ud_bytes manifest = {NULL, 0};
    struct ud_bytes shared = {NULL, 0};
    struct ud_cbor r;
    ud_cbor_init(&r, envelope);
    take_envelope(&found, &r, &manifest);
    if (r.err == UD_OK) {
        ud_cbor_init_within(&r, envelope, manifest);
        take_manifest(&found, &r);
    }
    if (r.err != UD_OK) {
        return result(&r, diag);
    }
    struct ud_bytes common = {NULL, 0};
    if (!content_of(&show, found.manifest[3], &common, &r)) {
        ud_cbor_fail(&r, UD_ERR_SHAPE);
        return result(&r, diag);
    }
    ud_cbor_init_within(&r, envelope, common);
    take_common(&show, &r, &shared);
    if (r.err == UD_OK) {
        show_manifest(&show, &found, &r);
    }
    if (r.err != UD_OK) {
        return result(&r, diag);
    }
    show_ids(&show);
    const struct ud_bytes text = member(&show, &found, 23);
    if (text.len > 0 && desc_show_text_fits(&show, text)) {
        desc_show_texts(&show, text);
    }
    if (!show_sequences(&show, &found, shared, &r)) {
        return result(&r, diag);
    }
    show_payloads(&show, &found);
    return show.full ? UD_ERR_BUFFER : UD_OK;
}
