/* What a model learns of the columns of its training rows. */
#include "table/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOKS = 10000,          /* rows that ranges and medians are found from, */
    LOOK_VALUES = 16 << 20, /* and all numbers of those */
    RISING = 20,            /* so many rows do not rise by chance */
};

static const double TAIL = 0.01; /* of normal rows, on either side of their range */

/* One column's sums: Welford's, so that large numbers with small differences keep theirs. */
struct sums {
    double mean, squares, least, most, last;
    bool falls; /* some number is no higher than the one before */
    int64_t n;
    float *looks; /* some of the numbers */
    size_t nlooks;
    int64_t *counts; /* of categories */
    int room;
};

struct table_fit {
    struct arena *arena;
    struct table *table;
    struct sums *sums; /* a column each */
    size_t rows, row, stride;
};

static int copy_columns(struct table_fit *f, const struct table *like, struct err *e)
{
    struct table *t = f->table = arena_alloc(f->arena, sizeof *t);
    struct column *columns = arena_alloc(f->arena, (size_t)like->n * sizeof *columns);
    if (!t || !columns)
        return err_memory(e, "the columns of a table");
    *t = *like;
    t->columns = columns;
    t->normal = arena_string(f->arena, like->normal);
    t->anomalous = arena_string(f->arena, like->anomalous);
    if (!t->normal || !t->anomalous)
        return err_memory(e, "the columns of a table");
    for (int i = 0; i < like->n; i++) {
        columns[i] = (struct column){.role = like->columns[i].role};
        columns[i].name = arena_string(f->arena, like->columns[i].name);
        if (!columns[i].name)
            return err_memory(e, "the names of columns");
    }
    return 0;
}

static int make_sums(struct table_fit *f, struct err *e)
{
    const int n = f->table->n;
    size_t looks = LOOK_VALUES / (size_t)n < LOOKS ? LOOK_VALUES / (size_t)n : LOOKS;
    f->stride = (f->rows + looks - 1) / looks;
    f->sums = calloc((size_t)n, sizeof *f->sums);
    if (!f->sums)
        return err_memory(e, "the statistics of a table");
    for (int i = 0; i < n; i++)
        if (f->table->columns[i].role == COLUMN_NUMBER &&
            !(f->sums[i].looks = malloc((f->rows / f->stride + 1) * sizeof(float))))
            return err_memory(e, "the statistics of a table");
    return 0;
}

int table_fit_new(const struct table *like, enum missing missing, size_t rows, struct arena *arena,
                  struct table_fit **out, struct err *e)
{
    struct table_fit *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f)
        return err_memory(e, "the statistics of a table");
    f->arena = arena;
    f->rows = rows;
    int code = copy_columns(f, like, e);
    if (code >= 0)
        f->table->missing = missing;
    if (code >= 0)
        code = make_sums(f, e);
    if (code < 0)
        table_fit_free(f);
    else
        *out = f;
    return code;
}

void table_fit_free(struct table_fit *f)
{
    if (!f)
        return;
    for (int i = 0; f->sums && i < f->table->n; i++) {
        free(f->sums[i].looks);
        free(f->sums[i].counts);
    }
    free(f->sums);
    free(f);
}

/* ---- rows ---- */

static void add_number(const struct table_fit *f, struct sums *s, double value)
{
    double step = value - s->mean;
    s->falls |= s->n && !(value > s->last);
    s->last = value;
    if (!s->n++)
        s->least = s->most = value;
    s->mean += step / (double)s->n;
    s->squares += step * (value - s->mean);
    s->least = value < s->least ? value : s->least;
    s->most = value > s->most ? value : s->most;
    if (f->row % f->stride == 0)
        s->looks[s->nlooks++] = (float)value;
}

static int add_category(struct table_fit *f, struct column *c, struct sums *s, const struct cell *cell, struct err *e)
{
    int place = dictionary_find(&c->categories, cell->text, cell->n);
    if (place < 0 && c->categories.n == CATEGORIES_MAX)
        return err_set(e, ERR_USAGE,
                       "column %s has more than %d different texts, too many for categories; leave it out with "
                       "ignore=%s, or with id=%s to see it beside the scores",
                       c->name, CATEGORIES_MAX, c->name, c->name);
    if (place < 0)
        place = dictionary_add(&c->categories, f->arena, cell->text, cell->n, e);
    TRY(place);
    if (place >= s->room) {
        int room = s->room ? 2 * s->room : 16;
        int64_t *more = realloc(s->counts, (size_t)room * sizeof *more);
        if (!more)
            return err_memory(e, "the categories of a column");
        memset(more + s->room, 0, (size_t)(room - s->room) * sizeof *more);
        s->counts = more;
        s->room = room;
    }
    s->counts[place]++;
    s->n++;
    return 0;
}

int table_fit_add(struct table_fit *f, const struct cell *cells, struct err *e)
{
    for (int i = 0; i < f->table->n; i++) {
        struct column *c = &f->table->columns[i];
        double value;
        if (c->role == COLUMN_CATEGORY)
            TRY(add_category(f, c, &f->sums[i], &cells[i], e));
        if (c->role != COLUMN_NUMBER)
            continue;
        TRY(cell_number(f->table, c, &cells[i], &value, e));
        if (isnan(value))
            c->missing++;
        else
            add_number(f, &f->sums[i], value);
    }
    f->row++;
    return 0;
}

int table_fit_add_numbers(struct table_fit *f, const float *row, struct err *e)
{
    for (int i = 0, k = 0; i < f->table->n; i++, k++) {
        if (!isfinite(row[k]) && !(isnan(row[k]) && f->table->missing != MISSING_ERROR))
            return err_set(e, ERR_FORMAT, "column %s has no finite number", f->table->columns[i].name);
        if (isnan(row[k]))
            f->table->columns[i].missing++;
        else
            add_number(f, &f->sums[i], (double)row[k]);
    }
    f->row++;
    return 0;
}

/* ---- the end ---- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void finish_number(struct column *c, struct sums *s, enum scale scale, enum missing missing)
{
    qsort(s->looks, s->nlooks, sizeof *s->looks, by_value);
    size_t tail = (size_t)(TAIL * (double)s->nlooks);
    if (s->nlooks) {
        c->low = (double)s->looks[tail];
        c->high = (double)s->looks[s->nlooks - 1 - tail];
        c->fill = missing == MISSING_MEDIAN ? (double)s->looks[s->nlooks / 2] : s->mean;
    }
    c->least = s->least;
    c->most = s->most;
    c->names_rows = s->n >= RISING && !s->falls && !c->missing;
    c->spread = 1;
    double deviation = s->n ? sqrt(s->squares / (double)s->n) : 0;
    if (scale == SCALE_STANDARD) {
        c->middle = s->mean;
        c->spread = deviation;
    }
    if (scale == SCALE_MINMAX) {
        c->middle = s->least;
        c->spread = s->most - s->least;
    }
    if (!(c->spread > 0) || !isfinite(c->spread))
        c->spread = 1; /* a constant column says nothing, and stays 0 */
}

static int finish_category(struct table_fit *f, struct column *c, const struct sums *s, struct err *e)
{
    c->names_rows = s->n >= RISING && c->categories.n == s->n;
    dictionary_sort(&c->categories);
    c->shares = arena_alloc(f->arena, ((size_t)c->categories.n + 1) * sizeof *c->shares);
    if (!c->shares)
        return err_memory(e, "the categories of a column");
    for (int i = 0; i < c->categories.n; i++)
        c->shares[i] = (double)s->counts[c->categories.words[i].added] / (double)s->n;
    return 0;
}

int table_fit_finish(struct table_fit *f, enum scale scale, const struct table **out, struct err *e)
{
    for (int i = 0; i < f->table->n; i++) {
        struct column *c = &f->table->columns[i];
        if (c->role == COLUMN_NUMBER)
            finish_number(c, &f->sums[i], scale, f->table->missing);
        if (c->role == COLUMN_CATEGORY)
            TRY(finish_category(f, c, &f->sums[i], e));
    }
    table_place(f->table);
    *out = f->table;
    return 0;
}
