/* The manifest: members, components, severed members, and a look over every sequence. */
#include "manifest/diag.h"
#include "manifest/suit_parts.h"
#include "manifest/suit_scan.h"

enum { MANIFEST_VERSION = 1 };
enum { LABEL_VERSION = 1, LABEL_SEQUENCE = 2, LABEL_COMMON = 3, LABEL_URI = 4, LABEL_RESOLUTION = 15 };
enum { COMMON_DEPENDENCIES = 1, COMMON_COMPONENTS = 2, COMMON_SHARED = 4 };

#define AT(field) ((uint8_t)offsetof(struct ud_suit_manifest, field))
#define NOT_SEVERABLE UD_SUIT_MEMBER_COUNT

/* Members that are byte strings: sequences, and the text. */
static const struct section_row {
    uint8_t label;
    uint8_t severable; /* ud_suit_member, or NOT_SEVERABLE */
    uint8_t view;      /* offset of the ud_bytes that takes the content */
} sections[] = {
    {UD_SUIT_VALIDATE, NOT_SEVERABLE, AT(validate)},
    {UD_SUIT_LOAD, NOT_SEVERABLE, AT(load)},
    {UD_SUIT_INVOKE, NOT_SEVERABLE, AT(invoke)},
    {UD_SUIT_FETCH, UD_SUIT_MEMBER_FETCH, AT(member[UD_SUIT_MEMBER_FETCH])},
    {UD_SUIT_INSTALL, UD_SUIT_MEMBER_INSTALL, AT(member[UD_SUIT_MEMBER_INSTALL])},
    {UD_SUIT_TEXT, UD_SUIT_MEMBER_TEXT, AT(member[UD_SUIT_MEMBER_TEXT])},
};

#define SECTION_COUNT (sizeof sections / sizeof sections[0])

struct parse {
    struct ud_suit_manifest *man;
    struct ud_cbor r; /* of the manifest; keeps the first error, wherever that was */
    struct ud_bytes common;
    bool vouched[UD_SUIT_MEMBER_COUNT]; /* severable members that the manifest has a digest for */
    bool has_sequence;
};

static struct ud_bytes *view_of(struct ud_suit_manifest *man, const struct section_row *row)
{
    return (struct ud_bytes *)(void *)((unsigned char *)man + row->view);
}

static void reader_within(struct ud_cbor *r, const struct ud_suit_manifest *man, struct ud_bytes part)
{
    ud_cbor_init_within(r, man->env->whole, part);
}

/* Keep an error that was found at the start of `part`. */
static void fail_in(struct parse *p, struct ud_bytes part, ud_err err)
{
    if (p->r.err == UD_OK && err != UD_OK) {
        reader_within(&p->r, p->man, part);
        ud_cbor_fail(&p->r, err);
    }
}

static void take_severed(struct parse *p, size_t member)
{
    struct ud_suit_manifest *man = p->man;
    const struct ud_bytes item = man->env->member_item[member];
    const struct ud_bytes digest = suit_take_digest(&p->r);
    p->vouched[member] = true;
    if (p->r.err != UD_OK) {
        return;
    }
    man->severed[member] = item.len == 0;
    if (item.len > 0) {
        struct ud_cbor inner;
        fail_in(p, item, suit_check_digest(item, digest));
        reader_within(&inner, man, item);
        man->member[member] = ud_cbor_bstr(&inner);
    }
}

static void take_section(struct parse *p, const struct section_row *row)
{
    if (row->severable != NOT_SEVERABLE && ud_cbor_peek(&p->r) == UD_CBOR_ARRAY) {
        take_severed(p, row->severable);
    } else {
        *view_of(p->man, row) = ud_cbor_bstr(&p->r);
    }
}

static const struct section_row *find_section(uint64_t label)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (sections[i].label == label) {
            return &sections[i];
        }
    }
    return NULL;
}

static void take_uri(struct ud_cbor *r, struct ud_bytes *uri)
{
    const size_t at = ud_cbor_offset(r);
    *uri = ud_cbor_tstr(r);
    if (uri->len > UD_URI_BYTES_MAX) {
        ud_cbor_fail_at(r, at, UD_ERR_LIMIT);
    }
}

static void take_member(struct parse *p)
{
    const size_t at = ud_cbor_offset(&p->r);
    const uint64_t label = ud_cbor_uint(&p->r);
    const struct section_row *row = find_section(label);
    ud_err err = UD_OK;
    if (row != NULL) {
        take_section(p, row);
    } else if (label == LABEL_VERSION) {
        err = ud_cbor_uint(&p->r) == MANIFEST_VERSION ? UD_OK : UD_ERR_VERSION;
    } else if (label == LABEL_SEQUENCE) {
        p->man->sequence = ud_cbor_uint(&p->r);
        p->has_sequence = true;
    } else if (label == LABEL_COMMON) {
        p->common = ud_cbor_bstr(&p->r);
    } else if (label == LABEL_URI) {
        take_uri(&p->r, &p->man->reference_uri);
    } else {
        err = label == LABEL_RESOLUTION ? UD_ERR_DEPENDENCY : UD_ERR_LABEL_UNKNOWN;
    }
    if (err != UD_OK) {
        ud_cbor_fail_at(&p->r, at, err);
    }
}

static void take_manifest(struct parse *p)
{
    struct ud_bytes previous = {NULL, 0};
    bool first = true;
    for (size_t pairs = ud_cbor_map(&p->r); pairs > 0 && p->r.err == UD_OK; pairs--, first = false) {
        ud_cbor_key_order(&p->r, &previous);
        if (first && (previous.len != 1 || previous.ptr[0] != LABEL_VERSION)) {
            ud_cbor_fail(&p->r, UD_ERR_MISSING); /* nothing is read of a version that we do not know */
        }
        take_member(p);
    }
    (void)ud_cbor_finish(&p->r);
    if (first || !p->has_sequence || p->common.len == 0) {
        ud_cbor_fail(&p->r, UD_ERR_MISSING);
    }
}

/* A component id: array of byte strings. */
static void take_component(struct ud_cbor *r, struct ud_suit_manifest *man)
{
    const size_t at = ud_cbor_offset(r);
    struct ud_bytes other;
    struct ud_bytes id = r->rest;
    for (size_t parts = ud_cbor_array(r); parts > 0 && r->err == UD_OK; parts--) {
        (void)ud_cbor_bstr(r);
    }
    id.len -= r->rest.len;
    ud_err err = id.len > UD_COMPONENT_ID_BYTES_MAX ? UD_ERR_LIMIT : UD_OK;
    for (size_t i = 0; r->err == UD_OK && i < man->component_count; i++) {
        if (ud_suit_component_id(man, i, &other) == UD_OK && ud_bytes_equal(id, other)) {
            err = UD_ERR_DUPLICATE;
        }
    }
    if (err != UD_OK) {
        ud_cbor_fail_at(r, at, err);
    }
}

static void take_components(struct ud_cbor *r, struct ud_suit_manifest *man)
{
    const size_t at = ud_cbor_offset(r);
    const size_t count = ud_cbor_array(r);
    if (count == 0 || count > UD_SUIT_COMPONENTS_MAX) {
        ud_cbor_fail_at(r, at, count == 0 ? UD_ERR_MISSING : UD_ERR_LIMIT);
    }
    man->components = r->rest;
    while (r->err == UD_OK && man->component_count < count) {
        take_component(r, man);
        man->component_count++;
    }
    man->components.len -= r->rest.len;
}

static void take_common(struct ud_cbor *r, struct ud_suit_manifest *man)
{
    struct ud_bytes previous = {NULL, 0};
    for (size_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        ud_cbor_key_order(r, &previous);
        const size_t at = ud_cbor_offset(r);
        const uint64_t label = ud_cbor_uint(r);
        if (label == COMMON_COMPONENTS) {
            take_components(r, man);
        } else if (label == COMMON_SHARED) {
            man->shared = ud_cbor_bstr(r);
        } else {
            ud_cbor_fail_at(r, at, label == COMMON_DEPENDENCIES ? UD_ERR_DEPENDENCY : UD_ERR_LABEL_UNKNOWN);
        }
    }
    (void)ud_cbor_finish(r);
    if (man->component_count == 0) {
        ud_cbor_fail(r, UD_ERR_MISSING);
    }
}

/* Members in the envelope that no digest vouches for, or that stand in the manifest as well. */
static void check_members(struct parse *p)
{
    for (size_t i = 0; i < UD_SUIT_MEMBER_COUNT; i++) {
        const struct ud_bytes item = p->man->env->member_item[i];
        if (item.len > 0 && !p->vouched[i]) {
            fail_in(p, item, p->man->member[i].ptr != NULL ? UD_ERR_DUPLICATE : UD_ERR_DIGEST);
        }
    }
}

static ud_err check_text(const struct ud_suit_manifest *man, struct ud_diag *diag)
{
    struct ud_cbor r;
    reader_within(&r, man, man->member[UD_SUIT_MEMBER_TEXT]);
    if (ud_cbor_peek(&r) != UD_CBOR_MAP) {
        ud_cbor_fail(&r, UD_ERR_SHAPE);
    }
    (void)ud_cbor_skip(&r);
    (void)ud_cbor_finish(&r);
    return ud_diag_set(diag, r.err, r.err_offset_bytes);
}

static ud_err check_sections(struct ud_suit_manifest *man, struct ud_diag *diag)
{
    struct suit_place place = {
        .whole = man->env->whole, .component_count = man->component_count, .shared = true};
    ud_err err = man->shared.ptr == NULL ? UD_OK : suit_scan(man->shared, place, diag);
    place.shared = false;
    for (size_t i = 0; i < SECTION_COUNT && err == UD_OK; i++) {
        const struct ud_bytes *view = view_of(man, &sections[i]);
        if (view->ptr == NULL) {
            continue;
        }
        err = sections[i].label == UD_SUIT_TEXT ? check_text(man, diag) : suit_scan(*view, place, diag);
    }
    return err;
}

static ud_err parse_manifest(struct ud_suit_manifest *man, const struct ud_suit_envelope *env, bool trusted,
                             struct ud_diag *diag)
{
    struct ud_suit_manifest found = {.env = env, .trusted = trusted};
    struct parse p = {.man = &found};
    reader_within(&p.r, &found, env->manifest);
    take_manifest(&p);
    check_members(&p);
    if (p.r.err == UD_OK) {
        reader_within(&p.r, &found, p.common);
        take_common(&p.r, &found);
    }
    if (p.r.err != UD_OK) {
        return ud_diag_set(diag, p.r.err, p.r.err_offset_bytes);
    }
    const ud_err err = check_sections(&found, diag);
    if (err == UD_OK) {
        *man = found;
    }
    return err;
}

ud_err ud_suit_manifest_parse(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                              struct ud_diag *diag)
{
    if (env->step != UD_SUIT_STEP_AUTHENTICATED) {
        return ud_diag_set(diag, UD_ERR_STATE, 0);
    }
    return parse_manifest(man, env, true, diag);
}

ud_err ud_suit_manifest_inspect(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                                struct ud_diag *diag)
{
    if (env->step < UD_SUIT_STEP_DIGEST) {
        return ud_diag_set(diag, UD_ERR_STATE, 0);
    }
    return parse_manifest(man, env, false, diag);
}

ud_err ud_suit_component_id(const struct ud_suit_manifest *man, size_t index, struct ud_bytes *id)
{
    struct ud_cbor r;
    if (index >= man->component_count) {
        return UD_ERR_INDEX;
    }
    ud_cbor_init(&r, man->components);
    for (; index > 0; index--) {
        (void)ud_cbor_skip(&r);
    }
    const struct ud_bytes found = ud_cbor_skip(&r);
    if (r.err == UD_OK) {
        *id = found;
    }
    return r.err;
}
