#include "run/tiled.h"

#include "data/region.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A single tile of a picture at a time would leave threads idle, and what it saves is small beside a large picture. */
enum { ROWS_MIN = 16 };

bool tiled_needed(const struct preprocess *input)
{
    const struct preprocess view = preprocess_view(input);
    return input->roi || !shape_equal(&view.sample, &input->sample);
}

/* Whole samples; and as many runs as their tiles need, all of them full. */
static void choose_rows(struct tiled *t, size_t batch)
{
    const size_t tiles = t->tiling->n, least = preprocess_frames(t->input) > 1 ? 1 : ROWS_MIN;
    const size_t most = batch < least ? least : batch;
    size_t samples = batch > tiles ? batch / tiles : 1, runs = (samples * tiles + most - 1) / most;
    t->samples = (int)samples;
    t->rows = (int)((samples * tiles + runs - 1) / runs);
}

int tiled_new(const struct preprocess *input, int batch, struct tiled **out, struct err *e)
{
    struct tiled *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(e, "whole pictures");
    t->input = input;
    const struct picture_format frame = preprocess_format(input);
    t->pixels = (size_t)frame.width * (size_t)frame.height;
    t->counted = region_pixels(input);
    int code = tiling_new(input, &t->tiling, e);
    if (code < 0) {
        tiled_free(t);
        return code;
    }
    choose_rows(t, (size_t)batch);
    *out = t;
    return 0;
}

static int channels_of(const struct tiled *t, enum tiled_field field)
{
    return field == FIELD_MAP ? 1 : (int)shape_last(&t->input->sample);
}

static size_t sample_values(const struct tiled *t)
{
    return (size_t)shape_count(&t->input->sample);
}

size_t tiled_values(const struct tiled *t, enum tiled_field field)
{
    return t->frames[field] * t->pixels * (size_t)channels_of(t, field);
}

size_t tiled_bytes(const struct tiled *t)
{
    size_t values = sample_values(t) + SCORE_PARTS;
    for (enum tiled_field f = 0; f < FIELDS; f++)
        values += t->wanted[f] ? tiled_values(t, f) : 0;
    for (int k = 0; k < MEMORIES; k++)
        values += t->tiling->n * t->attention_values[k];
    return (size_t)t->samples * values * sizeof(float);
}

int tiled_allocate(struct tiled *t, struct err *e)
{
    const size_t samples = (size_t)t->samples;
    t->values = malloc(samples * sample_values(t) * sizeof *t->values);
    t->parts = malloc(samples * SCORE_PARTS * sizeof *t->parts);
    bool done = t->values && t->parts;
    for (enum tiled_field f = 0; f < FIELDS; f++)
        if (t->wanted[f])
            done &= (t->fields[f] = malloc(samples * tiled_values(t, f) * sizeof(float))) != NULL;
    for (int k = 0; k < MEMORIES; k++)
        if (t->attention_values[k])
            done &= (t->attention[k] = malloc(samples * t->tiling->n * t->attention_values[k] * sizeof(float))) != NULL;
    return done ? 0 : err_memory(e, "whole pictures; a smaller batch or size needs less");
}

void tiled_free(struct tiled *t)
{
    if (!t)
        return;
    tiling_free(t->tiling);
    free(t->values);
    free(t->parts);
    for (enum tiled_field f = 0; f < FIELDS; f++)
        free(t->fields[f]);
    for (int k = 0; k < MEMORIES; k++)
        free(t->attention[k]);
    free(t);
}

void tiled_begin(struct tiled *t, int n)
{
    for (size_t i = 0; i < (size_t)n * SCORE_PARTS; i++)
        t->parts[i] = t->highest[i % SCORE_PARTS] ? -INFINITY : 0;
    for (enum tiled_field f = 0; f < FIELDS; f++)
        if (t->fields[f])
            memset(t->fields[f], 0, (size_t)n * tiled_values(t, f) * sizeof(float));
}

void tiled_cut(const struct tiled *t, size_t tile, float *row)
{
    const size_t sample = tile / t->tiling->n, channels = (size_t)shape_last(&t->input->sample);
    tiling_cut(t->tiling, t->tiling->tiles[tile % t->tiling->n].at, preprocess_frames(t->input),
               channels * sizeof(float), t->values + sample * sample_values(t), row);
}

void tiled_cut_counts(const struct tiled *t, size_t tile, float *counts)
{
    const struct tiling *g = t->tiling;
    const struct tile_place at = g->tiles[tile % g->n].at;
    for (int y = 0; y < g->tile_height; y++)
        for (int x = 0; x < g->tile_width; x++) {
            size_t pixel = (size_t)(at.y + y) * (size_t)g->width + (size_t)(at.x + x);
            *counts++ = !t->input->roi || t->input->roi[pixel] ? 1 : 0;
        }
}

void tiled_add_field(struct tiled *t, size_t tile, enum tiled_field field, const float *values)
{
    const size_t sample = tile / t->tiling->n;
    tiling_add(t->tiling, tile % t->tiling->n, t->frames[field], channels_of(t, field), values,
               t->fields[field] + sample * tiled_values(t, field));
}

void tiled_add_part(struct tiled *t, size_t tile, int part, float value)
{
    const size_t sample = tile / t->tiling->n;
    float *sum = &t->parts[sample * SCORE_PARTS + (size_t)part];
    if (t->highest[part])
        *sum = value > *sum || isnan(value) ? value : *sum;
    else
        *sum += t->tiling->tiles[tile % t->tiling->n].share * value;
}

void tiled_put_attention(struct tiled *t, size_t tile, int memory, const float *values)
{
    const size_t n = t->attention_values[memory];
    memcpy(t->attention[memory] + tile * n, values, n * sizeof *values);
}

struct map_summary {
    float mean, max; /* over what counts */
};

/* What does not count becomes 0. */
static struct map_summary finish_map(const struct tiled *t, float *map)
{
    const uint8_t *roi = t->input->roi;
    double sum = 0;
    float max = -INFINITY;
    for (size_t i = 0; i < tiled_values(t, FIELD_MAP); i++) {
        bool counts = !roi || roi[i % t->pixels];
        if (!counts)
            map[i] = 0;
        else if (map[i] > max || isnan(map[i]))
            max = map[i];
        sum += (double)map[i];
    }
    return (struct map_summary){(float)(sum / (double)(t->frames[FIELD_MAP] * t->counted)), max};
}

void tiled_finish(struct tiled *t, int n, const struct heads *h)
{
    for (int i = 0; t->fields[FIELD_MAP] && i < n; i++) {
        struct map_summary map = finish_map(t, t->fields[FIELD_MAP] + (size_t)i * tiled_values(t, FIELD_MAP));
        for (int k = 0; k < h->nscores; k++) {
            float *part = &t->parts[(size_t)i * SCORE_PARTS + (size_t)k];
            if (h->scores[k].value == h->map_mean)
                *part = map.mean;
            else if (h->scores[k].value == h->map_max)
                *part = map.max;
        }
    }
}
