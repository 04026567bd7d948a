/* LwM2M values: each format read and written, kinds converted, and what is malformed refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "coap/decimal.h"
#include "coap/json.h"
#include "core/base64.h"
#include "hex.h"
#include "updraft/coap.h"
#include "updraft/lwm2m.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct ud_bytes text_of(const char *text)
{
    return (struct ud_bytes){(const uint8_t *)text, strlen(text)};
}

static struct ud_lwm2m_path path_of(const char *text)
{
    struct ud_lwm2m_path path;
    assert_int_equal(ud_lwm2m_path_parse(text_of(text), &path), UD_OK);
    return path;
}

static bool is_json(uint32_t format)
{
    return format == UD_COAP_FORMAT_SENML_JSON || format == UD_COAP_FORMAT_TEXT;
}

/* Payload of a table row: text for JSON and text, hex for the others; in memory of exactly its size. */
static struct ud_bytes payload_of(uint32_t format, const char *row)
{
    uint8_t bytes[512];
    const struct ud_bytes from = is_json(format) ? text_of(row) : hex_decode(row, bytes, sizeof bytes);
    uint8_t *exact = malloc(from.len + 1);
    memcpy(exact, from.ptr, from.len);
    return (struct ud_bytes){exact, from.len};
}

static void free_payload(struct ud_bytes payload)
{
    uint8_t *own;
    memcpy(&own, &payload.ptr, sizeof own);
    free(own);
}

/* A record as text: "/5/0/3=i0" with a letter for its kind. */
static void show(const struct ud_lwm2m_record *record, char *out, size_t out_bytes)
{
    uint8_t path[32];
    uint8_t room[256];
    struct ud_buf path_buf = {path, sizeof path, 0};
    struct ud_buf room_buf = {room, sizeof room, 0};
    struct ud_bytes plain = {NULL, 0};
    char value[200] = "";
    static const char letters[] = "nifbsolrt";
    assert_int_equal(ud_lwm2m_path_put(&record->path, 0, &path_buf), UD_OK);
    switch (record->kind) {
    case UD_LWM2M_INT:
        (void)snprintf(value, sizeof value, "%lld", (long long)record->integer);
        break;
    case UD_LWM2M_REAL:
        (void)snprintf(value, sizeof value, "%.17g", record->real);
        break;
    case UD_LWM2M_BOOL:
        (void)snprintf(value, sizeof value, "%d", record->boolean);
        break;
    case UD_LWM2M_LINK:
        (void)snprintf(value, sizeof value, "%u:%u", record->link_object, record->link_instance);
        break;
    case UD_LWM2M_STRING:
    case UD_LWM2M_OPAQUE:
    case UD_LWM2M_RAW:
    case UD_LWM2M_TEXT:
        assert_int_equal(ud_lwm2m_plain(record, &room_buf, &plain), UD_OK);
        for (size_t i = 0; i < plain.len; i++) {
            const bool as_text = record->kind == UD_LWM2M_STRING || record->kind == UD_LWM2M_TEXT;
            const size_t at = strlen(value);
            (void)snprintf(value + at, sizeof value - at, as_text ? "%c" : "%02x", plain.ptr[i]);
        }
        break;
    case UD_LWM2M_NOTHING:
        break;
    }
    const size_t at = strlen(out);
    (void)snprintf(out + at, out_bytes - at, "%s%.*s=%c%s", at > 0 ? " " : "", (int)path_buf.len,
                   (const char *)path, letters[record->kind], value);
}

static ud_err read_all(uint32_t format, const char *base, struct ud_bytes payload, char *shown,
                       size_t shown_bytes)
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    ud_err err = ud_lwm2m_reader_init(&reader, format, path_of(base), payload);
    shown[0] = '\0';
    while (err == UD_OK && (err = ud_lwm2m_next(&reader, &record)) == UD_OK) {
        show(&record, shown, shown_bytes);
    }
    return err;
}

enum { TEXT = UD_COAP_FORMAT_TEXT, OCTETS = UD_COAP_FORMAT_OCTETS, ITEM = UD_COAP_FORMAT_CBOR };
enum { JSON = UD_COAP_FORMAT_SENML_JSON, SENML = UD_COAP_FORMAT_SENML_CBOR };
enum { TLV = UD_COAP_FORMAT_LWM2M_TLV, NEST = UD_COAP_FORMAT_LWM2M_CBOR };

static const struct {
    uint32_t format;
    const char *base;
    const char *payload;
    const char *records;
    ud_err want;
} reads[] = {
    /* single values */
    {TEXT, "/5/0/3", "2", "/5/0/3=t2", UD_ABSENT},
    {TEXT, "/3/0/0", "", "/3/0/0=t", UD_ABSENT},
    {OCTETS, "/5/0/0", "00ff", "/5/0/0=o00ff", UD_ABSENT},
    {ITEM, "/5/0/3", "03", "/5/0/3=i3", UD_ABSENT},
    {ITEM, "/5/0/3", "c11a5f5e1000", "/5/0/3=i1600000000", UD_ABSENT},
    {ITEM, "/5/0/3", "f93c00", "/5/0/3=f1", UD_ABSENT},
    {ITEM, "/5/0/3", "f90001", "/5/0/3=f5.9604644775390625e-08", UD_ABSENT},
    {ITEM, "/5/0/3", "f9c400", "/5/0/3=f-4", UD_ABSENT},
    {ITEM, "/5/0/3", "fa47c35000", "/5/0/3=f100000", UD_ABSENT},
    {ITEM, "/5/0/3", "fb3ff199999999999a", "/5/0/3=f1.1000000000000001", UD_ABSENT},
    {ITEM, "/5/0/3", "1803", "/5/0/3=i3", UD_ABSENT}, /* longer than need be */
    {ITEM, "/5/0/3", "", "", UD_ERR_TRUNCATED},
    {ITEM, "/5/0/3", "0303", "/5/0/3=i3", UD_ERR_TRAILING},
    {ITEM, "/5/0/3", "8103", "", UD_ERR_SHAPE},
    {ITEM, "/5/0/3", "1bffffffffffffffff", "", UD_ERR_NUMBER_RANGE},
    {ITEM, "/5/0/3", "7f616161626bff", "", UD_ERR_SHAPE}, /* a string in pieces */
    /* TLV: the examples of the reference, then nesting */
    {TLV, "/5/0/3", "c10300", "/5/0/3=r00", UD_ABSENT},
    {TLV, "/5/0", "c10300 c10501", "/5/0/3=r00 /5/0/5=r01", UD_ABSENT},
    {TLV, "/3/0", "c303312e30", "/3/0/3=r312e30", UD_ABSENT},
    {TLV, "/5/0", "8608 41 00 00 41 01 01", "/5/0/8/0=r00 /5/0/8/1=r01", UD_ABSENT},
    {TLV, "/5/0/8", "8608 41 00 00 41 01 01", "/5/0/8/0=r00 /5/0/8/1=r01", UD_ABSENT},
    {TLV, "/3303/0", "e116da01", "/3303/0/5850=r01", UD_ABSENT},
    {TLV, "/5", "0600 c10300 c10501 0301 c10302", "/5/0/3=r00 /5/0/5=r01 /5/1/3=r02", UD_ABSENT},
    {TLV, "/5", "080008 860841000041 0101", "/5/0/8/0=r00 /5/0/8/1=r01", UD_ABSENT},
    {TLV, "/5", "c10300", "/5/0/3=r00", UD_ABSENT}, /* the wrapper of an only instance left out */
    {TLV, "/5/0", "", "", UD_ABSENT},
    {TLV, "/5/0", "8008", "", UD_ABSENT}, /* a resource without instances */
    {TLV, "/5/0", "c80114 4142434445464748494a4b4c4d4e4f5051525354",
     "/5/0/1=r4142434445464748494a4b4c4d4e4f5051525354", UD_ABSENT},
    {TLV, "/5/0", "c103", "", UD_ERR_TRUNCATED},
    {TLV, "/5/0", "c1", "", UD_ERR_TRUNCATED},
    {TLV, "/5/0", "d80101 00", "", UD_ERR_TRUNCATED},
    {TLV, "/5/0", "c90101 00", "", UD_ERR_SHAPE}, /* two lengths */
    {TLV, "/5/0", "d803ffffff", "", UD_ERR_TRUNCATED},
    {TLV, "/5/0", "e1ffff00", "", UD_ERR_NUMBER_RANGE},
    {TLV, "/5/0", "410000", "", UD_ERR_SHAPE},      /* a resource instance in no resource */
    {TLV, "/5/0", "8308 c10000", "", UD_ERR_SHAPE}, /* a resource in a resource */
    {TLV, "/5/0", "8308 8100 00", "", UD_ERR_SHAPE},
    {TLV, "/5", "0500 0300 c10300", "", UD_ERR_SHAPE}, /* an instance in an instance */
    {TLV, "/5", "0300 c40300", "", UD_ERR_TRUNCATED},  /* longer than what it stands in */
    {TLV, "/5/0", "0301 c10300", "", UD_ERR_SHAPE},    /* another instance than asked for */
    {TLV, "/5/0/3", "c10500", "", UD_ERR_SHAPE},
    {TLV, "/", "c10300", "", UD_ERR_SHAPE},
    /* SenML CBOR */
    {SENML, "/5/0", "82 a3 21 65 2f352f302f 00 61 33 02 00 a2 00 61 35 02 01", "/5/0/3=i0 /5/0/5=i1",
     UD_ABSENT},
    {SENML, "/5/0", "9f bf 21 65 2f352f302f 00 61 33 02 00 ff a2 00 61 35 02 01 ff", "/5/0/3=i0 /5/0/5=i1",
     UD_ABSENT},
    {SENML, "/", "81 a2 00 66 2f352f302f33 02 f94000", "/5/0/3=f2", UD_ABSENT},
    {SENML, "/", "81 a2 00 66 2f352f302f31 03 63 612f62", "/5/0/1=sa/b", UD_ABSENT},
    {SENML, "/", "81 a2 00 66 2f352f302f31 04 f5", "/5/0/1=b1", UD_ABSENT},
    {SENML, "/", "81 a2 00 66 2f352f302f31 08 42 00ff", "/5/0/1=o00ff", UD_ABSENT},
    {SENML, "/", "81 a2 00 66 2f352f302f31 63 766c6f 63 333a30", "/5/0/1=l3:0", UD_ABSENT},
    {SENML, "/", "82 a1 00 66 2f352f302f33 a1 00 66 2f352f302f35", "/5/0/3=n /5/0/5=n", UD_ABSENT},
    {SENML, "/", "81 a3 02 05 24 0a 00 66 2f352f302f33", "/5/0/3=i15",
     UD_ABSENT}, /* base value, after the value */
    {SENML, "/", "81 a3 00 66 2f352f302f33 02 00 01 62 436c", "/5/0/3=i0", UD_ABSENT},         /* a unit */
    {SENML, "/", "81 a3 00 66 2f352f302f33 02 00 63 782d79 82 01 02", "/5/0/3=i0", UD_ABSENT}, /* unknown */
    {SENML, "/", "81 a3 00 66 2f352f302f33 02 00 62 785f 00", "", UD_ERR_LABEL_UNKNOWN},
    {SENML, "/", "81 a3 00 66 2f352f302f33 63 782d79 9f 01 a1 02 03 c1 04 ff 02 05", "/5/0/3=i5", UD_ABSENT},
    {SENML, "/", "81 a3 00 66 2f352f302f33 63 782d79 9f 01 02 05", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 a3 00 66 2f352f302f33 63 782d79 81 ff 02 05", "", UD_ERR_SHAPE},
    {SENML, "/", "81 a2 00 66 2f352f302f33 02 f4", "", UD_ERR_SHAPE},
    {SENML, "/", "81 a2 00 66 2f352f302f33 08 61 41", "", UD_ERR_SHAPE},
    {SENML, "/", "81 a2 00 66 2f352f302f33 02 fb 3ff00000", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 a2 00 66 2f352f302f33 02 f8", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 a2 00 66 2f352f302f33 02 fc", "", UD_ERR_SHAPE},
    {SENML, "/", "81 a1 40 00", "", UD_ERR_SHAPE},
    {SENML, "/", "80", "", UD_ABSENT},
    {SENML, "/", "", "", UD_ERR_TRUNCATED},
    {SENML, "/", "9f", "", UD_ERR_TRUNCATED},
    {SENML, "/", "a0", "", UD_ERR_SHAPE},
    {SENML, "/", "8100", "", UD_ERR_SHAPE},
    {SENML, "/", "9affffffff", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 bbffffffffffffffff", "", UD_ERR_TRUNCATED},
    /* lengths whose lower 32 bits fit */
    {SENML, "/", "9b 0000000100000001 a2 00 66 2f352f302f33 02 00", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 bb 0000000100000002 00 66 2f352f302f33 02 00", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 a2 00 7b 0000000100000006 2f352f302f33 02 00", "", UD_ERR_TRUNCATED},
    {SENML, "/", "81 a2 00 66 2f352f302f33 08 5b 0000000100000001 00", "", UD_ERR_TRUNCATED},
    {SENML, "/", "80 00", "", UD_ERR_TRAILING},
    {SENML, "/", "81 a3 00 66 2f352f302f33 02 00 02 01", "", UD_ERR_DUPLICATE},
    {SENML, "/", "81 a3 00 66 2f352f302f33 02 00 03 61 61", "", UD_ERR_DUPLICATE},
    {SENML, "/", "81 a2 00 66 2f352f302f33 03 00", "", UD_ERR_SHAPE},
    {SENML, "/3", "81 a2 00 66 2f352f302f33 02 00", "", UD_ERR_SHAPE}, /* not what was asked for */
    {SENML, "/", "81 a2 00 64 2f352f78 02 00", "", UD_ERR_SHAPE},
    {SENML, "/", "81 a3 21 64 2f352f30 00 62 3033 02 00", "",
     UD_ERR_SHAPE}, /* joined without a slash: /5/003 */
    {SENML, "/", "81 a1 18 63 8181818181818181818100", "", UD_ERR_DEPTH},
    /* SenML JSON */
    {JSON, "/5/0", "[{\"bn\":\"/5/0/\",\"n\":\"3\",\"v\":0},{\"n\":\"5\",\"v\":1}]", "/5/0/3=i0 /5/0/5=i1",
     UD_ABSENT},
    {JSON, "/", " [ { \"n\" : \"\\/5\\/0\\/3\" , \"v\" : -1.5e2 } ] ", "/5/0/3=f-150", UD_ABSENT},
    {JSON, "/", "[{\"bn\":\"/5/0/1\",\"vs\":\"coap://h/\\u00e9\\n\"}]", "/5/0/1=scoap://h/\xc3\xa9\n",
     UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/0\",\"vd\":\"AP8\"}]", "/5/0/0=o00ff", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/0\",\"vb\":false}]", "/5/0/0=b0", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/0\",\"vlo\":\"3:65534\"}]", "/5/0/0=l3:65534", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\"},{\"n\":\"/5/0/5\"}]", "/5/0/3=n /5/0/5=n", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":0.1}]", "/5/0/3=f0.10000000000000001", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":9223372036854775807}]", "/5/0/3=i9223372036854775807", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":-9223372036854775808}]", "/5/0/3=i-9223372036854775808", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":9223372036854775808}]", "/5/0/3=f9.2233720368547758e+18", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"x\":{\"a\":[1,{}]},\"v\":1}]", "/5/0/3=i1", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/0\",\"vd\":\"_-8\"}]", "/5/0/0=offef", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/0\",\"vd\":\"/+8=\"}]", "/5/0/0=offef", UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/1\",\"vs\":\"\\ud83d\\ude00\\u20ac\"}]", "/5/0/1=s\xf0\x9f\x98\x80\xe2\x82\xac",
     UD_ABSENT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"bs\":null,\"v\":1,\"u\":\"Cel\"}]", "/5/0/3=i1", UD_ABSENT},
    {JSON, "/", "[{\"bn\":\"/5/0/3\",\"bv\":0.5,\"v\":1},{\"v\":1.5}]", "/5/0/3=f1.5 /5/0/3=i2", UD_ABSENT},
    {JSON, "/", "[{\"bn\":7}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"bt\":\"7\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vb\":1}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":\"1\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":{}}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vlo\":3}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\ud83dx\"}]", "", UD_ERR_TEXT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\ud83d\\u0041\"}]", "", UD_ERR_TEXT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\u12\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\u1", "", UD_ERR_TRUNCATED},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\", "", UD_ERR_TRUNCATED},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"x\":[1", "", UD_ERR_TRUNCATED},
    {JSON, "/", "[{\"bn\":\"/65534/65534/65534/65534/\",\"n\":\"/65534/65534/65534/65534/\"}]", "",
     UD_ERR_LIMIT},
    {JSON, "/", "[]", "", UD_ABSENT},
    {JSON, "/", "", "", UD_ERR_TRUNCATED},
    {JSON, "/", "[", "", UD_ERR_TRUNCATED},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":1}", "/5/0/3=i1", UD_ERR_TRUNCATED},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":1},]", "/5/0/3=i1", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":1}{}]", "/5/0/3=i1", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\" \"v\":1}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":01}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":1.}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":+1}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":NaN}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"v\":1e999}]", "", UD_ERR_NUMBER_RANGE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\ud800\"}]", "", UD_ERR_TEXT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"\\x\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"vs\":\"a\nb\"}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"z_\":1}]", "", UD_ERR_LABEL_UNKNOWN},
    {JSON, "/", "[{\"n\":\"/5/0/65535\",\"v\":1}]", "", UD_ERR_NUMBER_RANGE},
    {JSON, "/", "[{\"n\":\"/5/0/3/1/2\",\"v\":1}]", "", UD_ERR_LIMIT},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"x\":[[[[[[[[[1]]]]]]]]]}]", "", UD_ERR_DEPTH},
    {JSON, "/", "[{\"n\":\"/5/0/3\",\"x\":[}]}]", "", UD_ERR_SHAPE},
    {JSON, "/", "[] x", "", UD_ERR_SHAPE},
    {JSON, "/", "[] []", "", UD_ERR_TRAILING},
    /* LwM2M CBOR */
    {NEST, "/", "a1 05 a1 00 a3 03 00 05 00 08 a2 00 00 01 01", "/5/0/3=i0 /5/0/5=i0 /5/0/8/0=i0 /5/0/8/1=i1",
     UD_ABSENT},
    {NEST, "/", "a1 83 05 00 03 00", "/5/0/3=i0", UD_ABSENT},
    {NEST, "/", "a2 82 05 00 a2 03 00 05 00 82 03 00 a1 00 61 61", "/5/0/3=i0 /5/0/5=i0 /3/0/0=sa", UD_ABSENT},
    {NEST, "/", "bf 9f 05 00 ff bf 03 00 ff ff", "/5/0/3=i0", UD_ABSENT},
    {NEST, "/", "a1 83 03 00 0d c1 00", "/3/0/13=i0", UD_ABSENT},
    {NEST, "/5/0", "a0", "", UD_ABSENT},
    {NEST, "/", "", "", UD_ERR_TRUNCATED},
    {NEST, "/", "a1 05", "", UD_ERR_TRUNCATED},
    {NEST, "/", "80", "", UD_ERR_SHAPE},
    {NEST, "/", "a1 80 00", "", UD_ERR_SHAPE},
    {NEST, "/", "a1 20 00", "", UD_ERR_NUMBER_RANGE},
    {NEST, "/", "a1 19ffff 00", "", UD_ERR_NUMBER_RANGE},
    {NEST, "/", "a1 84 05 00 03 00 a1 00 00", "", UD_ERR_DEPTH},
    {NEST, "/", "a1 85 05 00 03 00 00 00", "", UD_ERR_DEPTH},
    {NEST, "/", "a1 05 8100", "", UD_ERR_SHAPE},
    {NEST, "/", "bb 0000000100000001 83 05 00 03 00", "", UD_ERR_TRUNCATED},
    {NEST, "/", "a1 9b 0000000100000003 05 00 03 00", "", UD_ERR_TRUNCATED},
    {NEST, "/", "a1 83 05 00 03 7b 0000000100000001 61", "", UD_ERR_TRUNCATED},
    {NEST, "/", "a0 00", "", UD_ERR_TRAILING},
    {NEST, "/3", "a1 83 05 00 03 00", "", UD_ERR_SHAPE},
};

static void test_every_format_is_read_and_what_is_malformed_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        char shown[512];
        const struct ud_bytes payload = payload_of(reads[i].format, reads[i].payload);
        const ud_err err = read_all(reads[i].format, reads[i].base, payload, shown, sizeof shown);
        free_payload(payload);
        if (err != reads[i].want || strcmp(shown, reads[i].records) != 0) {
            fail_msg("%u %s: '%s' %s", reads[i].format, reads[i].payload, shown, ud_err_name(err));
        }
    }
}

static void test_times_of_records_add_to_their_base(void **state)
{
    (void)state;
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    static const struct {
        const char *payload;
        double first_s;
        double second_s;
        bool has_time;
    } cases[] = {
        {"[{\"bt\":100,\"n\":\"/5/0/3\",\"v\":1,\"t\":5},{\"n\":\"/5/0/5\",\"v\":1}]", 105, 100, true},
        {"[{\"n\":\"/5/0/3\",\"v\":1,\"t\":-5},{\"n\":\"/5/0/5\",\"v\":1,\"t\":0}]", -5, 0, true},
        {"[{\"n\":\"/5/0/3\",\"v\":1},{\"n\":\"/5/0/5\",\"v\":1}]", 0, 0, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(ud_lwm2m_reader_init(&reader, JSON, path_of("/"), text_of(cases[i].payload)), UD_OK);
        assert_int_equal(ud_lwm2m_next(&reader, &record), UD_OK);
        assert_true(record.time_s == cases[i].first_s && record.has_time == cases[i].has_time);
        assert_int_equal(ud_lwm2m_next(&reader, &record), UD_OK);
        assert_true(record.time_s == cases[i].second_s && record.has_time == cases[i].has_time);
    }
}

static void test_a_value_that_is_coded_wrong_or_too_long_is_refused_when_it_is_wanted(void **state)
{
    (void)state;
    static const struct {
        ud_lwm2m_decode *decode;
        const char *text;
        size_t room_bytes;
        ud_err want;
    } cases[] = {
        {ud_base64_decode, "AP8=", 2, UD_OK},
        {ud_base64_decode, "AP8=", 1, UD_ERR_BUFFER},
        {ud_base64_decode, "AP8", 2, UD_OK},
        {ud_base64_decode, "AP9", 2, UD_ERR_SHAPE},
        {ud_base64_decode, "A", 2, UD_ERR_SHAPE},
        {ud_base64_decode, "AP8==", 8, UD_ERR_SHAPE},
        {ud_base64_decode, "A=P8", 8, UD_ERR_SHAPE},
        {ud_base64_decode, "AA==", 1, UD_OK},
        {ud_base64_decode, "A===", 8, UD_ERR_SHAPE},
        {ud_base64_decode, "", 0, UD_OK},
        {ud_base64_decode, "A P8", 8, UD_ERR_SHAPE},
        {ud_json_unescape, "a\\nb", 3, UD_OK},
        {ud_json_unescape, "a\\nb", 2, UD_ERR_BUFFER},
        {ud_json_unescape, "\\u20ac", 2, UD_ERR_BUFFER},
        {NULL, "a\\nb", 0, UD_OK},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t room[8];
        struct ud_buf buf = {room, cases[i].room_bytes, 0};
        struct ud_bytes value;
        const struct ud_lwm2m_record record = {
            .kind = UD_LWM2M_STRING, .decode = cases[i].decode, .bytes = text_of(cases[i].text)};
        const ud_err err = ud_lwm2m_plain(&record, &buf, &value);
        if (err != cases[i].want || (err != UD_OK && buf.len != 0)) {
            fail_msg("%s: %s", cases[i].text, ud_err_name(err));
        }
    }
}

static void test_a_format_that_is_not_known_is_named_so(void **state)
{
    (void)state;
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_writer writer;
    uint8_t room[4];
    struct ud_buf buf = {room, sizeof room, 0};
    static const uint32_t unknown[] = {40, 50, 11543, 65535};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_int_equal(ud_lwm2m_reader_init(&reader, unknown[i], path_of("/"), ud_buf_bytes(&buf)),
                         UD_ERR_ALGORITHM);
        assert_int_equal(ud_lwm2m_writer_init(&writer, unknown[i], path_of("/"), &buf), UD_ERR_ALGORITHM);
    }
}

static const struct ud_lwm2m_record firmware[] = {
    {.path = {{5, 0, 1}, 3}, .kind = UD_LWM2M_STRING, .bytes = {(const uint8_t *)"a\"\\\x01", 4}},
    {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT, .integer = -129, .real = -129},
    {.path = {{5, 0, 8, 0}, 4}, .kind = UD_LWM2M_BOOL, .boolean = true},
    {.path = {{5, 0, 8, 7}, 4}, .kind = UD_LWM2M_BOOL, .boolean = false},
    {.path = {{5, 0, 300}, 3}, .kind = UD_LWM2M_REAL, .real = 0.1},
    {.path = {{5, 1, 0}, 3}, .kind = UD_LWM2M_OPAQUE, .bytes = {(const uint8_t *)"\x00\xff\x10\x20", 4}},
    {.path = {{5, 1, 2}, 3}, .kind = UD_LWM2M_LINK, .link_object = 3, .link_instance = 65534},
};

static const struct {
    uint32_t format;
    const char *base;
    size_t from; /* of firmware */
    size_t to;
    const char *want;
} writes[] = {
    {TLV, "/5/0", 2, 4, "8608 410001 410700"},
    {SENML, "/5/0", 1, 2, "81 a3 21 65 2f352f302f 00 61 33 02 38 80"},
    {SENML, "/5/0/3", 1, 2, "81 a2 21 66 2f352f302f33 02 38 80"},
    {SENML, "/", 6, 7, "81 a2 00 66 2f352f312f32 63766c6f 67 333a3635353334"},
    {NEST, "/5", 1, 3, "a2 83 05 00 03 38 80 84 05 00 08 00 f5"},
    {JSON, "/5", 0, 7,
     "[{\"bn\":\"/5/\",\"n\":\"0/1\",\"vs\":\"a\\\"\\\\\\u0001\"},{\"n\":\"0/3\",\"v\":-129},"
     "{\"n\":\"0/8/0\",\"vb\":true},{\"n\":\"0/8/7\",\"vb\":false},{\"n\":\"0/300\",\"v\":0.1},"
     "{\"n\":\"1/0\",\"vd\":\"AP8QIA\"},{\"n\":\"1/2\",\"vlo\":\"3:65534\"}]"},
    {JSON, "/", 1, 2, "[{\"n\":\"/5/0/3\",\"v\":-129}]"},
    {JSON, "/5", 0, 0, "[]"},
    {SENML, "/5", 0, 0, "80"},
    {NEST, "/5", 0, 0, "a0"},
    {TEXT, "/5/0/3", 1, 2, "-129"},
    {TEXT, "/5/0/300", 4, 5, "0.1"},
    {TEXT, "/5/1/0", 5, 6, "AP8QIA=="},
    {TEXT, "/5/1/2", 6, 7, "3:65534"},
    {OCTETS, "/5/1/0", 5, 6, "00ff1020"},
    {ITEM, "/5/0/3", 1, 2, "3880"},
};

static ud_err write_some(uint32_t format, const char *base, size_t from, size_t to, struct ud_buf *buf)
{
    struct ud_lwm2m_writer writer;
    assert_int_equal(ud_lwm2m_writer_init(&writer, format, path_of(base), buf), UD_OK);
    for (size_t i = from; i < to; i++) {
        ud_lwm2m_put(&writer, &firmware[i]);
    }
    return ud_lwm2m_writer_end(&writer);
}

static void test_every_format_is_written_byte_for_byte_and_fits_exactly_or_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(writes); i++) {
        const struct ud_bytes want = payload_of(writes[i].format, writes[i].want);
        for (size_t cap = 0; cap <= want.len; cap++) {
            uint8_t bytes[512];
            struct ud_buf buf = {bytes, cap, 0};
            const ud_err err = write_some(writes[i].format, writes[i].base, writes[i].from, writes[i].to, &buf);
            if (err != (cap == want.len ? UD_OK : UD_ERR_BUFFER)) {
                fail_msg("%s in %zu: %s", writes[i].want, cap, ud_err_name(err));
            }
            assert_true(err != UD_OK || ud_bytes_equal(ud_buf_bytes(&buf), want));
        }
        free_payload(want);
    }
}

static void test_what_is_written_is_read_back_in_every_format_for_many_values(void **state)
{
    (void)state;
    static const uint32_t many[] = {TLV, SENML, JSON, NEST};
    for (size_t i = 0; i < COUNT(many); i++) {
        uint8_t bytes[512];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_lwm2m_reader reader;
        struct ud_lwm2m_record record;
        assert_int_equal(write_some(many[i], "/5", 0, COUNT(firmware), &buf), UD_OK);
        assert_int_equal(ud_lwm2m_reader_init(&reader, many[i], path_of("/5"), ud_buf_bytes(&buf)), UD_OK);
        for (size_t k = 0; k < COUNT(firmware); k++) {
            char want[256] = "";
            char got[256] = "";
            assert_int_equal(ud_lwm2m_next(&reader, &record), UD_OK);
            assert_int_equal(ud_lwm2m_as(&record, firmware[k].kind), UD_OK);
            show(&firmware[k], want, sizeof want);
            show(&record, got, sizeof got);
            assert_string_equal(got, want);
        }
        assert_int_equal(ud_lwm2m_next(&reader, &record), UD_ABSENT);
    }
}

static void test_what_a_format_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t format;
        const char *base;
        size_t count;
        struct ud_lwm2m_record record;
    } cases[] = {
        {TEXT, "/5/0", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT}},
        {TEXT, "/5/0/3", 2, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT}},
        {TEXT, "/5/0/3", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_REAL, .real = (double)INFINITY}},
        {OCTETS, "/5/0/3", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT}},
        {ITEM, "/5/0/3", 2, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT}},
        {JSON, "/5/0/3", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_REAL, .real = (double)NAN}},
        {JSON, "/5/0/3", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_RAW}},
        {SENML, "/5/0/3", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_RAW}},
        {NEST, "/", 1, {.path = {{0}, 0}, .kind = UD_LWM2M_INT}},
        {TLV, "/", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_INT}},
        {TLV, "/5/0", 1, {.path = {{5, 0, 3}, 3}, .kind = UD_LWM2M_NOTHING}},
        {TLV, "/5/0", 1, {.path = {{5, 0}, 2}, .kind = UD_LWM2M_INT}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[64];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_lwm2m_writer writer;
        assert_int_equal(ud_lwm2m_writer_init(&writer, cases[i].format, path_of(cases[i].base), &buf), UD_OK);
        for (size_t k = 0; k < cases[i].count; k++) {
            ud_lwm2m_put(&writer, &cases[i].record);
        }
        if (ud_lwm2m_writer_end(&writer) != UD_ERR_SHAPE) {
            fail_msg("row %zu", i);
        }
    }
}

static const struct {
    ud_lwm2m_kind from; /* RAW: hex; TEXT, STRING: text; INT, REAL: number */
    const char *value;
    ud_lwm2m_kind to;
    ud_err want;
    const char *shown;
} conversions[] = {
    {UD_LWM2M_RAW, "80", UD_LWM2M_INT, UD_OK, "=i-128"},
    {UD_LWM2M_RAW, "0080", UD_LWM2M_INT, UD_OK, "=i128"},
    {UD_LWM2M_RAW, "ffffff7f", UD_LWM2M_INT, UD_OK, "=i-129"},
    {UD_LWM2M_RAW, "8000000000000000", UD_LWM2M_INT, UD_OK, "=i-9223372036854775808"},
    {UD_LWM2M_RAW, "7fffffffffffffff", UD_LWM2M_INT, UD_OK, "=i9223372036854775807"},
    {UD_LWM2M_RAW, "", UD_LWM2M_INT, UD_ERR_SHAPE, ""},
    {UD_LWM2M_RAW, "000000", UD_LWM2M_INT, UD_ERR_SHAPE, ""},
    {UD_LWM2M_RAW, "3fc00000", UD_LWM2M_REAL, UD_OK, "=f1.5"},
    {UD_LWM2M_RAW, "3ff8000000000000", UD_LWM2M_REAL, UD_OK, "=f1.5"},
    {UD_LWM2M_RAW, "0000", UD_LWM2M_REAL, UD_ERR_SHAPE, ""},
    {UD_LWM2M_RAW, "01", UD_LWM2M_BOOL, UD_OK, "=b1"},
    {UD_LWM2M_RAW, "02", UD_LWM2M_BOOL, UD_ERR_SHAPE, ""},
    {UD_LWM2M_RAW, "0001", UD_LWM2M_BOOL, UD_ERR_SHAPE, ""},
    {UD_LWM2M_RAW, "4142", UD_LWM2M_STRING, UD_OK, "=sAB"},
    {UD_LWM2M_RAW, "4142", UD_LWM2M_OPAQUE, UD_OK, "=o4142"},
    {UD_LWM2M_RAW, "0003fffe", UD_LWM2M_LINK, UD_OK, "=l3:65534"},
    {UD_LWM2M_RAW, "000300", UD_LWM2M_LINK, UD_ERR_SHAPE, ""},
    {UD_LWM2M_TEXT, "-7", UD_LWM2M_INT, UD_OK, "=i-7"},
    {UD_LWM2M_TEXT, "7.5", UD_LWM2M_INT, UD_ERR_NUMBER_RANGE, ""},
    {UD_LWM2M_TEXT, "7x", UD_LWM2M_INT, UD_ERR_TRAILING, ""},
    {UD_LWM2M_TEXT, "", UD_LWM2M_INT, UD_ERR_SHAPE, ""},
    {UD_LWM2M_TEXT, "7.5e1", UD_LWM2M_REAL, UD_OK, "=f75"},
    {UD_LWM2M_TEXT, "0", UD_LWM2M_BOOL, UD_OK, "=b0"},
    {UD_LWM2M_TEXT, "true", UD_LWM2M_BOOL, UD_ERR_SHAPE, ""},
    {UD_LWM2M_TEXT, "AP8=", UD_LWM2M_OPAQUE, UD_OK, "=o00ff"},
    {UD_LWM2M_TEXT, "3:0", UD_LWM2M_LINK, UD_OK, "=l3:0"},
    {UD_LWM2M_TEXT, "3:", UD_LWM2M_LINK, UD_ERR_SHAPE, ""},
    {UD_LWM2M_TEXT, "3:0:1", UD_LWM2M_LINK, UD_ERR_SHAPE, ""},
    {UD_LWM2M_STRING, "3:0", UD_LWM2M_LINK, UD_OK, "=l3:0"},
    {UD_LWM2M_STRING, "3", UD_LWM2M_INT, UD_ERR_SHAPE, ""},
    {UD_LWM2M_INT, "3", UD_LWM2M_REAL, UD_OK, "=f3"},
    {UD_LWM2M_INT, "1", UD_LWM2M_BOOL, UD_OK, "=b1"},
    {UD_LWM2M_INT, "2", UD_LWM2M_BOOL, UD_ERR_SHAPE, ""},
    {UD_LWM2M_INT, "2", UD_LWM2M_STRING, UD_ERR_SHAPE, ""},
    {UD_LWM2M_REAL, "3", UD_LWM2M_INT, UD_OK, "=i3"},
    {UD_LWM2M_REAL, "3.5", UD_LWM2M_INT, UD_ERR_NUMBER_RANGE, ""},
    {UD_LWM2M_REAL, "1e19", UD_LWM2M_INT, UD_ERR_NUMBER_RANGE, ""},
    {UD_LWM2M_REAL, "nan", UD_LWM2M_INT, UD_ERR_NUMBER_RANGE, ""},
};

static void test_values_become_the_kind_that_is_asked_for_if_nothing_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(conversions); i++) {
        uint8_t bytes[16];
        char shown[64] = "";
        struct ud_lwm2m_record record = {
            .kind = conversions[i].from, .bytes = text_of(conversions[i].value), .number = ud_decimal_read};
        if (record.kind == UD_LWM2M_RAW) {
            record.bytes = hex_decode(conversions[i].value, bytes, sizeof bytes);
        } else if (record.kind == UD_LWM2M_INT || record.kind == UD_LWM2M_REAL) {
            record.real = strtod(conversions[i].value, NULL);
            record.integer = record.kind == UD_LWM2M_INT ? (int64_t)record.real : 0;
        }
        const ud_err err = ud_lwm2m_as(&record, conversions[i].to);
        if (err == UD_OK) {
            show(&record, shown, sizeof shown);
        }
        if (err != conversions[i].want || strcmp(shown, conversions[i].shown) != 0) {
            fail_msg("%s to %d: '%s' %s", conversions[i].value, conversions[i].to, shown, ud_err_name(err));
        }
    }
}

static const struct {
    const char *text;
    ud_err want;
    const char *again;
} paths[] = {
    {"/", UD_OK, ""},
    {"", UD_OK, ""},
    {"/5", UD_OK, "/5"},
    {"5/0", UD_OK, "/5/0"},
    {"/5/0/", UD_OK, "/5/0"},
    {"/65534/65534/65534/65534", UD_OK, "/65534/65534/65534/65534"},
    {"/65535", UD_ERR_NUMBER_RANGE, ""},
    {"/99999999999999999999", UD_ERR_NUMBER_RANGE, ""},
    {"/1/2/3/4/5", UD_ERR_LIMIT, ""},
    {"//5", UD_ERR_SHAPE, ""},
    {"/5//0", UD_ERR_SHAPE, ""},
    {"/05", UD_ERR_SHAPE, ""},
    {"/-1", UD_ERR_SHAPE, ""},
    {"/5x", UD_ERR_SHAPE, ""},
    {"/x", UD_ERR_SHAPE, ""},
};

static void test_paths_have_four_levels_of_plain_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        uint8_t bytes[UD_LWM2M_PATH_TEXT_BYTES_MAX];
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_lwm2m_path path;
        const ud_err err = ud_lwm2m_path_parse(text_of(paths[i].text), &path);
        if (err != paths[i].want) {
            fail_msg("%s: %s", paths[i].text, ud_err_name(err));
        }
        if (err == UD_OK) {
            assert_int_equal(ud_lwm2m_path_put(&path, 0, &buf), UD_OK);
            assert_true(ud_bytes_equal(ud_buf_bytes(&buf), text_of(paths[i].again)));
        }
    }
}

/* Text of who has no reals: what both formats take, they take alike, and the whole one takes nothing more. */
static void test_text_without_reals_reads_as_the_other_one_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole; /* taken by the format without reals, too */
    } texts[] = {{"0", true},
                 {"-0", true},
                 {"7", true},
                 {"-7", true},
                 {"86400", true},
                 {"9223372036854775807", true},
                 {"-9223372036854775807", true},
                 {"9223372036854775808", false},
                 {"-9223372036854775809", false},
                 {"99999999999999999999", false},
                 {"", false},
                 {"-", false},
                 {"+1", false},
                 {"01", false},
                 {"-01", false},
                 {"1x", false},
                 {" 1", false},
                 {"1.0", false},
                 {"1e2", false},
                 {"7.5", false},
                 {"true", false}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct ud_lwm2m_record records[2] = {{.path.depth = 0}, {.path.depth = 0}};
        ud_err errors[2];
        for (int both = 0; both < 2; both++) {
            struct ud_lwm2m_reader reader;
            ud_lwm2m_reader_begin(&reader, both == 0 ? &ud_lwm2m_format_text_whole : &ud_lwm2m_format_text,
                                  ud_lwm2m_path_of(3, 1, 0, 1, 0), text_of(texts[i].text));
            assert_int_equal(ud_lwm2m_next(&reader, &records[both]), UD_OK);
            errors[both] = ud_lwm2m_as(&records[both], UD_LWM2M_INT);
        }
        if ((errors[0] == UD_OK) != texts[i].whole || (errors[0] == UD_OK && errors[1] != UD_OK)) {
            fail_msg("'%s': %s, %s", texts[i].text, ud_err_name(errors[0]), ud_err_name(errors[1]));
        }
        if (errors[0] == UD_OK && records[0].integer != records[1].integer) {
            fail_msg("'%s': two numbers", texts[i].text);
        }
    }
    struct ud_lwm2m_record bare = {.kind = UD_LWM2M_TEXT, .bytes = UD_BYTES_LITERAL("7")};
    assert_int_equal(ud_lwm2m_as(&bare, UD_LWM2M_INT), UD_ERR_SHAPE); /* nobody said how to read it */
}

static void test_text_without_reals_says_everything_else(void **state)
{
    (void)state;
    static const struct {
        struct ud_lwm2m_record record;
        const char *want; /* NULL: refused */
    } cases[] = {
        {{.kind = UD_LWM2M_INT, .integer = -12}, "-12"},
        {{.kind = UD_LWM2M_BOOL, .boolean = true}, "1"},
        {{.kind = UD_LWM2M_LINK, .link_object = 3, .link_instance = 1}, NULL},
        {{.kind = UD_LWM2M_STRING, .bytes = {(const uint8_t *)"ab", 2}}, "ab"},
        {{.kind = UD_LWM2M_OPAQUE, .bytes = {(const uint8_t *)"\0\xff", 2}}, NULL},
        {{.kind = UD_LWM2M_REAL, .real = 1.5}, NULL},
        {{.kind = UD_LWM2M_NOTHING}, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t room[16];
        struct ud_buf buf = {room, sizeof room, 0};
        struct ud_lwm2m_writer writer;
        struct ud_lwm2m_record record = cases[i].record;
        record.path = ud_lwm2m_path_of(3, 3, 0, 9, 0);
        ud_lwm2m_writer_begin(&writer, &ud_lwm2m_format_text_whole, record.path, &buf);
        ud_lwm2m_put(&writer, &record);
        assert_int_equal(ud_lwm2m_writer_end(&writer), cases[i].want == NULL ? UD_ERR_SHAPE : UD_OK);
        assert_true(cases[i].want == NULL || ud_bytes_equal(ud_buf_bytes(&buf), text_of(cases[i].want)));
    }
}

/* The C library is the other opinion on decimal numbers. */
static void test_decimal_numbers_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.1",    "-0.5",    "36.6",     "1e22",    "1e-22", "123456789012345",
        "0.001",  "1.25e-7", "99999.99", "1e5",     "-1E+2", "0.30000000000000004",
        "1e-310", "1.5e300", "1e-400",   "2.2e-308"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct ud_lwm2m_record record = {
            .kind = UD_LWM2M_TEXT, .bytes = text_of(texts[i]), .number = ud_decimal_read};
        uint8_t bytes[64] = {0};
        struct ud_buf buf = {bytes, sizeof bytes - 1, 0};
        struct ud_lwm2m_writer writer;
        const double want = strtod(texts[i], NULL);
        assert_int_equal(ud_lwm2m_as(&record, UD_LWM2M_REAL), UD_OK);
        if (fabs(record.real - want) > fabs(want) * 1e-15) {
            fail_msg("%s: %.17g", texts[i], record.real);
        }
        assert_int_equal(ud_lwm2m_writer_init(&writer, TEXT, record.path, &buf), UD_OK);
        ud_lwm2m_put(&writer, &record);
        assert_int_equal(ud_lwm2m_writer_end(&writer), UD_OK);
        const double again = strtod((const char *)bytes, NULL);
        if (fabs(again - want) > fabs(want) * 1e-14) {
            fail_msg("%s: written as %s", texts[i], (const char *)bytes);
        }
    }
}

static void test_records_are_counted_up_to_the_limit(void **state)
{
    (void)state;
    static uint8_t bytes[3 * (UD_LWM2M_RECORDS_MAX + 1)];
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    for (size_t i = 0; i <= UD_LWM2M_RECORDS_MAX; i++) {
        memcpy(bytes + 3 * i, "\xc1\x03\x00", 3);
    }
    assert_int_equal(
        ud_lwm2m_reader_init(&reader, TLV, path_of("/5/0"), (struct ud_bytes){bytes, sizeof bytes}), UD_OK);
    for (size_t i = 0; i < UD_LWM2M_RECORDS_MAX; i++) {
        assert_int_equal(ud_lwm2m_next(&reader, &record), UD_OK);
    }
    assert_int_equal(ud_lwm2m_next(&reader, &record), UD_ERR_LIMIT);
    assert_int_equal(ud_lwm2m_next(&reader, &record), UD_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_is_read_and_what_is_malformed_refused),
        cmocka_unit_test(test_times_of_records_add_to_their_base),
        cmocka_unit_test(test_a_value_that_is_coded_wrong_or_too_long_is_refused_when_it_is_wanted),
        cmocka_unit_test(test_a_format_that_is_not_known_is_named_so),
        cmocka_unit_test(test_every_format_is_written_byte_for_byte_and_fits_exactly_or_says_so),
        cmocka_unit_test(test_what_is_written_is_read_back_in_every_format_for_many_values),
        cmocka_unit_test(test_what_a_format_cannot_hold_is_refused),
        cmocka_unit_test(test_values_become_the_kind_that_is_asked_for_if_nothing_is_lost),
        cmocka_unit_test(test_paths_have_four_levels_of_plain_numbers),
        cmocka_unit_test(test_text_without_reals_reads_as_the_other_one_does),
        cmocka_unit_test(test_text_without_reals_says_everything_else),
        cmocka_unit_test(test_decimal_numbers_agree_with_the_c_library),
        cmocka_unit_test(test_records_are_counted_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
