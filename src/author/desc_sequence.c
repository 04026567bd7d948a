/* Command sequences: each line to its command, lines of parameters together to one map. */
#include "author/desc_build.h"
#include "author/desc_value.h"

enum { PARAMS_MAX = 32 };

/* One pair of a map, encoded. */
struct pair {
    struct ud_bytes key;
    struct ud_bytes value;
};

struct work {
    struct desc_build *build;
    struct desc *desc;
    const struct desc_section *section;
    size_t at; /* line of the section */
    unsigned depth;
    struct ud_buf buf; /* commands */
    struct ud_cbor_writer w;
    size_t items;
};

static const struct desc_line *line_at(const struct work *work, size_t i)
{
    return i < work->section->count ? &work->desc->lines[work->section->first + i] : NULL;
}

static ud_err no_room(struct work *work, const struct desc_line *line)
{
    return desc_wrong(work->desc, line, "the description is too large in all");
}

static int compare(struct ud_bytes a, struct ud_bytes b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int found = memcmp(a.ptr, b.ptr, common);
    return found != 0 ? found : (a.len > b.len) - (a.len < b.len);
}

/* Keys in the order of RFC 8949 section 4.2.1. @return false when the key is there already */
static bool insert(struct pair *pairs, size_t *count, struct pair pair)
{
    size_t i = *count;
    while (i > 0 && compare(pairs[i - 1].key, pair.key) > 0) {
        i--;
    }
    if (i > 0 && compare(pairs[i - 1].key, pair.key) == 0) {
        return false;
    }
    memmove(&pairs[i + 1], &pairs[i], (*count - i) * sizeof pairs[0]);
    pairs[i] = pair;
    (*count)++;
    return true;
}

static void put_pairs(struct ud_cbor_writer *w, const struct pair *pairs, size_t count)
{
    ud_cbor_put_map(w, count);
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_raw(w, pairs[i].key);
        ud_cbor_put_raw(w, pairs[i].value);
    }
}

static struct ud_cbor_writer *scratch_begin(struct desc_scratch *scratch)
{
    scratch->buf = (struct ud_buf){scratch->bytes, sizeof scratch->bytes, 0};
    ud_cbor_writer_init(&scratch->w, &scratch->buf);
    return &scratch->w;
}

static ud_err scratch_keep(struct work *work, const struct desc_line *line, struct desc_scratch *scratch,
                           struct ud_bytes *out)
{
    if (ud_cbor_written(&scratch->w) != UD_OK) {
        return desc_wrong(work->desc, line, "the value is longer than %u bytes", DESC_SEQUENCE_BYTES_MAX);
    }
    *out = desc_keep(work->desc, ud_buf_bytes(&scratch->buf));
    return out->ptr != NULL ? UD_OK : no_room(work, line);
}

static ud_err int_key(struct work *work, const struct desc_line *line, int64_t label, struct ud_bytes *key)
{
    uint8_t bytes[9];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_int(&w, label);
    *key = desc_keep(work->desc, ud_buf_bytes(&buf));
    return key->ptr != NULL ? UD_OK : no_room(work, line);
}

/* A parameter's word: of the table, or the negative number of a custom one. */
static bool param_of(const char *word, size_t len, struct desc_word *found)
{
    const struct desc_word *row = desc_word_named(desc_params, word, len);
    int32_t label = 0;
    if (row != NULL) {
        *found = *row;
        return true;
    }
    if (len < 2 || len > 9 || word[0] != '-') {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
        label = 10 * label + (word[i] - '0');
    }
    *found = (struct desc_word){word, -label, DESC_ANY};
    return label > 0;
}

static bool is_param(const struct desc_line *line)
{
    struct desc_word row;
    return strcmp(line->word, "image") == 0 || param_of(line->word, strlen(line->word), &row);
}

static ud_err take_param(struct work *work, const struct desc_line *line, const struct desc_word *row,
                         const char *text, struct pair *pair)
{
    struct desc_scratch *scratch = &work->build->scratch;
    ud_err err = desc_value_put(work->desc, line, text, (desc_kind)row->kind, scratch_begin(scratch));
    if (err == UD_OK) {
        err = scratch_keep(work, line, scratch, &pair->value);
    }
    return err == UD_OK ? int_key(work, line, row->label, &pair->key) : err;
}

/* image = FILE: its digest and its size */
static ud_err take_image(struct work *work, const struct desc_line *line, struct pair pairs[2])
{
    const size_t len = strlen(line->value);
    char *name = (char *)desc_room(work->desc, sizeof "file:" + len);
    if (name == NULL) {
        return no_room(work, line);
    }
    memcpy(name, "file:", 5);
    memcpy(name + 5, line->value, len + 1);
    ud_err err = UD_OK;
    static const int32_t labels[] = {DESC_PARAM_DIGEST, DESC_PARAM_SIZE};
    for (size_t i = 0; err == UD_OK && i < 2; i++) {
        err = take_param(work, line, desc_word_labelled(desc_params, labels[i]), name, &pairs[i]);
    }
    return err;
}

/* Parameters that follow each other are one map, until one comes again. */
static ud_err put_params(struct work *work)
{
    struct pair pairs[PARAMS_MAX + 2];
    size_t count = 0;
    const bool if_unset = work->desc->lines[work->section->first + work->at].if_unset;
    for (;; work->at++) {
        const struct desc_line *line = line_at(work, work->at);
        struct pair found[2];
        struct desc_word row;
        ud_err err;
        if (line == NULL || !is_param(line) || line->if_unset != if_unset || count >= PARAMS_MAX) {
            break;
        }
        const bool image = strcmp(line->word, "image") == 0;
        if (image) {
            err = take_image(work, line, found);
        } else {
            (void)param_of(line->word, strlen(line->word), &row);
            err = take_param(work, line, &row, line->value, &found[0]);
        }
        if (err != UD_OK) {
            return err;
        }
        if (!insert(pairs, &count, found[0])) {
            break;
        }
        if (image && !insert(pairs, &count, found[1])) {
            return desc_wrong(work->desc, line, "image sets image-size, too: it stands here already");
        }
    }
    ud_cbor_put_uint(&work->w, if_unset ? DESC_DO_DEFAULT : DESC_DO_OVERRIDE);
    put_pairs(&work->w, pairs, count);
    work->items += 2;
    return UD_OK;
}

/* component.word = value */
static const char *dot_of(const struct desc_line *line)
{
    return line != NULL && !line->if_unset ? strrchr(line->word, '.') : NULL;
}

/* The lines of one component. */
static ud_err take_override(struct work *work, struct pair *pair)
{
    struct desc_scratch *scratch = &work->build->scratch;
    struct pair pairs[PARAMS_MAX + 1];
    size_t count = 0;
    uint64_t index = 0;
    const struct desc_line *first = &work->desc->lines[work->section->first + work->at];
    const char *first_dot = dot_of(first);
    const size_t name_len = first_dot != NULL ? (size_t)(first_dot - first->word) : 0;
    ud_err err = desc_value_index(work->desc, first, first->word, name_len, &index);
    for (; err == UD_OK; work->at++) {
        const struct desc_line *line = line_at(work, work->at);
        const char *dot = dot_of(line);
        struct desc_word row;
        struct pair one;
        if (dot == NULL || (size_t)(dot - line->word) != name_len ||
            memcmp(line->word, first->word, name_len) != 0 || count == PARAMS_MAX) {
            break;
        }
        if (!param_of(dot + 1, strlen(dot + 1), &row)) {
            return desc_wrong(work->desc, line, "\"%s\" is no parameter", dot + 1);
        }
        err = take_param(work, line, &row, line->value, &one);
        if (err == UD_OK && !insert(pairs, &count, one)) {
            break; /* once more: the next command */
        }
    }
    if (err != UD_OK) {
        return err;
    }
    put_pairs(scratch_begin(scratch), pairs, count);
    err = scratch_keep(work, first, scratch, &pair->value);
    return err == UD_OK ? int_key(work, first, (int64_t)index, &pair->key) : err;
}

static ud_err put_overrides(struct work *work)
{
    struct pair pairs[DESC_COMPONENTS_MAX + 1];
    size_t count = 0;
    while (dot_of(line_at(work, work->at)) != NULL && count < DESC_COMPONENTS_MAX) {
        const size_t before = work->at;
        struct pair pair;
        const ud_err err = take_override(work, &pair);
        if (err != UD_OK) {
            return err;
        }
        if (!insert(pairs, &count, pair)) {
            work->at = before;
            break;
        }
    }
    ud_cbor_put_uint(&work->w, DESC_DO_OVERRIDE_MULTIPLE);
    put_pairs(&work->w, pairs, count);
    work->items += 2;
    return UD_OK;
}

/* take NAME = word, word */
static const char *taken_from(const struct desc_line *line)
{
    return line != NULL && strncmp(line->word, "take ", 5) == 0 ? line->word + 5 : NULL;
}

static ud_err take_labels(struct work *work, const struct desc_line *line, struct pair *pair)
{
    struct desc_scratch *scratch = &work->build->scratch;
    const char *from = taken_from(line);
    const char *text = line->value;
    const char *item;
    size_t len;
    int32_t labels[PARAMS_MAX];
    size_t count = 0;
    uint64_t index = 0;
    ud_err err = desc_value_index(work->desc, line, from, from != NULL ? strlen(from) : 0, &index);
    while (err == UD_OK && desc_next_item(&text, &item, &len)) {
        struct desc_word row;
        if (count == PARAMS_MAX || !param_of(item, len, &row)) {
            return desc_wrong(work->desc, line, "\"%.*s\" is no parameter", (int)len, item);
        }
        labels[count++] = row.label;
    }
    if (err == UD_OK && count == 0) {
        err = desc_wrong(work->desc, line, "which parameters? take NAME = uri, image-digest");
    }
    if (err != UD_OK) {
        return err;
    }
    struct ud_cbor_writer *w = scratch_begin(scratch);
    ud_cbor_put_array(w, count);
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_int(w, labels[i]);
    }
    err = scratch_keep(work, line, scratch, &pair->value);
    return err == UD_OK ? int_key(work, line, (int64_t)index, &pair->key) : err;
}

static ud_err put_takes(struct work *work)
{
    struct pair pairs[DESC_COMPONENTS_MAX + 1];
    size_t count = 0;
    for (; taken_from(line_at(work, work->at)) != NULL && count < DESC_COMPONENTS_MAX; work->at++) {
        struct pair pair;
        const ud_err err = take_labels(work, line_at(work, work->at), &pair);
        if (err != UD_OK) {
            return err;
        }
        if (!insert(pairs, &count, pair)) {
            break;
        }
    }
    ud_cbor_put_uint(&work->w, DESC_DO_TAKE);
    put_pairs(&work->w, pairs, count);
    work->items += 2;
    return UD_OK;
}

/* word, report N */
static ud_err put_policy(struct work *work, const struct desc_line *line, const char *rest, uint64_t policy)
{
    const char *item;
    size_t len;
    if (desc_next_item(&rest, &item, &len)) {
        if (strncmp(item, "report ", 7) != 0) {
            return desc_wrong(work->desc, line, "after the comma stands  report N  (0 to %d)", DESC_POLICY_MAX);
        }
        const ud_err err = desc_value_uint(work->desc, line, item + 7, DESC_POLICY_MAX, &policy);
        if (err != UD_OK) {
            return err;
        }
    }
    ud_cbor_put_uint(&work->w, policy);
    return UD_OK;
}

/* do = -300 VALUE */
static ud_err put_custom(struct work *work, const struct desc_line *line, const char *text)
{
    const size_t len = strcspn(text, " ");
    const char *value = text + len + strspn(text + len, " ");
    struct desc_word row;
    if (!param_of(text, len, &row)) {
        return desc_wrong(work->desc, line, "a custom command is written  do = -300 VALUE");
    }
    ud_cbor_put_int(&work->w, row.label);
    if (*value == '\0' || strcmp(value, "null") == 0) {
        ud_cbor_put_null(&work->w);
        return UD_OK;
    }
    return desc_value_put(work->desc, line, value, DESC_ANY, &work->w);
}

static void list_words(const struct desc_word *table, char *out, size_t cap)
{
    size_t len = 0;
    for (; table->name != NULL && len + strlen(table->name) + 3 < cap; table++) {
        memcpy(out + len, table->name, strlen(table->name));
        len += strlen(table->name);
        memcpy(out + len, ", ", 3);
        len += 2;
    }
    out[len > 2 ? len - 2 : 0] = '\0';
}

static ud_err put_command(struct work *work, const struct desc_line *line, const struct desc_word *table,
                          uint64_t policy)
{
    const char *rest = line->value;
    const char *item;
    size_t len = 0;
    char words[160];
    work->items += 2;
    if (table == desc_actions && line->value[0] == '-') {
        return put_custom(work, line, line->value);
    }
    const bool some = desc_next_item(&rest, &item, &len);
    const struct desc_word *row = some ? desc_word_named(table, item, len) : NULL;
    if (row == NULL) {
        list_words(table, words, sizeof words);
        return desc_wrong(work->desc, line, "one of these stands here: %s", words);
    }
    ud_cbor_put_int(&work->w, row->label);
    return put_policy(work, line, rest, policy);
}

static ud_err put_check(struct work *work, const struct desc_line *line)
{
    return put_command(work, line, desc_checks, DESC_POLICY_CHECK);
}

static ud_err put_do(struct work *work, const struct desc_line *line)
{
    return put_command(work, line, desc_actions, DESC_POLICY_DO);
}

static ud_err put_select(struct work *work, const struct desc_line *line)
{
    const bool list = strchr(line->value, ',') != NULL;
    const char *rest = line->value;
    const char *item;
    size_t len;
    uint64_t indices[DESC_COMPONENTS_MAX];
    size_t count = 0;
    ud_cbor_put_uint(&work->w, DESC_DO_SELECT);
    work->items += 2;
    if (strcmp(line->value, "all") == 0) {
        ud_cbor_put_bool(&work->w, true);
        return UD_OK;
    }
    while (desc_next_item(&rest, &item, &len)) {
        if (count == DESC_COMPONENTS_MAX) {
            return desc_wrong(work->desc, line, "more than %d components", DESC_COMPONENTS_MAX);
        }
        const ud_err err = desc_value_index(work->desc, line, item, len, &indices[count++]);
        if (err != UD_OK) {
            return err;
        }
    }
    if (count == 0) {
        return desc_wrong(work->desc, line, "which component? its name, several with commas, or all");
    }
    if (list) {
        ud_cbor_put_array(&work->w, count);
    }
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_uint(&work->w, indices[i]);
    }
    return UD_OK;
}

static ud_err put_nested(struct work *work, const struct desc_line *line, const char *name, size_t len)
{
    struct desc_build *build = work->build;
    struct ud_bytes nested = {NULL, 0};
    const char *text = desc_keep_text(work->desc, name, len);
    const struct desc_section *section = text != NULL ? desc_section_find(work->desc, "sequence", text) : NULL;
    if (section == NULL) {
        return desc_wrong(work->desc, line, "there is no [sequence %.*s]", (int)len, name);
    }
    if (work->depth == DESC_NESTING_MAX) {
        return desc_wrong(work->desc, line, "try and run stand in each other more than %d deep, or in a circle",
                          DESC_NESTING_MAX);
    }
    const ud_err err = desc_build_sequence(build, section, work->depth + 1, &nested); /* bounded by depth */
    ud_cbor_put_bstr(&work->w, nested);
    return err;
}

static ud_err put_run(struct work *work, const struct desc_line *line)
{
    ud_cbor_put_uint(&work->w, DESC_DO_RUN);
    work->items += 2;
    return put_nested(work, line, line->value, strlen(line->value));
}

static ud_err put_try(struct work *work, const struct desc_line *line)
{
    static const char nothing[] = "nothing";
    const char *rest = line->value;
    const char *item;
    size_t len;
    size_t count = 0;
    while (desc_next_item(&rest, &item, &len)) {
        count++;
    }
    if (count < 2) {
        return desc_wrong(work->desc, line, "try takes at least two: try = one, two  or  try = one, nothing");
    }
    ud_cbor_put_uint(&work->w, DESC_DO_TRY);
    ud_cbor_put_array(&work->w, count);
    work->items += 2;
    for (rest = line->value; desc_next_item(&rest, &item, &len); count--) {
        if (len == sizeof nothing - 1 && memcmp(item, nothing, len) == 0) {
            ud_cbor_put_null(&work->w);
            if (count > 1) {
                return desc_wrong(work->desc, line, "\"nothing\" stands last: what follows is never tried");
            }
            continue;
        }
        const ud_err err = put_nested(work, line, item, len);
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

/* then = set: parameters that follow are another command than those before */
static ud_err put_then(struct work *work, const struct desc_line *line)
{
    return strcmp(line->value, "set") == 0 ? UD_OK
                                           : desc_wrong(work->desc, line, "then = set  is all that it takes");
}

static const struct {
    const char *word;
    ud_err (*put)(struct work *work, const struct desc_line *line);
} words[] = {
    {"check", put_check}, {"do", put_do},   {"select", put_select},
    {"run", put_run},     {"try", put_try}, {"then", put_then},
};

static ud_err put_line(struct work *work)
{
    const struct desc_line *line = &work->desc->lines[work->section->first + work->at];
    if (is_param(line)) {
        return put_params(work);
    }
    if (taken_from(line) != NULL) {
        return put_takes(work);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, line->word) == 0) {
            work->at++;
            return words[i].put(work, line);
        }
    }
    if (dot_of(line) != NULL) {
        return put_overrides(work);
    }
    return desc_wrong(
        work->desc, line,
        "\"%s\" is neither a parameter nor check, do, select, try, run or take: docs/author.md lists all",
        line->word);
}

ud_err desc_build_sequence(struct desc_build *build, const struct desc_section *section, unsigned depth,
                           struct ud_bytes *out)
{
    struct desc_level *level = &build->levels[depth];
    struct work work = {.build = build, .desc = build->desc, .section = section, .depth = depth};
    work.buf = (struct ud_buf){level->bytes, sizeof level->bytes, 0};
    ud_cbor_writer_init(&work.w, &work.buf);
    while (work.at < section->count) {
        const ud_err err = put_line(&work);
        if (err != UD_OK) {
            return err;
        }
    }
    const size_t head = ud_cbor_head_bytes(work.items);
    uint8_t *room = desc_room(build->desc, head + work.buf.len);
    if (ud_cbor_written(&work.w) != UD_OK || room == NULL) {
        return desc_wrong_section(build->desc, section, "the sequence is longer than %u bytes",
                                  DESC_SEQUENCE_BYTES_MAX);
    }
    struct ud_buf whole = {room, head + work.buf.len, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &whole);
    ud_cbor_put_array(&w, work.items);
    ud_cbor_put_raw(&w, ud_buf_bytes(&work.buf));
    *out = ud_buf_bytes(&whole);
    return ud_cbor_written(&w);
}
