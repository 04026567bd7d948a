/*
 * Questions to devices: one operation of device management each, in as many messages as its blocks need. They wait in
 * the registration, one at a time goes out (NSTART 1), and only while the device listens (queue mode).
 *
 * A device that does not answer is taken to be asleep, whatever it said of itself: the question stays first and goes
 * out again when the device is heard. So a slow or sleeping device never costs more than the memory of what is asked.
 */
#ifndef UD_SERVER_LWM2M_ASK_H
#define UD_SERVER_LWM2M_ASK_H

#include "server/lwm2m/hub.h"

#define UD_ASK_ANSWER_BYTES_MAX 65536
#define UD_ASKS_MAX 64 /* that wait for one device */
#define UD_ASK_QUERY_BYTES_MAX 128
#define UD_ASK_ECHO_BYTES_MAX 40

struct ud_ask {
    uint8_t method;
    struct ud_lwm2m_path path;
    const char *place; /* in place of the path, for what is not LwM2M's data model ("bs"); static text */
    char query[UD_ASK_QUERY_BYTES_MAX]; /* joined by '&' */
    int32_t accept;                     /* content format, or -1 */
    int32_t format;                     /* of the payload, or -1 */
    bool observe;
    bool cancel;             /* the observation */
    uint8_t szx;             /* of an upload's blocks, to begin with */
    struct ud_bytes payload; /* borrowed until done; `owned` is freed with the question */
    void *owned;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX]; /* chosen when it is sent first, unless has_token */
    bool has_token;
    /*
     * The end. `err` UD_OK: the device answered: `code`, and `answer` with `answer_format` (-1: none said). Else why
     * there is no answer: UD_ERR_GONE (the registration ended), UD_ERR_TOO_LARGE, UD_ERR_PROTOCOL, UD_ERR_MEMORY.
     * The question is freed when done returns.
     */
    void (*done)(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err);
    void *ctx;
    uint8_t code;
    int32_t answer_format;
    struct ud_text answer;
    /* private */
    struct ud_ask *next;
    struct ud_coap_upload upload;
    struct ud_coap_download download;
    bool sent;
    bool downloading;
    uint8_t echo_bytes; /* that the device asked for (RFC 9175): it must see that we ask now */
    uint8_t echo[UD_ASK_ECHO_BYTES_MAX];
};

/** A question with defaults; NULL: no memory. */
struct ud_ask *ud_ask_new(uint8_t method, const struct ud_lwm2m_path *path,
                          void (*done)(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err),
                          void *ctx);
/** One that was never submitted. */
void ud_ask_free(struct ud_ask *ask);
/** Copy of a payload, kept with the question. UD_ERR_MEMORY. */
ud_err ud_ask_payload(struct ud_ask *ask, struct ud_bytes payload);
/** Behind those that wait. Its end is always told by done, at once when UD_ASKS_MAX wait. */
void ud_ask_submit(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask);
/** Send what may be sent now. */
void ud_ask_pump(struct ud_lwm2m *lw, struct ud_reg *reg);
/** End all that wait. */
void ud_ask_end_all(struct ud_lwm2m *lw, struct ud_reg *reg, ud_err err);

/** From the endpoint: RESPONDED, TIMED_OUT, RESET. */
void ud_ask_response(struct ud_lwm2m *lw, struct ud_reg *reg, const struct ud_coap_event *event);
/** The remote is gone: what was under way begins again. */
void ud_ask_lost(struct ud_reg *reg);

static inline struct ud_bytes ud_ask_answer(const struct ud_ask *ask)
{
    return (struct ud_bytes){(const uint8_t *)ask->answer.ptr, ask->answer.len};
}

#endif
