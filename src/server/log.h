/*
 * Log: one line per event, `time level event key=value …`. Values are escaped, so a device's text cannot forge a
 * line. Tokens and keys are never passed here.
 */
#ifndef UD_SERVER_LOG_H
#define UD_SERVER_LOG_H

#include "updraft/err.h"

typedef enum ud_log_level { UD_LOG_ERROR, UD_LOG_WARN, UD_LOG_INFO, UD_LOG_DEBUG } ud_log_level;

struct ud_log {
    int fd;
    ud_log_level level; /* lines above this level are left out */
};

/** Pairs of key and value (both const char *), ended by NULL. A NULL value is written as "-". */
void ud_log_event(const struct ud_log *log, ud_log_level level, const char *event, ...)
    __attribute__((sentinel));

/** Decimal text of a number for ud_log_event; `text` has room for 24 bytes. @return text */
const char *ud_log_int(char text[24], int64_t value);

#endif
