/* An evaluation's numbers as a list. */
#include "run/evaluate.h"

enum {
    NUMBERS = 18,
    MEMORY_NUMBERS = 3,
    KIND_NUMBERS = 5,
    PIXEL_NUMBERS = 3,
    MIN_MAX_NUMBERS = 3,
    VIDEO_NUMBERS = 3,
    CHANGED_NUMBERS = 2
};

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

/* Of videos: means over them; and what papers measure, where it was asked for. */
static struct evaluation_number video_number(const struct evaluation *ev, size_t i)
{
    const struct evaluation_number rows[VIDEO_NUMBERS + CHANGED_NUMBERS] = {
        {"videos", "", (double)ev->videos.n, "videos that frames were scored of"},
        {"macro_auroc", "", ev->videos.macro_auroc, "mean of auroc over the videos that have both kinds of frames"},
        {"macro_videos", "", (double)ev->videos.both, "such videos"},
        {"per_video_auroc", "", ev->videos.changed_auroc,
         "auroc of the scores as per_video and smooth change them, which needs all of a video"},
        {"per_video_macro_auroc", "", ev->videos.changed_macro_auroc, "macro_auroc of the same"},
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
    size_t videos = !ev->videos.n ? 0 : ev->videos.changed ? VIDEO_NUMBERS + CHANGED_NUMBERS : VIDEO_NUMBERS;
    size_t parts = (size_t)ev->nparts, memories = MEMORY_NUMBERS * (size_t)ev->nmemories, kinds = of_kind * ev->nkinds;
    if (i < NUMBERS)
        return *out = overall_number(ev, i), 1;
    if ((i -= NUMBERS) < min_max)
        return *out = min_max_number(ev, i), 1;
    if ((i -= min_max) < videos)
        return *out = video_number(ev, i), 1;
    if ((i -= videos) < parts)
        return *out = (struct evaluation_number){"part_auroc", ev->parts[i].name, ev->parts[i].auroc,
                                                 "of this part of the score alone"},
               1;
    if ((i -= parts) < memories)
        return *out = memory_number(ev, i), 1;
    if ((i -= memories) < kinds)
        return *out = kind_number(&ev->kinds[i / of_kind], i % of_kind), 1;
    return 0;
}
