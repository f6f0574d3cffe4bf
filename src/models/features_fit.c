/* What the memory of features is fitted to: the scale of the input, whitening, and the items of its bank. */
#include "models/centres.h"
#include "models/features.h"
#include "models/whiten.h"
#include "nn/dnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ImageNet's means and deviations of colours from 0 to 1, as torchvision has them. */
static const double imagenet_mean[FEATURES_COLOURS] = {0.485, 0.456, 0.406},
                    imagenet_deviation[FEATURES_COLOURS] = {0.229, 0.224, 0.225};

/* Mean and deviation of all values. One pair for all channels leaves colours as they are: scaled one by one, a channel
 * in which the good pictures hardly differ would be mostly noise. */
static void moments(const struct fit_rows *rows, double *mean, double *deviation)
{
    double sum = 0, square = 0, n = (double)rows->n * (double)rows->width;
    for (size_t i = 0; i < rows->n; i++)
        for (size_t c = 0; c < rows->width; c++) {
            double v = (double)fit_row(rows, i)[c];
            sum += v;
            square += v * v;
        }
    *mean = sum / n;
    *deviation = sqrt(fmax(square / n - *mean * *mean, 0));
}

/* A matrix and a shift that give the backbone its three colours of one or three channels. */
int features_fit_scale(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    static const double flat = 1e-2; /* deviations of pictures of one colour are not believed */
    const struct features_config *c = config;
    struct param *scale = params_find(params, FEATURES_SCALE), *shift = params_find(params, FEATURES_SHIFT);
    double mean, deviation;
    (void)e;
    moments(rows, &mean, &deviation);
    memset(scale->value, 0, scale->count * sizeof *scale->value);
    for (size_t k = 0; k < FEATURES_COLOURS; k++) {
        size_t from = rows->width == FEATURES_COLOURS ? k : 0;
        double m = mean, d = fmax(deviation, flat);
        if (c->input == INPUT_IMAGENET) { /* whose numbers are for 0..1 where ours are -1..1, the run's default */
            m = 2 * imagenet_mean[k] - 1;
            d = 2 * imagenet_deviation[k];
        }
        scale->value[k * rows->width + from] = (float)(1 / d);
        shift->value[k] = (float)(-m / d);
    }
    return 0;
}

/* n whitened rows. */
static int project(const struct fit_rows *rows, const struct param *weight, const float *bias, float *out,
                   struct err *e)
{
    enum { BLOCK = 1024 };
    const size_t width = rows->width, components = (size_t)weight->shape.d[0];
    float *block = malloc(BLOCK * width * sizeof *block);
    bool done = block != NULL;
    for (size_t at = 0; done && at < rows->n; at += BLOCK) {
        size_t n = rows->n - at < BLOCK ? rows->n - at : BLOCK;
        float *to = out + at * components;
        for (size_t i = 0; i < n; i++) {
            memcpy(block + i * width, fit_row(rows, at + i), width * sizeof *block);
            memcpy(to + i * components, bias, components * sizeof *to);
        }
        done = dnn_gemm(false, true, (int64_t)n, (int64_t)components, (int64_t)width, 1, block, (int64_t)width,
                        weight->value, (int64_t)width, 1, to, (int64_t)components);
    }
    free(block);
    return done ? 0 : err_memory(e, "whitened features");
}

/* The whitened rows, which are the caller's. */
static int project_all(const struct fit_rows *rows, const struct params *params, float **out, struct err *e)
{
    const struct param *weight = params_find(params, FEATURES_WHITEN);
    const float *bias = params_find(params, FEATURES_WHITEN_SHIFT)->value;
    *out = malloc((rows->n + 1) * (size_t)weight->shape.d[0] * sizeof **out);
    return *out ? project(rows, weight, bias, *out, e) : err_memory(e, "whitened features");
}

static void copy_rows(const struct centre_rows *rows, const size_t *chosen, size_t n, float *to)
{
    for (size_t k = 0; k < n; k++)
        memcpy(to + k * rows->width, rows->values + chosen[k] * rows->width, rows->width * sizeof *to);
}

/* ---- the bank ---- */

static int fill_bank(const struct features_config *c, const struct fit_rows *rows, struct params *params, struct err *e)
{
    struct param *items = params_find(params, FEATURES_ITEMS_NAME);
    const size_t count = (size_t)items->shape.d[0];
    size_t *chosen = malloc(count * sizeof *chosen);
    float *all = NULL;
    int code = chosen ? project_all(rows, params, &all, e) : err_memory(e, "the items of a bank");
    const struct centre_rows white = {all, rows->n, (size_t)items->shape.d[1], rows->threads};
    if (!code)
        code = centres_choose(&white, count, rows->seed, chosen, e);
    if (!code)
        copy_rows(&white, chosen, count, items->value);
    if (!code && c->usual)
        code = features_fit_usual(rows, all, chosen, params, e);
    free(all);
    free(chosen);
    return code;
}

int features_fit_memory(const void *config, const struct fit_rows *rows, struct params *params, struct err *e)
{
    const struct features_config *c = config;
    struct param *items = params_find(params, FEATURES_ITEMS_NAME);
    TRY(whiten_fit(rows, (int)c->components, params_find(params, FEATURES_WHITEN)->value,
                   params_find(params, FEATURES_WHITEN_SHIFT)->value, e));
    if (c->head == HEAD_BANK)
        return fill_bank(c, rows, params, e);
    /* In whitened features Mahalanobis' distance is the one from the mean, which is 0. */
    memset(items->value, 0, items->count * sizeof *items->value);
    return 0;
}

/* ---- more pictures ---- */

/* Items beside the old ones: *added of at most `most`, to `to` unless it is NULL. */
static int more_items(const struct fit_rows *rows, const struct params *old, size_t most, float *to, size_t *added,
                      struct err *e)
{
    const struct param *items = params_find(old, FEATURES_ITEMS_NAME);
    size_t *chosen = malloc((most + 1) * sizeof *chosen);
    float *all = NULL;
    *added = 0;
    int code = chosen ? project_all(rows, old, &all, e) : err_memory(e, "the items of a bank");
    const struct centre_rows white = {all, rows->n, (size_t)items->shape.d[1], rows->threads};
    if (!code && rows->n)
        code = centres_add(&white, items->value, (size_t)items->shape.d[0], most, chosen, added, e);
    if (!code && to)
        copy_rows(&white, chosen, *added, to);
    free(all);
    free(chosen);
    return code;
}

int features_grow_memory(void *config, const struct fit_rows *rows, const struct params *old, struct err *e)
{
    struct features_config *c = config;
    size_t added;
    TRY(more_items(rows, old, (size_t)(FEATURES_ITEMS - c->items), NULL, &added, e));
    c->items += (int64_t)added;
    return 0;
}

int features_add_memory(const void *config, const struct fit_rows *rows, const struct params *old,
                        struct params *params, struct err *e)
{
    static const char *const stay[] = {FEATURES_WHITEN, FEATURES_WHITEN_SHIFT};
    const struct param *before = params_find(old, FEATURES_ITEMS_NAME);
    struct param *items = params_find(params, FEATURES_ITEMS_NAME);
    const size_t width = (size_t)items->shape.d[1], room = (size_t)(items->shape.d[0] - before->shape.d[0]);
    size_t added;
    (void)config;
    for (size_t i = 0; i < sizeof stay / sizeof *stay; i++) {
        const struct param *from = params_find(old, stay[i]);
        memcpy(params_find(params, stay[i])->value, from->value, from->count * sizeof *from->value);
    }
    memcpy(items->value, before->value, before->count * sizeof *before->value);
    TRY(more_items(rows, old, room, items->value + before->count, &added, e));
    /* Of fewer rows there may be fewer: one more of an item that is there changes no distance. */
    for (size_t k = added; k < room; k++)
        memcpy(items->value + before->count + k * width, before->value, width * sizeof *items->value);
    return 0;
}
