#include "data/feed.h"

#include "base/clock.h"
#include "data/dataset_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames made ahead: enough that decoding a difficult one delays nobody. */
enum { AHEAD = 32 };

enum { PATIENCE = 100000000 }; /* nanoseconds */

struct slot {
    struct feed_item item;
    uint8_t *kept;
    struct shown shown;
    char message[sizeof((struct err *)0)->msg];
};

struct feed {
    struct feed_spec spec; /* but for what is copied below */
    bool live;             /* any of the videos */
    double began;
    size_t *videos;
    int64_t *from;
    size_t n;
    uint8_t *memory;    /* of all slots' frames */
    struct slot *slots; /* a ring of `nslots` */
    size_t nslots;
    struct picture_decoder *decoder;
    double last; /* the thread's: time of the last frame */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t room, ready, halted;
    uint64_t made, taken; /* slots; the caller holds taken - 1 */
    bool done, stop;
    struct feed_counts counts;
    atomic_bool halt; /* as stop, for who waits for a source */

    int in_unit; /* the thread's: frames of the unit in hand that were kept */
    bool missed; /* and whether some are missing before the next one */
};

/* ---- the thread ---- */

/* The slot to fill next; NULL: to stop. */
static struct slot *wait_for_room(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->stop && f->made + 1 >= f->taken + f->nslots)
        pthread_cond_wait(&f->room, &f->lock);
    struct slot *slot = f->stop ? NULL : &f->slots[f->made % f->nslots];
    pthread_mutex_unlock(&f->lock);
    return slot;
}

static void hand_over(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->made++;
    pthread_cond_signal(&f->ready);
    pthread_mutex_unlock(&f->lock);
}

/* Puts the end of a video, or why there is no more of it, or not now. */
static bool put_end(struct feed *f, enum feed_what what, size_t video, int64_t frame, const char *why)
{
    struct slot *slot = wait_for_room(f);
    if (!slot)
        return false;
    slot->item =
        (struct feed_item){.what = what, .video = video, .frame = frame, .time = f->last, .message = slot->message};
    snprintf(slot->message, sizeof slot->message, "%s", why);
    hand_over(f);
    return true;
}

static int fill_slot(struct feed *f, struct slot *slot, const struct frame *frame, struct err *e)
{
    const struct picture_format format = preprocess_format(f->spec.input);
    TRY(picture_fit(f->decoder, &frame->picture, &format, slot->kept, e));
    preprocess_ignore(f->spec.input, slot->kept);
    return f->spec.shows ? shown_keep(&slot->shown, f->decoder, &frame->whole, e) : 0;
}

static int next_frame(struct feed *f, const struct part *part, void *player, struct frame *out, struct err *e)
{
    const struct frame_wish wish = {preprocess_format(f->spec.input), f->spec.shows};
    return part->source->next(player, &wish, out, e);
}

/* One frame: 1, 0 at the end, negative on an error or when it is to stop. */
static int put_frame(struct feed *f, const struct part *part, void *player, size_t video, int64_t frame, struct err *e)
{
    struct frame next;
    int got = next_frame(f, part, player, &next, e);
    if (got <= 0)
        return got;
    struct slot *slot = wait_for_room(f);
    if (!slot)
        return ERR_STOPPED;
    TRY(fill_slot(f, slot, &next, e));
    f->last = f->live ? feed_clock(f) : next.time;
    slot->item = (struct feed_item){.what = FEED_FRAME,
                                    .video = video,
                                    .frame = frame,
                                    .begins = f->missed,
                                    .time = f->last,
                                    .kept = slot->kept,
                                    .shown = slot->shown.picture};
    f->missed = false;
    hand_over(f);
    return 1;
}

static double time_of(const struct episode *episode, int64_t frame)
{
    return episode->times && frame < episode->frames ? episode->times[frame] : -1;
}

/* ---- live streams ---- */

/* Whether a frame that came may stay. The first of a unit decides for all of it. */
static bool keep_live(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    const size_t room = f->nslots - 1 - (size_t)(f->made - f->taken);
    const bool keep = f->spec.live.waits || f->in_unit || room >= (size_t)f->spec.live.unit;
    f->counts.came++;
    f->counts.dropped += !keep;
    pthread_mutex_unlock(&f->lock);
    f->missed |= !keep;
    f->in_unit = keep ? (f->in_unit + 1) % f->spec.live.unit : 0;
    return keep;
}

/* As put_frame, of a frame that may be dropped. */
static int put_live(struct feed *f, const struct part *part, void *player, size_t video, int64_t frame, struct err *e)
{
    struct frame dropped;
    if (keep_live(f))
        return put_frame(f, part, player, video, frame, e);
    return next_frame(f, part, player, &dropped, e);
}

/* From connecting to the loss of the connection. *frame counts on. */
static int play_connection(struct feed *f, const struct part *part, const struct sample *s, size_t video,
                           int64_t *frame, struct err *e)
{
    void *player = NULL;
    int got = part->source->play(part, s, &f->halt, &player, e);
    f->missed = true;
    f->in_unit = 0;
    if (got == 0) {
        pthread_mutex_lock(&f->lock);
        f->counts.connections++;
        pthread_mutex_unlock(&f->lock);
        while ((got = put_live(f, part, player, video, *frame, e)) > 0)
            ++*frame;
    }
    if (player)
        part->source->stop(player);
    return got;
}

/* False: to stop. */
static bool pause_for(struct feed *f, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&f->lock);
    while (!f->stop && pthread_cond_timedwait(&f->halted, &f->lock, &until) == 0)
        ;
    const bool on = !f->stop;
    pthread_mutex_unlock(&f->lock);
    return on;
}

/* Connects again and again, with longer and longer pauses while that does not help. Who starts it with an address that
 * never was right is told at once. */
static bool play_live(struct feed *f, size_t video, const struct part *part, const struct sample *s)
{
    int64_t frame = 0;
    for (double pause = 1;;) {
        const int64_t before = frame;
        struct err e = ERR_INIT;
        int got = play_connection(f, part, s, video, &frame, &e);
        if (got == ERR_STOPPED)
            return false;
        const char *why = got < 0 ? e.msg : "the stream has ended";
        if (!frame || f->spec.live.retry <= 0)
            return put_end(f, got < 0 ? FEED_ERROR : FEED_END, video, frame, why);
        pause = frame > before ? 1 : 2 * pause;
        pause = pause > f->spec.live.retry ? f->spec.live.retry : pause;
        if (!put_end(f, FEED_LOST, video, frame, why) || !pause_for(f, pause))
            return false;
    }
}

/* ---- videos ---- */

static int play_file(struct feed *f, size_t i, const struct part *part, const struct sample *s, int64_t *frame,
                     struct err *e)
{
    const struct episode *episode = &f->spec.ds->splits[f->spec.split].episodes[s->episode];
    void *player = NULL;
    int got = part->source->play(part, s, &f->halt, &player, e);
    if (got == 0 && *frame)
        got = part->source->seek(player, *frame, time_of(episode, *frame), e);
    f->missed = true;
    f->last = 0;
    if (got == 0)
        while ((got = put_frame(f, part, player, f->videos[i], *frame, e)) > 0)
            ++*frame;
    if (player)
        part->source->stop(player);
    return got;
}

/* False: to stop. */
static bool play_video(struct feed *f, size_t i)
{
    const struct sample *s = &f->spec.ds->splits[f->spec.split].v[f->videos[i]];
    const struct part *part = &f->spec.ds->parts[s->part];
    struct err e = ERR_INIT;
    int64_t frame = f->from[i];
    if (part->source->live)
        return play_live(f, f->videos[i], part, s);
    int got = play_file(f, i, part, s, &frame, &e);
    return got != ERR_STOPPED && put_end(f, got < 0 ? FEED_ERROR : FEED_END, f->videos[i], frame, e.msg);
}

static void *work(void *user)
{
    struct feed *f = user;
    for (size_t i = 0; i < f->n && play_video(f, i); i++)
        ;
    pthread_mutex_lock(&f->lock);
    f->done = true;
    pthread_cond_signal(&f->ready);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- the caller's side ---- */

/* As many as are made ahead; of what may be dropped no more than are worth waiting for. */
static size_t choose_slots(const struct feed *f)
{
    const size_t two = 2 * (size_t)f->spec.live.unit + 2;
    return f->live && !f->spec.live.waits ? two : two > AHEAD ? two : AHEAD;
}

static int allocate(struct feed *f, struct err *e)
{
    const struct picture_format format = preprocess_format(f->spec.input);
    const size_t frame = picture_bytes(&format);
    f->nslots = choose_slots(f);
    f->videos = malloc((f->n + 1) * sizeof *f->videos);
    f->from = malloc((f->n + 1) * sizeof *f->from);
    f->memory = malloc(f->nslots * frame);
    f->slots = calloc(f->nslots, sizeof *f->slots);
    if (!f->videos || !f->from || !f->memory || !f->slots)
        return err_memory(e, "frames to score");
    for (size_t i = 0; i < f->nslots; i++)
        f->slots[i].kept = f->memory + i * frame;
    return 0;
}

static int start(struct feed *f, const struct feed_spec *spec, struct err *e)
{
    f->n = spec->videos ? spec->n : dataset_count(spec->ds, spec->split);
    f->live = dataset_live(spec->ds);
    f->began = clock_seconds();
    TRY(allocate(f, e));
    for (size_t i = 0; i < f->n; i++) {
        f->videos[i] = spec->videos ? spec->videos[i] : i;
        f->from[i] = spec->from ? spec->from[i] : 0;
    }
    TRY(dataset_take_decoder(spec->ds, &f->decoder, e));
    int failed = pthread_create(&f->thread, NULL, work, f);
    if (failed)
        return err_set(e, ERR_FAIL, "cannot start a thread to play videos: %s", strerror(failed));
    f->started = true;
    return 0;
}

int feed_new(const struct feed_spec *spec, struct feed **out, struct err *e)
{
    *out = NULL;
    struct feed *f = calloc(1, sizeof *f);
    if (!f)
        return err_memory(e, "frames to score");
    f->spec = *spec;
    f->spec.live.unit = spec->live.unit < 1 ? 1 : spec->live.unit;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->room, NULL);
    pthread_cond_init(&f->ready, NULL);
    pthread_cond_init(&f->halted, NULL);
    int code = start(f, spec, e);
    if (code < 0)
        feed_free(f);
    else
        *out = f;
    return code;
}

static void halt(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    atomic_store(&f->halt, true);
    pthread_cond_signal(&f->room);
    pthread_cond_signal(&f->halted);
    pthread_mutex_unlock(&f->lock);
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    halt(f);
    if (f->started)
        pthread_join(f->thread, NULL);
    if (f->decoder)
        dataset_put_decoder(f->spec.ds, f->decoder);
    pthread_cond_destroy(&f->room);
    pthread_cond_destroy(&f->ready);
    pthread_cond_destroy(&f->halted);
    pthread_mutex_destroy(&f->lock);
    for (size_t i = 0; f->slots && i < f->nslots; i++)
        shown_free(&f->slots[i].shown);
    free(f->slots);
    free(f->videos);
    free(f->from);
    free(f->memory);
    free(f);
}

double feed_clock(const struct feed *f)
{
    return clock_seconds() - f->began;
}

struct feed_counts feed_count(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    const struct feed_counts counts = f->counts;
    pthread_mutex_unlock(&f->lock);
    return counts;
}

/* Waits for a signal that there is more, or for so long that it is worth asking whether to stop. */
static void wait_for_more(struct feed *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PATIENCE;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&f->ready, &f->lock, &until);
}

static bool is_to_stop(const struct feed *f)
{
    return f->spec.stopping && f->spec.stopping(f->spec.user);
}

int feed_next(struct feed *f, struct feed_item *item, struct err *e)
{
    bool stop = is_to_stop(f);
    pthread_mutex_lock(&f->lock);
    while (!stop && f->made == f->taken && !f->done) {
        wait_for_more(f);
        pthread_mutex_unlock(&f->lock); /* what is asked may take its time */
        stop = is_to_stop(f);
        pthread_mutex_lock(&f->lock);
    }
    bool there = !stop && f->made != f->taken;
    if (there) {
        *item = f->slots[f->taken % f->nslots].item;
        f->taken++;
        pthread_cond_signal(&f->room);
    }
    pthread_mutex_unlock(&f->lock);
    return stop && !f->live ? err_set(e, ERR_STOPPED, "scoring was stopped") : there;
}
