#include "server/tenants.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#define PAGE 256

struct list {
    struct ud_row_tenant *rows; /* by name */
    size_t count;
    size_t room;
    ud_err err;
};

struct ud_tenants {
    pthread_rwlock_t lock;
    struct list list;
};

ud_err ud_tenants_open(struct ud_tenants **out)
{
    struct ud_tenants *tenants = calloc(1, sizeof *tenants);
    if (tenants == NULL) {
        return UD_ERR_MEMORY;
    }
    pthread_rwlock_init(&tenants->lock, NULL);
    *out = tenants;
    return UD_OK;
}

void ud_tenants_close(struct ud_tenants *tenants)
{
    if (tenants != NULL) {
        pthread_rwlock_destroy(&tenants->lock);
        free(tenants->list.rows);
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

static int by_name(const void *a, const void *b)
{
    const struct ud_row_tenant *left = a;
    const struct ud_row_tenant *right = b;
    return strcasecmp(left->name, right->name);
}

ud_err ud_tenants_load(struct ud_tenants *tenants, struct ud_store *store)
{
    struct list list = {.err = UD_OK};
    struct ud_page page = {.limit = PAGE, .total = 1};
    ud_err err = UD_OK;
    for (; err == UD_OK && list.err == UD_OK && page.offset < page.total; page.offset += PAGE) {
        err = ud_store_tenant_list(store, &page, take, &list);
    }
    err = err == UD_OK ? list.err : err;
    if (err != UD_OK) {
        free(list.rows);
        return err;
    }
    if (list.count > 0) {
        qsort(list.rows, list.count, sizeof *list.rows, by_name);
    }
    pthread_rwlock_wrlock(&tenants->lock);
    free(tenants->list.rows);
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
