/* The public interface: data. */
#include "engram_private.h"

#include "data/dataset.h"

#include <stdlib.h>

_Static_assert((int)ENGRAM_DATA_TRAIN == SPLIT_TRAIN && (int)ENGRAM_DATA_TEST == SPLIT_TEST, "the parts are the same");

struct engram_data {
    struct dataset *dataset;
};

static int data_open(const char *url, const engram_hooks *hooks, engram_data **out, struct err *e)
{
    const struct log log = hooks_log(hooks);
    engram_data *d = calloc(1, sizeof *d);
    if (!d)
        return err_memory(e, "a data set");
    int code = dataset_open(url, DATASET_LEARN, &log, &d->dataset, e);
    if (code < 0)
        free(d);
    else
        *out = d;
    return code;
}

int engram_data_open(const char *url, const engram_hooks *hooks, engram_data **data, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(url), GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = data_open(url, &call.hooks, data, &call.err);
    return call_end(&call, code, error);
}

void engram_data_free(engram_data *data)
{
    if (!data)
        return;
    dataset_close(data->dataset);
    free(data);
}

size_t engram_data_count(const engram_data *data, int part)
{
    bool there = data && (part == ENGRAM_DATA_TRAIN || part == ENGRAM_DATA_TEST);
    return there ? dataset_count(data->dataset, (enum split)part) : 0;
}

int engram_data_sample(const engram_data *data, int part, size_t i, engram_sample *sample)
{
    if (i >= engram_data_count(data, part))
        return 0;
    const struct sample *s = dataset_sample(data->dataset, (enum split)part, i);
    return STRUCT_ROW(engram_sample, sample, .name = s->name, .path = s->path, .kind = s->kind, .index = s->index,
                      .truth = s->anomalous);
}

static int data_check(engram_data *data, const engram_hooks *hooks, struct err *e)
{
    const struct log log = hooks_log(hooks);
    for (int part = 0; part < SPLITS; part++) {
        const struct dataset_needs needs = {
            .at_least = 1, .threads = threads_choose(0), .should_stop = hooks_stop, .user = hooks_user(hooks)};
        if (dataset_count(data->dataset, (enum split)part))
            TRY(dataset_check(data->dataset, (enum split)part, &needs, &log, e));
    }
    return 0;
}

int engram_data_check(engram_data *data, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = data_check(data, &call.hooks, &call.err);
    return call_end(&call, code, error);
}

int engram_data_summary(const engram_data *data, const engram_hooks *hooks, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(data));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0) {
        const struct log log = hooks_log(&call.hooks);
        code = dataset_summary(data->dataset, &log, &call.err);
    }
    return call_end(&call, code, error);
}
