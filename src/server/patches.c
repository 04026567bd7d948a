#include "server/patches.h"

#include "diff/diff.h"
#include "server/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_BYTES (2 * UD_SHA256_BYTES + UD_PATCH_PRECURSOR_DIGITS + 8)
#define SAVES_AT_LEAST 4 /* a patch must save a quarter of the image, or it is not worth two requests */
#define NICENESS 15

struct ud_patches {
    struct ud_patches_config config;
    char folder[UD_PATH_BYTES_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    struct ud_patch_name queue[UD_PATCH_QUEUE_MAX];
    size_t queue_count;
    struct ud_patch_name at_work;
    bool working;
    atomic_bool ending;
};

static void file_name(char name[NAME_BYTES], const struct ud_patch_name *patch)
{
    ud_hex_write(name, patch->new, UD_SHA256_BYTES);
    name[2 * UD_SHA256_BYTES] = '-';
    ud_hex_write(name + 2 * UD_SHA256_BYTES + 1, patch->old, UD_PATCH_PRECURSOR_DIGITS / 2);
    const size_t at = 2 * UD_SHA256_BYTES + 1 + UD_PATCH_PRECURSOR_DIGITS;
    (void)snprintf(name + at, NAME_BYTES - at, "-p%u", (unsigned)patch->profile);
}

static ud_err file_path(const struct ud_patches *patches, const struct ud_patch_name *patch,
                        char path[UD_PATH_BYTES_MAX])
{
    char name[NAME_BYTES];
    file_name(name, patch);
    return ud_path_join(path, patches->folder, name);
}

bool ud_patch_profile_parse(const char *text, uint8_t *profile)
{
    const bool good = text[0] == 'p' && text[1] >= '0' && text[1] <= '9' && text[2] == '\0';
    *profile = good ? (uint8_t)(text[1] - '0') : 0;
    return good;
}

/* ---- making ---- */

static ud_err map_artifact(const struct ud_patches *patches, const uint8_t sha256[UD_SHA256_BYTES],
                           struct ud_bytes *image)
{
    int fd = -1;
    uint64_t bytes = 0;
    ud_err err = ud_artifacts_bring(patches->config.artifacts, sha256);
    err = err == UD_OK ? ud_artifacts_file(patches->config.artifacts, sha256, &fd, &bytes) : err;
    if (err != UD_OK) {
        return err;
    }
    if (bytes == 0 || bytes > patches->config.image_bytes_max || bytes > UD_DELTA_IMAGE_BYTES_MAX) {
        close(fd);
        return UD_ERR_TOO_LARGE;
    }
    void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        return UD_ERR_MEMORY;
    }
    *image = (struct ud_bytes){map, (size_t)bytes};
    return UD_OK;
}

static void unmap(struct ud_bytes image)
{
    if (image.ptr != NULL) {
        (void)munmap((void *)(uintptr_t)image.ptr, image.len);
    }
}

static bool goes_on(void *ctx, uint32_t done, uint32_t total)
{
    (void)done, (void)total;
    return !atomic_load(&((struct ud_patches *)ctx)->ending);
}

/* Nothing is served that the device's own applier did not turn into the new image. */
static ud_err make(struct ud_patches *patches, const struct ud_patch_name *name, struct ud_bytes old,
                   struct ud_bytes new, struct ud_bytes *patch)
{
    const struct delta_progress progress = {patches, goes_on};
    struct delta_options options = {.profile = name->profile, .progress = &progress};
    uint8_t *made = NULL;
    uint8_t *checked = NULL;
    size_t made_len = 0;
    size_t checked_len = 0;
    options.predictor = (uint8_t)delta_guess_predictor(new);
    options.base = options.predictor == UD_DELTA_PREDICTOR_THUMB ? delta_guess_base(old) : 0;
    ud_err err = delta_diff(old, new, &options, &made, &made_len, NULL);
    if (err == UD_OK) {
        err = delta_patch(old, (struct ud_bytes){made, made_len}, &checked, &checked_len);
    }
    if (err == UD_OK && !ud_bytes_equal((struct ud_bytes){checked, checked_len}, new)) {
        err = UD_ERR_INTERNAL;
    }
    free(checked);
    if (err != UD_OK) {
        free(made);
        return err;
    }
    *patch = (struct ud_bytes){made, made_len};
    return UD_OK;
}

static bool saves_enough(struct ud_bytes patch, struct ud_bytes new)
{
    return patch.len <= new.len - new.len / SAVES_AT_LEAST;
}

/* ---- room ---- */

struct oldest {
    char name[NAME_BYTES];
    struct timespec used;
};

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* All bytes in the folder; and of those in it the one that was not asked for longest. */
static uint64_t look_through(const struct ud_patches *patches, struct oldest *oldest)
{
    uint64_t bytes = 0;
    DIR *folder = opendir(patches->folder);
    oldest->name[0] = '\0';
    for (struct dirent *entry = folder == NULL ? NULL : readdir(folder); entry != NULL;
         entry = readdir(folder)) {
        struct stat facts;
        const size_t name_bytes = strlen(entry->d_name) + 1;
        if (entry->d_name[0] == '.' || name_bytes > sizeof oldest->name ||
            fstatat(dirfd(folder), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        bytes += (uint64_t)facts.st_size;
        if (facts.st_size > 0 && (oldest->name[0] == '\0' || is_before(facts.st_mtim, oldest->used))) {
            memcpy(oldest->name, entry->d_name, name_bytes);
            oldest->used = facts.st_mtim;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return bytes;
}

static void make_room(const struct ud_patches *patches, uint64_t bytes)
{
    struct oldest oldest;
    while (look_through(patches, &oldest) + bytes > patches->config.bytes_max && oldest.name[0] != '\0') {
        char path[UD_PATH_BYTES_MAX];
        if (ud_path_join(path, patches->folder, oldest.name) != UD_OK || unlink(path) != 0) {
            return;
        }
    }
}

/* ---- the thread ---- */

static ud_err keep(const struct ud_patches *patches, const struct ud_patch_name *name, struct ud_bytes patch)
{
    char path[UD_PATH_BYTES_MAX];
    make_room(patches, patch.len);
    const ud_err err = file_path(patches, name, path);
    return err == UD_OK ? ud_state_file_write(path, 0600, patch.ptr, patch.len) : err;
}

static ud_err work(struct ud_patches *patches, const struct ud_patch_name *name, struct ud_bytes *patch)
{
    struct ud_bytes old = {NULL, 0};
    struct ud_bytes new = {NULL, 0};
    ud_err err = map_artifact(patches, name->old, &old);
    err = err == UD_OK ? map_artifact(patches, name->new, &new) : err;
    err = err == UD_OK ? make(patches, name, old, new, patch) : err;
    const bool useless =
        err == UD_ERR_TOO_LARGE ||
        (err == UD_OK && (!saves_enough(*patch, new) || patch->len > patches->config.bytes_max));
    if (useless) {
        free((void *)(uintptr_t)patch->ptr);
        *patch = (struct ud_bytes){NULL, 0};
        err = UD_OK;
    }
    err = err == UD_OK ? keep(patches, name, *patch) : err;
    unmap(old);
    unmap(new);
    return err;
}

static void work_and_say(struct ud_patches *patches, const struct ud_patch_name *name)
{
    char file[NAME_BYTES];
    struct ud_bytes patch = {NULL, 0};
    const ud_err err = work(patches, name, &patch);
    file_name(file, name);
    if (err != UD_OK && err != UD_ERR_CANCELED && err != UD_ERR_NOT_FOUND) { /* nobody uploaded the old image */
        ud_log_event(patches->config.log, UD_LOG_WARN, "patch", "file", file, "error", ud_err_name(err), NULL);
    } else if (err == UD_OK) {
        char bytes[24];
        (void)snprintf(bytes, sizeof bytes, "%zu", patch.len);
        ud_metric_add(patches->config.metrics,
                      patch.len > 0 ? UD_METRIC_PATCHES_MADE : UD_METRIC_PATCHES_USELESS, 1);
        ud_log_event(patches->config.log, UD_LOG_INFO, "patch", "file", file, "bytes", bytes, NULL);
    }
    free((void *)(uintptr_t)patch.ptr);
}

static bool take(struct ud_patches *patches)
{
    pthread_mutex_lock(&patches->lock);
    patches->working = false;
    while (patches->queue_count == 0 && !atomic_load(&patches->ending)) {
        pthread_cond_wait(&patches->queued, &patches->lock);
    }
    const bool more = !atomic_load(&patches->ending);
    if (more) {
        patches->at_work = patches->queue[0];
        patches->working = true;
        patches->queue_count--;
        memmove(patches->queue, patches->queue + 1, patches->queue_count * sizeof patches->queue[0]);
    }
    pthread_mutex_unlock(&patches->lock);
    return more;
}

static void *patches_thread(void *ctx)
{
    struct ud_patches *patches = ctx;
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS); /* of this thread alone, on Linux */
    while (take(patches)) {
        work_and_say(patches, &patches->at_work);
    }
    return NULL;
}

/* ---- asking ---- */

static bool is_same(const struct ud_patch_name *a, const struct ud_patch_name *b)
{
    return a->profile == b->profile && memcmp(a->old, b->old, sizeof a->old) == 0 &&
           memcmp(a->new, b->new, sizeof a->new) == 0;
}

static void enqueue(struct ud_patches *patches, const struct ud_patch_name *name)
{
    pthread_mutex_lock(&patches->lock);
    bool known = patches->working && is_same(&patches->at_work, name);
    for (size_t i = 0; i < patches->queue_count && !known; i++) {
        known = is_same(&patches->queue[i], name);
    }
    if (!known && patches->queue_count < UD_PATCH_QUEUE_MAX) {
        patches->queue[patches->queue_count++] = *name;
        pthread_cond_signal(&patches->queued);
    }
    pthread_mutex_unlock(&patches->lock);
}

ud_err ud_patches_file(struct ud_patches *patches, const struct ud_patch_name *name, int *fd, uint64_t *bytes)
{
    char path[UD_PATH_BYTES_MAX];
    struct stat facts;
    struct ud_patch_name wanted = *name;
    if (patches->config.image_bytes_max == 0 || memcmp(name->old, name->new, sizeof name->old) == 0) {
        return UD_ERR_NOT_FOUND;
    }
    if (wanted.profile > UD_PATCH_PROFILE_MADE) {
        wanted.profile = UD_PATCH_PROFILE_MADE;
    }
    const ud_err err = file_path(patches, &wanted, path);
    if (err != UD_OK) {
        return err;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) {
        enqueue(patches, &wanted);
        return UD_ERR_NOT_FOUND;
    }
    if (fstat(file, &facts) != 0 || facts.st_size == 0) {
        close(file);
        return UD_ERR_NOT_FOUND;
    }
    (void)futimens(file, NULL); /* asked for now: it stays */
    *fd = file;
    *bytes = (uint64_t)facts.st_size;
    return UD_OK;
}

void ud_patches_want(struct ud_patches *patches, const struct ud_patch_name *name)
{
    int fd = -1;
    uint64_t bytes = 0;
    if (ud_patches_file(patches, name, &fd, &bytes) == UD_OK) {
        close(fd);
    }
}

/* ---- open and close ---- */

ud_err ud_patches_open(struct ud_patches **out, const struct ud_patches_config *config)
{
    struct ud_patches *patches = calloc(1, sizeof *patches);
    if (patches == NULL) {
        return UD_ERR_MEMORY;
    }
    patches->config = *config;
    ud_err err = ud_path_join(patches->folder, config->state_folder, "patches");
    err = err == UD_OK ? ud_folder_make(patches->folder, 0700) : err;
    pthread_mutex_init(&patches->lock, NULL);
    pthread_cond_init(&patches->queued, NULL);
    if (err == UD_OK && pthread_create(&patches->thread, NULL, patches_thread, patches) != 0) {
        err = UD_ERR_MEMORY;
    }
    if (err != UD_OK) {
        pthread_cond_destroy(&patches->queued);
        pthread_mutex_destroy(&patches->lock);
        free(patches);
        return err;
    }
    *out = patches;
    return UD_OK;
}

void ud_patches_close(struct ud_patches *patches)
{
    if (patches == NULL) {
        return;
    }
    pthread_mutex_lock(&patches->lock);
    atomic_store(&patches->ending, true);
    pthread_cond_signal(&patches->queued);
    pthread_mutex_unlock(&patches->lock);
    pthread_join(patches->thread, NULL);
    pthread_cond_destroy(&patches->queued);
    pthread_mutex_destroy(&patches->lock);
    free(patches);
}
