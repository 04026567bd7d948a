/*
 * A new trust store over the serial line (updraft/trust_store.h), as `updraft trust` makes them. A road gives no right: it
 * is verified from the roots, compared with the one in force, and written in both its copies; the next start decides by it.
 *
 *     host    trust STORE_BYTES, a newline, the store
 *     device  app event=trust err=...
 */
#ifndef TRUST_H
#define TRUST_H

#include "stage.h"

/** Says which store is in force; nothing on a device whose trust is as it was made. */
void trust_greet(void);
/**
 * @return UD_OK: the next start decides by it; UD_ERR_USAGE; UD_ERR_SPACE; UD_ERR_CONFIG for a device without roots; those of
 *         ud_trust_check() and ud_trust_put()
 */
ud_err trust_update(struct app *app, const char *size);

#endif
