#include "report/chart.h"

#include "report/html.h"

#include <math.h>
#include <stdarg.h>

void chart_begin(struct chart *c, FILE *f, const char *title, const char *label)
{
    *c = (struct chart){.f = f};
    chart_area(c, 46, 16, CHART_WIDTH - 10, CHART_HEIGHT - 40);
    fputs("<figure class=\"plot\"><figcaption>", f);
    html_text(f, title);
    fprintf(f, "</figcaption><svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", CHART_WIDTH,
            CHART_HEIGHT);
    html_text(f, label);
    fputs("\">\n", f);
}

void chart_begin_long(struct chart *c, FILE *f, const char *label)
{
    *c = (struct chart){.f = f};
    chart_area(c, 46, 8, CHART_LONG - 10, CHART_LOW - 36);
    fprintf(f, "<figure class=\"plot\"><svg class=\"chart long\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
            CHART_LONG, CHART_LOW);
    html_text(f, label);
    fputs("\">\n", f);
}

void chart_end(struct chart *c)
{
    fputs("</svg></figure>\n", c->f);
}

void chart_area(struct chart *c, double left, double top, double right, double bottom)
{
    c->x.start = left;
    c->x.end = right;
    c->y.start = bottom;
    c->y.end = top;
}

static void set_range(struct chart_axis *a, double from, double to, bool log)
{
    a->log = log && from > 0;
    a->from = isfinite(from) ? from : 0;
    a->to = isfinite(to) ? to : a->from;
    if (!(a->to > a->from))
        a->to = a->from + (fabs(a->from) > 0 ? fabs(a->from) : 1);
}

bool chart_wants_log(double from, double to)
{
    return from > 0 && isfinite(to) && to / from > 12;
}

double chart_at(const struct chart_axis *a, double value)
{
    double v = value < a->from ? a->from : value > a->to ? a->to : value;
    double share = a->log ? log(v / a->from) / log(a->to / a->from) : (v - a->from) / (a->to - a->from);
    return a->start + share * (a->end - a->start);
}

double chart_value(const struct chart_axis *a, double share)
{
    return a->log ? a->from * pow(a->to / a->from, share) : a->from + share * (a->to - a->from);
}

/* The round step (1, 2 or 5 times a power of ten) that gives three to seven ticks. */
static double round_step(double range)
{
    double step = pow(10, floor(log10(range / 3)));
    double parts = range / 3 / step;
    return step * (parts >= 5 ? 5 : parts >= 2 ? 2 : 1);
}

static void format_tick(char text[32], double v, enum chart_format format)
{
    snprintf(text, 32, "%.4g", format == CHART_PERCENT ? 100 * v : v);
}

static void tick_x(struct chart *c, double v, enum chart_format format)
{
    char text[32];
    format_tick(text, v, format);
    double x = chart_at(&c->x, v);
    fprintf(c->f, "<path class=\"tick\" d=\"M%.1f %.1fv4\"/>", x, c->y.start);
    chart_note(c, x, c->y.start + 17, "middle", "ticktext", "%s", text);
}

static void tick_y(struct chart *c, double v, enum chart_format format)
{
    char text[32];
    format_tick(text, v, format);
    double y = chart_at(&c->y, v);
    fprintf(c->f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", c->x.start, y, c->x.end);
    chart_note(c, c->x.start - 6, y + 4, "end", "ticktext", "%s", text);
}

typedef void draw_tick(struct chart *c, double v, enum chart_format format);

static void linear_ticks(struct chart *c, const struct chart_axis *a, enum chart_format format, draw_tick *draw)
{
    double step = round_step(a->to - a->from);
    if (format == CHART_WHOLE && step < 1)
        step = 1;
    double first = ceil(a->from / step - 1e-6);
    for (int i = 0; i < 12 && (first + i) * step <= a->to + 1e-6 * step; i++) {
        double v = (first + i) * step;
        draw(c, fabs(v) < 1e-9 * step ? 0 : v, format);
    }
}

/* Powers of ten, with 2 and 5 between them where there are few. */
static void log_ticks(struct chart *c, const struct chart_axis *a, enum chart_format format, draw_tick *draw)
{
    double decades = log10(a->to / a->from);
    int every = decades > 6 ? (int)ceil(decades / 6) : 1;
    for (int p = (int)floor(log10(a->from)); p <= (int)ceil(log10(a->to)); p++) {
        for (int m = 1; m <= 5; m = m == 1 ? 2 : m + 3) {
            double v = m * pow(10, p);
            bool shown = m == 1 ? p % every == 0 : decades < 2.2;
            if (shown && v >= a->from * 0.999 && v <= a->to * 1.001)
                draw(c, v, format);
        }
    }
}

static void ticks(struct chart *c, const struct chart_axis *a, enum chart_format format, draw_tick *draw)
{
    if (a->log)
        log_ticks(c, a, format, draw);
    else
        linear_ticks(c, a, format, draw);
}

void chart_x(struct chart *c, double from, double to, bool log, enum chart_format format, const char *label)
{
    set_range(&c->x, from, to, log);
    ticks(c, &c->x, format, tick_x);
    fprintf(c->f, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", c->x.start, c->y.start, c->x.end);
    chart_note(c, c->x.end, c->y.start + 34, "end", "label", "%s", label);
}

void chart_y(struct chart *c, double from, double to, bool log, enum chart_format format, const char *label)
{
    set_range(&c->y, from, to, log);
    ticks(c, &c->y, format, tick_y);
    chart_note(c, c->x.start, c->y.end - 5, "start", "label", "%s", label);
}

static bool drawable(const struct chart *c, double x, double y)
{
    return isfinite(x) && isfinite(y) && (!c->x.log || x > 0) && (!c->y.log || y > 0);
}

void chart_line(struct chart *c, const double *xs, const double *ys, size_t n, const char *class)
{
    bool pen = false;
    fprintf(c->f, "<path class=\"line %s\" d=\"", class);
    for (size_t i = 0; i < n; i++) {
        bool draw = drawable(c, xs[i], ys[i]);
        if (draw)
            fprintf(c->f, "%c%.1f %.1f", pen ? 'L' : 'M', chart_at(&c->x, xs[i]), chart_at(&c->y, ys[i]));
        pen = draw;
    }
    fputs("\"/>\n", c->f);
}

void chart_band(struct chart *c, const double *xs, const double *low, const double *high, size_t n, const char *class)
{
    fprintf(c->f, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < n; i++)
        fprintf(c->f, "%c%.1f %.1f", i ? 'L' : 'M', chart_at(&c->x, xs[i]), chart_at(&c->y, low[i]));
    for (size_t i = n; i-- > 0;)
        fprintf(c->f, "L%.1f %.1f", chart_at(&c->x, xs[i]), chart_at(&c->y, high[i]));
    fputs("Z\"/>\n", c->f);
}

void chart_segment(struct chart *c, double x0, double y0, double x1, double y1, const char *class)
{
    if (drawable(c, x0, y0) && drawable(c, x1, y1))
        fprintf(c->f, "<path class=\"line %s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class, chart_at(&c->x, x0),
                chart_at(&c->y, y0), chart_at(&c->x, x1), chart_at(&c->y, y1));
}

void chart_box(struct chart *c, double x0, double y0, double x1, double y1, const char *class, const char *title)
{
    double left = chart_at(&c->x, x0), right = chart_at(&c->x, x1);
    double top = chart_at(&c->y, y1), bottom = chart_at(&c->y, y0);
    fprintf(c->f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">", class, fmin(left, right),
            fmin(top, bottom), fabs(right - left), fabs(bottom - top));
    if (*title)
        fprintf(c->f, "<title>%s</title>", title);
    fputs("</rect>\n", c->f);
}

void chart_dot(struct chart *c, double x, double y, const char *class)
{
    if (drawable(c, x, y))
        fprintf(c->f, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", class, chart_at(&c->x, x),
                chart_at(&c->y, y));
}

void chart_note(struct chart *c, double x, double y, const char *anchor, const char *class, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(c->f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y, anchor);
    vfprintf(c->f, format, args);
    fputs("</text>\n", c->f);
    va_end(args);
}
