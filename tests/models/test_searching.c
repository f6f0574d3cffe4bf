/* A model that searches at scoring time: it tells how far it is, and can be stopped there. */
#include "run/forward.h"
#include "subject.h"
#include "support/files.h"

#include <math.h>
#include <stdlib.h>

extern const struct model model_anogan;

enum { BATCH = 3, STEPS = 4 };

struct told {
    int n, last; /* how often, and when to break off */
    double share;
};

static bool on_search(void *user, double share)
{
    struct told *t = user;
    t->n++;
    assert_true(fabs(share - (double)t->n / STEPS) < 1e-9);
    t->share = share;
    return t->n == t->last;
}

/* A run of anogan over random pictures; what of it was told. */
static struct told run(int last, bool *done, float *scores)
{
    struct err e = ERR_INIT;
    struct forward f;
    struct params *ps = params_new();
    void *config = calloc(1, model_anogan.config_bytes);
    options_default(model_anogan.options, config);
    options_parse(model_anogan.options, config, "anogan", "width=4 latent=3 search_steps=4", ' ', &e);
    const struct forward_spec spec = {.model = &model_anogan,
                                      .config = config,
                                      .params = ps,
                                      .sample = SHAPE(16, 16, 1),
                                      .batch = BATCH,
                                      .threads = 1,
                                      .precision = F32};
    if (e.code || forward_build(&f, &spec, &e) || params_allocate(ps, 1, false, &e) || forward_plan(&f, &e))
        fail_msg("%s", e.msg);
    struct told told = {.last = last};
    f.searching = on_search;
    f.user = &told;
    subject_fill(f.input, &SHAPE(BATCH, 16, 16, 1), 1);
    *done = forward_run(&f, BATCH);
    for (int i = 0; i < BATCH; i++)
        scores[i] = forward_score(&f, i);
    forward_free(&f);
    params_free(ps);
    free(config);
    return told;
}

static void it_tells_how_far_it_is(void **state)
{
    (void)state;
    bool done;
    float scores[BATCH];
    struct told told = run(0, &done, scores);
    assert_true(done && told.n == STEPS && told.share == 1);
    for (int i = 0; i < BATCH; i++)
        assert_true(isfinite(scores[i]) && scores[i] > 0);
}

static void it_can_be_broken_off(void **state)
{
    (void)state;
    bool done;
    float scores[BATCH];
    struct told told = run(2, &done, scores);
    assert_true(!done && told.n == 2 && told.share == 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_how_far_it_is),
        cmocka_unit_test(it_can_be_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
