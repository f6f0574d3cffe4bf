/* Parity with PyTorch: from the same weights the same reconstruction, losses, gradients, weights after a step of Adam,
 * running statistics and scores. The files are written by make_golden.py and lie beside this test. */
#include "models/model.h"
#include "nn/adam.h"
#include "file/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double TOLERANCE = 1e-4;
static const struct adam ADAM = {.lr = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-6f};

struct golden {
    const char *name;
    struct safetensors *file;
    const struct model *model;
    void *config;
    struct params *params;
    struct graph *train, *score;
    struct heads trained, scored;
    struct plan *plan, *score_plan;
    double worst;
};

static void must(int code, const struct err *e)
{
    if (code < 0)
        fail_msg("%s", e->msg);
}

static float *read_tensor(struct golden *g, const char *name, const struct shape **shape)
{
    struct err e = ERR_INIT;
    const struct safetensors_tensor *t = safetensors_find(g->file, name);
    if (!t)
        fail_msg("%s has no tensor %s", g->name, name);
    float *data = malloc((size_t)shape_count(&t->shape) * sizeof *data);
    assert_non_null(data);
    must(safetensors_read(g->file, t, data, &e), &e);
    if (shape)
        *shape = &t->shape;
    return data;
}

static void compare(struct golden *g, const char *prefix, const char *name, const float *got)
{
    char full[160];
    const struct shape *shape;
    double error = 0, scale = 0;
    snprintf(full, sizeof full, "%s%s", prefix, name);
    float *want = read_tensor(g, full, &shape);
    for (int64_t i = 0; i < shape_count(shape); i++) {
        error = fmax(error, isfinite(got[i]) ? fabs((double)got[i] - (double)want[i]) : INFINITY);
        scale = fmax(scale, fabs((double)want[i]));
    }
    free(want);
    g->worst = fmax(g->worst, error / scale);
    if (!(error < TOLERANCE * scale))
        fail_msg("%s: %s is off by %g of its largest value", g->name, full, error / scale);
}

static void open_golden(struct golden *g, const char *name)
{
    char path[400];
    struct err e = ERR_INIT;
    *g = (struct golden){.name = name, .params = params_new()};
    snprintf(path, sizeof path, "tests/golden/%s", name); /* tests run in the root of the sources */
    must(safetensors_open(path, &g->file, &e), &e);
    g->model = model_find(safetensors_metadata(g->file, "model"), &e);
    if (!g->model)
        fail_msg("%s", e.msg);
    g->config = calloc(1, g->model->config_bytes);
    options_default(g->model->options, g->config);
    must(options_parse(g->model->options, g->config, name, safetensors_metadata(g->file, "options"), ' ', &e), &e);
}

static struct graph *build(struct golden *g, enum graph_mode mode, struct heads *heads)
{
    struct err e = ERR_INIT;
    struct graph *graph = graph_new(mode, F32, g->params);
    g->model->build(graph, g->config, safetensors_find(g->file, "input")->shape, heads);
    must(graph_error(graph, &e), &e);
    return graph;
}

static void load_params(struct golden *g)
{
    struct err e = ERR_INIT;
    must(params_allocate(g->params, 1, true, &e), &e);
    for (struct param *p = g->params->first; p; p = p->next) {
        char name[160];
        const struct shape *shape;
        snprintf(name, sizeof name, "value/%s", p->name);
        float *value = read_tensor(g, name, &shape);
        assert_true(shape_equal(shape, &p->shape));
        memcpy(p->value, value, p->count * sizeof *value);
        free(value);
    }
    params_changed(g->params);
}

static void make_plans(struct golden *g)
{
    struct err e = ERR_INIT;
    struct node *outputs[1 + WATCHES] = {g->trained.output}, *results[] = {g->scored.output, g->scored.scores[0].value};
    int n = 1;
    for (int i = 0; i < g->trained.nwatches; i++)
        outputs[n++] = g->trained.watches[i].value;
    struct plan_spec train = {.graph = g->train,
                              .outputs = outputs,
                              .noutputs = n,
                              .objectives = g->trained.objectives,
                              .nobjectives = g->trained.nobjectives,
                              .threads = 2};
    struct plan_spec score = {.graph = g->score, .outputs = results, .noutputs = 2, .threads = 2};
    must(plan_new(&train, &g->plan, &e), &e);
    must(plan_new(&score, &g->score_plan, &e), &e);
}

static void set_input(struct golden *g, struct plan *plan, const struct node *node)
{
    float *input = read_tensor(g, "input", NULL);
    memcpy(plan_data(plan, node), input, (size_t)shape_count(&node->shape) * sizeof *input);
    free(input);
}

static void check_step(struct golden *g)
{
    set_input(g, g->plan, g->trained.input);
    plan_forward(g->plan, 0);
    compare(g, "", "output", plan_data(g->plan, g->trained.output));
    compare(g, "", "loss", plan_data(g->plan, g->trained.objectives[0].loss));
    for (int i = 0; i < g->trained.nwatches; i++)
        compare(g, "", g->trained.watches[i].name, plan_data(g->plan, g->trained.watches[i].value));
    plan_backward(g->plan, 0);
    for (struct param *p = g->params->first; p; p = p->next)
        if (p->grad)
            compare(g, "grad/", p->name, p->grad);
    params_adam(g->params, GROUP_MAIN, &ADAM, 2);
    plan_commit(g->plan);
    for (struct param *p = g->params->first; p; p = p->next)
        compare(g, "after/", p->name, p->value);
}

static void check_scores(struct golden *g)
{
    set_input(g, g->score_plan, g->scored.input);
    plan_forward(g->score_plan, 0);
    compare(g, "", "rebuilt", plan_data(g->score_plan, g->scored.output));
    compare(g, "", "score", plan_data(g->score_plan, g->scored.scores[0].value));
}

static void check(const char *name)
{
    struct golden g;
    open_golden(&g, name);
    g.train = build(&g, GRAPH_TRAIN, &g.trained);
    g.score = build(&g, GRAPH_SCORE, &g.scored);
    load_params(&g);
    make_plans(&g);
    check_step(&g);
    check_scores(&g);
    print_message("%s: largest relative error %.1e\n", name, g.worst);
    plan_free(g.plan);
    plan_free(g.score_plan);
    graph_free(g.train);
    graph_free(g.score);
    params_free(g.params);
    safetensors_close(g.file);
    free(g.config);
}

static void memae_whole_query_cosine(void **state)
{
    (void)state;
    check("whole.safetensors");
}

static void memae_position_query_dot(void **state)
{
    (void)state;
    check("position.safetensors");
}

static void memae_clips(void **state)
{
    (void)state;
    check("clip.safetensors");
}

static void autoencoder(void **state)
{
    (void)state;
    check("plain.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memae_whole_query_cosine),
        cmocka_unit_test(memae_position_query_dot),
        cmocka_unit_test(memae_clips),
        cmocka_unit_test(autoencoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
