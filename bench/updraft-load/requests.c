/*
 * What devices send. A line of the file of devices is NAME TOKEN [ACTION]. A device's key is made of its name, so that whoever
 * registered it with this program's `identities` can have it sign reports: keys of a load test protect nothing.
 */
#include "load.h"

#include "ports/openssl/keys.h"
#include "updraft/report.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_MAX_BYTES 256
#define HEAD_BYTES_MAX 2048

struct device {
    char *name; /* into the file's text */
    char *token;
    char *action; /* "0": none */
};

struct growing {
    char *ptr;
    size_t len;
    size_t cap;
    bool failed;
};

static void put(struct growing *to, const void *from, size_t len)
{
    if (to->cap - to->len < len && !to->failed) {
        const size_t cap = (to->cap + len) * 2;
        char *grown = realloc(to->ptr, cap);
        to->failed = grown == NULL;
        to->ptr = grown == NULL ? to->ptr : grown;
        to->cap = grown == NULL ? to->cap : cap;
    }
    if (!to->failed && len > 0) {
        memcpy(to->ptr + to->len, from, len);
        to->len += len;
    }
}

/* --- keys */

static ud_err key_of(const char *name, struct ud_key_pair **pair)
{
    static const char purpose[] = "updraft-load key of a test device";
    uint8_t number[UD_SHA256_BYTES];
    const struct ud_bytes parts[] = {{(const uint8_t *)purpose, sizeof purpose},
                                     {(const uint8_t *)name, strlen(name)}};
    const ud_err err = ud_sha256(parts, 2, number);
    return err == UD_OK ? ud_key_pair_from_private(number, pair) : err;
}

int load_print_identities(const char *prefix, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[NAME_MAX_BYTES];
        uint8_t pem[512];
        uint8_t pub[UD_P256_PUBLIC_BYTES];
        struct ud_buf out = {pem, sizeof pem, 0};
        struct ud_key_pair *pair = NULL;
        snprintf(name, sizeof name, "%s%07zu", prefix, i);
        if (key_of(name, &pair) != UD_OK) {
            fprintf(stderr, "updraft-load: no key for %s\n", name);
            return -1;
        }
        ud_key_pair_public(pair, pub);
        ud_key_pair_close(pair);
        if (ud_public_key_write(&out, pub) != UD_OK) {
            return -1;
        }
        printf("{\"name\": \"%s\", \"key\": \"", name);
        for (size_t at = 0; at < out.len; at++) {
            if (pem[at] == '\n') {
                fputs("\\n", stdout);
            } else {
                putchar(pem[at]);
            }
        }
        puts("\"}");
    }
    return 0;
}

/* --- bodies */

static size_t feedback_body(char *out, size_t room, const struct device *device)
{
    const int len =
        snprintf(out, room,
                 "{\"id\":\"%s\",\"time\":\"20260101T000000\",\"status\":{\"execution\":\"proceeding\","
                 "\"result\":{\"finished\":\"none\",\"progress\":{\"cnt\":1,\"of\":2}},"
                 "\"details\":[\"Installing Update Chunk Artifacts.\"]}}",
                 device->action);
    return len < 0 || (size_t)len >= room ? 0 : (size_t)len;
}

static size_t report_body(uint8_t *out, size_t room, struct ud_signer *signer, uint64_t counter)
{
    static const uint8_t component[] = {0x81, 0x43, 'a', 'p', 'p'};
    static const uint8_t manifest[UD_SHA256_BYTES] = {1};
    static const uint8_t image[UD_SHA256_BYTES] = {2};
    const struct ud_report report = {
        .reference_digest = UD_BYTES_ARRAY(manifest),
        .claims = {{.component_id = UD_BYTES_ARRAY(component),
                    .digest = UD_BYTES_ARRAY(image),
                    .image_size = 4,
                    .sequence = 1}},
        .claim_count = 1,
        .result = UD_OK,
        .boot_reason = UD_BOOT_NORMAL,
        .boot_count = 3,
        .counter = counter,
    };
    struct ud_buf buf = {out, room, 0};
    return ud_report_write(&buf, &report, signer) == UD_OK ? buf.len : 0;
}

/* --- requests */

struct parts {
    const char *method;
    const char *rest; /* behind the device's own part of the path */
    const char *type; /* of the body; NULL: none */
};

static void put_request(struct growing *to, const struct load_options *o, const struct device *device,
                        const struct parts *parts, const void *body, size_t body_len)
{
    char head[HEAD_BYTES_MAX];
    char length[96] = "";
    if (parts->type != NULL) {
        snprintf(length, sizeof length, "Content-Type: %s\r\nContent-Length: %zu\r\n", parts->type, body_len);
    }
    const int len =
        snprintf(head, sizeof head,
                 "%s /%s/controller/v1/%s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: TargetToken %s\r\n"
                 "Accept: application/json\r\n%s%s\r\n",
                 parts->method, o->tenant, device->name, parts->rest, o->host, device->token, length,
                 o->handshake ? "Connection: close\r\n" : "");
    to->failed = to->failed || len < 0 || (size_t)len >= sizeof head;
    put(to, head, to->failed ? 0 : (size_t)len);
    put(to, body, body_len);
}

static void put_device(struct growing *to, size_t *lengths, const struct load_options *o,
                       const struct device *device)
{
    char feedback_path[64];
    uint8_t body[UD_REPORT_BYTES_MAX];
    struct ud_key_pair *pair = NULL;
    struct ud_signer signer;
    const size_t before = to->len;
    if (strcmp(o->kind, "poll") == 0) {
        put_request(to, o, device, &(struct parts){"GET", "", NULL}, NULL, 0);
    } else if (strcmp(o->kind, "feedback") == 0) {
        snprintf(feedback_path, sizeof feedback_path, "/deploymentBase/%s/feedback", device->action);
        const size_t len = feedback_body((char *)body, sizeof body, device);
        put_request(to, o, device, &(struct parts){"POST", feedback_path, "application/json"}, body, len);
    } else if (key_of(device->name, &pair) != UD_OK ||
               ud_key_pair_signer(pair, UD_ALG_ES256, &signer) != UD_OK) {
        to->failed = true;
    } else {
        size_t last = before;
        for (unsigned i = 0; i < o->reports && !to->failed; i++) {
            const size_t len = report_body(body, sizeof body, &signer, o->counter + i);
            to->failed = to->failed || len == 0;
            put_request(to, o, device, &(struct parts){"POST", "/report", "application/suit-report+cose"}, body,
                        len);
            lengths[i] = to->len - last;
            last = to->len;
        }
        ud_key_pair_close(pair);
        return;
    }
    ud_key_pair_close(pair);
    lengths[0] = to->len - before;
}

/* --- the file of devices */

static char *read_text(const char *path)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file != NULL && fstat(fileno(file), &info) == 0 && (text = malloc((size_t)info.st_size + 1)) != NULL) {
        const size_t got = fread(text, 1, (size_t)info.st_size, file);
        text[got] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

/* Cuts a word off; "" at the end of the line. */
static char *take_word(char **line)
{
    char *word = *line + strspn(*line, " \t");
    char *end = word + strcspn(word, " \t\r\n");
    *line = end + (*end == ' ' || *end == '\t' ? 1 : 0);
    if (*end == ' ' || *end == '\t') {
        *end = '\0';
    } else {
        *line = end;
    }
    return word;
}

static bool take_device(char **text, struct device *device, unsigned *line)
{
    char *at = *text;
    char *end = at + strcspn(at, "\n");
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    at[strcspn(at, "\r")] = '\0';
    (*line)++;
    device->name = take_word(&at);
    device->token = take_word(&at);
    device->action = take_word(&at);
    return device->name[0] != '\0' && device->token[0] != '\0' && strlen(device->name) < NAME_MAX_BYTES;
}

static void cut(struct load_plan *plan, const size_t *lengths)
{
    const char *at = plan->memory;
    for (size_t i = 0; i < plan->devices * plan->each; i++) {
        plan->requests[i] = (struct load_request){at, lengths[i]};
        at += lengths[i];
    }
}

static int make_get(struct load_plan *plan, const struct load_options *o)
{
    char head[HEAD_BYTES_MAX];
    const int len = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", o->get_path, o->host,
                             o->handshake ? "Connection: close\r\n" : "");
    plan->devices = o->connections;
    plan->each = 1;
    plan->memory = len < 0 || (size_t)len >= sizeof head ? NULL : strdup(head);
    plan->requests = calloc(plan->devices, sizeof *plan->requests);
    if (plan->memory == NULL || plan->requests == NULL) {
        return -1;
    }
    for (size_t i = 0; i < plan->devices; i++) {
        plan->requests[i] = (struct load_request){plan->memory, (size_t)len};
    }
    return 0;
}

int load_plan_make(struct load_plan *plan, const struct load_options *o)
{
    *plan = (struct load_plan){.each = strcmp(o->kind, "report") == 0 ? o->reports : 1};
    if (strcmp(o->kind, "get") == 0) {
        return make_get(plan, o);
    }
    char *text = read_text(o->devices_path);
    size_t lines = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    lines = lines < LOAD_DEVICES_MAX ? lines + 1 : LOAD_DEVICES_MAX;
    size_t *lengths = text == NULL ? NULL : calloc(lines * plan->each, sizeof *lengths);
    struct growing all = {.ptr = NULL};
    unsigned line = 0;
    char *at = text;
    while (lengths != NULL && *at != '\0' && plan->devices < lines && !all.failed) {
        struct device device;
        if (!take_device(&at, &device, &line)) {
            fprintf(stderr, "updraft-load: %s:%u: a line is NAME TOKEN [ACTION]\n", o->devices_path, line);
            all.failed = true;
            break;
        }
        put_device(&all, lengths + plan->devices * plan->each, o, &device);
        plan->devices++;
    }
    plan->memory = all.ptr;
    plan->requests = calloc(plan->devices * plan->each + 1, sizeof *plan->requests);
    const bool good = lengths != NULL && !all.failed && plan->requests != NULL && plan->devices > 0;
    if (good) {
        cut(plan, lengths);
    } else {
        fprintf(stderr, "updraft-load: no requests could be made of %s\n", o->devices_path);
    }
    free(lengths);
    free(text);
    return good ? 0 : -1;
}

void load_plan_free(struct load_plan *plan)
{
    free(plan->requests);
    free(plan->memory);
}
