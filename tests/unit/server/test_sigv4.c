/* AWS's own examples of Signature Version 4 for S3 ("Examples: Signature Calculations in AWS Signature Version 4"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/sigv4.h"

#include <string.h>

#define HOST "examplebucket.s3.amazonaws.com"
#define DATE "20130524T000000Z"
#define WELCOME "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static const struct {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    struct ud_sigv4_header headers[6];
    const char *payload;
    const char *signature;
} examples[] = {
    {"GET object",
     "GET",
     "/test.txt",
     "",
     {{"host", HOST}, {"range", "bytes=0-9"}, {"x-amz-content-sha256", UD_SIGV4_EMPTY}, {"x-amz-date", DATE}},
     UD_SIGV4_EMPTY,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"PUT object",
     "PUT",
     "/test%24file.text",
     "",
     {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
      {"host", HOST},
      {"x-amz-content-sha256", WELCOME},
      {"x-amz-date", DATE},
      {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     WELCOME,
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"GET bucket lifecycle",
     "GET",
     "/",
     "lifecycle=",
     {{"host", HOST}, {"x-amz-content-sha256", UD_SIGV4_EMPTY}, {"x-amz-date", DATE}},
     UD_SIGV4_EMPTY,
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list objects",
     "GET",
     "/",
     "max-keys=2&prefix=J",
     {{"host", HOST}, {"x-amz-content-sha256", UD_SIGV4_EMPTY}, {"x-amz-date", DATE}},
     UD_SIGV4_EMPTY,
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void test_requests_are_signed_as_in_the_examples_of_aws(void **state)
{
    (void)state;
    const struct ud_sigv4 key = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                 "us-east-1", "s3", 1369353600};
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct ud_text text;
        size_t count = 0;
        while (count < 6 && examples[i].headers[count].name != NULL) {
            count++;
        }
        ud_text_init(&text, 1024);
        assert_int_equal(ud_sigv4_sign(&key, examples[i].method, examples[i].path, examples[i].query,
                                       examples[i].headers, count, examples[i].payload, &text),
                         UD_OK);
        const char *signature = strstr(text.ptr, "Signature=");
        assert_non_null(signature);
        if (strcmp(signature + strlen("Signature="), examples[i].signature) != 0) {
            fail_msg("%s: %s", examples[i].name, text.ptr);
        }
        ud_text_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_are_signed_as_in_the_examples_of_aws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
