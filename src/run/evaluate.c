#include "base/clock.h"
#include "base/rng.h"
#include "run/evaluate_parts.h"
#include "stats/frame_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the first pass ---- */

static void tell(const struct pass *p, size_t done)
{
    if (p->job->progress)
        p->job->progress(p->job->user, done, p->total, clock_seconds() - p->started);
}

static bool on_search(void *user, size_t samples)
{
    const struct pass *p = user;
    if (p->done < p->total) /* not the few that are shown */
        tell(p, p->done + samples);
    return evaluate_stopped(p);
}

/* Adds a sample's map to the pixel metrics, where the data says what is defective in it. */
static int add_pixels(struct pass *p, size_t index, const struct verdict *v)
{
    struct evaluate_store *s = p->ev->store;
    const struct picture_format *f = &p->format;
    const char *kind = dataset_sample(p->job->data, SPLIT_TEST, index)->kind;
    const int truth = dataset_truth(p->job->data, SPLIT_TEST, index, v->frame);
    int known = dataset_frame_mask(p->job->data, SPLIT_TEST, index, v->frame, f->width, f->height, s->mask, p->e);
    if (known > 0)
        TRY(pixel_metrics_add(s->pixels, truth ? kind_called(kind) : NULL, v->map, s->mask, p->e));
    return known;
}

/* The columns of what is scored. */
static int list_columns(struct pass *p, void **columns[], size_t bytes[])
{
    struct evaluate_store *s = p->ev->store;
    int n = 0;
#define COLUMN(field) (columns[n] = (void **)&s->field, bytes[n++] = sizeof *s->field)
    COLUMN(sample);
    COLUMN(frame);
    COLUMN(time);
    COLUMN(score);
    COLUMN(p_value);
    COLUMN(truth);
    for (int k = 0; k < 2; k++)
        COLUMN(by[k]);
    for (int k = 0; k < p->ev->nparts; k++)
        COLUMN(part[k]);
#undef COLUMN
    return n;
}

enum { COLUMNS = 8 + SCORE_PARTS };

/* Room for one sample more: how many frames videos have is not known. */
static int make_room(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    void **columns[COLUMNS];
    size_t bytes[COLUMNS];
    if (s->n < s->room)
        return 0;
    const size_t room = s->room ? 2 * s->room : p->total ? p->total : 1024;
    for (int n = list_columns(p, columns, bytes), i = 0; i < n; i++) {
        void *more = realloc(*columns[i], room * bytes[i]);
        if (!more)
            return err_memory(p->e, "the scores of an evaluation");
        *columns[i] = more;
    }
    s->room = room;
    return 0;
}

/* Labels that end before their video does are of another. */
static int check_labels(struct pass *p, size_t index, int64_t frame)
{
    const struct sample *sample = dataset_sample(p->job->data, SPLIT_TEST, index);
    if (!sample->truths || frame < sample->ntruths)
        return 0;
    return err_set(p->e, ERR_FORMAT,
                   "%s has more frames than the %lld that are labelled; give the labels of this very video",
                   sample->name, (long long)sample->ntruths);
}

static int on_sample(void *user, size_t index, const struct verdict *v)
{
    struct pass *p = user;
    struct evaluate_store *s = p->ev->store;
    tell(p, ++p->done);
    if (evaluate_stopped(p))
        return 1;
    if (v->error) {
        log_line(p->job->log, LOG_WARN, "%s", v->message);
        p->ev->skipped++;
        return 0;
    }
    if (make_room(p) < 0 || check_labels(p, index, v->frame) < 0)
        return 1;
    s->sample[s->n] = index;
    s->frame[s->n] = v->frame;
    s->time[s->n] = v->time;
    s->score[s->n] = v->score;
    s->p_value[s->n] = v->p_value;
    s->truth[s->n] = (int8_t)dataset_truth(p->job->data, SPLIT_TEST, index, v->frame);
    for (int k = 0; k < p->ev->nparts; k++)
        s->part[k][s->n] = v->parts[k];
    for (int k = 0; k < 2; k++)
        s->by[k][s->n] = v->by[k];
    s->n++;
    for (int k = 0; k < p->ev->nmemories && v->attention[k].weights; k++)
        memory_use_add(&s->memories[k].use, v->attention[k].weights, v->attention[k].rows);
    return s->pixels && v->map && add_pixels(p, index, v) < 0;
}

static int allocate_memories(struct pass *p)
{
    struct evaluation *ev = p->ev;
    ev->memories = ev->store->memories;
    for (; ev->nmemories < p->roles->nmemories; ev->nmemories++) {
        struct shown_memory *m = &ev->memories[ev->nmemories];
        m->name = p->roles->memories[ev->nmemories].name;
        TRY(memory_use_init(&m->use, p->roles->memories[ev->nmemories].items->shape.d[0], p->e));
    }
    return 0;
}

static int allocate(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    s->mask = malloc((size_t)p->format.width * (size_t)p->format.height + 1);
    s->pixel_room = malloc(p->shows ? picture_bytes(&p->format) : 1);
    if (!s->mask || !s->pixel_room)
        return err_memory(p->e, "the pictures of an evaluation");
    for (int k = 0; p->roles->nparts > 1 && k < p->roles->nparts; k++)
        p->ev->parts[p->ev->nparts++].name = p->roles->parts[k];
    TRY(make_room(p));
    if (p->shows && p->roles->has_map && dataset_has_masks(p->job->data) &&
        !(s->pixels = pixel_metrics_new(p->format.width, p->format.height)))
        return err_memory(p->e, "the pixel metrics");
    if (s->pixels)
        pixel_metrics_region(s->pixels, loaded_file(p->job->loaded)->input.roi);
    return allocate_memories(p);
}

static int score_all(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    struct scorer *scorer;
    const bool few = p->total && (size_t)p->job->batch > p->total;
    const struct scorer_spec spec = {.batch = few ? (int)p->total : p->job->batch,
                                     .threads = p->job->threads,
                                     .precision = p->job->precision,
                                     .by = p->job->by,
                                     .both = true,
                                     .map = s->pixels != NULL,
                                     .attention = p->ev->nmemories > 0,
                                     .rate = p->job->rate,
                                     .protocol = p->job->protocol,
                                     .hop = p->job->hop,
                                     .log = p->job->log,
                                     .searching = on_search,
                                     .user = p};
    TRY(scorer_new(p->job->loaded, &spec, &scorer, p->e));
    p->ev->by = scorer_stands(scorer);
    p->ev->calibration = scorer_calibration(scorer);
    int code = scorer_score_dataset(scorer, p->job->data, SPLIT_TEST, NULL, 0, on_sample, p, p->e);
    scorer_free(scorer);
    p->ev->score_seconds = clock_seconds() - p->started;
    if (code < 0)
        return p->e->code ? p->e->code : code; /* a mask's error comes first: what stopped the pass */
    if (!s->n)
        return err_set(p->e, ERR_FAIL, "none of the %zu samples of %s could be scored",
                       dataset_count(p->job->data, SPLIT_TEST), p->job->data_name);
    return 0;
}

/* ---- numbers ---- */

static int keep_known(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    s->known_score = calloc(s->n, sizeof *s->known_score);
    s->known_anomalous = calloc(s->n, sizeof *s->known_anomalous);
    s->known_flagged = calloc(s->n, sizeof *s->known_flagged);
    s->known_sample = calloc(s->n, sizeof *s->known_sample);
    s->known_kind = calloc(s->n, sizeof *s->known_kind);
    if (!s->known_score || !s->known_anomalous || !s->known_flagged || !s->known_sample || !s->known_kind)
        return err_memory(p->e, "the scores of an evaluation");
    for (size_t i = 0; i < s->n; i++) {
        if (s->truth[i] < 0)
            continue;
        const char *kind = arena_string(&s->texts, dataset_sample(p->job->data, SPLIT_TEST, s->sample[i])->kind);
        if (!kind)
            return err_memory(p->e, "the kinds of an evaluation");
        s->known_score[s->nknown] = s->score[i];
        s->known_sample[s->nknown] = s->sample[i];
        for (int k = 0; k < p->ev->nparts; k++)
            s->part[k][s->nknown] = s->part[k][i]; /* moves down: nknown <= i */
        for (int k = 0; k < 2; k++)
            s->by[k][s->nknown] = s->by[k][i];
        s->known_anomalous[s->nknown] = (uint8_t)s->truth[i];
        s->known_flagged[s->nknown] = s->p_value[i] <= p->job->rate;
        s->known_kind[s->nknown++] = kind;
    }
    return 0;
}

static void measure_pixels(struct evaluation *ev, struct evaluate_store *s)
{
    ev->pixels = pixel_metrics_rates(s->pixels, NULL);
    for (size_t k = 0; k < ev->nkinds; k++)
        s->kinds[k].pixels = pixel_metrics_rates(s->pixels, s->kinds[k].kind);
}

/* Of a column that keep_known has cut down. */
static int auroc_of(struct pass *p, const float *column, double *auroc)
{
    struct metrics m;
    TRY(metrics_compute(column, p->ev->store->known_anomalous, p->ev->store->nknown, &m, p->e));
    *auroc = m.auroc;
    return 0;
}

/* Of videos; what papers do to scores is done to a copy. */
static int measure_videos(struct pass *p)
{
    const struct evaluate_job *job = p->job;
    struct evaluate_store *s = p->ev->store;
    struct video_metrics *m = &p->ev->videos;
    size_t both;
    for (size_t i = 0; i < s->n; i++)
        m->n += !i || s->sample[i] != s->sample[i - 1];
    TRY(frame_scores_macro(s->known_score, s->known_anomalous, s->known_sample, s->nknown, &m->macro_auroc, &m->both,
                           p->e));
    m->changed = job->per_video != PER_VIDEO_RAW || job->smooth > 0;
    if (!m->changed)
        return 0;
    float *changed = malloc((s->nknown + 1) * sizeof *changed);
    if (!changed)
        return err_memory(p->e, "the scores of an evaluation");
    memcpy(changed, s->known_score, s->nknown * sizeof *changed);
    int code = job->smooth > 0 ? frame_scores_smooth(changed, s->known_sample, s->nknown, job->smooth, p->e) : 0;
    if (job->per_video == PER_VIDEO_MIN_MAX)
        frame_scores_min_max(changed, s->known_sample, s->nknown);
    if (code == 0)
        code = auroc_of(p, changed, &m->changed_auroc);
    if (code == 0)
        code = frame_scores_macro(changed, s->known_anomalous, s->known_sample, s->nknown, &m->changed_macro_auroc,
                                  &both, p->e);
    free(changed);
    return code;
}

/* Last of all: it takes the place of the verdicts. */
static void measure_min_max(struct evaluation *ev, struct evaluate_store *s)
{
    ev->has_min_max = true;
    metrics_min_max(s->known_score, s->nknown, s->known_flagged);
    metrics_decisions(s->known_flagged, s->known_anomalous, s->nknown, &ev->min_max);
}

static int measure(struct pass *p)
{
    struct evaluation *ev = p->ev;
    struct evaluate_store *s = ev->store;
    TRY(keep_known(p));
    TRY(metrics_compute(s->known_score, s->known_anomalous, s->nknown, &ev->metrics, p->e));
    const uint8_t *flagged = ev->judged ? s->known_flagged : NULL;
    metrics_decisions(flagged, s->known_anomalous, s->nknown, &ev->decisions);
    TRY(metrics_by_kind(s->known_score, s->known_anomalous, s->known_kind, flagged, s->nknown, s->kinds, EVALUATE_KINDS,
                        &ev->nkinds, p->e));
    for (int k = 0; k < ev->nparts; k++)
        TRY(auroc_of(p, s->part[k], &ev->parts[k].auroc));
    for (int k = 0; k < 2; k++)
        if (!isnan(s->by[k][0]))
            TRY(auroc_of(p, s->by[k], &ev->by_auroc[k]));
    ev->scores = (struct sample_scores){s->n, s->sample, s->score, s->p_value, s->truth, 0};
    if (dataset_plays(p->job->data)) {
        const struct preprocess *input = &loaded_file(p->job->loaded)->input;
        ev->scores.apart = preprocess_frames(input) * (size_t)(input->step ? input->step : 1);
        ev->videos.frame = s->frame;
        ev->videos.time = s->time;
        TRY(measure_videos(p));
    }
    ev->kinds = s->kinds;
    if (s->pixels)
        measure_pixels(ev, s);
    if (p->job->min_max)
        measure_min_max(ev, s);
    return 0;
}

/* ---- the whole ---- */

static void add_line(void *user, enum log_level level, const char *text)
{
    char **lines = user;
    size_t have = *lines ? strlen(*lines) : 0, more = strlen(text);
    char *grown = realloc(*lines, have + more + 2);
    (void)level;
    if (!grown)
        return; /* a report without the summary's last lines */
    memcpy(grown + have, text, more);
    strcpy(grown + have + more, "\n");
    *lines = grown;
}

/* Names and truths of all samples. */
static uint64_t fingerprint(const struct dataset *data)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < dataset_count(data, SPLIT_TEST); i++) {
        const uint64_t sample[] = {i, dataset_identity(data, SPLIT_TEST, i),
                                   (uint64_t)dataset_sample(data, SPLIT_TEST, i)->anomalous};
        sum += rng_hash(sample, sizeof sample);
        const struct sample *s = dataset_sample(data, SPLIT_TEST, i);
        sum += s->truths ? rng_hash(s->truths, (size_t)s->ntruths) : 0;
    }
    return sum;
}

static int begin(struct pass *p)
{
    const struct evaluate_job *job = p->job;
    struct evaluation *ev = p->ev;
    if (!dataset_known(job->data, SPLIT_TEST))
        return err_set(p->e, ERR_FAIL,
                       "%s does not say of any sample whether it is normal, so there is nothing to measure; give data "
                       "with a labelled test part, or %s",
                       job->data_name,
                       dataset_plays(job->data)
                           ? "labels of their frames: 'video:PATH?labels=FILE', a .npy or a .csv of intervals"
                           : "say it of a folder of good parts: 'images:FOLDER?truth=normal'");
    ev->store = calloc(1, sizeof *ev->store);
    if (!ev->store || !(ev->data = arena_string(&ev->store->texts, job->data_name)))
        return err_memory(p->e, "an evaluation");
    TRY(dataset_summary(job->data, &(struct log){add_line, &ev->store->summary}, p->e));
    ev->data_summary = ev->store->summary;
    ev->file = loaded_file(job->loaded);
    ev->judged = ev->file->calibration.n > 0;
    ev->samples = dataset_plays(job->data) ? "frames" : kind_samples(dataset_kind(job->data));
    ev->fingerprint = fingerprint(job->data);
    return 0;
}

int evaluation_run(const struct evaluate_job *job, struct evaluation *ev, struct err *e)
{
    *ev = (struct evaluation){
        .rate = job->rate, .train_seconds = NAN, .pixels = pixel_rates_unknown, .by_auroc = {NAN, NAN}};
    ev->videos = (struct video_metrics){.macro_auroc = NAN, .changed_auroc = NAN, .changed_macro_auroc = NAN};
    struct pass p = {.job = job, .ev = ev, .e = e, .roles = loaded_roles(job->loaded), .started = clock_seconds()};
    p.shows = preprocess_shows(&loaded_file(job->loaded)->input, &p.format);
    p.total = dataset_plays(job->data) ? 0 : dataset_count(job->data, SPLIT_TEST);
    TRY(begin(&p));
    TRY(allocate(&p));
    TRY(score_all(&p));
    TRY(measure(&p));
    return evaluate_show(&p);
}

static void free_pictures(struct shown_sample *shown)
{
    free((void *)(uintptr_t)shown->input.pixels);
    free(shown->reconstruction);
    free(shown->map);
    free(shown->mask);
}

static void free_shown(struct evaluate_store *s)
{
    for (int g = 0; g < GALLERIES; g++)
        for (int i = 0; i < GALLERY_PICKS; i++)
            free_pictures(&s->shown[g][i]);
    for (size_t c = 0; c < s->ncurves; c++)
        for (size_t i = 0; i < PEAKS; i++)
            free_pictures(&s->curves[c].peak[i]);
    free(s->curves);
    for (int k = 0; k < MEMORIES; k++) {
        memory_use_free(&s->memories[k].use);
        free(s->memories[k].pictures);
    }
}

void evaluation_free(struct evaluation *ev)
{
    struct evaluate_store *s = ev->store;
    if (s) {
        void *const owned[] = {s->sample,          s->score,         s->p_value,    s->truth,       s->known_score,
                               s->known_anomalous, s->known_flagged, s->known_kind, s->mask,        s->pixel_room,
                               s->summary,         s->frame,         s->time,       s->known_sample};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
            free(owned[i]);
        for (int k = 0; k < SCORE_PARTS; k++)
            free(s->part[k]);
        for (int k = 0; k < 2; k++)
            free(s->by[k]);
        free_shown(s);
        pixel_metrics_free(s->pixels);
        arena_free(&s->texts);
        free(s);
    }
    *ev = (struct evaluation){0};
}
