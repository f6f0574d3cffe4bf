/* The stacks of 4x4 convolutions that GANs of pictures are made of (DCGAN, Radford et al., ICLR 2016), as GANomaly's
 * code has them: down from S x S pictures to a map of 4x4, from there to a vector, and back. Every layer halves or
 * doubles; channels double where pixels halve. S is 8, 16, 32, 64, ... and the pictures are square (gan_check).
 *
 * Rows of numbers go through fully connected layers in their place, without batch norm: N,C for N,S,S,C, and N,Z for
 * vectors N,1,1,Z.
 *
 * An encoder is gan_map and gan_vector; a decoder gan_picture; a discriminator gan_judge. */
#ifndef MODELS_GAN_H
#define MODELS_GAN_H

#include "models/mlp.h"

struct gan_spec {
    const char *prefix; /* of its parameters: "enc" gives enc.0.weight, enc.1.weight, ... */
    int width;          /* channels of the layer at S/2; twice as many at S/4, and so on */
    int extra;          /* convolutions 3x3 at S/2 */
    struct ints layers; /* of rows: values behind each hidden layer, from the row to the vector */
    enum act act;       /* RELU or LRELU, behind all layers but the last */
    float slope;        /* of LRELU */
    enum param_group group;
};

/* The discriminator that the models share but for width and slope: "disc", leaky, of GROUP_ADVERSARY. */
struct gan_spec gan_discriminator(int64_t width, double slope);

/* How a model makes codes of samples of this shape (with the batch): with `layers` (mlp.h) the last of which is the
 * code, or of pictures with `latent` values. Both may be NULL. */
void gan_code(const struct ints *layers, int64_t latent, const struct shape *sample, struct ints *hidden,
              struct shape *code);

/* N,S,S,C to N,4,4,width S/8, in g->precision. Batch norm behind all layers but the first; nowhere a bias. N,C to
 * N,last of layers. */
struct node *gan_map(struct graph *g, const struct gan_spec *s, struct node *x);

/* A map N,h,w,C, seen as a whole, to N,1,1,out by one convolution without norm or bias, F32; its parameter is
 * PREFIX.name.weight. */
struct node *gan_vector(struct graph *g, const struct gan_spec *s, const char *name, struct node *map, int out);

/* The way back: N,1,1,Z to a picture of shape `to`, N,S,S,C, from -1 to 1 by tanh, F32. N,Z to a row N,C, which has no
 * bounds: through the layers backwards. */
struct node *gan_picture(struct graph *g, const struct gan_spec *s, struct node *vector, struct shape to);

/* What a discriminator sees in a picture, its features, and what it says of it: a logit, above 0 that it is real. */
struct gan_judgement {
    struct node *features, *verdict;
};

/* A discriminator. Its features are the map of 4x4, or where `vector` is not 0 that many values, N,1,1,vector, made of
 * it by PREFIX.features.weight; the verdict is PREFIX.verdict.weight's. */
struct gan_judgement gan_judge(struct graph *g, const struct gan_spec *s, int64_t vector, struct node *picture);

/* Whether these are square pictures of 4 * 2^k pixels; if not, a sentence with the sizes that would do. */
int gan_check(const struct shape *sample, struct err *e);
/* For models that take rows as well. */
int gan_check_rows(const struct ints *layers, const struct shape *sample, struct err *e);

#endif
