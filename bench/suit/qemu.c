/*
 * The manifest library on an emulated Cortex-M3 (QEMU's mps2-an385): how many instructions, and how much stack, it takes to
 * parse, authenticate and process an envelope, cryptography apart. Hashing and verifying cost nothing here and always say
 * yes: what they cost is their backend's.
 */
#include <stdint.h>
#include <string.h>

#include "start.h"
#include "updraft/cose.h"
#include "updraft/suit.h"

#define ROUNDS 200u
#define PLACE_ENVELOPE ((const uint8_t *)0x21000000)
#define PLACE_SIZE ((const uint32_t *)0x21e00000)
#define PAINT_BYTES 8192u
#define PAINT 0xa5a5a5a5u

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
    const uint32_t begin = BENCH_TIMER[1];
    for (uint32_t i = 0; i < ROUNDS && *err == UD_OK; i++) {
        *err = work();
    }
    return (begin - BENCH_TIMER[1]) * BENCH_TICK_INSTRUCTIONS / ROUNDS;
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

bool bench(void)
{
    ud_err err = UD_OK;
    bench_print("parse ", instructions(parse, &err));
    bench_print("process ", instructions(process, &err));
    const uint32_t in_parse = stack_bytes(parse, &err);
    const uint32_t in_process = stack_bytes(process, &err);
    bench_print("stack ", in_parse > in_process ? in_parse : in_process);
    bench_print("state ", (uint32_t)(sizeof env + sizeof man + sizeof run));
    bench_print("asked ", asked / (ROUNDS + 1));
    bench_print("error ", (uint32_t)err);
    return err == UD_OK;
}
