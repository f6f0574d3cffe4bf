#include "page.h"

#include "support/files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_OF struct toy_config
// clang-format off
static const struct option toy_options[] = {
    ROW_INT(items, "50", 1, 1e6, "memory items"),
    ROW_FLOAT(shrink, "1", 0, 9, "threshold <in> 1/N"),
    {0}};
// clang-format on

static const struct model toy = {
    .name = "toy",
    .title = "Toy & model",
    .paper = "Nobody <et al.>",
    .idea = "Does \"nothing\".",
    .options = toy_options,
    .config_bytes = sizeof(struct toy_config),
};

static void fill_file(struct fixture *x)
{
    struct model_file *c = &x->file;
    c->model = &toy;
    x->config = (struct toy_config){ITEMS, 1};
    c->config = &x->config;
    options_default(train_options, &c->train);
    c->input.sample = SHAPE(SIDE, SIDE, 1);
    for (int i = 0; i < HELD_OUT; i++) {
        x->held_out[i] = 0.1f + 0.001f * (float)i;
        x->peaks[i] = 0.5f + 0.001f * (float)i;
    }
    c->calibration = (struct calibration){HELD_OUT, x->held_out, x->peaks, 0.01f, 0.5f};
    for (int i = 0; i < 3; i++)
        x->rows[i] = (struct epoch_row){.loss = {1.0 / (i + 1)}, .validation = 0.9 / (i + 1), .watch = {i}};
    c->curve = (struct curve){3, 1, 1, {"reconstruction"}, {"entropy & co"}, x->rows};
    c->kept_epoch = 3;
    c->version = "0.1.0";
    c->date = "2020-01-01";
    c->data = "folder<script>";
    c->data_summary = "";
}

static void fill_scores(struct fixture *x)
{
    uint8_t anomalous[SAMPLES], flagged[SAMPLES];
    struct err e = ERR_INIT;
    for (int i = 0; i < SAMPLES; i++) {
        x->truth[i] = (int8_t)(i % 2);
        x->scores[i] = 0.1f + 0.001f * (float)(i / 2) + (i % 2 ? 0.05f : 0);
        x->p_values[i] = calibration_p_value(&x->file.calibration, x->scores[i]);
        anomalous[i] = (uint8_t)x->truth[i];
        flagged[i] = x->p_values[i] <= 0.1;
    }
    assert_int_equal(metrics_compute(x->scores, anomalous, SAMPLES, &x->model[0].metrics, &e), 0);
    metrics_decisions(flagged, anomalous, SAMPLES, &x->model[0].decisions);
    x->kinds[0] = (struct kind_metrics){"scratch", 60, 0.8, 0.5, {0.85, 0.4, 0.65, 9}};
    x->kinds[1] = (struct kind_metrics){"d<e>nt", 40, NAN, NAN, pixel_rates_unknown};
}

static void fill_pictures(struct fixture *x)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        x->map[i] = i % SIDE > 10 && i / SIDE > 10 ? 1 : 0.02f;
        x->mask[i] = i % SIDE > 12;
        memset(x->pixels + 3 * i, i % 251, 3);
    }
    for (int i = 0; i < ITEMS; i++)
        x->weight[i] = i == 1 ? 0.001 : i;
    x->memories[0].use = (struct memory_use){
        .items = ITEMS,
        .rows = 15,
        .weight = x->weight,
        .best = x->best,
        .dead = 1,
        .entropy = 0.7,
        .rows_one_item = 0.25,
    };
}

static void fill_galleries(struct fixture *x)
{
    for (int g = 0; g < GALLERIES; g++) {
        size_t picks[GALLERY_PICKS];
        size_t n = gallery_pick((enum gallery_kind)g, &x->model[0].scores, x->model[0].rate, picks);
        for (size_t i = 0; i < n; i++)
            x->samples[g][i] = (struct shown_sample){
                .name = "a&b/\xff\x1b<img src=x>\".png",
                .kind = x->truth[picks[i]] ? "d<e>nt" : "good",
                .truth = x->truth[picks[i]],
                .score = x->scores[picks[i]],
                .p_value = x->p_values[picks[i]],
                .input = {SIDE, SIDE, 3, x->pixels},
                .reconstruction = x->pixels,
                .map = x->map,
                .mask = x->mask,
            };
        x->model[0].galleries[g] = (struct gallery){x->samples[g], n};
    }
}

struct fixture *full_report(void)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    fill_file(x);
    fill_scores(x);
    fill_pictures(x);
    struct evaluation *m = &x->model[0];
    m->file = &x->file;
    m->calibration = &x->file.calibration;
    m->scores = (struct sample_scores){.n = SAMPLES, .score = x->scores, .p_value = x->p_values, .truth = x->truth};
    m->kinds = x->kinds;
    m->nkinds = 2;
    m->pixels = (struct pixel_rates){0.9, 0.4, 0.7, 12};
    m->by_auroc[BY_MODEL] = 0.8125;
    m->by_auroc[BY_MAP] = 0.9375;
    m->train_seconds = 75;
    m->score_seconds = 0.2;
    m->peak_bytes = 123456789;
    m->data = "d'ata";
    m->data_summary = "two\n<lines>";
    m->samples = "pictures";
    m->rate = 0.1;
    m->judged = true;
    m->skipped = 1;
    x->memories[0].name = "first";
    x->memories[0].n = gallery_pick_items(&x->memories[0].use, x->memories[0].items);
    x->memories[0].format = (struct picture){SIDE, SIDE, 1, NULL};
    x->memories[0].pictures = x->pictures;
    m->memories = x->memories;
    m->nmemories = 1;
    x->all[0] = &x->model[0];
    x->all[1] = &x->model[1];
    x->job = (struct report_job){.evaluations = x->all, .n = 1, .title = "T <b> & \"q\"", .date = "2020-02-02"};
    fill_galleries(x);
    return x;
}

int write_to(const struct fixture *x, const char *path, bool force, struct err *e)
{
    struct report_job job = x->job;
    job.path = path;
    job.force = force;
    return report_write(&job, e);
}

char *write_report(const struct fixture *x)
{
    struct err e = ERR_INIT;
    const char *path = in_folder("page.html");
    if (write_to(x, path, true, &e))
        fail_msg("%s", e.msg);
    return read_file(path, NULL);
}

/* ---- checks of a page ---- */

static bool void_element(const char *name, size_t n)
{
    static const char *const names[] = {"meta", "img", "br"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && !strncmp(names[i], name, n))
            return true;
    return false;
}

/* Every tag is closed by its own, in order, and attributes have their quotes. */
static void check_tags(const char *page)
{
    enum { DEPTH = 64 };
    const char *open[DEPTH];
    size_t length[DEPTH];
    int depth = 0;
    for (const char *p = strchr(page, '<'); p; p = strchr(p, '<')) {
        bool closes = p[1] == '/';
        const char *name = p + 1 + closes;
        size_t n = strcspn(name, " >/\n");
        const char *end = p;
        for (bool quoted = false; *end && (quoted || *end != '>'); end++)
            quoted ^= *end == '"';
        assert_int_equal(*end, '>');
        bool single = end[-1] == '/' || *name == '!' || void_element(name, n);
        if (closes) {
            assert_true(depth > 0);
            depth--;
            if (length[depth] != n || strncmp(open[depth], name, n))
                fail_msg("<%.*s> is closed by </%.*s>", (int)length[depth], open[depth], (int)n, name);
        } else if (!single) {
            assert_true(depth < DEPTH);
            open[depth] = name;
            length[depth++] = n;
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}

/* The page without its pictures, whose letters may spell anything. */
static char *without_pictures(const char *page)
{
    static const char mark[] = "base64,";
    char *text = malloc(strlen(page) + 1), *to = text;
    assert_non_null(text);
    while (*page) {
        if (!strncmp(page, mark, sizeof mark - 1))
            page += strcspn(page, "\"");
        else
            *to++ = *page++;
    }
    *to = 0;
    return text;
}

/* Whether `word` stands in the text with nothing of a word on either side. */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
        bool before = p > text && ((p[-1] >= 'a' && p[-1] <= 'z') || (p[-1] >= 'A' && p[-1] <= 'Z'));
        bool after = (p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z');
        if (!before && !after)
            return true;
    }
    return false;
}

void check_page(const char *page)
{
    char *text = without_pictures(page);
    check_tags(text);
    assert_false(has_word(text, "nan"));
    assert_false(has_word(text, "inf"));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "//"));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "<link"));
    assert_null(strstr(text, "url("));
    assert_non_null(strstr(text, "default-src 'none'"));
    free(text);
}
