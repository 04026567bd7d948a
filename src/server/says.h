/*
 * The sentences that pages open with: one answer with numbers, computed here and nowhere else, so that console, API and
 * command say the same. Pure: facts in, texts out.
 *
 *     bold: the answer. rest: the calm remainder. lede: what else is to be known. The last two may be empty.
 */
#ifndef UD_SERVER_SAYS_H
#define UD_SERVER_SAYS_H

#include "server/store_console.h"
#include "server/store_rollouts.h"

#define UD_SAYS_BYTES 400

struct ud_says {
    char bold[UD_SAYS_BYTES];
    char rest[UD_SAYS_BYTES];
    char lede[UD_SAYS_BYTES];
};

#define UD_NUMBER_BYTES 32

/** "no", "one" ... "twelve", "13", "1,204". */
const char *ud_number_words(char out[UD_NUMBER_BYTES], uint64_t number);
/** "214,380" */
const char *ud_number_text(char out[UD_NUMBER_BYTES], uint64_t number);
/** One decimal, two below one percent; never 100 or 0 by rounding: "96.5 %", "0.24 %", "<0.01 %", "99.9 %". */
const char *ud_percent_text(char out[UD_NUMBER_BYTES], uint64_t part, uint64_t whole);
/** "3 min", "2 h", "5 days" */
const char *ud_span_text(char out[UD_NUMBER_BYTES], int64_t ms);
/** "512 bytes", "1.5 KiB", "3.1 GiB" */
const char *ud_bytes_text(char out[UD_NUMBER_BYTES], uint64_t bytes);

struct ud_overview_facts {
    uint32_t todo; /* that are not put off */
    uint32_t devices;
    uint32_t reachable;
    uint32_t running; /* rollouts */
    uint32_t paused;
    uint32_t stopped_itself; /* of the paused ones: by an error limit */
    uint32_t waiting;        /* for approval */
};
void ud_says_overview(const struct ud_overview_facts *facts, struct ud_says *says);

/* `matched` of `total`; `at_least`: counting them all cost too much. */
void ud_says_devices(const struct ud_standing *standing, bool filtered, uint64_t matched, bool at_least,
                     struct ud_says *says);
void ud_says_releases(uint32_t releases, uint32_t unapproved, uint32_t foreign, uint32_t recalled,
                      struct ud_says *says);

struct ud_release_facts {
    const struct ud_row_release *release;
    uint32_t runs;      /* devices, by signed report or, of a foreign one, by their claim */
    uint32_t approvals; /* given */
    uint32_t needed;
    uint64_t bytes; /* of its artifacts */
};
void ud_says_release(const struct ud_release_facts *facts, struct ud_says *says);

void ud_says_rollouts(const uint32_t states[UD_ROLLOUT_STATE_COUNT], uint32_t stopped_itself,
                      struct ud_says *says);
/** `group`: the newest one that was started, or NULL; `cause`: the most frequent failure's, on `cause_devices` devices. */
void ud_says_rollout(const struct ud_row_rollout *rollout, const struct ud_group_counts *counts,
                     const struct ud_row_group *group, ud_err cause, uint32_t cause_devices,
                     struct ud_says *says);

/** `failed`: how many there are; `clusters`, most frequent first: what is known of them, of all or of the most. */
void ud_says_failures(uint32_t failed, const struct ud_row_cluster *clusters, size_t count,
                      struct ud_says *says);

struct ud_security_facts {
    uint32_t tokens_ending;
    int64_t token_left_ms; /* of the first one */
    uint32_t refused;      /* devices with a refused report in the last day */
    uint32_t quarantined;
    uint32_t unsigned_devices; /* that sign nothing */
    int64_t cert_left_ms;      /* of the server's certificate; 0 = not known */
};
void ud_says_security(const struct ud_security_facts *facts, struct ud_says *says);

#endif
