/* The file layout: what is written is read back, and whatever else a file may hold is refused with a sentence. */
#include "file/safetensors.h"
#include "support/files.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

static const float a_values[] = {1, -2, 3, 4, 5, 6}, b_values[] = {0.5f};
static const struct safetensors_tensor two[] = {
    {.name = "enc.0.weight", .shape = {2, {2, 3}}, .data = a_values},
    {.name = "b", .shape = {1, {1}}, .data = b_values},
};

static const char *write_two(const char *name)
{
    struct err e = ERR_INIT;
    const char *path = in_folder("%s", name);
    assert_int_equal(safetensors_write(path, true, "engram", "{\"x\": \"\xc3\xa9\"}", two, 2, &e), 0);
    return path;
}

static void comes_back(void **state)
{
    (void)state;
    struct safetensors *st;
    struct err e = ERR_INIT;
    const char *path = write_two("ok");
    assert_int_equal(safetensors_open(path, &st, &e), 0);
    assert_string_equal(safetensors_metadata(st, "engram"), "{\"x\": \"\xc3\xa9\"}");
    assert_null(safetensors_metadata(st, "other"));
    assert_null(safetensors_find(st, "c"));
    for (int i = 1; i >= 0; i--) { /* in any order */
        float out[6] = {0};
        const struct safetensors_tensor *t = safetensors_find(st, two[i].name);
        assert_non_null(t);
        assert_true(shape_equal(&t->shape, &two[i].shape));
        assert_int_equal(safetensors_read(st, t, out, &e), 0);
        assert_memory_equal(out, two[i].data, (size_t)shape_count(&t->shape) * sizeof(float));
    }
    safetensors_close(st);
}

/* Data aligned for whoever maps the file; equal contents, equal bytes. */
static void layout_is_as_documented(void **state)
{
    (void)state;
    size_t size;
    uint64_t length;
    const char *first = write_two("one"), *second = write_two("two");
    unsigned char *bytes = read_file(first, &size);
    memcpy(&length, bytes, 8);
    assert_int_equal((8 + length) % 64, 0);
    assert_int_equal(size, 8 + length + 7 * sizeof(float));
    assert_memory_equal(bytes + 8 + length, a_values, sizeof a_values);
    assert_int_equal(bytes[8], '{');
    free(bytes);
    assert_true(same_files(first, second));
}

/* A file of a header given as text and n bytes of data. */
static int open_text(const char *header, size_t n, struct err *e)
{
    const char *path = in_folder("made");
    uint64_t length = strlen(header);
    unsigned char *bytes = calloc(1, 8 + length + n);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    write_file(path, bytes, 8 + length + n);
    free(bytes);
    struct safetensors *st;
    int code = safetensors_open(path, &st, e);
    safetensors_close(st);
    return code;
}

#define T(shape, begin, end) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void headers_are_believed_only_when_exact(void **state)
{
    (void)state;
    static const struct {
        const char *header, *says;
        size_t bytes;
    } cases[] = {
        {"{\"a\":" T("[2]", "0", "8") "}", NULL, 8},
        {"{\"a\":" T("[]", "0", "4") "}   ", NULL, 4},
        {"{}", NULL, 0},
        {"{}", "the tensors take 0 bytes, but the file has 3", 3},
        {"", "not valid", 0},
        {"[]", "not a JSON object", 0},
        {"{\"a\":", "not valid", 0},
        {"{\"a\":1}", "should be in an object", 0},
        {"{\"a\":{}}", "'dtype' should be a string", 0},
        {"{\"a\":" T("[2]", "0", "8") ",\"a\":" T("[2]", "0", "8") "}", "duplicate", 8},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "4", "12") "}", "overlap", 12},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "0", "8") "}", "overlap", 8},
        {"{\"a\":" T("[2]", "0", "8") ",\"b\":" T("[2]", "12", "20") "}", "leave a hole", 20},
        {"{\"a\":" T("[2]", "4", "12") "}", "leave a hole", 12},
        {"{\"a\":" T("[2]", "0", "8") "}", "but the file has 12", 12},
        {"{\"a\":" T("[2]", "0", "8") "}", "within the file's 4 bytes", 4},
        {"{\"a\":" T("[3]", "0", "8") "}", "should take 12 bytes, but has 8", 8},
        {"{\"a\":" T("[2]", "8", "0") "}", "within the file's", 8},
        {"{\"a\":" T("[2]", "-8", "0") "}", "within the file's", 8},
        {"{\"a\":" T("[2]", "0", "8.0") "}", "within the file's", 8},
        {"{\"a\":" T("[-2]", "0", "8") "}", "shape of tensor a", 8},
        {"{\"a\":" T("[0]", "0", "0") "}", "shape of tensor a", 0},
        {"{\"a\":" T("[2.5]", "0", "8") "}", "shape of tensor a", 8},
        {"{\"a\":" T("\"2\"", "0", "8") "}", "'shape' should be an array", 8},
        {"{\"a\":" T("[1,1,1,1,1,1,2]", "0", "8") "}", "7 dimensions", 8},
        {"{\"a\":" T("[4294967296,4294967296]", "0", "0") "}", "shape of tensor a", 0},
        {"{\"a\":" T("[2305843009213693953,2]", "0", "8") "}", "shape of tensor a", 8},
        {"{\"a\":" T("[9223372036854775807]", "0", "8") "}", "shape of tensor a", 8},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", NULL, 8},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,12]}}", "should take 6 bytes, but has 12", 12},
        {"{\"a\":{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[0,8]}}", "holds Q4 values", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "2 entries", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = ERR_INIT;
        int code = open_text(cases[i].header, cases[i].bytes, &e);
        if (cases[i].says) {
            assert_int_equal(code, ERR_FORMAT);
            assert_says(e.msg, cases[i].says);
            assert_says(e.msg, "/made");
        } else {
            assert_int_equal(code, 0);
        }
    }
}

static void lengths_are_checked(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 7, (uint64_t)1 << 63, (uint64_t)1 << 40, 100};
    for (size_t i = 0; i < 5; i++) {
        unsigned char bytes[40] = {0};
        struct safetensors *st;
        struct err e = ERR_INIT;
        memcpy(bytes, &lengths[i], 8);
        memset(bytes + 8, ' ', 32);
        write_file(in_folder("length"), bytes, sizeof bytes);
        assert_int_equal(safetensors_open(in_folder("length"), &st, &e), ERR_FORMAT);
        assert_null(st);
        assert_says(e.msg, "a header of");
    }
}

static void cut_anywhere_is_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(write_two("whole"), &size);
    for (size_t n = 0; n < size; n++) {
        struct safetensors *st;
        struct err e = ERR_INIT;
        write_file(in_folder("cut"), bytes, n);
        assert_int_equal(safetensors_open(in_folder("cut"), &st, &e), ERR_FORMAT);
        assert_says(e.msg, "/cut");
    }
    free(bytes);
}

static void values_must_be_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        float values[] = {1, bad[i], 2}, out[3];
        struct safetensors_tensor t = {.name = "w", .shape = {1, {3}}, .data = values};
        struct safetensors *st;
        struct err e = ERR_INIT;
        const char *path = in_folder("nan");
        assert_int_equal(safetensors_write(path, true, "k", "v", &t, 1, &e), 0);
        assert_int_equal(safetensors_open(path, &st, &e), 0);
        assert_int_equal(safetensors_read(st, safetensors_find(st, "w"), out, &e), ERR_FORMAT);
        assert_says(e.msg, "tensor w holds values that are not finite");
        safetensors_close(st);
    }
}

static void not_files_are_refused(void **state)
{
    (void)state;
    struct safetensors *st;
    struct err e = ERR_INIT, f = ERR_INIT, g = ERR_INIT;
    assert_int_equal(safetensors_open(in_folder("absent"), &st, &e), ERR_IO);
    assert_says(e.msg, "cannot be opened");
    assert_int_equal(safetensors_open(in_folder("."), &st, &f), ERR_FORMAT);
    assert_says(f.msg, "a folder");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0); /* opening it would wait for ever */
    assert_int_equal(safetensors_open(in_folder("pipe"), &st, &g), ERR_FORMAT);
}

/* Deterministic damage: bytes changed, header and data. Never a crash; what still opens can be read or is refused. */
static void mutations_never_crash(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = read_file(write_two("seed"), &size), *copy = malloc(size);
    struct rng r = rng_new(1, 9);
    assert_non_null(copy);
    for (int round = 0; round < 4000; round++) {
        struct safetensors *st;
        struct err e = ERR_INIT;
        memcpy(copy, bytes, size);
        for (uint64_t k = rng_below(&r, 4) + 1; k > 0; k--) {
            static const char interesting[] = "0123456789[]{}\",:- eE.\\\xff";
            copy[rng_below(&r, size)] = rng_below(&r, 2)
                                            ? (unsigned char)interesting[rng_below(&r, sizeof interesting - 1)]
                                            : (unsigned char)rng_below(&r, 256);
        }
        write_file(in_folder("mutant"), copy, size);
        if (safetensors_open(in_folder("mutant"), &st, &e)) {
            assert_true(e.code < 0 && *e.msg);
            continue;
        }
        for (int i = 0; i < 2; i++) {
            const struct safetensors_tensor *t = safetensors_find(st, two[i].name);
            float out[7];
            if (t && shape_count(&t->shape) <= 7)
                safetensors_read(st, t, out, &e);
        }
        safetensors_close(st);
    }
    free(copy);
    free(bytes);
}

static void failed_writes_change_nothing(void **state)
{
    (void)state;
    struct err e = ERR_INIT, f = ERR_INIT, g = ERR_INIT;
    const char *path = write_two("kept");
    size_t size;
    unsigned char *before = read_file(path, &size);
    int files = count_files();
    assert_int_equal(safetensors_write(path, false, "k", "v", two, 2, &e), ERR_IO);
    assert_int_equal(safetensors_write(in_folder("no/such"), true, "k", "v", two, 2, &f), ERR_IO);
    static float many[1 << 16];
    struct safetensors_tensor t = {.name = "w", .shape = {1, {1 << 16}}, .data = many};
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    int code = safetensors_write(path, true, "k", "v", &t, 1, &g);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(code, ERR_IO);
    assert_says(g.msg, "/kept");
    size_t after_size;
    unsigned char *after = read_file(path, &after_size);
    assert_int_equal(after_size, size);
    assert_memory_equal(after, before, size);
    assert_int_equal(count_files(), files);
    free(before);
    free(after);
}

/* Nothing is written that would not be read again. */
static void large_headers_are_read_or_not_written(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct safetensors *st = NULL;
    const size_t limit = 64 << 20, room = 1000; /* of the tensors' entries */
    const char *path = in_folder("large");
    char *text = malloc(limit + 1);
    assert_non_null(text);
    memset(text, 'x', limit);
    text[limit] = 0;
    assert_int_equal(safetensors_write(path, false, "k", text, two, 2, &e), ERR_FAIL);
    assert_says(e.msg, "was not written");
    assert_false(exists(path));
    text[limit - room] = 0;
    e = (struct err)ERR_INIT;
    if (safetensors_write(path, false, "k", text, two, 2, &e) || safetensors_open(path, &st, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(safetensors_metadata(st, "k"), text);
    safetensors_close(st);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(layout_is_as_documented),
        cmocka_unit_test(headers_are_believed_only_when_exact),
        cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(cut_anywhere_is_refused),
        cmocka_unit_test(values_must_be_finite),
        cmocka_unit_test(not_files_are_refused),
        cmocka_unit_test(mutations_never_crash),
        cmocka_unit_test(failed_writes_change_nothing),
        cmocka_unit_test(large_headers_are_read_or_not_written),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
