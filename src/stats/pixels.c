#include "stats/pixels.h"

#include "stats/regions.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double pro_limit = 0.3;

const struct pixel_rates pixel_rates_unknown = {NAN, NAN, NAN, 0};

/* The upper 19 bits of a float. The sweep passes over blocks of them that no value came to. */
enum { SHIFT = 13, BINS = 1 << (32 - SHIFT), BLOCK = 512, BLOCKS = BINS / BLOCK };

/* Groups with a histogram of their own; what comes after them shares one, called "". */
enum { GROUPS = 65 };

/* Pages of it that no value comes to are never written, and cost no memory: about 24 kB for each factor of 2. */
struct histogram {
    uint64_t normal[BINS], defective[BINS]; /* pixels */
    double overlap[BINS];                   /* of the defective ones: sum of 1 / the pixels of their region */
};

/* The pictures of one kind. */
struct group {
    char *kind; /* NULL: the normal ones */
    struct histogram *histogram;
    size_t pixels, defective, regions;
    struct group *next;
};

struct pixel_metrics {
    int width, height;
    const uint8_t *roi; /* what counts; NULL: everything */
    uint32_t *label;    /* width x height, of one mask */
    uint32_t *size;     /* pixels of its regions, from 1 on */
    struct group *groups;
    int ngroups;
    bool used[BLOCKS]; /* by any group */
};

struct pixel_metrics *pixel_metrics_new(int width, int height)
{
    struct pixel_metrics *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->width = width;
    p->height = height;
    p->label = malloc((size_t)width * (size_t)height * sizeof *p->label);
    p->size = malloc(((size_t)regions_most(width, height) + 1) * sizeof *p->size);
    if (p->label && p->size)
        return p;
    pixel_metrics_free(p);
    return NULL;
}

static void group_free(struct group *g)
{
    free(g->kind);
    free(g->histogram);
    free(g);
}

void pixel_metrics_free(struct pixel_metrics *p)
{
    if (!p)
        return;
    for (struct group *g = p->groups, *next; g; g = next) {
        next = g->next;
        group_free(g);
    }
    free(p->label);
    free(p->size);
    free(p);
}

void pixel_metrics_region(struct pixel_metrics *p, const uint8_t *roi)
{
    p->roi = roi;
}

/* ---- adding ---- */

static bool inside(const struct pixel_metrics *p, size_t i)
{
    return !p->roi || p->roi[i];
}

static bool same_kind(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static struct group *group_new(const char *kind)
{
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->kind = kind ? strdup(kind) : NULL;
    g->histogram = calloc(1, sizeof *g->histogram);
    if ((!kind || g->kind) && g->histogram)
        return g;
    group_free(g);
    return NULL;
}

static struct group *find_group(const struct pixel_metrics *p, const char *kind)
{
    for (struct group *g = p->groups; g; g = g->next)
        if (same_kind(g->kind, kind))
            return g;
    return NULL;
}

/* The group that a picture of that kind goes to, made where there is none yet; NULL: out of memory. */
static struct group *group_of(struct pixel_metrics *p, const char *kind)
{
    struct group *g = find_group(p, kind);
    if (!g && kind && p->ngroups >= GROUPS)
        g = find_group(p, kind = "");
    if (g)
        return g;
    g = group_new(kind);
    if (g) {
        g->next = p->groups;
        p->groups = g;
        p->ngroups++;
    }
    return g;
}

/* Bits in the order of the values: of negative floats more bits are less. */
static uint32_t bin_of(float x)
{
    uint32_t bits;
    x += 0.0f; /* makes 0 of -0 */
    memcpy(&bits, &x, sizeof bits);
    return (bits >> 31 ? ~bits : bits | 1u << 31) >> SHIFT;
}

static void measure_regions(struct pixel_metrics *p, struct group *g, const uint8_t *mask)
{
    uint32_t n = regions_label(mask, p->width, p->height, p->label);
    memset(p->size, 0, ((size_t)n + 1) * sizeof *p->size);
    for (size_t i = 0; i < (size_t)p->width * (size_t)p->height; i++) {
        if (!inside(p, i))
            continue;
        p->size[p->label[i]]++;
        g->defective += p->label[i] > 0;
    }
    for (uint32_t region = 1; region <= n; region++)
        g->regions += p->size[region] > 0;
}

int pixel_metrics_add(struct pixel_metrics *p, const char *kind, const float *map, const uint8_t *mask, struct err *e)
{
    struct group *g = group_of(p, kind);
    if (!g)
        return err_memory(e, "the pixel metrics");
    struct histogram *h = g->histogram;
    if (kind)
        measure_regions(p, g, mask);
    for (size_t i = 0; i < (size_t)p->width * (size_t)p->height; i++) {
        if (!inside(p, i))
            continue;
        g->pixels++;
        uint32_t bin = bin_of(map[i]);
        p->used[bin / BLOCK] = true;
        if (kind && p->label[i]) {
            h->defective[bin]++;
            h->overlap[bin] += 1 / (double)p->size[p->label[i]];
        } else {
            h->normal[bin]++;
        }
    }
    return 0;
}

/* ---- the metrics ---- */

/* What lies in one bin, or in all of them. */
struct pixel_count {
    double normal, defective, overlap;
};

static bool counts(const struct group *g, const char *kind)
{
    return !kind || !g->kind || !strcmp(g->kind, kind);
}

static struct pixel_count count_bin(const struct pixel_metrics *p, const char *kind, size_t bin)
{
    struct pixel_count c = {0};
    for (const struct group *g = p->groups; g; g = g->next) {
        if (!counts(g, kind))
            continue;
        c.normal += (double)g->histogram->normal[bin];
        c.defective += (double)g->histogram->defective[bin];
        c.overlap += g->histogram->overlap[bin];
    }
    return c;
}

/* The sweep of the threshold: what was passed so far, and the areas under it, not yet divided by what there is. */
struct pixel_sweep {
    struct pixel_count passed;
    double roc, precision, pro;
    double most; /* normal pixels at the limit of aupro; falls between two where need be */
};

/* One step of the curve is a straight line; beyond the limit it adds nothing. */
static void sweep_pro(struct pixel_sweep *s, const struct pixel_count *c)
{
    double room = s->most - s->passed.normal, part = c->normal > room ? room / c->normal : 1;
    if (room > 0)
        s->pro += part * c->normal * (s->passed.overlap + part * c->overlap / 2);
}

static void sweep_bin(struct pixel_sweep *s, const struct pixel_count *c)
{
    struct pixel_count *passed = &s->passed;
    sweep_pro(s, c);
    s->roc += c->normal * (passed->defective + c->defective / 2);
    passed->normal += c->normal;
    passed->defective += c->defective;
    passed->overlap += c->overlap;
    if (c->defective > 0)
        s->precision += c->defective * passed->defective / (passed->defective + passed->normal);
}

static struct pixel_count count_all(const struct pixel_metrics *p, const char *kind)
{
    struct pixel_count all = {0};
    for (const struct group *g = p->groups; g; g = g->next) {
        if (!counts(g, kind))
            continue;
        all.normal += (double)(g->pixels - g->defective);
        all.defective += (double)g->defective;
        all.overlap += (double)g->regions; /* 1 each */
    }
    return all;
}

struct pixel_rates pixel_metrics_rates(const struct pixel_metrics *p, const char *kind)
{
    struct pixel_count all = count_all(p, kind);
    struct pixel_rates rates = pixel_rates_unknown;
    struct pixel_sweep s = {.most = pro_limit * all.normal};
    rates.regions = (size_t)all.overlap;
    if (!(all.normal > 0 && all.defective > 0))
        return rates;
    for (size_t bin = BINS; bin-- > 0;) {
        if (!p->used[bin / BLOCK])
            continue;
        struct pixel_count c = count_bin(p, kind, bin);
        sweep_bin(&s, &c);
    }
    rates.auroc = s.roc / (all.normal * all.defective);
    rates.average_precision = s.precision / all.defective;
    rates.aupro = s.pro / (s.most * all.overlap);
    return rates;
}
