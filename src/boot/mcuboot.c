#include "updraft/mcuboot.h"

#include "boot/mcuboot_header.h"
#include "boot/mcuboot_sha512.h"
#include "boot/mcuboot_signature.h"
#include "slots/area.h"
#include "slots/le.h"

/* Numbers of MCUboot's design document, "Image format". */
#define ENTRIES_MAGIC 0x6907
#define PROTECTED_MAGIC 0x6908
#define ENTRIES_HEAD_BYTES 4
#define DEPENDENCY_BYTES 12
#define CHUNK_BYTES 64

enum {
    ENTRY_KEY_HASH = 0x01,
    ENTRY_SHA256 = 0x10,
    ENTRY_DEPENDENCY = 0x40,
    ENTRY_SECURITY_COUNTER = 0x50,
    ENTRY_BOOT_RECORD = 0x60,
};

/* ---- entries ---- */

/* An entry's value is at `at`; each takes it over once. */
static ud_err take_place(uint32_t *place, uint32_t at, uint32_t len, uint32_t wanted)
{
    if (*place != 0 || len != wanted) {
        return UD_ERR_IMAGE_ENTRY;
    }
    *place = at;
    return UD_OK;
}

static ud_err take_signature(struct ud_mcuboot_image *image, uint32_t at, uint32_t len)
{
    if (image->signature_at != 0 || len == 0 || len > UD_MCUBOOT_SIGNATURE_BYTES_MAX) {
        return UD_ERR_IMAGE_ENTRY;
    }
    image->signature_at = at;
    image->signature_bytes = (uint16_t)len;
    return UD_OK;
}

static ud_err take_unprotected(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t type,
                               uint32_t at, uint32_t len)
{
    switch (type) {
    case ENTRY_KEY_HASH:
        return UD_MCUBOOT_SHA512 ? ud_mcuboot_sha512_take_key_hash(image, at, len)
                                 : take_place(&image->key_hash_at, at, len, UD_SHA256_BYTES);
    case ENTRY_SHA256:
        return take_place(&image->hash_at, at, len, UD_SHA256_BYTES);
    case ENTRY_DEPENDENCY:
    case ENTRY_SECURITY_COUNTER:
    case ENTRY_BOOT_RECORD:
        return UD_ERR_IMAGE_ENTRY; /* nobody signed it */
    default:
        if (ud_mcuboot_signature_in(type)) {
            return take_signature(image, at, len);
        }
        return UD_MCUBOOT_SHA512 ? ud_mcuboot_sha512_take(image, area, type, at, len) : UD_OK;
    }
}

static struct ud_mcuboot_version take_version(struct ud_bytes *from)
{
    struct ud_mcuboot_version version;
    version.major = (uint8_t)ud_le_take(from, 1);
    version.minor = (uint8_t)ud_le_take(from, 1);
    version.revision = (uint16_t)ud_le_take(from, 2);
    version.build = ud_le_take(from, 4);
    return version;
}

static ud_err take_dependency(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t at,
                              uint32_t len)
{
    uint8_t bytes[DEPENDENCY_BYTES];
    struct ud_bytes rest = UD_BYTES_ARRAY(bytes);
    if (len != sizeof bytes) {
        return UD_ERR_IMAGE_ENTRY;
    }
    if (image->dependency_count == UD_MCUBOOT_DEPENDENCIES_MAX) {
        return UD_ERR_LIMIT;
    }
    const ud_err err = ud_area_read(area, at, bytes, sizeof bytes);
    if (err != UD_OK) {
        return err;
    }
    struct ud_mcuboot_dependency *dependency = &image->dependencies[image->dependency_count++];
    dependency->image = (uint8_t)ud_le_take(&rest, 1);
    (void)ud_le_take(&rest, 3); /* padding */
    dependency->version = take_version(&rest);
    return UD_OK;
}

static ud_err take_protected(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t type,
                             uint32_t at, uint32_t len)
{
    uint8_t counter[4];
    struct ud_bytes rest = UD_BYTES_ARRAY(counter);
    ud_err err = UD_OK;
    switch (type) {
    case ENTRY_DEPENDENCY:
        return take_dependency(image, area, at, len);
    case ENTRY_SECURITY_COUNTER:
        if (image->has_security_counter || len != sizeof counter) {
            return UD_ERR_IMAGE_ENTRY;
        }
        err = ud_area_read(area, at, counter, sizeof counter);
        if (err == UD_OK) {
            image->security_counter = ud_le_take(&rest, sizeof counter);
            image->has_security_counter = true;
        }
        return err;
    case ENTRY_KEY_HASH:
    case ENTRY_SHA256:
        return UD_ERR_IMAGE_ENTRY; /* they speak of what is protected */
    default:
        /* signed, but none that we act on; or one that speaks of it, too */
        return ud_mcuboot_signature_in(type) ? UD_ERR_IMAGE_ENTRY : UD_OK;
    }
}

static ud_err take_entries(struct ud_mcuboot_image *image, const struct ud_area *area, uint32_t at,
                           uint32_t end, bool is_protected)
{
    for (uint32_t count = 0; at < end; count++) {
        uint8_t head[UD_MCUBOOT_ENTRY_HEAD_BYTES];
        struct ud_bytes rest = UD_BYTES_ARRAY(head);
        if (count == UD_MCUBOOT_ENTRIES_MAX) {
            return UD_ERR_LIMIT;
        }
        if (end - at < sizeof head) {
            return UD_ERR_IMAGE_FORMAT;
        }
        ud_err err = ud_area_read(area, at, head, sizeof head);
        if (err != UD_OK) {
            return err;
        }
        const uint32_t type = ud_le_take(&rest, 2);
        const uint32_t len = ud_le_take(&rest, 2);
        at += (uint32_t)sizeof head;
        if (len > end - at) {
            return UD_ERR_IMAGE_FORMAT;
        }
        err = is_protected ? take_protected(image, area, type, at, len)
                           : take_unprotected(image, area, type, at, len);
        if (err != UD_OK) {
            return err;
        }
        at += len;
    }
    return UD_OK;
}

/* @param end  out: behind these entries */
static ud_err entries_end(const struct ud_area *area, uint32_t at, uint16_t magic, uint32_t *end)
{
    uint8_t head[ENTRIES_HEAD_BYTES];
    struct ud_bytes rest = UD_BYTES_ARRAY(head);
    if (area->size - at < sizeof head) {
        return UD_ERR_IMAGE_FORMAT;
    }
    const ud_err err = ud_area_read(area, at, head, sizeof head);
    if (err != UD_OK) {
        return err;
    }
    const bool right = ud_le_take(&rest, 2) == magic;
    const uint32_t len = ud_le_take(&rest, 2);
    if (!right || len < sizeof head || len > area->size - at) {
        return UD_ERR_IMAGE_FORMAT;
    }
    *end = at + len;
    return UD_OK;
}

/* ---- header ---- */

static ud_err take_header(struct ud_mcuboot_image *image, const struct ud_area *area)
{
    uint8_t bytes[UD_MCUBOOT_HEADER_BYTES];
    struct ud_bytes rest = UD_BYTES_ARRAY(bytes);
    const ud_err err =
        area->size < sizeof bytes ? UD_ERR_IMAGE_FORMAT : ud_area_read(area, 0, bytes, sizeof bytes);
    if (err != UD_OK) {
        return err;
    }
    const bool right = ud_le_take(&rest, 4) == UD_MCUBOOT_IMAGE_MAGIC;
    image->load_address = ud_le_take(&rest, 4);
    image->header_bytes = ud_le_take(&rest, 2);
    const uint32_t protected_bytes = ud_le_take(&rest, 2);
    image->payload_bytes = ud_le_take(&rest, 4);
    image->flags = ud_le_take(&rest, 4);
    image->version = take_version(&rest);
    if (!right || (image->flags & ~UD_MCUBOOT_FLAGS_KNOWN) != 0 || image->header_bytes < sizeof bytes ||
        image->payload_bytes == 0) {
        return UD_ERR_IMAGE_FORMAT;
    }
    /* each against what is left, so that no sum wraps */
    uint32_t left = area->size;
    if (image->header_bytes > left || image->payload_bytes > left - image->header_bytes) {
        return UD_ERR_IMAGE_FORMAT;
    }
    left -= image->header_bytes + image->payload_bytes;
    if (protected_bytes > left) {
        return UD_ERR_IMAGE_FORMAT;
    }
    image->signed_bytes = image->header_bytes + image->payload_bytes + protected_bytes;
    return UD_OK;
}

ud_err ud_mcuboot_parse(struct ud_mcuboot_image *out, const struct ud_area *area)
{
    struct ud_mcuboot_image image = {.verdict = UD_SURE_NO};
    uint32_t end = 0;
    ud_err err = take_header(&image, area);
    if (err != UD_OK) {
        return err;
    }
    const uint32_t payload_end = image.header_bytes + image.payload_bytes;
    if (image.signed_bytes > payload_end) {
        err = entries_end(area, payload_end, PROTECTED_MAGIC, &end);
        if (err == UD_OK && end != image.signed_bytes) { /* header and entries must agree on what is signed */
            err = UD_ERR_IMAGE_FORMAT;
        }
        if (err == UD_OK) {
            err = take_entries(&image, area, payload_end + ENTRIES_HEAD_BYTES, end, true);
        }
    }
    if (err == UD_OK) {
        err = entries_end(area, image.signed_bytes, ENTRIES_MAGIC, &image.total_bytes);
    }
    if (err == UD_OK) {
        err = take_entries(&image, area, image.signed_bytes + ENTRIES_HEAD_BYTES, image.total_bytes, false);
    }
    if (err == UD_OK && (image.hash_at == 0 || image.key_hash_at == 0 || image.signature_at == 0)) {
        err = UD_ERR_IMAGE_ENTRY;
    }
    if (err == UD_OK && UD_MCUBOOT_SHA512) {
        err = ud_mcuboot_sha512_check(&image);
    }
    if (err == UD_OK) {
        *out = image;
    }
    return err;
}

/* ---- verification ---- */

static ud_err hash_signed(const struct ud_mcuboot_image *image, const struct ud_area *area,
                          uint8_t digest[UD_SHA256_BYTES])
{
    struct ud_hash hash;
    uint8_t chunk[CHUNK_BYTES];
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    for (uint32_t at = 0; err == UD_OK && at < image->signed_bytes;) {
        const uint32_t left = image->signed_bytes - at;
        const uint32_t n = left < sizeof chunk ? left : (uint32_t)sizeof chunk;
        err = ud_area_read(area, at, chunk, n);
        if (err == UD_OK) {
            err = ud_hash_update(&hash, (struct ud_bytes){chunk, n});
        }
        at += n;
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    return ud_hash_final(&hash, digest);
}

/* Position of the key whose hash the image names. */
static ud_err find_key(const struct ud_trust *trust, const uint8_t key_hash[UD_SHA256_BYTES], size_t *index)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        const struct ud_key key = ud_trust_key_view(&trust->keys[i]);
        const struct ud_bytes parts[] = {ud_mcuboot_key_head(key.type), key.pub};
        uint8_t digest[UD_SHA256_BYTES];
        const ud_err err = ud_sha256(parts, 2, digest);
        if (err != UD_OK) {
            return err;
        }
        if (ud_mcuboot_signature_by(key.type) && memcmp(digest, key_hash, sizeof digest) == 0) {
            *index = i;
            return UD_OK;
        }
    }
    return UD_ERR_UNTRUSTED;
}

/* Whose key, and is one enough? */
static ud_err choose_key(const struct ud_mcuboot_image *image, const struct ud_area *area,
                         const struct ud_trust *trust, size_t *index)
{
    uint8_t key_hash[UD_SHA256_BYTES];
    ud_err err = ud_area_read(area, image->key_hash_at, key_hash, sizeof key_hash);
    if (err == UD_OK) {
        err = find_key(trust, key_hash, index);
    }
    return err == UD_OK ? ud_trust_enough(trust, (ud_trust_set)1 << *index) : err;
}

static ud_err check_hash(struct ud_mcuboot_image *image, const struct ud_area *area)
{
    uint8_t stated[UD_SHA256_BYTES];
    ud_err err = hash_signed(image, area, image->digest);
    if (err == UD_OK) {
        err = ud_area_read(area, image->hash_at, stated, sizeof stated);
    }
    if (err != UD_OK) {
        return err;
    }
    return ud_bytes_equal_secret(UD_BYTES_ARRAY(image->digest), UD_BYTES_ARRAY(stated)) ? UD_OK
                                                                                        : UD_ERR_IMAGE_MISMATCH;
}

static ud_err verify_sha256(struct ud_mcuboot_image *image, const struct ud_area *area,
                            const struct ud_trust *trust)
{
    size_t at = 0;
    ud_err err = check_hash(image, area);
    if (err == UD_OK) {
        err = choose_key(image, area, trust, &at);
    }
    return err == UD_OK ? ud_mcuboot_signature_verify(image, area, &trust->keys[at]) : err;
}

ud_err ud_mcuboot_verify(struct ud_mcuboot_image *image, const struct ud_area *area,
                         const struct ud_trust *trust)
{
    image->verdict = UD_SURE_NO;
    const ud_err err = UD_MCUBOOT_SHA512 && image->form != 0 ? ud_mcuboot_sha512_verify(image, area, trust)
                                                             : verify_sha256(image, area, trust);
    if (ud_sure_ok(err)) {
        image->verdict = UD_SURE_YES;
    }
    return err;
}

int ud_mcuboot_version_compare(struct ud_mcuboot_version a, struct ud_mcuboot_version b)
{
    const uint32_t left[] = {a.major, a.minor, a.revision, a.build};
    const uint32_t right[] = {b.major, b.minor, b.revision, b.build};
    for (size_t i = 0; i < 4; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return 0;
}
