#include "support/nets.h"

#include "base/rng.h"
#include "file/safetensors.h"
#include "support/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS = 400 };

/* The tensors of a net, as a list. */
struct net {
    char names[TENSORS][64];
    struct safetensors_tensor tensors[TENSORS];
    size_t n;
};

/* FNV-1a of the name and the number, mixed as SplitMix64 does; 24 bits of it. */
double net_value(const char *name, size_t i)
{
    uint64_t x = rng_stream(name) + (uint64_t)i;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 31) >> 40) / 16777216.0;
}

static void add(struct net *net, const char *layer, const char *part, struct shape shape)
{
    assert_true(net->n < TENSORS);
    snprintf(net->names[net->n], sizeof *net->names, "%s.%s", layer, part);
    net->tensors[net->n] = (struct safetensors_tensor){.name = net->names[net->n], .shape = shape};
    net->n++;
}

static void add_conv(struct net *net, const char *layer, int out, int in, int kernel)
{
    add(net, layer, "weight", SHAPE(out, in, kernel, kernel));
}

static void add_norm(struct net *net, const char *layer, int channels)
{
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    for (int i = 0; i < 4; i++)
        add(net, layer, parts[i], SHAPE(channels));
}

static void add_fire(struct net *net, int number, int in, int squeezed, int expanded)
{
    static const char *const parts[] = {"squeeze", "expand1x1", "expand3x3"};
    for (int i = 0; i < 3; i++) {
        char layer[32];
        snprintf(layer, sizeof layer, "features.%d.%s", number, parts[i]);
        add_conv(net, layer, i ? expanded : squeezed, i ? squeezed : in, i == 2 ? 3 : 1);
        add(net, layer, "bias", SHAPE(i ? expanded : squeezed));
    }
}

static void squeezenet(struct net *net)
{
    static const int fires[][4] = {{3, 64, 16, 64},   {4, 128, 16, 64},   {6, 128, 32, 128}, {7, 256, 32, 128},
                                   {9, 256, 48, 192}, {10, 384, 48, 192}, {11, 384, 64, 256}};
    add_conv(net, "features.0", 64, 3, 3);
    add(net, "features.0", "bias", SHAPE(64));
    for (size_t i = 0; i < sizeof fires / sizeof *fires; i++)
        add_fire(net, fires[i][0], fires[i][1], fires[i][2], fires[i][3]);
}

/* One residual block: its convolutions, each with its norm, and what brings its input to its shape. */
static void add_block(struct net *net, int stage, int block, int in, int out, bool wide, int stride)
{
    char layer[32];
    const int convs = wide ? 3 : 2, middle = wide ? out / 2 : out;
    for (int k = 1; k <= convs; k++) {
        int from = k == 1 ? in : middle, to = k == convs ? out : middle;
        snprintf(layer, sizeof layer, "layer%d.%d.conv%d", stage, block, k);
        add_conv(net, layer, to, from, wide && k != 2 ? 1 : 3);
        snprintf(layer, sizeof layer, "layer%d.%d.bn%d", stage, block, k);
        add_norm(net, layer, to);
    }
    if (block || (in == out && stride == 1))
        return;
    snprintf(layer, sizeof layer, "layer%d.0.downsample.0", stage);
    add_conv(net, layer, out, in, 1);
    snprintf(layer, sizeof layer, "layer%d.0.downsample.1", stage);
    add_norm(net, layer, out);
}

static void resnet(struct net *net, bool wide, const int blocks[3])
{
    int in = 64;
    add_conv(net, "conv1", 64, 3, 7);
    add_norm(net, "bn1", 64);
    for (int stage = 1; stage <= 3; stage++) {
        int out = (wide ? 256 : 64) << (stage - 1);
        for (int b = 0; b < blocks[stage - 1]; b++, in = out)
            add_block(net, stage, b, in, out, wide, stage == 1 ? 1 : 2);
    }
}

/* Engram's own. */
static void own(struct net *net)
{
    static const struct {
        const char *layer;
        int out, in;
    } convs[] = {{"own.stem", 64, 3},      {"own.0.conv", 80, 64},   {"own.1.conv", 128, 80},
                 {"own.1.more", 128, 128}, {"own.2.conv", 176, 128}, {"own.2.more", 176, 176}};
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) {
        add_conv(net, convs[i].layer, convs[i].out, convs[i].in, 3);
        add(net, convs[i].layer, "bias", SHAPE(convs[i].out));
    }
}

static struct net *net_of(const char *name)
{
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    if (!strcmp(name, "squeezenet1_1"))
        squeezenet(net);
    else if (!strcmp(name, "own"))
        own(net);
    else if (!strcmp(name, "resnet18"))
        resnet(net, false, (const int[]){2, 2, 2});
    else
        resnet(net, true, (const int[]){3, 4, 6});
    return net;
}

static void make(const struct safetensors_tensor *t, float *out)
{
    double low = -0.1, high = 0.1;
    if (t->shape.nd == 4)
        high = sqrt(6 / (double)(shape_count(&t->shape) / t->shape.d[0])), low = -high;
    else if (strstr(t->name, "running_var") || strstr(t->name, ".weight"))
        low = 0.5, high = 1.5;
    for (size_t i = 0; i < (size_t)shape_count(&t->shape); i++)
        out[i] = (float)(low + (high - low) * net_value(t->name, i));
}

static const struct safetensors_tensor *find(const struct weights *w, const char *name)
{
    const struct net *net = w->user;
    for (size_t i = 0; i < net->n; i++)
        if (!strcmp(net->names[i], name))
            return &net->tensors[i];
    return NULL;
}

static bool find_shape(const struct weights *w, const char *name, struct shape *shape)
{
    const struct safetensors_tensor *t = find(w, name);
    if (t)
        *shape = t->shape;
    return t;
}

static int read_values(const struct weights *w, const char *name, float *out, struct err *e)
{
    (void)e;
    make(find(w, name), out);
    return 0;
}

struct weights net_weights(const char *net)
{
    return (struct weights){.path = net, .shape = find_shape, .read = read_values, .user = net_of(net)};
}

void net_write(const char *name, const char *path)
{
    struct net *net = net_of(name);
    struct err e = ERR_INIT;
    for (size_t i = 0; i < net->n; i++) {
        float *values = malloc((size_t)shape_count(&net->tensors[i].shape) * sizeof *values);
        make(&net->tensors[i], values);
        net->tensors[i].data = values;
    }
    if (safetensors_write(path, true, "format", "pt", net->tensors, net->n, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < net->n; i++)
        free((void *)(uintptr_t)net->tensors[i].data);
    free(net);
}
