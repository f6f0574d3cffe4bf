/* Divide and assemble are exact inverses, and each is the gradient of the other: bit for bit, in both formats. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct shape map = {4, {2, 6, 12, 8}};
static const int rates[][3] = {{1, 1, 1}, {3, 4, 1}, {6, 2, 4}, {2, 3, 8}, {6, 12, 1}};

static struct node *build_divide(struct graph *g, struct node *const in[], const void *r)
{
    return op_divide(g, in[0], r);
}

static struct node *build_assemble(struct graph *g, struct node *const in[], const void *r)
{
    return op_assemble(g, in[0], r, map);
}

static void same(const void *a, const void *b, const char *what, unsigned narrow)
{
    if (memcmp(a, b, count_of(&map) * (narrow ? 2 : 4)) != 0)
        fail_msg("%s is not the same", what);
}

/* rows = divide(x), then assemble(rows) = x; and with the rows as a gradient: of assemble, divide's way back. */
static void check_both(const int r[3], unsigned narrow)
{
    struct bench divide, assemble;
    size_t n = count_of(&map);
    struct rng random = rng_new(1, 2);
    bench_open(&divide, build_divide, r, 1, &map, narrow, 1, 0);
    bench_open(&assemble, build_assemble, r, 1, &divide.node->shape, narrow, 1, 0);
    for (size_t i = 0; i < n; i++)
        set_element(divide.in[0], narrow ? BF16 : F32, i, (double)rng_normal(&random));
    size_t bytes = n * (narrow ? 2 : 4);
    bench_forward(&divide, 2);
    memcpy(assemble.in[0], divide.out, bytes);
    bench_forward(&assemble, 2);
    same(assemble.out, divide.in[0], "what was divided and assembled", narrow);

    memcpy(divide.gout, divide.out, bytes);
    bench_backward(&divide, 2, 1);
    same(divide.gin[0], assemble.out, "divide's gradient and what assemble gives", narrow);
    memcpy(assemble.gout, divide.in[0], bytes);
    bench_backward(&assemble, 2, 1);
    same(assemble.gin[0], divide.out, "assemble's gradient and what divide gives", narrow);
    bench_close(&divide);
    bench_close(&assemble);
}

static void each_is_the_others_inverse_and_gradient(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (unsigned narrow = 0; narrow < 2; narrow++)
            check_both(rates[i], narrow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_the_others_inverse_and_gradient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
