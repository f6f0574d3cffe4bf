/* Clips: D,H,W,C of 1 or 3 channels, frames of a video that follow each other. A data set of them is opened as videos,
 * a sample each; to be trained on these are cut into clips, one for every frame that a clip can begin with. Kept as
 * 8-bit frames of the model's size: each frame once, however many clips it is in. */
#include "data/kind.h"

#include "base/arena.h"
#include "base/rng.h"
#include "data/dataset_private.h"
#include "data/pixel_values.h"
#include "data/region.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIP_FRAMES = 16, /* of a clip, where nobody says how many: the paper's */
    GUESS_MAX = 128,  /* longest side that is chosen without being asked for; the cost grows with area and frames */
    GUESS_STEP = 16,  /* sides are multiples of it */
    CHUNK = 64,       /* frames that memory is made for at once */
};

/* ---- fitting ---- */

/* The first frame of the first video that has one. */
static int look(struct dataset *ds, enum split split, struct picture_format *format, struct err *e)
{
    const struct split_samples *s = &ds->splits[split];
    struct err first = ERR_INIT;
    for (size_t i = 0; i < s->n; i++) {
        const struct part *part = &ds->parts[s->v[i].part];
        struct frame frame;
        void *player = NULL;
        int got = part->source->play(part, &s->v[i], NULL, &player, &first);
        if (got == 0)
            got = part->source->next(player, &(struct frame_wish){0}, &frame, &first);
        if (got > 0)
            *format = (struct picture_format){frame.own.width, frame.own.height, frame.picture.channels};
        if (player)
            part->source->stop(player);
        if (got > 0)
            return 0;
    }
    return err_set(e, first.code ? first.code : ERR_FORMAT, "%s",
                   first.code ? first.msg : "there is no video with a frame");
}

static int guess_side(int side, const struct picture_format *native, const struct wishes *w)
{
    const int longest = native->width > native->height ? native->width : native->height;
    double scale = longest > GUESS_MAX ? (double)GUESS_MAX / longest : 1;
    if (w->tile)
        return side; /* frames keep their own size */
    if (w->square.n)
        scale = fmin(wishes_square_scale(w, native->width, native->height), 1);
    const int steps = (int)lround(side * scale / GUESS_STEP);
    return GUESS_STEP * (steps < 1 ? 1 : steps);
}

static int fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
               struct err *e)
{
    struct picture_format native = {0};
    const bool region = w->roi && *w->roi;
    if (!w->height || region)
        TRY(look(ds, split, &native, e));
    float *scale = arena_alloc(arena, 2 * sizeof *scale);
    if (!scale)
        return err_memory(e, "the preprocessing");
    p->sample =
        SHAPE(w->frames ? w->frames : CLIP_FRAMES, w->height ? w->height : guess_side(native.height, &native, w),
              w->width ? w->width : guess_side(native.width, &native, w), w->channels ? w->channels : 1);
    p->step = w->step ? w->step : 1;
    p->n = 1;
    p->mean = scale;
    p->std = scale + 1;
    scale[0] = w->symmetric ? 0.5f : 0;
    scale[1] = w->symmetric ? 0.5f : 1;
    p->tile = w->tile;
    p->overlap = w->overlap;
    return region ? region_read(w->roi, &native, arena, p, e) : 0;
}

static int check(const struct preprocess *p, struct err *e)
{
    const struct shape *s = &p->sample;
    char text[SHAPE_TEXT];
    if (s->nd == 4 && (s->d[3] == 1 || s->d[3] == 3) && p->n == 1 && p->step >= 1)
        return 0;
    return err_set(e, ERR_FORMAT, "clips should be frames, height, width and 1 or 3 channels, not %s",
                   shape_text(s, text));
}

static size_t bytes(const struct preprocess *p)
{
    return (size_t)shape_count(&p->sample);
}

static size_t frame_bytes(const struct preprocess *p)
{
    return bytes(p) / (size_t)p->sample.d[0];
}

/* ---- whole videos ---- */

/* What a video has become so far, while it is examined. */
struct examined {
    struct episode *episode;
    size_t size;    /* bytes of memory at episode->kept */
    bool remembers; /* there is memory for all of it so far */
};

/* Takes bytes from what the data set may keep. */
static bool reserve(struct dataset *ds, size_t bytes)
{
    pthread_mutex_lock(&ds->lock);
    bool there = ds->room >= bytes;
    ds->room -= there ? bytes : 0;
    pthread_mutex_unlock(&ds->lock);
    return there;
}

static void give_up(struct dataset *ds, struct examined *x)
{
    pthread_mutex_lock(&ds->lock);
    ds->room += x->size;
    pthread_mutex_unlock(&ds->lock);
    free(x->episode->kept);
    x->episode->kept = NULL;
    x->size = 0;
    x->remembers = false;
}

/* The time of the next frame; without them a video is only slower to search. */
static void note_time(struct episode *episode, double time)
{
    const size_t n = (size_t)episode->frames;
    if (n % CHUNK == 0) {
        double *grown = !n || episode->times ? realloc(episode->times, (n + CHUNK) * sizeof *grown) : NULL;
        if (!grown)
            free(episode->times);
        episode->times = grown;
    }
    if (episode->times)
        episode->times[n] = time;
}

/* Room for one frame more. */
static void grow(struct dataset *ds, struct examined *x, size_t frame)
{
    if (!x->remembers || ((size_t)x->episode->frames + 1) * frame <= x->size)
        return;
    const size_t more = CHUNK * frame;
    uint8_t *grown = reserve(ds, more) ? realloc(x->episode->kept, x->size + more) : NULL;
    if (!grown) {
        give_up(ds, x);
        return;
    }
    x->episode->kept = grown;
    x->size += more;
}

static int examine_frames(struct dataset *ds, const struct part *part, void *player, struct picture_decoder *d,
                          const struct preprocess *p, struct examined *x, uint8_t *room, struct sight *sight,
                          struct err *e)
{
    const struct picture_format format = p ? preprocess_format(p) : (struct picture_format){0};
    struct frame frame;
    int got;
    while ((got = part->source->next(player, &(struct frame_wish){.fitted = format}, &frame, e)) > 0) {
        struct episode *episode = x->episode;
        if (!episode->frames)
            sight->own = SHAPE(1, frame.own.height, frame.own.width, frame.picture.channels);
        if (p) {
            grow(ds, x, frame_bytes(p));
            uint8_t *to = x->remembers ? episode->kept + (size_t)episode->frames * frame_bytes(p) : room;
            TRY(picture_fit(d, &frame.picture, &format, to, e));
            sight->hash = rng_hash(&(uint64_t[]){sight->hash, rng_hash(to, frame_bytes(p))}, 2 * sizeof sight->hash);
        }
        note_time(episode, frame.time);
        episode->seconds =
            episode->frames ? frame.time * (1 + 1 / (double)episode->frames) : 0; /* and its last frame's */
        episode->frames++;
        sight->own.d[0] = episode->frames;
    }
    return got;
}

/* Reads all of a video, and keeps its frames where there is room. */
static int examine(struct dataset *ds, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                   uint8_t *room, struct sight *sight, struct err *e)
{
    const struct part *part = &ds->parts[s->part];
    struct episode *episode = &ds->splits[s->split].episodes[s->episode];
    struct examined x = {.episode = episode, .remembers = p != NULL};
    void *player = NULL;
    dataset_forget_episode(episode);
    episode->shape = p ? p->sample : (struct shape){0};
    *sight = (struct sight){0};
    int code = part->source->play(part, s, NULL, &player, e);
    if (code == 0)
        code = examine_frames(ds, part, player, d, p, &x, room, sight, e);
    if (player)
        part->source->stop(player);
    if (episode->kept) {
        free(episode->times);
        episode->times = NULL;
    }
    if (code == 0 && s->truths && s->ntruths != episode->frames)
        code = err_set(e, ERR_FORMAT, "%s has %lld frames, but labels of %lld; give the labels of this very video",
                       s->name, (long long)episode->frames, (long long)s->ntruths);
    return code;
}

/* ---- clips ---- */

static int64_t reach(const struct preprocess *p)
{
    return (p->sample.d[0] - 1) * p->step + 1;
}

static int clip_truth(const struct sample *video, int64_t first, const struct preprocess *p)
{
    if (!video->truths)
        return video->anomalous;
    for (int64_t k = 0; k < p->sample.d[0]; k++)
        if (video->truths[first + k * p->step])
            return 1;
    return 0;
}

static int cut_video(struct dataset *ds, const struct sample *video, const struct preprocess *p, struct err *e)
{
    const int64_t frames = ds->splits[video->split].episodes[video->episode].frames;
    if (frames < reach(p))
        return err_set(e, ERR_FORMAT,
                       "%s has %lld frame%s, and a clip of %lld frames%s needs %lld; leave that video out, or give "
                       "fewer frames",
                       video->name, (long long)frames, frames == 1 ? "" : "s", (long long)p->sample.d[0],
                       p->step > 1 ? " with a step" : "", (long long)reach(p));
    struct sample clip = *video;
    for (clip.index = 0; clip.index + reach(p) <= frames; clip.index++) {
        char name[PATH_MAX + 32];
        snprintf(name, sizeof name, "%s#%06lld", video->name, (long long)clip.index);
        clip.name = name;
        clip.anomalous = clip_truth(video, clip.index, p);
        TRY(part_add(&ds->parts[video->part], video->split, &clip, e));
    }
    return 0;
}

static int cut(struct dataset *ds, enum split split, const struct preprocess *p, struct err *e)
{
    struct split_samples *s = &ds->splits[split];
    struct sample *videos = s->v;
    const size_t n = s->n;
    int code = 0;
    s->v = NULL;
    s->n = s->capacity = 0;
    for (size_t i = 0; i < n && code == 0; i++)
        code = cut_video(ds, &videos[i], p, e);
    free(videos);
    return code;
}

/* The frames of a clip out of the video itself: where they found no room in memory. */
static int read_frames(const struct part *part, const struct episode *episode, void *player, const struct sample *s,
                       struct picture_decoder *d, const struct preprocess *p, uint8_t *kept, struct err *e)
{
    const struct picture_format format = preprocess_format(p);
    struct frame frame;
    TRY(part->source->seek(player, s->index, episode->times ? episode->times[s->index] : -1, e));
    for (int64_t i = 0; i < reach(p); i++) {
        int got = part->source->next(player, &(struct frame_wish){.fitted = format}, &frame, e);
        TRY(got);
        if (!got)
            return err_set(e, ERR_IO, "%s ends before frame %lld, which was there when it was read first", s->path,
                           (long long)(s->index + i));
        if (i % p->step == 0)
            TRY(picture_fit(d, &frame.picture, &format, kept + (size_t)(i / p->step) * frame_bytes(p), e));
    }
    return 0;
}

static int load(const struct part *part, const struct sample *s, struct picture_decoder *d, const struct preprocess *p,
                void *kept, struct shape *own, struct err *e)
{
    const struct episode *episode = &part->ds->splits[s->split].episodes[s->episode];
    const size_t frame = frame_bytes(p);
    *own = p->sample;
    if (episode->kept && shape_equal(&episode->shape, &p->sample)) {
        for (int64_t k = 0; k < p->sample.d[0]; k++)
            memcpy((uint8_t *)kept + (size_t)k * frame, episode->kept + (size_t)(s->index + k * p->step) * frame,
                   frame);
        return 0;
    }
    struct open_video r;
    int code = dataset_take_player(part->ds, s, &r, e);
    if (code == 0)
        code = read_frames(part, episode, r.player, s, d, p, kept, e);
    if (code == 0 && episode->times) /* without times nothing is played back to a frame */
        dataset_put_player(part->ds, &r);
    else
        dataset_drop_player(&r);
    return code;
}

static void values(const struct preprocess *p, const void *kept, float *out)
{
    pixels_to_values(p, kept, bytes(p), out);
}

static void change(const struct preprocess *p, const struct change *c, void *kept, void *spare)
{
    change_make(c, &p->sample, kept, spare);
}

/* One frame. */
static void show(const struct preprocess *p, const float *values_in, uint8_t *pixels)
{
    values_to_pixels(p, values_in, frame_bytes(p), pixels);
}

static void describe(const struct shape *least, const struct shape *most, char *text, size_t size)
{
    char frames[60], sides[60];
    const char *colour = most->d[3] == 3 ? "colour" : "grey";
    if (least->d[0] == most->d[0])
        snprintf(frames, sizeof frames, "of %lld frames", (long long)most->d[0]);
    else
        snprintf(frames, sizeof frames, "of %lld to %lld frames", (long long)least->d[0], (long long)most->d[0]);
    if (least->d[1] == most->d[1] && least->d[2] == most->d[2])
        snprintf(sides, sizeof sides, "all %lldx%lld", (long long)most->d[2], (long long)most->d[1]);
    else
        snprintf(sides, sizeof sides, "widths %lld to %lld, heights %lld to %lld", (long long)least->d[2],
                 (long long)most->d[2], (long long)least->d[1], (long long)most->d[1]);
    snprintf(text, size, "%s, %s, %s", frames, sides, colour);
}

const struct kind kind_clips = {
    .name = "clips",
    .samples = "clips",
    .plays = true,
    .fit = fit,
    .check = check,
    .bytes = bytes,
    .examine = examine,
    .cut = cut,
    .load = load,
    .values = values,
    .change = change,
    .show = show,
    .describe = describe,
};
