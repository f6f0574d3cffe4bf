/* Evaluation: pictures and rows made by hand, and a model whose scores, parts, maps and memories can be worked out on
 * paper: every number is the exact one. */
#include "run/evaluate.h"

#include "data/kind.h"
#include "data/source.h"
#include "nn/ops.h"
#include "run/forward.h"
#include "support/files.h"
#include "support/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 6, HEIGHT = 4, PIXELS = WIDTH * HEIGHT, COLUMNS = 2, HELD = 19 };

/* ---- a model like glass ----
 *
 * A value v from -1 to 1 has brightness b = (v + 1) / 2, its pixel / 255. The map is b, the score is half the mean of b
 * ("level") and half the mean of v^2 ("contrast"), the output is v / 2. Of memory "sign" dark values use item 1, bright
 * ones item 0, none item 2; of memory "even" all use both items alike. */

static struct node *memory(struct graph *g, struct heads *h, const char *name, const char *items, int n)
{
    struct shape values = SHAPE(shape_count(&h->input->shape), 1);
    struct node *rows = op_reshape(g, h->input, values);
    struct node *param = graph_param(g, items, SHAPE(n, 1), GROUP_MAIN, (struct init){.kind = INIT_CONSTANT});
    struct node *attention = op_attend(g, rows, param, (struct attend_spec){.similarity = SIM_DOT, .scale = 1});
    h->memories[h->nmemories++] = (struct memory){name, items, attention};
    return attention;
}

static void build(struct graph *g, const void *config, struct shape input, struct heads *h)
{
    (void)config;
    *h = (struct heads){.input = graph_input(g, "input", input)};
    h->target = h->input;
    h->output = op_scale(g, h->input, 0.5f, 0);
    struct node *brightness = op_scale(g, h->input, 0.5f, 0.5f);
    if (input.nd == 4)
        h->map = brightness;
    h->scores[h->nscores++] = (struct score_part){"level", op_sample_mean(g, brightness), 0.5f};
    h->scores[h->nscores++] = (struct score_part){"contrast", op_sample_mean(g, op_square_mean(g, h->input)), 0.5f};
    memory(g, h, "sign", "sign.items", 3);
    memory(g, h, "even", "even.items", 2);
}

static int accept(const void *config, const struct shape *sample, struct err *e)
{
    (void)config, (void)sample, (void)e;
    return 0;
}

static const struct option no_options[] = {{0}};
static const struct preset no_presets[] = {{0}};
static const struct model glass = {.name = "glass",
                                   .title = "Glass",
                                   .paper = "none",
                                   .idea = "Lets everything through.",
                                   .options = no_options,
                                   .config_bytes = 1,
                                   .presets = no_presets,
                                   .takes = TAKES_PICTURES | TAKES_ROWS,
                                   .check = accept,
                                   .build = build};

const struct model *const models[] = {&glass, NULL};

/* ---- rows: three normal ones, two odd ones, and one of which nothing is known; in "rows:odd" all are odd ---- */

static const float rows[][COLUMNS] = {{0.1f, 0.1f}, {0, 0}, {0.2f, 0.2f}, {0.5f, 0.5f}, {1, 1}, {0.4f, 0.4f}};
static const int row_truth[] = {-1, 0, 0, 0, 1, 1};

static int open_rows(struct part *p, struct err *e)
{
    p->shape = SHAPE(COLUMNS);
    for (int64_t i = 0; i < (int64_t)(sizeof rows / sizeof *rows); i++) {
        char name[16];
        snprintf(name, sizeof name, "row/%lld", (long long)i);
        struct sample s = {.name = name, .path = p->url, .index = i, .kind = "", .label = -1};
        s.anomalous = strcmp(p->path, "odd") ? row_truth[i] : 1;
        TRY(part_add(p, SPLIT_TEST, &s, e));
    }
    return 0;
}

static int read_row(const struct part *p, const struct sample *s, float *out, struct err *e)
{
    (void)p, (void)e;
    memcpy(out, rows[s->index], sizeof rows[0]);
    return 0;
}

static const struct source source_rows = {.name = "rows",
                                          .help = "made by hand",
                                          .options = no_options,
                                          .options_size = 1,
                                          .kind = &kind_rows,
                                          .open = open_rows,
                                          .row = read_row};
extern const struct source source_images;

const struct source *const sources[] = {&source_images, &source_rows, NULL};

/* ---- its file ---- */

/* At a rate of 0.1 two of the 20 places: what is above the second largest is flagged. */
static bool knows_usual; /* mean 0.2 and deviation 1 of all positions: its map is (b - 0.2) / 1.3 */
static float held_out[HELD] = {[HELD - 2] = 0.3f, [HELD - 1] = 0.6f}, peaks[HELD];

static struct loaded *load_glass_with(const char *kind, struct shape sample, int n, size_t held, const uint8_t *roi)
{
    static const float halves[COLUMNS] = {0.5f, 0.5f};
    struct err e = ERR_INIT;
    struct loaded *loaded = NULL;
    struct forward f;
    struct params *params = params_new();
    struct model_file file = {.model = &glass, .config = (char[1]){0}, .date = "", .data = "", .data_summary = ""};
    options_default(train_options, &file.train);
    file.input = (struct preprocess){
        .kind = kind_find(kind, &e), .sample = sample, .n = n, .mean = halves, .std = halves, .roi = roi};
    file.calibrated = (int64_t)held;
    file.calibration = (struct calibration){held, held_out, n == 1 ? peaks : NULL, 0, 1};
    float mean = 0.2f, deviation = 1;
    file.train.map_blur = 0;
    if (knows_usual) {
        file.usual = (struct usual){1, &mean, &deviation};
        file.map_calibration = file.calibration;
    }
    const struct forward_spec spec = {
        .model = &glass, .config = file.config, .params = params, .sample = sample, .batch = 1, .threads = 1};
    const char *path = in_folder("%s.safetensors", kind);
    if (forward_build(&f, &spec, &e) || params_allocate(params, 1, false, &e))
        fail_msg("%s", e.msg);
    forward_free(&f);
    float *sign = params_find(params, "sign.items")->value;
    sign[0] = 1000;
    sign[1] = -1000;
    if (model_file_write(path, true, &file, params, &e) || loaded_open(path, &loaded, &e))
        fail_msg("%s", e.msg);
    params_free(params);
    return loaded;
}

static struct loaded *load_glass(const char *kind, struct shape sample, int n, size_t held)
{
    return load_glass_with(kind, sample, n, held, NULL);
}

static struct loaded *load_for_pictures(void)
{
    return load_glass("pictures", SHAPE(HEIGHT, WIDTH, 1), 1, HELD);
}

/* ---- pictures ---- */

/* One shade with a spot of 2 x 2 at its right edge, 4 pixels from the left. */
static void write_picture(const char *name, uint8_t shade, uint8_t spot)
{
    struct err e = ERR_INIT;
    uint8_t pixels[PIXELS];
    memset(pixels, shade, sizeof pixels);
    for (int y = 1; y < 3; y++)
        memset(pixels + y * WIDTH + 4, spot, 2);
    write_file(in_folder("%s", name), "", 0); /* for the folders above it */
    assert_int_equal(picture_write_png(in_folder("%s", name), &(struct picture){WIDTH, HEIGHT, 1, pixels}, true, &e),
                     0);
}

/*                    level   contrast  score
 *   good  0          0.2     0.36      0.28
 *         1          1/3     1/9       0.222
 *         2          0.6     0.04      0.32    flagged
 *   spot  0          0.5     0.2       0.35    flagged
 *         1          0.2333  0.3067    0.27
 *   stain 0          1       1         1       flagged
 *         1          0.6     0.04      0.32    flagged; the very pixels of good 2 */
static void write_pictures(void)
{
    write_picture("all/test/good/0.png", 51, 51);
    write_picture("all/test/good/1.png", 85, 85);
    write_picture("all/test/good/2.png", 153, 153);
    write_picture("all/test/spot/0.png", 102, 255);
    write_picture("all/test/spot/1.png", 51, 102);
    write_picture("all/test/stain/0.png", 255, 255);
    write_picture("all/test/stain/1.png", 153, 153);
    write_mask(in_folder("all/ground_truth/spot/0_mask.png"), WIDTH, HEIGHT, 4, 1, 2, 2);
    write_mask(in_folder("all/ground_truth/spot/1_mask.png"), WIDTH, HEIGHT, 3, 1, 2, 2); /* a pixel to the left */
    write_picture("fine/test/good/0.png", 51, 51);
    write_picture("fine/test/good/1.png", 85, 85);
    write_picture("fine/test/good/2.png", 153, 153);
    write_picture("plain/0.png", 51, 51);
}

static int setup(void **state)
{
    if (folder_begin(state))
        return -1;
    write_pictures();
    return 0;
}

/* ---- an evaluation ---- */

struct tried {
    struct loaded *loaded;
    struct evaluation ev;
    struct err e;
    int code;
    bool min_max;
    enum score_by by;
    int asked, stop_at; /* 0: never */
    size_t told, total;
    char lines[1000];
};

static void on_line(void *user, enum log_level level, const char *text)
{
    struct tried *t = user;
    size_t used = strlen(t->lines);
    (void)level;
    snprintf(t->lines + used, sizeof t->lines - used, "%s\n", text);
}

static void on_progress(void *user, size_t done, size_t total, double seconds)
{
    struct tried *t = user;
    assert_true(done == t->told + 1 && seconds >= 0);
    t->told = done;
    t->total = total;
}

static bool on_stop(void *user)
{
    struct tried *t = user;
    return ++t->asked == t->stop_at;
}

static void evaluate(struct tried *t, struct loaded *loaded, const char *url)
{
    struct dataset *data;
    const struct log log = {on_line, t};
    t->loaded = loaded;
    t->e = ERR_INIT;
    if (dataset_open(url, DATASET_SCORE, NULL, &data, &t->e))
        fail_msg("%s", t->e.msg);
    const struct evaluate_job job = {.loaded = loaded,
                                     .data = data,
                                     .data_name = url,
                                     .batch = 3,
                                     .threads = 1,
                                     .by = t->by,
                                     .rate = 0.1,
                                     .min_max = t->min_max,
                                     .log = &log,
                                     .user = t,
                                     .progress = on_progress,
                                     .should_stop = on_stop};
    t->code = evaluation_run(&job, &t->ev, &t->e);
    dataset_close(data); /* the evaluation stands on its own */
}

static void done(struct tried *t)
{
    evaluation_free(&t->ev);
    loaded_close(t->loaded);
}

static double number(const struct evaluation *ev, const char *name, const char *kind)
{
    struct evaluation_number n;
    for (size_t i = 0; evaluation_number(ev, i, &n); i++)
        if (!strcmp(n.name, name) && !strcmp(n.kind, kind))
            return n.value;
    fail_msg("there is no number %s of '%s'", name, kind);
    return NAN;
}

static void assert_number(const struct evaluation *ev, const char *name, const char *kind, double wanted)
{
    double got = number(ev, name, kind);
    if (!(fabs(got - wanted) <= 1e-9))
        fail_msg("%s of '%s' is %.12g, not %.12g", name, kind, got, wanted);
}

/* ---- pictures ---- */

static void numbers_are_exact(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_number(&t.ev, "normal", "", 3);
    assert_number(&t.ev, "anomalous", "", 4);
    assert_number(&t.ev, "unreadable", "", 0);
    assert_number(&t.ev, "auroc", "", (3 + 1 + 3 + 2.5) / 12);
    assert_number(&t.ev, "model_auroc", "", (3 + 1 + 3 + 2.5) / 12);
    assert_true(isnan(number(&t.ev, "map_auroc", ""))); /* its file does not say what is usual */
    assert_number(&t.ev, "average_precision", "", (1 + 1 + 3.0 / 4 + 4.0 / 6) / 4);
    assert_number(&t.ev, "promised_false_alarm_rate", "", 0.1);
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_number(&t.ev, "detection_rate", "", 3.0 / 4);
    assert_number(&t.ev, "precision", "", 3.0 / 4);
    assert_number(&t.ev, "f1", "", 3.0 / 4);
    assert_number(&t.ev, "best_f1", "", 0.8); /* at 0.27: all four, and two of the normal ones */
    assert_true(t.told == 7 && t.total == 7);
    assert_string_equal(t.ev.samples, "pictures");
    done(&t);
}

static float brightest(const struct shown_sample *s)
{
    float highest = s->map[0];
    for (int i = 0; i < PIXELS; i++)
        highest = fmaxf(highest, s->map[i]);
    return highest;
}

/* Both columns, whichever one the rest stands on. By the map the score is that of the brightest pixel: 0.2, 1/3, 0.6 of
 * the good ones, 1, 0.4, 1, 0.6 of the others. */
static void both_scores_are_measured(void **state)
{
    (void)state;
    knows_usual = true;
    for (int by = BY_MODEL; by <= BY_MAP; by++) {
        struct tried t = {.by = (enum score_by)by};
        evaluate(&t, load_for_pictures(), in_folder("all"));
        if (t.code)
            fail_msg("%s", t.e.msg);
        double model = (3 + 1 + 3 + 2.5) / 12, map = (3 + 2 + 3 + 2.5) / 12;
        assert_number(&t.ev, "model_auroc", "", model);
        assert_number(&t.ev, "map_auroc", "", map);
        assert_number(&t.ev, "auroc", "", by == BY_MAP ? map : model);
        assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3); /* 0.4 / 1.3 is above 0.3 */
        assert_true(t.ev.by == (enum score_by)by);
        assert_ptr_equal(t.ev.calibration, model_file_calibration(t.ev.file, t.ev.by));
        const struct gallery *g = &t.ev.galleries[GALLERY_MOST_ANOMALOUS];
        assert_true(g->n && fabs((double)brightest(&g->v[0]) - (by == BY_MAP ? 0.8 / 1.3 : 1)) < 1e-6);
        done(&t);
    }
    knows_usual = false;
}

/* 0.20 of the way from 2/9 to 1 lies at 0.378: above all but one stain. */
static void min_max_is_a_metric_for_those_who_ask(void **state)
{
    (void)state;
    struct tried t = {.min_max = true};
    struct evaluation_number n;
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_number(&t.ev, "min_max_f1", "", 2 / 5.0);
    assert_number(&t.ev, "min_max_false_alarm_rate", "", 0);
    assert_number(&t.ev, "min_max_detection_rate", "", 1 / 4.0);
    assert_number(&t.ev, "f1", "", 3.0 / 4); /* the verdicts are what they were */
    assert_number(&t.ev, "part_auroc", "level", 8.5 / 12);
    done(&t);
    t = (struct tried){0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    for (size_t i = 0; evaluation_number(&t.ev, i, &n); i++)
        assert_null(strstr(n.name, "min_max"));
    done(&t);
}

static void each_kind_is_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nkinds, 2);
    assert_number(&t.ev, "auroc", "spot", (3 + 1) / 6.0);
    assert_number(&t.ev, "auroc", "stain", (3 + 2.5) / 6.0);
    assert_number(&t.ev, "detection_rate", "spot", 0.5);
    assert_number(&t.ev, "detection_rate", "stain", 1);
    done(&t);
}

static void each_part_is_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nparts, 2);
    assert_number(&t.ev, "part_auroc", "level", (2 + 1 + 3 + 2.5) / 12);
    assert_number(&t.ev, "part_auroc", "contrast", (2 + 2 + 3 + 0.5) / 12);
    done(&t);
}

/* Normal pixels: 24 of 0.2, 1/3 and 0.6 each in the good ones; 20 of 0.4; 18 of 0.2 and 2 of 0.4. Marked: 4 of 1, 2 of
 * 0.4, 2 of 0.2. Stains have no masks: of their pixels nothing is known. */
static void pixels_are_measured(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    double of_1 = 4 * 112, of_04 = 2 * (24 + 24 + 18 + 22 / 2.0), of_02 = 2 * (24 + 18) / 2.0;
    double precision = (4 + 2 * 6 / 52.0 + 2 * 8 / 120.0) / 8;
    /* Up to 33.6 normal pixels: the first region is found, after 24 of them half of the second with 22 more. */
    double aupro = (24 * 0.5 + 9.6 * (0.5 + 0.25 * 9.6 / 22 / 2)) / 33.6;
    for (int k = 0; k < 2; k++) { /* only spots have masks */
        const char *kind = k ? "spot" : "";
        assert_number(&t.ev, "pixel_auroc", kind, (of_1 + of_04 + of_02) / (112 * 8));
        assert_number(&t.ev, "pixel_average_precision", kind, precision);
        assert_number(&t.ev, "aupro", kind, aupro);
    }
    assert_true(isnan(number(&t.ev, "pixel_auroc", "stain")) && isnan(number(&t.ev, "aupro", "stain")));
    assert_number(&t.ev, "regions", "", 2);
    done(&t);
}

/* Only the right half counts: of the 12 pixels there 4 are marked in each spot. */
static void pixels_outside_the_roi_do_not_count(void **state)
{
    (void)state;
    struct tried t = {0};
    uint8_t roi[PIXELS];
    for (int i = 0; i < PIXELS; i++)
        roi[i] = i % WIDTH >= 3;
    evaluate(&t, load_glass_with("pictures", SHAPE(HEIGHT, WIDTH, 1), 1, HELD, roi), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    double of_1 = 4 * 52, of_04 = 2 * (12 + 12 + 6 + 10 / 2.0), of_02 = 2 * (12 + 6) / 2.0;
    assert_number(&t.ev, "pixel_auroc", "", (of_1 + of_04 + of_02) / (52 * 8));
    assert_number(&t.ev, "regions", "", 2);
    done(&t);
}

/* 76 of the 168 pixels are bright. */
static void each_memory_has_its_use(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    assert_int_equal(t.ev.nmemories, 2);
    assert_number(&t.ev, "memory_items", "sign", 3);
    assert_number(&t.ev, "memory_dead", "sign", 1);
    assert_number(&t.ev, "memory_entropy", "sign", 0);
    assert_number(&t.ev, "memory_items", "even", 2);
    assert_number(&t.ev, "memory_dead", "even", 0);
    assert_true(fabs(number(&t.ev, "memory_entropy", "even") - log(2)) < 1e-6);
    const struct shown_memory *sign = &t.ev.memories[0];
    assert_true(sign->use.rows == 7 * PIXELS && sign->use.weight[0] == 76 && sign->use.weight[1] == 92);
    assert_null(sign->pictures); /* the model decodes nothing */
    done(&t);
}

static const struct shown_sample *only(const struct evaluation *ev, enum gallery_kind g, const char *name)
{
    assert_int_equal(ev->galleries[g].n, 1);
    assert_string_equal(ev->galleries[g].v[0].name, name);
    return &ev->galleries[g].v[0];
}

static void chosen_samples_are_shown(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("all"));
    const struct shown_sample *alarm = only(&t.ev, GALLERY_FALSE_ALARMS, "test/good/2.png");
    const struct shown_sample *missed = only(&t.ev, GALLERY_MISSED, "test/spot/1.png");
    assert_true(alarm->truth == 0 && missed->truth == 1);
    assert_string_equal(missed->kind, "spot");
    assert_true(fabs((double)missed->score - 0.27) < 1e-6);
    assert_true(fabs(missed->p_value - 3.0 / 20) < 1e-12 && fabs(alarm->p_value - 2.0 / 20) < 1e-12);
    assert_true(missed->input.width == WIDTH && missed->input.height == HEIGHT && missed->input.channels == 1);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int at = y * WIDTH + x;
            bool inner = y == 1 || y == 2, spot = inner && x >= 4;
            assert_int_equal(missed->input.pixels[at], spot ? 102 : 51);
            assert_int_equal(missed->reconstruction[at], spot ? 115 : 89); /* 114.75, 89.25 */
            assert_true(fabsf(missed->map[at] - (spot ? 0.4f : 0.2f)) < 1e-6f);
            assert_int_equal(missed->mask[at], inner && (x == 3 || x == 4));
        }
    assert_null(alarm->mask);
    assert_int_equal(t.ev.galleries[GALLERY_DRAWN].n, 7);
    assert_string_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].name, "test/stain/0.png");
    assert_null(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[0].mask); /* it has none */
    done(&t);
}

/* ---- what is missing ---- */

static void unreadable_pictures_are_left_out(void **state)
{
    (void)state;
    struct tried t = {0};
    const char *path = in_folder("all/test/good/0b.png");
    write_file(path, "no picture", 10);
    evaluate(&t, load_for_pictures(), in_folder("all"));
    remove(path);
    assert_int_equal(t.code, 0);
    assert_number(&t.ev, "unreadable", "", 1);
    assert_number(&t.ev, "anomalous", "", 4);
    assert_number(&t.ev, "auroc", "", 9.5 / 12);
    assert_number(&t.ev, "pixel_auroc", "", 644.0 / 896);
    assert_says(t.lines, "good/0b.png");
    static const size_t read[] = {0, 2, 3, 4, 5, 6, 7};
    assert_memory_equal(t.ev.scores.sample, read, sizeof read);
    only(&t.ev, GALLERY_FALSE_ALARMS, "test/good/2.png");
    only(&t.ev, GALLERY_MISSED, "test/spot/1.png");
    assert_int_equal(t.told, 8);
    done(&t);
}

/* Whether the promise holds on fresh good parts can be seen without a single defect. */
static void normal_samples_alone(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("fine"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    static const char *const unknown[] = {"auroc", "average_precision", "detection_rate", "best_f1", "pixel_auroc"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_true(isnan(number(&t.ev, unknown[i], "")));
    assert_true(isnan(number(&t.ev, "part_auroc", "level")));
    assert_number(&t.ev, "normal", "", 3);
    assert_true(isnan(number(&t.ev, "precision", "")) && isnan(number(&t.ev, "f1", "")));
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_says(t.ev.metrics.missing, "no anomalous samples");
    assert_int_equal(t.ev.galleries[GALLERY_MISSED].n, 0);
    done(&t);
}

/* Scores 0.37, 0.5, 0.28, 0.25, 1, 0.22: three are above 0.3. */
static void anomalous_samples_alone(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("rows", SHAPE(COLUMNS), COLUMNS, HELD), "rows:odd");
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_true(isnan(number(&t.ev, "auroc", "")) && isnan(number(&t.ev, "false_alarm_rate", "")));
    assert_number(&t.ev, "anomalous", "", 6);
    assert_number(&t.ev, "detection_rate", "", 3.0 / 6);
    assert_true(isnan(number(&t.ev, "auroc", "unknown")));
    assert_says(t.ev.metrics.missing, "no normal samples");
    done(&t);
}

/* A model that no data were held out for has no thresholds: nothing is flagged, and nothing can be said of that. */
static void no_thresholds_no_verdicts(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("pictures", SHAPE(HEIGHT, WIDTH, 1), 1, 0), in_folder("all"));
    if (t.code)
        fail_msg("%s", t.e.msg);
    static const char *const unknown[] = {"false_alarm_rate", "detection_rate", "precision", "f1"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_true(isnan(number(&t.ev, unknown[i], "")));
    assert_true(!t.ev.judged && isnan(number(&t.ev, "detection_rate", "spot")));
    assert_number(&t.ev, "auroc", "", 9.5 / 12);
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].n, 7);
    assert_int_equal(t.ev.galleries[GALLERY_MISSED].n, 0);
    done(&t);
}

static void nothing_known_is_refused(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_for_pictures(), in_folder("plain"));
    assert_int_equal(t.code, ERR_FAIL);
    assert_says(t.e.msg, "does not say of any sample whether it is normal");
    done(&t);
}

/* ---- stopping: the first pass asks after each of 7 samples, the second goes on asking ---- */

static void a_stop_is_heard_in_both_passes(void **state)
{
    (void)state;
    for (int at = 1; at <= 9; at += 4) {
        struct tried t = {.stop_at = at};
        evaluate(&t, load_for_pictures(), in_folder("all"));
        assert_int_equal(t.code, ERR_STOPPED);
        assert_int_equal(t.asked, at);
        done(&t);
    }
}

/* ---- rows ---- */

/* Scores: 0.5, 0.28, 0.25 of normal rows, 1, 0.22 of odd ones, 0.37 of one whose truth is not known. */
static void rows_have_numbers_and_no_pictures(void **state)
{
    (void)state;
    struct tried t = {0};
    evaluate(&t, load_glass("rows", SHAPE(COLUMNS), COLUMNS, HELD), "rows:");
    if (t.code)
        fail_msg("%s", t.e.msg);
    assert_string_equal(t.ev.samples, "rows");
    assert_int_equal(t.ev.scores.n, 6);
    assert_number(&t.ev, "normal", "", 3);
    assert_number(&t.ev, "anomalous", "", 2);
    assert_number(&t.ev, "auroc", "", (3 + 0) / 6.0);
    assert_number(&t.ev, "part_auroc", "level", (3 + 2) / 6.0);
    assert_number(&t.ev, "false_alarm_rate", "", 1.0 / 3);
    assert_true(isnan(number(&t.ev, "pixel_auroc", "")) && isnan(number(&t.ev, "aupro", "")));
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].n, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct shown_sample *s = &t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[i];
        assert_true(!s->input.pixels && !s->reconstruction && !s->map && !s->mask);
    }
    assert_string_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[2].name, "row/0");
    assert_int_equal(t.ev.galleries[GALLERY_MOST_ANOMALOUS].v[2].truth, -1);
    assert_int_equal(t.ev.galleries[GALLERY_DRAWN].n, 5);
    done(&t);
}

/* ---- whether two evaluations are of the same data ---- */

static void the_fingerprint_tells_data_apart(void **state)
{
    (void)state;
    struct tried t[4] = {0};
    evaluate(&t[0], load_for_pictures(), in_folder("all"));
    evaluate(&t[1], load_for_pictures(), in_folder("all?normal=good"));
    evaluate(&t[2], load_for_pictures(), in_folder("all?normal=good,stain"));
    evaluate(&t[3], load_for_pictures(), in_folder("fine"));
    assert_true(t[0].ev.fingerprint == t[1].ev.fingerprint);
    assert_true(t[0].ev.fingerprint != t[2].ev.fingerprint);
    assert_true(t[0].ev.fingerprint != t[3].ev.fingerprint);
    for (int i = 0; i < 4; i++)
        done(&t[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(both_scores_are_measured),
        cmocka_unit_test(min_max_is_a_metric_for_those_who_ask),
        cmocka_unit_test(each_kind_is_measured),
        cmocka_unit_test(each_part_is_measured),
        cmocka_unit_test(pixels_are_measured),
        cmocka_unit_test(pixels_outside_the_roi_do_not_count),
        cmocka_unit_test(each_memory_has_its_use),
        cmocka_unit_test(chosen_samples_are_shown),
        cmocka_unit_test(unreadable_pictures_are_left_out),
        cmocka_unit_test(normal_samples_alone),
        cmocka_unit_test(anomalous_samples_alone),
        cmocka_unit_test(no_thresholds_no_verdicts),
        cmocka_unit_test(nothing_known_is_refused),
        cmocka_unit_test(a_stop_is_heard_in_both_passes),
        cmocka_unit_test(rows_have_numbers_and_no_pictures),
        cmocka_unit_test(the_fingerprint_tells_data_apart),
    };
    return cmocka_run_group_tests(tests, setup, folder_end);
}
