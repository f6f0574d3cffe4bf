#include "stats/frame_scores.h"

#include "stats/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the video that begins at `first` ends. */
static size_t video_end(const size_t *video, size_t n, size_t first)
{
    size_t end = first;
    while (end < n && video[end] == video[first])
        end++;
    return end;
}

void frame_scores_min_max(float *scores, const size_t *video, size_t n)
{
    for (size_t first = 0, end; first < n; first = end) {
        float low = scores[first], high = low;
        end = video_end(video, n, first);
        for (size_t i = first; i < end; i++) {
            low = fminf(low, scores[i]);
            high = fmaxf(high, scores[i]);
        }
        for (size_t i = first; i < end; i++)
            scores[i] = high > low ? (scores[i] - low) / (high - low) : 0;
    }
}

static float smooth_at(const float *scores, size_t n, size_t at, const double *weights, size_t reach)
{
    double sum = 0, all = 0;
    const size_t from = at < reach ? 0 : at - reach, to = n - at > reach ? at + reach : n - 1;
    for (size_t i = from; i <= to; i++) {
        const double w = weights[i < at ? at - i : i - at];
        sum += w * (double)scores[i];
        all += w;
    }
    return (float)(sum / all);
}

int frame_scores_smooth(float *scores, const size_t *video, size_t n, double deviation, struct err *e)
{
    const size_t reach = (size_t)ceil(3 * deviation);
    float *before = malloc((n + 1) * sizeof *before);
    double *weights = malloc((reach + 1) * sizeof *weights);
    bool done = before && weights;
    for (size_t i = 0; done && i <= reach; i++)
        weights[i] = exp(-0.5 * (double)(i * i) / (deviation * deviation));
    if (done)
        memcpy(before, scores, n * sizeof *scores);
    for (size_t first = 0, end; done && first < n; first = end) {
        end = video_end(video, n, first);
        for (size_t i = first; i < end; i++)
            scores[i] = smooth_at(before + first, end - first, i - first, weights, reach);
    }
    free(before);
    free(weights);
    return done ? 0 : err_memory(e, "smoothed scores");
}

int frame_scores_macro(const float *scores, const uint8_t *anomalous, const size_t *video, size_t n, double *auroc,
                       size_t *videos, struct err *e)
{
    double sum = 0;
    *videos = 0;
    for (size_t first = 0, end; first < n; first = end) {
        struct metrics m;
        end = video_end(video, n, first);
        TRY(metrics_compute(scores + first, anomalous + first, end - first, &m, e));
        if (isnan(m.auroc))
            continue;
        sum += m.auroc;
        ++*videos;
    }
    *auroc = *videos ? sum / (double)*videos : NAN;
    return 0;
}
