#include "glass.h"

#include "data/kind.h"
#include "data/source.h"
#include "nn/ops.h"
#include "run/forward.h"
#include "support/pictures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
bool glass_knows_usual;
static float held_out[HELD] = {[HELD - 2] = 0.3f, [HELD - 1] = 0.6f}, peaks[HELD];

struct loaded *load_glass_with(const char *kind, struct shape sample, int n, size_t held, const uint8_t *roi)
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
    if (glass_knows_usual) {
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

struct loaded *load_glass(const char *kind, struct shape sample, int n, size_t held)
{
    return load_glass_with(kind, sample, n, held, NULL);
}

struct loaded *load_for_pictures(void)
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

int pictures_begin(void **state)
{
    if (folder_begin(state))
        return -1;
    write_pictures();
    return 0;
}

/* ---- an evaluation ---- */

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

void evaluate(struct tried *t, struct loaded *loaded, const char *url)
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

void done(struct tried *t)
{
    evaluation_free(&t->ev);
    loaded_close(t->loaded);
}

double number(const struct evaluation *ev, const char *name, const char *kind)
{
    struct evaluation_number n;
    for (size_t i = 0; evaluation_number(ev, i, &n); i++)
        if (!strcmp(n.name, name) && !strcmp(n.kind, kind))
            return n.value;
    fail_msg("there is no number %s of '%s'", name, kind);
    return NAN;
}

void assert_number(const struct evaluation *ev, const char *name, const char *kind, double wanted)
{
    double got = number(ev, name, kind);
    if (!(fabs(got - wanted) <= 1e-9))
        fail_msg("%s of '%s' is %.12g, not %.12g", name, kind, got, wanted);
}

const struct shown_sample *only(const struct evaluation *ev, enum gallery_kind g, const char *name)
{
    assert_int_equal(ev->galleries[g].n, 1);
    assert_string_equal(ev->galleries[g].v[0].name, name);
    return &ev->galleries[g].v[0];
}
