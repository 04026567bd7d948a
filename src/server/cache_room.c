#include "server/cache_room.h"

#include "server/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_CHARS 2 /* "ab" of "ab/abcdef..." */
#define NAME_CHARS 64

struct copy {
    char name[NAME_CHARS + 1];
    uint64_t bytes;
    struct timespec used;
};

struct copies {
    struct copy *rows;
    size_t count;
    size_t room;
    uint64_t bytes;
};

static int by_age(const void *a, const void *b)
{
    const struct timespec *left = &((const struct copy *)a)->used;
    const struct timespec *right = &((const struct copy *)b)->used;
    return left->tv_sec != right->tv_sec    ? (left->tv_sec < right->tv_sec ? -1 : 1)
           : left->tv_nsec < right->tv_nsec ? -1
                                            : left->tv_nsec > right->tv_nsec;
}

static void note(struct copies *copies, const char *name, const struct stat *facts)
{
    if (copies->count == copies->room) {
        const size_t room = copies->room == 0 ? 64 : copies->room * 2;
        struct copy *grown = realloc(copies->rows, room * sizeof *grown);
        if (grown == NULL) {
            return; /* this one stays for now */
        }
        copies->rows = grown;
        copies->room = room;
    }
    struct copy *copy = &copies->rows[copies->count++];
    memcpy(copy->name, name, NAME_CHARS + 1);
    copy->bytes = (uint64_t)facts->st_size;
    copy->used = facts->st_mtim;
    copies->bytes += copy->bytes;
}

static void look_into(struct copies *copies, const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct stat facts;
        if (strlen(entry->d_name) == NAME_CHARS &&
            fstatat(dirfd(folder), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode)) {
            note(copies, entry->d_name, &facts);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

static void look_through(struct copies *copies, const char *root)
{
    char path[UD_PATH_BYTES_MAX];
    DIR *folder = opendir(root);
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strlen(entry->d_name) == FOLDER_CHARS && entry->d_name[0] != '.' &&
            ud_path_join(path, root, entry->d_name) == UD_OK) {
            look_into(copies, path);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

void ud_cache_room(const char *root, uint64_t bytes, uint64_t bytes_max)
{
    struct copies copies = {.count = 0};
    look_through(&copies, root);
    if (copies.count > 0) {
        qsort(copies.rows, copies.count, sizeof *copies.rows, by_age);
    }
    for (size_t i = 0; i < copies.count && copies.bytes + bytes > bytes_max; i++) {
        char folder[FOLDER_CHARS + 1] = {copies.rows[i].name[0], copies.rows[i].name[1], '\0'};
        char below[UD_PATH_BYTES_MAX];
        char path[UD_PATH_BYTES_MAX];
        if (ud_path_join(below, root, folder) == UD_OK &&
            ud_path_join(path, below, copies.rows[i].name) == UD_OK && unlink(path) == 0) {
            copies.bytes -= copies.rows[i].bytes;
        }
    }
    free(copies.rows);
}
