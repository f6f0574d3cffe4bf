/* The report's page: well-formed, complete, self-contained, and never half. */
#include "page.h"
#include "support/files.h"

#include "base/file.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_report(const struct fixture *x)
{
    char *page = write_report(x);
    check_page(page);
    free(page);
}

static void test_full_page(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "Average precision"));
    assert_non_null(strstr(page, "The memory"));
    assert_non_null(strstr(page, "Pixel AUROC"));
    assert_non_null(strstr(page, "1 sample could not be read"));
    assert_non_null(strstr(page, "class=\"item dead\""));
    /* 100 held-out samples: rates of 1 % and less are below 1/101. */
    assert_non_null(strstr(page, "needs 999 held-out normal samples, there are 100"));
    /* At 10 % that is 10 of 101 places; 3 to 19 of the 100 normal samples are 19 in 20 of what Beta(10, 91) makes. */
    assert_non_null(strstr(page, "expected: 9.9&nbsp;%, by chance 3.0 to&nbsp;19.0&nbsp;%"));
    /* ... and 13.8 % what Beta(10, 91) stays below nine times in ten. */
    assert_non_null(strstr(page, "10&nbsp;%</th><td>13.8&nbsp;%</td><td>0.190</td>"));
    /* The style sheet is there as it was written. */
    assert_non_null(strstr(page, "    content: \"\"; display: inline-block;"));
    /* Colours are those of the calibration, whatever the maps at hand: the 95th of 100 peaks and half as much again. */
    assert_non_null(
        strstr(page, "<span>0.010 normal</span><span>outlined above 0.59</span><span>abnormal 0.89</span>"));
    assert_null(strstr(page, "trained without held-out"));
    /* Pictures of 20 pixels are shown in whole multiples: 4 in cards and in the table, 3 in the memory. */
    assert_non_null(strstr(page, "<div class=\"gallery of-crisp\" style=\"--n:3;--px:80px\">"));
    assert_non_null(strstr(page, "<table class=\"drawn\" style=\"--px:80px\">"));
    assert_non_null(strstr(page, "<div class=\"items\" style=\"--px:60px\">"));
    /* What is marked and what is found is outlined on the input, what is found on the map too. */
    assert_non_null(strstr(page, "which at most 10&nbsp;% of normal pictures reach anywhere."));
    assert_non_null(strstr(page, "aria-hidden=\"true\"><path d=\"M11 11h9M11 20h9M11 11v9M20 11v9\"/></svg>"
                                 "<svg class=\"outline truth\""));
    /* The least used of the items that are used at all. */
    assert_non_null(strstr(page, ">&lt;&nbsp;0.1&nbsp;%</figcaption>"));
    /* items was changed, shrink has its default. */
    assert_non_null(strstr(page, "<div><dt title=\"memory items\">items</dt><dd>6</dd></div>"));
    assert_non_null(strstr(page, "<div class=\"usual\"><dt title=\"threshold &lt;in&gt; 1/N\">shrink</dt>"));
    free(page);
    free(x);
}

/* Every kind that has masks, the hardest first, and all of them; the bar of 0.65 fills (0.65 - 0.15) / 0.85. */
static void test_where_the_defects_are(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    char *page = write_report(x);
    assert_says(page, "<th scope=\"row\">scratch</th><td>9</td><td>0.850</td><td>0.400</td>"
                      "<td class=\"bar\"><span>0.650</span><i style=\"--share:58.8%\"></i></td>");
    assert_says(page, "<b>AUPRO</b> every connected region");
    assert_null(strstr(page, "<th scope=\"row\">all</th>")); /* of one kind it would say the same again */
    assert_null(strstr(page, "Min-max"));
    free(page);
    x->kinds[1].pixels = (struct pixel_rates){0.5, 0.1, 0.1, 3}; /* worse than guessing: no bar */
    x->model[0].has_min_max = true;
    x->model[0].min_max.f1 = 0.375;
    page = write_report(x);
    check_page(page);
    const char *dent = strstr(page, "<td>0.500</td><td>0.100</td><td class=\"bar\"><span>0.100</span>"
                                    "<i style=\"--share:0.0%\">");
    const char *scratch = strstr(page, "<span>0.650</span>");
    const char *all = strstr(page, "<tr class=\"chosen\"><th scope=\"row\">all</th><td>12</td><td>0.900</td>");
    assert_true(dent && scratch && all && dent < scratch && scratch < all);
    assert_says(page, "<dt>Min-max F1</dt><dd>0.375");
    assert_says(page, "<b>Min-max F1</b> puts a threshold");
    free(page);
    x->model[0].pixels = pixel_rates_unknown;
    page = write_report(x);
    assert_null(strstr(page, "Where the defects are"));
    assert_null(strstr(page, "AUPRO"));
    free(page);
    free(x);
}

static void test_every_text_is_escaped(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    char *page = write_report(x);
    assert_non_null(strstr(page, "<h1>T &lt;b&gt; &amp; &quot;q&quot;</h1>"));
    assert_non_null(strstr(page, "a&amp;b/\xef\xbf\xbd\xef\xbf\xbd&lt;img src=x&gt;&quot;.png"));
    assert_non_null(strstr(page, "two\n&lt;lines&gt;"));
    assert_non_null(strstr(page, "d&lt;e&gt;nt"));
    assert_null(strstr(page, "d<e>nt"));
    assert_null(strstr(page, "<img src=x"));
    assert_null(strchr(page, '\x1b'));
    assert_null(strstr(page, "Toy & model"));
    free(page);
    free(x);
}

static void test_several_models(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    x->model[1] = x->model[0];
    x->model[1].nmemories = 0;
    x->model[1].train_seconds = 50;
    x->job.n = 2;
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "Side by side"));
    assert_non_null(strstr(page, "id=\"model-2\""));
    assert_non_null(strstr(page, "<th scope=\"row\">scratch</th><td class=\"best\">0.800</td>"));
    assert_non_null(strstr(page, "AUPRO by kind of anomaly"));
    assert_non_null(strstr(page, "<th scope=\"row\">scratch</th><td class=\"best\">0.650</td>"));
    assert_non_null(strstr(page, "<td class=\"best\">50.0&nbsp;s</td>")); /* 75 s are not the best */
    assert_null(strstr(page, "<td class=\"best\">1&nbsp;min 15&nbsp;s</td>"));
    free(page);
    free(x);
}

/* What is not alike is not set side by side. */
static void test_other_data_or_promise(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct err data = ERR_INIT, rate = ERR_INIT;
    const char *path = in_folder("mixed.html");
    x->model[1] = x->model[0];
    x->job.n = 2;
    x->model[1].fingerprint++;
    assert_int_equal(write_to(x, path, false, &data), ERR_USAGE);
    assert_says(data.msg, "same data");
    x->model[1].fingerprint--;
    x->model[1].rate = 0.2;
    assert_int_equal(write_to(x, path, false, &rate), ERR_USAGE);
    assert_says(rate.msg, "same promise");
    assert_int_equal(file_kind(path), FILE_ABSENT);
    free(x);
}

static void test_parts_and_memories(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct evaluation *m = &x->model[0];
    m->parts[0] = (struct part_metrics){"err<or", 0.75};
    m->parts[1] = (struct part_metrics){"latent", NAN};
    m->nparts = 2;
    x->memories[1] = x->memories[0];
    x->memories[1].name = "second";
    m->nmemories = 2;
    char *page = write_report(x);
    check_page(page);
    assert_says(page, "AUROC of err&lt;or");
    assert_null(strstr(page, "AUROC of latent"));
    assert_says(page, "<h3>first</h3>");
    assert_says(page, "<h3>second</h3>");
    free(page);
    free(x);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void test_stopped(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct err e = ERR_INIT;
    const char *path = in_folder("stopped.html");
    x->job.should_stop = stop_at_once;
    assert_int_equal(write_to(x, path, false, &e), ERR_STOPPED);
    assert_int_equal(file_kind(path), FILE_ABSENT);
    free(x);
}

static void test_without_labels(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct evaluation *m = &x->model[0];
    m->scores.truth = NULL;
    m->metrics = (struct metrics){0};
    m->decisions = (struct decision_rates){0};
    m->nkinds = 0;
    m->pixels = pixel_rates_unknown;
    for (int g = 0; g < GALLERIES; g++)
        for (int i = 0; i < GALLERY_PICKS; i++)
            x->samples[g][i].truth = -1;
    m->galleries[GALLERY_FALSE_ALARMS].n = m->galleries[GALLERY_MISSED].n = 0;
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "The data have no labels"));
    assert_null(strstr(page, "Missed"));
    assert_null(strstr(page, "False alarms"));
    assert_null(strstr(page, "<dt>AUROC"));
    free(page);
    free(x);
}

static void test_without_misses(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    x->model[0].galleries[GALLERY_FALSE_ALARMS].n = x->model[0].galleries[GALLERY_MISSED].n = 0;
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "<h4>Missed</h4><p class=\"note\">None.</p>"));
    assert_non_null(strstr(page, "<h4>False alarms</h4><p class=\"note\">None.</p>"));
    free(page);
    free(x);
}

static void test_one_class_only(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    uint8_t anomalous[SAMPLES] = {0}, flagged[SAMPLES] = {0};
    struct err e = ERR_INIT;
    memset(x->truth, 0, sizeof x->truth);
    for (int g = 0; g < GALLERIES; g++)
        for (int i = 0; i < GALLERY_PICKS; i++)
            x->samples[g][i].truth = 0;
    x->model[0].galleries[GALLERY_MISSED].n = 0;
    metrics_compute(x->scores, anomalous, SAMPLES, &x->model[0].metrics, &e);
    metrics_decisions(flagged, anomalous, SAMPLES, &x->model[0].decisions);
    x->model[0].nkinds = 0;
    char *page = write_report(x);
    check_page(page);
    assert_says(page, "raised a false alarm on <span class=\"normal\">0 of 200 normal pictures</span> (0.0&nbsp;%).");
    assert_says(page, "Is the promise kept?");
    assert_says(page, "no anomalous samples among the 200");
    assert_says(page, "<th scope=\"col\">false alarms</th></tr>");
    assert_null(strstr(page, ">found<"));
    assert_null(strstr(page, ">anomalous<"));
    assert_null(strstr(page, "Missed"));
    free(page);
    free(x);
}

static void test_with_nothing(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    x->model[0] = (struct evaluation){.file = &x->file,
                                      .calibration = &x->file.calibration,
                                      .data = "x",
                                      .samples = "rows",
                                      .rate = 0.05,
                                      .pixels = pixel_rates_unknown,
                                      .by_auroc = {NAN, NAN},
                                      .train_seconds = NAN,
                                      .score_seconds = NAN};
    x->file.calibration = (struct calibration){0};
    x->file.curve.epochs = 0;
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "no threshold"));
    assert_null(strstr(page, "<svg"));
    assert_null(strstr(page, "<img"));
    free(page);
    free(x);
}

static void test_odd_numbers(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    x->rows[0].validation = x->rows[1].validation = x->rows[2].validation = NAN;
    x->rows[1].loss[0] = INFINITY;
    x->map[3] = NAN;
    x->map[4] = INFINITY;
    for (int i = 0; i < SAMPLES; i++)
        x->scores[i] = i % 3 ? 0 : -2;
    x->memories[0].use.rows = 0;
    x->model[0].rate = 1e-5; /* below what 100 held-out samples can promise: no threshold */
    char *page = write_report(x);
    check_page(page);
    assert_non_null(strstr(page, "The smallest rate they can promise is 0.99&nbsp;%."));
    free(page);
    for (int i = 0; i < SAMPLES; i++)
        x->scores[i] = 7;
    x->model[0].rate = 1;
    check_report(x);
    x->file.curve.epochs = 1;
    x->model[0].scores.n = 1;
    check_report(x);
    free(x);
}

/* Rows of numbers: what stands out is a list. */
static void test_nothing_to_look_at(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    x->model[0].samples = "rows";
    x->model[0].pixels = pixel_rates_unknown;
    for (int g = 0; g < GALLERIES; g++)
        for (int i = 0; i < GALLERY_PICKS; i++) {
            struct shown_sample *s = &x->samples[g][i];
            *s = (struct shown_sample){s->name, s->kind, s->truth, s->score, s->p_value, .mask = NULL};
        }
    x->memories[0].pictures = NULL;
    char *page = write_report(x);
    check_page(page);
    assert_says(page, "normal rows</span>");
    assert_says(page, "What stands out");
    assert_says(page, "<bdi>a&amp;b/\xef\xbf\xbd\xef\xbf\xbd&lt;img src=x&gt;&quot;.png</bdi>");
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "normal pictures"));
    assert_null(strstr(page, "heat map"));
    free(page);
    free(x);
}

/* One sample could not be read a second time: the others are shown. */
static void test_a_sample_without_pictures(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    for (int g = 0; g < GALLERIES; g++) {
        struct shown_sample *s = &x->samples[g][0];
        *s = (struct shown_sample){s->name, s->kind, s->truth, s->score, s->p_value, .mask = NULL};
    }
    char *page = write_report(x);
    check_page(page);
    assert_says(page, "A look at the data");
    assert_says(page, "<th scope=\"row\">heat map</th><td></td><td><span");
    assert_null(strstr(page, "class=\"list\""));
    free(page);
    free(x);
}

static void test_without_calibration(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct evaluation *m = &x->model[0];
    x->file.calibration = (struct calibration){0};
    m->judged = false;
    m->galleries[GALLERY_FALSE_ALARMS].n = m->galleries[GALLERY_MISSED].n = 0;
    char *page = write_report(x);
    check_page(page);
    assert_says(page, "it has scores but no threshold");
    assert_says(page, "trained without held-out normal data, which would say what a normal map looks like");
    assert_says(page, "<span>least</span><span>most</span>");
    static const char *const verdicts[] = {">found<", "missed", "not flagged<", "p&nbsp;", "Missed", "False alarms"};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strstr(page, verdicts[i]))
            fail_msg("a page of no verdicts says '%s'", verdicts[i]);
    free(page);
    free(x);
}

/* A locale whose numbers have a comma, made here: hardly a machine has one. glibc's file of LC_NUMERIC: magic, six
 * offsets, decimal point, separator, grouping, the first two as wide characters, character set. */
static void comma_locale(void)
{
    static const char file[] = "\x14\x11\x03\x20\6\0\0\0\x20\0\0\0\x22\0\0\0\x23\0\0\0\x24\0\0\0\x28\0\0\0\x2c\0\0\0"
                               ",\0\0\0,\0\0\0\0\0\0\0UTF-8";
    write_file(in_folder("comma/LC_NUMERIC"), file, sizeof file);
    setenv("LOCPATH", in_folder("."), 1);
    assert_non_null(setlocale(LC_NUMERIC, "comma"));
    unsetenv("LOCPATH");
}

/* A comma for the decimal point, which other locales have, would spoil every drawing. */
static void test_locale_does_not_matter(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    char *plain = write_report(x), text[8];
    comma_locale();
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5");
    char *page = write_report(x);
    assert_true(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
    assert_string_equal(page, plain);
    free(page);
    setlocale(LC_ALL, "C");
    free(plain);
    free(x);
}

static void test_existing_file_is_kept(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct err e = ERR_INIT;
    const char *path = in_folder("kept.html");
    write_file(path, "mine", 4);
    assert_int_equal(write_to(x, path, false, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "kept.html"));
    char *text = read_file(path, NULL);
    assert_string_equal(text, "mine");
    free(text);
    e = ERR_INIT;
    assert_int_equal(write_to(x, path, true, &e), 0);
    text = read_file(path, NULL);
    assert_null(strstr(text, "mine"));
    free(text);
    free(x);
}

static void test_nothing_to_write(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct err none = ERR_INIT, hole = ERR_INIT, nowhere = ERR_INIT;
    const char *path = in_folder("none.html");
    assert_int_equal(report_write(&(struct report_job){.path = path}, &none), ERR_USAGE);
    assert_says(none.msg, "at least one model");
    x->all[1] = NULL;
    x->job.n = 2;
    assert_int_equal(write_to(x, path, false, &hole), ERR_USAGE);
    assert_says(hole.msg, "evaluation 2 is NULL");
    assert_int_equal(write_to(x, NULL, false, &nowhere), ERR_USAGE);
    assert_int_equal(file_kind(path), FILE_ABSENT);
    free(x);
}

static void test_unwritable_folder(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    struct err e = ERR_INIT;
    const char *path = in_folder("absent/page.html");
    assert_int_equal(write_to(x, path, false, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "absent"));
    free(x);
}

/* A curve a video, shaded where it is anomalous, and what is seen at its peaks. */
static void videos_have_curves(void **state)
{
    (void)state;
    struct fixture *x = full_report();
    double *time = malloc(SAMPLES * sizeof *time);
    struct video_curve curves[2] = {{.name = "first <video>", .n = SAMPLES / 2, .peaks = 1, .place = {7}},
                                    {.name = "second", .first = SAMPLES / 2, .n = SAMPLES / 2}};
    for (int i = 0; i < SAMPLES; i++) {
        time[i] = i % (SAMPLES / 2) / 25.0;
        x->truth[i] = i >= 20 && i < 40;
    }
    curves[0].peak[0] = x->samples[GALLERY_MOST_ANOMALOUS][0];
    x->model[0].videos = (struct video_metrics){.n = 2, .time = time, .curves = curves};
    char *page = write_report(x);
    check_page(page);
    const char *section = strstr(page, "<h3>Videos</h3>");
    assert_non_null(section);
    assert_says(section, "first &lt;video&gt;");
    assert_says(section, "second");
    assert_says(section, "class=\"truth\"");
    assert_says(section, "class=\"line score\"");
    assert_says(section, "0.28&nbsp;s");
    free(page);
    free(time);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_page),
        cmocka_unit_test(test_where_the_defects_are),
        cmocka_unit_test(test_every_text_is_escaped),
        cmocka_unit_test(test_several_models),
        cmocka_unit_test(test_other_data_or_promise),
        cmocka_unit_test(test_parts_and_memories),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_without_labels),
        cmocka_unit_test(test_without_misses),
        cmocka_unit_test(test_one_class_only),
        cmocka_unit_test(test_with_nothing),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_nothing_to_look_at),
        cmocka_unit_test(test_a_sample_without_pictures),
        cmocka_unit_test(test_without_calibration),
        cmocka_unit_test(test_locale_does_not_matter),
        cmocka_unit_test(test_existing_file_is_kept),
        cmocka_unit_test(test_nothing_to_write),
        cmocka_unit_test(test_unwritable_folder),
        cmocka_unit_test(videos_have_curves),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
