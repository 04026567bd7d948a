/*
 * Witnesses of HSS/LMS keys: a file on another medium than the key's, or a data object in a PKCS#11 token. A backup that
 * brings the key file back brings back neither.
 */
#ifndef UPDRAFT_AUTHOR_HSS_WITNESS_H
#define UPDRAFT_AUTHOR_HSS_WITNESS_H

#include "author/hss_key.h"

struct hss_witness_place;

/**
 * Open the witness that `name` says: a pkcs11: URI, or the path of a file (that exists or not).
 *
 * @param pin_file for a token; NULL: $UPDRAFT_PIN, then the terminal
 * @param witness  out: borrows the place
 * @return UD_ERR_MEMORY; UD_ERR_TOKEN
 */
ud_err hss_witness_open(struct hss_witness_place **place, const char *name, const char *pin_file,
                        struct hss_witness *witness);
void hss_witness_close(struct hss_witness_place *place);

/** Are a file's folder and another's on one medium? A backup would take both. UD_OK: no; UD_ERR_WITNESS: yes. */
ud_err hss_witness_apart(const char *key_path, const char *name);

#endif
