#include "helper_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/keep.h"

static const uint8_t component_id[] = {0x81, 0x43, 'a', 'p', 'p'};

static struct ud_area area(const struct device *device, uint32_t *at, uint32_t size)
{
    const struct ud_area area = {&device->flash.flash, *at, size};
    *at += size;
    return area;
}

static void lay_out(struct device *device, const struct ud_bytes *ids, uint8_t count)
{
    uint32_t at = 0;
    struct ud_layout *layout = &device->layout;
    layout->component_count = count;
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        for (uint8_t i = 0; i < count; i++) {
            layout->components[i].id = ids[i];
            layout->components[i].image[slot] = area(device, &at, DEVICE_SLOT_BYTES);
        }
        layout->envelope[slot] = area(device, &at, 2 * DEVICE_SECTOR);
    }
    layout->journal = area(device, &at, 4 * DEVICE_SECTOR);
    layout->trial_boots_max = 1;
    layout->confirm_deadline_ms = 1000;
    assert_true(at <= device->flash.flash.size_bytes);
}

static const uint8_t staging[] = {0x81, 0x45, 'p', 'a', 't', 'c', 'h'};
const struct ud_bytes device_staging = {staging, sizeof staging};

struct ud_boot *device_boots(struct device *device)
{
    return device->single ? &device->in_place.boot : &device->boot;
}

static void boot_init(struct device *device)
{
    struct ud_boot *boot = device_boots(device);
    ud_boot_init(boot, &device->layout, &device->trust, &device->identity, device->boot_ram,
                 sizeof device->boot_ram);
    if (device->with_trees) {
        ud_boot_depend(boot, &device->boot_domains);
    }
    if (device->single) {
        ud_boot_in_place(&device->in_place, device_staging);
    }
}

static void install(struct device *device, const struct release *first)
{
    struct ud_suit_envelope env = {0};
    struct ud_bytes kept;
    uint32_t resume[UD_COMPONENTS_MAX];
    struct ud_slots *slots = &device->slots;
    uint32_t sizes[UD_COMPONENTS_MAX] = {0};
    const uint8_t count = device->layout.component_count;
    for (uint8_t i = 0; i < count; i++) {
        sizes[i] = first->image_bytes;
    }
    memcpy(device->envelope, first->envelope, first->envelope_bytes);
    assert_int_equal(
        ud_suit_envelope_parse(&env, (struct ud_bytes){device->envelope, first->envelope_bytes}, NULL), UD_OK);
    assert_int_equal(ud_slots_format(slots, &device->layout), UD_OK);
    assert_int_equal(ud_slots_install_begin(slots, 1, first->manifest_digest, sizes, resume), UD_OK);
    for (uint8_t i = 0; i < count; i++) {
        assert_int_equal(ud_slots_install_write(slots, i, release_image(first)), UD_OK);
    }
    assert_int_equal(ud_envelope_keep(device->envelope, &env, &kept), UD_OK);
    assert_int_equal(ud_slots_envelope_write(slots, kept), UD_OK);
}

static void install_first(struct device *device, const struct release *first)
{
    struct ud_boot_info info;
    install(device, first);
    boot_init(device);
    device_boots(device)->slots = device->slots;
    assert_int_equal(ud_boot_verify(device_boots(device), 0, &info), UD_OK);
    assert_int_equal(ud_slots_adopt(&device->slots, 0, info.version), UD_OK);
}

/* By a layout that has the recovery area for its slot 0. */
static void put_recovery(struct device *device, const struct release *rescue)
{
    const struct ud_layout own = device->layout;
    device->layout.components[0].image[1] = own.components[0].image[0];
    device->layout.components[0].image[0] = device->recovery.image;
    device->layout.envelope[0] = device->recovery.envelope;
    device->layout.mover = NULL;
    device->layout.move.size = 0;
    device->layout.recovery = NULL;
    install(device, rescue);
    device->layout = own;
}

static void lay_out_single(struct device *device)
{
    uint32_t at = 0;
    struct ud_layout *layout = &device->layout;
    layout->component_count = 1;
    layout->components[0].id = (struct ud_bytes){component_id, sizeof component_id};
    layout->components[0].image[0] = area(device, &at, DEVICE_SLOT_BYTES);
    layout->components[0].image[1] = area(device, &at, DEVICE_PATCH_BYTES);
    for (uint8_t slot = 0; slot < UD_SLOT_COUNT; slot++) {
        layout->envelope[slot] = area(device, &at, 2 * DEVICE_SECTOR);
    }
    layout->journal = area(device, &at, 4 * DEVICE_SECTOR);
    device->recovery.image = area(device, &at, DEVICE_SLOT_BYTES);
    device->recovery.envelope = area(device, &at, 2 * DEVICE_SECTOR);
    layout->recovery = &device->recovery;
    layout->move = (struct ud_area){&device->records.flash, 0, UD_TWIN_COPIES * DEVICE_RECORD_BYTES};
    layout->mover = &ud_move_patch;
    layout->trial_boots_max = 1;
    layout->confirm_deadline_ms = 1000;
}

void device_make_rest(struct device *device, const struct ud_signer *author, const struct ud_signer *own)
{
    sim_road_init(&device->road);
    device->signer = *own;
    device->trust.threshold = 1;
    assert_int_equal(ud_trust_add(&device->trust, author->pub, 1), UD_OK);
    device->identity = (struct ud_boot_identity){
        .vendor_id = UD_BYTES_ARRAY(release_vendor),
        .class_id = UD_BYTES_ARRAY(release_class),
    };
    device->config = (struct ud_agent_config){
        .slots = &device->slots,
        .layout = &device->layout,
        .boot = &device->info,
        .trust = &device->trust,
        .signer = &device->signer,
        .road = &device->road.road,
        .vendor_id = device->identity.vendor_id,
        .class_id = device->identity.class_id,
        .envelope = device->envelope,
        .envelope_cap = sizeof device->envelope,
        .seed = 1,
    };
}

void device_make(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                 const struct release *first)
{
    static const struct ud_bytes app = {component_id, sizeof component_id};
    device_make_of(device, author, own, first, &app, 1);
}

void device_make_of(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                    const struct release *first, const struct ud_bytes *ids, uint8_t count)
{
    memset(device, 0, sizeof *device);
    sim_flash_init(&device->flash, 2 * (count * DEVICE_SLOT_BYTES + 2 * DEVICE_SECTOR) + 4 * DEVICE_SECTOR,
                   DEVICE_SECTOR, 8, 0xff);
    lay_out(device, ids, count);
    device_make_rest(device, author, own);
    install_first(device, first);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
}

void device_make_single(struct device *device, const struct ud_signer *author, const struct ud_signer *own,
                        const struct release *first, const struct release *rescue)
{
    const uint32_t records = UD_TWIN_COPIES * DEVICE_RECORD_BYTES;
    memset(device, 0, sizeof *device);
    device->single = true;
    sim_flash_init(&device->flash, 2 * DEVICE_SLOT_BYTES + DEVICE_PATCH_BYTES + 10 * DEVICE_SECTOR + records,
                   DEVICE_SECTOR, 8, 0xff);
    sim_flash_part(&device->records, &device->flash, records, DEVICE_RECORD_BYTES, 8, 0xff);
    lay_out_single(device);
    device_make_rest(device, author, own);
    put_recovery(device, rescue);
    install_first(device, first);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
}

void device_drop(struct device *device)
{
    ud_hash_abort(&device->agent.hash);
    sim_flash_deinit(&device->flash);
}

ud_err device_boot(struct device *device, ud_err ended)
{
    ud_hash_abort(
        &device->agent.hash); /* RAM is gone with the reset; what the library allocated must not leak */
    boot_init(device);
    device->steps = 0;
    ud_err err = ud_boot_choose(device_boots(device), ended, &device->info);
    if (err == UD_OK) {
        assert_int_equal(ud_boot_allows(device_boots(device), &device->info), UD_SURE_YES);
        err = ud_slots_mount(&device->slots, &device->layout);
    }
    if (err == UD_OK) {
        assert_int_equal(ud_agent_init(&device->agent, &device->config), UD_OK);
    }
    return err;
}

ud_err device_step(struct device *device)
{
    uint32_t wait_ms = 0;
    const ud_err err = ud_agent_step(&device->agent, device->now_ms, &wait_ms);
    device->now_ms += wait_ms;
    device->steps++;
    return err;
}

ud_err device_run_to(struct device *device, ud_agent_state state)
{
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX; i++) {
        if (ud_agent_status(&device->agent)->state == state) {
            return UD_WAIT;
        }
        const ud_err err = device_step(device);
        if (err != UD_WAIT) {
            return err;
        }
    }
    fail_msg("state %s does not come; it is %s, %s", ud_agent_state_name(state),
             ud_agent_state_name(ud_agent_status(&device->agent)->state),
             ud_err_name(ud_agent_status(&device->agent)->last_err));
    return UD_ERR_TIMEOUT;
}

ud_err device_run_to_rest(struct device *device)
{
    for (uint32_t i = 0; i < DEVICE_STEPS_MAX; i++) {
        uint32_t wait_ms = 0;
        const ud_err err = ud_agent_step(&device->agent, device->now_ms, &wait_ms);
        device->steps++;
        if (err != UD_WAIT || (ud_agent_status(&device->agent)->state == UD_AGENT_IDLE && wait_ms > 0)) {
            return err;
        }
        device->now_ms += wait_ms;
    }
    fail_msg("it does not come to rest: %s", ud_agent_state_name(ud_agent_status(&device->agent)->state));
    return UD_ERR_TIMEOUT;
}

struct ud_report device_last_report(const struct device *device)
{
    struct ud_report report = {0};
    const struct ud_key key = {.pub = UD_BYTES_ARRAY(device->signer.pub)};
    const struct ud_bytes in = {device->road.last_report, device->road.last_report_len};
    assert_int_equal(ud_report_verify(&report, in, &key, NULL), UD_OK);
    return report;
}

void device_expect_running(struct device *device, const struct release *release)
{
    assert_memory_equal(device->info.manifest_digest, release->manifest_digest, UD_SHA256_BYTES);
    assert_memory_equal(device->info.images[0].digest, release->image_digest, UD_SHA256_BYTES);
    assert_int_equal(device->info.images[0].size_bytes, release->image_bytes);
}
