/*
 * The array is a row of blocks without a gap. Before each stands its head: the bytes from this head to the next, a multiple
 * of ALIGN, and in the lowest bit whether it is given away. Heads lie 4 bytes before a multiple of ALIGN. Neighbours that
 * are free become one when they are next passed by.
 */
#include <string.h>

#include "ports/mbedtls/heap/heap.h"

#define ALIGN 8U
#define TAKEN 1U
#define BYTES_MAX 0x40000000U

typedef uint32_t __attribute__((may_alias)) head; /* where mbedTLS's numbers and pointers have been */
#define HEAD (sizeof(head))

static uint8_t *first; /* head of the first block */
static uint8_t *end;   /* behind the last block */

static head *head_of(uint8_t *block)
{
    return (head *)(void *)block;
}

void ud_mbedtls_heap(void *memory, size_t bytes)
{
    const size_t usable = bytes < BYTES_MAX ? bytes : BYTES_MAX;
    first = (uint8_t *)memory + ALIGN - HEAD;
    end = first;
    if (usable >= 2U * ALIGN) {
        *head_of(first) = (uint32_t)(usable - ALIGN) & ~(ALIGN - 1U);
        end += *head_of(first);
    }
}

/* Bytes of the free block at `at`, after it took in the free ones behind it. */
static uint32_t join(uint8_t *at)
{
    uint32_t bytes = *head_of(at);
    while (at + bytes < end && (*head_of(at + bytes) & TAKEN) == 0) {
        bytes += *head_of(at + bytes);
    }
    *head_of(at) = bytes;
    return bytes;
}

/* The first `need` bytes of the free block at `at` are given away; what is left of it stays free. */
static void take(uint8_t *at, uint32_t need)
{
    const uint32_t rest = *head_of(at) - need;
    if (rest != 0) {
        *head_of(at + need) = rest;
    }
    *head_of(at) = need | TAKEN;
}

void *ud_mbedtls_calloc(size_t count, size_t bytes)
{
    if (count == 0 || bytes == 0 || bytes > BYTES_MAX / count) {
        return NULL;
    }
    const uint32_t need = ((uint32_t)(count * bytes + HEAD) + ALIGN - 1U) & ~(ALIGN - 1U);
    for (uint8_t *at = first; at != end; at += *head_of(at) & ~TAKEN) {
        if ((*head_of(at) & TAKEN) == 0 && join(at) >= need) {
            take(at, need);
            return memset(at + HEAD, 0, need - HEAD);
        }
    }
    return NULL;
}

void ud_mbedtls_free(void *block)
{
    if (block != NULL) {
        *head_of((uint8_t *)block - HEAD) &= ~TAKEN;
    }
}
