/* The parts of the report's page, for report.c alone. Each writes to a stream in the C locale (report/html.h). */
#ifndef REPORT_REPORT_PART_H
#define REPORT_REPORT_PART_H

#include "report/heatmap.h"
#include "report/report.h"

#include <stdio.h>

/* Colours and layout, light and dark, screen and paper: report.css, which the build embeds. */
extern const char report_style[];

/* What is on the page. */
struct page {
    const struct evaluation *const *evaluations;
    size_t n;
    const char *title;   /* as given, or the data's name */
    const char *date;    /* may be NULL */
    const char *samples; /* what they are called, plural */
    double rate;         /* the promise that all were made with */
};

/* Whether the truth of some samples is known. */
static inline bool report_labelled(const struct evaluation *m)
{
    return m->decisions.normal || m->decisions.anomalous;
}

/* As many decimals of a percentage as a promised rate needs, at most 4: 5 %, 0.5 %, 0.01 %. */
int report_percent_decimals(double rate);

/* Charts, each an SVG. */
int report_chart_scores(FILE *f, const struct page *p, const struct evaluation *m, struct err *e);
void report_chart_roc(FILE *f, const struct evaluation *m);
void report_chart_roc_all(FILE *f, const struct page *p);
void report_chart_promise(FILE *f, const struct page *p, const struct evaluation *m);
int report_charts_training(FILE *f, const struct evaluation *m, struct err *e);
int report_chart_memory(FILE *f, const struct memory_use *use, struct err *e);

/* Tables and texts of one model. */
void report_tiles(FILE *f, const struct page *p, const struct evaluation *m);
void report_rates(FILE *f, const struct page *p, const struct evaluation *m);
void report_kinds(FILE *f, const struct page *p, const struct evaluation *m);
void report_pixels(FILE *f, const struct evaluation *m);
int report_options(FILE *f, const struct evaluation *m, struct err *e);

/* Samples with their pictures, or without: those drawn for all models, the galleries of one; its memories. */
int report_drawn(FILE *f, const struct page *p, struct err *e);
int report_videos(FILE *f, const struct page *p, const struct evaluation *m, struct err *e);
int report_galleries(FILE *f, const struct page *p, const struct evaluation *m, struct err *e);
int report_memories(FILE *f, const struct evaluation *m, struct err *e);

/* What the colours of a model's maps mean. */
struct map_scale {
    struct heatmap_scale colors;
    bool fixed; /* by the calibration; else by the maps that are shown */
};
struct map_scale report_map_scale(const struct page *p, const struct evaluation *m);

/* One picture of a sample that has it. */
/* With the outline of its mask, and of what its map has above `level`; INFINITY: of that none. */
int report_input(FILE *f, const struct shown_sample *s, float level, struct err *e);
int report_reconstruction(FILE *f, const struct shown_sample *s, struct err *e);
int report_map(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e);

enum { PICTURE_SIDE = 160 }; /* longest side that is stored */
/* "crisp": so small that its pixels are shown as squares; or "smooth". */
const char *report_picture_class(const struct picture *p);
/* Width to show it with: the largest whole multiple up to `most` for crisp ones, `large` for the others. */
int report_picture_width(const struct picture *p, int most, int large);

#endif
