/* A report with everything in it, to be changed and written, and checks that hold for every page. */
#ifndef TESTS_REPORT_PAGE_H
#define TESTS_REPORT_PAGE_H

#include "report/report.h"

enum { SIDE = 20, SAMPLES = 200, HELD_OUT = 100, ITEMS = 6 };

struct toy_config {
    int64_t items;
    double shrink;
};

/* Everything a report can hold, on the heap so that the sanitizer sees what reads beyond. */
struct fixture {
    struct model_file file;
    struct toy_config config;
    struct epoch_row rows[3];
    float held_out[HELD_OUT], peaks[HELD_OUT];
    float scores[SAMPLES];
    double p_values[SAMPLES];
    int8_t truth[SAMPLES];
    uint8_t pixels[SIDE * SIDE * 3], mask[SIDE * SIDE];
    float map[SIDE * SIDE];
    struct kind_metrics kinds[2];
    double weight[ITEMS];
    int64_t best[ITEMS];
    struct shown_memory memories[2];
    uint8_t pictures[ITEMS * SIDE * SIDE];
    struct shown_sample samples[GALLERIES][GALLERY_PICKS];
    struct evaluation model[2];
    const struct evaluation *all[2];
    struct report_job job;
};

/* On the heap; the caller frees. */
struct fixture *full_report(void);
int write_to(const struct fixture *x, const char *path, bool force, struct err *e);
/* The page as text, which the caller frees. Fails the test on any error. */
char *write_report(const struct fixture *x);

/* Well-formed, without numbers that are none, and alone: nothing is loaded or run. */
void check_page(const char *page);

#endif
