#include "updraft/recovery.h"

#include "boot/smp_frame.h"
#include "updraft/assert.h"
#include "updraft/cbor.h"

#define HEADER_BYTES 8
#define IMAGE_ENVELOPE 0
#define IMAGE_COMPONENT 1
#define RECOVERY_NONE 0xff
#define COMPONENT 0
#define NUMBER_DIGITS_MAX 20
#define KEYS_MAX 16 /* of one request's map; those that we do not know are skipped */

enum { OP_READ = 0, OP_WRITE = 2, OP_MASK = 7 };
enum { GROUP_OS = 0, GROUP_IMAGE = 1 };
enum { OS_ECHO = 0, OS_RESET = 5, OS_PARAMETERS = 6, IMAGE_STATE = 0, IMAGE_UPLOAD = 1, IMAGE_ERASE = 5 };

/* What a request's map may hold that we look at. */
struct fields {
    struct ud_bytes text; /* d: echo */
    struct ud_bytes data;
    struct ud_bytes hash;
    uint64_t offset;
    uint64_t len;
    uint64_t image;
    bool has_len;
};

/* ---- a request's map ---- */

static void take_field(struct ud_cbor *r, struct fields *out)
{
    const struct ud_bytes key = ud_cbor_tstr(r);
    if (ud_bytes_equal(key, UD_BYTES_LITERAL("d"))) {
        out->text = ud_cbor_tstr(r);
    } else if (ud_bytes_equal(key, UD_BYTES_LITERAL("data"))) {
        out->data = ud_cbor_bstr(r);
    } else if (ud_bytes_equal(key, UD_BYTES_LITERAL("hash")) && ud_cbor_peek(r) == UD_CBOR_BSTR) {
        out->hash = ud_cbor_bstr(r);
    } else if (ud_bytes_equal(key, UD_BYTES_LITERAL("off"))) {
        out->offset = ud_cbor_uint(r);
    } else if (ud_bytes_equal(key, UD_BYTES_LITERAL("len"))) {
        out->len = ud_cbor_uint(r);
        out->has_len = true;
    } else if (ud_bytes_equal(key, UD_BYTES_LITERAL("image"))) {
        out->image = ud_cbor_uint(r);
    } else {
        (void)ud_cbor_skip(r);
    }
}

static ud_err take_fields(struct ud_bytes body, struct fields *out)
{
    struct ud_cbor r;
    ud_cbor_init(&r, body);
    size_t pairs = ud_cbor_map(&r);
    if (pairs > KEYS_MAX) {
        ud_cbor_fail(&r, UD_ERR_LIMIT);
    }
    for (; pairs > 0 && r.err == UD_OK; pairs--) {
        take_field(&r, out);
    }
    return ud_cbor_finish(&r);
}

/* ---- answers ---- */

static void put_pair(struct ud_cbor_writer *w, struct ud_bytes key, uint64_t value)
{
    ud_cbor_put_tstr(w, key);
    ud_cbor_put_uint(w, value);
}

/* By bits: a division of 64 bits is 0.7 KB of somebody's library. @return the remainder */
static uint8_t divide_by_10(uint64_t *number)
{
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (int i = 63; i >= 0; i--) {
        rest = rest << 1 | (uint32_t)(*number >> i & 1);
        quotient <<= 1;
        if (rest >= 10) {
            rest -= 10;
            quotient |= 1;
        }
    }
    *number = quotient;
    return (uint8_t)rest;
}

static void put_number_text(struct ud_cbor_writer *w, struct ud_bytes key, uint64_t number)
{
    uint8_t digits[NUMBER_DIGITS_MAX];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + divide_by_10(&number));
    } while (number > 0);
    ud_cbor_put_tstr(w, key);
    ud_cbor_put_tstr(w, (struct ud_bytes){digits + at, sizeof digits - at});
}

static ud_smp_rc rc_of(ud_err err)
{
    static const struct {
        uint8_t err;
        uint8_t rc;
    } rows[] = {
        {UD_ERR_UNTRUSTED, UD_SMP_DENIED},
        {UD_ERR_SIGNATURE, UD_SMP_DENIED},
        {UD_ERR_UNSIGNED, UD_SMP_DENIED},
        {UD_ERR_THRESHOLD, UD_SMP_DENIED},
        {UD_ERR_RIGHTS, UD_SMP_DENIED},
        {UD_ERR_STALE, UD_SMP_DENIED},
        {UD_ERR_SPACE, UD_SMP_TOO_LARGE},
        {UD_ERR_BUFFER, UD_SMP_TOO_LARGE},
        {UD_ERR_LIMIT, UD_SMP_TOO_LARGE},
        {UD_ERR_STATE, UD_SMP_BAD_STATE},
        {UD_ERR_BUSY, UD_SMP_BUSY},
        {UD_ERR_COMMAND, UD_SMP_NOT_SUPPORTED},
        {UD_ERR_FLASH, UD_SMP_UNKNOWN},
        {UD_ERR_JOURNAL, UD_SMP_UNKNOWN},
        {UD_ERR_IMAGE_MISMATCH, UD_SMP_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].err == (uint32_t)err) {
            return (ud_smp_rc)rows[i].rc;
        }
    }
    return UD_SMP_INVALID;
}

/* MCUmgr's number, and ours as the reason: docs/errors.md has its name */
static void put_error(struct ud_cbor_writer *w, ud_err err)
{
    ud_cbor_put_map(w, 2);
    put_pair(w, UD_BYTES_LITERAL("rc"), rc_of(err));
    put_number_text(w, UD_BYTES_LITERAL("rsn"), (uint64_t)err);
}

/* ---- group os ---- */

static ud_err echo(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    (void)recovery;
    ud_cbor_put_map(w, 1);
    ud_cbor_put_tstr(w, UD_BYTES_LITERAL("r"));
    ud_cbor_put_tstr(w, in->text);
    return UD_OK;
}

static ud_err reset(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    (void)in;
    recovery->over = true;
    ud_cbor_put_map(w, 0);
    return UD_OK;
}

static ud_err parameters(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    (void)recovery;
    (void)in;
    ud_cbor_put_map(w, 2);
    put_pair(w, UD_BYTES_LITERAL("buf_size"), UD_SMP_MESSAGE_BYTES_MAX);
    put_pair(w, UD_BYTES_LITERAL("buf_count"), 1);
    return UD_OK;
}

/* ---- group image ---- */

static void put_flag(struct ud_cbor_writer *w, struct ud_bytes key, bool value)
{
    ud_cbor_put_tstr(w, key);
    ud_cbor_put_bool(w, value);
}

static ud_err list(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    struct ud_boot *boot = recovery->boot;
    (void)in;
    recovery->authentic = false; /* the RAM for envelopes is used below */
    ud_cbor_put_map(w, 1);
    ud_cbor_put_tstr(w, UD_BYTES_LITERAL("images"));
    ud_cbor_put_array(w, UD_SLOT_COUNT);
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        struct ud_boot_info info = {.slot = slot};
        const struct ud_slots_state *state = ud_slots_state(&boot->slots);
        const bool good = ud_boot_verify(boot, slot, &info) == UD_OK;
        const bool inactive = slot != state->active;
        ud_cbor_put_map(w, good ? 8 : 7);
        put_pair(w, UD_BYTES_LITERAL("image"), IMAGE_COMPONENT);
        put_pair(w, UD_BYTES_LITERAL("slot"), slot);
        put_number_text(w, UD_BYTES_LITERAL("version"), info.version.sequence);
        if (good) {
            ud_cbor_put_tstr(w, UD_BYTES_LITERAL("hash"));
            ud_cbor_put_bstr(w, UD_BYTES_ARRAY(info.images[COMPONENT].digest));
        }
        put_flag(w, UD_BYTES_LITERAL("bootable"), good);
        put_flag(w, UD_BYTES_LITERAL("pending"), inactive && state->trial != UD_TRIAL_NONE);
        put_flag(w, UD_BYTES_LITERAL("confirmed"), !inactive && !state->blank);
        put_flag(w, UD_BYTES_LITERAL("active"), false);
    }
    return UD_OK;
}

/* Tools end an upload by asking for a test of what they sent. It is requested already: say whether it is theirs. */
static ud_err test(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    struct ud_boot_info info;
    const uint8_t slot = ud_slots_inactive(&recovery->boot->slots);
    if (ud_slots_state(&recovery->boot->slots)->trial == UD_TRIAL_NONE) {
        return UD_ERR_STATE;
    }
    recovery->authentic = false;
    const ud_err err = ud_boot_verify(recovery->boot, slot, &info);
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal(in->hash, UD_BYTES_ARRAY(info.images[COMPONENT].digest)) ? list(recovery, in, w)
                                                                                   : UD_ERR_IMAGE_MISMATCH;
}

static ud_err authenticate(struct ud_recovery *recovery)
{
    struct ud_boot *boot = recovery->boot;
    const struct ud_bytes envelope = {boot->envelope_ram, recovery->envelope_bytes};
    ud_err err = ud_suit_envelope_parse(&boot->env, envelope, NULL);
    if (err == UD_OK) {
        err = ud_suit_envelope_authenticate(&boot->env, boot->trust, NULL);
    }
    if (err == UD_OK && boot->env.digest.len != UD_DIGEST_BYTES) {
        err = UD_ERR_DIGEST;
    }
    recovery->authentic = err == UD_OK;
    return err;
}

/* @param next  out: the byte to send next */
static ud_err upload_envelope(struct ud_recovery *recovery, const struct fields *in, uint32_t *next)
{
    struct ud_boot *boot = recovery->boot;
    if (in->offset == 0) {
        recovery->authentic = false;
        recovery->envelope_bytes = 0;
        if (recovery->upload_bytes > boot->envelope_ram_bytes) {
            return UD_ERR_SPACE;
        }
    }
    *next = recovery->envelope_bytes;
    if (in->offset != recovery->envelope_bytes) {
        return UD_OK; /* lost on the way: it is told where to go on */
    }
    if (in->data.len > recovery->upload_bytes - recovery->envelope_bytes) {
        return UD_ERR_SPACE;
    }
    if (in->data.len > 0) {
        memcpy(boot->envelope_ram + recovery->envelope_bytes, in->data.ptr, in->data.len);
    }
    recovery->envelope_bytes += (uint32_t)in->data.len;
    *next = recovery->envelope_bytes;
    return recovery->envelope_bytes == recovery->upload_bytes ? authenticate(recovery) : UD_OK;
}

/* The journal is begun anew only for somebody who has a signed envelope. */
static ud_err begin_image(struct ud_recovery *recovery)
{
    struct ud_boot *boot = recovery->boot;
    uint32_t resume_bytes[UD_COMPONENTS_MAX];
    const uint32_t sizes[UD_COMPONENTS_MAX] = {[COMPONENT] = recovery->upload_bytes};
    ud_err err = ud_slots_mount(&boot->slots, boot->layout);
    if (err == UD_ERR_JOURNAL) {
        err = ud_slots_format(&boot->slots, boot->layout);
    }
    if (err != UD_OK) {
        return err;
    }
    return ud_slots_install_begin(&boot->slots, UD_SLOT_RECOVERY, boot->env.digest.ptr, sizes, resume_bytes);
}

static ud_err finish_image(struct ud_recovery *recovery)
{
    struct ud_boot *boot = recovery->boot;
    struct ud_boot_info info;
    const uint8_t slot = ud_slots_inactive(&boot->slots);
    const struct ud_bytes envelope = {boot->envelope_ram, recovery->envelope_bytes};
    ud_err err = ud_slots_envelope_write(&boot->slots, envelope);
    recovery->authentic = false; /* verified from the flash, through the same RAM */
    if (err == UD_OK) {
        err = ud_boot_verify(boot, slot, &info);
    }
    if (err != UD_OK) {
        (void)ud_slots_install_abort(&boot->slots);
        return err;
    }
    return ud_slots_state(&boot->slots)->blank ? ud_slots_adopt(&boot->slots, slot, info.version)
                                               : ud_slots_trial_request(&boot->slots);
}

static ud_err upload_image(struct ud_recovery *recovery, const struct fields *in, uint32_t *next)
{
    struct ud_boot *boot = recovery->boot;
    if (!recovery->authentic) {
        return UD_ERR_STATE; /* the envelope comes first */
    }
    ud_err err = in->offset == 0 ? begin_image(recovery) : UD_OK;
    if (err != UD_OK) {
        return err;
    }
    *next = ud_slots_install_offset(&boot->slots, COMPONENT);
    if (in->offset == *next) {
        err = ud_slots_install_write(&boot->slots, COMPONENT, in->data);
        *next = ud_slots_install_offset(&boot->slots, COMPONENT);
    }
    return err == UD_OK && *next == recovery->upload_bytes ? finish_image(recovery) : err;
}

static ud_err upload(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    uint32_t next = 0;
    if (in->offset == 0) {
        if (!in->has_len || in->len == 0 || in->len > UINT32_MAX || in->image > IMAGE_COMPONENT) {
            return UD_ERR_LIMIT;
        }
        recovery->upload_image = (uint8_t)in->image;
        recovery->upload_bytes = (uint32_t)in->len;
    }
    ud_err err = UD_ERR_STATE;
    if (recovery->upload_image == IMAGE_ENVELOPE) {
        err = upload_envelope(recovery, in, &next);
    } else if (recovery->upload_image == IMAGE_COMPONENT) {
        err = upload_image(recovery, in, &next);
    }
    if (err != UD_OK || next == recovery->upload_bytes) {
        recovery->upload_image = RECOVERY_NONE;
    }
    if (err == UD_OK) {
        ud_cbor_put_map(w, 2);
        put_pair(w, UD_BYTES_LITERAL("rc"), UD_SMP_OK);
        put_pair(w, UD_BYTES_LITERAL("off"), next);
    }
    return err;
}

static ud_err erase(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w)
{
    (void)in;
    recovery->upload_image = RECOVERY_NONE;
    const ud_err err = ud_slots_install_abort(&recovery->boot->slots);
    if (err == UD_OK) {
        ud_cbor_put_map(w, 0);
    }
    return err;
}

/* ---- requests ---- */

static const struct command {
    uint8_t op;
    uint8_t group;
    uint8_t id;
    ud_err (*answer)(struct ud_recovery *recovery, const struct fields *in, struct ud_cbor_writer *w);
} commands[] = {
    {OP_WRITE, GROUP_OS, OS_ECHO, echo},           {OP_READ, GROUP_OS, OS_ECHO, echo},
    {OP_WRITE, GROUP_OS, OS_RESET, reset},         {OP_READ, GROUP_OS, OS_PARAMETERS, parameters},
    {OP_READ, GROUP_IMAGE, IMAGE_STATE, list},     {OP_WRITE, GROUP_IMAGE, IMAGE_STATE, test},
    {OP_WRITE, GROUP_IMAGE, IMAGE_UPLOAD, upload}, {OP_WRITE, GROUP_IMAGE, IMAGE_ERASE, erase},
};

static const struct command *find(const uint8_t *header)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].op == (header[0] & OP_MASK) && header[4] == 0 && commands[i].group == header[5] &&
            commands[i].id == header[7]) {
            return &commands[i];
        }
    }
    return NULL;
}

static ud_err answer_to(struct ud_recovery *recovery, const uint8_t *header, struct ud_bytes body,
                        struct ud_cbor_writer *w)
{
    struct fields in = {.offset = 0};
    const struct command *command = find(header);
    if (command == NULL) {
        return UD_ERR_COMMAND;
    }
    const ud_err err = body.len == 0 ? UD_OK : take_fields(body, &in);
    return err == UD_OK ? command->answer(recovery, &in, w) : err;
}

void ud_recovery_answer(struct ud_recovery *recovery, struct ud_bytes request, struct ud_buf *answer)
{
    const struct ud_buf empty = *answer;
    uint8_t header[HEADER_BYTES];
    struct ud_bytes head = {NULL, 0};
    struct ud_cbor_writer w;
    if (!ud_bytes_take(&request, HEADER_BYTES, &head) ||
        request.len != ((size_t)head.ptr[2] << 8 | head.ptr[3]) || (head.ptr[0] & 1) != 0) {
        return; /* no request: nobody waits for an answer */
    }
    memcpy(header, head.ptr, sizeof header);
    (void)ud_buf_put(answer, UD_BYTES_ARRAY(header));
    ud_cbor_writer_init(&w, answer);
    ud_err err = answer_to(recovery, header, request, &w);
    if (err == UD_OK) {
        err = ud_cbor_written(&w);
    }
    if (err != UD_OK) { /* what was begun is dropped */
        *answer = empty;
        (void)ud_buf_put(answer, UD_BYTES_ARRAY(header));
        ud_cbor_writer_init(&w, answer);
        put_error(&w, err);
    }
    const size_t body_bytes = answer->len - empty.len - HEADER_BYTES;
    answer->ptr[empty.len] |= 1; /* read to its response, write to its own */
    answer->ptr[empty.len + 2] = (uint8_t)(body_bytes >> 8);
    answer->ptr[empty.len + 3] = (uint8_t)body_bytes;
}

void ud_recovery_init(struct ud_recovery *recovery, struct ud_boot *boot)
{
    memset(recovery, 0, sizeof *recovery);
    recovery->boot = boot;
    recovery->upload_image = RECOVERY_NONE;
    ud_smp_frame_init(&recovery->frame);
}

ud_err ud_recovery_take(struct ud_recovery *recovery, uint8_t byte)
{
    struct ud_bytes request;
    struct ud_buf answer = {recovery->answer, sizeof recovery->answer, 0};
    if (ud_smp_frame_take(&recovery->frame, byte, &request) != UD_OK) {
        return UD_WAIT;
    }
    ud_recovery_answer(recovery, request, &answer);
    recovery->answer_bytes = (uint16_t)answer.len;
    recovery->answer_done_bytes = 0;
    return answer.len > 0 ? UD_OK : UD_WAIT;
}

ud_err ud_recovery_line(struct ud_recovery *recovery, struct ud_buf *out)
{
    return ud_smp_frame_put((struct ud_bytes){recovery->answer, recovery->answer_bytes},
                            &recovery->answer_done_bytes, out);
}

bool ud_recovery_is_over(const struct ud_recovery *recovery)
{
    return recovery->over && recovery->answer_done_bytes > recovery->answer_bytes;
}
