/* What filters may ask about devices and rollouts, and the SQL behind each. Aliases: d device, o rollout. */
#include "server/rollouts.h"

static const struct ud_fiql_word our_states[] = {{"unknown", UD_STATUS_UNKNOWN},
                                                 {"registered", UD_STATUS_REGISTERED},
                                                 {"pending", UD_STATUS_PENDING},
                                                 {"in_sync", UD_STATUS_IN_SYNC},
                                                 {"failed", UD_STATUS_FAILED},
                                                 {"reverted", UD_STATUS_REVERTED},
                                                 {"drifted", UD_STATUS_DRIFTED},
                                                 {"error", UD_STATUS_FAILED},
                                                 {"error", UD_STATUS_REVERTED},
                                                 {"error", UD_STATUS_DRIFTED},
                                                 {NULL, 0}};

static const struct ud_fiql_word rollout_states[] = {
    {"creating", UD_ROLLOUT_CREATING},      {"waiting_for_approval", UD_ROLLOUT_APPROVAL},
    {"approval_denied", UD_ROLLOUT_DENIED}, {"ready", UD_ROLLOUT_READY},
    {"starting", UD_ROLLOUT_RUNNING},       {"running", UD_ROLLOUT_RUNNING},
    {"paused", UD_ROLLOUT_PAUSED},          {"stopping", UD_ROLLOUT_STOPPING},
    {"stopped", UD_ROLLOUT_STOPPED},        {"finished", UD_ROLLOUT_FINISHED},
    {"deleting", UD_ROLLOUT_DELETING},      {NULL, 0}};

/* UD_DEVICES_WITH_ATTRIBUTE, with '@' for the tenant */
#define ATTRIBUTE "d.id IN(SELECT x.device FROM device_attribute x WHERE x.tenant=@ AND x.key=? AND x.value%)"
#define ATTRIBUTE_EACH "EXISTS(SELECT 1 FROM device_attribute x WHERE x.device=d.id AND x.key=? AND x.value%)"
#define TAG                                                                                                    \
    "d.id IN(SELECT x.device FROM device_tag x JOIN tag g ON g.id=x.tag WHERE g.tenant=@ AND g.kind=1 AND "    \
    "g.name%)"
#define TAG_EACH                                                                                               \
    "EXISTS(SELECT 1 FROM device_tag x JOIN tag g ON g.id=x.tag WHERE x.device=d.id AND g.kind=1 AND g.name%)"
#define TAG_ID "d.id IN(SELECT x.device FROM device_tag x WHERE x.tag%)"
#define TAG_ID_EACH "EXISTS(SELECT 1 FROM device_tag x WHERE x.device=d.id AND x.tag%)"
#define METADATA "d.id IN(SELECT x.owner FROM pair x WHERE x.kind=0 AND x.key=? AND x.value%)"
#define METADATA_EACH "EXISTS(SELECT 1 FROM pair x WHERE x.kind=0 AND x.owner=d.id AND x.key=? AND x.value%)"
#define TYPE "d.type_id IN(SELECT y.id FROM device_type y WHERE y.tenant=@ AND y.name%)"
#define RELEASE(column, member) "d." column " IN(SELECT y.id FROM release y WHERE y.tenant=@ AND y." member "%)"
#define ROLLOUT "d.id IN(SELECT m.device FROM rollout_device m WHERE m.rollout%)"
#define FAILED_IN "d.id IN(SELECT m.device FROM rollout_device m WHERE m.state IN(5,6,7,8) AND m.rollout%)"
#define FAILED_IN_EACH                                                                                         \
    "EXISTS(SELECT 1 FROM rollout_device m WHERE m.device=d.id AND m.state IN(5,6,7,8) AND m.rollout%)"
#define ROLLOUT_EACH "EXISTS(SELECT 1 FROM rollout_device m WHERE m.device=d.id AND m.rollout%)"

/* clang-format off */
#define COMMON_FIELDS                                                                                          \
    {"id",                     UD_FIQL_TEXT, "d.name%", NULL, NULL},                                           \
    {"controllerid",           UD_FIQL_TEXT, "d.name%", NULL, NULL},                                           \
    {"created",                UD_FIQL_TIME, "d.created_ms%", NULL, NULL},                                     \
    {"createdat",              UD_FIQL_TIME, "d.created_ms%", NULL, NULL},                                     \
    {"lastseen",               UD_FIQL_TIME, "d.last_seen_ms%", NULL, NULL},                                   \
    {"lastcontrollerrequestat", UD_FIQL_TIME, "d.last_seen_ms%", NULL, NULL},                                  \
    {"reported",               UD_FIQL_TIME, "coalesce(d.reported_ms,0)%", NULL, NULL},                        \
    {"status",                 UD_FIQL_WORD, "d.status%", NULL, our_states},                                   \
    {"updatestatus",           UD_FIQL_WORD, "d.status%", NULL, our_states},                                   \
    {"type",                   UD_FIQL_TEXT, TYPE, NULL, NULL},                                                \
    {"type.name",              UD_FIQL_TEXT, TYPE, NULL, NULL},                                                \
    {"type.key",               UD_FIQL_TEXT, TYPE, NULL, NULL},                                                \
    {"targettype.name",        UD_FIQL_TEXT, TYPE, NULL, NULL},                                                \
    {"targettype.key",         UD_FIQL_TEXT, TYPE, NULL, NULL},                                                \
    {"tag",                    UD_FIQL_TEXT, TAG, TAG_EACH, NULL},                                             \
    {"tag.name",               UD_FIQL_TEXT, TAG, TAG_EACH, NULL},                                             \
    {"tag.id",                 UD_FIQL_INT,  TAG_ID, TAG_ID_EACH, NULL},                                       \
    {"attribute.",             UD_FIQL_MAP,  ATTRIBUTE, ATTRIBUTE_EACH, NULL},                                 \
    {"metadata.",              UD_FIQL_MAP,  METADATA, METADATA_EACH, NULL},                                   \
    {"description",            UD_FIQL_TEXT, "d.description%", NULL, NULL},                                    \
    {"quarantined",            UD_FIQL_BOOL, "(CASE WHEN d.quarantine_ms<>0 THEN 1 ELSE 0 END)%", NULL, NULL},                             \
    {"zone",                   UD_FIQL_TEXT, "d.zone%", NULL, NULL},                                           \
    {"rollout",                UD_FIQL_INT,  ROLLOUT, ROLLOUT_EACH, NULL},                                     \
    {"failedin",               UD_FIQL_INT,  FAILED_IN, FAILED_IN_EACH, NULL},                                 \
    {"group",                  UD_FIQL_TEXT, "d.area%", NULL, NULL},                                           \
    {"runs",                   UD_FIQL_INT,  "coalesce(d.running_release,0)%", NULL, NULL},                    \
    {"runs.name",              UD_FIQL_TEXT, RELEASE("running_release", "name"), NULL, NULL},                  \
    {"runs.version",           UD_FIQL_TEXT, RELEASE("running_release", "version"), NULL, NULL},               \
    {"assigned",               UD_FIQL_INT,  "d.assigned_release%", NULL, NULL},                               \
    {"installed",              UD_FIQL_INT,  "d.finished_release%", NULL, NULL},                               \
    {"assignedds.name",        UD_FIQL_TEXT, RELEASE("assigned_release", "name"), NULL, NULL},                 \
    {"assignedds.version",     UD_FIQL_TEXT, RELEASE("assigned_release", "version"), NULL, NULL},              \
    {"installedds.name",       UD_FIQL_TEXT, RELEASE("finished_release", "name"), NULL, NULL},                 \
    {"installedds.version",    UD_FIQL_TEXT, RELEASE("finished_release", "version"), NULL, NULL}

const struct ud_fiql_field ud_device_fields[] = {
    {"name",                   UD_FIQL_TEXT, "d.name%", NULL, NULL},
    COMMON_FIELDS,
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL},
};

const struct ud_fiql_field ud_rollout_fields[] = {
    {"id",                         UD_FIQL_INT,  "o.id%", NULL, NULL},
    {"name",                       UD_FIQL_TEXT, "o.name%", NULL, NULL},
    {"description",                UD_FIQL_TEXT, "o.description%", NULL, NULL},
    {"status",                     UD_FIQL_WORD, "o.state%", NULL, rollout_states},
    {"state",                      UD_FIQL_WORD, "o.state%", NULL, rollout_states},
    {"release",                    UD_FIQL_INT,  "o.release%", NULL, NULL},
    {"distributionset.id",         UD_FIQL_INT,  "o.release%", NULL, NULL},
    {"distributionset.name",       UD_FIQL_TEXT, "o.release IN(SELECT y.id FROM release y WHERE y.tenant=@ AND y.name%)", NULL, NULL},
    {"distributionset.version",    UD_FIQL_TEXT, "o.release IN(SELECT y.id FROM release y WHERE y.tenant=@ AND y.version%)", NULL, NULL},
    {"createdat",                  UD_FIQL_TIME, "o.created_ms%", NULL, NULL},
    {"createdby",                  UD_FIQL_TEXT, "o.created_by%", NULL, NULL},
    {"lastmodifiedat",             UD_FIQL_TIME, "o.updated_ms%", NULL, NULL},
    {NULL, UD_FIQL_TEXT, NULL, NULL, NULL},
};
/* clang-format on */

ud_err ud_device_filter(struct ud_fiql *filter, const char *text, int64_t tenant, struct ud_moment when,
                        bool each, struct ud_fiql_wrong *wrong)
{
    const struct ud_fiql_scope scope = {
        .tenant = tenant, .now_ms = when.now_ms, .overdue_ms = when.overdue_ms, .each = each};
    return ud_fiql_compile(filter, text, ud_device_fields, &scope, wrong);
}
