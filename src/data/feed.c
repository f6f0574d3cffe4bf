#include "data/feed.h"

#include "data/dataset_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames made ahead: enough that decoding a difficult one delays nobody. */
enum { AHEAD = 32 };

struct slot {
    struct feed_item item;
    uint8_t *kept;
    struct shown shown;
    char message[sizeof((struct err *)0)->msg];
};

struct feed {
    struct dataset *ds;
    enum split split;
    const struct preprocess *input;
    bool shows;
    size_t *videos;
    int64_t *from;
    size_t n;
    uint8_t *memory; /* of all slots' frames */
    struct slot slots[AHEAD];
    struct picture_decoder *decoder;
    double last; /* the thread's: time of the last frame */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t room, ready;
    uint64_t made, taken; /* slots; the caller holds taken - 1 */
    bool done, stop;
    atomic_bool halt; /* as stop, for who waits for a source */
};

/* ---- the thread ---- */

/* The slot to fill next; NULL: to stop. */
static struct slot *wait_for_room(struct feed *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->stop && f->made + 1 >= f->taken + AHEAD)
        pthread_cond_wait(&f->room, &f->lock);
    struct slot *slot = f->stop ? NULL : &f->slots[f->made % AHEAD];
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

/* Puts the end of a video, or why there is no more of it. */
static bool put_end(struct feed *f, size_t video, int64_t frame, const char *why)
{
    struct slot *slot = wait_for_room(f);
    if (!slot)
        return false;
    slot->item =
        (struct feed_item){.what = why ? FEED_ERROR : FEED_END, .video = video, .frame = frame, .time = f->last};
    if (why)
        snprintf(slot->message, sizeof slot->message, "%s", why);
    slot->item.message = slot->message;
    hand_over(f);
    return true;
}

/* One frame: 1, 0 at the end, negative on an error or when it is to stop. */
static int put_frame(struct feed *f, const struct part *part, void *player, size_t video, int64_t frame, struct err *e)
{
    const struct picture_format format = preprocess_format(f->input);
    struct picture picture;
    double time;
    int got = part->source->next(player, f->shows ? 0 : format.channels, &picture, &time, e);
    if (got <= 0)
        return got;
    struct slot *slot = wait_for_room(f);
    if (!slot)
        return ERR_STOPPED;
    TRY(picture_fit(f->decoder, &picture, &format, slot->kept, e));
    preprocess_ignore(f->input, slot->kept);
    if (f->shows)
        TRY(shown_keep(&slot->shown, f->decoder, &picture, e));
    f->last = time;
    slot->item = (struct feed_item){.what = FEED_FRAME,
                                    .video = video,
                                    .frame = frame,
                                    .time = time,
                                    .kept = slot->kept,
                                    .shown = slot->shown.picture};
    hand_over(f);
    return 1;
}

static double time_of(const struct episode *episode, int64_t frame)
{
    return episode->times && frame < episode->frames ? episode->times[frame] : -1;
}

/* False: to stop. */
static bool play_video(struct feed *f, size_t i)
{
    const size_t video = f->videos[i];
    const struct sample *s = &f->ds->splits[f->split].v[video];
    const struct part *part = &f->ds->parts[s->part];
    struct err e = ERR_INIT;
    void *player = NULL;
    int64_t frame = f->from[i];
    f->last = 0;
    int got = part->source->play(part, s, &f->halt, &player, &e);
    if (got == 0 && frame)
        got = part->source->seek(player, frame, time_of(&f->ds->splits[f->split].episodes[s->episode], frame), &e);
    if (got == 0)
        while ((got = put_frame(f, part, player, video, frame, &e)) > 0)
            frame++;
    if (player)
        part->source->stop(player);
    return got != ERR_STOPPED && put_end(f, video, frame, got < 0 ? e.msg : NULL);
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

static int start(struct feed *f, const struct feed_spec *spec, struct err *e)
{
    const struct picture_format format = preprocess_format(f->input);
    const size_t frame = picture_bytes(&format);
    f->videos = malloc((f->n + 1) * sizeof *f->videos);
    f->from = malloc((f->n + 1) * sizeof *f->from);
    f->memory = malloc(AHEAD * frame);
    if (!f->videos || !f->from || !f->memory)
        return err_memory(e, "frames to score");
    for (size_t i = 0; i < f->n; i++) {
        f->videos[i] = spec->videos ? spec->videos[i] : i;
        f->from[i] = spec->from ? spec->from[i] : 0;
    }
    for (size_t i = 0; i < AHEAD; i++)
        f->slots[i].kept = f->memory + i * frame;
    TRY(dataset_take_decoder(f->ds, &f->decoder, e));
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
    f->ds = spec->ds;
    f->split = spec->split;
    f->input = spec->input;
    f->shows = spec->shows;
    f->n = spec->videos ? spec->n : dataset_count(spec->ds, spec->split);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->room, NULL);
    pthread_cond_init(&f->ready, NULL);
    int code = start(f, spec, e);
    if (code < 0)
        feed_free(f);
    else
        *out = f;
    return code;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    atomic_store(&f->halt, true);
    pthread_cond_signal(&f->room);
    pthread_mutex_unlock(&f->lock);
    if (f->started)
        pthread_join(f->thread, NULL);
    if (f->decoder)
        dataset_put_decoder(f->ds, f->decoder);
    pthread_cond_destroy(&f->room);
    pthread_cond_destroy(&f->ready);
    pthread_mutex_destroy(&f->lock);
    for (size_t i = 0; i < AHEAD; i++)
        shown_free(&f->slots[i].shown);
    free(f->videos);
    free(f->from);
    free(f->memory);
    free(f);
}

int feed_next(struct feed *f, struct feed_item *item, struct err *e)
{
    (void)e;
    pthread_mutex_lock(&f->lock);
    while (f->made == f->taken && !f->done)
        pthread_cond_wait(&f->ready, &f->lock);
    bool there = f->made != f->taken;
    if (there) {
        *item = f->slots[f->taken % AHEAD].item;
        f->taken++;
        pthread_cond_signal(&f->room);
    }
    pthread_mutex_unlock(&f->lock);
    return there;
}
