/* What the resources about people share. */
#ifndef UD_SERVER_API_PEOPLE_H
#define UD_SERVER_API_PEOPLE_H

#include "server/api_shared.h"
#include "server/store_people.h"

/** The member "roles". */
void ud_render_roles(struct ud_json *json, uint32_t roles);
/** An array of role names. UD_ABSENT; UD_ERR_SHAPE; UD_ERR_SEPARATION; UD_ERR_MISSING for an empty one. */
ud_err ud_take_roles(json_t *body, const char *name, uint32_t *roles);
/** The member "group"; without one the caller's own. UD_ERR_SHAPE; UD_ERR_GROUP for one outside of the caller's. */
ud_err ud_take_group(const struct ud_call *call, json_t *body, char area[UD_AREA_BYTES_MAX + 1]);
/** For ud_call_write_then(): tenants, or what they set, changed; read them again. */
void ud_tenants_committed(struct ud_call *call);
/** A group of devices: "" or names with '/' between them. */
bool ud_is_area(const char *area);

#endif
