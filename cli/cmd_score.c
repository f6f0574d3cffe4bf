#include "commands.h"
#include "console.h"
#include "engram.h"
#include "list.h"
#include "maps.h"
#include "output.h"
#include "overlays.h"
#include "places.h"
#include "reasons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct score_flags {
    double false_alarm_rate;
    const char *files_from, *maps, *overlay, *format, *score, *protocol, *late;
    bool null, npy, regions, exit_code, strict, force;
    int reasons, batch, threads, hop, reconnect;
};

#define FLAGS_OF struct score_flags
// clang-format off
static const struct flag flags[] = {
    ROW_RATE,
    ROW_TEXT(files_from, 0, "LIST", NULL, "score what the file LIST names, too: a path or SOURCE:PATH a line; - is standard input"),
    ROW_SWITCH(null, '0', "with --files-from: a zero byte ends each path (find -print0)"),
    ROW_TEXT(maps, 'm', "DIR", NULL, "write a heat map of every sample, DIR/NAME.map.png, NAME with its folders and ending"),
    ROW_SWITCH(npy, 0, "with --maps: the map's values too, as .map.npy (float32)"),
    ROW_TEXT(overlay, 0, "VIDEO", NULL, "of a video: write one that shows heat map, scores and verdicts, as mp4, mkv, mov or webm; of several a folder, VIDEO/NAME.overlay.mp4"),
    ROW_SCORE,
    ROW_PROTOCOL,
    ROW_HOP,
    ROW_CHOICE(late, 0, "WHAT", "drop", "drop|wait", "of live streams: frames that would wait for more than two clips before them are dropped, or all wait"),
    ROW_WHOLE(reconnect, 0, "SECONDS", "30", 0, 86400, "of live streams: longest pause between attempts to connect again; 0: none is made"),
    ROW_SWITCH(regions, 0, "a column more: where the heat map is above what the highest spot of normal samples reaches"),
    ROW_COLUMNS,
    ROW_WHOLE(reasons, 0, "N", "3", 0, REASONS_MAX, "of rows of a table: so many columns at most that make an anomalous row so, with what is normal there"),
    ROW_FORMAT,
    ROW_SWITCH(exit_code, 0, "exit with 3 when any sample is anomalous"),
    ROW_SWITCH(strict, 0, "stop at the first sample that cannot be read, or whose map cannot be written"),
    ROW_FORCE("overwrite existing maps and overlays; never a file that is scored"),
    ROW_BATCH,
    ROW_THREADS,
    {0}};
// clang-format on

struct scoring {
    const struct score_flags *flags;
    const engram_scorer *scorer;
    struct inputs inputs;
    struct maps maps;
    struct overlays overlays;
    struct places places;
    struct reasons reasons;
    struct output output;
    const char *columns[OUTPUT_COLUMNS];
    char names[ENGRAM_PARTS][80]; /* of the parts' columns */
    int nparts;                   /* columns of parts: 0 where the score is of one part */
    struct bad *waiting, **last;  /* bad samples before the first good one, which says what the parts are */
    bool clips;                   /* what the model takes */
    bool frames;                  /* rows are of frames of videos */
    bool of_rows;                 /* the model is */
    bool tells;                   /* which columns make a row anomalous */
    bool has_id;                  /* rows have ids */
    bool begun;                   /* the first row brings the line of names: a failure before it leaves stdout empty */
    size_t scored, anomalous, unread, unmapped;
    int code; /* of an error in a row's work; 0: none */
};

/* ---- rows ---- */

/* A sample that could not be read. */
struct bad {
    struct bad *next;
    char *path, *error;
    int64_t index;
    double time;
};

/* Whether it is one of a frame of a video. */
static bool is_frame(const engram_row *row)
{
    return !isnan(row->time);
}

/* The columns, once it is known of how many parts a score is. Frames are written as they come, however many. */
static void begin_rows(struct scoring *s, const engram_row *row)
{
    const engram_result *r = row->result;
    size_t n = 0;
    s->nparts = r && r->nparts > 1 ? r->nparts : 0;
    s->has_id = row->id;
    s->frames = is_frame(row);
    s->columns[n++] = s->frames ? "video" : "path";
    s->columns[n++] = s->frames ? "frame" : "index";
    if (s->frames)
        s->columns[n++] = "time";
    if (s->has_id)
        s->columns[n++] = "id";
    s->columns[n++] = "score";
    for (int i = 0; i < s->nparts; i++) {
        snprintf(s->names[i], sizeof s->names[i], "score.%s", r->parts[i].name);
        s->columns[n++] = s->names[i];
    }
    s->columns[n++] = "p_value";
    s->columns[n++] = "anomalous";
    if (s->flags->regions)
        s->columns[n++] = "regions";
    if (s->tells)
        s->columns[n++] = "reasons";
    s->columns[n] = "error";
    output_begin(&s->output, s->frames && !s->flags->format ? "csv" : s->flags->format, s->columns);
    s->begun = true;
}

/* False when stdout takes no more. */
static bool print_row(struct scoring *s, const engram_row *row, const char *error)
{
    const engram_result *r = row->result;
    struct cell cells[OUTPUT_COLUMNS] = {CELL_OF_TEXT(row->path), CELL_OF_WHOLE(row->index)};
    size_t n = 2;
    if (s->frames)
        cells[n++] = CELL_OF_FLOAT(row->time);
    if (s->has_id)
        cells[n++] = row->id ? CELL_OF_TEXT(row->id) : CELL_EMPTY;
    cells[n++] = r ? CELL_OF_FLOAT(r->score) : CELL_EMPTY;
    for (int i = 0; i < s->nparts; i++)
        cells[n++] = r ? CELL_OF_FLOAT(r->parts[i].value) : CELL_EMPTY;
    cells[n++] = r ? CELL_OF_FLOAT(r->p_value) : CELL_EMPTY;
    cells[n++] = r ? CELL_OF_BOOL(r->anomalous) : CELL_EMPTY;
    if (s->flags->regions)
        cells[n++] = r && s->places.text ? CELL_OF_TEXT(s->places.text) : CELL_EMPTY;
    if (s->tells)
        cells[n++] = r && r->anomalous ? CELL_OF_TEXT(s->reasons.text) : CELL_EMPTY;
    cells[n] = error ? CELL_OF_TEXT(error) : CELL_EMPTY;
    return output_row(&s->output, cells);
}

static bool keep_waiting(struct scoring *s, const engram_row *row, const char *error)
{
    struct bad *bad = calloc(1, sizeof *bad);
    if (!bad)
        return false;
    *bad = (struct bad){.path = strdup(row->path), .error = strdup(error), .index = row->index, .time = row->time};
    *(s->waiting ? s->last : &s->waiting) = bad;
    s->last = &bad->next;
    return bad->path && bad->error;
}

static bool print_waiting(struct scoring *s)
{
    bool open = true;
    while (s->waiting) {
        struct bad *bad = s->waiting;
        const engram_row row = {.path = bad->path, .index = bad->index, .time = bad->time};
        s->waiting = bad->next;
        if (!s->begun)
            begin_rows(s, &row);
        open = open && print_row(s, &row, bad->error);
        free(bad->path);
        free(bad->error);
        free(bad);
    }
    return open;
}

static bool add_row(struct scoring *s, const engram_row *row, const char *error)
{
    console_clear();
    if (!s->begun && !row->result)
        return keep_waiting(s, row, error);
    if (!s->begun)
        begin_rows(s, row);
    return print_waiting(s) && print_row(s, row, error);
}

/* A frame's map stands in a folder of its video's. */
static int write_map(struct scoring *s, const engram_row *row, engram_error *error)
{
    char name[4096];
    if (!is_frame(row))
        return maps_write(&s->maps, s->scorer, row->name, error);
    snprintf(name, sizeof name, "%s/%06lld", row->name, (long long)row->index);
    return maps_write(&s->maps, s->scorer, name, error);
}

/* One sample: its map, its row, its count. `r` NULL: it could not be read, and `error` says why. Non-zero: stop. */
static int take(struct scoring *s, const engram_row *row)
{
    const engram_result *r = row->result;
    const char *error = row->error;
    engram_error unmapped;
    if (r && s->maps.folder && write_map(s, row, &unmapped)) {
        error = unmapped.message;
        s->unmapped++;
    }
    if (r && s->flags->regions && places_find(&s->places, s->scorer, &unmapped)) {
        error = unmapped.message;
        s->unmapped++;
    }
    if (r && r->anomalous && s->tells)
        reasons_tell(&s->reasons, s->scorer, s->flags->reasons);
    s->scored += r != NULL;
    s->unread += r == NULL;
    s->anomalous += r && r->anomalous;
    bool open = add_row(s, row, error);
    if (error && s->flags->strict)
        s->code = console_error("%s", error);
    return !open || s->code;
}

/* An overlay that cannot be written ends it: its frames would be missed. */
static int show(struct scoring *s, const engram_row *row)
{
    engram_error error;
    if (s->overlays.path && overlays_add(&s->overlays, s->scorer, row, &error))
        s->code = console_report(&error);
    return s->code;
}

static int on_row(void *user, const engram_row *row)
{
    return take(user, row) || show(user, row);
}

/* ---- all ---- */

static int score_urls(struct scoring *s, engram_scorer *scorer, const char *const *urls, size_t n, engram_error *error)
{
    engram_hooks hooks = console_hooks;
    if (isatty(STDOUT_FILENO) && s->flags->format && strcmp(s->flags->format, "text"))
        hooks.progress = NULL; /* the rows themselves show it */
    console_debug("looking for samples");
    return engram_score_data(scorer, urls, n, &hooks, on_row, s, error);
}

static int score_stdin(struct scoring *s, engram_scorer *scorer)
{
    char *bytes;
    size_t n;
    engram_error error;
    engram_result result = ENGRAM_RESULT_INIT;
    int code = list_read_bytes("-", &bytes, &n);
    if (code)
        return code;
    int failed = engram_score_encoded(scorer, bytes, n, &result, &error);
    free(bytes);
    const engram_row row = {.size = sizeof row,
                            .name = "stdin",
                            .path = "-",
                            .time = NAN,
                            .error = failed ? error.message : NULL,
                            .result = failed ? NULL : &result};
    take(s, &row);
    return 0;
}

static void print_summary(const struct scoring *s)
{
    console_info("%zu scored, %zu anomalous at a false-alarm rate of %g", s->scored, s->anomalous,
                 s->flags->false_alarm_rate);
    if (s->unread)
        console_warn("%zu %s not be scored; the reasons are in the column error", s->unread,
                     s->unread == 1 ? "sample could" : "samples could");
    if (s->unmapped)
        console_warn("%zu %s not be written; the reasons are in the column error", s->unmapped,
                     s->unmapped == 1 ? "heat map could" : "heat maps could");
}

static int exit_code(const struct scoring *s)
{
    if (!s->scored)
        return EXIT_FAILED;
    if (s->unread || s->unmapped)
        return EXIT_PARTLY;
    return s->flags->exit_code && s->anomalous ? EXIT_ANOMALIES : EXIT_OK;
}

static int score_all(struct scoring *s, engram_scorer *scorer, const struct list *list)
{
    engram_error error = {0};
    s->scorer = scorer;
    if (strcmp(list->paths[0], "-"))
        score_urls(s, scorer, list->paths, list->n, &error);
    else if (s->of_rows || s->clips)
        score_urls(s, scorer, (const char *const[]){s->clips ? "video:-" : "csv:-"}, 1, &error);
    else
        s->code = score_stdin(s, scorer);
    console_clear();
    print_waiting(s);
    int written = s->begun ? output_end(&s->output) : 0;
    const bool whole = !s->code && (!error.code || error.code == ENGRAM_STOPPED); /* or as far as it came */
    if (error.code && !s->code)
        s->code = console_report(&error);
    if (whole && overlays_end(&s->overlays, &error))
        s->code = console_report(&error);
    if (s->code || error.code || written)
        return s->code ? s->code : written;
    print_summary(s);
    return exit_code(s);
}

/* What is written beside the rows. */
static int begin_files(struct scoring *s, const struct list *list)
{
    const struct score_flags *f = s->flags;
    if (f->force && (f->maps || f->overlay) && !inputs_list(&s->inputs, list->paths, list->n))
        return console_error("out of memory for the names of what is scored");
    s->maps = (struct maps){.folder = f->maps, .npy = f->npy, .force = f->force, .inputs = &s->inputs};
    s->overlays = (struct overlays){.path = f->overlay, .force = f->force, .inputs = &s->inputs};
    return maps_begin(&s->maps);
}

static int score_with(const struct score_flags *f, const engram_model *model, const struct list *list)
{
    engram_error error;
    engram_scorer *scorer;
    struct scorer_settings settings;
    struct scoring s = {.flags = f};
    engram_format format = ENGRAM_FORMAT_INIT;
    double smallest = engram_model_smallest_rate(model);
    if (f->false_alarm_rate > 0 && f->false_alarm_rate < smallest)
        console_warn("at a false-alarm rate of %g this model can call nothing anomalous: it was calibrated on too few "
                     "samples for less than %.2g",
                     f->false_alarm_rate, smallest);
    engram_model_format(model, &format);
    s.of_rows = !format.height;
    s.clips = format.frames > 0;
    s.tells = s.of_rows && f->reasons;
    scorer_settings_make(&settings, f->false_alarm_rate, f->threads, f->overlay ? 1 : f->batch, f->score,
                         f->maps || f->regions || f->overlay || s.tells);
    if (f->overlay)
        scorer_settings_add(&settings, "pictures=true"); /* which wait for their verdicts: few at a time */
    scorer_settings_add(&settings, "protocol=%s", f->protocol);
    scorer_settings_add(&settings, "hop=%d", f->hop);
    scorer_settings_add(&settings, "late=%s", f->late);
    scorer_settings_add(&settings, "reconnect=%d", f->reconnect);
    if (engram_scorer_new(model, settings.list, settings.n, &scorer, &error))
        return console_report(&error);
    int code = begin_files(&s, list);
    if (!code)
        code = score_all(&s, scorer, list);
    inputs_free(&s.inputs);
    overlays_free(&s.overlays);
    places_end(&s.places);
    engram_scorer_free(scorer);
    return code;
}

static int check(const struct args *args)
{
    const struct score_flags *f = args->flags;
    if (f->npy && !f->maps)
        return console_usage("score", "--npy says how to write maps: it needs --maps DIR");
    if (f->overlay && !overlays_can_be(f->overlay))
        return console_usage("score", "--overlay writes mp4, mkv, mov or webm, or into a folder; %s is neither",
                             f->overlay);
    if (f->null && !f->files_from)
        return console_usage("score", "--null says how to read a list: it needs --files-from LIST");
    if (args->noperands < 2 && !f->files_from)
        return console_usage("score", "score needs to know what to score: engram score FILE DATA..., --files-from "
                                      "LIST, or - for a picture, a table or a video on standard input");
    for (size_t i = 1; i < args->noperands; i++)
        if (!strcmp(args->operands[i], "-") && (args->noperands > 2 || f->files_from))
            return console_usage(
                "score", "- is one picture, table or video on standard input and stands alone; --files-from - reads "
                         "a list of paths there");
    return 0;
}

static int run(const struct args *args)
{
    const struct score_flags *f = args->flags;
    engram_error error;
    engram_model *model;
    struct list list;
    int code = check(args);
    if (code)
        return code;
    code = list_read(&list, args->operands + 1, args->noperands - 1, f->files_from, f->null);
    if (!code && !list.n)
        code = console_error("%s names nothing to score", f->files_from);
    if (!code) {
        console_debug("loading %s", args->operands[0]);
        code = engram_model_load(args->operands[0], &model, &error) ? console_report(&error) : 0;
        if (!code) {
            code = score_with(f, model, &list);
            engram_model_free(model);
        }
    }
    list_free(&list);
    return code;
}

/* One picture is scored at once: there a cold start is what counts. */
static bool computes(const struct args *args)
{
    const struct score_flags *f = args->flags;
    struct stat status;
    if (args->noperands != 2 || f->files_from)
        return true;
    return strcmp(args->operands[1], "-") && (stat(args->operands[1], &status) != 0 || !S_ISREG(status.st_mode));
}

const struct verb verb_score = {
    .name = "score",
    .operands = "FILE DATA...",
    .summary = "say how abnormal each sample is",
    .details =
        "Scores every sample of DATA (pictures, videos, tables, folders, SOURCE:PATH, or - for one picture, table or "
        "video on standard input) with the model in FILE, in order, one row each: path, index, score, p_value, "
        "anomalous, error; of videos one a frame, as they come: video, frame, time (seconds), score, ... A score is "
        "raw, higher "
        "is more abnormal; where it has several parts, a column score.PART for each follows it. The p-value is the "
        "share of normal samples with such a score or a higher one; a sample is anomalous where it is at most the "
        "false-alarm rate. A sample that cannot be read is a row with its error; so is one whose map cannot be "
        "written, which has its score as well; the exit code is then 4, or 1 where nothing could be scored. With "
        "--regions a column more says where the heat map lies above its "
        "calibrated threshold: \"X Y WIDTH HEIGHT AREA PEAK\" of each connected region, in the map's pixels, highest "
        "peak first, with semicolons between them. Of rows of a table a column reasons says which columns make an "
        "anomalous "
        "row so, what stands there and what is normal there; a column id has what the table's id columns say.",
    .examples = "engram score photos.safetensors new/ > scores.csv\n"
                "engram score photos.safetensors new/ --maps maps/ --false-alarm-rate 0.01\n"
                "engram score photos.safetensors one.png --regions --format jsonl\n"
                "find . -name '*.jpg' -print0 | engram score photos.safetensors --null --files-from -\n"
                "curl -s http://camera/still.jpg | engram score photos.safetensors -",
    .flags = flags,
    .flags_size = sizeof(struct score_flags),
    .least = 1,
    .most = 1 << 20,
    .data = 1,
    .computes = computes,
    .run = run,
};
