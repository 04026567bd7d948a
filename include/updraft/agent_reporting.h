/*
 * What an agent reports beside the outcome, for one that is given this part (draft-ietf-suit-report): records of a manifest's
 * commands where their reporting policies ask for them, with what the device measured; the versions of what runs; and, with the
 * first report after a start and whenever a manifest asks for what the device has not, what it can do. All of it is in the
 * report that the device's key signs.
 *
 *     static struct ud_agent_reporting reporting = {.ops = &ud_agent_reporting_ops};
 *     config.reporting = &reporting;
 *
 * Records are kept in RAM: they tell of a manifest that was refused or failed. After a reset into a new image the report has
 * claims of what the bootloader measured, and where that stopped a slot, the place.
 */
#ifndef UPDRAFT_AGENT_REPORTING_H
#define UPDRAFT_AGENT_REPORTING_H

#include "updraft/agent.h"
#include "updraft/cipher.h"

#define UD_REPORT_VERSION_BYTES_MAX 48
#define UD_REPORT_ALGORITHMS_MAX 12 /* of decryption */

struct ud_agent_reporting {
    const struct ud_agent_reporting_ops *ops;   /* &ud_agent_reporting_ops */
    const struct ud_content_algorithm *ciphers; /* [cipher_count] for images; NULL: none */
    uint8_t cipher_count;
    /* private */
    bool told; /* what the device can do */
    uint8_t record_count;
    uint8_t about[UD_SHA256_BYTES];                         /* the manifest that the records are of */
    struct ud_report_record records[UD_REPORT_RECORDS_MAX]; /* the oldest goes when there is no room */
    uint8_t digests[UD_REPORT_RECORDS_MAX][UD_SHA256_BYTES];
    uint8_t version_bytes[UD_COMPONENTS_MAX][UD_REPORT_VERSION_BYTES_MAX];
    struct ud_bytes versions[UD_COMPONENTS_MAX];
    struct ud_bytes components[UD_COMPONENTS_MAX];
    int64_t algorithms[UD_REPORT_ALGORITHMS_MAX];
    struct ud_suit_ops can;
    struct ud_report_more more;
};

/* The agent calls these; a port only names the table. */
struct ud_agent_reporting_ops {
    /** Be told of commands. */
    void (*add)(struct ud_suit_ops *ops);
    /** Into a report that is about to be written. */
    void (*fill)(struct ud_agent *agent, struct ud_report *report);
};
extern const struct ud_agent_reporting_ops ud_agent_reporting_ops;

#endif
