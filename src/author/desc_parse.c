#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "author/desc_model.h"

enum { ARENA_BYTES = 4 << 20 };

/* inih takes its lines from here, one by one: so we know which it is at, and see what it would cut. */
struct reader {
    struct desc *desc;
    struct ud_bytes rest;
    char line[DESC_LINE_CHARS_MAX + 2];
    unsigned number;
    unsigned indent;
    ud_err err;
};

__attribute__((format(printf, 4, 0))) static ud_err wrong_at(struct desc *desc, unsigned line, unsigned column,
                                                             const char *format, va_list args)
{
    struct desc_error *error = desc->error;
    if (error->why[0] == '\0') { /* the first error is the one that counts */
        error->line = line;
        error->column = column;
        (void)vsnprintf(error->why, sizeof error->why, format, args);
    }
    return UD_ERR_DESCRIPTION;
}

ud_err desc_wrong(struct desc *desc, const struct desc_line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const ud_err err =
        wrong_at(desc, line != NULL ? line->line : 0, line != NULL ? line->column : 0, format, args);
    va_end(args);
    return err;
}

ud_err desc_wrong_section(struct desc *desc, const struct desc_section *section, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const ud_err err = wrong_at(desc, section->line, 1, format, args);
    va_end(args);
    return err;
}

__attribute__((format(printf, 3, 4))) static char *refuse(struct reader *reader, unsigned column,
                                                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    reader->err = wrong_at(reader->desc, reader->number, column, format, args);
    va_end(args);
    return NULL; /* for inih: no more lines */
}

uint8_t *desc_room(struct desc *desc, size_t bytes)
{
    struct ud_buf *arena = &desc->arena;
    if (bytes > arena->cap - arena->len) {
        return NULL;
    }
    uint8_t *at = arena->ptr + arena->len;
    arena->len += bytes;
    return at;
}

struct ud_bytes desc_keep(struct desc *desc, struct ud_bytes bytes)
{
    uint8_t *at = desc_room(desc, bytes.len);
    if (at != NULL && bytes.len > 0) {
        memcpy(at, bytes.ptr, bytes.len);
    }
    return (struct ud_bytes){at, at != NULL ? bytes.len : 0};
}

const char *desc_keep_text(struct desc *desc, const char *text, size_t len)
{
    char *at = (char *)desc_room(desc, len + 1);
    if (at != NULL) {
        memcpy(at, text, len);
        at[len] = '\0';
    }
    return at;
}

const struct desc_section *desc_section_find(const struct desc *desc, const char *kind, const char *name)
{
    for (size_t i = 0; i < desc->section_count; i++) {
        const struct desc_section *section = &desc->sections[i];
        if (strcmp(section->kind, kind) == 0 && (name == NULL || strcmp(section->name, name) == 0)) {
            return section;
        }
    }
    return NULL;
}

const struct desc_line *desc_line_find(const struct desc *desc, const struct desc_section *section,
                                       const char *word)
{
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        const struct desc_line *line = &desc->lines[section->first + i];
        if (strcmp(line->word, word) == 0) {
            return line;
        }
    }
    return NULL;
}

const struct desc_part *desc_part_find(const struct desc *desc, const char *name, size_t len)
{
    for (size_t i = 0; i < desc->part_count; i++) {
        if (strlen(desc->parts[i].name) == len && memcmp(desc->parts[i].name, name, len) == 0) {
            return &desc->parts[i];
        }
    }
    return NULL;
}

struct desc *desc_new(struct desc_error *error)
{
    struct desc *desc = calloc(1, sizeof *desc);
    uint8_t *arena = malloc(ARENA_BYTES);
    if (desc == NULL || arena == NULL) {
        free(desc);
        free(arena);
        return NULL;
    }
    desc->arena = (struct ud_buf){arena, ARENA_BYTES, 0};
    desc->error = error;
    return desc;
}

struct desc_section *desc_begin(struct desc *desc, const char *kind, const char *name, unsigned line)
{
    if (desc->section_count == DESC_SECTIONS_MAX) {
        return NULL;
    }
    struct desc_section *section = &desc->sections[desc->section_count++];
    *section = (struct desc_section){.kind = kind, .name = name, .line = line, .first = desc->line_count};
    return section;
}

bool desc_add(struct desc *desc, const struct desc_line *source, const char *word, const char *value)
{
    if (value == NULL || desc->line_count == DESC_LINES_MAX) {
        return false;
    }
    desc->lines[desc->line_count++] = (struct desc_line){.word = word,
                                                         .value = value,
                                                         .line = source != NULL ? source->line : 0,
                                                         .column = source != NULL ? source->column : 0};
    desc->sections[desc->section_count - 1].count++;
    return true;
}

const char *desc_quote(struct desc *desc, const char *text)
{
    char *out = (char *)desc_room(desc, 2 * strlen(text) + 3);
    size_t len = 0;
    if (out == NULL) {
        return NULL;
    }
    out[len++] = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *text;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* [kind name]: inih would tell of a section only with its first line. */
static bool begin_section(struct reader *reader)
{
    struct desc *desc = reader->desc;
    const char *title = reader->line + 1;
    const char *end = strchr(title, ']');
    const size_t len = end != NULL ? (size_t)(end - title) : 0;
    const size_t kind_len = strcspn(title, " ]");
    const size_t name_at = kind_len + strspn(title + kind_len, " ");
    if (len == 0 || len > DESC_NAME_CHARS_MAX) {
        (void)refuse(reader, 1, "a title is [kind] or [kind name], at most %d characters", DESC_NAME_CHARS_MAX);
        return false;
    }
    const char *kind = desc_keep_text(desc, title, kind_len);
    const char *name = desc_keep_text(desc, title + name_at, len - name_at);
    if (kind == NULL || name == NULL) {
        reader->err = UD_ERR_TOO_LARGE;
        return false;
    }
    const struct desc_section *before = desc_section_find(desc, kind, name);
    if (before != NULL) {
        (void)refuse(reader, 1, "this title stands on line %u already", before->line);
        return false;
    }
    if (desc_begin(desc, kind, name, reader->number) == NULL) {
        (void)refuse(reader, 1, "there are more than %d sections", DESC_SECTIONS_MAX);
        return false;
    }
    return true;
}

static char *next_line(char *out, int room, void *ctx)
{
    struct reader *reader = ctx;
    struct ud_bytes line = {NULL, 0};
    size_t len = 0;
    if (reader->err != UD_OK || reader->rest.len == 0) {
        return NULL;
    }
    const uint8_t *end = memchr(reader->rest.ptr, '\n', reader->rest.len);
    const size_t whole = end != NULL ? (size_t)(end - reader->rest.ptr) + 1 : reader->rest.len;
    (void)ud_bytes_take(&reader->rest, whole, &line);
    reader->number++;
    reader->indent = 0;
    while (line.len > 0 && is_space((char)line.ptr[0])) { /* inih takes an indented line for more of the last */
        line.ptr++;
        line.len--;
        reader->indent++;
    }
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || is_space((char)line.ptr[line.len - 1]))) {
        line.len--;
    }
    if (line.len > DESC_LINE_CHARS_MAX || (int)line.len + 2 > room) {
        return refuse(reader, DESC_LINE_CHARS_MAX + 1,
                      "the line is longer than %d characters: go on in the next with  word += rest, or put the "
                      "value into a file and write file:NAME",
                      DESC_LINE_CHARS_MAX);
    }
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL) {
        return refuse(reader, 1, "the line holds a NUL: is this a text file?");
    }
    len = line.len;
    memcpy(reader->line, line.ptr == NULL ? (const uint8_t *)"" : line.ptr, len);
    reader->line[len] = '\0';
    if (reader->line[0] == '[' && !begin_section(reader)) {
        return NULL;
    }
    memcpy(out, reader->line, len);
    memcpy(out + len, "\n", 2);
    return out;
}

/* word += value: more of the line before */
static int append(struct reader *reader, const char *word, size_t len, const char *value)
{
    struct desc *desc = reader->desc;
    struct desc_line *last = desc->line_count > 0 ? &desc->lines[desc->line_count - 1] : NULL;
    const struct desc_section *section = &desc->sections[desc->section_count - 1];
    if (last == NULL || section->count == 0 || strlen(last->word) != len ||
        memcmp(last->word, word, len) != 0) {
        return refuse(reader, reader->indent + 1,
                      "+= goes on with the line before, which is not of this word") != NULL;
    }
    const size_t had = strlen(last->value);
    char *joined = (char *)desc_room(desc, had + strlen(value) + 1);
    if (joined == NULL) {
        reader->err = UD_ERR_TOO_LARGE;
        return 0;
    }
    memcpy(joined, last->value, had);
    memcpy(joined + had, value, strlen(value) + 1);
    last->value = joined;
    return 1;
}

static unsigned column_of(const struct reader *reader, const char *value)
{
    const char *sign = strchr(reader->line, '=');
    const char *at = sign != NULL ? strstr(sign, value) : NULL;
    return reader->indent + 1 + (at != NULL && value[0] != '\0' ? (unsigned)(at - reader->line) : 0);
}

/* inih's convention: 0 is an error of this line. */
static int on_line(void *ctx, const char *title, const char *word, const char *value)
{
    struct reader *reader = ctx;
    struct desc *desc = reader->desc;
    size_t len = strlen(word);
    char sign = '=';
    (void)title; /* the section opened last */
    if (reader->err != UD_OK) {
        return 0;
    }
    if (desc->section_count == 0) {
        return refuse(reader, 1, "a file begins with [manifest]") != NULL;
    }
    if (len > 0 && (word[len - 1] == '?' || word[len - 1] == '+')) {
        sign = word[--len];
        while (len > 0 && is_space(word[len - 1])) {
            len--;
        }
    }
    if (len == 0 || len > DESC_NAME_CHARS_MAX) {
        return refuse(reader, reader->indent + 1,
                      "a word of 1 to %d characters stands before the =", DESC_NAME_CHARS_MAX) != NULL;
    }
    if (sign == '+') {
        return append(reader, word, len, value);
    }
    if (desc->line_count == DESC_LINES_MAX) {
        return refuse(reader, 1, "there are more than %d lines", DESC_LINES_MAX) != NULL;
    }
    const struct desc_line source = {.line = reader->number, .column = column_of(reader, value)};
    const char *kept = desc_keep_text(desc, word, len);
    if (kept == NULL || !desc_add(desc, &source, kept, desc_keep_text(desc, value, strlen(value)))) {
        reader->err = UD_ERR_TOO_LARGE;
        return 0;
    }
    desc->lines[desc->line_count - 1].if_unset = sign == '?';
    return 1;
}

static ud_err read_all(struct desc *desc, struct ud_bytes text)
{
    struct reader reader = {.desc = desc, .rest = text, .err = UD_OK};
    const int line = ini_parse_stream(next_line, &reader, on_line, &reader);
    if (reader.err != UD_OK) {
        return reader.err;
    }
    if (line != 0) {
        reader.number = line > 0 ? (unsigned)line : 0;
        (void)refuse(&reader, 1, "neither  word = value  nor  [title]");
        return reader.err;
    }
    if (desc->section_count == 0) {
        (void)refuse(&reader, 1, "there is no [manifest]");
        return reader.err;
    }
    return UD_OK;
}

ud_err desc_parse(struct desc **desc, struct ud_bytes text, struct desc_error *error)
{
    *error = (struct desc_error){.line = 0};
    if (text.len > DESC_BYTES_MAX) {
        return UD_ERR_TOO_LARGE;
    }
    struct desc *made = desc_new(error);
    if (made == NULL) {
        return UD_ERR_MEMORY;
    }
    const ud_err err = read_all(made, text);
    if (err != UD_OK) {
        desc_close(made);
        return err;
    }
    *desc = made;
    return UD_OK;
}

void desc_close(struct desc *desc)
{
    if (desc != NULL) {
        free(desc->arena.ptr);
        free(desc->out);
        free(desc);
    }
}
