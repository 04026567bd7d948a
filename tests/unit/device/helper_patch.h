/* Updates by patches: manifests that bring one, made by the author's code from examples/manifests, and devices that are cut. */
#ifndef UPDRAFT_TEST_HELPER_PATCH_H
#define UPDRAFT_TEST_HELPER_PATCH_H

#include "helper_fleet.h"
#include "updraft/agent_patch.h"

#define PATCH_TEXT_BYTES_MAX 8192
#define PATCH_STORE_BYTES 4096U

/* What a description names; the list ends with a NULL name. */
struct patch_file {
    const char *name;
    struct ud_bytes content;
};

/** delta.ini for the test's devices, sequence 11. */
void patch_example(char text[PATCH_TEXT_BYTES_MAX]);
/** Every `from` in the text becomes `to`. */
void patch_replace(char *text, const char *from, const char *to);
/** The release gets this manifest; images and patch lie on the road under their digests. */
void patch_describe(struct release *release, const struct ud_signer *author, const char *text,
                    const struct patch_file *files);

/** Profile 3, for two slots; patch_drop() it. */
struct ud_bytes patch_of(struct ud_bytes old, struct ud_bytes new);
void patch_drop(struct ud_bytes bytes);
/** Its digest, under which it lies on the road. */
void patch_name(struct ud_bytes content, char name[2 * UD_SHA256_BYTES + 1]);

/** Room for a patch on the device, in memory; `patch_store_err` is what each write says. */
extern const struct ud_patch_store patch_store;
extern ud_err patch_store_err;

/** From an offer to the confirmed v2 and its report. */
void patch_finish(struct fleet *fleet);
/**
 * Power fails in flash operation `cut` of what the agent does; then it comes back, and the update goes to its end. True when
 * nothing was cut.
 */
bool patch_cut(struct device *device, uint32_t cut);

#endif
