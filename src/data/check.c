/* Everything that is wrong with a dataset, found before anything is trained on it; and its summary. */
#include "data/dataset.h"

#include "base/rng.h"
#include "data/dataset_private.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOWN = 3, MAX_HELPERS = 63, PROGRESS_SECONDS = 5 };

struct problem {
    size_t sample;
    char text[sizeof((struct err *)0)->msg];
};

struct check {
    struct dataset *ds;
    struct split_samples *samples;
    const struct dataset_needs *needs;
    size_t keep; /* the first so many are kept */
    const struct log *log;
    pthread_t caller;
    time_t told;
    atomic_size_t next, done;
    atomic_bool stopped;
    pthread_mutex_t lock;            /* for what follows */
    struct problem shown[SHOWN + 1]; /* the first by place, whichever thread finds them first; one slot to spare */
    size_t problems;
    uint64_t fingerprint;
    struct err failure; /* not the data's: out of memory, asked to stop */
};

/* ---- one sample ---- */

static void add_problem(struct check *c, size_t sample, const char *text)
{
    pthread_mutex_lock(&c->lock);
    size_t at = c->problems < SHOWN ? c->problems : SHOWN;
    for (; at > 0 && c->shown[at - 1].sample > sample; at--)
        c->shown[at] = c->shown[at - 1];
    c->shown[at].sample = sample;
    snprintf(c->shown[at].text, sizeof c->shown[at].text, "%s", text);
    c->problems++;
    pthread_mutex_unlock(&c->lock);
}

/* Takes what was seen of sample i into the books. The sum does not depend on the order. */
static void note(struct check *c, size_t i, const struct shape *own, uint64_t hash)
{
    struct split_samples *s = c->samples;
    pthread_mutex_lock(&c->lock);
    if (!s->checked++)
        s->least = s->most = *own;
    for (int k = 0; k < own->nd; k++) {
        s->least.d[k] = own->d[k] < s->least.d[k] ? own->d[k] : s->least.d[k];
        s->most.d[k] = own->d[k] > s->most.d[k] ? own->d[k] : s->most.d[k];
    }
    c->fingerprint += rng_hash(&(uint64_t[]){i, hash}, 2 * sizeof hash);
    pthread_mutex_unlock(&c->lock);
}

static int check_mask(const struct check *c, const struct sample *s, struct picture_decoder *d, int width, int height,
                      struct err *e)
{
    const struct part *p = &c->ds->parts[s->part];
    struct picture mask;
    int found = p->source->mask(p, s, d, &mask, e);
    TRY(found);
    if (!found)
        return err_set(e, ERR_FORMAT,
                       "%s has no mask in ground_truth although others have; add it, or remove the folder "
                       "ground_truth to work without masks",
                       s->name);
    const char *where = s->mask_path ? s->mask_path : s->name;
    if (mask.width != width || mask.height != height)
        return err_set(e, ERR_FORMAT, "the mask %s has %dx%d pixels, but its picture has %dx%d; make them equal", where,
                       mask.width, mask.height, width, height);
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
        if (mask.pixels[i] >= 128)
            return 0;
    return err_set(e, ERR_FORMAT, "the mask %s marks nothing: no pixel has a value of 128 or more (white is defective)",
                   where);
}

static int check_video(struct check *c, size_t i, struct picture_decoder *d, void *room, struct err *e)
{
    const struct sample *s = &c->samples->v[i];
    struct sight sight;
    TRY(dataset_kind(c->ds)->examine(c->ds, s, d, c->needs->input, room, &sight, e));
    note(c, i, &sight.own, sight.hash);
    return 0;
}

/* Read exactly as dataset_load reads, so that what is kept is what would be read. `room`: for samples that are not. */
static int check_sample(struct check *c, size_t i, struct picture_decoder *d, void *room, struct err *e)
{
    const struct sample *s = &c->samples->v[i];
    const struct preprocess *input = c->needs->input;
    struct shape own;
    void *kept = i < c->keep ? c->samples->memory + i * preprocess_bytes(input) : room;
    TRY(dataset_read_kept(c->ds, s, d, input, kept, &own, e));
    note(c, i, &own, kept ? rng_hash(kept, preprocess_bytes(input)) : 0);
    return c->ds->parts[s->part].has_masks && s->anomalous == 1 ? check_mask(c, s, d, (int)own.d[1], (int)own.d[0], e)
                                                                : 0;
}

/* Only the caller's own thread may use what is the caller's. */
static void tell_progress(struct check *c)
{
    if (!pthread_equal(pthread_self(), c->caller))
        return;
    if (c->needs->should_stop && c->needs->should_stop(c->needs->user))
        atomic_store(&c->stopped, true);
    if (time(NULL) - c->told < PROGRESS_SECONDS)
        return;
    c->told = time(NULL);
    log_line(c->log, LOG_INFO, "checked %zu of %zu samples", atomic_load(&c->done), c->samples->n);
}

static int check_samples(struct check *c, struct picture_decoder *d, void *room, struct err *own)
{
    for (;;) {
        tell_progress(c); /* also where the helpers leave the caller nothing to do: whoever asked to stop is told so */
        size_t i = atomic_load(&c->stopped) ? c->samples->n : atomic_fetch_add(&c->next, 1);
        if (i >= c->samples->n)
            return 0;
        struct err e = ERR_INIT;
        int failed = dataset_plays(c->ds) ? check_video(c, i, d, room, &e) : check_sample(c, i, d, room, &e);
        if (failed == ERR_MEMORY)
            return err_set(own, failed, "%s", e.msg);
        if (failed < 0)
            add_problem(c, i, e.msg);
        atomic_fetch_add(&c->done, 1);
    }
}

static void *check_work(void *user)
{
    struct check *c = user;
    struct picture_decoder *d;
    struct err own = ERR_INIT;
    void *room = c->needs->input ? malloc(preprocess_bytes(c->needs->input)) : NULL;
    int code = c->needs->input && !room ? err_memory(&own, "a sample") : dataset_take_decoder(c->ds, &d, &own);
    if (code == 0) {
        code = check_samples(c, d, room, &own);
        dataset_put_decoder(c->ds, d);
    }
    free(room);
    if (code < 0) {
        pthread_mutex_lock(&c->lock);
        err_set(&c->failure, code, "%s", own.msg);
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

/* ---- all of them ---- */

static void run_check(struct check *c, int threads)
{
    pthread_t helpers[MAX_HELPERS];
    int n = 0;
    while (n < threads - 1 && n < MAX_HELPERS && !pthread_create(&helpers[n], NULL, check_work, c))
        n++; /* fewer threads than wished for are only slower */
    check_work(c);
    while (n > 0)
        pthread_join(helpers[--n], NULL);
}

static int tell_problems(const struct check *c, const char *what, struct err *e)
{
    char list[SHOWN * 300 + 1] = "";
    size_t used = 0, shown = c->problems < SHOWN ? c->problems : SHOWN;
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(list + used, 300, "%s%.290s", i ? "; " : "", c->shown[i].text);
    return err_set(e, ERR_FORMAT, "%zu of the %zu %s samples cannot be used: %s%s", c->problems, c->samples->n, what,
                   list, c->problems > shown ? "; and so on" : "");
}

static bool in_memory(const struct dataset *ds, const struct preprocess *input)
{
    for (size_t i = 0; i < ds->n_parts; i++)
        if (!shape_equal(&ds->parts[i].shape, &input->sample))
            return false;
    return true;
}

/* Memory for the samples that fit. There is nothing to keep where reading is a copy already. */
static size_t make_room(struct dataset *ds, struct split_samples *s, const struct dataset_needs *needs)
{
    free(s->memory);
    s->memory = NULL;
    s->kept = 0;
    ds->room = needs->memory;
    if (!needs->input || s->n == 0 || in_memory(ds, needs->input) || dataset_plays(ds))
        return 0;
    size_t bytes = preprocess_bytes(needs->input), fit = needs->memory / bytes, keep = fit < s->n ? fit : s->n;
    s->shape = needs->input->sample;
    s->memory = keep ? malloc(keep * bytes) : NULL;
    return s->memory ? keep : 0; /* without memory it works all the same */
}

int dataset_check(struct dataset *ds, enum split split, const struct dataset_needs *needs, const struct log *log,
                  struct err *e)
{
    struct split_samples *s = &ds->splits[split];
    const char *what = split == SPLIT_TRAIN ? "training" : "test";
    if (s->n < (dataset_plays(ds) ? 1 : needs->at_least))
        return err_set(e, ERR_FORMAT, "%s has %zu %s sample%s, and at least %zu are needed; add more%s%s%s",
                       ds->parts[0].path[0] ? ds->parts[0].path : "the dataset", s->n, what, s->n == 1 ? "" : "s",
                       needs->at_least, split == SPLIT_TRAIN ? " " : "",
                       split == SPLIT_TRAIN ? dataset_kind(ds)->samples : "",
                       split == SPLIT_TRAIN ? " of what is normal" : "");
    if (needs->input)
        TRY(dataset_match(ds, needs->input, e));
    struct check c = {.ds = ds, .samples = s, .needs = needs, .log = log};
    c.caller = pthread_self();
    c.told = time(NULL);
    c.keep = make_room(ds, s, needs);
    s->checked = 0;
    pthread_mutex_init(&c.lock, NULL);
    run_check(&c, needs->threads);
    pthread_mutex_destroy(&c.lock);
    if (c.failure.code)
        return err_set(e, c.failure.code, "%s", c.failure.msg);
    if (c.stopped)
        return err_set(e, ERR_STOPPED, "the check was stopped after %zu of %zu samples", (size_t)c.done, s->n);
    if (c.problems)
        return tell_problems(&c, what, e);
    s->kept = c.keep;
    s->fingerprint = c.fingerprint;
    return 0;
}

/* ---- summary ---- */

static int tell_kinds(const struct dataset *ds, const struct split_samples *s, const struct log *out, struct err *e)
{
    struct {
        size_t n;
        int anomalous;
    } *kinds = calloc((size_t)ds->n_classes + 1, sizeof *kinds);
    if (!kinds)
        return err_memory(e, "the summary of a data set");
    for (size_t i = 0; i < s->n; i++) {
        int label = s->v[i].label < 0 ? ds->n_classes : s->v[i].label;
        kinds[label].n++;
        kinds[label].anomalous = s->v[i].anomalous;
    }
    for (int label = 0; label < ds->n_classes; label++)
        if (kinds[label].n)
            log_line(out, LOG_INFO, "    %-20s %zu%s", ds->classes[label], kinds[label].n,
                     kinds[label].anomalous < 0 ? ""
                     : kinds[label].anomalous   ? " anomalous"
                                                : " normal");
    free(kinds);
    return 0;
}

/* Of videos, once all were read: how much of it there is, and what is known of their frames. */
static void tell_videos(const struct split_samples *s, const struct log *out)
{
    int64_t frames = 0, labelled = 0, anomalous = 0;
    double seconds = 0;
    for (size_t i = 0; i < s->n_episodes && s->checked; i++) {
        frames += s->episodes[i].frames;
        seconds += s->episodes[i].seconds;
    }
    for (size_t i = 0; i < s->n; i++)
        for (int64_t k = 0; k < s->v[i].ntruths; k++) {
            labelled++;
            anomalous += s->v[i].truths[k];
        }
    if (frames)
        log_line(out, LOG_INFO, "    %lld frames, %.4g seconds", (long long)frames, seconds);
    if (labelled)
        log_line(out, LOG_INFO, "    labels of %lld frames: %lld normal, %lld anomalous", (long long)labelled,
                 (long long)(labelled - anomalous), (long long)anomalous);
}

static int tell_split(const struct dataset *ds, enum split split, const struct log *out, struct err *e)
{
    const struct split_samples *s = &ds->splits[split];
    size_t masks = 0;
    for (size_t i = 0; i < s->n; i++)
        masks += s->v[i].mask_path != NULL;
    char mask_text[64] = "", own_text[100] = "";
    if (masks)
        snprintf(mask_text, sizeof mask_text, ", %zu with a mask", masks);
    if (s->checked)
        dataset_kind(ds)->describe(&s->least, &s->most, own_text, sizeof own_text);
    log_line(out, LOG_INFO, "  %-8s %zu %s%s%s%s%s", split == SPLIT_TRAIN ? "training" : "test", s->n,
             dataset_plays(ds) ? "video" : "sample", s->n == 1 ? "" : "s", s->checked ? ", " : "", own_text, mask_text);
    if (dataset_plays(ds))
        tell_videos(s, out);
    return tell_kinds(ds, s, out, e);
}

int dataset_summary(const struct dataset *ds, const struct log *out, struct err *e)
{
    for (size_t i = 0; i < ds->n_parts; i++) {
        const struct part *p = &ds->parts[i];
        log_line(out, LOG_INFO, "%s (source %s)", p->path, p->source->name);
        if (p->note[0])
            log_line(out, LOG_INFO, "  %s", p->note);
        if (p->skipped.not_normal)
            log_line(out, LOG_INFO, "  left out of training: %zu samples of classes that are not normal",
                     p->skipped.not_normal);
    }
    for (enum split s = 0; s < SPLITS; s++)
        if (ds->splits[s].n)
            TRY(tell_split(ds, s, out, e));
    return 0;
}
