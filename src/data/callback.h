/* Pictures that the caller has, wherever they come from: a data set made of functions instead of files. */
#ifndef DATA_CALLBACK_H
#define DATA_CALLBACK_H

#include "data/dataset.h"
#include "picture/pixels.h"

/* What is known of one sample beside its pixels. {0}: nothing. */
struct callback_sample {
    const char *name; /* unique; NULL: its number */
    const char *kind; /* class or kind of defect; NULL: none */
    int truth;        /* CALLBACK_UNKNOWN, _NORMAL, _ANOMALOUS */
    bool test;        /* opened to learn: held back for a test. What is anomalous always is */
};

enum { CALLBACK_UNKNOWN, CALLBACK_NORMAL, CALLBACK_ANOMALOUS };

/* Both functions are called one at a time, though not always on the same thread, and strings and planes that they give
 * have to stay until they are called again. */
struct callback_data {
    const char *name; /* for messages and the model file */
    size_t count;
    void *user;
    /* May be NULL: nothing is known of any sample. */
    void (*describe)(void *user, size_t i, struct callback_sample *out);
    /* 0, or else the sample cannot be read and the text says why. Equal calls give equal pixels. */
    int (*read)(void *user, size_t i, struct pixels *out, char *why, size_t why_size);
};

/* Opens them as dataset_open does a URL. `data` stays the caller's and has to outlive the data set. Opened to score:
 * all samples; to learn: those that are not for a test to learn from. */
int dataset_open_callback(const struct callback_data *data, enum dataset_use use, const struct log *log,
                          struct dataset **ds, struct err *e);

#endif
