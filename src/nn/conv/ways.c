#include "nn/conv/ways.h"

#include <stdlib.h>

extern const struct conv_way conv_thin, conv_tiles, conv_whole_f32, conv_whole_bf16, conv_columns, conv_pairs,
    conv_direct;

// clang-format off
const struct conv_way *const conv_ways[] = {
    &conv_thin,
    &conv_tiles,
    &conv_whole_f32,
    &conv_whole_bf16,
    &conv_columns,
    &conv_pairs,
    &conv_direct,
    NULL,
};
// clang-format on

struct taken {
    const struct conv_way *way;
    void *own;
};

struct conv {
    struct taken taken[DNN_DIRECTIONS];
    int n;
    const struct taken *by[DNN_DIRECTIONS]; /* who computes a direction; NULL: it is not wanted */
};

static int give(struct conv *c, const struct conv_way *way, const struct conv_task *t, struct err *e)
{
    struct taken *taken = &c->taken[c->n++];
    taken->way = way;
    for (int d = 0; d < DNN_DIRECTIONS; d++)
        if (t->conv.directions & 1u << d)
            c->by[d] = taken;
    return way->create(t, &taken->own, e);
}

static int give_all(struct conv *c, struct conv_task t, struct err *e)
{
    for (int i = 0; conv_ways[i] && t.conv.directions; i++) {
        struct conv_task part = t;
        part.conv.directions = conv_ways[i]->takes(&t);
        t.conv.directions &= ~part.conv.directions;
        if (part.conv.directions)
            TRY(give(c, conv_ways[i], &part, e));
    }
    return 0;
}

int conv_new(const struct conv_task *t, struct conv **out, struct err *e)
{
    struct conv *c = calloc(1, sizeof *c);
    if (!c)
        return err_memory(e, "a convolution");
    int code = give_all(c, *t, e);
    if (code < 0) {
        conv_free(c);
        return code;
    }
    *out = c;
    return 0;
}

void conv_free(struct conv *c)
{
    for (int i = 0; c && i < c->n; i++)
        c->taken[i].way->release(c->taken[i].own);
    free(c);
}

size_t conv_scratch(const struct conv *c, unsigned directions)
{
    size_t most = 0;
    for (int d = 0; d < DNN_DIRECTIONS; d++) {
        const struct taken *t = directions & 1u << d ? c->by[d] : NULL;
        size_t bytes = t && t->way->scratch ? t->way->scratch(t->own) : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t conv_bytes(const struct conv *c)
{
    size_t bytes = 0;
    for (int i = 0; i < c->n; i++)
        if (c->taken[i].way->bytes)
            bytes += c->taken[i].way->bytes(c->taken[i].own);
    return bytes;
}

bool conv_finishes(const struct conv *c, enum dnn_direction d)
{
    return c->by[d]->way->finishes & 1u << d;
}

bool conv_is_packed(const struct conv *c)
{
    bool all = true;
    for (int i = 0; i < c->n; i++) {
        const struct conv_way *way = c->taken[i].way;
        all &= !way->pack || (way->is_packed && way->is_packed(c->taken[i].own));
    }
    return all;
}

bool conv_pack(struct conv *c, const float *weight)
{
    bool done = true;
    for (int i = 0; i < c->n; i++)
        if (c->taken[i].way->pack)
            done &= c->taken[i].way->pack(c->taken[i].own, weight);
    return done;
}

bool conv_run(struct conv *c, enum dnn_direction d, const struct conv_call *call)
{
    return c->by[d]->way->run[d](c->by[d]->own, call);
}
