/*
 * The language: members, commands and parameters, and how each is written. Scan, interpreter and the author's tools
 * read through the same tables and functions, so they cannot disagree.
 *
 * A feature group is a file: its rows, and functions for what the rows alone do not say. The build chooses the groups
 * by the profile that it links (profiles/), so a group that is left out costs nothing. A new command is a row, and a
 * case in its group's `run` when no function of ud_suit_ops answers it.
 */
#ifndef UPDRAFT_MANIFEST_SUIT_COMMAND_H
#define UPDRAFT_MANIFEST_SUIT_COMMAND_H

#include "updraft/cbor.h"
#include "updraft/suit.h"

/* Codes of commands (draft-ietf-suit-manifest-37 section 12, update-management, trust-domains). */
enum {
    SUIT_VENDOR = 1,
    SUIT_CLASS = 2,
    SUIT_IMAGE_MATCH = 3,
    SUIT_USE_BEFORE = 4,
    SUIT_COMPONENT_SLOT = 5,
    SUIT_CHECK_CONTENT = 6,
    SUIT_DEPENDENCY_INTEGRITY = 7,
    SUIT_IS_DEPENDENCY = 8,
    SUIT_PROCESS_DEPENDENCY = 11,
    SUIT_SET_INDEX = 12,
    SUIT_ABORT = 14,
    SUIT_TRY_EACH = 15,
    SUIT_WRITE = 18,
    SUIT_SET_PARAMETERS = 19,
    SUIT_OVERRIDE = 20,
    SUIT_FETCH_PAYLOAD = 21,
    SUIT_COPY = 22,
    SUIT_INVOKE_COMPONENT = 23,
    SUIT_DEVICE = 24,
    SUIT_IMAGE_NOT_MATCH = 25,
    SUIT_MINIMUM_BATTERY = 26,
    SUIT_UPDATE_AUTHORIZED = 27,
    SUIT_VERSION_MATCH = 28,
    SUIT_WAIT = 29,
    SUIT_SWAP = 31,
    SUIT_RUN_SEQUENCE = 32,
    SUIT_UNLINK = 33,
    SUIT_OVERRIDE_MULTIPLE = 34,
    SUIT_COPY_PARAMETERS = 35,
};

/* How an argument is written. */
typedef enum suit_argument {
    SUIT_ARG_POLICY,   /* reporting policy, four bits */
    SUIT_ARG_INDEX,    /* uint, true, or list of uint */
    SUIT_ARG_PARAMS,   /* map of parameters */
    SUIT_ARG_BRANCHES, /* array of wrapped sequences, the last may be null */
    SUIT_ARG_SEQUENCE, /* wrapped sequence */
    SUIT_ARG_MAPS,     /* map of component index to map of parameters */
    SUIT_ARG_LABELS,   /* map of component index to array of parameter labels */
} suit_argument;

enum {
    SUIT_CONDITION = 1,  /* its failure may be soft; a directive's never is */
    SUIT_ANYWHERE = 2,   /* has no side effect: may stand in the shared sequence */
    SUIT_CHANGES = 4,    /* writes its component, which is then not validated any more */
    SUIT_UNSET_ONLY = 8, /* parameters that are set already stay */
    /* parameters that it is given where they are set, beside the needed one: a number above these flags */
    SUIT_TAKES_ONE = 0 << 4, /* none */
    SUIT_TAKES_SIZE = 1 << 4,
    SUIT_TAKES_ARGS = 2 << 4,    /* of invoke */
    SUIT_TAKES_WRITING = 3 << 4, /* what concerns every command that writes */
};
#define SUIT_TAKES(flags) ((flags) >> 4)

/* First suit_command_row.bit of each group. */
enum { SUIT_BITS_CORE = 0, SUIT_BITS_MANAGEMENT = 16, SUIT_BITS_DOMAINS = 24 };

/* Places of parameters: the bits of ud_suit_params.has. */
enum {
    SUIT_PLACE_VENDOR,
    SUIT_PLACE_CLASS,
    SUIT_PLACE_DEVICE,
    SUIT_PLACE_DIGEST,
    SUIT_PLACE_SIZE,
    SUIT_PLACE_URI,
    SUIT_PLACE_SOURCE,
    SUIT_PLACE_CONTENT,
    SUIT_PLACE_SLOT,
    SUIT_PLACE_INVOKE_ARGS,
    SUIT_PLACE_FETCH_ARGS,
    SUIT_PLACE_ENCRYPTION,
    SUIT_PLACE_USE_BEFORE,
    SUIT_PLACE_BATTERY,
    SUIT_PLACE_PRIORITY,
    SUIT_PLACE_VERSION,
    SUIT_PLACE_WAIT,
    SUIT_PLACE_METADATA,
    SUIT_PLACE_PATCH,
    SUIT_PLACES_COUNT,
    SUIT_NO_PLACE = 31, /* a bit as well, which no set has */
};
_Static_assert(UD_SUIT_HAS_PATCH == 1 << SUIT_PLACE_PATCH, "places are the bits of ud_suit_params.has");

/* Tables of a group. The first byte of a row is its label; labels rise. */
typedef enum suit_table {
    SUIT_COMMANDS,
    SUIT_PARAMS,
    SUIT_MEMBERS,
    SUIT_TABLE_COUNT,
} suit_table;

struct suit_command_row {
    uint8_t code;
    uint8_t argument; /* suit_argument */
    uint8_t flags;
    uint8_t op;    /* offset of the function in ud_suit_ops that answers; SUIT_OWN: the group does */
    uint8_t needs; /* place of the parameter that must be set, or SUIT_NO_PLACE */
    uint8_t bit;   /* of its own among all commands: ud_suit_manifest.commands_to_run and _to_update */
};
#define SUIT_OWN 0xff

#define SUIT_OP(name) ((uint8_t)offsetof(struct ud_suit_ops, name))

/* How a value is written. */
typedef enum suit_kind {
    SUIT_KIND_BYTES,   /* bstr */
    SUIT_KIND_UUID,    /* bstr of 16 bytes */
    SUIT_KIND_VENDOR,  /* the same, or tag 112 around a bstr */
    SUIT_KIND_TEXT,    /* tstr */
    SUIT_KIND_DIGEST,  /* SUIT_Digest in a bstr */
    SUIT_KIND_WRAPPED, /* one item in a bstr */
    SUIT_KIND_NUMBER,  /* uint */
    SUIT_KIND_INT,
    SUIT_KIND_SLOT,      /* uint below 2^32 */
    SUIT_KIND_COMPONENT, /* component index */
    SUIT_KIND_STRICT,    /* bool, of no consequence: we are always strict, which the draft allows */
    SUIT_KIND_SOFT,      /* bool, only in nested sequences */
} suit_kind;

struct suit_param_row {
    uint8_t label;
    uint8_t kind;  /* suit_kind */
    uint8_t place; /* in ud_suit_param_places; the bit in ud_suit_params.has */
    uint8_t field; /* offset of its field in ud_suit_params */
};

/* How members of the manifest are written; all but the last three leave a view. */
typedef enum suit_content {
    SUIT_CONTENT_SEQUENCE, /* bstr, looked over by the scan */
    SUIT_CONTENT_TEXT,     /* bstr around a map */
    SUIT_CONTENT_OPAQUE,   /* bstr around one item */
    SUIT_CONTENT_ID,       /* component id, not wrapped */
    SUIT_CONTENT_URI,      /* tstr */
    SUIT_CONTENT_COMMON,   /* bstr; the view is of the shared sequence in it */
    SUIT_CONTENT_NUMBER,   /* sequence number */
    SUIT_CONTENT_VERSION,
} suit_content;

struct suit_member_row {
    uint8_t label;
    uint8_t content; /* suit_content */
    uint8_t view;    /* which of the views in ud_suit_manifest, counted from the first */
};
#define SUIT_VIEWS offsetof(struct ud_suit_manifest, reference_uri)
#define SUIT_VIEW(name)                                                                                        \
    ((uint8_t)((offsetof(struct ud_suit_manifest, name) - SUIT_VIEWS) / sizeof(struct ud_bytes)))
#define SUIT_NO_VIEW 0 /* of what is no view */
/* Severable members are the last views, in the order of ud_suit_member. */
static inline bool suit_is_severable(const struct suit_member_row *row)
{
    return row->view >= SUIT_VIEW(member);
}
static inline size_t suit_member(const struct suit_member_row *row)
{
    return row->view - (size_t)SUIT_VIEW(member);
}

/* Where a sequence stands decides what may stand in it. */
typedef uint32_t suit_place; /* in the lowest byte the number of components, and these bits: one register */
enum {
    SUIT_IN_SHARED = 1 << 8,
    SUIT_NESTED = 1 << 9, /* in try-each or run-sequence */
};
static inline uint8_t suit_place_components(suit_place place)
{
    return (uint8_t)place;
}

#define SUIT_ROWS(table) ((uint8_t)(sizeof(table) / sizeof(table)[0]))

struct suit_group {
    const void *rows[SUIT_TABLE_COUNT];
    uint8_t counts[SUIT_TABLE_COUNT];
    /* Do a command that no function of ud_suit_ops answers, or that writes its component (SUIT_CHANGES). Policy commands:
     * parameters are read; the others: `r` is at the argument. UD_OK: done. NULL: no such command is ever done. */
    ud_err (*run)(struct ud_suit_run *run, const struct suit_command_row *row, struct ud_cbor *r,
                  const struct ud_suit_params *params);
    /* Does the device have what the command asks? */
    bool (*can)(const struct ud_suit_ops *ops, uint8_t code);
    /* Look over the value of a wrapped parameter of this group; NULL: any item will do. */
    void (*value)(struct ud_cbor *r, uint8_t label);
    /* Look over an argument that is neither a policy nor of a command of the core. */
    void (*argument)(struct ud_cbor *r, suit_argument argument, suit_place place);
    /* Read the dependencies (common 1) into the manifest, once its components are known. */
    void (*dependencies)(struct ud_cbor *r, struct ud_suit_manifest *man);
};

/*
 * The groups of this build, ended by NULL: profiles/ has one definition for each choice. That of trust domains by itself as
 * well, or NULL: a build without it keeps none of the code that would ask it.
 */
extern const struct suit_group *const suit_groups[];
extern const struct suit_group *const suit_group_of_trees;
extern const struct suit_group suit_group_core;
extern const struct suit_group suit_group_start; /* the core without what writes */
extern const struct suit_group suit_group_encryption;
extern const struct suit_group suit_group_patch;
extern const struct suit_group suit_group_management;
extern const struct suit_group suit_group_domains;

_Static_assert(sizeof(struct ud_suit_ops) < SUIT_OWN, "an offset in it fits suit_command_row.op");
_Static_assert(sizeof(struct ud_suit_params) <= UINT8_MAX + 1, "an offset in it fits suit_param_row.field");

extern const uint8_t suit_row_bytes[SUIT_TABLE_COUNT];
/** The row of a label in one of the tables. @param group out: whose row; may be NULL. @return NULL when unknown */
const void *suit_find(suit_table table, uint8_t label, const struct suit_group **group);
/** Does the device have what this command asks? */
bool suit_can(const struct ud_suit_ops *ops, const struct suit_group *group,
              const struct suit_command_row *row);
/** Read a label. @return SUIT_LABEL_UNKNOWN for one that no table can hold */
uint8_t suit_take_label(struct ud_cbor *r);
#define SUIT_LABEL_UNKNOWN 0xff
#define SUIT_LABEL_PATCH 0xfd /* how tables hold UD_SUIT_PARAM_PATCH */

/* ---- reading ---- */

/* A map at work: keys in deterministic order. */
struct suit_pairs {
    struct ud_bytes previous;
    size_t left;
    bool texts; /* a key may be a text */
};
void suit_take_map(struct ud_cbor *r, struct suit_pairs *pairs);
/** @return true when `r` is at a further key, which is in order; false at the end or with an error in `r` */
bool suit_next_pair(struct ud_cbor *r, struct suit_pairs *pairs);
/**
 * Read the next key, a label or, where pairs->texts, a text. `r` is at its value then.
 * @return SUIT_LABEL_END at the end or with an error in `r`; SUIT_LABEL_TEXT; SUIT_LABEL_UNKNOWN
 */
uint8_t suit_next_label(struct ud_cbor *r, struct suit_pairs *pairs);
#define SUIT_LABEL_END 0
#define SUIT_LABEL_TEXT 0xfe

ud_view suit_take_uri_view(struct ud_cbor *r);
/** A text of at most UD_URI_BYTES_MAX. */
UD_INLINE struct ud_bytes suit_take_uri(struct ud_cbor *r)
{
    return ud_view_bytes(suit_take_uri_view(r));
}

/** Read the head of an array of at least two items; by `shift` 1 they come in pairs. @return items, or pairs */
uint16_t suit_take_items(struct ud_cbor *r, uint32_t shift);
/** Read the head of a sequence. @return number of commands, at least 1 when `r` has no error */
UD_INLINE uint16_t suit_take_sequence(struct ud_cbor *r)
{
    return suit_take_items(r, 1);
}

/** Read a command's code: it is known and may stand here. NULL with an error in `r` otherwise. */
const struct suit_command_row *suit_take_code(struct ud_cbor *r, suit_place place,
                                              const struct suit_group **group);

/** A number up to `max`; `err` otherwise. @return 0 on error */
uint32_t suit_take_up_to(struct ud_cbor *r, uint32_t max, ud_err err);
/** Arguments. Each refuses what may not stand at `place`. */
uint8_t suit_take_policy(struct ud_cbor *r);
/** A single component index. */
uint8_t suit_take_component(struct ud_cbor *r, suit_place place);
/** @param count out: components chosen, 1..component_count. @return them, four bits each, the first lowest */
uint32_t suit_take_index(struct ud_cbor *r, suit_place place, uint8_t *count);
/** Read the head of the branches of a try-each. @return number of elements, a trailing null included */
UD_INLINE uint16_t suit_take_branches(struct ud_cbor *r)
{
    return suit_take_items(r, 0);
}
/** Look over a map of parameters. */
void suit_scan_params(struct ud_cbor *r, suit_place place);
/** The next parameter of a map; `r` is at its value. NULL at the end or with an error in `r`. */
const struct suit_param_row *suit_next_param(struct ud_cbor *r, struct suit_pairs *pairs,
                                             const struct suit_group **group);

/* Room for any value. */
union suit_value {
    struct ud_bytes bytes; /* kinds up to SUIT_KIND_WRAPPED */
    uint64_t number;       /* the others */
};
/** Read a parameter's value, whole. @param into where it goes: a field of ud_suit_params, or a suit_value */
void suit_take_value(struct ud_cbor *r, const struct suit_param_row *row, suit_place place, void *into);
/** Its field, which every row with a place has. */
static inline void *suit_field(struct ud_suit_params *params, const struct suit_param_row *row)
{
    return (unsigned char *)params + row->field;
}

/* ---- for tools that show a manifest ---- */

/* The components that commands work on, in order. */
struct ud_suit_index {
    uint8_t count; /* 1..UD_SUIT_COMPONENTS_MAX */
    uint8_t components[UD_SUIT_COMPONENTS_MAX];
};
struct ud_suit_index suit_take_index_all(struct ud_cbor *r, suit_place place);
/** A whole map of parameters. */
void suit_take_params(struct ud_cbor *r, suit_place place, struct ud_suit_params *params);

/* Names, for tools alone: not linked into a device. NULL for an unknown label. */
const char *suit_command_name(int64_t code);
const char *suit_param_name(int64_t label);
const char *suit_section_name(int64_t label);
/** @return the label, -1 for an unknown name */
int64_t suit_command_code(const char *name);
int64_t suit_param_label(const char *name);

#endif
