/* hawkBit's management API, version 1: its shapes over our store. docs/hawkbit.md says what is there and what differs. */
#ifndef UD_SERVER_MGMT_H
#define UD_SERVER_MGMT_H

#include "server/api_people.h"
#include "server/api_shared.h"
#include "server/rollouts.h"
#include "server/store_mgmt.h"
#include "server/tenant_settings.h"

#define UD_MGMT_MODULE_ID_FIRST 0x40000000 /* ids of modules on DDI: those below are releases */

/** The entity whose resource the route names ("/rest/v1/targettags/..."); NULL: none. */
const struct ud_entity *ud_mgmt_entity(const struct ud_call *call);
const struct ud_entity *ud_mgmt_entity_named(const char *name);
/** Every one of them by its number, from 0; NULL behind the last. */
const struct ud_entity *ud_mgmt_entity_number(size_t number);
/** Number `n` of the path as an id. */
bool ud_mgmt_id(const struct ud_call *call, size_t n, int64_t *id);
/** "_links": {"self": {"href"}} for a path below /rest/v1. */
void ud_mgmt_self(struct ud_call *call, struct ud_json *json, const char *resource, int64_t id);
/** Members of an entity's row, without brackets. */
void ud_mgmt_members(struct ud_json *json, const struct ud_entity *entity, const struct ud_entity_row *row);
/** SQL for ?sort=; `map` gives the column of a field. UD_ERR_SHAPE. */
ud_err ud_mgmt_order(struct ud_call *call, const struct ud_entity *entity, char *out, size_t room);
/** Members of a saved filter that assigns by itself; none of one that does not. */
ud_err ud_mgmt_auto_members(struct ud_store *store, struct ud_json *json, int64_t tenant, int64_t filter);
#define UD_TARGET_SECRET_CHARS_MIN 16 /* of a token that somebody chose: a shorter one could be guessed */

/** Into a set that takes it; where it has as many of this type as it may, in the place of the oldest. UD_ERR_TYPES. */
ud_err ud_mgmt_set_module_add(struct ud_store *store, int64_t set, int64_t module);
/** Has it all that its type asks for? UD_ERR_SET_INCOMPLETE. */
ud_err ud_mgmt_set_is_whole(struct ud_store *store, int64_t set);
/** Its state in hawkBit's word, lower case; by state, canceling, active and terms.waits. */
const char *ud_mgmt_fine_state(const struct ud_row_action *action);
/** One action, in hawkBit's words. */
void ud_mgmt_render_action(struct ud_call *call, struct ud_json *json, const struct ud_row_action *action);
/** Is the consent of the device's side asked for? By the member "confirmationRequired", else by the tenant's setting. */
ud_err ud_mgmt_take_consent(const struct ud_call *call, json_t *given, bool *waits);
/** What an entity shows beside its columns. */
ud_err ud_mgmt_more(struct ud_call *call, struct ud_store *store, struct ud_json *json,
                    const struct ud_entity *entity, const struct ud_entity_row *row);

/** Entities of this name that meet `condition`, a filter, and ?q= too; as the list of all. distributionsets, targetfilters. */
void ud_mgmt_list_where(struct ud_call *call, const char *name, const char *condition);
/** Targets that meet `condition`, a filter, and ?q= too; as the list of all. */
void ud_mgmt_targets_list_where(struct ud_call *call, const char *condition);

#endif
