/* What a report says beside the outcome: updraft/agent_reporting.h. */
#include "updraft/agent_reporting.h"

#include "device/agent_parts.h"
#include "updraft/agent_decrypt.h"
#include "updraft/agent_domains.h"
#include "updraft/cbor.h"

enum { VERSION_EQUAL = 3, VERSION_NUMBERS_MAX = 16 };

/* ---- records ---- */

static bool is_same_place(const struct ud_suit_record *a, const struct ud_suit_record *b)
{
    return a->section == b->section && a->offset_bytes == b->offset_bytes && a->component == b->component &&
           a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0;
}

static void copy_record(struct ud_agent_reporting *reporting, uint8_t to, uint8_t from)
{
    struct ud_report_record *record = &reporting->records[to];
    *record = reporting->records[from];
    memcpy(reporting->digests[to], reporting->digests[from], UD_SHA256_BYTES);
    if ((record->measured & UD_SUIT_HAS_DIGEST) != 0) {
        record->bytes.ptr = reporting->digests[to];
    }
}

/* A command that is asked again, in each section or try, has one record: the last. */
static uint8_t make_room(struct ud_agent_reporting *reporting, const struct ud_suit_record *where)
{
    uint8_t at = 0;
    while (at < reporting->record_count && !is_same_place(&reporting->records[at].where, where)) {
        at++;
    }
    if (at == UD_REPORT_RECORDS_MAX) {
        at = 0;
    }
    if (at < reporting->record_count) {
        for (; at + 1U < reporting->record_count; at++) {
            copy_record(reporting, at, (uint8_t)(at + 1));
        }
        return at;
    }
    reporting->record_count++;
    return at;
}

static void measure_id(struct ud_report_record *record, uint32_t bit, struct ud_bytes id)
{
    if (id.len == UD_UUID_BYTES) {
        record->measured = bit;
        record->bytes = id;
    }
}

static void measure_number(struct ud_report_record *record, uint32_t bit, uint64_t number)
{
    record->measured = bit;
    record->number = number;
}

static void measure_image(const struct ud_agent *agent, struct ud_report_record *record, uint8_t *digest)
{
    const uint8_t component = record->where.component;
    /* where the image is made later, what was brought is none */
    if (agent->streamed[component] && !ud_agent_installs_otherwise(agent)) {
        memcpy(digest, agent->streamed_digest[component], UD_SHA256_BYTES);
        record->measured = UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_SIZE;
        record->bytes = (struct ud_bytes){digest, UD_SHA256_BYTES};
        record->number = agent->size_bytes[agent->device_component[component]];
    }
}

/* What the device has, where the command was given what to compare it with. */
static void measure(const struct ud_agent *agent, struct ud_report_record *record, uint32_t given,
                    uint8_t *digest)
{
    const struct ud_agent_config *config = agent->config;
    const bool writes = (given & (UD_SUIT_HAS_URI | UD_SUIT_HAS_SOURCE | UD_SUIT_HAS_CONTENT)) != 0;
    uint64_t charge = 0;
    if (writes) {
        measure_number(record, UD_SUIT_HAS_SIZE, agent->hashed_bytes);
    } else if ((given & UD_SUIT_HAS_DIGEST) != 0) {
        if (record->where.path_len == 0 &&
            agent->device_component[record->where.component] != UD_AGENT_STAGING) {
            measure_image(agent, record, digest);
        }
    } else if ((given & UD_SUIT_HAS_VENDOR) != 0) {
        measure_id(record, UD_SUIT_HAS_VENDOR, config->vendor_id);
    } else if ((given & UD_SUIT_HAS_CLASS) != 0) {
        measure_id(record, UD_SUIT_HAS_CLASS, config->class_id);
    } else if ((given & UD_SUIT_HAS_DEVICE) != 0) {
        measure_id(record, UD_SUIT_HAS_DEVICE, config->device_id);
    } else if ((given & UD_SUIT_HAS_SLOT) != 0) {
        measure_number(record, UD_SUIT_HAS_SLOT, ud_slots_inactive(config->slots));
    } else if ((given & UD_SUIT_HAS_BATTERY) != 0 &&
               config->facts->battery(config->facts_ctx, &charge) == UD_OK) {
        measure_number(record, UD_SUIT_HAS_BATTERY, charge);
    }
}

static void note(void *ctx, const struct ud_suit_record *where, uint8_t policy, ud_err answer,
                 const struct ud_suit_params *params)
{
    const struct ud_agent *agent = ctx;
    struct ud_agent_reporting *reporting = agent->config->reporting;
    const unsigned record = answer == UD_OK ? UD_SUIT_POLICY_RECORD_SUCCESS : UD_SUIT_POLICY_RECORD_FAILURE;
    const unsigned sysinfo = answer == UD_OK ? UD_SUIT_POLICY_SYSINFO_SUCCESS : UD_SUIT_POLICY_SYSINFO_FAILURE;
    if ((policy & (record | sysinfo)) == 0) {
        return;
    }
    if (memcmp(reporting->about, agent->action.manifest_digest, sizeof reporting->about) != 0) {
        memcpy(reporting->about, agent->action.manifest_digest, sizeof reporting->about);
        reporting->record_count = 0;
    }
    const uint8_t at = make_room(reporting, where);
    reporting->records[at] = (struct ud_report_record){.where = *where, .answer = answer};
    if ((policy & sysinfo) != 0) {
        measure(agent, &reporting->records[at], params->has, reporting->digests[at]);
    }
}

static void add(struct ud_suit_ops *ops)
{
    ops->note = note;
}

/* ---- what the device is, and what it can do ---- */

static void tell_version(const struct ud_agent *agent, uint8_t component)
{
    const struct ud_agent_config *config = agent->config;
    int64_t numbers[VERSION_NUMBERS_MAX];
    size_t count = VERSION_NUMBERS_MAX;
    struct ud_buf buf = {config->reporting->version_bytes[component], UD_REPORT_VERSION_BYTES_MAX, 0};
    struct ud_cbor_writer w;
    config->reporting->versions[component] = (struct ud_bytes){NULL, 0};
    if (config->facts == NULL || config->facts->version == NULL ||
        config->facts->version(config->facts_ctx, component, numbers, &count) != UD_OK || count == 0 ||
        count > VERSION_NUMBERS_MAX) {
        return;
    }
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_array(&w, 2);
    ud_cbor_put_uint(&w, VERSION_EQUAL);
    ud_cbor_put_array(&w, count);
    for (size_t i = 0; i < count; i++) {
        ud_cbor_put_int(&w, numbers[i]);
    }
    if (ud_cbor_written(&w) == UD_OK) { /* longer than anybody writes: not said */
        config->reporting->versions[component] = ud_buf_bytes(&buf);
    }
}

static uint8_t list_algorithms(const struct ud_agent *agent, int64_t *algorithms)
{
    const struct ud_agent_reporting *reporting = agent->config->reporting;
    const struct ud_agent_decrypting *decrypting = agent->config->decrypting;
    uint8_t count = 0;
    for (size_t i = 0; decrypting != NULL && i < reporting->cipher_count && count < UD_REPORT_ALGORITHMS_MAX;
         i++) {
        algorithms[count++] = reporting->ciphers[i].alg;
    }
    for (size_t i = 0; decrypting != NULL && i < decrypting->keys.count && count < UD_REPORT_ALGORITHMS_MAX;
         i++) {
        const int64_t alg = decrypting->keys.keys[i].alg;
        bool known = false;
        for (uint8_t j = 0; j < count; j++) {
            known = known || algorithms[j] == alg;
        }
        if (!known) {
            algorithms[count++] = alg;
        }
    }
    return count;
}

/* A manifest that asks for what the device has not is answered with what it has. */
static bool is_incapable(ud_err outcome)
{
    return outcome == UD_ERR_COMMAND || outcome == UD_ERR_PARAMETER || outcome == UD_ERR_ALGORITHM ||
           outcome == UD_ERR_COMPONENT || outcome == UD_ERR_LABEL_UNKNOWN || outcome == UD_ERR_DEPENDENCY;
}

static void fill(struct ud_agent *agent, struct ud_report *report)
{
    const struct ud_agent_config *config = agent->config;
    struct ud_agent_reporting *reporting = config->reporting;
    const bool is_of_manifest = memcmp(reporting->about, agent->about, sizeof agent->about) == 0;
    const bool is_lost = agent->reports_refused > 0; /* what the last one said */
    reporting->more = (struct ud_report_more){.ops = &ud_report_more_ops, .records = reporting->records};
    if (agent->outcome != UD_OK && is_of_manifest) {
        reporting->more.record_count = reporting->record_count;
    }
    for (uint8_t i = 0; i < report->claim_count; i++) {
        tell_version(agent, i);
    }
    reporting->more.versions = reporting->versions;
    if (!reporting->told || is_lost || is_incapable(agent->outcome)) {
        for (uint8_t i = 0; i < config->layout->component_count; i++) {
            reporting->components[i] = config->layout->components[i].id;
        }
        ud_agent_facts(agent); /* none were asked for before the first offer */
        ud_agent_ops(&reporting->can, config);
        reporting->can.um = agent->ops.um;
        reporting->can.td = config->domains == NULL ? NULL : &config->domains->td;
        reporting->more.can = &reporting->can;
        reporting->more.components = reporting->components;
        reporting->more.component_count = config->layout->component_count;
        reporting->more.algorithms = reporting->algorithms;
        reporting->more.algorithm_count = list_algorithms(agent, reporting->algorithms);
    }
    reporting->told = true; /* it is sent until it is acknowledged or refused; a reset forgets this */
    report->more = &reporting->more;
}

const struct ud_agent_reporting_ops ud_agent_reporting_ops = {add, fill};
