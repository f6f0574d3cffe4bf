/* Videos: the score of every frame over time, shaded where the data say that it is anomalous, and what is seen where it
 * is highest. */
#include "report/chart.h"
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <stdlib.h>

enum {
    POINTS = 800,       /* of a line: more frames are drawn as the highest of so many parts */
    VIDEOS_DRAWN = 200, /* a page has to end */
};

/* ---- a curve ---- */

static void draw_truths(struct chart *c, const struct evaluation *m, const struct video_curve *v)
{
    const double *time = m->videos.time + v->first;
    const int8_t *truth = m->scores.truth ? m->scores.truth + v->first : NULL;
    const double each = v->n > 1 ? (time[v->n - 1] - time[0]) / (double)(v->n - 1) : 0;
    for (size_t i = 0, end; truth && i < v->n; i = end) {
        for (end = i + 1; end < v->n && truth[end] == truth[i];)
            end++;
        if (truth[i] == 1)
            chart_box(c, time[i] - each / 2, c->y.from, time[end - 1] + each / 2, c->y.to, "truth", "anomalous");
    }
}

static void draw_line(struct chart *c, const struct evaluation *m, const struct video_curve *v)
{
    double xs[POINTS], ys[POINTS];
    const size_t points = v->n < POINTS ? v->n : POINTS;
    for (size_t k = 0; k < points; k++) {
        size_t best = v->first + k * v->n / points;
        for (size_t i = best + 1; i < v->first + (k + 1) * v->n / points; i++)
            if (m->scores.score[i] > m->scores.score[best])
                best = i;
        xs[k] = m->videos.time[best];
        ys[k] = (double)m->scores.score[best];
    }
    chart_line(c, xs, ys, points, "score");
}

static void draw_curve(FILE *f, const struct page *p, const struct evaluation *m, const struct video_curve *v)
{
    const double *time = m->videos.time + v->first;
    const float *score = m->scores.score + v->first;
    const double limit = m->judged ? (double)calibration_threshold(m->calibration, p->rate) : NAN;
    float least = score[0], most = score[0];
    for (size_t i = 1; i < v->n; i++) {
        least = fminf(least, score[i]);
        most = fmaxf(most, score[i]);
    }
    double low = (double)least, high = (double)most;
    if (isfinite(limit)) {
        low = fmin(low, limit);
        high = fmax(high, limit);
    }
    struct chart c;
    chart_begin_long(&c, f, "Score of every frame over time");
    chart_y(&c, low > 0 && low < high / 3 ? 0 : low, high + 0.05 * (high - low), false, CHART_PLAIN, "");
    chart_x(&c, time[0], time[v->n - 1], false, CHART_PLAIN, "seconds");
    draw_truths(&c, m, v);
    draw_line(&c, m, v);
    if (isfinite(limit))
        chart_segment(&c, c.x.from, limit, c.x.to, limit, "limit");
    for (size_t i = 0; i < v->peaks; i++)
        chart_dot(&c, time[v->place[i]], (double)score[v->place[i]], "point");
    chart_end(&c);
}

/* ---- what is seen at its peaks ---- */

static int put_peak(FILE *f, const struct evaluation *m, const struct map_scale *scale, const struct video_curve *v,
                    size_t i, struct err *e)
{
    const struct shown_sample *s = &v->peak[i];
    if (!s->input.pixels)
        return 0;
    fputs("<figure>", f);
    TRY(report_input(f, s, m->judged ? scale->colors.level : INFINITY, e));
    fprintf(f, "<figcaption><b class=\"%s\">", s->truth == 1 ? "anomalous" : "normal");
    html_number(f, m->videos.time[v->first + v->place[i]], 2);
    fputs("&nbsp;s</b> score&nbsp;", f);
    html_digits(f, (double)s->score, 3);
    if (m->judged) {
        fputs(" p&nbsp;", f);
        html_number(f, s->p_value, s->p_value >= 0.1 ? 2 : 3);
    }
    fputs("</figcaption></figure>\n", f);
    return 0;
}

static int put_video(FILE *f, const struct page *p, const struct evaluation *m, const struct map_scale *scale,
                     const struct video_curve *v, struct err *e)
{
    fputs("<div class=\"video\"><h4>", f);
    html_text(f, v->name);
    fputs("</h4>\n", f);
    draw_curve(f, p, m, v);
    fputs("<div class=\"peaks\">", f);
    for (size_t i = 0; i < v->peaks; i++)
        TRY(put_peak(f, m, scale, v, i, e));
    fputs("</div></div>\n", f);
    return 0;
}

int report_videos(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    if (!m->videos.n || !m->videos.curves)
        return 0;
    const struct map_scale scale = report_map_scale(p, m);
    const size_t n = m->videos.n < VIDEOS_DRAWN ? m->videos.n : VIDEOS_DRAWN;
    fputs("<section><h3>Videos</h3>\n<p class=\"note\">The score of every frame over the time of its video; the ground "
          "is "
          "shaded where the data say that it is anomalous, and the straight line is the threshold. Below it, frames "
          "where the score is highest.",
          f);
    if (n < m->videos.n)
        fprintf(f, " The first %zu of %zu videos.", n, m->videos.n);
    fputs("</p>\n", f);
    for (size_t i = 0; i < n; i++)
        TRY(put_video(f, p, m, &scale, &m->videos.curves[i], e));
    fputs("</section>\n", f);
    return 0;
}
