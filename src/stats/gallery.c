#include "stats/gallery.h"

#include <stdbool.h>

static int truth_of(const struct sample_scores *s, size_t i)
{
    return s->truth ? s->truth[i] : -1;
}

static size_t count_truth(const struct sample_scores *s, int truth)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += truth_of(s, i) == truth;
    return n;
}

/* `want` samples of one truth, at the middles of equal parts of the data. */
static size_t draw_evenly(const struct sample_scores *s, int truth, size_t want, size_t *picks)
{
    size_t have = count_truth(s, truth), seen = 0, n = 0;
    want = want < have ? want : have;
    for (size_t i = 0; i < s->n && n < want; i++) {
        if (truth_of(s, i) != truth)
            continue;
        if (seen == (2 * n + 1) * have / (2 * want))
            picks[n++] = i;
        seen++;
    }
    return n;
}

static size_t draw(const struct sample_scores *s, size_t picks[GALLERY_PICKS])
{
    size_t normal = count_truth(s, 0), anomalous = count_truth(s, 1), half = GALLERY_PICKS / 2;
    if (!normal && !anomalous)
        return draw_evenly(s, -1, GALLERY_PICKS, picks);
    size_t n = draw_evenly(s, 0, anomalous < half ? GALLERY_PICKS - anomalous : half, picks);
    return n + draw_evenly(s, 1, GALLERY_PICKS - n, picks + n);
}

/* Keeps `best` in order of key, highest first, earlier samples before later ones of the same key. */
static size_t keep_best(size_t *best, double *keys, size_t n, size_t limit, size_t i, double key)
{
    size_t at = n;
    while (at > 0 && keys[at - 1] < key)
        at--;
    if (at == limit)
        return n;
    n += n < limit;
    for (size_t k = n - 1; k > at; k--) {
        best[k] = best[k - 1];
        keys[k] = keys[k - 1];
    }
    best[at] = i;
    keys[at] = key;
    return n;
}

static bool belongs(enum gallery_kind gallery, int truth, bool flagged)
{
    if (gallery == GALLERY_FALSE_ALARMS)
        return truth == 0 && flagged;
    if (gallery == GALLERY_MISSED)
        return truth == 1 && !flagged;
    return true;
}

static bool is_near(size_t a, size_t b, size_t apart)
{
    return a < b ? b - a < apart : a - b < apart;
}

static bool is_free(size_t place, const size_t *picks, size_t n, size_t apart)
{
    for (size_t i = 0; i < n; i++)
        if (is_near(place, picks[i], apart))
            return false;
    return true;
}

/* Whether a sample is shown already, or a frame of its clip is. */
static bool is_shown(const struct sample_scores *s, size_t i, const size_t *picks, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (i == picks[k] || (s->apart && s->sample[i] == s->sample[picks[k]] && is_near(i, picks[k], s->apart)))
            return true;
    return false;
}

/* The best sample of a gallery that is not shown in it yet; s->n: there is none. */
static size_t best_left(enum gallery_kind gallery, const struct sample_scores *s, double rate, const size_t *picks,
                        size_t n)
{
    const float sign = gallery == GALLERY_MOST_NORMAL || gallery == GALLERY_MISSED ? -1 : 1;
    size_t best = s->n;
    for (size_t i = 0; i < s->n; i++)
        if ((best == s->n || sign * s->score[i] > sign * s->score[best]) &&
            belongs(gallery, truth_of(s, i), s->p_value[i] <= rate) && !is_shown(s, i, picks, n))
            best = i;
    return best;
}

size_t gallery_pick(enum gallery_kind gallery, const struct sample_scores *s, double rate, size_t picks[GALLERY_PICKS])
{
    if (gallery == GALLERY_DRAWN)
        return draw(s, picks);
    size_t n = 0;
    for (; n < GALLERY_PICKS; n++) {
        picks[n] = best_left(gallery, s, rate, picks, n);
        if (picks[n] == s->n)
            break;
    }
    return n;
}

static void insert_rising(size_t *picks, size_t n, size_t place)
{
    for (; n > 0 && picks[n - 1] > place; n--)
        picks[n] = picks[n - 1];
    picks[n] = place;
}

size_t gallery_peaks(const float *score, size_t n, size_t want, size_t *picks)
{
    const size_t apart = n / 12 > 8 ? n / 12 : 8;
    size_t found = 0;
    for (; found < want; found++) {
        size_t best = n;
        for (size_t i = 0; i < n; i++)
            if ((best == n || score[i] > score[best]) && is_free(i, picks, found, apart))
                best = i;
        if (best == n)
            break;
        insert_rising(picks, found, best);
    }
    return found;
}

int gallery_pick_items(const struct memory_use *use, int64_t items[ITEM_PICKS])
{
    size_t best[ITEM_PICKS], n = 0;
    double keys[ITEM_PICKS];
    for (int64_t i = 0; i < use->items; i++)
        n = keep_best(best, keys, n, ITEM_PICKS, (size_t)i, use->weight[i]);
    for (size_t i = 0; i < n; i++)
        items[i] = (int64_t)best[i];
    return (int)n;
}

struct flagged_count count_flagged(const struct sample_scores *s, int truth, double rate)
{
    struct flagged_count c = {0};
    for (size_t i = 0; i < s->n; i++) {
        if (truth >= 0 && truth_of(s, i) != truth)
            continue;
        c.n++;
        c.flagged += s->p_value[i] <= rate;
    }
    return c;
}
