/* What each entity of hawkBit's management API is made of. */
#include "server/mgmt.h"

#define AUDIT_FIELDS                                                                                           \
    {"createdat", UD_FIQL_TIME, "e.created_ms%", NULL, NULL},                                                  \
        {"createdby", UD_FIQL_TEXT, "e.created_by%", NULL, NULL},                                              \
        {"lastmodifiedat", UD_FIQL_TIME, "e.updated_ms%", NULL, NULL},                                         \
        {"lastmodifiedby", UD_FIQL_TEXT, "e.updated_by%", NULL, NULL},                                         \
        {"id", UD_FIQL_INT, "e.id%", NULL, NULL},                                                              \
    {                                                                                                          \
        "name", UD_FIQL_TEXT, "e.name%", NULL, NULL                                                            \
    }
#define END                                                                                                    \
    {                                                                                                          \
        NULL, UD_FIQL_TEXT, NULL, NULL, NULL                                                                   \
    }
#define LAST                                                                                                   \
    {                                                                                                          \
        NULL, NULL, UD_COLUMN_TEXT, 0, 0                                                                       \
    }

/* Of the set that a filter assigns by itself: its rollout's number is kept with it. */
#define AUTO_OF(column)                                                                                        \
    "e.id IN(SELECT x.owner FROM pair x WHERE x.kind=5 AND x.key='rollout' AND x.value IN(SELECT CAST(o.id "   \
    "AS "                                                                                                      \
    "TEXT) FROM rollout o JOIN release y ON y.id=o.release WHERE o.tenant=@ AND y." column "%))"

/* clang-format off */
static const struct ud_fiql_field tag_fields[] = {
    AUDIT_FIELDS, {"description", UD_FIQL_TEXT, "e.description%", NULL, NULL}, {"colour", UD_FIQL_TEXT, "e.colour%", NULL, NULL}, END};
static const struct ud_fiql_field type_fields[] = {
    AUDIT_FIELDS, {"description", UD_FIQL_TEXT, "e.description%", NULL, NULL}, {"key", UD_FIQL_TEXT, "e.key%", NULL, NULL}, END};
static const struct ud_fiql_field device_type_fields[] = {
    AUDIT_FIELDS, {"description", UD_FIQL_TEXT, "e.description%", NULL, NULL}, {"key", UD_FIQL_TEXT, "e.name%", NULL, NULL}, END};
static const struct ud_fiql_field filter_fields[] = {
    AUDIT_FIELDS, {"query", UD_FIQL_TEXT, "e.query%", NULL, NULL}, {"autoassigndistributionset.id", UD_FIQL_INT, AUTO_OF("id"), NULL, NULL},
    {"autoassigndistributionset.name", UD_FIQL_TEXT, AUTO_OF("name"), NULL, NULL},
    {"autoassigndistributionset.version", UD_FIQL_TEXT, AUTO_OF("version"), NULL, NULL}, END};
static const struct ud_fiql_field module_fields[] = {
    AUDIT_FIELDS, {"description", UD_FIQL_TEXT, "e.description%", NULL, NULL}, {"version", UD_FIQL_TEXT, "e.version%", NULL, NULL},
    {"vendor", UD_FIQL_TEXT, "e.vendor%", NULL, NULL}, {"type", UD_FIQL_TEXT, "e.type%", NULL, NULL},
    {"metadata.", UD_FIQL_MAP, "EXISTS(SELECT 1 FROM pair x WHERE x.kind=2 AND x.owner=e.id AND x.key=? AND x.value%)", NULL, NULL}, END};
static const struct ud_fiql_field set_fields[] = {
    AUDIT_FIELDS, {"description", UD_FIQL_TEXT, "e.description%", NULL, NULL}, {"version", UD_FIQL_TEXT, "e.version%", NULL, NULL},
    {"type", UD_FIQL_TEXT, "e.set_type%", NULL, NULL},
    {"tag", UD_FIQL_TEXT, "EXISTS(SELECT 1 FROM relation x JOIN tag g ON g.id=x.a WHERE x.kind=1 AND x.b=e.id AND g.name%)", NULL, NULL},
    {"tag.name", UD_FIQL_TEXT, "EXISTS(SELECT 1 FROM relation x JOIN tag g ON g.id=x.a WHERE x.kind=1 AND x.b=e.id AND g.name%)", NULL, NULL},
    {"tag.id", UD_FIQL_INT, "EXISTS(SELECT 1 FROM relation x WHERE x.kind=1 AND x.b=e.id AND x.a%)", NULL, NULL},
    {"valid", UD_FIQL_BOOL, "(CASE WHEN e.recalled_ms=0 THEN 1 ELSE 0 END)%", NULL, NULL},
    {"module.name", UD_FIQL_TEXT, "EXISTS(SELECT 1 FROM relation x JOIN module m ON m.id=x.b WHERE x.kind=2 AND x.a=e.id AND m.name%)", NULL, NULL},
    {"module.id", UD_FIQL_INT, "EXISTS(SELECT 1 FROM relation x WHERE x.kind=2 AND x.a=e.id AND x.b%)", NULL, NULL},
    {"metadata.", UD_FIQL_MAP, "EXISTS(SELECT 1 FROM pair x WHERE x.kind=1 AND x.owner=e.id AND x.key=? AND x.value%)", NULL, NULL}, END};

static const struct ud_column tag_columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"colour", "colour", UD_COLUMN_TEXT, 16, 0}, LAST};
static const struct ud_column module_type_columns[] = {
    {"key", "key", UD_COLUMN_TEXT, 64, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"colour", "colour", UD_COLUMN_TEXT, 16, 0},
    {"maxAssignments", "max_assignments", UD_COLUMN_INT, 1000, UD_COLUMN_FIXED}, LAST};
static const struct ud_column set_type_columns[] = {
    {"key", "key", UD_COLUMN_TEXT, 64, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"colour", "colour", UD_COLUMN_TEXT, 16, 0}, LAST};
static const struct ud_column device_type_columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"colour", "colour", UD_COLUMN_TEXT, 16, 0},
    {"key", "e.name", UD_COLUMN_TEXT, 128, UD_COLUMN_OURS}, LAST};
static const struct ud_column filter_columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED},
    {"query", "query", UD_COLUMN_TEXT, UD_FIQL_BYTES_MAX, UD_COLUMN_REQUIRED}, LAST};
static const struct ud_column module_columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"version", "version", UD_COLUMN_TEXT, 64, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"type", "type", UD_COLUMN_TEXT, 64, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"vendor", "vendor", UD_COLUMN_TEXT, 256, 0},
    {"typeName", "coalesce((SELECT y.name FROM module_type y WHERE y.tenant=e.tenant AND y.key=e.type),'')", UD_COLUMN_TEXT, 128, UD_COLUMN_OURS}, LAST};
static const struct ud_column set_columns[] = {
    {"name", "name", UD_COLUMN_TEXT, 128, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"version", "version", UD_COLUMN_TEXT, 64, UD_COLUMN_REQUIRED | UD_COLUMN_FIXED},
    {"type", "set_type", UD_COLUMN_TEXT, 64, UD_COLUMN_FIXED},
    {"description", "description", UD_COLUMN_TEXT, 512, 0},
    {"valid", "(CASE WHEN e.recalled_ms=0 THEN 1 ELSE 0 END)", UD_COLUMN_BOOL, 0, UD_COLUMN_OURS},
    {"typeName", "coalesce((SELECT y.name FROM set_type y WHERE y.tenant=e.tenant AND y.key=e.set_type),'')", UD_COLUMN_TEXT, 128, UD_COLUMN_OURS}, LAST};

static const struct ud_entity entities[] = {
    {"targettags", "tag", "e.kind=1", "kind", "1", tag_columns, tag_fields},
    {"distributionsettags", "tag", "e.kind=2", "kind", "2", tag_columns, tag_fields},
    {"softwaremoduletypes", "module_type", NULL, NULL, NULL, module_type_columns, type_fields},
    {"distributionsettypes", "set_type", NULL, NULL, NULL, set_type_columns, type_fields},
    {"targettypes", "device_type", NULL, "is_foreign", "0", device_type_columns, device_type_fields},
    {"targetfilters", "saved_filter", NULL, NULL, NULL, filter_columns, filter_fields},
    {"softwaremodules", "module", NULL, NULL, NULL, module_columns, module_fields},
    {"distributionsets", "release", NULL, "is_foreign", "1", set_columns, set_fields},
};
/* clang-format on */

const struct ud_entity *ud_mgmt_entity_named(const char *name)
{
    const size_t len = strcspn(name, "/");
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        if (strlen(entities[i].name) == len && memcmp(entities[i].name, name, len) == 0) {
            return &entities[i];
        }
    }
    return NULL;
}

const struct ud_entity *ud_mgmt_entity_number(size_t number)
{
    return number < sizeof entities / sizeof entities[0] ? &entities[number] : NULL;
}

const struct ud_entity *ud_mgmt_entity(const struct ud_call *call)
{
    return ud_mgmt_entity_named(call->route->pattern + sizeof "/rest/v1/" - 1);
}
