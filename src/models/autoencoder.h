/* The convolutional encoder and decoder that `ae` and `memae` share, 2-D and 3-D, with its options. */
#ifndef MODELS_AUTOENCODER_H
#define MODELS_AUTOENCODER_H

#include "models/model.h"
#include "nn/layers.h"

struct autoencoder_config {
    struct ints widths, decoder, time_strides;
    int64_t kernel, first_kernel;
    int act, output, init;
    double slope, blur, contrast;
};

/* Rows for the option table of a model whose config `type` begins with its autoencoder_config, named `net`. */
#define AUTOENCODER_OPTIONS(type)                                                                                      \
    {"widths",                                                                                                         \
     OPTION_INTS,                                                                                                      \
     offsetof(type, net.widths),                                                                                       \
     "32,64,128,128",                                                                                                  \
     1,                                                                                                                \
     4096,                                                                                                             \
     NULL,                                                                                                             \
     "channels after each halving of the picture, from the first layer to the code"},                                  \
        {"decoder",                                                                                                    \
         OPTION_INTS,                                                                                                  \
         offsetof(type, net.decoder),                                                                                  \
         "",                                                                                                           \
         1,                                                                                                            \
         4096,                                                                                                         \
         NULL,                                                                                                         \
         "channels after each doubling but the last; empty: the widths backwards"},                                    \
        {"kernel", OPTION_INT, offsetof(type, net.kernel), "3", 1, 11, NULL, "size of the convolutions, in pixels"},   \
        {"first_kernel",                                                                                               \
         OPTION_INT,                                                                                                   \
         offsetof(type, net.first_kernel),                                                                             \
         "0",                                                                                                          \
         0,                                                                                                            \
         11,                                                                                                           \
         NULL,                                                                                                         \
         "size of the first convolution; 0: as kernel"},                                                               \
        {"time_strides",                                                                                               \
         OPTION_INTS,                                                                                                  \
         offsetof(type, net.time_strides),                                                                             \
         "",                                                                                                           \
         1,                                                                                                            \
         2,                                                                                                            \
         NULL,                                                                                                         \
         "of clips: step of each layer in time; empty: 1, then 2"},                                                    \
        {"activation", OPTION_CHOICE, offsetof(type, net.act), "relu", 0, 0, "relu|leaky", "behind every batch norm"}, \
        {"slope", OPTION_FLOAT, offsetof(type, net.slope), "0.2", 0.001, 0.9, NULL, "of leaky, below zero"},           \
        {"output", OPTION_CHOICE,         offsetof(type, net.output), "linear", 0,                                     \
         0,        "linear|tanh|sigmoid", "behind the last layer"},                                                    \
        {"init",                                                                                                       \
         OPTION_CHOICE,                                                                                                \
         offsetof(type, net.init),                                                                                     \
         "uniform",                                                                                                    \
         0,                                                                                                            \
         0,                                                                                                            \
         "uniform|normal",                                                                                             \
         "first weights: uniform in 1/sqrt(fan in), or normal with deviation 0.02 as the official code"},              \
        {"contrast",                                                                                                   \
         OPTION_FLOAT,                                                                                                 \
         offsetof(type, net.contrast),                                                                                 \
         "0",                                                                                                          \
         0,                                                                                                            \
         10,                                                                                                           \
         NULL,                                                                                                         \
         "of ink on black: brings every picture to this root mean square above black; 0: as it is"},                   \
    {                                                                                                                  \
        "blur", OPTION_FLOAT, offsetof(type, net.blur), "1", 0, 16, NULL,                                              \
            "of the score: deviation in pixels of the Gaussian that smooths the residual; 0: none"                     \
    }

/* Presets that both models offer: the nets of the paper's tables, one run for both. */
#define RUN_GENERAL "epochs=100 batch=16 patience=25"
#define NET_MNIST   "widths=16,32,64 decoder=64,32 first_kernel=1 contrast=0.64"
#define RUN_MNIST   "size=28 channels=1 epochs=25 batch=64 lr=0.001 keep=last validation=0"
#define NET_FASHION "widths=16,32,64 decoder=64,32"
#define RUN_FASHION "size=28 channels=1 epochs=25 batch=64 lr=0.001"
#define NET_CIFAR10 "widths=64,128,128,256 decoder=256,128,128"
#define RUN_CIFAR10 "size=32 channels=3 epochs=25 batch=64 lr=0.001 keep=last validation=0"
#define NET_VIDEO   "widths=96,128,256,256 activation=leaky init=normal blur=0"
#define RUN_VIDEO   "size=256 channels=1 frames=16 epochs=100 batch=1 lr=0.0001"

/* Adds the input of shape N,[D],H,W,C (h->input) and returns what is to be rebuilt: the input, its contrast evened
 * out where the option says so. */
struct node *autoencoder_target(struct graph *g, const struct autoencoder_config *c, struct shape input,
                                struct heads *h);

/* Target N,[D],H,W,C to code map N,[D'],H',W',C', in g->precision. */
struct node *autoencoder_encode(struct graph *g, const struct autoencoder_config *c, struct node *target);

/* Code map to the picture of shape `input`, F32. */
struct node *autoencoder_decode(struct graph *g, const struct autoencoder_config *c, struct node *code,
                                struct shape input);

/* Shape of the code map of such pictures; nd 0: too small for so many halvings. */
struct shape autoencoder_code(const struct autoencoder_config *c, const struct shape *input);

/* Sets output, map and score of a score graph: mean squared (smoothed) residual, per position and over all. */
void autoencoder_score(struct graph *g, const struct autoencoder_config *c, struct node *target, struct node *rebuilt,
                       struct heads *h);

/* Whether widths, decoder and time strides fit each other and pictures of this shape (no batch). */
int autoencoder_check(const void *config, const struct shape *sample, struct err *e);

#endif
