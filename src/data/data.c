/* Opening datasets and reading from them; check.c looks for what is wrong with them. */
#include "data/dataset.h"

#include "base/file.h"
#include "base/rng.h"
#include "data/dataset_private.h"
#include "data/url.h"
#include "picture/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct source *dataset_source(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!sources[k])
            return NULL;
    return sources[i];
}

const char *source_name(const struct source *s)
{
    return s->name;
}

const char *source_help(const struct source *s)
{
    return s->help;
}

const struct option *source_options(const struct source *s)
{
    return s->options;
}

/* ---- opening ---- */

static const struct source *sniff(const char *path)
{
    for (int i = 0; sources[i]; i++)
        if (sources[i]->sniff && sources[i]->sniff(path))
            return sources[i];
    return sources[0]; /* takes whatever is left, so that a file which is no picture gets a picture's error */
}

/* A folder of pictures may be the frames of a video: what a model of clips is to score is. */
static const struct source *sniff_for(const char *path, const struct preprocess *like)
{
    const struct source *s = sniff(path);
    if (!like || !like->kind->plays || s->kind == like->kind || file_kind(path) != FILE_FOLDER)
        return s;
    for (int i = 0; sources[i]; i++)
        if (sources[i]->kind == like->kind && !sources[i]->live)
            return sources[i];
    return s;
}

static int choose_source(struct part *p, const struct url *url, struct err *e)
{
    p->source = url->source;
    if (p->source)
        return 0;
    if (file_kind(url->path) == FILE_ABSENT && !p->among)
        return err_set(e, ERR_IO, "there is no file or folder %s; check the name", url->path);
    p->source = sniff_for(url->path, p->ds->purpose.like);
    return 0;
}

/* Leaves n of the samples that a part added from `first` on, evenly spread. */
static void thin_out(struct split_samples *s, size_t first, size_t n)
{
    size_t had = s->n - first;
    if (n == 0 || had <= n)
        return;
    for (size_t i = 0; i < n; i++)
        s->v[first + i] = s->v[first + i * had / n];
    s->n = first + n;
}

static int open_part(struct dataset *ds, const char *text, bool only, struct err *e)
{
    struct part *p = &ds->parts[ds->n_parts];
    const struct dataset_purpose *purpose = &ds->purpose;
    *p = (struct part){.ds = ds,
                       .number = (int)ds->n_parts,
                       .use = purpose->use,
                       .like = purpose->like ? purpose->like->table : NULL,
                       .pass = purpose->pass && only,
                       .whole = true,
                       .among = purpose->use == DATASET_SCORE && !only};
    struct url url;
    TRY(url_parse(text, &url, e));
    TRY(choose_source(p, &url, e));
    char owner[64];
    snprintf(owner, sizeof owner, "source %s", p->source->name);
    p->url = arena_string(&ds->arena, text);
    p->path = arena_string(&ds->arena, url.path);
    p->options = arena_alloc(&ds->arena, p->source->options_size);
    if (!p->url || !p->path || !p->options)
        return err_memory(e, "a dataset");
    options_default(p->source->options, p->options);
    TRY(options_parse(p->source->options, p->options, owner, url.options, '&', e));
    const size_t before[SPLITS] = {ds->splits[SPLIT_TRAIN].n, ds->splits[SPLIT_TEST].n};
    ds->n_parts++; /* from here on it wants closing */
    TRY(p->source->open(p, e));
    struct option limit;
    if (option_find(p->source->options, "limit", &limit))
        for (int s = 0; s < SPLITS; s++)
            thin_out(&ds->splits[s], before[s],
                     (size_t) * (const int64_t *)(const void *)((char *)p->options + limit.offset));
    return 0;
}

static void warn_skipped(const struct dataset *ds, const struct log *log)
{
    for (size_t i = 0; i < ds->n_parts; i++) {
        const struct part *p = &ds->parts[i];
        if (p->note[0])
            log_line(log, LOG_WARN, "%s: %s", p->path, p->note);
        size_t odd = p->skipped.hidden + p->skipped.foreign;
        char hidden[40] = "";
        if (p->skipped.hidden)
            snprintf(hidden, sizeof hidden, " (%zu hidden)", p->skipped.hidden);
        if (odd)
            log_line(log, LOG_WARN, "%s: skipped %zu file%s that %s no picture%s%s", p->path, odd, odd == 1 ? "" : "s",
                     odd == 1 ? "is" : "are", odd == 1 ? "" : "s", hidden);
        if (p->skipped.broken_links)
            log_line(log, LOG_WARN, "%s: skipped %zu links that lead nowhere", p->path, p->skipped.broken_links);
        if (p->skipped.repeated_folders)
            log_line(log, LOG_WARN, "%s: skipped %zu links to folders that are in it already", p->path,
                     p->skipped.repeated_folders);
    }
    if (ds->dropped)
        log_line(log, LOG_WARN, "%zu files were named twice and are read once", ds->dropped);
}

static int check_kinds(const struct dataset *ds, struct err *e)
{
    for (size_t i = 1; i < ds->n_parts; i++)
        if (ds->parts[i].source->kind != ds->parts[0].source->kind)
            return err_set(e, ERR_USAGE, "%s has %s and %s has %s: give one kind of data at a time", ds->parts[0].path,
                           ds->parts[0].source->kind->samples, ds->parts[i].path, ds->parts[i].source->kind->samples);
    return 0;
}

static int open_urls(struct dataset *ds, const char *const *urls, size_t n, struct err *e)
{
    ds->parts = calloc(n ? n : 1, sizeof *ds->parts);
    if (!ds->parts)
        return err_memory(e, "a dataset");
    for (size_t i = 0; i < n; i++)
        TRY(open_part(ds, urls[i], n == 1, e));
    TRY(check_kinds(ds, e));
    return n > 1 ? dataset_name_apart(ds, e) : 0;
}

static struct dataset *new_dataset(struct err *e)
{
    struct dataset *ds = calloc(1, sizeof *ds);
    if (ds)
        pthread_mutex_init(&ds->lock, NULL);
    else
        err_memory(e, "a dataset");
    return ds;
}

/* Numbers the videos of each split. */
static int count_episodes(struct dataset *ds, struct err *e)
{
    for (int s = 0; s < SPLITS && dataset_plays(ds); s++) {
        struct split_samples *samples = &ds->splits[s];
        samples->episodes = calloc(samples->n + 1, sizeof *samples->episodes);
        if (!samples->episodes)
            return err_memory(e, "a dataset");
        samples->n_episodes = samples->n;
        for (size_t i = 0; i < samples->n; i++)
            samples->v[i].episode = i;
    }
    return 0;
}

/* Hands over what has been opened, with code 0, if there is anything in it for its use. */
static int finish_opening(struct dataset *ds, int code, const char *name, enum dataset_use use, const struct log *log,
                          struct dataset **out, struct err *e)
{
    if (code >= 0)
        warn_skipped(ds, log);
    if (code >= 0 && ds->splits[use == DATASET_LEARN ? SPLIT_TRAIN : SPLIT_TEST].n == 0)
        code = err_set(e, ERR_FORMAT, "%s has nothing to %s", name, use == DATASET_LEARN ? "learn from" : "score");
    if (code >= 0)
        code = count_episodes(ds, e);
    if (code < 0)
        dataset_close(ds);
    else
        *out = ds;
    return code;
}

int dataset_open_for(const char *const *urls, size_t n, const struct dataset_purpose *purpose, const struct log *log,
                     struct dataset **out, struct err *e)
{
    *out = NULL;
    struct dataset *ds = new_dataset(e);
    if (!ds)
        return e->code;
    ds->purpose = *purpose;
    int code = open_urls(ds, urls, n, e);
    return finish_opening(ds, code, n ? urls[0] : "an empty list of paths", purpose->use, log, out, e);
}

int dataset_open_all(const char *const *urls, size_t n, enum dataset_use use, const struct log *log,
                     struct dataset **out, struct err *e)
{
    return dataset_open_for(urls, n, &(struct dataset_purpose){.use = use}, log, out, e);
}

bool dataset_whole(const struct dataset *ds)
{
    return ds->parts[0].whole; /* what is there in part is alone */
}

int dataset_more(struct dataset *ds, struct err *e)
{
    struct part *p = &ds->parts[0];
    if (p->whole)
        return 0;
    arena_free(&ds->passing);
    ds->splits[SPLIT_TEST].n = 0;
    TRY(p->source->more(p, e));
    return ds->splits[SPLIT_TEST].n > 0;
}

static int open_only_part(struct dataset *ds, const struct source *source, const char *name, void *state,
                          enum dataset_use use, struct err *e)
{
    ds->parts = calloc(1, sizeof *ds->parts);
    char *path = arena_string(&ds->arena, name);
    if (!ds->parts || !path)
        return err_memory(e, "a dataset");
    ds->parts[ds->n_parts++] =
        (struct part){.source = source, .ds = ds, .url = path, .path = path, .use = use, .state = state, .whole = true};
    return source->open(&ds->parts[0], e);
}

int dataset_open_source(const struct source *source, const char *name, void *state, enum dataset_use use,
                        const struct log *log, struct dataset **out, struct err *e)
{
    *out = NULL;
    struct dataset *ds = new_dataset(e);
    if (!ds)
        return e->code;
    int code = open_only_part(ds, source, name, state, use, e);
    return finish_opening(ds, code, name, use, log, out, e);
}

int dataset_open(const char *url, enum dataset_use use, const struct log *log, struct dataset **ds, struct err *e)
{
    return dataset_open_all(&url, 1, use, log, ds, e);
}

void dataset_close(struct dataset *ds)
{
    if (!ds)
        return;
    while (ds->n_players)
        dataset_drop_player(&ds->players[--ds->n_players]);
    for (size_t i = 0; i < ds->n_parts; i++)
        if (ds->parts[i].source->close)
            ds->parts[i].source->close(&ds->parts[i]);
    while (ds->n_idle)
        picture_decoder_free(ds->idle[--ds->n_idle]);
    for (int s = 0; s < SPLITS; s++) {
        for (size_t i = 0; i < ds->splits[s].n_episodes; i++)
            dataset_forget_episode(&ds->splits[s].episodes[i]);
        free(ds->splits[s].episodes);
        free(ds->splits[s].v);
        free(ds->splits[s].memory);
    }
    pthread_mutex_destroy(&ds->lock);
    free(ds->classes);
    free(ds->parts);
    arena_free(&ds->passing);
    arena_free(&ds->arena);
    free(ds);
}

/* ---- looking ---- */

size_t dataset_count(const struct dataset *ds, enum split split)
{
    return ds->splits[split].n;
}

const struct sample *dataset_sample(const struct dataset *ds, enum split split, size_t i)
{
    return &ds->splits[split].v[i];
}

int dataset_truth(const struct dataset *ds, enum split split, size_t i, int64_t frame)
{
    const struct sample *s = dataset_sample(ds, split, i);
    if (!s->truths)
        return s->anomalous;
    return frame >= 0 && frame < s->ntruths ? s->truths[frame] : -1;
}

const char *dataset_class(const struct dataset *ds, int label)
{
    return label >= 0 && label < ds->n_classes ? ds->classes[label] : NULL;
}

size_t dataset_known(const struct dataset *ds, enum split split)
{
    const struct split_samples *s = &ds->splits[split];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->v[i].anomalous >= 0;
    return n;
}

bool dataset_has_masks(const struct dataset *ds)
{
    for (size_t i = 0; i < ds->n_parts; i++)
        if (ds->parts[i].has_masks)
            return true;
    return false;
}

/* ---- reading ---- */

int dataset_read_kept(const struct dataset *ds, const struct sample *s, struct picture_decoder *d,
                      const struct preprocess *p, void *kept, struct shape *own, struct err *e)
{
    const struct part *part = &ds->parts[s->part];
    return part->source->kind->load(part, s, d, p, kept, own, e);
}

bool dataset_plays(const struct dataset *ds)
{
    return dataset_kind(ds)->plays;
}

bool dataset_live(const struct dataset *ds)
{
    bool live = false;
    for (size_t i = 0; i < ds->n_parts; i++)
        live |= ds->parts[i].source->live;
    return live;
}

int dataset_cut(struct dataset *ds, enum split split, const struct preprocess *p, struct err *e)
{
    return dataset_plays(ds) ? dataset_kind(ds)->cut(ds, split, p, e) : 0;
}

int dataset_load(struct dataset *ds, enum split split, size_t i, const struct preprocess *p, void *kept, struct err *e)
{
    const struct split_samples *s = &ds->splits[split];
    if (i < s->kept && shape_equal(&s->shape, &p->sample)) {
        memcpy(kept, s->memory + i * preprocess_bytes(p), preprocess_bytes(p));
    } else {
        struct picture_decoder *d;
        struct shape own;
        TRY(dataset_take_decoder(ds, &d, e));
        int code = dataset_read_kept(ds, &s->v[i], d, p, kept, &own, e);
        dataset_put_decoder(ds, d);
        TRY(code);
    }
    const size_t frames = preprocess_frames(p), frame = preprocess_bytes(p) / frames;
    for (size_t k = 0; k < frames; k++)
        preprocess_ignore(p, (uint8_t *)kept + k * frame);
    return 0;
}

int dataset_match(struct dataset *ds, const struct preprocess *p, struct err *e)
{
    for (size_t i = 0; i < ds->n_parts; i++)
        if (p->kind == dataset_kind(ds) && p->kind->match)
            TRY(p->kind->match(&ds->parts[i], p, e));
    return 0;
}

int dataset_tell(struct dataset *ds, const struct log *out, struct err *e)
{
    const struct kind *kind = dataset_kind(ds);
    return kind->tell ? kind->tell(ds, ds->splits[SPLIT_TRAIN].n ? SPLIT_TRAIN : SPLIT_TEST, out, e) : 0;
}

uint64_t dataset_identity(const struct dataset *ds, enum split split, size_t i)
{
    return rng_stream(dataset_sample(ds, split, i)->name);
}

uint64_t dataset_fingerprint(const struct dataset *ds, enum split split)
{
    uint64_t h = ds->splits[split].fingerprint;
    for (size_t i = 0; i < dataset_count(ds, split); i++)
        h = (h ^ dataset_identity(ds, split, i)) * 0x9e3779b97f4a7c15u;
    return h;
}

static int read_mask(const struct part *p, const struct sample *s, int64_t frame, struct picture_decoder *d,
                     struct picture *out, struct err *e)
{
    if (p->source->frame_mask)
        return p->source->frame_mask(p, s, frame, d, out, e);
    return p->source->mask ? p->source->mask(p, s, d, out, e) : 0;
}

int dataset_frame_mask(struct dataset *ds, enum split split, size_t i, int64_t frame, int width, int height,
                       uint8_t *out, struct err *e)
{
    const struct sample *s = &ds->splits[split].v[i];
    memset(out, 0, (size_t)width * (size_t)height);
    if (dataset_truth(ds, split, i, frame) == 0)
        return 1;
    struct picture_decoder *d;
    TRY(dataset_take_decoder(ds, &d, e));
    struct picture mask;
    int code = read_mask(&ds->parts[s->part], s, frame, d, &mask, e);
    if (code > 0) {
        int fitted = mask_fit(&mask, width, height, out, e);
        code = fitted < 0 ? fitted : 1;
    }
    dataset_put_decoder(ds, d);
    return code;
}

int dataset_mask(struct dataset *ds, enum split split, size_t i, int width, int height, uint8_t *out, struct err *e)
{
    return dataset_frame_mask(ds, split, i, 0, width, height, out, e);
}

/* ---- what it is ---- */

const struct kind *dataset_kind(const struct dataset *ds)
{
    return ds->parts[0].source->kind;
}

int dataset_fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
                struct err *e)
{
    struct err why = ERR_INIT;
    *p = (struct preprocess){.kind = dataset_kind(ds)};
    TRY(p->kind->fit(ds, split, w, arena, p, e));
    return preprocess_check(p, &why) ? err_set(e, ERR_USAGE, "%s; choose another size", why.msg) : 0;
}
