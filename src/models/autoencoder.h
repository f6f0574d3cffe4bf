/* The convolutional encoder and decoder that `ae` and `memae` share, 2-D and 3-D, with its options. */
#ifndef MODELS_AUTOENCODER_H
#define MODELS_AUTOENCODER_H

#include "models/residual.h"
#include "nn/layers.h"

enum hidden { HIDDEN_RELU, HIDDEN_LEAKY };
enum output { OUTPUT_LINEAR, OUTPUT_TANH, OUTPUT_SIGMOID };

struct autoencoder_config {
    struct ints widths, decoder, time_strides;
    int64_t kernel, first_kernel;
    enum hidden activation;
    enum output output;
    enum weight_init init;
    double slope;
    struct residual_config residual;
};

/* For the table of a model that has an autoencoder_config in its own. */
extern const struct option autoencoder_options[];

/* Presets that both models offer: the nets of the paper's tables, one run for both. */
#define RUN_GENERAL "epochs=100 batch=16 patience=25 score=map"
#define NET_MNIST   "widths=16,32,64 decoder=64,32 first_kernel=1 contrast=0.64"
#define RUN_MNIST   "size=28 channels=1 epochs=25 batch=64 lr=0.001 keep=last validation=0"
#define NET_FASHION "widths=16,32,64 decoder=64,32"
#define RUN_FASHION "size=28 channels=1 epochs=25 batch=64 lr=0.001"
#define NET_CIFAR10 "widths=64,128,128,256 decoder=256,128,128"
#define RUN_CIFAR10 "size=32 channels=3 epochs=25 batch=64 lr=0.001 keep=last validation=0"
#define NET_VIDEO   "widths=96,128,256,256 activation=leaky init=normal blur=0"
#define RUN_VIDEO   "size=256 channels=1 frames=16 epochs=100 batch=1 lr=0.0001"

/* Target N,[D],H,W,C to code map N,[D'],H',W',C', in g->precision. */
struct node *autoencoder_encode(struct graph *g, const struct autoencoder_config *c, struct node *target);

/* Code map to the picture of shape `input`, F32. */
struct node *autoencoder_decode(struct graph *g, const struct autoencoder_config *c, struct node *code,
                                struct shape input);

/* Shape of the code map of such pictures; nd 0: too small for so many halvings. */
struct shape autoencoder_code(const struct autoencoder_config *c, const struct shape *input);

/* Whether widths, decoder and time strides fit each other and pictures of this shape (no batch). */
int autoencoder_check(const void *config, const struct shape *sample, struct err *e);

#endif
