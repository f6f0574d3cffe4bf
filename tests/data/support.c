#include "support.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

struct dataset *open_dataset(const char *url, enum dataset_use use)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    if (dataset_open(url, use, NULL, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
}

static void hear(void *user, enum log_level level, const char *text)
{
    struct heard *h = user;
    h->n[level]++;
    snprintf(h->last[level], sizeof h->last[level], "%s", text);
    strncat(h->all, text, sizeof h->all - strlen(h->all) - 1);
}

struct log log_to(struct heard *h)
{
    *h = (struct heard){0};
    return (struct log){.line = hear, .user = h};
}

struct preprocess pictures_of(int width, int height, int channels)
{
    static const float zero = 0, one = 1;
    struct err e = ERR_INIT;
    return (struct preprocess){.kind = kind_find("pictures", &e),
                               .sample = SHAPE(height, width, channels),
                               .n = 1,
                               .mean = &zero,
                               .std = &one};
}

int load_pixels(struct dataset *ds, enum split split, size_t i, const struct picture_format *want, void *pixels,
                struct err *e)
{
    struct preprocess p = pictures_of(want->width, want->height, want->channels);
    return dataset_load(ds, split, i, &p, pixels, e);
}

struct picture_format fitted_format(struct dataset *ds, enum split split)
{
    struct arena arena = {0};
    struct preprocess p;
    struct err e = ERR_INIT;
    if (dataset_fit(ds, split, &(struct wishes){0}, &arena, &p, &e) < 0)
        fail_msg("%s", e.msg);
    arena_free(&arena);
    return preprocess_format(&p);
}
