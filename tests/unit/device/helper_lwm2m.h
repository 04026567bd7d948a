/* A LwM2M client with the test as its server: what it sends is seen, what it receives is written here, time is a number. */
#ifndef TESTS_DEVICE_LWM2M_H
#define TESTS_DEVICE_LWM2M_H

#include "updraft/lwm2m_client.h"

#define FIELD_DATAGRAMS 64

struct datagram {
    size_t len;
    uint8_t bytes[1500];
};

struct field {
    struct ud_lwm2m_client client;
    struct ud_lwm2m_client_config config;
    struct ud_lwm2m_port port;
    struct ud_boot_info boot;
    struct datagram to_device[FIELD_DATAGRAMS]; /* a ring */
    size_t given, taken;
    struct datagram from_device[FIELD_DATAGRAMS];
    size_t sent, seen;
    uint64_t now_ms;
    uint32_t wait_ms;
    uint16_t next_id;
    unsigned opened, closed, kept, reboots;
    struct ud_lwm2m_account opened_account;
    ud_err open_err;
    ud_err send_err;
    ud_err keep_err;
    uint32_t random;
    uint8_t kept_bytes[UD_LWM2M_ACCOUNTS_BYTES_MAX];
    size_t kept_len;
    int64_t battery;
    /* the message that the client sent last, as take() gave it */
    struct ud_coap_message message;
};

/** A client with one account: coap://127.0.0.1, no security. Change field->config, then field_begin(). */
void field_init(struct field *field);
void field_begin(struct field *field);
/** One step at the present time. */
void field_step(struct field *field);
/** So much later; one step. */
void field_pass(struct field *field, uint64_t ms);
/** The next message that the client has sent into field->message; fails the test when there is none. */
const struct ud_coap_message *field_take(struct field *field);
bool field_is_silent(const struct field *field);
/** Answer field->message, piggybacked. */
void field_answer(struct field *field, uint8_t code);
void field_answer_with(struct field *field, uint8_t code, uint16_t option, struct ud_bytes value,
                       struct ud_bytes payload);
/** Bytes to the device, as they are; one step. */
void field_give(struct field *field, struct ud_bytes datagram);
/** A request of the server; `format` below 0: none. Its answer is in field->message, if `answered`. */
const struct ud_coap_message *field_ask(struct field *field, uint8_t method, const char *path, int32_t format,
                                        struct ud_bytes payload);
/** The same, without waiting for an answer. */
void field_send(struct field *field, uint8_t method, const char *path, int32_t format, struct ud_bytes payload);
/** Registered as "rd/abc". */
void field_register(struct field *field);

struct ud_bytes text_of(const char *text);

#endif
