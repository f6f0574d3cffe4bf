#include "run/evaluate.h"

#include "base/clock.h"
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 64 };

/* What a shown sample's pointers lead to. */
struct shown_sample {
    uint8_t *input, *reconstruction, *mask;
    float *map;
};

/* Everything an evaluation owns. */
struct evaluate_store {
    size_t n;       /* samples that could be scored */
    size_t *sample; /* n: index in the split; rising */
    float *score;   /* n, and so on */
    double *p_value;
    int8_t *truth;
    size_t nknown; /* samples whose truth is known, the metrics' own copies: */
    float *known_score;
    uint8_t *known_anomalous, *known_flagged;
    const char **known_kind; /* strings of `texts` */
    struct metrics metrics;
    struct decision_rates decisions;
    struct kind_metrics kinds[KINDS];
    struct memory_use use;
    int64_t items[REPORT_ITEMS];
    uint8_t *item_pictures;
    struct pixel_auroc *pixels;
    uint8_t *mask; /* height x width, for one sample */
    struct report_sample galleries[REPORT_GALLERIES][REPORT_PICKS];
    struct shown_sample shown[REPORT_GALLERIES][REPORT_PICKS];
    struct arena texts; /* names and kinds: the data may be closed before the report is written */
};

/* ---- the first pass ---- */

struct pass {
    const struct evaluate_job *job;
    struct evaluation *ev;
    struct err *e;
    const struct shape *shape; /* H,W,C */
    double started;
    size_t done, total;
};

static void tell(struct pass *p)
{
    p->done++;
    if (p->job->progress)
        p->job->progress(p->job->user, p->done, p->total, clock_seconds() - p->started);
}

/* Adds a sample's map to the pixel metric, where the data says what is defective in it. */
static int add_pixels(struct pass *p, size_t index, const struct verdict *v)
{
    struct evaluate_store *s = p->ev->store;
    int height = (int)p->shape->d[0], width = (int)p->shape->d[1];
    int known = dataset_mask(p->job->data, SPLIT_TEST, index, width, height, s->mask, p->e);
    if (known > 0)
        pixel_auroc_add(s->pixels, v->map, s->mask, (size_t)height * (size_t)width);
    return known;
}

static int on_sample(void *user, size_t index, const struct verdict *v)
{
    struct pass *p = user;
    struct evaluate_store *s = p->ev->store;
    tell(p);
    if (p->job->should_stop && p->job->should_stop(p->job->user))
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
    s->n++;
    if (v->attention[0].weights)
        memory_use_add(&s->use, v->attention[0].weights, v->attention[0].rows);
    return s->pixels && v->map && add_pixels(p, index, v) < 0;
}

static int allocate(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    int64_t items = inspect_item_count(p->job->loaded, 0);
    s->sample = calloc(p->total, sizeof *s->sample);
    s->score = calloc(p->total, sizeof *s->score);
    s->p_value = calloc(p->total, sizeof *s->p_value);
    s->truth = calloc(p->total, sizeof *s->truth);
    s->known_score = calloc(p->total, sizeof *s->known_score);
    s->known_anomalous = calloc(p->total, sizeof *s->known_anomalous);
    s->known_flagged = calloc(p->total, sizeof *s->known_flagged);
    s->known_kind = calloc(p->total, sizeof *s->known_kind);
    s->mask = malloc((size_t)(p->shape->d[0] * p->shape->d[1]));
    if (!s->sample || !s->score || !s->p_value || !s->truth || !s->known_score || !s->known_anomalous ||
        !s->known_flagged || !s->known_kind || !s->mask)
        return err_memory(p->e, "the scores of an evaluation");
    if (dataset_has_masks(p->job->data) && !(s->pixels = pixel_auroc_new()))
        return err_memory(p->e, "the pixel metric");
    return items ? memory_use_init(&s->use, items, p->e) : 0;
}

static int score_all(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    struct scorer *scorer;
    const struct scorer_spec spec = {.batch = (size_t)p->job->batch < p->total ? p->job->batch : (int)p->total,
                                     .threads = p->job->threads,
                                     .map = s->pixels != NULL,
                                     .attention = s->use.items > 0,
                                     .rate = p->job->rate,
                                     .log = p->job->log};
    TRY(scorer_new(p->job->loaded, &spec, &scorer, p->e));
    int code = scorer_score_dataset(scorer, p->job->data, SPLIT_TEST, NULL, 0, on_sample, p, p->e);
    scorer_free(scorer);
    p->ev->shown.score_seconds = clock_seconds() - p->started;
    if (code < 0)
        return p->e->code ? p->e->code : code; /* a mask's error comes first: what stopped the pass */
    if (!s->n)
        return err_set(p->e, ERR_FAIL, "none of the %zu samples of %s could be scored", p->total, p->job->data_name);
    return 0;
}

/* ---- numbers ---- */

static int measure(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    struct report_model *shown = &p->ev->shown;
    for (size_t i = 0; i < s->n; i++) {
        if (s->truth[i] < 0)
            continue;
        const char *kind = arena_string(&s->texts, dataset_sample(p->job->data, SPLIT_TEST, s->sample[i])->kind);
        if (!kind)
            return err_memory(p->e, "the kinds of an evaluation");
        s->known_score[s->nknown] = s->score[i];
        s->known_anomalous[s->nknown] = (uint8_t)s->truth[i];
        s->known_flagged[s->nknown] = s->p_value[i] <= p->job->rate;
        s->known_kind[s->nknown++] = kind;
    }
    TRY(metrics_compute(s->known_score, s->known_anomalous, s->nknown, &s->metrics, p->e));
    metrics_decisions(s->known_flagged, s->known_anomalous, s->nknown, &s->decisions);
    TRY(metrics_by_kind(s->known_score, s->known_anomalous, s->known_kind, s->known_flagged, s->nknown, s->kinds, KINDS,
                        &shown->nkinds, p->e));
    shown->scores = (struct report_scores){s->n, s->score, s->p_value, s->truth};
    shown->metrics = &s->metrics;
    shown->decisions = &s->decisions;
    shown->kinds = s->kinds;
    shown->pixel_auroc = s->pixels ? pixel_auroc_value(s->pixels) : NAN;
    return 0;
}

/* ---- the second pass: what is shown ---- */

struct showing {
    struct pass *p;
    enum report_gallery gallery;
    size_t place;
};

static int copy_pictures(struct pass *p, const struct verdict *v, struct shown_sample *own, struct report_sample *r)
{
    const struct preprocess *input = &loaded_file(p->job->loaded)->input;
    size_t pixels = (size_t)(p->shape->d[0] * p->shape->d[1]), values = pixels * (size_t)p->shape->d[2];
    own->input = malloc(values);
    own->reconstruction = v->reconstruction ? malloc(values) : NULL;
    own->map = v->map ? malloc(pixels * sizeof(float)) : NULL;
    if (!own->input || (v->reconstruction && !own->reconstruction) || (v->map && !own->map))
        return err_memory(p->e, "the pictures of a report");
    preprocess_show(input, v->target, own->input);
    if (own->reconstruction)
        preprocess_show(input, v->reconstruction, own->reconstruction);
    if (own->map)
        memcpy(own->map, v->map, pixels * sizeof(float));
    r->input = (struct picture){(int)p->shape->d[1], (int)p->shape->d[0], (int)p->shape->d[2], own->input};
    r->reconstruction = own->reconstruction;
    r->map = own->map;
    return 0;
}

/* The defects' outline, where the data knows it and there are any. */
static int copy_mask(struct pass *p, size_t index, struct shown_sample *own, struct report_sample *r)
{
    if (!dataset_has_masks(p->job->data) || r->truth != 1)
        return 0;
    own->mask = malloc((size_t)(p->shape->d[0] * p->shape->d[1]));
    if (!own->mask)
        return err_memory(p->e, "the pictures of a report");
    int known =
        dataset_mask(p->job->data, SPLIT_TEST, index, (int)p->shape->d[1], (int)p->shape->d[0], own->mask, p->e);
    r->mask = known > 0 ? own->mask : NULL;
    return known < 0 ? known : 0;
}

static int on_shown(void *user, size_t index, const struct verdict *v)
{
    struct showing *showing = user;
    struct pass *p = showing->p;
    struct evaluate_store *s = p->ev->store;
    struct report_sample *r = &s->galleries[showing->gallery][showing->place];
    struct shown_sample *own = &s->shown[showing->gallery][showing->place];
    const struct sample *sample = dataset_sample(p->job->data, SPLIT_TEST, index);
    showing->place++;
    *r = (struct report_sample){.name = arena_string(&s->texts, sample->name),
                                .kind = arena_string(&s->texts, sample->kind),
                                .truth = sample->anomalous,
                                .score = v->score,
                                .p_value = v->p_value};
    if (v->error)
        return 0; /* readable a moment ago: shown without pictures */
    return copy_pictures(p, v, own, r) < 0 || copy_mask(p, index, own, r) < 0;
}

static int show_gallery(struct pass *p, struct scorer *scorer, enum report_gallery gallery)
{
    struct evaluate_store *s = p->ev->store;
    size_t picks[REPORT_PICKS];
    size_t n = report_pick(gallery, &p->ev->shown.scores, p->job->rate, picks);
    for (size_t i = 0; i < n; i++)
        picks[i] = s->sample[picks[i]];
    struct showing showing = {p, gallery, 0};
    p->ev->shown.galleries[gallery] = (struct report_samples){s->galleries[gallery], n};
    if (!n)
        return 0;
    int code = scorer_score_dataset(scorer, p->job->data, SPLIT_TEST, picks, n, on_shown, &showing, p->e);
    return code < 0 && p->e->code ? p->e->code : code;
}

static int show_memory(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    struct report_memory *memory = &p->ev->shown.memory;
    if (!s->use.items)
        return 0;
    memory_use_finish(&s->use);
    memory->use = &s->use;
    memory->n = report_pick_items(&s->use, s->items);
    memory->items = s->items;
    memory->format = (struct picture){(int)p->shape->d[1], (int)p->shape->d[0], (int)p->shape->d[2], NULL};
    s->item_pictures = malloc((size_t)memory->n * (size_t)shape_count(p->shape));
    if (!s->item_pictures)
        return err_memory(p->e, "the pictures of the memory");
    memory->pictures = s->item_pictures;
    return inspect_items(p->job->loaded, 0, s->items, memory->n, s->item_pictures, p->e);
}

static int show(struct pass *p)
{
    struct scorer *scorer;
    const struct scorer_spec spec = {
        .batch = REPORT_PICKS, .threads = p->job->threads, .map = true, .reconstruction = true, .rate = p->job->rate};
    TRY(scorer_new(p->job->loaded, &spec, &scorer, p->e));
    int code = 0;
    for (int g = 0; g < REPORT_GALLERIES && code >= 0; g++)
        code = show_gallery(p, scorer, (enum report_gallery)g);
    scorer_free(scorer);
    TRY(code);
    return show_memory(p);
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

int evaluation_run(const struct evaluate_job *job, struct evaluation *ev, struct err *e)
{
    *ev = (struct evaluation){.rate = job->rate};
    struct pass p = {.job = job, .ev = ev, .e = e, .started = clock_seconds()};
    const struct log lines = {add_line, &ev->data_summary};
    p.shape = &loaded_file(job->loaded)->input.sample;
    p.total = dataset_count(job->data, SPLIT_TEST);
    if (!dataset_has_labels(job->data))
        return err_set(e, ERR_FAIL,
                       "%s does not say which of its samples are normal and which are not, so there is nothing to "
                       "measure; give data with a labelled test part (engram data PATH shows what is known)",
                       job->data_name);
    ev->data_name = strdup(job->data_name);
    ev->store = calloc(1, sizeof *ev->store);
    if (!ev->store || !ev->data_name)
        return err_memory(e, "an evaluation");
    dataset_summary(job->data, &lines);
    ev->shown = (struct report_model){.file = loaded_file(job->loaded), .train_seconds = NAN};
    TRY(allocate(&p));
    TRY(score_all(&p));
    TRY(measure(&p));
    return show(&p);
}

void evaluation_free(struct evaluation *ev)
{
    struct evaluate_store *s = ev->store;
    free(ev->data_name);
    free(ev->data_summary);
    if (s) {
        void *const owned[] = {s->sample,          s->score,         s->p_value,    s->truth,         s->known_score,
                               s->known_anomalous, s->known_flagged, s->known_kind, s->item_pictures, s->mask};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
            free(owned[i]);
        for (size_t i = 0; i < (size_t)REPORT_GALLERIES * REPORT_PICKS; i++) {
            struct shown_sample *own = &s->shown[i / REPORT_PICKS][i % REPORT_PICKS];
            free(own->input);
            free(own->reconstruction);
            free(own->mask);
            free(own->map);
        }
        memory_use_free(&s->use);
        pixel_auroc_free(s->pixels);
        arena_free(&s->texts);
        free(s);
    }
    *ev = (struct evaluation){0};
}

int evaluation_report(const struct evaluation *const *evs, size_t n, const char *title, const char *date,
                      const char *path, bool force, struct err *e)
{
    struct report_model *shown = calloc(n ? n : 1, sizeof *shown);
    if (!shown)
        return err_memory(e, "a report");
    for (size_t i = 0; i < n; i++)
        shown[i] = evs[i]->shown;
    const struct report report = {.title = title,
                                  .data = evs[0]->data_name,
                                  .data_summary = evs[0]->data_summary,
                                  .samples = "pictures",
                                  .date = date,
                                  .rate = evs[0]->rate,
                                  .skipped = evs[0]->skipped,
                                  .models = shown,
                                  .nmodels = n};
    int code = report_write(&report, path, force, e);
    free(shown);
    return code;
}

/* ---- numbers as a list ---- */

enum { NUMBERS = 16 };

/* Those that are not about a kind. */
static struct evaluation_number overall_number(const struct evaluation *ev, size_t i)
{
    const struct evaluate_store *s = ev->store;
    const struct decision_rates *d = &s->decisions;
    bool memory = s->use.items > 0;
    const struct evaluation_number rows[NUMBERS] = {
        {"normal", "", (double)d->normal, "normal samples"},
        {"anomalous", "", (double)d->anomalous, "anomalous samples"},
        {"unreadable", "", (double)ev->skipped, "samples that could not be read, and were left out"},
        {"auroc", "", s->metrics.auroc, "chance that an anomalous sample scores above a normal one"},
        {"average_precision", "", s->metrics.average_precision, "area under the precision-recall curve"},
        {"promised_false_alarm_rate", "", ev->rate, "share of normal samples that may be called anomalous"},
        {"false_alarm_rate", "", d->false_alarm_rate, "share of normal samples that were called anomalous"},
        {"detection_rate", "", d->detection_rate, "share of anomalous samples that were called anomalous"},
        {"precision", "", d->precision, "share of anomalous ones among what was called so"},
        {"f1", "", d->f1, "harmonic mean of precision and detection rate"},
        {"best_f1", "", s->metrics.best_f1, "at the best threshold, chosen with the labels: an upper bound"},
        {"pixel_auroc", "", ev->shown.pixel_auroc, "as auroc, of the heat maps' pixels against masks"},
        {"memory_items", "", memory ? (double)s->use.items : NAN, "items in the memory"},
        {"memory_dead", "", memory ? (double)s->use.dead : NAN, "items that no sample used"},
        {"memory_entropy", "", memory ? s->use.entropy : NAN, "mean entropy of the attention, in nats"},
        {"seconds", "", ev->shown.score_seconds, "to score all samples"},
    };
    return rows[i];
}

int evaluation_number(const struct evaluation *ev, size_t i, struct evaluation_number *out)
{
    if (i < NUMBERS)
        return *out = overall_number(ev, i), 1;
    size_t kind = (i - NUMBERS) / 2;
    if (kind >= ev->shown.nkinds)
        return 0;
    const struct kind_metrics *k = &ev->shown.kinds[kind];
    if ((i - NUMBERS) % 2)
        *out = (struct evaluation_number){"detection_rate", k->kind, k->detection_rate,
                                          "share of this kind that was called anomalous"};
    else
        *out = (struct evaluation_number){"auroc", k->kind, k->auroc, "of this kind against all normal samples"};
    return 1;
}
