/* All formats by their content format. Who names formats one by one does not link this. */
#include "coap/lwm2m_format.h"
#include "updraft/coap.h"

static const struct {
    uint16_t number;
    const struct ud_lwm2m_format *format;
} formats[] = {
    {UD_COAP_FORMAT_TEXT, &ud_lwm2m_format_text},
    {UD_COAP_FORMAT_OCTETS, &ud_lwm2m_format_octets},
    {UD_COAP_FORMAT_CBOR, &ud_lwm2m_format_item},
    {UD_COAP_FORMAT_SENML_JSON, &ud_lwm2m_format_senml_json},
    {UD_COAP_FORMAT_SENML_CBOR, &ud_lwm2m_format_senml_cbor},
    {UD_COAP_FORMAT_LWM2M_TLV, &ud_lwm2m_format_tlv},
    {UD_COAP_FORMAT_LWM2M_CBOR, &ud_lwm2m_format_cbor},
    /* numbers that were used before LwM2M 1.0: read, and written to who asks for them */
    {1541, &ud_lwm2m_format_text},
    {1542, &ud_lwm2m_format_tlv},
};

static const struct ud_lwm2m_format *format_of(uint32_t number)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].number == number) {
            return formats[i].format;
        }
    }
    return NULL;
}

ud_err ud_lwm2m_reader_init(struct ud_lwm2m_reader *reader, uint32_t content_format, struct ud_lwm2m_path base,
                            struct ud_bytes payload)
{
    const struct ud_lwm2m_format *format = format_of(content_format);
    if (format == NULL) {
        return UD_ERR_ALGORITHM;
    }
    ud_lwm2m_reader_begin(reader, format, base, payload);
    return UD_OK;
}

ud_err ud_lwm2m_writer_init(struct ud_lwm2m_writer *writer, uint32_t content_format, struct ud_lwm2m_path base,
                            struct ud_buf *buf)
{
    const struct ud_lwm2m_format *format = format_of(content_format);
    if (format == NULL) {
        return UD_ERR_ALGORITHM;
    }
    ud_lwm2m_writer_begin(writer, format, base, buf);
    return UD_OK;
}
