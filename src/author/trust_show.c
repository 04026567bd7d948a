#include "author/trust_show.h"

#include <stdio.h>

#include "author/cli.h"
#include "author/key.h"
#include "author/suit_show_steps.h"

const char *trust_show_kind(const struct trust_file *file)
{
    static const char *const names[] = {
        [TRUST_FILE_ROOTS] = "roots",
        [TRUST_FILE_LINK] = "link",
        [TRUST_FILE_STORE] = "trust store",
    };
    return names[file->kind];
}

static void set_uuid(json_t *json, const char *name, struct ud_bytes uuid)
{
    char text[CLI_UUID_TEXT_BYTES];
    if (uuid.len == UD_UUID_BYTES) {
        cli_uuid_text(uuid.ptr, text);
        (void)json_object_set_new(json, name, json_string(text));
    }
}

static void set_number(json_t *json, const char *name, uint64_t value)
{
    if (value > 0) {
        char text[24];
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        (void)json_object_set_new(json, name,
                                  value <= INT64_MAX ? json_integer((json_int_t)value) : json_string(text));
    }
}

static void set_list(json_t *json, const char *name, struct ud_bytes list)
{
    json_t *array = json_array();
    for (struct ud_bytes item; list.len > 0 && ud_bytes_take(&list, UD_SHA256_BYTES, &item);) {
        char hex[CLI_HEX_BYTES(UD_SHA256_BYTES)];
        cli_hex(item, hex);
        (void)json_array_append_new(array, json_string(hex));
    }
    if (json_array_size(array) > 0) {
        (void)json_object_set(json, name, array);
    }
    json_decref(array);
}

static json_t *show_key(const struct ud_trust_key *key)
{
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    char component[SUIT_SHOW_NAME_BYTES_MAX];
    cli_hex(UD_BYTES_ARRAY(key->kid), kid);
    json_t *json = json_pack("{s:s, s:s, s:i, s:i}", "kid", kid, "type", author_key_type_name(key->type),
                             "weight", key->weight, "group", key->group);
    if (key->component_prefix.len > 0) {
        suit_show_component(key->component_prefix, component);
        (void)json_object_set_new(json, "component", json_string(component));
    }
    set_uuid(json, "vendor", key->vendor_id);
    set_uuid(json, "class", key->class_id);
    return json;
}

/* Threshold, needs and keys: of roots and of a store. */
static void set_policy(json_t *json, const struct ud_trust *trust)
{
    json_t *keys = json_array();
    json_t *needs = json_object();
    for (unsigned i = 0; i < UD_TRUST_GROUPS_MAX; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "group %u", i);
        set_number(needs, name, trust->group_need[i]);
    }
    for (size_t i = 0; i < trust->key_count; i++) {
        (void)json_array_append_new(keys, show_key(&trust->keys[i]));
    }
    (void)json_object_set_new(json, "threshold", json_integer(trust->threshold));
    if (json_object_size(needs) > 0) {
        (void)json_object_set(json, "needs", needs);
    }
    json_decref(needs);
    (void)json_object_set_new(json, "keys", keys);
}

static json_t *show_signatures(const struct trust_file *file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < file->signer_count; i++) {
        int64_t alg = 0;
        struct ud_bytes kid = {NULL, 0};
        char hex[CLI_HEX_BYTES(UD_KID_BYTES)] = "";
        if (trust_file_signature(file, i, &alg, &kid) == UD_OK && kid.len <= UD_KID_BYTES) {
            cli_hex(kid, hex);
        }
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s}", "kid", hex, "algorithm", author_alg_name(alg)));
    }
    return list;
}

static void set_store(json_t *json, const struct ud_trust_store *store)
{
    (void)json_object_set_new(json, "number", json_integer((json_int_t)store->trust.number));
    (void)json_object_set_new(json, "roots", json_integer(store->link_count));
    (void)json_object_set_new(json, "epoch", json_integer((json_int_t)store->trust.epoch));
    set_policy(json, &store->trust);
    set_number(json, "sequence-min", store->trust.sequence_min);
    set_number(json, "expires", store->trust.expires_s);
    set_list(json, "revoked", store->trust.revoked);
    set_list(json, "kept", store->trust.kept);
    set_uuid(json, "vendor", store->vendor_id);
    set_uuid(json, "class", store->class_id);
}

json_t *trust_show(const struct trust_file *file)
{
    json_t *json = json_pack("{s:s}", "kind", trust_show_kind(file));
    if (file->kind == TRUST_FILE_STORE) {
        set_store(json, &file->store);
    } else {
        (void)json_object_set_new(json, "number", json_integer((json_int_t)file->store.roots.epoch));
        set_policy(json, &file->store.roots);
    }
    if (file->kind != TRUST_FILE_ROOTS) {
        (void)json_object_set_new(json, "signatures", show_signatures(file));
    }
    return json;
}
