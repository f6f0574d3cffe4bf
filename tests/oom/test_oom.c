/* Memory that runs out, at every single allocation of ours in turn: each time the call says so or does without; it
 * never crashes, leaks (the sanitizers look), or leaves half a file. The linker sends here what the library asks of
 * the system (--wrap): memory, mappings, threads, files and folders. oneDNN and FFmpeg keep their own. */
#include <engram.h>

#include "support/files.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

static atomic_long left = -1; /* allocations until the one that fails; negative: none does */

static bool fails(void)
{
    bool now = left >= 0 && atomic_fetch_sub(&left, 1) == 0;
    if (now)
        errno = ENOMEM;
    return now;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **p, size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
FILE *__real_fopen64(const char *path, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);
DIR *__real_opendir(const char *path);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
FILE *__wrap_fopen64(const char *path, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
DIR *__wrap_opendir(const char *path);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
    return fails() ? 12 : __real_posix_memalign(p, alignment, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails() ? NULL : __real_strndup(text, n);
}

void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap64(at, size, protection, flags, fd, offset);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = fails() ? -1 : vasprintf(text, format, args);
    va_end(args);
    return n;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    return fails() ? EAGAIN : __real_pthread_create(thread, attributes, start, argument);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return fails() ? NULL : __real_fopen64(path, mode);
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
    return fails() ? NULL : __real_fdopen(fd, mode);
}

DIR *__wrap_opendir(const char *path)
{
    return fails() ? NULL : __real_opendir(path);
}

/* jansson's own, by its hook, while it writes. While it reads it cannot be helped: it drops letters that it has no
 * memory for and says nothing. */
static void *json_allocate(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

/* ---- calls ---- */

#define DATA "synth:?n=24&test=6&size=16"

static const char *const settings[] = {"widths=4", "items=4", "epochs=1", "batch=8", "threads=1"};

static int train(engram_error *error)
{
    const engram_train_job job = {.size = sizeof job,
                                  .model = "memae",
                                  .settings = settings,
                                  .nsettings = 5,
                                  .data = DATA,
                                  .output = "t.safetensors",
                                  .force = 1};
    return engram_train(&job, NULL, NULL, error);
}

static int score(engram_error *error)
{
    static const uint8_t pixels[20 * 64];
    static const char *const scorer_settings[] = {"threads=1", "maps=true", "batch=2"};
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_result results[2] = {ENGRAM_RESULT_INIT, ENGRAM_RESULT_INIT};
    float map[16 * 16];
    const engram_picture picture = {
        .size = sizeof picture, .format = ENGRAM_RGB, .width = 20, .height = 20, .plane = {pixels}, .stride = {64}};
    const engram_picture both[] = {picture, picture};
    int code = engram_model_load("model.safetensors", &model, error);
    if (!code)
        code = engram_scorer_new(model, scorer_settings, 3, &scorer, error);
    if (!code)
        code = engram_score_picture(scorer, &picture, results, error);
    if (!code)
        code = engram_scorer_map(scorer, 0, map, 16 * 16, error);
    if (!code)
        code = engram_map_write(model, map, 16, 16, "map.png", ENGRAM_MAP_PNG, 1, error);
    if (!code)
        code = engram_score_file(scorer, "map.png", results, error);
    if (!code)
        code = engram_score_pictures(scorer, both, 2, results, error);
    engram_scorer_free(scorer);
    engram_model_free(model);
    return code;
}

static int no_row(void *user, const engram_row *row)
{
    (void)user;
    (void)row;
    return 0;
}

static int score_data(engram_error *error)
{
    static const char *const urls[] = {DATA, "map.png"};
    static const char *const scorer_settings[] = {"threads=1", "batch=4"};
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    int code = engram_model_load("model.safetensors", &model, error);
    if (!code)
        code = engram_scorer_new(model, scorer_settings, 2, &scorer, error);
    if (!code)
        code = engram_score_data(scorer, urls, 2, NULL, no_row, NULL, error);
    engram_scorer_free(scorer);
    engram_model_free(model);
    return code;
}

static int evaluate(engram_error *error)
{
    static const char *const scorer_settings[] = {"threads=1"};
    engram_model *model = NULL;
    engram_evaluation *ev = NULL;
    int code = engram_model_load("model.safetensors", &model, error);
    if (!code)
        code = engram_evaluate(model, DATA, scorer_settings, 1, NULL, &ev, error);
    if (!code)
        code = engram_report_write((const engram_evaluation *const *)&ev, 1, NULL, NULL, "report.html", 1, NULL, error);
    engram_evaluation_free(ev);
    engram_model_free(model);
    return code;
}

static int data(engram_error *error)
{
    engram_data *d = NULL;
    int code = engram_data_open(DATA, NULL, &d, error);
    if (!code)
        code = engram_data_check(d, NULL, error);
    engram_data_free(d);
    return code;
}

static engram_scorer *scorer_of_table;

static int train_table(engram_error *error)
{
    static const char *const few[] = {"epochs=1", "batch=4", "threads=1"};
    const engram_train_job job = {.size = sizeof job,
                                  .model = "ae",
                                  .settings = few,
                                  .nsettings = 3,
                                  .data = "csv:table.csv.gz?id=name",
                                  .output = "table.safetensors",
                                  .force = 1};
    return engram_train(&job, NULL, NULL, error);
}

static int some_reasons(void *user, const engram_row *row)
{
    engram_reason reasons[4] = {ENGRAM_REASON_INIT};
    engram_error *error = user, why;
    size_t n;
    int code = row->result ? engram_scorer_reasons(scorer_of_table, 0, reasons, 4, &n, &why) : 0;
    if (code)
        *error = why;
    return code;
}

static int score_table(engram_error *error)
{
    static const char *const urls[] = {"table.csv.gz"}, *const scorer_settings[] = {"threads=1", "batch=4",
                                                                                    "maps=true"};
    engram_model *model = NULL;
    engram_error inner = {0};
    scorer_of_table = NULL;
    int code = engram_model_load("table.safetensors", &model, error);
    if (!code)
        code = engram_scorer_new(model, scorer_settings, 3, &scorer_of_table, error);
    if (!code)
        code = engram_score_data(scorer_of_table, urls, 1, NULL, some_reasons, &inner, error);
    if (code && inner.code)
        *error = inner;
    engram_scorer_free(scorer_of_table);
    engram_model_free(model);
    return inner.code ? inner.code : code;
}

/* An allocation that failed has a code of its own; a file or thread that the system has no memory for says why. */
static bool says_so(int code, const char *message)
{
    return strlen(message) > 10 &&
           (code == ENGRAM_MEMORY || strstr(message, strerror(ENOMEM)) || strstr(message, strerror(EAGAIN)));
}

/* Lets every allocation fail once, until a run needs fewer than are granted. A run that succeeds without one
 * has written the file that it writes with all of them. */
static void try_all(int (*call)(engram_error *error), const char *name, const char *written)
{
    for (long n = 0; n < 100000; n++) {
        engram_error error = {0};
        left = n;
        int code = call(&error);
        bool reached = left < 0;
        left = -1;
        if (code && !says_so(code, error.message))
            fail_msg("%s, allocation %ld: %d: %s", name, n, code, error.message);
        if (!code && written && !same_files(written, "model.safetensors"))
            fail_msg("%s, allocation %ld: %s is there, and not as it should be", name, n, written);
        if (!reached) {
            assert_int_equal(code, 0);
            print_message("%s: %ld allocations\n", name, n);
            return;
        }
    }
    fail_msg("%s does not end", name);
}

static void training(void **state)
{
    (void)state;
    json_set_alloc_funcs(json_allocate, free);
    try_all(train, "train", "t.safetensors");
    json_set_alloc_funcs(__real_malloc, free);
}

static void scoring(void **state)
{
    (void)state;
    try_all(score, "score", NULL);
}

static void scoring_data(void **state)
{
    (void)state;
    try_all(score_data, "score data", NULL);
}

static void evaluating(void **state)
{
    (void)state;
    try_all(evaluate, "evaluate and report", NULL);
}

static void looking_at_data(void **state)
{
    (void)state;
    try_all(data, "data", NULL);
}

static void tables(void **state)
{
    (void)state;
    gzFile out = gzopen("table.csv.gz", "wb");
    gzprintf(out, "name,size,shop,label\n");
    for (int i = 0; i < 40; i++)
        gzprintf(out, "n%d,%d,\"%s\",%s\n", i, i * i % 23, i % 3 ? "north" : "so\"\"uth", i % 9 ? "normal" : "odd");
    assert_int_equal(gzclose(out), Z_OK);
    json_set_alloc_funcs(json_allocate, free);
    try_all(train_table, "train on a table", NULL);
    json_set_alloc_funcs(__real_malloc, free);
    try_all(score_table, "score a table", NULL);
}

static int begin(void **state)
{
    engram_error error;
    if (folder_begin(state))
        return -1;
    if (train(&error) || rename("t.safetensors", "model.safetensors") || score(&error)) {
        print_error("%s\n", error.message);
        return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_at_data), cmocka_unit_test(scoring),  cmocka_unit_test(scoring_data),
        cmocka_unit_test(evaluating),      cmocka_unit_test(training), cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests_name("memory runs out", tests, begin, folder_end);
}
