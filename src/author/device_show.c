/* `updraft device show`: what a device folder's provisioning file says. */
#include <stdlib.h>
#include <string.h>

#include "author/cli.h"
#include "author/offline.h"
#include "author/suit_show_steps.h"
#include "updraft/provision.h"
#include "updraft/trust_store.h"

#define PATH_BYTES_MAX 4096

static json_t *show_area(struct ud_provision_area area)
{
    return json_pack("[I, I]", (json_int_t)area.offset, (json_int_t)area.size);
}

static json_t *show_slots(const struct ud_provision_area slot[UD_PROVISION_SLOTS])
{
    return json_pack("[o, o]", show_area(slot[0]), show_area(slot[1]));
}

static json_t *show_components(const struct ud_provision *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->component_count; i++) {
        char name[SUIT_SHOW_NAME_BYTES_MAX];
        suit_show_component(p->components[i].id, name);
        json_t *writers = json_array();
        for (int group = 0; group < UD_TRUST_GROUPS_MAX; group++) {
            if ((p->components[i].writers >> group & 1) != 0) {
                (void)json_array_append_new(writers, json_integer(group));
            }
        }
        (void)json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "id", name, "slots",
                                                    show_slots(p->components[i].slot), "writers", writers));
    }
    return list;
}

static void print_writers(const char *component, uint8_t writers)
{
    if (writers == 0) {
        return; /* whom the anchors' rights allow */
    }
    printf("Writers      %s: somebody of group", component);
    for (int group = 0; group < UD_TRUST_GROUPS_MAX; group++) {
        if ((writers >> group & 1) != 0) {
            printf(" %d", group);
        }
    }
    printf(", each\n");
}

static json_t *show_anchors(const struct ud_provision *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->trust.key_count; i++) {
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
        cli_hex(UD_BYTES_ARRAY(p->trust.keys[i].kid), kid);
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:i}", "kid", kid, "weight", p->trust.keys[i].weight));
    }
    return list;
}

/* Who may replace the anchors, and where that is kept. */
static json_t *show_store(const struct ud_provision *p)
{
    struct ud_trust roots;
    json_t *kids = json_array();
    (void)ud_trust_roots_parse(&roots, p->roots, NULL); /* the provisioning file's reader did */
    for (size_t i = 0; i < roots.key_count; i++) {
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
        cli_hex(UD_BYTES_ARRAY(roots.keys[i].kid), kid);
        (void)json_array_append_new(kids, json_pack("{s:s, s:i}", "kid", kid, "weight", roots.keys[i].weight));
    }
    return json_pack("{s:o, s:i, s:o}", "roots", kids, "threshold", roots.threshold, "copies",
                     show_slots(p->trust_store));
}

static const char *layout_name(const struct ud_provision *p)
{
    static const char *const names[] = {
        [UD_PROVISION_STAY] = "ab",
        [UD_PROVISION_SWAP] = "swap",
        [UD_PROVISION_OVERWRITE] = "overwrite",
        [UD_PROVISION_PATCH] = "single",
    };
    return names[p->mover];
}

static json_t *show(const struct ud_provision *p)
{
    char vendor[CLI_UUID_TEXT_BYTES];
    char class_id[CLI_UUID_TEXT_BYTES];
    cli_uuid_text(p->vendor_id.ptr, vendor);
    cli_uuid_text(p->class_id.ptr, class_id);
    return json_pack("{s:s, s:s, s:s, s:b, s:o, s:i, s:o, s:o, s:o, s:{s:I, s:I, s:I}, s:{s:i, s:I}}",
                     "vendorId", vendor, "classId", class_id, "layout", layout_name(p), "atRest", p->at_rest,
                     "anchors", show_anchors(p), "threshold", p->trust.threshold, "components",
                     show_components(p), "envelopes", show_slots(p->envelope), "journal", show_area(p->journal),
                     "flash", "size", (json_int_t)p->flash_bytes, "eraseSize", (json_int_t)p->erase_size,
                     "writeSize", (json_int_t)p->write_size, "trial", "boots", p->trial_boots, "deadlineMs",
                     (json_int_t)p->trial_deadline_ms);
}

static void print_area(const char *what, const char *name, int slot, struct ud_provision_area area)
{
    printf("%-12s %s", what, name);
    if (slot >= 0) {
        printf(", slot %d", slot);
    }
    printf(": %lu bytes at %lu\n", (unsigned long)area.size, (unsigned long)area.offset);
}

static void print_roots(const struct ud_provision *p)
{
    struct ud_trust roots;
    if (p->roots.len == 0 || ud_trust_roots_parse(&roots, p->roots, NULL) != UD_OK) {
        return;
    }
    for (size_t i = 0; i < roots.key_count; i++) {
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
        cli_hex(UD_BYTES_ARRAY(roots.keys[i].kid), kid);
        printf("Root         %s, weight %u (%u needed)\n", kid, roots.keys[i].weight, roots.threshold);
    }
    print_area("Trust store", "copy 0", -1, p->trust_store[0]);
    print_area("Trust store", "copy 1", -1, p->trust_store[1]);
}

static void print(const struct ud_provision *p)
{
    char text[SUIT_SHOW_NAME_BYTES_MAX];
    cli_uuid_text(p->vendor_id.ptr, text);
    printf("Vendor       %s\n", text);
    cli_uuid_text(p->class_id.ptr, text);
    printf("Class        %s\n", text);
    for (size_t i = 0; i < p->trust.key_count; i++) {
        cli_hex(UD_BYTES_ARRAY(p->trust.keys[i].kid), text);
        printf("Anchor       %s, weight %u (%u needed)\n", text, p->trust.keys[i].weight, p->trust.threshold);
    }
    print_roots(p);
    for (size_t i = 0; i < p->component_count; i++) {
        suit_show_component(p->components[i].id, text);
        print_area("Component", text, 0, p->components[i].slot[0]);
        print_area("Component", text, 1, p->components[i].slot[1]);
        print_writers(text, p->components[i].writers);
    }
    printf("Layout       %s%s\n", layout_name(p), p->at_rest ? ", images encrypted at rest" : "");
    print_area("Envelope", "kept", 0, p->envelope[0]);
    print_area("Envelope", "kept", 1, p->envelope[1]);
    print_area("Journal", "records", -1, p->journal);
    if (p->mover != UD_PROVISION_STAY) {
        print_area("Move", "progress", -1, p->move);
    }
    printf("Flash        %lu bytes, sectors of %lu, written in units of %lu\n", (unsigned long)p->flash_bytes,
           (unsigned long)p->erase_size, (unsigned long)p->write_size);
    printf("Trial        %u start%s, %lu ms each, to confirm a new image\n", p->trial_boots,
           p->trial_boots == 1 ? "" : "s", (unsigned long)p->trial_deadline_ms);
}

static int run(const char *folder, bool as_json)
{
    char path[PATH_BYTES_MAX];
    char *bytes = NULL;
    size_t len = 0;
    struct ud_provision provision;
    struct ud_diag diag = {.err = UD_OK};
    const int path_len = snprintf(path, sizeof path, "%s/provisioning.cbor", folder);
    if (path_len < 0 || (size_t)path_len >= sizeof path) {
        return cli_fail(folder, NULL, UD_ERR_LIMIT);
    }
    ud_err err = cli_read_file(path, UD_PROVISION_BYTES_MAX, &bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(path, err);
    }
    int code = CLI_OK;
    err = ud_provision_parse(&provision, (struct ud_bytes){(const uint8_t *)bytes, len}, &diag);
    if (err != UD_OK) {
        code = cli_fail_at(path, &diag);
    } else if (as_json) {
        json_t *json = show(&provision);
        if (provision.roots.len > 0) {
            (void)json_object_set_new(json, "trustStore", show_store(&provision));
        }
        cli_print_json(json);
        json_decref(json);
    } else {
        print(&provision);
    }
    free(bytes);
    return code;
}

int offline_device_show(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    bool as_json = false;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'j') {
            return cli_usage("device show", "unknown option");
        }
        as_json = true;
    }
    if (argc - optind != 1) {
        return cli_usage("device show", "one FOLDER is needed");
    }
    return run(argv[optind], as_json);
}
