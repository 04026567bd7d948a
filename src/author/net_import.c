/*
 * `updraft import hawkbit`: copy what a running hawkBit knows, by its management API: types, tags, filters, modules with
 * their artifacts, sets, targets with their tokens. It may be run again at any time: what is here already is left as
 * it is, a download that was cut goes on, and the report says what was new.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "author/image.h"
#include "author/net_commands.h"

#define PATH_BYTES 2048
#define PAGE 100

typedef enum kind {
    TARGET_TYPES,
    TAGS,
    MODULE_TYPES,
    SET_TYPES,
    FILTERS,
    MODULES,
    ARTIFACTS,
    SETS,
    TARGETS,
    TAGGED,
    KIND_COUNT
} kind;

static const char *const kind_names[KIND_COUNT] = {
    [TARGET_TYPES] = "targettypes",
    [TAGS] = "targettags",
    [MODULE_TYPES] = "softwaremoduletypes",
    [SET_TYPES] = "distributionsettypes",
    [FILTERS] = "targetfilters",
    [MODULES] = "softwaremodules",
    [ARTIFACTS] = "artifacts",
    [SETS] = "distributionsets",
    [TARGETS] = "targets",
    [TAGGED] = "tags of targets",
};

struct tally {
    unsigned added;
    unsigned there;
    unsigned failed;
};

struct import {
    struct net_cmd cmd; /* ours */
    struct net_client *source;
    struct net_answer answer; /* of the source */
    const char *folder;       /* for downloads */
    struct tally tallies[KIND_COUNT];
    json_t *module_ids; /* theirs, as text → ours */
    json_t *type_ids;
    json_int_t tag; /* whose targets are being walked */
};

static void complain(struct import *import, kind what, const char *name, const char *why)
{
    import->tallies[what].failed++;
    fprintf(stderr, "updraft: %s %s: %s\n", kind_names[what], name, why);
}

/* --- asking */

static bool ask(struct import *import, const char *path)
{
    const ud_err err = net_request(import->source, "GET", path, NULL, NULL, 0, &import->answer);
    if (err != UD_OK || import->answer.status >= 400) {
        fprintf(stderr, "updraft: %s: %s\n", path, import->answer.why);
        return false;
    }
    return true;
}

/* Ours. The answer is in import->cmd.answer. 0 = no answer. */
static long tell(struct import *import, const char *method, const char *path, const json_t *body)
{
    const ud_err err = body == NULL
                           ? net_request(import->cmd.client, method, path, NULL, NULL, 0, &import->cmd.answer)
                           : net_request_json(import->cmd.client, method, path, body, &import->cmd.answer);
    return err == UD_OK ? import->cmd.answer.status : 0;
}

/* Every row of a list of the source. */
static bool each_row(struct import *import, const char *list, void (*take)(struct import *import, json_t *row))
{
    for (size_t offset = 0;; offset += PAGE) {
        char path[PATH_BYTES];
        size_t i;
        json_t *row;
        snprintf(path, sizeof path, "/rest/v1/%s%coffset=%zu&limit=%d", list,
                 strchr(list, '?') == NULL ? '?' : '&', offset, PAGE);
        if (!ask(import, path)) {
            return false;
        }
        json_t *content = json_incref(json_object_get(import->answer.json, "content"));
        json_array_foreach(content, i, row)
        {
            take(import, row);
        }
        const size_t count = json_array_size(content);
        json_decref(content);
        if (count < PAGE) {
            return true;
        }
    }
}

/* Our id of the first row that meets a filter; 0 = none. */
static json_int_t find_ours(struct import *import, const char *list, const char *filter)
{
    char query[3 * 1024];
    char path[PATH_BYTES + sizeof query];
    if (net_segment(filter, query, sizeof query) != UD_OK) {
        return 0;
    }
    snprintf(path, sizeof path, "/rest/v1/%s?limit=1&q=%s", list, query);
    if (tell(import, "GET", path, NULL) != 200) {
        return 0;
    }
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(import->cmd.answer.json, "content"), 0), "id"));
}

/* --- entities */

static json_t *copy_members(json_t *row, const char *const *members)
{
    json_t *copy = json_object();
    for (; *members != NULL; members++) {
        json_t *value = json_object_get(row, *members);
        if (value != NULL && !json_is_null(value)) {
            json_object_set(copy, *members, value);
        }
    }
    return copy;
}

/* Post one; the id that it got here, 0 where it was there already or failed. */
static json_int_t post(struct import *import, kind what, json_t *body, const char *name)
{
    char path[64];
    json_t *list = json_pack("[O]", body);
    snprintf(path, sizeof path, "/rest/v1/%s", kind_names[what]);
    const long status = tell(import, "POST", path, list);
    json_decref(list);
    if (status == 409) {
        import->tallies[what].there++;
        return 0;
    }
    if (status != 201) {
        complain(import, what, name, import->cmd.answer.why);
        return 0;
    }
    import->tallies[what].added++;
    return json_integer_value(json_object_get(json_array_get(import->cmd.answer.json, 0), "id"));
}

static void copy_plain(struct import *import, kind what, json_t *row, const char *const *members)
{
    json_t *body = copy_members(row, members);
    post(import, what, body, net_text(row, "name", "?"));
    json_decref(body);
}

static const char *const type_members[] = {"key", "name", "description", "colour", "maxAssignments", NULL};
static const char *const tag_members[] = {"name", "description", "colour", NULL};
static const char *const filter_members[] = {"name", "query", NULL};

static void take_tag(struct import *import, json_t *row)
{
    copy_plain(import, TAGS, row, tag_members);
}

static void take_module_type(struct import *import, json_t *row)
{
    copy_plain(import, MODULE_TYPES, row, type_members);
}

static void take_set_type(struct import *import, json_t *row)
{
    copy_plain(import, SET_TYPES, row, type_members);
}

static void take_filter(struct import *import, json_t *row)
{
    copy_plain(import, FILTERS, row, filter_members);
}

static void remember(json_t *map, json_t *row, json_int_t ours)
{
    char theirs[32];
    snprintf(theirs, sizeof theirs, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
    json_object_set_new(map, theirs, json_integer(ours));
}

static json_int_t recall(json_t *map, json_int_t theirs)
{
    char key[32];
    snprintf(key, sizeof key, "%lld", (long long)theirs);
    return json_integer_value(json_object_get(map, key));
}

/* A value in double quotes, with what would end them escaped. */
static void quote(char *out, size_t room, const char *value)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *value != '\0' && n + 4 < room; value++) {
        if (*value == '"' || *value == '\\' || *value == '*') {
            out[n++] = '\\';
        }
        out[n++] = *value;
    }
    out[n++] = '"';
    out[n] = '\0';
}

static json_int_t find_by(struct import *import, kind what, json_t *row, bool version)
{
    char name[300];
    char number[160];
    char filter[512];
    quote(name, sizeof name, net_text(row, "name", ""));
    quote(number, sizeof number, net_text(row, "version", ""));
    snprintf(filter, sizeof filter, version ? "name==%s;version==%s" : "name==%s", name, number);
    return find_ours(import, kind_names[what], filter);
}

static void take_target_type(struct import *import, json_t *row)
{
    json_int_t ours = find_by(import, TARGET_TYPES, row, false);
    if (ours != 0) {
        import->tallies[TARGET_TYPES].there++;
    } else {
        json_t *body = copy_members(row, tag_members);
        ours = post(import, TARGET_TYPES, body, net_text(row, "name", "?"));
        json_decref(body);
    }
    remember(import->type_ids, row, ours);
}

/* --- artifacts */

/* Fetch into a file, from where an earlier try ended. */
static bool fetch(struct import *import, const char *path, const char *file)
{
    FILE *out = fopen(file, "ab");
    if (out == NULL) {
        return false;
    }
    const ud_err err = net_download(import->source, path, out, &import->answer);
    return fclose(out) == 0 && err == UD_OK;
}

static bool is_digest(const char *file, const char *hex)
{
    char got[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t bytes = 0;
    if (image_hash(file, digest, &bytes) != UD_OK) {
        return false;
    }
    cli_hex((struct ud_bytes){digest, sizeof digest}, got);
    return strcmp(got, hex) == 0;
}

static void copy_artifact(struct import *import, json_int_t theirs, json_int_t ours, json_t *row)
{
    const char *name = net_text(row, "providedFilename", "?");
    const char *hex = net_text(json_object_get(row, "hashes"), "sha256", "");
    char file[PATH_BYTES];
    char path[PATH_BYTES];
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64) {
        complain(import, ARTIFACTS, name, "the source gives no SHA-256 of it");
        return;
    }
    snprintf(path, sizeof path, "/api/v1/artifacts/%s", hex);
    const bool here = tell(import, "HEAD", path, NULL) == 200;
    snprintf(file, sizeof file, "%s/%s", import->folder, hex);
    if (!here) {
        snprintf(path, sizeof path, "/rest/v1/softwaremodules/%lld/artifacts/%lld/download", (long long)theirs,
                 (long long)json_integer_value(json_object_get(row, "id")));
        if (!is_digest(file, hex) && (!fetch(import, path, file) || !is_digest(file, hex))) {
            unlink(file);
            complain(import, ARTIFACTS, name, "could not be fetched whole");
            return;
        }
        if (net_upload(import->cmd.client, hex, file, NULL, NULL, &import->cmd.answer) != UD_OK) {
            complain(import, ARTIFACTS, name, import->cmd.answer.why);
            return;
        }
        unlink(file);
    }
    json_t *body = json_pack("{s:s, s:s}", "filename", name, "sha256", hex);
    snprintf(path, sizeof path, "/rest/v1/softwaremodules/%lld/artifacts", (long long)ours);
    const long status = tell(import, "POST", path, body);
    json_decref(body);
    if (status == 201) {
        import->tallies[ARTIFACTS].added += here ? 0 : 1;
        import->tallies[ARTIFACTS].there += here ? 1 : 0;
    } else {
        complain(import, ARTIFACTS, name, import->cmd.answer.why);
    }
}

static void copy_artifacts(struct import *import, json_int_t theirs, json_int_t ours)
{
    char path[PATH_BYTES];
    size_t i;
    json_t *row;
    snprintf(path, sizeof path, "/rest/v1/softwaremodules/%lld/artifacts", (long long)theirs);
    if (!ask(import, path)) {
        complain(import, ARTIFACTS, path, "not listed");
        return;
    }
    json_t *rows = json_incref(import->answer.json);
    json_array_foreach(rows, i, row)
    {
        copy_artifact(import, theirs, ours, row);
    }
    json_decref(rows);
}

static void take_module(struct import *import, json_t *row)
{
    static const char *const members[] = {"name", "version", "type", "description", "vendor", NULL};
    json_int_t ours = find_by(import, MODULES, row, true);
    if (ours != 0) {
        import->tallies[MODULES].there++;
    } else {
        json_t *body = copy_members(row, members);
        ours = post(import, MODULES, body, net_text(row, "name", "?"));
        json_decref(body);
    }
    if (ours != 0) {
        remember(import->module_ids, row, ours);
        copy_artifacts(import, json_integer_value(json_object_get(row, "id")), ours);
    }
}

static void take_set(struct import *import, json_t *row)
{
    static const char *const members[] = {"name", "version", "type", "description", NULL};
    size_t i;
    json_t *module;
    if (find_by(import, SETS, row, true) != 0) {
        import->tallies[SETS].there++;
        return;
    }
    json_t *body = copy_members(row, members);
    json_t *modules = json_array();
    json_array_foreach(json_object_get(row, "modules"), i, module)
    {
        const json_int_t ours = recall(import->module_ids, json_integer_value(json_object_get(module, "id")));
        json_array_append_new(modules, json_pack("{s:I}", "id", ours));
    }
    json_object_set_new(body, "modules", modules);
    post(import, SETS, body, net_text(row, "name", "?"));
    json_decref(body);
}

static void take_target(struct import *import, json_t *row)
{
    static const char *const members[] = {"controllerId", "name", "securityToken", NULL};
    json_t *body = copy_members(row, members);
    const json_int_t type = recall(import->type_ids, json_integer_value(json_object_get(row, "targetType")));
    if (type != 0) {
        json_object_set_new(body, "targetType", json_integer(type));
    }
    post(import, TARGETS, body, net_text(row, "controllerId", "?"));
    json_decref(body);
}

/* --- which targets have which tag */

static void take_tagged(struct import *import, json_t *row)
{
    char segment[1024];
    char path[PATH_BYTES];
    const char *name = net_text(row, "controllerId", "");
    if (net_segment(name, segment, sizeof segment) != UD_OK) {
        return;
    }
    snprintf(path, sizeof path, "/rest/v1/targettags/%lld/assigned/%s", (long long)import->tag, segment);
    if (tell(import, "POST", path, NULL) == 204) {
        import->tallies[TAGGED].added++;
    } else {
        complain(import, TAGGED, name, import->cmd.answer.why);
    }
}

static void take_tag_members(struct import *import, json_t *row)
{
    char name[300];
    char filter[400];
    char query[1300];
    char list[1400];
    quote(name, sizeof name, net_text(row, "name", ""));
    import->tag = find_by(import, TAGS, row, false);
    snprintf(filter, sizeof filter, "tag==%s", name);
    if (import->tag != 0 && net_segment(filter, query, sizeof query) == UD_OK) {
        snprintf(list, sizeof list, "targets?q=%s", query);
        each_row(import, list, take_tagged);
    }
}

/* --- all of it */

static bool copy_all(struct import *import)
{
    static const struct {
        const char *list;
        void (*take)(struct import *import, json_t *row);
    } steps[] = {
        {"targettypes", take_target_type},
        {"targettags", take_tag},
        {"softwaremoduletypes", take_module_type},
        {"distributionsettypes", take_set_type},
        {"targetfilters", take_filter},
        {"softwaremodules", take_module},
        {"distributionsets", take_set},
        {"targets", take_target},
        {"targettags", take_tag_members},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && good; i++) {
        good = each_row(import, steps[i].list, steps[i].take);
    }
    return good;
}

static int report(const struct import *import, bool complete)
{
    unsigned failed = 0;
    json_t *all = json_object();
    for (int i = 0; i < KIND_COUNT; i++) {
        const struct tally *tally = &import->tallies[i];
        failed += tally->failed;
        json_object_set_new(all, kind_names[i],
                            json_pack("{s:i, s:i, s:i}", "new", (int)tally->added, "there", (int)tally->there,
                                      "failed", (int)tally->failed));
        if (!import->cmd.json) {
            printf("%-22s %6u new  %6u here already  %6u failed\n", kind_names[i], tally->added, tally->there,
                   tally->failed);
        }
    }
    if (import->cmd.json) {
        cli_print_json(all);
    }
    json_decref(all);
    if (!complete) {
        return cli_fail("import", "the source did not answer to the end; run it again to go on",
                        UD_ERR_CONNECT);
    }
    return failed == 0 ? CLI_OK : CLI_REFUSED;
}

static int open_source(struct import *import, const char *url, const char *ca, const char *file)
{
    char why[NET_WHY_BYTES_MAX];
    struct net_profile profile = {.basic = true};
    snprintf(profile.url, sizeof profile.url, "%s", url);
    snprintf(profile.ca, sizeof profile.ca, "%s", ca == NULL ? "" : ca);
    ud_err err = net_read_secret(file, profile.token, sizeof profile.token, why);
    if (err != UD_OK) {
        return cli_fail("password", why, err);
    }
    err = net_open(&import->source, &profile);
    net_profile_forget(&profile);
    return err == UD_OK ? CLI_OK : cli_fail(url, NULL, err);
}

static int run(struct import *import, const char *url, const char *ca, const char *file)
{
    int code = open_source(import, url, ca, file);
    code = code == CLI_OK ? net_cmd_open(&import->cmd) : code;
    if (code == CLI_OK && mkdir(import->folder, 0700) != 0 && errno != EEXIST) {
        code = cli_fail(import->folder, NULL, UD_ERR_IO);
    }
    if (code == CLI_OK) {
        import->module_ids = json_object();
        import->type_ids = json_object();
        code = report(import, copy_all(import));
        rmdir(import->folder); /* only when nothing is left to be resumed */
        json_decref(import->module_ids);
        json_decref(import->type_ids);
    }
    net_answer_clear(&import->answer);
    net_close(import->source);
    return code;
}

int net_import(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"url", required_argument, NULL, 'u'},
                                            {"source-ca", required_argument, NULL, 'c'},
                                            {"password-file", required_argument, NULL, 'p'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    struct import import = {.folder = "updraft-import"};
    const char *url = NULL;
    const char *ca = NULL;
    const char *file = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "u:c:p:f:", options, NULL)) != -1) {
        if (option == 'u') {
            url = optarg;
        } else if (option == 'c') {
            ca = optarg;
        } else if (option == 'p') {
            file = optarg;
        } else if (option == 'f') {
            import.folder = optarg;
        } else if (!net_cmd_option(&import.cmd, option, optarg)) {
            return cli_usage("import", "unknown option");
        }
    }
    if (argc - optind != 1 || strcmp(argv[optind], "hawkbit") != 0 || url == NULL || file == NULL) {
        return cli_usage("import", "hawkbit, --url and --password-file are needed");
    }
    const int code = run(&import, url, ca, file);
    return net_cmd_close(&import.cmd, code);
}
