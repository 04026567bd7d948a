#include "server/artifacts.h"

#include "server/arrival.h"
#include "server/cache_room.h"
#include "server/files.h"
#include "server/object_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEX_CHARS (2 * UD_SHA256_BYTES)
#define READ_BYTES 65536

enum { SHA256, SHA1, MD5, DIGEST_COUNT };

struct ud_artifacts {
    char artifacts[UD_PATH_BYTES_MAX];
    char uploads[UD_PATH_BYTES_MAX];
    uint64_t bytes_max;
    struct ud_object_store *objects; /* NULL: files in the folder are all there is */
    char cache[UD_PATH_BYTES_MAX];   /* copies of objects */
    uint64_t cache_bytes_max;
    struct ud_arrivals *arrivals; /* NULL as long as nothing is far */
    pthread_mutex_t lock;
    struct ud_upload *running; /* list: one upload of a digest at a time */
};

struct ud_upload {
    struct ud_artifacts *owner;
    struct ud_upload *next;
    uint8_t sha256[UD_SHA256_BYTES];
    char path[UD_PATH_BYTES_MAX];
    int fd;
    int socket; /* of the connection that it comes by, open as long as this is listed */
    uint64_t total;
    uint64_t bytes;
    bool unknown; /* sha256 is a number of chance until the file was summed */
    bool summed;
    bool moved;
    gnutls_hash_hd_t hashes[DIGEST_COUNT]; /* NULL when not running */
};

/* SHA-1 and MD5 are for DDI clients that know nothing else; they decide nothing here. */
static const gnutls_digest_algorithm_t algorithms[DIGEST_COUNT] = {GNUTLS_DIG_SHA256, GNUTLS_DIG_SHA1,
                                                                   GNUTLS_DIG_MD5};

ud_err ud_artifacts_open(struct ud_artifacts **out, const char *state_folder, uint64_t bytes_max)
{
    struct ud_artifacts *artifacts = calloc(1, sizeof *artifacts);
    if (artifacts == NULL) {
        return UD_ERR_MEMORY;
    }
    artifacts->bytes_max = bytes_max;
    ud_err err = ud_path_join(artifacts->artifacts, state_folder, "artifacts");
    err = err == UD_OK ? ud_path_join(artifacts->uploads, state_folder, "uploads") : err;
    err = err == UD_OK ? ud_folder_make(artifacts->artifacts, 0700) : err;
    err = err == UD_OK ? ud_folder_make(artifacts->uploads, 0700) : err;
    err = err == UD_OK ? ud_folder_sync(state_folder) : err;
    if (err != UD_OK) {
        free(artifacts);
        return err;
    }
    pthread_mutex_init(&artifacts->lock, NULL);
    *out = artifacts;
    return UD_OK;
}

void ud_artifacts_close(struct ud_artifacts *artifacts)
{
    if (artifacts != NULL) {
        ud_arrivals_close(artifacts->arrivals);
        pthread_mutex_destroy(&artifacts->lock);
        free(artifacts);
    }
}

static ud_err upload_path(char path[UD_PATH_BYTES_MAX], const struct ud_artifacts *artifacts,
                          const uint8_t *sha256)
{
    char hex[HEX_CHARS + 1];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    return ud_path_join(path, artifacts->uploads, hex);
}

/* The folder of an artifact (`folder` only) or its file, below `root`. */
static ud_err artifact_path(char path[UD_PATH_BYTES_MAX], const char *root, const uint8_t *sha256, bool folder)
{
    char hex[HEX_CHARS + 1];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    const int n = snprintf(path, UD_PATH_BYTES_MAX, folder ? "%s/%.2s" : "%s/%.2s/%s", root, hex, hex);
    return n > 0 && n < UD_PATH_BYTES_MAX ? UD_OK : UD_ERR_LIMIT;
}

static ud_err open_file(const char *root, const uint8_t sha256[UD_SHA256_BYTES], int *fd, uint64_t *bytes)
{
    char path[UD_PATH_BYTES_MAX];
    struct stat found;
    const ud_err err = artifact_path(path, root, sha256, false);
    if (err != UD_OK) {
        return err;
    }
    const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0) {
        return errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO;
    }
    if (fstat(opened, &found) != 0 || !S_ISREG(found.st_mode)) {
        close(opened);
        return UD_ERR_IO;
    }
    *fd = opened;
    *bytes = (uint64_t)found.st_size;
    return UD_OK;
}

ud_err ud_artifacts_file(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES], int *fd,
                         uint64_t *bytes)
{
    ud_err err = open_file(artifacts->artifacts, sha256, fd, bytes);
    if (err == UD_ERR_NOT_FOUND && artifacts->objects != NULL) {
        err = open_file(artifacts->cache, sha256, fd, bytes);
        if (err == UD_OK) {
            (void)futimens(*fd, NULL); /* asked for now: it stays */
        }
    }
    return err;
}

uint64_t ud_artifacts_partial(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES])
{
    char path[UD_PATH_BYTES_MAX];
    struct stat found;
    return upload_path(path, artifacts, sha256) == UD_OK && stat(path, &found) == 0 ? (uint64_t)found.st_size
                                                                                    : 0;
}

/* --- one upload of a digest at a time */

/*
 * libmicrohttpd can miss the end of a connection that its peer has closed, and notices at the idle time-out only. Our
 * own shutdown wakes it; the upload is then let go of in its own thread.
 */
static void end_if_deserted(const struct ud_upload *upload)
{
    char byte;
    if (recv(upload->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        (void)shutdown(upload->socket, SHUT_RDWR);
    }
}

static bool enlist(struct ud_upload *upload)
{
    struct ud_artifacts *owner = upload->owner;
    bool alone = true;
    pthread_mutex_lock(&owner->lock);
    for (const struct ud_upload *other = owner->running; other != NULL; other = other->next) {
        if (memcmp(other->sha256, upload->sha256, UD_SHA256_BYTES) == 0) {
            alone = false;
            end_if_deserted(other);
        }
    }
    if (alone) {
        upload->next = owner->running;
        owner->running = upload;
    }
    pthread_mutex_unlock(&owner->lock);
    return alone;
}

static void delist(struct ud_upload *upload)
{
    pthread_mutex_lock(&upload->owner->lock);
    for (struct ud_upload **at = &upload->owner->running; *at != NULL; at = &(*at)->next) {
        if (*at == upload) {
            *at = upload->next;
            break;
        }
    }
    pthread_mutex_unlock(&upload->owner->lock);
}

/* --- digests */

static ud_err hashes_start(struct ud_upload *upload)
{
    for (int i = 0; i < DIGEST_COUNT; i++) {
        if (gnutls_hash_init(&upload->hashes[i], algorithms[i]) != 0) {
            upload->hashes[i] = NULL;
            return UD_ERR_CRYPTO;
        }
    }
    return UD_OK;
}

static ud_err hashes_add(struct ud_upload *upload, const char *bytes, size_t len)
{
    for (int i = 0; i < DIGEST_COUNT; i++) {
        if (gnutls_hash(upload->hashes[i], bytes, len) != 0) {
            return UD_ERR_CRYPTO;
        }
    }
    return UD_OK;
}

static void hashes_end(struct ud_upload *upload, uint8_t *digests[DIGEST_COUNT])
{
    for (int i = 0; i < DIGEST_COUNT; i++) {
        if (upload->hashes[i] != NULL) {
            gnutls_hash_deinit(upload->hashes[i], digests == NULL ? NULL : digests[i]);
            upload->hashes[i] = NULL;
        }
    }
}

/* --- the upload */

/*
 * Other servers may share the folder: the lock keeps them apart. Between opening and locking another one may have
 * finished the upload and renamed the file; then what we hold is an artifact, which nobody writes to.
 */
static bool is_ours(const struct ud_upload *upload)
{
    struct stat held;
    struct stat named;
    return flock(upload->fd, LOCK_EX | LOCK_NB) == 0 && fstat(upload->fd, &held) == 0 &&
           lstat(upload->path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static ud_err open_partial(struct ud_upload *upload, uint64_t offset)
{
    ud_err err = upload_path(upload->path, upload->owner, upload->sha256);
    if (err != UD_OK) {
        return err;
    }
    upload->fd = open(upload->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (upload->fd < 0) {
        return ud_err_of_errno(errno);
    }
    if (!is_ours(upload)) {
        return UD_ERR_BUSY;
    }
    if (offset == 0 && ftruncate(upload->fd, 0) != 0) {
        return ud_err_of_errno(errno);
    }
    const off_t end = lseek(upload->fd, 0, SEEK_END);
    if (end < 0) {
        return UD_ERR_IO;
    }
    upload->bytes = (uint64_t)end;
    return upload->bytes == offset ? UD_OK : UD_ERR_RANGE;
}

ud_err ud_upload_open(struct ud_upload **out, struct ud_artifacts *artifacts,
                      const uint8_t sha256[UD_SHA256_BYTES], uint64_t offset, uint64_t total, int socket)
{
    if (total > artifacts->bytes_max || offset > total) {
        return total > artifacts->bytes_max ? UD_ERR_TOO_LARGE : UD_ERR_RANGE;
    }
    struct ud_upload *upload = calloc(1, sizeof *upload);
    if (upload == NULL) {
        return UD_ERR_MEMORY;
    }
    upload->owner = artifacts;
    upload->total = total;
    upload->fd = -1;
    upload->socket = socket;
    memcpy(upload->sha256, sha256, UD_SHA256_BYTES);
    if (!enlist(upload)) {
        free(upload);
        return UD_ERR_BUSY;
    }
    ud_err err = open_partial(upload, offset);
    err = err == UD_OK ? hashes_start(upload) : err;
    if (err != UD_OK) {
        ud_upload_close(upload);
        return err;
    }
    *out = upload;
    return UD_OK;
}

ud_err ud_upload_open_unknown(struct ud_upload **out, struct ud_artifacts *artifacts, int socket)
{
    uint8_t name[UD_SHA256_BYTES];
    struct ud_upload *upload = NULL;
    ud_err err = ud_random(name, sizeof name);
    err = err == UD_OK ? ud_upload_open(&upload, artifacts, name, 0, artifacts->bytes_max, socket) : err;
    if (err == UD_OK) {
        upload->unknown = true;
        *out = upload;
    }
    return err;
}

void ud_upload_sum(struct ud_upload *upload, struct ud_row_artifact *row)
{
    uint8_t *digests[DIGEST_COUNT] = {row->sha256, row->sha1, row->md5};
    hashes_end(upload, digests);
    row->size = upload->bytes;
    upload->summed = true;
    pthread_mutex_lock(&upload->owner->lock); /* others look at it */
    memcpy(upload->sha256, row->sha256, UD_SHA256_BYTES);
    pthread_mutex_unlock(&upload->owner->lock);
}

ud_err ud_upload_rehash(struct ud_upload *upload)
{
    char chunk[READ_BYTES];
    uint64_t at = 0;
    while (at < upload->bytes) {
        const ssize_t n = pread(upload->fd, chunk, sizeof chunk, (off_t)at);
        if (n <= 0) {
            return UD_ERR_IO;
        }
        const ud_err err = hashes_add(upload, chunk, (size_t)n);
        if (err != UD_OK) {
            return err;
        }
        at += (uint64_t)n;
    }
    return UD_OK;
}

ud_err ud_upload_write(struct ud_upload *upload, const char *bytes, size_t len)
{
    if (len > upload->total - upload->bytes) {
        return UD_ERR_TOO_LARGE;
    }
    size_t done = 0;
    while (done < len) {
        const ssize_t n = write(upload->fd, bytes + done, len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            const ud_err err = ud_err_of_errno(errno);
            if (err == UD_ERR_DISK_FULL) {
                unlink(upload->path); /* give the space back: others need it more than a resume does */
            }
            return err;
        }
        done += (size_t)n;
        upload->bytes += (uint64_t)n;
    }
    return hashes_add(upload, bytes, len);
}

uint64_t ud_upload_bytes(const struct ud_upload *upload)
{
    return upload->bytes;
}

bool ud_upload_is_complete(const struct ud_upload *upload)
{
    return upload->bytes == upload->total;
}

static ud_err move_below(const char *root, const char *from, int fd, const uint8_t *sha256)
{
    char folder[UD_PATH_BYTES_MAX];
    char path[UD_PATH_BYTES_MAX];
    ud_err err = fsync(fd) == 0 ? UD_OK : ud_err_of_errno(errno);
    err = err == UD_OK ? artifact_path(folder, root, sha256, true) : err;
    err = err == UD_OK ? artifact_path(path, root, sha256, false) : err;
    err = err == UD_OK ? ud_folder_make(folder, 0700) : err;
    if (err == UD_OK && rename(from, path) != 0) {
        err = ud_err_of_errno(errno);
    }
    err = err == UD_OK ? ud_folder_sync(folder) : err;
    return err == UD_OK ? ud_folder_sync(root) : err;
}

/* An object first: only what is there counts. Its bytes become the first copy. */
static ud_err move_in_place(const struct ud_upload *upload)
{
    const struct ud_artifacts *owner = upload->owner;
    if (owner->objects == NULL) {
        return move_below(owner->artifacts, upload->path, upload->fd, upload->sha256);
    }
    const ud_err err = ud_object_store_put(owner->objects, upload->sha256, upload->fd, upload->bytes);
    if (err == UD_OK) {
        ud_cache_room(owner->cache, upload->bytes, owner->cache_bytes_max);
    }
    return err == UD_OK ? move_below(owner->cache, upload->path, upload->fd, upload->sha256) : err;
}

ud_err ud_upload_finish(struct ud_upload *upload, struct ud_row_artifact *row)
{
    uint8_t *digests[DIGEST_COUNT] = {row->sha256, row->sha1, row->md5};
    if (!upload->summed) {
        hashes_end(upload, digests);
        row->size = upload->bytes;
    }
    if (memcmp(row->sha256, upload->sha256, UD_SHA256_BYTES) != 0) {
        unlink(upload->path);
        return UD_ERR_DIGEST;
    }
    const ud_err err = move_in_place(upload);
    upload->moved = err == UD_OK;
    if (err == UD_ERR_DISK_FULL) {
        unlink(upload->path);
    }
    return err;
}

void ud_upload_close(struct ud_upload *upload)
{
    if (upload == NULL) {
        return;
    }
    hashes_end(upload, NULL);
    if (upload->unknown && !upload->moved && upload->fd >= 0) {
        unlink(upload->path); /* nobody could ask for it again */
    }
    if (upload->fd >= 0) {
        close(upload->fd);
    }
    delist(upload);
    free(upload);
}

ud_err ud_artifacts_put(struct ud_artifacts *artifacts, struct ud_bytes bytes, struct ud_row_artifact *row)
{
    uint8_t sha256[UD_SHA256_BYTES];
    struct ud_upload *upload = NULL;
    ud_err err = ud_sha256(&bytes, 1, sha256);
    err = err == UD_OK ? ud_upload_open(&upload, artifacts, sha256, 0, bytes.len, -1) : err;
    if (err != UD_OK) {
        return err;
    }
    err = ud_upload_write(upload, (const char *)bytes.ptr, bytes.len);
    err = err == UD_OK ? ud_upload_finish(upload, row) : err;
    ud_upload_close(upload);
    return err;
}

/* --- artifacts that are far away */

#define FETCHED "fetched-" /* the name of a file that is not a copy yet begins so */

void ud_artifacts_sweep(const struct ud_artifacts *artifacts)
{
    DIR *folder = opendir(artifacts->cache);
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, FETCHED, sizeof FETCHED - 1) == 0) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

ud_err ud_artifacts_far(struct ud_artifacts *artifacts, const char *state_folder,
                        struct ud_object_store *objects, uint64_t bytes_max)
{
    ud_err err = ud_path_join(artifacts->cache, state_folder, "cache");
    err = err == UD_OK ? ud_folder_make(artifacts->cache, 0700) : err;
    err = err == UD_OK ? ud_arrivals_open(&artifacts->arrivals) : err;
    if (err == UD_OK) {
        artifacts->objects = objects;
        artifacts->cache_bytes_max = bytes_max;
    }
    return err;
}

bool ud_artifacts_are_far(const struct ud_artifacts *artifacts)
{
    return artifacts->objects != NULL;
}

bool ud_artifacts_here(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES])
{
    int fd = -1;
    uint64_t bytes = 0;
    if (ud_artifacts_file(artifacts, sha256, &fd, &bytes) != UD_OK) {
        return false;
    }
    close(fd);
    return true;
}

static ud_err compare(int fd, uint64_t bytes, const uint8_t sha256[UD_SHA256_BYTES])
{
    char chunk[READ_BYTES];
    uint8_t digest[UD_SHA256_BYTES];
    struct ud_hash hash;
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    for (uint64_t at = 0; err == UD_OK && at < bytes;) {
        const ssize_t n = pread(fd, chunk, sizeof chunk, (off_t)at);
        err = n <= 0 ? UD_ERR_IO : ud_hash_update(&hash, (struct ud_bytes){(const uint8_t *)chunk, (size_t)n});
        at += n <= 0 ? 0 : (uint64_t)n;
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    err = ud_hash_final(&hash, digest);
    return err == UD_OK && memcmp(digest, sha256, sizeof digest) != 0 ? UD_ERR_DIGEST : err;
}

/* Told by the storage's client as bytes come, and now and then while none do. */
static void watch(void *ctx, uint64_t bytes)
{
    struct ud_arrival *arrival = ctx;
    ud_arrival_grow(arrival, bytes);
}

static ud_err fetch(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES],
                    struct ud_arrival *arrival)
{
    char path[UD_PATH_BYTES_MAX];
    uint64_t bytes = 0;
    if (ud_artifacts_here(artifacts, sha256)) {
        return UD_OK; /* since it was asked for */
    }
    ud_err err = ud_path_join(path, artifacts->cache, FETCHED "XXXXXX");
    const int fd = err == UD_OK ? mkstemp(path) : -1;
    if (fd < 0) {
        return err == UD_OK ? ud_err_of_errno(errno) : err;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    ud_arrival_file(arrival, fd);
    err = ud_object_store_get(artifacts->objects, sha256, fd, artifacts->bytes_max, watch, arrival, &bytes);
    err = err == UD_OK ? compare(fd, bytes, sha256) : err;
    if (err == UD_OK) {
        ud_cache_room(artifacts->cache, bytes, artifacts->cache_bytes_max);
        err = move_below(artifacts->cache, path, fd, sha256);
    }
    if (err != UD_OK) {
        (void)unlink(path);
    }
    return err;
}

ud_err ud_artifacts_bring(const struct ud_artifacts *artifacts, const uint8_t sha256[UD_SHA256_BYTES])
{
    bool is_new = false;
    ud_err err = UD_OK;
    if (artifacts->objects == NULL || ud_artifacts_here(artifacts, sha256)) {
        return UD_OK;
    }
    struct ud_arrival *arrival = ud_arrival_join(artifacts->arrivals, sha256, &is_new);
    if (arrival == NULL) {
        return UD_ERR_MEMORY;
    }
    if (ud_arrival_take(arrival)) {
        err = fetch(artifacts, sha256, arrival);
        ud_arrival_end(arrival, err);
    } else {
        err = ud_arrival_await(arrival);
    }
    ud_arrival_leave(arrival);
    return err;
}

struct ud_arrivals *ud_artifacts_arrivals(const struct ud_artifacts *artifacts)
{
    return artifacts->arrivals;
}
