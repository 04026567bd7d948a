#include "server/says.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#define MINUTE_MS 60000
#define DAY_MS (INT64_C(24) * 60 * MINUTE_MS)
#define CERT_SOON_MS (30 * DAY_MS)

/* --- numbers */

const char *ud_number_text(char out[UD_NUMBER_BYTES], uint64_t number)
{
    char digits[24];
    size_t n = 0;
    const int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[n++] = ',';
        }
        out[n++] = digits[i];
    }
    out[n] = '\0';
    return out;
}

const char *ud_number_words(char out[UD_NUMBER_BYTES], uint64_t number)
{
    static const char *const words[] = {"no",    "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    if (number >= sizeof words / sizeof words[0]) {
        return ud_number_text(out, number);
    }
    snprintf(out, UD_NUMBER_BYTES, "%s", words[number]);
    return out;
}

const char *ud_percent_text(char out[UD_NUMBER_BYTES], uint64_t part, uint64_t whole)
{
    if (whole == 0 || part == 0) {
        snprintf(out, UD_NUMBER_BYTES, "0 %%");
    } else if (part >= whole) {
        snprintf(out, UD_NUMBER_BYTES, "100 %%");
    } else if (part * 10000 < whole) {
        snprintf(out, UD_NUMBER_BYTES, "<0.01 %%");
    } else if (part * 100 < whole) {
        const unsigned hundredths = (unsigned)((part * 10000 + whole / 2) / whole);
        snprintf(out, UD_NUMBER_BYTES, "%u.%02u %%", hundredths / 100, hundredths % 100);
    } else {
        unsigned tenths = (unsigned)((part * 1000 + whole / 2) / whole);
        tenths = tenths > 999 ? 999 : tenths;
        snprintf(out, UD_NUMBER_BYTES, "%u.%u %%", tenths / 10, tenths % 10);
    }
    return out;
}

const char *ud_span_text(char out[UD_NUMBER_BYTES], int64_t ms)
{
    const long long minutes = ms < 0 ? 0 : (long long)(ms / MINUTE_MS);
    if (minutes < 120) {
        snprintf(out, UD_NUMBER_BYTES, "%lld min", minutes);
    } else if (minutes < 48 * 60) {
        snprintf(out, UD_NUMBER_BYTES, "%lld h", minutes / 60);
    } else {
        snprintf(out, UD_NUMBER_BYTES, "%lld days", minutes / 1440);
    }
    return out;
}

const char *ud_bytes_text(char out[UD_NUMBER_BYTES], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t tenths;
    if (bytes < 1024) {
        snprintf(out, UD_NUMBER_BYTES, "%u bytes", (unsigned)bytes);
        return out;
    }
    for (tenths = bytes / 1024 * 10 + bytes % 1024 * 10 / 1024; tenths >= 10240 && unit < 5; unit++) {
        tenths /= 1024;
    }
    snprintf(out, UD_NUMBER_BYTES, "%llu.%llu %s", (unsigned long long)(tenths / 10),
             (unsigned long long)(tenths % 10), units[unit]);
    return out;
}

/* --- sentences */

/* Append; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) static void say(char *text, const char *format, ...)
{
    const size_t len = strlen(text);
    va_list list;
    va_start(list, format);
    vsnprintf(text + len, UD_SAYS_BYTES - len, format, list);
    va_end(list);
}

static void begin(struct ud_says *says)
{
    says->bold[0] = says->rest[0] = says->lede[0] = '\0';
}

static void capital(char *text)
{
    text[0] = (char)toupper((unsigned char)text[0]);
}

/* "two rollouts are moving, one stopped itself": parts of a list, those with a number only. */
struct part {
    uint32_t count;
    const char *one;
    const char *more;
};

static size_t say_parts(char *text, const struct part *parts, size_t count)
{
    size_t said = 0;
    char number[UD_NUMBER_BYTES];
    for (size_t i = 0; i < count; i++) {
        if (parts[i].count > 0) {
            say(text, "%s%s %s", said == 0 ? "" : ", ", ud_number_words(number, parts[i].count),
                parts[i].count == 1 ? parts[i].one : parts[i].more);
            said++;
        }
    }
    return said;
}

void ud_says_overview(const struct ud_overview_facts *facts, struct ud_says *says)
{
    char number[UD_NUMBER_BYTES];
    const struct part parts[] = {
        {facts->running, "rollout is moving", "rollouts are moving"},
        {facts->stopped_itself, "stopped itself", "stopped themselves"},
        {facts->paused - facts->stopped_itself, "is paused", "are paused"},
        {facts->waiting, "waits for approval", "wait for approval"},
    };
    begin(says);
    if (facts->devices == 0) {
        say(says->bold, "No device is registered yet.");
        say(says->rest, "Add the first one.");
        return;
    }
    if (facts->todo == 0) {
        say(says->bold, "Nothing needs a person.");
        say(says->rest, "The fleet takes care of itself.");
    } else {
        say(says->bold, "%s %s a person.", ud_number_words(number, facts->todo),
            facts->todo == 1 ? "thing needs" : "things need");
        say(says->rest, "The rest of the fleet takes care of itself.");
    }
    if (say_parts(says->lede, parts, sizeof parts / sizeof parts[0]) == 0) {
        say(says->lede, "no rollout is under way");
    }
    say(says->lede, ". %s of devices are reachable.",
        ud_percent_text(number, facts->reachable, facts->devices));
    capital(says->bold);
    capital(says->lede);
}

void ud_says_devices(const struct ud_standing *standing, bool filtered, uint64_t matched, bool at_least,
                     struct ud_says *says)
{
    char number[UD_NUMBER_BYTES];
    char total[UD_NUMBER_BYTES];
    const struct part bad[] = {
        {standing->failed, "failed", "failed"},
        {standing->reverted, "reverted", "reverted"},
        {standing->drifted, "drifted", "drifted"},
        {standing->quarantined, "is in quarantine", "are in quarantine"},
    };
    begin(says);
    ud_number_text(total, standing->total);
    if (filtered && matched == 0) {
        say(says->bold, "No device fits.");
        say(says->rest, "Drop or widen a condition; there are %s devices.", total);
    } else if (filtered) {
        say(says->bold, "%s%s %s this filter,", at_least ? "at least " : "", ud_number_text(number, matched),
            matched == 1 ? "device fits" : "devices fit");
        say(says->rest, "of %s.", total);
    } else if (standing->total == 0) {
        say(says->bold, "No device is registered yet.");
        say(says->rest, "Add the first one.");
    } else {
        say(says->bold, "%s devices;", total);
        if (say_parts(says->rest, bad, sizeof bad / sizeof bad[0]) == 0) {
            say(says->rest, "none failed, reverted or drifted");
        }
        say(says->rest, ".");
    }
    capital(says->bold);
}

void ud_says_releases(uint32_t releases, uint32_t unapproved, uint32_t foreign, uint32_t recalled,
                      struct ud_says *says)
{
    char number[UD_NUMBER_BYTES];
    begin(says);
    if (releases == 0) {
        say(says->bold, "No release is here yet.");
        say(says->rest, "Publish the first one.");
        return;
    }
    say(says->bold, "%s %s", ud_number_words(number, releases), releases == 1 ? "release" : "releases");
    if (unapproved > 0) {
        say(says->bold, "; %s", ud_number_words(number, unapproved));
        say(says->bold, " %s for approval", unapproved == 1 ? "waits" : "wait");
    }
    say(says->bold, ".");
    capital(says->bold);
    if (foreign == 0) {
        say(says->rest, "Everything here is signed, and the server checked it.");
    } else {
        say(says->rest, "%s %s foreign: nobody signed %s.", ud_number_words(number, foreign),
            foreign == 1 ? "is" : "are", foreign == 1 ? "it" : "them");
    }
    if (recalled > 0) {
        const size_t at = strlen(says->rest) + 1;
        say(says->rest, " %s %s recalled.", ud_number_words(number, recalled), recalled == 1 ? "was" : "were");
        capital(says->rest + at);
    }
    capital(says->rest);
}

void ud_says_release(const struct ud_release_facts *facts, struct ud_says *says)
{
    const struct ud_row_release *release = facts->release;
    char number[UD_NUMBER_BYTES];
    begin(says);
    if (release->recalled_ms != 0) {
        say(says->bold, "It was recalled.");
        say(says->rest, "%s %s it.", ud_number_words(number, facts->runs),
            facts->runs == 1 ? "device still runs" : "devices still run");
        capital(says->rest);
    } else if (facts->approvals < facts->needed) {
        say(says->bold, "It has %u of %u approvals.", facts->approvals, facts->needed);
        say(says->rest, "Nothing is delivered before.");
    } else if (facts->runs == 0) {
        say(says->bold, "No device runs it yet.");
    } else {
        say(says->bold, "%s %s it,", ud_number_text(number, facts->runs),
            facts->runs == 1 ? "device runs" : "devices run");
        say(says->rest, release->foreign ? "as they say; nothing of it is signed." : "by signed report.");
    }
    if (release->foreign) {
        say(says->lede,
            "A foreign release: it goes to devices of a type that was marked as foreign, and ends as "
            "claimed.");
    } else {
        say(says->lede, "Sequence %llu, %u %s. Each device checks signature, kind and number again.",
            (unsigned long long)release->sequence, release->signer_count,
            release->signer_count == 1 ? "signature" : "signatures");
    }
    say(says->lede, " %s in all.", ud_bytes_text(number, facts->bytes));
}

void ud_says_rollouts(const uint32_t states[UD_ROLLOUT_STATE_COUNT], uint32_t stopped_itself,
                      struct ud_says *says)
{
    const struct part parts[] = {
        {states[UD_ROLLOUT_RUNNING], "rollout moves", "rollouts move"},
        {stopped_itself, "stopped itself", "stopped themselves"},
        {states[UD_ROLLOUT_PAUSED] - stopped_itself, "is paused", "are paused"},
        {states[UD_ROLLOUT_APPROVAL], "waits for approval", "wait for approval"},
        {states[UD_ROLLOUT_READY], "is ready to start", "are ready to start"},
        {states[UD_ROLLOUT_CREATING], "is being filled", "are being filled"},
        {states[UD_ROLLOUT_STOPPING], "is stopping", "are stopping"},
    };
    uint32_t all = 0;
    char number[UD_NUMBER_BYTES];
    begin(says);
    for (int i = 0; i < UD_ROLLOUT_STATE_COUNT; i++) {
        all += states[i];
    }
    if (all == 0) {
        say(says->bold, "No rollout yet.");
        say(says->rest, "Make the first one.");
        return;
    }
    if (say_parts(says->bold, parts, sizeof parts / sizeof parts[0]) == 0) {
        say(says->bold, "No rollout is under way");
    }
    say(says->bold, ".");
    capital(says->bold);
    if (states[UD_ROLLOUT_FINISHED] > 0) {
        say(says->rest, "%s %s finished.", ud_number_words(number, states[UD_ROLLOUT_FINISHED]),
            states[UD_ROLLOUT_FINISHED] == 1 ? "is" : "are");
        capital(says->rest);
    }
}

static uint32_t bad_of(const struct ud_group_counts *counts)
{
    return counts->of[UD_MEMBER_FAILED] + counts->of[UD_MEMBER_REVERTED] + counts->of[UD_MEMBER_DRIFTED];
}

/* "2.3 % of group 3 failed; above 3 % it stops by itself." */
static void say_limit(const struct ud_row_group *group, struct ud_says *says)
{
    char share[UD_NUMBER_BYTES];
    char limit[UD_NUMBER_BYTES];
    const uint32_t total = ud_group_total(&group->counts);
    const uint32_t bad = bad_of(&group->counts);
    if (bad == 0) {
        say(says->lede, "Nothing of group %u failed. ", group->position);
        return;
    }
    say(says->lede, "%s of group %u failed or left it; above %s it stops by itself. ",
        ud_percent_text(share, bad, total), group->position,
        ud_percent_text(limit, group->limits.error, 10000));
}

static void say_running(const struct ud_row_rollout *rollout, const struct ud_group_counts *counts,
                        const struct ud_row_group *group, struct ud_says *says)
{
    char part[UD_NUMBER_BYTES];
    char whole[UD_NUMBER_BYTES];
    const uint32_t total = ud_group_total(counts);
    const uint32_t good = counts->of[UD_MEMBER_CONFIRMED];
    /* near: two thirds of the limit are used */
    const bool near = group != NULL && bad_of(&group->counts) > 0 &&
                      (uint64_t)bad_of(&group->counts) * 10000 * 3 >=
                          (uint64_t)group->limits.error * ud_group_total(&group->counts) * 2;
    if (group == NULL) {
        say(says->bold, "It has started, and no group has yet.");
        return;
    }
    say(says->bold,
        near ? "On its way in group %u of %u, but failures near their limit." : "On course in group %u of %u.",
        group->position, rollout->group_count);
    say(says->rest, "%s of %s confirmed by signed report.", ud_number_text(part, good),
        ud_number_text(whole, total));
    say_limit(group, says);
}

static const char *const paused_words[] = {
    [UD_PAUSE_NONE] = "Paused.",
    [UD_PAUSE_PERSON] = "Paused by a person.",
    [UD_PAUSE_ERRORS] = "It stopped itself: too many failed.",
    [UD_PAUSE_GATE] = "A group is done; the next step is a person's.",
    [UD_PAUSE_END] = "Its end time came.",
    [UD_PAUSE_RECALL] = "It is held: its release was recalled.",
};

void ud_says_rollout(const struct ud_row_rollout *rollout, const struct ud_group_counts *counts,
                     const struct ud_row_group *group, ud_err cause, uint32_t cause_devices,
                     struct ud_says *says)
{
    char part[UD_NUMBER_BYTES];
    char whole[UD_NUMBER_BYTES];
    const uint32_t total = ud_group_total(counts);
    const uint32_t bad = bad_of(counts);
    begin(says);
    ud_number_text(whole, total);
    switch (rollout->state) {
    case UD_ROLLOUT_CREATING:
        say(says->bold, "It is being filled: %s devices so far.", ud_number_text(part, rollout->total));
        say(says->rest, "Nothing has started yet.");
        return;
    case UD_ROLLOUT_APPROVAL:
        say(says->bold, "It waits for approval: %s devices.", whole);
        say(says->rest, "Nothing starts before. Asked by %s.", rollout->created_by);
        return;
    case UD_ROLLOUT_DENIED:
        say(says->bold, "%.120s denied it.", rollout->decided_by);
        say(says->rest, "Nothing was offered.");
        return;
    case UD_ROLLOUT_READY:
        say(says->bold, "Ready for %s devices.", whole);
        say(says->rest, rollout->start_by == 0 ? "Nothing has started yet; a person starts it."
                                               : "Nothing has started yet; it starts by itself at its time.");
        return;
    case UD_ROLLOUT_RUNNING:
        say_running(rollout, counts, group, says);
        break;
    case UD_ROLLOUT_PAUSED:
        say(says->bold, "%s", paused_words[rollout->pause]);
        say(says->rest, "%s of %s confirmed by signed report.",
            ud_number_text(part, counts->of[UD_MEMBER_CONFIRMED]), whole);
        if (group != NULL) {
            say_limit(group, says);
        }
        break;
    case UD_ROLLOUT_STOPPING:
        say(says->bold, "Stopping: %s devices are asked to cancel.",
            ud_number_text(part, counts->of[UD_MEMBER_ACTIVE]));
        break;
    case UD_ROLLOUT_STOPPED:
    case UD_ROLLOUT_FINISHED:
        say(says->bold, "%s: %s of %s confirmed by signed report.",
            rollout->state == UD_ROLLOUT_STOPPED ? "Stopped" : "Finished",
            ud_number_text(part, counts->of[UD_MEMBER_CONFIRMED]), whole);
        if (counts->of[UD_MEMBER_CLAIMED] > 0) {
            say(says->rest, "%s say that they run it. ", ud_number_text(part, counts->of[UD_MEMBER_CLAIMED]));
        }
        if (bad > 0) {
            say(says->rest, "%s failed or left it.", ud_number_text(part, bad));
        }
        break;
    case UD_ROLLOUT_DELETING:
        say(says->bold, "It is being removed.");
        return;
    }
    if (cause != UD_OK && cause_devices > 1) {
        say(says->lede, "%s of %s failures have one cause: %s.", ud_number_text(part, cause_devices),
            ud_number_text(whole, bad), ud_err_text(cause));
    }
}

void ud_says_security(const struct ud_security_facts *facts, struct ud_says *says)
{
    char left[UD_NUMBER_BYTES];
    const bool cert = facts->cert_left_ms != 0 && facts->cert_left_ms < CERT_SOON_MS;
    const struct part parts[] = {
        {facts->refused, "device sent a report that was refused", "devices sent reports that were refused"},
        {facts->quarantined, "device is in quarantine", "devices are in quarantine"},
    };
    begin(says);
    if (cert) {
        say(says->bold, "the server's certificate ends in %s", ud_span_text(left, facts->cert_left_ms));
    } else if (facts->tokens_ending > 0) {
        const struct part tokens = {facts->tokens_ending, "token ends within 30 days",
                                    "tokens end within 30 days"};
        say_parts(says->bold, &tokens, 1);
        say(says->bold, ", the first in %s", ud_span_text(left, facts->token_left_ms));
    }
    if ((facts->refused > 0 || facts->quarantined > 0) && says->bold[0] != '\0') {
        say(says->bold, ", and ");
    }
    say_parts(says->bold, parts, sizeof parts / sizeof parts[0]);
    if (says->bold[0] == '\0') {
        say(says->bold, "All holds.");
        say(says->rest, "Nothing ends soon, and nothing was refused in the last day.");
    } else {
        say(says->bold, ".");
        say(says->rest, "All else holds.");
    }
    if (facts->unsigned_devices > 0) {
        say(says->lede, "%s %s without any signed report: what %s is their own word.",
            ud_number_text(left, facts->unsigned_devices),
            facts->unsigned_devices == 1 ? "device is" : "devices are",
            facts->unsigned_devices == 1 ? "it runs" : "they run");
    }
    capital(says->bold);
}
