/*
 * What bodies hold: for every operation of the table of routes, the schema of its request and of its answers, as JSON
 * Schema in the OpenAPI document. Schemas are written in a short form (api_schema.c says how); those of the management
 * API's entities are made from the descriptions that also make its SQL.
 */
#ifndef UD_SERVER_API_SCHEMA_H
#define UD_SERVER_API_SCHEMA_H

#include "server/http_route.h"
#include "server/text.h"

/** "requestBody" and "responses" of an operation. */
void ud_schema_operation(struct ud_json *json, const struct ud_route *route);
/** The member "schemas" of the document's components. */
void ud_schema_components(struct ud_json *json);

#endif
