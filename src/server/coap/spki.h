/* Public keys and certificates of devices as operators give them: PEM to what DTLS finds them by. */
#ifndef UD_SERVER_COAP_SPKI_H
#define UD_SERVER_COAP_SPKI_H

#include "updraft/bytes.h"
#include "updraft/crypto.h"

/** SHA-256 of the SubjectPublicKeyInfo of a public key or certificate in PEM. UD_ERR_KEY for anything else. */
ud_err ud_spki_of_pem(struct ud_bytes pem, bool certificate, uint8_t spki[UD_SHA256_BYTES]);

#endif
