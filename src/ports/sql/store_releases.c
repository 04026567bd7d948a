/* Artifacts and releases. */
#include "gather.h"

#include "server/store_mgmt.h"
#include "server/store_rollouts.h"

#include <stdio.h>

#define TRUST_END_MAX UINT64_C(1000000000000000) /* seconds */

ud_err ud_store_artifact_add(struct ud_store *store, int64_t tenant, const struct ud_row_artifact *artifact)
{
    struct sql q =
        sql_begin(store, "INSERT INTO artifact(tenant,sha256,sha1,md5,size,created_ms) VALUES(?,?,?,?,?,?)"
                         " ON CONFLICT DO NOTHING");
    sql_put_int(&q, tenant);
    sql_put_blob(&q, artifact->sha256, sizeof artifact->sha256);
    sql_put_blob(&q, artifact->sha1, sizeof artifact->sha1);
    sql_put_blob(&q, artifact->md5, sizeof artifact->md5);
    sql_put_u64(&q, artifact->size);
    sql_put_int(&q, artifact->created_ms);
    return sql_end(&q);
}

static void read_artifact(struct sql *q, struct ud_row_artifact *row)
{
    sql_get_blob(q, row->sha256, sizeof row->sha256);
    sql_get_blob(q, row->sha1, sizeof row->sha1);
    sql_get_blob(q, row->md5, sizeof row->md5);
    row->size = sql_get_u64(q);
    row->created_ms = sql_get_int(q);
}

ud_err ud_store_artifact_find(struct ud_store *store, int64_t tenant, const uint8_t sha256[UD_SHA256_BYTES],
                              struct ud_row_artifact *artifact)
{
    struct ud_row_artifact row = {.size = 0};
    struct sql q =
        sql_begin(store, "SELECT sha256,sha1,md5,size,created_ms FROM artifact WHERE tenant=? AND sha256=?");
    sql_put_int(&q, tenant);
    sql_put_blob(&q, sha256, UD_SHA256_BYTES);
    const bool found = sql_row(&q);
    if (found) {
        read_artifact(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *artifact = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

static void put_signed_part(struct sql *q, const struct ud_row_release *release)
{
    if (release->foreign) {
        for (int column = 0; column < 6; column++) {
            sql_put_null(q);
        }
        return;
    }
    sql_put_blob(q, release->manifest_digest, sizeof release->manifest_digest);
    sql_put_u64(q, release->sequence);
    sql_put_blob(q, release->vendor_id, sizeof release->vendor_id);
    sql_put_blob(q, release->class_id, sizeof release->class_id);
    sql_put_blob(q, release->image_digest[0], (size_t)release->component_count * UD_SHA256_BYTES);
    sql_put_blob(q, release->signers[0], (size_t)release->signer_count * UD_KID_BYTES);
}

/* In the table of pairs: every trust store has one, so that one without an end takes the place of one with. Digits enough
 * that texts have the order of their numbers; what is beyond any clock is as far as they go. */
static ud_err note_end(struct ud_store *store, const struct ud_row_release *release)
{
    char text[24];
    const uint64_t ends_s = release->ends_s < TRUST_END_MAX ? release->ends_s : TRUST_END_MAX;
    snprintf(text, sizeof text, "%018llu", (unsigned long long)ends_s);
    return ud_store_pair_set(store, UD_PAIRS_TRUST_END, release->id, "ends", text, false);
}

ud_err ud_store_release_add(struct ud_store *store, struct ud_row_release *release)
{
    struct sql q = sql_begin(store, "INSERT INTO release(tenant,name,version,is_foreign,type_id,created_ms,"
                                    "manifest_digest,sequence,vendor_id,class_id,images,signers,uploaded_by)"
                                    " VALUES(?,?,?,?,nullif(?,0),?,?,?,?,?,?,?,?) RETURNING id");
    sql_put_int(&q, release->tenant);
    sql_put_text(&q, release->name);
    sql_put_text(&q, release->version);
    sql_put_int(&q, release->foreign);
    sql_put_int(&q, release->type_id);
    sql_put_int(&q, release->created_ms);
    put_signed_part(&q, release);
    sql_put_int(&q, release->uploaded_by);
    int64_t id = 0;
    const ud_err err = sql_end_id(&q, &id);
    if (err == UD_OK) {
        if (id > UD_ACTION_ID_MAX) {
            return UD_ERR_LIMIT;
        }
        release->id = (int32_t)id;
    }
    return err == UD_OK && release->trust_store ? note_end(store, release) : err;
}

ud_err ud_store_release_artifact_add(struct ud_store *store, const struct ud_row_release *release,
                                     uint32_t position, const char *filename,
                                     const uint8_t sha256[UD_SHA256_BYTES])
{
    struct sql q = sql_begin(store, "INSERT INTO release_artifact(release,position,tenant,filename,sha256)"
                                    " SELECT ?,?,tenant,?,sha256 FROM artifact WHERE tenant=? AND sha256=?");
    sql_put_int(&q, release->id);
    sql_put_int(&q, position);
    sql_put_text(&q, filename);
    sql_put_int(&q, release->tenant);
    sql_put_blob(&q, sha256, UD_SHA256_BYTES);
    const ud_err err = sql_end_changed(&q);
    return err == UD_ERR_NOT_FOUND ? UD_ERR_ARTIFACT_MISSING : err;
}

/* A stored array of `width`-byte entries, at most `max` of them. */
static uint8_t read_array(struct sql *q, uint8_t *out, size_t width, size_t max)
{
    const struct ud_bytes stored = sql_get_bytes(q);
    if (stored.len % width != 0 || stored.len / width > max) {
        q->err = q->err == UD_OK ? UD_ERR_STORE : q->err;
        return 0;
    }
    if (stored.len > 0) {
        memcpy(out, stored.ptr, stored.len);
    }
    return (uint8_t)(stored.len / width);
}

#define RELEASE_COLUMNS                                                                                        \
    "SELECT "                                                                                                  \
    "id,tenant,name,version,is_foreign,coalesce(type_id,0),created_ms,manifest_digest,sequence,vendor_id,"     \
    "class_id,images,signers,uploaded_by,recalled_ms FROM release"

static void read_release(struct sql *q, struct ud_row_release *row)
{
    memset(row, 0, sizeof *row);
    row->id = (int32_t)sql_get_int(q);
    row->tenant = sql_get_int(q);
    sql_get_text(q, row->name, sizeof row->name);
    sql_get_text(q, row->version, sizeof row->version);
    row->foreign = sql_get_int(q) != 0;
    row->type_id = sql_get_int(q);
    row->created_ms = sql_get_int(q);
    sql_get_blob(q, row->manifest_digest, sizeof row->manifest_digest);
    row->sequence = sql_get_u64(q);
    sql_get_blob(q, row->vendor_id, sizeof row->vendor_id);
    sql_get_blob(q, row->class_id, sizeof row->class_id);
    row->component_count = read_array(q, row->image_digest[0], UD_SHA256_BYTES, UD_COMPONENTS_MAX);
    row->signer_count = read_array(q, row->signers[0], UD_KID_BYTES, UD_TRUST_KEYS_MAX);
    row->uploaded_by = sql_get_int(q);
    row->recalled_ms = sql_get_int(q);
}

static ud_err take_release(struct sql *q, struct ud_row_release *release)
{
    struct ud_row_release row;
    const bool found = sql_row(q);
    if (found) {
        read_release(q, &row);
    }
    const ud_err err = sql_end(q);
    if (err == UD_OK && found) {
        *release = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}

/* A gathered run asks for the same few releases again and again. */
static ud_err take_kept(struct sql *q, const struct sql_release_key *key, struct ud_row_release *release)
{
    const ud_err err = take_release(q, release);
    sql_gather_release_keep(q->store, key, err, release);
    return err;
}

ud_err ud_store_release_get(struct ud_store *store, int64_t tenant, int32_t id, struct ud_row_release *release)
{
    const struct sql_release_key key = {.by = 'i', .tenant = tenant, .number = (uint64_t)id};
    ud_err kept = UD_OK;
    if (sql_gather_release(store, &key, release, &kept)) {
        return kept;
    }
    struct sql q = sql_begin_apart(store, RELEASE_COLUMNS " WHERE id=? AND tenant=?");
    sql_put_int(&q, id);
    sql_put_int(&q, tenant);
    return take_kept(&q, &key, release);
}

ud_err ud_store_release_by_manifest(struct ud_store *store, int64_t tenant,
                                    const uint8_t digest[UD_SHA256_BYTES], struct ud_row_release *release)
{
    struct sql_release_key key = {.by = 'm', .tenant = tenant};
    ud_err kept = UD_OK;
    memcpy(key.digest, digest, sizeof key.digest);
    if (sql_gather_release(store, &key, release, &kept)) {
        return kept;
    }
    struct sql q = sql_begin_apart(store, RELEASE_COLUMNS " WHERE tenant=? AND manifest_digest=?");
    sql_put_int(&q, tenant);
    sql_put_blob(&q, digest, UD_SHA256_BYTES);
    return take_kept(&q, &key, release);
}

ud_err ud_store_release_by_image(struct ud_store *store, int64_t tenant, uint64_t sequence,
                                 const uint8_t digest[UD_SHA256_BYTES], struct ud_row_release *release)
{
    char hex[2 * UD_SHA256_BYTES + 1];
    ud_hex_write(hex, digest, UD_SHA256_BYTES);
    struct sql_release_key key = {.by = 'd', .tenant = tenant, .number = sequence};
    ud_err kept = UD_OK;
    memcpy(key.digest, digest, sizeof key.digest);
    if (sql_gather_release(store, &key, release, &kept)) {
        return kept;
    }
    struct sql q = sql_begin_apart(
        store, RELEASE_COLUMNS
        " WHERE tenant=? AND sequence=? AND (instr(images,?)>0 OR EXISTS(SELECT 1 FROM "
        "release_artifact x WHERE x.release=release.id AND x.sha256=?) OR EXISTS(SELECT 1 FROM pair p WHERE"
        " p.kind=7 AND p.owner=release.id AND p.key=?))"
        " ORDER BY id DESC LIMIT 1");
    sql_put_int(&q, tenant);
    sql_put_u64(&q, sequence);
    sql_put_blob(&q, digest, UD_SHA256_BYTES);
    sql_put_blob(&q, digest, UD_SHA256_BYTES);
    sql_put_text(&q, hex);
    return take_kept(&q, &key, release);
}

/* In the table of pairs, kind 7: key is the digest in hex. */
ud_err ud_store_release_image_add(struct ud_store *store, int32_t release,
                                  const uint8_t sha256[UD_SHA256_BYTES])
{
    char hex[2 * UD_SHA256_BYTES + 1];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    return ud_store_pair_set(store, UD_PAIRS_IMAGE, release, hex, "", false);
}

bool ud_store_release_has_image(struct ud_store *store, int32_t release, const uint8_t sha256[UD_SHA256_BYTES])
{
    char hex[2 * UD_SHA256_BYTES + 1];
    ud_hex_write(hex, sha256, UD_SHA256_BYTES);
    struct sql q = sql_begin_apart(store, "SELECT 1 FROM pair WHERE kind=7 AND owner=? AND key=?");
    sql_put_int(&q, release);
    sql_put_text(&q, hex);
    const bool found = sql_row(&q);
    return sql_end(&q) == UD_OK && found;
}

ud_err ud_store_release_named(struct ud_store *store, int64_t tenant, const char *name, const char *version,
                              struct ud_row_release *release)
{
    struct sql q =
        sql_begin(store, RELEASE_COLUMNS " WHERE tenant=? AND name=? AND version=? ORDER BY id DESC LIMIT 1");
    sql_put_int(&q, tenant);
    sql_put_text(&q, name);
    sql_put_text(&q, version);
    return take_release(&q, release);
}

ud_err ud_store_release_reissued(struct ud_store *store, const struct ud_row_release *like,
                                 struct ud_row_release *found)
{
    struct sql q =
        sql_begin(store, RELEASE_COLUMNS " WHERE tenant=? AND is_foreign=0 AND images=? AND recalled_ms=0"
                                         " ORDER BY sequence DESC,id DESC LIMIT 1");
    sql_put_int(&q, like->tenant);
    sql_put_blob(&q, like->image_digest[0], (size_t)like->component_count * UD_SHA256_BYTES);
    return take_release(&q, found);
}

ud_err ud_store_release_list(struct ud_store *store, int64_t tenant, struct ud_page *page,
                             void (*each)(void *ctx, const struct ud_row_release *release), void *ctx)
{
    struct sql count = sql_begin(store, "SELECT count(*) FROM release WHERE tenant=?");
    sql_put_int(&count, tenant);
    page->total = sql_row(&count) ? (uint32_t)sql_get_int(&count) : 0;
    const ud_err err = sql_end(&count);
    if (err != UD_OK) {
        return err;
    }
    struct sql q = sql_begin(store, RELEASE_COLUMNS " WHERE tenant=? ORDER BY id LIMIT ? OFFSET ?");
    sql_put_int(&q, tenant);
    sql_put_int(&q, page->limit);
    sql_put_int(&q, page->offset);
    while (sql_row(&q)) {
        struct ud_row_release row;
        read_release(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

#define RELEASE_ARTIFACT_COLUMNS                                                                               \
    "SELECT r.filename,a.sha256,a.sha1,a.md5,a.size,a.created_ms FROM release_artifact r"                      \
    " JOIN artifact a ON a.tenant=r.tenant AND a.sha256=r.sha256"

static void read_release_artifact(struct sql *q, struct ud_row_release_artifact *row)
{
    sql_get_text(q, row->filename, sizeof row->filename);
    read_artifact(q, &row->artifact);
}

ud_err ud_store_release_artifacts(struct ud_store *store, int32_t release,
                                  void (*each)(void *ctx, const struct ud_row_release_artifact *artifact),
                                  void *ctx)
{
    struct sql q = sql_begin(store, RELEASE_ARTIFACT_COLUMNS " WHERE r.release=? ORDER BY r.position");
    sql_put_int(&q, release);
    while (sql_row(&q)) {
        struct ud_row_release_artifact row = {.filename = ""};
        read_release_artifact(&q, &row);
        each(ctx, &row);
    }
    return sql_end(&q);
}

ud_err ud_store_release_artifact_find(struct ud_store *store, int32_t release, const char *filename,
                                      struct ud_row_release_artifact *artifact)
{
    struct ud_row_release_artifact row = {.filename = ""};
    struct sql q = sql_begin(store, RELEASE_ARTIFACT_COLUMNS " WHERE r.release=? AND r.filename=?");
    sql_put_int(&q, release);
    sql_put_text(&q, filename);
    const bool found = sql_row(&q);
    if (found) {
        read_release_artifact(&q, &row);
    }
    const ud_err err = sql_end(&q);
    if (err == UD_OK && found) {
        *artifact = row;
    }
    return err == UD_OK && !found ? UD_ERR_NOT_FOUND : err;
}
