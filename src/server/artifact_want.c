#include "server/artifact_want.h"

#include "server/artifacts.h"

#include <stdlib.h>

struct want {
    struct ud_disk_job job;
    struct ud_server *server;
    uint8_t sha256[UD_SHA256_BYTES];
    bool counted;
};

static void end(struct want *want)
{
    if (want->counted) {
        atomic_fetch_sub(&want->server->artifact_wants, 1);
    }
    free(want);
}

/* Why it failed is in the log, and told to those who joined; others ask again. */
static void run(struct ud_disk_job *job)
{
    struct want *want = (struct want *)(void *)job;
    (void)ud_artifacts_bring(want->server->artifacts, want->sha256);
    end(want);
}

static ud_err submit(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES], bool counted)
{
    struct want *want = malloc(sizeof *want);
    if (want == NULL) {
        if (counted) {
            atomic_fetch_sub(&server->artifact_wants, 1);
        }
        return UD_ERR_MEMORY;
    }
    *want = (struct want){.job = {.run = run}, .server = server, .counted = counted};
    memcpy(want->sha256, sha256, sizeof want->sha256);
    const ud_err err = ud_disk_submit(server->far[sha256[0] % UD_FAR_THREADS], &want->job);
    if (err != UD_OK) {
        end(want);
    }
    return err;
}

ud_err ud_artifact_fetch(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES])
{
    return submit(server, sha256, false);
}

void ud_artifact_want(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES])
{
    if (atomic_fetch_add(&server->artifact_wants, 1) >= UD_ARTIFACT_WANTS_MAX) {
        atomic_fetch_sub(&server->artifact_wants, 1);
        return;
    }
    (void)submit(server, sha256, true);
}
