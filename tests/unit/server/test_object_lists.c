/* Object lists of registrations: one text is kept once, whoever leaves it, in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/lwm2m/object_lists.h"

#include <stdio.h>
#include <string.h>

#define LISTS 20000 /* so many that buckets hold more of them than are looked at */

static struct ud_object_list *take(struct ud_object_lists *lists, int number)
{
    char text[32];
    snprintf(text, sizeof text, "</1/0>,</%d/0>", number);
    struct ud_object_list *list = ud_object_list_take(lists, text);
    assert_non_null(list);
    assert_string_equal(list->text, text);
    return list;
}

static bool is_empty(const struct ud_object_lists *lists)
{
    bool empty = true;
    for (size_t i = 0; i < UD_OBJECT_LISTS_BUCKETS; i++) {
        empty = empty && lists->buckets[i] == NULL;
    }
    return empty;
}

static void test_the_same_text_is_kept_once(void **state)
{
    static struct ud_object_lists lists;
    struct ud_object_list *one = take(&lists, 5);
    struct ud_object_list *other = take(&lists, 6);
    (void)state;
    assert_ptr_equal(take(&lists, 5), one);
    assert_ptr_not_equal(one, other);
    ud_object_list_leave(one);
    assert_ptr_equal(take(&lists, 5), one); /* its second user has it still */
    ud_object_list_leave(one);
    ud_object_list_leave(one);
    ud_object_list_leave(other);
    ud_object_list_leave(NULL);
    assert_true(is_empty(&lists));
}

static void test_any_number_of_texts_comes_and_goes_in_any_order(void **state)
{
    static struct ud_object_lists lists;
    static struct ud_object_list *taken[LISTS];
    (void)state;
    for (int i = 0; i < LISTS; i++) {
        taken[i] = take(&lists, i);
    }
    for (int i = 0; i < LISTS; i++) {
        const int at = i * 7919 % LISTS; /* a prime that divides it not: each once */
        char text[32];
        snprintf(text, sizeof text, "</1/0>,</%d/0>", at);
        assert_string_equal(taken[at]->text, text);
        ud_object_list_leave(taken[at]);
    }
    assert_true(is_empty(&lists));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_text_is_kept_once),
        cmocka_unit_test(test_any_number_of_texts_comes_and_goes_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
