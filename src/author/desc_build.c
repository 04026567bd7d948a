#include "author/desc_build.h"

#include <stdlib.h>

#include "author/desc_value.h"
#include "author/suit_write.h"

enum { MANIFEST_BYTES_MAX = 1 << 20, MEMBERS_MAX = 16, PAYLOADS_MAX = 64, ENVELOPE_HEAD_BYTES = 1024 };

/* Labels of manifest and envelope that are not sequences. */
enum {
    MANIFEST_VERSION = 1,
    MANIFEST_SEQUENCE = 2,
    MANIFEST_COMMON = 3,
    MANIFEST_REFERENCE = 4,
    MANIFEST_COMPONENT = 5,
    MANIFEST_SET_VERSION = 6,
    MANIFEST_COSWID = 14,
    MANIFEST_TEXT = 23,
};
enum { COMMON_DEPENDENCIES = 1, COMMON_COMPONENTS = 2, COMMON_SHARED = 4, DEPENDENCY_PREFIX = 1 };

/* A member that is a byte string: in the manifest itself, or beside it with its digest in the manifest. */
struct member {
    uint8_t label;
    bool apart;
    bool severed;          /* only its digest is known */
    struct ud_bytes bytes; /* content; of a severed one the encoded SUIT_Digest */
};

struct payload {
    struct ud_bytes uri;
    struct ud_bytes content;
};

struct make {
    struct desc_build *build;
    struct desc *desc;
    const struct desc_section *manifest;
    struct member members[MEMBERS_MAX]; /* by label */
    size_t member_count;
    struct payload payloads[PAYLOADS_MAX]; /* by encoded key */
    size_t payload_count;
    struct ud_bytes shared;
    size_t pairs; /* of the manifest map */
};

static const struct {
    const char *name;
    uint8_t label;
} severables[] = {{"coswid", MANIFEST_COSWID},
                  {"dependency-resolution", 15},
                  {"payload-fetch", 16},
                  {"candidate-verification", 18},
                  {"install", 20},
                  {"text", MANIFEST_TEXT}};
enum { SEVERABLE_COUNT = sizeof severables / sizeof severables[0] };

static const struct desc_line *fact(const struct make *make, const char *word)
{
    return desc_line_find(make->desc, make->manifest, word);
}

/* severable = install, text | all | none */
static ud_err is_apart(struct make *make, uint8_t label, bool *apart)
{
    const struct desc_line *line = fact(make, "severable");
    const char *rest = line != NULL ? line->value : "all";
    const char *item;
    size_t len;
    *apart = strcmp(rest, "all") == 0;
    while (!*apart && strcmp(rest, "none") != 0 && desc_next_item(&rest, &item, &len)) {
        size_t i = 0;
        while (i < SEVERABLE_COUNT &&
               (strlen(severables[i].name) != len || memcmp(severables[i].name, item, len) != 0)) {
            i++;
        }
        if (i == SEVERABLE_COUNT) {
            return desc_wrong(
                make->desc, line,
                "severable takes all, none, or some of coswid, dependency-resolution, payload-fetch, "
                "candidate-verification, install, text");
        }
        *apart = severables[i].label == label;
    }
    return UD_OK;
}

static ud_err add_member(struct make *make, struct member member)
{
    ud_err err = UD_OK;
    size_t i = make->member_count;
    for (size_t k = 0; k < SEVERABLE_COUNT && !member.severed; k++) {
        if (severables[k].label == member.label) {
            err = is_apart(make, member.label, &member.apart);
        }
    }
    if (i == MEMBERS_MAX) {
        return UD_ERR_INTERNAL;
    }
    for (; i > 0 && make->members[i - 1].label > member.label; i--) {
        make->members[i] = make->members[i - 1];
    }
    make->members[i] = member;
    make->member_count++;
    return err;
}

static ud_err add_severed(struct make *make)
{
    static const char prefix[] = "severed-";
    for (size_t i = 0; i < SEVERABLE_COUNT; i++) {
        char word[64];
        uint8_t bytes[80];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_cbor_writer w;
        memcpy(word, prefix, sizeof prefix - 1);
        memcpy(word + sizeof prefix - 1, severables[i].name, strlen(severables[i].name) + 1);
        const struct desc_line *line = fact(make, word);
        if (line == NULL) {
            continue;
        }
        for (size_t k = 0; k < make->member_count; k++) {
            if (make->members[k].label == severables[i].label) {
                return desc_wrong(make->desc, line, "\"%s\" is in the file, so it is not severed",
                                  severables[i].name);
            }
        }
        ud_cbor_writer_init(&w, &buf);
        ud_err err = desc_value_digest(make->desc, line, line->value, &w);
        if (err == UD_OK) {
            err = add_member(make, (struct member){.label = severables[i].label,
                                                   .severed = true,
                                                   .bytes = desc_keep(make->desc, ud_buf_bytes(&buf))});
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err add_sequences(struct make *make)
{
    for (size_t i = 0; i < make->desc->section_count; i++) {
        const struct desc_section *section = &make->desc->sections[i];
        const struct desc_sequence *row = desc_sequence_named(section->kind);
        struct ud_bytes bytes = {NULL, 0};
        if (row == NULL) {
            continue;
        }
        ud_err err = desc_build_sequence(make->build, section, 0, &bytes);
        if (err == UD_OK && row == &desc_sequences[0]) {
            make->shared = bytes;
        } else if (err == UD_OK) {
            err = add_member(make, (struct member){.label = row->label, .bytes = bytes});
        }
        if (err != UD_OK) {
            return err;
        }
    }
    return UD_OK;
}

static ud_err set_version(struct make *make, const struct desc_line *line)
{
    uint8_t bytes[128];
    struct ud_buf buf = {bytes, sizeof bytes, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &buf);
    const ud_err err = desc_value_version(make->desc, line, line->value, &w);
    return err == UD_OK ? add_member(make, (struct member){.label = MANIFEST_SET_VERSION,
                                                           .bytes = desc_keep(make->desc, ud_buf_bytes(&buf))})
                        : err;
}

/* Devices carry it and never look into it; that it is one item, every reader of the manifest asks. */
static ud_err set_coswid(struct make *make, const struct desc_line *line)
{
    struct ud_bytes bytes = {NULL, 0};
    struct ud_cbor r;
    const ud_err err = desc_value_bytes(make->desc, line, line->value, &bytes);
    if (err != UD_OK) {
        return err;
    }
    ud_cbor_init(&r, bytes);
    (void)ud_cbor_skip(&r);
    if (ud_cbor_finish(&r) != UD_OK) {
        return desc_wrong(make->desc, line, "coswid is not one CBOR item");
    }
    return add_member(make, (struct member){.label = MANIFEST_COSWID, .bytes = bytes});
}

static ud_err add_members(struct make *make)
{
    const struct desc_line *version = fact(make, "set-version");
    const struct desc_line *coswid = fact(make, "coswid");
    struct ud_bytes bytes = {NULL, 0};
    ud_err err = add_sequences(make);
    if (err == UD_OK && version != NULL) {
        err = set_version(make, version);
    }
    if (err == UD_OK && coswid != NULL) {
        err = set_coswid(make, coswid);
    }
    if (err == UD_OK) {
        err = desc_build_text(make->build, &bytes);
    }
    if (err == UD_OK && bytes.len > 0) {
        err = add_member(make, (struct member){.label = MANIFEST_TEXT, .bytes = bytes});
    }
    return err == UD_OK ? add_severed(make) : err;
}

/* Keys by their encoded bytes: the shorter first, then by content. */
static bool key_before(struct ud_bytes a, struct ud_bytes b)
{
    return a.len != b.len ? a.len < b.len : memcmp(a.ptr, b.ptr, a.len) < 0;
}

static ud_err add_payload(struct make *make, const struct desc_section *section)
{
    const struct desc_line *uri = desc_line_find(make->desc, section, "uri");
    const struct desc_line *content = desc_line_find(make->desc, section, "content");
    struct payload payload;
    size_t i = make->payload_count;
    if (content == NULL) {
        return desc_wrong_section(make->desc, section, "content = file:NAME is missing");
    }
    if (i == PAYLOADS_MAX) {
        return desc_wrong_section(make->desc, section, "more than %d integrated payloads", PAYLOADS_MAX);
    }
    char *name = (char *)desc_room(make->desc, strlen(section->name) + 2);
    if (name == NULL) {
        return desc_wrong_section(make->desc, section, "the description is too large in all");
    }
    name[0] = '#';
    memcpy(name + 1, section->name, strlen(section->name) + 1);
    ud_err err = desc_value_text(make->desc, uri, uri != NULL ? uri->value : name, &payload.uri);
    if (err == UD_OK) {
        err = desc_value_bytes(make->desc, content, content->value, &payload.content);
    }
    if (err != UD_OK) {
        return err;
    }
    for (; i > 0 && key_before(payload.uri, make->payloads[i - 1].uri); i--) {
        make->payloads[i] = make->payloads[i - 1];
    }
    if (i > 0 && ud_bytes_equal(make->payloads[i - 1].uri, payload.uri)) {
        return desc_wrong_section(make->desc, section, "another payload is called %.*s already",
                                  (int)payload.uri.len, (const char *)payload.uri.ptr);
    }
    make->payloads[i] = payload;
    make->payload_count++;
    return UD_OK;
}

static ud_err add_payloads(struct make *make)
{
    ud_err err = UD_OK;
    for (size_t i = 0; err == UD_OK && i < make->desc->section_count; i++) {
        if (strcmp(make->desc->sections[i].kind, "integrated") == 0) {
            err = add_payload(make, &make->desc->sections[i]);
        }
    }
    return err;
}

/* Dependencies by index, components in their order. */
static ud_err put_parts(struct make *make, struct ud_cbor_writer *w)
{
    const struct desc *desc = make->desc;
    size_t components = 0;
    size_t dependencies = 0;
    for (size_t i = 0; i < desc->part_count; i++) {
        components += !desc->parts[i].dependency;
        dependencies += desc->parts[i].dependency;
    }
    ud_cbor_put_map(w, 1 + (size_t)(dependencies > 0) + (make->shared.len > 0));
    if (dependencies > 0) {
        const struct desc_part *previous = NULL;
        ud_cbor_put_uint(w, COMMON_DEPENDENCIES);
        ud_cbor_put_map(w, dependencies);
        for (size_t i = components; i < desc->part_count; i++) {
            const struct desc_part *part = &desc->parts[i];
            if (previous != NULL && part->index <= previous->index) {
                return desc_wrong_section(make->desc, part->section,
                                          "dependencies stand in the order of their indices");
            }
            ud_cbor_put_uint(w, part->index);
            ud_cbor_put_map(w, part->id.len > 0);
            if (part->id.len > 0) {
                ud_cbor_put_uint(w, DEPENDENCY_PREFIX);
                ud_cbor_put_raw(w, part->id);
            }
            previous = part;
        }
    }
    ud_cbor_put_uint(w, COMMON_COMPONENTS);
    ud_cbor_put_array(w, components);
    for (size_t i = 0; i < components; i++) {
        ud_cbor_put_raw(w, desc->parts[i].id);
    }
    return UD_OK;
}

static ud_err put_common(struct make *make, struct ud_cbor_writer *w)
{
    struct desc_scratch *scratch = &make->build->scratch;
    scratch->buf = (struct ud_buf){scratch->bytes, sizeof scratch->bytes, 0};
    ud_cbor_writer_init(&scratch->w, &scratch->buf);
    const ud_err err = put_parts(make, &scratch->w);
    if (err == UD_OK && make->shared.len > 0) {
        ud_cbor_put_uint(&scratch->w, COMMON_SHARED);
        ud_cbor_put_bstr(&scratch->w, make->shared);
    }
    if (err == UD_OK && ud_cbor_written(&scratch->w) != UD_OK) {
        return desc_wrong(make->desc, NULL, "the shared sequence is too long");
    }
    ud_cbor_put_uint(w, MANIFEST_COMMON);
    ud_cbor_put_bstr(w, ud_buf_bytes(&scratch->buf));
    return err;
}

static ud_err put_facts(struct make *make, struct ud_cbor_writer *w)
{
    const struct desc_line *sequence = fact(make, "sequence");
    const struct desc_line *reference = fact(make, "reference-uri");
    const struct desc_line *component = fact(make, "component");
    struct ud_bytes bytes = {NULL, 0};
    uint64_t number = 0;
    if (sequence == NULL) {
        return desc_wrong_section(make->desc, make->manifest,
                                  "sequence = N is missing: a device takes N only when it "
                                  "runs none higher");
    }
    ud_err err = desc_value_uint(make->desc, sequence, sequence->value, UINT64_MAX, &number);
    ud_cbor_put_map(w, 3 + make->member_count + (size_t)(reference != NULL) + (component != NULL));
    ud_cbor_put_uint(w, MANIFEST_VERSION);
    ud_cbor_put_uint(w, 1);
    ud_cbor_put_uint(w, MANIFEST_SEQUENCE);
    ud_cbor_put_uint(w, number);
    err = err == UD_OK ? put_common(make, w) : err;
    if (err == UD_OK && reference != NULL) {
        err = desc_value_text(make->desc, reference, reference->value, &bytes);
        ud_cbor_put_uint(w, MANIFEST_REFERENCE);
        ud_cbor_put_tstr(w, bytes);
    }
    if (err == UD_OK && component != NULL) {
        err = desc_value_id(make->desc, component, component->value, &bytes);
        ud_cbor_put_uint(w, MANIFEST_COMPONENT);
        ud_cbor_put_raw(w, bytes);
    }
    return err;
}

static ud_err put_manifest(struct make *make, struct ud_buf *out)
{
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, out);
    ud_err err = put_facts(make, &w);
    for (size_t i = 0; err == UD_OK && i < make->member_count; i++) {
        const struct member *member = &make->members[i];
        ud_cbor_put_uint(&w, member->label);
        if (member->severed) {
            ud_cbor_put_raw(&w, member->bytes);
        } else if (member->apart) {
            err = suit_write_member_digest(&w, member->bytes);
        } else {
            ud_cbor_put_bstr(&w, member->bytes);
        }
    }
    if (err == UD_OK && ud_cbor_written(&w) != UD_OK) {
        err = desc_wrong(make->desc, NULL, "the manifest is longer than %d bytes", MANIFEST_BYTES_MAX);
    }
    return err;
}

static ud_err put_envelope(struct make *make, struct ud_bytes manifest, struct ud_buf *out)
{
    struct ud_cbor_writer w;
    size_t pairs = 2 + make->payload_count;
    for (size_t i = 0; i < make->member_count; i++) {
        pairs += make->members[i].apart;
    }
    ud_cbor_writer_init(&w, out);
    const ud_err err = suit_write_unsigned(&w, pairs, manifest);
    for (size_t i = 0; i < make->member_count; i++) {
        if (make->members[i].apart) {
            ud_cbor_put_uint(&w, make->members[i].label);
            ud_cbor_put_bstr(&w, make->members[i].bytes);
        }
    }
    for (size_t i = 0; i < make->payload_count; i++) {
        ud_cbor_put_tstr(&w, make->payloads[i].uri);
        ud_cbor_put_bstr(&w, make->payloads[i].content);
    }
    return err == UD_OK ? ud_cbor_written(&w) : err;
}

/* A [sequence] that nobody runs is a name mistyped. */
static ud_err check_used(struct desc *desc)
{
    for (size_t i = 0; i < desc->section_count; i++) {
        const struct desc_section *section = &desc->sections[i];
        bool used = strcmp(section->kind, "sequence") != 0;
        for (size_t k = 0; !used && k < desc->line_count; k++) {
            const struct desc_line *line = &desc->lines[k];
            const bool names = strcmp(line->word, "try") == 0 || strcmp(line->word, "run") == 0;
            const char *rest = line->value;
            const char *item;
            size_t len;
            while (names && !used && desc_next_item(&rest, &item, &len)) {
                used = strlen(section->name) == len && memcmp(section->name, item, len) == 0;
            }
        }
        if (!used) {
            return desc_wrong_section(desc, section, "no try and no run names this sequence");
        }
    }
    return UD_OK;
}

static ud_err take_vendor(struct desc *desc)
{
    uint8_t cbor[32];
    struct ud_buf buf = {cbor, sizeof cbor, 0};
    struct ud_cbor_writer w;
    const struct desc_line *vendor = desc_line_find(desc, desc_section_find(desc, "manifest", ""), "vendor");
    ud_cbor_writer_init(&w, &buf);
    return vendor != NULL ? desc_value_put(desc, vendor, vendor->value, DESC_VENDOR, &w) : UD_OK;
}

static ud_err make_envelope(struct make *make, struct ud_buf *manifest, struct ud_bytes *envelope)
{
    struct desc *desc = make->desc;
    size_t room = ENVELOPE_HEAD_BYTES;
    ud_err err = put_manifest(make, manifest);
    if (err != UD_OK) {
        return err;
    }
    room += manifest->len;
    for (size_t i = 0; i < make->member_count; i++) {
        room += 16 + make->members[i].bytes.len;
    }
    for (size_t i = 0; i < make->payload_count; i++) {
        room += 32 + make->payloads[i].uri.len + make->payloads[i].content.len;
    }
    struct ud_buf out = {malloc(room), room, 0};
    if (out.ptr == NULL) {
        return UD_ERR_MEMORY;
    }
    free(desc->out);
    desc->out = out.ptr;
    err = put_envelope(make, ud_buf_bytes(manifest), &out);
    *envelope = ud_buf_bytes(&out);
    return err;
}

ud_err desc_build(struct desc *desc, const struct desc_files *files, struct ud_bytes *envelope,
                  struct desc_error *error)
{
    struct desc_build *build = malloc(sizeof *build);
    struct ud_buf manifest = {malloc(MANIFEST_BYTES_MAX), MANIFEST_BYTES_MAX, 0};
    struct make make = {.build = build, .desc = desc};
    *error = (struct desc_error){.line = 0};
    desc->files = files;
    desc->error = error;
    ud_err err = build != NULL && manifest.ptr != NULL ? desc_build_parts(desc) : UD_ERR_MEMORY;
    if (err == UD_OK) {
        build->desc = desc;
        err = check_used(desc);
    }
    err = err == UD_OK ? desc_build_defaults(desc) : err;
    err = err == UD_OK ? take_vendor(desc) : err;
    if (err == UD_OK) {
        make.manifest = desc_section_find(desc, "manifest", "");
        err = add_members(&make);
    }
    err = err == UD_OK ? add_payloads(&make) : err;
    err = err == UD_OK ? make_envelope(&make, &manifest, envelope) : err;
    free(build);
    free(manifest.ptr);
    return err;
}
