/*
 * Serial recovery, fed by anybody who holds the wire. Whatever comes: every answer is whole lines of a message that the
 * frame reader takes back, with a header and a map that is well-formed; and without a signature nothing is written to
 * the flash. The first byte chooses: lines as they are, or a message that is put into lines first.
 */
#include "boot/smp_frame.h"
#include "flash.h"
#include "layout.h"
#include "updraft/assert.h"
#include "updraft/cbor.h"

static struct ud_boot boot;
static struct ud_layout layout;
static struct sim_flash sim;
static uint8_t ram[1024];

static void start(struct ud_recovery *recovery)
{
    static const struct ud_trust nobody = {.threshold = 1};
    static const struct ud_boot_identity identity = {.device_id = {NULL, 0}};
    static const struct sim_layout_shape shape = {.journal_sectors = 3,
                                                  .image_sectors = 2,
                                                  .envelope_sectors = 1,
                                                  .component_count = 1,
                                                  .trial_boots_max = 1};
    struct ud_boot_info info;
    if (sim.flash.size_bytes == 0) {
        sim_flash_init(&sim, sim_layout_bytes(&shape, 4096), 4096, 8, 0xff);
        sim_layout(&layout, &sim.flash, &shape);
    }
    ud_boot_init(&boot, &layout, &nobody, &identity, ram, sizeof ram);
    UD_ASSERT(ud_boot_choose(&boot, UD_OK, &info) == UD_ERR_NO_SLOT);
    ud_recovery_init(recovery, &boot);
}

static void check_message(struct ud_bytes message)
{
    struct ud_cbor reader;
    struct ud_bytes head = {NULL, 0};
    UD_ASSERT(ud_bytes_take(&message, 8, &head));
    UD_ASSERT((head.ptr[0] & 1) == 1 && message.len == ((size_t)head.ptr[2] << 8 | head.ptr[3]));
    ud_cbor_init(&reader, message);
    UD_ASSERT(ud_cbor_peek(&reader) == UD_CBOR_MAP);
    (void)ud_cbor_skip(&reader);
    UD_ASSERT(ud_cbor_finish(&reader) == UD_OK);
}

static void check_answer(struct ud_recovery *recovery)
{
    struct ud_smp_frame_state back;
    struct ud_bytes message = {NULL, 0};
    ud_err taken = UD_WAIT;
    ud_err more;
    ud_smp_frame_init(&back);
    do {
        uint8_t text[UD_SMP_LINE_BYTES_MAX];
        struct ud_buf line = {text, sizeof text, 0};
        more = ud_recovery_line(recovery, &line);
        UD_ASSERT((more == UD_OK || more == UD_WAIT) && taken == UD_WAIT && line.len > 0);
        for (size_t i = 0; i < line.len; i++) {
            taken = ud_smp_frame_take(&back, text[i], &message);
        }
    } while (more == UD_WAIT);
    UD_ASSERT(taken == UD_OK);
    check_message(message);
}

static void feed(struct ud_recovery *recovery, struct ud_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (ud_recovery_take(recovery, bytes.ptr[i]) == UD_OK) {
            check_answer(recovery);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_recovery recovery;
    struct ud_bytes in = {data, size};
    struct ud_bytes choice = {NULL, 0};
    if (!ud_bytes_take(&in, 1, &choice)) {
        return 0;
    }
    start(&recovery);
    while (choice.ptr[0] % 2 == 1 && in.len > 0) { /* messages: two bytes of length each */
        uint8_t text[UD_SMP_LINE_BYTES_MAX];
        struct ud_bytes message = {NULL, 0};
        uint32_t done = 0;
        ud_err err = UD_WAIT;
        if (!ud_bytes_take(&in, 2, &message)) {
            break;
        }
        const size_t stated = ((size_t)message.ptr[0] << 8 | message.ptr[1]) % (UD_SMP_MESSAGE_BYTES_MAX + 1);
        (void)ud_bytes_take(&in, stated < in.len ? stated : in.len, &message);
        while (err == UD_WAIT) {
            struct ud_buf line = {text, sizeof text, 0};
            err = ud_smp_frame_put(message, &done, &line);
            feed(&recovery, ud_buf_bytes(&line));
        }
    }
    feed(&recovery, in);
    UD_ASSERT(sim.operations == 0 && sim.violations == 0);
    return 0;
}
