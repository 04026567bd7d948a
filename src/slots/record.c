#include "slots/record.h"

#include "core/crc32.h"
#include "slots/area.h"
#include "slots/le.h"

#define FORMAT_COMPONENTS 4 /* progress entries in the record, whatever this build's limit is */
#define CRC_BYTES 4
#define HEAD_VERSION_AT 4
#define HEAD_LENGTH_AT 5

_Static_assert(UD_COMPONENTS_MAX <= FORMAT_COMPONENTS, "a later record version holds more");
_Static_assert(UD_RECORD_BODY_BYTES < 256, "the head has one byte for the length");

/* magic, version, length of the body without padding, two bytes for later */
static const uint8_t head[UD_RECORD_HEAD_BYTES] = {'U', 'D', 'J', 'R', 1, UD_RECORD_BODY_BYTES, 0, 0};

enum {
    FLAG_BLANK = 1 << 0,
    FLAG_INSTALL = 1 << 1,
    FLAG_ACTION = 1 << 2,
    FLAG_ALL = FLAG_BLANK | FLAG_INSTALL | FLAG_ACTION,
};

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

static void put_block(struct ud_buf *out, const uint8_t *bytes, size_t len)
{
    const bool fits = ud_buf_put(out, (struct ud_bytes){bytes, len});
    UD_ASSERT(fits);
}

static uint8_t flags_of(const struct ud_slots_state *state)
{
    return (uint8_t)((state->blank ? FLAG_BLANK : 0) | (state->install.open ? FLAG_INSTALL : 0) |
                     (state->action.open ? FLAG_ACTION : 0));
}

static void put_version(struct ud_buf *out, struct ud_version version)
{
    ud_le_put(out, version.epoch, 4);
    ud_le_put(out, version.sequence, 8);
}

static void put_state(struct ud_buf *out, const struct ud_slots_state *state)
{
    ud_le_put(out, state->active, 1);
    ud_le_put(out, (uint64_t)state->trial, 1);
    ud_le_put(out, state->attempts, 1);
    ud_le_put(out, flags_of(state), 1);
    put_version(out, state->stored);
    put_version(out, state->trial_version);
    ud_le_put(out, (uint64_t)state->outcome, 4);
    put_block(out, state->attempted, UD_DIGEST_BYTES);
    put_block(out, state->install.manifest_digest, UD_DIGEST_BYTES);
    for (size_t i = 0; i < FORMAT_COMPONENTS; i++) {
        ud_le_put(out, i < UD_COMPONENTS_MAX ? state->install.done_bytes[i] : 0, 4);
    }
    ud_le_put(out, state->action.id, 4);
    put_block(out, state->action.nonce, UD_NONCE_BYTES);
    put_block(out, state->action.manifest_digest, UD_DIGEST_BYTES);
    ud_le_put(out, state->action.flags, 4);
    ud_le_put(out, state->boot_count, 4);
    ud_le_put(out, state->report_counter, 8);
}

static void pad_to(struct ud_buf *out, size_t len, uint8_t value)
{
    while (out->len < len) {
        ud_le_put(out, value, 1);
    }
}

uint32_t ud_record_encode(const struct ud_record_shape *shape, uint32_t generation,
                          const struct ud_slots_state *state, uint8_t *out)
{
    struct ud_buf buf = {out, UD_JOURNAL_RECORD_BYTES_MAX, 0};
    put_block(&buf, head, sizeof head);
    pad_to(&buf, shape->head_bytes, shape->erased_value);
    ud_le_put(&buf, generation, 4);
    put_state(&buf, state);
    const struct ud_bytes covered = {out + shape->head_bytes, buf.len - shape->head_bytes};
    UD_ASSERT(covered.len == UD_RECORD_BODY_BYTES - CRC_BYTES);
    ud_le_put(&buf, crc_of(head, covered), CRC_BYTES);
    pad_to(&buf, shape->head_bytes + shape->body_bytes, shape->erased_value);
    return (uint32_t)buf.len;
}

static void take_block(struct ud_bytes *in, uint8_t *out, size_t len)
{
    struct ud_bytes part = {NULL, 0};
    const bool there = ud_bytes_take(in, len, &part);
    UD_ASSERT(there);
    if (there) {
        memcpy(out, part.ptr, len);
    }
}

static struct ud_version take_version(struct ud_bytes *in)
{
    struct ud_version version;
    version.epoch = (uint32_t)ud_le_take(in, 4);
    version.sequence = ud_le_take(in, 8);
    return version;
}

static void take_install(struct ud_bytes *in, struct ud_install_state *install)
{
    take_block(in, install->manifest_digest, UD_DIGEST_BYTES);
    for (size_t i = 0; i < FORMAT_COMPONENTS; i++) {
        const uint32_t done_bytes = (uint32_t)ud_le_take(in, 4);
        if (i < UD_COMPONENTS_MAX) {
            install->done_bytes[i] = done_bytes;
        }
    }
}

static void take_action(struct ud_bytes *in, struct ud_action_state *action)
{
    action->id = (uint32_t)ud_le_take(in, 4);
    take_block(in, action->nonce, UD_NONCE_BYTES);
    take_block(in, action->manifest_digest, UD_DIGEST_BYTES);
    action->flags = (uint32_t)ud_le_take(in, 4);
}

/* A right CRC says that the bytes are whole, not that they make sense. */
static bool take_state(struct ud_bytes *in, struct ud_slots_state *state)
{
    state->active = (uint8_t)ud_le_take(in, 1);
    const uint8_t trial = (uint8_t)ud_le_take(in, 1);
    state->attempts = (uint8_t)ud_le_take(in, 1);
    const uint8_t flags = (uint8_t)ud_le_take(in, 1);
    state->stored = take_version(in);
    state->trial_version = take_version(in);
    const uint32_t outcome = (uint32_t)ud_le_take(in, 4);
    take_block(in, state->attempted, UD_DIGEST_BYTES);
    take_install(in, &state->install);
    take_action(in, &state->action);
    state->boot_count = (uint32_t)ud_le_take(in, 4);
    state->report_counter = ud_le_take(in, 8);
    if (state->active > 1 || trial > UD_TRIAL_STARTED || (flags & ~(unsigned)FLAG_ALL) != 0 ||
        !ud_err_from_value(outcome, &state->outcome)) {
        return false;
    }
    state->trial = (ud_trial)trial;
    state->blank = (flags & FLAG_BLANK) != 0;
    state->install.open = (flags & FLAG_INSTALL) != 0;
    state->action.open = (flags & FLAG_ACTION) != 0;
    return true;
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
    return (uint32_t)ud_le_take(&stored, CRC_BYTES) == crc_of(bytes, (struct ud_bytes){body, len - CRC_BYTES});
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

void ud_record_decode(struct ud_record *record, const struct ud_record_shape *shape, const uint8_t *bytes)
{
    const uint8_t *body = bytes + shape->head_bytes;
    struct ud_bytes in = {body, UD_RECORD_BODY_BYTES};
    memset(record, 0, sizeof *record);
    record->kind = UD_RECORD_TORN;
    if (all_erased(bytes, ud_record_bytes(shape), shape->erased_value)) {
        record->kind = UD_RECORD_BLANK;
        return;
    }
    if (is_later(shape, bytes)) {
        record->kind = UD_RECORD_LATER;
        return;
    }
    record->generation = (uint32_t)ud_le_take(&in, 4);
    record->counts = memcmp(bytes, head, sizeof head) == 0 && record->generation <= UD_RECORD_GENERATION_MAX;
    record->sealed = !all_erased(body + shape->body_bytes, shape->seal_bytes, shape->erased_value);
    if (record->counts && crc_holds(shape, bytes, UD_RECORD_BODY_BYTES) && take_state(&in, &record->state)) {
        record->kind = UD_RECORD_VALID;
    }
}
