#include <stdio.h>

#include "author/desc_show.h"

enum { LANGUAGE_CHARS_MAX = 40, WORD_BYTES = 96 };

static const struct desc_show_part *part_of(const struct desc_show *show, struct ud_bytes id)
{
    for (size_t i = 0; i < show->part_count; i++) {
        if (!show->parts[i].dependency && ud_bytes_equal(show->parts[i].id, id)) {
            return &show->parts[i];
        }
    }
    return NULL;
}

/* One text; with `show` NULL only looked at. @return false when it has no word */
static bool take_text(struct desc_show *show, struct ud_cbor *r, const struct desc_show_part *part)
{
    char word[WORD_BYTES];
    const struct desc_word *row =
        desc_word_labelled(part != NULL ? desc_text_component : desc_text_all, ud_cbor_int(r));
    const struct ud_bytes text = ud_cbor_tstr(r);
    if (row == NULL || r->err != UD_OK) {
        return false;
    }
    if (show != NULL) {
        (void)snprintf(word, sizeof word, "%s%s%s", part != NULL ? part->name : "", part != NULL ? "." : "",
                       row->name);
        desc_show_text(show, word, "=", text);
    }
    return true;
}

static bool take_component(const struct desc_show *parts, struct desc_show *show, struct ud_cbor *r)
{
    const struct desc_show_part *part = part_of(parts, ud_cbor_skip(r));
    struct ud_bytes previous = {NULL, 0};
    uint64_t texts = ud_cbor_map(r);
    bool ok = part != NULL && texts > 0;
    for (; ok && texts > 0; texts--) {
        ud_cbor_key_order(r, &previous);
        ok = take_text(show, r, part);
    }
    return ok;
}

static bool take_language(const struct desc_show *parts, struct desc_show *show, struct ud_cbor *r)
{
    const struct ud_bytes language = ud_cbor_tstr(r);
    struct ud_bytes previous = {NULL, 0};
    uint64_t pairs = ud_cbor_map(r);
    bool ok = r->err == UD_OK && pairs > 0 && language.len > 0 && language.len <= LANGUAGE_CHARS_MAX;
    for (size_t i = 0; ok && i < language.len; i++) {
        const uint8_t c = language.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    }
    if (ok && show != NULL) {
        desc_show_print(show, "\n[text %.*s]\n", (int)language.len, (const char *)language.ptr);
    }
    for (; ok && pairs > 0; pairs--) {
        ud_cbor_key_order(r, &previous);
        ok = ud_cbor_peek(r) == UD_CBOR_ARRAY ? take_component(parts, show, r) : take_text(show, r, NULL);
    }
    return ok && r->err == UD_OK;
}

static bool walk(const struct desc_show *parts, struct desc_show *show, struct ud_bytes text)
{
    enum { LANGUAGES_MAX = 16 };
    struct ud_cbor r;
    struct ud_bytes previous = {NULL, 0};
    ud_cbor_init(&r, text);
    uint64_t languages = ud_cbor_map(&r);
    bool ok = languages > 0 && languages <= LANGUAGES_MAX;
    for (; ok && languages > 0; languages--) {
        ud_cbor_key_order(&r, &previous);
        ok = take_language(parts, show, &r);
    }
    return ok && ud_cbor_finish(&r) == UD_OK;
}

bool desc_show_text_fits(const struct desc_show *show, struct ud_bytes text)
{
    return walk(show, NULL, text);
}

void desc_show_texts(struct desc_show *show, struct ud_bytes text)
{
    (void)walk(show, show, text);
}
