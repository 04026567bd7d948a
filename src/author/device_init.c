/* `updraft device init`: a device folder (docs/formats.md section 6), as it leaves manufacture. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "author/cli.h"
#include "author/offline.h"
#include "author/sample_keys.h"
#include "author/trust_file.h"
#include "ports/openssl/files.h"
#include "ports/openssl/keys.h"
#include "ports/posix/device_folder.h"
#include "ports/posix/factory.h"
#include "updraft/cbor.h"
#include "updraft/crypto.h"
#include "updraft/delta_in_place.h"
#include "updraft/flash.h"
#include "updraft/provision.h"

#define PATH_BYTES_MAX 4096
#define INI_BYTES_MAX 8192

enum { JOURNAL_SECTORS = 3 };                               /* one more than must be: a worn sector is no end */
enum { MOVE_SECTORS = 3 };                                  /* plan and marks */
enum { STORE_COPY_OVERHEAD = 3 * UD_FLASH_WRITE_SIZE_MAX }; /* head, seal, and the content's padding */

/* What a device has when nobody says otherwise; numbers are checked by the provisioning file's own reader. */
struct init {
    const char *folder;
    const char *vendor;
    const char *class_name;
    const char *device_id;
    const char *components[UD_COMPONENTS_MAX];
    const char *name;
    const char *server;
    const char *tenant;
    const char *ca;
    const char *factory;
    const char *images[UD_COMPONENTS_MAX]; /* in the order of the components */
    const char *recovery;
    const char *recovery_image;
    const char *roots; /* NULL: nobody replaces the anchors */
    size_t component_count;
    size_t image_count;
    uint64_t threshold;
    uint64_t slot_bytes;
    uint64_t patch_bytes;
    uint64_t envelope_bytes;
    uint64_t erase_size;
    uint64_t write_size;
    uint64_t trial_boots;
    uint64_t trial_ms;
    uint64_t poll_s;
    ud_provision_mover layout;
    bool at_rest;
    struct ud_trust trust;
    uint64_t group;                     /* of the anchors that follow */
    uint8_t writers[UD_COMPONENTS_MAX]; /* of each component, a bit for each group */
};

/* Bytes of one copy of a trust store: the largest one, its head and its seal, in whole sectors. */
static uint64_t store_copy(const struct init *init)
{
    const uint64_t bytes = UD_TRUST_STORE_BYTES_MAX + STORE_COPY_OVERHEAD;
    return init->roots != NULL ? (bytes + init->erase_size - 1) / init->erase_size * init->erase_size : 0;
}

static uint64_t round_up(const struct init *init, uint64_t bytes)
{
    return (bytes + init->erase_size - 1) / init->erase_size * init->erase_size;
}

/* What a layout's mover wants of its own: plan and marks; or two records of a patch in place. */
static uint64_t move_bytes(const struct init *init)
{
    const uint64_t record = UD_DELTA_IN_PLACE_RECORD_BYTES + STORE_COPY_OVERHEAD;
    return init->layout == UD_PROVISION_STAY    ? 0
           : init->layout == UD_PROVISION_PATCH ? 2 * round_up(init, record)
                                                : MOVE_SECTORS * init->erase_size;
}

/*
 * The flash, laid out from its start: journal, two envelopes, two images of each component (or an image and a patch), the move
 * area, the recovery image and its envelope, two trust stores.
 */
static ud_err lay_out(const struct init *init, struct ud_provision *p)
{
    const bool single = init->layout == UD_PROVISION_PATCH;
    const uint64_t sector = init->erase_size;
    const uint64_t journal = JOURNAL_SECTORS * sector;
    const uint64_t envelope = round_up(init, init->envelope_bytes);
    const uint64_t slot = round_up(init, init->slot_bytes);
    const uint64_t second = single                              ? round_up(init, init->patch_bytes)
                            : init->layout == UD_PROVISION_SWAP ? slot + sector
                                                                : slot;
    const uint64_t move = move_bytes(init);
    const uint64_t copy = store_copy(init);
    const uint64_t images = journal + 2 * envelope;
    const uint64_t move_at = images + init->component_count * (slot + second);
    const uint64_t recovery_at = move_at + move;
    const bool has_recovery = init->recovery != NULL;
    const uint64_t store = recovery_at + (has_recovery ? slot + envelope : 0);
    const uint64_t total = store + 2 * copy;
    if (total > UINT32_MAX) {
        return UD_ERR_NUMBER_RANGE;
    }
    p->journal = (struct ud_provision_area){0, (uint32_t)journal};
    for (uint32_t i = 0; i < UD_PROVISION_SLOTS; i++) {
        p->envelope[i] = (struct ud_provision_area){(uint32_t)(journal + i * envelope), (uint32_t)envelope};
        p->trust_store[i] = (struct ud_provision_area){(uint32_t)(store + i * copy), (uint32_t)copy};
    }
    for (size_t i = 0; i < init->component_count; i++) {
        const uint64_t at = images + i * (slot + second);
        p->components[i].slot[0] = (struct ud_provision_area){(uint32_t)at, (uint32_t)slot};
        p->components[i].slot[1] = (struct ud_provision_area){(uint32_t)(at + slot), (uint32_t)second};
    }
    p->mover = init->layout;
    p->at_rest = init->at_rest;
    p->move = (struct ud_provision_area){(uint32_t)move_at, (uint32_t)move};
    if (has_recovery) {
        p->recovery[0] = (struct ud_provision_area){(uint32_t)recovery_at, (uint32_t)slot};
        p->recovery[1] = (struct ud_provision_area){(uint32_t)(recovery_at + slot), (uint32_t)envelope};
    }
    p->flash_bytes = (uint32_t)total;
    p->erase_size = (uint32_t)sector;
    p->write_size = (uint32_t)init->write_size;
    p->erased_value = 0xff;
    return UD_OK;
}

struct ids {
    uint8_t vendor[UD_UUID_BYTES];
    uint8_t class_id[UD_UUID_BYTES];
    uint8_t device[UD_UUID_BYTES];
    uint8_t components[UD_COMPONENTS_MAX][UD_COMPONENT_ID_BYTES_MAX];
};

/* An array of one byte string, its name. */
static ud_err fill_component(const char *name, uint8_t id[UD_COMPONENT_ID_BYTES_MAX], struct ud_bytes *out)
{
    struct ud_buf buf = {id, UD_COMPONENT_ID_BYTES_MAX, 0};
    struct ud_cbor_writer w;
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_array(&w, 1);
    ud_cbor_put_bstr(&w, (struct ud_bytes){(const uint8_t *)name, strlen(name)});
    *out = ud_buf_bytes(&buf);
    return ud_cbor_written(&w) == UD_OK ? UD_OK : UD_ERR_LIMIT;
}

static ud_err fill_ids(const struct init *init, struct ids *ids, struct ud_provision *p)
{
    ud_err err = cli_vendor(init->vendor, ids->vendor);
    if (err == UD_OK) {
        err = cli_class(init->class_name, ids->vendor, ids->class_id);
    }
    if (err != UD_OK) {
        return err;
    }
    p->vendor_id = UD_BYTES_ARRAY(ids->vendor);
    p->class_id = UD_BYTES_ARRAY(ids->class_id);
    if (init->device_id != NULL) {
        if (!cli_uuid_parse(init->device_id, ids->device)) {
            return UD_ERR_USAGE;
        }
        p->device_id = UD_BYTES_ARRAY(ids->device);
    }
    for (size_t i = 0; err == UD_OK && i < init->component_count; i++) {
        err = fill_component(init->components[i], ids->components[i], &p->components[i].id);
        p->components[i].writers = init->writers[i];
    }
    p->component_count = (uint8_t)init->component_count;
    return err;
}

static ud_err make_provisioning(const struct init *init, struct ud_bytes roots, struct ud_buf *out)
{
    struct ids ids;
    struct ud_provision p = {
        .trust = init->trust,
        .trial_boots = (uint8_t)init->trial_boots,
        .trial_deadline_ms = (uint32_t)init->trial_ms,
        .roots = roots,
    };
    p.trust.threshold = (uint8_t)init->threshold;
    ud_err err = fill_ids(init, &ids, &p);
    if (err == UD_OK) {
        err = lay_out(init, &p);
    }
    return err == UD_OK ? ud_provision_write(out, &p) : err;
}

/* One line of agent.ini. Characters that the format reads otherwise are refused. */
static ud_err put_setting(struct ud_buf *out, const char *name, const char *value)
{
    char line[PATH_BYTES_MAX + 32];
    if (value == NULL) {
        return UD_OK;
    }
    for (const char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == ';' || *c == '#') {
            return UD_ERR_CONFIG;
        }
    }
    const int len = snprintf(line, sizeof line, "%s = %s\n", name, value);
    if (len < 0 || (size_t)len >= sizeof line) {
        return UD_ERR_LIMIT;
    }
    return ud_buf_put(out, (struct ud_bytes){(const uint8_t *)line, (size_t)len}) ? UD_OK : UD_ERR_LIMIT;
}

static ud_err make_settings(const struct init *init, const char *ca, struct ud_buf *out)
{
    char poll[24];
    (void)snprintf(poll, sizeof poll, "%llu", (unsigned long long)init->poll_s);
    const struct {
        const char *name;
        const char *value;
    } rows[] = {{"url", init->server}, {"tenant", init->tenant}, {"name", init->name}, {"ca", ca}};
    ud_err err = ud_buf_put(out, UD_BYTES_LITERAL("[server]\n")) ? UD_OK : UD_ERR_LIMIT;
    for (size_t i = 0; err == UD_OK && i < sizeof rows / sizeof rows[0]; i++) {
        err = put_setting(out, rows[i].name, rows[i].value);
    }
    if (err == UD_OK) {
        err = put_setting(out, "token", "token");
    }
    if (err == UD_OK) {
        err = ud_buf_put(out, UD_BYTES_LITERAL("[agent]\n")) ? put_setting(out, "poll_s", poll) : UD_ERR_LIMIT;
    }
    return err;
}

static int save(const struct init *init, const char *name, unsigned mode, struct ud_bytes content)
{
    char path[PATH_BYTES_MAX];
    const int len = snprintf(path, sizeof path, "%s/%s", init->folder, name);
    const ud_err err =
        len > 0 && (size_t)len < sizeof path ? ud_small_file_write(path, mode, false, content) : UD_ERR_LIMIT;
    return err == UD_OK ? CLI_OK : cli_fail_file(path, err);
}

/* The key pair is made here, on the device, and its private half stays. */
static int save_keys(const struct init *init, char kid[CLI_HEX_BYTES(UD_KID_BYTES)])
{
    char path[PATH_BYTES_MAX];
    uint8_t pem[UD_PEM_BYTES_MAX];
    struct ud_buf pub = {pem, sizeof pem, 0};
    struct ud_key_pair *pair = NULL;
    struct ud_signer signer;
    const int len = snprintf(path, sizeof path, "%s/device.key", init->folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        return cli_fail(init->folder, NULL, UD_ERR_LIMIT);
    }
    ud_err err = ud_key_pair_generate(&pair);
    if (err == UD_OK) {
        err = ud_key_pair_signer(pair, UD_ALG_ES256, &signer);
    }
    if (err == UD_OK) {
        err = ud_key_pair_save(pair, path, false);
    }
    if (err == UD_OK) {
        cli_hex(UD_BYTES_ARRAY(signer.kid), kid);
        err = ud_public_key_write(&pub, signer.pub);
    }
    ud_key_pair_close(pair);
    return err == UD_OK ? save(init, "device.pub", 0644, ud_buf_bytes(&pub)) : cli_fail_file(path, err);
}

/* What images at rest are encrypted under; like the device's key it is made here and stays. */
static int save_secret(const struct init *init)
{
    uint8_t secret[UD_AT_REST_SECRET_BYTES];
    const ud_err err = ud_random(secret, sizeof secret);
    const int code = err == UD_OK ? save(init, "at-rest.key", 0600, UD_BYTES_ARRAY(secret))
                                  : cli_fail("at-rest.key", NULL, err);
    ud_wipe(secret, sizeof secret);
    return code;
}

/* Everything is made in memory first, so that a wrong argument leaves no folder behind. */
static int make_folder(const struct init *init, struct ud_bytes provisioning, struct ud_bytes settings)
{
    char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
    if (mkdir(init->folder, 0700) != 0 && errno != EEXIST) {
        return cli_fail_file(init->folder, errno == ENOENT ? UD_ERR_NOT_FOUND : UD_ERR_IO);
    }
    int code = save(init, "provisioning.cbor", 0644, provisioning);
    if (code == CLI_OK) {
        code = save_keys(init, kid);
    }
    if (code == CLI_OK) {
        code = save(init, "agent.ini", 0600, settings);
    }
    if (code == CLI_OK && init->at_rest) {
        code = save_secret(init);
    }
    if (code == CLI_OK && init->recovery != NULL) {
        const ud_err err = ud_factory_recovery(init->folder, init->recovery, init->recovery_image);
        code = err == UD_OK ? CLI_OK : cli_fail(init->recovery, NULL, err);
    }
    if (code == CLI_OK && init->factory != NULL) {
        const ud_err err = ud_factory_install(init->folder, init->factory, init->images, init->image_count);
        code = err == UD_OK ? CLI_OK : cli_fail(init->factory, NULL, err);
    }
    if (code == CLI_OK) {
        printf("Device %s in %s, key id %s.\n  next: updraft device enrol %s --key %s/device.pub\n", init->name,
               init->folder, kid, init->name, init->folder);
    }
    return code;
}

/* Roots as they go into the provisioning file: number 0, and within its size. */
static int read_roots(const struct init *init, struct ud_buf *out)
{
    struct trust_file file;
    struct ud_diag diag = {.err = UD_OK};
    const ud_err err = ud_small_file_read(init->roots, false, out);
    if (err != UD_OK) {
        return cli_fail_file(init->roots, err);
    }
    if (trust_file_read(&file, ud_buf_bytes(out), &diag) != UD_OK) {
        return cli_fail_at(init->roots, &diag);
    }
    return file.kind == TRUST_FILE_ROOTS
               ? CLI_OK
               : cli_fail(init->roots, "is no roots of number 0, which a device begins with", UD_ERR_CHAIN);
}

static int run(const struct init *init)
{
    uint8_t roots_bytes[UD_PROVISION_BYTES_MAX];
    struct ud_buf roots = {roots_bytes, sizeof roots_bytes, 0};
    uint8_t provisioning[UD_PROVISION_BYTES_MAX];
    uint8_t settings[INI_BYTES_MAX];
    struct ud_buf provisioning_buf = {provisioning, sizeof provisioning, 0};
    struct ud_buf settings_buf = {settings, sizeof settings, 0};
    char *ca = init->ca != NULL ? realpath(init->ca, NULL) : NULL; /* the folder's programs run elsewhere */
    if (init->ca != NULL && ca == NULL) {
        return cli_fail_file(init->ca, UD_ERR_NOT_FOUND);
    }
    int code = init->roots != NULL ? read_roots(init, &roots) : CLI_OK;
    ud_err err = code == CLI_OK ? make_provisioning(init, ud_buf_bytes(&roots), &provisioning_buf) : UD_OK;
    if (code != CLI_OK) {
        free(ca);
        return code;
    }
    if (err != UD_OK) {
        code = cli_fail("device init", NULL, err);
    } else if ((err = make_settings(init, ca, &settings_buf)) != UD_OK) {
        code = cli_fail("agent.ini", NULL, err);
    } else {
        code = make_folder(init, ud_buf_bytes(&provisioning_buf), ud_buf_bytes(&settings_buf));
    }
    free(ca);
    return code;
}

enum { FIRST_NUMBER = 256 };

static const struct option options[] = {
    {"vendor", required_argument, NULL, 'v'},
    {"class", required_argument, NULL, 'c'},
    {"device-id", required_argument, NULL, 'd'},
    {"component", required_argument, NULL, 'C'},
    {"anchor", required_argument, NULL, 'a'},
    {"roots", required_argument, NULL, 'r'},
    {"name", required_argument, NULL, 'n'},
    {"server", required_argument, NULL, 's'},
    {"tenant", required_argument, NULL, 't'},
    {"ca", required_argument, NULL, 'A'},
    {"factory", required_argument, NULL, 'f'},
    {"image", required_argument, NULL, 'i'},
    {"threshold", required_argument, NULL, FIRST_NUMBER},
    {"slot-bytes", required_argument, NULL, FIRST_NUMBER + 1},
    {"envelope-bytes", required_argument, NULL, FIRST_NUMBER + 2},
    {"erase-size", required_argument, NULL, FIRST_NUMBER + 3},
    {"write-size", required_argument, NULL, FIRST_NUMBER + 4},
    {"trial-boots", required_argument, NULL, FIRST_NUMBER + 5},
    {"trial-ms", required_argument, NULL, FIRST_NUMBER + 6},
    {"poll", required_argument, NULL, FIRST_NUMBER + 7},
    {"patch-bytes", required_argument, NULL, FIRST_NUMBER + 8},
    {"layout", required_argument, NULL, 'l'},
    {"recovery", required_argument, NULL, 'R'},
    {"recovery-image", required_argument, NULL, 'I'},
    {"at-rest", no_argument, NULL, 'E'},
    {"group", required_argument, NULL, 'g'},
    {"writers", required_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static bool take_text(struct init *init, int option)
{
    const struct {
        int option;
        const char **text;
    } texts[] = {
        {'v', &init->vendor},   {'c', &init->class_name},     {'d', &init->device_id},
        {'n', &init->name},     {'s', &init->server},         {'t', &init->tenant},
        {'A', &init->ca},       {'f', &init->factory},        {'r', &init->roots},
        {'R', &init->recovery}, {'I', &init->recovery_image},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].option == option) {
            *texts[i].text = optarg;
            return true;
        }
    }
    return false;
}

/* One that may stand several times. */
static bool take_one_more(struct init *init, int option)
{
    const bool is_image = option == 'i';
    const char **list = is_image ? init->images : init->components;
    size_t *count = is_image ? &init->image_count : &init->component_count;
    if (*count == UD_COMPONENTS_MAX) {
        return false;
    }
    list[(*count)++] = optarg;
    return true;
}

/* Groups, as in 1,2; of the component given last. */
static bool take_writers(struct init *init, const char *text)
{
    uint8_t groups = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text >= '0' + UD_TRUST_GROUPS_MAX || (text[1] != '\0' && text[1] != ',')) {
            return false;
        }
        groups |= (uint8_t)(1U << (*text - '0'));
        text += text[1] == ',' ? 1 : 0;
    }
    if (groups == 0 || init->component_count == 0) {
        return false;
    }
    init->writers[init->component_count - 1] = groups;
    return true;
}

static bool take_number(struct init *init, int option)
{
    const struct {
        uint64_t *value;
        uint64_t high;
    } numbers[] = {
        {&init->threshold, UINT8_MAX},       {&init->slot_bytes, INT32_MAX}, {&init->envelope_bytes, INT32_MAX},
        {&init->erase_size, UINT32_MAX / 8}, {&init->write_size, UINT8_MAX}, {&init->trial_boots, UINT8_MAX},
        {&init->trial_ms, UINT32_MAX},       {&init->poll_s, 86400},         {&init->patch_bytes, INT32_MAX},
    };
    const size_t i = (size_t)(option - FIRST_NUMBER);
    return option >= FIRST_NUMBER && i < sizeof numbers / sizeof numbers[0] &&
           cli_number(optarg, 1, numbers[i].high, numbers[i].value);
}

static bool take_layout(struct init *init, const char *name)
{
    static const char *const names[] = {
        [UD_PROVISION_STAY] = "ab",
        [UD_PROVISION_SWAP] = "swap",
        [UD_PROVISION_OVERWRITE] = "overwrite",
        [UD_PROVISION_PATCH] = "single",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            init->layout = (ud_provision_mover)i;
            return true;
        }
    }
    return false;
}

int offline_device_init(int argc, char **argv)
{
    struct init init = {
        .tenant = "default",
        .threshold = 1,
        .slot_bytes = 2u << 20,
        .patch_bytes = 256u << 10,
        .envelope_bytes = 16u << 10,
        .erase_size = 4096,
        .write_size = 8,
        .trial_boots = 1,
        .trial_ms = 60000,
        .poll_s = 300,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l') {
            if (!take_layout(&init, optarg)) {
                return cli_usage("device init", "--layout is ab, swap, overwrite or single");
            }
        } else if (option == 'a') {
            const ud_err err = cli_anchor(&init.trust, optarg);
            if (err != UD_OK) {
                return cli_fail_file(optarg, err);
            }
            if (author_key_is_sample(init.trust.keys[init.trust.key_count - 1].kid)) {
                return cli_fail(optarg, NULL, UD_ERR_KEY_PUBLISHED);
            }
            init.trust.keys[init.trust.key_count - 1].group = (uint8_t)init.group;
        } else if (option == 'g') {
            if (!cli_number(optarg, 0, UD_TRUST_GROUPS_MAX - 1, &init.group)) {
                return cli_usage("device init", "--group is 0 to 3, of the anchors behind it");
            }
        } else if (option == 'w') {
            if (!take_writers(&init, optarg)) {
                return cli_usage("device init",
                                 "--writers is for the --component before it: groups, as in 1,2");
            }
        } else if (option == 'E') {
            init.at_rest = true;
        } else if (option == 'C' || option == 'i') {
            if (!take_one_more(&init, option)) {
                return cli_usage("device init", "more components than a device may have");
            }
        } else if (!take_text(&init, option) && !take_number(&init, option)) {
            return cli_usage("device init", option == '?' ? "unknown option" : "a number is out of its range");
        }
    }
    if (argc - optind != 1 || init.vendor == NULL || init.class_name == NULL || init.trust.key_count == 0) {
        return cli_usage("device init", "a FOLDER, --vendor, --class and at least one --anchor are needed");
    }
    if (init.component_count == 0) {
        init.components[init.component_count++] = "app";
    }
    if (init.factory == NULL ? init.image_count != 0 : init.image_count != init.component_count) {
        return cli_usage("device init", "--factory goes with one --image for each component");
    }
    if ((init.recovery == NULL) != (init.recovery_image == NULL)) {
        return cli_usage("device init", "--recovery and --recovery-image go together");
    }
    if (init.at_rest && init.layout != UD_PROVISION_SWAP && init.layout != UD_PROVISION_OVERWRITE) {
        return cli_usage("device init",
                         "--at-rest is for --layout swap and overwrite: images run where they lie otherwise");
    }
    if (init.layout == UD_PROVISION_PATCH && init.component_count != 1) {
        return cli_usage("device init", "--layout single is for one component");
    }
    if (init.layout != UD_PROVISION_PATCH && init.layout != UD_PROVISION_OVERWRITE && init.recovery != NULL) {
        return cli_usage("device init", "--recovery is for --layout overwrite and single: others go back");
    }
    if (init.layout == UD_PROVISION_PATCH && init.recovery == NULL) {
        return cli_fail("device init",
                        "a device with one slot needs a --recovery image: nothing else brings it back",
                        UD_ERR_IN_PLACE);
    }
    init.folder = argv[optind];
    char base[PATH_BYTES_MAX];
    (void)snprintf(base, sizeof base, "%s", init.folder);
    init.name = init.name != NULL ? init.name : basename(base);
    return run(&init);
}
