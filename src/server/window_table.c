#include "server/window_table.h"

#include <stdlib.h>

struct entry {
    struct entry *next;
    char schedule[UD_SCHEDULE_BYTES_MAX + 1];
    char duration[UD_DURATION_BYTES_MAX + 1];
    char zone_text[UD_ZONE_BYTES_MAX + 1];
    struct ud_window window;
    struct ud_zone zone;
};

struct ud_window_table {
    struct entry *windows; /* the last found one first: one rollout's devices come together */
    struct entry *zones;
};

static const struct ud_window never = {.open_s = 1}; /* no second, no minute, no day */
static const struct ud_zone utc = {.offset_s = 0};

ud_err ud_window_table_open(struct ud_window_table **table)
{
    *table = calloc(1, sizeof **table);
    return *table == NULL ? UD_ERR_MEMORY : UD_OK;
}

static void free_list(struct entry *entry)
{
    while (entry != NULL) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

void ud_window_table_close(struct ud_window_table *table)
{
    if (table != NULL) {
        free_list(table->windows);
        free_list(table->zones);
        free(table);
    }
}

static struct entry *find(struct entry **list, const char *schedule, const char *duration, const char *zone)
{
    for (struct entry **at = list; *at != NULL; at = &(*at)->next) {
        struct entry *entry = *at;
        if (strcmp(entry->schedule, schedule) == 0 && strcmp(entry->duration, duration) == 0 &&
            strcmp(entry->zone_text, zone) == 0) {
            *at = entry->next;
            entry->next = *list;
            *list = entry;
            return entry;
        }
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry != NULL) {
        memcpy(entry->schedule, schedule, strlen(schedule) + 1);
        memcpy(entry->duration, duration, strlen(duration) + 1);
        memcpy(entry->zone_text, zone, strlen(zone) + 1);
        entry->next = *list;
        *list = entry;
    }
    return entry;
}

const struct ud_window *ud_window_table_find(struct ud_window_table *table, const struct ud_terms *terms)
{
    if (terms->schedule[0] == '\0') {
        return NULL;
    }
    struct entry *entry = find(&table->windows, terms->schedule, terms->duration, terms->zone);
    if (entry == NULL) {
        return &never;
    }
    if (entry->window.open_s == 0 &&
        ud_window_parse(&entry->window, terms->schedule, terms->duration, terms->zone) != UD_OK) {
        entry->window = never;
    }
    return &entry->window;
}

const struct ud_zone *ud_zone_table_find(struct ud_window_table *table, const char *zone)
{
    if (zone[0] == '\0') {
        return &utc;
    }
    struct entry *entry = find(&table->zones, "", "", zone);
    if (entry == NULL) {
        return &utc;
    }
    if (entry->window.open_s == 0) { /* not parsed yet */
        entry->window.open_s = 1;
        if (ud_zone_find(&entry->zone, zone) != UD_OK) {
            entry->zone = utc;
        }
    }
    return &entry->zone;
}
