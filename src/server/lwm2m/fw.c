/*
 * Artifacts over CoAP: /fw/<capability>/<filename>, Block2 straight from the mapped file. The capability names device
 * and release and is authenticated by this server's secret, so that a URI needs no query, no percent-encoding and no
 * credentials of its own (what stock clients can do with a Package URI). It is good while the release is offered to
 * the device, or is what it runs. Behind it, /from/<16 hex digits>/p<profile> is a patch from the image that the device
 * last reported, signed, that it runs; 4.04 where there is none, and the device takes the image.
 */
#include "server/lwm2m/hub.h"

#include "core/crc32.h"
#include "server/artifact_want.h"
#include "server/artifacts.h"
#include "server/handlers.h"
#include "server/patches.h"
#include "server/release_files.h"
#include "updraft/coap_robust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILES_MAX 32 /* mapped at one time */
#define MAC_BYTES 10 /* 80 bits, and a guess costs a datagram */
#define CAPABILITIES_KNOWN 4096
#define MAX_AGE_S 86400
#define NONCE_NAME "updraft.nonce" /* no artifact: signed ones are named by their digest */
#define CHECK_MS 2000              /* so long after a recall blocks may still go out */

struct ud_fw_capability {
    int64_t device; /* 0: a free place */
    int32_t release;
    uint8_t mac[MAC_BYTES];
};

struct ud_fw_file {
    int32_t release; /* 0 = free */
    char filename[UD_FILENAME_BYTES_MAX + 1];
    uint8_t sha256[UD_SHA256_BYTES];
    struct ud_bytes bytes;
    uint64_t used;
    uint64_t checked_ms; /* that the release was not recalled */
};

/* --- capabilities: "<device hex>-<release hex>-<20 hex digits>" */

static ud_err capability_mac(const uint8_t secret[UD_CAPABILITY_SECRET_BYTES], int64_t device, int32_t release,
                             uint8_t mac[MAC_BYTES])
{
    uint8_t inner[UD_SHA256_BYTES];
    uint8_t outer[UD_SHA256_BYTES];
    char text[64];
    const int len = snprintf(text, sizeof text, "%llx-%lx", (unsigned long long)device, (unsigned long)release);
    /* hash over secret, hash over secret and text: no length can be extended */
    const struct ud_bytes key = {secret, UD_CAPABILITY_SECRET_BYTES};
    const struct ud_bytes first[] = {key, {(const uint8_t *)text, (size_t)len}};
    const struct ud_bytes second[] = {key, UD_BYTES_ARRAY(inner)};
    ud_err err = ud_sha256(first, 2, inner);
    err = err == UD_OK ? ud_sha256(second, 2, outer) : err;
    if (err == UD_OK) {
        memcpy(mac, outer, MAC_BYTES);
    }
    return err;
}

/* Hex digits up to a '-', which goes, too. `max`: all ones. */
static bool take_id(struct ud_bytes *text, uint64_t max, uint64_t *id)
{
    uint8_t c;
    *id = 0;
    while (ud_bytes_first(text, &c) && c != '-') {
        const int digit = ud_hex_digit(c);
        if (digit < 0 || *id > max >> 4) {
            return false;
        }
        *id = *id << 4 | (uint64_t)digit;
    }
    return *id != 0;
}

static bool parse_capability(struct ud_bytes text, struct ud_fw_capability *given)
{
    uint64_t device;
    uint64_t release;
    if (!take_id(&text, INT64_MAX, &device) || !take_id(&text, INT32_MAX, &release) ||
        !ud_hex_read(given->mac, MAC_BYTES, text)) {
        return false;
    }
    given->device = (int64_t)device;
    given->release = (int32_t)release;
    return true;
}

static bool is_good(const uint8_t secret[UD_CAPABILITY_SECRET_BYTES], const struct ud_fw_capability *given)
{
    uint8_t mac[MAC_BYTES];
    return capability_mac(secret, given->device, given->release, mac) == UD_OK &&
           ud_bytes_equal_secret(UD_BYTES_ARRAY(given->mac), UD_BYTES_ARRAY(mac));
}

ud_err ud_capability_read(const uint8_t secret[UD_CAPABILITY_SECRET_BYTES], const char *text, int64_t *device,
                          int32_t *release)
{
    struct ud_fw_capability given;
    if (!parse_capability((struct ud_bytes){(const uint8_t *)text, strlen(text)}, &given) ||
        !is_good(secret, &given)) {
        return UD_ERR_NOT_FOUND;
    }
    *device = given.device;
    *release = given.release;
    return UD_OK;
}

/*
 * A download shows its capability with each block: one that was found to be ours is known again without a hash. For the
 * CoAP thread only. What is wrong never gets in, so guesses put nobody out.
 */
static bool is_known(struct ud_lwm2m *lw, const struct ud_fw_capability *given)
{
    struct ud_fw_capability *known = &lw->capabilities[(uint64_t)given->device % CAPABILITIES_KNOWN];
    if (known->device == given->device && known->release == given->release &&
        ud_bytes_equal_secret(UD_BYTES_ARRAY(known->mac), UD_BYTES_ARRAY(given->mac))) {
        return true;
    }
    if (!is_good(lw->secret, given)) {
        return false;
    }
    *known = *given;
    return true;
}

ud_err ud_fw_uri(const struct ud_lwm2m *lw, const char *scheme, uint16_t port, int64_t device, int32_t release,
                 const char *filename, char uri[UD_FW_URI_BYTES_MAX])
{
    uint8_t mac[MAC_BYTES];
    char hex[2 * MAC_BYTES + 1];
    const ud_err err = capability_mac(lw->secret, device, release, mac);
    if (err != UD_OK) {
        return err;
    }
    ud_hex_write(hex, mac, MAC_BYTES);
    const int len = snprintf(uri, UD_FW_URI_BYTES_MAX, "%s://%s:%u/fw/%llx-%lx-%s/%s", scheme, lw->host, port,
                             (unsigned long long)device, (unsigned long)release, hex, filename);
    return len < 0 || len >= UD_FW_URI_BYTES_MAX ? UD_ERR_LIMIT : UD_OK;
}

/* --- mapped files */

ud_err ud_fw_open(struct ud_lwm2m *lw)
{
    lw->files = calloc(FILES_MAX, sizeof *lw->files);
    lw->capabilities = calloc(CAPABILITIES_KNOWN, sizeof *lw->capabilities);
    return lw->files == NULL || lw->capabilities == NULL ? UD_ERR_MEMORY : UD_OK;
}

static void unmap(struct ud_fw_file *file)
{
    ud_fw_unmap(file->bytes);
    *file = (struct ud_fw_file){.release = 0};
}

void ud_fw_close(struct ud_lwm2m *lw)
{
    for (size_t i = 0; lw->files != NULL && i < FILES_MAX; i++) {
        unmap(&lw->files[i]);
    }
    free(lw->files);
    free(lw->capabilities);
    lw->files = NULL;
    lw->capabilities = NULL;
}

static ud_err find_row(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename,
                       struct ud_row_release_artifact *row)
{
    struct ud_store *store = NULL;
    struct ud_row_release facts;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_release_get(store, tenant, release, &facts);
        err = err == UD_OK && facts.recalled_ms != 0 ? UD_ERR_RECALLED : err;
        err = err == UD_OK ? ud_release_file_find(store, tenant, release, filename, row) : err;
        ud_store_pool_give(lw->server->readers, store);
    }
    return err;
}

static ud_err map(struct ud_lwm2m *lw, const struct ud_row_artifact *row, struct ud_fw_file *file)
{
    int fd = -1;
    uint64_t size = 0;
    ud_err err = ud_artifacts_file(lw->server->artifacts, row->sha256, &fd, &size);
    if (err == UD_ERR_NOT_FOUND && ud_artifacts_are_far(lw->server->artifacts)) {
        ud_artifact_want(lw->server, row->sha256); /* this thread is everybody's: it is asked again */
        return UD_ERR_RETRY_LATER;
    }
    if (err != UD_OK) {
        return err;
    }
    if (size != row->size) {
        err = UD_ERR_IO; /* the file was changed behind our back */
    } else if (size > UINT32_MAX) {
        err = UD_ERR_TOO_LARGE; /* more than blocks can be numbered */
    } else if (size > 0) {
        void *at = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
        err = at == MAP_FAILED ? UD_ERR_IO : UD_OK;
        file->bytes = at == MAP_FAILED ? (struct ud_bytes){NULL, 0} : (struct ud_bytes){at, (size_t)size};
    }
    close(fd);
    memcpy(file->sha256, row->sha256, sizeof file->sha256);
    return err;
}

/* --- patches */

/* Which patch of an artifact a request names. */
struct patch_wish {
    bool wanted;
    char precursor[UD_PATCH_PRECURSOR_DIGITS + 1];
    uint8_t profile;
};

/*
 * What the device runs decides, not what it says: patches are made for nobody else. Mapped for one block; it is small, and
 * its device is looked at each time.
 */
static ud_err map_patch(struct ud_lwm2m *lw, const struct ud_fleet_device *device,
                        const struct patch_wish *wish, const struct ud_row_artifact *image,
                        struct ud_fw_file *file)
{
    char digits[UD_PATCH_PRECURSOR_DIGITS + 1];
    struct ud_patch_name name = {.profile = wish->profile};
    struct ud_store *store = NULL;
    struct ud_row_device row;
    int fd = -1;
    uint64_t bytes = 0;
    ud_err err = ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_device_get(store, device->id, &row);
        ud_store_pool_give(lw->server->readers, store);
    }
    if (err != UD_OK) {
        return err;
    }
    ud_hex_write(digits, row.running_digest, UD_PATCH_PRECURSOR_DIGITS / 2);
    if (!row.has_running || strcmp(digits, wish->precursor) != 0) {
        return UD_ERR_NOT_FOUND;
    }
    memcpy(name.old, row.running_digest, sizeof name.old);
    memcpy(name.new, image->sha256, sizeof name.new);
    err = ud_patches_file(lw->server->patches, &name, &fd, &bytes);
    if (err != UD_OK) {
        return err;
    }
    void *at = bytes > UINT32_MAX ? MAP_FAILED : mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) {
        return UD_ERR_IO;
    }
    file->bytes = (struct ud_bytes){at, (size_t)bytes};
    const uint32_t crc =
        ud_crc32(file->bytes); /* one patch may be made anew, so its name alone is no entity tag */
    memcpy(file->sha256, image->sha256, sizeof file->sha256);
    memcpy(file->sha256, &crc, sizeof crc);
    return UD_OK;
}

static void count_patch(struct ud_lwm2m *lw, const struct ud_fleet_device *device, uint64_t saved_bytes)
{
    struct ud_store *store = NULL;
    struct ud_row_action action;
    int32_t rollout = 0;
    if (device->current_action != 0 && ud_store_pool_take(lw->server->readers, &store) == UD_OK) {
        if (ud_store_action_get(store, device->tenant, device->current_action, device->id, &action) == UD_OK) {
            rollout = action.terms.rollout;
        }
        ud_store_pool_give(lw->server->readers, store);
    }
    ud_patch_count(lw->server, rollout, saved_bytes);
}

/* Releases never change, so what is mapped stays right; but they are recalled. */
static ud_err file_of(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename,
                      struct ud_fw_file **out)
{

    struct ud_row_release_artifact row;
    const uint64_t now_ms = ud_endpoint_now_ms(lw->endpoint);
    struct ud_fw_file *oldest = &lw->files[0];
    const uint64_t clock = ++lw->file_clock;
    for (size_t i = 0; i < FILES_MAX; i++) {
        struct ud_fw_file *file = &lw->files[i];
        if (file->release == release && strcmp(file->filename, filename) == 0) {
            file->used = clock;
            *out = file;
            if (now_ms - file->checked_ms < CHECK_MS) {
                return UD_OK;
            }
            file->checked_ms = now_ms;
            return find_row(lw, tenant, release, filename, &row);
        }
        oldest = file->used < oldest->used ? file : oldest;
    }
    ud_err err = find_row(lw, tenant, release, filename, &row);
    if (err != UD_OK) {
        return err;
    }
    unmap(oldest);
    err = map(lw, &row.artifact, oldest);
    if (err != UD_OK) {
        unmap(oldest);
        return err;
    }
    oldest->release = release;
    oldest->used = clock;
    oldest->checked_ms = now_ms;
    snprintf(oldest->filename, sizeof oldest->filename, "%s", filename);
    *out = oldest;
    return UD_OK;
}

ud_err ud_fw_map(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename,
                 struct ud_bytes *bytes)
{
    struct ud_row_release_artifact row;
    struct ud_fw_file file = {.release = 0};
    ud_err err = find_row(lw, tenant, release, filename, &row);
    err = err == UD_OK ? map(lw, &row.artifact, &file) : err;
    if (err == UD_OK) {
        *bytes = file.bytes;
    }
    return err;
}

ud_err ud_fw_here(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename)
{
    struct ud_bytes bytes = {NULL, 0};
    const ud_err err = ud_fw_map(lw, tenant, release, filename, &bytes);
    ud_fw_unmap(bytes);
    return err == UD_ERR_RETRY_LATER ? err : UD_OK;
}

void ud_fw_unmap(struct ud_bytes bytes)
{
    if (bytes.len > 0) {
        munmap((void *)(uintptr_t)bytes.ptr, bytes.len);
    }
}

/* --- serving */

static bool segment_text(const struct ud_request *request, size_t n, char *text, size_t room)
{
    const struct ud_bytes segment = request->segments[n]; /* empty behind the last one */
    if (segment.len == 0 || segment.len >= room || memchr(segment.ptr, '\0', segment.len) != NULL) {
        return false;
    }
    memcpy(text, segment.ptr, segment.len);
    text[segment.len] = '\0';
    return true;
}

static bool may_read(struct ud_lwm2m *lw, int64_t id, int32_t release, struct ud_fleet_device *device)
{
    return ud_fleet_get(lw->server->fleet, id, device) == UD_OK && ud_ddi_may_read(device, release);
}

/* The nonce of the action that offers this release, beside its envelope: what the report must carry. */
static void serve_nonce(const struct ud_request *request, const struct ud_fleet_device *device, int32_t release)
{
    uint8_t room[64];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    struct ud_row_action action;
    struct ud_store *store = NULL;
    struct ud_lwm2m *lw = request->lw;
    ud_err err = device->current_action == 0 || device->current_release != release
                     ? UD_ERR_NOT_FOUND
                     : ud_store_pool_take(lw->server->readers, &store);
    if (err == UD_OK) {
        err = ud_store_action_get(store, device->tenant, device->current_action, device->id, &action);
        ud_store_pool_give(lw->server->readers, store);
    }
    if (err != UD_OK) {
        ud_request_code(request, err == UD_ERR_NOT_FOUND ? UD_COAP_404_NOT_FOUND : UD_COAP_500_INTERNAL);
        return;
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_205_CONTENT, 0, ud_coap_asked_token(request->asked));
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    ud_coap_write_uint(&w, UD_COAP_MAX_AGE, 0);
    ud_coap_write_payload(&w, UD_BYTES_ARRAY(action.nonce));
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(lw->endpoint, request->remote, request->asked, &buf);
    }
}

/* One block of the file as an answer, under the option that asked for it. */
static void send_part(const struct ud_request *request, struct ud_coap_asked *asked,
                      const struct ud_fw_file *file, const struct ud_coap_part *part, uint16_t option)
{
    uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    struct ud_bytes payload;
    uint32_t ignored;
    const bool sized = option == UD_COAP_Q_BLOCK2 || part->offset == 0 ||
                       ud_coap_find_uint(request->message, UD_COAP_SIZE2, &ignored) == UD_OK;
    if (!ud_bytes_slice(file->bytes, part->offset, part->len, &payload)) {
        ud_request_code(request, UD_COAP_400_BAD_REQUEST);
        return;
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_205_CONTENT, 0, ud_coap_asked_token(asked));
    ud_coap_write_option(&w, UD_COAP_ETAG, (struct ud_bytes){file->sha256, UD_COAP_ETAG_BYTES_MAX});
    ud_coap_write_uint(&w, UD_COAP_CONTENT_FORMAT, UD_COAP_FORMAT_OCTETS);
    ud_coap_write_uint(&w, UD_COAP_MAX_AGE, MAX_AGE_S);
    if (part->has_block && option == UD_COAP_BLOCK2) {
        ud_coap_write_block(&w, option, part->block);
    }
    if (sized) {
        ud_coap_write_uint(&w, UD_COAP_SIZE2, (uint32_t)file->bytes.len);
    }
    if (option == UD_COAP_Q_BLOCK2) {
        ud_coap_write_block(&w, option, part->block);
    }
    ud_coap_write_payload(&w, payload);
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(request->lw->endpoint, request->remote, asked, &buf);
    }
}

/*
 * Q-Block2: every block that the request names, the first as the answer to a CON, the others NON. An address that has not
 * shown to be the asker's own gets the first only, as with Block2, and asks for the others.
 */
static void serve_robust(const struct ud_request *request, const struct ud_fw_file *file,
                         const struct ud_coap_wanted *wanted)
{
    const uint8_t count = request->remote->answers ? wanted->count : 1;
    struct ud_coap_asked more = *request->asked;
    more.confirmable = false;
    for (uint8_t i = 0; i < count; i++) {
        const struct ud_coap_part part =
            ud_coap_robust_part_of((uint32_t)file->bytes.len, wanted->szx, wanted->num[i]);
        send_part(request, i == 0 ? request->asked : &more, file, &part, UD_COAP_Q_BLOCK2);
    }
}

/* @return whether the body was begun */
static bool serve(const struct ud_request *request, const struct ud_fw_file *file)
{
    struct ud_coap_part part = {.offset = 0};
    struct ud_coap_wanted wanted;
    const struct ud_coap_message *m = request->message;
    const ud_err robust = ud_coap_robust_wanted(m, (uint32_t)file->bytes.len, &wanted);
    if (robust == UD_OK) {
        serve_robust(request, file, &wanted);
        return wanted.num[0] == 0;
    }
    if (robust != UD_ABSENT || ud_coap_serve(m, (uint32_t)file->bytes.len, UD_COAP_SZX_MAX, &part) != UD_OK) {
        ud_request_code(request, UD_COAP_400_BAD_REQUEST);
        return false;
    }
    send_part(request, request->asked, file, &part, UD_COAP_BLOCK2);
    return part.offset == 0;
}

/* The asker has these bytes already: it named their ETag, and no block behind the first (RFC 7252 section 5.10.6.2). */
static bool is_still_valid(const struct ud_coap_message *m, struct ud_bytes etag)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    uint32_t block = 0;
    bool named = false;
    struct ud_bytes any;
    if (!ud_coap_find(m, UD_COAP_ETAG, &any)) {
        return false;
    }
    ud_coap_options(m, &options);
    while (ud_coap_option_next(&options, &option)) {
        named = named || (option.number == UD_COAP_ETAG && ud_bytes_equal(option.value, etag));
    }
    return named && (ud_coap_find_uint(m, UD_COAP_BLOCK2, &block) != UD_OK || block >> 4 == 0) &&
           (ud_coap_find_uint(m, UD_COAP_Q_BLOCK2, &block) != UD_OK || block >> 4 == 0);
}

/* Blocks, or the word that nothing changed. @return whether the body was begun */
static bool answer(const struct ud_request *request, const struct ud_fw_file *file)
{
    uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    const struct ud_bytes etag = {file->sha256, UD_COAP_ETAG_BYTES_MAX};
    if (!is_still_valid(request->message, etag)) {
        return serve(request, file);
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, UD_COAP_203_VALID, 0, ud_coap_asked_token(request->asked));
    ud_coap_write_option(&w, UD_COAP_ETAG, etag);
    ud_coap_write_uint(&w, UD_COAP_MAX_AGE, MAX_AGE_S);
    if (ud_coap_write_end(&w) == UD_OK) {
        (void)ud_endpoint_reply(request->lw->endpoint, request->remote, request->asked, &buf);
    }
    return false;
}

/* True when the path is one that this resource has. */
static bool parse_path(const struct ud_request *request, char filename[UD_FILENAME_BYTES_MAX + 1],
                       struct patch_wish *wish)
{
    char from[8];
    char profile[4];
    *wish = (struct patch_wish){.wanted = request->segment_count > 3};
    if (!segment_text(request, 2, filename, UD_FILENAME_BYTES_MAX + 1)) {
        return false;
    }
    return !wish->wanted || (segment_text(request, 3, from, sizeof from) && strcmp(from, "from") == 0 &&
                             segment_text(request, 4, wish->precursor, sizeof wish->precursor) &&
                             segment_text(request, 5, profile, sizeof profile) &&
                             ud_patch_profile_parse(profile, &wish->profile) && request->segment_count == 6);
}

static ud_err serve_patch(const struct ud_request *request, const struct ud_fleet_device *device,
                          int32_t release, const char *filename, const struct patch_wish *wish)
{
    struct ud_row_release_artifact image;
    struct ud_fw_file patch = {.release = 0};
    ud_err err = find_row(request->lw, device->tenant, release, filename, &image);
    err = err == UD_OK ? map_patch(request->lw, device, wish, &image.artifact, &patch) : err;
    if (err != UD_OK) {
        return err;
    }
    if (answer(request, &patch)) {
        count_patch(request->lw, device, image.artifact.size - patch.bytes.len);
    }
    ud_fw_unmap(patch.bytes);
    return UD_OK;
}

void ud_fw_get(struct ud_request *request)
{
    char filename[UD_FILENAME_BYTES_MAX + 1];
    struct ud_fw_capability given;
    struct ud_fleet_device owner;
    struct ud_fw_file *file = NULL;
    struct ud_lwm2m *lw = request->lw;
    struct patch_wish wish;
    ud_err err = UD_OK;
    if (!parse_path(request, filename, &wish) || !parse_capability(request->segments[1], &given) ||
        (request->proven && request->who.device != given.device) || !is_known(lw, &given) ||
        !may_read(lw, given.device, given.release, &owner)) {
        ud_request_code(request, UD_COAP_404_NOT_FOUND);
        return;
    }
    const int32_t release = given.release;
    ud_remote_verified(request->remote); /* it was told this URI where it receives */
    if (strcmp(filename, NONCE_NAME) == 0 && !wish.wanted) {
        serve_nonce(request, &owner, release);
        return;
    }
    if (wish.wanted) {
        err = serve_patch(request, &owner, release, filename, &wish);
    } else {
        err = file_of(lw, owner.tenant, release, filename, &file);
    }
    if (err == UD_OK && !wish.wanted) {
        (void)answer(request, file);
    } else if (err != UD_OK) {
        ud_request_code(request, err == UD_ERR_NOT_FOUND || err == UD_ERR_RECALLED ? UD_COAP_404_NOT_FOUND
                                 : err == UD_ERR_RETRY_LATER                       ? UD_COAP_503_UNAVAILABLE
                                                                                   : UD_COAP_500_INTERNAL);
    }
}
