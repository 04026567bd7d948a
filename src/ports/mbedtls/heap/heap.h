/*
 * Memory for mbedTLS from one array that the program gives: first fit, four bytes before each block. mbedTLS's own
 * allocator puts 32 bytes there, which is as much as a number on P-256 has.
 *
 * One thread. What mbedTLS frees it has cleared itself where it must.
 */
#ifndef UD_PORTS_MBEDTLS_HEAP_H
#define UD_PORTS_MBEDTLS_HEAP_H

#include <stddef.h>
#include <stdint.h>

/**
 * For one verification on P-256 with the window of config.h. How much one takes depends on the signature: on 32 bits at most
 * 1,920 bytes in 10,000 of them; tests/mcu/heap.c has 256 bytes less than this.
 */
#define UD_MBEDTLS_VERIFY_HEAP_BYTES 2304U

/**
 * Blocks lie in `bytes` bytes at `memory`, which is aligned to 8 and stays the caller's, from here on; those given before
 * are forgotten. 8 bytes of it are lost, and of more than 1 GiB the rest.
 */
void ud_mbedtls_heap(void *memory, size_t bytes);

/** `count` * `bytes` bytes of zero, aligned to 8. NULL when they are none, or do not fit. Goes through all blocks. */
void *ud_mbedtls_calloc(size_t count, size_t bytes);

/** A block of ud_mbedtls_calloc that nothing uses any more, or NULL. */
void ud_mbedtls_free(void *block);

#endif
