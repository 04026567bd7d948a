/*
 * The console: a web page, built from console/ and linked into this program (scripts/embed), so that it needs nothing
 * installed and fetches nothing from elsewhere. It is served to everybody, as it holds no data: all of that comes
 * through the API, which asks who is there.
 */
#ifndef UD_SERVER_CONSOLE_H
#define UD_SERVER_CONSOLE_H

#include "server/http.h"

typedef enum ud_console_form {
    UD_CONSOLE_PLAIN,
    UD_CONSOLE_GZIP,
    UD_CONSOLE_BROTLI,
    UD_CONSOLE_FORM_COUNT
} ud_console_form;

struct ud_console_file {
    const char *path; /* "/assets/index-1a2b3c4d.js" */
    const char *type;
    bool hashed; /* its name changes with its bytes: kept for a year */
    struct {
        struct ud_bytes bytes;
        const char *etag; /* forms of one thing must not share a tag */
    } forms[UD_CONSOLE_FORM_COUNT];
};

/* Made by scripts/embed: sorted by path. */
extern const struct ud_console_file ud_console_files[];
extern const size_t ud_console_file_count;

/** Is this a page or a file of the console? Then the call's route is set to it. */
bool ud_console_is_path(struct ud_call *call, const char *method, const char *path);

/**
 * The form that an Accept-Encoding (NULL: none) likes best; of equals the smaller one. Plain is for whoever names no
 * other, the one who refuses every form included (RFC 9110 12.5.3: it may be sent all the same).
 */
ud_console_form ud_console_form_for(const char *accept);

#endif
