#include "ports/mps2-an385/at_rest/at_rest.h"
#include "ports/mps2-an385/memory.h"

struct ud_at_rest ud_mps2_at_rest;
const struct ud_cipher *const ud_mps2_cipher = &ud_mps2_at_rest.cipher;

/* Memory that nobody wrote reads as one byte again and again. */
static bool is_blank(struct ud_bytes secret)
{
    uint8_t differ = 0;
    for (size_t i = 1; i < secret.len; i++) {
        differ |= secret.ptr[i] ^ secret.ptr[0];
    }
    return differ == 0;
}

static struct ud_bytes secret_of_device(void)
{
    return (struct ud_bytes){(const uint8_t *)(uintptr_t)(UD_MPS2_PROVISION_BASE + UD_MPS2_AT_REST_OFFSET),
                             UD_AT_REST_SECRET_BYTES};
}

static ud_err begin(const struct ud_layout *layout, const struct ud_slots *slots,
                    void (*init)(struct ud_at_rest *, const struct ud_slots *, struct ud_bytes))
{
    const struct ud_bytes secret = secret_of_device();
    if (layout->cipher == NULL) {
        return UD_OK;
    }
    init(&ud_mps2_at_rest, slots, secret);
    return is_blank(secret) ? UD_ERR_KEY : UD_OK;
}

ud_err ud_mps2_at_rest_begin(const struct ud_layout *layout, const struct ud_slots *slots)
{
    return begin(layout, slots, ud_at_rest_init);
}

ud_err ud_mps2_at_rest_begin_install(const struct ud_layout *layout, const struct ud_slots *slots)
{
    return begin(layout, slots, ud_at_rest_init_install);
}
