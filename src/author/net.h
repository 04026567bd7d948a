/*
 * The author's way to the server: profile, one request at a time over HTTPS, uploads that resume. TLS is always
 * verified; there is no switch. Formats: docs/formats.md sections 8 and 9.
 */
#ifndef UPDRAFT_AUTHOR_NET_H
#define UPDRAFT_AUTHOR_NET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "updraft/err.h"

#define NET_URL_BYTES_MAX 512
#define NET_PATH_BYTES_MAX 4096
#define NET_TOKEN_BYTES_MAX 256
#define NET_ANSWER_BYTES_MAX (16u << 20)
#define NET_WHY_BYTES_MAX (NET_PATH_BYTES_MAX + 512)

/* Where to and who: flags first, then the environment, then the profile file. */
struct net_profile {
    char url[NET_URL_BYTES_MAX];
    char ca[NET_PATH_BYTES_MAX]; /* empty: the system's */
    char token[NET_TOKEN_BYTES_MAX];
    bool basic; /* the token is "user:password", for a server that is not ours */
};

/* What the flags of a command said; NULL where not given. Tokens never come from argv. */
struct net_flags {
    const char *url;
    const char *ca;
    const char *token_file;
};

struct net_answer {
    long status;
    int64_t upload_offset; /* -1 where the answer had none */
    json_t *json;          /* NULL where the body is not JSON */
    ud_err err;            /* of an error answer: its errorCode; UD_ERR_PROTOCOL where it has none we know */
    char why[NET_WHY_BYTES_MAX];
};

struct net_client;

/** Where the profile file is (formats.md section 9). UD_ERR_LIMIT. */
ud_err net_profile_path(char path[NET_PATH_BYTES_MAX]);
/** @param why [NET_WHY_BYTES_MAX] what is wrong, for a person */
ud_err net_profile_load(struct net_profile *profile, const struct net_flags *flags, char *why);
/** Writes the file 0600, by rename, so that an interrupted login leaves the old one. */
ud_err net_profile_save(const struct net_profile *profile, char *why);
/** First line of a file that only its owner can read; "-" is standard input. UD_ERR_IO, UD_ERR_LIMIT. */
ud_err net_read_secret(const char *path, char *secret, size_t secret_bytes, char *why);
void net_profile_forget(struct net_profile *profile);

/** UD_ERR_URI where the address is neither https nor on loopback; UD_ERR_MEMORY. */
ud_err net_open(struct net_client **client, const struct net_profile *profile);
void net_close(struct net_client *client);
/** A session was begun: its cookie goes with every request from here on, and this with each one that changes something. */
void net_session(struct net_client *client, const char *csrf);

/**
 * One request. `body` may be NULL. Transport failures are UD_ERR_CONNECT, UD_ERR_TLS, UD_ERR_TIMEOUT; an answer
 * above 399 is UD_OK here with answer->err set: the caller knows which ones it expects.
 */
ud_err net_request(struct net_client *client, const char *method, const char *path, const char *content_type,
                   const void *body, size_t body_bytes, struct net_answer *answer);
/** As net_request with a JSON body; takes no reference. */
ud_err net_request_json(struct net_client *client, const char *method, const char *path, const json_t *body,
                        struct net_answer *answer);
void net_answer_clear(struct net_answer *answer);

/** The body of a GET into a file, which is continued from where it ends. Transport failures; UD_ERR_PROTOCOL. */
ud_err net_download(struct net_client *client, const char *path, FILE *out, struct net_answer *answer);

/* Called as an upload goes on. */
typedef void net_progress_fn(void *ctx, uint64_t done_bytes, uint64_t total_bytes);

/**
 * Upload a file as the artifact of this digest, from where an earlier try ended. A lost connection is tried again
 * from the new offset, at most UPLOAD_TRIES times without progress.
 *
 * @param sha256_hex 64 lower-case hex characters
 */
ud_err net_upload(struct net_client *client, const char *sha256_hex, const char *path,
                  net_progress_fn *progress, void *progress_ctx, struct net_answer *answer);

/** Percent-encode one path segment. UD_ERR_LIMIT. */
ud_err net_segment(const char *text, char *out, size_t out_bytes);

#endif
