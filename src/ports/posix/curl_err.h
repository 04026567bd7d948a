/* curl's ways to fail, as ours: one table for everything that speaks HTTP as a client. */
#ifndef UPDRAFT_POSIX_CURL_ERR_H
#define UPDRAFT_POSIX_CURL_ERR_H

#include <curl/curl.h>

#include "updraft/err.h"

/** UD_OK for CURLE_OK; UD_ERR_CONNECT for what has no row of its own. */
ud_err ud_curl_err(CURLcode code);

#endif
