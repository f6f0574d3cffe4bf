/* The loop that every model passes: it learns, and scores what it has learnt. */
#include "subject.h"

#include <math.h>
#include <string.h>

/* ---- learning ---- */

/* What it learns to lower, after so many steps. */
static double after_steps(struct trainee *t, int steps)
{
    for (int i = 0; i < steps; i++)
        trainee_step(t, 1, 1e-2f);
    trainee_forward(t, 1);
    return trainee_mean(t, t->subject->model->score_watch);
}

/* By 400 steps, and not for a moment: two looks in succession say so. */
static void check_overfit(const struct subject *s)
{
    struct subject eight = *s;
    struct trainee t;
    if (!s->model->score_watch)
        return;
    eight.input.d[0] = 8;
    trainee_make(&t, &eight, F32, 1, false);
    const double first = after_steps(&t, 0), wanted = 0.25 * first;
    double before = first, last = first;
    for (int i = 0; i < 400 && !(before < wanted && last < wanted); i += 20) {
        before = last;
        last = after_steps(&t, 20);
    }
    print_message("%s: %s %.4f to %.4f\n", s->name, s->model->score_watch, first, last);
    assert_true(before < wanted && last < wanted);
    trainee_free(&t);
}

/* ---- training graph = scoring graph ---- */

/* Makes the running statistics those of the batch: by many commits of the same one, and the variance not unbiased. */
static void settle_statistics(struct trainee *t)
{
    for (int i = 0; i < 150; i++) { /* 0.9^150 is rounding */
        trainee_forward(t, 1);
        plan_commit(t->run.plan);
    }
    for (const struct node *n = t->run.graph->first; n; n = n->next)
        for (int i = 0; n->op && i < n->inputs; i++) {
            struct param *p = n->in[i] ? n->in[i]->param : NULL;
            const char *last = p ? strrchr(p->name, '.') : NULL;
            double rows = (double)shape_rows(&n->shape);
            for (size_t k = 0; last && !strcmp(last, ".var") && k < p->count; k++)
                p->value[k] = (float)((double)p->value[k] * (rows - 1) / rows);
        }
    params_changed(t->params);
}

static void check_modes(const struct subject *s)
{
    struct trainee t;
    struct instance score;
    if (!s->model->score_watch)
        return;
    trainee_make(&t, s, F32, 1, false);
    for (int i = 0; i < 20; i++)
        trainee_step(&t, (uint64_t)i, 1e-2f);
    settle_statistics(&t);
    trainee_forward(&t, 1);
    instance_build(&score, s, t.params, GRAPH_SCORE, F32);
    instance_plan(&score, 1, false);
    subject_fill(plan_data(score.plan, score.heads.input), &s->input, 1);
    plan_forward(score.plan, 0);
    const struct node *part = score.heads.scores[0].value;
    const float *scores = plan_data(score.plan, part);
    double mean = 0, want = trainee_mean(&t, s->model->score_watch);
    for (size_t i = 0; i < count_of(part); i++)
        mean += (double)scores[i] / (double)count_of(part);
    if (!(fabs(mean - want) < 1e-4 * want))
        fail_msg("%s: scoring gives %g, training %g", s->name, mean, want);
    if (!strstr(s->name, "contrast")) { /* which only scoring undoes */
        double error = apart(plan_data(t.run.plan, t.run.heads.output), plan_data(score.plan, score.heads.output),
                             count_of(score.heads.output));
        assert_true(error < 1e-4);
    }
    instance_free(&score);
    trainee_free(&t);
}

int main(void)
{
    static const struct loop_check checks[] = {
        {"eight_samples_are_learnt", "", check_overfit},
        {"both_graphs_are_the_same_net", "", check_modes},
    };
    return subjects_run("models: learning", checks, sizeof checks / sizeof *checks, NULL, NULL);
}
