/* `updraft diff` and `updraft patch` */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "author/cli.h"
#include "author/offline.h"
#include "diff/diff.h"
#include "ports/openssl/files.h"

#define PROFILE_DEFAULT 3
#define PATCH_BYTES_MAX ((size_t)UD_DELTA_IMAGE_BYTES_MAX * 2)

struct diff_job {
    const char *old_path;
    const char *new_path;
    const char *output;
    struct delta_options options;
    bool has_base;
    bool has_predictor;
    bool in_place;
    uint32_t slot_bytes;
    uint32_t sector_bytes;
    struct ud_delta_in_place_head place;
    bool stat;
    bool json;
    struct ud_bytes old;
    struct ud_bytes new;
    struct ud_bytes patch;
    struct delta_stat parts;
};

static const char *const predictor_names[UD_DELTA_PREDICTOR_COUNT] = {"none", "thumb"};

static const char *const part_names[DELTA_PART_COUNT] = {
    [DELTA_PART_HEADS] = "kind, length and place of copies",
    [DELTA_PART_LITERAL] = "new bytes",
    [DELTA_PART_CALLS] = "calls and far branches",
    [DELTA_PART_POINTERS] = "pointers",
    [DELTA_PART_EQUAL] = "equal to the prediction",
    [DELTA_PART_CHANGED] = "changed in place",
    [DELTA_PART_EXACT] = "exact copies",
};

static bool show_progress(void *ctx, uint32_t done, uint32_t total)
{
    (void)ctx;
    fprintf(stderr, "\rdiff %3u %%", (unsigned)((uint64_t)done * 100 / total));
    (void)fflush(stderr);
    return true;
}

static int read_image(const char *path, size_t bytes_max, struct ud_bytes *image)
{
    char *bytes = NULL;
    const ud_err err = cli_read_file(path, bytes_max, &bytes, &image->len);
    image->ptr = (const uint8_t *)bytes;
    return err == UD_OK ? CLI_OK : cli_fail_file(path, err);
}

static void drop(struct ud_bytes bytes)
{
    free((void *)(uintptr_t)bytes.ptr);
}

static void print_parts_json(const struct diff_job *job)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < DELTA_PART_COUNT; i++) {
        json_array_append_new(parts, json_pack("{s:s, s:I, s:I}", "part", part_names[i], "patch",
                                               (json_int_t)(job->parts.cost[i] / 2048), "image",
                                               (json_int_t)job->parts.bytes[i]));
    }
    json_t *json = json_pack("{s:I, s:I, s:I, s:i, s:s, s:I, s:[i,i,i], s:o}", "old", (json_int_t)job->old.len,
                             "new", (json_int_t)job->new.len, "patch", (json_int_t)job->patch.len, "profile",
                             job->options.profile, "predictor", predictor_names[job->options.predictor], "base",
                             (json_int_t)job->options.base, "tokens", (int)job->parts.tokens[0],
                             (int)job->parts.tokens[1], (int)job->parts.tokens[2], "parts", parts);
    cli_print_json(json);
    json_decref(json);
}

static void print_parts(const struct diff_job *job)
{
    printf("\n%-34s %12s %12s\n", "where the bytes go", "in the patch", "of the image");
    printf("%-34s %12u %12s\n", "head", (unsigned)UD_DELTA_HEAD_BYTES, "");
    for (size_t i = 0; i < DELTA_PART_COUNT; i++) {
        printf("%-34s %12llu %12u\n", part_names[i], (unsigned long long)(job->parts.cost[i] / 2048),
               (unsigned)job->parts.bytes[i]);
    }
    printf("%u runs of new bytes, %u main copies, %u exact copies\n", (unsigned)job->parts.tokens[0],
           (unsigned)job->parts.tokens[1], (unsigned)job->parts.tokens[2]);
}

static void print_diff(const struct diff_job *job)
{
    if (job->json) {
        print_parts_json(job);
        return;
    }
    const double percent = job->new.len > 0 ? 100.0 * (double)job->patch.len / (double)job->new.len : 0;
    printf("Patch      %zu bytes, %.1f %% of the image's %zu\n", job->patch.len, percent, job->new.len);
    printf("Profile    %u, predictor %s, base 0x%08x\n", job->options.profile,
           predictor_names[job->options.predictor], (unsigned)job->options.base);
    if (job->in_place) {
        printf("In place   the installed image moves up by %u bytes, sectors of %u, blocks of %u\n",
               (unsigned)job->place.gap_bytes, (unsigned)job->place.sector_bytes,
               (unsigned)job->place.block_bytes);
    }
    if (job->stat) {
        print_parts(job);
    }
}

/* Nothing is written that the device's own applier did not turn into the new image. */
static int check_patch(const struct diff_job *job)
{
    uint8_t *made = NULL;
    size_t len = 0;
    const ud_err err = delta_patch(job->old, job->patch, &made, &len);
    const bool same = err == UD_OK && ud_bytes_equal((struct ud_bytes){made, len}, job->new);
    free(made);
    return same ? CLI_OK : cli_fail("diff", "the patch does not give the image", UD_ERR_INTERNAL);
}

static int fit_in_place(struct diff_job *job)
{
    const ud_err err = delta_in_place_fit(&job->place, job->slot_bytes, job->sector_bytes,
                                          (uint32_t)job->old.len, (uint32_t)job->new.len);
    job->options.in_place = &job->place;
    return err == UD_OK ? CLI_OK
                        : cli_fail("diff", "the slot does not hold both images, one after the other", err);
}

static int make_patch(struct diff_job *job)
{
    const struct delta_progress progress = {NULL, show_progress};
    uint8_t *patch = NULL;
    if (!job->has_predictor) {
        job->options.predictor = (uint8_t)delta_guess_predictor(job->new);
    }
    if (!job->has_base) {
        job->options.base = job->options.predictor == UD_DELTA_PREDICTOR_THUMB ? delta_guess_base(job->old) : 0;
    }
    const bool shows = !job->json && isatty(STDERR_FILENO);
    job->options.progress = shows ? &progress : NULL;
    const ud_err err = delta_diff(job->old, job->new, &job->options, &patch, &job->patch.len, &job->parts);
    job->options.progress = NULL;
    if (shows) {
        fputs("\r          \r", stderr);
    }
    if (err != UD_OK) {
        return cli_fail("diff", NULL, err);
    }
    job->patch.ptr = patch;
    return check_patch(job);
}

static int save_patch(const struct diff_job *job)
{
    if (job->output == NULL) {
        return CLI_OK;
    }
    if (job->patch.len >= job->new.len) {
        return cli_fail(job->output, "the patch is not smaller than the image; send that", UD_ERR_TOO_LARGE);
    }
    const ud_err err = ud_small_file_write(job->output, 0644, true, job->patch);
    return err == UD_OK ? CLI_OK : cli_fail_file(job->output, err);
}

static int diff(struct diff_job *job)
{
    int code = read_image(job->old_path, UD_DELTA_IMAGE_BYTES_MAX, &job->old);
    code = code == CLI_OK ? read_image(job->new_path, UD_DELTA_IMAGE_BYTES_MAX, &job->new) : code;
    code = code == CLI_OK && job->in_place ? fit_in_place(job) : code;
    code = code == CLI_OK ? make_patch(job) : code;
    code = code == CLI_OK ? save_patch(job) : code;
    if (code == CLI_OK) {
        print_diff(job);
    }
    drop(job->old);
    drop(job->new);
    drop(job->patch);
    return code;
}

/* 0x08020000, or decimal */
static bool address(const char *text, uint32_t *value)
{
    char *end = NULL;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number > UINT32_MAX) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

/* SLOT,SECTOR */
static bool places(struct diff_job *job, const char *text)
{
    const char *comma = strchr(text, ',');
    char slot[16];
    if (comma == NULL || (size_t)(comma - text) >= sizeof slot) {
        return false;
    }
    memcpy(slot, text, (size_t)(comma - text));
    slot[comma - text] = '\0';
    return address(slot, &job->slot_bytes) && address(comma + 1, &job->sector_bytes);
}

static bool predictor_named(const char *name, uint8_t *predictor)
{
    for (uint8_t i = 0; i < UD_DELTA_PREDICTOR_COUNT; i++) {
        if (strcmp(name, predictor_names[i]) == 0) {
            *predictor = i;
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with the option. */
static const char *take_option(struct diff_job *job, int option, const char *value)
{
    uint64_t profile = 0;
    switch (option) {
    case 'o':
        job->output = value;
        return NULL;
    case 'p':
        if (!cli_number(value, 0, UD_DELTA_PROFILE_COUNT - 1, &profile)) {
            return "--profile is 0 to 5";
        }
        job->options.profile = (uint8_t)profile;
        return NULL;
    case 'b':
        job->has_base = address(value, &job->options.base);
        return job->has_base ? NULL : "--base is an address of 32 bits";
    case 'P':
        job->has_predictor = predictor_named(value, &job->options.predictor);
        return job->has_predictor ? NULL : "--predictor is thumb or none";
    case 'i':
        job->in_place = places(job, value);
        return job->in_place ? NULL : "--in-place is SLOT,SECTOR in bytes";
    case 's':
        job->stat = true;
        return NULL;
    case 'j':
        job->json = true;
        return NULL;
    default:
        return "unknown option";
    }
}

int offline_diff(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},   {"profile", required_argument, NULL, 'p'},
        {"base", required_argument, NULL, 'b'},     {"predictor", required_argument, NULL, 'P'},
        {"in-place", required_argument, NULL, 'i'}, {"stat", no_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0}};
    struct diff_job job = {.options = {.profile = PROFILE_DEFAULT}};
    int option;
    while ((option = getopt_long(argc, argv, "o:p:", options, NULL)) != -1) {
        const char *wrong = take_option(&job, option, optarg);
        if (wrong != NULL) {
            return cli_usage("diff", wrong);
        }
    }
    if (argc - optind != 2) {
        return cli_usage("diff", "two images are needed: OLD and NEW");
    }
    if (job.output == NULL && !job.stat && !job.json) {
        return cli_usage("diff", "--output, --stat or --json is needed");
    }
    job.old_path = argv[optind];
    job.new_path = argv[optind + 1];
    return diff(&job);
}

static int patch(const char *old_path, const char *patch_path, const char *output)
{
    struct ud_bytes old = {NULL, 0};
    struct ud_bytes from = {NULL, 0};
    uint8_t *made = NULL;
    size_t len = 0;
    int code = read_image(old_path, UD_DELTA_IMAGE_BYTES_MAX, &old);
    code = code == CLI_OK ? read_image(patch_path, PATCH_BYTES_MAX, &from) : code;
    if (code == CLI_OK) {
        ud_err err = delta_patch(old, from, &made, &len);
        code = err == UD_OK ? CLI_OK : cli_fail(patch_path, NULL, err);
    }
    if (code == CLI_OK) {
        const ud_err err = ud_small_file_write(output, 0644, true, (struct ud_bytes){made, len});
        code = err == UD_OK ? CLI_OK : cli_fail_file(output, err);
    }
    if (code == CLI_OK) {
        printf("Image      %zu bytes. Only its digest says whether it is the right one: updraft verify\n", len);
    }
    drop(old);
    drop(from);
    free(made);
    return code;
}

int offline_patch(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
    const char *output = NULL;
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option != 'o') {
            return cli_usage("patch", "unknown option");
        }
        output = optarg;
    }
    if (argc - optind != 2 || output == NULL) {
        return cli_usage("patch", "OLD, PATCH and --output are needed");
    }
    return patch(argv[optind], argv[optind + 1], output);
}
