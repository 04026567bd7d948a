#include "updraft/assert.h"
#include "updraft/links.h"

/* Links and attributes are views into the input, and the walk ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ud_bytes in = {data, size};
    struct ud_links links;
    struct ud_link link;
    struct ud_bytes value = {NULL, 0};
    size_t count = 0;
    ud_links_init(&links, in);
    ud_err err;
    while ((err = ud_links_next(&links, &link)) == UD_OK) {
        UD_ASSERT(ud_bytes_within(in, link.target) && ud_bytes_within(in, link.attributes));
        if (ud_link_attribute(&link, "ver", &value)) {
            UD_ASSERT(ud_bytes_within(link.attributes, value));
        }
        count++;
    }
    UD_ASSERT(count <= UD_LINKS_MAX && count <= size / 2);
    UD_ASSERT(ud_links_next(&links, &link) == err);
    return 0;
}
