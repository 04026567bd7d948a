#include "server/disk.h"

#include <pthread.h>
#include <stdlib.h>

struct ud_disk {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    struct ud_disk_job *first;
    struct ud_disk_job **last;
    bool ending;
};

static struct ud_disk_job *take(struct ud_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    while (disk->first == NULL && !disk->ending) {
        pthread_cond_wait(&disk->queued, &disk->lock);
    }
    struct ud_disk_job *job = disk->first;
    if (job != NULL) {
        disk->first = job->next;
        if (disk->first == NULL) {
            disk->last = &disk->first;
        }
    }
    pthread_mutex_unlock(&disk->lock);
    return job;
}

static void *disk_thread(void *ctx)
{
    struct ud_disk *disk = ctx;
    for (struct ud_disk_job *job = take(disk); job != NULL; job = take(disk)) {
        job->run(job);
    }
    return NULL;
}

ud_err ud_disk_open(struct ud_disk **out)
{
    struct ud_disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL) {
        return UD_ERR_MEMORY;
    }
    disk->last = &disk->first;
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->queued, NULL);
    if (pthread_create(&disk->thread, NULL, disk_thread, disk) != 0) {
        pthread_cond_destroy(&disk->queued);
        pthread_mutex_destroy(&disk->lock);
        free(disk);
        return UD_ERR_MEMORY;
    }
    *out = disk;
    return UD_OK;
}

ud_err ud_disk_submit(struct ud_disk *disk, struct ud_disk_job *job)
{
    ud_err err = UD_ERR_RETRY_LATER;
    job->next = NULL;
    pthread_mutex_lock(&disk->lock);
    if (!disk->ending) {
        *disk->last = job;
        disk->last = &job->next;
        pthread_cond_signal(&disk->queued);
        err = UD_OK;
    }
    pthread_mutex_unlock(&disk->lock);
    return err;
}

void ud_disk_stop(struct ud_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    const bool running = !disk->ending;
    disk->ending = true;
    pthread_cond_signal(&disk->queued);
    pthread_mutex_unlock(&disk->lock);
    if (running) {
        pthread_join(disk->thread, NULL);
    }
}

void ud_disk_close(struct ud_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    ud_disk_stop(disk);
    pthread_cond_destroy(&disk->queued);
    pthread_mutex_destroy(&disk->lock);
    free(disk);
}
