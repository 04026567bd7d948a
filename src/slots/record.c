#include "slots/record.h"

#include "core/crc32.h"
#include "slots/area.h"
#include "slots/le.h"
#include "updraft/assert.h"

#define FORMAT_COMPONENTS_MAX 8
/* A build that has not compiles nothing of it. */
#define HAS_MANY (UD_COMPONENTS_MAX > UD_JOURNAL_COMPONENTS_FEW)
#define UNIT UD_JOURNAL_PROGRESS_UNIT
#define CRC_BYTES 4
#define GENERATION_BYTES 4
#define COVERED_BYTES (UD_RECORD_BODY_BYTES - CRC_BYTES) /* of the body, by the CRC */
#define HEAD_VERSION_AT 4
#define HEAD_LENGTH_AT 5

_Static_assert(UD_COMPONENTS_MAX <= FORMAT_COMPONENTS_MAX, "a later record version holds more");
_Static_assert(UD_RECORD_BODY_BYTES < 256, "the head has one byte for the length");

/* magic, version, length of the body without padding, two bytes for later */
static const uint8_t head[UD_RECORD_HEAD_BYTES] = {'U', 'D', 'J', 'R', 1, UD_RECORD_BODY_BYTES, 0, 0};

/*
 * What stands between the generation and the CRC, in order. Up to eight bytes are a number, little-endian in the record;
 * more are taken as they are.
 */
struct field {
    uint8_t at;           /* of the member in ud_slots_state */
    uint8_t member_bytes; /* 0: nothing holds it, and zero is written */
    uint8_t bytes;        /* in the record */
};
#define MEMBER(name) offsetof(struct ud_slots_state, name), sizeof((struct ud_slots_state *)NULL)->name
#define NUMBER(name, bytes)                                                                                    \
    {                                                                                                          \
        MEMBER(name), bytes                                                                                    \
    }
#define BLOCK(name)                                                                                            \
    {                                                                                                          \
        MEMBER(name), sizeof((struct ud_slots_state *)NULL)->name                                              \
    }
#define DONE(i)                                                                                                \
    {                                                                                                          \
        offsetof(struct ud_slots_state, install.done_bytes) + 4 * (i), (i) < UD_COMPONENTS_MAX ? 4 : 0, 4      \
    }
#define FLAGS_AT 3
#define PROGRESS_AT 96 /* DONE(0), counted as FLAGS_AT */

/* clang-format off */
static const struct field fields[] = {
    NUMBER(active, 1), NUMBER(trial, 1), NUMBER(attempts, 1), {0, 0, 1} /* flags */,
    NUMBER(stored.epoch, 4), NUMBER(stored.sequence, 8), NUMBER(trial_version.epoch, 4), NUMBER(trial_version.sequence, 8),
    NUMBER(outcome, 4), BLOCK(attempted),
    BLOCK(install.manifest_digest), DONE(0), DONE(1), DONE(2), DONE(3),
    NUMBER(action.id, 4), BLOCK(action.nonce), BLOCK(action.manifest_digest), NUMBER(action.flags, 4),
    NUMBER(boot_count, 4), NUMBER(report_counter, 8),
};
/* clang-format on */
#define FIELDS_END (fields + sizeof fields / sizeof fields[0])

/* Each a bool in ud_slots_state, and a bit of the flags in the record: the first is the lowest. */
static const uint8_t flags[] = {
    offsetof(struct ud_slots_state, blank),         offsetof(struct ud_slots_state, install.open),
    offsetof(struct ud_slots_state, action.open),   offsetof(struct ud_slots_state, install.many),
    offsetof(struct ud_slots_state, trust_weak[0]), offsetof(struct ud_slots_state, trust_weak[1]),
};

_Static_assert(sizeof(struct ud_slots_state) <= UINT8_MAX, "an offset in it fits struct field");

struct ud_record_shape ud_record_shape(const struct ud_flash *flash)
{
    return (struct ud_record_shape){
        .head_bytes = ud_area_round_up(UD_RECORD_HEAD_BYTES, flash->write_size),
        .body_bytes = ud_area_round_up(UD_RECORD_BODY_BYTES, flash->write_size),
        .seal_bytes = flash->write_size,
        .erased_value = flash->erased_value,
    };
}

uint32_t ud_record_bytes(const struct ud_record_shape *shape)
{
    return shape->head_bytes + shape->body_bytes + shape->seal_bytes;
}

/* Head without padding, then the body. */
static uint32_t crc_of(const uint8_t *head_bytes, struct ud_bytes body)
{
    return ud_crc32_more(ud_crc32((struct ud_bytes){head_bytes, UD_RECORD_HEAD_BYTES}), body);
}

/* Where this machine keeps byte i of what a member holds, of a number the lowest first. */
static size_t byte_at(const struct field *field, size_t i)
{
    const union {
        uint16_t number;
        uint8_t low;
    } one = {1};
    const bool as_is = one.low == 1 || field->bytes > sizeof(uint64_t);
    return field->at + (as_is ? i : field->member_bytes - 1U - i);
}

/* In place of four numbers: of more components, two bytes each. Those that this build has no room for are 0. */
static void put_many(uint8_t *out, const struct ud_install_state *install)
{
    struct ud_buf buf = {out, FORMAT_COMPONENTS_MAX * 2, 0};
    for (size_t i = 0; i < FORMAT_COMPONENTS_MAX; i++) {
        const uint32_t done_bytes = i < UD_COMPONENTS_MAX ? install->done_bytes[i] : 0;
        ud_le_put(&buf, ud_area_round_up(done_bytes, UNIT) / UNIT, 2);
    }
}

static void take_many(const uint8_t *bytes, struct ud_install_state *install)
{
    struct ud_bytes in = {bytes, FORMAT_COMPONENTS_MAX * 2};
    for (size_t i = 0; i < FORMAT_COMPONENTS_MAX; i++) {
        const uint32_t done = (uint32_t)ud_le_take(&in, 2);
        if (i < UD_COMPONENTS_MAX) {
            install->done_bytes[i] = done * UNIT;
        }
    }
}

static uint8_t *put_state(uint8_t *out, const struct ud_slots_state *state)
{
    const uint8_t *from = (const uint8_t *)state;
    for (size_t i = 0; i < sizeof flags; i++) {
        out[FLAGS_AT] |= (uint8_t)(from[flags[i]] << i);
    }
    for (const struct field *field = fields; field < FIELDS_END; field++) {
        for (size_t i = 0; i < field->bytes; i++, out++) {
            if (i < field->member_bytes) {
                *out = from[byte_at(field, i)];
            }
        }
    }
    return out;
}

uint32_t ud_record_encode(const struct ud_record_shape *shape, uint32_t generation,
                          const struct ud_slots_state *state, uint8_t *out)
{
    uint8_t *body = out + shape->head_bytes;
    struct ud_buf buf = {body, UD_RECORD_BODY_BYTES, 0};
    memset(out, shape->erased_value, shape->head_bytes + shape->body_bytes);
    memcpy(out, head, sizeof head);
    memset(body, 0, UD_RECORD_BODY_BYTES);
    ud_le_put(&buf, generation, GENERATION_BYTES);
    const uint8_t *end = put_state(body + GENERATION_BYTES, state);
    UD_ASSERT(end == body + COVERED_BYTES);
    if (HAS_MANY && state->install.many) {
        put_many(body + GENERATION_BYTES + PROGRESS_AT, &state->install);
    }
    buf.len = COVERED_BYTES;
    ud_le_put(&buf, crc_of(head, (struct ud_bytes){body, COVERED_BYTES}), CRC_BYTES);
    return shape->head_bytes + shape->body_bytes;
}

/* A right CRC says that the bytes are whole, not that they make sense. */
static bool take_state(const uint8_t *in, struct ud_slots_state *state)
{
    uint8_t *to = (uint8_t *)state;
    const uint8_t *start = in;
    const uint8_t bits = in[FLAGS_AT];
    bool fits = bits >> sizeof flags == 0;
    memset(state, 0, sizeof *state);
    for (const struct field *field = fields; field < FIELDS_END; field++) {
        for (size_t i = 0; i < field->bytes; i++, in++) {
            if (i < field->member_bytes) {
                to[byte_at(field, i)] = *in;
            } else if (field->member_bytes > 0 && *in != 0) { /* a number that the member cannot hold */
                fits = false;
            }
        }
    }
    for (size_t i = 0; i < sizeof flags; i++) {
        bool set = (bits >> i & 1) != 0;
        memcpy(to + flags[i], &set, sizeof set);
    }
    if (HAS_MANY && state->install.many) {
        take_many(start + PROGRESS_AT, &state->install);
    }
    fits = fits && (HAS_MANY || !state->install.many);
    return fits && state->active <= 1 && state->trial <= UD_TRIAL_STARTED &&
           ud_err_from_value((uint32_t)state->outcome, &state->outcome);
}

static bool all_erased(const uint8_t *bytes, uint32_t len, uint8_t erased_value)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != erased_value) {
            return false;
        }
    }
    return true;
}

static bool crc_holds(const struct ud_record_shape *shape, const uint8_t *bytes, uint32_t len)
{
    const uint8_t *body = bytes + shape->head_bytes;
    struct ud_bytes stored = {body + (len - CRC_BYTES), CRC_BYTES};
    return ud_le_take(&stored, CRC_BYTES) == crc_of(bytes, (struct ud_bytes){body, len - CRC_BYTES});
}

/*
 * Every version keeps magic, version and length in the head, the generation first and the CRC last in the body.
 */
static bool is_later(const struct ud_record_shape *shape, const uint8_t *bytes)
{
    const uint8_t len = bytes[HEAD_LENGTH_AT];
    return memcmp(bytes, head, HEAD_VERSION_AT) == 0 && bytes[HEAD_VERSION_AT] > head[HEAD_VERSION_AT] &&
           len >= 2 * CRC_BYTES && len <= shape->body_bytes && crc_holds(shape, bytes, len);
}

void ud_record_decode(struct ud_record *record, struct ud_slots_state *state,
                      const struct ud_record_shape *shape, const uint8_t *bytes)
{
    const uint8_t *body = bytes + shape->head_bytes;
    struct ud_bytes in = {body, UD_RECORD_BODY_BYTES};
    *record = (struct ud_record){.kind = UD_RECORD_TORN};
    if (all_erased(bytes, ud_record_bytes(shape), shape->erased_value)) {
        record->kind = UD_RECORD_BLANK;
        return;
    }
    if (is_later(shape, bytes)) {
        record->kind = UD_RECORD_LATER;
        return;
    }
    record->generation = ud_le_take(&in, GENERATION_BYTES);
    record->counts = memcmp(bytes, head, sizeof head) == 0 && record->generation <= UD_RECORD_GENERATION_MAX;
    record->sealed = !all_erased(body + shape->body_bytes, shape->seal_bytes, shape->erased_value);
    if (record->counts && crc_holds(shape, bytes, UD_RECORD_BODY_BYTES) && take_state(in.ptr, state)) {
        record->kind = UD_RECORD_VALID;
    }
}
