/* `updraft sever`: an envelope without some of its parts. What is cut off is named in the manifest, so signatures hold. */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/offline.h"
#include "author/suit_write.h"

static const struct {
    const char *name;
    uint8_t label; /* 0: the payloads */
} parts[] = {{"coswid", 14},        {"dependency-resolution", 15},
             {"payload-fetch", 16}, {"candidate-verification", 18},
             {"install", 20},       {"text", 23},
             {"payloads", 0}};
enum { PART_COUNT = sizeof parts / sizeof parts[0] };

struct sever {
    const char *envelope;
    const char *output;
    uint32_t labels;
    bool payloads;
    bool json;
};

static bool take_part(struct sever *sever, const char *name, size_t len)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strlen(parts[i].name) == len && memcmp(parts[i].name, name, len) == 0) {
            sever->labels |= parts[i].label > 0 ? UINT32_C(1) << parts[i].label : 0;
            sever->payloads |= parts[i].label == 0;
            return true;
        }
    }
    return false;
}

static bool take_parts(struct sever *sever, const char *list)
{
    bool known = true;
    while (known && *list != '\0') {
        const size_t len = strcspn(list, ",");
        known = take_part(sever, list, len);
        list += len + (list[len] == ',');
    }
    return known && (sever->labels != 0 || sever->payloads);
}

static int run(const struct sever *sever)
{
    struct envelope_file file;
    int code = envelope_read(&file, sever->envelope);
    if (code != CLI_OK) {
        return code;
    }
    struct ud_buf out = {malloc(file.env.whole.len), file.env.whole.len, 0};
    const ud_err err =
        out.ptr != NULL ? suit_write_cut(&out, &file.env, sever->labels, sever->payloads) : UD_ERR_MEMORY;
    if (err == UD_ERR_NOT_FOUND) {
        code = cli_fail(sever->envelope, "has no such part; nothing was cut off", err);
    } else {
        code = err == UD_OK ? envelope_save(sever->output, ud_buf_bytes(&out))
                            : cli_fail(sever->envelope, NULL, err);
    }
    if (code == CLI_OK && sever->json) {
        json_t *json = json_pack("{s:s, s:I, s:I}", "envelope", sever->output, "bytes", (json_int_t)out.len,
                                 "before", (json_int_t)file.env.whole.len);
        cli_print_json(json);
        json_decref(json);
    } else if (code == CLI_OK) {
        printf("Wrote %s, %zu bytes of %zu; its signatures hold.\n", sever->output, out.len,
               file.env.whole.len);
    }
    free(out.ptr);
    free(file.bytes);
    return code;
}

int offline_sever(int argc, char **argv)
{
    static const struct option options[] = {{"cut", required_argument, NULL, 'c'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    struct sever sever = {.json = false};
    const char *list =
        "payload-fetch,install,text,coswid,dependency-resolution,candidate-verification,payloads";
    int option;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        if (option == 'c') {
            list = optarg;
        } else if (option == 'o') {
            sever.output = optarg;
        } else if (option == 'j') {
            sever.json = true;
        } else {
            return cli_usage("sever", "unknown option");
        }
    }
    if (!take_parts(&sever, list)) {
        return cli_usage("sever",
                         "--cut takes coswid, dependency-resolution, payload-fetch, candidate-verification, "
                         "install, text and payloads, with commas");
    }
    if (argc - optind != 1 || sever.output == NULL) {
        return cli_usage("sever", "one ENVELOPE and --output are needed");
    }
    sever.envelope = argv[optind];
    return run(&sever);
}
