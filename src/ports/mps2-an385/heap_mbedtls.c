#include "ports/mbedtls/heap/heap.h"
#include "ports/mps2-an385/device.h"

void ud_mps2_heap_init(void)
{
    static uint8_t heap[UD_MBEDTLS_VERIFY_HEAP_BYTES] __attribute__((aligned(8)));
    ud_mbedtls_heap(heap, sizeof heap);
}
