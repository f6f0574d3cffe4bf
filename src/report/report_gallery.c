/* The report's pictures: input, reconstruction and heat map of samples; the memory's items. */
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 160, CRISP = 64 }; /* longest side stored; up to this side pixels are shown as squares */

/* ---- maps ---- */

/* A map small enough to show: the highest of each factor x factor values, so that no spot is lost. */
struct small_map {
    float *v;
    int width, height;
};

static int shrink_map(const float *map, int width, int height, struct small_map *out, struct err *e)
{
    int longest = width > height ? width : height, factor = (longest + SIDE - 1) / SIDE;
    out->width = (width + factor - 1) / factor;
    out->height = (height + factor - 1) / factor;
    out->v = malloc((size_t)out->width * (size_t)out->height * sizeof *out->v);
    if (!out->v)
        return err_memory(e, "a heat map of the report");
    for (int i = 0; i < out->width * out->height; i++)
        out->v[i] = -INFINITY;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            float *cell = &out->v[y / factor * out->width + x / factor];
            float value = map[(size_t)y * (size_t)width + (size_t)x];
            *cell = value > *cell ? value : *cell;
        }
    }
    return 0;
}

static bool above(const struct small_map *m, int x, int y, float level)
{
    return x >= 0 && y >= 0 && x < m->width && y < m->height && m->v[y * m->width + x] > level;
}

/* The border between what is above the level and what is not, in straight runs along the pixels' edges. */
static void outline(FILE *f, const struct small_map *m, float level, const char *class)
{
    fprintf(
        f,
        "<svg class=\"outline %s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"",
        class, m->width, m->height);
    for (int y = 0; y <= m->height; y++) {
        for (int x = 0, run = 0; x <= m->width; x++) {
            bool edge = x < m->width && above(m, x, y - 1, level) != above(m, x, y, level);
            if (!edge && run)
                fprintf(f, "M%d %dh%d", x - run, y, run);
            run = edge ? run + 1 : 0;
        }
    }
    for (int x = 0; x <= m->width; x++) {
        for (int y = 0, run = 0; y <= m->height; y++) {
            bool edge = y < m->height && above(m, x - 1, y, level) != above(m, x, y, level);
            if (!edge && run)
                fprintf(f, "M%d %dv%d", x, y - run, run);
            run = edge ? run + 1 : 0;
        }
    }
    fputs("\"/></svg>", f);
}

static const char *picture_class(const struct picture *p)
{
    return p->width <= CRISP && p->height <= CRISP ? "crisp" : "smooth";
}

static int put_map(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    struct small_map small;
    TRY(shrink_map(s->map, s->input.width, s->input.height, &small, e));
    struct picture p = {.width = small.width, .height = small.height, .channels = 3};
    uint8_t *rgb = malloc((size_t)p.width * (size_t)p.height * 3);
    int code = rgb ? 0 : err_memory(e, "a heat map's picture");
    if (rgb) {
        heatmap_draw(scale, small.v, p.width, p.height, &(struct heatmap_style){.zoom = 1}, rgb);
        p.pixels = rgb;
        fputs("<span class=\"pic\">", f);
        code = html_picture(f, &p, SIDE, picture_class(&s->input), "heat map", e);
        if (isfinite(scale->level))
            outline(f, &small, scale->level, "level");
        fputs("</span>", f);
    }
    free(rgb);
    free(small.v);
    return code;
}

static int put_mask(FILE *f, const struct shown_sample *s, struct err *e)
{
    int width = s->input.width, height = s->input.height;
    size_t n = (size_t)width * (size_t)height;
    float *mask = malloc(n * sizeof *mask);
    if (!mask)
        return err_memory(e, "a mask of the report");
    for (size_t i = 0; i < n; i++)
        mask[i] = s->mask[i] ? 1 : 0;
    struct small_map small = {0};
    int code = shrink_map(mask, width, height, &small, e);
    if (!code)
        outline(f, &small, 0.5f, "truth");
    free(small.v);
    free(mask);
    return code;
}

static int put_input(FILE *f, const struct shown_sample *s, struct err *e)
{
    fputs("<span class=\"pic\">", f);
    TRY(html_picture(f, &s->input, SIDE, picture_class(&s->input), "input", e));
    if (s->mask)
        TRY(put_mask(f, s, e));
    fputs("</span>", f);
    return 0;
}

static int put_reconstruction(FILE *f, const struct shown_sample *s, struct err *e)
{
    struct picture p = s->input;
    p.pixels = s->reconstruction;
    fputs("<span class=\"pic\">", f);
    TRY(html_picture(f, &p, SIDE, picture_class(&p), "reconstruction", e));
    fputs("</span>", f);
    return 0;
}

/* ---- captions ---- */

/* Enough digits to tell p-values apart, whose smallest step is 1/(n+1). */
static void put_p_value(FILE *f, double p)
{
    html_number(f, p, p >= 0.1 ? 2 : p >= 0.01 ? 3 : 4);
}

struct verdict_word {
    const char *word, *class;
};

static struct verdict_word verdict_of(const struct shown_sample *s, double rate)
{
    bool flagged = s->p_value <= rate;
    if (s->truth == 0 && flagged)
        return (struct verdict_word){"false alarm", "wrong"};
    if (s->truth == 1)
        return flagged ? (struct verdict_word){"found", "right"} : (struct verdict_word){"missed", "wrong"};
    return flagged ? (struct verdict_word){"flagged", "right"} : (struct verdict_word){"not flagged", "calm"};
}

static const char *truth_class(int truth)
{
    return truth == 0 ? "normal" : truth == 1 ? "anomalous" : "unlabelled";
}

/* The kind in the colour of the truth; nothing where neither is known. */
static void put_kind(FILE *f, const struct shown_sample *s)
{
    if (!s->kind && s->truth < 0)
        return;
    fprintf(f, "<b class=\"kind %s\">", truth_class(s->truth));
    html_text(f, s->kind ? s->kind : truth_class(s->truth));
    fputs("</b>", f);
}

static void put_verdict(FILE *f, const struct shown_sample *s, double rate)
{
    struct verdict_word v = verdict_of(s, rate);
    fprintf(f, "<em class=\"%s\">%s</em>", v.class, v.word);
}

static int put_card(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, double rate,
                    struct err *e)
{
    fputs("<figure class=\"card\"><div class=\"trio\">", f);
    if (s->input.pixels) {
        TRY(put_input(f, s, e));
        if (s->reconstruction)
            TRY(put_reconstruction(f, s, e));
        if (s->map)
            TRY(put_map(f, scale, s, e));
    }
    fputs("</div><figcaption><span class=\"row\">", f);
    put_kind(f, s);
    put_verdict(f, s, rate);
    fputs("</span><span class=\"row figures\"><span>score&nbsp;", f);
    html_digits(f, (double)s->score, 3);
    fputs("</span><span>p&nbsp;", f);
    put_p_value(f, s->p_value);
    fputs("</span></span><span class=\"name\" title=\"", f);
    html_text(f, s->name);
    fputs("\"><bdi>", f);
    html_text(f, s->name);
    fputs("</bdi></span></figcaption></figure>\n", f);
    return 0;
}

/* ---- galleries ---- */

/* Width to show a picture with: a whole multiple for small ones, `large` for the others. */
static int shown_width(const struct picture *p, int target, int large)
{
    if (p->width > CRISP || p->height > CRISP || p->width < 1)
        return large;
    int times = (target + p->width / 2) / p->width;
    return p->width * (times > 1 ? times : 1);
}

/* "40 of 1,000 normal pictures" */
static void put_share(FILE *f, const struct page *p, size_t part, size_t whole, const char *which)
{
    html_count(f, part);
    fputs(" of ", f);
    html_count(f, whole);
    fprintf(f, " %s ", which);
    html_text(f, p->samples);
}

static void gallery_heading(FILE *f, const struct page *p, const struct evaluation *m, enum gallery_kind g)
{
    struct flagged_count normal = count_flagged(&m->scores, 0, p->rate),
                         anomalous = count_flagged(&m->scores, 1, p->rate);
    switch (g) {
    case GALLERY_MOST_ANOMALOUS:
        fputs("<h4>Most anomalous</h4>\n<p class=\"note\">The highest scores of all.", f);
        break;
    case GALLERY_MOST_NORMAL:
        fputs("<h4>Most normal</h4>\n<p class=\"note\">The lowest scores of all.", f);
        break;
    case GALLERY_FALSE_ALARMS:
        fputs("<h4>False alarms</h4>\n<p class=\"note\">", f);
        put_share(f, p, normal.flagged, normal.n, "normal");
        fputs(" were flagged; the highest scores first. Some may be labelled wrongly.", f);
        break;
    default:
        fputs("<h4>Missed</h4>\n<p class=\"note\">", f);
        put_share(f, p, anomalous.n - anomalous.flagged, anomalous.n, "anomalous");
        fputs(" were not flagged; the lowest scores first.", f);
    }
    fputs("</p>\n", f);
}

static int put_gallery(FILE *f, const struct page *p, const struct evaluation *m, const struct heatmap_scale *scale,
                       enum gallery_kind g, struct err *e)
{
    const struct gallery *s = &m->galleries[g];
    size_t n = s->n < GALLERY_PICKS ? s->n : GALLERY_PICKS;
    if (!n && (g == GALLERY_FALSE_ALARMS || g == GALLERY_MISSED) && report_labelled(m)) {
        bool missed = g == GALLERY_MISSED;
        if (missed ? m->decisions.anomalous : m->decisions.normal)
            fprintf(f, "<h4>%s</h4><p class=\"note\">None.</p>\n", missed ? "Missed" : "False alarms");
        return 0;
    }
    if (!n)
        return 0;
    gallery_heading(f, p, m, g);
    fprintf(f, "<div class=\"gallery of-%s\" style=\"--px:%dpx\">\n", picture_class(&s->v[0].input),
            shown_width(&s->v[0].input, 84, 112));
    for (size_t i = 0; i < n; i++)
        TRY(put_card(f, scale, &s->v[i], p->rate, e));
    fputs("</div>\n", f);
    return 0;
}

static int put_bar(FILE *f, const struct heatmap_scale *scale, struct err *e)
{
    uint8_t rgb[HEATMAP_COLORS * 3];
    struct picture p = {.width = HEATMAP_COLORS, .height = 1, .channels = 3, .pixels = rgb};
    heatmap_bar(scale, HEATMAP_COLORS, 1, rgb);
    fputs("<figure class=\"scale\"><div class=\"ramp\">", f);
    TRY(html_picture(f, &p, HEATMAP_COLORS, "colors", "colour bar, from normal (dark) to abnormal (light)", e));
    if (isfinite(scale->level))
        fprintf(f, "<i style=\"left:%.1f%%\"></i>", 100 * (double)heatmap_position(scale, scale->level));
    fputs("</div><figcaption><span>", f);
    html_digits(f, (double)scale->low, 2);
    fputs(" normal</span>", f);
    if (isfinite(scale->level)) {
        fputs("<span>outlined above ", f);
        html_digits(f, (double)scale->level, 2);
        fputs("</span>", f);
    }
    fputs("<span>abnormal ", f);
    html_digits(f, (double)scale->high, 2);
    fputs("</span></figcaption></figure>\n", f);
    return 0;
}

struct shown {
    bool maps, masks;
};

static struct shown what_is_shown(const struct evaluation *m)
{
    struct shown shown = {0};
    for (int g = 0; g < GALLERIES; g++) {
        for (size_t i = 0; i < m->galleries[g].n; i++) {
            shown.maps = shown.maps || m->galleries[g].v[i].map;
            shown.masks = shown.masks || m->galleries[g].v[i].mask;
        }
    }
    return shown;
}

int report_galleries(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    size_t n = 0;
    for (int g = GALLERY_MOST_ANOMALOUS; g < GALLERIES; g++)
        n += m->galleries[g].n;
    if (!n)
        return 0;
    struct heatmap_scale scale;
    heatmap_scale_calibrated(&scale, &m->file->calibration, p->rate);
    fputs(
        "<section><h3>What it sees</h3>\n<p class=\"note\">Each card: the input, what the model makes of it, and where "
        "the two differ. A model that knows only normal data rebuilds everything as normal; what it cannot rebuild "
        "lights up. The colours mean the same in every map.",
        f);
    struct shown shown = what_is_shown(m);
    fputs(shown.masks ? " Outlined in green on the input: the defect as the data mark it.</p>\n" : "</p>\n", f);
    if (shown.maps)
        TRY(put_bar(f, &scale, e));
    for (int g = GALLERY_MOST_ANOMALOUS; g < GALLERIES; g++)
        TRY(put_gallery(f, p, m, &scale, (enum gallery_kind)g, e));
    fputs("</section>\n", f);
    return 0;
}

/* ---- the drawn samples, all models ---- */

typedef int put_cell(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e);

static int cell_input(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    (void)scale;
    return s->input.pixels ? put_input(f, s, e) : 0;
}

static int cell_reconstruction(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    (void)scale;
    return s->input.pixels && s->reconstruction ? put_reconstruction(f, s, e) : 0;
}

static int cell_map(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    return s->input.pixels && s->map ? put_map(f, scale, s, e) : 0;
}

static int drawn_row(FILE *f, const struct page *p, const struct evaluation *m, const char *name, put_cell *put,
                     struct err *e)
{
    struct heatmap_scale scale;
    heatmap_scale_calibrated(&scale, &m->file->calibration, p->rate);
    fprintf(f, "<tr><th scope=\"row\">%s</th>", name);
    for (size_t i = 0; i < m->galleries[GALLERY_DRAWN].n && i < GALLERY_PICKS; i++) {
        fputs("<td>", f);
        TRY(put(f, &scale, &m->galleries[GALLERY_DRAWN].v[i], e));
        fputs("</td>", f);
    }
    fputs("</tr>\n", f);
    return 0;
}

static bool same_kind(const struct shown_sample *a, const struct shown_sample *b)
{
    return a->truth == b->truth && !strcmp(a->kind ? a->kind : "", b->kind ? b->kind : "");
}

/* The kinds, one heading over neighbours of the same kind. */
static void drawn_heads(FILE *f, const struct gallery *s)
{
    size_t n = s->n < GALLERY_PICKS ? s->n : GALLERY_PICKS;
    fputs("<thead><tr><td></td>", f);
    for (size_t i = 0, span; i < n; i += span) {
        for (span = 1; i + span < n && same_kind(&s->v[i], &s->v[i + span]); span++)
            ;
        fprintf(f, "<th scope=\"colgroup\" colspan=\"%zu\">", span);
        put_kind(f, &s->v[i]);
        fputs("</th>", f);
    }
    fputs("</tr></thead>\n", f);
}

static void drawn_verdicts(FILE *f, const struct page *p, const struct gallery *s)
{
    fputs("<tr class=\"verdicts\"><th scope=\"row\">verdict</th>", f);
    for (size_t i = 0; i < s->n && i < GALLERY_PICKS; i++) {
        fputs("<td>", f);
        put_verdict(f, &s->v[i], p->rate);
        fputs("<span>p&nbsp;", f);
        put_p_value(f, s->v[i].p_value);
        fputs("</span></td>", f);
    }
    fputs("</tr>\n", f);
}

static int drawn_model(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    const struct gallery *s = &m->galleries[GALLERY_DRAWN];
    if (p->n > 1)
        fprintf(f, "<tbody><tr class=\"who\"><th scope=\"rowgroup\" colspan=\"%d\">%s</th></tr>\n", GALLERY_PICKS + 1,
                m->file->model->name);
    else
        fputs("<tbody>\n", f);
    if (s->v[0].reconstruction)
        TRY(drawn_row(f, p, m, "rebuilt", cell_reconstruction, e));
    if (s->v[0].map)
        TRY(drawn_row(f, p, m, "heat map", cell_map, e));
    drawn_verdicts(f, p, s);
    fputs("</tbody>\n", f);
    return 0;
}

int report_drawn(FILE *f, const struct page *p, struct err *e)
{
    const struct gallery *first = &p->evaluations[0]->galleries[GALLERY_DRAWN];
    if (!first->n || !first->v[0].input.pixels)
        return 0;
    fputs("<section><h2>A look at the data</h2>\n<p class=\"note\">Drawn evenly over the data, not picked by score. "
          "Bright spots are what the model could not rebuild.</p>\n",
          f);
    fprintf(f,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"drawn samples\">"
            "<table class=\"drawn\" style=\"--px:%dpx\">\n",
            shown_width(&first->v[0].input, 80, 84));
    drawn_heads(f, first);
    fputs("<tbody>\n", f);
    TRY(drawn_row(f, p, p->evaluations[0], "input", cell_input, e));
    fputs("</tbody>\n", f);
    for (size_t i = 0; i < p->n; i++)
        if (p->evaluations[i]->galleries[GALLERY_DRAWN].n)
            TRY(drawn_model(f, p, p->evaluations[i], e));
    fputs("</table></div></section>\n", f);
    return 0;
}

/* ---- memory ---- */

static int put_item(FILE *f, const struct shown_memory *memory, int i, double most, struct err *e)
{
    const struct memory_use *use = &memory->use;
    struct picture p = memory->format;
    double weight = use->weight[memory->items[i]], share = use->rows ? weight / (double)use->rows : 0;
    p.pixels = memory->pictures + (size_t)i * (size_t)p.width * (size_t)p.height * (size_t)p.channels;
    fprintf(f, "<figure class=\"item%s\">", weight > 0 ? "" : " dead");
    TRY(html_picture(f, &p, SIDE / 2, picture_class(&p), "", e));
    fprintf(f, "<i style=\"--share:%.1f%%\"></i><figcaption title=\"item %lld\">", most > 0 ? 100 * weight / most : 0,
            (long long)memory->items[i]);
    if (weight > 0)
        html_percent(f, share, share >= 0.0995 ? 0 : 1);
    else
        fputs("dead", f);
    fputs("</figcaption></figure>\n", f);
    return 0;
}

static void memory_text(FILE *f, const struct memory_use *use)
{
    fputs("<p class=\"note\">The model rebuilds every input from ", f);
    html_count(f, (size_t)use->items);
    fputs(" stored items, learnt from normal data alone; what they cannot compose, it cannot rebuild. ", f);
    if (use->dead)
        fprintf(f, "%lld of them %s dead: nothing here drew on %s. ", (long long)use->dead,
                use->dead > 1 ? "are" : "is", use->dead > 1 ? "them" : "it");
    else
        fputs("Every one of them is in use. ", f);
    fputs("A query draws on about <b>", f);
    html_digits(f, exp(use->entropy), 2);
    fputs("</b> items (mean attention entropy ", f);
    html_number(f, use->entropy, 2);
    fputs("&nbsp;nats); ", f);
    html_percent(f, use->rows_one_item, 1);
    fputs(" of the queries use a single one.</p>\n", f);
}

static int put_memory(FILE *f, const struct shown_memory *memory, bool several, struct err *e)
{
    fputs("<section><h3>", f);
    html_text(f, several ? memory->name : "The memory");
    fputs("</h3>\n<div class=\"memory\"><div>", f);
    memory_text(f, &memory->use);
    TRY(report_chart_memory(f, &memory->use, e));
    fputs("</div>\n", f);
    if (memory->pictures && memory->n > 0) {
        fprintf(f, "<div class=\"items\" style=\"--px:%dpx\">\n", shown_width(&memory->format, 52, 80));
        for (int i = 0; i < memory->n; i++)
            TRY(put_item(f, memory, i, memory->use.weight[memory->items[0]], e));
        fputs("</div>\n", f);
    }
    fputs("</div>\n", f);
    if (memory->pictures && memory->n < memory->use.items)
        fprintf(f, "<p class=\"quiet\">The %d most used of %lld items.</p>\n", memory->n, (long long)memory->use.items);
    fputs("</section>\n", f);
    return 0;
}

int report_memory(FILE *f, const struct evaluation *m, struct err *e)
{
    for (int k = 0; k < m->nmemories; k++)
        TRY(put_memory(f, &m->memories[k], m->nmemories > 1, e));
    return 0;
}
