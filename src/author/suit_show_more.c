#include "author/suit_show_more.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "author/cli.h"
#include "author/desc_show.h"
#include "manifest/suit_command.h"

enum { WORDS_CHARS_MAX = 320 };

typedef void sentence(const char *name, const struct ud_suit_params *params, char *text, size_t cap);

static void say_use_before(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    char date[40] = "a time that is not set";
    const time_t at = (time_t)params->use_before;
    struct tm utc;
    (void)name;
    if (params->use_before > 0 && params->use_before < INT32_MAX && gmtime_r(&at, &utc) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
    } else if (params->use_before > 0) {
        (void)snprintf(date, sizeof date, "second %" PRIu64, params->use_before);
    }
    (void)snprintf(text, cap, "Go on only before %s.", date);
}

static void say_integrity(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)] = "(not set)";
    if (params->digest.len == UD_SHA256_BYTES) {
        cli_hex(params->digest, digest);
    }
    (void)snprintf(text, cap, "Go on only if the manifest in \"%s\" is genuine, and the one with digest %s.",
                   name, digest);
}

static void say_is_dependency(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    (void)params;
    (void)snprintf(text, cap, "Go on only if \"%s\" is a manifest.", name);
}

static void say_process(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    (void)params;
    (void)snprintf(text, cap, "Do what the manifest in \"%s\" says for this stage.", name);
}

static void say_unlink(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    (void)params;
    (void)snprintf(text, cap, "Give up \"%s\"; when nobody else needs it, it is removed.", name);
}

static void say_battery(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    (void)name;
    (void)snprintf(text, cap, "Go on only with at least %" PRIu64 " mWh in the battery.", params->battery);
}

static void say_authorized(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    (void)name;
    (void)snprintf(text, cap,
                   "Go on only once the application allows it (priority %" PRId64
                   ", the smaller the more urgent).",
                   params->priority);
}

static void say_version(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    char match[WORDS_CHARS_MAX] = "(not set)";
    (void)desc_show_wrapped(params->version, DESC_VERSION, match, sizeof match);
    (void)snprintf(text, cap, "Go on only if the version of \"%s\" is %s.", name, match);
}

static void say_wait(const char *name, const struct ud_suit_params *params, char *text, size_t cap)
{
    char events[WORDS_CHARS_MAX] = "events that have no name here";
    (void)name;
    (void)desc_show_wrapped(params->wait, DESC_WAIT, events, sizeof events);
    (void)snprintf(text, cap, "Wait for: %s.", events);
}

static const struct {
    uint8_t code;
    sentence *say;
} sentences[] = {
    {SUIT_USE_BEFORE, say_use_before},
    {SUIT_DEPENDENCY_INTEGRITY, say_integrity},
    {SUIT_IS_DEPENDENCY, say_is_dependency},
    {SUIT_PROCESS_DEPENDENCY, say_process},
    {SUIT_MINIMUM_BATTERY, say_battery},
    {SUIT_UPDATE_AUTHORIZED, say_authorized},
    {SUIT_VERSION_MATCH, say_version},
    {SUIT_WAIT, say_wait},
    {SUIT_UNLINK, say_unlink},
};

bool suit_show_more(uint8_t code, const char *name, const char *other, const struct ud_suit_params *params,
                    char *text, size_t cap)
{
    if (params->encryption_info.len > 0 && (code == SUIT_COPY || code == SUIT_WRITE)) {
        (void)snprintf(text, cap, "Decrypt \"%s\" into \"%s\".",
                       code == SUIT_COPY ? other : "the bytes given here", name);
        return true;
    }
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (sentences[i].code == code) {
            sentences[i].say(name, params, text, cap);
            return true;
        }
    }
    return false;
}
