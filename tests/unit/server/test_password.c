/* Passwords at rest, HMAC, and the rules of roles and groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ports/openssl/password.h"
#include "server/rights.h"
#include "server/secret.h"

#include <string.h>

static struct ud_bytes text(const char *from)
{
    return (struct ud_bytes){(const uint8_t *)from, strlen(from)};
}

static void test_a_password_is_known_again_and_stored_differently_each_time(void **state)
{
    (void)state;
    uint8_t first[UD_PASSWORD_STORED_BYTES];
    uint8_t second[UD_PASSWORD_STORED_BYTES];
    assert_int_equal(ud_password_store(text("correct horse"), first), UD_OK);
    assert_int_equal(ud_password_store(text("correct horse"), second), UD_OK);
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(ud_password_check(text("correct horse"), first), UD_OK);
    assert_int_equal(ud_password_check(text("correct horsf"), first), UD_ERR_AUTH);
    assert_int_equal(ud_password_check(text(""), first), UD_ERR_AUTH);
    assert_int_equal(ud_password_check(text("correct horse"), NULL), UD_ERR_AUTH);
    assert_int_equal(ud_password_store(text("too short"), first), UD_ERR_PASSWORD);
    /* a stored form that asks for more work than ours is a way to stop the server */
    second[1] = 30;
    assert_int_equal(ud_password_check(text("correct horse"), second), UD_ERR_CRYPTO);
    second[0] = 2;
    assert_int_equal(ud_password_check(text("correct horse"), second), UD_ERR_CRYPTO);
}

static void test_hmac_is_that_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t mac[32];
    char hex[65];
    const struct ud_bytes parts[] = {text("what do ya want "), text("for nothing?")};
    assert_int_equal(ud_hmac_sha256(text("Jefe"), parts, 2, mac), UD_OK);
    ud_hex_write(hex, mac, sizeof mac);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void test_roles_and_groups_keep_to_their_rules(void **state)
{
    (void)state;
    assert_int_equal(ud_roles_check(UD_ROLE_AUTHOR | UD_ROLE_APPROVER), UD_OK);
    assert_int_equal(ud_roles_check(UD_ROLE_AUTHOR | UD_ROLE_OPERATOR), UD_ERR_SEPARATION);
    assert_int_equal(ud_roles_check(0), UD_ERR_MISSING);
    assert_int_equal(ud_rights_of(UD_ROLE_AUTHOR) & UD_MAY_DEPLOY, 0);
    assert_int_equal(ud_rights_of(UD_ROLE_OPERATOR) & UD_MAY_UPLOAD, 0);
    assert_int_equal(ud_rights_of(UD_ROLE_ADMINISTRATOR) & (UD_MAY_DEPLOY | UD_MAY_UPLOAD | UD_MAY_TENANTS), 0);
    assert_true(ud_area_within("eu/berlin", "eu") && ud_area_within("eu", "eu") && ud_area_within("eu", ""));
    assert_false(ud_area_within("eu-west", "eu") || ud_area_within("", "eu") ||
                 ud_area_within("asia/eu", "eu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_password_is_known_again_and_stored_differently_each_time),
        cmocka_unit_test(test_hmac_is_that_of_rfc_4231),
        cmocka_unit_test(test_roles_and_groups_keep_to_their_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
