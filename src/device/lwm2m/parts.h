/* Between the files of the LwM2M client only. client.c holds the link and the exchange, register.c the registration
 * interface, account.c bootstrap, objects.c the table of resources, serve.c the server's requests, watch.c observations,
 * firmware.c object 5, road.c what the agent calls. */
#ifndef UPDRAFT_DEVICE_LWM2M_PARTS_H
#define UPDRAFT_DEVICE_LWM2M_PARTS_H

#include "updraft/lwm2m_client.h"

static inline struct ud_bytes ud_text_bytes(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

/* client.c */

/** May a request of ours begin now? */
bool ud_lwm2m_may_ask(const struct ud_lwm2m_client *client);
/** Begin a confirmable request in client->tx, with a token of its own. */
ud_err ud_lwm2m_ask_begin(struct ud_lwm2m_client *client, struct ud_coap_writer *w, uint8_t method);
/** One option for each segment of a path of bytes. */
void ud_lwm2m_put_path(struct ud_coap_writer *w, uint16_t number, struct ud_bytes path);
/** Send what ud_lwm2m_ask_begin() began. An error of the writer, or of the link: that has been closed then. */
ud_err ud_lwm2m_ask_send(struct ud_lwm2m_client *client, struct ud_coap_writer *w, ud_lwm2m_asking asking);
/** The guard's part in what is about to go out; `asked` as in struct ud_lwm2m_guard. */
ud_err ud_lwm2m_seal(struct ud_lwm2m_client *client, struct ud_buf *message, const struct ud_coap_asked *asked);
/** Send these bytes, none is allowed. False: the link was lost by it. */
bool ud_lwm2m_send(struct ud_lwm2m_client *client, struct ud_bytes datagram);
/** Close the link; what was under way ends with `err`; try again after a pause. */
void ud_lwm2m_lose(struct ud_lwm2m_client *client, ud_err err);
/** Close the link and open the next one at once. */
void ud_lwm2m_begin_anew(struct ud_lwm2m_client *client);
/** Answer a request with no more than a code. */
void ud_lwm2m_reply_code(struct ud_lwm2m_client *client, struct ud_coap_asked *asked, uint8_t code);
/** An answer in the making, in client->reply. */
struct ud_lwm2m_reply {
    struct ud_buf buf;
    struct ud_coap_writer w;
};
void ud_lwm2m_reply_begin(struct ud_lwm2m_client *client, struct ud_lwm2m_reply *reply,
                          const struct ud_coap_asked *asked, uint8_t code);
/** Send it; if it did not fit, 5.00 instead. */
void ud_lwm2m_reply_end(struct ud_lwm2m_client *client, struct ud_lwm2m_reply *reply,
                        struct ud_coap_asked *asked);
/** Something was heard or is wanted: stay awake, wake up. */
void ud_lwm2m_wake(struct ud_lwm2m_client *client);

/* register.c */
void ud_lwm2m_register_step(struct ud_lwm2m_client *client);
void ud_lwm2m_bootstrap_step(struct ud_lwm2m_client *client);
void ud_lwm2m_up_step(struct ud_lwm2m_client *client);
void ud_lwm2m_registered(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
void ud_lwm2m_updated(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
void ud_lwm2m_bootstrapping(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
void ud_lwm2m_sent(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
void ud_lwm2m_removed(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);

/* account.c */

/** A DELETE, PUT or POST of the bootstrap server. @return code to answer with */
uint8_t ud_lwm2m_account_change(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                                const struct ud_lwm2m_path *path);
/** POST /bs: take the new account. @return code to answer with */
uint8_t ud_lwm2m_account_finish(struct ud_lwm2m_client *client);
/** Read what ud_lwm2m_port.keep was given. Errors of the CBOR reader; UD_ERR_CONFIG: not an account. */
ud_err ud_lwm2m_account_load(struct ud_lwm2m_account *account, struct ud_bytes kept);
/** Have the port keep the account in force. */
ud_err ud_lwm2m_account_keep(struct ud_lwm2m_client *client, const struct ud_lwm2m_account *account);
/** Can a link be made of it? */
bool ud_lwm2m_account_is_good(const struct ud_lwm2m_account *account);

/* server_uri.c */

/** coap[s]://host[:port]/ and what stands behind it. False: no such URI. */
bool ud_lwm2m_server_split(struct ud_bytes uri, struct ud_bytes *server, struct ud_bytes *path);
/** Do both name the same server, in the same way? */
bool ud_lwm2m_server_is(struct ud_bytes server, struct ud_bytes other);

/* objects.c */
enum { UD_LWM2M_R = 1, UD_LWM2M_W = 2, UD_LWM2M_E = 4 };
struct ud_lwm2m_resource {
    uint16_t object;
    uint8_t id;
    unsigned operations : 3;
    unsigned many : 1;
    unsigned kind : 4; /* ud_lwm2m_kind */
};
/** NULL: no such resource. */
const struct ud_lwm2m_resource *ud_lwm2m_resource_find(uint16_t object, uint16_t id);
/** The n-th value of a resource; false: there is none, or it is not to be read. */
bool ud_lwm2m_resource_get(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row, uint8_t n,
                           struct ud_lwm2m_record *record);
/** Write it, as the kind that it has. `apply` false: only ask whether it may. @return code to answer with */
uint8_t ud_lwm2m_resource_set(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row,
                              struct ud_lwm2m_record *record, bool apply);
/** @return code to answer with */
uint8_t ud_lwm2m_resource_execute(struct ud_lwm2m_client *client, const struct ud_lwm2m_resource *row);
bool ud_lwm2m_object_exists(uint16_t object);
/** Has the path something to read? Objects 0 have not, for anybody. */
bool ud_lwm2m_path_exists(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path);
/** Put every value at and under the path. The count put through `count`. */
void ud_lwm2m_put_values(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                         struct ud_lwm2m_writer *w, size_t *count);
/** Link format of what is at and under the path: for registration (depth 0, `brief`) and discovery. */
ud_err ud_lwm2m_put_links(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path, struct ud_buf *out);
ud_err ud_lwm2m_put_object_links(const struct ud_lwm2m_client *client, struct ud_buf *out);

/* serve.c */

/** The format that a content format stands for; NULL: the configuration names none. */
const struct ud_lwm2m_format *ud_lwm2m_format_of(const struct ud_lwm2m_client *client, uint32_t number);
void ud_lwm2m_serve(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                    struct ud_coap_asked *asked);
/** The value at a path into `out`, in the format asked for (-1: the one that suits). @return code, 2.05 when good */
uint8_t ud_lwm2m_read(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path, int32_t wanted,
                      struct ud_buf *out, uint16_t *format);

/* watch.c */
bool ud_lwm2m_watch_begin(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                          const struct ud_coap_message *request, struct ud_bytes shown, uint32_t *number);
void ud_lwm2m_watch_end(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path);
/** The peer refused the message with this id. */
void ud_lwm2m_watch_reset(struct ud_lwm2m_client *client, uint16_t id);
void ud_lwm2m_watch_clear(struct ud_lwm2m_client *client);
void ud_lwm2m_watch_step(struct ud_lwm2m_client *client);
uint8_t ud_lwm2m_watch_attributes(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path,
                                  const struct ud_coap_message *request);

/* firmware.c */
void ud_lwm2m_firmware_set(struct ud_lwm2m_client *client, ud_lwm2m_firmware_state state, uint8_t result);
/** Forget the package: nothing of it is offered any more. */
void ud_lwm2m_firmware_drop(struct ud_lwm2m_client *client, uint8_t result);
uint8_t ud_lwm2m_firmware_set_uri(struct ud_lwm2m_client *client, const struct ud_lwm2m_record *record,
                                  bool apply);
uint8_t ud_lwm2m_firmware_update(struct ud_lwm2m_client *client);
uint8_t ud_lwm2m_firmware_cancel(struct ud_lwm2m_client *client);
/** PUT /5/0/0: answered here, or when the agent has taken the block. */
void ud_lwm2m_firmware_push(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                            struct ud_coap_asked *asked);
/** The next bytes of what is pushed, as fetch of struct ud_road. */
ud_err ud_lwm2m_firmware_take(struct ud_lwm2m_client *client, uint64_t offset, struct ud_bytes *chunk);
void ud_lwm2m_firmware_link_lost(struct ud_lwm2m_client *client);

/* road.c */
void ud_lwm2m_road_init(struct ud_lwm2m_client *client);
void ud_lwm2m_fetched(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
void ud_lwm2m_reported(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);
/** The link was lost, or the request timed out. */
void ud_lwm2m_road_lost(struct ud_lwm2m_client *client, ud_err err);
/** What the agent fetches is this from here on, from this byte. UD_ERR_URI: not of our server; UD_ERR_TOO_LARGE. */
ud_err ud_lwm2m_stream_open(struct ud_lwm2m_client *client, struct ud_bytes uri, uint64_t offset);
void ud_lwm2m_stream_close(struct ud_lwm2m_client *client);
/** A refusal of what the stream asked for; notes when the server wants to be asked again. */
ud_err ud_lwm2m_stream_refused(struct ud_lwm2m_client *client, const struct ud_coap_message *answer);

#endif
