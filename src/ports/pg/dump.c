/*
 * The connection string goes to the programs by the environment, item by item, because their command lines are for
 * everybody to read.
 */
#include "dump.h"

#include <errno.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define VARIABLES_MAX 64
#define VARIABLE_BYTES 1024

struct environment {
    char text[VARIABLES_MAX][VARIABLE_BYTES];
    char *list[VARIABLES_MAX + 3];
    size_t count;
};

extern char **environ;

static bool add(struct environment *env, const char *name, const char *value)
{
    if (env->count == VARIABLES_MAX) {
        return false;
    }
    const int n = snprintf(env->text[env->count], VARIABLE_BYTES, "%s=%s", name, value);
    env->list[env->count] = env->text[env->count];
    env->count++;
    return n > 0 && n < VARIABLE_BYTES;
}

/* Every item of the string that libpq also reads from a variable; and where to find programs and home. */
static ud_err fill(struct environment *env, const char *place, char words[UD_STORE_WORDS_BYTES])
{
    static const char *const kept[] = {"PATH", "HOME", "LANG"};
    char *why = NULL;
    bool good = true;
    PQconninfoOption *options = PQconninfoParse(place, &why);
    if (options == NULL) {
        snprintf(words, UD_STORE_WORDS_BYTES, "%s", why == NULL ? "out of memory" : why);
        PQfreemem(why);
        return UD_ERR_CONFIG;
    }
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL && option->envvar != NULL) {
            good = good && add(env, option->envvar, option->val);
        }
    }
    PQconninfoFree(options);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        const char *value = getenv(kept[i]);
        good = good && (value == NULL || add(env, kept[i], value));
    }
    return good ? UD_OK : UD_ERR_LIMIT;
}

static ud_err run(const char *place, char *const argv[], char words[UD_STORE_WORDS_BYTES])
{
    struct environment *env = calloc(1, sizeof *env);
    pid_t pid = 0;
    int status = -1;
    ud_err err = env == NULL ? UD_ERR_MEMORY : fill(env, place, words);
    if (err == UD_OK) {
        const int failed = posix_spawnp(&pid, argv[0], NULL, NULL, argv, env->list);
        if (failed != 0) {
            snprintf(words, UD_STORE_WORDS_BYTES, "%s cannot be started (postgresql-client)", argv[0]);
            err = UD_ERR_STORE;
        }
    }
    while (err == UD_OK && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (err == UD_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        snprintf(words, UD_STORE_WORDS_BYTES, "%s failed; its words are above", argv[0]);
        err = UD_ERR_STORE;
    }
    free(env);
    return err;
}

ud_err pg_dump_to(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES])
{
    char program[] = "pg_dump";
    char format[] = "--format=custom";
    char owner[] = "--no-owner";
    char rights[] = "--no-privileges";
    char file[VARIABLE_BYTES];
    char *const argv[] = {program, format, owner, rights, file, NULL};
    const int n = snprintf(file, sizeof file, "--file=%s", path);
    return n < 0 || (size_t)n >= sizeof file ? UD_ERR_LIMIT : run(place, argv, words);
}

ud_err pg_restore_from(const char *place, const char *path, char words[UD_STORE_WORDS_BYTES])
{
    char program[] = "pg_restore";
    char once[] = "--single-transaction"; /* all of it, or nothing */
    char owner[] = "--no-owner";
    char rights[] = "--no-privileges";
    char database[] = "--dbname="; /* what the environment says */
    char file[VARIABLE_BYTES];
    char *const argv[] = {program, once, owner, rights, database, file, NULL};
    const int n = snprintf(file, sizeof file, "%s", path);
    return n < 0 || (size_t)n >= sizeof file ? UD_ERR_LIMIT : run(place, argv, words);
}
