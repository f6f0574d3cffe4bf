/* Backbones against PyTorch: from the same weights and picture the same features. backbones.safetensors is written by
 * make_backbones.py and lies beside this test. */
#include "file/pretrained.h"
#include "file/safetensors.h"
#include "models/backbone.h"
#include "nn/plan.h"
#include "support/files.h"
#include "support/nets.h"
#include "support/within.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOLERANCE = 1e-4;

static void must(int code, const struct err *e)
{
    if (code < 0)
        fail_msg("%s", e->msg);
}

static float *read_golden(struct safetensors *file, const char *name, struct shape *shape)
{
    struct err e = ERR_INIT;
    const struct safetensors_tensor *t = safetensors_find(file, name);
    assert_non_null(t);
    *shape = t->shape;
    float *data = malloc((size_t)shape_count(shape) * sizeof *data);
    must(safetensors_read(file, t, data, &e), &e);
    return data;
}

/* Largest difference as a share of the largest value. */
static double apart(const float *want, const float *got, size_t n)
{
    float error = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        error = fmaxf(error, isfinite(got[i]) ? fabsf(want[i] - got[i]) : INFINITY);
        scale = fmaxf(scale, fabsf(want[i]));
    }
    return (double)(error / scale);
}

static void compare_layers(struct safetensors *file, const char *net, const struct plan *plan, struct node *layers[],
                           int n)
{
    for (int k = 0; k < n; k++) {
        char name[48];
        struct shape shape;
        snprintf(name, sizeof name, "%s/%d", net, k);
        float *want = read_golden(file, name, &shape);
        assert_true(shape_equal(&shape, &layers[k]->shape));
        double error = apart(want, plan_data(plan, layers[k]), (size_t)shape_count(&shape));
        print_message("%s: %.1e apart\n", name, error);
        assert_true(error < TOLERANCE);
        free(want);
    }
}

static void check(const char *net)
{
    struct err e = ERR_INIT;
    struct safetensors *file;
    struct shape shape;
    struct node *layers[BACKBONE_LAYERS];
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, params);
    struct weights weights = net_weights(net);
    enum backbone_net which;
    struct plan *plan;
    must(safetensors_open("tests/golden/backbones.safetensors", &file, &e), &e);
    float *picture = read_golden(file, "input", &shape);
    must(backbone_recognise(&weights, &which, &e), &e);
    struct node *input = graph_input(g, "input", shape);
    const struct ints numbers = backbone_usual(which, false); /* as the golden ones were made */
    int n = backbone_build(g, which, input, &numbers, layers);
    must(graph_error(g, &e), &e);
    must(params_allocate(params, 1, false, &e), &e);
    must(backbone_take(&weights, params, &e), &e);
    int64_t channels = 0;
    for (int k = 0; k < n; k++)
        channels += shape_last(&layers[k]->shape);
    assert_int_equal(channels, backbone_channels(which, &numbers));
    const struct plan_spec spec = {.graph = g, .outputs = layers, .noutputs = n, .threads = 2};
    must(plan_new(&spec, &plan, &e), &e);
    memcpy(plan_data(plan, input), picture, (size_t)shape_count(&shape) * sizeof *picture);
    plan_forward(plan, 0);
    compare_layers(file, net, plan, layers, n);
    plan_free(plan);
    graph_free(g);
    params_free(params);
    free(weights.user);
    free(picture);
    safetensors_close(file);
}

static void squeezenet1_1(void **state)
{
    (void)state;
    check("squeezenet1_1");
}

static void resnet18(void **state)
{
    (void)state;
    check("resnet18");
}

static void wide_resnet50_2(void **state)
{
    (void)state;
    check("wide_resnet50_2");
}

static void own(void **state)
{
    (void)state;
    check("own");
}

/* What learns says as much at stride 8 as is asked of it, whatever the size. */
static void a_net_that_learns_has_its_shape(void **state)
{
    (void)state;
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, params);
    struct err e = ERR_INIT;
    struct node *said = backbone_learn(g, graph_input(g, "input", SHAPE(2, 64, 96, 3)));
    must(graph_error(g, &e), &e);
    assert_true(shape_equal(&said->shape, &SHAPE(2, 8, 12, OWN_WIDTH)));
    assert_non_null(params_find(params, "backbone.own.2.more.gain"));
    graph_free(g);
    params_free(params);
}

/* What the library brings is the net of that name, whole, and small. */
static void the_built_in_net_is_all_there(void **state)
{
    (void)state;
    const struct weights_place place = backbone_builtin();
    struct params *params = params_new();
    struct graph *g = graph_new(GRAPH_SCORE, F32, params);
    struct node *layers[BACKBONE_LAYERS];
    struct weights weights;
    enum backbone_net which;
    struct err e = ERR_INIT;
    assert_null(place.path);
    assert_within(place.n, 1, 2 << 20);
    must(pretrained_open(&place, &weights, &e), &e);
    must(backbone_recognise(&weights, &which, &e), &e);
    assert_int_equal(which, BACKBONE_OWN);
    backbone_build(g, which, graph_input(g, "input", SHAPE(1, 32, 32, 3)), NULL, layers);
    must(graph_error(g, &e), &e);
    must(params_allocate(params, 1, false, &e), &e);
    must(backbone_take(&weights, params, &e), &e);
    for (const struct param *p = params->first; p; p = p->next)
        for (size_t i = 0; i < p->count; i++)
            assert_true(isfinite(p->value[i]));
    pretrained_close(&weights);
    graph_free(g);
    params_free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squeezenet1_1),
        cmocka_unit_test(resnet18),
        cmocka_unit_test(wide_resnet50_2),
        cmocka_unit_test(own),
        cmocka_unit_test(a_net_that_learns_has_its_shape),
        cmocka_unit_test(the_built_in_net_is_all_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
