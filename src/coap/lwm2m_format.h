/* Inside the CoAP module: what each format of LwM2M values brings along. */
#ifndef COAP_LWM2M_FORMAT_H
#define COAP_LWM2M_FORMAT_H

#include "coap/cbor_any.h"
#include "coap/decimal.h"
#include "updraft/lwm2m.h"

#define UD_LWM2M_NO_END UINT32_MAX /* a level that a break ends */

struct ud_lwm2m_format {
    /* one record, or UD_ABSENT when all of the payload is read; `base` is checked by the caller */
    ud_err (*next)(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record);
    /* append one record: UD_OK, UD_ERR_BUFFER, UD_ERR_SHAPE, UD_ERR_LIMIT */
    ud_err (*put)(struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record);
    /* what stands around them; NULL: nothing */
    ud_err (*end)(struct ud_lwm2m_writer *writer);
    /* of SenML's names; NULL: they stand as they are */
    ud_lwm2m_decode *name;
};

/* Shared between formats. */

/** Kind and value of a record from a scalar; tags are walked over by the caller. UD_ERR_SHAPE for a container. */
ud_err ud_lwm2m_scalar(const struct ud_any *item, struct ud_lwm2m_record *record);
/** The CBOR item for a record's value. UD_ERR_SHAPE where CBOR has none (RAW, TEXT, a coded string). */
ud_err ud_lwm2m_put_scalar(struct ud_buf *buf, const struct ud_lwm2m_record *record);
/** Is it the one value of a format that holds one? */
bool ud_lwm2m_is_only(const struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record);
/** Take the whole payload as one value, once; UD_ABSENT then. */
ud_err ud_lwm2m_take_only(struct ud_lwm2m_reader *reader, struct ud_lwm2m_record *record, ud_lwm2m_kind kind);
/** The eight bytes of a number, the highest first. */
void ud_lwm2m_put_big(uint64_t value, uint8_t out[8]);
/** Of an IEEE 754 double. */
void ud_lwm2m_put_double(double real, uint8_t out[8]);
/** "3:0" */
ud_err ud_lwm2m_link_parse(struct ud_bytes text, uint16_t *object, uint16_t *instance);
bool ud_lwm2m_link_put(uint16_t object, uint16_t instance, struct ud_buf *buf);
/** Put `head` before what stands in buf from `begin` on. False when it does not fit. */
bool ud_lwm2m_insert(struct ud_buf *buf, size_t begin, struct ud_bytes head);
/** The same with the head of a CBOR array or map of `count` items. */
ud_err ud_lwm2m_insert_head(struct ud_buf *buf, size_t begin, bool map, size_t count);

#endif
