/*
 * The console: a web page, built from console/ and linked into this program (scripts/embed), so that it needs nothing
 * installed and fetches nothing from elsewhere. It is served to everybody, as it holds no data: all of that comes
 * through the API, which asks who is there.
 */
#ifndef UD_SERVER_CONSOLE_H
#define UD_SERVER_CONSOLE_H

#include "server/http.h"

struct ud_console_file {
    const char *path; /* "/assets/index-1a2b3c4d.js" */
    const char *type;
    const char *etag;      /* of its bytes */
    const char *etag_gzip; /* two forms of one thing must not share a tag */
    bool hashed;           /* its name changes with its bytes: kept for a year */
    struct ud_bytes plain;
    struct ud_bytes gzip;
};

/* Made by scripts/embed: sorted by path. */
extern const struct ud_console_file ud_console_files[];
extern const size_t ud_console_file_count;

/** Is this a page or a file of the console? Then the call's route is set to it. */
bool ud_console_is_path(struct ud_call *call, const char *method, const char *path);

/** Does an Accept-Encoding (NULL: none) take gzip? */
bool ud_console_takes_gzip(const char *accept);

#endif
