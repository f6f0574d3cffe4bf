#include "run/score.h"

#include "base/log.h"
#include "run/frames.h"
#include "run/score_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct forward_spec spec_of(const struct loaded *s, int batch, int threads)
{
    const struct model_file *about = loaded_file(s);
    return (struct forward_spec){
        .model = about->model,
        .config = about->config,
        .params = loaded_params(s),
        .sample = about->input.sample,
        .input = &about->input,
        .batch = batch,
        .threads = threads,
        .seed = (uint64_t)about->train.seed,
    };
}

/* Scores of another precision differ by more than two samples may: the thresholds are not theirs. */
static void warn_of_precision(const struct model_file *about, enum dtype precision, const struct log *log)
{
    bool bf16 = about->train.precision == PRECISION_BF16;
    if (about->calibration.n && bf16 != (precision == BF16))
        log_line(
            log, LOG_WARN,
            "the model was calibrated in %s and is used in %s: scores differ slightly, and the promised false-alarm "
            "rate holds only roughly; train with precision=%s for machines like this one",
            bf16 ? "bf16" : "f32", bf16 ? "f32" : "bf16", bf16 ? "f32" : "bf16");
}

/* Held-out videos are judged by clips of which each frame is in one (run/train.c). */
static void warn_of_frames(const struct scorer *s, int64_t calibrated)
{
    const bool official = s->protocol == PROTOCOL_OFFICIAL;
    if (!loaded_file(s->loaded)->calibration.n || (s->hop == calibrated && !official))
        return;
    log_line(s->log, LOG_WARN,
             "the model was calibrated with clips that begin %lld frames apart, so that each frame is judged once; %s, "
             "and the promised false-alarm rate holds only roughly",
             (long long)calibrated,
             official ? "protocol=official scores clips by one of their frames"
                      : "a smaller hop takes means of several");
}

static enum score_by stands(const struct loaded *loaded, enum score_by wish)
{
    return wish == BY_FILE ? model_file_stands(loaded_file(loaded)) : wish;
}

static bool wants_usual(const struct loaded *loaded, const struct scorer_spec *want)
{
    return loaded_file(loaded)->usual.n && (want->both || stands(loaded, want->by) == BY_MAP);
}

static int check(const struct loaded *loaded, const struct scorer_spec *want, struct err *e)
{
    if (want->batch < 1 || want->threads < 1 || !(want->rate >= 0 && want->rate <= 1))
        return err_set(e, ERR_USAGE,
                       "scoring needs a batch (%d) and threads (%d) of at least 1 and a false-alarm rate "
                       "(%g) from 0 to 1",
                       want->batch, want->threads, want->rate);
    if (stands(loaded, want->by) == BY_MAP && !loaded_file(loaded)->usual.n)
        return err_set(e, ERR_USAGE,
                       "the model's file does not know what is usual in its heat maps, so no score can stand on them: "
                       "%s; use score=model",
                       loaded_roles(loaded)->has_map ? "it was written before engram 0.2" : "the model makes none");
    return 0;
}

/* Of clips the batch counts frames. */
static int rows_of(const struct loaded *loaded, int batch)
{
    const struct shape *sample = &loaded_file(loaded)->input.sample;
    int rows = sample->nd == 4 ? batch / (int)sample->d[0] : batch;
    return rows < 1 ? 1 : rows;
}

/* The graph, not planned yet. */
static int build(const struct loaded *loaded, const struct scorer_spec *want, struct forward *f, struct err *e)
{
    const struct model_file *about = loaded_file(loaded);
    struct forward_spec spec = spec_of(loaded, rows_of(loaded, want->batch), want->threads);
    enum precision precision = want->precision == PRECISION_AUTO ? about->train.precision : want->precision;
    *f = (struct forward){0};
    TRY(check(loaded, want, e));
    spec.precision = precision_choose(precision, NULL);
    warn_of_precision(about, spec.precision, want->log);
    spec.map = want->map || wants_usual(loaded, want);
    spec.reconstruction = want->reconstruction;
    spec.attention = want->attention;
    return forward_build(f, &spec, e);
}

static bool on_search(void *user, double share)
{
    const struct scorer *s = user;
    return s->searching(s->user, (size_t)(share * (double)s->n));
}

/* Left to it, clips follow each other so that every frame is judged once; in the official protocol there is one a
 * frame. */
static void choose_hop(struct scorer *s, const struct scorer_spec *want)
{
    const struct preprocess *input = &loaded_file(s->loaded)->input;
    if (input->sample.nd != 4)
        return;
    const int64_t most = frames_hop(&s->forward, input);
    s->protocol = want->protocol;
    s->hop = want->protocol == PROTOCOL_OFFICIAL ? 1 : want->hop > 0 && want->hop < most ? want->hop : most;
    warn_of_frames(s, most);
}

static int start(struct scorer *s, const struct scorer_spec *want, struct err *e)
{
    TRY(build(s->loaded, want, &s->forward, e));
    TRY(forward_plan(&s->forward, e));
    s->rate = want->rate;
    s->searching = want->searching;
    s->user = want->user;
    s->stopping = want->stopping;
    s->log = want->log;
    choose_hop(s, want);
    s->waits = want->waits;
    s->retry = want->retry;
    s->forward.searching = want->searching ? on_search : NULL;
    s->forward.user = s;
    s->by = stands(s->loaded, want->by);
    s->map = want->map;
    s->shows = want->shows;
    if (wants_usual(s->loaded, want)) {
        s->maps = malloc((size_t)s->forward.batch * s->forward.map_values * sizeof *s->maps);
        if (!s->maps)
            return err_memory(e, "heat maps");
        TRY(judge_new(loaded_file(s->loaded), s->forward.map_values, &s->judge, e));
    }
    s->kept = malloc(preprocess_bytes(&loaded_file(s->loaded)->input));
    return s->kept ? 0 : err_memory(e, "a sample");
}

int scorer_memory(const struct loaded *loaded, const struct scorer_spec *spec, size_t *bytes, struct err *e)
{
    struct forward f;
    int code = build(loaded, spec, &f, e);
    if (!code)
        code = forward_measure(&f, bytes, e);
    forward_free(&f);
    return code;
}

int scorer_new(struct loaded *loaded, const struct scorer_spec *spec, struct scorer **out, struct err *e)
{
    *out = NULL;
    struct scorer *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(e, "a scoring scorer");
    s->loaded = loaded;
    int code = start(s, spec, e);
    if (code) {
        scorer_free(s);
        return code;
    }
    *out = s;
    return 0;
}

void scorer_free(struct scorer *s)
{
    if (!s)
        return;
    forward_free(&s->forward);
    picture_decoder_free(s->decoder);
    free(s->maps);
    judge_free(s->judge);
    free(s->kept);
    free(s);
}

enum score_by scorer_stands(const struct scorer *s)
{
    return s->by;
}

const struct calibration *scorer_calibration(const struct scorer *s)
{
    return model_file_calibration(loaded_file(s->loaded), s->by);
}

/* ---- scoring ---- */

void scorer_judge(const struct scorer *s, struct verdict *v)
{
    v->score = v->by[s->by];
    if (!isfinite(v->by[BY_MODEL]) || (s->judge && !isfinite(v->by[BY_MAP]))) {
        v->error = ERR_FAIL;
        v->message = plan_failed(s->forward.plan)
                         ? "oneDNN could not compute this sample's score, most likely for want of memory"
                         : "the model gives this sample a score that is not finite; train it anew with a lower lr";
        return;
    }
    v->p_value = calibration_p_value(scorer_calibration(s), v->score);
    v->anomalous = v->p_value <= s->rate;
}

struct verdict scorer_verdict(const struct scorer *s, int i)
{
    const struct forward *f = &s->forward;
    struct verdict v = {.by = {[BY_MODEL] = forward_score(f, i), [BY_MAP] = NAN}};
    float *map = s->maps ? s->maps + (size_t)i * f->map_values : NULL;
    if (map)
        v.by[BY_MAP] = judge_map(s->judge, forward_map(f, i), map);
    if (s->map)
        v.map = s->by == BY_MAP ? map : forward_map(f, i);
    scorer_judge(s, &v);
    if (v.error)
        return v;
    v.reconstruction = forward_reconstruction(f, i);
    v.target = forward_target(f, i);
    for (int k = 0; k < f->heads.nscores; k++)
        v.parts[k] = forward_part(f, i, k);
    for (int k = 0; k < f->heads.nmemories; k++)
        v.attention[k].weights = forward_attention(f, i, k, &v.attention[k].rows, &v.attention[k].items);
    return v;
}

int scorer_run(struct scorer *s, size_t n, struct err *e)
{
    s->n = n;
    return forward_run(&s->forward, (int)n) ? 0 : err_set(e, ERR_STOPPED, "scoring was stopped within a search");
}

int scorer_score(struct scorer *s, const struct picture *pictures, int n, struct verdict *out, struct err *e)
{
    struct forward *f = &s->forward;
    const struct preprocess *input = &loaded_file(s->loaded)->input;
    if (n < 1 || n > f->batch)
        return err_set(e, ERR_USAGE, "%d pictures at once, where this scorer takes 1 to %d", n, f->batch);
    if (!preprocess_shows(input, NULL))
        return err_set(e, ERR_USAGE, "this model was made for %s and cannot score a picture",
                       kind_samples(input->kind));
    if (!s->decoder)
        TRY(picture_decoder_new(&s->decoder, e));
    const struct picture_format format = preprocess_format(input);
    for (int i = 0; i < n; i++) {
        TRY(picture_fit(s->decoder, &pictures[i], &format, s->kept, e));
        preprocess_ignore(input, s->kept);
        preprocess_values(input, s->kept, f->input + (size_t)i * f->sample_values);
    }
    TRY(scorer_run(s, (size_t)n, e));
    for (int i = 0; i < n; i++)
        out[i] = scorer_verdict(s, i);
    return 0;
}

static int check_columns(const struct preprocess *input, size_t columns, struct err *e)
{
    if (input->sample.nd != 1)
        return err_set(e, ERR_USAGE, "this model was made for %s and cannot score rows of numbers",
                       kind_samples(input->kind));
    if (columns != preprocess_columns(input))
        return err_set(e, ERR_USAGE, "rows of %zu columns, where this model takes %zu", columns,
                       preprocess_columns(input));
    return 0;
}

int scorer_read_rows(const struct loaded *loaded, const char *const *texts, size_t n, size_t columns, float *rows,
                     struct err *e)
{
    const struct preprocess *input = &loaded_file(loaded)->input;
    TRY(check_columns(input, columns, e));
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        int code = preprocess_texts(input, texts + i * columns, rows + i * columns, &why);
        if (code < 0)
            return err_set(e, code, "row %zu of %zu (from 0): %s", i, n, why.msg);
    }
    return 0;
}

int scorer_check_rows(const struct loaded *loaded, const float *rows, size_t n, size_t columns, struct err *e)
{
    const struct preprocess *input = &loaded_file(loaded)->input;
    TRY(check_columns(input, columns, e));
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        int code = preprocess_row(input, rows + i * columns, NULL, &why);
        if (code < 0)
            return err_set(e, code, "row %zu of %zu (from 0): %s", i, n, why.msg);
    }
    return 0;
}

int scorer_score_rows(struct scorer *s, const float *rows, int n, struct verdict *out, struct err *e)
{
    struct forward *f = &s->forward;
    if (n < 1 || n > f->batch)
        return err_set(e, ERR_USAGE, "%d rows at once, where this scorer takes 1 to %d", n, f->batch);
    const struct preprocess *input = &loaded_file(s->loaded)->input;
    for (int i = 0; i < n; i++) {
        TRY(preprocess_row(input, rows + (size_t)i * preprocess_columns(input), s->kept, e));
        preprocess_values(input, s->kept, f->input + (size_t)i * f->sample_values);
    }
    TRY(scorer_run(s, (size_t)n, e));
    for (int i = 0; i < n; i++)
        out[i] = scorer_verdict(s, i);
    return 0;
}
