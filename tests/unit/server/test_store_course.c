/* What failures of a rollout share, and its course: on SQLite and on PostgreSQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "helper_place.h"

#include "server/store_console.h"
#include "server/store_rollouts.h"

#include <stdio.h>

#define TENANT UD_TENANT_DEFAULT

static int32_t add_release(struct ud_store *store, const char *version)
{
    struct ud_row_release row = {.tenant = TENANT, .name = "os", .foreign = true, .created_ms = 100};
    snprintf(row.version, sizeof row.version, "%s", version);
    assert_int_equal(ud_store_release_add(store, &row), UD_OK);
    return row.id;
}

static int32_t add_rollout(struct ud_store *store, const char *name, int32_t release, uint32_t groups)
{
    struct ud_row_rollout row = {.tenant = TENANT, .release = release, .group_count = groups, .created_ms = 1};
    row.state = UD_ROLLOUT_RUNNING;
    snprintf(row.name, sizeof row.name, "%s", name);
    assert_int_equal(ud_store_rollout_add(store, &row), UD_OK);
    for (uint32_t i = 1; i <= groups; i++) {
        const struct ud_row_group group = {.rollout = row.id, .position = i, .name = "g"};
        assert_int_equal(ud_store_group_add(store, &group), UD_OK);
    }
    return row.id;
}

struct failing {
    const char *name;
    const char *hardware; /* attribute; NULL = none */
    int32_t runs;         /* what it says that it runs before the offer */
    int64_t type;
    ud_member_state state;
    ud_err error;
};

/* A device that was offered something by the rollout, and how that ended. */
static int64_t add_member(struct ud_store *store, int32_t rollout, uint32_t group, int32_t release,
                          const struct failing *failing)
{
    struct ud_row_device device = {.tenant = TENANT, .created_ms = 5, .type_id = failing->type};
    snprintf(device.name, sizeof device.name, "%s", failing->name);
    assert_int_equal(ud_store_device_add(store, &device), UD_OK);
    if (failing->hardware != NULL) {
        assert_int_equal(ud_store_attribute_set(store, TENANT, device.id, "hardware", failing->hardware),
                         UD_OK);
    }
    if (failing->runs > 0) {
        assert_int_equal(ud_store_device_finished_set(store, device.id, 1, failing->runs), UD_OK);
    }
    struct ud_row_action action = {
        .tenant = TENANT, .device = device.id, .release = release, .error = failing->error};
    action.terms.rollout = rollout;
    assert_int_equal(ud_store_action_add(store, &action), UD_OK);
    struct ud_row_member member = {.rollout = rollout, .device = device.id, .group = group};
    assert_int_equal(ud_store_member_add(store, &member), UD_OK);
    assert_int_equal(ud_store_member_move(store, &member, failing->state, action.id, 1), UD_OK);
    return device.id;
}

struct seen {
    char text[1024];
};

static void see_cluster(void *ctx, const struct ud_row_cluster *row)
{
    static const char *const from[] = {"", "attribute:", "type:"};
    struct seen *seen = ctx;
    const size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%u %s %s %s%s %s %s\n", row->devices,
             ud_member_state_name(row->state), ud_err_name(row->error), from[row->from], row->hardware,
             row->before == UD_RUNS_NOTHING ? "nothing" : row->before_version, row->example);
}

static void test_failures_are_grouped_by_what_they_share(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    struct seen seen = {""};
    const int32_t old = add_release(store, "1.0");
    const int32_t older = add_release(store, "0.9");
    const int32_t new = add_release(store, "2.0");
    struct ud_row_type type = {.name = "gateway", .foreign = true};
    assert_int_equal(ud_store_type_add(store, TENANT, &type), UD_OK);
    const int32_t rollout = add_rollout(store, "r", new, 2);
    const int32_t other = add_rollout(store, "other", new, 1);
    const struct failing rows[] = {
        {"a1", "rev-b", old, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE},
        {"a2", "rev-b", old, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE},
        {"a3", "rev-b", old, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE},
        {"b1", "rev-b", older, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE},
        {"b2", "rev-b", older, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE},
        {"c1", NULL, old, type.id, UD_MEMBER_REVERTED, UD_ERR_CRASHED},
        {"d1", NULL, 0, 0, UD_MEMBER_DRIFTED, UD_OK},
        {"e1", "rev-a", old, type.id, UD_MEMBER_CONFIRMED, UD_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        add_member(store, rollout, i % 2 == 0 ? 1 : 2, new, &rows[i]);
    }
    add_member(store, other, 1, new,
               &(struct failing){"x", "rev-b", old, type.id, UD_MEMBER_FAILED, UD_ERR_SPACE});
    /* what they run now is no matter: it is about what they ran when it was offered */
    place_sql(place, "UPDATE device SET finished_release=0");
    assert_int_equal(ud_store_rollout_clusters(store, rollout, "hardware", see_cluster, &seen), UD_OK);
    assert_string_equal(seen.text, "3 failed UD_ERR_SPACE attribute:rev-b 1.0 a1\n"
                                   "2 failed UD_ERR_SPACE attribute:rev-b 0.9 b1\n"
                                   "1 reverted UD_ERR_CRASHED type:gateway 1.0 c1\n"
                                   "1 drifted UD_OK  nothing d1\n");
    seen.text[0] = '\0';
    assert_int_equal(ud_store_rollout_clusters(store, rollout, "board", see_cluster, &seen), UD_OK);
    assert_string_equal(seen.text, "3 failed UD_ERR_SPACE type:gateway 1.0 a1\n"
                                   "2 failed UD_ERR_SPACE type:gateway 0.9 b1\n"
                                   "1 reverted UD_ERR_CRASHED type:gateway 1.0 c1\n"
                                   "1 drifted UD_OK  nothing d1\n");
}

static void count_cluster(void *ctx, const struct ud_row_cluster *row)
{
    uint32_t *count = ctx;
    (void)row;
    ++*count;
}

static void test_no_more_clusters_are_named_than_a_person_reads(void **state)
{
    struct ud_store *store = ((struct place *)*state)->store;
    const int32_t release = add_release(store, "1.0");
    const int32_t rollout = add_rollout(store, "r", release, 1);
    uint32_t count = 0;
    for (int i = 0; i < UD_CLUSTERS_MAX + 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        add_member(store, rollout, 1, release,
                   &(struct failing){name, name, 0, 0, UD_MEMBER_FAILED, UD_ERR_SPACE});
    }
    assert_int_equal(ud_store_rollout_clusters(store, rollout, "hardware", count_cluster, &count), UD_OK);
    assert_int_equal(count, UD_CLUSTERS_MAX);
}

struct course {
    struct ud_row_course points[UD_COURSE_POINTS_MAX + 1];
    size_t count;
};

static void see_point(void *ctx, const struct ud_row_course *point)
{
    struct course *course = ctx;
    assert_true(course->count <= UD_COURSE_POINTS_MAX);
    course->points[course->count++] = *point;
}

static const struct course *course_of(struct ud_store *store, int32_t rollout)
{
    static struct course course;
    course.count = 0;
    assert_int_equal(ud_store_course_list(store, rollout, see_point, &course), UD_OK);
    return &course;
}

static void confirm(struct place *place, unsigned confirmed)
{
    char text[128];
    snprintf(text, sizeof text, "UPDATE rollout_group SET s3=%u,s0=100000-%u WHERE position=1", confirmed,
             confirmed);
    place_sql(place, text);
}

static void test_a_course_keeps_what_changed_and_the_last_of_each_step(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    const int32_t rollout = add_rollout(store, "r", add_release(store, "1.0"), 2);
    assert_int_equal(course_of(store, rollout)->count, 0);
    assert_int_equal(ud_store_course_note(store, rollout, 5000), UD_OK);
    assert_int_equal(ud_store_course_note(store, rollout, 90000), UD_OK); /* nothing changed */
    assert_int_equal(course_of(store, rollout)->count, 1);
    confirm(place, 1);
    assert_int_equal(ud_store_course_note(store, rollout, 100100), UD_OK);
    confirm(place, 2);
    assert_int_equal(ud_store_course_note(store, rollout, 100900), UD_OK); /* within the same second */
    place_sql(place, "UPDATE rollout_group SET s5=3,s6=4,s7=5,s4=6,s2=7 WHERE position=2");
    assert_int_equal(ud_store_course_note(store, rollout, 50), UD_OK); /* a clock that stepped back */
    const struct course *course = course_of(store, rollout);
    assert_int_equal(course->count, 2);
    assert_int_equal(course->points[0].at_ms, 5000);
    assert_int_equal(course->points[1].at_ms, 100900);
    assert_int_equal(course->points[1].confirmed, 2);
    assert_int_equal(course->points[1].failed, 12);
    assert_int_equal(course->points[1].claimed, 6);
    assert_int_equal(course->points[1].active, 7);
    assert_int_equal(course->points[1].total, 100000 + 25);
    assert_int_equal(ud_store_course_note(store, rollout + 1, 1), UD_OK); /* none such: nothing is kept */
    assert_int_equal(course_of(store, rollout + 1)->count, 0);
    assert_int_equal(ud_store_rollout_remove(store, rollout), UD_OK);
    assert_int_equal(course_of(store, rollout)->count, 0);
}

static void test_a_course_stays_bounded_and_keeps_its_ends(void **state)
{
    struct place *place = *state;
    struct ud_store *store = place->store;
    const int32_t rollout = add_rollout(store, "r", add_release(store, "1.0"), 1);
    const unsigned notes = 3 * UD_COURSE_POINTS_MAX;
    for (unsigned i = 0; i < notes; i++) {
        confirm(place, i);
        assert_int_equal(ud_store_course_note(store, rollout, 1000000 + (int64_t)i * 1000), UD_OK);
    }
    const struct course *course = course_of(store, rollout);
    assert_in_range(course->count, UD_COURSE_POINTS_MAX / 4, UD_COURSE_POINTS_MAX);
    assert_int_equal(course->points[course->count - 1].confirmed, notes - 1);
    assert_true(course->points[0].confirmed < 8);
    for (size_t i = 1; i < course->count; i++) {
        assert_true(course->points[i].at_ms > course->points[i - 1].at_ms);
        assert_int_equal(course->points[i].at_ms, 1000000 + (int64_t)course->points[i].confirmed * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_failures_are_grouped_by_what_they_share),
        PLACE_TEST(test_no_more_clusters_are_named_than_a_person_reads),
        PLACE_TEST(test_a_course_keeps_what_changed_and_the_last_of_each_step),
        PLACE_TEST(test_a_course_stays_bounded_and_keeps_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
