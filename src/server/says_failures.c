/* What failures share, as a sentence. */
#include "server/says.h"

#include <stdio.h>

#define MOST_PERCENT 80 /* of those that are looked at share it: worth saying */
#define WORD_BYTES_MAX 64

/* Is that the same in both? */
typedef bool same_thing(const struct ud_row_cluster *a, const struct ud_row_cluster *b);

static bool same_reason(const struct ud_row_cluster *a, const struct ud_row_cluster *b)
{
    return a->error == b->error && (a->error != UD_OK || a->state == b->state);
}

static bool same_hardware(const struct ud_row_cluster *a, const struct ud_row_cluster *b)
{
    return a->from == b->from && strcmp(a->hardware, b->hardware) == 0;
}

static bool same_before(const struct ud_row_cluster *a, const struct ud_row_cluster *b)
{
    return a->before == b->before;
}

struct shared {
    const struct ud_row_cluster *most; /* NULL where there is none */
    uint32_t devices;                  /* that have it in common */
    uint32_t kinds;                    /* how many different ones there are */
};

static struct shared share(const struct ud_row_cluster *clusters, size_t count, same_thing *same)
{
    struct shared found = {NULL, 0, 0};
    for (size_t i = 0; i < count; i++) {
        uint32_t devices = 0;
        bool first = true;
        for (size_t k = 0; k < count; k++) {
            const bool is = same(&clusters[i], &clusters[k]);
            first = first && !(is && k < i);
            devices += is ? clusters[k].devices : 0;
        }
        found.kinds += first ? 1U : 0U;
        if (devices > found.devices) {
            found.devices = devices;
            found.most = &clusters[i];
        }
    }
    return found;
}

static const char *reason_of(const struct ud_row_cluster *cluster)
{
    return cluster->error == UD_OK ? "it runs what nobody assigned" : ud_err_text(cluster->error);
}

/* "rev-b"; nothing where a name is too long to be read in a sentence. */
static bool hardware_words(char out[UD_SAYS_BYTES], const struct ud_row_cluster *cluster)
{
    if (cluster->from == UD_HARDWARE_NONE || strlen(cluster->hardware) > WORD_BYTES_MAX) {
        return false;
    }
    snprintf(out, UD_SAYS_BYTES, "%s \"%s\"", cluster->from == UD_HARDWARE_TYPE ? "are of type" : "are",
             cluster->hardware);
    return true;
}

static bool before_words(char out[UD_SAYS_BYTES], const struct ud_row_cluster *cluster)
{
    if (cluster->before <= 0 ||
        strlen(cluster->before_name) + strlen(cluster->before_version) > WORD_BYTES_MAX) {
        return false;
    }
    snprintf(out, UD_SAYS_BYTES, "ran %s %s before", cluster->before_name, cluster->before_version);
    return true;
}

static bool is_most(const struct shared *shared, uint32_t looked)
{
    return shared->most != NULL && (uint64_t)shared->devices * 100 >= (uint64_t)looked * MOST_PERCENT;
}

/* "All of them are "rev-b" and ran os 1.0 before." */
static void say_shared(const struct ud_row_cluster *clusters, size_t count, uint32_t looked,
                       struct ud_says *says)
{
    char words[UD_SAYS_BYTES];
    char number[UD_NUMBER_BYTES];
    static const struct {
        same_thing *same;
        bool (*words)(char out[UD_SAYS_BYTES], const struct ud_row_cluster *cluster);
    } things[] = {{same_hardware, hardware_words}, {same_before, before_words}};
    size_t len = 0;
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        const struct shared shared = share(clusters, count, things[i].same);
        if (!is_most(&shared, looked) || !things[i].words(words, shared.most)) {
            continue;
        }
        if (shared.devices == looked) {
            len += (size_t)snprintf(says->lede + len, UD_SAYS_BYTES - len, "%sAll of them %s.",
                                    len == 0 ? "" : " ", words);
        } else {
            len +=
                (size_t)snprintf(says->lede + len, UD_SAYS_BYTES - len, "%s%s of them %s.", len == 0 ? "" : " ",
                                 ud_percent_text(number, shared.devices, looked), words);
        }
    }
}

void ud_says_failures(uint32_t failed, const struct ud_row_cluster *clusters, size_t count,
                      struct ud_says *says)
{
    char all[UD_NUMBER_BYTES];
    char most[UD_NUMBER_BYTES];
    uint32_t looked = 0;
    memset(says, 0, sizeof *says);
    for (size_t i = 0; i < count; i++) {
        looked += clusters[i].devices;
    }
    const struct shared reason = share(clusters, count, same_reason);
    if (failed == 0 || reason.most == NULL) {
        snprintf(says->bold, UD_SAYS_BYTES, "Nothing failed.");
        return;
    }
    const char *devices = failed == 1 ? "device" : "devices";
    if (reason.kinds == 1) {
        snprintf(says->bold, UD_SAYS_BYTES, "%s %s failed%s:", ud_number_text(all, failed), devices,
                 failed == 1 ? "" : " for one reason");
        snprintf(says->rest, UD_SAYS_BYTES, "%s.", reason_of(reason.most));
    } else {
        char kinds[UD_NUMBER_BYTES];
        snprintf(says->bold, UD_SAYS_BYTES, "%s %s failed for %s reasons.", ud_number_text(all, failed),
                 devices, ud_number_words(kinds, reason.kinds));
        snprintf(says->rest, UD_SAYS_BYTES, "%s of them: %s.", ud_number_text(most, reason.devices),
                 reason_of(reason.most));
    }
    if (looked > 1) {
        say_shared(clusters, count, looked, says);
    }
}
