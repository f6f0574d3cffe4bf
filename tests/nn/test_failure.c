/* An execution of oneDNN that fails, as it does where it finds no memory: nothing that comes of it looks like a number.
 */
#include "nets.h"
#include "nn/layers.h"
#include "nn/ops.h"
#include "nn/parallel.h"
#include "probe.h"

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* These stand before oneDNN's own; nothing of its headers is needed. */
static int until_failure = -1; /* calls that still work; -1: all */

static bool works(void)
{
    return until_failure < 0 || until_failure-- > 0;
}

typedef int execute_fn(const void *primitive, void *stream, int n, const void *args);
typedef int sgemm_fn(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
                     const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
int dnnl_primitive_execute(const void *primitive, void *stream, int n, const void *args);
int dnnl_sgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
               const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

int dnnl_primitive_execute(const void *primitive, void *stream, int n, const void *args)
{
    execute_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
    return works() ? real(primitive, stream, n, args) : 1;
}

int dnnl_sgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
               const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    sgemm_fn *real;
    *(void **)&real = dlsym(RTLD_NEXT, "dnnl_sgemm");
    return works() ? real(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) : 1;
}

/* A net of everything that oneDNN computes: convolutions, thin ones, linear layers, products, addressing. */
static struct node *build(struct graph *g, struct node *x)
{
    struct layer_spec l = {.out = 16, .kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}, .norm = true, .act = ACT_RELU};
    struct node *y = layer_conv(g, "conv", x, &l);
    l.transposed = true;
    y = layer_conv(g, "deconv", y, &l);
    y = layer_conv(
        g, "thin", y,
        &(struct layer_spec){.transposed = true, .out = 1, .kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}});
    y = layer_linear(g, "linear", op_reshape(g, y, SHAPE(4, 64)), &(struct layer_spec){.out = 8});
    struct init init = {.kind = INIT_NORMAL, .b = 1};
    struct node *items = graph_param(g, "items", SHAPE(5, 8), GROUP_MAIN, init);
    struct attend_spec s = {.similarity = SIM_COSINE, .scale = 3};
    return op_matmul(g, op_attend(g, y, items, s), items, false);
}

/* Whether the first step to fail in is told and gives NaN: the loss, or a gradient. False: all calls have worked. */
static bool fail_at(int call)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(4, 8, 8, 8)), *y = build(g, x);
    struct objective o = {.name = "loss", .loss = probe_sum(g, y, 1), .group = GROUP_MAIN};
    probe_allocate(ps, 1);
    struct plan *p = probe_plan(&(struct plan_spec){.graph = g, .objectives = &o, .nobjectives = 1, .threads = 1});
    probe_fill(plan_data(p, x), 4 * 8 * 8 * 8, 1, 1);
    until_failure = call;
    plan_forward(p, 0);
    plan_backward(p, 0);
    bool failed = until_failure == -1, numbers = isfinite(*(float *)plan_data(p, o.loss));
    until_failure = -1;
    for (const struct param *w = ps->first; w; w = w->next)
        for (size_t i = 0; w->grad && i < w->count; i++)
            numbers = numbers && isfinite(w->grad[i]);
    assert_int_equal(plan_failed(p) != NULL, failed);
    assert_int_equal(numbers, !failed);
    double loss[2]; /* once there is memory again, all is well; packed weights are too */
    for (int i = 0; i < 2; i++) {
        probe_fill(plan_data(p, x), 4 * 8 * 8 * 8, 1, 1);
        plan_forward(p, 0);
        loss[i] = (double)*(float *)plan_data(p, o.loss);
        params_changed(ps);
    }
    assert_true(isfinite(loss[0]) && loss[0] == loss[1]);
    plan_free(p);
    graph_free(g);
    params_free(ps);
    return failed;
}

static void no_failure_is_believed(void **state)
{
    (void)state;
    int call = 0;
    while (fail_at(call))
        call++;
    print_message("%d calls of oneDNN\n", call);
    assert_true(call > 15);
}

/* Plans and runs the net with `room` bytes of address space beyond what there is; the exit code: 0, or 1 after a
 * sentence. */
static void run_within(size_t room)
{
    struct params *ps = params_new();
    struct graph *g = graph_new(GRAPH_TRAIN, F32, ps);
    struct node *x = graph_input(g, "x", SHAPE(4, 8, 8, 8));
    struct objective o = {.name = "loss", .loss = probe_sum(g, build(g, x), 1), .group = GROUP_MAIN};
    struct err e = ERR_INIT;
    struct plan *p;
    probe_allocate(ps, 1);
    long pages = 0;
    parallel_end(parallel_begin(1)); /* OpenMP starts with room: it is not what is tested */
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld", &pages) != 1)
        _exit(2);
    fclose(f);
    rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + room;
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
    if (plan_new(&(struct plan_spec){.graph = g, .objectives = &o, .nobjectives = 1, .threads = 1}, &p, &e) < 0)
        _exit(e.code == ERR_MEMORY ? 1 : 3);
    plan_forward(p, 0);
    plan_backward(p, 0);
    _exit(0);
}

/* An emulator of processors may ignore the limit: the space is its own, too. */
static bool address_space_has_limits(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_AS, &(struct rlimit){1 << 20, 1 << 20});
        _exit(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void little_address_space_is_a_sentence(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* the sanitiser takes address space by the terabyte */
#endif
    if (access("/proc/self/statm", R_OK) || !address_space_has_limits()) {
        print_message("no /proc here, or no limit of address space: nothing to test\n");
        skip();
    }
    int results[2] = {0};
    for (size_t room = 0; room < (size_t)48 << 20; room += 1 << 19) {
        pid_t child = fork();
        if (child == 0)
            run_within(room);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("with %zu KiB it ends with status %d", room >> 10, status);
        results[WEXITSTATUS(status)]++;
    }
    assert_true(results[0] && results[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(little_address_space_is_a_sentence),
                                       cmocka_unit_test(no_failure_is_believed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
