/*
 * SUIT envelopes and manifests (draft-ietf-suit-manifest-37): parse, authenticate, interpret. The core decides, the
 * port acts: whatever touches the world is a function in `struct ud_suit_ops`.
 *
 * The order is fixed, and a wrong one is an error, not a vulnerability: each object carries the step it reached.
 *
 *     struct ud_suit_envelope env;
 *     struct ud_suit_manifest man;
 *     struct ud_suit_run run;
 *     ud_suit_envelope_parse(&env, bytes, &diag);            // shape of the envelope only
 *     ud_suit_envelope_authenticate(&env, &trust, &diag);    // digest, signatures, threshold
 *     ud_suit_manifest_parse(&man, &env, &diag);             // nothing of the manifest was looked at before
 *     ud_suit_run_init(&run, &man, UD_SUIT_UPDATE, &ops, ctx, &diag);
 *     while ((err = ud_suit_run_step(&run, &diag)) == UD_WAIT) { ... }
 *
 * No heap, no recursion. All views point into the envelope, which must not change while any of them is used
 * (REQ.SEC.MFST.CONST).
 */
#ifndef UPDRAFT_SUIT_H
#define UPDRAFT_SUIT_H

#include "updraft/crypto.h"
#include "updraft/limits.h"
#include "updraft/trust.h"

#define UD_SUIT_TAG_ENVELOPE 107

/* Severable members, in the order of their labels. */
typedef enum ud_suit_member {
    UD_SUIT_MEMBER_FETCH,   /* 16 payload fetch */
    UD_SUIT_MEMBER_INSTALL, /* 20 */
    UD_SUIT_MEMBER_TEXT,    /* 23 */
    UD_SUIT_MEMBER_COUNT,
} ud_suit_member;

/* Command sequences of a manifest; values are the manifest's labels. */
typedef enum ud_suit_section {
    UD_SUIT_SHARED = 3, /* not a label of a sequence; how reports name the shared sequence */
    UD_SUIT_VALIDATE = 7,
    UD_SUIT_LOAD = 8,
    UD_SUIT_INVOKE = 9,
    UD_SUIT_FETCH = 16,
    UD_SUIT_INSTALL = 20,
    UD_SUIT_TEXT = 23, /* a member as well, but no sequence */
} ud_suit_section;

typedef enum ud_suit_step {
    UD_SUIT_STEP_NONE = 0,
    UD_SUIT_STEP_PARSED,        /* envelope's shape is right */
    UD_SUIT_STEP_DIGEST,        /* manifest matches the digest of the wrapper; nobody vouched for it */
    UD_SUIT_STEP_AUTHENTICATED, /* enough trusted keys signed */
} ud_suit_step;

struct ud_suit_envelope {
    struct ud_bytes whole;
    struct ud_bytes
        digest_item;        /* encoded SUIT_Digest, the content of the wrapper's first bstr: what is signed */
    struct ud_bytes digest; /* its hash value, UD_SHA256_BYTES */
    struct ud_bytes blocks; /* encoded authentication blocks, one after another */
    struct ud_bytes manifest_item;                     /* bstr with its head: what is hashed */
    struct ud_bytes manifest;                          /* content */
    struct ud_bytes member_item[UD_SUIT_MEMBER_COUNT]; /* bstr with head; empty where absent */
    struct ud_bytes integrated;                        /* from the first text key to the end of the envelope */
    uint8_t block_count;
    uint8_t integrated_count;
    ud_trust_set signers; /* who signed, once authenticated */
    ud_suit_step step;
};

/**
 * Check the envelope's shape: tag 107, deterministic map, wrapper before manifest, known members, limits.
 * Nothing of the manifest is looked at. Errors: those of the CBOR reader, UD_ERR_MISSING, UD_ERR_LABEL_UNKNOWN,
 * UD_ERR_ALGORITHM (digest other than SHA-256), UD_ERR_COSE, UD_ERR_LIMIT. diag may be NULL.
 */
ud_err ud_suit_envelope_parse(struct ud_suit_envelope *env, struct ud_bytes in, struct ud_diag *diag);

/** Recompute the manifest digest: for authors and for showing. Reaches UD_SUIT_STEP_DIGEST. UD_ERR_DIGEST. */
ud_err ud_suit_envelope_check_digest(struct ud_suit_envelope *env, struct ud_diag *diag);

/**
 * Digest, then signatures, then threshold. A block with an unknown algorithm or an unknown kid is skipped when
 * others suffice; one key counts once. Reaches UD_SUIT_STEP_AUTHENTICATED and sets env->signers.
 * UD_ERR_DIGEST, UD_ERR_UNSIGNED, UD_ERR_UNTRUSTED, UD_ERR_SIGNATURE, UD_ERR_ALGORITHM, UD_ERR_THRESHOLD.
 */
ud_err ud_suit_envelope_authenticate(struct ud_suit_envelope *env, const struct ud_trust *trust,
                                     struct ud_diag *diag);

/** Authentication block i (an encoded COSE object), 0 <= i < env->block_count. UD_ERR_INDEX. */
ud_err ud_suit_envelope_block(const struct ud_suit_envelope *env, size_t i, struct ud_bytes *block);

/**
 * Digest, and then the trust store's own word for it (ud_trust_keeps): for booting what was installed while its signers
 * were still trusted, never for an install. Reaches UD_SUIT_STEP_AUTHENTICATED with env->signers UD_TRUST_SET_KEPT.
 * UD_ERR_DIGEST, UD_ERR_UNTRUSTED.
 */
ud_err ud_suit_envelope_keep(struct ud_suit_envelope *env, const struct ud_trust *trust);

/** The integrated payload under this text key. UD_ERR_NOT_FOUND. */
ud_err ud_suit_envelope_integrated(const struct ud_suit_envelope *env, struct ud_bytes uri,
                                   struct ud_bytes *payload);

struct ud_suit_manifest {
    const struct ud_suit_envelope *env;
    uint64_t sequence;
    struct ud_bytes reference_uri; /* empty where absent */
    struct ud_bytes components;    /* encoded ids, one after another */
    uint8_t component_count;
    struct ud_bytes shared; /* each sequence: content of its bstr; empty where absent */
    struct ud_bytes validate;
    struct ud_bytes load;
    struct ud_bytes invoke;
    struct ud_bytes member[UD_SUIT_MEMBER_COUNT]; /* fetch, install, text; empty where absent or severed */
    bool severed[UD_SUIT_MEMBER_COUNT];           /* digest in the manifest, bytes not in the envelope */
    bool trusted; /* false: made by ud_suit_manifest_inspect; the interpreter refuses it */
};

/**
 * Read the manifest of an authenticated envelope; verify severable members against it, before they are read; look
 * over every sequence, nested ones included, for what is unknown or misplaced. So a run meets no surprise half-way.
 *
 * @param env borrowed by `man` as long as that is used
 *
 * Not looked at here: the sequence number against the stored one (ud_slots), whether the device has the components,
 * and whether the signers may write them (ud_trust_may_write).
 *
 * @return UD_ERR_STATE if not authenticated; UD_ERR_VERSION; UD_ERR_MISSING (version, sequence number, common,
 *         components); UD_ERR_LABEL_UNKNOWN; UD_ERR_DEPENDENCY; UD_ERR_DIGEST (a severable member does not match, or
 *         nothing vouches for it); UD_ERR_DUPLICATE (also: a member inline and in the envelope, a component twice);
 *         UD_ERR_COMMAND; UD_ERR_PARAMETER; UD_ERR_INDEX; UD_ERR_ALGORITHM (digests); UD_ERR_INSECURE_ORDER (a side
 *         effect in the shared sequence, soft failure at top level, no set-component-index first where there are
 *         several components); UD_ERR_DEPTH, UD_ERR_LIMIT, UD_ERR_NUMBER_RANGE; errors of the CBOR reader
 *
 * Cost:   one SHA-256 per severable member that is there; about 700 bytes of stack on a 32-bit device
 * Source: draft-ietf-suit-manifest-37 sections 6 and 8
 */
ud_err ud_suit_manifest_parse(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                              struct ud_diag *diag);

/** The same for showing what an unverified envelope says; needs UD_SUIT_STEP_DIGEST; the result cannot be run. */
ud_err ud_suit_manifest_inspect(struct ud_suit_manifest *man, const struct ud_suit_envelope *env,
                                struct ud_diag *diag);

/** Encoded component id at index. UD_ERR_INDEX. */
ud_err ud_suit_component_id(const struct ud_suit_manifest *man, size_t index, struct ud_bytes *id);

/* Parameters of one component, as set so far. Views into the manifest. */
enum {
    UD_SUIT_HAS_VENDOR = 1 << 0,
    UD_SUIT_HAS_CLASS = 1 << 1,
    UD_SUIT_HAS_DEVICE = 1 << 2,
    UD_SUIT_HAS_DIGEST = 1 << 3,
    UD_SUIT_HAS_SIZE = 1 << 4,
    UD_SUIT_HAS_URI = 1 << 5,
    UD_SUIT_HAS_SOURCE = 1 << 6,
    UD_SUIT_HAS_CONTENT = 1 << 7,
    UD_SUIT_HAS_SLOT = 1 << 8,
    UD_SUIT_HAS_INVOKE_ARGS = 1 << 9,
    UD_SUIT_HAS_FETCH_ARGS = 1 << 10,
};
struct ud_suit_params {
    uint32_t has;
    struct ud_bytes vendor_id;
    struct ud_bytes class_id;
    struct ud_bytes device_id;
    struct ud_bytes digest; /* SHA-256 value, 32 bytes */
    struct ud_bytes uri;
    struct ud_bytes content;
    struct ud_bytes invoke_args;
    struct ud_bytes fetch_args;
    uint64_t image_size;
    uint32_t slot;
    uint8_t source; /* component index */
};

/*
 * What a device can do. Every function may return UD_WAIT: the same command is then given again at the next step.
 * `component` is the index in the manifest; parameters that a command needs are set. A condition returns UD_OK when it
 * holds and its own error when not: try-each and soft failure may take that error. UD_ERR_COMMAND (this device cannot
 * do it, as for a NULL function) and every error of a directive end the run. Nothing that was written is trusted
 * before image_match has passed; the interpreter refuses to invoke anything else.
 */
struct ud_suit_ops {
    ud_err (*vendor)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*class_id)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*device_id)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    /* hash the component, compare with params->digest; exactly params->image_size bytes when that is set.
     * UD_ERR_IMAGE_MISMATCH for another image, which is what the condition image-not-match asks for. */
    ud_err (*image_match)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*component_slot)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*check_content)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    /* `integrated` is the payload when the URI names one in the envelope, else empty: then fetch from the road */
    ud_err (*fetch)(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated);
    ud_err (*copy)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*write)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*swap)(void *ctx, uint8_t component, const struct ud_suit_params *params);
    ud_err (*invoke)(void *ctx, uint8_t component, const struct ud_suit_params *params);
};

typedef enum ud_suit_procedure {
    UD_SUIT_UPDATE,     /* payload fetch, install, validate */
    UD_SUIT_INVOCATION, /* validate, load, invoke */
    UD_SUIT_CHECK,      /* the shared sequence alone: does it apply to this device? before any download */
} ud_suit_procedure;

/* Where a run failed, for the report: section, byte offset of the command in it (1-based by the array head). */
struct ud_suit_record {
    ud_suit_section section;
    uint32_t offset_bytes;
    uint8_t component;
    int64_t command;
};

/* The components that commands work on, in order; more than one is a loop. */
struct ud_suit_index {
    uint8_t count; /* 1..UD_SUIT_COMPONENTS_MAX */
    uint8_t components[UD_SUIT_COMPONENTS_MAX];
};

/* A sequence at work: an explicit stack instead of recursion. */
struct ud_suit_frame {
    struct ud_bytes commands; /* still to do; the first is the one at work */
    struct ud_bytes branches; /* wrapped sequences of that command that were not entered yet */
    struct ud_suit_index index;
    uint16_t commands_left;
    uint16_t branches_left;
    uint8_t loop_at; /* components of the index that have done the command at work */
    bool soft_failure;
    bool in_try_each;
};

/* A run in progress: about 600 bytes on a 32-bit device. */
struct ud_suit_run {
    /* private, but record and params may be read after a step */
    const struct ud_suit_manifest *man;
    const struct ud_suit_ops *ops;
    void *ctx;
    struct ud_suit_params params[UD_SUIT_COMPONENTS_MAX];
    struct ud_suit_record record;
    struct ud_suit_frame frames[1 + UD_SUIT_NESTING_MAX];
    uint16_t commands_done; /* in this section */
    uint8_t depth;          /* frames in use */
    uint8_t procedure;
    uint8_t phase;     /* even: shared sequence, odd: the section that it goes before */
    uint8_t validated; /* bit set of components: image match passed and nothing was written since */
    uint8_t checked;   /* UD_SUIT_HAS_VENDOR, UD_SUIT_HAS_CLASS: conditions that held in the shared sequence */
    ud_err result;     /* UD_WAIT while it runs */
};

/**
 * Prepare a run. Parameters are unset, nothing is asked of the device yet.
 *
 * @param man, ops, ctx borrowed until the run has ended
 * @return UD_ERR_STATE for a manifest that is not trusted; UD_ERR_SEVERED for an update whose fetch or install section
 *         is not in the envelope
 */
ud_err ud_suit_run_init(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                        ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                        struct ud_diag *diag);
/**
 * Execute one command for one component.
 *
 * @return UD_WAIT until the procedure is done, then UD_OK. An error ends the run for good: that of a function of
 *         ud_suit_ops; UD_ERR_ABORT; UD_ERR_PARAMETER_UNSET; UD_ERR_MISSING (the shared sequence ended without a vendor
 *         and a class condition that held); UD_ERR_INDEX (a component as its own source); UD_ERR_NOT_FOUND (a `#` URI
 *         that is not in the envelope); UD_ERR_INSECURE_ORDER (invoke without image match); UD_ERR_LIMIT
 */
ud_err ud_suit_run_step(struct ud_suit_run *run, struct ud_diag *diag);

#endif
