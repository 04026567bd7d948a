/* Every handler that the table of routes names. */
#ifndef UD_SERVER_HANDLERS_H
#define UD_SERVER_HANDLERS_H

#include "server/downloads.h"
#include "server/http.h"

/* people */
void ud_api_health(struct ud_call *call);
void ud_api_metrics(struct ud_call *call);
void ud_api_whoami(struct ud_call *call);
void ud_api_session_login(struct ud_call *call);
void ud_api_session_logout(struct ud_call *call);
void ud_api_sign_in_codes_add(struct ud_call *call);
void ud_api_server(struct ud_call *call);
void ud_api_login(struct ud_call *call);
void ud_api_login_callback(struct ud_call *call);
void ud_api_users_list(struct ud_call *call);
void ud_api_users_add(struct ud_call *call);
void ud_api_users_get(struct ud_call *call);
void ud_api_users_set(struct ud_call *call);
void ud_api_users_remove(struct ud_call *call);
void ud_api_tokens_list(struct ud_call *call);
void ud_api_tokens_add(struct ud_call *call);
void ud_api_tokens_remove(struct ud_call *call);
void ud_api_tenants_list(struct ud_call *call);
void ud_api_tenants_add(struct ud_call *call);
void ud_api_policy_get(struct ud_call *call);
void ud_api_policy_set(struct ud_call *call);
void ud_api_audit_list(struct ud_call *call);
void ud_api_events(struct ud_call *call);
void ud_api_hooks_list(struct ud_call *call);
void ud_api_hooks_add(struct ud_call *call);
void ud_api_hooks_remove(struct ud_call *call);
void ud_api_approvals_list(struct ud_call *call);
void ud_api_approvals_add(struct ud_call *call);
void ud_api_devices_group(struct ud_call *call);
void ud_api_anchors_list(struct ud_call *call);
void ud_api_anchors_add(struct ud_call *call);
void ud_api_anchors_remove(struct ud_call *call);
void ud_api_artifact_head(struct ud_call *call);
void ud_api_artifact_get(struct ud_call *call);
extern const struct ud_stream ud_api_artifact_put;
void ud_api_releases_add(struct ud_call *call);
void ud_api_releases_add_foreign(struct ud_call *call);
void ud_api_releases_list(struct ud_call *call);
void ud_api_releases_get(struct ud_call *call);
void ud_api_releases_envelope(struct ud_call *call);
void ud_api_releases_deploy(struct ud_call *call);
void ud_api_types_list(struct ud_call *call);
void ud_api_types_add(struct ud_call *call);
void ud_api_devices_list(struct ud_call *call);
void ud_api_devices_add(struct ud_call *call);
void ud_api_devices_get(struct ud_call *call);
void ud_api_devices_remove(struct ud_call *call);
void ud_api_devices_actions(struct ud_call *call);
void ud_api_devices_reports(struct ud_call *call);
void ud_api_devices_properties(struct ud_call *call);
void ud_api_actions_get(struct ud_call *call);
void ud_api_actions_cancel(struct ud_call *call);

/* people: rollouts, care */
void ud_api_openapi(struct ud_call *call);
void ud_api_rollouts_list(struct ud_call *call);
void ud_api_rollouts_add(struct ud_call *call);
void ud_api_rollouts_get(struct ud_call *call);
void ud_api_rollouts_remove(struct ud_call *call);
void ud_api_rollouts_groups(struct ud_call *call);
void ud_api_rollouts_devices(struct ud_call *call);
void ud_api_rollouts_failures(struct ud_call *call);
void ud_api_rollouts_clusters(struct ud_call *call);
void ud_api_rollouts_course(struct ud_call *call);
void ud_api_bulk(struct ud_call *call);
void ud_api_rollouts_start(struct ud_call *call);
void ud_api_rollouts_pause(struct ud_call *call);
void ud_api_rollouts_resume(struct ud_call *call);
void ud_api_rollouts_stop(struct ud_call *call);
void ud_api_rollouts_next(struct ud_call *call);
void ud_api_rollouts_approve(struct ud_call *call);
void ud_api_rollouts_deny(struct ud_call *call);
void ud_api_rollouts_retry(struct ud_call *call);
void ud_api_devices_why(struct ud_call *call);
void ud_api_devices_quarantine(struct ud_call *call);
void ud_api_devices_free(struct ud_call *call);
void ud_api_devices_zone(struct ud_call *call);
void ud_api_devices_poll(struct ud_call *call);
void ud_api_devices_attributes(struct ud_call *call);
void ud_api_releases_recall(struct ud_call *call);
void ud_api_releases_way_back(struct ud_call *call);
void ud_api_overview(struct ud_call *call);
void ud_api_todo_snooze(struct ud_call *call);
void ud_api_says(struct ud_call *call);
void ud_api_rollouts_forecast(struct ud_call *call);
void ud_api_completions(struct ud_call *call);
void ud_api_versions(struct ud_call *call);
void ud_api_refused(struct ud_call *call);
void ud_api_devices_refused(struct ud_call *call);
void ud_api_filters_list(struct ud_call *call);
void ud_api_filters_set(struct ud_call *call);
void ud_api_filters_remove(struct ud_call *call);
void ud_api_lwm2m_get(struct ud_call *call);
void ud_api_lwm2m_keys_list(struct ud_call *call);
void ud_api_lwm2m_keys_add(struct ud_call *call);
void ud_api_lwm2m_keys_remove(struct ud_call *call);
void ud_api_commands_list(struct ud_call *call);
void ud_api_commands_add(struct ud_call *call);
void ud_api_commands_get(struct ud_call *call);
void ud_api_commands_cancel(struct ud_call *call);
void ud_api_values_list(struct ud_call *call);
void ud_api_values_newest(struct ud_call *call);

/* people: hawkBit's management API */
void ud_mgmt_actions_list(struct ud_call *call);
void ud_mgmt_action_cancel(struct ud_call *call);
void ud_mgmt_action_confirm(struct ud_call *call);
void ud_mgmt_action_get(struct ud_call *call);
void ud_mgmt_add(struct ud_call *call);
void ud_mgmt_artifacts(struct ud_call *call);
extern const struct ud_stream ud_mgmt_artifacts_add;
void ud_mgmt_artifacts_download(struct ud_call *call);
void ud_mgmt_artifacts_remove(struct ud_call *call);
void ud_mgmt_auto_begin(struct ud_call *call);
void ud_mgmt_auto_end(struct ud_call *call);
void ud_mgmt_auto_get(struct ud_call *call);
void ud_mgmt_configs(struct ud_call *call);
void ud_mgmt_configs_put(struct ud_call *call);
void ud_mgmt_configs_remove(struct ud_call *call);
void ud_mgmt_assign(struct ud_call *call);
void ud_mgmt_rollouts_group(struct ud_call *call);
void ud_mgmt_rollouts_group_targets(struct ud_call *call);
void ud_mgmt_action_statuses(struct ud_call *call);
void ud_mgmt_sets_assigned(struct ud_call *call);
void ud_mgmt_sets_installed(struct ud_call *call);
void ud_mgmt_sets_statistics(struct ud_call *call);
void ud_mgmt_sets_invalidate(struct ud_call *call);
void ud_mgmt_groups_list(struct ud_call *call);
void ud_mgmt_groups_assigned(struct ud_call *call);
void ud_mgmt_groups_assign(struct ud_call *call);
void ud_mgmt_groups_assign_all(struct ud_call *call);
void ud_mgmt_confirm_begin(struct ud_call *call);
void ud_mgmt_confirm_end(struct ud_call *call);
void ud_mgmt_confirm_get(struct ud_call *call);
void ud_mgmt_get(struct ud_call *call);
void ud_mgmt_list(struct ud_call *call);
void ud_mgmt_pairs_add(struct ud_call *call);
void ud_mgmt_pairs_get(struct ud_call *call);
void ud_mgmt_pairs_remove(struct ud_call *call);
void ud_mgmt_remove(struct ud_call *call);
void ud_mgmt_rollouts_add(struct ud_call *call);
void ud_mgmt_rollouts_get(struct ud_call *call);
void ud_mgmt_rollouts_groups(struct ud_call *call);
void ud_mgmt_rollouts_list(struct ud_call *call);
void ud_mgmt_rollouts_remove(struct ud_call *call);
void ud_mgmt_rollouts_wish(struct ud_call *call);
void ud_mgmt_set(struct ud_call *call);
void ud_mgmt_set_modules(struct ud_call *call);
void ud_mgmt_set_modules_add(struct ud_call *call);
void ud_mgmt_set_modules_remove(struct ud_call *call);
void ud_mgmt_tags_assign(struct ud_call *call);
void ud_mgmt_tags_assign_list(struct ud_call *call);
void ud_mgmt_tags_assigned(struct ud_call *call);
void ud_mgmt_targets_tags(struct ud_call *call);
void ud_mgmt_targets_type(struct ud_call *call);
void ud_mgmt_sets_filters(struct ud_call *call);
void ud_mgmt_action_force(struct ud_call *call);
void ud_mgmt_rollouts_put(struct ud_call *call);
void ud_mgmt_rollouts_retry(struct ud_call *call);
void ud_mgmt_targets_actions(struct ud_call *call);
void ud_mgmt_targets_add(struct ud_call *call);
void ud_mgmt_targets_get(struct ud_call *call);
void ud_mgmt_targets_list(struct ud_call *call);
void ud_mgmt_targets_put(struct ud_call *call);
void ud_mgmt_targets_set(struct ud_call *call);
void ud_mgmt_types_add(struct ud_call *call);
void ud_mgmt_types_list(struct ud_call *call);
void ud_mgmt_types_remove(struct ud_call *call);
void ud_mgmt_userinfo(struct ud_call *call);

/* devices */
void ud_ddi_confirmation_base(struct ud_call *call);
void ud_ddi_confirmation_auto(struct ud_call *call);
void ud_ddi_confirmation_hand(struct ud_call *call);
void ud_ddi_confirmation(struct ud_call *call);
void ud_ddi_confirmation_feedback(struct ud_call *call);
void ud_ddi_poll(struct ud_call *call);
/** Add the device that a gateway's token spoke for, within limits; `then` makes the reply, with it as call->device. */
void ud_ddi_register(struct ud_call *call, void (*then)(struct ud_call *call));
void ud_ddi_config_data(struct ud_call *call);
void ud_ddi_deployment(struct ud_call *call);
void ud_ddi_installed(struct ud_call *call);
void ud_ddi_installed_set(struct ud_call *call);
void ud_ddi_cancel(struct ud_call *call);
void ud_ddi_deployment_feedback(struct ud_call *call);
void ud_ddi_cancel_feedback(struct ud_call *call);
void ud_ddi_artifacts(struct ud_call *call);
void ud_ddi_artifact(struct ud_call *call);
void ud_ddi_patch(struct ud_call *call);
void ud_device_report(struct ud_call *call);
void ud_device_fw(struct ud_call *call);
void ud_device_enrol(struct ud_call *call);

/* shared by several of them */

/** The media type of a DDI reply: what Accept names, else HAL. */
void ud_ddi_type(struct ud_call *call);
/** Members of an artifact that every client reads: filename, hashes, size. */
void ud_ddi_artifact_facts(struct ud_json *json, const struct ud_row_release_artifact *row);
/** Reply with a file: ranges, conditions, HEAD. The call owns fd from here on. `etag`, quoted, and `filename` live as long as the call. */
void ud_send_file(struct ud_call *call, int fd, uint64_t size, const char *etag, const char *filename);
/* A device's part in the limits of downloads; the first member of call->data. */
struct ud_download_share {
    bool counted;    /* among the downloads under way */
    int32_t rollout; /* 0 = none */
    struct ud_download_limits limits;
};
/**
 * Of a release that is being read by this device. UD_ERR_NOT_FOUND; UD_ERR_RECALLED: nobody gets a byte of it any more.
 */
ud_err ud_download_share_of(struct ud_store *store, const struct ud_fleet_device *device, int32_t release,
                            struct ud_download_share *share);
/** The reply is a file: let it go within the limits of its rollout and of all, or say when to come again. */
void ud_send_within_limits(struct ud_call *call, struct ud_download_share *share);
/** May the device read files of this module? Only of what it is offered, or runs (its last success). */
bool ud_ddi_may_read(const struct ud_fleet_device *device, int32_t module);
/**
 * Go on once the artifact is here, or the first of what goes out: at once, or while the rest is fetched. Otherwise the reply is
 * 503, to come again, or 500. Only ud_send_artifact() may be what reads it then.
 */
void ud_with_artifact(struct ud_call *call, const struct ud_row_artifact *artifact,
                      void (*then)(struct ud_call *call));
/** Reply with a stored artifact that is here, or on its way: ranges, conditions, entity tag, HEAD. `filename` NULL: no Content-Disposition. */
void ud_send_artifact(struct ud_call *call, const struct ud_row_artifact *artifact, const char *filename);
/**
 * How long a device may be silent by its registration, UINT32_MAX for ever, 0 without one: by this server's memory, or the
 * store's where it registered at another server.
 */
uint32_t ud_lives_s(const struct ud_call *call, struct ud_store *store, const struct ud_row_device *device);
/** The longest interval at which devices of the caller's tenant poll: who is silent for some of these is silent. */
uint32_t ud_longest_poll_s(const struct ud_call *call);
/** The device of this name, as far as the caller sees it: outside the caller's group it does not exist. */
ud_err ud_find_device(const struct ud_call *call, struct ud_store *store, const char *name,
                      struct ud_row_device *device);
/** Bring the fleet up to date with this row, from a `committed` function. */
void ud_refresh_fleet(struct ud_call *call, const struct ud_row_device *row);
/** An action as JSON: docs/formats.md section 8, with its history when `store` is given. */
void ud_render_action(struct ud_json *json, const char *key, const struct ud_row_action *action,
                      struct ud_store *store);

#endif
