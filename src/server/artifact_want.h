/* An artifact that is far away, wanted here by somebody who cannot wait: it is fetched, and they ask again. */
#ifndef UD_SERVER_ARTIFACT_WANT_H
#define UD_SERVER_ARTIFACT_WANT_H

#include "server/server.h"

#define UD_ARTIFACT_WANTS_MAX 64

/** Have it fetched. UD_ERR_MEMORY; UD_ERR_RETRY_LATER when the server stops. */
ud_err ud_artifact_fetch(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES]);
/** The same for nobody in particular. Does nothing while UD_ARTIFACT_WANTS_MAX are under way. */
void ud_artifact_want(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES]);

#endif
