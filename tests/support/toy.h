/* Small trainings on generated textures, as the tests want them. */
#ifndef TESTS_SUPPORT_TOY_H
#define TESTS_SUPPORT_TOY_H

#include "data/dataset.h"
#include "run/loaded.h"
#include "run/train.h"

/* Options: every one of data/augment.h. */
#define TOY_VARIED "flip_h=true flip_v=true shift=0.2 rotate=20 zoom=0.2 gain=0.3 offset=0.1"

struct toy {
    const struct model *model;
    void *config;
    struct train_config train;
    struct dataset *data;
    struct train_job job;
    struct train_result result;
    /* what the callbacks saw and do */
    int64_t steps, stop_after; /* 0: never */
    int64_t explode_after;     /* from that step on the learning rate is one that no net survives; 0: never */
    int epochs_seen, kept_seen;
    double last_validation;
    char lines[8000];
};

/* `url` NULL: 80 pictures of 16x16. Options as "name=value name=value", the model's and the training's mixed. Fails the
 * test on any error. */
void toy_init(struct toy *t, const char *model, const char *url, const char *options, const char *output);
void toy_set(struct toy *t, const char *options);
int toy_train(struct toy *t, struct err *e);
void toy_must_train(struct toy *t); /* fails the test on any error */
void toy_free(struct toy *t);

/* A model from its file, to be closed by the caller; fails the test on any error. */
struct loaded *toy_open(const char *path);

/* The same of a training with these options (toy_init) that writes NAME in the test's folder. */
struct loaded *toy_trained(const char *model, const char *url, const char *options, const char *name);

#endif
