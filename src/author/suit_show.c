#include "author/suit_show.h"

#include "author/cli.h"
#include "author/key.h"
#include "author/suit_show_steps.h"
#include "updraft/cbor.h"
#include "updraft/cose.h"

static json_t *text_of(struct ud_bytes text)
{
    json_t *json = text.len > 0 ? json_stringn((const char *)text.ptr, text.len) : json_string("");
    return json != NULL ? json : json_string("(not text)");
}

static void show_proofs(json_t *list, const struct ud_cose *cose)
{
    for (size_t i = 0; i < cose->proof_count; i++) {
        struct ud_cose_proof proof;
        char kid[CLI_HEX_BYTES(UD_KID_BYTES)] = "";
        if (ud_cose_proof(cose, i, &proof) != UD_OK) {
            continue;
        }
        if (proof.kid.len <= UD_KID_BYTES) {
            cli_hex(proof.kid, kid);
        }
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s}", "kid", kid, "algorithm", author_alg_name(proof.alg)));
    }
}

/* Named by their kids, not verified: that needs anchors (`updraft verify`). */
static json_t *show_signatures(const struct ud_suit_envelope *env)
{
    json_t *list = json_array();
    for (size_t i = 0; i < env->block_count; i++) {
        struct ud_bytes block;
        struct ud_cose cose;
        if (ud_suit_envelope_block(env, i, &block) == UD_OK && ud_cose_parse(&cose, block, NULL) == UD_OK) {
            show_proofs(list, &cose);
        } else {
            (void)json_array_append_new(list, json_pack("{s:s, s:s}", "kid", "", "algorithm", "not readable"));
        }
    }
    return list;
}

static json_t *show_components(const struct ud_suit_manifest *man)
{
    json_t *list = json_array();
    for (size_t i = 0; i < man->component_count; i++) {
        char name[SUIT_SHOW_NAME_BYTES_MAX];
        struct ud_bytes id;
        if (ud_suit_component_id(man, i, &id) == UD_OK) {
            suit_show_component(id, name);
            (void)json_array_append_new(list, json_string(name));
        }
    }
    return list;
}

static json_t *show_integrated(const struct ud_suit_envelope *env)
{
    json_t *list = json_array();
    struct ud_cbor r;
    ud_cbor_init(&r, env->integrated);
    for (size_t i = 0; i < env->integrated_count && r.err == UD_OK; i++) {
        const struct ud_bytes uri = ud_cbor_tstr(&r);
        const struct ud_bytes payload = ud_cbor_bstr(&r);
        (void)json_array_append_new(
            list, json_pack("{s:o, s:I}", "uri", text_of(uri), "bytes", (json_int_t)payload.len));
    }
    return list;
}

static json_t *show_severed(const struct ud_suit_manifest *man)
{
    static const char *const names[UD_SUIT_MEMBER_COUNT] = {"download",    "install",      "text",
                                                            "software id", "dependencies", "candidates"};
    json_t *list = json_array();
    for (size_t i = 0; i < UD_SUIT_MEMBER_COUNT; i++) {
        if (man->severed[i]) {
            (void)json_array_append_new(list, json_string(names[i]));
        }
    }
    return list;
}

/* Labels of texts, on the level of the manifest and of a component. */
static const char *text_label(bool of_component, int64_t label)
{
    static const char *const manifest[] = {"", "description", "update description", "JSON source",
                                           "YAML source"};
    static const char *const component[] = {"",           "vendor",      "model",  "vendor domain",
                                            "model info", "description", "version"};
    const size_t count =
        of_component ? sizeof component / sizeof component[0] : sizeof manifest / sizeof manifest[0];
    if (label < 1 || (uint64_t)label >= count) {
        return "other";
    }
    return of_component ? component[label] : manifest[label];
}

static void show_text(json_t *list, struct ud_cbor *r, const char *component)
{
    const int64_t label = ud_cbor_int(r);
    const struct ud_bytes text = ud_cbor_tstr(r);
    if (r->err == UD_OK) {
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:o}", "component", component, "what",
                                              text_label(component[0] != '\0', label), "text", text_of(text)));
    }
}

static void show_language(json_t *list, struct ud_cbor *r)
{
    for (uint64_t pairs = ud_cbor_map(r); pairs > 0 && r->err == UD_OK; pairs--) {
        char name[SUIT_SHOW_NAME_BYTES_MAX];
        if (ud_cbor_peek(r) != UD_CBOR_ARRAY) {
            show_text(list, r, "");
            continue;
        }
        suit_show_component(ud_cbor_skip(r), name);
        for (uint64_t texts = ud_cbor_map(r); texts > 0 && r->err == UD_OK; texts--) {
            show_text(list, r, name);
        }
    }
}

static json_t *show_texts(const struct ud_suit_manifest *man)
{
    const struct ud_bytes text = man->member[UD_SUIT_MEMBER_TEXT];
    json_t *list = json_array();
    struct ud_cbor r;
    ud_cbor_init(&r, text);
    for (uint64_t languages = text.len > 0 ? ud_cbor_map(&r) : 0; languages > 0 && r.err == UD_OK;
         languages--) {
        (void)ud_cbor_tstr(&r);
        show_language(list, &r);
    }
    return list;
}

json_t *suit_show(const struct ud_suit_manifest *man)
{
    char digest[CLI_HEX_BYTES(UD_SHA256_BYTES)];
    json_t *steps = json_array();
    cli_hex(man->env->digest, digest);
    suit_show_steps(steps, man);
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "digest", digest, "bytes",
                     (json_int_t)man->env->whole.len, "sequence", (json_int_t)man->sequence, "signatures",
                     show_signatures(man->env), "components", show_components(man), "integrated",
                     show_integrated(man->env), "severed", show_severed(man), "texts", show_texts(man), "steps",
                     steps);
}
