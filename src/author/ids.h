/*
 * Identifiers as people write them: hex, UUIDs, and the names of which the ids of vendors and classes are made. No file,
 * no terminal: what reads a description needs these of the command line and nothing more.
 */
#ifndef UPDRAFT_AUTHOR_IDS_H
#define UPDRAFT_AUTHOR_IDS_H

#include <stdbool.h>

#include "updraft/bytes.h"
#include "updraft/err.h"
#include "updraft/limits.h"

#define CLI_HEX_BYTES(bytes) (2 * (bytes) + 1) /* with its NUL */
#define CLI_UUID_TEXT_BYTES 37                 /* with its NUL */

/** Lower-case hex with a NUL; `text` has CLI_HEX_BYTES(bytes.len). */
void cli_hex(struct ud_bytes bytes, char *text);
/** 8-4-4-4-12 with a NUL. */
void cli_uuid_text(const uint8_t uuid[UD_UUID_BYTES], char text[CLI_UUID_TEXT_BYTES]);
/** Read 8-4-4-4-12 hex digits. False where the text is anything else. */
bool cli_uuid_parse(const char *text, uint8_t uuid[UD_UUID_BYTES]);
/** A vendor: a UUID, or a domain name of which the UUID is made (version 5, DNS name space). */
ud_err cli_vendor(const char *text, uint8_t uuid[UD_UUID_BYTES]);
/** A class: a UUID, or a text of which the UUID is made (version 5, the vendor's id as name space). */
ud_err cli_class(const char *text, const uint8_t vendor[UD_UUID_BYTES], uint8_t uuid[UD_UUID_BYTES]);
#endif
