/* The description of every operation (OpenAPI 3.1), made from the table of routes: what is not in the table is not served. */
#ifndef UD_SERVER_OPENAPI_H
#define UD_SERVER_OPENAPI_H

#include "server/http_route.h"
#include "server/text.h"

void ud_openapi_write(struct ud_json *json, const struct ud_route *routes, size_t count, ud_listener listener);

#endif
