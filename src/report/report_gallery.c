/* Samples with what the model made of them: galleries of one model, and the samples drawn for all of them. */
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>
#include <string.h>

/* ---- captions ---- */

/* Enough digits to tell p-values apart, whose smallest step is 1/(n+1). */
static void put_p_value(FILE *f, const struct evaluation *m, const struct shown_sample *s)
{
    if (!m->judged)
        return;
    fputs("<span>p&nbsp;", f);
    html_number(f, s->p_value, s->p_value >= 0.1 ? 2 : s->p_value >= 0.01 ? 3 : 4);
    fputs("</span>", f);
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
    bool named = s->kind && *s->kind;
    if (!named && s->truth < 0)
        return;
    fprintf(f, "<b class=\"kind %s\">", truth_class(s->truth));
    html_text(f, named ? s->kind : truth_class(s->truth));
    fputs("</b>", f);
}

static void put_verdict(FILE *f, const struct evaluation *m, const struct shown_sample *s)
{
    if (!m->judged)
        return;
    struct verdict_word v = verdict_of(s, m->rate);
    fprintf(f, "<em class=\"%s\">%s</em>", v.class, v.word);
}

static int put_card(FILE *f, const struct evaluation *m, const struct heatmap_scale *scale,
                    const struct shown_sample *s, struct err *e)
{
    fputs("<figure class=\"card\"><div class=\"views\">", f);
    if (s->input.pixels)
        TRY(report_input(f, s, scale->level, e));
    if (s->reconstruction)
        TRY(report_reconstruction(f, s, e));
    if (s->map)
        TRY(report_map(f, scale, s, e));
    fputs("</div><figcaption><span class=\"row\">", f);
    put_kind(f, s);
    put_verdict(f, m, s);
    fputs("</span><span class=\"row figures\"><span>score&nbsp;", f);
    html_digits(f, (double)s->score, 3);
    fputs("</span>", f);
    put_p_value(f, m, s);
    fputs("</span><span class=\"name\" title=\"", f);
    html_text(f, s->name);
    fputs("\"><bdi>", f);
    html_text(f, s->name);
    fputs("</bdi></span></figcaption></figure>\n", f);
    return 0;
}

/* ---- galleries ---- */

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

/* The first sample with pictures: all of a gallery have the same, but for those that could not be read again. */
static const struct shown_sample *first_pictured(const struct gallery *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].input.pixels)
            return &s->v[i];
    return NULL;
}

static int put_cards(FILE *f, const struct evaluation *m, const struct heatmap_scale *scale, const struct gallery *s,
                     const struct shown_sample *like, struct err *e)
{
    const int views = 1 + (like->reconstruction != NULL) + (like->map != NULL);
    static const int large[] = {0, 224, 170, 112}; /* pixels across of each view */
    fprintf(f, "<div class=\"gallery of-%s\" style=\"--n:%d;--px:%dpx\">\n", report_picture_class(&like->input), views,
            report_picture_width(&like->input, 96, large[views]));
    for (size_t i = 0; i < s->n; i++)
        TRY(put_card(f, m, scale, &s->v[i], e));
    fputs("</div>\n", f);
    return 0;
}

/* The columns that make a row abnormal, a line each: "shop moon (normal north 67 %, south 33 %) 71 %". */
static void put_reasons(FILE *f, const struct shown_sample *s)
{
    fputs("</td><td class=\"why\">", f);
    for (int i = 0; i < s->nreasons; i++) {
        const struct shown_reason *r = &s->reasons[i];
        fputs(i ? "<br><b>" : "<b>", f);
        html_text(f, r->column);
        fputs("</b> = <bdi>", f);
        html_text(f, r->value);
        fputs("</bdi> <span class=\"quiet\">(normal ", f);
        html_text(f, r->normal);
        fprintf(f, ") %.0f&#8239;%%</span>", 100 * r->share);
    }
}

static bool has_reasons(const struct gallery *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].nreasons)
            return true;
    return false;
}

/* Samples that are nothing to look at. */
static void put_list(FILE *f, const struct evaluation *m, const struct gallery *s)
{
    const bool reasons = has_reasons(s);
    fprintf(f,
            "<div class=\"wide\"><table class=\"list\"><thead><tr><th scope=\"col\">name</th><th "
            "scope=\"col\">kind</th><th scope=\"col\">verdict</th><th scope=\"col\">score</th><td></td>%s"
            "</tr></thead><tbody>\n",
            reasons ? "<th scope=\"col\" class=\"why\">columns, and their share of what is abnormal</th>" : "");
    for (size_t i = 0; i < s->n; i++) {
        fputs("<tr><th scope=\"row\"><bdi>", f);
        html_text(f, s->v[i].name);
        fputs("</bdi></th><td>", f);
        put_kind(f, &s->v[i]);
        fputs("</td><td>", f);
        put_verdict(f, m, &s->v[i]);
        fputs("</td><td>", f);
        html_digits(f, (double)s->v[i].score, 3);
        fputs("</td><td>", f);
        put_p_value(f, m, &s->v[i]);
        if (reasons)
            put_reasons(f, &s->v[i]);
        fputs("</td></tr>\n", f);
    }
    fputs("</tbody></table></div>\n", f);
}

/* A gallery whose emptiness is worth a word. */
static void put_none(FILE *f, const struct evaluation *m, enum gallery_kind g)
{
    if (g == GALLERY_MISSED && m->judged && m->decisions.anomalous)
        fputs("<h4>Missed</h4><p class=\"note\">None.</p>\n", f);
    if (g == GALLERY_FALSE_ALARMS && m->judged && m->decisions.normal)
        fputs("<h4>False alarms</h4><p class=\"note\">None.</p>\n", f);
}

static void bar_ends(FILE *f, const struct map_scale *scale)
{
    if (!scale->fixed) {
        fputs("<figcaption><span>least</span><span>most</span></figcaption>", f);
        return;
    }
    fputs("<figcaption><span>", f);
    html_digits(f, (double)scale->colors.low, 2);
    fputs(" normal</span>", f);
    if (isfinite(scale->colors.level)) {
        fputs("<span>outlined above ", f);
        html_digits(f, (double)scale->colors.level, 2);
        fputs("</span>", f);
    }
    fputs("<span>abnormal ", f);
    html_digits(f, (double)scale->colors.high, 2);
    fputs("</span></figcaption>", f);
}

static int put_bar(FILE *f, const struct map_scale *scale, struct err *e)
{
    uint8_t rgb[HEATMAP_COLORS * 3];
    struct picture p = {.width = HEATMAP_COLORS, .height = 1, .channels = 3, .pixels = rgb};
    heatmap_bar(&scale->colors, HEATMAP_COLORS, 1, rgb);
    if (!scale->fixed)
        fputs(
            "<p class=\"quiet\">This model was trained without held-out normal data, which would say what a normal map "
            "looks like: the colours go from the least to the most in the maps of this page.</p>\n",
            f);
    fputs("<figure class=\"scale\"><div class=\"ramp\">", f);
    TRY(html_picture(f, &p, HEATMAP_COLORS, "colors", "colour bar, from dark to light", e));
    if (isfinite(scale->colors.level))
        fprintf(f, "<i style=\"left:%.1f%%\"></i>",
                100 * (double)heatmap_position(&scale->colors, scale->colors.level));
    fputs("</div>", f);
    bar_ends(f, scale);
    fputs("</figure>\n", f);
    return 0;
}

struct shown {
    bool any, pictures, rebuilt, maps, masks;
};

static void add_shown(struct shown *shown, const struct gallery *g)
{
    for (size_t i = 0; i < g->n; i++) {
        shown->any = true;
        shown->pictures = shown->pictures || g->v[i].input.pixels;
        shown->rebuilt = shown->rebuilt || g->v[i].reconstruction;
        shown->maps = shown->maps || g->v[i].map;
        shown->masks = shown->masks || g->v[i].mask;
    }
}

static struct shown what_is_shown(const struct evaluation *m)
{
    struct shown shown = {0};
    for (int g = GALLERY_MOST_ANOMALOUS; g < GALLERIES; g++)
        add_shown(&shown, &m->galleries[g]);
    return shown;
}

/* What the outlines mean; ends the paragraph. */
static void outlines_note(FILE *f, const struct page *p, const struct shown *shown, float level)
{
    if (shown->maps && isfinite(level)) {
        fputs(" Outlined in blue: what the map has above its threshold, which at most ", f);
        html_percent(f, p->rate, report_percent_decimals(p->rate));
        fputs(" of normal ", f);
        html_text(f, p->samples);
        fputs(" reach anywhere.", f);
    }
    if (shown->masks)
        fputs(" Outlined in yellow: the defect as the data mark it.", f);
    fputs("</p>\n", f);
}

static void galleries_heading(FILE *f, const struct page *p, const struct shown *shown, float level)
{
    if (!shown->pictures) {
        fputs("<section><h3>What stands out</h3>\n<p class=\"note\">The ", f);
        html_text(f, p->samples);
        fputs(" at the ends of the scale, by name.</p>\n", f);
        return;
    }
    fputs("<section><h3>What it sees</h3>\n<p class=\"note\">Each card: ", f);
    fputs(shown->rebuilt ? "the input, what the model makes of it, and where the two differ. A model that knows only "
                           "normal data rebuilds everything as normal; what it cannot rebuild lights up."
          : shown->maps  ? "the input, and where it is unlike what the model knows as normal: that lights up."
                         : "the input.",
          f);
    fputs(shown->maps ? " The colours mean the same in every map." : "", f);
    outlines_note(f, p, shown, level);
}

int report_galleries(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    const struct shown shown = what_is_shown(m);
    const struct map_scale scale = report_map_scale(p, m);
    if (!shown.any)
        return 0;
    galleries_heading(f, p, &shown, scale.colors.level);
    if (shown.maps)
        TRY(put_bar(f, &scale, e));
    for (int g = GALLERY_MOST_ANOMALOUS; g < GALLERIES; g++) {
        const struct gallery *gallery = &m->galleries[g];
        if (!gallery->n) {
            put_none(f, m, (enum gallery_kind)g);
            continue;
        }
        gallery_heading(f, p, m, (enum gallery_kind)g);
        const struct shown_sample *first = first_pictured(gallery);
        if (first)
            TRY(put_cards(f, m, &scale.colors, gallery, first, e));
        else
            put_list(f, m, gallery);
    }
    fputs("</section>\n", f);
    return 0;
}

/* ---- the drawn samples, all models ---- */

typedef int put_cell(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e);

static int cell_input(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    (void)scale; /* one input stands above the maps of all models */
    return s->input.pixels ? report_input(f, s, INFINITY, e) : 0;
}

static int cell_reconstruction(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    (void)scale;
    return s->reconstruction ? report_reconstruction(f, s, e) : 0;
}

static int cell_map(FILE *f, const struct heatmap_scale *scale, const struct shown_sample *s, struct err *e)
{
    return s->map ? report_map(f, scale, s, e) : 0;
}

static int drawn_row(FILE *f, const struct page *p, const struct evaluation *m, const char *name, put_cell *put,
                     struct err *e)
{
    const struct map_scale scale = report_map_scale(p, m);
    const struct gallery *s = &m->galleries[GALLERY_DRAWN];
    fprintf(f, "<tr><th scope=\"row\">%s</th>", name);
    for (size_t i = 0; i < s->n; i++) {
        fputs("<td>", f);
        TRY(put(f, &scale.colors, &s->v[i], e));
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
    fputs("<thead><tr><td></td>", f);
    for (size_t i = 0, span; i < s->n; i += span) {
        for (span = 1; i + span < s->n && same_kind(&s->v[i], &s->v[i + span]); span++)
            ;
        fprintf(f, "<th scope=\"colgroup\" colspan=\"%zu\">", span);
        put_kind(f, &s->v[i]);
        fputs("</th>", f);
    }
    fputs("</tr></thead>\n", f);
}

static void drawn_verdicts(FILE *f, const struct evaluation *m, const struct gallery *s)
{
    if (!m->judged)
        return;
    fputs("<tr class=\"verdicts\"><th scope=\"row\">verdict</th>", f);
    for (size_t i = 0; i < s->n; i++) {
        fputs("<td>", f);
        put_verdict(f, m, &s->v[i]);
        put_p_value(f, m, &s->v[i]);
        fputs("</td>", f);
    }
    fputs("</tr>\n", f);
}

static int drawn_model(FILE *f, const struct page *p, const struct evaluation *m, struct err *e)
{
    const struct gallery *s = &m->galleries[GALLERY_DRAWN];
    const struct shown_sample *first = first_pictured(s);
    if (p->n > 1)
        fprintf(f, "<tbody><tr class=\"who\"><th scope=\"rowgroup\" colspan=\"%d\">%s</th></tr>\n", GALLERY_PICKS + 1,
                m->file->model->name);
    else
        fputs("<tbody>\n", f);
    if (first && first->reconstruction)
        TRY(drawn_row(f, p, m, "rebuilt", cell_reconstruction, e));
    if (first && first->map)
        TRY(drawn_row(f, p, m, "heat map", cell_map, e));
    drawn_verdicts(f, m, s);
    fputs("</tbody>\n", f);
    return 0;
}

int report_drawn(FILE *f, const struct page *p, struct err *e)
{
    const struct gallery *drawn = &p->evaluations[0]->galleries[GALLERY_DRAWN];
    const struct shown_sample *first = first_pictured(drawn);
    struct shown shown = {0};
    if (!first)
        return 0;
    add_shown(&shown, drawn);
    fputs("<section><h2>A look at the data</h2>\n<p class=\"note\">Drawn evenly over the data, not picked by score.",
          f);
    fputs(shown.rebuilt ? " Bright spots are what the model could not rebuild."
          : shown.maps  ? " Bright spots are unlike what the model knows as normal."
                        : "",
          f);
    outlines_note(f, p, &shown, report_map_scale(p, p->evaluations[0]).colors.level);
    fprintf(f,
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"drawn samples\">"
            "<table class=\"drawn\" style=\"--px:%dpx\">\n",
            report_picture_width(&first->input, 85, 84));
    drawn_heads(f, drawn);
    fputs("<tbody>\n", f);
    TRY(drawn_row(f, p, p->evaluations[0], "input", cell_input, e));
    fputs("</tbody>\n", f);
    for (size_t i = 0; i < p->n; i++)
        if (p->evaluations[i]->galleries[GALLERY_DRAWN].n)
            TRY(drawn_model(f, p, p->evaluations[i], e));
    fputs("</table></div></section>\n", f);
    return 0;
}
