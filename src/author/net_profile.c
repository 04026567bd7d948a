#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "author/net.h"

static ud_err copy_text(char *out, size_t out_bytes, const char *text)
{
    const size_t len = strlen(text);
    if (len >= out_bytes) {
        return UD_ERR_LIMIT;
    }
    memcpy(out, text, len + 1);
    return UD_OK;
}

ud_err net_profile_path(char path[NET_PATH_BYTES_MAX])
{
    const char *named = getenv("UPDRAFT_PROFILE");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int len;
    if (named != NULL && named[0] != '\0') {
        len = snprintf(path, NET_PATH_BYTES_MAX, "%s", named);
    } else if (config != NULL && config[0] != '\0') {
        len = snprintf(path, NET_PATH_BYTES_MAX, "%s/updraft/profile.ini", config);
    } else {
        len = snprintf(path, NET_PATH_BYTES_MAX, "%s/.config/updraft/profile.ini", home != NULL ? home : ".");
    }
    return len > 0 && len < NET_PATH_BYTES_MAX ? UD_OK : UD_ERR_LIMIT;
}

/* inih calls this for each line; a value that does not fit stops it. */
static int take_line(void *ctx, const char *section, const char *name, const char *value)
{
    struct net_profile *profile = ctx;
    const struct {
        const char *name;
        char *out;
        size_t out_bytes;
    } fields[] = {
        {"url", profile->url, sizeof profile->url},
        {"ca", profile->ca, sizeof profile->ca},
        {"token", profile->token, sizeof profile->token},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(section, "server") == 0 && strcmp(name, fields[i].name) == 0) {
            return copy_text(fields[i].out, fields[i].out_bytes, value) == UD_OK;
        }
    }
    return 1; /* a later version's key: not ours to refuse */
}

ud_err net_read_secret(const char *path, char *secret, size_t secret_bytes, char *why)
{
    struct stat info;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    ud_err err = UD_OK;
    if (file == NULL) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: %s", path, strerror(errno));
        return UD_ERR_IO;
    }
    if (file != stdin && (fstat(fileno(file), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: others can read it; chmod 600 it first", path);
        err = UD_ERR_IO;
    } else if (fgets(secret, (int)secret_bytes, file) == NULL) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: holds no token", path);
        err = UD_ERR_IO;
    } else if (strchr(secret, '\n') == NULL && strlen(secret) == secret_bytes - 1) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: the token is longer than %zu characters", path, secret_bytes - 2);
        err = UD_ERR_LIMIT;
    } else {
        secret[strcspn(secret, "\r\n")] = '\0';
    }
    if (file != stdin) {
        fclose(file);
    }
    return err;
}

static ud_err take_flag(char *out, size_t out_bytes, const char *flag, const char *variable)
{
    const char *value = flag != NULL ? flag : getenv(variable);
    return value != NULL && value[0] != '\0' ? copy_text(out, out_bytes, value) : UD_OK;
}

static ud_err load_file(struct net_profile *profile, char *why)
{
    char path[NET_PATH_BYTES_MAX];
    struct stat info;
    ud_err err = net_profile_path(path);
    if (err != UD_OK || stat(path, &info) != 0) {
        return err; /* no profile: flags and environment may be enough */
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: others can read it; chmod 600 it first", path);
        return UD_ERR_IO;
    }
    if (ini_parse(path, take_line, profile) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: not a profile; write it again with `updraft login`", path);
        return UD_ERR_CONFIG;
    }
    return UD_OK;
}

ud_err net_profile_load(struct net_profile *profile, const struct net_flags *flags, char *why)
{
    memset(profile, 0, sizeof *profile);
    why[0] = '\0';
    ud_err err = load_file(profile, why);
    if (err == UD_OK) {
        err = take_flag(profile->url, sizeof profile->url, flags->url, "UPDRAFT_URL");
    }
    if (err == UD_OK) {
        err = take_flag(profile->ca, sizeof profile->ca, flags->ca, "UPDRAFT_CA");
    }
    if (err == UD_OK) {
        err = take_flag(profile->token, sizeof profile->token, NULL, "UPDRAFT_TOKEN");
    }
    if (err == UD_OK && flags->token_file != NULL) {
        err = net_read_secret(flags->token_file, profile->token, sizeof profile->token, why);
    }
    if (err == UD_OK && profile->url[0] == '\0') {
        snprintf(why, NET_WHY_BYTES_MAX, "no server is known; `updraft login --server URL` first");
        return UD_ERR_CONFIG;
    }
    return err;
}

static ud_err write_private(const char *path, const struct net_profile *profile)
{
    char temporary[NET_PATH_BYTES_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    (void)unlink(temporary);
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return UD_ERR_IO;
    }
    const bool written = fprintf(file, "[server]\nurl = %s\nca = %s\ntoken = %s\n", profile->url, profile->ca,
                                 profile->token) > 0;
    const bool synced = fflush(file) == 0 && fsync(fd) == 0;
    if (fclose(file) != 0 || !written || !synced || rename(temporary, path) != 0) {
        (void)unlink(temporary);
        return UD_ERR_IO;
    }
    return UD_OK;
}

/* Make the folders above the file; those that exist are left as they are. */
static void make_folders(const char *path)
{
    char folder[NET_PATH_BYTES_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(folder, 0700); /* a failure shows when the file is opened */
        *slash = '/';
    }
}

ud_err net_profile_save(const struct net_profile *profile, char *why)
{
    char path[NET_PATH_BYTES_MAX];
    ud_err err = net_profile_path(path);
    if (err != UD_OK) {
        return err;
    }
    make_folders(path);
    err = write_private(path, profile);
    if (err != UD_OK) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: %s", path, strerror(errno));
    }
    return err;
}

void net_profile_forget(struct net_profile *profile)
{
    explicit_bzero(profile, sizeof *profile);
}
