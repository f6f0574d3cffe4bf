/* What data.c and check.c share. */
#ifndef DATA_DATASET_PRIVATE_H
#define DATA_DATASET_PRIVATE_H

#include "base/arena.h"
#include "data/source.h"

#include <pthread.h>

enum { DECODERS_KEPT = 32 };

struct split_samples {
    struct sample *v;
    size_t n, capacity;
    /* The first `kept` samples, decoded as `format`. */
    uint8_t *pixels;
    size_t kept;
    struct picture_format format;
    /* What dataset_check saw; 0 before. */
    int min_width, min_height, max_width, max_height;
    size_t checked;
    bool colour;
};

struct dataset {
    struct arena arena;
    struct part *parts;
    size_t n_parts;
    struct split_samples splits[SPLITS];
    const char **classes;
    int n_classes;
    size_t dropped; /* given twice */
    pthread_mutex_t lock;
    struct picture_decoder *idle[DECODERS_KEPT];
    int n_idle;
};

/* Takes a decoder out of the pool, or makes one. dataset_put_decoder takes it back. */
int dataset_take_decoder(struct dataset *ds, struct picture_decoder **d, struct err *e);
void dataset_put_decoder(struct dataset *ds, struct picture_decoder *d);

/* The sample at its own size, pixels valid until the decoder's next use. */
int dataset_decode(const struct dataset *ds, const struct sample *s, struct picture_decoder *d, int channels,
                   struct picture *out, struct err *e);

#endif
