/*
 * The JSON of hawkBit's DDI v1 as a device reads and writes it, and what docs/formats.md section 7 adds. Plain
 * functions over bytes: no network. Unknown fields are ignored, a field of the wrong type is UD_ERR_PROTOCOL.
 */
#ifndef UPDRAFT_POSIX_DDI_H
#define UPDRAFT_POSIX_DDI_H

#include "updraft/road.h"

#define UD_DDI_TOKEN_BYTES_MAX 256
#define UD_DDI_FEEDBACK_BYTES_MAX 512

/* What a poll answered. An empty link is absent. */
struct ud_ddi_poll {
    uint32_t poll_ms; /* 0 = not stated */
    char deployment[UD_URI_BYTES_MAX + 1];
    char cancel[UD_URI_BYTES_MAX + 1];
    char attributes[UD_URI_BYTES_MAX + 1]; /* the peer asks for configData, to be put there */
};

/** @param poll out. UD_ERR_PROTOCOL */
ud_err ud_ddi_poll_parse(struct ud_bytes json, struct ud_ddi_poll *poll);

/**
 * Read a deployment. UD_ABSENT when it asks for nothing now (download or update is "skip"). A deployment without
 * `manifest.suit` gives an offer without URI: the agent refuses it as unsigned, by name.
 */
ud_err ud_ddi_deployment_parse(struct ud_bytes json, struct ud_offer *offer);

/** The action to be given up. UD_ERR_PROTOCOL */
ud_err ud_ddi_cancel_parse(struct ud_bytes json, uint32_t *action_id);

/** The token of an enrolment's answer, terminated. UD_ERR_PROTOCOL */
ud_err ud_ddi_token_parse(struct ud_bytes json, char token[UD_DDI_TOKEN_BYTES_MAX + 1]);

/** The typed error in an answer's body; `otherwise` when it names none of the list. */
ud_err ud_ddi_error_parse(struct ud_bytes json, ud_err otherwise);

/* What a device says of itself in configData. */
struct ud_ddi_attribute {
    const char *key; /* a static text without quotes */
    const char *value;
};

/** Append configData that replaces what the peer had. UD_ERR_BUFFER, UD_ERR_MEMORY, UD_ERR_TEXT (not UTF-8). */
ud_err ud_ddi_attributes_write(struct ud_buf *out, const struct ud_ddi_attribute *attributes, size_t count);

/* One feedback. `detail` is a static text without quotes; of_count 0 leaves the progress out. */
struct ud_ddi_feedback {
    uint32_t action_id;
    const char *execution;
    const char *finished;
    const char *detail;
    uint64_t done_count;
    uint64_t of_count;
};

/** Append the JSON. UD_ERR_BUFFER; UD_DDI_FEEDBACK_BYTES_MAX is enough. */
ud_err ud_ddi_feedback_write(struct ud_buf *out, const struct ud_ddi_feedback *feedback);

#endif
