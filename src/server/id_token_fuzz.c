/* ID tokens: whatever comes, nothing unsigned gets a subject. */
#include "server/id_token.h"

#include "updraft/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
                               "\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\",\"y\":"
                               "\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}]}";
    const struct ud_id_token_want want = {"https://issuer", "client", "nonce", 1000};
    char subject[UD_SUBJECT_BYTES_MAX + 1];
    const char *why = NULL;
    const struct ud_bytes set = {(const uint8_t *)keys, sizeof keys - 1};
    UD_ASSERT(ud_id_token_check((struct ud_bytes){data, size}, set, &want, subject, &why) == UD_ERR_LOGIN);
    UD_ASSERT(why != NULL);
    return 0;
}
