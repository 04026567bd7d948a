/* Components, dependencies, and the sections that stand in for those that a file does not have. */
#include <stdio.h>
#include <stdlib.h>

#include "author/desc_build.h"
#include "author/desc_value.h"
#include "author/ids.h"

/* Facts that a section of this kind may state. */
static const struct {
    const char *kind;
    const char *words[24];
} facts[] = {
    {"manifest",
     {"sequence", "vendor", "class", "reference-uri", "component", "set-version", "severable", "coswid", "text",
      "language", "automatic", "severed-dependency-resolution", "severed-payload-fetch",
      "severed-candidate-verification", "severed-install", "severed-text", "severed-coswid", NULL}},
    {"component",
     {"id", "image", "payload", "encryption-info", "uri", "integrated", "start", "vendor-name", "model-name",
      "vendor-domain", "model-info", "description", "version", "version-required", "current-version", NULL}},
    {"dependency", {"index", "prefix", NULL}},
    {"integrated", {"uri", "content", NULL}},
};

static bool is_fact(const char *kind, const char *word, bool *known_kind)
{
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (strcmp(facts[i].kind, kind) != 0) {
            continue;
        }
        *known_kind = true;
        for (const char *const *known = facts[i].words; *known != NULL; known++) {
            if (strcmp(*known, word) == 0) {
                return true;
            }
        }
        return false;
    }
    *known_kind = false;
    return false;
}

static ud_err check_facts(struct desc *desc, const struct desc_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct desc_line *line = &desc->lines[section->first + i];
        bool known_kind;
        if (!is_fact(section->kind, line->word, &known_kind)) {
            return desc_wrong(desc, line, "[%s] knows no \"%s\": docs/author.md lists what it knows",
                              section->kind, line->word);
        }
        if (desc_line_find(desc, section, line->word) != line) {
            return desc_wrong(desc, line, "\"%s\" stands twice in this section", line->word);
        }
    }
    return UD_OK;
}

static ud_err check_section(struct desc *desc, const struct desc_section *section)
{
    bool facts_kind;
    const bool named = section->name[0] != '\0';
    (void)is_fact(section->kind, "", &facts_kind);
    const bool wants_name = (facts_kind && strcmp(section->kind, "manifest") != 0) ||
                            strcmp(section->kind, "sequence") == 0 || strcmp(section->kind, "text") == 0;
    if (!facts_kind && !wants_name && desc_sequence_named(section->kind) == NULL) {
        return desc_wrong_section(desc, section, "no section is called [%s]", section->kind);
    }
    if (named != wants_name) {
        return desc_wrong_section(desc, section, wants_name ? "[%s NAME] wants a name" : "[%s] takes no name",
                                  section->kind);
    }
    if (section->count == 0 && strcmp(section->kind, "component") != 0 &&
        strcmp(section->kind, "dependency") != 0) {
        return desc_wrong_section(desc, section, "the section is empty: remove it");
    }
    return facts_kind ? check_facts(desc, section) : UD_OK;
}

static ud_err add_part(struct desc *desc, const struct desc_section *section, bool dependency, uint64_t index)
{
    const struct desc_line *id = desc_line_find(desc, section, dependency ? "prefix" : "id");
    const struct desc_line *at = dependency ? desc_line_find(desc, section, "index") : NULL;
    struct desc_part part = {
        .name = section->name, .index = index, .dependency = dependency, .section = section};
    if (desc->part_count == DESC_COMPONENTS_MAX) {
        return desc_wrong_section(desc, section, "there are more than %d components", DESC_COMPONENTS_MAX);
    }
    if (desc_part_find(desc, section->name, strlen(section->name)) != NULL) {
        return desc_wrong_section(desc, section, "a component is called \"%s\" already", section->name);
    }
    ud_err err = UD_OK;
    if (!dependency || id != NULL) {
        err = desc_value_id(desc, id, id != NULL ? id->value : section->name, &part.id);
    }
    if (err == UD_OK && at != NULL) {
        err = desc_value_uint(desc, at, at->value, UINT32_MAX, &part.index);
    }
    desc->parts[desc->part_count++] = part;
    return err;
}

static ud_err add_parts(struct desc *desc, const char *kind, bool dependency)
{
    for (size_t i = 0; i < desc->section_count; i++) {
        if (strcmp(desc->sections[i].kind, kind) == 0) {
            const ud_err err = add_part(desc, &desc->sections[i], dependency, desc->part_count);
            if (err != UD_OK) {
                return err;
            }
        }
    }
    return UD_OK;
}

ud_err desc_build_parts(struct desc *desc)
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < desc->section_count; i++) {
        err = check_section(desc, &desc->sections[i]);
    }
    err = err == UD_OK ? add_parts(desc, "component", false) : err;
    err = err == UD_OK ? add_parts(desc, "dependency", true) : err;
    if (err == UD_OK && (desc->part_count == 0 || desc->parts[0].dependency)) {
        err = desc_wrong(desc, NULL, "there is no [component NAME]: say what the update is for");
    }
    return err;
}

/* Sections that are made: lines behind those of the file. */
struct made {
    struct desc *desc;
    bool full;
};

static void begin(struct made *made, const char *kind, const char *name, unsigned line)
{
    made->full |= desc_begin(made->desc, kind, name, line) == NULL;
}

static void add(struct made *made, const struct desc_line *source, const char *word, const char *value)
{
    made->full = made->full || !desc_add(made->desc, source, word, value);
}

const char *desc_joined(struct desc *desc, const char *prefix, const char *text)
{
    char *at = (char *)desc_room(desc, strlen(prefix) + strlen(text) + 1);
    if (at != NULL) {
        memcpy(at, prefix, strlen(prefix));
        memcpy(at + strlen(prefix), text, strlen(text) + 1);
    }
    return at;
}

static const struct desc_line *fact(const struct desc *desc, const struct desc_part *part, const char *word)
{
    return desc_line_find(desc, part->section, word);
}

static bool says(const struct desc *desc, const struct desc_part *part, const char *word, bool otherwise)
{
    const struct desc_line *line = fact(desc, part, word);
    return line != NULL ? strcmp(line->value, "yes") == 0 : otherwise;
}

static void select_part(struct made *made, const struct desc_part *part)
{
    if (made->desc->part_count > 1) {
        add(made, NULL, "select", part->name);
    }
}

static void make_shared(struct made *made, const struct desc_section *manifest, const struct desc_line *vendor,
                        const struct desc_line *class_line)
{
    struct desc *desc = made->desc;
    begin(made, "shared", "", manifest->line);
    if (desc->part_count > 1) {
        add(made, NULL, "select", "all");
    }
    add(made, vendor, "vendor-id", vendor->value);
    add(made, class_line, "class-id", class_line->value);
    if (desc->part_count == 1 && fact(desc, &desc->parts[0], "image") != NULL) {
        const struct desc_line *image = fact(desc, &desc->parts[0], "image");
        add(made, image, "image", image->value);
    }
    add(made, vendor, "check", "vendor");
    add(made, class_line, "check", "class");
    for (size_t i = 0; desc->part_count > 1 && i < desc->part_count; i++) {
        const struct desc_line *image = fact(desc, &desc->parts[i], "image");
        if (image != NULL) {
            select_part(made, &desc->parts[i]);
            add(made, image, "image", image->value);
        }
    }
}

static void make_install(struct made *made, const struct desc_part *part)
{
    struct desc *desc = made->desc;
    const struct desc_line *uri = fact(desc, part, "uri");
    const struct desc_line *payload = fact(desc, part, "payload");
    const struct desc_line *info = fact(desc, part, "encryption-info");
    const struct desc_line *image = fact(desc, part, "image");
    select_part(made, part);
    if (uri != NULL) {
        add(made, uri, "uri", uri->value);
    } else if (says(desc, part, "integrated", false)) {
        add(made, image, "uri", desc_joined(desc, "#", part->name));
    } else {
        payload = payload != NULL ? payload : image;
        add(made, payload, "uri", desc_joined(desc, "beside:", payload->value));
    }
    if (info != NULL) {
        add(made, info, "encryption-info", info->value);
    }
    add(made, image, "do", "fetch");
    add(made, image, "check", "image");
}

static ud_err make_sequences(struct made *made)
{
    struct desc *desc = made->desc;
    bool starts = false;
    for (size_t i = 0; i < desc->part_count; i++) {
        const struct desc_part *part = &desc->parts[i];
        if (part->dependency || fact(desc, part, "image") == NULL) {
            return desc_wrong_section(
                desc, part->section,
                "only components with an image are installed by themselves: write [install] and "
                "its like, or image = FILE here");
        }
        starts |= says(desc, part, "start", desc->part_count == 1);
    }
    begin(made, "install", "", 0);
    for (size_t i = 0; i < desc->part_count; i++) {
        make_install(made, &desc->parts[i]);
    }
    begin(made, "validate", "", 0);
    for (size_t i = 0; i < desc->part_count; i++) {
        select_part(made, &desc->parts[i]);
        add(made, NULL, "check", "image");
    }
    if (starts) {
        begin(made, "invoke", "", 0);
    }
    for (size_t i = 0; starts && i < desc->part_count; i++) {
        if (says(desc, &desc->parts[i], "start", desc->part_count == 1)) {
            select_part(made, &desc->parts[i]);
            add(made, NULL, "do", "invoke");
        }
    }
    return UD_OK;
}

/* The payload of an integrated component is an [integrated] section. */
static void make_integrated(struct made *made, const struct desc_part *part)
{
    struct desc *desc = made->desc;
    const struct desc_line *uri = fact(desc, part, "uri");
    const struct desc_line *payload = fact(desc, part, "payload");
    payload = payload != NULL ? payload : fact(desc, part, "image");
    begin(made, "integrated", part->name, part->section->line);
    if (uri != NULL) {
        add(made, uri, "uri", uri->value);
    }
    add(made, payload, "content", desc_joined(desc, "file:", payload != NULL ? payload->value : ""));
}

static bool has_sequence(const struct desc *desc)
{
    for (size_t i = 0; i < desc->section_count; i++) {
        const struct desc_sequence *row = desc_sequence_named(desc->sections[i].kind);
        if (row != NULL && row != &desc_sequences[0]) {
            return true;
        }
    }
    return false;
}

/* What only the sections that we make would look at must not stand there in vain. */
static ud_err check_in_vain(struct desc *desc, const char *word, const char *section)
{
    for (size_t i = 0; i < desc->part_count; i++) {
        const struct desc_line *line = desc_line_find(desc, desc->parts[i].section, word);
        if (line != NULL) {
            return desc_wrong(desc, line,
                              "\"%s\" goes into the [%s] that is made for you; here you wrote it yourself: "
                              "say it there",
                              word, section);
        }
    }
    return UD_OK;
}

static ud_err make_shared_if_none(struct made *made)
{
    struct desc *desc = made->desc;
    const struct desc_section *manifest = desc_section_find(desc, "manifest", "");
    const struct desc_line *vendor = desc_line_find(desc, manifest, "vendor");
    const struct desc_line *class_line = desc_line_find(desc, manifest, "class");
    if (desc_section_find(desc, "shared", "") != NULL) {
        return check_in_vain(desc, "image", "shared");
    }
    if (vendor == NULL || class_line == NULL) {
        return desc_wrong_section(desc, manifest,
                                  "for which devices? write vendor = and class = here, or [shared]");
    }
    make_shared(made, manifest, vendor, class_line);
    return UD_OK;
}

ud_err desc_build_defaults(struct desc *desc)
{
    struct made made = {.desc = desc};
    const bool by_hand = has_sequence(desc);
    const struct desc_section *manifest = desc_section_find(desc, "manifest", "");
    if (manifest == NULL) {
        return desc_wrong(desc, NULL, "there is no [manifest]");
    }
    const struct desc_line *automatic = desc_line_find(desc, manifest, "automatic");
    bool on = true;
    ud_err err = automatic != NULL ? desc_value_bool(desc, automatic, automatic->value, &on) : UD_OK;
    if (err == UD_OK && !on) {
        err = check_in_vain(desc, "image", "shared");
    } else if (err == UD_OK) {
        err = make_shared_if_none(&made);
    }
    if (err == UD_OK && on && !by_hand) {
        err = make_sequences(&made);
    } else if (err == UD_OK) {
        err = check_in_vain(desc, "start", "invoke");
        err = err == UD_OK ? check_in_vain(desc, "encryption-info", "install") : err;
    }
    for (size_t i = 0; err == UD_OK && i < desc->part_count; i++) {
        if (says(desc, &desc->parts[i], "integrated", false)) {
            make_integrated(&made, &desc->parts[i]);
        }
    }
    return err == UD_OK && made.full ? desc_wrong(desc, NULL, "the description is too large in all") : err;
}
