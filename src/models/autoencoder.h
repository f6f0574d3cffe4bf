/* The encoder and decoder that `ae`, `vae` and `memae` share, with their options: convolutional for pictures and clips,
 * fully connected for rows of numbers. */
#ifndef MODELS_AUTOENCODER_H
#define MODELS_AUTOENCODER_H

#include "models/mlp.h"
#include "models/residual.h"

enum hidden { HIDDEN_RELU, HIDDEN_LEAKY, HIDDEN_TANH };
enum output { OUTPUT_LINEAR, OUTPUT_TANH, OUTPUT_SIGMOID };

struct autoencoder_config {
    struct ints widths, decoder, time_strides, layers;
    int64_t kernel, first_kernel;
    enum hidden activation;
    enum output output;
    enum weight_init init;
    double slope, hide;
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
#define NET_VIDEO   "widths=96,128,256,256 activation=leaky init=normal blur=0 error=absolute"
#define RUN_VIDEO   "size=256 channels=1 frames=16 epochs=100 batch=1 lr=0.0001"
#define NET_SMALL   "widths=32,64,128 time_strides=2 activation=leaky init=normal blur=1 error=absolute"
#define RUN_SMALL   "square=157 channels=1 frames=16 epochs=4 batch=2 lr=0.001 lr_cosine=true keep=last validation=0"
#define NET_TABLE   "activation=tanh hide=0.3"
#define RUN_TABLE   "epochs=200 batch=64 patience=20 score=map map_top=1 aligned=yes"
#define NET_KDD     "layers=60,30,10,3 activation=tanh"
#define RUN_KDD     "epochs=20 batch=256 lr=0.001 keep=last validation=0 categories=plain"

/* Of the hidden layers. */
enum act autoencoder_act(const struct autoencoder_config *c);

/* Target N,[D],H,W,C to code map N,[D'],H',W',C', in g->precision; N,C to code N,C'. */
struct node *autoencoder_encode(struct graph *g, const struct autoencoder_config *c, struct node *target);

/* What is before the code: of rows the values behind the last hidden layer, of pictures the code map itself. */
struct node *autoencoder_hidden(struct graph *g, const struct autoencoder_config *c, struct node *target);

/* Code to what has the shape `input`, F32. */
struct node *autoencoder_decode(struct graph *g, const struct autoencoder_config *c, struct node *code,
                                struct shape input);

/* Shape of the code of such samples; nd 0: too small for so many halvings. */
struct shape autoencoder_code(const struct autoencoder_config *c, const struct shape *input);

/* Whether the options fit each other and samples of this shape (no batch). */
int autoencoder_check(const void *config, const struct shape *sample, struct err *e);

#endif
