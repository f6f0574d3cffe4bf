/* The whole pipeline of video scoring: a file or folder of frames read and decoded in a thread of its own, brought to
 * 256x256 grey and scored by memae's video net, a row a frame, in clips that follow each other (hop 16). The weights
 * are as initialised: speed does not depend on them. The video is played again and again until enough frames are
 * scored; prints frames a second, frames that are missing, and how the process's memory grew meanwhile:
 *
 *     video VIDEO f32|bf16 THREADS FRAMES
 *
 * `video --make FILE FRAMES` writes one to try it with: 360x240, mp4. */
#include "base/clock.h"
#include "run/score.h"
#include "video/video_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH = 16, SIZE = 256, WIDTH = 360, HEIGHT = 240, LOOKS = 10 };

/* ---- a video ---- */

/* Squares that wander over a ramp. */
static void draw(uint8_t *rgb, int number)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            bool square = (x + 3 * number) % 90 < 12 && (y + number) % 60 < 20;
            for (int c = 0; c < 3; c++)
                *rgb++ = (uint8_t)(square ? 220 : x / 2 + (x * 7 + y * 13) % 9);
        }
}

static int make(const char *path, int frames, struct err *e)
{
    static uint8_t rgb[WIDTH * HEIGHT * 3];
    struct video_writer *w;
    TRY(video_writer_new(path, WIDTH, HEIGHT, true, &w, e));
    for (int i = 0; i < frames; i++) {
        draw(rgb, i);
        TRY(video_writer_add(w, rgb, i / 25.0, e));
    }
    return video_writer_close(w, e);
}

/* ---- a model file ---- */

static int describe(struct model_file *about, enum precision precision, struct err *e)
{
    static const float half = 0.5f;
    const struct model *m = about->model = model_find("memae", e);
    const struct preset *preset = m ? preset_find(m, "video", e) : NULL;
    about->config = m ? arena_alloc(&about->arena, m->config_bytes) : NULL;
    if (!preset || !about->config)
        return err_memory(e, "the net");
    options_default(m->options, about->config);
    options_default(train_options, &about->train);
    TRY(options_parse(m->options, about->config, "model memae", preset->model, ' ', e));
    about->train.precision = precision;
    about->input = (struct preprocess){.kind = kind_find("clips", e),
                                       .sample = SHAPE(LENGTH, SIZE, SIZE, 1),
                                       .step = 1,
                                       .n = 1,
                                       .mean = &half,
                                       .std = &half};
    about->version = about->date = about->data = about->data_summary = "";
    about->kept_epoch = 1;
    return 0;
}

static int write_model(const char *path, enum precision precision, struct err *e)
{
    struct model_file about = {0};
    struct heads heads;
    struct params *params = params_new();
    struct graph *g = params ? graph_new(GRAPH_SCORE, F32, params) : NULL;
    int code = g ? describe(&about, precision, e) : err_memory(e, "the net");
    if (code == 0) {
        about.model->build(g, about.config, SHAPE(1, LENGTH, SIZE, SIZE, 1), &heads);
        code = graph_error(g, e);
    }
    if (code == 0)
        code = params_allocate(params, 1, false, e);
    if (code == 0)
        code = model_file_write(path, true, &about, params, e);
    graph_free(g);
    params_free(params);
    model_file_free(&about);
    return code;
}

/* ---- scoring ---- */

struct run {
    int64_t wanted, told, missing, next;
    double start, memory[LOOKS + 1];
    int looks;
};

/* Resident, in MiB. */
static double memory(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    int got = f ? fscanf(f, "%ld %ld", &pages, &resident) : 0;
    if (f)
        fclose(f);
    return got == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20) : NAN;
}

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct run *r = user;
    (void)index;
    if (v->error) {
        fprintf(stderr, "%s\n", v->message);
        return 1;
    }
    r->next = v->frame ? r->next : 0;
    r->missing += v->frame - r->next;
    r->next = v->frame + 1;
    if (++r->told == 2 * LENGTH) /* the first clips pay for what is made once */
        r->start = clock_seconds();
    if (r->told >= 2 * LENGTH + r->looks * r->wanted / LOOKS && r->looks <= LOOKS)
        r->memory[r->looks++] = memory();
    return r->told >= r->wanted + 2 * LENGTH;
}

static int play(const char *video, const char *model, int threads, struct run *r, struct err *e)
{
    struct dataset *data = NULL;
    struct loaded *loaded = NULL;
    struct scorer *scorer = NULL;
    const struct scorer_spec spec = {.batch = LENGTH, .threads = threads, .precision = PRECISION_AUTO, .rate = 0.05};
    int code = dataset_open(video, DATASET_SCORE, NULL, &data, e);
    if (code == 0)
        code = loaded_open(model, &loaded, e);
    if (code == 0)
        code = scorer_new(loaded, &spec, &scorer, e);
    while (code == 0)
        code = scorer_score_dataset(scorer, data, SPLIT_TEST, NULL, 0, on_row, r, e);
    scorer_free(scorer);
    loaded_close(loaded);
    dataset_close(data);
    return code == ERR_STOPPED && r->told > r->wanted ? 0 : code;
}

static int measure(const char *video, bool bf16, int threads, int64_t frames, struct err *e)
{
    char model[] = "/tmp/engram-video-XXXXXX";
    struct run r = {.wanted = frames};
    int file = mkstemp(model);
    if (file < 0)
        return err_set(e, ERR_IO, "cannot make a file in /tmp");
    close(file);
    int code = write_model(model, bf16 ? PRECISION_BF16 : PRECISION_F32, e);
    if (code == 0)
        code = play(video, model, threads, &r, e);
    unlink(model);
    if (code < 0)
        return code;
    printf("%.1f frames/s, %lld of %lld frames missing, memory %.1f MiB after warming up, %.1f at the end\n",
           (double)frames / (clock_seconds() - r.start), (long long)r.missing, (long long)r.told, r.memory[0],
           r.memory[r.looks - 1]);
    const double half = r.memory[r.looks / 2], slope = (r.memory[r.looks - 1] - half) / ((double)frames / 2);
    printf("memory grew by %.3g MiB in the second half: %.3g MiB in 10 hours of 25 frames a second\n",
           r.memory[r.looks - 1] - half, slope * 900000);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    int code;
    if (argc == 4 && !strcmp(argv[1], "--make")) {
        code = make(argv[2], atoi(argv[3]), &e);
    } else if (argc == 5) {
        code = measure(argv[1], !strcmp(argv[2], "bf16"), atoi(argv[3]), atoll(argv[4]), &e);
    } else {
        fprintf(stderr, "usage: video VIDEO f32|bf16 THREADS FRAMES\n       video --make FILE FRAMES\n");
        return 2;
    }
    if (code < 0)
        fprintf(stderr, "%s\n", e.msg);
    return code < 0;
}
