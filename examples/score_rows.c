/* Scores rows of numbers in memory, many in one call: score_rows MODEL.safetensors < NUMBERS. A line a row, numbers
 * with blanks or commas between them, in the columns that the model was trained on. */
#include <engram.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024 }; /* scored at once */

struct table {
    float *values;
    size_t n, columns;
};

/* The numbers of a line: how many, of which the first `room` are in `values`. */
static size_t read_line(char *line, float *values, size_t room)
{
    size_t n = 0;
    for (char *word = strtok(line, ", \t\n"); word; word = strtok(NULL, ", \t\n"), n++)
        if (n < room)
            values[n] = strtof(word, NULL);
    return n;
}

/* Up to ROWS rows: 0; 1 where a line has other columns than the model. */
static int read_rows(struct table *t, size_t *line_number)
{
    char line[65536];
    for (t->n = 0; t->n < ROWS && fgets(line, sizeof line, stdin); t->n++) {
        size_t n = read_line(line, t->values + t->n * t->columns, t->columns);
        ++*line_number;
        if (n == t->columns)
            continue;
        fprintf(stderr, "score_rows: line %zu has %zu numbers, but the model takes %zu\n", *line_number, n, t->columns);
        return 1;
    }
    return 0;
}

static int score(engram_scorer *scorer, struct table *t, engram_result *results)
{
    engram_error error;
    size_t line = 0;
    while (!read_rows(t, &line) && t->n) {
        if (engram_score_rows(scorer, t->values, t->n, t->columns, results, &error)) {
            fprintf(stderr, "score_rows: %s\n", error.message);
            return 1;
        }
        for (size_t i = 0; i < t->n; i++)
            printf("row %zu: score %.6g, p-value %.4g: %s\n", line - t->n + i, results[i].score, results[i].p_value,
                   results[i].anomalous ? "anomalous" : "normal");
    }
    return t->n != 0; /* a line that could not be used */
}

int main(int argc, char **argv)
{
    engram_model *model = NULL;
    engram_scorer *scorer = NULL;
    engram_format format = ENGRAM_FORMAT_INIT;
    engram_error error;
    if (argc != 2) {
        fprintf(stderr, "usage: score_rows MODEL.safetensors < NUMBERS\n");
        return 2;
    }
    if (engram_model_load(argv[1], &model, &error) || engram_scorer_new(model, NULL, 0, &scorer, &error)) {
        fprintf(stderr, "score_rows: %s\n", error.message);
        engram_model_free(model);
        return 1;
    }
    engram_model_format(model, &format);
    struct table table = {.columns = (size_t)format.channels};
    table.values = calloc(ROWS * table.columns, sizeof *table.values);
    engram_result *results = calloc(ROWS, sizeof *results);
    if (results)
        results->size = sizeof *results;
    int failed = !table.values || !results || score(scorer, &table, results);
    free(table.values);
    free(results);
    engram_scorer_free(scorer);
    engram_model_free(model);
    return failed;
}
