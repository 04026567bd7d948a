#include "server/upkeep.h"

#include "server/artifacts.h"
#include "server/mqtt/mqtt_acl.h"
#include "server/object_store.h"
#include "server/secret.h"
#include "server/store_upkeep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 65536
#define TEXT_BYTES_MAX 16384
#define STORE_NAME "store.backup"
#define EXIT_USAGE 2

/* What of a state folder is not in its backup: the store (copied apart), and what belongs to a running process. */
static bool is_left_out(const char *name)
{
    static const char *const names[] = {"updraft.db", "lock", "listen.json", "uploads", "cache"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return name[0] == '.' || strcmp(name, STORE_NAME) == 0;
}

static ud_err copy_bytes(int from, int to)
{
    static _Thread_local char buffer[COPY_BYTES];
    for (;;) {
        const ssize_t got = read(from, buffer, sizeof buffer);
        if (got <= 0) {
            return got == 0 ? UD_OK : UD_ERR_IO;
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0) {
                return ud_err_of_errno(errno);
            }
            done += put;
        }
    }
}

static ud_err copy_file(const char *from, const char *to, mode_t mode)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    ud_err err = in < 0 || out < 0 ? ud_err_of_errno(errno) : copy_bytes(in, out);
    if (err == UD_OK && fsync(out) != 0) {
        err = UD_ERR_IO;
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    return err;
}

static ud_err copy_entry(const char *from, const char *to, unsigned depth);

static ud_err copy_folder(const char *from, const char *to, unsigned depth)
{
    DIR *folder = opendir(from);
    if (folder == NULL) {
        return ud_err_of_errno(errno);
    }
    ud_err err = ud_folder_make(to, 0700);
    for (struct dirent *entry = readdir(folder); err == UD_OK && entry != NULL; entry = readdir(folder)) {
        char inner[UD_PATH_BYTES_MAX];
        char copy[UD_PATH_BYTES_MAX];
        if (is_left_out(entry->d_name)) {
            continue;
        }
        err = ud_path_join(inner, from, entry->d_name);
        err = err == UD_OK ? ud_path_join(copy, to, entry->d_name) : err;
        err = err == UD_OK ? copy_entry(inner, copy, depth + 1) : err;
    }
    closedir(folder);
    return err == UD_OK ? ud_folder_sync(to) : err;
}

/* Artifacts lie two folders deep; nothing of ours lies deeper. */
static ud_err copy_entry(const char *from, const char *to, unsigned depth)
{
    struct stat about;
    if (lstat(from, &about) != 0) {
        return errno == ENOENT ? UD_OK : ud_err_of_errno(errno); /* gone meanwhile: a temporary file */
    }
    if (S_ISREG(about.st_mode)) {
        return copy_file(from, to, about.st_mode);
    }
    return S_ISDIR(about.st_mode) && depth < 4 ? copy_folder(from, to, depth) : UD_OK;
}

static int failed(const char *what, ud_err err, const char *words)
{
    fprintf(stderr, "updraftd: %s: %s (%s)%s%s\n  next: %s\n", what, ud_err_text(err), ud_err_name(err),
            words[0] == '\0' ? "" : ": ", words, ud_err_remedy(err));
    return EXIT_FAILURE;
}

/* --- backup and restore */

static int backup(const char *folder, const struct ud_config *config)
{
    char path[UD_PATH_BYTES_MAX];
    char words[UD_STORE_WORDS_BYTES] = "";
    if (mkdir(folder, 0700) != 0) {
        return failed(folder, errno == EEXIST ? UD_ERR_CONFLICT : UD_ERR_IO, "the folder must be a new one");
    }
    /* the store first: whatever it names was stored before, so the files that follow are all there */
    ud_err err = ud_path_join(path, folder, STORE_NAME);
    err = err == UD_OK ? ud_store_backup(ud_config_store(config), path, words) : err;
    if (err == UD_OK && chmod(path, 0600) != 0) {
        err = UD_ERR_IO;
    }
    err = err == UD_OK ? copy_folder(config->state, folder, 0) : err;
    if (err == UD_OK && config->artifacts[0] != '\0') {
        err = copy_folder(config->artifacts, folder, 0);
    }
    if (err != UD_OK) {
        return failed("backup", err, words);
    }
    printf("Backup in %s. It holds keys: keep it as safe as the server.\n", folder);
    return EXIT_SUCCESS;
}

static int restore(const char *folder, const struct ud_config *config)
{
    char path[UD_PATH_BYTES_MAX];
    char words[UD_STORE_WORDS_BYTES] = "";
    ud_err err = ud_folder_make(config->state, 0700);
    err = err == UD_OK ? ud_path_join(path, folder, STORE_NAME) : err;
    err = err == UD_OK && !ud_state_file_exists(path) ? UD_ERR_NOT_FOUND : err;
    err = err == UD_OK ? copy_folder(folder, config->state, 0) : err;
    /* the store last: only with it the folder counts as restored */
    err = err == UD_OK ? ud_store_restore(ud_config_store(config), path, words) : err;
    if (err != UD_OK) {
        return failed("restore", err, words);
    }
    printf("Restored into %s. Ids go on beyond all that were given out before.\n", config->state);
    return EXIT_SUCCESS;
}

/* --- check */

struct checking {
    const struct ud_artifacts *artifacts;
    unsigned findings;
    uint64_t files;
};

static void print_finding(void *ctx, const struct ud_finding *finding)
{
    struct checking *checking = ctx;
    checking->findings++;
    printf("%lld %s\n  next: %s\n", (long long)finding->count, finding->what, finding->advice);
}

static ud_err hash_file(int fd, uint8_t digest[UD_SHA256_BYTES])
{
    static _Thread_local uint8_t buffer[COPY_BYTES];
    struct ud_hash hash;
    ud_err err = ud_hash_init(&hash);
    if (err != UD_OK) {
        return err;
    }
    for (ssize_t got = 1; err == UD_OK && got > 0;) {
        got = read(fd, buffer, sizeof buffer);
        err = got < 0 ? UD_ERR_IO : ud_hash_update(&hash, (struct ud_bytes){buffer, (size_t)got});
    }
    if (err != UD_OK) {
        ud_hash_abort(&hash);
        return err;
    }
    return ud_hash_final(&hash, digest);
}

static void check_file(void *ctx, const struct ud_row_artifact *row)
{
    struct checking *checking = ctx;
    char hex[2 * UD_SHA256_BYTES + 1];
    char what[160];
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t bytes = 0;
    int fd = -1;
    ud_err err = ud_artifacts_bring(checking->artifacts, row->sha256);
    err = err == UD_OK ? ud_artifacts_file(checking->artifacts, row->sha256, &fd, &bytes) : err;
    const bool there = err == UD_OK;
    err = err == UD_OK ? hash_file(fd, digest) : err;
    if (fd >= 0) {
        close(fd);
    }
    checking->files++;
    if (err == UD_OK && bytes == row->size && memcmp(digest, row->sha256, sizeof digest) == 0) {
        return;
    }
    ud_hex_write(hex, row->sha256, sizeof row->sha256);
    snprintf(what, sizeof what, "artifact %s %s", hex, there ? "is another file" : "is not there");
    print_finding(checking, &(struct ud_finding){
                                what, there ? "remove the file, then upload it again" : "upload it again", 1});
}

/* What is far away is fetched to be compared, into the same copies that the server reads. */
static ud_err open_objects(const struct ud_config *config, struct ud_artifacts *artifacts,
                           struct ud_object_store **objects, struct ud_log *log)
{
    const ud_err err = ud_object_store_open(objects, config, log);
    return err == UD_OK ? ud_artifacts_far(artifacts, config->state, *objects, config->artifact_cache_bytes_max)
                        : err;
}

static int check(const struct ud_config *config)
{
    struct ud_object_store *objects = NULL;
    struct ud_log log = {.fd = STDERR_FILENO, .level = UD_LOG_ERROR};
    struct checking checking = {.findings = 0};
    struct ud_artifacts *artifacts = NULL;
    struct ud_store *store = NULL;
    char words[UD_STORE_WORDS_BYTES] = "";
    ud_err err = ud_store_open_or_say(&store, ud_config_store(config), UD_STORE_READER, words);
    err = err == UD_OK ? ud_artifacts_open(&artifacts, ud_config_artifacts(config), config->artifact_bytes_max)
                       : err;
    checking.artifacts = artifacts;
    err = err == UD_OK && config->s3_url[0] != '\0' ? open_objects(config, artifacts, &objects, &log) : err;
    err = err == UD_OK ? ud_store_check(store, print_finding, &checking) : err;
    err = err == UD_OK ? ud_store_artifact_walk(store, check_file, &checking) : err;
    if (err != UD_OK && store != NULL) {
        memcpy(words, ud_store_message(store), sizeof words);
    }
    ud_artifacts_close(artifacts);
    ud_object_store_close(objects);
    ud_store_close(store);
    if (err != UD_OK) {
        return failed("check", err, words);
    }
    printf("%s: %u findings, %llu artifacts read\n", checking.findings == 0 ? "good" : "not good",
           checking.findings, (unsigned long long)checking.files);
    return checking.findings == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- what the broker needs */

static int mqtt(const char *what, const struct ud_config *config)
{
    struct ud_text text;
    ud_text_init(&text, TEXT_BYTES_MAX);
    const bool known = what != NULL && ud_mqtt_acl_write(&text, what, config);
    const bool good = known && ud_text_ok(&text) && fputs(text.ptr, stdout) >= 0;
    ud_text_free(&text);
    if (!known) {
        fprintf(stderr, "updraftd: mqtt needs acl or conf\n");
        return EXIT_USAGE;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- which */

bool ud_upkeep_is_command(const char *word)
{
    return strcmp(word, "backup") == 0 || strcmp(word, "restore") == 0 || strcmp(word, "check") == 0 ||
           strcmp(word, "mqtt") == 0;
}

int ud_upkeep_run(const char *command, const char *folder, const struct ud_config *config)
{
    if (strcmp(command, "check") == 0) {
        return check(config);
    }
    if (strcmp(command, "mqtt") == 0) {
        return mqtt(folder, config);
    }
    if (folder == NULL) {
        fprintf(stderr, "updraftd: %s needs a folder\n", command);
        return EXIT_USAGE;
    }
    return strcmp(command, "backup") == 0 ? backup(folder, config) : restore(folder, config);
}
