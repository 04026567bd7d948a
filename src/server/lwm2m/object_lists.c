#include "server/lwm2m/object_lists.h"

#include "updraft/assert.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_text(const char *text) /* FNV-1a */
{
    uint32_t hash = 2166136261U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 16777619U;
    }
    return hash;
}

struct ud_object_list *ud_object_list_take(struct ud_object_lists *lists, const char *text)
{
    const uint32_t hash = hash_text(text);
    struct ud_object_list **head = &lists->buckets[(hash ^ hash >> 16) % UD_OBJECT_LISTS_BUCKETS];
    struct ud_object_list *list = *head;
    for (int looked_at = 0; list != NULL && looked_at < UD_OBJECT_LISTS_LOOKED_AT; looked_at++) {
        if (list->hash == hash && list->users < UINT32_MAX && strcmp(list->text, text) == 0) {
            list->users++;
            return list;
        }
        list = list->next;
    }
    const size_t bytes = strlen(text) + 1;
    list = malloc(sizeof *list + bytes);
    if (list == NULL) {
        return NULL;
    }
    *list = (struct ud_object_list){.next = *head, .from = head, .hash = hash, .users = 1};
    memcpy(list->text, text, bytes);
    if (list->next != NULL) {
        list->next->from = &list->next;
    }
    *head = list;
    return list;
}

void ud_object_list_leave(struct ud_object_list *list)
{
    if (list == NULL) {
        return;
    }
    UD_ASSERT(list->users > 0);
    list->users--;
    if (list->users == 0) {
        *list->from = list->next;
        if (list->next != NULL) {
            list->next->from = list->from;
        }
        free(list);
    }
}
