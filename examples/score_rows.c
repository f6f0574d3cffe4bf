/* Scores rows of a table in memory, many in one call: score_rows MODEL.safetensors < ROWS. A line a row: what the
 * model's columns hold, with commas between them (and none within: engram itself reads any csv). */
#include <engram.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256, LINE = 8192 }; /* scored at once; bytes of a line at most */

struct table {
    char (*lines)[LINE]; /* ROWS */
    const char **fields; /* ROWS x columns, in those */
    size_t n, columns, line;
};

/* The fields of a line: how many, of which as many as there are columns are kept. */
static size_t split(char *line, const char **fields, size_t columns)
{
    size_t n = 0;
    line[strcspn(line, "\r\n")] = 0;
    for (char *next = line; next; n++) {
        char *field = strsep(&next, ",");
        if (n < columns)
            fields[n] = field;
    }
    return n;
}

/* Up to ROWS rows: 0; 1 where a line has other columns than the model. */
static int read_rows(struct table *t)
{
    for (t->n = 0; t->n < ROWS && fgets(t->lines[t->n], LINE, stdin); t->n++) {
        size_t n = split(t->lines[t->n], t->fields + t->n * t->columns, t->columns);
        t->line++;
        if (n == t->columns)
            continue;
        fprintf(stderr, "score_rows: line %zu has %zu fields, but the model takes %zu\n", t->line, n, t->columns);
        return 1;
    }
    return 0;
}

static int score(engram_scorer *scorer, struct table *t, engram_result *results)
{
    engram_error error;
    while (!read_rows(t)) {
        if (!t->n)
            return 0;
        if (engram_score_fields(scorer, t->fields, t->n, t->columns, results, &error)) {
            fprintf(stderr, "score_rows: %s\n", error.message);
            return 1;
        }
        for (size_t i = 0; i < t->n; i++)
            printf("row %zu: score %.6g, p-value %.4g: %s\n", t->line - t->n + i, results[i].score, results[i].p_value,
                   results[i].anomalous ? "anomalous" : "normal");
    }
    return 1;
}

static int score_stdin(const engram_model *model, engram_scorer *scorer)
{
    engram_format format = ENGRAM_FORMAT_INIT;
    engram_model_format(model, &format);
    struct table t = {.columns = (size_t)format.channels};
    engram_result *results = calloc(ROWS, sizeof *results);
    t.lines = calloc(ROWS, sizeof *t.lines);
    t.fields = calloc(ROWS * t.columns, sizeof *t.fields);
    int failed = !results || !t.lines || !t.fields;
    if (!failed) {
        results->size = sizeof *results; /* of each: the first one's counts */
        failed = score(scorer, &t, results);
    }
    free(results);
    free(t.lines);
    free(t.fields);
    return failed;
}

int main(int argc, char **argv)
{
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_error error;
    if (argc != 2) {
        fprintf(stderr, "usage: score_rows MODEL.safetensors < ROWS\n");
        return 2;
    }
    int failed = engram_model_load(argv[1], &model, &error) || engram_scorer_new(model, NULL, 0, &scorer, &error);
    if (failed)
        fprintf(stderr, "score_rows: %s\n", error.message);
    else
        failed = score_stdin(model, scorer);
    engram_scorer_free(scorer);
    engram_model_free(model);
    return failed;
}
