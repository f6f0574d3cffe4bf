/* The loop that every model passes: what is saved and loaded scores the same, alone and beside others. */
#include "run/forward.h"
#include "run/score.h"
#include "subject.h"
#include "support/files.h"

#include <stdlib.h>
#include <string.h>

/* ---- save, load, score ---- */

static void describe(struct model_file *c, const struct subject *s)
{
    static float scores[] = {0.1f, 0.2f}, peaks[] = {0.3f, 0.4f};
    *c = (struct model_file){.model = s->model, .config = s->config, .kept_epoch = 1, .calibrated = 2, .trained = 10};
    options_default(train_options, &c->train);
    static float mean[16], deviation[16];
    for (int i = 0; i < 16; i++)
        mean[i] = deviation[i] = 0.5f;
    struct err e = ERR_INIT;
    bool rows = s->sample.nd == 1;
    c->input = (struct preprocess){.kind = kind_find(rows ? "rows" : "pictures", &e),
                                   .sample = s->sample,
                                   .n = rows ? (int)s->sample.d[0] : 1,
                                   .mean = mean,
                                   .std = deviation};
    c->calibration = (struct calibration){2, scores, peaks, 0, 1};
    c->date = c->data = c->data_summary = "";
}

static void forward_of(const struct subject *s, struct params *ps, int64_t batch, struct forward *f)
{
    struct err e = ERR_INIT;
    struct forward_spec spec = {.model = s->model,
                                .config = s->config,
                                .params = ps,
                                .sample = s->sample,
                                .batch = (int)batch,
                                .threads = 1,
                                .precision = F32};
    if (forward_build(f, &spec, &e) < 0 || forward_plan(f, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
}

static void score_with(const struct subject *s, struct params *ps, float *out)
{
    struct forward f;
    forward_of(s, ps, s->input.d[0], &f);
    subject_fill(f.input, &s->input, 1);
    forward_run(&f, f.batch);
    for (int i = 0; i < f.batch; i++)
        out[i] = forward_score(&f, i);
    forward_free(&f);
}

static void check_file(const struct subject *s)
{
    if (s->sample.nd == 4) /* clips have no kind yet */
        return;
    struct trainee t;
    struct loaded *loaded = NULL;
    struct model_file c;
    struct err e = ERR_INIT;
    const char *path = in_folder("model");
    float before[16], after[16];
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 3; i++)
        trainee_step(&t, (uint64_t)i, 1e-2f);
    describe(&c, s);
    if (model_file_write(path, true, &c, t.params, &e) < 0 || loaded_open(path, &loaded, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
    score_with(s, t.params, before);
    score_with(s, loaded_params(loaded), after);
    assert_memory_equal(before, after, (size_t)s->input.d[0] * sizeof *after);
    loaded_close(loaded);
    trainee_free(&t);
}

/* ---- a verdict is a sample's own ---- */

/* The same samples from the last to the first, `batch` at a time; out[] is in the order of score_with. */
static void score_backwards(const struct subject *s, struct params *ps, int batch, float *out)
{
    struct forward f;
    size_t each = (size_t)shape_count(&s->sample);
    int samples = (int)s->input.d[0];
    float *all = malloc(each * (size_t)samples * sizeof *all);
    subject_fill(all, &s->input, 1);
    forward_of(s, ps, batch, &f);
    for (int first = 0; first < samples; first += batch) {
        int n = samples - first < batch ? samples - first : batch;
        for (int i = 0; i < n; i++)
            memcpy(f.input + (size_t)i * each, all + (size_t)(samples - 1 - first - i) * each, each * sizeof *all);
        forward_run(&f, n);
        for (int i = 0; i < n; i++)
            out[samples - 1 - first - i] = forward_score(&f, i);
    }
    forward_free(&f);
    free(all);
}

static void check_batches(const struct subject *s)
{
    static const int batches[] = {1, 4, 6, 64};
    struct trainee t;
    float want[16], got[16];
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 5; i++) /* so that running statistics are not those of any batch */
        trainee_step(&t, (uint64_t)i, 1e-2f);
    score_with(s, t.params, want);
    for (size_t k = 0; k < sizeof batches / sizeof *batches; k++) {
        score_backwards(s, t.params, batches[k], got);
        double error = apart(want, got, (size_t)s->input.d[0]);
        if (!(error < 1e-4))
            fail_msg("%s: with other samples in batches of %d scores are apart by %g", s->name, batches[k], error);
    }
    trainee_free(&t);
}

int main(void)
{
    static const struct loop_check checks[] = {
        {"saved_and_loaded_scores_are_the_same", "", check_file},
        {"a_verdict_does_not_depend_on_the_batch", "", check_batches},
    };
    return subjects_run("models: files", checks, sizeof checks / sizeof *checks, folder_begin, folder_end);
}
