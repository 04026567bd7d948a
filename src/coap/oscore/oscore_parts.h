/* Inside OSCORE: what its two files share. */
#ifndef COAP_OSCORE_PARTS_H
#define COAP_OSCORE_PARTS_H

#include "updraft/cbor.h"
#include "updraft/oscore.h"

#define UD_OSCORE_AEAD 10 /* AES-CCM-16-64-128, COSE's number */

/* First byte of the option: three bits of number length, and these. */
enum {
    UD_OSCORE_NUMBER_MASK = 0x07,
    UD_OSCORE_HAS_KID = 0x08,
    UD_OSCORE_HAS_CONTEXT = 0x10,
    UD_OSCORE_RESERVED = 0xe0
};

#endif
