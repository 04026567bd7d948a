/*
 * The manifest library on an emulated Cortex-M3 (QEMU's mps2-an385): how many instructions, and how much stack, it takes to
 * parse, authenticate and process an envelope, cryptography apart. Hashing and verifying cost nothing here and always say
 * yes: what they cost is their backend's. With `-icount shift=0` one tick of the timer is 40 instructions.
 */
#include <stdint.h>

#include "updraft/cose.h"
#include "updraft/suit.h"

#define TICK_INSTRUCTIONS 40u
#define ROUNDS 200u
#define TIMER ((volatile uint32_t *)0x40000000)
#define PLACE_ENVELOPE ((const uint8_t *)0x21000000)
#define PLACE_SIZE ((const uint32_t *)0x21e00000)
#define PAINT_BYTES 8192u
#define PAINT 0xa5a5a5a5u

extern uint32_t stack_top[];
extern char _sidata[], _sdata[], _edata[], _sbss[], _ebss[];

static void host(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(const char *name, uint32_t value)
{
    char digits[12] = "";
    unsigned at = sizeof digits - 1;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    host(4, name);
    host(4, digits + at);
    host(4, "\n");
}

static void end(uint32_t status)
{
    const uint32_t block[2] = {0x20026, status};
    host(0x20, block);
    for (;;) {
    }
}

/* ---- cryptography that costs nothing ---- */

static struct ud_bytes next_digest; /* what the hash at work comes to */

ud_err ud_hash_init(struct ud_hash *hash)
{
    (void)hash;
    return UD_OK;
}

ud_err ud_hash_update(struct ud_hash *hash, struct ud_bytes data)
{
    (void)hash, (void)data;
    return UD_OK;
}

ud_err ud_hash_final(struct ud_hash *hash, uint8_t digest[UD_SHA256_BYTES])
{
    (void)hash;
    memcpy(digest, next_digest.ptr, next_digest.len);
    return UD_OK;
}

void ud_hash_abort(struct ud_hash *hash)
{
    (void)hash;
}

static ud_err verify(const struct ud_key *key, const struct ud_bytes *parts, size_t count,
                     struct ud_bytes signature)
{
    (void)key, (void)parts, (void)count, (void)signature;
    return UD_OK;
}

const struct ud_algorithm ud_algorithms[] = {{UD_ALG_ES256, UD_KEY_P256, verify}};
const size_t ud_algorithm_count = 1;
const struct ud_cose_form *const ud_cose_forms[] = {&ud_cose_form_sign1};
const size_t ud_cose_form_count = 1;

/* ---- a device that agrees ---- */

static uint32_t asked;

static ud_err agree(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx, (void)component, (void)params;
    asked++;
    return UD_OK;
}

static const struct ud_suit_ops ops = {
    .vendor = agree, .class_id = agree, .image_match = agree, .component_slot = agree, .invoke = agree};

static struct ud_suit_envelope env;
static struct ud_suit_manifest man;
static struct ud_suit_run run;
static struct ud_trust trust = {.threshold = 1, .key_count = 1, .keys = {{.weight = 1}}};

static ud_err parse(void)
{
    ud_err err = ud_suit_envelope_parse(&env, (struct ud_bytes){PLACE_ENVELOPE, *PLACE_SIZE}, NULL);
    next_digest = env.digest;
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&env, &trust, NULL);
    }
    return err == UD_OK ? ud_suit_manifest_parse(&man, &env, NULL) : err;
}

static ud_err process(void)
{
    ud_err err = ud_suit_run_init(&run, &man, UD_SUIT_INVOCATION, &ops, NULL, NULL);
    if (err == UD_OK) {
        do {
            err = ud_suit_run_step(&run, NULL);
        } while (err == UD_WAIT);
    }
    return err;
}

static uint32_t instructions(ud_err (*work)(void), ud_err *err)
{
    const uint32_t begin = TIMER[1];
    for (uint32_t i = 0; i < ROUNDS && *err == UD_OK; i++) {
        *err = work();
    }
    return (begin - TIMER[1]) * TICK_INSTRUCTIONS / ROUNDS;
}

/* Below the frames that are there already. */
__attribute__((noinline)) static uint32_t stack_bytes(ud_err (*work)(void), ud_err *err)
{
    uint32_t here;
    volatile uint32_t *const top = &here;
    volatile uint32_t *const lowest = top - PAINT_BYTES / sizeof here;
    const uint32_t margin = 16; /* words of this function's own frame */
    for (volatile uint32_t *at = lowest; at < top - margin; at++) {
        *at = PAINT;
    }
    *err = work();
    volatile uint32_t *at = lowest;
    while (at < top && *at == PAINT) {
        at++;
    }
    return (uint32_t)((top - at) * (int32_t)sizeof here);
}

void reset(void)
{
    memcpy(_sdata, _sidata, (size_t)(_edata - _sdata));
    memset(_sbss, 0, (size_t)(_ebss - _sbss));
    TIMER[2] = UINT32_MAX; /* reload */
    TIMER[1] = UINT32_MAX; /* value, counting down */
    TIMER[0] = 1;
    ud_err err = UD_OK;
    print("parse ", instructions(parse, &err));
    print("process ", instructions(process, &err));
    const uint32_t in_parse = stack_bytes(parse, &err);
    const uint32_t in_process = stack_bytes(process, &err);
    print("stack ", in_parse > in_process ? in_parse : in_process);
    print("state ", (uint32_t)(sizeof env + sizeof man + sizeof run));
    print("asked ", asked / (ROUNDS + 1));
    print("error ", (uint32_t)err);
    end(err == UD_OK ? 0 : 1);
}

static void fault(void)
{
    end(100);
}

void ud_panic(const char *what, const char *file, int line)
{
    (void)what, (void)file, (void)line;
    end(101);
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
