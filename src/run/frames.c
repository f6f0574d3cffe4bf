#include "run/frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of a frame so far: sums over `clips`. */
struct pending {
    int clips;
    double by_map;
    double parts[SCORE_PARTS];
    float *map, *usual, *output, *target; /* the last two are of the clip that came first */
};

struct frames {
    struct frames_spec spec;
    int64_t length;          /* frames of a clip, */
    int64_t judged;          /* of which the last so many have maps; 0: there are no maps */
    size_t values;           /* of a frame of a map, */
    size_t pixels;           /* and of a frame of an output */
    int64_t shown;           /* the last so many frames of a clip have an output; 0: there are none */
    struct pending *pending; /* a ring of `room` frames */
    int64_t room;
    int64_t first, end; /* frames in it */
    float *memory;      /* of all maps */
    float *judgement;   /* one map */
};

static bool official(const struct frames *f)
{
    return f->spec.protocol == PROTOCOL_OFFICIAL;
}

int64_t frames_hop(const struct forward *f, const struct preprocess *input)
{
    const int64_t judged = (int64_t)f->map_values / (input->sample.d[1] * input->sample.d[2]);
    return judged ? judged : input->sample.d[0];
}

/* Takes n values from *at on. */
static float *take(float **at, bool wanted, size_t n)
{
    float *taken = wanted ? *at : NULL;
    *at += wanted ? n : 0;
    return taken;
}

static int allocate(struct frames *f, struct err *e)
{
    const bool maps = f->spec.keep_maps && f->judged, usual = f->spec.judge != NULL;
    const size_t frame = f->values * ((size_t)maps + (size_t)usual) + (f->shown ? 2 * f->pixels : 0);
    f->pending = calloc((size_t)f->room, sizeof *f->pending);
    f->memory = malloc(((size_t)f->room * frame + f->values) * sizeof *f->memory);
    if (!f->pending || !f->memory)
        return err_memory(e, "the frames of clips");
    float *at = f->memory;
    f->judgement = take(&at, true, f->values);
    for (int64_t i = 0; i < f->room; i++) {
        f->pending[i].map = take(&at, maps, f->values);
        f->pending[i].usual = take(&at, usual, f->values);
        f->pending[i].output = take(&at, f->shown, f->pixels);
        f->pending[i].target = take(&at, f->shown, f->pixels);
    }
    return 0;
}

int frames_new(const struct frames_spec *spec, struct frames **out, struct err *e)
{
    const struct preprocess *input = &spec->about->input;
    struct frames *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f)
        return err_memory(e, "the frames of clips");
    f->spec = *spec;
    f->length = input->sample.d[0];
    f->values = (size_t)(input->sample.d[1] * input->sample.d[2]);
    f->judged = (int64_t)(spec->forward->map_values / f->values);
    f->pixels = f->values * (size_t)input->sample.d[3];
    f->shown = spec->forward->reconstructions ? (int64_t)(spec->forward->output_values / f->pixels) : 0;
    f->room = 2 * f->length + spec->hop + 1;
    int code = allocate(f, e);
    if (code < 0)
        frames_free(f);
    else
        *out = f;
    return code;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    free(f->pending);
    free(f->memory);
    free(f);
}

void frames_begin(struct frames *f, int64_t first)
{
    f->first = f->end = first;
}

/* The place of a frame; one that is new knows nothing yet. */
static struct pending *place(struct frames *f, int64_t frame)
{
    for (; f->end <= frame; f->end++) {
        struct pending *p = &f->pending[f->end % f->room];
        p->clips = 0;
        p->by_map = 0;
        memset(p->parts, 0, sizeof p->parts);
    }
    return &f->pending[frame % f->room];
}

static void add_map(float *sum, const float *map, size_t n, bool first)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = first ? map[i] : sum[i] + map[i];
}

/* What clip i says of its frame k, whose map is there or NULL. */
static void add_frame(struct frames *f, struct pending *p, int i, const float *map)
{
    const struct heads *h = &f->spec.forward->heads;
    for (int k = 0; k < h->nscores; k++)
        p->parts[k] += (double)forward_part(f->spec.forward, i, k);
    if (p->map && map)
        add_map(p->map, map, f->values, !p->clips);
    if (p->usual && map) {
        p->by_map += (double)judge_frame(f->spec.judge, map, f->judgement);
        add_map(p->usual, f->judgement, f->values, !p->clips);
    }
}

/* What clip i makes of its frame k. */
static void add_output(const struct frames *f, struct pending *p, int i, int64_t k)
{
    const int64_t at = k - (f->length - f->shown);
    if (!f->shown || at < 0 || p->clips)
        return;
    const size_t from = (size_t)at * f->pixels, bytes = f->pixels * sizeof(float);
    memcpy(p->output, forward_reconstruction(f->spec.forward, i) + from, bytes);
    memcpy(p->target, forward_target(f->spec.forward, i) + from, bytes);
}

void frames_add(struct frames *f, int i, int64_t first)
{
    const float *map = forward_map(f->spec.forward, i);
    const int64_t skipped = f->judged ? f->length - f->judged : 0; /* at the front, without a map: not judged */
    const int64_t middle = skipped + (f->length - skipped) / 2;    /* of 16 the ninth; the one that is predicted */
    const int64_t from = official(f) ? middle : skipped, to = official(f) ? from + 1 : f->length;
    place(f, first + f->length - 1);
    for (int64_t k = from; k < to; k++)
        if (first + k >= f->first) {
            struct pending *p = place(f, first + k);
            add_frame(f, p, i, map && k >= skipped ? map + (size_t)(k - skipped) * f->values : NULL);
            add_output(f, p, i, k);
            p->clips++;
        }
}

static void finish(const struct frames *f, const struct pending *p, struct frame_row *row)
{
    const struct heads *h = &f->spec.forward->heads;
    const float share = 1 / (float)p->clips;
    double score = 0;
    for (int k = 0; k < h->nscores; k++) {
        row->parts[k] = (float)(p->parts[k] / p->clips);
        score += (double)h->scores[k].weight * p->parts[k] / p->clips;
    }
    row->by[BY_MODEL] = (float)score;
    row->by[BY_MAP] = p->usual ? (float)(p->by_map / p->clips) : NAN;
    row->map = p->map;
    row->usual = p->usual;
    row->output = p->output;
    row->target = p->target;
    for (size_t i = 0; p->clips > 1 && p->map && i < f->values; i++)
        p->map[i] *= share;
    for (size_t i = 0; p->clips > 1 && p->usual && i < f->values; i++)
        p->usual[i] *= share;
}

/* Frames that no clip speaks of have what the next one has. Its sums are not touched: its own turn comes. */
static bool borrow(struct frames *f, struct pending *p)
{
    for (int64_t next = f->first + 1; next < f->end; next++) {
        const struct pending *from = &f->pending[next % f->room];
        if (!from->clips)
            continue;
        p->clips = from->clips;
        p->by_map = from->by_map;
        memcpy(p->parts, from->parts, sizeof p->parts);
        if (p->map)
            memcpy(p->map, from->map, f->values * sizeof *p->map);
        if (p->usual)
            memcpy(p->usual, from->usual, f->values * sizeof *p->usual);
        if (f->shown) {
            memcpy(p->output, from->output, f->pixels * sizeof *p->output);
            memcpy(p->target, from->target, f->pixels * sizeof *p->target);
        }
        return true;
    }
    return false;
}

bool frames_take(struct frames *f, int64_t until, struct frame_row *row)
{
    while (f->first < until && f->first < f->end) {
        struct pending *p = &f->pending[f->first % f->room];
        bool known = p->clips || (!official(f) && borrow(f, p));
        *row = (struct frame_row){.frame = f->first++};
        if (!known)
            continue;
        finish(f, p, row);
        return true;
    }
    return false;
}
