#include "server/tenants.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#define PAGE 256

/* Of a tenant that set anything. */
struct own {
    int64_t tenant;
    struct ud_tenant_settings settings;
    char *line; /* of its polling; NULL: none */
};

struct list {
    struct ud_row_tenant *rows; /* by name */
    size_t count;
    size_t room;
    struct own *own; /* by tenant */
    size_t own_count;
    size_t own_room;
    const struct ud_tenant_settings *initial;
    ud_err err;
};

struct ud_tenants {
    pthread_rwlock_t lock;
    struct list list;
    struct ud_tenant_settings initial;
};

static void initial_of(const struct ud_tenant_settings *initial, int64_t tenant,
                       struct ud_tenant_settings *settings)
{
    *settings = *initial;
    if (tenant != UD_TENANT_DEFAULT) { /* the file's gateway token speaks for one fleet */
        settings->gateway = settings->has_gateway_hash = false;
    }
}

static void free_list(struct list *list)
{
    for (size_t i = 0; i < list->own_count; i++) {
        free(list->own[i].line);
    }
    free(list->own);
    free(list->rows);
}

ud_err ud_tenants_open(struct ud_tenants **out, const struct ud_tenant_settings *initial)
{
    struct ud_tenants *tenants = calloc(1, sizeof *tenants);
    if (tenants == NULL) {
        return UD_ERR_MEMORY;
    }
    tenants->initial = *initial;
    pthread_rwlock_init(&tenants->lock, NULL);
    *out = tenants;
    return UD_OK;
}

void ud_tenants_close(struct ud_tenants *tenants)
{
    if (tenants != NULL) {
        pthread_rwlock_destroy(&tenants->lock);
        free_list(&tenants->list);
        free(tenants);
    }
}

static void take(void *ctx, const struct ud_row_tenant *tenant)
{
    struct list *list = ctx;
    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 16 : list->room * 2;
        struct ud_row_tenant *grown =
            room > UD_TENANTS_MAX ? NULL : realloc(list->rows, room * sizeof *list->rows);
        if (grown == NULL) {
            list->err = room > UD_TENANTS_MAX ? UD_ERR_LIMIT : UD_ERR_MEMORY;
            return;
        }
        list->rows = grown;
        list->room = room;
    }
    list->rows[list->count++] = *tenant;
}

/* Rows come by tenant. */
static struct own *own_of(struct list *list, int64_t tenant)
{
    if (list->own_count > 0 && list->own[list->own_count - 1].tenant == tenant) {
        return &list->own[list->own_count - 1];
    }
    if (list->own_count == list->own_room) {
        const size_t room = list->own_room == 0 ? 4 : list->own_room * 2;
        struct own *grown = realloc(list->own, room * sizeof *list->own);
        if (grown == NULL) {
            list->err = UD_ERR_MEMORY;
            return NULL;
        }
        list->own = grown;
        list->own_room = room;
    }
    struct own *own = &list->own[list->own_count++];
    own->tenant = tenant;
    own->line = NULL;
    initial_of(list->initial, tenant, &own->settings);
    return own;
}

static void take_setting(void *ctx, int64_t tenant, const char *name, const char *stored)
{
    struct own *own = own_of(ctx, tenant);
    if (own != NULL) {
        ud_settings_apply(&own->settings, name, stored, &own->line);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct ud_row_tenant *left = a;
    const struct ud_row_tenant *right = b;
    return strcasecmp(left->name, right->name);
}

ud_err ud_tenants_load(struct ud_tenants *tenants, struct ud_store *store)
{
    struct list list = {.initial = &tenants->initial, .err = UD_OK};
    struct ud_page page = {.limit = PAGE, .total = 1};
    ud_err err = UD_OK;
    for (; err == UD_OK && list.err == UD_OK && page.offset < page.total; page.offset += PAGE) {
        err = ud_store_tenant_list(store, &page, take, &list);
    }
    err = err == UD_OK ? ud_store_setting_each(store, take_setting, &list) : err;
    err = err == UD_OK ? list.err : err;
    if (err != UD_OK) {
        free_list(&list);
        return err;
    }
    if (list.count > 0) {
        qsort(list.rows, list.count, sizeof *list.rows, by_name);
    }
    pthread_rwlock_wrlock(&tenants->lock);
    free_list(&tenants->list);
    tenants->list = list;
    pthread_rwlock_unlock(&tenants->lock);
    return UD_OK;
}

ud_err ud_tenants_find(struct ud_tenants *tenants, const char *name, int64_t *id)
{
    ud_err err = UD_ERR_NOT_FOUND;
    pthread_rwlock_rdlock(&tenants->lock);
    size_t low = 0;
    size_t high = tenants->list.count;
    while (err != UD_OK && low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcasecmp(name, tenants->list.rows[middle].name);
        if (order == 0) {
            *id = tenants->list.rows[middle].id;
            err = UD_OK;
        } else if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    pthread_rwlock_unlock(&tenants->lock);
    return err;
}

ud_err ud_tenants_name(struct ud_tenants *tenants, int64_t id, char *name)
{
    ud_err err = UD_ERR_NOT_FOUND;
    pthread_rwlock_rdlock(&tenants->lock);
    for (size_t i = 0; i < tenants->list.count && err != UD_OK; i++) {
        if (tenants->list.rows[i].id == id) {
            memcpy(name, tenants->list.rows[i].name, strlen(tenants->list.rows[i].name) + 1);
            err = UD_OK;
        }
    }
    pthread_rwlock_unlock(&tenants->lock);
    return err;
}

static const struct own *find_own(const struct list *list, int64_t tenant)
{
    size_t low = 0;
    size_t high = list->own_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list->own[middle].tenant == tenant) {
            return &list->own[middle];
        }
        if (list->own[middle].tenant < tenant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void ud_tenants_settings(struct ud_tenants *tenants, int64_t tenant, struct ud_tenant_settings *settings)
{
    pthread_rwlock_rdlock(&tenants->lock);
    const struct own *own = find_own(&tenants->list, tenant);
    if (own != NULL) {
        *settings = own->settings;
    } else {
        initial_of(&tenants->initial, tenant, settings);
    }
    pthread_rwlock_unlock(&tenants->lock);
}

void ud_tenants_initial(struct ud_tenants *tenants, int64_t tenant, struct ud_tenant_settings *settings)
{
    initial_of(&tenants->initial, tenant, settings);
}

bool ud_tenants_way(struct ud_tenants *tenants, int64_t tenant, uint32_t mark, uint32_t index,
                    char filter[UD_FIQL_BYTES_MAX + 1])
{
    struct ud_polling polling = {.count = 0};
    size_t at;
    bool found = false;
    pthread_rwlock_rdlock(&tenants->lock);
    const struct own *own = find_own(&tenants->list, tenant);
    if (own != NULL && own->line != NULL && own->settings.mark == mark &&
        ud_polling_parse(&polling, own->line, &at) == UD_OK && index < polling.count &&
        polling.ways[index].filter_bytes <= UD_FIQL_BYTES_MAX) {
        memcpy(filter, own->line + polling.ways[index].filter, polling.ways[index].filter_bytes);
        filter[polling.ways[index].filter_bytes] = '\0';
        found = true;
    }
    pthread_rwlock_unlock(&tenants->lock);
    return found;
}
