/*
 * The LwM2M client under hostile datagrams. The first byte chooses the link (registered or bootstrap), then come pieces: a
 * length byte and so many bytes that the server sends; between them the agent calls the road. An answer of ours that waits for
 * its acknowledgement or answer is given a good one now and then, by a length of 255, so that later states are reached.
 * Property: everything that goes out is a CoAP message, and chunks lie within the client, or within the window of Q-Block2.
 */
#include "updraft/assert.h"
#include "updraft/lwm2m_robust.h"
#include "updraft/lwm2m_send.h"
#include "updraft/lwm2m_thresholds.h"

#define DATAGRAM_BYTES_MAX 1500

struct fuzz {
    struct ud_lwm2m_client client;
    struct ud_bytes pending;
    size_t sent_len;
    uint8_t sent[DATAGRAM_BYTES_MAX];
    uint32_t random;
    uint8_t window[3 * 1024];
};

static ud_err fuzz_open(void *ctx, const struct ud_lwm2m_account *account)
{
    (void)ctx;
    (void)account;
    return UD_OK;
}

static void fuzz_close(void *ctx)
{
    (void)ctx;
}

static ud_err fuzz_send(void *ctx, struct ud_bytes datagram)
{
    struct fuzz *fuzz = ctx;
    struct ud_coap_message message;
    UD_ASSERT(ud_coap_parse(datagram, &message) == UD_OK);
    UD_ASSERT(datagram.len <= sizeof fuzz->sent);
    memcpy(fuzz->sent, datagram.ptr, datagram.len);
    fuzz->sent_len = datagram.len;
    return UD_OK;
}

static ud_err fuzz_receive(void *ctx, struct ud_buf *datagram)
{
    struct fuzz *fuzz = ctx;
    if (fuzz->pending.ptr == NULL) {
        return UD_WAIT;
    }
    datagram->len = fuzz->pending.len < datagram->cap ? fuzz->pending.len : datagram->cap;
    if (datagram->len > 0) {
        memcpy(datagram->ptr, fuzz->pending.ptr, datagram->len);
    }
    fuzz->pending = (struct ud_bytes){NULL, 0};
    return UD_OK;
}

static ud_err fuzz_random(void *ctx, uint8_t *out, size_t len)
{
    struct fuzz *fuzz = ctx;
    for (size_t i = 0; i < len; i++) {
        fuzz->random = fuzz->random * 1664525U + 1013904223U;
        out[i] = (uint8_t)(fuzz->random >> 24);
    }
    return UD_OK;
}

static ud_err fuzz_keep(void *ctx, struct ud_bytes accounts)
{
    (void)ctx;
    UD_ASSERT(accounts.len > 0 && accounts.len <= UD_LWM2M_ACCOUNTS_BYTES_MAX);
    return UD_OK;
}

static bool fuzz_fact(void *ctx, uint16_t object, uint16_t resource, uint8_t n, struct ud_lwm2m_record *record)
{
    (void)ctx;
    (void)object;
    record->integer = resource;
    record->bytes = UD_BYTES_LITERAL("fact");
    return n < 2;
}

static void give(struct fuzz *fuzz, struct ud_bytes datagram, uint64_t now_ms)
{
    uint32_t wait_ms;
    fuzz->pending = datagram;
    ud_lwm2m_client_step(&fuzz->client, now_ms, &wait_ms);
    ud_lwm2m_client_step(&fuzz->client, now_ms, &wait_ms);
}

/* Every block that a request by Q-Block2 names. False: it is none. */
static bool give_blocks(struct fuzz *fuzz, const struct ud_coap_message *sent, uint64_t now_ms)
{
    const uint32_t body_bytes = 5000;
    struct ud_coap_wanted wanted;
    uint8_t token[UD_COAP_TOKEN_BYTES_MAX];
    const struct ud_bytes name = {token, sent->token.len};
    const bool con = sent->type == UD_COAP_CON;
    const uint16_t id = sent->id;
    if (ud_coap_robust_wanted(sent, body_bytes, &wanted) != UD_OK) {
        return false;
    }
    if (sent->token.len > 0) {
        memcpy(token, sent->token.ptr,
               sent->token.len); /* what was sent may be another before the last block */
    }
    for (uint8_t i = 0; i < wanted.count; i++) {
        static const uint8_t body[1024];
        uint8_t room[1200];
        struct ud_buf buf = {room, sizeof room, 0};
        struct ud_coap_writer w;
        const struct ud_coap_part part = ud_coap_robust_part_of(body_bytes, wanted.szx, wanted.num[i]);
        ud_coap_write_begin(&w, &buf, con && i == 0 ? UD_COAP_ACK : UD_COAP_NON, UD_COAP_205_CONTENT,
                            con && i == 0 ? id : (uint16_t)(now_ms + i), name);
        ud_coap_write_option(&w, UD_COAP_ETAG, UD_BYTES_LITERAL("e"));
        ud_coap_write_uint(&w, UD_COAP_SIZE2, body_bytes);
        ud_coap_write_block(&w, UD_COAP_Q_BLOCK2, part.block);
        ud_coap_write_payload(&w, (struct ud_bytes){body, part.len});
        if (ud_coap_write_end(&w) == UD_OK) {
            give(fuzz, ud_buf_bytes(&buf), now_ms);
        }
    }
    return true;
}

/* The good answer to what was sent last: 2.01 with a location, 2.05 with a block, an acknowledgement. */
static void answer(struct fuzz *fuzz, uint8_t kind, uint64_t now_ms)
{
    static const uint8_t codes[] = {UD_COAP_201_CREATED, UD_COAP_204_CHANGED, UD_COAP_205_CONTENT,
                                    UD_COAP_231_CONTINUE};
    uint8_t room[128];
    struct ud_buf buf = {room, sizeof room, 0};
    struct ud_coap_writer w;
    struct ud_coap_message sent;
    if (ud_coap_parse((struct ud_bytes){fuzz->sent, fuzz->sent_len}, &sent) != UD_OK) {
        return;
    }
    if ((kind & 8) != 0 && give_blocks(fuzz, &sent, now_ms)) {
        return;
    }
    ud_coap_write_begin(&w, &buf, UD_COAP_ACK, codes[kind % 4], sent.id, sent.token);
    if (kind % 4 == 0) {
        ud_coap_write_path(&w, UD_COAP_LOCATION_PATH, "rd/1");
    }
    ud_coap_write_payload(&w, UD_BYTES_LITERAL("0123456789abcdef"));
    if (ud_coap_write_end(&w) == UD_OK) {
        give(fuzz, ud_buf_bytes(&buf), now_ms);
    }
}

static void agent(struct fuzz *fuzz, uint64_t *at)
{
    const struct ud_road *road = ud_lwm2m_client_road(&fuzz->client);
    const struct ud_road_report report = {7, UD_ERR_DIGEST, UD_BYTES_LITERAL("a report that was signed")};
    struct ud_road_news news = {.kind = UD_ROAD_NOTHING};
    struct ud_bytes chunk = {NULL, 0};
    const bool offered = road->poll(road->ctx, &news) == UD_OK && news.kind == UD_ROAD_OFFER;
    if (!offered) {
        *at = 0;
        (void)road->report(road->ctx, &report);
        return;
    }
    UD_ASSERT(news.offer.uri_bytes <= sizeof news.offer.uri);
    const ud_err err = road->fetch(
        road->ctx, (struct ud_bytes){(const uint8_t *)news.offer.uri, news.offer.uri_bytes}, *at, &chunk);
    if (err == UD_OK) {
        const struct ud_bytes client = {(const uint8_t *)&fuzz->client, sizeof fuzz->client};
        UD_ASSERT(ud_bytes_within(client, chunk) || ud_bytes_within(UD_BYTES_ARRAY(fuzz->window), chunk));
        *at += chunk.len;
        if (chunk.len == 0) {
            (void)road->permit(road->ctx);
        }
    } else if (err != UD_WAIT) {
        road->fetch_stop(road->ctx);
        *at = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ud_lwm2m_speaks formats[] = {
        {UD_COAP_FORMAT_SENML_CBOR, &ud_lwm2m_format_senml_cbor},
        {UD_COAP_FORMAT_LWM2M_TLV, &ud_lwm2m_format_tlv},
        {UD_COAP_FORMAT_SENML_JSON, &ud_lwm2m_format_senml_json},
        {UD_COAP_FORMAT_TEXT, &ud_lwm2m_format_text_whole},
        {UD_COAP_FORMAT_OCTETS, &ud_lwm2m_format_octets},
    };
    static struct fuzz fuzz;
    static struct ud_lwm2m_thresholds thresholds;
    static struct ud_lwm2m_send send;
    static const struct ud_lwm2m_path told[] = {{{3}, 1}, {{5, 0, 5}, 3}, {{9, 9, 9, 9}, 4}};
    static struct ud_lwm2m_robust robust;
    static const struct ud_boot_info boot = {.version = {0, 3}};
    const struct ud_lwm2m_port port = {&fuzz,       fuzz_open, fuzz_close, fuzz_send, fuzz_receive,
                                       fuzz_random, fuzz_keep, fuzz_fact,  NULL};
    struct ud_bytes rest = {data, size};
    uint8_t first = 0;
    uint64_t at = 0;
    uint64_t now_ms = 1000;
    (void)ud_bytes_first(&rest, &first);
    fuzz = (struct fuzz){.random = 1};
    ud_lwm2m_thresholds_init(&thresholds);
    ud_lwm2m_send_init(&send, told, sizeof told / sizeof told[0], 2);
    ud_lwm2m_robust_init(&robust, (struct ud_buf){fuzz.window, sizeof fuzz.window, 0}, NULL);
    struct ud_lwm2m_client_config config = {
        .port = &port,
        .endpoint = "d",
        .kept = (first & 2) != 0 ? rest : (struct ud_bytes){NULL, 0},
        .formats = formats,
        .format_count = sizeof formats / sizeof formats[0],
        .boot = &boot,
        .queue = (first & 4) != 0,
        .judge = (first & 8) != 0 ? &thresholds.judge : NULL,
        .sender = (first & 8) != 0 ? &send.sender : NULL,
        .sends = (first & 9) == 8,
        .guard = (first & 16) != 0 ? &robust.guard : NULL,
        .szx = (uint8_t)(first >> 5 < 7 ? first >> 5 : 6),
        .seed = 1,
    };
    struct ud_lwm2m_account *account = (first & 1) != 0 ? &config.bootstrap : &config.server;
    *account = (struct ud_lwm2m_account){
        .security = UD_LWM2M_NOSEC, .bootstrap = (first & 1) != 0, .lifetime_s = 60, .uri_bytes = 8};
    memcpy(account->uri, "coap://h", 8);
    if (ud_lwm2m_client_init(&fuzz.client, &config) != UD_OK) {
        return 0;
    }
    give(&fuzz, (struct ud_bytes){NULL, 0}, now_ms);
    give(&fuzz, (struct ud_bytes){NULL, 0}, now_ms);
    uint8_t len = 0;
    while (ud_bytes_first(&rest, &len)) {
        struct ud_bytes piece = {NULL, 0};
        now_ms += 500;
        if (len == 255) {
            uint8_t kind = 0;
            (void)ud_bytes_first(&rest, &kind);
            answer(&fuzz, kind, now_ms + (kind & 0xf0U) * 1000U);
        } else {
            (void)ud_bytes_take(&rest, len < rest.len ? len : rest.len, &piece);
            give(&fuzz, piece, now_ms);
        }
        agent(&fuzz, &at);
    }
    return 0;
}
