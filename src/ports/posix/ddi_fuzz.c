/* An answer of a hostile server is read or refused; what is read stays within its bounds. First byte: which reader. */
#include "ports/posix/ddi.h"
#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_poll(struct ud_bytes json)
{
    struct ud_ddi_poll poll;
    if (ud_ddi_poll_parse(json, &poll) == UD_OK) {
        UD_ASSERT(memchr(poll.deployment, '\0', sizeof poll.deployment) != NULL);
        UD_ASSERT(memchr(poll.cancel, '\0', sizeof poll.cancel) != NULL);
    }
}

static void read_deployment(struct ud_bytes json)
{
    struct ud_offer offer;
    if (ud_ddi_deployment_parse(json, &offer) == UD_OK) {
        UD_ASSERT(offer.uri_bytes <= sizeof offer.uri);
        UD_ASSERT(offer.action_id <= INT32_MAX);
    }
}

static void read_token(struct ud_bytes json)
{
    char token[UD_DDI_TOKEN_BYTES_MAX + 1];
    if (ud_ddi_token_parse(json, token) == UD_OK) {
        UD_ASSERT(memchr(token, '\0', sizeof token) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ud_bytes in = {data, size};
    struct ud_bytes which;
    uint32_t action_id = 0;
    if (!ud_bytes_take(&in, 1, &which)) {
        return 0;
    }
    switch (which.ptr[0] % 5) {
    case 0:
        read_poll(in);
        break;
    case 1:
        read_deployment(in);
        break;
    case 2:
        read_token(in);
        break;
    case 3:
        UD_ASSERT(ud_ddi_cancel_parse(in, &action_id) != UD_OK || action_id <= INT32_MAX);
        break;
    case 4:
        UD_ASSERT(ud_ddi_error_parse(in, UD_ERR_PROTOCOL) != UD_OK);
        break;
    }
    return 0;
}
