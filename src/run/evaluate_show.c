/* The second pass of an evaluation: the few samples that are shown, with pictures, and the memories' items. */
#include "data/reasons.h"
#include "run/evaluate_parts.h"
#include "run/shrink.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_SIDE = 1024 }; /* pixels: nobody sees more in a report, and it holds many pictures */

static bool on_search(void *user, size_t samples)
{
    (void)samples;
    return evaluate_stopped(user);
}

struct showing {
    struct pass *p;
    struct shown_sample *next;
};

static int copy_pictures(struct pass *p, const struct verdict *v, struct shown_sample *shown)
{
    const struct preprocess *input = &loaded_file(p->job->loaded)->input;
    const int block = shrink_block(&p->format, SHOWN_SIDE);
    const struct picture_format f = shrink_format(&p->format, block);
    uint8_t *target = malloc(picture_bytes(&f)), *room = p->ev->store->pixel_room;
    shown->input = (struct picture){f.width, f.height, f.channels, target};
    shown->reconstruction = v->reconstruction ? malloc(picture_bytes(&f)) : NULL;
    shown->map = v->map ? malloc((size_t)f.width * (size_t)f.height * sizeof(float)) : NULL;
    if (!target || (v->reconstruction && !shown->reconstruction) || (v->map && !shown->map))
        return err_memory(p->e, "the pictures of a report");
    preprocess_show(input, v->target, room);
    shrink_pixels(&p->format, block, room, target);
    if (shown->reconstruction) {
        preprocess_show(input, v->reconstruction, room);
        shrink_pixels(&p->format, block, room, shown->reconstruction);
    }
    if (shown->map)
        shrink_map(&p->format, block, v->map, shown->map);
    return 0;
}

/* The defects' outline, where the data knows it and there are any. */
static int copy_mask(struct pass *p, size_t index, int64_t frame, struct shown_sample *shown)
{
    const struct picture_format *f = &p->format;
    if (!dataset_has_masks(p->job->data) || shown->truth != 1)
        return 0;
    uint8_t *mask = p->ev->store->mask;
    int known = dataset_frame_mask(p->job->data, SPLIT_TEST, index, frame, f->width, f->height, mask, p->e);
    if (known <= 0)
        return known;
    shown->mask = malloc((size_t)shown->input.width * (size_t)shown->input.height);
    if (!shown->mask)
        return err_memory(p->e, "the pictures of a report");
    shrink_mask(f, shrink_block(f, SHOWN_SIDE), mask, shown->mask);
    return 0;
}

/* Which columns make a row what it is. */
static int copy_reasons(struct pass *p, size_t index, const struct verdict *v, struct shown_sample *shown)
{
    const struct table *t = loaded_file(p->job->loaded)->input.table;
    struct arena *texts = &p->ev->store->texts;
    struct reason found[SHOWN_REASONS];
    int n = reasons_find(t, v->map, found, SHOWN_REASONS);
    for (int i = 0; i < n; i++) {
        const struct column *c = &t->columns[found[i].column];
        char value[64], normal[112];
        TRY(reason_cell(p->job->data, SPLIT_TEST, index, t, found[i].column, value, sizeof value, p->e));
        reason_normal(c, normal, sizeof normal);
        shown->reasons[i] = (struct shown_reason){.column = c->name,
                                                  .value = arena_string(texts, value),
                                                  .normal = arena_string(texts, normal),
                                                  .share = found[i].share};
        if (!shown->reasons[i].value || !shown->reasons[i].normal)
            return err_memory(p->e, "the reasons of a report");
        shown->nreasons++;
    }
    return 0;
}

static int on_shown(void *user, size_t index, const struct verdict *v)
{
    struct showing *showing = user;
    struct pass *p = showing->p;
    struct evaluate_store *s = p->ev->store;
    struct shown_sample *shown = showing->next++;
    const struct sample *sample = dataset_sample(p->job->data, SPLIT_TEST, index);
    char name[512];
    snprintf(name, sizeof name, dataset_plays(p->job->data) ? "%.480s #%lld" : "%.480s", sample->name,
             (long long)v->frame);
    *shown = (struct shown_sample){.name = arena_string(&s->texts, name),
                                   .kind = arena_string(&s->texts, sample->kind),
                                   .truth = dataset_truth(p->job->data, SPLIT_TEST, index, v->frame),
                                   .score = v->score,
                                   .p_value = v->p_value};
    if (evaluate_stopped(p))
        return 1;
    if (!v->error && v->map && loaded_file(p->job->loaded)->input.table)
        return copy_reasons(p, index, v, shown) < 0;
    if (v->error || !v->target || !p->shows)
        return 0; /* readable a moment ago, or nothing to look at: shown without pictures */
    return copy_pictures(p, v, shown) < 0 || copy_mask(p, index, v->frame, shown) < 0;
}

static int show_gallery(struct pass *p, struct scorer *scorer, enum gallery_kind gallery)
{
    struct evaluate_store *s = p->ev->store;
    size_t picks[GALLERY_PICKS];
    bool told = p->ev->judged || (gallery != GALLERY_FALSE_ALARMS && gallery != GALLERY_MISSED);
    size_t n = told ? gallery_pick(gallery, &p->ev->scores, p->job->rate, picks) : 0;
    int64_t frames[GALLERY_PICKS];
    for (size_t i = 0; i < n; i++) {
        frames[i] = s->frame[picks[i]];
        picks[i] = s->sample[picks[i]];
    }
    struct showing showing = {p, s->shown[gallery]};
    p->ev->galleries[gallery] = (struct gallery){s->shown[gallery], n};
    if (!n)
        return 0;
    int code = dataset_plays(p->job->data)
                   ? scorer_score_frames(scorer, p->job->data, SPLIT_TEST, picks, frames, n, on_shown, &showing, p->e)
                   : scorer_score_dataset(scorer, p->job->data, SPLIT_TEST, picks, n, on_shown, &showing, p->e);
    return code < 0 && p->e->code ? p->e->code : code;
}

/* ---- videos ---- */

enum { PEAKS_ALL = 36 }; /* frames that are shown at the curves of all videos together: each is a clip to compute */

/* Where each video's scores are. */
static int find_curves(struct pass *p)
{
    struct evaluate_store *s = p->ev->store;
    s->curves = calloc(p->ev->videos.n, sizeof *s->curves);
    if (!s->curves)
        return err_memory(p->e, "the curves of videos");
    for (size_t i = 0; i < s->n; i++) {
        if (!i || s->sample[i] != s->sample[i - 1]) {
            const char *name = dataset_sample(p->job->data, SPLIT_TEST, s->sample[i])->name;
            s->curves[s->ncurves++] = (struct video_curve){.name = arena_string(&s->texts, name), .first = i};
        }
        s->curves[s->ncurves - 1].n++;
    }
    p->ev->videos.curves = s->curves;
    return 0;
}

static int show_peaks(struct pass *p, struct scorer *scorer, struct video_curve *c)
{
    const struct evaluate_store *s = p->ev->store;
    const size_t share = PEAKS_ALL / s->ncurves;
    struct showing showing = {p, c->peak};
    size_t video[PEAKS];
    int64_t frame[PEAKS];
    c->peaks = gallery_peaks(s->score + c->first, c->n, share < PEAKS ? share : PEAKS, c->place);
    for (size_t i = 0; i < c->peaks; i++) {
        video[i] = s->sample[c->first];
        frame[i] = s->frame[c->first + c->place[i]];
    }
    if (!c->peaks)
        return 0;
    int code = scorer_score_frames(scorer, p->job->data, SPLIT_TEST, video, frame, c->peaks, on_shown, &showing, p->e);
    return code < 0 && p->e->code ? p->e->code : code;
}

static int show_videos(struct pass *p, struct scorer *scorer)
{
    if (!p->ev->videos.n)
        return 0;
    TRY(find_curves(p));
    for (size_t i = 0; i < p->ev->store->ncurves; i++)
        TRY(show_peaks(p, scorer, &p->ev->store->curves[i]));
    return 0;
}

/* ---- memories ---- */

static int show_memory(struct pass *p, int k)
{
    struct shown_memory *m = &p->ev->memories[k];
    memory_use_finish(&m->use);
    if (evaluate_stopped(p))
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

int evaluate_show(struct pass *p)
{
    struct scorer *scorer;
    const struct scorer_spec spec = {.batch = GALLERY_PICKS,
                                     .threads = p->job->threads,
                                     .precision = p->job->precision,
                                     .by = p->job->by,
                                     .map = true,
                                     .reconstruction = true,
                                     .rate = p->job->rate,
                                     .protocol = p->job->protocol,
                                     .hop = p->job->hop,
                                     .searching = on_search,
                                     .user = p};
    TRY(scorer_new(p->job->loaded, &spec, &scorer, p->e));
    int code = 0;
    for (int g = 0; g < GALLERIES && code >= 0; g++)
        code = show_gallery(p, scorer, (enum gallery_kind)g);
    if (code >= 0)
        code = show_videos(p, scorer);
    scorer_free(scorer);
    for (int k = 0; k < p->ev->nmemories && code >= 0; k++)
        code = show_memory(p, k);
    return code;
}
