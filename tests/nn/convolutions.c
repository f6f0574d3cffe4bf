#include "convolutions.h"

#include "nn/bf16.h"
#include "probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- layers ---- */

struct layer layer_draw(struct rng *r)
{
    static const int channels[] = {1, 2, 3, 4, 5, 8, 16, 17, 33};
    struct layer l = {.nd = 2 + (int)rng_below(r, 2), .n = 1 + (int)rng_below(r, 3)};
    l.in = channels[rng_below(r, 9)];
    l.out = channels[rng_below(r, 9)];
    l.transposed = rng_below(r, 2);
    l.bias = rng_below(r, 2);
    for (int i = 0; i < l.nd; i++) {
        l.kernel[i] = 1 + (int)rng_below(r, 5);
        l.stride[i] = 1 + (int)rng_below(r, 3);
        l.pad[i] = (int)rng_below(r, (uint64_t)l.kernel[i]);
        l.output_pad[i] = l.transposed ? (int)rng_below(r, (uint64_t)l.stride[i]) : 0;
        l.size[i] = (l.transposed ? 1 + l.pad[i] : l.kernel[i]) + (int)rng_below(r, 6);
    }
    return l;
}

const char *layer_describe(const struct layer *l)
{
    static char text[200];
    snprintf(text, sizeof text, "%s%d n%d size %dx%dx%d %d>%d kernel %d,%d,%d stride %d,%d,%d pad %d,%d,%d +%d,%d,%d",
             l->transposed ? "deconv" : "conv", l->nd, l->n, l->size[0], l->size[1], l->size[2], l->in, l->out,
             l->kernel[0], l->kernel[1], l->kernel[2], l->stride[0], l->stride[1], l->stride[2], l->pad[0], l->pad[1],
             l->pad[2], l->output_pad[0], l->output_pad[1], l->output_pad[2]);
    return text;
}

bool layer_rounds(const struct layer *l)
{
    return l->from == BF16 || l->to == BF16;
}

/* Those that may be computed in transformed tiles. */
static bool tiled(const struct layer *l)
{
    bool all = l->kernel[0] == 3 || (l->kernel[0] == 4 && l->nd == 2);
    for (int i = 0; i < l->nd; i++)
        all &= l->kernel[i] == l->kernel[0] && l->stride[i] == 2;
    return all;
}

/* BF16 has 8 bits: a rounded result is off by up to 1/512, and gradients pass through two roundings. */
void layer_compare(const struct layer *l, const char *what, const float *got, const double *want, size_t n)
{
    double error = probe_error(got, want, n), tolerance = layer_rounds(l) ? 8e-3 : tiled(l) ? 2e-5 : 5e-6;
    if (!(error < tolerance))
        fail_msg("%s: %s is off by %g of its largest value", layer_describe(l), what, error);
}

/* ---- the reference: one loop over every pair of positions that a weight connects ---- */

void connect(const struct geometry *g, double *coarse, double *weight, double *fine, const double *target)
{
    const int *k = g->kernel, *cs = g->coarse, *fs = g->fine;
    for (int at = 0; at < g->n * cs[0] * cs[1] * cs[2]; at++)
        for (int tap = 0; tap < k[0] * k[1] * k[2]; tap++) {
            int c[3] = {at / (cs[1] * cs[2]) % cs[0], at / cs[2] % cs[1], at % cs[2]}, f[3];
            int t[3] = {tap / (k[1] * k[2]), tap / k[2] % k[1], tap % k[2]};
            bool inside = true;
            for (int d = 0; d < 3; d++) {
                f[d] = c[d] * g->stride[d] + t[d] - g->pad[d];
                inside = inside && f[d] >= 0 && f[d] < fs[d];
            }
            if (!inside)
                continue;
            int n = at / (cs[0] * cs[1] * cs[2]), fine_at = ((n * fs[0] + f[0]) * fs[1] + f[1]) * fs[2] + f[2];
            for (int o = 0; o < g->coarse_channels; o++)
                for (int i = 0; i < g->fine_channels; i++) {
                    double *a = &coarse[at * g->coarse_channels + o];
                    double *w = &weight[(o * k[0] * k[1] * k[2] + tap) * g->fine_channels + i];
                    double *b = &fine[fine_at * g->fine_channels + i];
                    if (target == coarse)
                        *a += *w * *b;
                    else if (target == weight)
                        *w += *a * *b;
                    else
                        *b += *a * *w;
                }
        }
}

double *zeros(size_t n)
{
    double *p = calloc(n ? n : 1, sizeof *p);
    assert_non_null(p);
    return p;
}

double *widened(const float *from, size_t n, enum dtype type)
{
    double *p = zeros(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (double)(type == F32 ? from[i] : bf16_to_f32(bf16_from_f32(from[i])));
    return p;
}
