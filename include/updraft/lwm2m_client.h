/*
 * The LwM2M client of a device: a road of the agent (road.h) for devices that speak CoAP, and the objects by which a
 * server manages them. It decides only: datagrams, time, randomness and memory that lasts come through a port.
 *
 *     static struct ud_lwm2m_client client;
 *     ud_lwm2m_client_init(&client, &config);
 *     agent_config.road = ud_lwm2m_client_road(&client);
 *     for (;;) {
 *         ud_lwm2m_client_step(&client, now_ms(), &wait_ms);
 *         ... ud_agent_step() ...
 *         sleep_up_to(the lesser wait);          // sooner when a datagram came
 *     }
 *
 *   DOWN ──▶ OPENING ──▶ BOOTSTRAP ──finish──▶ DOWN          (with the account that was written)
 *     ▲         ├──────▶ REGISTERING ──2.01──▶ UP ──update, update...
 *     └─────────┴───── anything lost, after a pause that grows ──┘   │ ▲
 *                                                     queue mode: ASLEEP
 *
 * Objects: 0 (bootstrap interface only), 1, 3, 4, 5, and 26241, the signed report (docs/formats-lwm2m.md). What 3 and 4 say
 * comes from the port. Package URIs are fetched from the server that the device is registered with, over the same link,
 * and from nowhere else.
 *
 * Invariants: (1) One request of ours is under way at a time; requests of the server are answered between any two of our
 * own. (2) A bootstrap replaces the account only at its finish, and only after the port has kept it. (3) State Updating
 * (/5/0/3) stands from the start until the agent has told what became of the last update, and a result that the signed
 * report carries shows in /5/0/5 only after the report was acknowledged. (4) Nothing of the Package URI or of a pushed
 * package is believed: the agent verifies.
 *
 * RAM: struct ud_lwm2m_client, all of it; UD_LWM2M_CLIENT_BYTES_MAX. Source: OMA LwM2M 1.1, RFC 7252, 7641, 7959.
 */
#ifndef UPDRAFT_LWM2M_CLIENT_H
#define UPDRAFT_LWM2M_CLIENT_H

#include "updraft/agent.h"
#include "updraft/coap_block.h"
#include "updraft/coap_peer.h"
#include "updraft/lwm2m.h"

#ifndef UD_LWM2M_URI_BYTES
#define UD_LWM2M_URI_BYTES 256 /* a package's, and what is fetched beside it */
#endif
#define UD_LWM2M_SERVER_URI_BYTES 128
#define UD_LWM2M_IDENTITY_BYTES 128
#define UD_LWM2M_KEY_BYTES 64
#define UD_LWM2M_LOCATION_BYTES 64
#define UD_LWM2M_DATAGRAM_BYTES 1152 /* a block of 1024 with its options */
#ifndef UD_LWM2M_BODY_BYTES
#define UD_LWM2M_BODY_BYTES 768 /* values of one answer or of a write that comes in blocks */
#endif
#ifndef UD_LWM2M_WATCHES
#define UD_LWM2M_WATCHES 8 /* observations at one time */
#endif
#define UD_LWM2M_ACCOUNTS_BYTES_MAX 768 /* what ud_lwm2m_port.keep is given */
#define UD_LWM2M_CLIENT_BYTES_MAX 8192
#define UD_LWM2M_OBJECT_REPORT 26241

/* /0/x/2, and one of our own */
typedef enum ud_lwm2m_security {
    UD_LWM2M_PSK = 0,
    UD_LWM2M_RPK = 1,
    UD_LWM2M_X509 = 2,
    UD_LWM2M_NOSEC = 3,
    UD_LWM2M_OSCORE = 5, /* no security of the transport; lwm2m_oscore.h */
} ud_lwm2m_security;

/* A server and how to speak with it: an instance of object 0, with what object 1 adds. All zero: none. */
struct ud_lwm2m_account {
    uint8_t security;
    bool bootstrap;
    uint16_t short_id; /* 1..65534 */
    uint32_t lifetime_s;
    uint8_t uri_bytes;
    uint8_t identity_bytes;
    uint8_t key_bytes;
    char uri[UD_LWM2M_SERVER_URI_BYTES]; /* coap[s]://host[:port], not terminated */
    uint8_t identity[UD_LWM2M_IDENTITY_BYTES];
    uint8_t key[UD_LWM2M_KEY_BYTES];
};

/*
 * Between the client's messages and its exchange layer, where a configuration names one: lwm2m_oscore.h. A build that names none
 * links none.
 */
struct ud_lwm2m_client;
struct ud_lwm2m_guard {
    void *ctx;
    /** A link of this account is about to be used. UD_ERR_CONFIG. */
    ud_err (*begin)(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account);
    /** A plain message that is about to go out is changed in its place; `asked` NULL: a request, or a notification. */
    ud_err (*seal)(void *ctx, struct ud_lwm2m_client *client, struct ud_buf *message,
                   const struct ud_coap_asked *asked);
    /** What came; opened in its place. False: dealt with. */
    bool (*take)(void *ctx, struct ud_lwm2m_client *client, struct ud_coap_event *event);
    /** A bootstrap server writes to an object that is not the client's own. @return code to answer with */
    uint8_t (*provision)(void *ctx, struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                         const struct ud_lwm2m_path *path);
    /** A bootstrap's account is complete. False: it is not. */
    bool (*finish)(void *ctx, struct ud_lwm2m_account *account);
};

/*
 * Which changes of what is observed are told, where a configuration names one: lwm2m_thresholds.h. `watch` is one of the client's.
 */
struct ud_lwm2m_watch;
struct ud_lwm2m_judge {
    void *ctx;
    /** Write-Attributes for this path, whose place `watch` is; of depth 0: it was free. @return 2.04; else nothing changed */
    uint8_t (*attributes)(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch,
                          const struct ud_lwm2m_path *path, const struct ud_coap_message *request);
    /** What is there differs from what was told. Is it to be told? */
    bool (*tells)(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch);
    /** It was told. @param fresh the observation has just begun, in a place that was free */
    void (*told)(void *ctx, struct ud_lwm2m_client *client, const struct ud_lwm2m_watch *watch, bool fresh);
};

/*
 * Who tells values without being asked, where a configuration names one: lwm2m_send.h.
 */
struct ud_lwm2m_sender {
    void *ctx;
    /** Registered, nothing under way, not muted: a request may begin now, as UD_LWM2M_ASK_SEND. */
    void (*step)(void *ctx, struct ud_lwm2m_client *client);
    /** It was answered, whatever the answer says: what is refused is not asked for again before its time. */
    void (*answered)(void *ctx, struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
};

/* What a port gives. One link at a time. Nothing blocks. */
struct ud_lwm2m_port {
    void *ctx;
    /** Begin a link to this server, or go on with its handshake. UD_OK: datagrams pass; UD_WAIT; UD_ERR_CONNECT, UD_ERR_TLS,
     * UD_ERR_AUTH, UD_ERR_URI, UD_ERR_CONFIG. @param account borrowed until close */
    ud_err (*open)(void *ctx, const struct ud_lwm2m_account *account);
    /** End it, with a word to the peer where there is one. Harmless when there is none. */
    void (*close)(void *ctx);
    /** UD_OK also for what the network loses; UD_ERR_GONE, UD_ERR_TLS: the link is over. */
    ud_err (*send)(void *ctx, struct ud_bytes datagram);
    /** The next datagram into the front of `datagram`; UD_WAIT: none; UD_ERR_GONE, UD_ERR_TLS: the link is over. */
    ud_err (*receive)(void *ctx, struct ud_buf *datagram);
    /** Unpredictable bytes: tokens are made of them. */
    ud_err (*random)(void *ctx, uint8_t *out, size_t len);
    /** Keep these bytes over a restart, instead of those before; durable at return. NULL: no bootstrap. */
    ud_err (*keep)(void *ctx, struct ud_bytes accounts);
    /** The value of /object/0/resource (objects 3 and 4), the n-th of several; false: there is none. `record` comes with its
     * path; the port sets kind and value, with bytes that stay until the next call. NULL: none of them */
    bool (*fact)(void *ctx, uint16_t resource_object, uint16_t resource, uint8_t n,
                 struct ud_lwm2m_record *record);
    /** A reset that the server asks for (/3/0/4). NULL: it is refused. */
    void (*reboot)(void *ctx);
};

/* Formats that a client reads and writes: only what is named here is linked. */
struct ud_lwm2m_speaks {
    uint16_t content_format;
    const struct ud_lwm2m_format *format;
};

/* Borrowed for the life of the client. */
struct ud_lwm2m_client_config {
    const struct ud_lwm2m_port *port;
    const char *endpoint;                  /* the device's name, at most 64 characters */
    struct ud_lwm2m_account server;        /* provisioned; one that was kept goes before it */
    struct ud_lwm2m_account bootstrap;     /* none: no bootstrap */
    struct ud_bytes kept;                  /* what keep was given last; empty: never */
    const struct ud_lwm2m_speaks *formats; /* [format_count], the first for answers of several values */
    size_t format_count;
    const struct ud_agent *agent; /* whose report object 26241 shows; need not be initialised yet. NULL: none */
    const struct ud_boot_info *boot;      /* what runs */
    const struct ud_lwm2m_guard *guard;   /* NULL: none, and accounts of UD_LWM2M_OSCORE cannot be used */
    const struct ud_lwm2m_judge *judge;   /* NULL: every change of what is observed is told */
    const struct ud_lwm2m_sender *sender; /* NULL: nothing is told without being asked for */
    struct ud_coap_params coap;           /* all zero: as RFC 7252 */
    uint32_t retry_min_ms; /* first pause after a link that failed; doubles, with jitter [2000] */
    uint32_t retry_max_ms; /* longest pause [300000] */
    uint32_t awake_ms;     /* in queue mode: so long after the last message [93000] */
    uint32_t rate_max;     /* bytes per second of a download; 0: as fast as it goes */
    bool queue;            /* sleep between updates */
    bool sends;            /* `sender` need not wait for a server that sets /1/0/23 to false */
    uint8_t szx;           /* largest block, 0..6 */
    uint32_t seed;         /* jitter only */
};

typedef enum ud_lwm2m_stage {
    UD_LWM2M_DOWN,
    UD_LWM2M_OPENING,
    UD_LWM2M_BOOTSTRAP,
    UD_LWM2M_REGISTERING,
    UD_LWM2M_UP,
    UD_LWM2M_ASLEEP,
    UD_LWM2M_STAGE_COUNT,
} ud_lwm2m_stage;

/* /5/0/3 */
typedef enum ud_lwm2m_firmware_state {
    UD_LWM2M_IDLE = 0,
    UD_LWM2M_DOWNLOADING = 1,
    UD_LWM2M_DOWNLOADED = 2,
    UD_LWM2M_UPDATING = 3,
} ud_lwm2m_firmware_state;

/* One observation. */
struct ud_lwm2m_watch {
    struct ud_lwm2m_path path; /* depth 0: free */
    uint8_t token_bytes;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    uint16_t last_id;
    uint32_t number;
    uint32_t crc;     /* of what was sent last */
    uint64_t last_ms; /* that something was sent */
    uint64_t con_ms;  /* that a confirmable one was */
    uint32_t pmin_s;  /* 0: at once */
    uint32_t pmax_s;  /* 0: only when it changes */
    bool con_wanted;
    bool notified; /* last_id is of a notification */
};

/* What the request under way is for. */
typedef enum ud_lwm2m_asking {
    UD_LWM2M_ASK_NOTHING,
    UD_LWM2M_ASK_BOOTSTRAP,
    UD_LWM2M_ASK_REGISTER,
    UD_LWM2M_ASK_UPDATE,
    UD_LWM2M_ASK_REMOVE,
    UD_LWM2M_ASK_REPORT,
    UD_LWM2M_ASK_FETCH,
    UD_LWM2M_ASK_NOTIFY,
    UD_LWM2M_ASK_SEND,
} ud_lwm2m_asking;

/* What is small and used often stands in front: an instruction reaches it in half the bytes. */
struct ud_lwm2m_client {
    /* private; read ud_lwm2m_client_stage() */
    const struct ud_lwm2m_client_config *config;
    ud_lwm2m_stage stage;
    ud_lwm2m_asking asking;
    ud_err last_err;
    uint8_t failures;  /* registrations that were refused, one after the other */
    uint8_t version;   /* 10 or 11: LwM2M 1.0, 1.1 */
    bool on_bootstrap; /* the link is to the bootstrap server */
    bool bootstrap_wanted;
    bool update_wanted;
    bool changed;  /* something that is observed, surely */
    bool finished; /* the bootstrap's answer is out: close and register */
    bool keeps_notifications;
    bool muted; /* /1/0/23 */
    uint8_t location_bytes;

    /* object 5 */
    struct {
        ud_lwm2m_firmware_state state;
        uint8_t result;
        bool has_nonce;
        bool nonce_known; /* asked for, with or without success */
        bool permitted;
        bool push;          /* the package comes by /5/0/0 */
        bool held;          /* a block of it waits in `block`, its answer is owed */
        bool given;         /* ... and the agent has seen it */
        bool last;          /* ... the last */
        uint16_t uri_bytes; /* of firmware_uri */
        uint8_t nonce[UD_NONCE_BYTES];
        uint32_t action_id;
        uint32_t pushes; /* begun */
        uint32_t held_bytes;
        uint32_t held_offset;
        struct ud_coap_piece piece;
        struct ud_coap_incoming incoming;
    } firmware;

    /* what the agent fetches */
    struct {
        bool open;
        bool has_part;
        ud_err err;
        uint16_t uri_bytes; /* of stream_uri */
        uint32_t retry_after_ms;
        uint64_t next_ms; /* no block is asked for before, by rate_max */
        uint32_t part_bytes;
        struct ud_coap_download download;
    } stream;

    /* the report under way */
    struct {
        bool begun;
        bool done;
        ud_err err;
        struct ud_coap_upload upload;
        struct ud_bytes bytes;
    } report;

    uint64_t now_ms;
    uint64_t due_ms; /* of what the stage waits for */
    uint64_t update_at_ms;
    uint64_t awake_until_ms;
    uint64_t look_at_ms;     /* at the observations */
    uint32_t default_pmin_s; /* /1/0/2 */
    uint32_t default_pmax_s; /* /1/0/3 */
    uint8_t token[4];
    struct ud_buf out;           /* over tx */
    struct ud_coap_asked pushed; /* the block that waits for the agent */
    struct ud_backoff backoff;
    struct ud_coap_params params;
    struct ud_road road;
    struct ud_coap_peer peer; /* the exchange layer */
    struct ud_coap_seen seen[4];
    struct ud_lwm2m_account server;
    struct ud_lwm2m_account staged; /* of a bootstrap that has not finished; then for accounts in the making */
    char location[UD_LWM2M_LOCATION_BYTES]; /* segments between '/'; empty: not registered */
    struct ud_lwm2m_watch watches[UD_LWM2M_WATCHES];
    uint8_t text[24]; /* of a number that is shown as text */
    char firmware_uri[UD_LWM2M_URI_BYTES];
    char stream_uri[UD_LWM2M_URI_BYTES];
    uint8_t tx[UD_LWM2M_DATAGRAM_BYTES];
    uint8_t rx[UD_LWM2M_DATAGRAM_BYTES];
    uint8_t reply[UD_LWM2M_DATAGRAM_BYTES];
    uint8_t block[1024]; /* the one block buffer: of a download or a push */
    uint8_t body[UD_LWM2M_BODY_BYTES];
};

_Static_assert(sizeof(void *) > 4 || sizeof(struct ud_lwm2m_client) <= UD_LWM2M_CLIENT_BYTES_MAX,
               "docs/budgets.md");

/** UD_ERR_CONFIG: a part or an account is missing, or a value out of its bounds. Kept accounts that are damaged count as none. */
ud_err ud_lwm2m_client_init(struct ud_lwm2m_client *client, const struct ud_lwm2m_client_config *config);

/**
 * Take datagrams and do what is due. Never fails: what went wrong is tried again, after a pause that grows.
 * @param now_ms  any clock that does not go back
 * @param wait_ms out: call again after at most this long; sooner when a datagram came
 */
void ud_lwm2m_client_step(struct ud_lwm2m_client *client, uint64_t now_ms, uint32_t *wait_ms);

/** For struct ud_agent_config. */
const struct ud_road *ud_lwm2m_client_road(struct ud_lwm2m_client *client);

ud_lwm2m_stage ud_lwm2m_client_stage(const struct ud_lwm2m_client *client);
/** For logs. Never NULL. */
const char *ud_lwm2m_stage_name(ud_lwm2m_stage stage);
/** Why the link or the last registration failed; UD_OK when all is well. */
ud_err ud_lwm2m_client_error(const struct ud_lwm2m_client *client);

/** Take leave: de-register, if registered. Call step until the stage is DOWN, or no longer than one likes to wait. */
void ud_lwm2m_client_leave(struct ud_lwm2m_client *client);

/** Where to connect: host and port of coap[s]://host[:port]. UD_ERR_URI. */
ud_err ud_lwm2m_server_parse(struct ud_bytes uri, bool *secure, struct ud_bytes *host, uint16_t *port);

#endif
