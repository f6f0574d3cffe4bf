/* The public interface: how fast. */
#include "engram_private.h"

#include "run/bench.h"

enum { DEFAULT_REPEAT = 20 };

struct listener {
    engram_bench_node_fn *node;
    void *user;
    const engram_hooks *hooks;
};

static void forward_node(void *user, const struct bench_node *n)
{
    const struct listener *l = user;
    const engram_bench_node out = {.size = sizeof out,
                                   .name = n->name,
                                   .op = n->op,
                                   .forward_milliseconds = n->forward_ms,
                                   .backward_milliseconds = n->backward_ms,
                                   .forward_flops = n->forward_flops,
                                   .backward_flops = n->backward_flops,
                                   .bytes = n->bytes};
    l->node(l->user, &out);
}

static bool listener_stop(void *user)
{
    const struct listener *l = user;
    return hooks_stop(hooks_user(l->hooks));
}

static int bench(const engram_bench_job *job, const struct chosen *c, engram_bench_summary *summary,
                 struct listener *listener, struct err *e)
{
    struct bench_result r;
    if (job->repeat < 0)
        return err_set(e, ERR_USAGE, "steps to time must be at least 1, not %d", job->repeat);
    const struct bench_job inner = {.model = c->model,
                                    .config = c->config,
                                    .train = &c->train,
                                    .training = job->training != 0,
                                    .columns = job->columns,
                                    .repeat = job->repeat ? job->repeat : DEFAULT_REPEAT,
                                    .user = listener,
                                    .node = listener->node ? forward_node : NULL,
                                    .should_stop = listener_stop};
    TRY(bench_run(&inner, &r, e));
    STRUCT_WRITE(engram_bench_summary, summary, .milliseconds = r.ms, .batch = r.batch, .threads = r.threads,
                 .precision = r.precision == BF16 ? "bf16" : "f32", .flops = r.flops, .bytes = r.bytes,
                 .parameters = r.parameters);
    return 0;
}

/* A job taken apart and run. */
static int bench_chosen(const engram_bench_job *outer, engram_bench_summary *summary, struct listener *listener,
                        struct err *e)
{
    engram_bench_job job;
    struct chosen chosen;
    TRY(STRUCT_CHECK(engram_bench_summary, summary, e));
    TRY(STRUCT_READ(engram_bench_job, outer, &job, e));
    int code = chosen_read(&chosen, job.model, job.preset, job.columns ? TAKES_ROWS : TAKES_PICTURES, job.settings,
                           job.nsettings, e);
    if (code >= 0)
        code = bench(&job, &chosen, summary, listener, e);
    chosen_free(&chosen);
    return code;
}

int engram_bench(const engram_bench_job *job, const engram_hooks *hooks, engram_bench_summary *summary,
                 engram_bench_node_fn *node, void *user, engram_error *error)
{
    struct call call;
    struct listener listener = {node, user, &call.hooks};
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(job), GIVEN(summary));
    if (code >= 0)
        code = call_hooks(&call, hooks);
    if (code >= 0)
        code = bench_chosen(job, summary, &listener, &call.err);
    return call_end(&call, code, error);
}

static int measure(int threads, engram_machine *machine, struct err *e)
{
    struct bench_machine m;
    TRY(STRUCT_CHECK(engram_machine, machine, e));
    if (threads < 0)
        return err_set(e, ERR_USAGE, "threads must be at least 0, not %d", threads);
    TRY(bench_machine(threads_choose(threads), &m, e));
    STRUCT_WRITE(engram_machine, machine, .fma_gflops = m.fma_gflops, .convolution_gflops = m.conv_gflops,
                 .convolution_bf16_gflops = m.conv_bf16_gflops, .copy_gbytes = m.copy_gbytes);
    return 0;
}

int engram_machine_measure(int threads, engram_machine *machine, engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(machine));
    if (code >= 0)
        code = measure(threads, machine, &call.err);
    return call_end(&call, code, error);
}
