/* Signed reports: the only way to `confirmed` (promise P3). */
#include "server/actions.h"

#include "server/events.h"
#include "server/rollouts.h"
#include "server/store_rollouts.h"
#include "server/text.h"

#define MESSAGES_BYTES_MAX 4096

/* A release without an image: the device goes on running what it runs, and trusts by this. */
static bool is_trust_store(const struct ud_row_release *release)
{
    return !release->foreign && release->component_count == 0;
}

struct carried {
    const struct ud_report_claim *claim;
    bool found;
};

static void is_it_carried(void *ctx, const struct ud_row_release_artifact *row)
{
    struct carried *carried = ctx;
    carried->found =
        carried->found || ud_bytes_equal(carried->claim->digest, UD_BYTES_ARRAY(row->artifact.sha256));
}

/* The release's row has the images of the first way through a try-each; those of the other ways are its artifacts. */
static bool is_of_another_way(struct ud_store *store, const struct ud_report_claim *claim,
                              const struct ud_row_release *release)
{
    struct carried carried = {.claim = claim};
    if (ud_store_release_has_image(store, release->id, claim->digest.ptr)) {
        return true; /* also one that came within the envelope */
    }
    return ud_store_release_artifacts(store, release->id, is_it_carried, &carried) == UD_OK && carried.found;
}

/*
 * Does every component run what the release's manifest says, from this release? The device's order of components is its own:
 * each image counts once. Which goes where, the manifest says, and the device has checked it.
 */
static bool claims_match(struct ud_store *store, const struct ud_report *report,
                         const struct ud_row_release *release)
{
    uint32_t found = 0;
    if (is_trust_store(release)) {
        return ud_bytes_equal(report->reference_digest, UD_BYTES_ARRAY(release->manifest_digest));
    }
    if (report->claim_count == 0 || report->claim_count != release->component_count) {
        return false;
    }
    for (size_t i = 0; i < report->claim_count; i++) {
        const struct ud_report_claim *claim = &report->claims[i];
        size_t j = 0;
        while (j < release->component_count &&
               ((found >> j & 1) != 0 ||
                !ud_bytes_equal(claim->digest, UD_BYTES_ARRAY(release->image_digest[j])))) {
            j++;
        }
        if (claim->sequence != release->sequence ||
            (j == release->component_count && !is_of_another_way(store, claim, release))) {
            return false;
        }
        found |= j < release->component_count ? UINT32_C(1) << j : 0;
    }
    return ud_bytes_equal(report->reference_digest, UD_BYTES_ARRAY(release->manifest_digest));
}

static ud_action_state end_of(const struct ud_report *report)
{
    if (report->result == UD_OK) {
        return UD_ACTION_CONFIRMED;
    }
    if (report->result == UD_ERR_CANCELED) {
        return UD_ACTION_CANCELED;
    }
    /* the boot reason is no sign of it: that one stays until the next start, whatever is refused meanwhile */
    if (report->result == UD_ERR_UNCONFIRMED || report->result == UD_ERR_CRASHED) {
        return UD_ACTION_REVERTED;
    }
    /* 16..63 of the list of errors: shape, authenticity, applicability. The device would not have it. */
    return report->result >= UD_ERR_TRUNCATED && report->result < UD_ERR_SPACE ? UD_ACTION_REFUSED
                                                                               : UD_ACTION_FAILED;
}

/* Proof that the device runs the one release that it might still be given ends its quarantine. */
static ud_err free_by_proof(struct ud_store *store, const struct ud_row_action *action, bool *freed)
{
    struct ud_row_device device;
    const ud_err err =
        action->state == UD_ACTION_CONFIRMED ? ud_store_device_get(store, action->device, &device) : UD_ABSENT;
    *freed = err == UD_OK && device.quarantine_ms != 0 && device.quarantine_release == action->release;
    return *freed ? ud_device_release(store, &device) : err == UD_ABSENT ? UD_OK : err;
}

static ud_err remember(struct ud_store *store, struct ud_row_action *action, bool freed, int64_t now_ms)
{
    struct ud_text messages;
    ud_text_init(&messages, MESSAGES_BYTES_MAX);
    struct ud_json json = {&messages, false};
    ud_json_open(&json, NULL, '[');
    ud_json_string(&json, NULL,
                   action->error == UD_OK ? "signed report: the release runs and is confirmed"
                                          : "signed report: the release does not run");
    if (action->error != UD_OK) {
        ud_json_string(&json, NULL, ud_err_text(action->error));
    }
    if (freed) {
        ud_json_string(&json, NULL, "Update Server: the device is not in quarantine any more");
    }
    ud_json_close(&json, ']');
    const struct ud_row_status status = {.at_ms = now_ms,
                                         .state = action->state,
                                         .has_code = true,
                                         .code = action->error,
                                         .messages = messages.ptr};
    ud_err err = ud_text_ok(&messages) ? ud_store_status_add(store, action, &status) : UD_ERR_MEMORY;
    ud_text_free(&messages);
    action->updated_ms = now_ms;
    err = err == UD_OK ? ud_store_action_set(store, action) : err;
    return err == UD_OK ? ud_event_action(store, action, now_ms) : err;
}

static ud_err close_by_report(struct ud_store *store, const struct ud_report *report,
                              const struct ud_row_release *release, int64_t now_ms,
                              struct ud_row_action *action)
{
    if (!action->active && action->proof_signed) {
        return UD_OK; /* it ended by a report already; this one only tells what runs */
    }
    action->state = end_of(report);
    action->error = report->result;
    if (action->state == UD_ACTION_CONFIRMED && !claims_match(store, report, release)) {
        action->state = UD_ACTION_FAILED; /* says success, runs something else: seen and said */
        action->error = UD_ERR_IMAGE_MISMATCH;
    }
    action->active = false;
    action->canceling = false;
    action->proof_signed = true;
    bool freed = false;
    ud_err err = free_by_proof(store, action, &freed);
    err = err == UD_OK ? remember(store, action, freed, now_ms) : err;
    if (err == UD_OK && action->state == UD_ACTION_CONFIRMED && !is_trust_store(release)) {
        err = ud_store_device_finished_set(store, action->device, action->id, action->release);
    }
    return err == UD_OK ? ud_action_settle(store, action) : err;
}

/*
 * A device that has confirmed one release and now reports another image has reverted (to an older one) or drifted,
 * whatever it said before. Only while nothing else is under way with it: then the action's end tells.
 */
static ud_err look_for_drift(struct ud_store *store, int64_t id)
{
    struct ud_row_device device;
    struct ud_row_release release;
    ud_err err = ud_store_device_get(store, id, &device);
    if (err != UD_OK || device.current_action != 0 || device.finished_release == 0 || !device.has_running) {
        return err;
    }
    err = ud_store_release_get(store, device.tenant, device.finished_release, &release);
    if (err != UD_OK || release.foreign) {
        return err;
    }
    const bool stays = device.running_release == release.id;
    const bool was_in_sync = device.status == UD_STATUS_IN_SYNC;
    if (stays) {
        const bool was_off = device.status == UD_STATUS_REVERTED || device.status == UD_STATUS_DRIFTED;
        return was_off && device.assigned_release == release.id
                   ? ud_store_device_status_set(store, id, UD_STATUS_IN_SYNC, release.id)
                   : UD_OK;
    }
    if (!was_in_sync) {
        return UD_OK; /* known already, or a failure that says more */
    }
    const bool older = device.running_sequence < release.sequence;
    const struct ud_row_fact event = {.tenant = device.tenant,
                                      .kind = UD_FACT_DRIFT,
                                      .device = id,
                                      .action = device.finished_action,
                                      .state = older ? UD_MEMBER_REVERTED : UD_MEMBER_DRIFTED};
    err = ud_store_device_status_set(store, id, older ? UD_STATUS_REVERTED : UD_STATUS_DRIFTED, release.id);
    return err == UD_OK ? ud_store_fact_add(store, &event) : err;
}

/* The action that the nonce names; only the newest one's counts. */
static ud_err find_action(struct ud_store *store, const struct ud_row_device *device,
                          const struct ud_report *report, struct ud_row_action *action)
{
    if (report->nonce.len == 0) {
        return UD_ABSENT;
    }
    ud_err err = ud_store_action_newest(store, device->id, action);
    if (err == UD_OK && ud_bytes_equal_secret(report->nonce, UD_BYTES_ARRAY(action->nonce))) {
        return UD_OK;
    }
    if (err == UD_OK && device->current_action != 0 && device->current_action != action->id) {
        /* a newer one waits while this one is being canceled */
        err = ud_store_action_get(store, device->tenant, device->current_action, device->id, action);
        if (err == UD_OK && ud_bytes_equal_secret(report->nonce, UD_BYTES_ARRAY(action->nonce))) {
            return UD_OK;
        }
    }
    return err == UD_OK || err == UD_ERR_NOT_FOUND ? UD_ERR_NONCE : err;
}

/* Which release is it that runs? A report of a refusal names another manifest than the one that runs. */
static int32_t release_of(struct ud_store *store, int64_t tenant, const struct ud_report *report)
{
    struct ud_row_release release;
    if (report->result == UD_OK &&
        ud_store_release_by_manifest(store, tenant, report->reference_digest.ptr, &release) == UD_OK &&
        !is_trust_store(&release) && claims_match(store, report, &release)) {
        return release.id;
    }
    const struct ud_report_claim *claim = &report->claims[0];
    const ud_err err = ud_store_release_by_image(store, tenant, claim->sequence, claim->digest.ptr, &release);
    return err == UD_OK ? release.id : 0;
}

static void note_running(struct ud_store *store, struct ud_row_device *device, const struct ud_report *report)
{
    device->has_running = report->claim_count > 0;
    device->running_release = 0;
    if (!device->has_running) {
        return;
    }
    const struct ud_report_claim *claim = &report->claims[0];
    device->running_release = release_of(store, device->tenant, report);
    memcpy(device->running_digest, claim->digest.ptr, UD_SHA256_BYTES);
    device->running_sequence = claim->sequence;
    device->running_epoch = claim->epoch;
}

static bool is_well_formed(const struct ud_report *report)
{
    bool good = report->reference_digest.len == UD_SHA256_BYTES;
    for (size_t i = 0; i < report->claim_count; i++) {
        good = good && report->claims[i].digest.len == UD_SHA256_BYTES;
    }
    return good;
}

static ud_err keep_report(struct ud_store *store, struct ud_row_device *device, const struct ud_report *report,
                          struct ud_bytes bytes, int32_t action, int64_t now_ms)
{
    const struct ud_row_report row = {.at_ms = now_ms,
                                      .action = action,
                                      .counter = report->counter,
                                      .result = report->result,
                                      .boot_reason = report->boot_reason,
                                      .bytes = bytes,
                                      .capable = report->capabilities.len > 0};
    device->has_report = true;
    device->report_counter = report->counter;
    device->reported_ms = now_ms;
    device->boot_reason = report->boot_reason;
    note_running(store, device, report);
    const ud_err err = ud_store_report_add(store, device->tenant, device->id, &row);
    return err == UD_OK ? ud_store_device_report_set(store, device) : err;
}

ud_err ud_action_report(struct ud_store *store, struct ud_row_device *device, const struct ud_report *report,
                        struct ud_bytes bytes, int64_t now_ms, struct ud_row_action *action, bool *again)
{
    uint8_t hash[UD_SHA256_BYTES];
    struct ud_row_release release;
    ud_err err = is_well_formed(report) ? ud_sha256(&bytes, 1, hash) : UD_ERR_SHAPE;
    if (err != UD_OK) {
        return err;
    }
    *again = device->has_report && ud_bytes_equal(UD_BYTES_ARRAY(hash), UD_BYTES_ARRAY(device->report_hash));
    if (*again) {
        return UD_OK;
    }
    const ud_err named = find_action(store, device, report, action);
    if (named != UD_OK && named != UD_ABSENT) {
        return named;
    }
    if (device->has_report && report->counter <= device->report_counter) {
        return UD_ERR_COUNTER;
    }
    memcpy(device->report_hash, hash, sizeof hash);
    if (named == UD_OK) {
        err = ud_store_release_get(store, device->tenant, action->release, &release);
        err = err == UD_OK ? close_by_report(store, report, &release, now_ms, action) : err;
    }
    err =
        err == UD_OK ? keep_report(store, device, report, bytes, named == UD_OK ? action->id : 0, now_ms) : err;
    return err == UD_OK ? look_for_drift(store, device->id) : err;
}
