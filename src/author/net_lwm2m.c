/* `updraft device key`, `updraft device ask`: keys of LwM2M devices, and one command to one of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "author/net_commands.h"

#define PEM_BYTES_MAX 8192
#define PATH_BYTES_MAX 1024
#define WAIT_S_DEFAULT 60
#define NANOSECONDS_BETWEEN 200000000L

static int device_path(const char *name, const char *tail, char path[PATH_BYTES_MAX])
{
    char segment[PATH_BYTES_MAX - 64];
    const ud_err err = net_segment(name, segment, sizeof segment);
    if (err != UD_OK) {
        return cli_fail(name, "", err);
    }
    snprintf(path, PATH_BYTES_MAX, "/api/v1/devices/%s/%s", segment, tail);
    return CLI_OK;
}

/* A PEM file under `member`; a private key must never leave this machine. */
static ud_err add_pem(json_t *body, const char *member, const char *path, char *why)
{
    char *pem = NULL;
    size_t len = 0;
    ud_err err = cli_read_file(path, PEM_BYTES_MAX, &pem, &len);
    if (err != UD_OK) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: cannot be read", path);
        return err;
    }
    pem[len] = '\0';
    if (strstr(pem, "PRIVATE KEY") != NULL) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: this is a private key", path);
        err = UD_ERR_KEY;
    } else if (json_object_set_new(body, member, json_stringn(pem, len)) != 0) {
        snprintf(why, NET_WHY_BYTES_MAX, "%s: not a PEM file", path);
        err = UD_ERR_KEY;
    }
    explicit_bzero(pem, len);
    free(pem);
    return err;
}

struct key {
    const char *name;
    const char *identity;
    const char *key_file; /* of the PSK as hex; NULL = the server makes one */
    const char *public_key;
    const char *certificate;
    const char *bootstrap;
};

static ud_err fill_key(json_t *body, const struct key *key, char *why)
{
    char secret[NET_TOKEN_BYTES_MAX];
    ud_err err = UD_OK;
    if (key->bootstrap != NULL && json_object_set_new(body, "bootstrap", json_string(key->bootstrap)) != 0) {
        err = UD_ERR_TEXT;
    }
    if (err == UD_OK && key->public_key != NULL) {
        json_object_set_new(body, "mode", json_string("rpk"));
        err = add_pem(body, "key", key->public_key, why);
    } else if (err == UD_OK && key->certificate != NULL) {
        json_object_set_new(body, "mode", json_string("x509"));
        err = add_pem(body, "certificate", key->certificate, why);
    } else if (err == UD_OK) {
        json_object_set_new(body, "mode", json_string("psk"));
        err = json_object_set_new(body, "identity", json_string(key->identity)) == 0 ? UD_OK : UD_ERR_TEXT;
        if (err == UD_OK && key->key_file != NULL) {
            err = net_read_secret(key->key_file, secret, sizeof secret, why);
            if (err == UD_OK && json_object_set_new(body, "key", json_string(secret)) != 0) {
                err = UD_ERR_TEXT;
            }
            explicit_bzero(secret, sizeof secret);
        }
    }
    return err;
}

static int send_key(struct net_cmd *cmd, const struct key *key)
{
    char why[NET_WHY_BYTES_MAX] = "";
    char path[PATH_BYTES_MAX];
    json_t *body = json_object();
    int code = device_path(key->name, "lwm2m-keys", path);
    const ud_err err = body == NULL ? UD_ERR_MEMORY : fill_key(body, key, why);
    if (code == CLI_OK) {
        code = err == UD_OK ? net_cmd_request(cmd, "POST", path, body) : cli_fail(key->name, why, err);
    }
    json_decref(body);
    return code;
}

static void print_key(const struct net_cmd *cmd, const struct key *key)
{
    const char *secret = net_text(cmd->answer.json, "key", NULL);
    if (cmd->json) {
        cli_print_json(cmd->answer.json);
        return;
    }
    printf("%s may now open DTLS sessions by this key.\n", key->name);
    if (secret != NULL) {
        printf("Identity %s, key (shown once): %s\n", key->identity, secret);
    }
}

int net_device_key(int argc, char **argv)
{
    static const struct option options[] = {NET_OPTIONS,
                                            {"psk", required_argument, NULL, 'p'},
                                            {"key-file", required_argument, NULL, 'f'},
                                            {"public-key", required_argument, NULL, 'k'},
                                            {"certificate", required_argument, NULL, 'x'},
                                            {"bootstrap", required_argument, NULL, 'b'},
                                            {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    struct key key = {.name = NULL};
    int option;
    while ((option = getopt_long(argc, argv, "p:f:k:x:b:", options, NULL)) != -1) {
        const char **const member = option == 'p'   ? &key.identity
                                    : option == 'f' ? &key.key_file
                                    : option == 'k' ? &key.public_key
                                    : option == 'x' ? &key.certificate
                                    : option == 'b' ? &key.bootstrap
                                                    : NULL;
        if (member != NULL) {
            *member = optarg;
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("device key", "unknown option");
        }
    }
    const int kinds = (key.identity != NULL) + (key.public_key != NULL) + (key.certificate != NULL);
    if (argc - optind != 1 || kinds != 1) {
        return cli_usage("device key",
                         "one device name, and one of --psk, --public-key, --certificate are needed");
    }
    key.name = argv[optind];
    int code = net_cmd_open(&cmd);
    code = code == CLI_OK ? send_key(&cmd, &key) : code;
    if (code == CLI_OK) {
        print_key(&cmd, &key);
    }
    return net_cmd_close(&cmd, code);
}

/* --- one command */

/* A word that is JSON is that; any other is a string. */
static json_t *value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return value != NULL ? value : json_string(text);
}

static json_t *make_command(char **words, int count)
{
    const char *op = words[1];
    json_t *body = json_pack("{s:s}", "op", op);
    if (body != NULL && count > 2) {
        json_object_set_new(body, "path", json_string(words[2]));
    }
    if (body != NULL && count > 3) {
        const char *member = strcmp(op, "execute") == 0      ? "arguments"
                             : strcmp(op, "attributes") == 0 ? "query"
                             : strcmp(op, "create") == 0     ? "values"
                                                             : "value";
        json_t *value = strcmp(member, "value") == 0 || strcmp(member, "values") == 0 ? value_of(words[3])
                                                                                      : json_string(words[3]);
        if (strcmp(op, "write") == 0 && json_is_object(value) && json_object_get(value, "base64") == NULL) {
            member = "values";
        }
        json_object_set_new(body, member, value);
    }
    return body;
}

static bool has_ended(const struct net_cmd *cmd)
{
    const char *state = net_text(cmd->answer.json, "state", "");
    return strcmp(state, "queued") != 0 && strcmp(state, "sent") != 0;
}

static int await_answer(struct net_cmd *cmd, long wait_s)
{
    const struct timespec pause = {0, NANOSECONDS_BETWEEN};
    const time_t end = time(NULL) + wait_s;
    char path[64];
    snprintf(path, sizeof path, "/api/v1/commands/%lld",
             (long long)json_integer_value(json_object_get(cmd->answer.json, "id")));
    int code = CLI_OK;
    while (code == CLI_OK && !has_ended(cmd) && time(NULL) < end) {
        nanosleep(&pause, NULL);
        code = net_cmd_request(cmd, "GET", path, NULL);
    }
    return code;
}

static int print_answer(const struct net_cmd *cmd)
{
    const char *error = net_text(cmd->answer.json, "error", NULL);
    if (cmd->json) {
        cli_print_json(cmd->answer.json);
    } else if (!has_ended(cmd)) {
        printf("The device does not listen now; command %lld waits for it.\n",
               (long long)json_integer_value(json_object_get(cmd->answer.json, "id")));
    } else {
        const json_t *answer = json_object_get(cmd->answer.json, "answer");
        const json_t *values = json_object_get(answer, "values");
        if (values != NULL || answer != NULL) {
            cli_print_json(values != NULL ? values : answer);
        }
        if (error != NULL) {
            fprintf(stderr, "%s: %s\n", error, net_text(cmd->answer.json, "message", ""));
        }
    }
    return error == NULL ? CLI_OK : CLI_REFUSED;
}

int net_device_ask(int argc, char **argv)
{
    static const struct option options[] = {
        NET_OPTIONS, {"wait", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    struct net_cmd cmd = {.json = false};
    char path[PATH_BYTES_MAX];
    long wait_s = WAIT_S_DEFAULT;
    int option;
    while ((option = getopt_long(argc, argv, "w:", options, NULL)) != -1) {
        if (option == 'w') {
            char *end;
            wait_s = strtol(optarg, &end, 10);
            if (*optarg == '\0' || *end != '\0' || wait_s < 0 || wait_s > 86400) {
                return cli_usage("device ask", "--wait takes seconds, 0 to 86400");
            }
        } else if (!net_cmd_option(&cmd, option, optarg)) {
            return cli_usage("device ask", "unknown option");
        }
    }
    if (argc - optind < 2 || argc - optind > 4) {
        return cli_usage("device ask", "a device name and an operation are needed");
    }
    int code = net_cmd_open(&cmd);
    code = code == CLI_OK ? device_path(argv[optind], "commands", path) : code;
    if (code == CLI_OK) {
        json_t *body = make_command(argv + optind, argc - optind);
        code =
            body == NULL ? cli_fail(argv[optind], "", UD_ERR_TEXT) : net_cmd_request(&cmd, "POST", path, body);
        json_decref(body);
    }
    code = code == CLI_OK ? await_answer(&cmd, wait_s) : code;
    code = code == CLI_OK ? print_answer(&cmd) : code;
    return net_cmd_close(&cmd, code);
}
