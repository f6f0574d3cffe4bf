/* Autoencoder: the baseline of the MemAE and DAAD papers. See ae.md. */
#include "models/autoencoder.h"

struct ae_config {
    struct autoencoder_config net;
};

#define NET_NARROW "widths=16,32,64,64,8 decoder=64,64,64,32"

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 to 512", "", RUN_GENERAL},
    {"mnist", "28x28 grey digits, the paper's net", NET_MNIST, RUN_MNIST},
    {"fashion", "28x28 grey clothes", NET_FASHION, RUN_FASHION},
    {"cifar10", "32x32 colour pictures, the paper's net", NET_CIFAR10, RUN_CIFAR10},
    {"video", "16 frames of 256x256, the official code's 3-D net", NET_VIDEO, RUN_VIDEO},
    {"video-small",
     "16 frames of as many pixels as 128x192 have, a layer less and a third of the widths: for a small computer",
     NET_SMALL, RUN_SMALL},
    {"narrow", "behind mnist: two layers more, a code of 8 numbers for the whole picture", NET_NARROW, ""},
    {"table", "rows of numbers", NET_TABLE, RUN_TABLE},
    {"kdd", "KDDCUP99, the net of the MemAE paper", NET_KDD, RUN_KDD},
    {0}};

#define OPTIONS_OF struct ae_config
static const struct option options[] = {ROW_TABLE(autoencoder_options, net), {0}};

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct ae_config *c = config;
    residual_begin(g, &c->net.residual, input, h);
    h->output = autoencoder_decode(g, &c->net, autoencoder_encode(g, &c->net, h->target), input);
    if (g->mode == GRAPH_SCORE) {
        residual_end(g, &c->net.residual, 1, h);
        return;
    }
    g->scope = "loss";
    struct node *loss = op_mse(g, h->output, h->target);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
}

const struct model model_ae = {
    .name = "ae",
    .title = "Convolutional autoencoder",
    .paper = "the baseline of Gong et al., ICCV 2019, arXiv 1904.02639",
    .idea = "Squeezes a picture through a narrow code and back; what it has never seen comes back wrong. The baseline: "
            "it often learns to copy defects too.",
    .options = options,
    .config_bytes = sizeof(struct ae_config),
    .presets = presets,
    .row_preset = "table",
    .clip_preset = "video-small",
    .takes = TAKES_PICTURES | TAKES_CLIPS | TAKES_ROWS,
    .has_map = true,
    .score_watch = "loss",
    .check = autoencoder_check,
    .build = build,
};
