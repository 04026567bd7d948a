/*
 * Actions: one device's part in a deployment, as a state machine over store rows. Knows no HTTP and no clock.
 *
 *     offered → retrieved → downloading → downloaded → installing → trial → confirmed (signed report only)
 *                                                                         → claimed   (foreign releases only)
 *     any of them → refused, reverted, failed (said by report: signed; by feedback: claimed), canceled
 *
 * Invariants: (1) an action that is not active never becomes active again; (2) only ud_action_report() sets
 * confirmed, and only for a report whose claims are the release's; (3) a signed end is never changed; an unsigned
 * end of the newest action can still be replaced by what a signed report says.
 */
#ifndef UD_SERVER_ACTIONS_H
#define UD_SERVER_ACTIONS_H

#include "server/store.h"

#define UD_FEEDBACK_DETAILS_MAX 50
#define UD_FEEDBACK_DETAIL_BYTES_MAX 512
#define UD_ACTION_STATUS_MAX 1000 /* entries of one action's history */
#define UD_ACTION_LATE_MS                                                                                      \
    (INT64_C(24) * 3600 * 1000) /* a closed action's feedback is ignored so long, then refused */

const char *ud_action_state_name(ud_action_state state);

/* DDI's words. */
typedef enum ud_execution {
    UD_EXECUTION_CLOSED,
    UD_EXECUTION_PROCEEDING,
    UD_EXECUTION_CANCELED,
    UD_EXECUTION_SCHEDULED,
    UD_EXECUTION_REJECTED,
    UD_EXECUTION_RESUMED,
    UD_EXECUTION_DOWNLOAD,
    UD_EXECUTION_DOWNLOADED,
    UD_EXECUTION_COUNT
} ud_execution;
typedef enum ud_finished {
    UD_FINISHED_SUCCESS,
    UD_FINISHED_FAILURE,
    UD_FINISHED_NONE,
    UD_FINISHED_COUNT
} ud_finished;

struct ud_feedback {
    ud_execution execution;
    ud_finished finished;
    bool has_code;
    int64_t code;
    bool trial;           /* the details say that the new image is on trial */
    ud_err error;         /* as the details name it, UD_OK where they do not */
    const char *messages; /* JSON array of strings */
};

/**
 * Feedback on an action (or, when `on_cancel`, on its cancelation). UD_ERR_NOT_FOUND; UD_ERR_GONE for one closed
 * long ago; UD_ERR_LIMIT when its history is full; UD_ERR_STATE for cancel feedback when it is not canceling.
 *
 * @param action out: the action as it is now
 * @param closed out: it ended by this
 */
ud_err ud_action_feedback(struct ud_store *store, int64_t tenant, int64_t device, int32_t id, bool on_cancel,
                          const struct ud_feedback *feedback, int64_t now_ms, struct ud_row_action *action,
                          bool *closed);
struct ud_progress {
    int32_t action;
    ud_action_state state; /* below UD_ACTION_CONFIRMED; 0: only words */
    bool has_code;
    int64_t code;
    const char *messages; /* JSON array of strings */
};
/**
 * Progress from a road where messages come twice, late or in another order: only a later state is taken, and nothing
 * ends by it, whatever it says. UD_ERR_NOT_FOUND; UD_ERR_LIMIT when the history is full.
 *
 * @param action out: the action as it is now
 */
ud_err ud_action_progress(struct ud_store *store, int64_t tenant, int64_t device,
                          const struct ud_progress *progress, int64_t now_ms, struct ud_row_action *action);
/** The device fetched the offer. Only the first time changes anything. */
ud_err ud_action_retrieved(struct ud_store *store, struct ud_row_action *action, int64_t now_ms);
/** Ask the device to stop. UD_ERR_STATE when the action has ended. */
ud_err ud_action_cancel(struct ud_store *store, struct ud_row_action *action, int64_t now_ms, const char *why);
/** What is soft, or is forced later, is forced now; forced already: UD_OK. UD_ERR_STATE: it has ended, or only downloads. */
ud_err ud_action_force(struct ud_store *store, struct ud_row_action *action, int64_t now_ms);
/**
 * The device runs this release already, put there by other means: a claim, so for an unsigned release on a device whose
 * type is marked so (P3). An offer of the same release that is under way ends by it.
 *
 * @param device   as it is now; not changed
 * @param messages JSON array of strings, for the history: who says so
 * @param known    out: it was said before, nothing changed
 * @param id       out: the action, unless known
 * @return UD_ERR_NOT_FOREIGN; UD_ERR_BUSY: another release's offer is under way; those of ud_action_offer()
 */
ud_err ud_action_claim(struct ud_store *store, const struct ud_row_device *device,
                       const struct ud_row_release *release, const char *messages, int64_t now_ms, bool *known,
                       int32_t *id);
/* The message of an action that was asked to end as its window does not open again; a whole JSON array. */
#define UD_ACTION_LAPSED "[\"Update Server: its window does not open again\"]"
/**
 * Its window does not open again: ask the device to stop. One that installs already, or tries the new image, goes on:
 * a window says when an update may begin. Nothing to do is UD_OK. UD_ERR_NOT_FOUND.
 */
ud_err ud_action_lapse(struct ud_store *store, int64_t tenant, int64_t device, int32_t id, int64_t now_ms);
/** An action ended, or what is known of its end changed: the device's status follows, rollouts hear of it. */
ud_err ud_action_settle(struct ud_store *store, const struct ud_row_action *action);
/** What a person's deployment offers on: at once, forced, of the usual weight. */
void ud_terms_init(struct ud_terms *terms);
/**
 * Offer a release: active actions of the device become canceling first. A rollout's offer takes the place of lighter
 * ones only.
 *
 * @param terms NULL: as ud_terms_init() says
 * @return UD_ERR_DUPLICATE: offered already; UD_ERR_BUSY: an action that is not lighter has the device;
 *         UD_ERR_QUARANTINED; UD_ERR_RECALLED; UD_ERR_NOT_FOREIGN; UD_ERR_TYPES
 */
ud_err ud_action_offer(struct ud_store *store, const struct ud_row_device *device,
                       const struct ud_row_release *release, const struct ud_terms *terms, int64_t now_ms,
                       struct ud_row_action *action);
/** The device's side says yes (it is offered now) or no (it stays waiting). UD_ERR_GONE when it does not wait. */
ud_err ud_action_consent(struct ud_store *store, struct ud_row_action *action, bool yes, const char *messages,
                         int64_t now_ms);
/** Close an action without the device's word: it is gone, or nobody waits for it. UD_ERR_STATE when it has ended. */
ud_err ud_action_quit(struct ud_store *store, struct ud_row_action *action, int64_t now_ms, const char *why);

/**
 * Apply a report whose signature was verified with the device's key: nonce, counter, then the action's state.
 * The last accepted report's very bytes again: UD_OK, nothing changes, *again is set.
 *
 * @return UD_ERR_NONCE, UD_ERR_COUNTER; UD_ERR_DIGEST when it says success but its claims are not the release's
 *         (the report is kept and the action ends as failed: that is UD_OK with action->error)
 */
ud_err ud_action_report(struct ud_store *store, struct ud_row_device *device, const struct ud_report *report,
                        struct ud_bytes bytes, int64_t now_ms, struct ud_row_action *action, bool *again);

#endif
