/* The operations, as graph builders. Every one follows the rules of graph.h: NULL in, or an earlier error, gives NULL.
 * x is channels-last; rows are vectors along the last dimension. */
#ifndef NN_OPS_H
#define NN_OPS_H

#include "nn/graph.h"

enum act { ACT_NONE, ACT_RELU, ACT_LRELU, ACT_TANH, ACT_SIGMOID };

/* ---- conv.c: convolution and its adjoint, 2-D and 3-D ---- */

/* Per spatial dimension, in the order of x: [D],H,W; 2-D uses the first two entries. */
struct conv_spec {
    int kernel[3], stride[3], pad[3];
    int output_pad[3]; /* of the transposed form: rows added at the far end, below stride */
    enum act act;     /* NONE, RELU or LRELU, after the bias: cheaper than a node of its own where nothing is trained */
    float slope;      /* of LRELU */
    enum dtype dtype; /* of the output */
    struct node *scale; /* O: factors on the weights of each output, which are not trained then; NULL: none. Constant */
};

/* out = (in + 2 pad - kernel) / stride + 1. x N,[D],H,W,I; weight O,[kD],kH,kW,I; bias O or NULL. */
struct node *op_conv(struct graph *g, struct node *x, struct node *weight, struct node *bias, struct conv_spec spec);
/* out = (in - 1) stride - 2 pad + kernel + output_pad. x N,[D],H,W,I; weight I,[kD],kH,kW,O (that of the convolution
 * whose adjoint it is); bias O or NULL. */
struct node *op_deconv(struct graph *g, struct node *x, struct node *weight, struct node *bias, struct conv_spec spec);

/* ---- norm.c: batch normalisation (Ioffe, Szegedy 2015) with the activation behind it ---- */

struct norm_spec {
    float eps, momentum; /* running = (1 - momentum) running + momentum batch; variance unbiased, as in PyTorch */
    enum act act;        /* NONE, RELU or LRELU */
    float slope;
};

/* Training: y = act(gamma (x - mean)/sqrt(var + eps) + beta), statistics of the batch over all rows; commit moves the
 * running ones. All of gamma, beta, mean, var have the size of x's last dimension; mean and var are GROUP_STATE. */
struct node *op_batch_norm(struct graph *g, struct node *x, struct node *gamma, struct node *beta, struct node *mean,
                           struct node *var, struct norm_spec spec);
/* Scoring: what the norm makes of the layer before it, with its running statistics. Constant nodes: the factors of the
 * weights, gamma/sqrt(var + eps); a linear layer's weight O,I with them; and the bias. */
struct node *op_fold_scale(struct graph *g, struct node *gamma, struct node *var, float eps);
struct node *op_fold_weight(struct graph *g, struct node *weight, struct node *scale);
struct node *op_fold_bias(struct graph *g, struct node *bias /* or NULL */, struct node *gamma, struct node *beta,
                          struct node *mean, struct node *var, float eps);

/* ---- pool.c: windows over H and W of N,H,W,C; what lies outside is left out ---- */

struct pool_spec {
    int kernel, stride; /* a side of the window and its step, in pixels */
    bool ceil;          /* a last window that begins within the picture may reach beyond it; false: it is left out */
    int pad;            /* pixels by which windows may reach beyond every edge: at most half of the window */
};

/* out = (in + 2 pad - kernel) / stride + 1, rounded down, or with `ceil` up. The gradient goes to the first maximum. */
struct node *op_max_pool(struct graph *g, struct node *x, struct pool_spec spec);
/* The mean of those that are inside. */
struct node *op_mean_pool(struct graph *g, struct node *x, struct pool_spec spec);

/* ---- resize.c ---- */

/* Bilinear, N,H,W,C to N,height,width,C; itself where that is its size. As PyTorch's interpolate without corners
 * aligned, which smooths nothing where it shrinks. */
struct node *op_resize(struct graph *g, struct node *x, int64_t height, int64_t width);

/* ---- linear.c: matrix products ---- */

/* y = act(x W^T + b). x N,I in F32 or BF16, which is what it is multiplied in; weight O,I; bias O or NULL, F32; act NONE,
 * RELU, LRELU, TANH or SIGMOID. y is F32. */
struct node *op_linear(struct graph *g, struct node *x, struct node *weight, struct node *bias, enum act act,
                       float slope);
/* a M,K times b K,N, or b N,K with transpose_b. All F32 or all BF16. */
struct node *op_matmul(struct graph *g, struct node *a, struct node *b, bool transpose_b);

/* ---- act.c, arith.c, shape.c ---- */

struct node *op_act(struct graph *g, struct node *x, enum act act, float slope);
struct node *op_add(struct graph *g, struct node *a, struct node *b); /* same shapes */
struct node *op_sub(struct graph *g, struct node *a, struct node *b);
struct node *op_mul(struct graph *g, struct node *a, struct node *b);
struct node *op_scale(struct graph *g, struct node *x, float factor, float offset); /* factor x + offset */
struct node *op_cast(struct graph *g, struct node *x, enum dtype to);               /* itself where nothing changes */
struct node *op_reshape(struct graph *g, struct node *x, struct shape shape);       /* a view */
struct node *op_concat(struct graph *g, struct node *a, struct node *b);            /* along the last dimension */
/* `count` frames of every clip from `first` on, as the channels of one picture: N,D,H,W,C gives N,H,W,count*C. No
 * gradient: for inputs. F32. */
struct node *op_frames(struct graph *g, struct node *clips, int first, int count);

/* ---- blocks.c: feature maps as blocks (Hou et al. 2021, DAAD) ---- */

/* x N,H,W,C cut into a grid of rates[0] x rates[1] x rates[2] blocks a sample, along height, width and channels: gives
 * N*grid rows, a block of H/rates[0] x W/rates[1] x C/rates[2] numbers each. The rates divide the sizes. */
struct node *op_divide(struct graph *g, struct node *x, const int rates[3]);
/* The inverse: such rows to a map of shape `map`. Each is the other's gradient. */
struct node *op_assemble(struct graph *g, struct node *rows, const int rates[3], struct shape map);

/* ---- enlarge.c ---- */

/* x N,H,W,C to N,height,width,C, at least as large: each position is that of x which it falls into (the nearest). */
struct node *op_enlarge(struct graph *g, struct node *x, int64_t height, int64_t width);

/* ---- random.c ---- */

enum noise { NOISE_NORMAL, NOISE_UNIFORM }; /* mean 0 and deviation 1; from 0 to 1 */

/* Random numbers of that shape, N,..., drawn anew in every step. Row r is a function of the plan's seed, the name of
 * the layer it stands in (and which of that layer's it is), the step and the sample in row r (plan_samples): wherever
 * in whatever batch a sample stands, and on any number of threads, its noise is the same. F32, no gradient. */
struct node *op_noise(struct graph *g, struct shape shape, enum noise kind);

/* 1/keep with probability keep, else 0: a mean of 1; otherwise as noise. */
struct node *op_mask(struct graph *g, struct shape shape, float keep);
/* Training: x times such a mask of its own, so that each value is dropped with probability `rate`. Scoring: x itself.
 */
struct node *op_dropout(struct graph *g, struct node *x, float rate);

/* ---- gauss.c: codes that are a normal distribution each, of mean mu and variance e^logvar ---- */

/* mu + e^(logvar/2) noise: one of it, where noise is normal. All of one shape; gradients to all. F32. */
struct node *op_draw(struct graph *g, struct node *mu, struct node *logvar, struct node *noise);
/* Its divergence from N(0, 1), the mean over samples of sum (mu^2 + e^logvar - logvar - 1) / 2; shape 1. mu and logvar
 * N,...; gradients to both. F32. */
struct node *op_kl(struct graph *g, struct node *mu, struct node *logvar);
/* The same for each sample: N. No gradient. */
struct node *op_sample_kl(struct graph *g, struct node *mu, struct node *logvar);

/* ---- memory.c: MemAE's addressing (Gong et al. 2019, eq. 3-7) ---- */

enum similarity { SIM_COSINE, SIM_DOT };
enum fallback { FALLBACK_BEST, FALLBACK_ZERO };

struct attend_spec {
    enum similarity similarity;
    float scale;            /* factor on the similarity before the softmax (inverse temperature) */
    float shrink;           /* lambda, absolute; 0: no shrinkage */
    enum fallback fallback; /* of a row whose every weight is shrunk away: the best item alone, or zeros */
};

/* w = shrink(softmax(scale * sim(q, m))) / its L1 norm. queries R,C; items N,C, F32 or both BF16; gives R,N
 * in F32. Gradients to both. */
struct node *op_attend(struct graph *g, struct node *queries, struct node *items, struct attend_spec spec);

/* ---- unit.c ---- */

/* Every row x / |x|, of length one; of length zero it stays zero. F32. */
struct node *op_unit(struct graph *g, struct node *x);

/* ---- assign.c: queries and the items nearest to them (Park et al. 2020, MNAD) ---- */

/* For each query the item nearest to it by inner product (rank 0), or the next one (rank 1). Queries R,C and items M,C
 * lie in `groups` of equal size, one a sample say, and a query looks at the items of its own group; gives R,C. Gradient
 * to the items; that to the queries is zero. F32. */
struct node *op_nearest(struct graph *g, struct node *queries, struct node *items, int groups, int rank);
/* Training: commit moves the items, which are GROUP_STATE, towards the queries nearest to them:
 * m = unit(m + sum over those queries of v q), v = e^(q.m) / the largest e^(q'.m) of any query q'. Queries R,C of
 * length one, items M,C; gives how many queries each item took, M. No gradient. F32. */
struct node *op_consolidate(struct graph *g, struct node *queries, struct node *items);
/* Mean over rows of max(|anchor - positive| - |anchor - negative| + margin, 0), each difference with 1e-6 added as
 * PyTorch does; shape 1. All R,C; gradients to all. F32. */
struct node *op_triplet(struct graph *g, struct node *anchor, struct node *positive, struct node *negative,
                        float margin);

/* Mean over groups, and over the pairs of items in each, of max(1 - |m_i - m_j|^2, 0); shape 1. Items M,C lie in
 * `groups` of equal size (Lv et al. 2021, MPN). F32. */
struct node *op_distinction(struct graph *g, struct node *items, int groups);

/* ---- distance.c ---- */

/* How far each query is from the item nearest to it: queries R,C; items N,C; gives R. F32, no gradient. */
struct node *op_distance(struct graph *g, struct node *queries, struct node *items);

/* ---- positions.c ---- */

/* Mahalanobis' distance of each row from what is usual at its position: x N*P,C; means P,C; whitening P,C,C, of which
 * the lower triangles are read; |whitening (x - mean)|, N*P. F32, no gradient. */
struct node *op_positions(struct graph *g, struct node *x, struct node *means, struct node *whitening);

/* ---- pictures.c: a picture and those that are most like it (Cohen and Hoshen 2020, SPADE) ---- */

struct known_pictures {
    struct node *pictures; /* G,P,C: what is at each position */
    struct node *means;    /* G,C: of each over its positions */
    struct node *count;    /* 1: how many of the G are there, at least one */
};

/* x N,P,C. Mean distance of its mean from those of the k (1 to 64) nearest pictures: N. F32, no gradient. */
struct node *op_pictures_far(struct graph *g, struct node *x, struct known_pictures known, int k);
/* How far each position is from the nearest one, wherever that is, of those pictures: N*P. F32, no gradient. */
struct node *op_pictures_positions(struct graph *g, struct node *x, struct known_pictures known, int k);

/* ---- softmax.c, sample_product.c ---- */

/* e^x / sum e^x along the last dimension; or for each sample and channel over all positions of N,...,C. F32. */
struct node *op_softmax(struct graph *g, struct node *x);
struct node *op_softmax_positions(struct graph *g, struct node *x);
/* For each sample op(a) op(b), where op may transpose: N,M,K and N,K,L give N,M,L. F32. */
struct node *op_sample_product(struct graph *g, struct node *a, bool transpose_a, struct node *b, bool transpose_b);

/* ---- loss.c ---- */

/* Mean over all elements of (a - b)^2; shape 1. Gradient to both. a and b F32 or BF16, result F32. */
struct node *op_mse(struct graph *g, struct node *a, struct node *b);
/* Mean over all elements of |a - b|, as op_mse; where a = b its gradient is 0. */
struct node *op_l1(struct graph *g, struct node *a, struct node *b);
/* Mean over all elements of the cross entropy between sigmoid(x), x being logits, and one target from 0 to 1 for all:
 * log(1 + e^x) - target x; shape 1. x F32 or BF16. */
struct node *op_bce(struct graph *g, struct node *logits, float target);
/* The same with a target for each: targets F32, of the logits' shape, from 0 to 1. Gradient to the logits. */
struct node *op_bce_each(struct graph *g, struct node *logits, struct node *targets);
/* Mean over rows of -sum_i w_i log(w_i + 1e-12); shape 1 (MemAE eq. 9 and its official code). */
struct node *op_entropy(struct graph *g, struct node *weights);
/* factor_a a + factor_b b of two scalars: total losses. */
struct node *op_weighted(struct graph *g, struct node *a, float factor_a, struct node *b, float factor_b);

/* ---- score.c ---- */

/* Mean over channels of x^2 or of |x|: N,[D],H,W,C gives N,[D],H,W,1. No gradient. */
struct node *op_square_mean(struct graph *g, struct node *x);
struct node *op_absolute_mean(struct graph *g, struct node *x);
/* What op_bce is the mean of, of each logit: x's shape, F32. No gradient. */
struct node *op_cross_entropy(struct graph *g, struct node *logits, float target);
/* 10 log10 of each element, of 1e-10 where it is less. F32, no gradient. */
struct node *op_decibel(struct graph *g, struct node *x);
/* Mean over everything but N: N,... gives N. No gradient. */
struct node *op_sample_mean(struct graph *g, struct node *x);
/* Mean of the k (1 to 4096) highest values of each sample, or of all where it has fewer: N,... gives N. F32, no
 * gradient. */
struct node *op_top_mean(struct graph *g, struct node *x, int k);
/* The same of so many as are a share (above 0, at most 1; rounded up, at most 4096 values) of all, or, where `counts`
 * (x's shape) is not NULL, of those that it is not 0 at; what does not count is 0 or less in x. */
struct node *op_top_share(struct graph *g, struct node *x, struct node *counts, float share);

/* ---- contrast.c ---- */

/* Every sample of x brought to one energy: brightness above `black` is scaled so that its root mean square over the
 * sample is `target`. F32, no gradient: for inputs. */
struct node *op_contrast(struct graph *g, struct node *x, float black, float target);
/* The way back for values y of such samples: undoes what op_contrast did to x. F32, no gradient. */
struct node *op_uncontrast(struct graph *g, struct node *y, struct node *x, float black, float target);

/* ---- blur.c ---- */

/* Gaussian of deviation `sigma` pixels over H and W of N,[D],H,W,C; at the edges the weights inside the picture are
 * scaled up to sum to one. F32, no gradient: for scores. */
struct node *op_blur(struct graph *g, struct node *x, float sigma);

#endif
