#include "coap/lwm2m_format.h"
#include "updraft/assert.h"

struct ud_lwm2m_path ud_lwm2m_path_of(uint8_t depth, uint16_t object, uint16_t instance, uint16_t resource,
                                      uint16_t resource_instance)
{
    UD_ASSERT(depth <= UD_LWM2M_DEPTH_MAX);
    return (struct ud_lwm2m_path){{object, instance, resource, resource_instance}, depth};
}

bool ud_lwm2m_path_under(const struct ud_lwm2m_path *path, const struct ud_lwm2m_path *above)
{
    return path->depth >= above->depth && memcmp(path->id, above->id, above->depth * sizeof path->id[0]) == 0;
}

bool ud_lwm2m_path_is(const struct ud_lwm2m_path *path, uint8_t depth, uint16_t object, uint16_t instance,
                      uint16_t resource)
{
    const uint16_t want[] = {object, instance, resource};
    UD_ASSERT(depth <= sizeof want / sizeof want[0]);
    return path->depth == depth && memcmp(path->id, want, depth * sizeof want[0]) == 0;
}

/* Split digits off the front: at most 65534, no zeros before. */
static ud_err take_id(struct ud_bytes *from, uint16_t *id)
{
    uint32_t value = 0;
    struct ud_bytes digit;
    size_t count = 0;
    while (from->len > 0 && from->ptr[0] >= '0' && from->ptr[0] <= '9') {
        (void)ud_bytes_take(from, 1, &digit);
        if (count > 0 && value == 0) {
            return UD_ERR_SHAPE;
        }
        value = value * 10 + (uint32_t)(digit.ptr[0] - '0');
        count++;
        if (value > UD_LWM2M_ID_MAX) {
            return UD_ERR_NUMBER_RANGE;
        }
    }
    *id = (uint16_t)value;
    return count > 0 ? UD_OK : UD_ERR_SHAPE;
}

ud_err ud_lwm2m_path_parse(struct ud_bytes text, struct ud_lwm2m_path *path)
{
    struct ud_lwm2m_path found = {.depth = 0};
    struct ud_bytes slash;
    if (text.len > 0 && text.ptr[0] == '/') {
        (void)ud_bytes_take(&text, 1, &slash);
    }
    while (text.len > 0) {
        if (found.depth == UD_LWM2M_DEPTH_MAX) {
            return UD_ERR_LIMIT;
        }
        const ud_err err = take_id(&text, &found.id[found.depth++]);
        if (err != UD_OK) {
            return err;
        }
        if (ud_bytes_take(&text, 1, &slash) && slash.ptr[0] != '/') {
            return UD_ERR_SHAPE;
        }
    }
    *path = found;
    return UD_OK;
}

ud_err ud_lwm2m_path_put(const struct ud_lwm2m_path *path, uint8_t from, struct ud_buf *buf)
{
    const size_t before = buf->len;
    for (uint8_t i = from; i < path->depth; i++) {
        if (!ud_buf_put(buf, UD_BYTES_LITERAL("/")) || !ud_decimal_put_int(buf, path->id[i])) {
            buf->len = before;
            return UD_ERR_BUFFER;
        }
    }
    return UD_OK;
}

ud_err ud_lwm2m_link_parse(struct ud_bytes text, uint16_t *object, uint16_t *instance)
{
    struct ud_bytes colon;
    uint16_t ids[2];
    ud_err err = take_id(&text, &ids[0]);
    if (err == UD_OK && (!ud_bytes_take(&text, 1, &colon) || colon.ptr[0] != ':')) {
        err = UD_ERR_SHAPE;
    }
    if (err == UD_OK) {
        err = take_id(&text, &ids[1]);
    }
    if (err == UD_OK && text.len > 0) {
        err = UD_ERR_SHAPE;
    }
    if (err == UD_OK) {
        *object = ids[0];
        *instance = ids[1];
    }
    return err;
}

bool ud_lwm2m_link_put(uint16_t object, uint16_t instance, struct ud_buf *buf)
{
    return ud_decimal_put_int(buf, object) && ud_buf_put(buf, UD_BYTES_LITERAL(":")) &&
           ud_decimal_put_int(buf, instance);
}
