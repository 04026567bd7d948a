/* The manifest: members, components, severed members, and a look over every sequence. */
#include "manifest/diag.h"
#include "manifest/suit_parts.h"
#include "manifest/suit_scan.h"

enum { MANIFEST_VERSION = 1 };
enum { COMMON_DEPENDENCIES = 1, COMMON_COMPONENTS = 2, COMMON_SHARED = 4 };

struct parse {
    struct ud_suit_manifest *man;
    struct ud_cbor r;  /* of the manifest; keeps the first error, wherever that was */
    uint32_t contents; /* bit set of the suit_content that were met */
};

/* The interpreter keeps places as offsets of 16 bits; payloads stand behind every sequence. */
static void take_sequence(struct ud_cbor *r, struct ud_suit_manifest *man, uint8_t label)
{
    const suit_place place = man->component_count | (label == UD_SUIT_SHARED ? SUIT_IN_SHARED : 0U);
    const uint32_t commands = suit_scan(r, place);
    if (ud_cbor_offset(r) > UINT16_MAX) {
        ud_cbor_fail(r, UD_ERR_LIMIT);
    }
    if (label != UD_SUIT_LOAD && label != UD_SUIT_INVOKE) {
        man->commands_to_update |= commands;
    }
    if (label <= UD_SUIT_INVOKE) {
        man->commands_to_run |= commands;
    }
}

/* A member that is there, looked over. @return its content */
static ud_view take_content(struct ud_cbor *r, struct ud_suit_manifest *man, uint8_t label,
                            suit_content content)
{
    const size_t outside = ud_cbor_open(r);
    const struct ud_bytes view = r->rest;
    if (content == SUIT_CONTENT_SEQUENCE) {
        take_sequence(r, man, label);
    } else {
        if (content == SUIT_CONTENT_TEXT && ud_cbor_peek(r) != UD_CBOR_MAP) {
            ud_cbor_fail(r, UD_ERR_SHAPE);
        }
        (void)ud_cbor_skip(r);
    }
    ud_cbor_close(r, outside);
    return ud_view_of(view);
}

/* Only a digest of it stands in the manifest: hash what is in the envelope, then read it. */
static ud_view take_severed(struct parse *p, const struct suit_member_row *row)
{
    struct ud_suit_manifest *man = p->man;
    const size_t member = suit_member(row);
    const struct ud_bytes item = man->env->member_item[member];
    const struct ud_bytes digest = suit_take_digest(&p->r);
    struct ud_bytes view = {NULL, 0};
    const struct ud_bytes behind = p->r.rest;
    man->severed[member] = true; /* until check_members() */
    man->incomplete |= item.len == 0 && row->content == SUIT_CONTENT_SEQUENCE;
    if (p->r.err != UD_OK || item.len == 0) {
        return ud_view_of(view);
    }
    p->r.rest = item; /* of the same envelope: offsets hold */
    ud_cbor_fail(&p->r, suit_check_digest(&p->r.rest, digest.ptr));
    view = ud_view_bytes(take_content(&p->r, man, row->label, (suit_content)row->content));
    p->r.rest = behind;
    return ud_view_of(view);
}

/* A component id: array of byte strings. */
ud_view suit_take_id_view(struct ud_cbor *r)
{
    struct ud_bytes id = r->rest;
    for (size_t parts = ud_cbor_array(r); parts > 0 && r->err == UD_OK; parts--) {
        (void)ud_cbor_bstr(r);
    }
    id.len -= r->rest.len;
    if (id.len > UD_COMPONENT_ID_BYTES_MAX) {
        ud_cbor_fail_from(r, id.ptr, UD_ERR_LIMIT);
    }
    return ud_view_of(id);
}

static void take_components(struct ud_cbor *r, struct ud_suit_manifest *man)
{
    const size_t count = ud_cbor_array(r);
    if (count == 0 || count > UD_SUIT_COMPONENTS_MAX) {
        ud_cbor_fail_item(r, count == 0 ? UD_ERR_MISSING : UD_ERR_LIMIT);
    }
    man->components = r->rest;
    for (; r->err == UD_OK && man->listed_count < count; man->listed_count++) {
        struct ud_cbor before;
        ud_cbor_init(&before, man->components);
        const struct ud_bytes id = suit_take_id(r);
        for (uint8_t i = 0; i < man->listed_count; i++) {
            if (ud_bytes_equal(id, ud_cbor_skip(&before))) {
                ud_cbor_fail_from(r, id.ptr, UD_ERR_DUPLICATE);
            }
        }
    }
    man->components.len -= r->rest.len;
    man->component_count = man->listed_count;
}

/* @return the shared sequence */
static ud_view take_common(struct parse *p)
{
    struct ud_suit_manifest *man = p->man;
    struct ud_bytes shared = {NULL, 0};
    struct ud_cbor *r = &p->r;
    struct ud_bytes dependencies = {NULL, 0};
    const size_t outside = ud_cbor_open(r);
    struct suit_pairs pairs;
    suit_take_map(r, &pairs);
    for (uint8_t label; (label = suit_next_label(r, &pairs)) != SUIT_LABEL_END;) {
        if (label == COMMON_COMPONENTS) {
            take_components(r, man);
            if (dependencies.len > 0) { /* they need the components, which follow them */
                const struct ud_bytes behind = r->rest;
                r->rest = dependencies;
                suit_group_of_trees->dependencies(r, man);
                r->rest = behind;
            }
        } else if (label == COMMON_SHARED) {
            shared = ud_view_bytes(take_content(r, man, UD_SUIT_SHARED, SUIT_CONTENT_SEQUENCE));
        } else if (label == COMMON_DEPENDENCIES) {
            dependencies = ud_cbor_skip(r);
            if (suit_group_of_trees == NULL) {
                ud_cbor_fail_item(r, UD_ERR_DEPENDENCY);
            }
        } else {
            ud_cbor_fail_item(r, UD_ERR_LABEL_UNKNOWN);
        }
    }
    ud_cbor_close(r, outside);
    return ud_view_of(shared);
}

static ud_view take_view(struct parse *p, const struct suit_member_row *row)
{
    const suit_content content = (suit_content)row->content;
    struct ud_cbor *r = &p->r;
    if (suit_is_severable(row) && ud_cbor_peek(r) == UD_CBOR_ARRAY) {
        return take_severed(p, row);
    }
    return content == SUIT_CONTENT_ID       ? suit_take_id_view(r)
           : content == SUIT_CONTENT_URI    ? suit_take_uri_view(r)
           : content == SUIT_CONTENT_COMMON ? take_common(p)
                                            : take_content(r, p->man, row->label, content);
}

/* The last three kinds of content must be there, the version before all: nothing is read of one that we do not know. */
#define CONTENTS_REQUIRED (1u << SUIT_CONTENT_COMMON | 1u << SUIT_CONTENT_NUMBER | 1u << SUIT_CONTENT_VERSION)

static void take_member(struct parse *p, uint8_t label)
{
    struct ud_cbor *r = &p->r;
    const struct suit_member_row *row = suit_find(SUIT_MEMBERS, label, NULL);
    if (row == NULL) {
        ud_cbor_fail_item(r, p->contents == 0              ? UD_ERR_MISSING
                             : label == UD_SUIT_RESOLUTION ? UD_ERR_DEPENDENCY
                                                           : UD_ERR_LABEL_UNKNOWN);
        return;
    }
    p->contents |= 1u << row->content;
    if ((p->contents >> SUIT_CONTENT_VERSION) == 0) {
        ud_cbor_fail_item(r, UD_ERR_MISSING);
    } else if (row->content == SUIT_CONTENT_VERSION) {
        if (ud_cbor_uint(r) != MANIFEST_VERSION) {
            ud_cbor_fail_item(r, UD_ERR_VERSION);
        }
    } else if (row->content == SUIT_CONTENT_NUMBER) {
        p->man->sequence = ud_cbor_uint(r);
    } else {
        const struct ud_bytes view = ud_view_bytes(take_view(p, row));
        memcpy((unsigned char *)p->man + SUIT_VIEWS + row->view * sizeof view, &view, sizeof view);
    }
}

/* Labels come in order, so components are known before the sequences that name them. */
static void take_manifest(struct parse *p)
{
    struct suit_pairs pairs;
    suit_take_map(&p->r, &pairs);
    for (uint8_t label; (label = suit_next_label(&p->r, &pairs)) != SUIT_LABEL_END;) {
        take_member(p, label);
    }
    (void)ud_cbor_finish(&p->r);
    if ((~p->contents & CONTENTS_REQUIRED) != 0 || p->man->listed_count == 0) {
        ud_cbor_fail(&p->r, UD_ERR_MISSING);
    }
}

/* Members in the envelope that no digest vouches for, or that stand in the manifest as well. */
static void check_members(struct parse *p)
{
    struct ud_suit_manifest *man = p->man;
    for (size_t i = 0; i < UD_SUIT_MEMBER_COUNT && p->r.err == UD_OK; i++) {
        const struct ud_bytes item = man->env->member_item[i];
        if (item.len > 0 && !man->severed[i]) {
            p->r.rest = item;
            ud_cbor_fail(&p->r, man->member[i].ptr != NULL ? UD_ERR_DUPLICATE : UD_ERR_DIGEST);
        }
        man->severed[i] = man->severed[i] && item.len == 0;
    }
}

static ud_err parse_manifest(struct ud_suit_manifest *man, const struct ud_suit_envelope *env, bool trusted,
                             struct ud_diag *diag)
{
    struct parse p = {.man = man};
    memset(man, 0, sizeof *man);
    man->env = env;
    ud_cbor_init_within(&p.r, env->whole, env->manifest);
    take_manifest(&p);
    check_members(&p);
    man->trusted = trusted && p.r.err == UD_OK;
    return ud_diag_set(diag, p.r.err, p.r.err_offset_bytes);
}

ud_err ud_suit_manifest_parse(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                              struct ud_diag *diag)
{
    man->trusted = false;
    if (env->step != UD_SUIT_STEP_AUTHENTICATED) {
        return ud_diag_set(diag, UD_ERR_STATE, 0);
    }
    return parse_manifest(man, env, true, diag);
}

ud_err ud_suit_manifest_inspect(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                                struct ud_diag *diag)
{
    man->trusted = false;
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
    if (index >= man->listed_count) {
        *id = man->dependency_id[index - man->listed_count];
        return UD_OK;
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
