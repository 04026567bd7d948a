#include "flash.h"

#include <stdlib.h>

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t draw_number(struct sim_flash *sim)
{
    sim->random += 0x9e3779b97f4a7c15u;
    return mix(sim->random);
}

static uint8_t draw_byte(struct sim_flash *sim)
{
    return (uint8_t)draw_number(sim);
}

/*
 * How weak bits read: a third of the power cycles shows them all erased, a third all programmed (so that a
 * record cut in its last unit reads whole), a third mixed.
 */
static uint8_t noise_at(uint64_t noise, uint32_t address)
{
    switch (noise % 3) {
    case 0:
        return 0x00;
    case 1:
        return 0xff;
    default:
        return (uint8_t)mix(noise ^ address);
    }
}

/* Bits away from the erased state, as they read now. */
static uint8_t seen(struct sim_flash *sim, uint32_t address)
{
    const uint8_t weak = sim->weak[address];
    if (weak == 0) {
        return sim->programmed[address];
    }
    const uint8_t noise = noise_at(sim->flicker ? draw_number(sim) : sim->noise, address);
    return (uint8_t)((sim->programmed[address] & ~weak) | (weak & noise));
}

#define PIECE_BYTES 64

/* Most of the memory is firm, and tests read it billions of times. */
static bool is_firm(const struct sim_flash *sim, uint32_t address, uint32_t len)
{
    static const uint8_t firm[PIECE_BYTES];
    return memcmp(sim->weak + address, firm, len) == 0;
}

static void copy_firm(const struct sim_flash *sim, uint32_t address, uint8_t erased_value, uint8_t *out,
                      uint32_t len)
{
    const uint64_t mask = erased_value * 0x0101010101010101u;
    uint64_t word;
    uint32_t i = 0;
    for (; len - i >= sizeof word; i += (uint32_t)sizeof word) {
        memcpy(&word, sim->programmed + address + i, sizeof word);
        word ^= mask;
        memcpy(out + i, &word, sizeof word);
    }
    for (; i < len; i++) {
        out[i] = sim->programmed[address + i] ^ erased_value;
    }
}

static ud_err broken_rule(struct sim_flash *sim)
{
    sim->violations++;
    return UD_ERR_FLASH_RULE;
}

/* One of the chips: all of the memory, or a part of it. */
struct chip {
    struct sim_flash *sim;
    const struct ud_flash *flash; /* geometry */
    uint32_t base;
};

static bool inside(const struct chip *chip, uint32_t address, uint32_t len)
{
    return address <= chip->flash->size_bytes && len <= chip->flash->size_bytes - address;
}

static void read_piece(const struct chip *chip, uint32_t address, uint8_t *out, uint32_t len)
{
    const uint32_t at = chip->base + address;
    const uint8_t erased_value = chip->flash->erased_value;
    if (is_firm(chip->sim, at, len)) {
        copy_firm(chip->sim, at, erased_value, out, len);
        return;
    }
    for (uint32_t i = 0; i < len; i++) {
        out[i] = seen(chip->sim, at + i) ^ erased_value;
    }
}

static ud_err read_chip(const struct chip *chip, uint32_t address, uint8_t *out, uint32_t len)
{
    if (chip->sim->off) {
        return UD_ERR_FLASH;
    }
    if (!inside(chip, address, len)) {
        return broken_rule(chip->sim);
    }
    for (uint32_t at = 0; at < len; at += PIECE_BYTES) {
        const uint32_t left = len - at;
        read_piece(chip, address + at, out + at, left < PIECE_BYTES ? left : PIECE_BYTES);
    }
    return UD_OK;
}

static bool cut_now(struct sim_flash *sim)
{
    const bool cut = sim->cut_armed && sim->operations == sim->cut_at;
    sim->operations++;
    if (cut) {
        sim->off = true;
        sim->cut_armed = false;
    }
    return cut;
}

static bool is_stuck(const struct sim_flash *sim, uint32_t unit)
{
    for (uint32_t i = 0; i < sim->stuck_count; i++) {
        if (sim->stuck[i] == unit) {
            return true;
        }
    }
    return false;
}

/* Bits in `want` become programmed, firm. What is weak and not wanted stays weak. */
static void program_unit(const struct chip *chip, uint32_t address, const uint8_t *want)
{
    struct sim_flash *sim = chip->sim;
    for (uint32_t i = 0; i < chip->flash->write_size && !is_stuck(sim, address); i++) {
        const uint8_t bits = want[i] ^ chip->flash->erased_value;
        sim->programmed[address + i] |= bits;
        sim->weak[address + i] = (uint8_t)(sim->weak[address + i] & ~bits);
    }
}

/* Of the bits wanted, those in `firm` got there, those in `weak` are in between. */
static void tear_unit(const struct chip *chip, uint32_t address, const uint8_t *want, uint32_t draw)
{
    struct sim_flash *sim = chip->sim;
    for (uint32_t i = 0; i < chip->flash->write_size; i++) {
        const uint8_t bits = want[i] ^ chip->flash->erased_value;
        uint8_t firm = 0;
        uint8_t weak = bits;
        if (draw >= SIM_FLASH_CORNERS) {
            firm = bits & draw_byte(sim);
            weak = (uint8_t)(bits & ~firm & draw_byte(sim));
        }
        sim->programmed[address + i] |= firm;
        sim->weak[address + i] |= weak;
    }
}

/*
 * Draw 0: only the first unit, weakly. 1: all but the last, which is weak. 2: a clean end. 3 and on: anywhere.
 */
static void tear_program(const struct chip *chip, uint32_t address, const uint8_t *data, uint32_t len)
{
    struct sim_flash *sim = chip->sim;
    const uint32_t unit = chip->flash->write_size;
    const uint32_t units = len / unit;
    uint32_t torn = (uint32_t)(draw_number(sim) % units);
    if (sim->draw == 0) {
        torn = 0;
    } else if (sim->draw == 1) {
        torn = units - 1;
    }
    for (uint32_t i = 0; i < torn; i++) {
        program_unit(chip, address + i * unit, data + (size_t)i * unit);
    }
    if (sim->draw != 2) {
        tear_unit(chip, address + torn * unit, data + (size_t)torn * unit, sim->draw);
    }
}

static bool reads_erased(struct sim_flash *sim, uint32_t address, uint32_t len)
{
    uint8_t bits = 0;
    for (uint32_t i = 0; i < len; i++) {
        bits |= seen(sim, address + i);
    }
    return bits == 0;
}

/*
 * Bits that flicker may read erased when a unit is looked at and programmed when it is written. It is refused then, as by any flash, but
 * nobody broke a rule; who wants to program over a firm bit did.
 */
static bool may_have_read_erased(const struct sim_flash *sim, uint32_t address, uint32_t len)
{
    uint8_t firm = 0;
    for (uint32_t i = 0; i < len; i++) {
        firm |= (uint8_t)(sim->programmed[address + i] & ~sim->weak[address + i]);
    }
    return sim->flicker && firm == 0;
}

static ud_err program_chip(const struct chip *chip, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint32_t unit = chip->flash->write_size;
    const uint32_t at = chip->base + address;
    if (chip->sim->off) {
        return UD_ERR_FLASH;
    }
    if (!inside(chip, address, len) || len == 0 || address % unit != 0 || len % unit != 0) {
        return broken_rule(chip->sim);
    }
    if (!reads_erased(chip->sim, at, len)) {
        return may_have_read_erased(chip->sim, at, len) ? UD_ERR_FLASH_RULE : broken_rule(chip->sim);
    }
    if (cut_now(chip->sim)) {
        tear_program(chip, at, data, len);
        return UD_ERR_FLASH;
    }
    for (uint32_t i = 0; i < len; i += unit) {
        program_unit(chip, at + i, data + i);
    }
    return UD_OK;
}

/*
 * Draw 0, 1: everything weak, so it reads as before, erased or mixed. 2: the first half is done. 3 and on:
 * random.
 */
static void tear_erase(const struct chip *chip, uint32_t address)
{
    struct sim_flash *sim = chip->sim;
    const uint32_t size = chip->flash->erase_size;
    for (uint32_t i = 0; i < size; i++) {
        const uint8_t was = sim->programmed[address + i] | sim->weak[address + i];
        uint8_t firm = 0; /* still programmed */
        uint8_t weak = was;
        if (sim->draw == 2) {
            firm = i < size / 2 ? 0 : was;
            weak = 0;
        } else if (sim->draw >= SIM_FLASH_CORNERS) {
            firm = was & draw_byte(sim);
            weak = was & draw_byte(sim);
        }
        sim->programmed[address + i] = firm;
        sim->weak[address + i] = weak;
    }
}

static bool refuses(const struct sim_flash *sim, uint32_t address)
{
    for (uint32_t i = 0; i < sim->refusing_count; i++) {
        if (sim->refusing[i] == address) {
            return true;
        }
    }
    return false;
}

static ud_err erase_chip(const struct chip *chip, uint32_t address)
{
    struct sim_flash *sim = chip->sim;
    const uint32_t at = chip->base + address;
    if (sim->off) {
        return UD_ERR_FLASH;
    }
    if (address % chip->flash->erase_size != 0 || !inside(chip, address, chip->flash->erase_size)) {
        return broken_rule(sim);
    }
    if (refuses(sim, at)) {
        return UD_ERR_FLASH;
    }
    sim->wear[at] = (uint8_t)(sim->wear[at] == UINT8_MAX ? UINT8_MAX : sim->wear[at] + 1);
    sim->erases++;
    if (cut_now(sim)) {
        tear_erase(chip, at);
        return UD_ERR_FLASH;
    }
    memset(sim->programmed + at, 0, chip->flash->erase_size);
    memset(sim->weak + at, 0, chip->flash->erase_size);
    return UD_OK;
}

/* ---- the calls of a port ---- */

static struct chip whole(void *ctx)
{
    struct sim_flash *sim = ctx;
    return (struct chip){sim, &sim->flash, 0};
}

static ud_err sim_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct chip chip = whole(ctx);
    return read_chip(&chip, address, out, len);
}

static ud_err sim_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    const struct chip chip = whole(ctx);
    return program_chip(&chip, address, data, len);
}

static ud_err sim_erase(void *ctx, uint32_t address)
{
    const struct chip chip = whole(ctx);
    return erase_chip(&chip, address);
}

static struct chip part_of(void *ctx)
{
    const struct sim_flash_part *part = ctx;
    return (struct chip){part->sim, &part->flash, part->base};
}

static ud_err part_read(void *ctx, uint32_t address, uint8_t *out, uint32_t len)
{
    const struct chip chip = part_of(ctx);
    return read_chip(&chip, address, out, len);
}

static ud_err part_program(void *ctx, uint32_t address, const uint8_t *data, uint32_t len)
{
    const struct chip chip = part_of(ctx);
    return program_chip(&chip, address, data, len);
}

static ud_err part_erase(void *ctx, uint32_t address)
{
    const struct chip chip = part_of(ctx);
    return erase_chip(&chip, address);
}

void sim_flash_part(struct sim_flash_part *part, struct sim_flash *sim, uint32_t bytes, uint32_t erase_size,
                    uint32_t write_size, uint8_t erased_value)
{
    *part = (struct sim_flash_part){
        .flash = {.ctx = part,
                  .read = part_read,
                  .program = part_program,
                  .erase = part_erase,
                  .size_bytes = bytes,
                  .erase_size = erase_size,
                  .write_size = write_size,
                  .erased_value = erased_value},
        .sim = sim,
        .base = sim->flash.size_bytes - bytes,
    };
}

static uint8_t *bits_of(uint32_t size)
{
    uint8_t *bits = calloc(size, 1);
    if (bits == NULL) {
        abort();
    }
    return bits;
}

void sim_flash_init(struct sim_flash *sim, uint32_t size_bytes, uint32_t erase_size, uint32_t write_size,
                    uint8_t erased_value)
{
    *sim = (struct sim_flash){
        .flash = {.ctx = sim,
                  .read = sim_read,
                  .program = sim_program,
                  .erase = sim_erase,
                  .size_bytes = size_bytes,
                  .erase_size = erase_size,
                  .write_size = write_size,
                  .erased_value = erased_value},
        .programmed = bits_of(size_bytes),
        .weak = bits_of(size_bytes),
        .wear = bits_of(size_bytes),
        .random = 1,
    };
}

void sim_flash_deinit(struct sim_flash *sim)
{
    free(sim->programmed);
    free(sim->weak);
    free(sim->wear);
    memset(sim, 0, sizeof *sim);
}

void sim_flash_copy(struct sim_flash *to, const struct sim_flash *from)
{
    const struct ud_flash *flash = &from->flash;
    sim_flash_init(to, flash->size_bytes, flash->erase_size, flash->write_size, flash->erased_value);
    sim_flash_load(to, from);
}

void sim_flash_load(struct sim_flash *sim, const struct sim_flash *from)
{
    memcpy(sim->programmed, from->programmed, from->flash.size_bytes);
    memcpy(sim->weak, from->weak, from->flash.size_bytes);
    memcpy(sim->stuck, from->stuck, sizeof sim->stuck);
    sim->stuck_count = from->stuck_count;
    memcpy(sim->refusing, from->refusing, sizeof sim->refusing);
    sim->refusing_count = from->refusing_count;
    sim->flicker = from->flicker;
    sim->random = from->random;
    sim->noise = from->noise;
    sim->operations = 0;
    sim->violations = 0;
    sim->cut_armed = false;
    sim->off = false;
}

void sim_flash_seed(struct sim_flash *sim, uint64_t seed)
{
    sim->random = mix(seed);
    sim->noise = mix(sim->random);
}

void sim_flash_cut_after(struct sim_flash *sim, uint64_t operations, uint32_t draw)
{
    sim->cut_at = sim->operations + operations;
    sim->draw = draw;
    sim->cut_armed = true;
}

void sim_flash_cut_never(struct sim_flash *sim)
{
    sim->cut_armed = false;
}

bool sim_flash_is_off(const struct sim_flash *sim)
{
    return sim->off;
}

void sim_flash_power_on(struct sim_flash *sim)
{
    sim->off = false;
    sim->noise = draw_number(sim);
}

bool sim_flash_is_firm(const struct sim_flash *sim)
{
    return sim->weak[0] == 0 && memcmp(sim->weak, sim->weak + 1, sim->flash.size_bytes - 1) == 0;
}

static uint64_t hash_more(uint64_t hash, const uint8_t *bits, uint32_t len)
{
    uint64_t word;
    for (uint32_t i = 0; i < len; i += (uint32_t)sizeof word) { /* the size of a memory is a multiple of it */
        memcpy(&word, bits + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

uint64_t sim_flash_hash(const struct sim_flash *sim, uint64_t start)
{
    const uint64_t hash = hash_more(mix(start), sim->programmed, sim->flash.size_bytes);
    return hash_more(hash, sim->weak, sim->flash.size_bytes);
}

void sim_flash_garbage(struct sim_flash *sim)
{
    for (uint32_t i = 0; i < sim->flash.size_bytes; i++) {
        sim->programmed[i] = draw_byte(sim);
        sim->weak[i] = 0;
    }
}

void sim_flash_flip(struct sim_flash *sim, uint32_t address, uint8_t bit)
{
    sim->programmed[address] ^= (uint8_t)(1u << bit);
}

void sim_flash_stick(struct sim_flash *sim, uint32_t address)
{
    if (sim->stuck_count < SIM_FLASH_STUCK_MAX) {
        sim->stuck[sim->stuck_count++] = address - address % sim->flash.write_size;
    }
}

void sim_flash_refuse_erase(struct sim_flash *sim, uint32_t address)
{
    if (sim->refusing_count < SIM_FLASH_STUCK_MAX) {
        sim->refusing[sim->refusing_count++] = address;
    }
}

uint32_t sim_flash_wear(const struct sim_flash *sim, uint32_t from, uint32_t len)
{
    uint32_t most = 0;
    for (uint32_t at = from; at < from + len; at++) {
        most = sim->wear[at] > most ? sim->wear[at] : most;
    }
    return most;
}

uint32_t sim_flash_erases(const struct sim_flash *sim)
{
    return sim->erases;
}

void sim_flash_rest(struct sim_flash *sim)
{
    memset(sim->wear, 0, sim->flash.size_bytes);
    sim->erases = 0;
}
