#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_flags {
    const char *preset, *format;
    bool train, profile;
    int repeat, columns;
};

#define FLAGS_OF struct bench_flags
// clang-format off
static const struct flag flags[] = {
    ROW_PRESET,
    ROW_SET,
    ROW_SWITCH(train, 0, "time training steps rather than scoring"),
    ROW_WHOLE(repeat, 0, "N", "20", 1, 1000000, "steps to time"),
    ROW_WHOLE(columns, 0, "N", "0", 0, 65536, "of rows of numbers, in place of pictures"),
    ROW_SWITCH(profile, 0, "say where the time goes, and measure the machine's peaks"),
    ROW_FORMAT,
    {0}};
// clang-format on

static const char *const columns[] = {"layer", "operation", "pass", "ms", "share", "gflops", "of_peak", "mb", NULL};

struct row {
    char layer[64], op[32];
    bool backward;
    double ms, flops, bytes;
};

struct profile {
    struct row *rows;
    size_t n, room;
    bool failed; /* out of memory */
};

static void add_row(struct profile *p, const engram_bench_node *node, bool backward)
{
    struct row row = {.backward = backward,
                      .ms = backward ? node->backward_milliseconds : node->forward_milliseconds,
                      .flops = backward ? node->backward_flops : node->forward_flops,
                      .bytes = (double)node->bytes};
    if (row.ms <= 0)
        return;
    if (p->n == p->room) {
        size_t room = 2 * p->room + 32;
        struct row *rows = realloc(p->rows, room * sizeof *rows);
        p->failed |= !rows;
        if (!rows)
            return;
        p->rows = rows;
        p->room = room;
    }
    snprintf(row.layer, sizeof row.layer, "%s", node->name);
    snprintf(row.op, sizeof row.op, "%s", node->op);
    p->rows[p->n++] = row;
}

static void add_node(void *user, const engram_bench_node *node)
{
    add_row(user, node, false);
    add_row(user, node, true);
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const struct row *)a)->ms, y = ((const struct row *)b)->ms;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int print_rows(const char *format, struct profile *p, double peak)
{
    struct output output;
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += p->rows[i].ms;
    qsort(p->rows, p->n, sizeof *p->rows, slowest_first);
    output_begin(&output, format, columns);
    for (size_t i = 0; i < p->n; i++) {
        const struct row *r = &p->rows[i];
        char ms[32], share[32], rate[32], of_peak[32], mb[32];
        double gflops = r->flops / r->ms * 1e-6;
        snprintf(ms, sizeof ms, "%.3f", r->ms);
        snprintf(share, sizeof share, "%.1f", r->ms / sum * 100);
        snprintf(rate, sizeof rate, "%.1f", gflops);
        snprintf(of_peak, sizeof of_peak, "%.0f", gflops / peak * 100);
        snprintf(mb, sizeof mb, "%.2f", r->bytes * 1e-6);
        const struct cell cells[] = {
            CELL_OF_TEXT(r->layer), CELL_OF_TEXT(r->op), CELL_OF_TEXT(r->backward ? "backward" : "forward"),
            CELL_OF_TEXT(ms),       CELL_OF_TEXT(share), CELL_OF_TEXT(rate),
            CELL_OF_TEXT(of_peak),  CELL_OF_TEXT(mb)};
        output_row(&output, cells);
    }
    return output_end(&output);
}

static int print_profile(const char *format, struct profile *p, const engram_bench_summary *s)
{
    engram_machine m = ENGRAM_MACHINE_INIT;
    engram_error error;
    if (p->failed)
        return console_error("out of memory");
    if (engram_machine_measure(s->threads, &m, &error))
        return console_report(&error);
    bool bf16 = !strcmp(s->precision, "bf16");
    int code = print_rows(format, p, bf16 ? m.convolution_bf16_gflops : m.convolution_gflops);
    double gflops = s->flops / s->milliseconds * 1e-6;
    console_info("this machine on %d threads: %.0f GFLOP/s in registers (f32), convolution %.0f f32 and %.0f bf16, "
                 "memory %.1f GB/s copied",
                 s->threads, m.fma_gflops, m.convolution_gflops, m.convolution_bf16_gflops, m.copy_gbytes);
    console_info("a step: %.3f GFLOP, %.1f GFLOP/s, %.0f%% of the f32 registers' peak; buffers of %.1f MB",
                 s->flops * 1e-9, gflops, gflops / m.fma_gflops * 100, (double)s->bytes * 1e-6);
    return code;
}

static void format_line(const struct bench_flags *f, const char *model, const engram_bench_summary *s, char *text,
                        size_t size)
{
    snprintf(text, size, "%s %s %s batch %d, %d threads: %.3f ms, %.1f samples/s, %.0f MB, %zu parameters",
             f->preset ? f->preset : model, s->precision, f->train ? "train" : "score", s->batch, s->threads,
             s->milliseconds, s->batch / s->milliseconds * 1e3, (double)console_peak_memory() / (1 << 20),
             s->parameters);
}

static int run(const struct args *args)
{
    const struct bench_flags *f = args->flags;
    const char *model = args->noperands ? args->operands[0] : "memae";
    const engram_bench_job job = {.size = sizeof job,
                                  .model = model,
                                  .preset = f->preset,
                                  .settings = args->settings,
                                  .nsettings = args->nsettings,
                                  .training = f->train,
                                  .repeat = f->repeat,
                                  .columns = f->columns};
    struct profile profile = {0};
    engram_bench_summary summary = ENGRAM_BENCH_SUMMARY_INIT;
    engram_error error;
    console_debug("timing steps");
    if (engram_bench(&job, &console_hooks, &summary, f->profile ? add_node : NULL, &profile, &error))
        return console_report(&error);
    char line[300];
    int code;
    format_line(f, model, &summary, line, sizeof line);
    if (f->profile) {
        console_info("%s", line);
        code = print_profile(f->format, &profile, &summary);
    } else {
        printf("%s\n", line);
        code = output_flush();
    }
    free(profile.rows);
    return code;
}

const struct verb verb_bench = {
    .name = "bench",
    .operands = "[MODEL]",
    .summary = "measure speed on this machine",
    .details =
        "Times steps of MODEL (memae without it) on random input, no data needed: scoring, or with --train whole "
        "training steps. Prints the median, samples a second, the most memory that was in use and how many parameters "
        "the net has. With --profile one "
        "row for each operation and pass: milliseconds, share of the sum, GFLOP/s, share of the convolution peak that "
        "is measured beside it, and the size of its result.",
    .examples = "engram bench memae --preset mnist --train\n"
                "engram bench memae --preset cifar10 --precision bf16 --threads 1\n"
                "engram bench memae --preset video --train --profile --repeat 5\n"
                "engram bench memae --preset kdd --columns 120 --train",
    .flags = flags,
    .flags_size = sizeof(struct bench_flags),
    .least = 0,
    .most = 1,
    .settings = true,
    .computes = verb_computes,
    .run = run,
};
