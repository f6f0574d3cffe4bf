/* The memories: how their items are used, and what they look like. */
#include "report/html.h"
#include "report/report_part.h"

#include <math.h>

static int put_item(FILE *f, const struct shown_memory *memory, int i, double most, struct err *e)
{
    const struct memory_use *use = &memory->use;
    struct picture p = memory->format;
    double weight = use->weight[memory->items[i]], share = use->rows ? weight / (double)use->rows : 0;
    p.pixels = memory->pictures + (size_t)i * (size_t)p.width * (size_t)p.height * (size_t)p.channels;
    fprintf(f, "<figure class=\"item%s\">", weight > 0 ? "" : " dead");
    TRY(html_picture(f, &p, PICTURE_SIDE / 2, report_picture_class(&p), "", e));
    fprintf(f, "<i style=\"--share:%.1f%%\"></i><figcaption title=\"item %lld\">", most > 0 ? 100 * weight / most : 0,
            (long long)memory->items[i]);
    if (!(weight > 0))
        fputs("dead", f);
    else if (share < 0.0005)
        fputs("&lt;&nbsp;0.1&nbsp;%", f);
    else
        html_percent(f, share, share >= 0.0995 ? 0 : 1);
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
        fprintf(f, "<div class=\"items\" style=\"--px:%dpx\">\n", report_picture_width(&memory->format, 64, 80));
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

int report_memories(FILE *f, const struct evaluation *m, struct err *e)
{
    for (int k = 0; k < m->nmemories; k++)
        TRY(put_memory(f, &m->memories[k], m->nmemories > 1, e));
    return 0;
}
