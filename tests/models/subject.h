/* A small instance of a model, built and planned for the tests of all models. */
#ifndef TESTS_MODELS_SUBJECT_H
#define TESTS_MODELS_SUBJECT_H

#include "models/model.h"
#include "support/files.h"

/* What is tested: a model with options, on samples of a shape. */
struct subject {
    const struct model *model;
    void *config;
    struct shape sample, input; /* without and with the batch */
    char name[200];             /* for messages */
};

/* What every model has to pass. */
struct loop_check {
    const char *name, *settings; /* "name=value name=value", set last where the model has such options */
    void (*test)(const struct subject *s);
};

/* main of a program of such checks: each is a test for each model in models[], NAME:MODEL, which tries every kind of
 * sample and every variant of options that the model has. `begin` and `end` as cmocka has them for a group. */
int subjects_run(const char *group, const struct loop_check *checks, size_t n, CMFixtureFunction begin,
                 CMFixtureFunction end);

/* The model's graph of one mode over params, planned. */
struct instance {
    struct graph *graph;
    struct heads heads;
    struct plan *plan;
};

/* Builds the graph; params are allocated by the caller between the two. Both fail the test with the error's sentence.
 */
void instance_build(struct instance *i, const struct subject *s, struct params *ps, enum graph_mode mode,
                    enum dtype precision);
void instance_plan(struct instance *i, int threads, bool keep_all);
void instance_free(struct instance *i);

/* A training instance over its own new params. */
struct trainee {
    const struct subject *subject;
    struct params *params;
    struct instance run;
};

void trainee_make(struct trainee *t, const struct subject *s, enum dtype precision, int threads, bool keep_all);
void trainee_free(struct trainee *t);
/* Fills the input with samples of smooth random pictures, values -1 to 1, and runs forward. */
void trainee_forward(struct trainee *t, uint64_t seed);
double trainee_loss(const struct trainee *t, int objective);
/* One step of the trainer. */
void trainee_step(struct trainee *t, uint64_t seed, float lr);

/* The value of a watch or loss, by its name. */
double trainee_mean(const struct trainee *t, const char *name);

void subject_fill(float *input, const struct shape *shape, uint64_t seed);
/* The heads of the model's scoring graph are as model.h says. */
void subject_check_heads(const struct subject *s);

size_t count_of(const struct node *n);
/* Largest difference of two vectors, as a share of the largest value of the first. */
double apart(const float *a, const float *b, size_t n);

#endif
