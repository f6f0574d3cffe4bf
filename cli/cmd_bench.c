#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct flag bench_flags[] = {
    {"preset", 'p', FLAG_TEXT, offsetof(struct args, preset), "NAME", NULL, 0, 0, NULL,
     "a named set of options (engram models MODEL lists them); without it the model's general one"},
    {"set", 's', FLAG_SETTING, 0, "NAME=VALUE", NULL, 0, 0, NULL,
     "an option of the model or of training, over the preset; --NAME VALUE is the same"},
    {"train", 0, FLAG_SWITCH, offsetof(struct args, training), NULL, NULL, 0, 0, NULL,
     "time training steps rather than scoring"},
    {"repeat", 0, FLAG_WHOLE, offsetof(struct args, repeat), "N", "20", 1, 1000000, NULL, "steps to time"},
    {"profile", 0, FLAG_SWITCH, offsetof(struct args, profile), NULL, NULL, 0, 0, NULL,
     "say where the time goes, and measure the machine's peaks"},
    {"format", 0, FLAG_CHOICE, offsetof(struct args, format), "FORMAT", "text", 0, 0, "csv|jsonl|text",
     "of the profile's rows on stdout"},
    {0},
};

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

static int print_rows(const struct args *args, struct profile *p, double peak)
{
    struct output output;
    double sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += p->rows[i].ms;
    qsort(p->rows, p->n, sizeof *p->rows, slowest_first);
    output_begin(&output, args->format, columns);
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

static int print_profile(const struct args *args, struct profile *p, const engram_bench_summary *s)
{
    engram_machine m = ENGRAM_MACHINE_INIT;
    engram_error error;
    if (p->failed)
        return console_error("out of memory");
    if (engram_machine_measure(s->threads, &m, &error))
        return console_report(&error);
    bool bf16 = !strcmp(s->precision, "bf16");
    int code = print_rows(args, p, bf16 ? m.convolution_bf16_gflops : m.convolution_gflops);
    double gflops = s->flops / s->milliseconds * 1e-6;
    console_info("this machine on %d threads: %.0f GFLOP/s in registers (f32), convolution %.0f f32 and %.0f bf16, "
                 "memory %.1f GB/s copied",
                 s->threads, m.fma_gflops, m.convolution_gflops, m.convolution_bf16_gflops, m.copy_gbytes);
    console_info("a step: %.3f GFLOP, %.1f GFLOP/s, %.0f%% of the f32 registers' peak; buffers of %.1f MB",
                 s->flops * 1e-9, gflops, gflops / m.fma_gflops * 100, (double)s->bytes * 1e-6);
    return code;
}

/* As PyTorch's counterpart prints it. */
static void format_line(const struct args *args, const char *model, const engram_bench_summary *s, char *text,
                        size_t size)
{
    snprintf(text, size, "%s %s %s batch %d, %d threads: %.3f ms, %.1f samples/s, %.0f MB",
             args->preset ? args->preset : model, s->precision, args->training ? "train" : "score", s->batch,
             s->threads, s->milliseconds, s->batch / s->milliseconds * 1e3, (double)console_peak_memory() / (1 << 20));
}

int cmd_bench(const struct args *args)
{
    const char *model = args->noperands ? args->operands[0] : "memae";
    const engram_bench_job job = {.size = sizeof job,
                                  .model = model,
                                  .preset = args->preset,
                                  .settings = args->settings,
                                  .nsettings = args->nsettings,
                                  .training = args->training,
                                  .repeat = args->repeat};
    struct profile profile = {0};
    engram_bench_summary summary = ENGRAM_BENCH_SUMMARY_INIT;
    engram_error error;
    if (engram_bench(&job, &console_hooks, &summary, args->profile ? add_node : NULL, &profile, &error))
        return console_report(&error);
    char line[300];
    int code;
    format_line(args, model, &summary, line, sizeof line);
    if (args->profile) {
        console_info("%s", line);
        code = print_profile(args, &profile, &summary);
    } else {
        printf("%s\n", line);
        code = output_flush();
    }
    free(profile.rows);
    return code;
}
