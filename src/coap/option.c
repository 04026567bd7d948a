/* What is known about each option: lengths and repetition (RFC 7252 section 5.10 and the documents after it). */
#include "coap/option.h"

struct option_rule {
    uint16_t number;
    unsigned least_bytes : 1;
    unsigned most_bytes : 14;
    unsigned repeatable : 1;
};

/* clang-format off */
static const struct option_rule rules[] = {
    {UD_COAP_IF_MATCH,       0,    8, true},
    {UD_COAP_URI_HOST,       1,  255, false},
    {UD_COAP_ETAG,           1,    8, true},
    {UD_COAP_IF_NONE_MATCH,  0,    0, false},
    {UD_COAP_OBSERVE,        0,    3, false},
    {UD_COAP_URI_PORT,       0,    2, false},
    {UD_COAP_LOCATION_PATH,  0,  255, true},
    {UD_COAP_OSCORE,         0,  255, false},
    {UD_COAP_URI_PATH,       0,  255, true},
    {UD_COAP_CONTENT_FORMAT, 0,    2, false},
    {UD_COAP_MAX_AGE,        0,    4, false},
    {UD_COAP_URI_QUERY,      0,  255, true},
    {UD_COAP_HOP_LIMIT,      1,    1, false},
    {UD_COAP_ACCEPT,         0,    2, false},
    {UD_COAP_Q_BLOCK1,       0,    3, false},
    {UD_COAP_LOCATION_QUERY, 0,  255, true},
    {UD_COAP_BLOCK2,         0,    3, false},
    {UD_COAP_BLOCK1,         0,    3, false},
    {UD_COAP_SIZE2,          0,    4, false},
    {UD_COAP_Q_BLOCK2,       0,    3, true},
    {UD_COAP_PROXY_URI,      1, 1034, false},
    {UD_COAP_PROXY_SCHEME,   1,  255, false},
    {UD_COAP_SIZE1,          0,    4, false},
    {UD_COAP_ECHO,           1,   40, false},
    {UD_COAP_NO_RESPONSE,    0,    1, false},
    {UD_COAP_REQUEST_TAG,    0,    8, true},
};
/* clang-format on */

static const struct option_rule *rule_of(uint16_t number)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].number == number) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool length_ok(const struct option_rule *rule, size_t len)
{
    return rule == NULL || (len >= rule->least_bytes && len <= rule->most_bytes);
}

bool ud_coap_option_length_ok(uint16_t number, size_t len)
{
    return length_ok(rule_of(number), len);
}

static bool understood_here(const uint16_t *understood, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (understood[i] == number) {
            return true;
        }
    }
    return false;
}

bool ud_coap_bad_option(const struct ud_coap_message *message, const uint16_t *understood, size_t count,
                        uint16_t *number)
{
    struct ud_coap_options options;
    struct ud_coap_option option;
    uint32_t previous = UINT32_MAX; /* no option's number */
    ud_coap_options(message, &options);
    while (ud_coap_option_next(&options, &option)) {
        const struct option_rule *rule = rule_of(option.number);
        const bool repeated = option.number == previous && rule != NULL && !rule->repeatable;
        previous = option.number;
        if (ud_coap_is_critical(option.number) && (repeated || !length_ok(rule, option.value.len) ||
                                                   !understood_here(understood, count, option.number))) {
            *number = option.number;
            return true;
        }
    }
    return false;
}
