#include "commands.h"
#include "console.h"
#include "engram.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const struct flag score_flags[] = {
    {"false-alarm-rate", 'r', FLAG_NUMBER, offsetof(struct args, rate), "RATE", "0.05", 0, 1, NULL,
     "share of normal samples that may be called anomalous"},
    {"maps", 'm', FLAG_TEXT, offsetof(struct args, maps), "DIR", NULL, 0, 0, NULL,
     "write a heat map of every sample, as PNG under its own path"},
    {"npy", 0, FLAG_SWITCH, offsetof(struct args, npy), NULL, NULL, 0, 0, NULL,
     "with --maps: the map's values too, as .npy (float32)"},
    {"format", 0, FLAG_CHOICE, offsetof(struct args, format), "FORMAT", "csv", 0, 0, "csv|jsonl|text",
     "of the rows on stdout"},
    {"exit-code", 0, FLAG_SWITCH, offsetof(struct args, exit_code), NULL, NULL, 0, 0, NULL,
     "exit with 3 when any sample is anomalous"},
    {"strict", 0, FLAG_SWITCH, offsetof(struct args, strict), NULL, NULL, 0, 0, NULL,
     "stop at the first sample that cannot be read"},
    {"force", 'f', FLAG_SWITCH, offsetof(struct args, force), NULL, NULL, 0, 0, NULL, "overwrite existing maps"},
    {"batch", 0, FLAG_WHOLE, offsetof(struct args, batch), "N", "64", 1, 4096, NULL, "samples computed at once"},
    {"threads", 0, FLAG_WHOLE, offsetof(struct args, threads), "N", "0", 0, 1024, NULL, "to compute on; 0: all"},
    {0},
};

static const char *const columns[] = {"path", "index", "score", "p_value", "anomalous", "error", NULL};

struct scoring {
    const struct args *args;
    const engram_model *model;
    const engram_scorer *scorer;
    engram_format format;
    float *map; /* height x width; NULL: none are written */
    struct output output;
    bool begun; /* the first row brings the line of names: a failure before it leaves stdout empty */
    size_t scored, anomalous, failed;
    int code; /* of an error in a row's work; 0: none */
};

/* A map's file: DIR/NAME.png, where NAME is the sample's own, with .png behind any other ending. NULL: no memory. */
static char *map_path(const char *folder, const char *name, const char *ending)
{
    size_t length = strlen(name), size = strlen(folder) + length + strlen(ending) + 2;
    bool has = length > strlen(ending) && !strcasecmp(name + length - strlen(ending), ending);
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s%s", folder, name, has ? "" : ending);
    return path;
}

static int write_map(const struct scoring *s, const engram_row *row, int format)
{
    engram_error error;
    char *path = map_path(s->args->maps, row->name, format == ENGRAM_MAP_PNG ? ".png" : ".npy");
    if (!path)
        return console_error("out of memory while naming a heat map");
    int failed = engram_map_write(s->model, s->map, (int)s->format.width, (int)s->format.height, path, format,
                                  s->args->force, &error);
    free(path);
    return failed ? console_report(&error) : 0;
}

static int write_maps(const struct scoring *s, const engram_row *row)
{
    engram_error error;
    if (engram_scorer_map(s->scorer, 0, s->map, (size_t)(s->format.width * s->format.height), &error))
        return console_report(&error);
    int code = write_map(s, row, ENGRAM_MAP_PNG);
    if (!code && s->args->npy)
        code = write_map(s, row, ENGRAM_MAP_NPY);
    return code;
}

static int on_row(void *user, const engram_row *row)
{
    struct scoring *s = user;
    const engram_result none = ENGRAM_RESULT_INIT, *r = row->result ? row->result : &none;
    if (!row->error && s->args->maps && (s->code = write_maps(s, row)))
        return 1;
    const struct cell bad[] = {CELL_OF_TEXT(row->path), CELL_OF_WHOLE(row->index), CELL_EMPTY, CELL_EMPTY, CELL_EMPTY,
                               CELL_OF_TEXT(row->error)};
    const struct cell good[] = {CELL_OF_TEXT(row->path),   CELL_OF_WHOLE(row->index),  CELL_OF_FLOAT(r->score),
                                CELL_OF_FLOAT(r->p_value), CELL_OF_BOOL(r->anomalous), CELL_EMPTY};
    s->scored += !row->error;
    s->failed += row->error != NULL;
    s->anomalous += !row->error && r->anomalous;
    console_clear();
    if (!s->begun)
        output_begin(&s->output, s->args->format, columns);
    s->begun = true;
    bool open = output_row(&s->output, row->error ? bad : good);
    if (row->error && s->args->strict)
        s->code = console_error("%s", row->error);
    return !open || s->code;
}

static void print_summary(const struct scoring *s)
{
    console_info("%zu scored, %zu anomalous at a false-alarm rate of %g", s->scored, s->anomalous, s->args->rate);
    if (s->failed)
        console_warn("%zu %s not be scored; the reasons are in the column error", s->failed,
                     s->failed == 1 ? "sample could" : "samples could");
}

static int score_all(struct scoring *s, engram_scorer *scorer)
{
    engram_error error = {0};
    s->scorer = scorer;
    engram_model_format(s->model, &s->format);
    if (s->args->maps && !(s->map = malloc((size_t)(s->format.width * s->format.height) * sizeof *s->map)))
        return console_error("out of memory for a heat map");
    engram_hooks hooks = console_hooks;
    if (isatty(STDOUT_FILENO))
        hooks.progress = NULL; /* the rows themselves show it */
    engram_score_data(scorer, s->args->operands + 1, s->args->noperands - 1, &hooks, on_row, s, &error);
    console_clear();
    int written = s->begun ? output_end(&s->output) : 0;
    if (error.code && !s->code)
        s->code = console_report(&error);
    if (s->code || error.code || written)
        return s->code ? s->code : written;
    print_summary(s);
    if (s->failed)
        return EXIT_FAILED;
    return s->args->exit_code && s->anomalous ? EXIT_ANOMALIES : EXIT_OK;
}

int cmd_score(const struct args *args)
{
    engram_error error;
    engram_model *model;
    engram_scorer *scorer;
    if (args->npy && !args->maps)
        return console_usage("score", "--npy says how to write maps: it needs --maps DIR");
    if (engram_model_load(args->operands[0], &model, &error))
        return console_report(&error);
    if (args->rate < engram_model_smallest_rate(model))
        console_warn("at a false-alarm rate of %g this model can call nothing anomalous: it was calibrated on too few "
                     "samples for less than %.2g",
                     args->rate, engram_model_smallest_rate(model));
    struct scorer_settings settings;
    args_scorer_settings(args, args->maps != NULL, &settings);
    int code;
    if (engram_scorer_new(model, settings.list, settings.n, &scorer, &error)) {
        code = console_report(&error);
    } else {
        struct scoring s = {.args = args, .model = model, .format = ENGRAM_FORMAT_INIT};
        code = score_all(&s, scorer);
        free(s.map);
        engram_scorer_free(scorer);
    }
    engram_model_free(model);
    return code;
}
