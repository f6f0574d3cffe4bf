/* Trains engram's own backbone: a small net learns to say of made pictures what SqueezeNet says of them.
 *
 *     distil TEACHER.safetensors PHOTOS TEXTURES SCENES STEPS OUTPUT.safetensors
 *
 * PHOTOS, TEXTURES and SCENES are data sets as engram takes them (CIFAR-10's training folder, and what pictures.sh
 * makes of Debian's packages). Targets: what the teacher's layers say at stride 8, of length 1 each, in whitened
 * principal components (64, 64 and 96 of them), those of large variance counting more: each is scaled by the fourth
 * root of its variance, and each layer by the mean of those. The loss is the mean squared error, the optimiser AdamW at
 * a cosine rate. A function of its inputs, on one thread bit by bit. */
#include "distil.h"

#include "base/clock.h"
#include "base/rng.h"
#include "file/half.h"
#include "file/pretrained.h"
#include "file/safetensors.h"
#include "models/backbone.h"
#include "models/whiten.h"
#include "nn/dnn.h"
#include "nn/parallel.h"
#include "run/update.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, TEACHER_LAYERS = 3, FIT_BATCHES = 24, AHEAD = 4, WARM_UP = 100 };

static const int kept[TEACHER_LAYERS] = {64, 64, 96};
static const uint64_t seed = 1;
static const double rate = 4e-3, decay = 0.02;

struct distillation {
    struct stock stocks[STOCKS];
    struct params *params;
    struct graph *graph;
    struct heads heads;
    struct node *features[TEACHER_LAYERS]; /* of the teacher, at stride 8 */
    struct plan *plan;
    int steps;
    /* the pictures of the next batches, made by a thread of their own */
    pthread_t maker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    float *pictures; /* AHEAD batches */
    int made, taken;
};

/* ---- pictures ---- */

/* ImageNet's means and deviations, as the teacher wants them. */
static void normalise(float *picture)
{
    static const float mean[COLOURS] = {0.485f, 0.456f, 0.406f}, deviation[COLOURS] = {0.229f, 0.224f, 0.225f};
    for (int i = 0; i < PICTURE; i++)
        picture[i] = (picture[i] - mean[i % COLOURS]) / deviation[i % COLOURS];
}

static void *make_batches(void *context)
{
    struct distillation *d = context;
    float *scratch = malloc(PICTURE * sizeof *scratch);
    for (int step = 0; scratch && step < FIT_BATCHES + d->steps; step++) {
        pthread_mutex_lock(&d->lock);
        while (d->made - d->taken >= AHEAD)
            pthread_cond_wait(&d->changed, &d->lock);
        pthread_mutex_unlock(&d->lock);
        for (int i = 0; i < BATCH; i++) {
            float *picture = d->pictures + ((size_t)(step % AHEAD) * BATCH + (size_t)i) * PICTURE;
            made_picture(d->stocks, seed, (uint64_t)step * BATCH + (uint64_t)i, picture, scratch);
            normalise(picture);
        }
        pthread_mutex_lock(&d->lock);
        d->made++;
        pthread_cond_signal(&d->changed);
        pthread_mutex_unlock(&d->lock);
    }
    free(scratch);
    return NULL;
}

static void next_batch(struct distillation *d, const struct plan *plan)
{
    pthread_mutex_lock(&d->lock);
    while (d->made == d->taken)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    memcpy(plan_data(plan, d->heads.input), d->pictures + (size_t)(d->taken % AHEAD) * BATCH * PICTURE,
           (size_t)BATCH * PICTURE * sizeof(float));
    pthread_mutex_lock(&d->lock);
    d->taken++;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

/* ---- the graph: teacher and pupil over one input ---- */

static struct node *parameter(struct graph *g, const char *layer, int k, struct shape shape)
{
    char name[40];
    snprintf(name, sizeof name, "%s.%d", layer, k);
    return graph_param(g, name, shape, GROUP_STATE, (struct init){.kind = INIT_CONSTANT});
}

/* What the teacher says: N*H*W rows of OWN_WIDTH. */
static struct node *teach(struct distillation *d, struct node *x, int64_t height, int64_t width)
{
    struct graph *g = d->graph;
    struct node *layers[BACKBONE_LAYERS], *all = NULL;
    int n = backbone_build(g, BACKBONE_SQUEEZENET1_1, x, NULL, layers);
    for (int k = 0; k < n && layers[k]; k++) {
        struct node *layer = op_unit(g, op_resize(g, op_cast(g, layers[k], F32), height, width));
        if (!layer)
            return NULL;
        int64_t channels = shape_last(&layer->shape);
        d->features[k] = op_reshape(g, layer, SHAPE(shape_rows(&layer->shape), channels));
        struct node *part = op_linear(g, d->features[k], parameter(g, "target.weight", k, SHAPE(kept[k], channels)),
                                      parameter(g, "target.bias", k, SHAPE(kept[k])), ACT_NONE, 0);
        all = all ? op_concat(g, all, part) : part;
    }
    return all;
}

static int build(struct distillation *d, struct err *e)
{
    d->params = params_new();
    d->graph = d->params ? graph_new(GRAPH_TRAIN, dnn_has_bf16() ? BF16 : F32, d->params) : NULL;
    if (!d->graph)
        return err_memory(e, "a net");
    struct graph *g = d->graph;
    d->heads.input = graph_input(g, "input", SHAPE(BATCH, SIDE, SIDE, COLOURS));
    struct node *x = op_cast(g, d->heads.input, g->precision), *said = backbone_learn(g, x);
    TRY(graph_error(g, e));
    struct node *wanted = teach(d, x, said->shape.d[1], said->shape.d[2]);
    TRY(graph_error(g, e));
    struct node *loss = op_mse(g, op_reshape(g, said, wanted->shape), wanted);
    d->heads.objectives[d->heads.nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
    return graph_error(g, e);
}

static int load_teacher(struct distillation *d, const char *path, struct err *e)
{
    struct weights w;
    enum backbone_net net;
    TRY(pretrained_open(&(struct weights_place){.path = path}, &w, e));
    int code = backbone_recognise(&w, &net, e);
    if (!code && net != BACKBONE_SQUEEZENET1_1)
        code = err_set(e, ERR_USAGE, "%s is not SqueezeNet 1.1", path);
    if (!code)
        code = backbone_take_named(&w, d->params, "features.", e);
    pretrained_close(&w);
    return code;
}

/* ---- targets ---- */

/* Each component scaled by the fourth root of its variance, the layer by the mean of all. A row of the whitening matrix
 * has the length of one over the deviation. */
static void weigh(float *weight, float *bias, int components, int64_t width)
{
    double sum = 0, length[128];
    for (int k = 0; k < components; k++) {
        double square = 0;
        for (int64_t i = 0; i < width; i++)
            square += pow((double)weight[k * width + i], 2);
        length[k] = sqrt(square);
        sum += 1 / length[k] / components;
    }
    for (int k = 0; k < components; k++) {
        double factor = sqrt(1 / length[k] / sum);
        for (int64_t i = 0; i < width; i++)
            weight[k * width + i] = (float)((double)weight[k * width + i] * factor);
        bias[k] = (float)((double)bias[k] * factor);
    }
}

static int fit_layer(struct distillation *d, int k, const struct fit_rows *rows, struct err *e)
{
    char name[40];
    snprintf(name, sizeof name, "target.weight.%d", k);
    struct param *weight = params_find(d->params, name);
    snprintf(name, sizeof name, "target.bias.%d", k);
    struct param *bias = params_find(d->params, name);
    TRY(whiten_fit(rows, kept[k], weight->value, bias->value, e));
    weigh(weight->value, bias->value, kept[k], (int64_t)rows->width);
    return 0;
}

/* Every 7th row of some batches. */
static int fit_targets(struct distillation *d, struct err *e)
{
    enum { EVERY = 7 };
    const struct plan_spec spec = {
        .graph = d->graph, .outputs = d->features, .noutputs = TEACHER_LAYERS, .threads = 1, .seed = seed};
    struct plan *plan;
    float *seen[TEACHER_LAYERS];
    size_t all = (size_t)d->features[0]->shape.d[0], each = (all + EVERY - 1) / EVERY, n = each * FIT_BATCHES;
    size_t *index = malloc(n * sizeof *index);
    TRY(plan_new(&spec, &plan, e));
    for (int k = 0; k < TEACHER_LAYERS; k++)
        seen[k] = malloc(n * (size_t)shape_last(&d->features[k]->shape) * sizeof(float));
    for (size_t b = 0, at = 0; b < FIT_BATCHES; b++) {
        next_batch(d, plan);
        plan_forward(plan, 0);
        for (size_t r = 0; r < all; r += EVERY, at++)
            for (int k = 0; k < TEACHER_LAYERS; k++) {
                size_t width = (size_t)shape_last(&d->features[k]->shape);
                memcpy(seen[k] + at * width, (const float *)plan_data(plan, d->features[k]) + r * width,
                       width * sizeof(float));
            }
    }
    for (size_t i = 0; i < n; i++)
        index[i] = i;
    int code = 0;
    for (int k = 0; k < TEACHER_LAYERS && !code; k++) {
        const struct fit_rows rows = {.values = seen[k],
                                      .index = index,
                                      .n = n,
                                      .width = (size_t)shape_last(&d->features[k]->shape),
                                      .seed = seed,
                                      .threads = 1};
        code = fit_layer(d, k, &rows, e);
    }
    params_changed(d->params);
    for (int k = 0; k < TEACHER_LAYERS; k++)
        free(seen[k]);
    free(index);
    plan_free(plan);
    return code;
}

/* ---- learning ---- */

static float rate_at(int step, int steps)
{
    double warm = step < WARM_UP ? (step + 1.0) / WARM_UP : 1;
    return (float)(rate * warm * 0.5 * (1 + cos(3.14159265 * step / steps)));
}

static int learn(struct distillation *d, struct err *e)
{
    const struct plan_spec spec = {
        .graph = d->graph, .objectives = d->heads.objectives, .nobjectives = 1, .threads = 1, .seed = seed};
    double mean = 0, start = clock_seconds();
    TRY(plan_new(&spec, &d->plan, e));
    struct update u = {.plan = d->plan,
                       .params = d->params,
                       .heads = &d->heads,
                       .adam = {.beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .decay = (float)decay},
                       .seed = seed,
                       .threads = 1};
    for (int step = 0; step < d->steps; step++) {
        double loss[OBJECTIVES];
        next_batch(d, d->plan);
        u.adam.lr = rate_at(step, d->steps);
        if (update_step(&u, (uint64_t)step, loss) != ALL_FINITE)
            return err_set(e, ERR_FAIL, "the loss of step %d is not finite", step);
        mean = step ? mean + 0.02 * (loss[0] - mean) : loss[0];
        if (step % 25 == 24)
            fprintf(stderr, "step %d of %d: loss %.4f, %.0f s\n", step + 1, d->steps, mean, clock_seconds() - start);
    }
    return 0;
}

/* ---- the file ---- */

static struct param *part(struct distillation *d, const char *layer, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", layer, name);
    return params_find(d->params, full);
}

/* To the nearest number that half precision holds. */
static float rounded(double x)
{
    uint16_t h;
    half_from(&(float){(float)x}, 1, &h);
    return half_value(h);
}

/* A convolution with its norm folded in, O,I,kH,kW. */
static int fold_layer(struct distillation *d, const char *layer, struct safetensors_tensor out[2], struct err *e)
{
    const struct param *w = part(d, layer, "weight"), *gain = part(d, layer, "gain"), *shift = part(d, layer, "shift");
    const struct param *mean = part(d, layer, "mean"), *var = part(d, layer, "var");
    const size_t o = (size_t)w->shape.d[0], taps = (size_t)(w->shape.d[1] * w->shape.d[2]), in = (size_t)w->shape.d[3];
    float *weight = malloc(w->count * sizeof *weight), *bias = malloc(o * sizeof *bias);
    char *names = malloc(2 * 96);
    if (!weight || !bias || !names)
        return err_memory(e, "the weights to write");
    for (size_t i = 0; i < o; i++) {
        double factor = (double)gain->value[i] / sqrt((double)var->value[i] + 1e-5);
        bias[i] = rounded((double)shift->value[i] - (double)mean->value[i] * factor);
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < in; c++)
                weight[(i * in + c) * taps + t] = rounded((double)w->value[(i * taps + t) * in + c] * factor);
    }
    layer += strlen("backbone.");
    snprintf(names, 96, "%s.weight", layer);
    snprintf(names + 96, 96, "%s.bias", layer);
    const struct shape shape = SHAPE(w->shape.d[0], w->shape.d[3], w->shape.d[1], w->shape.d[2]);
    out[0] = (struct safetensors_tensor){.name = names, .shape = shape, .data = weight};
    out[1] = (struct safetensors_tensor){.name = names + 96, .shape = SHAPE((int64_t)o), .data = bias};
    return 0;
}

static int write_net(struct distillation *d, const char *path, struct err *e)
{
    static const char *const layers[] = {"backbone.own.stem",   "backbone.own.0.conv", "backbone.own.1.conv",
                                         "backbone.own.1.more", "backbone.own.2.conv", "backbone.own.2.more"};
    enum { LAYERS = sizeof layers / sizeof *layers };
    struct safetensors_tensor tensors[2 * LAYERS];
    for (int i = 0; i < LAYERS; i++)
        TRY(fold_layer(d, layers[i], tensors + 2 * i, e));
    return safetensors_write(path, true, "made by", "engram, bench/backbone/distil.c", tensors, 2 * LAYERS, e);
}

/* ---- */

static int run(struct distillation *d, char **argv, struct err *e)
{
    d->steps = atoi(argv[5]);
    TRY(stock_read(&d->stocks[STOCK_PHOTOS], argv[2], 20000, 32, 32, e));
    TRY(stock_read(&d->stocks[STOCK_TEXTURES], argv[3], 2000, 256, 256, e));
    TRY(stock_read(&d->stocks[STOCK_SCENES], argv[4], 100, 640, 1024, e));
    d->pictures = malloc((size_t)AHEAD * BATCH * PICTURE * sizeof *d->pictures);
    if (!d->pictures)
        return err_memory(e, "pictures");
    TRY(build(d, e));
    TRY(params_allocate(d->params, seed, true, e));
    TRY(load_teacher(d, argv[1], e));
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    if (pthread_create(&d->maker, NULL, make_batches, d))
        return err_set(e, ERR_FAIL, "no thread could be started");
    TRY(fit_targets(d, e));
    TRY(learn(d, e));
    pthread_join(d->maker, NULL);
    return write_net(d, argv[6], e);
}

int main(int argc, char **argv)
{
    static struct distillation d;
    struct err e = ERR_INIT;
    if (argc != 7) {
        fprintf(stderr, "usage: distil TEACHER PHOTOS TEXTURES SCENES STEPS OUTPUT\n");
        return 2;
    }
    if (run(&d, argv, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    return 0;
}
