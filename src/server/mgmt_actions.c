/* hawkBit's actions over all targets: list with filter, and an action in its words. */
#include "server/mgmt.h"

#include "server/store_rollouts.h"

#include <stdio.h>

const char *ud_mgmt_fine_state(const struct ud_row_action *action)
{
    if (action->canceling) {
        return "canceling";
    }
    if (action->active && action->terms.waits) {
        return "wait_for_confirmation";
    }
    switch (action->state) {
    case UD_ACTION_RETRIEVED:
        return "retrieved";
    case UD_ACTION_DOWNLOADING:
        return "download";
    case UD_ACTION_DOWNLOADED:
        return "downloaded";
    case UD_ACTION_CONFIRMED:
    case UD_ACTION_CLAIMED:
        return "finished";
    case UD_ACTION_REFUSED:
    case UD_ACTION_REVERTED:
    case UD_ACTION_FAILED:
        return "error";
    case UD_ACTION_CANCELED:
        return "canceled";
    case UD_ACTION_OFFERED:
    case UD_ACTION_INSTALLING:
    case UD_ACTION_TRIAL:
        break;
    }
    return "running";
}

void ud_mgmt_render_action(struct ud_call *call, struct ud_json *json, const struct ud_row_action *action)
{
    static const char *const forces[] = {"soft", "forced", "timeforced", "downloadonly"};
    ud_json_open(json, NULL, '{');
    ud_json_int(json, "id", action->id);
    ud_json_string(json, "type", action->canceling ? "cancel" : "update");
    ud_json_bool(json, "active", action->active);
    ud_json_string(json, "status", action->active ? "pending" : "finished");
    ud_json_string(json, "detailStatus", ud_mgmt_fine_state(action));
    ud_json_string(json, "forceType", forces[action->terms.force]);
    ud_json_int(json, "forceTime", action->terms.force_ms);
    ud_json_int(json, "weight", action->terms.weight);
    if (action->terms.rollout != 0) {
        ud_json_int(json, "rollout", action->terms.rollout);
    }
    if (action->terms.schedule[0] != '\0') {
        ud_json_open(json, "maintenanceWindow", '{');
        ud_json_string(json, "schedule", action->terms.schedule);
        ud_json_string(json, "duration", action->terms.duration);
        ud_json_string(json, "timezone", action->terms.zone);
        ud_json_close(json, '}');
    }
    ud_json_int(json, "createdAt", action->created_ms);
    ud_json_int(json, "lastModifiedAt", action->updated_ms);
    ud_mgmt_self(call, json, "actions", action->id);
    ud_json_close(json, '}');
}

/* hawkBit's words of a state, and the coarse ones that older tools ask for. */
static const struct ud_fiql_word states[] = {{"running", UD_ACTION_OFFERED},
                                             {"running", UD_ACTION_INSTALLING},
                                             {"running", UD_ACTION_TRIAL},
                                             {"retrieved", UD_ACTION_RETRIEVED},
                                             {"download", UD_ACTION_DOWNLOADING},
                                             {"downloaded", UD_ACTION_DOWNLOADED},
                                             {"finished", UD_ACTION_CONFIRMED},
                                             {"finished", UD_ACTION_CLAIMED},
                                             {"error", UD_ACTION_REFUSED},
                                             {"error", UD_ACTION_REVERTED},
                                             {"error", UD_ACTION_FAILED},
                                             {"canceled", UD_ACTION_CANCELED},
                                             {"pending", UD_ACTION_OFFERED},
                                             {"pending", UD_ACTION_INSTALLING},
                                             {"pending", UD_ACTION_TRIAL},
                                             {"pending", UD_ACTION_RETRIEVED},
                                             {"pending", UD_ACTION_DOWNLOADING},
                                             {"pending", UD_ACTION_DOWNLOADED},
                                             {NULL, 0}};

#define OF_DEVICE(column) "a.device IN(SELECT y.id FROM device y WHERE y.tenant=@ AND y." column "%)"
#define OF_SET(column) "a.release IN(SELECT y.id FROM release y WHERE y.tenant=@ AND y." column "%)"
#define OF_ROLLOUT(column) "a.rollout IN(SELECT y.id FROM rollout y WHERE y.tenant=@ AND y." column "%)"

/* clang-format off */
static const struct ud_fiql_field action_fields[] = {
    {"id",                      UD_FIQL_INT,  "a.id%", NULL, NULL},
    {"active",                  UD_FIQL_BOOL, "a.active%", NULL, NULL},
    {"status",                  UD_FIQL_WORD, "a.state%", NULL, states},
    {"detailstatus",            UD_FIQL_WORD, "a.state%", NULL, states},
    {"weight",                  UD_FIQL_INT,  "a.weight%", NULL, NULL},
    {"createdat",               UD_FIQL_TIME, "a.created_ms%", NULL, NULL},
    {"lastmodifiedat",          UD_FIQL_TIME, "a.updated_ms%", NULL, NULL},
    {"target.id",               UD_FIQL_INT,  "a.device%", NULL, NULL},
    {"target.controllerid",     UD_FIQL_TEXT, OF_DEVICE("name"), NULL, NULL},
    {"target.name",             UD_FIQL_TEXT, OF_DEVICE("name"), NULL, NULL},
    {"distributionset.id",      UD_FIQL_INT,  "a.release%", NULL, NULL},
    {"distributionset.name",    UD_FIQL_TEXT, OF_SET("name"), NULL, NULL},
    {"distributionset.version", UD_FIQL_TEXT, OF_SET("version"), NULL, NULL},
    {"rollout.id",              UD_FIQL_INT,  "a.rollout%", NULL, NULL},
    {"rollout.name",            UD_FIQL_TEXT, OF_ROLLOUT("name"), NULL, NULL},
    {"rolloutgroup.id",         UD_FIQL_INT,  "a.group_position%", NULL, NULL},
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL}};
/* clang-format on */

struct actions {
    struct ud_call *call;
    struct ud_listing *listing;
};

static void each_action(void *ctx, const struct ud_row_action *action)
{
    const struct actions *list = ctx;
    ud_mgmt_render_action(list->call, &list->listing->json, action);
    list->listing->count++;
}

/* The newest or the oldest first: what the table is in order of. Of one target the newest, unless it is said. */
static const char *order_of(struct ud_call *call)
{
    const char *text = NULL;
    const ud_err err = ud_call_query_text(call, "sort", &text);
    if (err == UD_ABSENT || (err == UD_OK && text[0] == '\0')) {
        return call->param[0] != NULL ? "a.id DESC" : "a.id";
    }
    if (err == UD_OK && strcasecmp(text, "id:asc") == 0) {
        return "a.id";
    }
    return err == UD_OK && strcasecmp(text, "id:desc") == 0 ? "a.id DESC" : NULL;
}

static ud_err list_all(struct ud_call *call, struct ud_store *store)
{
    struct ud_listing *listing = call->data;
    struct actions list = {call, listing};
    bool exact = true;
    const char *order = order_of(call);
    if (order == NULL) {
        return UD_ERR_SHAPE;
    }
    const ud_err err = ud_store_action_search(store, call->tenant, call->person.area, listing->filter, order,
                                              &listing->page, &exact, each_action, &list);
    listing->inexact = !exact;
    return err;
}

void ud_mgmt_actions_list(struct ud_call *call)
{
    ud_list_filtered(call, action_fields, list_all);
}

static ud_err find_target(struct ud_call *call, struct ud_store *store)
{
    return ud_find_device(call, store, call->param[0], call->data);
}

void ud_mgmt_targets_actions(struct ud_call *call)
{
    struct ud_row_device *device = ud_call_alloc(call, sizeof *device);
    char condition[48];
    if (device == NULL) {
        return;
    }
    call->data = device;
    const ud_err err = ud_call_read(call, find_target);
    if (err != UD_OK) {
        ud_call_error(call, err, NULL);
        return;
    }
    snprintf(condition, sizeof condition, "target.id==%lld", (long long)device->id);
    ud_list_filtered_where(call, action_fields, condition, list_all);
}
