#include "ports/mps2-an385/device.h"

#include <mbedtls/memory_buffer_alloc.h>

#include "ports/mps2-an385/flash.h"
#include "ports/mps2-an385/memory.h"
#include "ports/mps2-an385/uart.h"
#include "updraft/cbor.h"

#define HEAP_BYTES 4096 /* for one verification; 3072 are enough */

/* The file is one CBOR item at the start of its memory, and ends where that item ends. */
static ud_err find_file(struct ud_bytes *file)
{
    const uint8_t *start = (const uint8_t *)(uintptr_t)UD_MPS2_PROVISION_BASE;
    struct ud_cbor reader;
    ud_cbor_init(&reader, (struct ud_bytes){start, UD_PROVISION_BYTES_MAX});
    (void)ud_cbor_skip(&reader);
    *file = (struct ud_bytes){start, ud_cbor_offset(&reader)};
    return reader.err;
}

static void start_heap(void)
{
    static uint8_t heap[HEAP_BYTES] __attribute__((aligned(8)));
    mbedtls_memory_buffer_alloc_init(heap, sizeof heap);
}

ud_err ud_mps2_device_open(struct ud_mps2_device *device)
{
    struct ud_bytes file;
    ud_uart_init();
    start_heap();
    ud_err err = find_file(&file);
    if (err == UD_OK) {
        err = ud_provision_parse(&device->provision, file, NULL);
    }
    if (err == UD_OK) {
        err = ud_mps2_flash_init(&device->flash, device->provision.flash_bytes);
    }
    return err == UD_OK ? ud_boot_layout(&device->layout, &device->provision, &device->flash) : err;
}

struct ud_boot_identity ud_mps2_device_identity(const struct ud_mps2_device *device)
{
    return (struct ud_boot_identity){
        .vendor_id = device->provision.vendor_id,
        .class_id = device->provision.class_id,
        .device_id = device->provision.device_id,
    };
}

static void put_name(const char *name)
{
    ud_uart_put(" ");
    ud_uart_put(name);
    ud_uart_put("=");
}

void ud_mps2_log_text(const char *name, const char *text)
{
    put_name(name);
    ud_uart_put(text);
}

void ud_mps2_log_number(const char *name, uint64_t number)
{
    put_name(name);
    ud_uart_put_number(number);
}
