/* Which way computes which direction of a convolution. What is left to the processor's instructions is not asked here.
 */
#include "nn/conv/ways.h"
#include "convolutions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ALL_BY(name)                                                                                                   \
    {                                                                                                                  \
        (name), (name), (name)                                                                                         \
    }

static const char *way_of(struct conv_task t, enum dnn_direction d)
{
    t.conv.directions = 1u << d;
    for (int i = 0; conv_ways[i]; i++)
        if (conv_ways[i]->takes(&t))
            return conv_ways[i]->name;
    return "none";
}

static void expect(const char *what, const struct conv_task *t, const char *const ways[DNN_DIRECTIONS])
{
    for (int d = 0; d < DNN_DIRECTIONS; d++)
        if (strcmp(way_of(*t, (enum dnn_direction)d), ways[d]) != 0)
            fail_msg("%s: direction %d is computed by '%s', not '%s'", what, d, way_of(*t, (enum dnn_direction)d),
                     ways[d]);
}

/* A training's, of a square kernel; in F32. */
static struct conv_task task_of(struct shape src, struct shape dst, int kernel, int stride, int pad)
{
    return (struct conv_task){.conv = {.src = src,
                                       .dst = dst,
                                       .kernel = {kernel, kernel},
                                       .stride = {stride, stride},
                                       .pad = {pad, pad},
                                       .threads = 1},
                              .training = true};
}

static void each_direction_has_its_way(void **state)
{
    (void)state;
    struct conv_task t = task_of(SHAPE(2, 9, 9, 16), SHAPE(2, 9, 9, 32), 3, 1, 1);
    expect("any layer", &t, (const char *const[])ALL_BY("direct"));
    t = task_of(SHAPE(64, 16, 16, 128), SHAPE(64, 8, 8, 128), 4, 2, 1);
    expect("a kernel of 4x4 with a stride", &t, (const char *const[])ALL_BY("tiles"));
    t = task_of(SHAPE(32, 8, 8, 128), SHAPE(32, 4, 4, 128), 3, 2, 1);
    expect("one of 3x3, few tiles", &t, (const char *const[]){"direct", "direct", "tiles"});
    t = task_of(SHAPE(8, 4, 4, 24), SHAPE(8, 1, 1, 10), 4, 1, 0);
    expect("a kernel over the whole", &t, (const char *const[])ALL_BY("whole, f32"));
    t = task_of(SHAPE(8, 28, 28, 1), SHAPE(8, 14, 14, 16), 3, 2, 1);
    expect("of a picture", &t, (const char *const[]){"direct", "thin", "direct"});
    t.adjoint = true;
    expect("to a picture", &t, (const char *const[]){"direct", "thin", "direct"});
    t.conv.act = ACT_RELU;
    expect("with an activation behind it", &t, (const char *const[])ALL_BY("direct"));
}

/* A score must not depend on what else is in the batch. */
static void scores_are_of_one_sample(void **state)
{
    (void)state;
    struct conv_task t = task_of(SHAPE(64, 16, 16, 128), SHAPE(64, 8, 8, 128), 4, 2, 1);
    t.training = false;
    expect("one sample has few tiles", &t, (const char *const[])ALL_BY("direct"));
    t = task_of(SHAPE(1, 32, 32, 128), SHAPE(1, 16, 16, 128), 4, 2, 1);
    t.training = false;
    expect("it has enough", &t, (const char *const[])ALL_BY("tiles"));
}

static void formats_have_their_ways(void **state)
{
    (void)state;
    struct conv_task t = task_of(SHAPE(8, 4, 4, 24), SHAPE(8, 1, 1, 10), 4, 1, 0);
    t.conv.src_type = t.conv.dst_type = t.data_type = BF16;
    expect("a kernel over the whole", &t, (const char *const[])ALL_BY("whole, bf16"));
    t.training = false;
    assert_string_equal(way_of(t, DNN_FORWARD), "direct"); /* whose packed weights scorers share */
    t = task_of(SHAPE(8, 28, 28, 1), SHAPE(8, 14, 14, 16), 3, 2, 1);
    t.conv.src_type = t.conv.dst_type = BF16;
    assert_string_equal(way_of(t, DNN_BACKWARD_DATA), "thin");
    t.data_type = BF16;
    assert_string_equal(way_of(t, DNN_BACKWARD_DATA), "direct");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_direction_has_its_way),
        cmocka_unit_test(scores_are_of_one_sample),
        cmocka_unit_test(formats_have_their_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
