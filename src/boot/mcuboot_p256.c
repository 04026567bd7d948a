#include "boot/mcuboot_signature.h"
#include "slots/area.h"

/* One INTEGER of DER into the 32 bytes that end at `out + 32`: positive, shortest, nothing over. */
static bool take_integer(struct ud_bytes *from, uint8_t out[UD_P256_SIGNATURE_BYTES / 2])
{
    const size_t room = UD_P256_SIGNATURE_BYTES / 2;
    struct ud_bytes head = {NULL, 0};
    struct ud_bytes value = {NULL, 0};
    if (!ud_bytes_take(from, 2, &head) || head.ptr[0] != 0x02 || head.ptr[1] == 0 ||
        !ud_bytes_take(from, head.ptr[1], &value) || (value.ptr[0] & 0x80) != 0) {
        return false;
    }
    if (value.len > 1 && value.ptr[0] == 0) {
        if ((value.ptr[1] & 0x80) == 0) {
            return false; /* a zero that nothing needs */
        }
        (void)ud_bytes_take(&value, 1, &head);
    }
    if (value.len > room) {
        return false;
    }
    memset(out, 0, room);
    memcpy(out + room - value.len, value.ptr, value.len);
    return true;
}

/* r || s of an ECDSA-Sig-Value. Old tools pad it with up to two zeros: they are allowed, and nothing else behind it. */
static bool take_der(struct ud_bytes der, uint8_t out[UD_P256_SIGNATURE_BYTES])
{
    struct ud_bytes head = {NULL, 0};
    struct ud_bytes body = {NULL, 0};
    if (!ud_bytes_take(&der, 2, &head) || head.ptr[0] != 0x30 || !ud_bytes_take(&der, head.ptr[1], &body)) {
        return false;
    }
    for (size_t i = 0; i < der.len; i++) {
        if (der.ptr[i] != 0 || der.len > 2) {
            return false;
        }
    }
    return take_integer(&body, out) && take_integer(&body, out + UD_P256_SIGNATURE_BYTES / 2) && body.len == 0;
}

ud_err ud_mcuboot_p256_verify(const struct ud_mcuboot_image *image, const struct ud_area *area,
                              const struct ud_trust_key *key)
{
    uint8_t der[UD_MCUBOOT_SIGNATURE_BYTES_MAX];
    uint8_t signature[UD_P256_SIGNATURE_BYTES];
    const ud_err err = ud_area_read(area, image->signature_at, der, image->signature_bytes);
    if (err != UD_OK) {
        return err;
    }
    if (!take_der((struct ud_bytes){der, image->signature_bytes}, signature)) {
        return UD_ERR_SIGNATURE;
    }
    const struct ud_key view = ud_trust_key_view(key);
    return ud_es256_verify_digest(&view, image->digest, UD_BYTES_ARRAY(signature));
}
