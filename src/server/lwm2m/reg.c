#include "server/lwm2m/reg.h"

#include "updraft/assert.h"
#include "updraft/links.h"

#include <stdlib.h>

#define BUCKETS_MIN 1024
#define ROOT_BYTES_MAX 32
#define REG_BYTES 256 /* of one whose name is not long: four cache lines */

static struct ud_reg **location_bucket(const struct ud_regs *regs, uint64_t location)
{
    return &regs->by_location[location & (regs->bucket_count - 1)]; /* locations are random */
}

static struct ud_reg **device_bucket(const struct ud_regs *regs, int64_t device)
{
    return &regs->by_device[((uint64_t)device * 0x9e3779b97f4a7c15U >> 20) & (regs->bucket_count - 1)];
}

static bool make_buckets(struct ud_regs *regs, size_t count)
{
    regs->by_location = calloc(count, sizeof(struct ud_reg *));
    regs->by_device = calloc(count, sizeof(struct ud_reg *));
    regs->bucket_count = count;
    if (regs->by_location == NULL || regs->by_device == NULL) {
        free(regs->by_location);
        free(regs->by_device);
        return false;
    }
    return true;
}

ud_err ud_regs_init(struct ud_regs *regs)
{
    *regs = (struct ud_regs){.count = 0};
    ud_slab_init(&regs->slab, REG_BYTES);
    return make_buckets(regs, BUCKETS_MIN) ? UD_OK : UD_ERR_MEMORY;
}

void ud_regs_free(struct ud_regs *regs)
{
    free(regs->by_location);
    free(regs->by_device);
    *regs = (struct ud_regs){.count = 0};
}

static bool is_in_slab(size_t bytes)
{
    return bytes <= REG_BYTES;
}

static void give_back(struct ud_regs *regs, struct ud_reg *reg)
{
    if (is_in_slab(sizeof *reg + strlen(reg->name) + 1)) {
        ud_slab_give(&regs->slab, reg);
    } else {
        free(reg);
    }
}

struct ud_reg *ud_reg_new(struct ud_regs *regs, struct ud_timers *timers, const char *name)
{
    const size_t name_bytes = strlen(name) + 1;
    const size_t bytes = sizeof(struct ud_reg) + name_bytes;
    struct ud_reg *reg = is_in_slab(bytes) ? ud_slab_take(&regs->slab) : calloc(1, bytes);
    if (reg == NULL) {
        return NULL;
    }
    memcpy(reg->name, name, name_bytes);
    if (ud_timers_reserve(timers) != UD_OK) {
        give_back(regs, reg);
        return NULL;
    }
    return reg;
}

void ud_reg_free(struct ud_regs *regs, struct ud_timers *timers, struct ud_reg *reg)
{
    UD_ASSERT(reg->first == NULL && reg->upgrade == NULL && reg->bootstrap == NULL);
    ud_timers_unreserve(timers, &reg->timer);
    free(reg->watches);
    ud_object_list_leave(reg->objects);
    give_back(regs, reg);
}

static void link_reg(struct ud_regs *regs, struct ud_reg *reg)
{
    struct ud_reg **location = location_bucket(regs, reg->location);
    struct ud_reg **device = device_bucket(regs, reg->device);
    reg->next_location = *location;
    *location = reg;
    reg->next_device = *device;
    *device = reg;
}

/* Twice the buckets; without memory for them the lists just grow longer. */
static void grow(struct ud_regs *regs)
{
    struct ud_reg **by_location = regs->by_location;
    struct ud_reg **by_device = regs->by_device;
    const size_t count = regs->bucket_count;
    if (!make_buckets(regs, count * 2)) {
        regs->by_location = by_location;
        regs->by_device = by_device;
        regs->bucket_count = count;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct ud_reg *reg = by_device[i];
        while (reg != NULL) {
            struct ud_reg *next = reg->next_device;
            link_reg(regs, reg);
            reg = next;
        }
    }
    free(by_location);
    free(by_device);
}

void ud_regs_add(struct ud_regs *regs, struct ud_reg *reg)
{
    if (regs->count > regs->bucket_count) {
        grow(regs);
    }
    link_reg(regs, reg);
    regs->count++;
}

void ud_regs_remove(struct ud_regs *regs, struct ud_reg *reg)
{
    struct ud_reg **at = location_bucket(regs, reg->location);
    while (*at != reg) {
        at = &(*at)->next_location;
    }
    *at = reg->next_location;
    at = device_bucket(regs, reg->device);
    while (*at != reg) {
        at = &(*at)->next_device;
    }
    *at = reg->next_device;
    regs->count--;
}

struct ud_reg *ud_regs_by_location(const struct ud_regs *regs, uint64_t location)
{
    struct ud_reg *reg = *location_bucket(regs, location);
    while (reg != NULL && reg->location != location) {
        reg = reg->next_location;
    }
    return reg;
}

struct ud_reg *ud_regs_by_device(const struct ud_regs *regs, int64_t device)
{
    struct ud_reg *reg = *device_bucket(regs, device);
    while (reg != NULL && reg->device != device) {
        reg = reg->next_device;
    }
    return reg;
}

struct ud_reg *ud_regs_any(const struct ud_regs *regs, size_t *from)
{
    while (*from < regs->bucket_count && regs->by_device[*from] == NULL) {
        (*from)++;
    }
    return *from < regs->bucket_count ? regs->by_device[*from] : NULL;
}

/* --- the object list */

static struct ud_bytes objects_of(const struct ud_reg *reg)
{
    const char *text = reg->objects == NULL ? "" : reg->objects->text;
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static bool root_link(const struct ud_reg *reg, struct ud_link *found)
{
    struct ud_links links;
    struct ud_link link;
    struct ud_bytes value;
    ud_links_init(&links, objects_of(reg));
    while (ud_links_next(&links, &link) == UD_OK) {
        const bool slash = link.target.len == 1 && link.target.ptr[0] == '/';
        if (slash ||
            (ud_link_attribute(&link, "rt", &value) && ud_bytes_equal(value, UD_BYTES_LITERAL("oma.lwm2m")))) {
            *found = link;
            return true;
        }
    }
    return false;
}

struct ud_bytes ud_reg_root(const struct ud_reg *reg)
{
    struct ud_link link;
    struct ud_bytes slash;
    if (!root_link(reg, &link) || link.target.len > ROOT_BYTES_MAX || !ud_bytes_take(&link.target, 1, &slash) ||
        slash.ptr[0] != '/') {
        return (struct ud_bytes){NULL, 0};
    }
    return link.target;
}

bool ud_reg_speaks(const struct ud_reg *reg, uint32_t format)
{
    struct ud_link link;
    struct ud_bytes list;
    uint32_t number = 0;
    bool digits = false;
    if (!root_link(reg, &link) || !ud_link_attribute(&link, "ct", &list)) {
        return false;
    }
    for (size_t i = 0; i <= list.len; i++) {
        const uint8_t c = i < list.len ? list.ptr[i] : ' ';
        if (c >= '0' && c <= '9' && number < 100000) {
            number = number * 10 + (uint32_t)(c - '0');
            digits = true;
        } else {
            if (digits && number == format) {
                return true;
            }
            number = 0;
            digits = false;
        }
    }
    return false;
}

/* The next path in a list of links; false at its end. Other links, as the root's, are passed over. */
static bool next_path(struct ud_links *links, struct ud_bytes root, struct ud_lwm2m_path *path)
{
    const size_t skip = root.len == 0 ? 0 : root.len + 1; /* "/lwm2m" before "/5/0" */
    struct ud_link link;
    while (ud_links_next(links, &link) == UD_OK) {
        struct ud_bytes prefix;
        if (ud_bytes_take(&link.target, skip, &prefix) && link.target.len > 0 &&
            ud_lwm2m_path_parse(link.target, path) == UD_OK && path->depth > 0) {
            return true;
        }
    }
    return false;
}

bool ud_reg_has(const struct ud_reg *reg, const struct ud_lwm2m_path *path)
{
    struct ud_links links;
    struct ud_lwm2m_path here;
    const struct ud_bytes root = ud_reg_root(reg);
    ud_links_init(&links, objects_of(reg));
    while (next_path(&links, root, &here)) {
        if (ud_lwm2m_path_under(&here, path)) {
            return true;
        }
    }
    return false;
}

size_t ud_reg_instances(const struct ud_reg *reg, struct ud_bytes text, uint16_t object, uint16_t *ids,
                        size_t max)
{
    struct ud_links links;
    struct ud_lwm2m_path here;
    const struct ud_bytes root = ud_reg_root(reg);
    size_t count = 0;
    ud_links_init(&links, text.len > 0 ? text : objects_of(reg));
    while (count < max && next_path(&links, root, &here)) {
        if (here.depth == 2 && here.id[0] == object) { /* Discover names resources, too */
            ids[count++] = here.id[1];
        }
    }
    return count;
}
