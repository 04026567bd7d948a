#include "server/handlers.h"

#define DEVICE "/{tenant}/controller/v1/{name}"
#define API "/api/v1"

/* clang-format off */
const struct ud_route ud_routes[] = {
    /* devices: hawkBit's DDI v1, then ours */
    {UD_LISTEN_DEVICES, "GET",    DEVICE,                                        UD_AUTH_DEVICE, UD_BODY_NONE,   ud_ddi_poll, NULL},
    {UD_LISTEN_DEVICES, "PUT",    DEVICE "/configData",                          UD_AUTH_DEVICE, UD_BODY_JSON,   ud_ddi_config_data, NULL},
    {UD_LISTEN_DEVICES, "GET",    DEVICE "/deploymentBase/{action}",             UD_AUTH_DEVICE, UD_BODY_NONE,   ud_ddi_deployment, NULL},
    {UD_LISTEN_DEVICES, "POST",   DEVICE "/deploymentBase/{action}/feedback",    UD_AUTH_DEVICE, UD_BODY_JSON,   ud_ddi_deployment_feedback, NULL},
    {UD_LISTEN_DEVICES, "GET",    DEVICE "/cancelAction/{action}",               UD_AUTH_DEVICE, UD_BODY_NONE,   ud_ddi_cancel, NULL},
    {UD_LISTEN_DEVICES, "POST",   DEVICE "/cancelAction/{action}/feedback",      UD_AUTH_DEVICE, UD_BODY_JSON,   ud_ddi_cancel_feedback, NULL},
    {UD_LISTEN_DEVICES, "GET",    DEVICE "/installedBase/{action}",              UD_AUTH_DEVICE, UD_BODY_NONE,   ud_ddi_installed, NULL},
    {UD_LISTEN_DEVICES, "GET",    DEVICE "/softwaremodules/{module}/artifacts",  UD_AUTH_DEVICE, UD_BODY_NONE,   ud_ddi_artifacts, NULL},
    {UD_LISTEN_DEVICES, "GET",    DEVICE "/softwaremodules/{module}/artifacts/{file}", UD_AUTH_DEVICE, UD_BODY_NONE, ud_ddi_artifact, NULL},
    {UD_LISTEN_DEVICES, "POST",   DEVICE "/report",                              UD_AUTH_DEVICE, UD_BODY_REPORT, ud_device_report, NULL},
    {UD_LISTEN_DEVICES, "POST",   DEVICE "/enrol",                               UD_AUTH_NONE,   UD_BODY_COSE,   ud_device_enrol, NULL},

    /* people */
    {UD_LISTEN_PEOPLE,  "GET",    "/health",                                     UD_AUTH_NONE,   UD_BODY_NONE,   ud_api_health, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    "/metrics",                                    UD_AUTH_NONE,   UD_BODY_NONE,   ud_api_metrics, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/whoami",                                 UD_MAY_SELF | UD_IN_GROUP, UD_BODY_NONE,   ud_api_whoami, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/session",                                UD_AUTH_NONE,   UD_BODY_JSON,   ud_api_session_login, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/session",                                UD_MAY_SELF | UD_IN_GROUP, UD_BODY_NONE, ud_api_session_logout, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/users",                                  UD_MAY_PEOPLE,  UD_BODY_NONE,   ud_api_users_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/users",                                  UD_MAY_PEOPLE,  UD_BODY_JSON,   ud_api_users_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/users/{name}",                           UD_MAY_PEOPLE,  UD_BODY_NONE,   ud_api_users_get, NULL},
    {UD_LISTEN_PEOPLE,  "PUT",    API "/users/{name}",                           UD_MAY_PEOPLE,  UD_BODY_JSON,   ud_api_users_set, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/users/{name}",                           UD_MAY_PEOPLE,  UD_BODY_NONE,   ud_api_users_remove, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/tokens",                                 UD_MAY_SELF | UD_IN_GROUP, UD_BODY_NONE, ud_api_tokens_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/tokens",                                 UD_MAY_SELF | UD_IN_GROUP, UD_BODY_JSON, ud_api_tokens_add, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/tokens/{id}",                            UD_MAY_SELF | UD_IN_GROUP, UD_BODY_NONE, ud_api_tokens_remove, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/tenants",                                UD_MAY_TENANTS, UD_BODY_NONE,   ud_api_tenants_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/tenants",                                UD_MAY_TENANTS, UD_BODY_JSON,   ud_api_tenants_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/policy",                                 UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE, ud_api_policy_get, NULL},
    {UD_LISTEN_PEOPLE,  "PUT",    API "/policy",                                 UD_MAY_SETTINGS, UD_BODY_JSON,  ud_api_policy_set, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/audit",                                  UD_MAY_AUDIT,   UD_BODY_NONE,   ud_api_audit_list, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/anchors",                                UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_anchors_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/anchors",                                UD_MAY_TRUST, UD_BODY_JSON,   ud_api_anchors_add, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/anchors/{kid}",                          UD_MAY_TRUST, UD_BODY_NONE,   ud_api_anchors_remove, NULL},
    {UD_LISTEN_PEOPLE,  "HEAD",   API "/artifacts/{sha256}",                     UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_artifact_head, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/artifacts/{sha256}",                     UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_artifact_get, NULL},
    {UD_LISTEN_PEOPLE,  "PUT",    API "/artifacts/{sha256}",                     UD_MAY_UPLOAD, UD_BODY_STREAM, NULL, &ud_api_artifact_put},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases",                               UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_releases_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/releases",                               UD_MAY_UPLOAD, UD_BODY_ENVELOPE, ud_api_releases_add, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/foreign-releases",                       UD_MAY_UPLOAD, UD_BODY_JSON,   ud_api_releases_add_foreign, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases/{id}",                          UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_releases_get, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases/{id}/envelope",                 UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_releases_envelope, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases/{id}/approvals",                UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE, ud_api_approvals_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/releases/{id}/approvals",                UD_MAY_APPROVE, UD_BODY_NONE,   ud_api_approvals_add, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/releases/{id}/deploy",                   UD_MAY_DEPLOY | UD_IN_GROUP, UD_BODY_JSON,   ud_api_releases_deploy, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/device-types",                           UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_types_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/device-types",                           UD_MAY_SETTINGS, UD_BODY_JSON,   ud_api_types_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices",                                UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_devices_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/devices",                                UD_MAY_DEVICES | UD_IN_GROUP, UD_BODY_JSON,   ud_api_devices_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}",                         UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_devices_get, NULL},
    {UD_LISTEN_PEOPLE,  "PUT",    API "/devices/{name}/group",                   UD_MAY_DEVICES, UD_BODY_JSON,   ud_api_devices_group, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/devices/{name}",                         UD_MAY_DEVICES | UD_IN_GROUP, UD_BODY_NONE,   ud_api_devices_remove, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}/actions",                 UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_devices_actions, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}/reports",                 UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_devices_reports, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/actions/{id}",                           UD_MAY_READ | UD_IN_GROUP, UD_BODY_NONE,   ud_api_actions_get, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/actions/{id}/cancel",                    UD_MAY_DEPLOY | UD_IN_GROUP, UD_BODY_NONE,   ud_api_actions_cancel, NULL},
};
/* clang-format on */
const size_t ud_route_count = sizeof ud_routes / sizeof ud_routes[0];
