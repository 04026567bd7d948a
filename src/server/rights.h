/*
 * Roles and what they may. One table (rights.c) says which role has which rights; the table of routes says which right
 * each operation needs; http_admit.c compares the two. Nothing else decides who may do what, except two rules about
 * single releases (people.h: who uploaded neither approves nor deploys) and the scope below.
 *
 * RFC 9019 separates the author of firmware from the operator of the network: one person cannot be both.
 */
#ifndef UD_SERVER_RIGHTS_H
#define UD_SERVER_RIGHTS_H

#include "updraft/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a route asks for. The first two are no rights: everybody, and the device that the path names. */
#define UD_AUTH_NONE 0U
#define UD_AUTH_DEVICE (1U << 0)
#define UD_MAY_SELF (1U << 1)     /* everybody who is logged in: about oneself */
#define UD_MAY_READ (1U << 2)     /* see devices, releases, rollouts */
#define UD_MAY_UPLOAD (1U << 3)   /* artifacts and releases */
#define UD_MAY_APPROVE (1U << 4)  /* releases of others */
#define UD_MAY_DEPLOY (1U << 5)   /* rollouts, actions */
#define UD_MAY_DEVICES (1U << 6)  /* register, change and remove devices */
#define UD_MAY_TRUST (1U << 7)    /* trust anchors */
#define UD_MAY_PEOPLE (1U << 8)   /* users, their roles and tokens */
#define UD_MAY_SETTINGS (1U << 9) /* policy, device types, webhooks */
#define UD_MAY_AUDIT (1U << 10)   /* the audit log */
#define UD_MAY_TENANTS (1U << 11) /* make tenants; of the default tenant only */
/* A flag of a route: its handler keeps to the caller's device group. Without it, people with a group are refused. */
#define UD_IN_GROUP (1U << 31)
/* ... of a device: a gateway's token may come for one that nobody added, and the handler adds it (call->unknown). */
#define UD_ADDS_DEVICE (1U << 30)
#define UD_AUTH_FLAGS (UD_IN_GROUP | UD_ADDS_DEVICE)

/* Roles are stored as these bits. */
typedef enum ud_role {
    UD_ROLE_VIEWER = 1 << 0,
    UD_ROLE_AUTHOR = 1 << 1,
    UD_ROLE_APPROVER = 1 << 2,
    UD_ROLE_OPERATOR = 1 << 3,
    UD_ROLE_TRUST = 1 << 4,
    UD_ROLE_ADMINISTRATOR = 1 << 5,
    UD_ROLE_OWNER = 1 << 6 /* the first token of a new server: everything, to set it up */
} ud_role;
#define UD_ROLE_COUNT 7
#define UD_ROLES_ALL 0x7fU

/** All rights of these roles together. */
uint32_t ud_rights_of(uint32_t roles);
/** The name of the role with this bit number, 0..UD_ROLE_COUNT-1. */
const char *ud_role_name(size_t number);
/** False for a name that is none. */
bool ud_role_parse(const char *name, uint32_t *role);
/** May one person have all of these? UD_ERR_SEPARATION: author and operator; UD_ERR_MISSING: none at all. */
ud_err ud_roles_check(uint32_t roles);
/** Is `area` ("eu/berlin") in the group of devices `scope` ("eu"; "" = all)? */
bool ud_area_within(const char *area, const char *scope);

#endif
