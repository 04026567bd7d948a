/*
 * CoAP to HTTP: Proxy-Uri and Proxy-Scheme (forward), the path `coap2http` with Proxy-Uri as Zephyr sends it, and
 * /proxy/NAME/... (reverse), for devices whose firmware lies on an HTTP server. Only who is known here may ask: a DTLS
 * session, or over plain UDP a registered device.
 *
 * A slow origin: an empty acknowledgement goes out before the client repeats itself, the answer follows separately.
 */
#include "server/lwm2m/hub.h"

#include "server/coap/origin.h"
#include "server/lwm2m/ask.h"

#include <stdio.h>
#include <stdlib.h>

#define WAITERS_MAX 1024
#define ACCEPT_MS 800 /* then the empty acknowledgement; clients repeat after 2 s */
#define AGAIN_MS 100  /* when another message of ours is under way to the client */
#define GIVE_UP_MS 90000

struct ud_waiter {
    struct ud_timer timer; /* first */
    struct ud_lwm2m *lw;
    struct ud_waiter *next;
    struct ud_remote *remote; /* held */
    struct ud_coap_asked asked;
    uint64_t until_ms;
    uint32_t block; /* the request's Block2; has_block */
    bool has_block;
    bool wants_size;
    bool ready; /* the answer is here, but could not go out yet */
    uint8_t etag_bytes;
    uint8_t etag[UD_COAP_ETAG_BYTES_MAX];
    char url[];
};

/* --- answers */

static ud_err write_body(const struct ud_waiter *w, const struct ud_origin_body *body, struct ud_buf *buf)
{
    struct ud_coap_writer out;
    struct ud_coap_block block = {0, false, UD_COAP_SZX_MAX};
    const struct ud_bytes token = ud_coap_asked_token(&w->asked);
    if (w->has_block && ud_coap_block_decode(w->block, &block) != UD_OK) {
        return UD_ERR_SHAPE;
    }
    const bool valid = w->etag_bytes > 0 && block.num == 0 &&
                       ud_bytes_equal((struct ud_bytes){w->etag, w->etag_bytes}, UD_BYTES_ARRAY(body->etag));
    ud_coap_write_begin(&out, buf, UD_COAP_ACK, valid ? UD_COAP_203_VALID : UD_COAP_205_CONTENT, 0, token);
    ud_coap_write_option(&out, UD_COAP_ETAG, UD_BYTES_ARRAY(body->etag));
    if (valid) {
        ud_coap_write_uint(&out, UD_COAP_MAX_AGE, body->max_age_s);
        return ud_coap_write_end(&out);
    }
    const uint32_t size = ud_coap_szx_bytes(block.szx);
    const uint32_t offset = ud_coap_block_offset(block);
    const uint32_t total = (uint32_t)body->bytes.len;
    if (offset > 0 && offset >= total) {
        return UD_ERR_RANGE;
    }
    const uint32_t len = total - offset < size ? total - offset : size;
    block.more = total - offset > size;
    if (body->content_format >= 0) {
        ud_coap_write_uint(&out, UD_COAP_CONTENT_FORMAT, (uint32_t)body->content_format);
    }
    ud_coap_write_uint(&out, UD_COAP_MAX_AGE, body->max_age_s);
    if (w->has_block || block.more) {
        ud_coap_write_block(&out, UD_COAP_BLOCK2, block);
    }
    if (offset == 0 || w->wants_size) {
        ud_coap_write_uint(&out, UD_COAP_SIZE2, total);
    }
    ud_coap_write_payload(&out, (struct ud_bytes){body->bytes.ptr + offset, len});
    return ud_coap_write_end(&out);
}

static ud_err write_code(const struct ud_waiter *w, uint8_t code, struct ud_buf *buf)
{
    struct ud_coap_writer out;
    ud_coap_write_begin(&out, buf, UD_COAP_ACK, code, 0, ud_coap_asked_token(&w->asked));
    return ud_coap_write_end(&out);
}

/* UD_WAIT: not yet. UD_ERR_BUSY: the answer is there, another message of ours is under way. */
static ud_err try_answer(struct ud_waiter *w, bool first)
{
    struct ud_lwm2m *lw = w->lw;
    struct ud_origin_body body;
    uint8_t room[UD_COAP_MESSAGE_BYTES_MAX];
    struct ud_buf buf = {room, sizeof room, 0};
    uint8_t code = UD_COAP_500_INTERNAL;
    ud_err err = ud_origin_get(lw->origins, w->url, first, ud_endpoint_now_ms(lw->endpoint), &body, &code);
    if (err == UD_WAIT) {
        return err;
    }
    if (err == UD_OK) {
        err = write_body(w, &body, &buf);
        code = err == UD_OK ? 0 : UD_COAP_400_BAD_REQUEST;
    } else if (err == UD_ERR_RETRY_LATER) {
        code = UD_COAP_503_UNAVAILABLE;
    }
    if (code != 0) {
        err = write_code(w, code, &buf);
    }
    return err == UD_OK ? ud_endpoint_reply(lw->endpoint, w->remote, &w->asked, &buf) : err;
}

/* --- those who wait */

static void end_waiter(struct ud_waiter *w)
{
    struct ud_lwm2m *lw = w->lw;
    struct ud_waiter **at = &lw->waiters;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    lw->waiter_count--;
    ud_timers_unreserve(ud_endpoint_timers(lw->endpoint), &w->timer);
    ud_remote_let(lw->endpoint, w->remote);
    free(w);
}

static void address_shown(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    (void)lw, (void)reg, (void)ask,
        (void)err; /* any answer with our token shows that the address is the device's */
}

/* The body is too much for an address that has shown nothing yet: ask the device something small. */
static void verify_address(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path path = ud_lwm2m_path_of(3, 3, 0, 16, 0); /* every device has it */
    struct ud_ask *ask =
        reg == NULL || reg->first != NULL ? NULL : ud_ask_new(UD_COAP_GET, &path, address_shown, NULL);
    if (ask != NULL) {
        reg->quiet_until_ms = 0; /* it has heard of its registration: it works with it */
        ud_ask_submit(lw, reg, ask);
    }
}

static void settle(struct ud_waiter *w, ud_err err)
{
    struct ud_lwm2m *lw = w->lw;
    if (err == UD_ERR_LIMIT) {
        verify_address(lw, w->remote->user);
    }
    if (err == UD_ERR_BUSY || err == UD_ERR_LIMIT) {
        w->ready = true;
        ud_timer_set(ud_endpoint_timers(lw->endpoint), &w->timer, ud_endpoint_now_ms(lw->endpoint) + AGAIN_MS);
    } else if (err != UD_WAIT) {
        end_waiter(w);
    } else if (!w->asked.accepted) {
        ud_timer_set(ud_endpoint_timers(lw->endpoint), &w->timer, ud_endpoint_now_ms(lw->endpoint) + ACCEPT_MS);
    }
}

static void retry(struct ud_waiter *w)
{
    settle(w, try_answer(w, false));
}

static void waiter_due(struct ud_timer *timer, void *ctx)
{
    struct ud_waiter *w = (struct ud_waiter *)(void *)timer;
    struct ud_lwm2m *lw = w->lw;
    const uint64_t now_ms = ud_endpoint_now_ms(lw->endpoint);
    (void)ctx;
    if (now_ms >= w->until_ms || w->remote->gone) {
        end_waiter(w);
    } else if (w->ready) {
        retry(w);
    } else {
        ud_endpoint_accept(lw->endpoint, w->remote, &w->asked);
        ud_timer_set(ud_endpoint_timers(lw->endpoint), timer, w->until_ms);
    }
}

struct news {
    struct ud_mail mail; /* first */
    char url[UD_ORIGIN_URL_BYTES_MAX + 1];
};

static void take_news(struct ud_mail *mail, void *ctx)
{
    struct news *news = (struct news *)(void *)mail;
    struct ud_lwm2m *lw = ctx;
    struct ud_waiter *w = lw->waiters;
    while (w != NULL) {
        struct ud_waiter *next = w->next; /* retry() may end it */
        if (strcmp(w->url, news->url) == 0) {
            retry(w);
        }
        w = next;
    }
    free(news);
}

static void origin_changed(void *ctx, const char *url)
{
    struct ud_lwm2m *lw = ctx;
    struct news *news = malloc(sizeof *news);
    if (news != NULL) { /* without it the clients hear nothing and ask again */
        news->mail.run = take_news;
        snprintf(news->url, sizeof news->url, "%s", url);
        ud_endpoint_post(lw->endpoint, &news->mail);
    }
}

ud_err ud_proxy_open(struct ud_lwm2m *lw)
{
    const struct ud_config *config = &lw->server->config;
    if (config->coap_proxy_origins[0] == '\0') {
        return UD_OK;
    }
    return ud_origins_open(&lw->origins, config->coap_proxy_origins, config->coap_proxy_body_max,
                           4 * config->coap_proxy_body_max, origin_changed, lw);
}

void ud_proxy_stop(struct ud_lwm2m *lw)
{
    ud_origins_close(lw->origins);
    lw->origins = NULL;
}

void ud_proxy_close(struct ud_lwm2m *lw)
{
    while (lw->waiters != NULL) {
        end_waiter(lw->waiters);
    }
}

/* --- what is asked for */

static bool put(char *url, size_t *len, struct ud_bytes bytes)
{
    if (memchr(bytes.ptr == NULL ? (const uint8_t *)"" : bytes.ptr, '\0', bytes.len) != NULL ||
        bytes.len > UD_ORIGIN_URL_BYTES_MAX - *len) {
        return false;
    }
    memcpy(url + *len, bytes.ptr, bytes.len);
    *len += bytes.len;
    url[*len] = '\0';
    return true;
}

/* One path segment or query, with escapes where a URL needs them. */
static bool put_escaped(char *url, size_t *len, struct ud_bytes bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$'()*+,;=:@";
    for (size_t i = 0; i < bytes.len; i++) {
        const uint8_t c = bytes.ptr[i];
        const uint8_t escaped[3] = {'%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        const bool good = c != '\0' && strchr(plain, c) != NULL ? put(url, len, (struct ud_bytes){&c, 1})
                                                                : put(url, len, UD_BYTES_ARRAY(escaped));
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool is_dots(struct ud_bytes segment)
{
    return ud_bytes_equal(segment, UD_BYTES_LITERAL(".")) || ud_bytes_equal(segment, UD_BYTES_LITERAL(".."));
}

/* Path (from segment `from` on) and query of the request behind what is in `url`. */
static bool put_target(const struct ud_coap_message *m, size_t from, char *url, size_t *len)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    size_t segment = 0;
    bool query = false;
    ud_coap_options(m, &options);
    while (ud_coap_option_next(&options, &option)) {
        if (option.number == UD_COAP_URI_PATH && segment++ >= from) {
            if (is_dots(option.value) || !put(url, len, UD_BYTES_LITERAL("/")) ||
                !put_escaped(url, len, option.value)) {
                return false;
            }
        } else if (option.number == UD_COAP_URI_QUERY) {
            if (!put(url, len, query ? UD_BYTES_LITERAL("&") : UD_BYTES_LITERAL("?")) ||
                !put_escaped(url, len, option.value)) {
                return false;
            }
            query = true;
        }
    }
    return true;
}

static bool from_scheme(const struct ud_coap_message *m, struct ud_bytes scheme, char *url, size_t *len)
{
    struct ud_bytes host;
    uint32_t port;
    char text[16];
    if (!ud_coap_find(m, UD_COAP_URI_HOST, &host) || !put(url, len, scheme) ||
        !put(url, len, UD_BYTES_LITERAL("://")) || !put(url, len, host)) {
        return false;
    }
    if (ud_coap_find_uint(m, UD_COAP_URI_PORT, &port) == UD_OK) {
        const int n = snprintf(text, sizeof text, ":%u", port);
        if (!put(url, len, (struct ud_bytes){(const uint8_t *)text, (size_t)n})) {
            return false;
        }
    }
    return put_target(m, 0, url, len);
}

/* "name=base name=base" of the configuration. */
static bool from_name(const struct ud_lwm2m *lw, const struct ud_coap_message *m, char *url, size_t *len)
{
    struct ud_bytes name;
    const char *at = lw->server->config.coap_proxy_map;
    if (!ud_coap_path_segment(m, 1, &name)) {
        return false;
    }
    while (*at != '\0') {
        const size_t n = strcspn(at, ", ");
        const char *equals = memchr(at, '=', n);
        if (equals != NULL &&
            ud_bytes_equal(name, (struct ud_bytes){(const uint8_t *)at, (size_t)(equals - at)})) {
            return put(url, len,
                       (struct ud_bytes){(const uint8_t *)equals + 1, (size_t)(at + n - equals - 1)}) &&
                   put_target(m, 2, url, len);
        }
        at += n;
        at += strspn(at, ", ");
    }
    return false;
}

static bool is_word(struct ud_bytes segment, const char *word)
{
    return ud_bytes_equal(segment, (struct ud_bytes){(const uint8_t *)word, strlen(word)});
}

bool ud_proxy_is_wanted(const struct ud_request *request)
{
    const struct ud_coap_message *m = request->message;
    const struct ud_bytes first = request->segments[0];
    struct ud_bytes value;
    return ud_coap_find(m, UD_COAP_PROXY_URI, &value) || ud_coap_find(m, UD_COAP_PROXY_SCHEME, &value) ||
           is_word(first, "coap2http") || is_word(first, "coap2coap") || is_word(first, "proxy");
}

/* 0, or the code that refuses. */
static uint8_t read_url(const struct ud_request *request, char url[UD_ORIGIN_URL_BYTES_MAX + 1])
{
    const struct ud_coap_message *m = request->message;
    struct ud_bytes value;
    size_t len = 0;
    bool good = false;
    url[0] = '\0';
    if (ud_coap_find(m, UD_COAP_PROXY_URI, &value)) { /* over everything else */
        good = put(url, &len, value);
    } else if (ud_coap_find(m, UD_COAP_PROXY_SCHEME, &value)) {
        good = from_scheme(m, value, url, &len);
    } else if (ud_coap_path_segment(m, 0, &value) && is_word(value, "proxy")) {
        if (!from_name(request->lw, m, url, &len)) {
            return UD_COAP_404_NOT_FOUND;
        }
        good = true;
    }
    return good ? 0 : UD_COAP_400_BAD_REQUEST;
}

static const uint16_t understood[] = {UD_COAP_URI_HOST,  UD_COAP_URI_PORT,    UD_COAP_URI_PATH,
                                      UD_COAP_URI_QUERY, UD_COAP_ACCEPT,      UD_COAP_BLOCK2,
                                      UD_COAP_PROXY_URI, UD_COAP_PROXY_SCHEME};

static uint8_t check(const struct ud_request *request, char url[UD_ORIGIN_URL_BYTES_MAX + 1])
{
    const struct ud_coap_message *m = request->message;
    uint32_t hops;
    uint16_t number;
    if (request->lw->origins == NULL) {
        return UD_COAP_505_NO_PROXY;
    }
    if (ud_coap_bad_option(m, understood, sizeof understood / sizeof understood[0], &number)) {
        return UD_COAP_402_BAD_OPTION;
    }
    if (ud_coap_find_uint(m, UD_COAP_HOP_LIMIT, &hops) == UD_OK && hops <= 1) {
        return UD_COAP_508_HOP_LIMIT;
    }
    if (ud_request_device(request) == 0) {
        return UD_COAP_401_UNAUTHORIZED;
    }
    if (m->code != UD_COAP_GET) {
        return UD_COAP_501_NOT_IMPLEMENTED;
    }
    const uint8_t code = read_url(request, url);
    if (code != 0) {
        return code;
    }
    const ud_err err = ud_origin_check(request->lw->origins, url);
    const bool web = strncmp(url, "http", 4) == 0;
    return err == UD_OK ? 0 : err == UD_ERR_URI && web ? UD_COAP_400_BAD_REQUEST : UD_COAP_505_NO_PROXY;
}

void ud_proxy_get(struct ud_request *request)
{
    struct ud_lwm2m *lw = request->lw;
    char url[UD_ORIGIN_URL_BYTES_MAX + 1];
    struct ud_bytes etag;
    uint32_t ignored;
    uint8_t code = check(request, url);
    struct ud_waiter *w = NULL;
    if (code == 0) {
        w = lw->waiter_count >= WAITERS_MAX ? NULL : calloc(1, sizeof *w + strlen(url) + 1);
        code = w == NULL || ud_timers_reserve(ud_endpoint_timers(lw->endpoint)) != UD_OK
                   ? UD_COAP_503_UNAVAILABLE
                   : 0;
    }
    if (code != 0) {
        free(w);
        ud_request_code(request, code);
        return;
    }
    w->lw = lw;
    w->timer.due = waiter_due;
    w->remote = request->remote;
    w->asked = *request->asked;
    w->until_ms = ud_endpoint_now_ms(lw->endpoint) + GIVE_UP_MS;
    w->has_block = ud_coap_find_uint(request->message, UD_COAP_BLOCK2, &w->block) == UD_OK;
    w->wants_size = ud_coap_find_uint(request->message, UD_COAP_SIZE2, &ignored) == UD_OK;
    if (ud_coap_find(request->message, UD_COAP_ETAG, &etag) && etag.len <= sizeof w->etag) {
        memcpy(w->etag, etag.ptr, etag.len);
        w->etag_bytes = (uint8_t)etag.len;
    }
    memcpy(w->url, url, strlen(url) + 1);
    w->next = lw->waiters;
    lw->waiters = w;
    lw->waiter_count++;
    ud_remote_hold(w->remote);
    settle(w, try_answer(w, !w->has_block || w->block >> 4 == 0));
}
