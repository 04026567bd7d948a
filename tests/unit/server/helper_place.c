#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include <dirent.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PG_BIN "/usr/lib/postgresql/15/bin/"

/* --- the database server of this process */

static struct {
    char folder[64]; /* empty: not started */
    pid_t pid;
    unsigned schemas;
} server;

/* The server refuses to run as root. */
static void become_postgres(void)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user != NULL && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
        _exit(127);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* it ends with us, whatever ends us */
}

static pid_t start(char *const argv[])
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        become_postgres();
        if (freopen("/dev/null", "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL) {
            execv(argv[0], argv);
        }
        _exit(127);
    }
    return pid;
}

static void remove_tree(const char *path)
{
    struct stat about;
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        DIR *folder = opendir(path);
        for (struct dirent *entry = folder == NULL ? NULL : readdir(folder); entry != NULL;
             entry = readdir(folder)) {
            char inner[1024];
            const int n = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && n > 0 &&
                (size_t)n < sizeof inner) {
                remove_tree(inner);
            }
        }
        closedir(folder);
    }
    remove(path);
}

static void stop_server(void)
{
    kill(server.pid, SIGQUIT);
    waitpid(server.pid, NULL, 0);
    remove_tree(server.folder);
}

static void base_url(char *out, size_t room)
{
    snprintf(out, room, "postgresql://postgres@/postgres?host=%s", server.folder);
}

static PGconn *connect_to(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    const struct timespec moment = {0, 20000000};
    for (int tries = 0;
         tries < 3000 && PQstatus(conn) != CONNECTION_OK && waitpid(server.pid, NULL, WNOHANG) == 0; tries++) {
        nanosleep(&moment, NULL); /* until it listens */
        PQreset(conn);
    }
    if (PQstatus(conn) != CONNECTION_OK) {
        fail_msg("no PostgreSQL: %s", PQerrorMessage(conn));
    }
    return conn;
}

static void start_server(void)
{
    char data[80];
    int status = -1;
    memcpy(server.folder, "/tmp/updraft-pg-XXXXXX", sizeof "/tmp/updraft-pg-XXXXXX");
    assert_non_null(mkdtemp(server.folder));
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    assert_true(user == NULL || chown(server.folder, user->pw_uid, user->pw_gid) == 0);
    snprintf(data, sizeof data, "%s/data", server.folder);
    char *const make[] = {PG_BIN "initdb", "-D", data,       "-U",      "postgres", "-A",
                          "trust",         "-N", "--locale", "C.UTF-8", NULL};
    char *const run[] = {PG_BIN "postgres",   "-D", data,        "-k", server.folder, "-c",
                         "listen_addresses=", "-c", "fsync=off", NULL};
    assert_true(waitpid(start(make), &status, 0) > 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        remove_tree(server.folder);
        fail_msg("%s did not work: is postgresql-15 installed?", make[0]);
    }
    server.pid = start(run);
    atexit(stop_server);
}

/* --- places */

void place_sql(struct place *place, const char *text)
{
    if (place->kind == PLACE_PG) {
        PGconn *conn = connect_to(place->where);
        PGresult *result = PQexec(conn, text);
        if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
            fail_msg("%s", PQresultErrorMessage(result));
        }
        PQclear(result);
        PQfinish(conn);
        return;
    }
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/updraft.db", place->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s", sqlite3_errmsg(db));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void make_schema(struct place *place)
{
    char text[64];
    if (server.folder[0] == '\0') {
        start_server();
    }
    base_url(place->where, sizeof place->where);
    snprintf(text, sizeof text, "CREATE SCHEMA t%u", ++server.schemas);
    place_sql(place, text);
    snprintf(place->where + strlen(place->where), sizeof place->where - strlen(place->where),
             "&options=-csearch_path%%3Dt%u", server.schemas);
}

struct place *place_make_closed(place_kind kind)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->kind = kind;
    if (kind == PLACE_PG) {
        make_schema(place);
        return place;
    }
    memcpy(place->folder, "/tmp/updraft-store-XXXXXX", sizeof "/tmp/updraft-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    memcpy(place->where, place->folder, sizeof place->folder);
    return place;
}

struct place *place_make(place_kind kind)
{
    struct place *place = place_make_closed(kind);
    assert_int_equal(ud_store_open(&place->store, place->where, UD_STORE_WRITER), UD_OK);
    return place;
}

void place_free(struct place *place)
{
    ud_store_close(place->store);
    if (place->kind == PLACE_SQLITE) {
        remove_tree(place->folder);
    }
    free(place);
}

void place_reopen(struct place *place)
{
    ud_store_close(place->store);
    place->store = NULL;
    assert_int_equal(ud_store_open(&place->store, place->where, UD_STORE_WRITER), UD_OK);
}

int place_setup_sqlite(void **state)
{
    *state = place_make(PLACE_SQLITE);
    return 0;
}

int place_setup_pg(void **state)
{
    *state = place_make(PLACE_PG);
    return 0;
}

int place_teardown(void **state)
{
    place_free(*state);
    return 0;
}
