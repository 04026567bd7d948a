/*
 * Images encrypted at rest (updraft/at_rest.h): of two files the build links one. none.c has no cipher, and a device that wants
 * one is refused; secret.c has ours, under a secret that manufacture wrote behind the provisioning file.
 */
#ifndef UPDRAFT_MPS2_AT_REST_H
#define UPDRAFT_MPS2_AT_REST_H

#include "updraft/at_rest.h"

#define UD_MPS2_AT_REST_OFFSET 0x3800U /* of UD_AT_REST_SECRET_BYTES, from the provisioning file's start */

extern const struct ud_cipher
    *const ud_mps2_cipher;                /* for a layout that is made at run time; NULL: none here */
extern struct ud_at_rest ud_mps2_at_rest; /* for one that is compiled in; secret.c alone has it */

/**
 * Before `slots` is mounted on this layout. Nothing to do without a cipher. UD_ERR_KEY: nobody wrote a secret.
 *
 * @param slots  borrowed as long as images are read or moved
 */
ud_err ud_mps2_at_rest_begin(const struct ud_layout *layout, const struct ud_slots *slots);
/** The same for who installs. */
ud_err ud_mps2_at_rest_begin_install(const struct ud_layout *layout, const struct ud_slots *slots);

#endif
