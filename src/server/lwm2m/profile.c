/*
 * Which patches does a device take? Agents of ours say it in their report object; it is kept as the attribute patchProfile,
 * which agents over DDI announce themselves. A claim: patches are made by it, and what a device asks for decides.
 */
#include "server/lwm2m/hub.h"

#include "server/attributes.h"
#include "server/lwm2m/ask.h"

#include <stdlib.h>

#define ATTRIBUTE "patchProfile"
#define REPORT_OBJECT 26241 /* docs/formats-lwm2m.md section 3 */
#define PROFILE_RESOURCE 5
#define PROFILE_MAX 9 /* of one digit, as in paths */

struct keeping {
    struct ud_later later; /* first */
    int64_t device;
    int64_t tenant;
    char profile[8];
};

static bool is_known(struct ud_store *store, const struct keeping *keeping)
{
    struct ud_text text;
    ud_text_init(&text, UD_ATTRIBUTES_BYTES_MAX);
    const ud_err err = ud_store_device_attributes_get(store, keeping->device, &text);
    json_t *now = err == UD_OK && text.ptr != NULL ? json_loads(text.ptr, 0, NULL) : NULL;
    const char *value = json_string_value(json_object_get(now, ATTRIBUTE));
    const bool known = value != NULL && strcmp(value, keeping->profile) == 0;
    json_decref(now);
    ud_text_free(&text);
    return known;
}

static ud_err keep(struct ud_later *later, struct ud_store *store)
{
    const struct keeping *keeping = (const struct keeping *)(const void *)later;
    if (is_known(store, keeping)) { /* as after most registrations */
        return UD_OK;
    }
    json_t *data = json_pack("{s:s}", ATTRIBUTE, keeping->profile);
    const ud_err err = data == NULL ? UD_ERR_MEMORY
                                    : ud_attributes_combine(store, keeping->tenant, keeping->device, data,
                                                            UD_ATTRIBUTES_MERGE);
    json_decref(data);
    return err;
}

static void kept(struct ud_later *later)
{
    (void)later; /* without it, patches are made when they are asked for */
}

/* "p3"; "none" for an agent that has no such resource. False: the device said nothing that we understand. */
static bool read_profile(const struct ud_ask *ask, char profile[8])
{
    struct ud_lwm2m_reader reader;
    struct ud_lwm2m_record record;
    const uint32_t format = ask->answer_format < 0 ? UD_COAP_FORMAT_TEXT : (uint32_t)ask->answer_format;
    if (ask->code == UD_COAP_404_NOT_FOUND) {
        memcpy(profile, "none", sizeof "none");
        return true;
    }
    if (ask->code != UD_COAP_205_CONTENT ||
        ud_lwm2m_reader_init(&reader, format, ask->path, ud_ask_answer(ask)) != UD_OK ||
        ud_lwm2m_next(&reader, &record) != UD_OK || ud_lwm2m_as(&record, UD_LWM2M_INT) != UD_OK ||
        record.integer < 0 || record.integer > PROFILE_MAX) {
        return false;
    }
    memcpy(profile, "p0", sizeof "p0");
    profile[1] = (char)(profile[1] + record.integer);
    return true;
}

static void answered(struct ud_lwm2m *lw, struct ud_reg *reg, struct ud_ask *ask, ud_err err)
{
    char profile[8];
    if (err != UD_OK || !read_profile(ask, profile)) {
        return;
    }
    struct keeping *keeping = calloc(1, sizeof *keeping);
    if (keeping == NULL) {
        return; /* asked again with the next Register */
    }
    keeping->device = reg->device;
    keeping->tenant = reg->tenant;
    memcpy(keeping->profile, profile, sizeof keeping->profile);
    keeping->later.run = keep;
    keeping->later.finish = kept;
    (void)ud_later_begin(&keeping->later, lw, NULL);
}

void ud_profile_ask(struct ud_lwm2m *lw, struct ud_reg *reg)
{
    const struct ud_lwm2m_path object = ud_lwm2m_path_of(1, REPORT_OBJECT, 0, 0, 0);
    const struct ud_lwm2m_path profile = ud_lwm2m_path_of(3, REPORT_OBJECT, 0, PROFILE_RESOURCE, 0);
    struct ud_ask *ask = ud_reg_has(reg, &object) ? ud_ask_new(UD_COAP_GET, &profile, answered, NULL) : NULL;
    if (ask != NULL) {
        ask->accept = UD_COAP_FORMAT_TEXT;
        ud_ask_submit(lw, reg, ask);
    }
}
