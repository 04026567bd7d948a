/*
 * ud_store, the people: users and services, their tokens and sessions, tenants and their policy, approvals.
 * Part of store.h; see there for what all functions share.
 */
#ifndef UD_SERVER_STORE_PEOPLE_H
#define UD_SERVER_STORE_PEOPLE_H

#include "server/store.h"

#define UD_PASSWORD_BYTES 64 /* stored form: docs/formats.md */
#define UD_SUBJECT_BYTES_MAX 256

struct ud_row_tenant {
    int64_t id;
    char name[UD_TITLE_BYTES_MAX + 1];
    uint32_t approvals; /* that a release needs before it is deployed */
};
/** Sets id. UD_ERR_CONFLICT for a name that is there already, in any case. */
ud_err ud_store_tenant_add(struct ud_store *store, struct ud_row_tenant *tenant);
ud_err ud_store_tenant_get(struct ud_store *store, int64_t id, struct ud_row_tenant *tenant);
ud_err ud_store_tenant_list(struct ud_store *store, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_tenant *tenant), void *ctx);
ud_err ud_store_tenant_approvals_set(struct ud_store *store, int64_t id, uint32_t approvals);

struct ud_row_person {
    int64_t id;
    int64_t tenant;
    char name[UD_TITLE_BYTES_MAX + 1];
    bool service;   /* no password, no login: tokens only */
    uint32_t roles; /* ud_role bits */
    char area[UD_AREA_BYTES_MAX + 1];
    char subject[UD_SUBJECT_BYTES_MAX + 1]; /* at the identity provider; empty = none */
    bool has_password;
    uint8_t password[UD_PASSWORD_BYTES];
    bool disabled;
    int64_t created_ms;
};
/** Sets id. UD_ERR_CONFLICT for a name, or a subject, that is there already. */
ud_err ud_store_person_add(struct ud_store *store, struct ud_row_person *person);
ud_err ud_store_person_find(struct ud_store *store, int64_t tenant, const char *name,
                            struct ud_row_person *person);
/** Of any tenant: the provider's subjects are there once. */
ud_err ud_store_person_by_subject(struct ud_store *store, const char *subject, struct ud_row_person *person);
/** roles, area, subject, disabled, password. Sessions of the person end. */
ud_err ud_store_person_set(struct ud_store *store, const struct ud_row_person *person);
/** Tokens and sessions go with it; approvals and the audit log stay. */
ud_err ud_store_person_remove(struct ud_store *store, int64_t id);
ud_err ud_store_person_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                            void (*each)(void *ctx, const struct ud_row_person *person), void *ctx);

/** A session of `person` until expires_ms. Ended ones of everybody are swept on the way, a bounded number. */
ud_err ud_store_session_add(struct ud_store *store, const struct ud_row_person *person,
                            const uint8_t hash[UD_SHA256_BYTES], int64_t now_ms, int64_t expires_ms);
/** As ud_store_token_find(); token->id is 0. */
ud_err ud_store_session_find(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES],
                             struct ud_row_token *token);
ud_err ud_store_session_remove(struct ud_store *store, const uint8_t hash[UD_SHA256_BYTES]);

/** UD_ERR_NOT_FOUND for a token of another tenant; `person` 0: whoever's. */
ud_err ud_store_token_remove(struct ud_store *store, int64_t tenant, int64_t id, int64_t person);
/** `person` 0: of everybody in the tenant. */
ud_err ud_store_token_list(struct ud_store *store, int64_t tenant, int64_t person, struct ud_page *page,
                           void (*each)(void *ctx, const struct ud_row_token *token), void *ctx);

struct ud_row_approval {
    char person[UD_TITLE_BYTES_MAX + 1]; /* "" when removed meanwhile */
    int64_t at_ms;
};
/** UD_ERR_SEPARATION when the person uploaded it, or a part of it; the same person again is UD_OK. */
ud_err ud_store_approval_add(struct ud_store *store, int64_t tenant, int32_t release, int64_t person,
                             int64_t now_ms);
ud_err ud_store_approval_list(struct ud_store *store, int64_t tenant, int32_t release,
                              void (*each)(void *ctx, const struct ud_row_approval *approval), void *ctx);
/** UD_ERR_SEPARATION for who had a hand in what the release delivers: two people must do this. */
ud_err ud_store_approve_allowed(struct ud_store *store, int64_t tenant, int32_t release, int64_t person);
/** What a set, or a module, delivers is changed by this person: they have a hand in it, and approvals are given anew. */
ud_err ud_store_set_changed(struct ud_store *store, int64_t tenant, int64_t set, int64_t person);
ud_err ud_store_module_changed(struct ud_store *store, int64_t tenant, int64_t module, int64_t person);
/**
 * May this person start delivering the release? To be asked inside the deciding transaction, by everything that
 * starts a delivery. Where the tenant's policy asks for no approvals, always.
 *
 * @return UD_ERR_APPROVAL while there are too few; UD_ERR_SEPARATION for who uploaded it; UD_ERR_NOT_FOUND
 */
ud_err ud_store_deploy_allowed(struct ud_store *store, int64_t tenant, int32_t release, int64_t person);

#endif
