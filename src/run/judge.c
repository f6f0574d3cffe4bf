#include "run/judge.h"

#include <stdlib.h>

struct judge {
    const struct model_file *about;
    size_t values, frame; /* of a map, and of a frame of it */
    struct smoother *smoother;
    float *smooth, *scratch; /* a map each */
};

int judge_new(const struct model_file *about, size_t values, struct judge **out, struct err *e)
{
    const struct shape map = model_file_map(about);
    struct judge *j = calloc(1, sizeof *j);
    if (j) {
        *j = (struct judge){.about = about, .values = values, .frame = (size_t)shape_count(&map)};
        /* columns that stand side by side have nothing to do with each other */
        double blur = about->input.sample.nd == 1 ? 0 : about->train.map_blur;
        j->smoother = smoother_new((size_t)map.d[0], (size_t)map.d[1], blur, about->input.roi);
        j->smooth = malloc(values * sizeof *j->smooth);
        j->scratch = malloc(values * sizeof *j->scratch);
    }
    if (j && j->smoother && j->smooth && j->scratch)
        return *out = j, 0;
    judge_free(j);
    return err_memory(e, "maps that know what is usual");
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    smoother_free(j->smoother);
    free(j->smooth);
    free(j->scratch);
    free(j);
}

static const float *smooth(struct judge *j, const float *map, size_t count)
{
    for (size_t at = 0; at < count; at += j->frame)
        smoother_run(j->smoother, map + at, j->smooth + at);
    return j->smooth;
}

void judge_learn(struct judge *j, const float *map, struct usual_collector *to)
{
    usual_collector_add(to, smooth(j, map, j->values), j->values);
}

void judge_learnt(struct judge *j, struct usual_collector *from, struct usual *usual)
{
    usual_collector_finish(from, j->about->train.aligned, j->smoother, usual);
}

/* What counts, to j->smooth; the rest becomes 0. */
static size_t gather(struct judge *j, float *map, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (j->about->input.roi[i % j->frame])
            j->smooth[n++] = map[i];
        else
            map[i] = 0;
    return n;
}

static float judge(struct judge *j, const float *map, size_t count, float *out)
{
    const double top = j->about->train.map_top;
    usual_map(&j->about->usual, smooth(j, map, count), count, out);
    if (!j->about->input.roi)
        return usual_score(out, count, top, j->scratch);
    size_t n = gather(j, out, count); /* the smoothed map has done its work */
    return usual_score(j->smooth, n, top, j->scratch);
}

float judge_map(struct judge *j, const float *map, float *out)
{
    return judge(j, map, j->values, out);
}

float judge_frame(struct judge *j, const float *map, float *out)
{
    return judge(j, map, j->frame, out);
}
