/* `updraft verify`: would a device with these anchors believe this envelope, and is this its image? */
#include <stdlib.h>
#include <string.h>

#include "author/image.h"
#include "author/offline.h"
#include "author/suit_show_steps.h"
#include "author/verify_policy.h"

struct verify {
    struct ud_trust trust;
    const char *envelope;
    const char *image;
    const char *policy; /* a provisioning file; NULL: anchors on the command line */
    char *policy_bytes;
    struct ud_provision provision;
    uint64_t threshold;
    bool json;
};

static ud_err holds(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    (void)ctx;
    (void)component;
    (void)params;
    return UD_OK; /* we are no device: every vendor and class is ours */
}

/* What the manifest says of its image, by running the part of it that has no side effects. */
static ud_err image_params(const struct ud_suit_manifest *man, struct ud_suit_params *params,
                           struct ud_diag *diag)
{
    static const struct ud_suit_ops ops = {
        .vendor = holds,
        .class_id = holds,
        .device_id = holds,
        .image_match = holds,
        .component_slot = holds,
        .check_content = holds,
    };
    struct ud_suit_run run;
    ud_err err = ud_suit_run_init(&run, man, UD_SUIT_CHECK, &ops, NULL, diag);
    if (err != UD_OK) {
        return err;
    }
    do {
        err = ud_suit_run_step(&run, diag);
    } while (err == UD_WAIT); /* each step is a command, and their number is limited */
    return err == UD_OK ? ud_suit_run_params(&run, 0, params) : err;
}

static int verify_image(const struct verify *verify, const struct ud_suit_manifest *man)
{
    struct ud_suit_params params;
    struct ud_diag diag = {.err = UD_OK};
    uint8_t digest[UD_SHA256_BYTES];
    uint64_t bytes = 0;
    if (man->component_count != 1) {
        return cli_fail(verify->envelope, "names several components; --image is for one", UD_ERR_COMPONENT);
    }
    ud_err err = image_params(man, &params, &diag);
    if (err != UD_OK) {
        return cli_fail_at(verify->envelope, &diag);
    }
    if ((params.has & UD_SUIT_HAS_DIGEST) == 0) {
        return cli_fail(verify->envelope, "names no image digest", UD_ERR_PARAMETER_UNSET);
    }
    err = image_hash(verify->image, digest, &bytes);
    if (err != UD_OK) {
        return cli_fail_file(verify->image, err);
    }
    const bool same_size = (params.has & UD_SUIT_HAS_SIZE) == 0 || params.image_size == bytes;
    if (!same_size || !ud_bytes_equal(params.digest, UD_BYTES_ARRAY(digest))) {
        return cli_fail(verify->image, "is not the image that was signed", UD_ERR_IMAGE_MISMATCH);
    }
    return CLI_OK;
}

/* What a device with this provisioning file would say. */
static int verify_device(const struct verify *verify, const struct ud_suit_manifest *man)
{
    struct ud_diag diag = {.err = UD_OK};
    struct ud_bytes id;
    char name[SUIT_SHOW_NAME_BYTES_MAX];
    char why[SUIT_SHOW_NAME_BYTES_MAX + 128];
    size_t which = 0;
    const ud_err err = verify_policy(man, &verify->provision, &which, &diag);
    if (err == UD_OK) {
        return CLI_OK;
    }
    if (ud_suit_component_id(man, which, &id) != UD_OK) {
        return diag.err != UD_OK ? cli_fail_at(verify->envelope, &diag) : cli_fail(verify->envelope, NULL, err);
    }
    suit_show_component(id, name);
    (void)snprintf(why, sizeof why, "component \"%s\": %s", name, ud_err_text(err));
    return cli_fail(verify->envelope, why, err);
}

static void print(const struct verify *verify, const struct ud_suit_manifest *man)
{
    json_t *signers = json_array();
    for (size_t i = 0; i < verify->trust.key_count; i++) {
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)];
        if ((man->env->signers >> i & 1u) != 0) {
            cli_hex(UD_BYTES_ARRAY(verify->trust.keys[i].kid), kid);
            (void)json_array_append_new(signers, json_string(kid));
        }
    }
    if (verify->json) {
        json_t *json = json_pack("{s:s, s:b, s:I, s:O, s:b, s:b}", "envelope", verify->envelope, "verified", 1,
                                 "sequence", (json_int_t)man->sequence, "signers", signers, "imageVerified",
                                 verify->image != NULL, "policyVerified", verify->policy != NULL);
        cli_print_json(json);
        json_decref(json);
    } else {
        printf("%s is genuine: sequence number %llu, signed by\n", verify->envelope,
               (unsigned long long)man->sequence);
        for (size_t i = 0; i < json_array_size(signers); i++) {
            printf("  %s\n", json_string_value(json_array_get(signers, i)));
        }
        if (verify->image != NULL) {
            printf("%s is the image that was signed.\n", verify->image);
        }
        if (verify->policy != NULL) {
            printf("A device with %s would take it, if it runs none higher.\n", verify->policy);
        }
    }
    json_decref(signers);
}

static int run(struct verify *verify)
{
    struct envelope_file file;
    struct ud_suit_manifest man;
    struct ud_diag diag = {.err = UD_OK};
    int code = envelope_read(&file, verify->envelope);
    if (code != CLI_OK) {
        return code;
    }
    if (verify->policy == NULL) {
        verify->trust.threshold = (uint8_t)verify->threshold;
    } else {
        verify->trust = verify->provision.trust;
    }
    ud_err err = ud_suit_envelope_authenticate(&file.env, &verify->trust, &diag);
    if (err != UD_OK) {
        code = cli_fail(verify->envelope, NULL, err);
    } else if (ud_suit_manifest_parse(&man, &file.env, &diag) != UD_OK) {
        code = cli_fail_at(verify->envelope, &diag);
    } else if (verify->image != NULL) {
        code = verify_image(verify, &man);
    }
    if (code == CLI_OK && verify->policy != NULL) {
        code = verify_device(verify, &man);
    }
    if (code == CLI_OK) {
        print(verify, &man);
    }
    free(file.bytes);
    return code;
}

static int take_policy(struct verify *verify)
{
    struct ud_diag diag = {.err = UD_OK};
    size_t len = 0;
    ud_err err = cli_read_file(verify->policy, UD_PROVISION_BYTES_MAX, &verify->policy_bytes, &len);
    if (err != UD_OK) {
        return cli_fail_file(verify->policy, err);
    }
    err = ud_provision_parse(&verify->provision, (struct ud_bytes){(const uint8_t *)verify->policy_bytes, len},
                             &diag);
    return err == UD_OK ? CLI_OK : cli_fail_at(verify->policy, &diag);
}

int offline_verify(int argc, char **argv)
{
    static const struct option options[] = {
        {"anchor", required_argument, NULL, 'a'}, {"threshold", required_argument, NULL, 't'},
        {"image", required_argument, NULL, 'i'},  {"policy", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0}};
    struct verify verify = {.threshold = 1};
    int option;
    while ((option = getopt_long(argc, argv, "a:t:i:", options, NULL)) != -1) {
        if (option == 'a') {
            const ud_err err = cli_anchor(&verify.trust, optarg);
            if (err != UD_OK) {
                return cli_fail_file(optarg, err);
            }
        } else if (option == 'i') {
            verify.image = optarg;
        } else if (option == 'p') {
            verify.policy = optarg;
        } else if (option == 'j') {
            verify.json = true;
        } else if (option != 't' || !cli_number(optarg, 1, UINT8_MAX, &verify.threshold)) {
            return cli_usage("verify", option == 't' ? "--threshold is a number from 1" : "unknown option");
        }
    }
    if (argc - optind != 1 || (verify.policy != NULL) == (verify.trust.key_count > 0)) {
        return cli_usage("verify", "one ENVELOPE, and either --policy or at least one --anchor, are needed");
    }
    verify.envelope = argv[optind];
    int code = verify.policy != NULL ? take_policy(&verify) : CLI_OK;
    code = code == CLI_OK ? run(&verify) : code;
    free(verify.policy_bytes);
    return code;
}
