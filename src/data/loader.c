#include "data/loader.h"

#include "base/arena.h"
#include "base/rng.h"
#include "data/kind.h"
#include "data/tiles.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_AHEAD = 16,
    MAX_THREADS = 16,
    RUN_MAX = 8,            /* tiles of one picture that follow each other: few, so that a batch is of many pictures */
    PIECE_VALUES = 1 << 16, /* that a thread claims at a time, at the least: the lock costs a microsecond */
};

static const size_t NOTHING = SIZE_MAX;

/* A batch being made or waiting to be taken. Several threads make it, each of rows that it has claimed. */
struct slot {
    float *data, *truth;
    size_t *samples, *tiles;
    char **messages; /* one buffer a sample: ordered passes report row by row */
    const char **errors;
    size_t n;
    int64_t number; /* counted from the start of epoch 0 */
    /* Under the loader's lock: */
    size_t claimed, made; /* rows */
    struct err failure;   /* of row `failed`, the first that failed */
    size_t failed;
    bool ready;
};

/* Rows of a slot that one thread makes. */
struct piece {
    struct slot *slot;
    size_t from, to;
};

struct worker {
    pthread_t thread;
    struct loader *loader;
    void *kept;              /* one sample as the data set keeps it, */
    size_t held;             /* which one, while it is cut into tiles; NOTHING: none */
    void *tile;              /* and a tile of it; NULL: samples come whole */
    void *spare;             /* as large as a row, to vary it in; NULL: nothing is varied */
    struct maker *maker;     /* of defects; NULL: none are made */
    void *other;             /* another sample as the data set keeps it, */
    uint8_t *marks, *counts; /* and of a row, a byte a pixel: where they are, and what counts */
};

struct loader {
    struct dataset *ds;
    enum split split;
    struct loader_options o;
    struct preprocess view; /* of a row of a batch: the sample, or a tile */
    struct tiling *tiling;  /* NULL: samples come whole */
    size_t *indices, n;
    size_t runs, run; /* of each sample, that many runs of so many rows; 1 and 1 where it comes whole */
    size_t *order;    /* of the runs of all samples: the permutation of `order_epoch` */
    int64_t order_epoch;
    size_t steps, values, pixels; /* the last two of a row */
    size_t piece;                 /* rows that are claimed at a time */
    struct arena arena;
    float *data, *truth; /* of all slots */

    struct slot slots[MAX_AHEAD + 1]; /* one more: the batch that the caller holds */
    int n_slots;
    struct worker workers[MAX_THREADS];
    int n_workers;

    pthread_mutex_t lock; /* for what follows, the permutation, and which slot is whose */
    pthread_cond_t room, ready;
    int64_t next_made, next_taken; /* batch numbers; next_taken - 1 is the caller's */
    struct slot *open;             /* the one that has rows to claim; NULL: none has */
    int busy;                      /* workers inside a slot */
    bool paused, stop;
};

/* ---- making a batch ---- */

static bool varies(const struct loader *l)
{
    return l->o.shuffled && augment_wanted(&l->o.augment);
}

/* The place of a row among all that are drawn for in an epoch. */
static size_t drawn_as(const struct loader *l, size_t sample, size_t tile)
{
    return sample * l->runs * l->run + tile;
}

static struct tile_place draw_place(const struct loader *l, int64_t epoch, size_t sample, size_t tile)
{
    struct rng r = rng_new(l->o.seed, rng_stream("loader tiles") + (uint64_t)epoch);
    r.counter = 2 * drawn_as(l, sample, tile);
    return tiling_draw(l->tiling, tile % l->tiling->n, &r);
}

static void vary_row(const struct worker *w, void *kept, int64_t epoch, size_t index)
{
    const struct loader *l = w->loader;
    struct change c = augment_draw(&l->o.augment, &l->view.sample, l->o.seed, epoch, index);
    l->view.kind->change(&l->view, &c, kept, w->spare);
}

/* What counts of a row; NULL: all of it. */
static const uint8_t *region_of(const struct worker *w, const struct tile_place *at)
{
    const struct loader *l = w->loader;
    const uint8_t *roi = l->o.input->roi;
    if (!roi || !at)
        return roi;
    tiling_cut(l->tiling, *at, 1, 1, roi, w->counts);
    return w->counts;
}

/* Another sample than this one, where there is another. */
static size_t draw_other(const struct loader *l, size_t sample, struct rng *r)
{
    size_t k = (size_t)rng_below(r, l->n);
    return l->indices[k] == sample ? l->indices[(k + 1) % l->n] : l->indices[k];
}

/* Makes defects in a row, or none, and says where. */
static int spoil_row(const struct worker *w, void *kept, const struct slot *slot, size_t i, const uint8_t *counts,
                     struct err *e)
{
    const struct loader *l = w->loader;
    const size_t sample = slot->samples[i];
    struct rng r = made_draw(l->o.seed, slot->number / (int64_t)l->steps, drawn_as(l, sample, slot->tiles[i]));
    float *truth = slot->truth + i * l->pixels;
    memset(truth, 0, l->pixels * sizeof *truth);
    if (!((double)rng_uniform(&r) < l->o.made.made_share))
        return 0;
    TRY(dataset_load(l->ds, l->split, draw_other(l, sample, &r), l->o.input, w->other, e));
    const struct picture_format f = preprocess_format(l->o.input);
    const struct picture other = {f.width, f.height, f.channels, w->other};
    maker_run(w->maker, l->o.made.made_kind, &r, &other, counts, kept, w->marks);
    for (size_t k = 0; k < l->pixels; k++)
        truth[k] = w->marks[k];
    return 0;
}

/* Reads a sample, unless it is the one that the last tile was cut from. */
static int hold(struct worker *w, size_t sample, struct err *e)
{
    struct loader *l = w->loader;
    if (w->held == sample)
        return 0;
    w->held = NOTHING;
    TRY(dataset_load(l->ds, l->split, sample, l->o.input, w->kept, e));
    w->held = l->tiling ? sample : NOTHING; /* what comes whole is varied where it lies */
    return 0;
}

/* Row i in its kept form. */
static int read_row(struct worker *w, const struct slot *slot, size_t i, void **kept, struct err *e)
{
    struct loader *l = w->loader;
    int64_t epoch = slot->number / (int64_t)l->steps;
    size_t sample = slot->samples[i], tile = slot->tiles[i];
    TRY(hold(w, sample, e));
    *kept = w->kept;
    struct tile_place at = {0};
    if (l->tiling) {
        at = draw_place(l, epoch, sample, tile);
        tiling_cut(l->tiling, at, preprocess_frames(&l->view), (size_t)shape_last(&l->view.sample), w->kept, w->tile);
        *kept = w->tile;
    }
    if (varies(l))
        vary_row(w, *kept, epoch, drawn_as(l, sample, tile));
    return l->o.truth ? spoil_row(w, *kept, slot, i, region_of(w, l->tiling ? &at : NULL), e) : 0;
}

/* A row that cannot be read: of a shuffled pass it is the batch's failure, whichever thread finds it first. */
static void note_failure(struct loader *l, struct slot *slot, size_t i, const struct err *e)
{
    if (!l->o.shuffled) {
        snprintf(slot->messages[i], sizeof e->msg, "%s", e->msg);
        slot->errors[i] = slot->messages[i];
        return;
    }
    pthread_mutex_lock(&l->lock);
    if (!slot->failure.code || i < slot->failed) {
        slot->failure = *e;
        slot->failed = i;
    }
    pthread_mutex_unlock(&l->lock);
}

static void make_rows(struct worker *w, const struct piece *p)
{
    struct loader *l = w->loader;
    for (size_t i = p->from; i < p->to; i++) {
        float *row = p->slot->data + i * l->values;
        void *kept;
        struct err e = ERR_INIT;
        p->slot->errors[i] = NULL;
        if (read_row(w, p->slot, i, &kept, &e) == 0) {
            preprocess_values(&l->view, kept, row);
            continue;
        }
        memset(row, 0, l->values * sizeof *row);
        note_failure(l, p->slot, i, &e);
    }
}

/* ---- which samples ---- */

/* Of an epoch. */
static size_t rows(const struct loader *l)
{
    return l->n * l->runs * l->run;
}

static void shuffle(struct loader *l, int64_t epoch)
{
    if (l->order_epoch == epoch)
        return;
    struct rng r = rng_new(l->o.seed, rng_stream("loader order") + (uint64_t)epoch);
    rng_permutation(&r, l->order, l->n * l->runs);
    l->order_epoch = epoch;
}

/* Row `at` of an epoch. */
static void choose_row(const struct loader *l, size_t at, size_t *sample, size_t *tile)
{
    size_t run = l->o.shuffled ? l->order[at / l->run] : at;
    *sample = l->indices[run / l->runs];
    *tile = run % l->runs * l->run + at % l->run;
}

/* Under the lock: batches are claimed in order, so one permutation at a time is enough. */
static void open_slot(struct loader *l)
{
    int64_t number = l->next_made++;
    struct slot *slot = &l->slots[number % l->n_slots];
    size_t first = (size_t)(number % (int64_t)l->steps) * l->o.batch, left = rows(l) - first;
    slot->number = number;
    slot->ready = false;
    slot->claimed = slot->made = 0;
    slot->failure = ERR_INIT;
    slot->n = left < l->o.batch ? left : l->o.batch;
    if (l->o.shuffled)
        shuffle(l, number / (int64_t)l->steps);
    for (size_t i = 0; i < slot->n; i++)
        choose_row(l, first + i, &slot->samples[i], &slot->tiles[i]);
    l->open = slot;
}

/* Under the lock. */
static struct piece claim_piece(struct loader *l)
{
    if (!l->open)
        open_slot(l);
    struct slot *slot = l->open;
    struct piece p = {.slot = slot, .from = slot->claimed, .to = slot->claimed + l->piece};
    if (p.to >= slot->n) {
        p.to = slot->n;
        l->open = NULL;
    }
    slot->claimed = p.to;
    return p;
}

static bool has_work(const struct loader *l)
{
    if (l->open)
        return !l->paused;
    /* The caller holds batch next_taken - 1 until it asks for the next. */
    bool more = l->o.shuffled || l->next_made < (int64_t)l->steps;
    return more && !l->paused && l->next_made < l->next_taken - 1 + l->n_slots;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && !has_work(l))
            pthread_cond_wait(&l->room, &l->lock);
        if (l->stop)
            break;
        const struct piece piece = claim_piece(l);
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        make_rows(w, &piece);
        pthread_mutex_lock(&l->lock);
        l->busy--;
        piece.slot->made += piece.to - piece.from;
        piece.slot->ready = piece.slot->made == piece.slot->n;
        pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- the caller's side ---- */

size_t loader_steps(const struct loader *l)
{
    return l->steps;
}

int loader_next(struct loader *l, struct batch *b, struct err *e)
{
    if (!l->o.shuffled && l->next_taken == (int64_t)l->steps)
        return 0;
    struct slot *slot = &l->slots[l->next_taken % l->n_slots];
    pthread_mutex_lock(&l->lock);
    while (!slot->ready || slot->number != l->next_taken)
        pthread_cond_wait(&l->ready, &l->lock);
    if (slot->failure.code == 0) {
        l->next_taken++;
        pthread_cond_broadcast(&l->room);
    }
    pthread_mutex_unlock(&l->lock);
    if (slot->failure.code)
        return err_set(e, slot->failure.code, "%s", slot->failure.msg);
    *b = (struct batch){.data = slot->data,
                        .truth = slot->truth,
                        .samples = slot->samples,
                        .tiles = slot->tiles,
                        .errors = slot->errors,
                        .n = slot->n};
    b->epoch = slot->number / (int64_t)l->steps;
    b->step = slot->number % (int64_t)l->steps;
    return 1;
}

void loader_seek(struct loader *l, int64_t epoch, size_t step)
{
    pthread_mutex_lock(&l->lock);
    l->paused = true;
    while (l->busy)
        pthread_cond_wait(&l->ready, &l->lock);
    for (int i = 0; i < l->n_slots; i++)
        l->slots[i].ready = false;
    l->open = NULL;
    l->next_made = l->next_taken = (l->o.shuffled ? epoch * (int64_t)l->steps : 0) + (int64_t)step;
    l->paused = false;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
}

/* ---- from creation to the end ---- */

static int check_options(const struct loader *l, struct err *e)
{
    const struct loader_options *o = &l->o;
    if (o->batch < 1)
        return err_set(e, ERR_USAGE, "cannot load batches of 0 samples");
    if (augment_wanted(&o->augment) && !o->input->kind->change)
        return err_set(e, ERR_USAGE,
                       "options flip_h, flip_v, shift, rotate, zoom, gain and offset vary pictures; they mean nothing "
                       "for %s, leave them out",
                       o->input->kind->samples);
    if (o->truth && (!preprocess_shows(o->input, NULL) || o->input->sample.nd != 3))
        return err_set(e, ERR_USAGE, "defects can be made in pictures alone, not in %s", o->input->kind->samples);
    if (l->n == 0)
        return err_set(e, ERR_FORMAT, "there is nothing to load: no samples were chosen");
    if (o->shuffled && rows(l) < o->batch)
        return err_set(e, ERR_FORMAT,
                       "there are %zu %s to train on, fewer than one batch of %zu; use a batch of at "
                       "most %zu, or more samples",
                       rows(l), l->tiling ? "tiles" : "samples", o->batch, rows(l));
    return 0;
}

static int allocate_slot(struct loader *l, struct slot *slot)
{
    const size_t batch = l->o.batch;
    slot->samples = arena_alloc(&l->arena, batch * sizeof *slot->samples);
    slot->tiles = arena_alloc(&l->arena, batch * sizeof *slot->tiles);
    slot->messages = arena_alloc(&l->arena, batch * sizeof *slot->messages);
    slot->errors = arena_alloc(&l->arena, batch * sizeof *slot->errors);
    if (!slot->samples || !slot->tiles || !slot->messages || !slot->errors)
        return ERR_MEMORY;
    for (size_t i = 0; i < batch && !l->o.shuffled; i++)
        if (!(slot->messages[i] = arena_alloc(&l->arena, sizeof((struct err *)0)->msg)))
            return ERR_MEMORY;
    return 0;
}

static int allocate_maker(struct loader *l, struct worker *w, struct err *e)
{
    const struct picture_format f = preprocess_format(&l->view);
    TRY(maker_new(&f, &w->maker, e));
    w->other = arena_alloc(&l->arena, preprocess_bytes(l->o.input));
    w->marks = arena_alloc(&l->arena, l->pixels);
    w->counts = arena_alloc(&l->arena, l->pixels);
    return w->other && w->marks && w->counts ? 0 : ERR_MEMORY;
}

static int allocate_worker(struct loader *l, struct worker *w, struct err *e)
{
    *w = (struct worker){.loader = l, .held = NOTHING, .kept = arena_alloc(&l->arena, preprocess_bytes(l->o.input))};
    if (l->tiling)
        w->tile = arena_alloc(&l->arena, preprocess_bytes(&l->view));
    if (varies(l))
        w->spare = arena_alloc(&l->arena, preprocess_bytes(&l->view));
    if (l->o.truth)
        TRY(allocate_maker(l, w, e));
    return w->kept && (w->tile || !l->tiling) && (w->spare || !varies(l)) ? 0 : ERR_MEMORY;
}

static int allocate(struct loader *l, const size_t *indices, struct err *e)
{
    size_t floats;
    bool fits = !__builtin_mul_overflow(l->o.batch * (size_t)l->n_slots, l->values, &floats) &&
                l->o.batch <= SIZE_MAX / 4096 && floats <= SIZE_MAX / 8;
    l->data = fits ? aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64) : NULL;
    l->indices = arena_alloc(&l->arena, l->n * sizeof *l->indices);
    l->order = arena_alloc(&l->arena, l->n * l->runs * sizeof *l->order);
    int code = l->data && l->indices && l->order ? 0 : ERR_MEMORY;
    if (l->o.truth && code == 0 && !(l->truth = malloc(l->o.batch * (size_t)l->n_slots * l->pixels * sizeof(float))))
        code = ERR_MEMORY;
    for (size_t i = 0; i < l->n && code == 0; i++)
        l->indices[i] = indices ? indices[i] : i;
    for (int i = 0; i < l->n_slots && code == 0; i++) {
        l->slots[i].data = l->data + (size_t)i * l->o.batch * l->values;
        l->slots[i].truth = l->truth ? l->truth + (size_t)i * l->o.batch * l->pixels : NULL;
        code = allocate_slot(l, &l->slots[i]);
    }
    for (int i = 0; i < l->o.threads && code == 0; i++)
        code = allocate_worker(l, &l->workers[i], e);
    return code < 0 ? err_memory(e, "the batches of a loader; a smaller batch or sample needs less") : 0;
}

static int clamp(int value, int fallback, int max)
{
    return value < 1 ? fallback : value > max ? max : value;
}

/* What a row is, and how many there are. */
static int choose_view(struct loader *l, struct err *e)
{
    l->view = *l->o.input;
    l->runs = l->run = 1;
    if (!l->o.shuffled || !l->o.input->tile)
        return 0;
    l->view = preprocess_view(l->o.input);
    TRY(tiling_new(l->o.input, &l->tiling, e));
    l->runs = (l->tiling->n + RUN_MAX - 1) / RUN_MAX;
    l->run = (l->tiling->n + l->runs - 1) / l->runs;
    return 0;
}

static int start(struct loader *l, const size_t *indices, struct err *e)
{
    TRY(choose_view(l, e));
    TRY(check_options(l, e));
    TRY(dataset_match(l->ds, l->o.input, e));
    l->o.threads = clamp(l->o.threads, 1, MAX_THREADS);
    l->n_slots = clamp(l->o.ahead, 3, MAX_AHEAD) + 1;
    l->values = (size_t)shape_count(&l->view.sample);
    l->pixels = l->values / (size_t)shape_last(&l->view.sample);
    l->steps = l->o.shuffled ? rows(l) / l->o.batch : (rows(l) + l->o.batch - 1) / l->o.batch;
    l->piece = (PIECE_VALUES + l->values - 1) / l->values;
    l->piece = (l->piece + l->run - 1) / l->run * l->run; /* tiles of a picture stay together */
    l->order_epoch = -1;
    TRY(allocate(l, indices, e));
    for (; l->n_workers < l->o.threads; l->n_workers++) {
        struct worker *w = &l->workers[l->n_workers];
        int failed = pthread_create(&w->thread, NULL, work, w);
        if (failed)
            return err_set(e, ERR_FAIL, "cannot start a thread to load data: %s", strerror(failed));
    }
    return 0;
}

int loader_new(struct dataset *ds, enum split split, const size_t *indices, size_t n,
               const struct loader_options *options, struct loader **out, struct err *e)
{
    *out = NULL;
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        return err_memory(e, "a loader");
    l->ds = ds;
    l->split = split;
    l->o = *options;
    l->n = indices ? n : dataset_count(ds, split);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->ready, NULL);
    int code = start(l, indices, e);
    if (code < 0)
        loader_free(l);
    else
        *out = l;
    return code;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->n_workers; i++)
        pthread_join(l->workers[i].thread, NULL);
    for (int i = 0; i < MAX_THREADS; i++)
        maker_free(l->workers[i].maker);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    tiling_free(l->tiling);
    arena_free(&l->arena);
    free(l->data);
    free(l->truth);
    free(l);
}
