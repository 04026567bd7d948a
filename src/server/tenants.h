/* Names of tenants in memory: every request of a device names one. */
#ifndef UD_SERVER_TENANTS_H
#define UD_SERVER_TENANTS_H

#include "server/store_people.h"

#define UD_TENANTS_MAX 4096

struct ud_tenants;

ud_err ud_tenants_open(struct ud_tenants **tenants);
void ud_tenants_close(struct ud_tenants *tenants);
/** Read all of them again. UD_ERR_LIMIT beyond UD_TENANTS_MAX; what was known before then stays. */
ud_err ud_tenants_load(struct ud_tenants *tenants, struct ud_store *store);
/** The tenant of this name, in any case of ASCII letters. UD_ERR_NOT_FOUND. */
ud_err ud_tenants_find(struct ud_tenants *tenants, const char *name, int64_t *id);
/** The name as it is stored; `name`: UD_TITLE_BYTES_MAX + 1. UD_ERR_NOT_FOUND. */
ud_err ud_tenants_name(struct ud_tenants *tenants, int64_t id, char *name);

#endif
