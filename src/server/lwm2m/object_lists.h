/*
 * The object lists of registrations. Devices of one make send the same text, so each is kept once, with a count of who
 * has it. Belongs to the CoAP thread.
 *
 * Whoever sends lists that fall into one bucket on purpose costs a bounded look (UD_OBJECT_LISTS_LOOKED_AT): what is not
 * found there is kept once more.
 */
#ifndef UD_SERVER_LWM2M_OBJECT_LISTS_H
#define UD_SERVER_LWM2M_OBJECT_LISTS_H

#include <stddef.h>
#include <stdint.h>

#define UD_OBJECT_LISTS_BUCKETS 1024
#define UD_OBJECT_LISTS_LOOKED_AT 16

struct ud_object_list {
    /* private */
    struct ud_object_list *next;
    struct ud_object_list **from; /* what points here */
    uint32_t hash;
    uint32_t users;
    /* to be read */
    char text[]; /* link format, with NUL */
};

struct ud_object_lists {
    /* private */
    struct ud_object_list *buckets[UD_OBJECT_LISTS_BUCKETS];
};

/** The list with this text, with one user more. NULL: no memory. */
struct ud_object_list *ud_object_list_take(struct ud_object_lists *lists, const char *text);
/** One user less; the last one frees it. NULL is allowed. */
void ud_object_list_leave(struct ud_object_list *list);

#endif
