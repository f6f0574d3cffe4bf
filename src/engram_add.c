/* The public interface: more data for a model that is there. */
#include "engram_private.h"

#include "data/dataset.h"
#include "run/add.h"

static int add_data(const engram_add_job *job, const engram_hooks *hooks, engram_add_summary *summary, struct err *e)
{
    const struct log log = hooks_log(hooks);
    const struct origin origin = {.urls = &job->data, .n = 1, .source = job->source};
    struct own_data own;
    struct add_result r;
    struct add_job inner = {.model = job->model,
                            .output = job->output,
                            .force = job->force,
                            .threads = job->threads,
                            .log = &log,
                            .user = hooks_user(hooks),
                            .progress = hooks_training,
                            .should_stop = hooks_stop};
    TRY(origin_open(&origin, DATASET_LEARN, &log, &own, &inner.data, e));
    inner.data_name = origin_name(&origin, &own);
    int code = add_run(&inner, &r, e);
    dataset_close(inner.data);
    if (!code && summary)
        STRUCT_WRITE(engram_add_summary, summary, .added = (size_t)r.added, .calibrated = (size_t)r.calibrated,
                     .trained = (size_t)r.trained, .seconds = r.seconds);
    return code;
}

static int add(const engram_add_job *in, const engram_hooks *hooks, engram_add_summary *summary, struct err *e)
{
    engram_add_job job;
    TRY(STRUCT_READ(engram_add_job, in, &job, e));
    if (!job.model || !job.output)
        return err_set(e, ERR_USAGE, "the job names no model file to %s: its member `%s` is NULL",
                       job.model ? "write" : "add to", job.model ? "output" : "model");
    if (!job.data == !job.source)
        return err_set(e, ERR_USAGE, "the job names %s to add: of its members `data` and `source`, %s is NULL",
                       job.data ? "two data sets" : "no data", job.data ? "none" : "each");
    if (job.threads < 0)
        return err_set(e, ERR_USAGE, "the job asks for %d threads: it takes 0 (all) or more", job.threads);
    return add_data(&job, hooks, summary, e);
}

int engram_add(const engram_add_job *job, const engram_hooks *hooks, engram_add_summary *summary, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(job));
    if (code >= 0 && summary)
        code = STRUCT_CHECK(engram_add_summary, summary, &call.err);
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = add(job, &call.hooks, summary, &call.err);
    return call_end(&call, code, error);
}
