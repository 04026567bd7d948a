/* Times and what is said of them. */
#include "load.h"

#include <stdio.h>

#define STEPS 64 /* to a doubling */

/* Below 64 ns each has its own; above, the six bits behind the highest one count. */
static size_t bucket_of(uint64_t ns)
{
    if (ns < STEPS) {
        return (size_t)ns;
    }
    const unsigned high = 63U - (unsigned)__builtin_clzll(ns);
    const size_t at = (size_t)(high - 5) * STEPS + (size_t)((ns >> (high - 6)) & (STEPS - 1));
    return at < LOAD_BUCKETS ? at : LOAD_BUCKETS - 1;
}

/* The upper end of a bucket. */
static uint64_t ns_of(size_t bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    const unsigned high = (unsigned)(bucket / STEPS) + 5;
    return (UINT64_C(1) << high) + ((uint64_t)(bucket % STEPS + 1) << (high - 6)) - 1;
}

void load_times_add(struct load_times *times, uint64_t ns)
{
    times->buckets[bucket_of(ns)]++;
    times->count++;
    times->greatest_ns = ns > times->greatest_ns ? ns : times->greatest_ns;
}

void load_times_join(struct load_times *into, const struct load_times *from)
{
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
    into->count += from->count;
    into->greatest_ns = from->greatest_ns > into->greatest_ns ? from->greatest_ns : into->greatest_ns;
}

double load_times_ms(const struct load_times *times, double share)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < LOAD_BUCKETS && times->count > 0; i++) {
        seen += times->buckets[i];
        if ((double)seen >= share * (double)times->count) {
            const uint64_t ns = ns_of(i);
            return (double)(ns < times->greatest_ns ? ns : times->greatest_ns) / 1e6;
        }
    }
    return 0;
}

static const char *const end_names[LOAD_ENDS] = {"good",   "shed",    "refused", "status",
                                                 "broken", "timeout", "skipped"};

static void print_json(const struct load_options *options, const struct load_result *r)
{
    printf("{\"kind\": \"%s\", \"seconds\": %.4f, \"cpu_seconds\": %.3f, \"per_second\": %.1f, \"handshakes\": "
           "%llu, "
           "\"body_bytes\": %llu",
           options->kind, r->seconds, r->cpu_seconds, (double)r->ends[LOAD_GOOD] / r->seconds,
           (unsigned long long)r->handshakes, (unsigned long long)r->body_bytes);
    for (int end = 0; end < LOAD_ENDS; end++) {
        printf(", \"%s\": %llu", end_names[end], (unsigned long long)r->ends[end]);
    }
    printf(", \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f, "
           "\"shed_p99_ms\": %.3f}\n",
           load_times_ms(&r->good, 0.5), load_times_ms(&r->good, 0.9), load_times_ms(&r->good, 0.99),
           load_times_ms(&r->good, 0.999), (double)r->good.greatest_ns / 1e6, load_times_ms(&r->shed, 0.99));
}

void load_print(const struct load_options *options, const struct load_result *r)
{
    if (options->json) {
        print_json(options, r);
    } else {
        printf("%s: %.1f per second, %.2f s, own processor time %.2f s, %llu TLS handshakes\n", options->kind,
               (double)r->ends[LOAD_GOOD] / r->seconds, r->seconds, r->cpu_seconds,
               (unsigned long long)r->handshakes);
        printf("time of a good answer: median %.3f ms, 90 %% %.3f, 99 %% %.3f, 99.9 %% %.3f, slowest %.3f\n",
               load_times_ms(&r->good, 0.5), load_times_ms(&r->good, 0.9), load_times_ms(&r->good, 0.99),
               load_times_ms(&r->good, 0.999), (double)r->good.greatest_ns / 1e6);
        for (int end = 0; end < LOAD_ENDS; end++) {
            if (r->ends[end] > 0) {
                printf("%12llu %s\n", (unsigned long long)r->ends[end], end_names[end]);
            }
        }
    }
    if (r->first_words[0] != '\0') {
        fprintf(stderr, "updraft-load: first answer that was not good: %s\n", r->first_words);
    }
}
