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

/* Severable members; those behind the text belong to feature groups. */
typedef enum ud_suit_member {
    UD_SUIT_MEMBER_FETCH,      /* 16 payload fetch */
    UD_SUIT_MEMBER_INSTALL,    /* 20 */
    UD_SUIT_MEMBER_TEXT,       /* 23 */
    UD_SUIT_MEMBER_COSWID,     /* 14, update management: carried, never looked into */
    UD_SUIT_MEMBER_RESOLUTION, /* 15 dependency resolution, trust domains */
    UD_SUIT_MEMBER_CANDIDATE,  /* 18 candidate verification, trust domains */
    UD_SUIT_MEMBER_COUNT = UD_SUIT_SEVERABLE_MAX,
} ud_suit_member;

/* Command sequences of a manifest; values are the manifest's labels. */
typedef enum ud_suit_section {
    UD_SUIT_SHARED = 3, /* not a label of a sequence; how reports name the shared sequence */
    UD_SUIT_VALIDATE = 7,
    UD_SUIT_LOAD = 8,
    UD_SUIT_INVOKE = 9,
    UD_SUIT_COSWID = 14, /* a member as well, but no sequence */
    UD_SUIT_RESOLUTION = 15,
    UD_SUIT_FETCH = 16,
    UD_SUIT_CANDIDATE = 18,
    UD_SUIT_INSTALL = 20,
    UD_SUIT_TEXT = 23, /* a member as well, but no sequence */
    UD_SUIT_UNINSTALL = 24,
} ud_suit_section;

typedef enum ud_suit_step {
    UD_SUIT_STEP_NONE = 0,
    UD_SUIT_STEP_PARSED,        /* envelope's shape is right */
    UD_SUIT_STEP_DIGEST,        /* manifest matches the digest of the wrapper; nobody vouched for it */
    UD_SUIT_STEP_AUTHENTICATED, /* enough trusted keys signed */
} ud_suit_step;

struct ud_suit_envelope {
    uint8_t block_count;
    uint8_t integrated_count;
    ud_suit_step step;
    struct ud_bytes whole;
    struct ud_bytes
        digest_item;        /* encoded SUIT_Digest, the content of the wrapper's first bstr: what is signed */
    struct ud_bytes digest; /* its hash value, UD_SHA256_BYTES */
    struct ud_bytes blocks; /* encoded authentication blocks, one after another */
    struct ud_bytes manifest_item;                     /* bstr with its head: what is hashed */
    struct ud_bytes manifest;                          /* content */
    struct ud_bytes member_item[UD_SUIT_MEMBER_COUNT]; /* bstr with head; empty where absent */
    struct ud_bytes integrated;                        /* from the first text key to the end of the envelope */
    ud_trust_set signers;                              /* who signed, once authenticated */
    ud_trust_set
        witness; /* the same bits cleared, all others set: written where a signature verified, nowhere else */
};

/**
 * Check the envelope's shape: tag 107, deterministic map, wrapper before manifest, known members, limits.
 * Nothing of the manifest is looked at. Errors: those of the CBOR reader, UD_ERR_MISSING, UD_ERR_LABEL_UNKNOWN,
 * UD_ERR_ALGORITHM (digest other than SHA-256), UD_ERR_COSE, UD_ERR_LIMIT. diag may be NULL. After an error `env` is at
 * UD_SUIT_STEP_NONE, whatever it was before.
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
    uint8_t component_count; /* of indices: components, then dependencies that are no component */
    uint8_t listed_count;    /* of `components` alone */
    uint8_t dependencies;    /* bit set of indices that are dependencies */
    bool trusted;            /* false: made by ud_suit_manifest_inspect; the interpreter refuses it */
    bool incomplete;         /* a sequence was severed, and is not in the envelope */
    const struct ud_suit_envelope *env;
    uint64_t sequence;
    uint32_t commands_to_run;      /* bit set of the commands in shared sequence, validate, load, invoke */
    uint32_t commands_to_update;   /* the same for shared sequence, validate, and every other section */
    struct ud_bytes reference_uri; /* empty where absent */
    struct ud_bytes components;    /* encoded ids, one after another */
    struct ud_bytes dependency_id[UD_SUIT_DEPENDENCIES_MAX]; /* prefixes of the indices from listed_count on */
    struct ud_bytes component_id; /* of the manifest itself (5, trust domains); empty where absent */
    struct ud_bytes set_version;  /* 6, update management: an encoded array; empty where absent */
    struct ud_bytes shared;       /* each sequence: content of its bstr; empty where absent */
    struct ud_bytes validate;
    struct ud_bytes load;
    struct ud_bytes invoke;
    struct ud_bytes uninstall;
    struct ud_bytes member[UD_SUIT_MEMBER_COUNT]; /* empty where absent or severed */
    bool severed[UD_SUIT_MEMBER_COUNT];           /* digest in the manifest, bytes not in the envelope */
};

/**
 * Read the manifest of an authenticated envelope; verify severable members against it, before they are read; look
 * over every sequence, nested ones included, for what is unknown or misplaced. So a run meets no surprise half-way.
 *
 * @param man out: after an error it is not trusted, whatever it was before
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

/*
 * Parameters. A bit of `has` for each, in the order of the interpreter's own table; those behind FETCH_ARGS belong to
 * feature groups (update management, encryption), and an interpreter of the core alone has no room for them.
 */
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
    UD_SUIT_HAS_ENCRYPTION = 1 << 11,
    UD_SUIT_HAS_USE_BEFORE = 1 << 12,
    UD_SUIT_HAS_BATTERY = 1 << 13,
    UD_SUIT_HAS_PRIORITY = 1 << 14,
    UD_SUIT_HAS_VERSION = 1 << 15,
    UD_SUIT_HAS_WAIT = 1 << 16,
    UD_SUIT_HAS_METADATA = 1 << 17,
    UD_SUIT_HAS_PATCH = 1 << 18,
};

/* Our own parameter of the directive copy (private use): what is copied is a patch; docs/formats.md section 12.2. */
#define UD_SUIT_PARAM_PATCH (-65537LL)
#define UD_SUIT_PATCH_UPDRAFT 1 /* its only value: a patch as of updraft/delta.h */

/* What a command is given: the parameters that it consumes, read from the manifest. Views into the envelope. */
struct ud_suit_params {
    uint32_t has;
    struct ud_bytes vendor_id; /* 16 bytes, or an encoded private enterprise number with its tag 112 */
    struct ud_bytes class_id;
    struct ud_bytes device_id;
    struct ud_bytes digest; /* SHA-256 value, 32 bytes */
    struct ud_bytes uri;
    struct ud_bytes content;
    struct ud_bytes invoke_args;
    struct ud_bytes fetch_args;
    uint64_t image_size;
    uint64_t slot;   /* below 2^32 */
    uint64_t source; /* component index */

    /* of feature groups: set in commands that may be given one of them, and undefined in the others */
    struct ud_bytes encryption_info; /* an encoded COSE_Encrypt */
    struct ud_bytes version;         /* encoded [comparison, [+ int]] */
    struct ud_bytes wait;            /* encoded map of events */
    struct ud_bytes metadata;        /* encoded map */
    uint64_t use_before;             /* seconds since 1970 */
    uint64_t battery;                /* mWh */
    int64_t priority;                /* smaller is more urgent */
    uint64_t patch;                  /* UD_SUIT_PATCH_UPDRAFT */
};

typedef ud_err (*ud_suit_op)(void *ctx, uint8_t component, const struct ud_suit_params *params);

/* Where a command stands, for the report: section, byte offset of the command in it (1-based by the array head). */
struct ud_suit_record {
    ud_suit_section section;
    uint32_t offset_bytes;
    uint8_t component;
    uint8_t
        path_len; /* 0: in the root; else in the dependency that these indices lead to, each in the manifest before */
    uint8_t path[UD_SUIT_DEPENDENCIES_MAX];
    int64_t command;
};

/* Events of the directive wait (draft-ietf-suit-update-management). */
typedef enum ud_suit_event {
    UD_SUIT_EVENT_AUTHORIZATION = 1,
    UD_SUIT_EVENT_POWER = 2,
    UD_SUIT_EVENT_NETWORK = 3,
    UD_SUIT_EVENT_OTHER_DEVICE = 4, /* argument: encoded [device id, ? version match] */
    UD_SUIT_EVENT_TIME = 5,         /* seconds since 1970 */
    UD_SUIT_EVENT_LOCAL_TIME = 6,   /* seconds of the day */
    UD_SUIT_EVENT_LOCAL_DAY = 7,    /* 0: Sunday */
    UD_SUIT_EVENT_UTC_TIME = 8,
    UD_SUIT_EVENT_UTC_DAY = 9,
} ud_suit_event;

/* Facts that the commands of update management ask for. NULL: this device does not know it (UD_ERR_COMMAND). */
struct ud_suit_um_ops {
    ud_err (*clock)(void *ctx,
                    uint64_t *now_s); /* trusted time, seconds since 1970; an error where it is not known */
    ud_err (*battery)(void *ctx, uint64_t *charge_mwh);
    ud_err (*authorized)(void *ctx, int64_t priority); /* UD_OK, UD_WAIT, or the refusal */
    /* Version of what is in the component: up to *count numbers, a release of 1 to 3, then -1, -2 or -3 and numbers.
     * *count 0: whatever is asked for counts as there; for tools that walk through a manifest, never for a device */
    ud_err (*version)(void *ctx, uint8_t component, int64_t *numbers, size_t *count);
    /* Has this event come? UD_OK, UD_WAIT; UD_ERR_COMMAND for one that cannot come here. `number` for those that are
     * a number, else `item` */
    ud_err (*event)(void *ctx, ud_suit_event event, int64_t number, struct ud_bytes item);
};

struct ud_suit_td_ops; /* suit_tree.h */

/*
 * What a device can do. Every function may return UD_WAIT: the same command is then given again at the next step.
 * `component` is the index in the manifest; parameters that a command needs are set. A condition returns UD_OK when it
 * holds and its own error when not: try-each and soft failure may take that error. UD_ERR_COMMAND (this device cannot
 * do it) and every error of a directive end the run. Nothing that was written is trusted before image_match has
 * passed; the interpreter refuses to invoke anything else.
 *
 * A NULL function is a command that this device does not have; ud_suit_run_able() finds it before anything runs.
 */
struct ud_suit_ops {
    ud_suit_op vendor;
    ud_suit_op class_id;
    ud_suit_op device_id;
    /* hash the component, compare with params->digest; exactly params->image_size bytes when that is set.
     * UD_ERR_IMAGE_MISMATCH for another image, which is what the condition image-not-match asks for. */
    ud_suit_op image_match;
    ud_suit_op component_slot;
    ud_suit_op check_content;
    /* `integrated` is the payload when the URI names one in the envelope, else empty: then fetch from the road */
    ud_err (*fetch)(void *ctx, uint8_t component, const struct ud_suit_params *params,
                    struct ud_bytes integrated);
    ud_suit_op copy;
    ud_suit_op write;
    ud_suit_op swap;
    ud_suit_op invoke;
    /* Told of every command that asked the device and what came of it, for reports; may be NULL. `policy` has the
     * manifest's wishes, UD_SUIT_POLICY_ bits. */
    void (*note)(void *ctx, const struct ud_suit_record *record, uint8_t policy, ud_err answer,
                 const struct ud_suit_params *params);
    const struct ud_suit_um_ops *um; /* NULL: no update management */
    const struct ud_suit_td_ops *td; /* NULL: no trust domains */
    uint32_t
        obeys; /* of UD_SUIT_HAS_ENCRYPTION, _METADATA and _PATCH: what fetch, copy and write take account of. A
                            command for which the manifest has set another is refused: UD_ERR_PARAMETER. */
    uint32_t
        ids_waived; /* of UD_SUIT_HAS_VENDOR and _CLASS: conditions that this device does not insist on. 0: both
                            must hold in the shared sequence. For a device that has no such identity. */
};

/* Bits of a reporting policy. */
enum {
    UD_SUIT_POLICY_RECORD_SUCCESS = 1,
    UD_SUIT_POLICY_RECORD_FAILURE = 2,
    UD_SUIT_POLICY_SYSINFO_SUCCESS = 4,
    UD_SUIT_POLICY_SYSINFO_FAILURE = 8,
};

typedef enum ud_suit_procedure {
    UD_SUIT_UPDATE,     /* dependency resolution, payload fetch, candidate verification, install, validate */
    UD_SUIT_INVOCATION, /* validate, load, invoke */
    UD_SUIT_CHECK,      /* the shared sequence alone: does it apply to this device? before any download */
    UD_SUIT_REMOVAL,    /* uninstall */
} ud_suit_procedure;

struct ud_suit_where {
    uint8_t manifest; /* 0 root, else a dependency of the tree */
    uint8_t section;  /* of the sequence at the bottom */
    uint8_t flags;
    uint8_t spare; /* a whole word, which is copied by one register */
};

/* A sequence at work: an explicit stack instead of recursion. Places are offsets in the manifest's envelope. */
struct ud_suit_frame {
    uint16_t at;       /* the command at work */
    uint16_t branches; /* wrapped sequences of that command that were not entered yet */
    uint16_t commands_left;
    uint16_t branches_left;
    uint32_t index; /* components that commands are for, four bits each, the lowest for now; turned by a loop */
    struct ud_suit_where where;
    uint8_t loop_at;    /* components of the index that have done the command at work */
    uint8_t loop_count; /* 1..UD_SUIT_COMPONENTS_MAX */
};

#define UD_SUIT_FRAMES (2 + UD_SUIT_NESTING_MAX) /* of one manifest: section, shared sequence, nesting */

/* Where a parameter stands, its label first. */
struct ud_suit_param_places {
    uint16_t at[UD_SUIT_PARAMS_MAX];      /* offset in the envelope; 0: not set */
    uint8_t manifest[UD_SUIT_PARAMS_MAX]; /* whose envelope */
};

struct ud_suit_tree;
struct ud_suit_resume;
struct suit_command_row;
struct suit_group;
struct ud_suit_run;

/* A run in progress: about 400 bytes on a 32-bit device. Not to be copied or moved. */
struct ud_suit_run {
    /* private, but record may be read after a step; the smallest first, which is shorter code on a small device */
    uint8_t depth; /* frames in use */
    uint8_t frames_max;
    uint8_t procedure;
    uint8_t phase;      /* sections of the procedure that were begun */
    uint8_t components; /* in `params`; the first are those of the root */
    uint8_t validated;  /* bit set of components: image match passed and nothing was written since */
    uint8_t intact;     /* the same for dependencies whose integrity was checked */
    uint8_t
        checked; /* UD_SUIT_HAS_VENDOR, UD_SUIT_HAS_CLASS: conditions that held in the shared sequence, or are waived */
    bool recalled;          /* the last answer was one from before an interruption */
    uint16_t commands_done; /* in this section */
    ud_err result;          /* UD_WAIT while it runs */
    uint8_t component;      /* that the command at work is for now: in `params` */
    const struct ud_suit_ops *ops;
    void *ctx;
    struct ud_suit_frame *frames; /* own_frames, or those of the tree */
    struct ud_suit_tree *tree;    /* NULL: no dependencies */
    /* asks the device, or remembers what it answered before an interruption (suit_journal.h) */
    ud_err (*ask)(struct ud_suit_run *run, const struct suit_command_row *row, const struct suit_group *group,
                  struct ud_suit_params *params);
    struct ud_suit_resume *resume;                                     /* of the latter */
    const struct ud_suit_manifest *mans[1 + UD_SUIT_DEPENDENCIES_MAX]; /* root, then dependencies */
    struct ud_suit_record record;
    struct ud_suit_frame own_frames[UD_SUIT_FRAMES];
    struct ud_suit_param_places params[UD_SUIT_COMPONENTS_MAX];
};

/**
 * Prepare a run. Parameters are unset, nothing is asked of the device yet.
 *
 * @param man, ops, ctx borrowed until the run has ended
 * @return UD_ERR_STATE for a manifest that is not trusted; UD_ERR_DEPENDENCY for one that has dependencies (see
 *         suit_tree.h); UD_ERR_SEVERED for an update with a sequence that is not in the envelope
 */
ud_err ud_suit_run_init(struct ud_suit_run *run, const struct ud_suit_manifest *man,
                        ud_suit_procedure procedure, const struct ud_suit_ops *ops, void *ctx,
                        struct ud_diag *diag);
/**
 * Does the device have every command that the manifest holds in a section which the procedure may run? Branches that are
 * never taken count. For UD_SUIT_CHECK: those of an update. To be asked before the first step by everyone who changes
 * something; without it a command is refused when it is met. UD_ERR_COMMAND, which ends the run; UD_OK.
 */
ud_err ud_suit_run_able(struct ud_suit_run *run, struct ud_diag *diag);

/**
 * Execute one command for one component.
 *
 * @return UD_WAIT until the procedure is done, then UD_OK. An error ends the run for good: that of a function of
 *         ud_suit_ops; UD_ERR_ABORT; UD_ERR_PARAMETER_UNSET; UD_ERR_MISSING (the shared sequence ended without a vendor
 *         and a class condition that held); UD_ERR_INDEX (a component as its own source); UD_ERR_NOT_FOUND (a `#` URI
 *         that is not in the envelope); UD_ERR_INSECURE_ORDER (invoke without image match); UD_ERR_LIMIT
 */
ud_err ud_suit_run_step(struct ud_suit_run *run, struct ud_diag *diag);

/** What is set for a component of the root by now, all of it. UD_ERR_INDEX; errors of the CBOR reader. */
ud_err ud_suit_run_params(const struct ud_suit_run *run, size_t component, struct ud_suit_params *params);

#endif
