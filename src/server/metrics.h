/* Counters for GET /metrics; any thread adds to them. */
#ifndef UD_SERVER_METRICS_H
#define UD_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

/* id, Prometheus name, help */
#define UD_METRIC_LIST(X)                                                                                      \
    X(REQUESTS_DEVICES, "updraft_requests_total{listener=\"devices\"}")                                        \
    X(REQUESTS_PEOPLE, "updraft_requests_total{listener=\"people\"}")                                          \
    X(ERRORS_CLIENT, "updraft_request_errors_total{class=\"4xx\"}")                                            \
    X(ERRORS_SERVER, "updraft_request_errors_total{class=\"5xx\"}")                                            \
    X(POLLS, "updraft_polls_total")                                                                            \
    X(FEEDBACKS, "updraft_feedbacks_total")                                                                    \
    X(REPORTS_ACCEPTED, "updraft_reports_total{result=\"accepted\"}")                                          \
    X(REPORTS_REFUSED, "updraft_reports_total{result=\"refused\"}")                                            \
    X(REGISTERED_BY_GATEWAY, "updraft_registrations_total{by=\"gateway\",result=\"added\"}")                   \
    X(REGISTRATIONS_REFUSED, "updraft_registrations_total{by=\"gateway\",result=\"refused\"}")                 \
    X(CONNECTIONS_SHED, "updraft_connections_shed_total")                                                      \
    X(ACCEPTS_FAILED, "updraft_accepts_failed_total")                                                          \
    X(MQTT_SENT, "updraft_mqtt_messages_total{what=\"sent\"}")                                                 \
    X(MQTT_TAKEN, "updraft_mqtt_messages_total{what=\"received\"}")                                            \
    X(MQTT_REFUSED, "updraft_mqtt_messages_total{what=\"refused\"}")                                           \
    X(UPLOADED_BYTES, "updraft_artifact_uploaded_bytes_total")                                                 \
    X(PATCHES_MADE, "updraft_patches_total{result=\"made\"}")                                                  \
    X(PATCHES_USELESS, "updraft_patches_total{result=\"useless\"}")                                            \
    X(PATCHES_SERVED, "updraft_patch_downloads_total")                                                         \
    X(PATCH_SAVED_BYTES, "updraft_patch_saved_bytes_total")

#define UD_METRIC_ENUM(id, text) UD_METRIC_##id,
typedef enum ud_metric { UD_METRIC_LIST(UD_METRIC_ENUM) UD_METRIC_COUNT } ud_metric;
#undef UD_METRIC_ENUM

struct ud_metrics {
    _Atomic uint64_t counts[UD_METRIC_COUNT];
};

static inline void ud_metric_add(struct ud_metrics *metrics, ud_metric metric, uint64_t n)
{
    atomic_fetch_add_explicit(&metrics->counts[metric], n, memory_order_relaxed);
}

#endif
