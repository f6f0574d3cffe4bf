/* The loop that every model passes: a new row in models[] is tested by being there. */
#include "base/rng.h"
#include "nn/dnn.h"
#include "run/forward.h"
#include "run/score.h"
#include "subject.h"
#include "support/files.h"
#include "support/gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t count(const struct node *n)
{
    return (size_t)shape_count(&n->shape);
}

/* Largest difference of two vectors, as a share of the largest value of the first. */
static double apart(const float *a, const float *b, size_t n)
{
    double error = 0, scale = 1e-20;
    for (size_t i = 0; i < n; i++) {
        error = fmax(error, isfinite(a[i]) ? fabs((double)a[i] - (double)b[i]) : INFINITY);
        scale = fmax(scale, fabs((double)a[i]));
    }
    return error / scale;
}

/* ---- gradients ---- */

static double loss_at(struct trainee *t, int objective, const float *from, const float *direction, float step)
{
    enum param_group group = t->run.heads.objectives[objective].group;
    for (size_t i = 0; i < t->params->size[group]; i++)
        t->params->value[group][i] = from[i] + step * direction[i];
    params_changed(t->params);
    trainee_forward(t, 1);
    return trainee_loss(t, objective);
}

static double difference(struct trainee *t, int objective, const float *from, const float *direction, float h)
{
    double above = loss_at(t, objective, from, direction, h);
    return (above - loss_at(t, objective, from, direction, -h)) / (2 * (double)h);
}

static double length_of(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

static bool agree(double slope, double differences)
{
    return fabs(slope - differences) < 0.03 * fabs(differences) + 6e-4;
}

/* Along the gradient of one parameter tensor (the loss moves most there, so rounding matters least), mixed with noise.
 * At which step neither rounding nor curvature rules depends on the tensor: a right gradient is that of one of them. */
static void check_tensor(struct trainee *t, int objective, const struct param *p, const float *from, uint64_t seed)
{
    size_t size = t->params->size[p->group];
    float *direction = calloc(size, sizeof *direction);
    double slope = 0;
    struct rng r = rng_new(seed, rng_stream(p->name));
    trainee_forward(t, 1);
    plan_backward(t->run.plan, objective);
    double norm = length_of(p->grad, p->count);
    for (size_t i = 0; i < p->count; i++) {
        direction[p->offset + i] = (float)((double)p->grad[i] / (norm + 1e-12)) + 0.3f * (rng_uniform(&r) - 0.5f);
        slope += (double)p->grad[i] * (double)direction[p->offset + i];
    }
    double want = 0;
    static const float steps[] = {1, 4, 0.25f};
    for (int i = 0; i < 3 && (i == 0 || !agree(slope, want)); i++) {
        /* One percent of the tensor's length; half of it takes the curvature out. */
        float h = steps[i] * (float)fmax(3e-3, 0.01 * length_of(from + p->offset, p->count));
        double whole = difference(t, objective, from, direction, h);
        want = (4 * difference(t, objective, from, direction, h / 2) - whole) / 3;
    }
    if (!agree(slope, want))
        fail_msg("%s: objective %s, %s: the gradient says %g, differences say %g", t->subject->name,
                 t->run.heads.objectives[objective].name, p->name, slope, want);
    loss_at(t, objective, from, direction, 0);
    free(direction);
}

static void check_gradients(const struct subject *s)
{
    struct trainee t;
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 5; i++) /* away from the first weights, where a norm's shift is exactly 0 */
        trainee_step(&t, (uint64_t)i, 3e-3f);
    for (int k = 0; k < t.run.heads.nobjectives; k++) {
        enum param_group group = t.run.heads.objectives[k].group;
        size_t bytes = t.params->size[group] * sizeof(float);
        float *from = malloc(bytes);
        memcpy(from, t.params->value[group], bytes);
        for (const struct param *p = t.params->first; p; p = p->next)
            if (p->group == group)
                check_tensor(&t, k, p, from, 9);
        free(from);
    }
    trainee_free(&t);
}

/* Differences cannot follow steps (the shrinkage, which the golden files have) and see kinks as noise: slight ones in
 * the activations, and of absolute errors a small share. */
static void gradients_equal_differences(void **state)
{
    (void)state;
    subjects_each("shrink=0 activation=leaky slope=0.9 context_weight=1", check_gradients);
}

/* ---- learning ---- */

static void check_overfit(const struct subject *s)
{
    const char *watch = s->model->score_watch;
    struct subject eight = *s;
    struct trainee t;
    if (!watch)
        return;
    eight.input.d[0] = 8;
    trainee_make(&t, &eight, F32, 1, false);
    trainee_forward(&t, 1);
    double first = trainee_mean(&t, watch);
    for (int i = 0; i < 400; i++)
        trainee_step(&t, 1, 1e-2f);
    trainee_forward(&t, 1);
    double last = trainee_mean(&t, watch);
    print_message("%s: %s %.4f to %.4f\n", s->name, watch, first, last);
    assert_true(last < 0.25 * first);
    trainee_free(&t);
}

static void eight_samples_are_learnt(void **state)
{
    (void)state;
    subjects_each("", check_overfit);
}

/* ---- training graph = scoring graph ---- */

/* Makes the running statistics those of the batch: by many commits of the same one, and the variance not unbiased. */
static void settle_statistics(struct trainee *t)
{
    for (int i = 0; i < 300; i++) {
        trainee_forward(t, 1);
        plan_commit(t->run.plan);
    }
    for (const struct node *n = t->run.graph->first; n; n = n->next)
        for (int i = 0; n->op && i < n->inputs; i++) {
            struct param *p = n->in[i] ? n->in[i]->param : NULL;
            const char *last = p ? strrchr(p->name, '.') : NULL;
            double rows = (double)shape_rows(&n->shape);
            for (size_t k = 0; last && !strcmp(last, ".var") && k < p->count; k++)
                p->value[k] = (float)((double)p->value[k] * (rows - 1) / rows);
        }
    params_changed(t->params);
}

static void check_modes(const struct subject *s)
{
    struct trainee t;
    struct instance score;
    if (!s->model->score_watch)
        return;
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 20; i++)
        trainee_step(&t, (uint64_t)i, 1e-2f);
    settle_statistics(&t);
    trainee_forward(&t, 1);
    instance_build(&score, s, t.params, GRAPH_SCORE, F32);
    instance_plan(&score, 1, false);
    subject_fill(plan_data(score.plan, score.heads.input), &s->input, 1);
    plan_forward(score.plan, 0);
    const struct node *part = score.heads.scores[0].value;
    const float *scores = plan_data(score.plan, part);
    double mean = 0, want = trainee_mean(&t, s->model->score_watch);
    for (size_t i = 0; i < count(part); i++)
        mean += (double)scores[i] / (double)count(part);
    if (!(fabs(mean - want) < 1e-4 * want))
        fail_msg("%s: scoring gives %g, training %g", s->name, mean, want);
    if (!strstr(s->name, "contrast")) { /* which only scoring undoes */
        double error = apart(plan_data(t.run.plan, t.run.heads.output), plan_data(score.plan, score.heads.output),
                             count(score.heads.output));
        assert_true(error < 1e-4);
    }
    instance_free(&score);
    trainee_free(&t);
}

static void both_graphs_are_the_same_net(void **state)
{
    (void)state;
    subjects_each("", check_modes);
}

/* ---- planned = keep-all, threads ---- */

static void same_training(struct trainee *a, struct trainee *b, double tolerance, const char *what)
{
    for (uint64_t step = 0; step < 3; step++) {
        trainee_step(a, step, 1e-3f);
        trainee_step(b, step, 1e-3f);
        for (enum param_group g = 0; g < GROUP_COUNT; g++) {
            float *x = gradients_of(a->params, g), *y = gradients_of(b->params, g);
            size_t n = a->params->size[g];
            double error = apart(x, y, n);
            free(x);
            free(y);
            if (tolerance > 0 ? !(error <= tolerance) : n && memcmp(a->params->value[g], b->params->value[g], 4 * n))
                fail_msg("%s: %s, step %d: gradients are apart by %g", a->subject->name, what, (int)step, error);
        }
        if (tolerance > 0) /* what Adam makes of differences in rounding is no longer rounding */
            for (int g = 0; g < GROUP_COUNT; g++)
                memcpy(b->params->value[g], a->params->value[g], a->params->size[g] * sizeof(float));
        params_changed(b->params);
    }
}

static void check_keep_all(const struct subject *s)
{
    struct trainee planned, kept;
    trainee_make(&planned, s, F32, 2, false);
    trainee_make(&kept, s, F32, 2, true);
    same_training(&planned, &kept, 0, "planned and keep-all");
    trainee_free(&planned);
    trainee_free(&kept);
}

static void planned_equals_keep_all(void **state)
{
    (void)state;
    subjects_each("", check_keep_all);
}

/* NULL on both sides is the same, too. */
static void same_values(const struct instance *a, const struct node *x, const struct instance *b, const struct node *y)
{
    assert_int_equal(x != NULL, y != NULL);
    if (x)
        assert_memory_equal(plan_data(a->plan, x), plan_data(b->plan, y), 4 * count(x));
}

static void check_scoring_keep_all(const struct subject *s)
{
    struct params *ps = params_new();
    struct instance run[2];
    struct err e = ERR_INIT;
    for (int k = 0; k < 2; k++)
        instance_build(&run[k], s, ps, GRAPH_SCORE, F32);
    assert_int_equal(params_allocate(ps, 3, false, &e), 0);
    for (int k = 0; k < 2; k++) {
        instance_plan(&run[k], 1, k);
        for (uint64_t round = 0; round < 2; round++) {
            subject_fill(plan_data(run[k].plan, run[k].heads.input), &s->input, round);
            plan_forward(run[k].plan, 0);
        }
    }
    const struct heads *a = &run[0].heads, *b = &run[1].heads;
    for (int k = 0; k < a->nscores; k++)
        same_values(&run[0], a->scores[k].value, &run[1], b->scores[k].value);
    same_values(&run[0], a->map, &run[1], b->map);
    same_values(&run[0], a->output, &run[1], b->output);
    instance_free(&run[0]);
    instance_free(&run[1]);
    params_free(ps);
}

static void planned_scoring_equals_keep_all(void **state)
{
    (void)state;
    subjects_each("", check_scoring_keep_all);
}

static void check_threads(const struct subject *s)
{
    struct trainee one, two, again;
    trainee_make(&one, s, F32, 1, false);
    trainee_make(&two, s, F32, 2, false);
    same_training(&one, &two, 2e-4, "1 and 2 threads");
    trainee_free(&one);
    trainee_free(&two);
    trainee_make(&two, s, F32, 2, false);
    trainee_make(&again, s, F32, 2, false);
    same_training(&two, &again, 0, "2 threads twice");
    trainee_free(&two);
    trainee_free(&again);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    subjects_each("", check_threads);
}

/* ---- bf16 ---- */

static void check_bf16(const struct subject *s)
{
    struct trainee full, half;
    trainee_make(&full, s, F32, 2, false);
    trainee_make(&half, s, BF16, 2, false);
    trainee_forward(&full, 1);
    trainee_forward(&half, 1);
    for (int k = 0; k < full.run.heads.nobjectives; k++) {
        double a = trainee_loss(&full, k), b = trainee_loss(&half, k), dot = 0, x = 0, y = 0;
        enum param_group g = full.run.heads.objectives[k].group;
        if (!(fabs(a - b) < 0.02 * a))
            fail_msg("%s: the loss is %g in f32, %g in bf16", s->name, a, b);
        plan_backward(full.run.plan, k);
        plan_backward(half.run.plan, k);
        float *in_full = gradients_of(full.params, g), *in_half = gradients_of(half.params, g);
        for (size_t i = 0; i < full.params->size[g]; i++) {
            double p = (double)in_full[i], q = (double)in_half[i];
            dot += p * q;
            x += p * p;
            y += q * q;
        }
        free(in_full);
        free(in_half);
        if (!(dot > 0.98 * sqrt(x * y)))
            fail_msg("%s: gradients in f32 and bf16 point apart, cosine %g", s->name, dot / sqrt(x * y));
    }
    trainee_free(&full);
    trainee_free(&half);
}

static void bf16_is_near(void **state)
{
    (void)state;
    if (!dnn_has_bf16()) {
        print_message("this processor does not compute in bf16: nothing to test\n");
        skip();
    }
    subjects_each("", check_bf16);
}

/* ---- save, load, score ---- */

static void describe(struct model_file *c, const struct subject *s)
{
    static float scores[] = {0.1f, 0.2f}, peaks[] = {0.3f, 0.4f};
    *c = (struct model_file){.model = s->model, .config = s->config, .kept_epoch = 1, .calibrated = 2, .trained = 10};
    options_default(train_options, &c->train);
    static float mean[16], deviation[16];
    for (int i = 0; i < 16; i++)
        mean[i] = deviation[i] = 0.5f;
    struct err e = ERR_INIT;
    bool rows = s->sample.nd == 1;
    c->input = (struct preprocess){.kind = kind_find(rows ? "rows" : "pictures", &e),
                                   .sample = s->sample,
                                   .n = rows ? (int)s->sample.d[0] : 1,
                                   .mean = mean,
                                   .std = deviation};
    c->calibration = (struct calibration){2, scores, peaks, 0, 1};
    c->date = c->data = c->data_summary = "";
}

static void forward_of(const struct subject *s, struct params *ps, int64_t batch, struct forward *f)
{
    struct err e = ERR_INIT;
    struct forward_spec spec = {.model = s->model,
                                .config = s->config,
                                .params = ps,
                                .sample = s->sample,
                                .batch = (int)batch,
                                .threads = 1,
                                .precision = F32};
    if (forward_build(f, &spec, &e) < 0 || forward_plan(f, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
}

static void score_with(const struct subject *s, struct params *ps, float *out)
{
    struct forward f;
    forward_of(s, ps, s->input.d[0], &f);
    subject_fill(f.input, &s->input, 1);
    forward_run(&f, f.batch);
    for (int i = 0; i < f.batch; i++)
        out[i] = forward_score(&f, i);
    forward_free(&f);
}

static void check_file(const struct subject *s)
{
    if (s->sample.nd == 4) /* clips have no kind yet */
        return;
    struct trainee t;
    struct loaded *loaded = NULL;
    struct model_file c;
    struct err e = ERR_INIT;
    const char *path = in_folder("model");
    float before[16], after[16];
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 3; i++)
        trainee_step(&t, (uint64_t)i, 1e-2f);
    describe(&c, s);
    if (model_file_write(path, true, &c, t.params, &e) < 0 || loaded_open(path, &loaded, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
    score_with(s, t.params, before);
    score_with(s, loaded_params(loaded), after);
    assert_memory_equal(before, after, (size_t)s->input.d[0] * sizeof *after);
    loaded_close(loaded);
    trainee_free(&t);
}

static void saved_and_loaded_scores_are_the_same(void **state)
{
    (void)state;
    subjects_each("", check_file);
}

/* ---- a verdict is a sample's own ---- */

/* The same samples from the last to the first, `batch` at a time; out[] is in the order of score_with. */
static void score_backwards(const struct subject *s, struct params *ps, int batch, float *out)
{
    struct forward f;
    size_t each = (size_t)shape_count(&s->sample);
    int samples = (int)s->input.d[0];
    float *all = malloc(each * (size_t)samples * sizeof *all);
    subject_fill(all, &s->input, 1);
    forward_of(s, ps, batch, &f);
    for (int first = 0; first < samples; first += batch) {
        int n = samples - first < batch ? samples - first : batch;
        for (int i = 0; i < n; i++)
            memcpy(f.input + (size_t)i * each, all + (size_t)(samples - 1 - first - i) * each, each * sizeof *all);
        forward_run(&f, n);
        for (int i = 0; i < n; i++)
            out[samples - 1 - first - i] = forward_score(&f, i);
    }
    forward_free(&f);
    free(all);
}

static void check_batches(const struct subject *s)
{
    static const int batches[] = {1, 4, 6, 64};
    struct trainee t;
    float want[16], got[16];
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 5; i++) /* so that running statistics are not those of any batch */
        trainee_step(&t, (uint64_t)i, 1e-2f);
    score_with(s, t.params, want);
    for (size_t k = 0; k < sizeof batches / sizeof *batches; k++) {
        score_backwards(s, t.params, batches[k], got);
        double error = apart(want, got, (size_t)s->input.d[0]);
        if (!(error < 1e-4))
            fail_msg("%s: with other samples in batches of %d scores are apart by %g", s->name, batches[k], error);
    }
    trainee_free(&t);
}

static void a_verdict_does_not_depend_on_the_batch(void **state)
{
    (void)state;
    subjects_each("", check_batches);
}

/* ---- the rest of the contract ---- */

static void check_heads(const struct subject *s)
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
    struct shape map = s->input;
    if (s->sample.nd > 1) /* of rows it is of the columns */
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

static void score_graphs_have_their_heads(void **state)
{
    (void)state;
    subjects_each("", check_heads);
}

static void check_memory(const struct subject *s, int k)
{
    struct params *ps = params_new();
    struct instance score, items = {.graph = graph_new(GRAPH_SCORE, F32, ps)};
    struct err e = ERR_INIT;
    instance_build(&score, s, ps, GRAPH_SCORE, F32);
    s->model->decode(items.graph, s->config, s->input, k, &items.heads);
    if (graph_error(items.graph, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
    assert_true(shape_equal(&items.heads.output->shape, &s->input));
    const struct param *memory = params_find(ps, score.heads.memories[k].items);
    assert_non_null(memory);
    size_t code = count(items.heads.code) / (size_t)s->input.d[0], item = (size_t)shape_last(&memory->shape);
    assert_true(item == code || item == (size_t)shape_last(&items.heads.code->shape));
    assert_int_equal(params_allocate(ps, 1, false, &e), 0); /* decoding declares nothing that scoring has not */
    instance_plan(&items, 1, false);
    subject_fill(plan_data(items.plan, items.heads.code), &items.heads.code->shape, 1);
    plan_forward(items.plan, 0);
    assert_null(plan_find_nonfinite(items.plan));
    instance_free(&items);
    graph_free(score.graph);
    params_free(ps);
}

static void check_decode(const struct subject *s)
{
    struct params *ps = params_new();
    struct instance score;
    instance_build(&score, s, ps, GRAPH_SCORE, F32);
    int n = s->model->decode ? score.heads.nmemories : 0;
    graph_free(score.graph);
    params_free(ps);
    for (int k = 0; k < n; k++)
        check_memory(s, k);
}

static void codes_are_decoded(void **state)
{
    (void)state;
    subjects_each("", check_decode);
}

static void presets_are_sound(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++)
        for (const struct preset *p = models[i]->presets; p->name; p++) {
            const struct model *m = models[i];
            struct err e = ERR_INIT;
            struct train_config train;
            void *config = calloc(1, m->config_bytes);
            options_default(m->options, config);
            options_default(train_options, &train);
            if (options_parse(m->options, config, m->name, p->model, ' ', &e) < 0 ||
                options_parse(train_options, &train, "training", p->run, ' ', &e) < 0 ||
                train_config_check(&train, &e) < 0)
                fail_msg("%s, preset %s: %s", m->name, p->name, e.msg);
            struct wishes w;
            assert_int_equal(train_wishes(&train, &w, &e), 0);
            struct shape picture = SHAPE(w.height ? w.height : 64, w.width ? w.width : 64, w.channels ? w.channels : 3);
            struct shape row = SHAPE(20);
            if (m->check(config, m->takes & TAKES_PICTURES ? &picture : &row, &e) < 0)
                fail_msg("%s, preset %s: %s", m->name, p->name, e.msg);
            free(config);
        }
}

/* --scale means one thing: what training and a model both called so, nobody could set of the model. */
static void options_have_names_of_their_own(void **state)
{
    (void)state;
    struct option row;
    for (int i = 0; models[i]; i++)
        for (size_t k = 0; option_at(models[i]->options, k, &row); k++)
            if (option_find(train_options, row.name, NULL))
                fail_msg("%s and training both have an option '%s'", models[i]->name, row.name);
}

/* A general preset of its own for a kind of samples is one of the model's, and fits samples of that shape. */
static void preset_is_sound(const struct model *m, const char *name, struct shape sample)
{
    struct err e = ERR_INIT;
    const struct preset *p = preset_find(m, name, &e);
    assert_non_null(p);
    char text[SHAPE_TEXT];
    struct subject s = {.model = m, .config = calloc(1, m->config_bytes), .sample = sample};
    options_default(m->options, s.config);
    assert_int_equal(options_parse(m->options, s.config, m->name, p->model, ' ', &e), 0);
    s.input = shape_with_batch(&s.sample, 4);
    snprintf(s.name, sizeof s.name, "%s, preset %s, %s", m->name, name, shape_text(&sample, text));
    if (m->check(s.config, &s.sample, &e) < 0)
        fail_msg("%s: %s", s.name, e.msg);
    check_heads(&s);
    free(s.config);
}

static void general_presets_fit_their_samples(void **state)
{
    (void)state;
    static const int columns[] = {1, 2, 6, 21, 274, 5000};
    for (int i = 0; models[i]; i++) {
        const struct model *m = models[i];
        for (size_t k = 0; m->row_preset && k < sizeof columns / sizeof *columns; k++)
            preset_is_sound(m, m->row_preset, SHAPE(columns[k]));
        if (m->clip_preset)
            preset_is_sound(m, m->clip_preset, SHAPE(5, 32, 48, 1));
    }
}

static bool takes_any_picture(const struct model *m)
{
    return (m->takes & TAKES_PICTURES) && !m->some_sizes;
}

/* A model that has learnt what defects are judges by itself. */
static bool learns_from_truth(const struct model *m)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    void *config = calloc(1, m->config_bytes);
    struct heads h = {0};
    options_default(m->options, config);
    if (takes_any_picture(m))
        m->build(g, config, SHAPE(2, 32, 32, 1), &h);
    free(config);
    graph_free(g);
    params_free(ps);
    return h.truth != NULL;
}

/* What users meet first knows what is usual (a model that is fitted, or has learnt what defects are, does by itself);
 * what a paper set says what the paper said. */
static void general_presets_stand_on_the_map(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        const struct model *m = models[i];
        struct err e = ERR_INIT;
        struct train_config train;
        options_default(train_options, &train);
        assert_int_equal(options_parse(train_options, &train, "training", m->presets[0].run, ' ', &e), 0);
        if (m->has_map && !m->fitted && strncmp(m->name, "toy", 3) && !learns_from_truth(m) && train.score != BY_MAP)
            fail_msg("%s: its first preset, %s, has no score=map", m->name, m->presets[0].name);
    }
}

static void any_picture_size_from_16_on_is_taken(void **state)
{
    (void)state;
    static const int sizes[] = {16, 17, 31, 32, 100, 255, 512};
    for (int i = 0; models[i]; i++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes && takes_any_picture(models[i]); k++) {
            struct subject s = {.model = models[i], .config = calloc(1, models[i]->config_bytes)};
            struct err e = ERR_INIT;
            options_default(s.model->options, s.config);
            s.sample = SHAPE(sizes[k], sizes[(k + 3) % 7], 3);
            s.input = SHAPE(1, sizes[k], sizes[(k + 3) % 7], 3);
            snprintf(s.name, sizeof s.name, "%s, %d pixels", s.model->name, sizes[k]);
            if (s.model->check(s.config, &s.sample, &e) < 0)
                fail_msg("%s: %s", s.name, e.msg);
            check_heads(&s);
            free(s.config);
        }
}

/* A model that does not take any size refuses others with what they are and a size that would do. */
static void sizes_that_do_not_fit_are_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        void *config = calloc(1, models[i]->config_bytes);
        struct err e = ERR_INIT;
        options_default(models[i]->options, config);
        if (models[i]->some_sizes) {
            assert_int_equal(models[i]->check(config, &SHAPE(61, 61, 3), &e), ERR_USAGE);
            assert_non_null(strstr(e.msg, "61"));
            assert_non_null(strstr(e.msg, "64"));
        }
        free(config);
    }
}

/* Samples of a rank that a model does not take are refused, with what they are. */
static void what_does_not_fit_is_a_sentence(void **state)
{
    (void)state;
    static const struct {
        unsigned takes;
        struct shape shape;
        const char *text;
    } kinds[] = {{TAKES_PICTURES, {3, {64, 64, 3}}, "64x64x3"},
                 {TAKES_CLIPS, {4, {4, 64, 96, 1}}, "4x64x96x1"},
                 {TAKES_ROWS, {1, {120}}, "120"}};
    for (int i = 0; models[i]; i++)
        for (int k = 0; k < 3; k++) {
            void *config = calloc(1, models[i]->config_bytes);
            struct err e = ERR_INIT;
            options_default(models[i]->options, config);
            int code = models[i]->check(config, &kinds[k].shape, &e);
            assert_int_equal(code, models[i]->takes & kinds[k].takes ? 0 : ERR_USAGE);
            assert_true(!code || strstr(e.msg, kinds[k].text));
            free(config);
        }
}

static void options_that_do_not_fit_are_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; models[i]; i++) {
        void *config = calloc(1, models[i]->config_bytes);
        struct err e = ERR_INIT;
        options_default(models[i]->options, config);
        if (option_find(models[i]->options, "decoder", NULL)) {
            options_set(models[i]->options, config, "model", "decoder", "8,8,8,8,8,8", &e);
            assert_int_equal(models[i]->check(config, &SHAPE(64, 64, 3), &e), ERR_USAGE);
            assert_non_null(strstr(e.msg, "decoder"));
        }
        free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(eight_samples_are_learnt),
        cmocka_unit_test(both_graphs_are_the_same_net),
        cmocka_unit_test(planned_equals_keep_all),
        cmocka_unit_test(planned_scoring_equals_keep_all),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(saved_and_loaded_scores_are_the_same),
        cmocka_unit_test(a_verdict_does_not_depend_on_the_batch),
        cmocka_unit_test(score_graphs_have_their_heads),
        cmocka_unit_test(codes_are_decoded),
        cmocka_unit_test(presets_are_sound),
        cmocka_unit_test(general_presets_fit_their_samples),
        cmocka_unit_test(options_have_names_of_their_own),
        cmocka_unit_test(general_presets_stand_on_the_map),
        cmocka_unit_test(any_picture_size_from_16_on_is_taken),
        cmocka_unit_test(sizes_that_do_not_fit_are_a_sentence),
        cmocka_unit_test(what_does_not_fit_is_a_sentence),
        cmocka_unit_test(options_that_do_not_fit_are_a_sentence),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
