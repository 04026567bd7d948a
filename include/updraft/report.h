/*
 * The signed report (design: only it makes an action *confirmed*): COSE_Sign1 by the device key over a SUIT_Report
 * (draft-ietf-suit-report). The same bytes on every road. Byte for byte in docs/formats.md.
 */
#ifndef UPDRAFT_REPORT_H
#define UPDRAFT_REPORT_H

#include "updraft/crypto.h"
#include "updraft/limits.h"
#include "updraft/suit.h"

typedef enum ud_boot_reason {
    UD_BOOT_UNKNOWN = 0,
    UD_BOOT_NORMAL = 1,   /* the confirmed image, as always */
    UD_BOOT_TRIAL = 2,    /* a new image, not yet confirmed */
    UD_BOOT_REVERTED = 3, /* back on the old image after a trial that failed */
    UD_BOOT_FALLBACK = 4, /* the chosen slot did not verify; the other one runs */
    UD_BOOT_RECOVERY = 5, /* no slot is bootable */
} ud_boot_reason;

/* What runs in one component, measured by the bootloader or the agent. */
struct ud_report_claim {
    struct ud_bytes component_id; /* encoded */
    struct ud_bytes digest;       /* SHA-256 of the running image */
    uint64_t image_size;
    uint64_t sequence; /* of the manifest that installed it */
    uint32_t epoch;
};

/*
 * What one command of a manifest came to, where its reporting policy asks for that. Of `where`, the command itself is not
 * carried: section and offset name it.
 */
struct ud_report_record {
    struct ud_suit_record where;
    ud_err answer;         /* UD_OK: the condition held, the directive was done */
    uint32_t measured;     /* what the device found: bits UD_SUIT_HAS_, one, or DIGEST with SIZE */
    struct ud_bytes bytes; /* of VENDOR, CLASS, DEVICE, DIGEST */
    uint64_t number;       /* of SIZE, SLOT, BATTERY */
};

/* What a device can do (the capability report). Each list is the content of a CBOR array; empty: not said. */
typedef enum ud_capability {
    UD_CAPABILITY_COMPONENTS, /* component ids */
    UD_CAPABILITY_COMMANDS,   /* labels, like all that follow */
    UD_CAPABILITY_PARAMETERS,
    UD_CAPABILITY_ALGORITHMS, /* of COSE: signatures and MACs, then content and keys of encryption */
    UD_CAPABILITY_ENVELOPE,
    UD_CAPABILITY_MANIFEST,
    UD_CAPABILITY_COMMON,
    UD_CAPABILITY_COUNT,
} ud_capability;
struct ud_capabilities {
    struct ud_bytes list[UD_CAPABILITY_COUNT];
};

/*
 * Records and capabilities of a report to be written. What has no room in UD_REPORT_BYTES_MAX beside the rest stays away, all
 * of it: what runs and what became of the action is said in any case.
 */
struct ud_report_more {
    const struct ud_report_more_ops *ops;   /* &ud_report_more_ops */
    const struct ud_report_record *records; /* [record_count] */
    uint8_t record_count;
    uint8_t component_count;
    uint8_t algorithm_count;
    const struct ud_suit_ops *can;     /* NULL: no capability report */
    const struct ud_bytes *components; /* [component_count] encoded ids */
    const struct ud_bytes
        *versions;             /* of the claims, encoded [3, [+ int]]; an empty one: not known. NULL: none */
    const int64_t *algorithms; /* [algorithm_count] beside those of signatures and MACs */
};

struct ud_report {
    struct ud_bytes reference_uri;    /* of the manifest reported on; empty where it has none */
    struct ud_bytes reference_digest; /* SHA-256: the manifest reported on (attempted, or running) */
    struct ud_bytes nonce;            /* UD_NONCE_BYTES of the action; empty without an action */
    struct ud_report_claim claims[UD_COMPONENTS_MAX];
    uint8_t claim_count;
    ud_err result;                /* UD_OK: what the reference names runs and is confirmed */
    struct ud_suit_record record; /* where the manifest failed; command 0 = no such place */
    ud_boot_reason boot_reason;
    uint32_t boot_count;
    uint64_t counter;                  /* grows with every report, never goes back */
    struct ud_bytes measurement;       /* of the boot, UD_SHA256_BYTES; empty where there is none */
    ud_err counter_err;                /* of the anti-rollback counter; UD_OK: none, or it works */
    const struct ud_report_more *more; /* to be written; NULL: neither records nor capabilities nor versions */
    /* what was read */
    struct ud_bytes list;         /* records and claims, encoded, one after another */
    uint8_t record_count;         /* of them */
    struct ud_bytes capabilities; /* an encoded map; empty: none */
};

/**
 * Encode and sign. Appends to out; UD_REPORT_BYTES_MAX is enough for any report. Of the record, the command itself is
 * not carried: section and offset name it.
 *
 * @return UD_ERR_BUFFER; UD_ERR_LIMIT for a view longer than limits.h allows; UD_ERR_SHAPE for one of another length
 *         than stated above; the signer's errors
 *
 * Cost: UD_REPORT_BYTES_MAX of stack
 */
ud_err ud_report_write(struct ud_buf *out, const struct ud_report *report, const struct ud_signer *signer);

/**
 * Verify the signature with the device's key, then read. Nothing of the report is believed before.
 *
 * A failure code that this program does not know (from a newer device) is read as UD_ERR_INTERNAL.
 *
 * @param in   at most UD_REPORT_BYTES_MAX; `report` holds views into it
 * @param key  key of the device whose kid the report names; look it up with ud_report_kid()
 * @return UD_ERR_SIGNATURE, UD_ERR_IDENTITY (kid missing, or not that of `key`), UD_ERR_LIMIT, UD_ERR_MISSING,
 *         UD_ERR_LABEL_UNKNOWN, UD_ERR_NUMBER_RANGE; errors of COSE and CBOR
 */
ud_err ud_report_verify(struct ud_report *report, struct ud_bytes in, const struct ud_key *key,
                        struct ud_diag *diag);
/** The same for showing what was verified before, whatever key the device has by now. UD_ERR_COSE, ... as above. */
ud_err ud_report_read(struct ud_report *report, struct ud_bytes in, struct ud_diag *diag);
/** Record i of a report that was read, 0 <= i < record_count; holds views. UD_ERR_INDEX. */
ud_err ud_report_record(const struct ud_report *report, size_t i, struct ud_report_record *record);
/** The version that claim i says, encoded [3, [+ int]]; empty where it says none. UD_ERR_INDEX. */
ud_err ud_report_version(const struct ud_report *report, size_t i, struct ud_bytes *version);
/** The lists of a capability report. UD_ERR_SHAPE, UD_ERR_MISSING, UD_ERR_LABEL_UNKNOWN; errors of the CBOR reader. */
ud_err ud_report_capabilities(struct ud_bytes item, struct ud_capabilities *capabilities);

/* Code of ud_report_more, which is linked where its table is named. Private. */
struct ud_cbor_writer;
struct ud_report_more_ops {
    void (*list)(struct ud_cbor_writer *w, const struct ud_report *report);
    void (*capabilities)(struct ud_cbor_writer *w, const struct ud_report_more *more);
};
extern const struct ud_report_more_ops ud_report_more_ops;

/** The kid that the report names; unverified, for the look-up only. UD_ERR_IDENTITY if there is none; of COSE. */
ud_err ud_report_kid(struct ud_bytes in, struct ud_bytes *kid);

#define UD_ENROL_CODE_BYTES_MAX 64
#define UD_ENROLMENT_BYTES_MAX 768 /* signed, encoded */

/* First boot's signed enrolment: COSE_Sign1 by the device key over {1: name, 2: COSE_Key, 3: one-time code}. */
struct ud_enrolment {
    struct ud_bytes name; /* UTF-8, 1..UD_DEVICE_NAME_BYTES_MAX */
    struct ud_bytes code; /* as printed by `updraft device enrol --code`, 1..UD_ENROL_CODE_BYTES_MAX */
    uint8_t pub[UD_P256_PUBLIC_BYTES];
};
/** Encode and sign; the key is the signer's, enrolment->pub is not read. UD_ERR_BUFFER, UD_ERR_LIMIT; the signer's. */
ud_err ud_enrolment_write(struct ud_buf *out, const struct ud_enrolment *enrolment,
                          const struct ud_signer *signer);
/**
 * Proof of possession: the signature is verified with the key that the enrolment itself carries. Whether the code is
 * the one that was given out is the caller's question (ud_bytes_equal_secret). `enrolment` holds views into `in`.
 *
 * @return UD_ERR_SIGNATURE, UD_ERR_IDENTITY (kid missing, or of another key), UD_ERR_KEY, UD_ERR_LIMIT,
 *         UD_ERR_MISSING, UD_ERR_LABEL_UNKNOWN; errors of COSE and CBOR
 */
ud_err ud_enrolment_verify(struct ud_enrolment *enrolment, struct ud_bytes in, struct ud_diag *diag);

#endif
