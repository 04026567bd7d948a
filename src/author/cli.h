/*
 * What every `updraft` command shares: exit codes, how errors are told, small files, numbers given
 * as text, JSON output. A command is a function of argc and argv (argv[0] is its name) and gives the exit code.
 */
#ifndef UPDRAFT_AUTHOR_CLI_H
#define UPDRAFT_AUTHOR_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "author/ids.h"
#include "ports/pkcs11/token.h"
#include "updraft/crypto.h"
#include "updraft/limits.h"
#include "updraft/trust.h"

/* Exit codes; `updraft --help` prints them. */
enum {
    CLI_OK = 0,
    CLI_REFUSED = 1, /* a check, or the server, said no */
    CLI_USAGE = 2,
    CLI_IO = 3, /* file, network, configuration */
};

#define CLI_ENVELOPE_BYTES_MAX (64u << 20) /* integrated payloads included */

/** `updraft: what: why (NAME)` and the remedy, on standard error; NULL `why` is the error's own text. */
int cli_fail(const char *what, const char *why, ud_err err);
/** The same with the place in the input, where diag has one. */
int cli_fail_at(const char *what, const struct ud_diag *diag);
/** The same for a file of ours: one that is not there is CLI_IO, while a server that has none refuses. */
int cli_fail_file(const char *path, ud_err err);
/** Wrong arguments: says so and points at --help. */
int cli_usage(const char *command, const char *why);
/** Print as JSON, indented, on standard output. */
void cli_print_json(const json_t *json);
/** Print text from somebody else with control characters replaced: it may have been chosen to mislead. */
void cli_print_text(FILE *out, const char *text, int width);
/** The whole of a small file; free() the result. UD_ERR_NOT_FOUND, UD_ERR_IO, UD_ERR_TOO_LARGE, UD_ERR_MEMORY. */
ud_err cli_read_file(const char *path, size_t bytes_max, char **bytes, size_t *len);

/** A decimal number within [low, high], and nothing else. */
bool cli_number(const char *text, uint64_t low, uint64_t high, uint64_t *value);
/** Open a token; its PIN is in a file, in $UPDRAFT_PIN, or asked for. Errors of files and of ud_token_open(). */
ud_err cli_token_open(struct ud_token **token, const char *uri, const char *pin_file);
/** Add the public key of a file (PEM or COSE_Key) as an anchor of weight 1. Errors of author_public_load() and of trust. */
ud_err cli_anchor(struct ud_trust *trust, const char *path);

#endif
