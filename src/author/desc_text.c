/* The text member: what people read, by language. */
#include <stdlib.h>

#include "author/desc_build.h"
#include "author/desc_value.h"

enum { LANGUAGES_MAX = 16 };

struct text_work {
    struct desc *desc;
    const char *languages[LANGUAGES_MAX];
    size_t language_count;
    const char *own;                                    /* language of the texts in [component] sections */
    const struct desc_part *parts[DESC_COMPONENTS_MAX]; /* in the order of their ids */
    size_t part_count;
};

static int by_language(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    const size_t left_len = strlen(*left);
    const size_t right_len = strlen(*right);
    return left_len != right_len ? (left_len > right_len) - (left_len < right_len) : strcmp(*left, *right);
}

static int by_id(const void *a, const void *b)
{
    const struct desc_part *left = *(const struct desc_part *const *)a;
    const struct desc_part *right = *(const struct desc_part *const *)b;
    const size_t common = left->id.len < right->id.len ? left->id.len : right->id.len;
    const int found = memcmp(left->id.ptr, right->id.ptr, common);
    return found != 0 ? found : (left->id.len > right->id.len) - (left->id.len < right->id.len);
}

static bool has_own_text(const struct desc *desc, const struct desc_part *part)
{
    for (const struct desc_word *row = desc_text_component; row->name != NULL; row++) {
        if (desc_line_find(desc, part->section, row->name) != NULL) {
            return true;
        }
    }
    return false;
}

static ud_err add_language(struct text_work *work, const char *name)
{
    for (size_t i = 0; i < work->language_count; i++) {
        if (strcmp(work->languages[i], name) == 0) {
            return UD_OK;
        }
    }
    if (work->language_count == LANGUAGES_MAX) {
        return desc_wrong(work->desc, NULL, "there are texts in more than %d languages", LANGUAGES_MAX);
    }
    work->languages[work->language_count++] = name;
    return UD_OK;
}

static ud_err collect(struct text_work *work)
{
    struct desc *desc = work->desc;
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < desc->section_count; i++) {
        if (strcmp(desc->sections[i].kind, "text") == 0) {
            err = add_language(work, desc->sections[i].name);
        }
    }
    for (size_t i = 0; err == UD_OK && i < desc->part_count; i++) {
        const struct desc_part *part = &desc->parts[i];
        if (part->dependency) {
            continue; /* its text is in its own envelope */
        }
        work->parts[work->part_count++] = part;
        if (has_own_text(desc, part)) {
            err = add_language(work, work->own);
        }
    }
    qsort(work->languages, work->language_count, sizeof work->languages[0], by_language);
    qsort(work->parts, work->part_count, sizeof work->parts[0], by_id);
    return err;
}

/* Line of [text LANGUAGE], or of the component's own section. */
static const struct desc_line *find(const struct text_work *work, const char *language,
                                    const struct desc_part *part, const char *word)
{
    const struct desc_section *section = desc_section_find(work->desc, "text", language);
    const size_t name_len = part != NULL ? strlen(part->name) + 1 : 0;
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        const struct desc_line *line = &work->desc->lines[section->first + i];
        const bool mine = part == NULL || (strncmp(line->word, part->name, name_len - 1) == 0 &&
                                           line->word[name_len - 1] == '.');
        if (mine && strcmp(line->word + name_len, word) == 0) {
            return line;
        }
    }
    return part != NULL && strcmp(language, work->own) == 0 ? desc_line_find(work->desc, part->section, word)
                                                            : NULL;
}

static size_t count_texts(const struct text_work *work, const char *language, const struct desc_part *part)
{
    size_t count = 0;
    const struct desc_word *row = part != NULL ? desc_text_component : desc_text_all;
    for (; row->name != NULL; row++) {
        count += find(work, language, part, row->name) != NULL;
    }
    return count;
}

static ud_err put_texts(struct text_work *work, const char *language, const struct desc_part *part,
                        struct ud_cbor_writer *w)
{
    ud_err err = UD_OK;
    const struct desc_word *row = part != NULL ? desc_text_component : desc_text_all;
    for (; err == UD_OK && row->name != NULL; row++) {
        const struct desc_line *line = find(work, language, part, row->name);
        struct ud_bytes text = {NULL, 0};
        if (line != NULL) {
            err = desc_value_text(work->desc, line, line->value, &text);
            ud_cbor_put_int(w, row->label);
            ud_cbor_put_tstr(w, text);
        }
    }
    return err;
}

static ud_err put_language(struct text_work *work, const char *language, struct ud_cbor_writer *w)
{
    size_t count = count_texts(work, language, NULL);
    for (size_t i = 0; i < work->part_count; i++) {
        count += count_texts(work, language, work->parts[i]) > 0;
    }
    ud_cbor_put_tstr(w, (struct ud_bytes){(const uint8_t *)language, strlen(language)});
    ud_cbor_put_map(w, count);
    ud_err err = put_texts(work, language, NULL, w);
    for (size_t i = 0; err == UD_OK && i < work->part_count; i++) {
        const size_t texts = count_texts(work, language, work->parts[i]);
        if (texts > 0) {
            ud_cbor_put_raw(w, work->parts[i]->id);
            ud_cbor_put_map(w, texts);
            err = put_texts(work, language, work->parts[i], w);
        }
    }
    return err;
}

/* Every line of a [text] must be one that found its place. */
static ud_err check_lines(struct text_work *work)
{
    struct desc *desc = work->desc;
    for (size_t i = 0; i < desc->section_count; i++) {
        const struct desc_section *section = &desc->sections[i];
        for (size_t k = 0; strcmp(section->kind, "text") == 0 && k < section->count; k++) {
            const struct desc_line *line = &desc->lines[section->first + k];
            const char *dot = strrchr(line->word, '.');
            const struct desc_part *part =
                dot != NULL ? desc_part_find(desc, line->word, (size_t)(dot - line->word)) : NULL;
            const char *word = dot != NULL ? dot + 1 : line->word;
            const struct desc_word *table = dot != NULL ? desc_text_component : desc_text_all;
            if (dot != NULL && (part == NULL || part->dependency)) {
                return desc_wrong(desc, line, "there is no [component %.*s]", (int)(dot - line->word),
                                  line->word);
            }
            if (desc_word_named(table, word, strlen(word)) == NULL) {
                return desc_wrong(desc, line, "no text is called \"%s\"; a component's are written NAME.%s",
                                  word, word);
            }
            if (find(work, section->name, part, word) != line) {
                return desc_wrong(desc, line, "this text stands twice");
            }
        }
    }
    return UD_OK;
}

ud_err desc_build_text(struct desc_build *build, struct ud_bytes *out)
{
    struct desc *desc = build->desc;
    const struct desc_section *manifest = desc_section_find(desc, "manifest", "");
    const struct desc_line *language = desc_line_find(desc, manifest, "language");
    const struct desc_line *raw = desc_line_find(desc, manifest, "text");
    struct text_work work = {.desc = desc, .own = language != NULL ? language->value : "en"};
    struct desc_scratch *scratch = &build->scratch;
    ud_err err = collect(&work);
    if (err == UD_OK) {
        err = check_lines(&work);
    }
    if (err != UD_OK) {
        return err;
    }
    if (raw != NULL) {
        return work.language_count == 0 ? desc_value_bytes(desc, raw, raw->value, out)
                                        : desc_wrong(desc, raw, "there are other texts already");
    }
    if (work.language_count == 0) {
        *out = (struct ud_bytes){NULL, 0};
        return UD_OK;
    }
    scratch->buf = (struct ud_buf){scratch->bytes, sizeof scratch->bytes, 0};
    ud_cbor_writer_init(&scratch->w, &scratch->buf);
    ud_cbor_put_map(&scratch->w, work.language_count);
    for (size_t i = 0; err == UD_OK && i < work.language_count; i++) {
        err = put_language(&work, work.languages[i], &scratch->w);
    }
    if (err == UD_OK && ud_cbor_written(&scratch->w) != UD_OK) {
        err = desc_wrong(desc, NULL, "the texts are longer than %u bytes", DESC_SEQUENCE_BYTES_MAX);
    }
    if (err == UD_OK) {
        *out = desc_keep(desc, ud_buf_bytes(&scratch->buf));
        err = out->ptr != NULL ? UD_OK : desc_wrong(desc, NULL, "the description is too large in all");
    }
    return err;
}
