#include "server/fleet.h"

#include "server/slab.h"
#include "server/window_table.h"
#include "updraft/assert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS_MIN 1024
#define MINUTE_MS 60000
#define WEEK_MINUTES 10080
#define ENTRY_BYTES 192                 /* of one whose name is not long: three cache lines */
#define SEEN_MINUTES (2 * WEEK_MINUTES) /* the last week, and the next one: a device counts until it is due */

enum { BY_ID, BY_NAME, BY_TOKEN, INDEX_COUNT };

/* What a device shows that it is itself, by HTTP or in a report; one that comes by a key of CoAP's, or by none, has none. */
struct proofs {
    uint8_t token_hash[UD_SHA256_BYTES];
    uint8_t kid[UD_KID_BYTES];
    uint8_t pub[UD_P256_PUBLIC_BYTES];
};

/* What a device's word touches comes first, in one cache line. */
struct entry {
    struct entry *next[INDEX_COUNT];
    int64_t id;
    _Atomic int64_t seen_ms;
    _Atomic int64_t counted_ms; /* when it counts as seen: that much later as it may stay silent */
    struct tenant_count *home;  /* NULL: there was no memory for it */
    _Atomic uint32_t lives_s;   /* so long it may, by its registration; 0 = it polls */
    _Atomic bool seen_unsaved;
    bool waits;
    bool quarantined;
    bool held;
    struct proofs *proofs; /* NULL: neither token nor key */
    _Atomic uint64_t poll_choice;
    int64_t tenant;
    int64_t changed;
    int64_t force_ms;
    const struct ud_window *window;
    const struct ud_zone *zone;
    uint32_t name_hash;
    _Atomic uint32_t told_s; /* to sleep */
    int32_t current_action;
    int32_t current_release;
    int32_t finished_action;
    int32_t finished_release;
    int32_t current_rollout;
    _Atomic int32_t lapse_asked;
    bool has_token;
    bool has_key;
    bool wants_attributes;
    bool canceling;
    uint8_t force;
    char name[]; /* with NUL */
};
_Static_assert(offsetof(struct entry, proofs) <= 64, "one cache line");

/*
 * How many devices a tenant has, and how many were last seen (or, with a registration, are due) in each minute of two weeks; there are few tenants. A
 * place of the ring holds the number of its minute in the upper half and the count in the lower one, so that a place
 * which a later minute took over is known as such.
 */
struct tenant_count {
    struct tenant_count *next;
    int64_t tenant;
    size_t count;
    _Atomic uint64_t seen[SEEN_MINUTES];
};

struct ud_fleet {
    struct tenant_count *tenants;
    pthread_rwlock_t lock;
    struct entry **buckets[INDEX_COUNT];
    struct ud_window_table *windows;
    struct ud_slab slab; /* of entries with names that are not long; under the lock */
    size_t bucket_count; /* a power of two */
    size_t count;
    _Atomic size_t seen_from; /* the bucket at which ud_fleet_take_seen() goes on */
    void (*changed)(void *ctx, int64_t id);
    void *changed_ctx;
};

/* FNV-1a; names are chosen by operators, not by attackers, and token hashes are hashes already */
static uint64_t hash_bytes(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t hash = 1469598103934665603U;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * 1099511628211U;
    }
    return hash;
}

static uint32_t hash_name(int64_t tenant, const char *name)
{
    return (uint32_t)(hash_bytes(name, strlen(name)) ^ (uint64_t)tenant * 0x9e3779b97f4a7c15U);
}

static uint64_t hash_id(int64_t id)
{
    return (uint64_t)id * 0x9e3779b97f4a7c15U >> 20;
}

static bool is_indexed(const struct entry *entry, int index)
{
    return index != BY_TOKEN || entry->has_token;
}

static uint64_t hash_of(const struct entry *entry, int index)
{
    return index == BY_ID      ? hash_id(entry->id)
           : index == BY_TOKEN ? hash_bytes(entry->proofs->token_hash, UD_SHA256_BYTES)
                               : entry->name_hash;
}

static struct entry **bucket(const struct ud_fleet *fleet, int index, uint64_t hash)
{
    return &fleet->buckets[index][hash & (fleet->bucket_count - 1)];
}

static void link_entry(struct ud_fleet *fleet, struct entry *entry)
{
    for (int index = 0; index < INDEX_COUNT; index++) {
        if (is_indexed(entry, index)) {
            struct entry **head = bucket(fleet, index, hash_of(entry, index));
            entry->next[index] = *head;
            *head = entry;
        }
    }
}

static void unlink_entry(struct ud_fleet *fleet, struct entry *entry)
{
    for (int index = 0; index < INDEX_COUNT; index++) {
        struct entry **at = is_indexed(entry, index) ? bucket(fleet, index, hash_of(entry, index)) : NULL;
        while (at != NULL && *at != NULL) {
            if (*at == entry) {
                *at = entry->next[index];
                break;
            }
            at = &(*at)->next[index];
        }
    }
}

static bool make_buckets(struct entry **buckets[INDEX_COUNT], size_t count)
{
    bool all = true;
    for (int index = 0; index < INDEX_COUNT; index++) {
        buckets[index] = calloc(count, sizeof(struct entry *));
        all = all && buckets[index] != NULL;
    }
    if (!all) {
        for (int index = 0; index < INDEX_COUNT; index++) {
            free(buckets[index]);
        }
    }
    return all;
}

/* Twice the buckets; without memory for them the lists just grow longer. */
static void grow(struct ud_fleet *fleet)
{
    struct entry **old = fleet->buckets[BY_ID];
    struct entry **buckets[INDEX_COUNT];
    const size_t old_count = fleet->bucket_count;
    if (!make_buckets(buckets, old_count * 2)) {
        return;
    }
    free(fleet->buckets[BY_NAME]);
    free(fleet->buckets[BY_TOKEN]);
    memcpy(fleet->buckets, buckets, sizeof buckets);
    fleet->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        struct entry *entry = old[i];
        while (entry != NULL) {
            struct entry *next = entry->next[BY_ID];
            link_entry(fleet, entry);
            entry = next;
        }
    }
    free(old);
}

ud_err ud_fleet_open(struct ud_fleet **out)
{
    struct ud_fleet *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL || ud_window_table_open(&fleet->windows) != UD_OK ||
        !make_buckets(fleet->buckets, BUCKETS_MIN)) {
        ud_window_table_close(fleet == NULL ? NULL : fleet->windows);
        free(fleet);
        return UD_ERR_MEMORY;
    }
    fleet->bucket_count = BUCKETS_MIN;
    ud_slab_init(&fleet->slab, ENTRY_BYTES);
    pthread_rwlock_init(&fleet->lock, NULL);
    *out = fleet;
    return UD_OK;
}

static size_t bytes_with(const char *name)
{
    const size_t bytes = offsetof(struct entry, name) + strlen(name) + 1;
    return bytes < sizeof(struct entry) ? sizeof(struct entry) : bytes;
}

static void free_entry(struct ud_fleet *fleet, struct entry *entry)
{
    free(entry->proofs);
    if (bytes_with(entry->name) <= ENTRY_BYTES) {
        ud_slab_give(&fleet->slab, entry);
    } else {
        free(entry);
    }
}

void ud_fleet_close(struct ud_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (size_t i = 0; i < fleet->bucket_count; i++) {
        struct entry *entry = fleet->buckets[BY_ID][i];
        while (entry != NULL) {
            struct entry *next = entry->next[BY_ID];
            free_entry(fleet, entry);
            entry = next;
        }
    }
    for (int index = 0; index < INDEX_COUNT; index++) {
        free(fleet->buckets[index]);
    }
    while (fleet->tenants != NULL) {
        struct tenant_count *gone = fleet->tenants;
        fleet->tenants = gone->next;
        free(gone);
    }
    ud_window_table_close(fleet->windows);
    pthread_rwlock_destroy(&fleet->lock);
    free(fleet);
}

static void seen_change(struct tenant_count *home, int64_t at_ms, bool comes)
{
    const uint64_t minute = (uint64_t)(at_ms / MINUTE_MS);
    if (home == NULL || at_ms <= 0) {
        return;
    }
    _Atomic uint64_t *place = &home->seen[minute % SEEN_MINUTES];
    uint64_t old = atomic_load_explicit(place, memory_order_relaxed);
    uint64_t wanted;
    do {
        const uint64_t held = old >> 32;
        const uint64_t count = held == minute ? old & UINT32_MAX : 0;
        if (held > minute || (!comes && count == 0)) {
            return; /* that minute is too long ago */
        }
        wanted = minute << 32 | (comes ? count + 1 : count - 1);
    } while (!atomic_compare_exchange_weak_explicit(place, &old, wanted, memory_order_relaxed,
                                                    memory_order_relaxed));
}

/* Every change of the time goes through here: whoever took an old time out takes it off its minute. */
static void note_seen(struct entry *entry, int64_t now_ms)
{
    const int64_t lives_s = atomic_load_explicit(&entry->lives_s, memory_order_relaxed);
    const int64_t counts_ms = now_ms + 1000 * (lives_s < 60 * WEEK_MINUTES ? lives_s : 60 * WEEK_MINUTES);
    atomic_store_explicit(&entry->seen_ms, now_ms, memory_order_relaxed);
    const int64_t before = atomic_exchange_explicit(&entry->counted_ms, counts_ms, memory_order_relaxed);
    if (before / MINUTE_MS != counts_ms / MINUTE_MS) {
        seen_change(entry->home, before, false);
        seen_change(entry->home, counts_ms, true);
    }
}

static struct entry *find_id(const struct ud_fleet *fleet, int64_t id)
{
    struct entry *entry = *bucket(fleet, BY_ID, hash_id(id));
    while (entry != NULL && entry->id != id) {
        entry = entry->next[BY_ID];
    }
    return entry;
}

static void fill(struct ud_fleet *fleet, struct entry *entry, const struct ud_row_device *row)
{
    if (row->last_seen_ms > atomic_load_explicit(&entry->seen_ms, memory_order_relaxed)) {
        note_seen(entry, row->last_seen_ms);
    }
    atomic_store_explicit(&entry->poll_choice, 0, memory_order_relaxed);
    entry->id = row->id;
    entry->tenant = row->tenant;
    entry->current_action = row->current_action;
    entry->current_release = row->current_release;
    entry->finished_action = row->finished_action;
    entry->finished_release = row->finished_release;
    entry->has_token = row->has_token;
    entry->has_key = row->has_key;
    entry->wants_attributes = row->wants_attributes;
    entry->changed = row->changed;
    entry->canceling = row->canceling;
    entry->current_rollout = row->terms.rollout;
    entry->force = (uint8_t)row->terms.force;
    entry->force_ms = row->terms.force_ms;
    entry->waits = row->terms.waits;
    entry->quarantined = row->quarantine_ms != 0;
    entry->held = entry->quarantined && row->current_release != row->quarantine_release;
    entry->window = row->current_action == 0 ? NULL : ud_window_table_find(fleet->windows, &row->terms);
    entry->zone = ud_zone_table_find(fleet->windows, row->zone);
    entry->name_hash = hash_name(row->tenant, row->name);
    if (entry->proofs != NULL) {
        memcpy(entry->proofs->token_hash, row->token_hash, sizeof entry->proofs->token_hash);
        memcpy(entry->proofs->kid, row->kid, sizeof entry->proofs->kid);
        memcpy(entry->proofs->pub, row->pub, sizeof entry->proofs->pub);
    }
}

/* Before anything is changed: room for what the row has. False: no memory. */
static bool make_proofs(struct entry *entry, const struct ud_row_device *row)
{
    if ((row->has_token || row->has_key) && entry->proofs == NULL) {
        entry->proofs = calloc(1, sizeof *entry->proofs);
        return entry->proofs != NULL;
    }
    return true;
}

/* A new one, in no table yet. NULL: no memory. */
static struct entry *make_entry(struct ud_fleet *fleet, const struct ud_row_device *row)
{
    const size_t bytes = bytes_with(row->name);
    struct entry *entry = bytes <= ENTRY_BYTES ? ud_slab_take(&fleet->slab) : calloc(1, bytes);
    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->name, row->name, strlen(row->name) + 1);
    if (!make_proofs(entry, row)) {
        free_entry(fleet, entry);
        return NULL;
    }
    return entry;
}

void ud_fleet_watch(struct ud_fleet *fleet, void (*changed)(void *ctx, int64_t id), void *ctx)
{
    pthread_rwlock_wrlock(&fleet->lock);
    fleet->changed = changed;
    fleet->changed_ctx = ctx;
    pthread_rwlock_unlock(&fleet->lock);
}

/* End a change, and tell of it: not under the lock, because who hears of it looks. */
static void unlock_and_tell(struct ud_fleet *fleet, int64_t id)
{
    void (*changed)(void *ctx, int64_t id) = fleet->changed;
    void *ctx = fleet->changed_ctx;
    pthread_rwlock_unlock(&fleet->lock);
    if (changed != NULL) {
        changed(ctx, id);
    }
}

/* Without memory for a new tenant its count stays 0: lists then count in the store. */
static struct tenant_count *count_tenant(struct ud_fleet *fleet, int64_t tenant, bool more)
{
    struct tenant_count *at = fleet->tenants;
    while (at != NULL && at->tenant != tenant) {
        at = at->next;
    }
    if (at == NULL && more) {
        at = calloc(1, sizeof *at);
        if (at != NULL) {
            *at = (struct tenant_count){.next = fleet->tenants, .tenant = tenant};
            fleet->tenants = at;
        }
    }
    if (at != NULL && (more || at->count > 0)) {
        at->count = more ? at->count + 1 : at->count - 1;
    }
    return at;
}

ud_err ud_fleet_put(struct ud_fleet *fleet, const struct ud_row_device *row)
{
    pthread_rwlock_wrlock(&fleet->lock);
    struct entry *entry = find_id(fleet, row->id);
    if (entry != NULL &&
        row->changed < entry->changed) { /* another server changed it since, and we know already */
        pthread_rwlock_unlock(&fleet->lock);
        return UD_OK;
    }
    if (entry != NULL) {
        UD_ASSERT(strcmp(entry->name, row->name) == 0); /* names never change, so the entry's size does not */
        if (make_proofs(entry, row)) {
            unlink_entry(fleet, entry);
        } else {
            entry = NULL;
        }
    } else {
        entry = make_entry(fleet, row);
        if (entry != NULL) {
            fleet->count++;
            entry->home = count_tenant(fleet, row->tenant, true);
        }
    }
    const ud_err err = entry == NULL ? UD_ERR_MEMORY : UD_OK;
    if (entry != NULL) {
        fill(fleet, entry, row);
        link_entry(fleet, entry);
        if (fleet->count > fleet->bucket_count) {
            grow(fleet);
        }
    }
    unlock_and_tell(fleet, row->id);
    return err;
}

void ud_fleet_remove(struct ud_fleet *fleet, int64_t id)
{
    pthread_rwlock_wrlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        unlink_entry(fleet, entry);
        fleet->count--;
        seen_change(entry->home, atomic_load_explicit(&entry->counted_ms, memory_order_relaxed), false);
        (void)count_tenant(fleet, entry->tenant, false);
        free_entry(fleet, entry);
    }
    unlock_and_tell(fleet, id);
}

static void copy_out(const struct entry *entry, struct ud_fleet_device *device)
{
    static const struct proofs none;
    const struct proofs *proofs = entry->proofs != NULL ? entry->proofs : &none;
    device->id = entry->id;
    device->tenant = entry->tenant;
    memcpy(device->name, entry->name, strlen(entry->name) + 1);
    device->has_token = entry->has_token;
    device->has_key = entry->has_key;
    memcpy(device->token_hash, proofs->token_hash, sizeof device->token_hash);
    memcpy(device->kid, proofs->kid, sizeof device->kid);
    memcpy(device->pub, proofs->pub, sizeof device->pub);
    device->wants_attributes = entry->wants_attributes;
    device->canceling = entry->canceling;
    device->current_action = entry->current_action;
    device->current_release = entry->current_release;
    device->finished_action = entry->finished_action;
    device->finished_release = entry->finished_release;
    device->current_rollout = entry->current_rollout;
    device->force = (ud_force)entry->force;
    device->force_ms = entry->force_ms;
    device->waits = entry->waits;
    device->quarantined = entry->quarantined;
    device->held = entry->held;
    device->window = entry->window;
    device->zone = entry->zone;
    device->lives_s = atomic_load_explicit(&entry->lives_s, memory_order_relaxed);
    device->told_s = atomic_load_explicit(&entry->told_s, memory_order_relaxed);
    device->poll_choice = atomic_load_explicit(&entry->poll_choice, memory_order_relaxed);
    device->lapse_asked = atomic_load_explicit(&entry->lapse_asked, memory_order_relaxed);
    device->last_seen_ms = atomic_load_explicit(&entry->seen_ms, memory_order_relaxed);
}

static struct entry *find_name(const struct ud_fleet *fleet, int64_t tenant, const char *name)
{
    const uint32_t hash = hash_name(tenant, name);
    struct entry *entry = *bucket(fleet, BY_NAME, hash);
    while (entry != NULL &&
           (entry->name_hash != hash || entry->tenant != tenant || strcmp(entry->name, name) != 0)) {
        entry = entry->next[BY_NAME];
    }
    return entry;
}

ud_err ud_fleet_find(struct ud_fleet *fleet, int64_t tenant, const char *name, struct ud_fleet_device *device)
{
    pthread_rwlock_rdlock(&fleet->lock);
    const struct entry *entry = find_name(fleet, tenant, name);
    if (entry != NULL) {
        copy_out(entry, device);
    }
    pthread_rwlock_unlock(&fleet->lock);
    return entry == NULL ? UD_ERR_NOT_FOUND : UD_OK;
}

ud_err ud_fleet_enter_named(struct ud_fleet *fleet, int64_t tenant, const char *name, int64_t now_ms,
                            struct ud_fleet_device *device)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_name(fleet, tenant, name);
    if (entry != NULL) {
        note_seen(entry, now_ms);
        atomic_store_explicit(&entry->seen_unsaved, true, memory_order_relaxed);
        copy_out(entry, device);
    }
    pthread_rwlock_unlock(&fleet->lock);
    return entry == NULL ? UD_ERR_AUTH : UD_OK;
}

ud_err ud_fleet_enter(struct ud_fleet *fleet, const uint8_t token_hash[UD_SHA256_BYTES], int64_t now_ms,
                      struct ud_fleet_device *device)
{
    const struct ud_bytes given = {token_hash, UD_SHA256_BYTES};
    const uint64_t hash = hash_bytes(token_hash, UD_SHA256_BYTES);
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = *bucket(fleet, BY_TOKEN, hash);
    while (entry != NULL && !ud_bytes_equal_secret(given, UD_BYTES_ARRAY(entry->proofs->token_hash))) {
        entry = entry->next[BY_TOKEN];
    }
    if (entry != NULL) {
        note_seen(entry, now_ms);
        atomic_store_explicit(&entry->seen_unsaved, true, memory_order_relaxed);
        copy_out(entry, device);
    }
    pthread_rwlock_unlock(&fleet->lock);
    return entry == NULL ? UD_ERR_AUTH : UD_OK;
}

ud_err ud_fleet_get(struct ud_fleet *fleet, int64_t id, struct ud_fleet_device *device)
{
    pthread_rwlock_rdlock(&fleet->lock);
    const struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        copy_out(entry, device);
    }
    pthread_rwlock_unlock(&fleet->lock);
    return entry == NULL ? UD_ERR_NOT_FOUND : UD_OK;
}

ud_err ud_fleet_touch(struct ud_fleet *fleet, int64_t id, int64_t now_ms)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        note_seen(entry, now_ms);
        atomic_store_explicit(&entry->seen_unsaved, true, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&fleet->lock);
    return entry == NULL ? UD_ERR_NOT_FOUND : UD_OK;
}

void ud_fleet_expect(struct ud_fleet *fleet, const int64_t *ids, size_t count)
{
    pthread_rwlock_rdlock(&fleet->lock);
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(bucket(fleet, BY_ID, hash_id(ids[i])));
    }
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = *bucket(fleet, BY_ID, hash_id(ids[i]));
        if (entry != NULL) {
            __builtin_prefetch(entry, 1); /* the line that a touch changes */
        }
    }
    pthread_rwlock_unlock(&fleet->lock);
}

void ud_fleet_lives(struct ud_fleet *fleet, int64_t id, uint32_t lives_s)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        atomic_store_explicit(&entry->lives_s, lives_s, memory_order_relaxed);
        const int64_t seen_ms = atomic_load_explicit(&entry->seen_ms, memory_order_relaxed);
        if (seen_ms != 0) {
            note_seen(entry, seen_ms);
        }
    }
    pthread_rwlock_unlock(&fleet->lock);
}

void ud_fleet_poll_choice(struct ud_fleet *fleet, int64_t id, uint64_t choice)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        atomic_store_explicit(&entry->poll_choice, choice, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&fleet->lock);
}

void ud_fleet_told(struct ud_fleet *fleet, int64_t id, uint32_t told_s)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        atomic_store_explicit(&entry->told_s, told_s, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&fleet->lock);
}

void ud_fleet_lapse_asked(struct ud_fleet *fleet, int64_t id, int32_t action)
{
    pthread_rwlock_rdlock(&fleet->lock);
    struct entry *entry = find_id(fleet, id);
    if (entry != NULL) {
        atomic_store_explicit(&entry->lapse_asked, action, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&fleet->lock);
}

size_t ud_fleet_count(struct ud_fleet *fleet)
{
    pthread_rwlock_rdlock(&fleet->lock);
    const size_t count = fleet->count;
    pthread_rwlock_unlock(&fleet->lock);
    return count;
}

size_t ud_fleet_count_of(struct ud_fleet *fleet, int64_t tenant)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&fleet->lock);
    for (const struct tenant_count *at = fleet->tenants; at != NULL; at = at->next) {
        count = at->tenant == tenant ? at->count : count;
    }
    pthread_rwlock_unlock(&fleet->lock);
    return count;
}

size_t ud_fleet_seen_since(struct ud_fleet *fleet, int64_t tenant, int64_t since_ms)
{
    const uint64_t first = since_ms <= 0 ? 1 : (uint64_t)(since_ms / MINUTE_MS);
    size_t count = 0;
    pthread_rwlock_rdlock(&fleet->lock);
    for (const struct tenant_count *at = fleet->tenants; at != NULL; at = at->next) {
        for (size_t i = 0; at->tenant == tenant && i < SEEN_MINUTES; i++) {
            const uint64_t held = atomic_load_explicit(&at->seen[i], memory_order_relaxed);
            count += held >> 32 >= first ? held & UINT32_MAX : 0;
        }
    }
    pthread_rwlock_unlock(&fleet->lock);
    return count;
}

size_t ud_fleet_take_seen(struct ud_fleet *fleet, int64_t *ids, int64_t *seen_ms, size_t max)
{
    size_t taken = 0;
    pthread_rwlock_rdlock(&fleet->lock);
    size_t at = atomic_load_explicit(&fleet->seen_from, memory_order_relaxed);
    for (size_t n = 0; n < fleet->bucket_count && taken < max; n++, at++) {
        for (struct entry *entry = fleet->buckets[BY_ID][at & (fleet->bucket_count - 1)];
             entry != NULL && taken < max; entry = entry->next[BY_ID]) {
            /* looked at first: who only reads takes no line from the thread that hears of devices */
            if (atomic_load_explicit(&entry->seen_unsaved, memory_order_relaxed) &&
                atomic_exchange_explicit(&entry->seen_unsaved, false, memory_order_relaxed)) {
                ids[taken] = entry->id;
                seen_ms[taken] = atomic_load_explicit(&entry->seen_ms, memory_order_relaxed);
                taken++;
            }
        }
    }
    /* the last bucket may hold more */
    atomic_store_explicit(&fleet->seen_from, at == 0 ? 0 : at - 1, memory_order_relaxed);
    pthread_rwlock_unlock(&fleet->lock);
    return taken;
}
