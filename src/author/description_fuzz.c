/*
 * A description makes an envelope or is refused with a place; what is made can be taken apart, and made of that again it
 * is the same. Bytes that are no description are tried as an envelope as well.
 */
#include <stdlib.h>

#include "author/desc.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ud_err read_file(void *ctx, const char *name, struct ud_bytes *content)
{
    (void)ctx;
    if (name[0] == '/') {
        return UD_ERR_NOT_FOUND;
    }
    *content = (struct ud_bytes){(const uint8_t *)name, strlen(name)};
    return UD_OK;
}

static ud_err hash_file(void *ctx, const char *name, uint8_t digest[UD_SHA256_BYTES], uint64_t *bytes)
{
    struct ud_bytes content;
    const ud_err err = read_file(ctx, name, &content);
    if (err != UD_OK) {
        return err;
    }
    *bytes = content.len;
    return ud_sha256(&content, 1, digest);
}

static const struct desc_files files = {read_file, hash_file, NULL};

/* @return the description that made the envelope; NULL where none was made */
static struct desc *make(struct ud_bytes text, struct ud_bytes *envelope)
{
    struct desc *desc = NULL;
    struct desc_error error;
    ud_err err = desc_parse(&desc, text, &error);
    if (err == UD_OK) {
        err = desc_build(desc, &files, envelope, &error);
    }
    UD_ASSERT(err != UD_ERR_DESCRIPTION || error.why[0] != '\0');
    UD_ASSERT(err != UD_ERR_INTERNAL && err != UD_ERR_BUFFER);
    if (err != UD_OK) {
        desc_close(desc);
        return NULL;
    }
    return desc;
}

static void check_again(struct ud_bytes envelope)
{
    const size_t cap = 65536 + 8 * envelope.len;
    struct ud_buf out = {malloc(cap), cap, 0};
    struct ud_bytes again = {NULL, 0};
    UD_ASSERT(out.ptr != NULL);
    const ud_err err = desc_show(&out, envelope, NULL);
    if (err == UD_OK) { /* of some odd ids and long lists there is no description */
        struct desc *desc = make(ud_buf_bytes(&out), &again);
        UD_ASSERT(desc != NULL);
        UD_ASSERT(ud_bytes_equal(envelope, again));
        desc_close(desc);
    }
    free(out.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    struct ud_bytes envelope = {NULL, 0};
    struct desc *desc = make(in, &envelope);
    if (desc != NULL) {
        check_again(envelope);
        desc_close(desc);
        return 0;
    }
    uint8_t text[65536];
    struct ud_buf out = {text, sizeof text, 0};
    (void)desc_show(&out, in, NULL);
    return 0;
}
