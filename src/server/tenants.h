/* Tenants in memory: their names and what they set for themselves. Every request of a device asks for both. */
#ifndef UD_SERVER_TENANTS_H
#define UD_SERVER_TENANTS_H

#include "server/store_people.h"
#include "server/tenant_settings.h"

#define UD_TENANTS_MAX 4096

struct ud_tenants;

/** `initial`: what holds for those who set nothing; copied. A gateway token in it is the default tenant's. */
ud_err ud_tenants_open(struct ud_tenants **tenants, const struct ud_tenant_settings *initial);
void ud_tenants_close(struct ud_tenants *tenants);
/** Read all of them again. UD_ERR_LIMIT beyond UD_TENANTS_MAX; what was known before then stays. */
ud_err ud_tenants_load(struct ud_tenants *tenants, struct ud_store *store);
/** The tenant of this name, in any case of ASCII letters. UD_ERR_NOT_FOUND. */
ud_err ud_tenants_find(struct ud_tenants *tenants, const char *name, int64_t *id);
/** The name as it is stored; `name`: UD_TITLE_BYTES_MAX + 1. UD_ERR_NOT_FOUND. */
ud_err ud_tenants_name(struct ud_tenants *tenants, int64_t id, char *name);
/** What holds for a tenant. */
void ud_tenants_settings(struct ud_tenants *tenants, int64_t tenant, struct ud_tenant_settings *settings);
/** What would hold for it, had it set nothing. */
void ud_tenants_initial(struct ud_tenants *tenants, int64_t tenant, struct ud_tenant_settings *settings);
/** Filter `index` of the polling line with this mark. False when the line is another one by now. */
bool ud_tenants_way(struct ud_tenants *tenants, int64_t tenant, uint32_t mark, uint32_t index,
                    char filter[UD_FIQL_BYTES_MAX + 1]);

#endif
