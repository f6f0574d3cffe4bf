/* Which samples are trained on, and which are held out for validation and calibration. */
#include "run/train_parts.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- clips ---- */

/* Neighbouring clips are nearly the same: what is held out are stretches of video, and no clip that is trained on
 * reaches into one. A video is cut into as many as make each about a 20th of all frames, and at least four clips long;
 * of many short ones each is a stretch of its own. */
enum { STRETCHES = 20, STRETCH_CLIPS = 4 };

struct stretch {
    size_t video, first_clip; /* the clip that begins with its first frame */
    int64_t first, frames;
    enum share share;
};

struct stretches {
    struct stretch *v;
    size_t n, room;
    int64_t frames; /* of all */
};

static int64_t reach_of(const struct trainer *t)
{
    return (t->about.input.sample.d[0] - 1) * t->about.input.step + 1;
}

static int add_stretch(struct stretches *s, const struct stretch *stretch, struct err *e)
{
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        struct stretch *more = realloc(s->v, s->room * sizeof *more);
        if (!more)
            return err_memory(e, "the stretches of videos");
        s->v = more;
    }
    s->v[s->n++] = *stretch;
    return 0;
}

/* The clips from `first` on are those of one video. */
static int cut_video(struct stretches *s, size_t first, size_t video, int64_t frames, int64_t reach, struct err *e)
{
    int64_t n = frames * STRETCHES / s->frames, most = frames / (STRETCH_CLIPS * reach);
    n = n < most ? n : most;
    n = n < 1 ? 1 : n;
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = frames * i / n, end = frames * (i + 1) / n;
        const struct stretch stretch = {
            .video = video, .first_clip = first + (size_t)begin, .first = begin, .frames = end - begin};
        TRY(add_stretch(s, &stretch, e));
    }
    return 0;
}

/* Where the clips of the video that sample `first` is of end. */
static size_t video_end(const struct dataset *data, size_t first)
{
    const size_t n = dataset_count(data, SPLIT_TRAIN), video = dataset_sample(data, SPLIT_TRAIN, first)->episode;
    size_t end = first;
    while (end < n && dataset_sample(data, SPLIT_TRAIN, end)->episode == video)
        end++;
    return end;
}

static int find_stretches(const struct trainer *t, struct stretches *s, struct err *e)
{
    const struct dataset *data = t->job->data;
    const size_t n = dataset_count(data, SPLIT_TRAIN);
    const int64_t reach = reach_of(t);
    for (size_t at = 0, end; at < n; at = end) {
        end = video_end(data, at);
        s->frames += (int64_t)(end - at) + reach - 1;
    }
    for (size_t at = 0, end; at < n; at = end) {
        end = video_end(data, at);
        const size_t video = dataset_sample(data, SPLIT_TRAIN, at)->episode;
        TRY(cut_video(s, at, video, (int64_t)(end - at) + reach - 1, reach, e));
    }
    return 0;
}

/* At random, until each share has its part of the frames. */
static int deal(const struct trainer *t, struct stretches *s, struct err *e)
{
    const struct train_config *c = t->job->train;
    const double wanted[SHARES] = {[SHARE_VALIDATION] = c->validation, [SHARE_CALIBRATION] = c->calibration};
    size_t *order = malloc(s->n * sizeof *order), at = 0;
    if (!order)
        return err_memory(e, "the stretches of videos");
    struct rng r = rng_new((uint64_t)c->seed, rng_stream("shares"));
    rng_permutation(&r, order, s->n);
    for (enum share share = SHARE_VALIDATION; share <= SHARE_CALIBRATION; share++)
        for (double has = 0; at < s->n && has < wanted[share] * (double)s->frames; at++) {
            s->v[order[at]].share = share;
            has += (double)s->v[order[at]].frames;
        }
    free(order);
    if (at < s->n)
        return 0;
    return err_set(
        e, ERR_USAGE,
        "all of the %lld frames would be held out for validation and calibration: they make %zu stretch%s of "
        "video, and of each share at least one is held out whole; add video, lower validation or "
        "calibration, or give fewer frames a clip",
        (long long)s->frames, s->n, s->n == 1 ? "" : "es");
}

/* Clips of a stretch that are `hop` apart, and one that ends with it: those it is judged by. Returns how many. */
static size_t list_apart(const struct trainer *t, const struct stretch *s, int64_t hop, size_t *to, uint8_t *begins)
{
    const int64_t step = t->about.input.step, length = t->about.input.sample.d[0];
    const int64_t last = (s->frames - 1) / step + 1 - length;
    size_t n = 0;
    for (int64_t at = 0, next = 0; at <= last; at = next) {
        if (begins)
            begins[n] = at == 0;
        to[n++] = s->first_clip + (size_t)(at * step);
        next = at + hop < last || at == last ? at + hop : last;
    }
    return n;
}

/* Clips of what is left, of which every `hop`-th is trained on. */
static size_t list_trained(const struct trainer *t, const struct stretches *s, size_t *to)
{
    const int64_t reach = reach_of(t), hop = t->job->train->hop;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct stretch *at = &s->v[i];
        bool goes_on = i + 1 < s->n && s->v[i + 1].video == at->video && s->v[i + 1].share == SHARE_TRAIN;
        const int64_t clips = goes_on ? at->frames : at->frames - reach + 1;
        for (int64_t k = 0; at->share == SHARE_TRAIN && k < clips; k++)
            if ((at->first + k) % hop == 0)
                to[n++] = at->first_clip + (size_t)k;
    }
    return n;
}

static int draw_clips(struct trainer *t, const struct stretches *s, struct err *e)
{
    const size_t n = dataset_count(t->job->data, SPLIT_TRAIN);
    const int64_t length = t->about.input.sample.d[0], step = t->about.input.step;
    t->order = malloc(3 * n * sizeof *t->order); /* no share has more */
    if (!t->order)
        return err_memory(e, "the order of the samples");
    t->samples[SHARE_TRAIN] = list_trained(t, s, t->order);
    size_t *to = t->order + t->samples[SHARE_TRAIN];
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].share == SHARE_VALIDATION)
            t->samples[SHARE_VALIDATION] += list_apart(t, &s->v[i], length, to + t->samples[SHARE_VALIDATION], NULL);
        if (s->v[i].share == SHARE_CALIBRATION)
            t->about.calibrated += (s->v[i].frames - 1) / step + 1;
    }
    t->about.trained = (int64_t)t->samples[SHARE_TRAIN];
    t->about.validated = (int64_t)t->samples[SHARE_VALIDATION];
    return 0;
}

static int draw_stretches(struct trainer *t, struct err *e)
{
    struct stretches *s = t->stretches = arena_alloc(&t->about.arena, sizeof *s);
    if (!s)
        return err_memory(e, "the stretches of videos");
    TRY(find_stretches(t, s, e));
    TRY(deal(t, s, e));
    return draw_clips(t, s, e);
}

int train_hold_clips(struct trainer *t, struct err *e)
{
    const struct stretches *s = t->stretches;
    size_t *to = t->order + t->samples[SHARE_TRAIN] + t->samples[SHARE_VALIDATION];
    t->stretch_begins = malloc(dataset_count(t->job->data, SPLIT_TRAIN) + 1);
    if (!t->stretch_begins)
        return err_memory(e, "the order of the samples");
    for (size_t i = 0; i < s->n; i++) {
        size_t *held = &t->samples[SHARE_CALIBRATION];
        if (s->v[i].share != SHARE_CALIBRATION)
            continue;
        *held +=
            list_apart(t, &s->v[i], frames_hop(&t->forward, &t->about.input), to + *held, t->stretch_begins + *held);
        t->held_stretches++;
    }
    return 0;
}

void train_stretches_free(struct stretches *s)
{
    if (s)
        free(s->v);
}

/* ---- pictures and rows ---- */

static int by_index(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* At least one where a share is asked for. */
static size_t share_of(double share, size_t n)
{
    size_t count = (size_t)llround(share * (double)n);
    return share > 0 && !count ? 1 : count;
}

/* Of n samples, `others` of them held out already. A share too small for the usual promise grows, up to half of what is
 * left: from few samples a model learns nearly as much with half of them, and without a threshold it says nothing
 * (stats/calibrate.md). */
static size_t calibration_share(double share, size_t n, size_t others)
{
    size_t asked = share_of(share, n), half = (n - others) / 2, wanted = half < TRAIN_PROMISE ? half : TRAIN_PROMISE;
    return asked && asked < wanted ? wanted : asked;
}

/* Which sample is in which share depends on the seed and the number of samples alone. */
int train_draw_shares(struct trainer *t, struct err *e)
{
    const struct train_config *c = t->job->train;
    size_t n = dataset_count(t->job->data, SPLIT_TRAIN), at = 0;
    if (dataset_plays(t->job->data))
        return draw_stretches(t, e);
    t->samples[SHARE_VALIDATION] = share_of(c->validation, n);
    if (!c->folds)
        t->samples[SHARE_CALIBRATION] = calibration_share(c->calibration, n, t->samples[SHARE_VALIDATION]);
    size_t held = t->samples[SHARE_VALIDATION] + t->samples[SHARE_CALIBRATION];
    if (held + 2 > n)
        return err_set(e, ERR_USAGE,
                       "%zu of %zu training samples would be held out for validation and calibration, at "
                       "least 2 must be left to train on; lower validation or calibration, or add data",
                       held, n);
    t->samples[SHARE_TRAIN] = n - held;
    t->order = malloc(n * sizeof *t->order);
    if (!t->order)
        return err_memory(e, "the order of the samples");
    struct rng r = rng_new((uint64_t)c->seed, rng_stream("shares"));
    rng_permutation(&r, t->order, n);
    for (int s = 0; s < SHARES; s++) {
        qsort(t->order + at, t->samples[s], sizeof *t->order, by_index);
        at += t->samples[s];
    }
    t->about.trained = (int64_t)t->samples[SHARE_TRAIN];
    t->about.validated = (int64_t)t->samples[SHARE_VALIDATION];
    t->about.calibrated = (int64_t)t->samples[c->folds ? SHARE_TRAIN : SHARE_CALIBRATION];
    return 0;
}
