/* A description file in memory, for those who make something of it. */
#ifndef UPDRAFT_AUTHOR_DESC_MODEL_H
#define UPDRAFT_AUTHOR_DESC_MODEL_H

#include "author/desc.h"
#include "updraft/limits.h"

struct desc_line {
    const char *word;
    const char *value;
    bool if_unset; /* written ?= */
    unsigned line;
    unsigned column; /* of the value */
};

struct desc_section {
    const char *kind; /* first word of the title */
    const char *name; /* the rest; "" where there is none */
    unsigned line;
    size_t first; /* in lines */
    size_t count;
};

/* Something with an index: a component or a dependency. */
struct desc_part {
    const char *name;
    struct ud_bytes id; /* encoded; of a dependency its prefix, empty where it has none */
    uint64_t index;
    bool dependency;
    const struct desc_section *section;
};

struct desc {
    struct desc_line lines[DESC_LINES_MAX];
    struct desc_section sections[DESC_SECTIONS_MAX];
    struct desc_part parts[DESC_COMPONENTS_MAX];
    size_t line_count;
    size_t section_count;
    size_t part_count;
    struct ud_buf arena; /* texts, and what is made of them */
    uint8_t *out;        /* the envelope, once it is made */
    const struct desc_files *files;
    struct desc_error *error;
    uint8_t vendor[UD_UUID_BYTES]; /* name space of classes */
    bool has_vendor;
};

/** Say what is wrong on this line. @return UD_ERR_DESCRIPTION */
__attribute__((format(printf, 3, 4))) ud_err desc_wrong(struct desc *desc, const struct desc_line *line,
                                                        const char *format, ...);
/** The same about a section as a whole. */
__attribute__((format(printf, 3, 4))) ud_err
desc_wrong_section(struct desc *desc, const struct desc_section *section, const char *format, ...);

/** Room that lasts as long as the description; NULL when there is none. */
uint8_t *desc_room(struct desc *desc, size_t bytes);
/** A copy that lasts. An empty view with a NULL ptr when there is no room. */
struct ud_bytes desc_keep(struct desc *desc, struct ud_bytes bytes);
const char *desc_keep_text(struct desc *desc, const char *text, size_t len);

/** A description without a line. NULL when memory is short. */
struct desc *desc_new(struct desc_error *error);
/** Open a section; its lines follow. kind and name must last. @return NULL when there are too many */
struct desc_section *desc_begin(struct desc *desc, const char *kind, const char *name, unsigned line);
/** A line of the section opened last. word and value must last; value NULL means that there was no room for it.
 *  @return false when there is no room */
bool desc_add(struct desc *desc, const struct desc_line *source, const char *word, const char *value);
/** Text as "quoted" value, which says the same whatever the text begins with. NULL when there is no room. */
const char *desc_quote(struct desc *desc, const char *text);
/** One text behind the other. NULL when there is no room. */
const char *desc_joined(struct desc *desc, const char *prefix, const char *text);

/** @return NULL where there is none; name NULL: any */
const struct desc_section *desc_section_find(const struct desc *desc, const char *kind, const char *name);
const struct desc_line *desc_line_find(const struct desc *desc, const struct desc_section *section,
                                       const char *word);
const struct desc_part *desc_part_find(const struct desc *desc, const char *name, size_t len);

#endif
