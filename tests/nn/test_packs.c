/* Packed copies of weights that convolutions share. */
#include "base/rng.h"
#include "nn/dnn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static float *noise(size_t n, uint64_t seed)
{
    struct rng r = rng_new(seed, 0);
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = rng_normal(&r);
    return p;
}

/* Whoever wants the same of the same weights finds them packed, until they change; factors make other weights. */
static void packed_weights_are_shared(void **state)
{
    (void)state;
    enum { WEIGHTS = 32 * 9 * 16, VALUES = 2 * 8 * 8 * 32 };
    float *weight = noise(WEIGHTS, 1), *other = noise(WEIGHTS, 2), *src = noise(VALUES, 3);
    float *first = noise(VALUES, 4), *second = noise(VALUES, 5);
    uint64_t version = 1;
    struct dnn_packs *packs = dnn_packs_new();
    struct dnn_conv_spec s = {.src = SHAPE(2, 8, 8, 16),
                              .dst = SHAPE(2, 8, 8, 32),
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .pad = {1, 1},
                              .directions = 1u << DNN_FORWARD,
                              .threads = 1};
    s.sharing = (struct dnn_sharing){.packs = packs, .weight = weight, .version = &version};
    struct dnn_conv *a, *b, *scaled, *own;
    struct err e = ERR_INIT;
    assert_int_equal(dnn_conv_new(&s, &a, &e), 0);
    assert_int_equal(dnn_conv_new(&s, &b, &e), 0);
    s.sharing.scale = other;
    assert_int_equal(dnn_conv_new(&s, &scaled, &e), 0);
    s.sharing = (struct dnn_sharing){0};
    assert_int_equal(dnn_conv_new(&s, &own, &e), 0);
    void *scratch = malloc(dnn_conv_scratch(a) + 64);
    assert_false(dnn_conv_is_packed(a));
    assert_true(dnn_conv_pack(a, weight) && dnn_conv_is_packed(a) && dnn_conv_is_packed(b));
    assert_false(dnn_conv_is_packed(scaled));
    assert_true(dnn_conv_pack(scaled, other) && dnn_conv_pack(own, weight));
    assert_false(dnn_conv_is_packed(own)); /* its owner knows */
    assert_true(dnn_conv_forward(b, src, NULL, first, scratch) && dnn_conv_forward(own, src, NULL, second, scratch));
    assert_memory_equal(first, second, VALUES * sizeof *first);
    version++;
    assert_false(dnn_conv_is_packed(b));
    assert_true(dnn_conv_pack(b, other) && dnn_conv_is_packed(a));
    dnn_conv_free(b);
    assert_true(dnn_conv_forward(a, src, NULL, first, scratch) && dnn_conv_forward(scaled, src, NULL, second, scratch));
    assert_memory_equal(first, second, VALUES * sizeof *first);
    dnn_conv_free(a);
    dnn_conv_free(scaled);
    dnn_conv_free(own);
    dnn_packs_free(packs);
    free(weight);
    free(other);
    free(src);
    free(first);
    free(second);
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_weights_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
