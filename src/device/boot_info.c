#include "device/boot_info.h"

#include "updraft/cbor.h"

#define VERSION 2
#define PAIRS 12
#define PAIRS_MAX 24 /* of a bootloader that is newer than this image */
#define FIRST_VERSION 1
#define FIRST_PAIRS 11

enum {
    KEY_VERSION = 1,
    KEY_SLOT,
    KEY_REASON,
    KEY_OUTCOME,
    KEY_ATTEMPTED,
    KEY_MANIFEST,
    KEY_NUMBER,
    KEY_IMAGES,
    KEY_BOOT_COUNT,
    KEY_DEADLINE,
    KEY_RECORD,
    KEY_COUNTER_ERR,
};

static void put_pair(struct ud_cbor_writer *writer, uint32_t key, uint32_t value)
{
    ud_cbor_put_uint(writer, key);
    ud_cbor_put_uint(writer, value);
}

static void put_digest(struct ud_cbor_writer *writer, uint32_t key, const uint8_t digest[UD_DIGEST_BYTES])
{
    ud_cbor_put_uint(writer, key);
    ud_cbor_put_bstr(writer, (struct ud_bytes){digest, UD_DIGEST_BYTES});
}

static void put_images(struct ud_cbor_writer *writer, const struct ud_boot_info *info)
{
    ud_cbor_put_uint(writer, KEY_IMAGES);
    ud_cbor_put_array(writer, info->image_count);
    for (uint8_t i = 0; i < info->image_count; i++) {
        ud_cbor_put_array(writer, 2);
        ud_cbor_put_bstr(writer, UD_BYTES_ARRAY(info->images[i].digest));
        ud_cbor_put_uint(writer, info->images[i].size_bytes);
    }
}

static void put_record(struct ud_cbor_writer *writer, const struct ud_suit_record *record)
{
    ud_cbor_put_uint(writer, KEY_RECORD);
    ud_cbor_put_array(writer, 4);
    ud_cbor_put_uint(writer, (uint64_t)record->section);
    ud_cbor_put_uint(writer, record->offset_bytes);
    ud_cbor_put_uint(writer, record->component);
    ud_cbor_put_int(writer, record->command);
}

ud_err ud_boot_info_write(struct ud_buf *out, const struct ud_boot_info *info)
{
    struct ud_cbor_writer writer;
    ud_cbor_writer_init(&writer, out);
    ud_cbor_put_map(&writer, PAIRS);
    put_pair(&writer, KEY_VERSION, VERSION);
    put_pair(&writer, KEY_SLOT, info->slot);
    put_pair(&writer, KEY_REASON, (uint32_t)info->reason);
    put_pair(&writer, KEY_OUTCOME, (uint32_t)info->outcome);
    put_digest(&writer, KEY_ATTEMPTED, info->attempted_digest);
    put_digest(&writer, KEY_MANIFEST, info->manifest_digest);
    ud_cbor_put_uint(&writer, KEY_NUMBER);
    ud_cbor_put_array(&writer, 2);
    ud_cbor_put_uint(&writer, info->version.epoch);
    ud_cbor_put_uint(&writer, info->version.sequence);
    put_images(&writer, info);
    put_pair(&writer, KEY_BOOT_COUNT, info->boot_count);
    put_pair(&writer, KEY_DEADLINE, info->confirm_deadline_ms);
    put_record(&writer, &info->record);
    put_pair(&writer, KEY_COUNTER_ERR, (uint32_t)info->counter_err);
    return ud_cbor_written(&writer);
}

/* ---- reading: every key in its order ---- */

static uint64_t take_number(struct ud_cbor *reader, uint64_t max)
{
    const uint64_t value = ud_cbor_uint(reader);
    if (value > max) {
        ud_cbor_fail(reader, UD_ERR_NUMBER_RANGE);
    }
    return value;
}

static void take_key(struct ud_cbor *reader, uint64_t key)
{
    if (ud_cbor_uint(reader) != key) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
    }
}

static uint64_t take_pair(struct ud_cbor *reader, uint64_t key, uint64_t max)
{
    take_key(reader, key);
    return take_number(reader, max);
}

static void take_digest(struct ud_cbor *reader, uint8_t digest[UD_DIGEST_BYTES])
{
    const struct ud_bytes bytes = ud_cbor_bstr(reader);
    if (bytes.len != UD_DIGEST_BYTES) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
        return;
    }
    memcpy(digest, bytes.ptr, UD_DIGEST_BYTES);
}

static void take_array(struct ud_cbor *reader, uint64_t count)
{
    if (ud_cbor_array(reader) != count) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
    }
}

static void take_images(struct ud_cbor *reader, struct ud_boot_info *info)
{
    take_key(reader, KEY_IMAGES);
    const uint64_t count = ud_cbor_array(reader);
    if (count > UD_COMPONENTS_MAX) {
        ud_cbor_fail(reader, UD_ERR_LIMIT);
        return;
    }
    info->image_count = (uint8_t)count;
    for (uint8_t i = 0; i < info->image_count; i++) {
        take_array(reader, 2);
        take_digest(reader, info->images[i].digest);
        info->images[i].size_bytes = (uint32_t)take_number(reader, UINT32_MAX);
    }
}

static void take_record(struct ud_cbor *reader, struct ud_suit_record *record)
{
    take_key(reader, KEY_RECORD);
    take_array(reader, 4);
    record->section = (ud_suit_section)take_number(reader, UD_SUIT_INSTALL);
    record->offset_bytes = (uint32_t)take_number(reader, UINT32_MAX);
    record->component = (uint8_t)take_number(reader, UINT8_MAX);
    record->command = ud_cbor_int(reader);
}

static ud_err take_err(struct ud_cbor *reader, uint64_t key)
{
    ud_err err = UD_OK;
    const uint64_t value = take_pair(reader, key, UINT32_MAX);
    if (!ud_err_from_value((uint32_t)value, &err)) {
        err = UD_ERR_INTERNAL; /* of a bootloader that is newer than this image */
    }
    return err;
}

/* @return pairs behind those that version 1 has */
static uint64_t take_version(struct ud_cbor *reader)
{
    const uint64_t pairs = ud_cbor_map(reader);
    const uint64_t version = take_pair(reader, KEY_VERSION, UINT32_MAX);
    if (version > VERSION || version < FIRST_VERSION) {
        ud_cbor_fail(reader, UD_ERR_VERSION);
    } else if (version == FIRST_VERSION ? pairs != FIRST_PAIRS : pairs < PAIRS || pairs > PAIRS_MAX) {
        ud_cbor_fail(reader, UD_ERR_SHAPE);
    }
    return reader->err == UD_OK ? pairs - FIRST_PAIRS : 0;
}

static void take_later(struct ud_cbor *reader, struct ud_boot_info *info, uint64_t pairs)
{
    if (pairs == 0) {
        return;
    }
    info->counter_err = take_err(reader, KEY_COUNTER_ERR);
    for (uint64_t key = KEY_COUNTER_ERR; pairs > PAIRS - FIRST_PAIRS && reader->err == UD_OK; pairs--) {
        const uint64_t next = ud_cbor_uint(reader);
        if (next <= key) {
            ud_cbor_fail(reader, UD_ERR_SHAPE);
        }
        key = next;
        (void)ud_cbor_skip(reader);
    }
}

ud_err ud_boot_info_parse(struct ud_boot_info *info, struct ud_bytes in)
{
    struct ud_cbor reader;
    struct ud_boot_info read = {0};
    ud_cbor_init(&reader, in);
    const uint64_t later = take_version(&reader);
    read.slot = (uint8_t)take_pair(&reader, KEY_SLOT, later == 0 ? UD_SLOT_COUNT - 1 : UD_SLOT_RECOVERY);
    read.reason = (ud_boot_reason)take_pair(&reader, KEY_REASON, UD_BOOT_RECOVERY);
    read.outcome = take_err(&reader, KEY_OUTCOME);
    take_key(&reader, KEY_ATTEMPTED);
    take_digest(&reader, read.attempted_digest);
    take_key(&reader, KEY_MANIFEST);
    take_digest(&reader, read.manifest_digest);
    take_key(&reader, KEY_NUMBER);
    take_array(&reader, 2);
    read.version.epoch = (uint32_t)take_number(&reader, UINT32_MAX);
    read.version.sequence = ud_cbor_uint(&reader);
    take_images(&reader, &read);
    read.boot_count = (uint32_t)take_pair(&reader, KEY_BOOT_COUNT, UINT32_MAX);
    read.confirm_deadline_ms = (uint32_t)take_pair(&reader, KEY_DEADLINE, UINT32_MAX);
    take_record(&reader, &read.record);
    take_later(&reader, &read, later);
    const ud_err err = ud_cbor_finish(&reader);
    if (err == UD_OK) {
        *info = read;
    }
    return err;
}

/* ---- measurement ---- */

static ud_err extend(uint8_t measurement[UD_DIGEST_BYTES], struct ud_bytes digest)
{
    const struct ud_bytes parts[] = {{measurement, UD_DIGEST_BYTES}, digest};
    return digest.len == 0 ? UD_OK : ud_sha256(parts, sizeof parts / sizeof parts[0], measurement);
}

ud_err ud_boot_info_measure(const struct ud_boot_info *info, struct ud_bytes before,
                            uint8_t measurement[UD_DIGEST_BYTES])
{
    memset(measurement, 0, UD_DIGEST_BYTES);
    ud_err err = extend(measurement, before);
    if (err == UD_OK) {
        err = extend(measurement, UD_BYTES_ARRAY(info->manifest_digest));
    }
    for (uint8_t i = 0; err == UD_OK && i < info->image_count; i++) {
        err = extend(measurement, UD_BYTES_ARRAY(info->images[i].digest));
    }
    return err;
}
