/*
 * Flash in memory that keeps NOR rules and loses power where a test wants it.
 *
 * Each bit is erased, programmed or *weak*: touched by a program or erase that was cut. A weak bit reads one
 * way for a whole power cycle and may read the other way in the next, or differently at every read if flicker
 * is set. Programming a bit makes it firm, erasing the sector makes every bit of it firm; programming around a
 * weak bit does not.
 *
 *     struct sim_flash sim;
 *     sim_flash_init(&sim, size, erase_size, write_size, 0xff);
 *     sim_flash_cut_after(&sim, 7, draw);    // the 8th program or erase from here is torn, in the draw-th
 *     manner ... &sim.flash ...                     // from the cut on every call is UD_ERR_FLASH
 *     sim_flash_power_on(&sim);
 */
#ifndef UD_SIM_FLASH_H
#define UD_SIM_FLASH_H

#include "updraft/flash.h"

#define SIM_FLASH_STUCK_MAX 8
/*
 * The first draws are the corners (nothing visible, everything but weak, ...); above them everything is random.
 */
#define SIM_FLASH_CORNERS 3

/*
 * A second chip on the same power supply: a part at the end of the same simulated memory, of other geometry. Give
 * `flash` to the code under test; addresses in it start at 0, those of stick and the like are of the whole memory. The struct must not move.
 */
struct sim_flash_part {
    struct ud_flash flash;
    /* private */
    struct sim_flash *sim;
    uint32_t base;
};

struct sim_flash {
    struct ud_flash flash; /* give this to the code under test */
    uint64_t operations;   /* programs and erases since init */
    uint32_t violations;   /* calls that broke a rule, with what could be read before them; a test wants 0 */
    bool flicker;          /* weak bits read differently at every read */
    /* private */
    uint8_t *programmed; /* [size] set bits are away from the erased state */
    uint8_t *weak;       /* [size] set bits are neither */
    uint64_t random;
    uint64_t noise; /* how weak bits read in this power cycle */
    uint64_t cut_at;
    uint32_t draw;
    bool cut_armed;
    bool off;
    uint32_t stuck[SIM_FLASH_STUCK_MAX];
    uint32_t stuck_count;
    uint32_t refusing[SIM_FLASH_STUCK_MAX];
    uint32_t refusing_count;
    uint32_t erases;
    uint8_t *wear; /* [size] erases of the sector that starts there, up to 255 */
};

/**
 * The last `bytes` of the memory as a chip of its own; everything in it is erased. After sim_flash_init(), which gives
 * the memory for both; `sim->flash` keeps its size, so lay nothing there.
 */
void sim_flash_part(struct sim_flash_part *part, struct sim_flash *sim, uint32_t bytes, uint32_t erase_size,
                    uint32_t write_size, uint8_t erased_value);

/* Aborts the process when there is no memory. Erased. */
void sim_flash_init(struct sim_flash *sim, uint32_t size_bytes, uint32_t erase_size, uint32_t write_size,
                    uint8_t erased_value);
void sim_flash_deinit(struct sim_flash *sim);

/** Same content, same geometry, own memory; no cut armed, powered. `to` is initialised by this. */
void sim_flash_copy(struct sim_flash *to, const struct sim_flash *from);
/** The content of `from` again; both of one geometry. No cut armed, powered. */
void sim_flash_load(struct sim_flash *sim, const struct sim_flash *from);

/** What weak bits, torn draws and garbage follow from. */
void sim_flash_seed(struct sim_flash *sim, uint64_t seed);
/** The operation after `operations` more is torn and power fails. @param draw  which manner of tearing */
void sim_flash_cut_after(struct sim_flash *sim, uint64_t operations, uint32_t draw);
/** Take back a cut that has not happened. */
void sim_flash_cut_never(struct sim_flash *sim);
/** Has the cut happened? */
bool sim_flash_is_off(const struct sim_flash *sim);
/** Weak bits may read differently from now on. A cut that has not happened stays armed. */
void sim_flash_power_on(struct sim_flash *sim);

/** Is no bit weak? What is read then depends on nothing but the content. */
bool sim_flash_is_firm(const struct sim_flash *sim);
/** A number for this content, weak bits among it, and for `start`. */
uint64_t sim_flash_hash(const struct sim_flash *sim, uint64_t start);

/** Random content, as on a chip nobody erased. */
void sim_flash_garbage(struct sim_flash *sim);
/** Wrong on purpose: flips one bit of the content. */
void sim_flash_flip(struct sim_flash *sim, uint32_t address, uint8_t bit);
/** The write unit at this address takes no programming any more. */
void sim_flash_stick(struct sim_flash *sim, uint32_t address);
/** The sector that starts at this address takes no erase any more: refused, and nothing changes. */
void sim_flash_refuse_erase(struct sim_flash *sim, uint32_t address);
/** Erases of the most worn sector of [from, from + len) since sim_flash_rest(), at most 255. */
uint32_t sim_flash_wear(const struct sim_flash *sim, uint32_t from, uint32_t len);
/** Erases of all sectors together since sim_flash_rest(). */
uint32_t sim_flash_erases(const struct sim_flash *sim);
/** Count wear from here. */
void sim_flash_rest(struct sim_flash *sim);

#endif
