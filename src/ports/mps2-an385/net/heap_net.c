#include "ports/mbedtls/heap/heap.h"
#include "ports/mps2-an385/device.h"

#define HEAP_BYTES 12288 /* a handshake with a PSK, a signature, a verification; no two of them at once */

void ud_mps2_heap_init(void)
{
    static uint8_t heap[HEAP_BYTES] __attribute__((aligned(8)));
    ud_mbedtls_heap(heap, sizeof heap);
}
