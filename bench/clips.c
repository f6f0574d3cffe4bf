/* Frames a second of the whole pipeline of video scoring: frames read and decoded from a folder, brought to 256x256
 * grey and scored by the video net in clips of 16, one clip after the other (hop 16, each clip scores 16 frames). The
 * weights are as initialised: speed does not depend on them. Prints frames a second, decoding included.
 *
 *     clips FOLDER PRECISION THREADS CLIPS */
#include "base/arena.h"
#include "base/clock.h"
#include "data/loader.h"
#include "models/model.h"
#include "nn/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 16, SIZE = 256 };

struct pipeline {
    struct arena arena;
    struct preprocess input;
    struct dataset *frames;
    struct loader *loader; /* a batch of 16 frames is a clip: channels-last, the same memory */
    struct params *params;
    struct graph *graph;
    struct heads heads;
    struct plan *plan;
    void *config;
};

static int open_frames(struct pipeline *p, const char *folder, struct err *e)
{
    struct wishes wishes = {.width = SIZE, .height = SIZE, .channels = 1, .symmetric = true};
    struct loader_options o = {.batch = FRAMES, .input = &p->input, .ahead = 2};
    TRY(dataset_open(folder, DATASET_SCORE, NULL, &p->frames, e));
    TRY(dataset_fit(p->frames, SPLIT_TEST, &wishes, &p->arena, &p->input, e));
    return loader_new(p->frames, SPLIT_TEST, NULL, 0, &o, &p->loader, e);
}

static int build_net(struct pipeline *p, enum dtype precision, int threads, struct err *e)
{
    const struct model *m = model_find("memae", e);
    const struct preset *preset = m ? preset_find(m, "video", e) : NULL;
    p->config = m ? calloc(1, m->config_bytes) : NULL;
    p->params = params_new();
    p->graph = p->params ? graph_new(GRAPH_SCORE, precision, p->params) : NULL;
    if (!preset || !p->config || !p->graph)
        return err_memory(e, "the net");
    options_default(m->options, p->config);
    TRY(options_parse(m->options, p->config, "model memae", preset->model, ' ', e));
    m->build(p->graph, p->config, SHAPE(1, FRAMES, SIZE, SIZE, 1), &p->heads);
    TRY(graph_error(p->graph, e));
    TRY(params_allocate(p->params, 1, false, e));
    struct plan_spec s = {.graph = p->graph, .outputs = &p->heads.scores[0].value, .noutputs = 1, .threads = threads};
    return plan_new(&s, &p->plan, e);
}

static int score_clips(struct pipeline *p, int clips, double *rate, struct err *e)
{
    struct batch b;
    double start = 0, sum = 0;
    int scored = -1; /* the first clip pays for what is made once */
    while (scored < clips) {
        TRY(loader_next(p->loader, &b, e));
        if (b.n < FRAMES) {
            loader_seek(p->loader, 0, 0);
            continue;
        }
        memcpy(plan_data(p->plan, p->heads.input), b.data, (size_t)FRAMES * SIZE * SIZE * sizeof(float));
        plan_forward(p->plan, 0);
        sum += *(const float *)plan_data(p->plan, p->heads.scores[0].value);
        if (++scored == 0)
            start = clock_seconds();
    }
    *rate = FRAMES * clips / (clock_seconds() - start);
    return sum == sum ? 0 : err_set(e, ERR_FAIL, "a score is not a number");
}

int main(int argc, char **argv)
{
    struct pipeline p = {0};
    struct err e = ERR_INIT;
    double rate = 0;
    if (argc != 5) {
        fprintf(stderr, "usage: clips FOLDER f32|bf16 THREADS CLIPS\n");
        return 2;
    }
    int code = open_frames(&p, argv[1], &e);
    if (code == 0)
        code = build_net(&p, strcmp(argv[2], "bf16") ? F32 : BF16, atoi(argv[3]), &e);
    if (code == 0)
        code = score_clips(&p, atoi(argv[4]), &rate, &e);
    plan_free(p.plan);
    graph_free(p.graph);
    params_free(p.params);
    loader_free(p.loader);
    dataset_close(p.frames);
    arena_free(&p.arena);
    free(p.config);
    if (code < 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    printf("%.1f frames/s\n", rate);
    return 0;
}
