#include "patch_store.h"

#define PATCH_BYTES_MAX 65536 /* a longer one is not taken: the image comes whole */

static uint8_t store[PATCH_BYTES_MAX];

/* One that is lost with the power is fetched again: it is small, and what it made of the image is in flash. */
static ud_err write_store(void *ctx, uint32_t offset, struct ud_bytes data)
{
    (void)ctx;
    if (offset > sizeof store || data.len > sizeof store - offset) {
        return UD_ERR_SPACE;
    }
    memcpy(store + offset, data.ptr, data.len);
    return UD_OK;
}

static ud_err read_store(void *ctx, uint32_t offset, uint8_t *out, uint32_t len)
{
    (void)ctx;
    if (offset > sizeof store || len > sizeof store - offset) {
        return UD_ERR_RANGE;
    }
    memcpy(out, store + offset, len);
    return UD_OK;
}

struct ud_agent_patching *patch_store_open(void)
{
    static struct ud_delta delta;
    static struct ud_agent_patching patching;
    patching = (struct ud_agent_patching){.ops = &ud_agent_patching_ops,
                                          .delta = &delta,
                                          .profile = UD_DELTA_PROFILE_MAX,
                                          .store = {NULL, sizeof store, write_store, read_store}};
    return &patching;
}
