/* One thread for slow disk work (fsync of a large file, hashing a partial upload), so that connections go on. */
#ifndef UD_SERVER_DISK_H
#define UD_SERVER_DISK_H

#include "updraft/err.h"

struct ud_disk_job {
    void (*run)(struct ud_disk_job *job); /* on the disk thread; tells its result itself */
    struct ud_disk_job *next;             /* private */
};

struct ud_disk;

ud_err ud_disk_open(struct ud_disk **disk);
/** UD_ERR_RETRY_LATER once ud_disk_stop() was called. */
ud_err ud_disk_submit(struct ud_disk *disk, struct ud_disk_job *job);
/** Finish what is queued; take no more. */
void ud_disk_stop(struct ud_disk *disk);
/** Stop, and release. */
void ud_disk_close(struct ud_disk *disk);

#endif
