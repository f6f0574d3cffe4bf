#include "nn/conv/windows.h"

#include <stdbool.h>
#include <string.h>

struct place walk_place(const struct walk *w, int64_t row)
{
    struct place p = {.at[2] = row % w->count[2]};
    row /= w->count[2];
    p.at[1] = row % w->count[1];
    row /= w->count[1];
    p.at[0] = row % w->count[0];
    p.sample = row / w->count[0];
    return p;
}

void walk_on(const struct walk *w, struct place *p)
{
    for (int d = 2; d >= 0; d--) {
        if (++p->at[d] < w->count[d])
            return;
        p->at[d] = 0;
    }
    p->sample++;
}

/* One line of a window that begins at `begin` and reaches beyond the tensor: zeros, what lies within, zeros. */
static void copy_border(const struct walk *w, const bf16 *line, int64_t begin, bf16 *to)
{
    int64_t channels = w->channels;
    int64_t from = begin < 0 ? -begin : 0, until = w->room[2] - begin;
    from = from < w->size[2] ? from : w->size[2];
    until = until < w->size[2] ? until : w->size[2];
    until = until > from ? until : from;
    memset(to, 0, (size_t)(from * channels) * sizeof *to);
    memcpy(to + from * channels, line + (begin + from) * channels, (size_t)((until - from) * channels) * sizeof *to);
    memset(to + until * channels, 0, (size_t)((w->size[2] - until) * channels) * sizeof *to);
}

static bf16 *copy_line(const struct walk *w, const bf16 *line, int64_t begin, bf16 *to)
{
    int64_t n = w->size[2] * w->channels;
    if (begin >= 0 && begin + w->size[2] <= w->room[2])
        memcpy(to, line + begin * w->channels, (size_t)n * sizeof *to);
    else
        copy_border(w, line, begin, to);
    return to + n;
}

static bf16 *gather_window(const struct walk *w, const struct place *p, const bf16 *tensor, bf16 *to)
{
    int64_t begin[3];
    for (int d = 0; d < 3; d++)
        begin[d] = p->at[d] * w->step[d] + w->start[d];
    for (int64_t d = begin[0]; d < begin[0] + w->size[0]; d++)
        for (int64_t h = begin[1]; h < begin[1] + w->size[1]; h++) {
            bool within = d >= 0 && d < w->room[0] && h >= 0 && h < w->room[1];
            int64_t line = within ? (p->sample * w->room[0] + d) * w->room[1] + h : 0;
            to = copy_line(w, tensor + line * w->room[2] * w->channels, within ? begin[2] : w->room[2], to);
        }
    return to;
}

void walk_gather(const struct walk *w, const bf16 *tensor, int64_t first, int64_t rows, bf16 *to)
{
    struct place p = walk_place(w, first);
    for (int64_t row = 0; row < rows; row++, walk_on(w, &p))
        to = gather_window(w, &p, tensor, to);
}
