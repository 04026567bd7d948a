/*
 * The road over HTTPS: hawkBit's DDI v1, and what docs/formats.md section 7 adds to it. A device without a token
 * enrols first, with its one-time code and a signature by its own key, and keeps the token that it gets.
 */
#ifndef UPDRAFT_POSIX_HTTP_ROAD_H
#define UPDRAFT_POSIX_HTTP_ROAD_H

#include "ports/posix/ddi.h"
#include "updraft/report.h"
#include "updraft/road.h"

struct ud_http_road;

/* Borrowed for the life of the road. */
struct ud_http_road_config {
    const char *url;    /* https://host[:port]; http:// only for a loopback address */
    const char *mirror; /* as the url: where images are under the names of their digests; NULL = nowhere else */
    const char *tenant;
    const char *name;               /* of the device; percent-encoded where it must be */
    const char *ca_path;            /* PEM of the anchors; NULL = the system's */
    const char *token_path;         /* read at the start; written 0600 after an enrolment */
    const char *code_path;          /* one-time code; NULL = no enrolment. Removed once it has been used */
    uint64_t rate_max;              /* bytes per second of a download; 0 = unlimited */
    bool discover;                  /* reach.h; with https only */
    const struct ud_signer *signer; /* for the enrolment */
    const struct ud_ddi_attribute *attributes; /* told when the peer asks for them; a claim, never proof */
    size_t attribute_count;
};

/** UD_ERR_CONFIG (address, name), UD_ERR_AUTH (neither token nor code), UD_ERR_IO, UD_ERR_MEMORY. */
ud_err ud_http_road_open(struct ud_http_road **road, const struct ud_http_road_config *config);
void ud_http_road_close(struct ud_http_road *road);
const struct ud_road *ud_http_road_functions(struct ud_http_road *road);
/**
 * Sleep until a socket has something or wait_ms is over; what an agent's loop does between two steps.
 *
 * @param fd another road's socket to wait on, -1 = none; `writes`: also until it can be written to
 */
void ud_http_road_sleep(struct ud_http_road *road, uint32_t wait_ms, int fd, bool writes);

#endif
