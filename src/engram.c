/* The public interface, part 1 and what all parts share: translates between engram.h and the floor `run`, no more. */
#include "engram_private.h"

#include "base/clock.h"
#include "base/file.h"
#include "data/dataset.h"
#include "file/train_config.h"
#include "report/heatmap.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ENGRAM_FAIL == ERR_FAIL && (int)ENGRAM_USAGE == ERR_USAGE && (int)ENGRAM_MEMORY == ERR_MEMORY &&
                   (int)ENGRAM_IO == ERR_IO && (int)ENGRAM_FORMAT == ERR_FORMAT && (int)ENGRAM_STOPPED == ERR_STOPPED,
               "the codes are the same");
_Static_assert((int)ENGRAM_LOG_WARN == LOG_WARN && (int)ENGRAM_LOG_INFO == LOG_INFO &&
                   (int)ENGRAM_LOG_DEBUG == LOG_DEBUG && (int)ENGRAM_DATA_TRAIN == SPLIT_TRAIN &&
                   (int)ENGRAM_DATA_TEST == SPLIT_TEST,
               "so are the levels and the parts");

static const double default_rate = 0.05;
enum { DEFAULT_BATCH = 64 };

struct engram_scorer {
    const engram_model *model;
    struct scorer_spec spec;
    struct scorer *single;           /* for one picture at a time; made at first use */
    struct picture_decoder *decoder; /* the same */
};

const char *engram_version(void)
{
    return ENGRAM_VERSION;
}

/* ---- calls ---- */

void call_begin(struct call *call)
{
    call->err = ERR_INIT;
    call->before = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* glibc's own object: nothing to free */
}

int call_end(struct call *call, int code, engram_error *error)
{
    uselocale(call->before);
    if (code >= 0)
        return 0;
    if (error) {
        error->code = code;
        strcpy(error->message, call->err.msg);
    }
    return code;
}

_Static_assert(sizeof((engram_error *)0)->message >= sizeof((struct err *)0)->msg, "every sentence fits");

void *hooks_user(const engram_hooks *hooks)
{
    return (void *)(uintptr_t)hooks;
}

static void forward_log(void *user, enum log_level level, const char *text)
{
    const engram_hooks *hooks = user;
    if (hooks && hooks->log)
        hooks->log(hooks->user, (int)level, text);
}

struct log hooks_log(const engram_hooks *hooks)
{
    return (struct log){forward_log, hooks_user(hooks)};
}

bool hooks_stop(void *user)
{
    const engram_hooks *hooks = user;
    return hooks && hooks->stop && hooks->stop(hooks->user);
}

void hooks_samples(const engram_hooks *hooks, const char *what, size_t done, size_t total, double seconds)
{
    if (!hooks || !hooks->progress)
        return;
    double left = done ? seconds / (double)done * (double)(total - done) : -1;
    const engram_progress p = {.what = what,
                               .done = (int64_t)done,
                               .total = (int64_t)total,
                               .seconds = seconds,
                               .seconds_left = left,
                               .validation_loss = NAN};
    hooks->progress(hooks->user, &p);
}

static int model_load(const char *path, engram_model **out, struct err *e)
{
    engram_model *m = calloc(1, sizeof *m);
    if (!m)
        return err_memory(e, "a model");
    int code = loaded_open(path, &m->loaded, e);
    if (code >= 0)
        code = facts_list(loaded_file(m->loaded), loaded_weights_bytes(m->loaded), &m->facts, e);
    if (code < 0) {
        engram_model_free(m);
        return code;
    }
    *out = m;
    return 0;
}

int engram_model_load(const char *path, engram_model **model, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, model_load(path, model, &call.err), error);
}

void engram_model_free(engram_model *model)
{
    if (!model)
        return;
    facts_free(&model->facts);
    loaded_close(model->loaded);
    free(model);
}

double engram_model_smallest_rate(const engram_model *model)
{
    return calibration_smallest_rate(&loaded_file(model->loaded)->calibration);
}

int scorer_options_read(const engram_scorer_options *options, struct scorer_spec *spec, struct err *e)
{
    static const engram_scorer_options zero;
    const engram_scorer_options *o = options ? options : &zero;
    if (o->threads < 0 || o->batch < 0 || !(o->false_alarm_rate >= 0 && o->false_alarm_rate <= 1))
        return err_set(e, ERR_USAGE,
                       "scoring takes threads (%d) and batch (%d) of at least 0, which means: choose, and a "
                       "false-alarm rate (%g) from 0 to 1",
                       o->threads, o->batch, o->false_alarm_rate);
    *spec = (struct scorer_spec){.batch = o->batch ? o->batch : DEFAULT_BATCH,
                                 .threads = threads_choose(o->threads),
                                 .precision = PRECISION_AUTO,
                                 .map = o->maps != 0,
                                 .rate = o->false_alarm_rate > 0 ? o->false_alarm_rate : default_rate};
    return 0;
}

static int new_scorer(const engram_model *model, const engram_scorer_options *options, engram_scorer **out,
                      struct err *e)
{
    struct scorer_spec spec;
    TRY(scorer_options_read(options, &spec, e));
    engram_scorer *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(e, "a scorer");
    s->model = model;
    s->spec = spec;
    *out = s;
    return 0;
}

int engram_scorer_new(const engram_model *model, const engram_scorer_options *options, engram_scorer **scorer,
                      engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, new_scorer(model, options, scorer, &call.err), error);
}

void engram_scorer_free(engram_scorer *scorer)
{
    if (!scorer)
        return;
    scorer_free(scorer->single);
    picture_decoder_free(scorer->decoder);
    free(scorer);
}

static engram_result result_of(const struct verdict *v, const engram_model *model)
{
    const struct shape *sample = &loaded_file(model->loaded)->input.sample;
    engram_result r = {.score = (double)v->score, .p_value = v->p_value, .anomalous = v->anomalous, .map = v->map};
    r.map_height = v->map ? (int)sample->d[0] : 0;
    r.map_width = v->map ? (int)sample->d[1] : 0;
    return r;
}

static int score_one(engram_scorer *s, const struct picture *picture, engram_result *result, struct err *e)
{
    struct verdict v;
    if (!s->single) {
        struct scorer_spec spec = s->spec;
        spec.batch = 1;
        TRY(scorer_new(s->model->loaded, &spec, &s->single, e));
    }
    TRY(scorer_score(s->single, picture, 1, &v, e));
    if (v.error)
        return err_set(e, v.error, "%s", v.message);
    *result = result_of(&v, s->model);
    return 0;
}

static int check_picture(const engram_picture *p, struct err *e)
{
    if (!p->pixels || p->width < 1 || p->height < 1 || p->width > PICTURE_MAX_SIDE || p->height > PICTURE_MAX_SIDE ||
        (int64_t)p->width * p->height > PICTURE_MAX_PIXELS || (p->channels != 1 && p->channels != 3))
        return err_set(e, ERR_USAGE,
                       "a picture of %d x %d pixels and %d channels cannot be scored: it takes pixels, sides from 1 to "
                       "%d, at most %d pixels in all, and 1 or 3 channels",
                       p->width, p->height, p->channels, PICTURE_MAX_SIDE, PICTURE_MAX_PIXELS);
    if (p->stride && p->stride < (size_t)p->width * (size_t)p->channels)
        return err_set(e, ERR_USAGE, "a stride of %zu bytes is less than a row of %d pixels", p->stride, p->width);
    return 0;
}

/* Rows with gaps between them are put together first. */
static int score_picture(engram_scorer *s, const engram_picture *p, engram_result *result, struct err *e)
{
    TRY(check_picture(p, e));
    struct picture picture = {p->width, p->height, p->channels, p->pixels};
    size_t row = (size_t)p->width * (size_t)p->channels;
    if (!p->stride || p->stride == row)
        return score_one(s, &picture, result, e);
    uint8_t *packed = malloc(row * (size_t)p->height);
    if (!packed)
        return err_memory(e, "a picture");
    for (size_t y = 0; y < (size_t)p->height; y++)
        memcpy(packed + y * row, p->pixels + y * p->stride, row);
    picture.pixels = packed;
    int code = score_one(s, &picture, result, e);
    free(packed);
    return code;
}

int engram_score_picture(engram_scorer *scorer, const engram_picture *picture, engram_result *result,
                         engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, score_picture(scorer, picture, result, &call.err), error);
}

static int score_file(engram_scorer *s, const char *path, engram_result *result, struct err *e)
{
    struct picture picture;
    int channels = (int)shape_last(&loaded_file(s->model->loaded)->input.sample);
    if (!s->decoder)
        TRY(picture_decoder_new(&s->decoder, e));
    TRY(picture_read(s->decoder, path, channels, &picture, e));
    return score_one(s, &picture, result, e);
}

int engram_score_file(engram_scorer *scorer, const char *path, engram_result *result, engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, score_file(scorer, path, result, &call.err), error);
}

struct rows {
    const engram_model *model;
    const struct dataset *data;
    const engram_hooks *hooks;
    engram_row_fn *row;
    void *user;
    size_t done, total;
    double started;
};

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct rows *r = user;
    const struct sample *s = dataset_sample(r->data, SPLIT_TEST, index);
    engram_row row = {.name = s->name,
                      .path = s->path,
                      .index = s->index,
                      .kind = s->kind,
                      .truth = s->anomalous,
                      .error = v->error ? v->message : NULL};
    if (!v->error)
        row.result = result_of(v, r->model);
    hooks_samples(r->hooks, "scoring", ++r->done, r->total, clock_seconds() - r->started);
    return r->row(r->user, &row) || hooks_stop(hooks_user(r->hooks));
}

static int score_data(engram_scorer *s, const char *const *urls, size_t n, struct rows *rows, struct err *e)
{
    struct dataset *data = NULL;
    struct scorer *scorer = NULL;
    const struct log log = hooks_log(rows->hooks);
    TRY(dataset_open_all(urls, n, DATASET_SCORE, &log, &data, e));
    struct scorer_spec spec = s->spec;
    spec.log = &log;
    rows->data = data;
    rows->total = dataset_count(data, SPLIT_TEST);
    if ((size_t)spec.batch > rows->total)
        spec.batch = (int)rows->total;
    int code = scorer_new(s->model->loaded, &spec, &scorer, e);
    if (code >= 0)
        code = scorer_score_dataset(scorer, data, SPLIT_TEST, NULL, 0, on_row, rows, e);
    scorer_free(scorer);
    dataset_close(data);
    return code;
}

int engram_score_data(engram_scorer *scorer, const char *const *urls, size_t n, const engram_hooks *hooks,
                      engram_row_fn *row, void *user, engram_error *error)
{
    struct call call;
    struct rows rows = {.model = scorer->model, .hooks = hooks, .row = row, .user = user, .started = clock_seconds()};
    call_begin(&call);
    return call_end(&call, score_data(scorer, urls, n, &rows, &call.err), error);
}

int make_parent(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    char *folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return err_memory(e, "a folder's name");
    int code = file_make_folder(folder, e);
    free(folder);
    return code;
}

static int map_write(const engram_model *model, const engram_result *r, const char *path, int format, bool force,
                     struct err *e)
{
    if (!r->map)
        return err_set(e, ERR_USAGE, "%s cannot be written: the scorer was not asked for maps, or the model makes none",
                       path);
    TRY(make_parent(path, e));
    if (format == ENGRAM_MAP_NPY)
        return heatmap_write_npy(path, r->map, r->map_width, r->map_height, force, e);
    if (format != ENGRAM_MAP_PNG)
        return err_set(e, ERR_USAGE, "there is no map format %d", format);
    return heatmap_write_png(path, &loaded_file(model->loaded)->calibration, r->map, r->map_width, r->map_height, force,
                             e);
}

int engram_map_write(const engram_model *model, const engram_result *result, const char *path, int format, int force,
                     engram_error *error)
{
    struct call call;
    call_begin(&call);
    return call_end(&call, map_write(model, result, path, format, force != 0, &call.err), error);
}
