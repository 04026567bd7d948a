/*
 * Who this device is towards others: its key pair and its account with a server, written once at manufacture behind the
 * provisioning file, and read-only like that (docs/mcu.md). A product keeps the key where nobody can read it.
 */
#ifndef UPDRAFT_MPS2_IDENTITY_H
#define UPDRAFT_MPS2_IDENTITY_H

#include "updraft/crypto.h"
#include "updraft/lwm2m_client.h"

#define UD_MPS2_IDENTITY_OFFSET 0x3000U /* in the memory of the provisioning file */

struct ud_mps2_identity {
    struct ud_bytes secret; /* 32 bytes */
    char name[65];
    struct ud_lwm2m_account server;
};

/** UD_ERR_CONFIG; errors of the CBOR reader. */
ud_err ud_mps2_identity_read(struct ud_mps2_identity *identity, struct ud_signer *signer);

#endif
