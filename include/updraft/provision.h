/*
 * The provisioning file (docs/formats.md section 5): what kind of device this is, whom it trusts, where in its flash
 * things are. Written once at manufacture; agent and bootloader read the same bytes and neither writes them.
 *
 * Plain numbers only: the flash itself comes from the port, which must have the geometry that stands here.
 * `ud_provision_parse` gives a struct that is consistent as a whole: every area is made of whole sectors inside the
 * flash, no two overlap, no component stands twice, no key is there twice, and the threshold can be reached.
 */
#ifndef UPDRAFT_PROVISION_H
#define UPDRAFT_PROVISION_H

#include "updraft/limits.h"
#include "updraft/trust.h"

#define UD_PROVISION_BYTES_MAX 4096
#define UD_PROVISION_SLOTS 2
#define UD_PROVISION_JOURNAL_SECTORS_MIN 2
#define UD_PROVISION_MOVE_SECTORS_MIN 2

/* How images get to where they run (struct ud_mover). */
typedef enum ud_provision_mover {
    UD_PROVISION_STAY = 0, /* A/B: each from where it was installed */
    UD_PROVISION_SWAP = 1, /* slot 0 of each component is where images run, slot 1 where they are installed */
    UD_PROVISION_OVERWRITE = 2,
    UD_PROVISION_PATCH =
        3, /* slot 0 is where the image runs, slot 1 where a patch waits that makes the next one of it */
} ud_provision_mover;

/* A run of whole sectors, bytes from the start of the flash. */
struct ud_provision_area {
    uint32_t offset;
    uint32_t size;
};

struct ud_provision_component {
    struct ud_bytes id; /* encoded: CBOR array of bstr, at most UD_COMPONENT_ID_BYTES_MAX */
    struct ud_provision_area slot[UD_PROVISION_SLOTS];
    uint8_t
        writers; /* groups of which each must have signed (ud_trust_may_write), a bit each; 0: none in particular */
};

/* Views point into the bytes it was parsed from, also those of trust. */
struct ud_provision {
    struct ud_bytes vendor_id; /* UD_UUID_BYTES */
    struct ud_bytes class_id;  /* UD_UUID_BYTES */
    struct ud_bytes device_id; /* UD_UUID_BYTES, or empty */
    struct ud_trust trust;
    struct ud_provision_component components[UD_COMPONENTS_MAX];
    uint8_t component_count; /* 1..UD_COMPONENTS_MAX */
    struct ud_provision_area envelope[UD_PROVISION_SLOTS];
    struct ud_provision_area trust_store[UD_PROVISION_SLOTS]; /* its two copies; of size 0 without `roots` */
    struct ud_bytes roots; /* who may replace the trust above (updraft/trust_store.h), encoded; empty: nobody */
    ud_provision_mover mover;
    bool at_rest; /* images in slot 1 are encrypted under a secret of the device (updraft/at_rest.h) */
    struct ud_provision_area move;        /* size 0 with UD_PROVISION_STAY, two sectors or more otherwise */
    struct ud_provision_area recovery[2]; /* image, envelope; sizes 0: none */
    struct ud_provision_area journal;     /* at least UD_PROVISION_JOURNAL_SECTORS_MIN sectors */
    uint32_t flash_bytes;                 /* a multiple of erase_size */
    uint32_t erase_size;                  /* bytes of a sector, a multiple of write_size */
    uint32_t write_size;                  /* bytes, a power of two, 1..UD_FLASH_WRITE_SIZE_MAX */
    uint8_t erased_value;                 /* 0xff or 0x00 */
    uint8_t trial_boots;                  /* boots that a new image has to confirm itself in, 1..255 */
    uint32_t trial_deadline_ms;           /* after a trial boot; 1.. */
};

/**
 * Read and check.
 *
 * @param in at most UD_PROVISION_BYTES_MAX, whole; must stay as long as `provision` is used
 * @param diag may be NULL
 * @return UD_OK; errors of the CBOR reader; UD_ERR_LIMIT (file, id, count); UD_ERR_MISSING; UD_ERR_LABEL_UNKNOWN;
 *         UD_ERR_VERSION; UD_ERR_KEY, UD_ERR_KEY_PUBLISHED and UD_ERR_DUPLICATE (an anchor, a component);
 *         UD_ERR_NUMBER_RANGE (geometry, weight, trial); UD_ERR_RANGE (an area is empty, not made of whole sectors, outside the flash, or over
 *         another one); UD_ERR_THRESHOLD (0, or more than all anchors together weigh; writers without an anchor, where no store can bring one);
 *         UD_ERR_IN_PLACE (UD_PROVISION_PATCH without a recovery image); UD_ERR_CONFIG (at_rest where nothing changes places)
 *
 * Cost:   no heap; stack of one COSE_Key reader and a CBOR reader
 * Source: docs/formats.md section 5; attacks B4, A17
 */
ud_err ud_provision_parse(struct ud_provision *provision, struct ud_bytes in, struct ud_diag *diag);

/**
 * Append the deterministic encoding (hosts: `updraft device init`), after the same checks as the reader's.
 *
 * @return UD_ERR_BUFFER, or what ud_provision_parse would say to the result
 */
ud_err ud_provision_write(struct ud_buf *out, const struct ud_provision *provision);

/** Does the flash have a place for a recovery image? */
static inline bool ud_provision_has_recovery(const struct ud_provision *provision)
{
    return provision->recovery[0].size != 0 || provision->recovery[1].size != 0;
}

/** Position of the component with this encoded id. UD_ERR_COMPONENT if the device has none. */
ud_err ud_provision_component(const struct ud_provision *provision, struct ud_bytes id, size_t *index);

#endif
