/*
 * Patches between artifacts (docs/design/delta.md section 7), made when a group of a rollout starts, for what its devices
 * run, or when a device first asks: in the background, by one
 * thread of low priority, one after another. One for each profile that is asked for or announced. Files <state>/patches/NEW-PRECURSOR-pN, NEW the new image's SHA-256,
 * PRECURSOR the first 16 hex digits of the old one's; an empty file says that a patch would save too little. Only a cache: it may be
 * deleted at any time. What was not asked for longest goes first when the folder is full.
 *
 * A patch that is not there yet is no error and no wait: the device takes the image.
 */
#ifndef UD_SERVER_PATCHES_H
#define UD_SERVER_PATCHES_H

#include "server/artifacts.h"
#include "server/log.h"
#include "server/metrics.h"

#define UD_PATCH_PRECURSOR_DIGITS 16
#define UD_PATCH_QUEUE_MAX 64
#define UD_PATCH_PROFILE_MADE 3 /* larger ones hardly save more */

struct ud_patches;

struct ud_patches_config {
    const char *state_folder;
    const struct ud_artifacts *artifacts; /* borrowed, as log and metrics are */
    struct ud_log *log;
    struct ud_metrics *metrics;
    uint64_t
        image_bytes_max; /* larger ones get no patch; bounds memory at about 60 times this. 0: none are made */
    uint64_t bytes_max;  /* of all patches together */
};

/** Makes the folder, starts the thread. UD_ERR_IO, UD_ERR_MEMORY. */
ud_err ud_patches_open(struct ud_patches **patches, const struct ud_patches_config *config);
/** Give up what is being made. NULL is allowed. */
void ud_patches_close(struct ud_patches *patches);

/* Which patch. */
struct ud_patch_name {
    uint8_t old[UD_SHA256_BYTES];
    uint8_t new[UD_SHA256_BYTES];
    uint8_t profile; /* the largest that the device takes, 0..9; one above UD_PATCH_PROFILE_MADE gets that */
};

/** "p3", as devices ask for it and announce it. */
bool ud_patch_profile_parse(const char *text, uint8_t *profile);

/** Make it if it is not there; nobody waits for it. */
void ud_patches_want(struct ud_patches *patches, const struct ud_patch_name *name);

/**
 * Open the patch for reading.
 *
 * @return UD_OK with `fd` (the caller's) and its size; UD_ERR_NOT_FOUND: there is none; when there may be one later, making it
 *         has been put in the queue (a full queue forgets it; it is asked for again)
 */
ud_err ud_patches_file(struct ud_patches *patches, const struct ud_patch_name *name, int *fd, uint64_t *bytes);

struct ud_server;
/** Count a patch that a device begins to fetch, for the server and for the rollout of its action; 0: none. Does not wait. */
void ud_patch_count(struct ud_server *server, int32_t rollout, uint64_t saved_bytes);

#endif
