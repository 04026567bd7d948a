/*
 * Firmware for a test: verifications by mbedTLS with a heap smaller by SPARE_BYTES than a bootloader's, over signatures that
 * the host's test wrote down. How much memory one takes depends on the signature; none may take what is spare.
 */
#include "ports/mbedtls/heap/heap.h"
#include "p256_cases.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/semihost.h"
#include "ports/mps2-an385/uart.h"

#define SPARE_BYTES 256U

static void say(const char *name, uint32_t number)
{
    ud_uart_put(name);
    ud_uart_put_number(number);
}

int main(void)
{
    static uint64_t heap[(UD_MBEDTLS_VERIFY_HEAP_BYTES - SPARE_BYTES) / sizeof(uint64_t)];
    const struct p256_cases *all = (const struct p256_cases *)(uintptr_t)UD_MPS2_FLASH_BASE;
    uint32_t agree = 0;
    ud_uart_init();
    for (uint32_t i = 0; i < all->count; i++) {
        const struct p256_case *c = &all->cases[i];
        ud_mbedtls_heap(heap, sizeof heap);
        const ud_err err = ud_es256_verify_digest(&(struct ud_key){UD_BYTES_ARRAY(c->pub), UD_KEY_P256},
                                                  c->digest, UD_BYTES_ARRAY(c->signature));
        agree += (uint32_t)err == c->verdict;
    }
    say("heap cases=", all->count);
    say(" agree=", agree);
    ud_uart_put("\n");
    ud_semihost_exit(agree == all->count ? 0 : 1);
}
