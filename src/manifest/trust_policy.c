#include "manifest/trust_policy.h"

#include "manifest/fields.h"
#include "updraft/assert.h"

enum { TRUST_EPOCH = 1, TRUST_THRESHOLD = 2, TRUST_ANCHORS = 3, TRUST_GROUPS = 4 };
enum {
    ANCHOR_KEY = 1,
    ANCHOR_WEIGHT = 2,
    ANCHOR_PREFIX = 3,
    ANCHOR_VENDOR = 4,
    ANCHOR_CLASS = 5,
    ANCHOR_GROUP = 6,
};

/* ---- reading ---- */

struct anchor {
    struct ud_cose_key key;
    struct ud_trust_key rights;
};

static void read_anchor_key(struct ud_cbor *r, void *into)
{
    const struct ud_cbor before = *r;
    const struct ud_bytes item = ud_cbor_skip(r);
    const ud_err err = r->err == UD_OK ? ud_cose_key_read(item, &((struct anchor *)into)->key) : UD_OK;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
}

static void read_anchor_weight(struct ud_cbor *r, void *into)
{
    ((struct anchor *)into)->rights.weight = (uint8_t)ud_fields_number(r, 1, UINT8_MAX);
}

static void read_anchor_prefix(struct ud_cbor *r, void *into)
{
    ((struct anchor *)into)->rights.component_prefix = ud_fields_component_id(r);
}

static void read_anchor_vendor(struct ud_cbor *r, void *into)
{
    ((struct anchor *)into)->rights.vendor_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_anchor_class(struct ud_cbor *r, void *into)
{
    ((struct anchor *)into)->rights.class_id = ud_fields_bstr(r, UD_UUID_BYTES);
}

static void read_anchor_group(struct ud_cbor *r, void *into)
{
    ((struct anchor *)into)->rights.group = (uint8_t)ud_fields_number(r, 1, UD_TRUST_GROUPS_MAX - 1);
}

static const struct ud_field anchor_fields[] = {
    {ANCHOR_KEY, true, read_anchor_key},        {ANCHOR_WEIGHT, true, read_anchor_weight},
    {ANCHOR_PREFIX, false, read_anchor_prefix}, {ANCHOR_VENDOR, false, read_anchor_vendor},
    {ANCHOR_CLASS, false, read_anchor_class},   {ANCHOR_GROUP, false, read_anchor_group},
};

static ud_err add_anchor(struct ud_trust *trust, const struct anchor *anchor)
{
    const struct ud_key key = ud_cose_key_view(&anchor->key);
    const ud_err err = ud_trust_add_key(trust, &key, anchor->rights.weight);
    if (err != UD_OK) {
        return err;
    }
    struct ud_trust_key *added = &trust->keys[trust->key_count - 1];
    added->component_prefix = anchor->rights.component_prefix;
    added->vendor_id = anchor->rights.vendor_id;
    added->class_id = anchor->rights.class_id;
    added->group = anchor->rights.group;
    return ud_kid_is_published(added->kid) ? UD_ERR_KEY_PUBLISHED : UD_OK;
}

static void read_anchor(struct ud_cbor *r, struct ud_trust *trust)
{
    struct anchor anchor = {.rights = {.weight = 0}};
    const struct ud_cbor before = *r;
    ud_fields_read(r, anchor_fields, sizeof anchor_fields / sizeof anchor_fields[0], &anchor);
    const ud_err err = r->err == UD_OK ? add_anchor(trust, &anchor) : UD_OK;
    if (err != UD_OK) {
        *r = before;
        ud_cbor_fail(r, err);
    }
}

static void read_epoch(struct ud_cbor *r, void *into)
{
    ((struct ud_trust *)into)->epoch = (uint32_t)ud_fields_number(r, 0, UINT32_MAX);
}

static void read_threshold(struct ud_cbor *r, void *into)
{
    ((struct ud_trust *)into)->threshold = (uint8_t)ud_fields_number(r, 1, UINT8_MAX);
}

static void read_anchors(struct ud_cbor *r, void *into)
{
    for (uint64_t count = ud_cbor_array(r); count > 0 && r->err == UD_OK; count--) {
        read_anchor(r, into);
    }
}

/* What each group needs, from group 0 on; the last one is not 0, so that there is one form. */
static void read_groups(struct ud_cbor *r, void *into)
{
    struct ud_trust *trust = into;
    const struct ud_cbor before = *r;
    const uint64_t count = ud_cbor_array(r);
    uint64_t need = 0;
    if (count > UD_TRUST_GROUPS_MAX) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_LIMIT);
        return;
    }
    for (uint64_t i = 0; i < count && r->err == UD_OK; i++) {
        need = ud_fields_number(r, 0, UINT8_MAX);
        trust->group_need[i] = (uint8_t)need;
    }
    if (need == 0 && r->err == UD_OK) {
        *r = before;
        ud_cbor_fail(r, UD_ERR_SHAPE);
    }
}

static const struct ud_field trust_fields[] = {
    {TRUST_EPOCH, true, read_epoch},
    {TRUST_THRESHOLD, true, read_threshold},
    {TRUST_ANCHORS, true, read_anchors},
    {TRUST_GROUPS, false, read_groups},
};

void ud_trust_policy_read(struct ud_cbor *r, struct ud_trust *trust)
{
    ud_fields_read(r, trust_fields, sizeof trust_fields / sizeof trust_fields[0], trust);
}

ud_err ud_trust_policy_check(const struct ud_trust *trust)
{
    if (trust->key_count == 0) {
        return UD_ERR_MISSING;
    }
    const ud_trust_set all = ((ud_trust_set)1 << trust->key_count) - 1;
    return ud_trust_enough(trust, all);
}

/* ---- writing ---- */

static void put_number_field(struct ud_cbor_writer *w, uint64_t key, uint64_t value)
{
    ud_cbor_put_uint(w, key);
    ud_cbor_put_uint(w, value);
}

static void put_bstr_field(struct ud_cbor_writer *w, uint64_t key, struct ud_bytes value)
{
    if (value.len > 0) {
        ud_cbor_put_uint(w, key);
        ud_cbor_put_bstr(w, value);
    }
}

static void put_anchor(struct ud_cbor_writer *w, const struct ud_trust_key *key)
{
    const size_t optional = (size_t)(key->component_prefix.len > 0) + (key->vendor_id.len > 0) +
                            (key->class_id.len > 0) + (key->group > 0);
    uint8_t bytes[UD_COSE_KEY_BYTES_MAX];
    struct ud_buf cose_key = {bytes, sizeof bytes, 0};
    const struct ud_key view = ud_trust_key_view(key);
    const ud_err err = ud_cose_key_put(&cose_key, &view);
    UD_ASSERT(err == UD_OK); /* it has room, and ud_trust_add_key() looked at it */
    ud_cbor_put_map(w, 2 + optional);
    ud_cbor_put_uint(w, ANCHOR_KEY);
    ud_cbor_put_raw(w, ud_buf_bytes(&cose_key));
    put_number_field(w, ANCHOR_WEIGHT, key->weight);
    if (key->component_prefix.len > 0) {
        ud_cbor_put_uint(w, ANCHOR_PREFIX);
        ud_cbor_put_raw(w, key->component_prefix);
    }
    put_bstr_field(w, ANCHOR_VENDOR, key->vendor_id);
    put_bstr_field(w, ANCHOR_CLASS, key->class_id);
    if (key->group > 0) {
        put_number_field(w, ANCHOR_GROUP, key->group);
    }
}

static size_t groups_of(const struct ud_trust *trust)
{
    size_t count = UD_TRUST_GROUPS_MAX;
    while (count > 0 && trust->group_need[count - 1] == 0) {
        count--;
    }
    return count;
}

void ud_trust_policy_put(struct ud_cbor_writer *w, const struct ud_trust *trust)
{
    const size_t groups = groups_of(trust);
    ud_cbor_put_map(w, 3U + (groups > 0));
    put_number_field(w, TRUST_EPOCH, trust->epoch);
    put_number_field(w, TRUST_THRESHOLD, trust->threshold);
    ud_cbor_put_uint(w, TRUST_ANCHORS);
    ud_cbor_put_array(w, trust->key_count);
    for (size_t i = 0; i < trust->key_count; i++) {
        put_anchor(w, &trust->keys[i]);
    }
    if (groups > 0) {
        ud_cbor_put_uint(w, TRUST_GROUPS);
        ud_cbor_put_array(w, groups);
        for (size_t i = 0; i < groups; i++) {
            ud_cbor_put_uint(w, trust->group_need[i]);
        }
    }
}
