/* Shapes and number formats. One layout everywhere: channels-last, N,[D],H,W,C; the last dimension is the fastest.
 * Tables are N,C. A scalar is a shape of one dimension of 1. */
#ifndef NN_SHAPE_H
#define NN_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SHAPE_MAX = 6, SHAPE_TEXT = 96 };

struct shape {
    int nd;
    int64_t d[SHAPE_MAX];
};

/* SHAPE(8, 28, 28, 1) */
#define SHAPE(...) ((struct shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

enum dtype { F32, BF16 };

static inline size_t dtype_bytes(enum dtype t)
{
    return t == F32 ? 4 : 2;
}

/* Number of elements. */
static inline int64_t shape_count(const struct shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->nd; i++)
        n *= s->d[i];
    return n;
}

/* Size of the last dimension: channels, columns. */
static inline int64_t shape_last(const struct shape *s)
{
    return s->d[s->nd - 1];
}

/* Number of vectors along the last dimension: N*[D]*H*W. */
static inline int64_t shape_rows(const struct shape *s)
{
    return shape_count(s) / shape_last(s);
}

static inline bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->nd != b->nd)
        return false;
    for (int i = 0; i < a->nd; i++)
        if (a->d[i] != b->d[i])
            return false;
    return true;
}

/* The shape of `n` samples together: n first. */
static inline struct shape shape_with_batch(const struct shape *sample, int64_t n)
{
    struct shape s = {.nd = sample->nd + 1, .d = {n}};
    for (int i = 0; i < sample->nd; i++)
        s.d[i + 1] = sample->d[i];
    return s;
}

/* "8x28x28x1", written to text[SHAPE_TEXT]; returns text. */
static inline const char *shape_text(const struct shape *s, char *text)
{
    int used = 0;
    *text = 0;
    for (int i = 0; i < s->nd; i++)
        used += snprintf(text + used, (size_t)(SHAPE_TEXT - used), "%s%lld", i ? "x" : "", (long long)s->d[i]);
    return text;
}

#endif
