/* The public interface: scoring data sets, row by row. */
#include "engram_private.h"

#include "base/clock.h"
#include "data/reasons.h"

#include <math.h>
#include <stdlib.h>

struct rows {
    engram_scorer *scorer;
    const struct dataset *data;
    const engram_hooks *hooks;
    engram_row_fn *row;
    void *user;
    size_t done, total;
    double started;
    char id[256];
};

static int on_row(void *user, size_t index, const struct verdict *v)
{
    struct rows *r = user;
    const struct sample *s = dataset_sample(r->data, SPLIT_TEST, index);
    engram_row row = {.size = sizeof row,
                      .name = s->name,
                      .path = s->path,
                      .index = dataset_plays(r->data) ? v->frame : s->index,
                      .kind = s->kind,
                      .truth = s->anomalous,
                      .time = dataset_plays(r->data) ? v->time : (double)NAN};
    struct err unread = ERR_INIT; /* what cannot be read has said so */
    if (row_id(r->data, SPLIT_TEST, index, r->id, sizeof r->id, &unread) > 0)
        row.id = r->id;
    hooks_samples(r->hooks, "scoring", ++r->done, r->total, clock_seconds() - r->started);
    r->scorer->data = r->data;
    r->scorer->sample = index;
    int stop = scorer_tell(r->scorer, v, &row, r->row, r->user);
    r->scorer->data = NULL;
    return stop || (!dataset_live(r->data) && hooks_stop(hooks_user(r->hooks))); /* live streams end in good order */
}

static bool on_search(void *user, size_t samples)
{
    const struct rows *r = user;
    hooks_samples(r->hooks, "scoring", r->done + samples, r->total, clock_seconds() - r->started);
    return hooks_stop(hooks_user(r->hooks));
}

static bool on_stop(void *user)
{
    const struct rows *r = user;
    return hooks_stop(hooks_user(r->hooks));
}

static int score_dataset(struct rows *rows, struct dataset *data, const struct log *log, struct err *e)
{
    engram_scorer *s = rows->scorer;
    struct scorer *scorer = NULL;
    struct scorer_spec spec = scorer_spec_of(&s->config);
    const struct picture_limits limits = scorer_limits(&s->config);
    spec.log = log;
    spec.searching = on_search;
    spec.stopping = on_stop;
    if (dataset_live(data))
        spec.batch = 1; /* nothing waits for others */
    spec.user = rows;
    dataset_limit(data, &limits);
    rows->total = dataset_plays(data) || !dataset_whole(data) ? 0 : dataset_count(data, SPLIT_TEST);
    if (rows->total && (size_t)spec.batch > rows->total)
        spec.batch = (int)rows->total;
    int code = scorer_new(s->model->loaded, &spec, &scorer, e);
    for (int more = 1; code >= 0 && more > 0;) {
        code = scorer_score_dataset(scorer, data, SPLIT_TEST, NULL, 0, on_row, rows, e);
        more = code < 0 ? 0 : dataset_more(data, e);
        code = more < 0 ? more : code;
    }
    scorer_free(scorer);
    return code;
}

static int score_origin(struct rows *rows, const struct origin *origin, struct err *e)
{
    struct dataset *data = NULL;
    struct own_data own;
    const struct log log = hooks_log(rows->hooks);
    struct origin passing = *origin;
    passing.like = &loaded_file(rows->scorer->model->loaded)->input;
    passing.pass = true;
    rows->scorer->nverdicts = 0;
    TRY(origin_open(&passing, DATASET_SCORE, &log, &own, &data, e));
    rows->data = data;
    int code = score_dataset(rows, data, &log, e);
    dataset_close(data);
    return code;
}

int engram_score_data(engram_scorer *scorer, const char *const *urls, size_t n, const engram_hooks *hooks,
                      engram_row_fn *row, void *user, engram_error *error)
{
    struct call call;
    const struct origin origin = {.urls = urls, .n = n};
    call_begin(&call);
    struct rows rows = {.scorer = scorer, .hooks = &call.hooks, .row = row, .user = user, .started = clock_seconds()};
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(urls), GIVEN(row));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = score_origin(&rows, &origin, &call.err);
    return call_end(&call, code, error);
}

int engram_score_source(engram_scorer *scorer, const engram_data_source *source, const engram_hooks *hooks,
                        engram_row_fn *row, void *user, engram_error *error)
{
    struct call call;
    const struct origin origin = {.source = source};
    call_begin(&call);
    struct rows rows = {.scorer = scorer, .hooks = &call.hooks, .row = row, .user = user, .started = clock_seconds()};
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(source), GIVEN(row));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = score_origin(&rows, &origin, &call.err);
    return call_end(&call, code, error);
}
