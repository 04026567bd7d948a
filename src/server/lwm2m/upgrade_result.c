/* Update Result: what the device's word means for the action. */
#include "server/lwm2m/upgrade_job.h"

#include <stdio.h>

static const struct ud_upgrade_result results[] = {
    [0] = {UD_OK, false, "nothing yet"},
    [1] = {UD_OK, false, "the device says that it updated"},
    [2] = {UD_ERR_SPACE, false, "not enough flash for the package"},
    [3] = {UD_ERR_MEMORY, true, "out of memory while downloading"},
    [4] = {UD_ERR_CONNECT, true, "connection lost while downloading"},
    [5] = {UD_ERR_DIGEST, false, "integrity check of the package failed"},
    [6] = {UD_ERR_SHAPE, false, "unsupported type of package"},
    [7] = {UD_ERR_URI, false, "invalid URI"},
    [8] = {UD_ERR_DEVICE_FAILED, false, "the update failed"},
    [9] = {UD_ERR_ALGORITHM, false, "unsupported protocol of the URI"},
    [10] = {UD_ERR_CANCELED, false, "canceled"},
    [11] = {UD_OK, false, "deferred"},
    [UD_UPGRADE_CONFLICTING] = {UD_ERR_COMPONENT_CONFLICT, false,
                                "its package conflicts with what another component holds"},
    [UD_UPGRADE_DEPENDENT] = {UD_ERR_COMPONENT_NEEDS, false,
                              "it needs another component to be updated before it or with it"},
};
#define RESULT_COUNT ((int64_t)(sizeof results / sizeof results[0]))

const struct ud_upgrade_result *ud_upgrade_result_of(int64_t result)
{
    return result >= 0 && result < RESULT_COUNT ? &results[result] : NULL;
}

/* --- in words */

struct words {
    char *out; /* [UD_UPGRADE_WORDS_BYTES_MAX] */
    size_t len;
};

/* What does not fit is cut. */
static void say(struct words *words, const char *text)
{
    const size_t room = UD_UPGRADE_WORDS_BYTES_MAX - words->len;
    const int len = snprintf(words->out + words->len, room, "%s", text);
    words->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void say_component(struct words *words, const struct ud_upgrade_part *part)
{
    char number[24];
    snprintf(number, sizeof number, "component %u", (unsigned)part->instance);
    say(words, part->name[0] != '\0' ? part->name : number);
}

static void say_part(struct words *words, const struct ud_upgrade *up, const struct ud_upgrade_part *part,
                     const char *text)
{
    if (up->object == UD_COMPONENTS_OBJECT) {
        say_component(words, part);
        say(words, ": ");
    }
    say(words, text);
}

void ud_upgrade_words(const struct ud_upgrade *up, const struct ud_upgrade_part *part, const char *words,
                      char out[UD_UPGRADE_WORDS_BYTES_MAX])
{
    struct words all = {out, 0};
    out[0] = '\0';
    say_part(&all, up, part, words);
}

static void say_conflicts(struct words *words, const struct ud_upgrade *up, const struct ud_upgrade_part *part)
{
    bool any = false;
    for (size_t i = 0; i < up->part_count; i++) {
        if ((part->conflicts & 1U << i) != 0) {
            say(words, any ? ", " : " (");
            say_component(words, &up->parts[i]);
            any = true;
        }
    }
    say(words, any ? ")" : "");
}

void ud_upgrade_account(const struct ud_upgrade *up, char out[UD_UPGRADE_WORDS_BYTES_MAX])
{
    struct words all = {out, 0};
    out[0] = '\0';
    for (size_t i = 0; i < up->part_count; i++) {
        const struct ud_upgrade_part *part = &up->parts[i];
        const struct ud_upgrade_result *result = ud_upgrade_result_of(part->result);
        if (part->filename[0] == '\0') {
            continue;
        }
        say(&all, all.len > 0 ? "; " : "");
        say_part(&all, up, part,
                 part->result == 0 ? "not updated"
                 : result != NULL  ? result->words
                                   : "unknown result");
        say_conflicts(&all, up, part);
    }
}
