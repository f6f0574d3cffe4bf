/* The public interface: how fast. */
#include "engram_private.h"

#include "run/bench.h"

enum { DEFAULT_REPEAT = 20 };

struct listener {
    engram_bench_node_fn *node;
    void *user;
};

static void forward_node(void *user, const struct bench_node *n)
{
    const struct listener *l = user;
    const engram_bench_node out = {.name = n->name,
                                   .op = n->op,
                                   .forward_milliseconds = n->forward_ms,
                                   .backward_milliseconds = n->backward_ms,
                                   .forward_flops = n->forward_flops,
                                   .backward_flops = n->backward_flops,
                                   .bytes = n->bytes};
    l->node(l->user, &out);
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
                                    .repeat = job->repeat ? job->repeat : DEFAULT_REPEAT,
                                    .user = listener,
                                    .node = listener->node ? forward_node : NULL};
    TRY(bench_run(&inner, &r, e));
    *summary = (engram_bench_summary){.milliseconds = r.ms,
                                      .batch = r.batch,
                                      .threads = r.threads,
                                      .precision = r.precision == BF16 ? "bf16" : "f32",
                                      .flops = r.flops,
                                      .bytes = r.bytes};
    return 0;
}

int engram_bench(const engram_bench_job *job, engram_bench_summary *summary, engram_bench_node_fn *node, void *user,
                 engram_error *error)
{
    struct call call;
    struct chosen chosen;
    struct listener listener = {node, user};
    call_begin(&call);
    int code = chosen_read(&chosen, job->model, job->preset, job->settings, job->nsettings, &call.err);
    if (code >= 0)
        code = bench(job, &chosen, summary, &listener, &call.err);
    chosen_free(&chosen);
    return call_end(&call, code, error);
}

int engram_machine_measure(int threads, engram_machine *machine, engram_error *error)
{
    struct call call;
    struct bench_machine m;
    call_begin(&call);
    int code = threads < 0 ? err_set(&call.err, ERR_USAGE, "threads must be at least 0, not %d", threads)
                           : bench_machine(threads_choose(threads), &m, &call.err);
    if (code >= 0)
        *machine = (engram_machine){.fma_gflops = m.fma_gflops,
                                    .convolution_gflops = m.conv_gflops,
                                    .convolution_bf16_gflops = m.conv_bf16_gflops,
                                    .copy_gbytes = m.copy_gbytes};
    return call_end(&call, code, error);
}
