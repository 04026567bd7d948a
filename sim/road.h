/*
 * A road in memory, with the server at its other end and everything that can go wrong between. It keeps what a
 * server would have seen; it judges nothing.
 */
#ifndef UD_SIM_ROAD_H
#define UD_SIM_ROAD_H

#include "updraft/road.h"

#define SIM_ROAD_RESOURCES_MAX 8
#define SIM_ROAD_PLACE "sim://server/artifacts/"

struct sim_resource {
    char uri[UD_URI_BYTES_MAX];
    struct ud_bytes bytes; /* borrowed */
    bool endless;          /* goes on after its end, for ever */
    uint64_t served_bytes;
};

struct sim_road {
    struct ud_road road; /* give this to an agent; points to this struct, so do not move it */

    /* what the server does */
    struct ud_road_news news;
    struct sim_resource resources[SIM_ROAD_RESOURCES_MAX];
    uint8_t resource_count;
    bool keep_offering; /* an acknowledged report does not end the action */

    /* what goes wrong */
    uint32_t chunk_bytes;    /* of a fetch at once */
    uint32_t waits;          /* UD_WAITs before every answer */
    uint32_t stall_waits;    /* UD_WAITs before every chunk */
    uint32_t fetch_failures; /* so many fetches fail with fetch_err from now on */
    ud_err fetch_err;
    ud_err poll_err; /* UD_OK: polls succeed */
    uint32_t retry_after_ms;
    uint32_t lost_acknowledgements; /* so many reports arrive, and nobody hears of it */
    ud_err report_err;              /* the answer to the next report_refusals reports */
    uint32_t report_refusals;

    /* what the server saw */
    uint32_t polls;
    uint32_t reports; /* that arrived */
    uint32_t cancels_done;
    uint32_t progresses;
    struct ud_road_progress last_progress;
    ud_err last_result;
    uint32_t last_report_action_id;
    size_t last_report_len;
    uint8_t last_report[UD_REPORT_BYTES_MAX];

    /* private */
    uint32_t waited;
    uint8_t chunk[4096];
};

void sim_road_init(struct sim_road *sim);
/** Put a resource beside the envelope; again under the same name replaces it. */
struct sim_resource *sim_road_put(struct sim_road *sim, const char *name, struct ud_bytes bytes);
/** Offer the resource `name` as an envelope. @param nonce [UD_NONCE_BYTES], or NULL */
void sim_road_offer(struct sim_road *sim, uint32_t action_id, const char *name, const uint8_t *nonce);
void sim_road_cancel(struct sim_road *sim, uint32_t action_id);

#endif
