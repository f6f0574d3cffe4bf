/* The public interface: from names and settings to a model and its options, or to a scorer's. */
#include "engram_private.h"

#include "base/option.h"

#include <stdlib.h>
#include <string.h>

static int apply_presets(struct chosen *c, const char *names, struct err *e)
{
    while (*names) {
        char name[OPTION_TEXT];
        size_t n = strcspn(names, ",");
        if (n >= sizeof name)
            return err_set(e, ERR_USAGE, "there is no preset '%.40s...'", names);
        memcpy(name, names, n);
        name[n] = 0;
        const struct preset *preset = preset_find(c->model, name, e);
        if (!preset)
            return e->code;
        TRY(options_parse(c->model->options, c->config, c->model->name, preset->model, ' ', e));
        TRY(options_parse(train_options, &c->train, "training", preset->run, ' ', e));
        names += n + (names[n] == ',');
    }
    return 0;
}

/* "name=value" taken apart. */
struct setting {
    char name[OPTION_TEXT];
    const char *value;
};

static int setting_read(const char *text, struct setting *s, struct err *e)
{
    if (!text)
        return err_set(e, ERR_USAGE, "a setting is NULL where option=value is expected");
    size_t n = strcspn(text, "=");
    if (!text[n] || n >= sizeof s->name)
        return err_set(e, ERR_USAGE, "'%.60s' is not of the form option=value", text);
    memcpy(s->name, text, n);
    s->name[n] = 0;
    s->value = text + n + 1;
    return 0;
}

/* `settings` may be NULL where there are none. */
static int settings_check(const char *const *settings, size_t n, struct err *e)
{
    if (n && !settings)
        return err_set(e, ERR_USAGE, "%zu settings are announced, but their list is NULL", n);
    return 0;
}

static int apply_setting(struct chosen *c, const char *text, struct err *e)
{
    struct setting s;
    TRY(setting_read(text, &s, e));
    if (option_find(train_options, s.name, NULL))
        return options_set(train_options, &c->train, "training", s.name, s.value, e);
    if (option_find(c->model->options, s.name, NULL))
        return options_set(c->model->options, c->config, c->model->name, s.name, s.value, e);
    return err_set(e, ERR_USAGE, "neither model %s nor training has an option '%s'", c->model->name, s.name);
}

static const char *general_preset(const struct model *m, unsigned takes)
{
    const char *own = takes == TAKES_ROWS ? m->row_preset : takes == TAKES_CLIPS ? m->clip_preset : NULL;
    return own ? own : m->presets[0].name;
}

int chosen_read(struct chosen *c, const char *model, const char *presets, unsigned takes, const char *const *settings,
                size_t n, struct err *e)
{
    *c = (struct chosen){0};
    TRY(settings_check(settings, n, e));
    if (!model)
        return err_set(e, ERR_USAGE, "the job names no model: its member `model` is NULL");
    c->model = model_find(model, e);
    if (!c->model)
        return e->code;
    c->config = calloc(1, c->model->config_bytes);
    if (!c->config)
        return err_memory(e, "the model's options");
    options_default(c->model->options, c->config);
    options_default(train_options, &c->train);
    TRY(apply_presets(c, presets ? presets : general_preset(c->model, takes), e));
    for (size_t i = 0; i < n; i++)
        TRY(apply_setting(c, settings[i], e));
    return 0;
}

void chosen_free(struct chosen *c)
{
    free(c->config);
}

/* ---- a scorer's ---- */

#define OPTIONS_OF struct scorer_config
// clang-format off
const struct option scorer_options[] = {
    ROW_INT(threads, "0", 0, 1024, "processor cores to use; 0, or more than there are: all"),
    ROW_INT(batch, "64", 1, 4096, "samples computed at once"),
    ROW_FLOAT(false_alarm_rate, "0.05", 0, 1, "share of normal samples that may be called anomalous"),
    ROW_CHOICE(score, "file", "model|map|file", "what scores, verdicts and heat maps stand on: the model's own score, or the map that knows what is usual; file: what the model was trained for"),
    ROW_BOOL(maps, "false", "make heat maps"),
    ROW_BOOL(pictures, "false", "hand frames of videos and streams to their rows, to be shown"),
    ROW_CHOICE(late, "drop", "drop|wait", "of live streams: frames that would have to wait for more than two clips before them are dropped, a clip's at a time; or all wait"),
    ROW_INT(reconnect, "30", 0, 86400, "of live streams: longest pause between attempts to connect again, in seconds; 0: none is made"),
    ROW_BOOL(outputs, "false", "keep what the model makes of each sample, to be looked at"),
    ROW_CHOICE(precision, "auto", "f32|bf16|auto", "number format between layers; auto: the one that the model was calibrated in"),
    ROW_CHOICE(protocol, "frames", "frames|official", "of videos: every frame is judged, or as MemAE's official code has it: a clip from every frame on, whose score is its middle frame's alone"),
    ROW_INT(hop, "0", 0, 1000000, "of videos: from the first frame of a clip to that of the next, at most as many as a clip judges; 0: so many"),
    ROW_INT(max_side, "0", 0, PICTURE_MAX_SIDE, "longest side of a picture that is decoded, in pixels; 0: the library's own limit"),
    ROW_INT(max_pixels, "0", 0, PICTURE_MAX_PIXELS, "most pixels of a picture that is decoded; 0: the library's own limit"),
    ROW_INT(max_bytes, "0", 0, PICTURE_MAX_BYTES, "most bytes that a picture may become when it is decoded; 0: the library's own limit"),
    {0}};
// clang-format on

static int config_read(const struct option *table, const char *owner, const char *const *settings, size_t n, void *c,
                       struct err *e)
{
    struct setting s;
    options_default(table, c);
    TRY(settings_check(settings, n, e));
    for (size_t i = 0; i < n; i++) {
        TRY(setting_read(settings[i], &s, e));
        TRY(options_set(table, c, owner, s.name, s.value, e));
    }
    return 0;
}

int scorer_config_read(const char *const *settings, size_t n, struct scorer_config *c, struct err *e)
{
    return config_read(scorer_options, "a scorer", settings, n, c, e);
}

struct scorer_spec scorer_spec_of(const struct scorer_config *c)
{
    return (struct scorer_spec){.batch = (int)c->batch,
                                .threads = threads_choose(c->threads),
                                .precision = c->precision,
                                .by = c->score,
                                .map = c->maps,
                                .reconstruction = c->outputs,
                                .shows = c->pictures,
                                .protocol = c->protocol,
                                .hop = (int)c->hop,
                                .waits = c->late == LATE_WAIT,
                                .retry = (double)c->reconnect,
                                .rate = c->false_alarm_rate};
}

struct picture_limits scorer_limits(const struct scorer_config *c)
{
    return (struct picture_limits){.side = (int)c->max_side, .pixels = c->max_pixels, .bytes = (size_t)c->max_bytes};
}

/* ---- an evaluation's ---- */

#undef OPTIONS_OF
#define OPTIONS_OF struct evaluate_config
// clang-format off
const struct option evaluate_options[] = {
    ROW_TABLE(scorer_options, scorer),
    ROW_BOOL(min_max, "false", "measure too what a threshold at 0.20 of the way from the lowest score of the data to the highest does (GANomaly's protocol)"),
    ROW_INT(made, "0", 0, 100000, "measure with so many pictures with made defects, of the good ones in the data, in place of real defects; 0: with real ones"),
    ROW_CHOICE(made_kind, "mixed", "shapes|cuts|blends|mixed", "what is made: noise shapes filled with something else, pieces cut out and pasted, pieces blended in, or each in turn"),
    ROW_CHOICE(per_video, "raw", "raw|min-max", "of videos: measure too what is left when the scores of each are brought to 0..1 on their own; protocol=official has it"),
    ROW_FLOAT(smooth, "0", 0, 10000, "of videos: measure too what is left when scores are smoothed along each; deviation of a Gaussian, in frames"),
    {0}};
// clang-format on

int evaluate_config_read(const char *const *settings, size_t n, struct evaluate_config *c, struct err *e)
{
    return config_read(evaluate_options, "an evaluation", settings, n, c, e);
}
