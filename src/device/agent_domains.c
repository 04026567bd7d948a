/*
 * INV-1  what `fetched` holds does not change while a run lasts, but for being added to; so parsed views stay good.
 * INV-2  the run that writes gives the same answers as the one before it, which wrote nothing: same bytes, same order.
 */
#include "updraft/agent_domains.h"

#include "device/agent_parts.h"
#include "device/keep.h"
#include "device/uri.h"
#include "updraft/cbor.h"

static struct ud_agent_domains *domains_of(const struct ud_agent *agent)
{
    return agent->config->domains;
}

static struct ud_buf free_room(const struct ud_agent *agent)
{
    const size_t used = domains_of(agent)->used;
    return (struct ud_buf){agent->config->envelope + used, agent->config->envelope_cap - used, 0};
}

/* ---- which component is what ---- */

/* Does manifest m of the run name this component as a dependency? */
static bool names_as_dependency(const struct ud_agent *agent, uint8_t m, uint8_t component)
{
    const struct ud_suit_manifest *man = agent->run.mans[m];
    for (uint8_t i = 0; man != NULL && i < man->component_count; i++) {
        const uint8_t number = m == 0 ? i : domains_of(agent)->tree.nodes[m - 1].map[i];
        if (number == component && (man->dependencies >> i & 1) != 0) {
            return true;
        }
    }
    return false;
}

static uint32_t references(const struct ud_agent *agent, uint8_t component, uint8_t from)
{
    uint32_t count = 0;
    for (uint8_t m = from; m <= domains_of(agent)->tree.count; m++) {
        count += names_as_dependency(agent, m, component) ? 1U : 0;
    }
    return count;
}

/* Where the image of the run's component goes on this device. */
static ud_err find_place(struct ud_agent *agent, uint8_t component)
{
    struct ud_bytes id;
    ud_err err = ud_suit_run_component_id(&agent->run, component, &id);
    if (err == UD_OK) {
        err = ud_slots_component_find(agent->config->slots, id, &agent->device_component[component]);
    }
    return err;
}

static uint8_t find_fetched(const struct ud_agent_domains *domains, uint8_t component)
{
    uint8_t i = 0;
    while (i < domains->count && domains->fetched[i].component != component) {
        i++;
    }
    return i;
}

/* A place for the envelope in this component. UD_ERR_LIMIT when there are more than the tree has room for. */
static ud_err place_fetched(struct ud_agent_domains *domains, uint8_t component, uint8_t *i)
{
    *i = find_fetched(domains, component);
    if (*i == UD_SUIT_DEPENDENCIES_MAX) {
        return UD_ERR_LIMIT;
    }
    domains->count = *i == domains->count ? (uint8_t)(*i + 1) : domains->count;
    domains->fetched[*i].component = component;
    domains->fetched[*i].complete = false;
    domains->fetched[*i].dropped = false;
    return UD_OK;
}

/* ---- the slot that runs ---- */

/* Read once; an update may go on with a dependency that is there already. */
static ud_err read_running(struct ud_agent *agent)
{
    struct ud_agent_domains *domains = domains_of(agent);
    struct ud_buf room = free_room(agent);
    if (domains->running.len > 0) {
        return UD_OK;
    }
    const ud_err err = ud_slots_envelope_read(agent->config->slots, agent->config->boot->slot, &room);
    if (err == UD_OK) {
        domains->running = ud_buf_bytes(&room);
        domains->used += room.len;
    }
    return err == UD_ERR_BUFFER ? UD_ERR_TOO_LARGE : err;
}

/* The envelope that the running slot keeps for a component. UD_ERR_DEPENDENCY: none. */
static ud_err find_running(struct ud_agent *agent, uint8_t component, struct ud_bytes *envelope)
{
    uint8_t text[UD_SUIT_KEPT_URI_BYTES_MAX];
    struct ud_buf uri = {text, sizeof text, 0};
    struct ud_suit_envelope env;
    struct ud_bytes id;
    ud_err err = read_running(agent);
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&env, domains_of(agent)->running, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_run_component_id(&agent->run, component, &id);
    }
    if (err == UD_OK) {
        err = ud_suit_kept_uri(id, &uri);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_integrated(&env, ud_buf_bytes(&uri), envelope);
    }
    return err == UD_ERR_TOO_LARGE || err == UD_OK ? err : UD_ERR_DEPENDENCY;
}

/* ---- trust domains ---- */

static ud_err td_envelope(void *ctx, uint8_t component, struct ud_bytes *envelope)
{
    struct ud_agent *agent = ctx;
    struct ud_agent_domains *domains = domains_of(agent);
    uint8_t i = find_fetched(domains, component);
    if (i == domains->count) {
        struct ud_bytes found;
        ud_err err = find_running(agent, component, &found);
        err = err == UD_OK ? place_fetched(domains, component, &i) : err;
        if (err != UD_OK) {
            return err;
        }
        domains->fetched[i].envelope = found;
        domains->fetched[i].uri = (struct ud_bytes){NULL, 0};
        domains->fetched[i].complete = true;
    }
    if (!domains->fetched[i].complete || domains->fetched[i].dropped) {
        return UD_ERR_DEPENDENCY;
    }
    *envelope = domains->fetched[i].envelope;
    return UD_OK;
}

/* Its number in the slot that runs is a lower bound: the flash can say too much at worst, and then nothing is installed. */
static ud_err check_sequence(struct ud_agent *agent, uint8_t component, uint64_t sequence)
{
    struct ud_bytes running;
    struct ud_suit_envelope env;
    struct ud_suit_manifest man;
    ud_err err = find_running(agent, component, &running);
    if (err == UD_ERR_DEPENDENCY) {
        return UD_OK; /* it is new here */
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&env, running, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_check_digest(&env, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_manifest_inspect(&man, &env, NULL);
    }
    return err == UD_OK && sequence < man.sequence ? UD_ERR_STALE : err;
}

static ud_err check_rights(const struct ud_agent *agent, const struct ud_suit_manifest *man,
                           const struct ud_trust *trust)
{
    ud_err err = UD_OK;
    for (uint8_t i = 0; err == UD_OK && i < man->component_count; i++) {
        struct ud_bytes id;
        err = ud_suit_component_id(man, i, &id);
        if (err == UD_OK) {
            err = ud_agent_may_write(agent, trust, man->env->signers, id);
        }
    }
    return err;
}

static ud_err td_accept(void *ctx, uint8_t component, const struct ud_suit_manifest *man)
{
    struct ud_agent *agent = ctx;
    ud_err err = ud_suit_check_place(&agent->run, component, man);
    if (err == UD_OK) {
        err = check_rights(agent, man, agent->config->trust);
    }
    return err == UD_OK ? check_sequence(agent, component, man->sequence) : err;
}

static ud_err td_unlink(void *ctx, uint8_t component, uint32_t *left)
{
    const struct ud_agent *agent = ctx;
    *left = references(agent, component, 1);
    return UD_OK;
}

static ud_err td_remove(void *ctx, uint8_t component)
{
    const struct ud_agent *agent = ctx;
    struct ud_agent_domains *domains = domains_of(agent);
    domains->fetched[find_fetched(domains, component)].dropped =
        true; /* its integrity was checked: it is there */
    return UD_OK;
}

/* ---- commands ---- */

/* Bytes that are wrong are worth nothing, whoever sent them. Once they are fetched anew: a cache on the way may have lied. */
static ud_err judge_download(struct ud_agent *agent, const struct ud_suit_params *params, uint8_t i)
{
    struct ud_bytes *envelope = &domains_of(agent)->fetched[i].envelope;
    struct ud_suit_envelope env;
    const bool right =
        (params->has & UD_SUIT_HAS_DIGEST) == 0 ||
        (ud_suit_envelope_parse(&env, *envelope, NULL) == UD_OK &&
         ud_suit_envelope_check_digest(&env, NULL) == UD_OK && ud_bytes_equal(env.digest, params->digest));
    if (right || agent->content_retried) {
        return UD_OK; /* what is wrong the conditions say */
    }
    agent->content_retried = true;
    domains_of(agent)->used -= envelope->len;
    envelope->len = 0;
    return UD_WAIT;
}

/* The next bytes of a dependency, behind what the buffer holds. UD_OK: it is complete. */
static ud_err download(struct ud_agent *agent, const struct ud_suit_params *params, uint8_t i)
{
    struct ud_agent_domains *domains = domains_of(agent);
    struct ud_bytes *envelope = &domains->fetched[i].envelope;
    uint8_t text[UD_URI_BYTES_MAX];
    struct ud_buf uri = {text, sizeof text, 0};
    struct ud_bytes chunk = {NULL, 0};
    uint32_t wait_ms = 0;
    const struct ud_bytes base = {(const uint8_t *)agent->offer.uri, agent->offer.uri_bytes};
    ud_err err = ud_uri_resolve(base, params->uri, &uri);
    if (err == UD_OK) {
        err = ud_agent_download(agent, ud_buf_bytes(&uri), envelope->len, &chunk, &wait_ms);
    }
    agent->wait_ms = err == UD_WAIT ? wait_ms : 0;
    if (err != UD_OK) {
        return err;
    }
    if (chunk.len == 0) {
        agent->config->road->fetch_stop(agent->config->road->ctx);
        return judge_download(agent, params, i);
    }
    if (chunk.len > agent->config->envelope_cap - domains->used) {
        return UD_ERR_TOO_LARGE;
    }
    memcpy(agent->config->envelope + domains->used, chunk.ptr, chunk.len);
    domains->used += chunk.len;
    envelope->len += chunk.len;
    return UD_WAIT;
}

static ud_err fetch_dependency(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params,
                               struct ud_bytes integrated)
{
    struct ud_agent_domains *domains = domains_of(agent);
    uint8_t i = find_fetched(domains, component);
    const bool known = i < domains->count && ud_bytes_equal(domains->fetched[i].uri, params->uri);
    ud_err err = UD_OK;
    if (!known) {
        err = place_fetched(domains, component, &i);
        if (err != UD_OK) {
            return err;
        }
        domains->fetched[i].uri = params->uri;
        domains->fetched[i].envelope =
            integrated.len > 0 ? integrated : (struct ud_bytes){agent->config->envelope + domains->used, 0};
        domains->fetched[i].complete = integrated.len > 0;
        ud_agent_download_begin(agent);
    }
    domains->fetched[i].dropped = false;
    if (!domains->fetched[i].complete) {
        err = download(agent, params, i);
        domains->fetched[i].complete = err == UD_OK;
    }
    return err;
}

/* Without writing: what would be written, and whether it fits. */
static ud_err note_image(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    const uint8_t place = agent->device_component[component];
    const uint32_t needed = UD_SUIT_HAS_DIGEST | UD_SUIT_HAS_SIZE;
    if ((params->has & needed) != needed) {
        return UD_ERR_PARAMETER_UNSET;
    }
    if (params->image_size == 0 || params->image_size > ud_slots_capacity(agent->config->slots, place)) {
        return UD_ERR_SPACE;
    }
    agent->size_bytes[place] = (uint32_t)params->image_size;
    agent->streamed[component] = true;
    memcpy(agent->streamed_digest[component], params->digest.ptr, UD_SHA256_BYTES);
    return UD_OK;
}

static ud_err op_fetch(void *ctx, uint8_t component, const struct ud_suit_params *params,
                       struct ud_bytes integrated)
{
    struct ud_agent *agent = ctx;
    if (references(agent, component, 0) > 0) {
        return fetch_dependency(agent, component, params, integrated);
    }
    const ud_err err = find_place(agent, component);
    if (err != UD_OK) {
        return err;
    }
    return domains_of(agent)->trying ? note_image(agent, component, params)
                                     : domains_of(agent)->below.fetch(agent, component, params, integrated);
}

static ud_err op_write(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    const ud_err err = references(agent, component, 0) > 0 ? UD_ERR_DEPENDENCY : find_place(agent, component);
    if (err != UD_OK) {
        return err;
    }
    return domains_of(agent)->trying ? note_image(agent, component, params)
                                     : domains_of(agent)->below.write(agent, component, params);
}

/* A dependency is known by the digest of its manifest, and has the size of its envelope. */
static ud_err match_dependency(struct ud_agent *agent, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_bytes envelope;
    struct ud_suit_envelope env;
    ud_err err = td_envelope(agent, component, &envelope);
    if (err == UD_OK) {
        err = ud_suit_envelope_parse(&env, envelope, NULL);
    }
    if (err == UD_OK) {
        err = ud_suit_envelope_check_digest(&env, NULL);
    }
    const bool fits = (params->has & UD_SUIT_HAS_SIZE) == 0 || params->image_size == envelope.len;
    return err == UD_OK && fits && ud_bytes_equal(env.digest, params->digest) ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

static ud_err op_image_match(void *ctx, uint8_t component, const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    if (references(agent, component, 0) > 0) {
        return match_dependency(agent, component, params);
    }
    const ud_err err = find_place(agent, component);
    if (err != UD_OK || !domains_of(agent)->trying) {
        return err != UD_OK ? err : ud_agent_op_image_match(agent, component, params);
    }
    const struct ud_bytes noted = {agent->streamed_digest[component], UD_SHA256_BYTES};
    return agent->streamed[component] && ud_bytes_equal(noted, params->digest) ? UD_OK : UD_ERR_IMAGE_MISMATCH;
}

/* ---- what the slot keeps ---- */

static void sort_by_uri(struct ud_bytes *uris, uint8_t *order, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) { /* as deterministic CBOR wants it; there are three at most */
        for (uint8_t j = i; j > 0; j--) {
            const struct ud_bytes a = uris[order[j - 1]];
            const struct ud_bytes b = uris[order[j]];
            if (a.len < b.len || (a.len == b.len && memcmp(a.ptr, b.ptr, a.len) < 0)) {
                break;
            }
            const uint8_t other = order[j];
            order[j] = order[j - 1];
            order[j - 1] = other;
        }
    }
}

static void put_kept(struct ud_cbor_writer *w, const struct ud_suit_envelope *env, uint8_t dependencies)
{
    struct ud_bytes span = {NULL, 0};
    const ud_err err = ud_envelope_kept_span(env, &span);
    ud_cbor_put_tag(w, UD_SUIT_TAG_ENVELOPE);
    ud_cbor_put_map(w, 2U + dependencies);
    ud_cbor_put_raw(w, err == UD_OK ? span : (struct ud_bytes){NULL, 0});
}

static ud_err put_dependency(struct ud_cbor_writer *w, struct ud_bytes uri, struct ud_bytes envelope)
{
    struct ud_suit_envelope env;
    size_t len = 0;
    ud_err err = ud_suit_envelope_parse(&env, envelope, NULL);
    if (err == UD_OK) {
        err = ud_envelope_kept_bytes(&env, &len);
    }
    if (err == UD_OK) {
        ud_cbor_put_tstr(w, uri);
        ud_cbor_put_bstr_head(w, len);
        put_kept(w, &env, 0);
    }
    return err;
}

/* The root's signatures and manifest, and those of every dependency that stays, under the id of its component. */
static ud_err make_kept(struct ud_agent *agent)
{
    struct ud_agent_domains *domains = domains_of(agent);
    uint8_t text[UD_SUIT_DEPENDENCIES_MAX][UD_SUIT_KEPT_URI_BYTES_MAX];
    struct ud_bytes uris[UD_SUIT_DEPENDENCIES_MAX];
    uint8_t order[UD_SUIT_DEPENDENCIES_MAX];
    uint8_t count = 0;
    struct ud_buf room = free_room(agent);
    struct ud_cbor_writer w;
    ud_err err = UD_OK;
    for (uint8_t i = 0; i < domains->count && err == UD_OK; i++) {
        struct ud_buf uri = {text[i], sizeof text[i], 0};
        struct ud_bytes id;
        if (!domains->fetched[i].complete || domains->fetched[i].dropped) {
            continue;
        }
        err = ud_suit_run_component_id(&agent->run, domains->fetched[i].component, &id);
        err = err == UD_OK ? ud_suit_kept_uri(id, &uri) : err;
        uris[i] = ud_buf_bytes(&uri);
        order[count++] = i;
    }
    sort_by_uri(uris, order, count);
    ud_cbor_writer_init(&w, &room);
    put_kept(&w, &agent->env, count);
    for (uint8_t i = 0; i < count && err == UD_OK; i++) {
        err = put_dependency(&w, uris[order[i]], domains->fetched[order[i]].envelope);
    }
    err = err == UD_OK ? ud_cbor_written(&w) : err;
    if (err != UD_OK) {
        return err == UD_ERR_BUFFER ? UD_ERR_TOO_LARGE : err;
    }
    domains->kept = ud_buf_bytes(&room);
    domains->used += room.len;
    return domains->kept.len <= ud_slots_envelope_capacity(agent->config->slots) ? UD_OK : UD_ERR_SPACE;
}

/* ---- the agent's side ---- */

/* Each manifest was entered by its dependent's command for the component that it lies in. */
static void note(void *ctx, const struct ud_suit_record *at, uint8_t policy, ud_err answer,
                 const struct ud_suit_params *params)
{
    struct ud_agent *agent = ctx;
    const struct ud_suit_frame *frames = agent->run.frames;
    struct ud_suit_record *record = &agent->run.record;
    const struct ud_suit_ops *below = &domains_of(agent)->below;
    record->path_len = 0;
    for (uint8_t i = 1; i < agent->run.depth && record->path_len < sizeof record->path; i++) {
        if (frames[i].where.manifest != frames[i - 1].where.manifest) {
            record->path[record->path_len++] = (uint8_t)(frames[i - 1].index & 15);
        }
    }
    if (below->note != NULL) {
        below->note(ctx, at, policy, answer, params); /* `at` is that record */
    }
}

static ud_err run(struct ud_agent *agent, ud_suit_procedure procedure)
{
    struct ud_agent_domains *domains = domains_of(agent);
    for (uint8_t i = 0; i < domains->count; i++) {
        domains->fetched[i].dropped = false;
    }
    memset(agent->streamed, 0, sizeof agent->streamed);
    domains->trying = procedure == UD_SUIT_UPDATE && !domains->resolved;
    return ud_suit_run_init_tree(&agent->run, &agent->man, procedure, &agent->ops, agent, &domains->tree, NULL);
}

/* All components of the device switch together, so the tree brings them all. */
static ud_err check_complete(const struct ud_agent *agent)
{
    for (uint8_t i = 0; i < agent->config->layout->component_count; i++) {
        if (agent->size_bytes[i] == 0) {
            return UD_ERR_COMPONENT;
        }
    }
    return UD_OK;
}

static ud_err resolve(struct ud_agent *agent)
{
    struct ud_agent_domains *domains = domains_of(agent);
    if (!domains->trying) { /* the shared sequence has just ended */
        memset(agent->size_bytes, 0, sizeof agent->size_bytes);
        ud_err err = ud_agent_check_version(agent);
        err = err == UD_OK ? check_rights(agent, &agent->man, agent->config->trust) : err;
        err = err == UD_OK ? run(agent, UD_SUIT_UPDATE) : err;
        return err == UD_OK ? UD_WAIT : err;
    }
    ud_err err = check_complete(agent);
    err = err == UD_OK ? make_kept(agent) : err;
    domains->trying = false;
    domains->resolved = err == UD_OK;
    return err;
}

static ud_err keep(struct ud_agent *agent, struct ud_bytes *kept)
{
    *kept = domains_of(agent)->kept;
    return UD_OK;
}

static const struct ud_agent_way tree_way = {run, resolve, find_place, keep};

static void begin(struct ud_agent *agent)
{
    struct ud_agent_domains *domains = domains_of(agent);
    ud_suit_tree_init(&domains->tree, agent->config->trust);
    domains->count = 0;
    domains->trying = false;
    domains->resolved = false;
    domains->used = agent->envelope_len;
    domains->running = (struct ud_bytes){NULL, 0};
    domains->kept = (struct ud_bytes){NULL, 0};
    ud_agent_ops(&agent->ops, agent->config);
    if (agent->man.dependencies == 0) {
        return;
    }
    domains->td = (struct ud_suit_td_ops){td_envelope, td_accept, td_unlink, td_remove};
    domains->below = agent->ops;
    agent->ops.td = &domains->td;
    agent->ops.fetch = op_fetch;
    agent->ops.write = domains->below.write == NULL ? NULL : op_write;
    agent->ops.image_match = op_image_match;
    agent->ops.note = note;
    agent->way = &tree_way;
}

static ud_err check_trust(const struct ud_agent *agent, const struct ud_suit_envelope *env,
                          const struct ud_trust *trust)
{
    struct ud_cbor r;
    ud_err err = UD_OK;
    ud_cbor_init(&r, env->integrated);
    while (r.rest.len > 0 && r.err == UD_OK && err == UD_OK) {
        struct ud_suit_envelope dependency;
        struct ud_suit_manifest man;
        (void)ud_cbor_tstr(&r);
        err = ud_suit_envelope_parse(&dependency, ud_cbor_bstr(&r), NULL);
        err = err == UD_OK ? ud_suit_envelope_authenticate(&dependency, trust, NULL) : err;
        err = err == UD_OK ? ud_suit_manifest_parse(&man, &dependency, NULL) : err;
        err = err == UD_OK ? check_rights(agent, &man, trust) : err;
    }
    return err == UD_OK ? r.err : err;
}

const struct ud_agent_domains_ops ud_agent_domains_ops = {begin, check_trust};
