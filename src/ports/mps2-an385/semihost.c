#include "ports/mps2-an385/semihost.h"

#include <string.h>

#include "ports/cortexm/cortexm.h"

/* Arm semihosting, version 2.0. */
#define SYS_OPEN 0x01U
#define SYS_CLOSE 0x02U
#define SYS_READ 0x06U
#define SYS_GET_CMDLINE 0x15U
#define SYS_EXIT_EXTENDED 0x20U
#define REASON_APPLICATION_EXIT 0x20026U
#define COMMAND_BYTES_MAX 128
#define STATUS_NO_CHANCE 71

static uint32_t call(uint32_t operation, void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

_Noreturn void ud_semihost_exit(uint32_t status)
{
    uint32_t block[2] = {REASON_APPLICATION_EXIT, status};
    (void)call(SYS_EXIT_EXTENDED, block);
    ud_cortexm_reset();
}

void ud_semihost_random(uint8_t *out, size_t len)
{
    static const char name[] = "/dev/urandom";
    uint32_t open[3] = {(uint32_t)(uintptr_t)name, 1, sizeof name - 1}; /* mode 1: "rb" */
    const uint32_t file = call(SYS_OPEN, open);
    uint32_t read[3] = {file, (uint32_t)(uintptr_t)out, (uint32_t)len};
    if (file == UINT32_MAX || call(SYS_READ, read) != 0) {
        ud_semihost_exit(STATUS_NO_CHANCE);
    }
    uint32_t closed[1] = {file};
    (void)call(SYS_CLOSE, closed);
}

static uint32_t number_at(const char *text)
{
    uint32_t number = 0;
    while (*text >= '0' && *text <= '9') {
        number = number * 10 + (uint32_t)(*text++ - '0');
    }
    return number;
}

uint32_t ud_semihost_cut(void)
{
    static const char word[] = " cut=";
    char text[COMMAND_BYTES_MAX] = "";
    struct {
        char *text;
        uint32_t len;
    } block = {text, sizeof text - 1};
    if (call(SYS_GET_CMDLINE, &block) != 0) {
        return 0;
    }
    for (const char *at = text; at < text + sizeof text - sizeof word; at++) {
        if (memcmp(at, word, sizeof word - 1) == 0) {
            return number_at(at + sizeof word - 1);
        }
    }
    return 0;
}
