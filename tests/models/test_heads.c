/* The loop that every model passes: what its graphs hand over, and that codes are decoded. */
#include "subject.h"

static void check_memory(const struct subject *s, int k)
{
    struct params *ps = params_new();
    struct instance score, items = {.graph = graph_new(GRAPH_SCORE, F32, ps)};
    struct err e = ERR_INIT;
    instance_build(&score, s, ps, GRAPH_SCORE, F32);
    s->model->decode(items.graph, s->config, s->input, k, &items.heads);
    if (graph_error(items.graph, &e) < 0)
        fail_msg("%s: %s", s->name, e.msg);
    assert_true(shape_equal(&items.heads.output->shape, &s->input));
    const struct param *memory = params_find(ps, score.heads.memories[k].items);
    assert_non_null(memory);
    size_t code = count_of(items.heads.code) / (size_t)s->input.d[0], item = (size_t)shape_last(&memory->shape);
    assert_true(item == code || item == (size_t)shape_last(&items.heads.code->shape));
    assert_int_equal(params_allocate(ps, 1, false, &e), 0); /* decoding declares nothing that scoring has not */
    instance_plan(&items, 1, false);
    subject_fill(plan_data(items.plan, items.heads.code), &items.heads.code->shape, 1);
    plan_forward(items.plan, 0);
    assert_null(plan_find_nonfinite(items.plan));
    instance_free(&items);
    graph_free(score.graph);
    params_free(ps);
}

static void check_decode(const struct subject *s)
{
    struct params *ps = params_new();
    struct instance score;
    instance_build(&score, s, ps, GRAPH_SCORE, F32);
    int n = s->model->decode ? score.heads.nmemories : 0;
    graph_free(score.graph);
    params_free(ps);
    for (int k = 0; k < n; k++)
        check_memory(s, k);
}

int main(void)
{
    static const struct loop_check checks[] = {
        {"score_graphs_have_their_heads", "", subject_check_heads},
        {"codes_are_decoded", "", check_decode},
    };
    return subjects_run("models: heads", checks, sizeof checks / sizeof *checks, NULL, NULL);
}
