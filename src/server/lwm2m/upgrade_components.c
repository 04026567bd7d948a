/*
 * Object 33629 has an instance for each component of a device's firmware. Which they are stands in the object list, or
 * is discovered; what they are called (Component Name) is read, and a file of the release is for the component that
 * its name begins with: "modem.bin", "modem-1.4.bin". A release goes whole or not at all: a file without a component
 * ends the action before anything is sent.
 */
#include "server/lwm2m/upgrade_job.h"

#include "server/release_files.h"

#include <stdio.h>

#define NAME 14
#define VERSION 15

/* --- names */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_break(char c)
{
    return c == '.' || c == '-' || c == '_';
}

size_t ud_upgrade_names(const char *component, const char *filename)
{
    size_t n = 0;
    while (component[n] != '\0') {
        const bool same = is_alnum(component[n]) ? lower(component[n]) == lower(filename[n])
                                                 : is_break(filename[n]) || filename[n] == component[n];
        if (!same) { /* also at the filename's end */
            return 0;
        }
        n++;
    }
    return filename[n] == '\0' || is_break(filename[n]) ? n : 0;
}

void ud_upgrade_plain_name(char *out, size_t room, const char *in)
{
    size_t n = 0;
    for (; in[n] != '\0' && n + 1 < room; n++) {
        const bool plain = is_alnum(in[n]) || is_break(in[n]) || in[n] == ' ' || in[n] == '/' || in[n] == '+';
        out[n] = plain ? in[n] : '?';
    }
    out[n] = '\0';
}

/* --- files to components */

struct mapping {
    struct ud_upgrade *up;
    uint32_t file_count;
    uint32_t given;
    char without[UD_FILENAME_BYTES_MAX + 1]; /* the first file that no component takes */
};

static void map_file(void *ctx, const struct ud_row_release_artifact *row)
{
    struct mapping *map = ctx;
    struct ud_upgrade_part *best = NULL;
    size_t best_bytes = 0;
    for (size_t i = 0; i < map->up->part_count; i++) {
        struct ud_upgrade_part *part = &map->up->parts[i];
        const size_t bytes = ud_upgrade_names(part->name, row->filename);
        if (bytes > best_bytes) { /* "modem-boot.bin" is not for "modem" where there is "modem boot" */
            best = part;
            best_bytes = bytes;
        }
    }
    map->file_count++;
    if (best != NULL && best->filename[0] == '\0') {
        memcpy(best->filename, row->filename, sizeof best->filename);
        map->given++;
    } else if (map->without[0] == '\0') {
        memcpy(map->without, row->filename, sizeof map->without);
    }
}

/* One file and one component that does not say its name are meant for each other. */
static void map_only(struct mapping *map)
{
    struct ud_upgrade_part *part = &map->up->parts[0];
    if (map->up->part_count == 1 && map->file_count == 1 && part->name[0] == '\0') {
        memcpy(part->filename, map->without, sizeof part->filename);
        map->given = 1;
        map->without[0] = '\0';
    }
}

static void map_files(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path object_5 = ud_lwm2m_path_of(1, 5, 0, 0, 0);
    struct ud_upgrade *up = reg->upgrade;
    struct mapping map = {.up = up};
    struct ud_store *store = NULL;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_release_files(store, reg->tenant, up->release, map_file, &map);
        ud_store_pool_give(lw->server->readers, store);
    }
    if (err != UD_OK) {
        ud_upgrade_drop(lw, reg); /* looked at again with the next Register */
        return;
    }
    map_only(&map);
    if (map.given == 0 && ud_reg_has(reg, &object_5)) {
        ud_upgrade_by_object_5(lw, reg); /* the release is for the device as a whole */
        return;
    }
    if (map.without[0] != '\0' || map.file_count == 0) {
        char name[64];
        char words[UD_UPGRADE_WORDS_BYTES_MAX];
        ud_upgrade_plain_name(name, sizeof name, map.without);
        snprintf(words, sizeof words, "the device has no component of its own for the file %s", name);
        ud_upgrade_finish(lw, reg, NULL, map.file_count == 0 ? UD_ERR_ARTIFACT_MISSING : UD_ERR_COMPONENT,
                          map.file_count == 0 ? "the release has no file" : words);
        return;
    }
    ud_upgrade_read_all(lw, reg);
}

/* --- asking */

static void was_named(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    if (err == UD_ERR_GONE || reg->upgrade == NULL || reg->upgrade->object != UD_COMPONENTS_OBJECT) {
        return;
    }
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT) {
        const uint32_t format = ask->answer_format < 0 ? UD_COAP_FORMAT_TEXT : (uint32_t)ask->answer_format;
        (void)ud_values_take(lw, reg, format, &ask->path, ud_ask_answer(ask), true, NULL);
    }
    if (ud_upgrade_is_last(reg->upgrade, ask) && reg->upgrade->step == UD_UPGRADE_LOOKING) {
        map_files(lw, reg);
    }
}

static void ask_names(struct ud_lwm2m *lw, struct ud_reg *reg, const uint16_t *instances, size_t count)
{
    struct ud_upgrade *up = reg->upgrade;
    if (count == 0 || count > UD_UPGRADE_PARTS_MAX) {
        ud_upgrade_finish(lw, reg, NULL, count == 0 ? UD_ERR_COMPONENT : UD_ERR_LIMIT,
                          count == 0 ? "the device shows no component"
                                     : "the device has more than 8 components");
        return;
    }
    if (ud_upgrade_open_parts(up, UD_COMPONENTS_OBJECT, instances, (uint8_t)count) != UD_OK) {
        ud_upgrade_drop(lw, reg);
        return;
    }
    for (size_t i = 0; i < 2 * count; i++) {
        const struct ud_lwm2m_path path =
            ud_lwm2m_path_of(3, UD_COMPONENTS_OBJECT, instances[i / 2], i % 2 == 0 ? NAME : VERSION, 0);
        struct ud_ask *ask =
            ud_ask_new(UD_COAP_GET, &path, was_named, i + 1 == 2 * count ? ud_upgrade_last(up) : NULL);
        if (ask != NULL) {
            ud_ask_submit(lw, reg, ask);
        }
    }
}

static void was_discovered(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    uint16_t instances[UD_UPGRADE_PARTS_MAX + 1];
    size_t count = 0;
    if (err == UD_ERR_GONE || reg->upgrade == NULL || reg->upgrade->object != UD_COMPONENTS_OBJECT) {
        return;
    }
    if (err == UD_OK && ask->code == UD_COAP_205_CONTENT && ask->answer_format == UD_COAP_FORMAT_LINKS) {
        count = ud_reg_instances(reg, ud_ask_answer(ask), UD_COMPONENTS_OBJECT, instances,
                                 sizeof instances / sizeof instances[0]);
    }
    ask_names(lw, reg, instances, count);
}

void ud_upgrade_by_components(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path object = ud_lwm2m_path_of(1, UD_COMPONENTS_OBJECT, 0, 0, 0);
    uint16_t instances[UD_UPGRADE_PARTS_MAX + 1];
    const size_t count = ud_reg_instances(reg, (struct ud_bytes){NULL, 0}, UD_COMPONENTS_OBJECT, instances,
                                          sizeof instances / sizeof instances[0]);
    reg->upgrade->object = UD_COMPONENTS_OBJECT;
    reg->upgrade->step = UD_UPGRADE_LOOKING;
    if (count > 0) {
        ask_names(lw, reg, instances, count);
        return;
    }
    struct ud_ask *ask = ud_ask_new(UD_COAP_GET, &object, was_discovered, NULL);
    if (ask == NULL) {
        ud_upgrade_drop(lw, reg);
        return;
    }
    ask->accept = UD_COAP_FORMAT_LINKS;
    ud_ask_submit(lw, reg, ask);
}
