/* Rows that lie near a curved surface of three dimensions in seven columns; anomalies leave it. */
#include "data/kind.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>

enum { COLUMNS = 7, HIDDEN = 3 };

struct toy_options {
    int64_t n, test;
};

#define OPTIONS_OF struct toy_options
// clang-format off
static const struct option options[] = {
    ROW_INT(n, "200", 0, 1e6, "training rows"),
    ROW_INT(test, "100", 0, 1e6, "test rows, every other one an anomaly"),
    {0}};
// clang-format on

static int add_rows(struct part *p, enum split split, int64_t n, struct err *e)
{
    for (int64_t i = 0; i < n; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s/%05lld", split == SPLIT_TRAIN ? "train" : "test", (long long)i);
        struct sample s = {.name = name, .path = p->url, .index = i};
        s.anomalous = split == SPLIT_TEST && i % 2;
        s.kind = s.anomalous ? "odd" : "good";
        TRY(part_class(p, s.kind, &s.label, e));
        TRY(part_add(p, split, &s, e));
    }
    return 0;
}

static int open_rows(struct part *p, struct err *e)
{
    const struct toy_options *o = p->options;
    p->shape = SHAPE(COLUMNS);
    if (p->use == DATASET_LEARN)
        TRY(add_rows(p, SPLIT_TRAIN, o->n, e));
    return add_rows(p, SPLIT_TEST, o->test, e);
}

static int read_row(const struct part *p, const struct sample *s, float *out, struct err *e)
{
    struct rng r = rng_new(1, rng_stream(s->name));
    float hidden[HIDDEN];
    (void)p, (void)e;
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = 2 * rng_uniform(&r) - 1;
    for (int c = 0; c < COLUMNS; c++) {
        float sum = (float)(10 * c); /* columns of different means and sizes */
        for (int i = 0; i < HIDDEN; i++)
            sum += (float)(c + 1) * sinf((float)(c * HIDDEN + i)) * hidden[i];
        out[c] = sum + (s->anomalous ? (float)(c + 1) * rng_normal(&r) : 0);
    }
    return 0;
}

const struct source source_toy_rows = {
    .name = "toyrows",
    .help = "rows made up for tests",
    .options = options,
    .options_size = sizeof(struct toy_options),
    .kind = &kind_rows,
    .open = open_rows,
    .row = read_row,
};
