/* Wrong shapes, formats and options are refused when the graph is built, in a sentence that names the op and node. */
#include "harness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct refusal {
    struct node *(*build)(struct graph *g);
    const char *says;
};

static struct node *in(struct graph *g, struct shape shape)
{
    return graph_input(g, "in", shape);
}

static struct node *narrow(struct graph *g, struct shape shape)
{
    return op_cast(g, graph_input(g, "in", shape), BF16);
}

#define REFUSED(name, expression)                                                                                      \
    static struct node *name(struct graph *g)                                                                          \
    {                                                                                                                  \
        return expression;                                                                                             \
    }

static const struct norm_spec norm = {.eps = 1e-5f, .momentum = 0.1f};
static const struct norm_spec norm_tanh = {.eps = 1e-5f, .momentum = 0.1f, .act = ACT_TANH};
static const struct norm_spec norm_eps = {.eps = 0, .momentum = 0.1f};
static const struct attend_spec attend = {SIM_COSINE, 10, 0, FALLBACK_BEST};
static const struct attend_spec attend_nan = {SIM_COSINE, NAN, 0, FALLBACK_BEST};
static const struct attend_spec attend_all = {SIM_COSINE, 1, 1, FALLBACK_BEST};

#define CHANNELS4 in(g, SHAPE(4))

REFUSED(add_shapes, op_add(g, in(g, SHAPE(2, 3)), in(g, SHAPE(3, 2))))
REFUSED(add_types, op_add(g, in(g, SHAPE(2, 3)), narrow(g, SHAPE(2, 3))))
REFUSED(add_missing, op_add(g, in(g, SHAPE(2, 3)), NULL))
REFUSED(add_first, op_add(g, NULL, in(g, SHAPE(2, 3))))
REFUSED(scale_nan, op_scale(g, in(g, SHAPE(2)), NAN, 0))
REFUSED(act_slope, op_act(g, in(g, SHAPE(2)), ACT_LRELU, -1))
REFUSED(reshape_count, op_reshape(g, in(g, SHAPE(2, 3)), SHAPE(7)))
REFUSED(reshape_negative, op_reshape(g, in(g, SHAPE(2, 3)), SHAPE(-2, -3)))
REFUSED(concat_rows, op_concat(g, in(g, SHAPE(2, 3)), in(g, SHAPE(3, 3))))
REFUSED(concat_dimensions, op_concat(g, in(g, SHAPE(2, 3)), in(g, SHAPE(2, 3, 1))))
REFUSED(norm_channels, op_batch_norm(g, in(g, SHAPE(2, 4)), CHANNELS4, CHANNELS4, in(g, SHAPE(5)), CHANNELS4, norm))
REFUSED(norm_missing, op_batch_norm(g, in(g, SHAPE(2, 4)), NULL, CHANNELS4, CHANNELS4, CHANNELS4, norm))
REFUSED(norm_act, op_batch_norm(g, in(g, SHAPE(2, 4)), CHANNELS4, CHANNELS4, CHANNELS4, CHANNELS4, norm_tanh))
REFUSED(norm_zero, op_batch_norm(g, in(g, SHAPE(2, 4)), CHANNELS4, CHANNELS4, CHANNELS4, CHANNELS4, norm_eps))
REFUSED(fold_channels, op_fold_weight(g, in(g, SHAPE(3, 4)), CHANNELS4))
REFUSED(fold_variance, op_fold_scale(g, CHANNELS4, in(g, SHAPE(3)), 1e-5f))
REFUSED(linear_columns, op_linear(g, in(g, SHAPE(2, 3)), in(g, SHAPE(5, 4)), NULL, ACT_NONE, 0))
REFUSED(linear_bias, op_linear(g, in(g, SHAPE(2, 3)), in(g, SHAPE(5, 3)), CHANNELS4, ACT_NONE, 0))
REFUSED(linear_picture, op_linear(g, in(g, SHAPE(2, 8, 8, 3)), in(g, SHAPE(5, 3)), NULL, ACT_NONE, 0))
REFUSED(matmul_inner, op_matmul(g, in(g, SHAPE(2, 3)), in(g, SHAPE(3, 4)), true))
REFUSED(matmul_types, op_matmul(g, in(g, SHAPE(2, 3)), narrow(g, SHAPE(3, 4)), false))
REFUSED(attend_channels, op_attend(g, in(g, SHAPE(2, 3)), in(g, SHAPE(5, 4)), attend))
REFUSED(attend_scale, op_attend(g, in(g, SHAPE(2, 4)), in(g, SHAPE(5, 4)), attend_nan))
REFUSED(attend_shrink, op_attend(g, in(g, SHAPE(2, 4)), in(g, SHAPE(5, 4)), attend_all))
REFUSED(mse_shapes, op_mse(g, in(g, SHAPE(2, 3)), in(g, SHAPE(6))))
REFUSED(bce_target, op_bce(g, in(g, SHAPE(2, 3)), 1.5f))
REFUSED(bce_targets, op_bce_each(g, in(g, SHAPE(2, 3)), in(g, SHAPE(3, 2))))
REFUSED(bce_narrow, op_bce_each(g, in(g, SHAPE(2, 3)), narrow(g, SHAPE(2, 3))))
REFUSED(enlarge_smaller, op_enlarge(g, in(g, SHAPE(2, 6, 8, 4)), 12, 7))
REFUSED(entropy_type, op_entropy(g, narrow(g, SHAPE(2, 3))))
REFUSED(divide_height, op_divide(g, in(g, SHAPE(2, 6, 8, 4)), (int[]){4, 2, 1}))
REFUSED(divide_rows, op_divide(g, in(g, SHAPE(2, 6)), (int[]){1, 1, 1}))
REFUSED(assemble_count, op_assemble(g, in(g, SHAPE(8, 7)), (int[]){2, 2, 1}, SHAPE(2, 4, 4, 1)))
REFUSED(weighted_shapes, op_weighted(g, in(g, SHAPE(1)), 1, in(g, SHAPE(2)), 1))
REFUSED(share_none, op_top_share(g, in(g, SHAPE(2, 9)), NULL, 0))
REFUSED(share_counts, op_top_share(g, in(g, SHAPE(2, 9)), in(g, SHAPE(2, 8)), 0.5f))
REFUSED(pool_clips, op_max_pool(g, in(g, SHAPE(2, 4, 8, 8, 1)), (struct pool_spec){2, 2, false, 0}))
REFUSED(pool_window, op_max_pool(g, in(g, SHAPE(2, 8, 8, 1)), (struct pool_spec){16, 2, false, 0}))
REFUSED(pool_size, op_max_pool(g, in(g, SHAPE(2, 8, 2, 1)), (struct pool_spec){3, 2, false, 0}))
REFUSED(frames_picture, op_frames(g, in(g, SHAPE(2, 8, 8, 1)), 0, 1))
REFUSED(frames_behind, op_frames(g, in(g, SHAPE(2, 4, 8, 8, 1)), 2, 3))
REFUSED(nearest_channels, op_nearest(g, in(g, SHAPE(6, 3)), in(g, SHAPE(4, 2)), 1, 0))
REFUSED(nearest_groups, op_nearest(g, in(g, SHAPE(6, 3)), in(g, SHAPE(4, 3)), 4, 0))
REFUSED(nearest_rank, op_nearest(g, in(g, SHAPE(6, 3)), in(g, SHAPE(2, 3)), 2, 1))
REFUSED(consolidate_map, op_consolidate(g, in(g, SHAPE(2, 3, 3, 3)), in(g, SHAPE(4, 3))))
REFUSED(triplet_shapes, op_triplet(g, in(g, SHAPE(6, 3)), in(g, SHAPE(6, 3)), in(g, SHAPE(4, 3)), 1))
REFUSED(unit_type, op_unit(g, narrow(g, SHAPE(6, 3))))
REFUSED(distinction_one, op_distinction(g, in(g, SHAPE(3, 2)), 3))
REFUSED(softmax_row, op_softmax_positions(g, in(g, SHAPE(3, 2))))
REFUSED(product_inner, op_sample_product(g, in(g, SHAPE(2, 3, 4)), false, in(g, SHAPE(2, 3, 4)), false))
REFUSED(product_samples, op_sample_product(g, in(g, SHAPE(2, 3, 4)), true, in(g, SHAPE(1, 3, 4)), false))

static const struct refusal refusals[] = {
    {add_shapes, "same shape, but they have 2x3 and 3x2"},
    {add_types, "cast one of them"},
    {add_missing, "second input is missing"},
    {add_first, "first input is missing"},
    {scale_nan, "must be finite"},
    {act_slope, "from 0 to 1, but it is -1"},
    {reshape_count, "2x3 cannot be seen as 7"},
    {reshape_negative, "cannot be seen as one with an empty dimension"},
    {concat_rows, "differ in the last dimension only, but they have 2x3 and 3x3"},
    {concat_dimensions, "differ in the last dimension only"},
    {norm_channels, "running mean has shape 5, but there are 4 channels"},
    {norm_missing, "gamma is missing"},
    {norm_act, "none, relu or lrelu"},
    {norm_zero, "eps must be above 0"},
    {fold_channels, "scale has shape 4, but there are 3 channels"},
    {fold_variance, "running variance has shape 3, but there are 4 channels"},
    {linear_columns, "3 columns, but its weight (outputs x inputs) is made for 4"},
    {linear_bias, "bias has shape 4, but there are 5 channels"},
    {linear_picture, "rows and columns are wanted"},
    {matmul_inner, "inner sizes differ"},
    {matmul_types, "must be float32"},
    {attend_channels, "queries have 3 channels, but memory items 4"},
    {attend_scale, "must be finite"},
    {attend_shrink, "below 1"},
    {mse_shapes, "same shape"},
    {bce_target, "from 0 to 1, but it is 1.5"},
    {bce_targets, "2x3 logits and 3x2 targets"},
    {bce_narrow, "must be float32"},
    {enlarge_smaller, "12x7 are wanted, but its input is 2x6x8x4"},
    {entropy_type, "must be float32"},
    {divide_height, "2x6x8x4 cannot be divided by rates 4,2,1"},
    {divide_rows, "2x6 cannot be divided"},
    {assemble_count, "blocks have shape 8x7, but a map of those rates is made of 8x4"},
    {weighted_shapes, "two single numbers"},
    {share_none, "a share above 0 and at most 1, not 0"},
    {share_counts, "must have the same shape"},
    {pool_clips, "N,H,W,C are wanted, but its input has shape 2x4x8x8x1"},
    {pool_window, "1 to 15 pixels"},
    {pool_size, "2x8x2x1 are smaller than its window of 3"},
    {frames_picture, "clips N,D,H,W,C are wanted"},
    {frames_behind, "clips of 4 frames have not 3 from frame 2 on"},
    {nearest_channels, "queries have 3 channels, but items 2"},
    {nearest_groups, "6 queries and 4 items do not divide into 4 groups"},
    {nearest_rank, "there are 1 items, so there is none of rank 1"},
    {consolidate_map, "rows and columns are wanted"},
    {triplet_shapes, "its negative has another shape"},
    {unit_type, "must be float32"},
    {distinction_one, "3 items do not make 3 groups of at least two"},
    {softmax_row, "positions and channels are wanted, but its input has shape 3x2"},
    {product_inner, "inner sizes differ: 2x3x4 and 2x3x4"},
    {product_samples, "as many matrices on either side"},
};

static void wrong_operands_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct err e = ERR_INIT;
        struct params *params = params_new();
        struct graph *g = graph_new(GRAPH_TRAIN, F32, params);
        g->scope = "enc.0";
        assert_null(refusals[i].build(g));
        assert_true(graph_error(g, &e) < 0);
        if (!strstr(e.msg, refusals[i].says) || !strstr(e.msg, "'enc.0'"))
            fail_msg("row %zu says \"%s\", not \"%s\" of 'enc.0'", i, e.msg, refusals[i].says);
        graph_free(g);
        params_free(params);
    }
}

static void after_an_error_builders_are_quiet(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, params);
    struct node *bad = add_shapes(g);
    assert_null(op_act(g, bad, ACT_RELU, 0));
    assert_null(op_act(g, bad, ACT_NONE, 0));
    assert_null(op_cast(g, bad, F32));
    assert_null(op_concat(g, bad, bad));
    assert_null(op_mse(g, bad, bad));
    assert_null(op_attend(g, bad, bad, attend));
    graph_error(g, &e);
    assert_non_null(strstr(e.msg, "2x3 and 3x2"));
    graph_free(g);
    params_free(params);
}

static void nothing_to_do_is_no_node(void **state)
{
    (void)state;
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, params);
    struct node *x = in(g, SHAPE(2, 3));
    assert_ptr_equal(op_act(g, x, ACT_NONE, 0), x);
    assert_ptr_equal(op_cast(g, x, F32), x);
    struct node *view = op_reshape(g, x, SHAPE(3, 2));
    assert_true(view->op->flags & OP_VIEW && view->shape.d[0] == 3 && view->dtype == F32);
    graph_free(g);
    params_free(params);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_operands_are_refused),
        cmocka_unit_test(after_an_error_builders_are_quiet),
        cmocka_unit_test(nothing_to_do_is_no_node),
    };
    return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
