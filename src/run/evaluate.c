#include "run/evaluate.h"

#include "base/clock.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "run/shrink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KINDS = 64,
    SHOWN_SIDE = 1024, /* pixels: nobody sees more in a report, and it holds many pictures */
};

/* Everything an evaluation owns. */
struct evaluate_store {
    size_t n;                 /* samples that could be scored */
    size_t *sample;           /* n: index in the split; rising */
    float *score;             /* n, and so on */
    float *part[SCORE_PARTS]; /* where there are several */
    float *by[2];             /* as in a verdict */
    double *p_value;
    int8_t *truth;
    size_t nknown; /* samples whose truth is known, the metrics' own copies: */
    float *known_score;
    uint8_t *known_anomalous, *known_flagged;
    const char **known_kind; /* strings of `texts` */
    struct kind_metrics kinds[KINDS];
    struct pixel_metrics *pixels;
    uint8_t *mask; /* height x width, for one sample */
    uint8_t *room; /* for the pixels of one */
    struct shown_sample shown[GALLERIES][GALLERY_PICKS];
    struct shown_memory memories[MEMORIES];
    char *summary;
    struct arena texts; /* names and kinds: the data may be closed before the report is written */
};

/* ---- the first pass ---- */

struct pass {
    const struct evaluate_job *job;
    struct evaluation *ev;
    struct err *e;
    const struct roles *roles;
    bool shows;                   /* samples are something to look at, */
    struct picture_format format; /* of that size */
    double started;
    size_t done, total;
};

static bool stopped(const struct pass *p)
{
    return p->job->should_stop && p->job->should_stop(p->job->user);
}

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
    return stopped(p);
}

/* Adds a sample's map to the pixel metrics, where the data says what is defective in it. */
static int add_pixels(struct pass *p, size_t index, const struct verdict *v)
{
    struct evaluate_store *s = p->ev->store;
    const struct picture_format *f = &p->format;
    const struct sample *sample = dataset_sample(p->job->data, SPLIT_TEST, index);
    int known = dataset_mask(p->job->data, SPLIT_TEST, index, f->width, f->height, s->mask, p->e);
    if (known > 0)
        TRY(pixel_metrics_add(s->pixels, sample->anomalous ? kind_called(sample->kind) : NULL, v->map, s->mask, p->e));
    return known;
}

static int on_sample(void *user, size_t index, const struct verdict *v)
{
    struct pass *p = user;
    struct evaluate_store *s = p->ev->store;
    tell(p, ++p->done);
    if (stopped(p))
        return 1;
    if (v->error) {
        log_line(p->job->log, LOG_WARN, "%s", v->message);
        p->ev->skipped++;
        return 0;
    }
    s->sample[s->n] = index;
    s->score[s->n] = v->score;
    s->p_value[s->n] = v->p_value;
    s->truth[s->n] = (int8_t)dataset_sample(p->job->data, SPLIT_TEST, index)->anomalous;
    for (int k = 0; k < p->ev->nparts; k++)
        s->part[k][s->n] = v->parts[k];
    for (int k = 0; k < 2; k++)
        s->by[k][s->n] = v->by[k];
    s->n++;
    for (int k = 0; k < p->ev->nmemories; k++)
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
    s->sample = calloc(p->total, sizeof *s->sample);
    s->score = calloc(p->total, sizeof *s->score);
    s->p_value = calloc(p->total, sizeof *s->p_value);
    s->truth = calloc(p->total, sizeof *s->truth);
    s->known_score = calloc(p->total, sizeof *s->known_score);
    s->known_anomalous = calloc(p->total, sizeof *s->known_anomalous);
    s->known_flagged = calloc(p->total, sizeof *s->known_flagged);
    s->known_kind = calloc(p->total, sizeof *s->known_kind);
    s->mask = malloc((size_t)p->format.width * (size_t)p->format.height + 1);
    s->room = malloc(p->shows ? picture_bytes(&p->format) : 1);
    bool done = s->sample && s->score && s->p_value && s->truth && s->known_score && s->known_anomalous &&
                s->known_flagged && s->known_kind && s->mask && s->room;
    for (int k = 0; p->roles->nparts > 1 && k < p->roles->nparts; k++) {
        p->ev->parts[p->ev->nparts++].name = p->roles->parts[k];
        done = (s->part[k] = calloc(p->total, sizeof *s->part[k])) && done;
    }
    for (int k = 0; k < 2; k++)
        done = (s->by[k] = calloc(p->total, sizeof *s->by[k])) && done;
    if (!done)
        return err_memory(p->e, "the scores of an evaluation");
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
    const struct scorer_spec spec = {.batch = (size_t)p->job->batch < p->total ? p->job->batch : (int)p->total,
                                     .threads = p->job->threads,
                                     .precision = p->job->precision,
                                     .by = p->job->by,
                                     .both = true,
                                     .map = s->pixels != NULL,
                                     .attention = p->ev->nmemories > 0,
                                     .rate = p->job->rate,
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
        return err_set(p->e, ERR_FAIL, "none of the %zu samples of %s could be scored", p->total, p->job->data_name);
    return 0;
}

/* ---- numbers ---- */

static int keep_known(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    for (size_t i = 0; i < s->n; i++) {
        if (s->truth[i] < 0)
            continue;
        const char *kind = arena_string(&s->texts, dataset_sample(p->job->data, SPLIT_TEST, s->sample[i])->kind);
        if (!kind)
            return err_memory(p->e, "the kinds of an evaluation");
        s->known_score[s->nknown] = s->score[i];
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

/* Last of all: it takes the place of the verdicts. */
static void measure_min_max(struct evaluation *ev, struct evaluate_store *s)
{
    ev->has_min_max = true;
    metrics_min_max(s->known_score, s->nknown, s->known_flagged);
    metrics_decisions(s->known_flagged, s->known_anomalous, s->nknown, &ev->min_max);
}

/* Of a column that keep_known has cut down. */
static int auroc_of(struct pass *p, const float *column, double *auroc)
{
    struct metrics m;
    TRY(metrics_compute(column, p->ev->store->known_anomalous, p->ev->store->nknown, &m, p->e));
    *auroc = m.auroc;
    return 0;
}

static int measure(struct pass *p)
{
    struct evaluation *ev = p->ev;
    struct evaluate_store *s = ev->store;
    TRY(keep_known(p));
    TRY(metrics_compute(s->known_score, s->known_anomalous, s->nknown, &ev->metrics, p->e));
    const uint8_t *flagged = ev->judged ? s->known_flagged : NULL;
    metrics_decisions(flagged, s->known_anomalous, s->nknown, &ev->decisions);
    TRY(metrics_by_kind(s->known_score, s->known_anomalous, s->known_kind, flagged, s->nknown, s->kinds, KINDS,
                        &ev->nkinds, p->e));
    for (int k = 0; k < ev->nparts; k++)
        TRY(auroc_of(p, s->part[k], &ev->parts[k].auroc));
    for (int k = 0; k < 2; k++)
        if (!isnan(s->by[k][0]))
            TRY(auroc_of(p, s->by[k], &ev->by_auroc[k]));
    ev->scores = (struct sample_scores){s->n, s->sample, s->score, s->p_value, s->truth};
    ev->kinds = s->kinds;
    if (s->pixels)
        measure_pixels(ev, s);
    if (p->job->min_max)
        measure_min_max(ev, s);
    return 0;
}

/* ---- the second pass: what is shown ---- */

struct showing {
    struct pass *p;
    enum gallery_kind gallery;
    size_t place;
};

static int copy_pictures(struct pass *p, const struct verdict *v, struct shown_sample *shown)
{
    const struct preprocess *input = &loaded_file(p->job->loaded)->input;
    const int block = shrink_block(&p->format, SHOWN_SIDE);
    const struct picture_format f = shrink_format(&p->format, block);
    uint8_t *target = malloc(picture_bytes(&f)), *room = p->ev->store->room;
    shown->input = (struct picture){f.width, f.height, f.channels, target};
    shown->reconstruction = malloc(picture_bytes(&f));
    shown->map = v->map ? malloc((size_t)f.width * (size_t)f.height * sizeof(float)) : NULL;
    if (!target || !shown->reconstruction || (v->map && !shown->map))
        return err_memory(p->e, "the pictures of a report");
    preprocess_show(input, v->target, room);
    shrink_pixels(&p->format, block, room, target);
    preprocess_show(input, v->reconstruction, room);
    shrink_pixels(&p->format, block, room, shown->reconstruction);
    if (shown->map)
        shrink_map(&p->format, block, v->map, shown->map);
    return 0;
}

/* The defects' outline, where the data knows it and there are any. */
static int copy_mask(struct pass *p, size_t index, struct shown_sample *shown)
{
    if (!dataset_has_masks(p->job->data) || shown->truth != 1)
        return 0;
    uint8_t *mask = p->ev->store->mask;
    int known = dataset_mask(p->job->data, SPLIT_TEST, index, p->format.width, p->format.height, mask, p->e);
    if (known <= 0)
        return known;
    shown->mask = malloc((size_t)shown->input.width * (size_t)shown->input.height);
    if (!shown->mask)
        return err_memory(p->e, "the pictures of a report");
    shrink_mask(&p->format, shrink_block(&p->format, SHOWN_SIDE), mask, shown->mask);
    return 0;
}

static int on_shown(void *user, size_t index, const struct verdict *v)
{
    struct showing *showing = user;
    struct pass *p = showing->p;
    struct evaluate_store *s = p->ev->store;
    struct shown_sample *shown = &s->shown[showing->gallery][showing->place++];
    const struct sample *sample = dataset_sample(p->job->data, SPLIT_TEST, index);
    *shown = (struct shown_sample){.name = arena_string(&s->texts, sample->name),
                                   .kind = arena_string(&s->texts, sample->kind),
                                   .truth = sample->anomalous,
                                   .score = v->score,
                                   .p_value = v->p_value};
    if (stopped(p))
        return 1;
    if (v->error || !v->reconstruction || !p->shows)
        return 0; /* readable a moment ago, or nothing to look at: shown without pictures */
    return copy_pictures(p, v, shown) < 0 || copy_mask(p, index, shown) < 0;
}

static int show_gallery(struct pass *p, struct scorer *scorer, enum gallery_kind gallery)
{
    struct evaluate_store *s = p->ev->store;
    size_t picks[GALLERY_PICKS];
    bool told = p->ev->judged || (gallery != GALLERY_FALSE_ALARMS && gallery != GALLERY_MISSED);
    size_t n = told ? gallery_pick(gallery, &p->ev->scores, p->job->rate, picks) : 0;
    for (size_t i = 0; i < n; i++)
        picks[i] = s->sample[picks[i]];
    struct showing showing = {p, gallery, 0};
    p->ev->galleries[gallery] = (struct gallery){s->shown[gallery], n};
    if (!n)
        return 0;
    int code = scorer_score_dataset(scorer, p->job->data, SPLIT_TEST, picks, n, on_shown, &showing, p->e);
    return code < 0 && p->e->code ? p->e->code : code;
}

static int show_memory(struct pass *p, int k)
{
    struct shown_memory *m = &p->ev->memories[k];
    memory_use_finish(&m->use);
    if (stopped(p))
        return err_set(p->e, ERR_STOPPED, "the evaluation of %s was stopped", p->job->data_name);
    if (!inspect_item_count(p->job->loaded, k))
        return 0;
    m->n = gallery_pick_items(&m->use, m->items);
    const struct preprocess view = preprocess_view(&loaded_file(p->job->loaded)->input);
    const struct picture_format format = preprocess_format(&view);
    m->format = (struct picture){format.width, format.height, format.channels, NULL};
    m->pictures = malloc((size_t)m->n * picture_bytes(&format));
    if (!m->pictures)
        return err_memory(p->e, "the pictures of the memory");
    return inspect_items(p->job->loaded, k, m->items, m->n, m->pictures, p->e);
}

static int show(struct pass *p)
{
    struct scorer *scorer;
    const struct scorer_spec spec = {.batch = GALLERY_PICKS,
                                     .threads = p->job->threads,
                                     .precision = p->job->precision,
                                     .by = p->job->by,
                                     .map = true,
                                     .reconstruction = true,
                                     .rate = p->job->rate,
                                     .searching = on_search,
                                     .user = p};
    TRY(scorer_new(p->job->loaded, &spec, &scorer, p->e));
    int code = 0;
    for (int g = 0; g < GALLERIES && code >= 0; g++)
        code = show_gallery(p, scorer, (enum gallery_kind)g);
    scorer_free(scorer);
    for (int k = 0; k < p->ev->nmemories && code >= 0; k++)
        code = show_memory(p, k);
    return code;
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
                       "with a labelled test part, or say it of a folder of good parts: 'images:FOLDER?truth=normal'",
                       job->data_name);
    ev->store = calloc(1, sizeof *ev->store);
    if (!ev->store || !(ev->data = arena_string(&ev->store->texts, job->data_name)))
        return err_memory(p->e, "an evaluation");
    TRY(dataset_summary(job->data, &(struct log){add_line, &ev->store->summary}, p->e));
    ev->data_summary = ev->store->summary;
    ev->file = loaded_file(job->loaded);
    ev->judged = ev->file->calibration.n > 0;
    ev->samples = kind_samples(dataset_kind(job->data));
    ev->fingerprint = fingerprint(job->data);
    return 0;
}

int evaluation_run(const struct evaluate_job *job, struct evaluation *ev, struct err *e)
{
    *ev = (struct evaluation){
        .rate = job->rate, .train_seconds = NAN, .pixels = pixel_rates_unknown, .by_auroc = {NAN, NAN}};
    struct pass p = {.job = job, .ev = ev, .e = e, .roles = loaded_roles(job->loaded), .started = clock_seconds()};
    p.shows = preprocess_shows(&loaded_file(job->loaded)->input, &p.format);
    p.total = dataset_count(job->data, SPLIT_TEST);
    TRY(begin(&p));
    TRY(allocate(&p));
    TRY(score_all(&p));
    TRY(measure(&p));
    return show(&p);
}

static void free_shown(struct evaluate_store *s)
{
    for (int g = 0; g < GALLERIES; g++)
        for (int i = 0; i < GALLERY_PICKS; i++) {
            struct shown_sample *shown = &s->shown[g][i];
            free((void *)(uintptr_t)shown->input.pixels);
            free(shown->reconstruction);
            free(shown->map);
            free(shown->mask);
        }
    for (int k = 0; k < MEMORIES; k++) {
        memory_use_free(&s->memories[k].use);
        free(s->memories[k].pictures);
    }
}

void evaluation_free(struct evaluation *ev)
{
    struct evaluate_store *s = ev->store;
    if (s) {
        void *const owned[] = {s->sample,          s->score,         s->p_value,    s->truth, s->known_score,
                               s->known_anomalous, s->known_flagged, s->known_kind, s->mask,  s->room,
                               s->summary};
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

/* ---- numbers as a list ---- */

enum { NUMBERS = 18, MEMORY_NUMBERS = 3, KIND_NUMBERS = 5, PIXEL_NUMBERS = 3, MIN_MAX_NUMBERS = 3 };

/* Those that are about all samples. */
static struct evaluation_number overall_number(const struct evaluation *ev, size_t i)
{
    const struct decision_rates *d = &ev->decisions;
    const struct evaluation_number rows[NUMBERS] = {
        {"normal", "", (double)d->normal, "normal samples"},
        {"anomalous", "", (double)d->anomalous, "anomalous samples"},
        {"unreadable", "", (double)ev->skipped, "samples that could not be read, and were left out"},
        {"auroc", "", ev->metrics.auroc, "chance that an anomalous sample scores above a normal one"},
        {"model_auroc", "", ev->by_auroc[BY_MODEL], "as auroc, of the model's own score"},
        {"map_auroc", "", ev->by_auroc[BY_MAP], "as auroc, of the heat map that knows what is usual"},
        {"average_precision", "", ev->metrics.average_precision, "area under the precision-recall curve"},
        {"promised_false_alarm_rate", "", ev->rate, "share of normal samples that may be called anomalous"},
        {"false_alarm_rate", "", d->false_alarm_rate, "share of normal samples that were called anomalous"},
        {"detection_rate", "", d->detection_rate, "share of anomalous samples that were called anomalous"},
        {"precision", "", d->precision, "share of anomalous ones among what was called so"},
        {"f1", "", d->f1, "harmonic mean of precision and detection rate"},
        {"best_f1", "", ev->metrics.best_f1, "at the best threshold, chosen with the labels: an upper bound"},
        {"pixel_auroc", "", ev->pixels.auroc, "as auroc, of the heat maps' pixels against masks"},
        {"pixel_average_precision", "", ev->pixels.average_precision, "as average_precision, of the same pixels"},
        {"aupro", "", ev->pixels.aupro,
         "mean share found of a defect's region, over up to 0.3 of normal pixels: 1 is perfect, 0.15 guessing"},
        {"regions", "", (double)ev->pixels.regions, "connected regions that the masks mark, at the maps' size"},
        {"seconds", "", ev->score_seconds, "to score all samples"},
    };
    return rows[i];
}

static struct evaluation_number min_max_number(const struct evaluation *ev, size_t i)
{
    const struct evaluation_number rows[MIN_MAX_NUMBERS] = {
        {"min_max_f1", "", ev->min_max.f1, "f1 at 0.20 of the way from this data's lowest score to its highest"},
        {"min_max_false_alarm_rate", "", ev->min_max.false_alarm_rate, "false_alarm_rate there"},
        {"min_max_detection_rate", "", ev->min_max.detection_rate, "detection_rate there"},
    };
    return rows[i];
}

/* Of memory i / MEMORY_NUMBERS; where there are several, each is called by its name. */
static struct evaluation_number memory_number(const struct evaluation *ev, size_t i)
{
    const struct shown_memory *m = &ev->memories[i / MEMORY_NUMBERS];
    const char *name = ev->nmemories > 1 ? m->name : "";
    const struct evaluation_number rows[MEMORY_NUMBERS] = {
        {"memory_items", name, (double)m->use.items, "items in the memory"},
        {"memory_dead", name, (double)m->use.dead, "items that no sample used"},
        {"memory_entropy", name, m->use.entropy, "mean entropy of the attention, in nats"},
    };
    return rows[i % MEMORY_NUMBERS];
}

static struct evaluation_number kind_number(const struct kind_metrics *k, size_t i)
{
    const struct evaluation_number rows[KIND_NUMBERS] = {
        {"auroc", k->kind, k->auroc, "of this kind against all normal samples"},
        {"detection_rate", k->kind, k->detection_rate, "share of this kind that was called anomalous"},
        {"pixel_auroc", k->kind, k->pixels.auroc, "of this kind's and all normal samples' pixels"},
        {"pixel_average_precision", k->kind, k->pixels.average_precision, "of the same pixels"},
        {"aupro", k->kind, k->pixels.aupro, "of the same pixels"},
    };
    return rows[i];
}

int evaluation_number(const struct evaluation *ev, size_t i, struct evaluation_number *out)
{
    /* Of data without masks there is nothing to say of each kind's pixels. */
    size_t of_kind = ev->pixels.regions ? KIND_NUMBERS : KIND_NUMBERS - PIXEL_NUMBERS;
    size_t min_max = ev->has_min_max ? MIN_MAX_NUMBERS : 0;
    size_t parts = (size_t)ev->nparts, memories = MEMORY_NUMBERS * (size_t)ev->nmemories, kinds = of_kind * ev->nkinds;
    if (i < NUMBERS)
        return *out = overall_number(ev, i), 1;
    if ((i -= NUMBERS) < min_max)
        return *out = min_max_number(ev, i), 1;
    if ((i -= min_max) < parts)
        return *out = (struct evaluation_number){"part_auroc", ev->parts[i].name, ev->parts[i].auroc,
                                                 "of this part of the score alone"},
               1;
    if ((i -= parts) < memories)
        return *out = memory_number(ev, i), 1;
    if ((i -= memories) < kinds)
        return *out = kind_number(&ev->kinds[i / of_kind], i % of_kind), 1;
    return 0;
}
