#include "server/rights.h"

#include <string.h>

#define READER (UD_MAY_SELF | UD_MAY_READ)

/* In the order of the bits. */
static const struct {
    const char *name;
    uint32_t rights;
} roles[UD_ROLE_COUNT] = {
    {"viewer", READER},
    {"author", READER | UD_MAY_UPLOAD},
    {"approver", READER | UD_MAY_APPROVE},
    {"operator", READER | UD_MAY_DEPLOY | UD_MAY_DEVICES},
    {"trust", READER | UD_MAY_TRUST},
    {"administrator", READER | UD_MAY_PEOPLE | UD_MAY_SETTINGS | UD_MAY_AUDIT},
    {"owner", READER | UD_MAY_UPLOAD | UD_MAY_APPROVE | UD_MAY_DEPLOY | UD_MAY_DEVICES | UD_MAY_TRUST |
                  UD_MAY_PEOPLE | UD_MAY_SETTINGS | UD_MAY_AUDIT | UD_MAY_TENANTS},
};

uint32_t ud_rights_of(uint32_t mask)
{
    uint32_t rights = 0;
    for (size_t i = 0; i < UD_ROLE_COUNT; i++) {
        rights |= (mask & 1U << i) != 0 ? roles[i].rights : 0;
    }
    return rights;
}

const char *ud_role_name(size_t number)
{
    return roles[number].name;
}

bool ud_role_parse(const char *name, uint32_t *role)
{
    for (size_t i = 0; i < UD_ROLE_COUNT; i++) {
        if (strcmp(name, roles[i].name) == 0) {
            *role = 1U << i;
            return true;
        }
    }
    return false;
}

ud_err ud_roles_check(uint32_t mask)
{
    if (mask == 0) {
        return UD_ERR_MISSING;
    }
    return (mask & UD_ROLE_AUTHOR) != 0 && (mask & UD_ROLE_OPERATOR) != 0 ? UD_ERR_SEPARATION : UD_OK;
}

bool ud_area_within(const char *area, const char *scope)
{
    const size_t len = strlen(scope);
    return len == 0 || (strncmp(area, scope, len) == 0 && (area[len] == '\0' || area[len] == '/'));
}
