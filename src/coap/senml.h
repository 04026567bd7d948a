/* Inside the CoAP module: what SenML (RFC 8428) means, whether it came as CBOR or as JSON. */
#ifndef COAP_SENML_H
#define COAP_SENML_H

#include "coap/lwm2m_format.h"

typedef enum ud_senml_field {
    UD_SENML_IGNORED, /* known and of no use here, or unknown */
    UD_SENML_BASE_NAME,
    UD_SENML_BASE_TIME,
    UD_SENML_BASE_VALUE,
    UD_SENML_NAME,
    UD_SENML_NUMBER,
    UD_SENML_STRING,
    UD_SENML_BOOL,
    UD_SENML_OPAQUE,
    UD_SENML_LINK,
    UD_SENML_TIME,
} ud_senml_field;

/* The fields of one record while it is read: base fields count for it wherever they stand in it. */
struct ud_senml_record {
    uint32_t seen; /* bit n: field n was there */
    struct ud_bytes name;
    double time_s;
    struct ud_lwm2m_record *out;
};

/** UD_ERR_LABEL_UNKNOWN for a text label that ends in '_' and is not known: it must be understood. */
ud_err ud_senml_field_by_name(struct ud_bytes name, ud_senml_field *field);
/** The labels of the CBOR form; others are ignored. */
ud_senml_field ud_senml_field_by_label(int64_t label);
/**
 * UD_ERR_SHAPE for a value of the wrong type; UD_ERR_DUPLICATE for a second value or name.
 * @param value  kind and value only; a number is an INT or a REAL, what is no value at all is NOTHING
 */
ud_err ud_senml_set(struct ud_lwm2m_reader *reader, struct ud_senml_record *record, ud_senml_field field,
                    const struct ud_lwm2m_record *value);
/** Join base fields and fields: path, time, value. */
ud_err ud_senml_finish(struct ud_lwm2m_reader *reader, struct ud_senml_record *record);
/**
 * Text of the name that the next record gets: behind a base name (of the first record) when there is one.
 * @param base_name  out: "/5/0/" or, when the record is the base itself, "/5/0/3"; empty without a base
 */
ud_err ud_senml_names(const struct ud_lwm2m_writer *writer, const struct ud_lwm2m_record *record,
                      struct ud_buf *base_name, struct ud_buf *name);

#endif
