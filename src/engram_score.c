/* The public interface: scoring. */
#include "engram_private.h"

#include "picture/pixels.h"

#include <stdlib.h>
#include <string.h>

static int new_scorer(const engram_model *model, const char *const *settings, size_t n, engram_scorer **out,
                      struct err *e)
{
    struct scorer_config config;
    TRY(scorer_config_read(settings, n, &config, e));
    engram_scorer *s = calloc(1, sizeof *s);
    if (!s || !(s->verdicts = calloc((size_t)config.batch, sizeof *s->verdicts))) {
        free(s);
        return err_memory(e, "a scorer");
    }
    s->model = model;
    s->config = config;
    *out = s;
    return 0;
}

int engram_scorer_new(const engram_model *model, const char *const *settings, size_t nsettings, engram_scorer **scorer,
                      engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(model), GIVEN(scorer));
    if (code >= 0)
        code = new_scorer(model, settings, nsettings, scorer, &call.err);
    return call_end(&call, code, error);
}

void engram_scorer_free(engram_scorer *scorer)
{
    if (!scorer)
        return;
    scorer_free(scorer->single);
    scorer_free(scorer->many);
    picture_decoder_free(scorer->decoder);
    free(scorer->pictures);
    free(scorer->fitted);
    free(scorer->verdicts);
    free(scorer->rows);
    free(scorer);
}

/* ---- pictures ---- */

/* The inner scorer of that batch, made at its first use. */
static int ready(engram_scorer *s, struct scorer **inner, int64_t batch, struct err *e)
{
    struct scorer_spec spec = scorer_spec_of(&s->config);
    spec.batch = (int)batch;
    return *inner ? 0 : scorer_new(s->model->loaded, &spec, inner, e);
}

/* What every picture goes through. */
static int ready_decoder(engram_scorer *s, struct err *e)
{
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    const struct picture_limits limits = scorer_limits(&s->config);
    if (!preprocess_shows(input, NULL))
        return err_set(e, ERR_USAGE, "this model was made for %s and cannot score a picture",
                       kind_samples(input->kind));
    if (s->decoder)
        return 0;
    TRY(picture_decoder_new(&s->decoder, e));
    picture_decoder_limit(s->decoder, &limits);
    return 0;
}

static int channels_of(const engram_scorer *s)
{
    return (int)shape_last(&loaded_file(s->model->loaded)->input.sample);
}

static int score_one(engram_scorer *s, const struct picture *picture, engram_result *result, struct err *e)
{
    TRY(ready(s, &s->single, 1, e));
    TRY(scorer_score(s->single, picture, 1, s->verdicts, e));
    if (s->verdicts->error)
        return err_set(e, s->verdicts->error, "%s", s->verdicts->message);
    result_write(s, s->verdicts, result);
    s->nverdicts = 1;
    return 0;
}

static int score_picture(engram_scorer *s, const engram_picture *p, engram_result *result, struct err *e)
{
    struct pixels pixels;
    struct picture picture;
    TRY(picture_pixels(p, &pixels, e));
    TRY(ready_decoder(s, e));
    TRY(pixels_read(&pixels, channels_of(s), s->decoder, &picture, e));
    return score_one(s, &picture, result, e);
}

/* What every call that makes results begins with. */
static int begin_results(engram_scorer *s, const engram_result *result, struct err *e)
{
    s->nverdicts = 0;
    return STRUCT_CHECK(engram_result, result, e);
}

int engram_score_picture(engram_scorer *scorer, const engram_picture *picture, engram_result *result,
                         engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(picture), GIVEN(result));
    if (code >= 0)
        code = begin_results(scorer, result, &call.err);
    if (code >= 0)
        code = score_picture(scorer, picture, result, &call.err);
    return call_end(&call, code, error);
}

/* One after the other through the one decoder, to the model's size: that is what is kept of each until all are there.
 */
static int fit_pictures(engram_scorer *s, const engram_picture *pictures, size_t n, struct err *e)
{
    const struct picture_format format = preprocess_format(&loaded_file(s->model->loaded)->input);
    for (size_t i = 0; i < n; i++) {
        struct pixels pixels;
        struct picture picture;
        struct err why = ERR_INIT;
        uint8_t *fitted = s->fitted + i * picture_bytes(&format);
        int code = picture_pixels(struct_element(pictures, i), &pixels, &why);
        if (code >= 0)
            code = pixels_read(&pixels, format.channels, s->decoder, &picture, &why);
        if (code >= 0)
            code = picture_fit(s->decoder, &picture, &format, fitted, &why);
        if (code < 0)
            return err_set(e, code, "picture %zu of %zu: %s", i, n, why.msg);
        s->pictures[i] = (struct picture){format.width, format.height, format.channels, fitted};
    }
    return 0;
}

static int ready_many(engram_scorer *s, struct err *e)
{
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    size_t batch = (size_t)s->config.batch;
    TRY(ready_decoder(s, e));
    s->fitted = s->fitted ? s->fitted : malloc(batch * preprocess_bytes(input));
    s->pictures = s->pictures ? s->pictures : calloc(batch, sizeof *s->pictures);
    if (!s->fitted || !s->pictures)
        return err_memory(e, "pictures to score at once");
    return ready(s, &s->many, s->config.batch, e);
}

static int score_pictures(engram_scorer *s, const engram_picture *pictures, size_t n, engram_result *results,
                          struct err *e)
{
    if (n < 1 || n > (size_t)s->config.batch)
        return err_set(e, ERR_USAGE, "%zu pictures at once, where this scorer takes 1 to %lld (its setting batch)", n,
                       (long long)s->config.batch);
    TRY(STRUCT_CHECK(engram_picture, pictures, e));
    TRY(ready_many(s, e));
    TRY(fit_pictures(s, pictures, n, e));
    TRY(scorer_score(s->many, s->pictures, (int)n, s->verdicts, e));
    for (size_t i = 0; i < n; i++)
        if (s->verdicts[i].error)
            return err_set(e, s->verdicts[i].error, "picture %zu of %zu: %s", i, n, s->verdicts[i].message);
    for (size_t i = 0; i < n; i++) {
        engram_result *out = struct_element(results, i);
        out->size = results->size;
        result_write(s, &s->verdicts[i], out);
    }
    s->nverdicts = n;
    return 0;
}

int engram_score_pictures(engram_scorer *scorer, const engram_picture *pictures, size_t n, engram_result *results,
                          engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(pictures), GIVEN(results));
    if (code >= 0)
        code = begin_results(scorer, results, &call.err);
    if (code >= 0)
        code = score_pictures(scorer, pictures, n, results, &call.err);
    return call_end(&call, code, error);
}

/* `path` NULL: the file's n bytes are there already. */
static int score_encoded(engram_scorer *s, const char *path, const void *bytes, size_t n, engram_result *result,
                         struct err *e)
{
    struct picture picture;
    TRY(begin_results(s, result, e));
    TRY(ready_decoder(s, e));
    const struct picture_format format = preprocess_format(&loaded_file(s->model->loaded)->input);
    picture_decoder_aim(s->decoder, &format);
    if (path)
        TRY(picture_read(s->decoder, path, channels_of(s), &picture, e));
    else
        TRY(picture_decode(s->decoder, bytes, n, "the picture in memory", channels_of(s), &picture, e));
    return score_one(s, &picture, result, e);
}

int engram_score_file(engram_scorer *scorer, const char *path, engram_result *result, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(path), GIVEN(result));
    if (code >= 0)
        code = score_encoded(scorer, path, NULL, 0, result, &call.err);
    return call_end(&call, code, error);
}

int engram_score_encoded(engram_scorer *scorer, const void *bytes, size_t n, engram_result *result, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(bytes), GIVEN(result));
    if (code >= 0)
        code = score_encoded(scorer, NULL, bytes, n, result, &call.err);
    return call_end(&call, code, error);
}

/* ---- rows of numbers ---- */

/* As many as a batch takes. `first`: rows before them. */
static int score_some_rows(engram_scorer *s, const float *rows, size_t first, size_t n, engram_result *results,
                           struct err *e)
{
    TRY(scorer_score_rows(s->many, rows, (int)n, s->verdicts, e));
    for (size_t i = 0; i < n; i++) {
        engram_result *out = struct_element(results, first + i);
        if (s->verdicts[i].error)
            return err_set(e, s->verdicts[i].error, "row %zu: %s", first + i, s->verdicts[i].message);
        out->size = results->size;
        result_write(s, &s->verdicts[i], out);
    }
    return 0;
}

static int score_rows(engram_scorer *s, const float *rows, size_t n, size_t columns, engram_result *results,
                      struct err *e)
{
    const size_t batch = (size_t)s->config.batch;
    TRY(scorer_check_rows(s->model->loaded, rows, n, columns, e));
    TRY(ready(s, &s->many, s->config.batch, e));
    s->rows = s->rows ? s->rows : malloc(batch * columns * sizeof *s->rows);
    if (!s->rows)
        return err_memory(e, "rows to be looked at");
    for (size_t first = 0; first < n; first += batch)
        TRY(score_some_rows(s, rows + first * columns, first, n - first < batch ? n - first : batch, results, e));
    if (n <= batch) {
        memcpy(s->rows, rows, n * columns * sizeof *rows);
        s->nverdicts = n;
    }
    return 0;
}

int engram_score_rows(engram_scorer *scorer, const float *rows, size_t n, size_t columns, engram_result *results,
                      engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(rows), GIVEN(results));
    if (code >= 0)
        code = begin_results(scorer, results, &call.err);
    if (code >= 0)
        code = score_rows(scorer, rows, n, columns, results, &call.err);
    return call_end(&call, code, error);
}

static int score_fields(engram_scorer *s, const char *const *fields, size_t n, size_t columns, engram_result *results,
                        struct err *e)
{
    float *rows = malloc((n * columns + 1) * sizeof *rows);
    if (!rows)
        return err_memory(e, "rows of numbers");
    int code = scorer_read_rows(s->model->loaded, fields, n, columns, rows, e);
    if (code >= 0)
        code = score_rows(s, rows, n, columns, results, e);
    free(rows);
    return code;
}

int engram_score_fields(engram_scorer *scorer, const char *const *fields, size_t n, size_t columns,
                        engram_result *results, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(fields), GIVEN(results));
    if (code >= 0)
        code = begin_results(scorer, results, &call.err);
    if (code >= 0)
        code = score_fields(scorer, fields, n, columns, results, &call.err);
    return call_end(&call, code, error);
}
