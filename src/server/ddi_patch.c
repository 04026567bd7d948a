/* A patch in place of an artifact, for the image that this device last reported, signed, that it runs. */
#include "server/handlers.h"

#include "server/patches.h"
#include "server/store_rollouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct wanted_patch {
    struct ud_download_share share; /* first */
    int32_t module;
    int32_t rollout; /* of the action under way; 0: none */
    struct ud_row_release_artifact file;
    struct ud_row_device device;
};

static ud_err find_both(struct ud_call *call, struct ud_store *store)
{
    struct wanted_patch *wanted = call->data;
    struct ud_row_action action;
    if (call->device.current_action != 0 &&
        ud_store_action_get(store, call->device.tenant, call->device.current_action, call->device.id,
                            &action) == UD_OK) {
        wanted->rollout = action.terms.rollout;
    }
    ud_err err = ud_download_share_of(store, &call->device, wanted->module, &wanted->share);
    err = err == UD_OK ? ud_store_device_get(store, call->device.id, &wanted->device) : err;
    return err == UD_OK ? ud_store_release_artifact_find(store, wanted->module, call->param[3], &wanted->file)
                        : err;
}

/* Nobody has patches made from what he does not run: it would cost us time, and tell him of other images. */
static bool runs(const struct ud_row_device *device, const char *precursor)
{
    char digits[UD_PATCH_PRECURSOR_DIGITS + 1];
    ud_hex_write(digits, device->running_digest, UD_PATCH_PRECURSOR_DIGITS / 2);
    return device->has_running && strcmp(digits, precursor) == 0;
}

static char *patch_etag(struct ud_call *call, const struct ud_patch_name *name, uint64_t bytes)
{
    char new[UD_PATCH_PRECURSOR_DIGITS + 1];
    const size_t room = 80;
    char *etag = ud_call_alloc(call, room);
    if (etag != NULL) {
        ud_hex_write(new, name->new, UD_PATCH_PRECURSOR_DIGITS / 2);
        snprintf(etag, room, "\"%s-%s-%s-%llu\"", new, call->param[4], call->param[5],
                 (unsigned long long)bytes);
    }
    return etag;
}

/* Counted for the rollout behind the reply: a device waits for no statistics. */
struct saved {
    struct ud_job job;
    int32_t rollout;
    uint64_t bytes;
};

static ud_err write_saved(struct ud_job *job, struct ud_store *store)
{
    const struct saved *saved = (const struct saved *)(const void *)job;
    return ud_store_rollout_saved(store, saved->rollout, saved->bytes);
}

static void saved_done(struct ud_job *job, ud_err err)
{
    (void)err;
    free(job); /* the first member */
}

void ud_patch_count(struct ud_server *server, int32_t rollout, uint64_t saved_bytes)
{
    struct saved *saved = rollout == 0 ? NULL : calloc(1, sizeof *saved);
    ud_metric_add(&server->metrics, UD_METRIC_PATCHES_SERVED, 1);
    ud_metric_add(&server->metrics, UD_METRIC_PATCH_SAVED_BYTES, saved_bytes);
    if (saved == NULL) {
        return;
    }
    *saved = (struct saved){{.run = write_saved, .done = saved_done}, rollout, saved_bytes};
    if (ud_writer_submit(server->writer, &saved->job) != UD_OK) {
        free(saved);
    }
}

static void count_saved(struct ud_call *call, uint64_t patch_bytes, uint64_t image_bytes)
{
    const struct wanted_patch *wanted = call->data;
    if (ud_call_header(call, "Range") == NULL) { /* a part goes on with a download that was counted */
        ud_patch_count(call->server, wanted->rollout, image_bytes - patch_bytes);
    }
}

void ud_ddi_patch(struct ud_call *call)
{
    struct ud_patch_name name;
    struct wanted_patch *wanted = ud_call_alloc(call, sizeof *wanted);
    int fd = -1;
    uint64_t bytes = 0;
    if (wanted == NULL) {
        return;
    }
    call->data = wanted;
    const bool good = ud_call_id(call->param[2], &wanted->module) &&
                      ud_patch_profile_parse(call->param[5], &name.profile) &&
                      ud_ddi_may_read(&call->device, wanted->module);
    ud_err err = good ? ud_call_read(call, find_both) : UD_ERR_NOT_FOUND;
    if (err == UD_OK && !runs(&wanted->device, call->param[4])) {
        err = UD_ERR_NOT_FOUND;
    }
    if (err == UD_OK) {
        memcpy(name.old, wanted->device.running_digest, sizeof name.old);
        memcpy(name.new, wanted->file.artifact.sha256, sizeof name.new);
        err = ud_patches_file(call->server->patches, &name, &fd, &bytes);
    }
    if (err != UD_OK) {
        ud_call_error(call, err, err == UD_ERR_NOT_FOUND ? "no patch here; take the image" : NULL);
        return;
    }
    const char *etag = patch_etag(call, &name, bytes);
    if (etag == NULL) {
        close(fd);
        return;
    }
    ud_send_file(call, fd, bytes, etag, NULL);
    ud_send_within_limits(call, &wanted->share);
    if (wanted->share.counted) {
        count_saved(call, bytes, wanted->file.artifact.size);
    }
}
