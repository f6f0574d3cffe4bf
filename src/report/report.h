/* The report: one self-contained HTML page (pictures and charts inside, no script, nothing loaded from anywhere) that
 * shows what models do on one data set. Several models of the same data stand side by side.
 *
 * It reads evaluations (run/evaluate.h) and leaves out what they do not have: no labels, no pictures, no maps, no
 * memory, no misses are all fine. Texts are UTF-8 and may hold any characters. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/err.h"
#include "run/evaluate.h"

struct report_job {
    const struct evaluation *const *evaluations; /* n of them, at least 1, of the same data at the same rate */
    size_t n;
    const char *title; /* NULL: the data's name */
    const char *date;  /* of the evaluation; may be NULL */
    const char *path;
    bool force;                      /* an existing file may be replaced */
    bool (*should_stop)(void *user); /* asked between the parts of the page: true ends with ERR_STOPPED; may be NULL */
    void *user;
};

/* Writes the page, whole or not at all. ERR_USAGE: no evaluation, or such as cannot stand side by side; ERR_IO: an
 * existing file without `force`. */
int report_write(const struct report_job *job, struct err *e);

#endif
