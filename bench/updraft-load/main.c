/* Options of updraft-load. */
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define EXIT_USAGE 2

static const char help[] =
    "updraft-load: devices in great numbers, as a load for an update server that speaks DDI\n"
    "\n"
    "usage: updraft-load poll|feedback|report --url URL --devices FILE [options]\n"
    "       updraft-load get --url URL --path PATH [options]\n"
    "       updraft-load identities --count N [--prefix TEXT]\n"
    "\n"
    "  poll        each device asks for its work\n"
    "  feedback    each device tells of its action's progress; needs ACTION in the file\n"
    "  report      each device sends signed reports, counters growing\n"
    "  get         a path, without credentials: for another server to compare with\n"
    "  identities  names and public keys, a JSON object to a line, for registering devices that can report\n"
    "\n"
    "  --url URL          https://HOST:PORT of the device listener; http:// without TLS\n"
    "  --ca FILE          PEM that the server's certificate leads to\n"
    "  --devices FILE     lines of NAME TOKEN [ACTION]\n"
    "  --tenant TEXT      (default)\n"
    "  --connections N    at most so many at one time (64)\n"
    "  --threads N        (2)\n"
    "  --seconds S        so long (10), or\n"
    "  --requests N       so many\n"
    "  --rate R           requests due per second, by the clock; times count from when each was due.\n"
    "                     Without: the next one when an answer is there\n"
    "  --handshake        a new connection, with a full TLS handshake, for each request. With --rate, one "
    "that\n"
    "                     is due while all are in use is skipped, and counted\n"
    "  --timeout-ms N     give an answer up (30000)\n"
    "  --reports N        of each device, signed beforehand (1)\n"
    "  --counter N        the first report's counter (1)\n"
    "  --prefix TEXT      of names (load-)\n"
    "  --count N          of identities\n"
    "  --json             one JSON object\n"
    "  --allow-remote     the server is not on this machine, and I may load it\n"
    "\n"
    "Ends: good (2xx), shed (503 with Retry-After), refused (hung up before TLS was agreed on), status "
    "(another\n"
    "one), broken (hung up later), timeout, skipped. Exit 1 when no answer was good.\n"
    "\n"
    "examples:\n"
    "  updraft-load poll --url https://localhost:8443 --ca ca.pem --devices devices.txt --connections 64\n"
    "  updraft-load poll --url https://localhost:8443 --ca ca.pem --devices devices.txt --handshake --rate "
    "20000 \\\n"
    "      --connections 5000 --seconds 60 --json\n"
    "  updraft-load identities --count 1000 > keys.jsonl\n"
    "  updraft-load report --url https://localhost:8443 --ca ca.pem --devices devices.txt --reports 10 "
    "--requests 10000\n";

enum {
    OPT_URL = 256,
    OPT_CA,
    OPT_DEVICES,
    OPT_TENANT,
    OPT_CONNECTIONS,
    OPT_THREADS,
    OPT_SECONDS,
    OPT_REQUESTS,
    OPT_RATE,
    OPT_HANDSHAKE,
    OPT_TIMEOUT,
    OPT_REPORTS,
    OPT_COUNTER,
    OPT_PREFIX,
    OPT_COUNT,
    OPT_PATH,
    OPT_JSON,
    OPT_REMOTE,
    OPT_HELP,
};

struct words {
    const char *url;
    const char *ca;
    const char *prefix;
    uint64_t count;
    bool remote;
};

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end = NULL;
    const unsigned long long read = strtoull(text, &end, 10);
    *value = read;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && read >= least && read <= most;
}

static bool real(const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value > 0 && *value < 1e9;
}

static bool take_option(struct load_options *o, struct words *words, int option, const char *value)
{
    uint64_t n = 0;
    bool good = true;
    switch (option) {
    case OPT_URL:
        words->url = value;
        return true;
    case OPT_CA:
        words->ca = value;
        return true;
    case OPT_DEVICES:
        o->devices_path = value;
        return true;
    case OPT_TENANT:
        o->tenant = value;
        return true;
    case OPT_PREFIX:
        words->prefix = value;
        return strlen(value) < 200;
    case OPT_PATH:
        o->get_path = value;
        return true;
    case OPT_CONNECTIONS:
        good = number(value, 1, LOAD_CONNECTIONS_MAX, &n);
        o->connections = (size_t)n;
        return good;
    case OPT_THREADS:
        good = number(value, 1, LOAD_THREADS_MAX, &n);
        o->threads = (unsigned)n;
        return good;
    case OPT_SECONDS:
        return real(value, &o->seconds);
    case OPT_REQUESTS:
        return number(value, 1, UINT64_MAX / 2, &o->requests);
    case OPT_RATE:
        return real(value, &o->rate);
    case OPT_TIMEOUT:
        good = number(value, 1, 3600000, &n);
        o->timeout_ms = (uint32_t)n;
        return good;
    case OPT_REPORTS:
        good = number(value, 1, 10000, &n);
        o->reports = (unsigned)n;
        return good;
    case OPT_COUNTER:
        return number(value, 1, UINT64_MAX / 2, &o->counter);
    case OPT_COUNT:
        return number(value, 1, LOAD_DEVICES_MAX, &words->count);
    case OPT_HANDSHAKE:
        o->handshake = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_REMOTE:
        words->remote = true;
        return true;
    default:
        return false;
    }
}

static int usage(const char *words)
{
    fprintf(stderr, "updraft-load: %s; --help says more\n", words);
    return EXIT_USAGE;
}

static bool is_loopback(const struct sockaddr_storage *to)
{
    if (to->ss_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr);
}

/* scheme://host:port; the host is looked up once. */
static const char *take_url(struct load_options *o, const struct words *words, bool *tls)
{
    char port[8] = "";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET};
    struct addrinfo *found = NULL;
    *tls = strncmp(words->url, "https://", 8) == 0;
    const char *host = words->url + (*tls ? 8 : 7);
    const char *end = host + strcspn(host, "/");
    const char *colon = memchr(host, ':', (size_t)(end - host));
    if ((!*tls && strncmp(words->url, "http://", 7) != 0) || colon == NULL || colon == host ||
        (size_t)(colon - host) >= sizeof o->host || (size_t)(end - colon) > sizeof port) {
        return "--url is https://HOST:PORT or http://HOST:PORT";
    }
    snprintf(o->host, sizeof o->host, "%.*s", (int)(colon - host), host);
    snprintf(port, sizeof port, "%.*s", (int)(end - colon - 1), colon + 1);
    if (getaddrinfo(o->host, port, &hints, &found) != 0 || found == NULL) {
        return "no such host";
    }
    memcpy(&o->to, found->ai_addr, found->ai_addrlen);
    o->to_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return is_loopback(&o->to) || words->remote
               ? NULL
               : "the server is on another machine: --allow-remote says that you may";
}

static SSL_CTX *tls_with(const char *ca)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || ca == NULL || SSL_CTX_load_verify_locations(tls, ca, NULL) != 1) {
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

static bool is_kind(const char *word)
{
    static const char *const kinds[] = {"poll", "feedback", "report", "get", "identities"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(word, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void raise_limits(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int run(struct load_options *o)
{
    struct load_plan plan;
    static struct load_result result;
    if (load_plan_make(&plan, o) != 0) {
        load_plan_free(&plan);
        return EXIT_FAILURE;
    }
    o->threads = o->connections < o->threads ? (unsigned)o->connections : o->threads;
    o->threads = plan.devices < o->threads ? (unsigned)plan.devices : o->threads;
    const int code = load_run(o, &plan, &result);
    load_plan_free(&plan);
    if (code != 0) {
        fprintf(stderr, "updraft-load: out of memory, files or threads\n");
        return EXIT_FAILURE;
    }
    load_print(o, &result);
    return result.ends[LOAD_GOOD] > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        {"url", required_argument, NULL, OPT_URL},
        {"ca", required_argument, NULL, OPT_CA},
        {"devices", required_argument, NULL, OPT_DEVICES},
        {"tenant", required_argument, NULL, OPT_TENANT},
        {"connections", required_argument, NULL, OPT_CONNECTIONS},
        {"threads", required_argument, NULL, OPT_THREADS},
        {"seconds", required_argument, NULL, OPT_SECONDS},
        {"requests", required_argument, NULL, OPT_REQUESTS},
        {"rate", required_argument, NULL, OPT_RATE},
        {"handshake", no_argument, NULL, OPT_HANDSHAKE},
        {"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
        {"reports", required_argument, NULL, OPT_REPORTS},
        {"counter", required_argument, NULL, OPT_COUNTER},
        {"prefix", required_argument, NULL, OPT_PREFIX},
        {"count", required_argument, NULL, OPT_COUNT},
        {"path", required_argument, NULL, OPT_PATH},
        {"json", no_argument, NULL, OPT_JSON},
        {"allow-remote", no_argument, NULL, OPT_REMOTE},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
    };
    struct load_options o = {
        .tenant = "default", .threads = 2, .connections = 64, .timeout_ms = 30000, .counter = 1, .reports = 1};
    struct words words = {.prefix = "load-"};
    int option;
    bool tls = false;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(help, stdout);
            return EXIT_SUCCESS;
        }
        if (!take_option(&o, &words, option, optarg)) {
            return usage("an option is unknown, or its value wrong");
        }
    }
    if (optind + 1 != argc || !is_kind(argv[optind])) {
        return usage("what is to be sent? poll, feedback, report, get, or identities");
    }
    o.kind = argv[optind];
    if (strcmp(o.kind, "identities") == 0) {
        return words.count == 0                                                ? usage("--count is missing")
               : load_print_identities(words.prefix, (size_t)words.count) == 0 ? EXIT_SUCCESS
                                                                               : EXIT_FAILURE;
    }
    if (words.url == NULL || (strcmp(o.kind, "get") == 0 ? o.get_path : o.devices_path) == NULL) {
        return usage("--url and --devices (or --path) are needed");
    }
    if (o.seconds > 0 && o.requests > 0) {
        return usage("--seconds or --requests, not both");
    }
    o.seconds = o.seconds <= 0 && o.requests == 0 ? 10 : o.seconds;
    const char *wrong = take_url(&o, &words, &tls);
    if (wrong != NULL) {
        return usage(wrong);
    }
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    o.tls = tls ? tls_with(words.ca) : NULL;
    if (tls && o.tls == NULL) {
        return usage("--ca: no certificate there");
    }
    const int code = run(&o);
    SSL_CTX_free(o.tls);
    return code;
}
