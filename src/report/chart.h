/* Small charts as inline SVG, each in a <figure>: one size, axes with round ticks, lines, bars, markers. Colours come
 * from the page's style sheet by class. Values that are not finite are left out; on a logarithmic axis also those that
 * are not positive.
 *
 *   struct chart c;
 *   chart_begin(&c, f, "Scores", "Histogram of 1,000 normal and 9,000 anomalous scores");
 *   chart_x(&c, 0, 10, false, CHART_PLAIN, "score");
 *   chart_y(...);
 *   chart_line(&c, xs, ys, n, "validation");
 *   chart_end(&c);
 */
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    CHART_WIDTH = 400,
    CHART_HEIGHT = 270,
    CHART_LONG = 900,
    CHART_LOW = 150
}; /* units of the drawing; texts are 12 units high */

enum chart_format { CHART_PLAIN, CHART_PERCENT, CHART_WHOLE }; /* percent: the sign belongs into the label */

struct chart_axis {
    double from, to; /* values at the two ends */
    bool log;
    double start, end; /* where the ends are drawn */
};

struct chart {
    FILE *f;
    struct chart_axis x, y;
};

/* `title` stands above the chart; `label` says what it shows to those who cannot see it. */
void chart_begin(struct chart *c, FILE *f, const char *title, const char *label);
/* The same as wide as the page and low, without a title: CHART_LONG x CHART_LOW units. */
void chart_begin_long(struct chart *c, FILE *f, const char *label);
void chart_end(struct chart *c);

/* Where the plot lies in the drawing; before the axes. The default leaves room for labels on the left and below. */
void chart_area(struct chart *c, double left, double top, double right, double bottom);

/* Axes; `to` is raised where the range is empty. The label may be "". */
void chart_x(struct chart *c, double from, double to, bool log, enum chart_format format, const char *label);
void chart_y(struct chart *c, double from, double to, bool log, enum chart_format format, const char *label);

/* Whether values from..to (from positive) are better shown on a logarithmic axis. */
bool chart_wants_log(double from, double to);

/* Value to drawing unit, kept within the axis. */
double chart_at(const struct chart_axis *a, double value);
/* Share 0..1 of the axis to value. */
double chart_value(const struct chart_axis *a, double share);

void chart_line(struct chart *c, const double *xs, const double *ys, size_t n, const char *class);
/* The area between two lines over the same xs. */
void chart_band(struct chart *c, const double *xs, const double *low, const double *high, size_t n, const char *class);
void chart_segment(struct chart *c, double x0, double y0, double x1, double y1, const char *class);
/* A rectangle between values; `title` appears under the pointer, "" for none; both are written as they are. */
void chart_box(struct chart *c, double x0, double y0, double x1, double y1, const char *class, const char *title);
void chart_dot(struct chart *c, double x, double y, const char *class);
/* Text in drawing units, anchor "start", "middle" or "end"; printf. */
void chart_note(struct chart *c, double x, double y, const char *anchor, const char *class, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
