/* A model whose scores, parts, maps and memories can be worked out on paper, and pictures and rows made by hand: what
 * evaluations of them say is exact. Both are the only ones that these programs know. */
#ifndef TESTS_EVALUATE_GLASS_H
#define TESTS_EVALUATE_GLASS_H

#include "run/evaluate.h"
#include "support/files.h"

enum { WIDTH = 6, HEIGHT = 4, PIXELS = WIDTH * HEIGHT, COLUMNS = 2, HELD = 19 };

/* cmocka's setup of a group: a folder with the pictures, as glass.c has them in a table. */
int pictures_begin(void **state);

/* The model knows what is usual: mean 0.2 and deviation 1 of all positions, so its map is (b - 0.2) / 1.3. */
extern bool glass_knows_usual;
/* The model for samples of that kind and shape, of `n` channels, calibrated on `held`; roi may be NULL. */
struct loaded *load_glass(const char *kind, struct shape sample, int n, size_t held);
struct loaded *load_glass_with(const char *kind, struct shape sample, int n, size_t held, const uint8_t *roi);
struct loaded *load_for_pictures(void);

/* An evaluation and what was asked of it. */
struct tried {
    struct loaded *loaded;
    struct evaluation ev;
    struct err e;
    int code;
    bool min_max;
    enum score_by by;
    int asked, stop_at; /* 0: never */
    size_t told, total;
    char lines[1000];
};

void evaluate(struct tried *t, struct loaded *loaded, const char *url);
void done(struct tried *t);

/* A number of an evaluation by its name and kind; fails where there is none. */
double number(const struct evaluation *ev, const char *name, const char *kind);
void assert_number(const struct evaluation *ev, const char *name, const char *kind, double wanted);
/* The one sample of a gallery, which is called so. */
const struct shown_sample *only(const struct evaluation *ev, enum gallery_kind g, const char *name);

#endif
