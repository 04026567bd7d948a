/* Requests of the server (LwM2M 1.1 section 6.3): read, write, execute, discover, observe, composite; and of the bootstrap server. */
#include "device/lwm2m/parts.h"
#include "updraft/coap_observe.h"

#define WRITES_MAX 32 /* values in one write */

const struct ud_lwm2m_format *ud_lwm2m_format_of(const struct ud_lwm2m_client *client, uint32_t number)
{
    const struct ud_lwm2m_client_config *config = client->config;
    for (size_t i = 0; i < config->format_count; i++) {
        if (config->formats[i].content_format == number) {
            return config->formats[i].format;
        }
    }
    return NULL;
}

/* ---- paths ---- */

/* "/5/0/3" of the request's segments. False: some segment is no number, or there are too many. */
static bool take_path(const struct ud_coap_message *request, struct ud_lwm2m_path *path)
{
    uint8_t room[UD_LWM2M_PATH_TEXT_BYTES_MAX + 1];
    struct ud_buf text = {room, sizeof room, 0};
    struct ud_bytes segment;
    for (size_t n = 0; ud_coap_path_segment(request, n, &segment); n++) {
        if (segment.len == 0 || !ud_buf_put(&text, UD_BYTES_LITERAL("/")) || !ud_buf_put(&text, segment)) {
            return false;
        }
    }
    return ud_lwm2m_path_parse(ud_buf_bytes(&text), path) == UD_OK;
}

/* ---- reading ---- */

/* One value as it is, several in the first format of the configuration. */
static uint32_t natural_format(const struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path)
{
    const struct ud_lwm2m_resource *row =
        path->depth < 3 ? NULL : ud_lwm2m_resource_find(path->id[0], path->id[2]);
    if (row == NULL || (row->many && path->depth == 3)) {
        return client->config->formats[0].content_format;
    }
    return row->kind == UD_LWM2M_OPAQUE ? UD_COAP_FORMAT_OCTETS : UD_COAP_FORMAT_TEXT;
}

static uint8_t code_of(ud_err err)
{
    return err == UD_OK ? UD_COAP_205_CONTENT
           : err == UD_ERR_BUFFER
               ? UD_COAP_500_INTERNAL
               : UD_COAP_406_NOT_ACCEPTABLE; /* a format that cannot hold what was asked for */
}

uint8_t ud_lwm2m_read(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path, int32_t wanted,
                      struct ud_buf *out, uint16_t *format)
{
    const uint32_t number = wanted < 0 ? natural_format(client, path) : (uint32_t)wanted;
    const struct ud_lwm2m_format *known = ud_lwm2m_format_of(client, number);
    struct ud_lwm2m_writer w;
    size_t count = 0;
    if (path->depth > 0 && path->id[0] == 0) {
        return UD_COAP_401_UNAUTHORIZED;
    }
    if (!ud_lwm2m_path_exists(client, path)) {
        return UD_COAP_404_NOT_FOUND;
    }
    if (path->depth == 3 && (ud_lwm2m_resource_find(path->id[0], path->id[2])->operations & UD_LWM2M_R) == 0) {
        return UD_COAP_405_METHOD;
    }
    if (known == NULL) {
        return UD_COAP_406_NOT_ACCEPTABLE;
    }
    ud_lwm2m_writer_begin(&w, known, *path, out);
    ud_lwm2m_put_values(client, path, &w, &count);
    *format = (uint16_t)number;
    return code_of(ud_lwm2m_writer_end(&w));
}

/* A body of ours, or the block of it that was asked for. */
static void answer_body(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                        struct ud_coap_asked *asked, struct ud_bytes body, uint16_t format,
                        const uint32_t *observe)
{
    struct ud_lwm2m_reply reply;
    struct ud_coap_part part;
    struct ud_bytes payload;
    if (ud_coap_serve(request, (uint32_t)body.len, client->config->szx, &part) != UD_OK ||
        !ud_bytes_slice(body, part.offset, part.len, &payload)) {
        ud_lwm2m_reply_code(client, asked, UD_COAP_400_BAD_REQUEST);
        return;
    }
    ud_lwm2m_reply_begin(client, &reply, asked, UD_COAP_205_CONTENT);
    if (observe != NULL) {
        ud_coap_write_uint(&reply.w, UD_COAP_OBSERVE, *observe);
    }
    ud_coap_write_uint(&reply.w, UD_COAP_CONTENT_FORMAT, format);
    if (part.has_block) {
        ud_coap_write_block(&reply.w, UD_COAP_BLOCK2, part.block);
    }
    ud_coap_write_payload(&reply.w, payload);
    ud_lwm2m_reply_end(client, &reply, asked);
}

static void serve_discover(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                           struct ud_coap_asked *asked, const struct ud_lwm2m_path *path)
{
    struct ud_buf body = {client->body, sizeof client->body, 0};
    if (path->depth == 0 ? !client->on_bootstrap : !ud_lwm2m_path_exists(client, path)) {
        ud_lwm2m_reply_code(client, asked, UD_COAP_404_NOT_FOUND);
        return;
    }
    const ud_err err =
        path->depth == 0 ? ud_lwm2m_put_object_links(client, &body) : ud_lwm2m_put_links(client, path, &body);
    if (err == UD_OK) {
        answer_body(client, request, asked, ud_buf_bytes(&body), UD_COAP_FORMAT_LINKS, NULL);
    } else {
        ud_lwm2m_reply_code(client, asked, UD_COAP_500_INTERNAL);
    }
}

static int32_t accepted(const struct ud_coap_message *request)
{
    uint32_t accept = 0;
    return ud_coap_find_uint(request, UD_COAP_ACCEPT, &accept) == UD_OK ? (int32_t)accept : -1;
}

static void serve_read(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                       struct ud_coap_asked *asked, const struct ud_lwm2m_path *path)
{
    struct ud_buf body = {client->body, sizeof client->body, 0};
    uint16_t format = 0;
    uint32_t number = 0;
    const ud_coap_observe_wish wish = ud_coap_observe_asked(request);
    const int32_t wanted = accepted(request);
    if (wanted == UD_COAP_FORMAT_LINKS) {
        serve_discover(client, request, asked, path);
        return;
    }
    const uint8_t code = ud_lwm2m_read(client, path, wanted, &body, &format);
    if (wish == UD_COAP_OBSERVE_STOP) {
        ud_lwm2m_watch_end(client, path);
    }
    if (code != UD_COAP_205_CONTENT) {
        ud_lwm2m_reply_code(client, asked, code);
        return;
    }
    const bool watched = wish == UD_COAP_OBSERVE_START &&
                         ud_lwm2m_watch_begin(client, path, request, ud_buf_bytes(&body), &number);
    answer_body(client, request, asked, ud_buf_bytes(&body), format, watched ? &number : NULL);
}

/* Several paths by one request; what does not exist is left out. */
static void serve_composite_read(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                                 struct ud_coap_asked *asked)
{
    struct ud_buf body = {client->body, sizeof client->body, 0};
    const struct ud_lwm2m_path root = ud_lwm2m_path_of(0, 0, 0, 0, 0);
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    struct ud_lwm2m_writer w;
    uint32_t content = UINT32_MAX;
    size_t count = 0;
    (void)ud_coap_find_uint(request, UD_COAP_CONTENT_FORMAT, &content);
    const uint32_t format = accepted(request) >= 0 ? (uint32_t)accepted(request) : content;
    const struct ud_lwm2m_format *from = ud_lwm2m_format_of(client, content);
    const struct ud_lwm2m_format *to = ud_lwm2m_format_of(client, format);
    if (from == NULL || to == NULL) {
        ud_lwm2m_reply_code(client, asked, from == NULL ? UD_COAP_415_FORMAT : UD_COAP_406_NOT_ACCEPTABLE);
        return;
    }
    ud_lwm2m_reader_begin(&reader, from, root, request->payload);
    ud_lwm2m_writer_begin(&w, to, root, &body);
    ud_err err;
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        if (record.path.depth > 0 && record.path.id[0] != 0 && ud_lwm2m_path_exists(client, &record.path)) {
            ud_lwm2m_put_values(client, &record.path, &w, &count);
        }
    }
    const uint8_t code = err != UD_ABSENT ? UD_COAP_400_BAD_REQUEST : code_of(ud_lwm2m_writer_end(&w));
    if (code == UD_COAP_205_CONTENT) {
        answer_body(client, request, asked, ud_buf_bytes(&body), (uint16_t)format, NULL);
    } else {
        ud_lwm2m_reply_code(client, asked, code);
    }
}

/* ---- writing ---- */

static uint8_t write_one(struct ud_lwm2m_client *client, struct ud_lwm2m_record *record, bool apply)
{
    const struct ud_lwm2m_path *path = &record->path;
    const struct ud_lwm2m_resource *row =
        path->depth == 3 && path->id[1] == 0 ? ud_lwm2m_resource_find(path->id[0], path->id[2]) : NULL;
    if (path->id[0] == 0) {
        return UD_COAP_401_UNAUTHORIZED;
    }
    if (row == NULL) {
        return UD_COAP_404_NOT_FOUND;
    }
    return ud_lwm2m_resource_set(client, row, record, apply);
}

/* All values of a payload: first only asked whether they may, then done, so that a write is whole or not at all. */
static uint8_t write_all(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                         const struct ud_lwm2m_path *path, bool apply)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    uint32_t content = UINT32_MAX;
    unsigned count = 0;
    ud_err err;
    (void)ud_coap_find_uint(request, UD_COAP_CONTENT_FORMAT, &content);
    const struct ud_lwm2m_format *from = ud_lwm2m_format_of(client, content);
    if (from == NULL) {
        return UD_COAP_415_FORMAT;
    }
    ud_lwm2m_reader_begin(&reader, from, *path, request->payload);
    while ((err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        const uint8_t code = count++ < WRITES_MAX ? write_one(client, &record, apply) : UD_COAP_413_TOO_LARGE;
        if (code != UD_COAP_204_CHANGED) {
            return code;
        }
    }
    return err == UD_ABSENT && count > 0 ? UD_COAP_204_CHANGED : UD_COAP_400_BAD_REQUEST;
}

static uint8_t write_values(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                            const struct ud_lwm2m_path *path)
{
    struct ud_coap_block block;
    const ud_err err = ud_coap_find_block(request, UD_COAP_BLOCK1, &block);
    if (err == UD_OK && (block.more || block.num > 0)) {
        return UD_COAP_413_TOO_LARGE; /* nothing that is written here is so long, but a package */
    }
    if (err != UD_OK && err != UD_ABSENT) {
        return UD_COAP_400_BAD_REQUEST;
    }
    const uint8_t code = write_all(client, request, path, false);
    return code == UD_COAP_204_CHANGED ? write_all(client, request, path, true) : code;
}

static uint8_t execute(struct ud_lwm2m_client *client, const struct ud_lwm2m_path *path)
{
    const struct ud_lwm2m_resource *row =
        path->id[1] == 0 ? ud_lwm2m_resource_find(path->id[0], path->id[2]) : NULL;
    if (path->id[0] == 0) {
        return UD_COAP_401_UNAUTHORIZED;
    }
    if (row == NULL) {
        return UD_COAP_404_NOT_FOUND;
    }
    return ud_lwm2m_resource_execute(client, row);
}

/* ---- by method ---- */

static bool has_format(const struct ud_coap_message *request)
{
    struct ud_bytes value;
    return ud_coap_find(request, UD_COAP_CONTENT_FORMAT, &value);
}

static uint8_t change(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                      const struct ud_lwm2m_path *path)
{
    switch (request->code) {
    case UD_COAP_PUT:
        if (path->depth == 0) {
            return UD_COAP_405_METHOD;
        }
        if (!has_format(request)) {
            return ud_lwm2m_watch_attributes(client, path, request);
        }
        return path->depth == 1 ? UD_COAP_405_METHOD : write_values(client, request, path);
    case UD_COAP_POST:
        if (path->depth == 3) {
            return execute(client, path);
        }
        return path->depth == 2 ? write_values(client, request, path) : UD_COAP_405_METHOD;
    case UD_COAP_IPATCH:
        return path->depth == 0 ? write_values(client, request, path) : UD_COAP_405_METHOD;
    default:
        return UD_COAP_405_METHOD;
    }
}

static void serve_management(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                             struct ud_coap_asked *asked, const struct ud_lwm2m_path *path)
{
    if (request->code == UD_COAP_GET && path->depth > 0) {
        serve_read(client, request, asked, path);
    } else if (request->code == UD_COAP_FETCH && path->depth == 0) {
        serve_composite_read(client, request, asked);
    } else if (request->code == UD_COAP_PUT && ud_lwm2m_path_is(path, 3, 5, 0, 0) && has_format(request)) {
        ud_lwm2m_firmware_push(client, request, asked);
    } else {
        ud_lwm2m_reply_code(client, asked, change(client, request, path));
    }
}

static void serve_bootstrap(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                            struct ud_coap_asked *asked, const struct ud_lwm2m_path *path)
{
    if (request->code == UD_COAP_GET && accepted(request) == UD_COAP_FORMAT_LINKS) {
        serve_discover(client, request, asked, path);
    } else {
        ud_lwm2m_reply_code(client, asked, ud_lwm2m_account_change(client, request, path));
    }
}

/* POST /bs */
static bool is_finish(const struct ud_coap_message *request)
{
    struct ud_bytes segment;
    return request->code == UD_COAP_POST && ud_coap_path_segment(request, 0, &segment) &&
           ud_bytes_equal(segment, UD_BYTES_LITERAL("bs")) && !ud_coap_path_segment(request, 1, &segment);
}

void ud_lwm2m_serve(struct ud_lwm2m_client *client, const struct ud_coap_message *request,
                    struct ud_coap_asked *asked)
{
    static const uint16_t understood[] = {UD_COAP_URI_HOST,  UD_COAP_URI_PORT, UD_COAP_URI_PATH,
                                          UD_COAP_URI_QUERY, UD_COAP_ACCEPT,   UD_COAP_BLOCK1,
                                          UD_COAP_BLOCK2};
    struct ud_lwm2m_path path;
    uint16_t number;
    if (ud_coap_bad_option(request, understood, sizeof understood / sizeof understood[0], &number)) {
        ud_lwm2m_reply_code(client, asked, UD_COAP_402_BAD_OPTION);
    } else if (client->on_bootstrap && is_finish(request)) {
        ud_lwm2m_reply_code(client, asked, ud_lwm2m_account_finish(client));
    } else if (!take_path(request, &path)) {
        ud_lwm2m_reply_code(client, asked, UD_COAP_404_NOT_FOUND);
    } else if (client->on_bootstrap) {
        serve_bootstrap(client, request, asked, &path);
    } else {
        serve_management(client, request, asked, &path);
    }
}
