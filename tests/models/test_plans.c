/* The loop that every model passes: neither the plan, nor threads, nor the number format change what is computed. */
#include "nn/dnn.h"
#include "subject.h"
#include "support/gradients.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- planned = keep-all, threads ---- */

static void same_training(struct trainee *a, struct trainee *b, double tolerance, const char *what)
{
    for (uint64_t step = 0; step < 3; step++) {
        trainee_step(a, step, 1e-3f);
        trainee_step(b, step, 1e-3f);
        for (enum param_group g = 0; g < GROUP_COUNT; g++) {
            float *x = gradients_of(a->params, g), *y = gradients_of(b->params, g);
            size_t n = a->params->size[g];
            double error = apart(x, y, n);
            free(x);
            free(y);
            if (tolerance > 0 ? !(error <= tolerance) : n && memcmp(a->params->value[g], b->params->value[g], 4 * n))
                fail_msg("%s: %s, step %d: gradients are apart by %g", a->subject->name, what, (int)step, error);
        }
        if (tolerance > 0) /* what Adam makes of differences in rounding is no longer rounding */
            for (int g = 0; g < GROUP_COUNT; g++)
                memcpy(b->params->value[g], a->params->value[g], a->params->size[g] * sizeof(float));
        params_changed(b->params);
    }
}

static void check_keep_all(const struct subject *s)
{
    struct trainee planned, kept;
    trainee_make(&planned, s, F32, 2, false);
    trainee_make(&kept, s, F32, 2, true);
    same_training(&planned, &kept, 0, "planned and keep-all");
    trainee_free(&planned);
    trainee_free(&kept);
}

/* NULL on both sides is the same, too. */
static void same_values(const struct instance *a, const struct node *x, const struct instance *b, const struct node *y)
{
    assert_int_equal(x != NULL, y != NULL);
    if (x)
        assert_memory_equal(plan_data(a->plan, x), plan_data(b->plan, y), 4 * count_of(x));
}

static void check_scoring_keep_all(const struct subject *s)
{
    struct params *ps = params_new();
    struct instance run[2];
    struct err e = ERR_INIT;
    for (int k = 0; k < 2; k++)
        instance_build(&run[k], s, ps, GRAPH_SCORE, F32);
    assert_int_equal(params_allocate(ps, 3, false, &e), 0);
    for (int k = 0; k < 2; k++) {
        instance_plan(&run[k], 1, k);
        for (uint64_t round = 0; round < 2; round++) {
            subject_fill(plan_data(run[k].plan, run[k].heads.input), &s->input, round);
            plan_forward(run[k].plan, 0);
        }
    }
    const struct heads *a = &run[0].heads, *b = &run[1].heads;
    for (int k = 0; k < a->nscores; k++)
        same_values(&run[0], a->scores[k].value, &run[1], b->scores[k].value);
    same_values(&run[0], a->map, &run[1], b->map);
    same_values(&run[0], a->output, &run[1], b->output);
    instance_free(&run[0]);
    instance_free(&run[1]);
    params_free(ps);
}

static void check_threads(const struct subject *s)
{
    struct trainee one, two, again;
    trainee_make(&one, s, F32, 1, false);
    trainee_make(&two, s, F32, 2, false);
    same_training(&one, &two, 2e-4, "1 and 2 threads");
    trainee_free(&one);
    trainee_free(&two);
    trainee_make(&two, s, F32, 2, false);
    trainee_make(&again, s, F32, 2, false);
    same_training(&two, &again, 0, "2 threads twice");
    trainee_free(&two);
    trainee_free(&again);
}

/* ---- bf16 ---- */

static void check_bf16(const struct subject *s)
{
    struct trainee full, half;
    if (!dnn_has_bf16()) {
        print_message("this processor does not compute in bf16: nothing to test\n");
        skip();
    }
    trainee_make(&full, s, F32, 2, false);
    trainee_make(&half, s, BF16, 2, false);
    trainee_forward(&full, 1);
    trainee_forward(&half, 1);
    for (int k = 0; k < full.run.heads.nobjectives; k++) {
        double a = trainee_loss(&full, k), b = trainee_loss(&half, k), dot = 0, x = 0, y = 0;
        enum param_group g = full.run.heads.objectives[k].group;
        if (!(fabs(a - b) < 0.02 * a))
            fail_msg("%s: the loss is %g in f32, %g in bf16", s->name, a, b);
        plan_backward(full.run.plan, k);
        plan_backward(half.run.plan, k);
        float *in_full = gradients_of(full.params, g), *in_half = gradients_of(half.params, g);
        for (size_t i = 0; i < full.params->size[g]; i++) {
            double p = (double)in_full[i], q = (double)in_half[i];
            dot += p * q;
            x += p * p;
            y += q * q;
        }
        free(in_full);
        free(in_half);
        if (!(dot > 0.98 * sqrt(x * y)))
            fail_msg("%s: gradients in f32 and bf16 point apart, cosine %g", s->name, dot / sqrt(x * y));
    }
    trainee_free(&full);
    trainee_free(&half);
}

int main(void)
{
    static const struct loop_check checks[] = {
        {"planned_equals_keep_all", "", check_keep_all},
        {"planned_scoring_equals_keep_all", "", check_scoring_keep_all},
        {"threads_do_not_matter", "", check_threads},
        {"bf16_is_near", "", check_bf16},
    };
    return subjects_run("models: plans", checks, sizeof checks / sizeof *checks, NULL, NULL);
}
