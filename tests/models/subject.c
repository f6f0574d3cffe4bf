#include "subject.h"

#include "base/rng.h"
#include "run/update.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 6 };

/* Small enough for differences and naive loops. */
static const char small[] = "widths=6,8 items=10 scale=10 shrink=1 blur=0 contrast=0 width=6 latent=5 rates=2,4,2 "
                            "search_steps=7 code_width=6 joint_width=8 layers=6,4 generator=5,6";

static const char *const variants[] = {
    "",
    "query=whole activation=leaky adversarial=verdict adversarial_weight=0.1 extra=1 task=rebuild",
    "similarity=dot scale=2 output=tanh first_kernel=1 init=normal",
    "contrast=0.64",
    "head=positions components=6",
    "head=pictures components=6 pictures=3 nearest=2",
};

static const struct {
    unsigned takes;
    struct shape shape;
    bool some_sizes; /* for models that do not take any size */
} samples[] = {
    {TAKES_PICTURES, {3, {12, 12, 1}}, false},
    {TAKES_PICTURES, {3, {17, 13, 3}}, false},
    {TAKES_PICTURES, {3, {16, 16, 3}}, true},
    {TAKES_CLIPS, {4, {4, 10, 9, 1}}, false},
    {TAKES_ROWS, {1, {7}}, false},
};

/* Sets the pairs that the model has options for; returns how many. */
static int apply(const struct model *m, void *config, const char *pairs)
{
    int set = 0;
    char text[400], *rest = text, *pair;
    assert_true(strlen(pairs) < sizeof text);
    strcpy(text, pairs);
    while ((pair = strsep(&rest, " "))) {
        char *value = strchr(pair, '=');
        struct err e = ERR_INIT;
        if (!value)
            continue;
        *value++ = 0;
        if (!option_find(m->options, pair, NULL))
            continue;
        if (options_set(m->options, config, m->name, pair, value, &e) < 0)
            fail_msg("%s", e.msg);
        set++;
    }
    return set;
}

static void run_one(const struct model *m, const struct shape *sample, const char *variant, const char *settings,
                    void (*test)(const struct subject *))
{
    struct subject s = {.model = m, .config = calloc(1, m->config_bytes), .sample = *sample};
    struct err e = ERR_INIT;
    char shape[SHAPE_TEXT];
    options_default(m->options, s.config);
    apply(m, s.config, small);
    if (apply(m, s.config, variant) || !*variant) {
        apply(m, s.config, settings);
        s.input = shape_with_batch(sample, BATCH);
        snprintf(s.name, sizeof s.name, "%s on %s, %s", m->name, shape_text(sample, shape), variant);
        if (m->check(s.config, sample, &e) < 0)
            fail_msg("%s: %s", s.name, e.msg);
        test(&s);
    }
    free(s.config);
}

static bool fits(const struct model *m, size_t k)
{
    bool sized = !(samples[k].takes & TAKES_ROWS);
    return (m->takes & samples[k].takes) && (!sized || m->some_sizes == samples[k].some_sizes);
}

/* A check of one model. */
struct one_model {
    const struct loop_check *check;
    const struct model *model;
};

static void run_check(void **state)
{
    const struct one_model *one = *state;
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++)
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++)
            if (fits(one->model, k))
                run_one(one->model, &samples[k].shape, variants[v], one->check->settings, one->check->test);
}

int subjects_run(const char *group, const struct loop_check *checks, size_t n, CMFixtureFunction begin,
                 CMFixtureFunction end)
{
    enum { MOST = 200 };
    static struct CMUnitTest tests[MOST];
    static struct one_model states[MOST];
    static char names[MOST][80];
    size_t ntests = 0;
    for (size_t c = 0; c < n; c++)
        for (int i = 0; models[i]; i++) {
            if (ntests == MOST) {
                print_error("%s: more than %d checks\n", group, MOST);
                return 1;
            }
            states[ntests] = (struct one_model){&checks[c], models[i]};
            snprintf(names[ntests], sizeof names[0], "%s:%s", checks[c].name, models[i]->name);
            tests[ntests] =
                (struct CMUnitTest){.name = names[ntests], .test_func = run_check, .initial_state = &states[ntests]};
            ntests++;
        }
    return _cmocka_run_group_tests(group, tests, ntests, begin, end);
}

size_t count_of(const struct node *n)
{
    return (size_t)shape_count(&n->shape);
}

double apart(const float *a, const float *b, size_t n)
{
    double error = 0, scale = 1e-20;
    for (size_t i = 0; i < n; i++) {
        error = fmax(error, isfinite(a[i]) ? fabs((double)a[i] - (double)b[i]) : INFINITY);
        scale = fmax(scale, fabs((double)a[i]));
    }
    return error / scale;
}

void instance_build(struct instance *i, const struct subject *s, struct params *ps, enum graph_mode mode,
                    enum dtype precision)
{
    struct err e = ERR_INIT;
    *i = (struct instance){.graph = graph_new(mode, precision, ps)};
    s->model->build(i->graph, s->config, s->input, &i->heads);
    if (graph_error(i->graph, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
}

void instance_plan(struct instance *i, int threads, bool keep_all)
{
    struct err e = ERR_INIT;
    const struct heads *h = &i->heads;
    struct node *outputs[4 + SCORE_PARTS + MEMORIES + WATCHES];
    int n = 0;
    struct node *const single[] = {h->output, h->map, h->refine.latent, h->refine.start};
    for (int k = 0; k < 4; k++)
        if (single[k])
            outputs[n++] = single[k];
    for (int k = 0; k < h->nscores; k++)
        outputs[n++] = h->scores[k].value;
    for (int k = 0; k < h->nmemories; k++)
        outputs[n++] = h->memories[k].attention;
    for (int k = 0; k < h->nwatches; k++)
        outputs[n++] = h->watches[k].value;
    struct plan_spec spec = {.graph = i->graph,
                             .outputs = outputs,
                             .noutputs = n,
                             .objectives = i->heads.objectives,
                             .nobjectives = i->heads.nobjectives,
                             .keep_all = keep_all,
                             .threads = threads,
                             .seed = 1};
    if (plan_new(&spec, &i->plan, &e) < 0)
        fail_msg("%s", e.msg);
}

void instance_free(struct instance *i)
{
    plan_free(i->plan);
    graph_free(i->graph);
}

void trainee_make(struct trainee *t, const struct subject *s, enum dtype precision, int threads, bool keep_all)
{
    struct err e = ERR_INIT;
    *t = (struct trainee){.subject = s, .params = params_new()};
    instance_build(&t->run, s, t->params, GRAPH_TRAIN, precision);
    assert_int_equal(params_allocate(t->params, 3, true, &e), 0);
    instance_plan(&t->run, threads, keep_all);
}

void trainee_free(struct trainee *t)
{
    instance_free(&t->run);
    params_free(t->params);
}

/* Waves of random length and direction: neighbours are alike, as in pictures. */
void subject_fill(float *input, const struct shape *shape, uint64_t seed)
{
    size_t n = (size_t)shape_count(shape), each = n / (size_t)shape->d[0];
    int64_t channels = shape->nd > 2 ? shape_last(shape) : 1, width = shape->d[shape->nd > 2 ? shape->nd - 2 : 1];
    for (int64_t s = 0; s < shape->d[0]; s++) {
        struct rng r = rng_new(seed, (uint64_t)s);
        float x = rng_uniform(&r), y = rng_uniform(&r), phase = 6 * rng_uniform(&r);
        for (size_t i = 0; i < each; i++) {
            int64_t at = (int64_t)i / channels;
            float wave = sinf(x * (float)(at % width) + y * (float)(at / width) + phase + (float)(i % 3));
            input[(size_t)s * each + i] = 0.8f * wave + 0.1f * rng_normal(&r);
        }
    }
}

/* The input, and of models that learn from made defects where they are said to be: a third of each picture. */
static void fill(struct trainee *t, uint64_t seed)
{
    const struct node *truth = t->run.heads.truth;
    subject_fill(plan_data(t->run.plan, t->run.heads.input), &t->subject->input, seed);
    for (int64_t i = 0; truth && i < shape_count(&truth->shape); i++)
        ((float *)plan_data(t->run.plan, truth))[i] = i % 12 < 4;
}

void trainee_forward(struct trainee *t, uint64_t seed)
{
    fill(t, seed);
    plan_forward(t->run.plan, seed);
}

double trainee_loss(const struct trainee *t, int objective)
{
    return (double)*(float *)plan_data(t->run.plan, t->run.heads.objectives[objective].loss);
}

void trainee_step(struct trainee *t, uint64_t seed, float lr)
{
    double loss[OBJECTIVES];
    struct update u = {.plan = t->run.plan,
                       .params = t->params,
                       .heads = &t->run.heads,
                       .adam = {.lr = lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f},
                       .seed = 3,
                       .threads = 1};
    fill(t, seed);
    assert_int_equal(update_step(&u, seed, loss), ALL_FINITE);
}

double trainee_mean(const struct trainee *t, const char *name)
{
    const struct heads *h = &t->run.heads;
    for (int i = 0; i < h->nwatches; i++)
        if (!strcmp(h->watches[i].name, name))
            return (double)*(float *)plan_data(t->run.plan, h->watches[i].value);
    for (int i = 0; i < h->nobjectives; i++)
        if (!strcmp(h->objectives[i].name, name))
            return trainee_loss(t, i);
    fail_msg("%s has no watch or loss '%s'", t->subject->name, name);
    return 0;
}

void subject_check_heads(const struct subject *s)
{
    struct params *ps = params_new();
    struct instance score;
    instance_build(&score, s, ps, GRAPH_SCORE, F32);
    const struct heads *h = &score.heads;
    assert_true(shape_equal(&h->input->shape, &s->input) && h->nobjectives == 0);
    assert_true(h->nscores > 0 && h->nscores <= SCORE_PARTS);
    for (int k = 0; k < h->nscores; k++) {
        const struct node *part = h->scores[k].value;
        assert_true(part->shape.nd == 1 && part->shape.d[0] == s->input.d[0] && part->dtype == F32);
        assert_true(*h->scores[k].name && h->scores[k].weight != 0);
    }
    assert_true(!h->output == !h->target);
    if (h->output)
        assert_true(shape_equal(&h->output->shape, &h->target->shape) && h->output->dtype == F32);
    struct shape map = s->sample.nd == 4 && h->target ? h->target->shape : s->input; /* of frames that are predicted */
    if (s->sample.nd > 1)                                                            /* of rows it is of the columns */
        map.d[map.nd - 1] = 1;
    assert_int_equal(h->map != NULL, s->model->has_map);
    assert_true(!h->map || shape_equal(&h->map->shape, &map));
    for (int k = 0; k < h->nmemories; k++) {
        const struct param *items = params_find(ps, h->memories[k].items);
        assert_non_null(items);
        assert_int_equal(items->shape.d[0], shape_last(&h->memories[k].attention->shape));
        assert_int_equal(shape_rows(&h->memories[k].attention->shape) % s->input.d[0], 0);
    }
    graph_free(score.graph);
    params_free(ps);
}
