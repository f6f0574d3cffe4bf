#include "models/gan.h"

#include <stdio.h>

enum { SMALLEST = 4, HALVING = 2, LARGEST = 4096 };

enum { NAME_TEXT = 64 };

/* Of a convolution that keeps (3x3), halves (4x4, stride 2) or, transposed, doubles. */
static struct layer_spec keeping(const struct graph *g, const struct gan_spec *s, int out)
{
    return (struct layer_spec){
        .out = out,
        .kernel = {3, 3},
        .stride = {1, 1},
        .pad = {1, 1},
        .norm = true,
        .act = s->act,
        .slope = s->slope,
        .init = WEIGHTS_NORMAL,
        .group = s->group,
        .dtype = g->precision,
    };
}

static struct layer_spec halving(const struct graph *g, const struct gan_spec *s, int out)
{
    struct layer_spec l = keeping(g, s, out);
    for (int i = 0; i < 2; i++) {
        l.kernel[i] = 4;
        l.stride[i] = HALVING;
    }
    return l;
}

/* Between a map and a vector: the kernel is the whole map. */
static struct layer_spec whole(const struct graph *g, const struct gan_spec *s, int64_t height, int64_t width, int out)
{
    struct layer_spec l = keeping(g, s, out);
    l.kernel[0] = (int)height;
    l.kernel[1] = (int)width;
    l.pad[0] = l.pad[1] = 0;
    return l;
}

static struct node *layer(struct graph *g, const struct gan_spec *s, int k, struct node *x, const struct layer_spec *l)
{
    char name[NAME_TEXT];
    snprintf(name, sizeof name, "%s.%d", s->prefix, k);
    return layer_conv(g, name, x, l);
}

static struct node *extras(struct graph *g, const struct gan_spec *s, struct node *x)
{
    for (int k = 0; x && k < s->extra; k++) {
        char name[NAME_TEXT];
        snprintf(name, sizeof name, "%s.extra.%d", s->prefix, k);
        struct layer_spec l = keeping(g, s, s->width);
        x = layer_conv(g, name, x, &l);
    }
    return x;
}

/* ---- rows ---- */

void gan_code(const struct ints *layers, int64_t latent, const struct shape *sample, struct ints *hidden,
              struct shape *code)
{
    struct ints all = mlp_layers(layers, shape_last(sample));
    all.n--;
    if (hidden)
        *hidden = all;
    if (code)
        *code = sample->nd == 2 ? SHAPE(sample->d[0], all.v[all.n]) : SHAPE(sample->d[0], 1, 1, latent);
}

static struct node *row_layers(struct graph *g, const struct gan_spec *s, struct ints widths, enum act last,
                               struct node *x)
{
    const struct mlp_spec m = {
        .prefix = s->prefix, .widths = widths, .act = s->act, .last = last, .slope = s->slope, .group = s->group};
    return mlp(g, &m, x);
}

static struct node *row_vector(struct graph *g, const struct gan_spec *s, const char *name, struct node *hidden,
                               int out)
{
    const struct layer_spec l = {.out = out, .group = s->group};
    return layer_linear(g, name, hidden, &l);
}

/* ---- pictures, or either ---- */

struct node *gan_map(struct graph *g, const struct gan_spec *s, struct node *x)
{
    if (x && x->shape.nd == 2)
        return row_layers(g, s, s->layers, s->act, x);
    struct layer_spec first = halving(g, s, s->width);
    first.norm = false;
    first.no_bias = true;
    x = extras(g, s, layer(g, s, 0, op_cast(g, x, g->precision), &first));
    for (int k = 1; x && x->shape.d[1] > SMALLEST; k++) {
        struct layer_spec l = halving(g, s, (int)shape_last(&x->shape) * HALVING);
        x = layer(g, s, k, x, &l);
    }
    return x;
}

struct node *gan_vector(struct graph *g, const struct gan_spec *s, const char *name, struct node *map, int out)
{
    if (!map)
        return NULL;
    char full[NAME_TEXT];
    snprintf(full, sizeof full, "%s.%s", s->prefix, name);
    if (map->shape.nd == 2)
        return row_vector(g, s, full, map, out);
    struct layer_spec l = whole(g, s, map->shape.d[1], map->shape.d[2], out);
    l.norm = false;
    l.no_bias = true;
    l.act = ACT_NONE;
    l.dtype = F32;
    return layer_conv(g, full, op_cast(g, map, g->precision), &l);
}

/* Channels of the map of 4x4 where that of half the picture has `width`. */
static int64_t deepest(const struct gan_spec *s, int64_t size)
{
    return s->width * (size / HALVING) / SMALLEST;
}

struct node *gan_picture(struct graph *g, const struct gan_spec *s, struct node *vector, struct shape to)
{
    if (to.nd == 2)
        return row_layers(g, s, mlp_and(mlp_backwards(&s->layers, 0), shape_last(&to)), ACT_NONE, vector);
    int64_t size = to.d[1];
    struct layer_spec first = whole(g, s, SMALLEST, SMALLEST, (int)deepest(s, size));
    first.transposed = true;
    struct node *x = layer(g, s, 0, op_cast(g, vector, g->precision), &first);
    int k = 1;
    for (; x && x->shape.d[1] < size / HALVING; k++) {
        struct layer_spec l = halving(g, s, (int)shape_last(&x->shape) / HALVING);
        l.transposed = true;
        x = layer(g, s, k, x, &l);
    }
    struct layer_spec last = halving(g, s, (int)shape_last(&to));
    last.transposed = last.no_bias = true;
    last.norm = false;
    last.act = ACT_TANH;
    last.dtype = F32;
    return layer(g, s, k, extras(g, s, x), &last);
}

struct gan_spec gan_discriminator(int64_t width, double slope)
{
    return (struct gan_spec){
        .prefix = "disc",
        .width = (int)width,
        .act = ACT_LRELU,
        .slope = (float)slope,
        .group = GROUP_ADVERSARY,
    };
}

struct gan_judgement gan_judge(struct graph *g, const struct gan_spec *s, int64_t vector, struct node *picture)
{
    struct node *features = gan_map(g, s, picture);
    if (vector)
        features = gan_vector(g, s, "features", features, (int)vector);
    return (struct gan_judgement){features, gan_vector(g, s, "verdict", features, 1)};
}

int gan_check(const struct shape *sample, struct err *e)
{
    char text[SHAPE_TEXT];
    if (sample->nd != 3)
        return err_set(e, ERR_USAGE, "this model takes pictures, not samples of %s", shape_text(sample, text));
    int64_t longer = sample->d[0] > sample->d[1] ? sample->d[0] : sample->d[1], below = SMALLEST * HALVING;
    while (below * HALVING <= longer && below < LARGEST)
        below *= HALVING;
    if (sample->d[0] == below && sample->d[1] == below)
        return 0;
    return err_set(e, ERR_USAGE,
                   "pictures of %s do not fit this model, which halves them down to 4x4: they must be square, of 8, "
                   "16, 32, 64, ... pixels; %lldx%lld and %lldx%lld would do",
                   shape_text(sample, text), (long long)below, (long long)below, (long long)(below * HALVING),
                   (long long)(below * HALVING));
}

int gan_check_rows(const struct ints *layers, const struct shape *sample, struct err *e)
{
    return sample->nd == 1 ? mlp_check(layers, e) : gan_check(sample, e);
}
