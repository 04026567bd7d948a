#include "helper_fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

const uint8_t fleet_nonce[UD_NONCE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct ud_key_pair *make_key(struct ud_signer *signer)
{
    struct ud_key_pair *pair = NULL;
    assert_int_equal(ud_key_pair_generate(&pair), UD_OK);
    assert_int_equal(ud_key_pair_signer(pair, UD_ALG_ES256, signer), UD_OK);
    return pair;
}

void fleet_release(const struct fleet *fleet, struct release *release, uint64_t sequence, uint32_t image_bytes,
                   uint8_t fill)
{
    release_make(release,
                 &(struct release_options){
                     .sequence = sequence, .image_bytes = image_bytes, .fill = fill, .signer = &fleet->author});
}

int fleet_setup(void **state)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL) {
        return -1;
    }
    fleet->author_key = make_key(&fleet->author);
    fleet->stranger_key = make_key(&fleet->stranger);
    fleet->device_key = make_key(&fleet->own);
    fleet_release(fleet, &fleet->v1, 10, 5000, 1);
    fleet_release(fleet, &fleet->v2, 11, 7001, 2);
    device_make(&fleet->device, &fleet->author, &fleet->own, &fleet->v1);
    assert_int_equal(device_run_to_rest(&fleet->device), UD_WAIT);
    *state = fleet;
    return 0;
}

int fleet_teardown(void **state)
{
    struct fleet *fleet = *state;
    device_drop(&fleet->device);
    ud_key_pair_close(fleet->author_key);
    ud_key_pair_close(fleet->stranger_key);
    ud_key_pair_close(fleet->device_key);
    free(fleet);
    return 0;
}

void fleet_offer(struct device *device, const struct release *release, uint32_t action_id)
{
    (void)sim_road_put(&device->road, "manifest.suit", release_envelope(release));
    (void)sim_road_put(&device->road, release->image_name, release_image(release));
    sim_road_offer(&device->road, action_id, "manifest.suit", fleet_nonce);
}

void fleet_update(struct device *device, const struct release *release, uint32_t action_id)
{
    fleet_offer(device, release, action_id);
    assert_int_equal(device_run_to(device, UD_AGENT_RESET), UD_WAIT);
    assert_int_equal(device_step(device), UD_OK);
    assert_int_equal(device_boot(device, UD_OK), UD_OK);
    device_expect_running(device, release);
    assert_int_equal(ud_slots_confirm(&device->slots, device->info.slot), UD_OK);
    assert_int_equal(device_run_to_rest(device), UD_WAIT);
}
