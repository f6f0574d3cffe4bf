/* Autoencoder with skips: the U-Net whose maps cross as they are, the second baseline of DAAD. See ae_skip.md. */
#include "models/residual.h"
#include "models/unet.h"

struct ae_skip_config {
    struct unet_config net;
    struct residual_config residual;
};

static const struct preset presets[] = {
    {"general", "pictures of any size from 16 to 512", "", "epochs=100 batch=16 patience=25 score=map"},
    {"mvtec", "256x256 colour pictures, the net of daad's preset without its memories",
     "widths=64,128,256,512,512 blur=0",
     "size=256 channels=3 epochs=1000 batch=8 lr=0.0001 flip_h=true flip_v=true keep=last validation=0"},
    {"mnist", "28x28 grey digits", "widths=32,64 output=linear contrast=0.64",
     "size=28 channels=1 epochs=25 batch=64 lr=0.001 keep=last validation=0"},
    {"cifar10", "32x32 colour pictures", "widths=64,128,256",
     "size=32 channels=3 epochs=25 batch=64 lr=0.001 keep=last validation=0"},
    {0}};

#define OPTIONS_OF struct ae_skip_config
static const struct option options[] = {ROW_TABLE(unet_options, net), ROW_TABLE(residual_options, residual), {0}};

static int check(const void *config, const struct shape *sample, struct err *e)
{
    const struct ae_skip_config *c = config;
    return unet_check(&c->net, sample, e);
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    const struct ae_skip_config *c = config;
    residual_begin(g, &c->residual, input, h);
    h->output = unet_build(g, &c->net, h->target, NULL, NULL, h);
    if (g->mode == GRAPH_SCORE) {
        residual_end(g, &c->residual, 1, h);
        return;
    }
    g->scope = "loss";
    struct node *loss = op_mse(g, h->output, h->target);
    h->objectives[h->nobjectives++] = (struct objective){.name = "loss", .loss = loss, .group = GROUP_MAIN};
}

const struct model model_ae_skip = {
    .name = "ae-skip",
    .title = "Autoencoder with skips",
    .paper = "AE+Skip of Hou et al., ICCV 2021, arXiv 2107.13118",
    .idea =
        "A U-Net: what it saw on the way down it has at hand on the way up, so it rebuilds sharply, defects too. The "
        "baseline that shows what memories on its lateral connections are for.",
    .options = options,
    .config_bytes = sizeof(struct ae_skip_config),
    .presets = presets,
    .takes = TAKES_PICTURES,
    .has_map = true,
    .score_watch = "loss",
    .check = check,
    .build = build,
};
