/*
 * What a server says to a device over a message broker (docs/mqtt.md): that there is something to look at. None of it is
 * signed, so none of it can do more than make the device poll; what it polls is verified as on every road.
 */
#ifndef UPDRAFT_POSIX_BELL_H
#define UPDRAFT_POSIX_BELL_H

#include "updraft/bytes.h"
#include "updraft/crypto.h"
#include "updraft/err.h"
#include "updraft/road.h"

#define UD_BELL_STATUS_BYTES_MAX 512

typedef enum ud_bell_kind { UD_BELL_UPDATE, UD_BELL_CANCEL, UD_BELL_NONE } ud_bell_kind;

struct ud_bell_notify {
    uint64_t seq;
    ud_bell_kind kind;
    uint32_t action_id; /* 0 = none */
};
struct ud_bell_cmd {
    uint64_t id;
    uint64_t deadline_ms; /* since 1970 */
};
struct ud_bell_ack {
    uint8_t digest[UD_SHA256_BYTES]; /* of the report's bytes */
    ud_err err;
};

/** Of `notify`. UD_ERR_PROTOCOL; UD_ABSENT for the empty payload that clears it. */
ud_err ud_bell_notify_parse(struct ud_bytes json, struct ud_bell_notify *notify);
/** Of `cmd`. UD_ERR_PROTOCOL, also for a command that is not "poll". */
ud_err ud_bell_cmd_parse(struct ud_bytes json, struct ud_bell_cmd *cmd);
/** Of `report/ack`. UD_ERR_PROTOCOL. */
ud_err ud_bell_ack_parse(struct ud_bytes json, struct ud_bell_ack *ack);
/** For `status`. `seq` grows within an action. UD_ERR_BUFFER. */
ud_err ud_bell_status_write(struct ud_buf *out, const struct ud_road_progress *progress, uint64_t seq,
                            uint64_t now_ms);

/*
 * Which messages count: QoS 1 delivers twice, brokers keep old ones, and a restart brings them again in any order.
 * Numbers only grow; what is not above the last one is UD_ERR_REPLAY.
 */
struct ud_bell_seen {
    uint64_t notify_seq;
    uint64_t cmd_id;
};
ud_err ud_bell_take_notify(struct ud_bell_seen *seen, const struct ud_bell_notify *notify);
/** `now_ms` since 1970; a clock that was never set (before 2020) does not count against the deadline. */
ud_err ud_bell_take_cmd(struct ud_bell_seen *seen, const struct ud_bell_cmd *cmd, bool retained,
                        uint64_t now_ms);

#endif
