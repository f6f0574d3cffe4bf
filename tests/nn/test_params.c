/* Parameters: declaration, blocks, initial values; and Adam over them, against double precision. */
#include "base/rng.h"
#include "nn/adam.h"
#include "nn/params.h"
#include "probe.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct init uniform = {.kind = INIT_UNIFORM, .a = -0.5f, .b = 0.25f};
static const struct init normal = {.kind = INIT_NORMAL, .a = 3, .b = 2};
static const struct init constant = {.kind = INIT_CONSTANT, .a = 0.75f};

static struct param *declare(struct params *ps, const char *name, struct shape shape, enum param_group group,
                             struct init init)
{
    struct err e = ERR_INIT;
    struct param *p = params_declare(ps, name, &shape, group, init, &e);
    if (!p)
        fail_msg("%s", e.msg);
    return p;
}

static void initial_values_do_not_depend_on_the_order(void **state)
{
    (void)state;
    static const char *const names[] = {"one", "two", "three"};
    struct params *forwards = params_new(), *backwards = params_new();
    for (int i = 0; i < 3; i++) {
        declare(forwards, names[i], SHAPE(7 + i, 3), GROUP_MAIN, i % 2 ? uniform : normal);
        declare(backwards, names[2 - i], SHAPE(9 - i, 3), GROUP_MAIN, (2 - i) % 2 ? uniform : normal);
    }
    probe_allocate(forwards, 5);
    probe_allocate(backwards, 5);
    for (int i = 0; i < 3; i++) {
        const struct param *a = params_find(forwards, names[i]), *b = params_find(backwards, names[i]);
        assert_int_equal(a->count, b->count);
        assert_memory_equal(a->value, b->value, a->count * sizeof(float));
    }
    params_free(forwards);
    params_free(backwards);
}

static void initial_values_are_as_declared(void **state)
{
    (void)state;
    struct params *ps = params_new();
    const struct param *u = declare(ps, "u", SHAPE(50, 400), GROUP_MAIN, uniform);
    const struct param *n = declare(ps, "n", SHAPE(50, 400), GROUP_MAIN, normal);
    const struct param *c = declare(ps, "c", SHAPE(17), GROUP_STATE, constant);
    probe_allocate(ps, 1);
    double mean = 0, square = 0;
    for (size_t i = 0; i < u->count; i++) {
        assert_true(u->value[i] >= -0.5f && u->value[i] <= 0.25f);
        mean += (double)u->value[i] / (double)u->count;
    }
    assert_true(fabs(mean + 0.125) < 0.01);
    mean = 0;
    for (size_t i = 0; i < n->count; i++) {
        mean += (double)n->value[i] / (double)n->count;
        square += (double)n->value[i] * (double)n->value[i] / (double)n->count;
    }
    assert_true(fabs(mean - 3) < 0.1 && fabs(sqrt(square - mean * mean) - 2) < 0.05);
    for (size_t i = 0; i < c->count; i++)
        assert_true(c->value[i] == 0.75f);
    assert_null(c->grad); /* state is not trained */
    params_free(ps);
}

static void groups_are_blocks_and_parameters_lie_on_cache_lines(void **state)
{
    (void)state;
    struct params *ps = params_new();
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        declare(ps, name, SHAPE(1 + 5 * i), (enum param_group)(i % GROUP_COUNT), constant);
    }
    probe_allocate(ps, 1);
    for (const struct param *p = ps->first; p; p = p->next) {
        assert_int_equal((uintptr_t)p->value % 64, 0);
        assert_true(p->value == ps->value[p->group] + p->offset);
        assert_true(p->offset + p->count <= ps->size[p->group]);
        for (const struct param *q = ps->first; q; q = q->next)
            assert_true(q == p || q->group != p->group || q->offset + q->count <= p->offset ||
                        p->offset + p->count <= q->offset);
    }
    params_free(ps);
}

static void declaring_again_gives_the_same_or_a_sentence(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct err e = ERR_INIT, late = ERR_INIT;
    const struct param *p = declare(ps, "enc.0.weight", SHAPE(4, 3), GROUP_MAIN, constant);
    assert_ptr_equal(declare(ps, "enc.0.weight", SHAPE(4, 3), GROUP_MAIN, constant), p);
    assert_int_equal(ps->n, 1);
    assert_null(params_declare(ps, "enc.0.weight", &SHAPE(4, 5), GROUP_MAIN, constant, &e));
    assert_non_null(strstr(e.msg, "enc.0.weight is 4x3, but this graph wants 4x5"));
    e = ERR_INIT;
    assert_null(params_declare(ps, "enc.0.weight", &SHAPE(4, 3), GROUP_STATE, constant, &e));
    assert_non_null(strstr(e.msg, "enc.0.weight is of group main, but this graph wants it in group state"));
    e = ERR_INIT;
    assert_null(params_declare(ps, "enc.0.weight", &SHAPE(4, 3), GROUP_MAIN, uniform, &e));
    assert_non_null(
        strstr(e.msg, "enc.0.weight begins as a constant 0.75, but this graph wants uniform numbers (-0.5"));
    probe_allocate(ps, 1);
    assert_ptr_equal(declare(ps, "enc.0.weight", SHAPE(4, 3), GROUP_MAIN, constant), p);
    assert_null(params_declare(ps, "other", &SHAPE(4), GROUP_MAIN, constant, &late));
    assert_non_null(strstr(late.msg, "other (4) is not part of this model"));
    params_free(ps);
}

/* As on the first day, with another seed; nothing else of the model is touched. */
static void a_group_is_drawn_anew(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct params *ps = params_new(), *other = params_new();
    for (int i = 0; i < 2; i++) {
        struct params *to = i ? other : ps;
        declare(to, "a", SHAPE(COUNT), GROUP_MAIN, uniform);
        declare(to, "b", SHAPE(COUNT), GROUP_ADVERSARY, normal);
        declare(to, "c", SHAPE(COUNT), GROUP_ADVERSARY, constant);
        probe_allocate(to, (uint64_t)i + 4);
    }
    for (int g = GROUP_MAIN; g <= GROUP_ADVERSARY; g++) {
        for (size_t i = 0; i < ps->size[g]; i++)
            ps->value[g][i] = ps->m[g][i] = ps->v[g][i] = 3;
        ps->adam_steps[g] = 7;
    }
    uint64_t version = ps->version;
    params_draw(ps, GROUP_ADVERSARY, 5);
    assert_true(ps->version != version);
    assert_memory_equal(params_find(ps, "b")->value, params_find(other, "b")->value, COUNT * sizeof(float));
    assert_memory_equal(params_find(ps, "c")->value, params_find(other, "c")->value, COUNT * sizeof(float));
    for (size_t i = 0; i < ps->size[GROUP_ADVERSARY]; i++)
        assert_true(ps->m[GROUP_ADVERSARY][i] == 0 && ps->v[GROUP_ADVERSARY][i] == 0);
    for (size_t i = 0; i < ps->size[GROUP_MAIN]; i++)
        assert_true(ps->value[GROUP_MAIN][i] == 3 && ps->m[GROUP_MAIN][i] == 3 && ps->v[GROUP_MAIN][i] == 3);
    assert_int_equal(ps->adam_steps[GROUP_ADVERSARY], 0);
    assert_int_equal(ps->adam_steps[GROUP_MAIN], 7);
    params_free(ps);
    params_free(other);
}

static void without_training_nothing_is_kept_for_it(void **state)
{
    (void)state;
    struct params *ps = params_new();
    struct err e = ERR_INIT;
    const struct param *p = declare(ps, "w", SHAPE(4), GROUP_MAIN, constant);
    assert_int_equal(params_allocate(ps, 1, false, &e), 0);
    assert_null(p->grad);
    assert_null(ps->m[GROUP_MAIN]);
    assert_null(ps->v[GROUP_MAIN]);
    params_free(ps);
}

/* ---- Adam ---- */

enum { COUNT = 40000, STEPS = 12 }; /* enough for two threads */

static const struct adam rule = {.lr = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};

static float gradient(int step, size_t i)
{
    return probe_weight((uint64_t)step, i) * (i % 3 ? 1.0f : 1e-6f);
}

static struct params *after_steps(int threads)
{
    struct params *ps = params_new();
    struct param *p = declare(ps, "w", SHAPE(COUNT), GROUP_MAIN, uniform);
    struct param *other = declare(ps, "d", SHAPE(50), GROUP_ADVERSARY, uniform);
    probe_allocate(ps, 3);
    float ones[50], *grad = malloc(COUNT * sizeof *grad);
    for (size_t i = 0; i < other->count; i++)
        ones[i] = 1;
    other->grad = ones;
    p->grad = grad;
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < COUNT; i++)
            grad[i] = gradient(step, i);
        params_adam(ps, GROUP_MAIN, &rule, threads);
    }
    p->grad = other->grad = NULL;
    free(grad);
    return ps;
}

static void adam_is_the_papers(void **state)
{
    (void)state;
    struct params *ps = after_steps(2), *first = params_new();
    const struct param *got = params_find(ps, "w"), *start = declare(first, "w", SHAPE(COUNT), GROUP_MAIN, uniform);
    probe_allocate(first, 3);
    double worst = 0, moved = 0;
    for (size_t i = 0; i < COUNT; i++) {
        double value = (double)start->value[i], m = 0, v = 0;
        for (int step = 0; step < STEPS; step++) {
            double g = (double)gradient(step, i);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            value -= 1e-3 * (m / (1 - pow(0.9, step + 1))) / (sqrt(v / (1 - pow(0.999, step + 1))) + 1e-8);
        }
        worst = fmax(worst, fabs((double)got->value[i] - value));
        moved = fmax(moved, fabs(value - (double)start->value[i]));
    }
    assert_true(moved > 5e-3);
    assert_true(worst < 1e-5 * moved + 2e-7); /* float32 of values up to 0.5 */
    assert_int_equal(ps->adam_steps[GROUP_MAIN], STEPS);
    params_free(ps);
    params_free(first);
}

/* What decays does so apart from the gradient: without one, by lr times decay a step. */
static void weights_decay(void **state)
{
    (void)state;
    struct adam decaying = rule;
    decaying.decay = 0.5f;
    struct params *ps = params_new(), *first = params_new();
    struct param *p = declare(ps, "w", SHAPE(COUNT), GROUP_MAIN, uniform);
    const struct param *start = declare(first, "w", SHAPE(COUNT), GROUP_MAIN, uniform);
    probe_allocate(ps, 3);
    probe_allocate(first, 3);
    static float none[COUNT];
    p->grad = none;
    for (int step = 0; step < STEPS; step++)
        params_adam(ps, GROUP_MAIN, &decaying, 1);
    p->grad = NULL;
    for (size_t i = 0; i < COUNT; i++)
        assert_true(fabs((double)p->value[i] - (double)start->value[i] * pow(1 - 5e-4, STEPS)) < 1e-6);
    params_free(ps);
    params_free(first);
}

static void adam_moves_its_group_alone(void **state)
{
    (void)state;
    struct params *ps = after_steps(1), *first = params_new();
    declare(first, "d", SHAPE(50), GROUP_ADVERSARY, uniform);
    probe_allocate(first, 3);
    assert_memory_equal(params_find(ps, "d")->value, params_find(first, "d")->value, 50 * sizeof(float));
    assert_int_equal(ps->adam_steps[GROUP_ADVERSARY], 0);
    params_free(ps);
    params_free(first);
}

static void adam_gives_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    struct params *one = after_steps(1), *two = after_steps(2);
    assert_memory_equal(one->value[GROUP_MAIN], two->value[GROUP_MAIN], COUNT * sizeof(float));
    assert_true(one->version > STEPS);
    params_free(one);
    params_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_values_do_not_depend_on_the_order),
        cmocka_unit_test(initial_values_are_as_declared),
        cmocka_unit_test(groups_are_blocks_and_parameters_lie_on_cache_lines),
        cmocka_unit_test(declaring_again_gives_the_same_or_a_sentence),
        cmocka_unit_test(a_group_is_drawn_anew),
        cmocka_unit_test(without_training_nothing_is_kept_for_it),
        cmocka_unit_test(adam_is_the_papers),
        cmocka_unit_test(weights_decay),
        cmocka_unit_test(adam_moves_its_group_alone),
        cmocka_unit_test(adam_gives_the_same_bits_on_any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
