#include "run/score.h"

#include "data/loader.h"
#include "run/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 256 }; /* of an 8-bit pixel */

struct scorer {
    const struct loaded *loaded;
    struct forward forward;
    double rate;
    struct picture_format format;
    struct picture_decoder *decoder; /* made at first use */
    uint8_t *pixels;                 /* one sample */
    float levels[LEVELS];            /* what each pixel value becomes */
};

static struct forward_spec spec_of(const struct loaded *s, int batch, int threads)
{
    const struct model_file *about = loaded_file(s);
    return (struct forward_spec){
        .model = about->model,
        .config = about->config,
        .params = loaded_params(s),
        .sample = about->input.sample,
        .batch = batch,
        .threads = threads,
    };
}

/* In the very steps of data/loader.c: a picture has the same score from memory and from a data set. */
static void fill_levels(struct scorer *s)
{
    const struct preprocess *p = &loaded_file(s->loaded)->input;
    float zero = 255 * p->mean, scale = 1 / (255 * p->std);
    for (int i = 0; i < LEVELS; i++)
        s->levels[i] = ((float)i - zero) * scale;
}

static int start(struct scorer *s, const struct scorer_spec *want, struct err *e)
{
    const struct model_file *about = loaded_file(s->loaded);
    const struct shape *sample = &about->input.sample;
    struct forward_spec spec = spec_of(s->loaded, want->batch, want->threads);
    enum precision precision = want->precision == PRECISION_AUTO ? about->train.precision : want->precision;
    if (want->batch < 1 || want->threads < 1 || !(want->rate >= 0 && want->rate <= 1))
        return err_set(e, ERR_USAGE,
                       "scoring needs a batch (%d) and threads (%d) of at least 1 and a false-alarm rate "
                       "(%g) from 0 to 1",
                       want->batch, want->threads, want->rate);
    spec.precision = precision_choose(precision, NULL);
    spec.map = want->map;
    spec.reconstruction = want->reconstruction;
    spec.attention = want->attention;
    TRY(forward_build(&s->forward, &spec, e));
    TRY(forward_plan(&s->forward, e));
    s->rate = want->rate;
    s->format = (struct picture_format){(int)sample->d[1], (int)sample->d[0], (int)sample->d[2]};
    s->pixels = malloc(s->forward.sample_values);
    fill_levels(s);
    return s->pixels ? 0 : err_memory(e, "a picture");
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
    free(s->pixels);
    free(s);
}

size_t scorer_bytes(const struct scorer *s)
{
    return plan_bytes(s->forward.plan);
}

/* ---- scoring ---- */

static struct verdict read_verdict(const struct scorer *s, int i)
{
    const struct forward *f = &s->forward;
    const struct calibration *c = &loaded_file(s->loaded)->calibration;
    struct verdict v = {.score = forward_score(f, i)};
    if (!isfinite(v.score)) {
        v.error = ERR_FAIL;
        v.message = "the model gives this sample a score that is not finite; train it anew with a lower lr";
        return v;
    }
    v.p_value = calibration_p_value(c, v.score);
    v.anomalous = v.p_value <= s->rate;
    v.map = forward_map(f, i);
    v.reconstruction = forward_reconstruction(f, i);
    v.input = forward_input(f, i);
    v.attention = forward_attention(f, i, &v.attention_rows, &v.items);
    return v;
}

int scorer_score(struct scorer *s, const struct picture *pictures, int n, struct verdict *out, struct err *e)
{
    struct forward *f = &s->forward;
    if (n < 1 || n > f->batch)
        return err_set(e, ERR_USAGE, "%d pictures at once, where this scorer takes 1 to %d", n, f->batch);
    if (!s->decoder)
        TRY(picture_decoder_new(&s->decoder, e));
    for (int i = 0; i < n; i++) {
        TRY(picture_fit(s->decoder, &pictures[i], &s->format, s->pixels, e));
        float *row = f->input + (size_t)i * f->sample_values;
        for (size_t k = 0; k < f->sample_values; k++)
            row[k] = s->levels[s->pixels[k]];
    }
    forward_run(f, n);
    for (int i = 0; i < n; i++)
        out[i] = read_verdict(s, i);
    return 0;
}

static int score_batch(struct scorer *s, const struct batch *b, scorer_each *each, void *user, struct err *e)
{
    memcpy(s->forward.input, b->data, b->n * s->forward.sample_values * sizeof(float));
    forward_run(&s->forward, (int)b->n);
    for (size_t i = 0; i < b->n; i++) {
        struct verdict v = {.error = ERR_IO, .message = b->errors[i]};
        if (!b->errors[i])
            v = read_verdict(s, (int)i);
        if (each(user, b->samples[i], &v))
            return err_set(e, ERR_STOPPED, "scoring was stopped after %zu of the batch's samples", i + 1);
    }
    return 0;
}

int scorer_score_dataset(struct scorer *s, struct dataset *data, enum split split, const size_t *indices, size_t n,
                         scorer_each *each, void *user, struct err *e)
{
    const struct preprocess *p = &loaded_file(s->loaded)->input;
    struct loader_options options = {.batch = (size_t)s->forward.batch, .format = s->format};
    size_t count = indices ? n : dataset_count(data, split);
    options.threads = count > options.batch ? s->forward.threads : 1; /* decoding may well be most of the work */
    for (int i = 0; i < 3; i++) {
        options.mean[i] = p->mean;
        options.std[i] = p->std;
    }
    struct loader *loader = NULL;
    struct batch b;
    TRY(loader_new(data, split, indices, n, &options, &loader, e));
    int got, code = 0;
    while (!code && (got = loader_next(loader, &b, e)) != 0)
        code = got < 0 ? got : score_batch(s, &b, each, user, e);
    loader_free(loader);
    return code;
}

void preprocess_picture(const struct preprocess *p, const float *values, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        float v = (values[i] * p->std + p->mean) * 255;
        out[i] = (uint8_t)(v > 0 ? (v < 255 ? v + 0.5f : 255) : 0);
    }
}
