/* What a signed report says, as JSON: for people who ask what a device runs, can do, and where a manifest stopped. */
#ifndef UD_SERVER_REPORT_JSON_H
#define UD_SERVER_REPORT_JSON_H

#include "server/text.h"
#include "updraft/report.h"

/** "claims": what ran in each component when it was signed. */
void ud_report_json_claims(struct ud_json *json, const struct ud_report *report);
/** "records": what commands of the manifest found; in the order in which they ran. */
void ud_report_json_records(struct ud_json *json, const struct ud_report *report);
/** "capabilities": an object, or null where the report has none. */
void ud_report_json_capabilities(struct ud_json *json, struct ud_bytes capabilities);

#endif
