/* Galleries: which samples and memory items of an evaluation are shown. Chosen from scores alone, so that everything is
 * scored once and only the chosen ones once more, with pictures. */
#ifndef STATS_GALLERY_H
#define STATS_GALLERY_H

#include "stats/memory_use.h"

#include <stddef.h>
#include <stdint.h>

enum {
    GALLERY_PICKS = 12, /* samples in a gallery */
    ITEM_PICKS = 120,   /* items of a memory */
};

/* All samples that were scored, in the order of the data. */
struct sample_scores {
    size_t n;
    const size_t *sample;  /* n: which of the split, rising; NULL: not known */
    const float *score;    /* n, finite */
    const double *p_value; /* n; a sample is flagged where p_value <= the promised rate */
    const int8_t *truth;   /* n: 0 normal, 1 anomalous, -1 not known; NULL: none is known */
    size_t apart;          /* of frames of videos, which `sample` says then: those of a clip share their score, and
                              galleries show none within so many of another; 0: they are no frames */
};

enum gallery_kind {
    GALLERY_DRAWN,          /* evenly over the data, normal and anomalous alike: the same for every model */
    GALLERY_MOST_ANOMALOUS, /* highest scores */
    GALLERY_MOST_NORMAL,    /* lowest scores */
    GALLERY_FALSE_ALARMS,   /* normal but flagged, highest scores first */
    GALLERY_MISSED,         /* anomalous but not flagged, lowest scores first */
    GALLERIES
};

/* Chooses the samples of a gallery; returns how many of `picks` it filled. No allocation. */
size_t gallery_pick(enum gallery_kind gallery, const struct sample_scores *s, double rate, size_t picks[GALLERY_PICKS]);

/* The `want` highest of a video's n scores, none within a twelfth of it (at least 8 frames) of another; rising places
 * to `picks`. Returns how many. */
size_t gallery_peaks(const float *score, size_t n, size_t want, size_t *picks);

/* Chooses the memory items to show, the most used first; returns how many. */
int gallery_pick_items(const struct memory_use *use, int64_t items[ITEM_PICKS]);

/* How many samples of a truth (0, 1; -1: all) are flagged at a rate, and how many there are. */
struct flagged_count {
    size_t flagged, n;
};
struct flagged_count count_flagged(const struct sample_scores *s, int truth, double rate);

#endif
