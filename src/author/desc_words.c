#include "author/desc_words.h"

#include "updraft/suit.h"

#include <string.h>

/* clang-format off */
const struct desc_word desc_params[] = {
    {"vendor-id", DESC_PARAM_VENDOR, DESC_VENDOR},
    {"class-id", DESC_PARAM_CLASS, DESC_CLASS},
    {"image-digest", DESC_PARAM_DIGEST, DESC_DIGEST},
    {"use-before", 4, DESC_UINT},
    {"slot", 5, DESC_UINT},
    {"strict-order", 12, DESC_BOOL},
    {"soft-failure", 13, DESC_BOOL},
    {"image-size", DESC_PARAM_SIZE, DESC_SIZE},
    {"content", 18, DESC_BYTES},
    {"encryption-info", 19, DESC_BYTES},
    {"uri", 21, DESC_TEXT},
    {"source", 22, DESC_COMPONENT},
    {"invoke-args", 23, DESC_BYTES},
    {"device-id", 24, DESC_UUID},
    {"fetch-args", 25, DESC_BYTES},
    {"minimum-battery", 26, DESC_UINT},
    {"priority", 27, DESC_INT},
    {"version", 28, DESC_VERSION},
    {"wait-for", 29, DESC_WAIT},
    {"metadata", 30, DESC_METADATA},
    {"patch", UD_SUIT_PARAM_PATCH, DESC_UINT},
    {NULL, 0, 0},
};

const struct desc_word desc_checks[] = {
    {"vendor", 1, 0}, {"class", 2, 0}, {"image", 3, 0}, {"use-before", 4, 0}, {"slot", 5, 0}, {"content", 6, 0},
    {"dependency", 7, 0}, {"is-dependency", 8, 0}, {"device", 24, 0}, {"image-not", 25, 0}, {"battery", 26, 0},
    {"authorized", 27, 0}, {"version", 28, 0},
    {NULL, 0, 0},
};

const struct desc_word desc_actions[] = {
    {"process-dependency", 11, 0}, {"stop", DESC_DO_STOP, 0}, {"write", 18, 0}, {"fetch", 21, 0}, {"copy", 22, 0},
    {"invoke", 23, 0}, {"wait", 29, 0}, {"swap", 31, 0}, {"unlink", 33, 0},
    {NULL, 0, 0},
};

const struct desc_word desc_text_all[] = {
    {"description", 1, 0}, {"update", 2, 0}, {"json-source", 3, 0}, {"yaml-source", 4, 0},
    {NULL, 0, 0},
};

const struct desc_word desc_text_component[] = {
    {"vendor-name", 1, 0}, {"model-name", 2, 0}, {"vendor-domain", 3, 0}, {"model-info", 4, 0}, {"description", 5, 0},
    {"version", 6, 0}, {"version-required", 7, 0}, {"current-version", 8, 0},
    {NULL, 0, 0},
};

const struct desc_word desc_digests[] = {
    {"sha256", -16, 32}, {"shake128", -18, 32}, {"sha384", -43, 48}, {"sha512", -44, 64}, {"shake256", -45, 64},
    {NULL, 0, 0},
};

const struct desc_word desc_comparisons[] = {
    {">=", 2, 0}, {"<=", 4, 0}, {">", 1, 0}, {"=", 3, 0}, {"<", 5, 0}, /* the longer of two that begin alike first */
    {NULL, 0, 0},
};

const struct desc_word desc_wait_events[] = {
    {"authorization", 1, DESC_INT}, {"power", 2, DESC_INT}, {"network", 3, DESC_INT}, {"time", 5, DESC_UINT},
    {"time-of-day", 6, DESC_UINT}, {"day-of-week", 7, DESC_UINT}, {"time-of-day-utc", 8, DESC_UINT},
    {"day-of-week-utc", 9, DESC_UINT},
    {NULL, 0, 0},
};

const struct desc_word desc_metadata[] = {
    {"permissions", 1, DESC_UINT}, {"type", 5, DESC_UINT}, {"mtime", 6, DESC_UINT}, {"ctime", 7, DESC_UINT},
    {NULL, 0, 0},
};

const struct desc_word desc_file_types[] = {
    {"regular", 1, 0}, {"directory", 2, 0}, {"symlink", 3, 0},
    {NULL, 0, 0},
};

const struct desc_sequence desc_sequences[] = {
    {"shared", 4, false}, /* label within common */
    {"validate", 7, false}, {"load", 8, false}, {"invoke", 9, false}, {"dependency-resolution", 15, true},
    {"payload-fetch", 16, true}, {"candidate-verification", 18, true}, {"install", 20, true},
    {"uninstall", 24, false},
    {NULL, 0, false},
};
/* clang-format on */

const struct desc_word *desc_word_named(const struct desc_word *table, const char *name, size_t len)
{
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == len && memcmp(table->name, name, len) == 0) {
            return table;
        }
    }
    return NULL;
}

const struct desc_word *desc_word_labelled(const struct desc_word *table, int64_t label)
{
    for (; table->name != NULL; table++) {
        if (table->label == label) {
            return table;
        }
    }
    return NULL;
}

const struct desc_sequence *desc_sequence_named(const char *name)
{
    for (const struct desc_sequence *row = desc_sequences; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}
