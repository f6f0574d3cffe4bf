/* Half precision: every number there is, rounding, and tensors that are written so. */
#include "file/half.h"
#include "file/pretrained.h"
#include "file/safetensors.h"
#include "support/files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void every_half_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float v = half_value((uint16_t)h);
        uint16_t back;
        half_from(&v, 1, &back);
        if (isnan(v))
            assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff));
        else
            assert_int_equal(back, h);
        assert_true(half_holds(&v, 1));
    }
}

static void values_are_known_ones(void **state)
{
    (void)state;
    static const struct {
        float from;
        uint16_t to;
    } cases[] = {{1, 0x3c00},
                 {-2, 0xc000},
                 {65504, 0x7bff},
                 {65519, 0x7bff},
                 {65520, 0x7c00},
                 {-1e30f, 0xfc00},
                 {0, 0},
                 {-0.0f, 0x8000},
                 {0x1p-14f, 0x0400},
                 {0x1p-24f, 0x0001},
                 {0x1p-25f, 0},           /* half way: to the even one */
                 {0x1.8p-25f, 0x0001},    /* above it */
                 {1 + 0x1p-11f, 0x3c00},  /* half way down */
                 {1 + 0x3p-11f, 0x3c02},  /* half way up */
                 {0x1.ffep0f, 0x4000},    /* carries into the exponent */
                 {0x1.ff8p-15f, 0x03ff},  /* the largest subnormal */
                 {0x1.ffcp-15f, 0x0400}}; /* and what rounds beyond it */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t h;
        half_from(&cases[i].from, 1, &h);
        assert_int_equal(h, cases[i].to);
    }
    static const float between[] = {0.1f, 1e6f, 65505, 0x1p-25f, 0x1.8p-24f, 0x1.ffep-14f, 0x1.002p-14f, 1 + 0x1p-11f};
    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        assert_false(half_holds((const float[]){1, between[i], 2}, 3));
    assert_true(half_holds((const float[]){1, -0.5f, 1e-7f * 0}, 3));
}

enum { MANY = 5000 };

/* The bytes of a file of one tensor that comes back as it was. */
static size_t written_bytes(const float *values, size_t n)
{
    const struct safetensors_tensor t = {.name = "a", .shape = SHAPE((int64_t)n), .data = values};
    struct err e = ERR_INIT;
    struct safetensors *st;
    size_t bytes;
    float *back = malloc(n * sizeof *back);
    assert_int_equal(safetensors_write(in_folder("halves"), true, "k", "v", &t, 1, &e), 0);
    assert_int_equal(safetensors_open(in_folder("halves"), &st, &e), 0);
    assert_int_equal(safetensors_read(st, safetensors_find(st, "a"), back, &e), 0);
    assert_memory_equal(back, values, n * sizeof *back);
    safetensors_close(st);
    free(back);
    free(read_file(in_folder("halves"), &bytes));
    return bytes;
}

static void a_large_tensor_of_halves_is_written_so(void **state)
{
    (void)state;
    float values[MANY];
    for (int i = 0; i < MANY; i++)
        values[i] = half_value((uint16_t)(i * 5));
    assert_true(written_bytes(values, MANY) < 3 * MANY);
    assert_true(written_bytes(values, 1000) > 4 * 1000); /* a small one saves nothing */
    values[MANY - 1] = 0.1f;
    assert_true(written_bytes(values, MANY) > 4 * MANY);
}

static void other_formats_are_a_sentence_when_they_are_read(void **state)
{
    (void)state;
    static const char header[] = "{\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                                 "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[8,12]},"
                                 "\"c\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[12,14]}}";
    unsigned char file[8 + sizeof header - 1 + 14] = {sizeof header - 1};
    const uint16_t halves[] = {0x3c00, 0xc000, 0x7c00};
    memcpy(file + 8, header, sizeof header - 1);
    memcpy(file + sizeof file - 6, halves, sizeof halves);
    write_file(in_folder("mixed"), file, sizeof file);
    struct weights w;
    struct err e = ERR_INIT;
    struct shape shape;
    float v[2];
    assert_int_equal(pretrained_open(&(struct weights_place){.path = in_folder("mixed")}, &w, &e), 0);
    assert_false(w.shape(&w, "d", &shape));
    assert_true(w.shape(&w, "b", &shape) && shape.nd == 1 && shape.d[0] == 2);
    assert_int_equal(w.read(&w, "b", v, &e), 0);
    assert_true(v[0] == 1 && v[1] == -2);
    assert_int_equal(w.read(&w, "a", v, &e), ERR_FORMAT);
    assert_says(e.msg, "holds I64 values");
    e = ERR_INIT;
    assert_int_equal(w.read(&w, "c", v, &e), ERR_FORMAT);
    assert_says(e.msg, "not finite");
    pretrained_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_comes_back),
        cmocka_unit_test(values_are_known_ones),
        cmocka_unit_test(a_large_tensor_of_halves_is_written_so),
        cmocka_unit_test(other_formats_are_a_sentence_when_they_are_read),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
