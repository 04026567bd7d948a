#include "server/artifact_want.h"

#include "server/artifacts.h"

#include <stdlib.h>

struct want {
    struct ud_disk_job job;
    struct ud_server *server;
    uint8_t sha256[UD_SHA256_BYTES];
};

static void end(struct want *want)
{
    atomic_fetch_sub(&want->server->artifact_wants, 1);
    free(want);
}

/* Why it failed is in the log; who wants it asks again. */
static void run(struct ud_disk_job *job)
{
    struct want *want = (struct want *)(void *)job;
    (void)ud_artifacts_bring(want->server->artifacts, want->sha256);
    end(want);
}

void ud_artifact_want(struct ud_server *server, const uint8_t sha256[UD_SHA256_BYTES])
{
    if (atomic_fetch_add(&server->artifact_wants, 1) >= UD_ARTIFACT_WANTS_MAX) {
        atomic_fetch_sub(&server->artifact_wants, 1);
        return;
    }
    struct want *want = malloc(sizeof *want);
    if (want == NULL) {
        atomic_fetch_sub(&server->artifact_wants, 1);
        return;
    }
    *want = (struct want){.job = {.run = run}, .server = server};
    memcpy(want->sha256, sha256, sizeof want->sha256);
    if (ud_disk_submit(server->far[sha256[0] % UD_FAR_THREADS], &want->job) != UD_OK) {
        end(want);
    }
}
