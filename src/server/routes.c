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
    {UD_LISTEN_PEOPLE,  "GET",    API "/whoami",                                 UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_whoami, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/anchors",                                UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_anchors_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/anchors",                                UD_AUTH_PERSON, UD_BODY_JSON,   ud_api_anchors_add, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/anchors/{kid}",                          UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_anchors_remove, NULL},
    {UD_LISTEN_PEOPLE,  "HEAD",   API "/artifacts/{sha256}",                     UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_artifact_head, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/artifacts/{sha256}",                     UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_artifact_get, NULL},
    {UD_LISTEN_PEOPLE,  "PUT",    API "/artifacts/{sha256}",                     UD_AUTH_PERSON, UD_BODY_STREAM, NULL, &ud_api_artifact_put},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases",                               UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_releases_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/releases",                               UD_AUTH_PERSON, UD_BODY_ENVELOPE, ud_api_releases_add, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/foreign-releases",                       UD_AUTH_PERSON, UD_BODY_JSON,   ud_api_releases_add_foreign, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases/{id}",                          UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_releases_get, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/releases/{id}/envelope",                 UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_releases_envelope, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/releases/{id}/deploy",                   UD_AUTH_PERSON, UD_BODY_JSON,   ud_api_releases_deploy, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/device-types",                           UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_types_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/device-types",                           UD_AUTH_PERSON, UD_BODY_JSON,   ud_api_types_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices",                                UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_devices_list, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/devices",                                UD_AUTH_PERSON, UD_BODY_JSON,   ud_api_devices_add, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}",                         UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_devices_get, NULL},
    {UD_LISTEN_PEOPLE,  "DELETE", API "/devices/{name}",                         UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_devices_remove, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}/actions",                 UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_devices_actions, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/devices/{name}/reports",                 UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_devices_reports, NULL},
    {UD_LISTEN_PEOPLE,  "GET",    API "/actions/{id}",                           UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_actions_get, NULL},
    {UD_LISTEN_PEOPLE,  "POST",   API "/actions/{id}/cancel",                    UD_AUTH_PERSON, UD_BODY_NONE,   ud_api_actions_cancel, NULL},
};
/* clang-format on */
const size_t ud_route_count = sizeof ud_routes / sizeof ud_routes[0];
