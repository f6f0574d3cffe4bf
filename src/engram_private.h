/* What the files of the public interface share. */
#ifndef ENGRAM_PRIVATE_H
#define ENGRAM_PRIVATE_H

#include "engram.h"

#include "base/err.h"
#include "base/log.h"
#include "models/model.h"
#include "file/train_config.h"
#include "run/evaluate.h"
#include "file/facts.h"
#include "run/score.h"

#include <locale.h>
#include <stdbool.h>

struct engram_model {
    struct loaded *loaded;
    struct facts facts;
};

struct engram_evaluation {
    struct evaluation inner;
};

/* One call from outside that can fail: numbers are read and written as in the C locale until it ends. */
struct call {
    struct err err;
    locale_t before;
};

void call_begin(struct call *call);
/* Hands over the error where code is negative; returns 0 or the code. */
int call_end(struct call *call, int code, engram_error *error);

/* The caller's hooks (may be NULL) as the floors below know them. */
struct log hooks_log(const engram_hooks *hooks);
bool hooks_stop(void *hooks);
void hooks_samples(const engram_hooks *hooks, const char *what, size_t done, size_t total, double seconds);
/* For the `user` of a floor's callbacks, which is not const. */
void *hooks_user(const engram_hooks *hooks);

/* Checks a scorer's options (NULL: all zero) and fills in what is to be chosen. */
int scorer_options_read(const engram_scorer_options *options, struct scorer_spec *spec, struct err *e);

/* A model with its options and the training's: presets (names with commas between; NULL: the model's first), then
 * settings "name=value". chosen_free whatever came of it. */
struct chosen {
    const struct model *model;
    void *config;
    struct train_config train;
};
int chosen_read(struct chosen *c, const char *model, const char *presets, const char *const *settings, size_t n,
                struct err *e);
void chosen_free(struct chosen *c);

/* Makes the folders above a file. */
int make_parent(const char *path, struct err *e);

#endif
