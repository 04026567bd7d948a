/*
 * The LwM2M server: what its files share. All of it belongs to the CoAP thread; other threads post.
 *
 *     rd.c         registration interface          reg.c        registrations in memory
 *     ask.c        questions to devices            values.c     values <-> JSON, what is kept of them
 *     commands.c   the operator's commands         upgrade.c    firmware: what is to be done next
 *     bootstrap.c  bootstrap interface             upgrade_steps.c   how it is done
 *     report.c     signed reports                  upgrade_result.c  what a device's results mean
 *     profile.c    which patches a device takes    upgrade_components.c  which file is for which instance
 *     turn.c       whose turn it is                upgrade_tell.c    what an upgrade knows, into the action
 *     objects.c    what is known of objects        fw.c         artifacts over CoAP
 *                                                  capability.c the secret of URIs
 */
#ifndef UD_SERVER_LWM2M_HUB_H
#define UD_SERVER_LWM2M_HUB_H

#include "server/lwm2m/lwm2m.h"
#include "server/lwm2m/reg.h"
#include "server/server.h"

#include "updraft/coap_block.h"

#define UD_BODIES_MAX 256       /* block-wise requests under way, of all devices */
#define UD_BODY_BYTES_MAX 16384 /* of one of them */
#define UD_AWAKE_MS 93000       /* MAX_TRANSMIT_WAIT: so long a device in queue mode listens */
#define UD_QUIET_MS 1000        /* after a Register's answer */
#define UD_SEGMENTS_MAX 7       /* of a path that are looked at: one more than the longest resource has */

struct ud_fw_file;
struct ud_fw_capability;
struct ud_origins;
struct ud_waiter;

/* The body of a request that comes in blocks. */
struct ud_body_parts {
    struct ud_remote *remote; /* NULL = free */
    uint32_t path;            /* hash of the path: another resource is another body */
    uint64_t used_ms;
    struct ud_coap_incoming incoming;
    uint8_t *bytes;
};

struct ud_lwm2m {
    struct ud_server *server;
    struct ud_endpoint *endpoint;
    struct ud_regs regs;
    struct ud_body_parts bodies[UD_BODIES_MAX];
    struct ud_origins *origins; /* of the proxy; NULL = none */
    struct ud_waiter *waiters;
    uint32_t waiter_count;
    struct ud_fw_file *files;
    struct ud_fw_capability *capabilities;      /* of fw.c: found good before */
    uint64_t file_clock;                        /* of their uses */
    uint8_t secret[UD_CAPABILITY_SECRET_BYTES]; /* of the capabilities in URIs of artifacts */
    int64_t fence;                              /* of the lease; 0 = there is none */
    uint32_t later_count;                       /* that have not come back from the writer */
    bool ending;                                /* no more of them are begun */
    uint64_t refused;                           /* registrations, since the last line of the log about one */
    uint64_t refused_said_ms;
    struct ud_timer thinning;
    char host[UD_ADDRESS_BYTES_MAX]; /* that devices reach us at, brackets around IPv6 */
    uint16_t port[2];                /* coap, coaps; 0 = none */
};

/* From a timer's context, which is the endpoint. */
static inline struct ud_lwm2m *ud_lwm2m_of(void *endpoint)
{
    return ud_endpoint_ctx(endpoint);
}

extern const struct ud_endpoint_handler ud_lwm2m_handler;
void ud_lwm2m_forget_bodies(struct ud_lwm2m *lw);

/* --- requests */

struct ud_request {
    struct ud_lwm2m *lw;
    struct ud_remote *remote;
    const struct ud_coap_message *message;
    struct ud_coap_asked *asked;
    struct ud_bytes body;                      /* whole, for those that take one */
    struct ud_bytes segments[UD_SEGMENTS_MAX]; /* of its path, the first ones */
    size_t segment_count;
    bool proven; /* by DTLS or OSCORE: who.device it is */
    struct ud_dtls_who who;
};

/** Whose request is it? The key's word, or over plain UDP the registration that this address updated last. 0 = nobody. */
int64_t ud_request_device(const struct ud_request *request);
void ud_request_code(const struct ud_request *request, uint8_t code);

/**
 * A request that a commit must come before: `run` in the writer's transaction, then `finish` on the CoAP thread, which
 * answers with ud_later_code() or its own message. The struct is the first member of the caller's own; freed by free()
 * behind finish.
 */
struct ud_later {
    struct ud_job job;
    struct ud_mail mail;
    struct ud_lwm2m *lw;
    struct ud_remote *remote; /* held; NULL when nobody waits for an answer */
    struct ud_coap_asked asked;
    ud_err err;
    ud_err (*run)(struct ud_later *later, struct ud_store *store);
    void (*committed)(
        struct ud_later *later); /* NULL, or: on the writer thread right after COMMIT, in its order */
    void (*finish)(struct ud_later *later);
    void (*drop)(struct ud_later *later); /* NULL, or: give back what it holds; always called last */
};
/** UD_ERR_RETRY_LATER: nothing was begun, and `later` is freed; the request, if there is one, is to be ignored. */
ud_err ud_later_begin(struct ud_later *later, struct ud_lwm2m *lw, const struct ud_request *request);
void ud_later_code(struct ud_later *later, uint8_t code);

/* --- registrations */

/** Heard from the device: it listens now. */
void ud_reg_heard(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_remote *remote);
/** End a registration in memory: questions, upgrade and all. */
void ud_reg_end(struct ud_lwm2m *lw, struct ud_reg *reg);
/** Set the timer to what comes first: its end, or that it may be asked something. */
void ud_reg_arm(struct ud_lwm2m *lw, struct ud_reg *reg);
/** After a Register, or the server's own start: observations, commands, upgrade. */
void ud_reg_begin(struct ud_lwm2m *lw, struct ud_reg *reg);

/** Into memory and its tables; replaces the device's former one. NULL: no memory. */
struct ud_reg *ud_reg_from_row(struct ud_lwm2m *lw, const struct ud_row_lwm2m_registration *row,
                               const char *name);

/* --- handlers of requests, by path */

void ud_rd_register(struct ud_request *request);
void ud_rd_update(struct ud_request *request, struct ud_bytes location);
void ud_rd_remove(struct ud_request *request, struct ud_bytes location);
void ud_dp_send(struct ud_request *request);
void ud_report_post(struct ud_request *request);
void ud_fw_get(struct ud_request *request);
void ud_bs_request(struct ud_request *request);
void ud_well_known(struct ud_request *request);

/* --- the rest, by file */

/* values.c */

/** Append {"/3/0/0": value, …} to `json`. Errors of the reader, UD_ERR_ALGORITHM for a format not read here. */
ud_err ud_values_render(struct ud_json *json, const char *key, uint32_t format,
                        const struct ud_lwm2m_path *base, struct ud_bytes payload);
/**
 * Values came from the device: told to its upgrade, and kept when `keep`. With a request, that is answered 2.04 after
 * the commit.
 */
ud_err ud_values_take(struct ud_lwm2m *lw, struct ud_reg *reg, uint32_t format,
                      const struct ud_lwm2m_path *base, struct ud_bytes payload, bool keep,
                      const struct ud_request *request);

/* commands.c */
void ud_commands_next(struct ud_lwm2m *lw, struct ud_reg *reg);
void ud_commands_watch(struct ud_lwm2m *lw, struct ud_reg *reg);
/** Ask to observe a path; what comes is told and kept. */
void ud_watch_path(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_path *path);
/** A notification; false when its token is not ours. */
bool ud_commands_notified(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_coap_message *message);

/* upgrade.c */

/** Is there something to do for the device's current action? Begins, or ends what is no more wanted. */
void ud_upgrade_look(struct ud_lwm2m *lw, struct ud_reg *reg);
/** A value of object 5, object 33629 or /3/0/3 came. */
void ud_upgrade_value(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_lwm2m_record *record);
void ud_upgrade_drop(struct ud_lwm2m *lw, struct ud_reg *reg);

/* profile.c */
/** After a Register: which patches this device takes, if it is an agent of ours. */
void ud_profile_ask(struct ud_lwm2m *lw, struct ud_reg *reg);

/* bootstrap.c */
void ud_bootstrap_drop(struct ud_lwm2m *lw, struct ud_reg *reg);

/* proxy.c */
ud_err ud_proxy_open(struct ud_lwm2m *lw);
/** No more fetches; those who wait are there still. */
void ud_proxy_stop(struct ud_lwm2m *lw);
void ud_proxy_close(struct ud_lwm2m *lw);
/** Does the request ask for something that lies elsewhere? */
bool ud_proxy_is_wanted(const struct ud_request *request);
void ud_proxy_get(struct ud_request *request);

/* fw.c */
ud_err ud_fw_open(struct ud_lwm2m *lw);
void ud_fw_close(struct ud_lwm2m *lw);
/** Map an artifact for as long as a push takes; ud_fw_unmap() it. */
ud_err ud_fw_map(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename,
                 struct ud_bytes *bytes);
/** UD_ERR_RETRY_LATER while the file is being fetched from where it lies; UD_OK otherwise, also where there is none. */
ud_err ud_fw_here(struct ud_lwm2m *lw, int64_t tenant, int32_t release, const char *filename);
void ud_fw_unmap(struct ud_bytes bytes);
#define UD_FW_URI_BYTES_MAX 256
/** "coap://host:port/fw/<capability>/<filename>". UD_ERR_LIMIT when it is longer than that. */
ud_err ud_fw_uri(const struct ud_lwm2m *lw, const char *scheme, uint16_t port, int64_t device, int32_t release,
                 const char *filename, char uri[UD_FW_URI_BYTES_MAX]);

#endif
