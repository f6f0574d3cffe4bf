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

void expect_names(const struct dataset *ds, enum split split, ...)
{
    va_list names;
    va_start(names, split);
    size_t i = 0;
    for (const char *name; (name = va_arg(names, const char *)); i++) {
        assert_true(i < dataset_count(ds, split));
        assert_string_equal(dataset_sample(ds, split, i)->name, name);
    }
    va_end(names);
    assert_int_equal(dataset_count(ds, split), i);
}

void expect_no_opening(const char *url, enum dataset_use use, int code, const char *word)
{
    struct dataset *ds = (struct dataset *)1;
    struct err e = ERR_INIT;
    assert_int_equal(dataset_open(url, use, NULL, &ds, &e), code);
    assert_null(ds);
    expect_error(&e, code, word, NULL);
}
