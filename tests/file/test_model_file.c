/* Model files: everything comes back, and whatever is wrong with one is a sentence. */
#include "base/json.h"
#include "base/rng.h"
#include "file/model_file_parts.h"
#include "run/forward.h"
#include "run/score.h"
#include "file/state.h"
#include "support/files.h"
#include "support/toy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 5 };

/* A model file of memae with nothing left at its default, and parameters to go with it. */
struct made {
    struct model_file c;
    struct params *params;
    float scores[HELD], peaks[HELD];
    float mean[12 * 16], deviation[12 * 16], map_scores[HELD], map_peaks[HELD];
    struct epoch_row rows[2];
};

static void make(struct made *m)
{
    static const float mean = 0.1307f, deviation = 0.3081f;
    struct err e = ERR_INIT;
    *m = (struct made){.scores = {0.1f, 0.2f, 0.2f, 0.5f, 1e-30f + 1},
                       .peaks = {0, 1, 2, 3, 4},
                       .map_scores = {-1, -0.5f, 0, 7, 8},
                       .map_peaks = {0, 0, 0, 7, 9}};
    for (int i = 0; i < 12 * 16; i++) {
        m->mean[i] = (float)(i - 50);
        m->deviation[i] = (float)i / 7;
    }
    struct model_file *c = &m->c;
    c->model = model_find("memae", &e);
    c->config = arena_alloc(&c->arena, c->model->config_bytes);
    options_default(c->model->options, c->config);
    options_default(train_options, &c->train);
    assert_int_equal(options_parse(c->model->options, c->config, "memae", "widths=4,6 items=7", ' ', &e), 0);
    assert_int_equal(options_parse(train_options, &c->train, "train",
                                   "lr=0.1234567890123456789 lr_epochs=3,5 size=12x16 keep=last score=map map_top=0.1",
                                   ' ', &e),
                     0);
    c->input = (struct preprocess){
        .kind = kind_find("pictures", &e), .sample = SHAPE(12, 16, 3), .n = 1, .mean = &mean, .std = &deviation};
    c->calibration = (struct calibration){HELD, m->scores, m->peaks, 0.001f, 0.7f};
    c->usual = (struct usual){12 * 16, m->mean, m->deviation};
    c->map_calibration = (struct calibration){HELD, m->map_scores, m->map_peaks, 0.25f, 6.5f};
    c->calibrated = HELD;
    c->trained = 100;
    c->validated = 3;
    c->kept_epoch = 2;
    c->date = "2024-05-06";
    c->data = "a \"quoted\" caf\xc3\xa9";
    c->data_summary = "line one\nline two";
    m->rows[0] = (struct epoch_row){{1.0 / 3, 0}, (double)NAN, {0.25}};
    m->rows[1] = (struct epoch_row){{1e-300, 0}, 0.1 + 0.2, {7}};
    c->curve = (struct curve){2, 1, 1, {"loss"}, {"entropy"}, m->rows};
    m->params = params_new();
    struct forward f;
    struct forward_spec spec = {.model = c->model,
                                .config = c->config,
                                .params = m->params,
                                .sample = c->input.sample,
                                .batch = 1,
                                .threads = 1};
    assert_int_equal(forward_build(&f, &spec, &e), 0);
    assert_int_equal(params_allocate(m->params, 5, false, &e), 0);
    forward_free(&f);
}

static void unmake(struct made *m)
{
    params_free(m->params);
    model_file_free(&m->c);
}

static const char *write_made(const char *name)
{
    struct made m;
    struct err e = ERR_INIT;
    const char *path = in_folder("%s", name);
    make(&m);
    assert_int_equal(model_file_write(path, true, &m.c, m.params, &e), 0);
    unmake(&m);
    return path;
}

static void same_options(const struct option *table, const void *a, const void *b)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char x[600], y[600];
        option_format(&row, a, x, sizeof x);
        option_format(&row, b, y, sizeof y);
        assert_string_equal(x, y);
    }
}

static void everything_comes_back(void **state)
{
    (void)state;
    struct made m;
    struct loaded *s;
    struct err e = ERR_INIT;
    make(&m);
    if (loaded_open(write_made("all"), &s, &e))
        fail_msg("%s", e.msg);
    const struct model_file *a = &m.c, *b = loaded_file(s);
    assert_ptr_equal(a->model, b->model);
    same_options(a->model->options, a->config, b->config);
    same_options(train_options, &a->train, &b->train);
    assert_true(shape_equal(&a->input.sample, &b->input.sample));
    assert_true(*a->input.mean == *b->input.mean && *a->input.std == *b->input.std && b->input.n == 1);
    assert_int_equal(b->calibration.n, HELD);
    assert_memory_equal(b->calibration.scores, m.scores, sizeof m.scores);
    assert_memory_equal(b->calibration.peaks, m.peaks, sizeof m.peaks);
    assert_true(b->calibration.map_low == 0.001f && b->calibration.map_high == 0.7f);
    assert_int_equal(b->usual.n, 12 * 16);
    assert_memory_equal(b->usual.mean, m.mean, sizeof m.mean);
    assert_memory_equal(b->usual.deviation, m.deviation, sizeof m.deviation);
    assert_int_equal(b->map_calibration.n, HELD);
    assert_memory_equal(b->map_calibration.scores, m.map_scores, sizeof m.map_scores);
    assert_memory_equal(b->map_calibration.peaks, m.map_peaks, sizeof m.map_peaks);
    assert_true(b->map_calibration.map_low == 0.25f && b->map_calibration.map_high == 6.5f);
    assert_int_equal(model_file_stands(b), BY_MAP);
    assert_ptr_equal(model_file_calibration(b, BY_MAP), &b->map_calibration);
    assert_ptr_equal(model_file_calibration(b, BY_MODEL), &b->calibration);
    assert_true(b->trained == 100 && b->validated == 3 && b->calibrated == HELD && b->kept_epoch == 2);
    assert_string_equal(b->date, a->date);
    assert_string_equal(b->data, a->data);
    assert_string_equal(b->data_summary, a->data_summary);
    assert_true(strlen(b->version) > 0);
    assert_int_equal(b->curve.epochs, 2);
    assert_string_equal(b->curve.loss_names[0], "loss");
    assert_string_equal(b->curve.watch_names[0], "entropy");
    assert_true(isnan(b->curve.rows[0].validation));
    for (int i = 0; i < 2; i++)
        assert_true(b->curve.rows[i].loss[0] == m.rows[i].loss[0] && b->curve.rows[i].watch[0] == m.rows[i].watch[0]);
    assert_true(b->curve.rows[1].validation == 0.1 + 0.2);
    for (const struct param *p = m.params->first; p; p = p->next) {
        const struct param *q = params_find(loaded_params(s), p->name);
        assert_non_null(q);
        assert_memory_equal(p->value, q->value, p->count * sizeof(float));
    }
    assert_null(loaded_params(s)->m[GROUP_MAIN]); /* nothing that only training needs */
    loaded_close(s);
    unmake(&m);
}

static void names_that_are_not_utf8_are_written(void **state)
{
    (void)state;
    struct made m;
    struct loaded *s;
    struct err e = ERR_INIT;
    make(&m);
    m.c.data = "caf\xe9/";
    assert_int_equal(model_file_write(in_folder("latin"), true, &m.c, m.params, &e), 0);
    assert_int_equal(loaded_open(in_folder("latin"), &s, &e), 0);
    assert_string_equal(loaded_file(s)->data, "caf?/");
    loaded_close(s);
    unmake(&m);
}

/* ---- damage ---- */

/* The header of a written file as JSON with the description parsed, to be changed and written again. */
struct edit {
    json_t *header, *about;
    unsigned char *data;
    size_t size;
};

static void edit_begin(struct edit *d, const char *path)
{
    uint64_t length;
    unsigned char *bytes = read_file(path, &d->size);
    memcpy(&length, bytes, 8);
    d->header = json_loadb((char *)bytes + 8, length, 0, NULL);
    assert_non_null(d->header);
    const json_t *text = json_object_get(json_object_get(d->header, "__metadata__"), "engram");
    d->about = json_loads(json_string_value(text), 0, NULL);
    assert_non_null(d->about);
    d->size -= 8 + length;
    d->data = malloc(d->size);
    memcpy(d->data, bytes + 8 + length, d->size);
    free(bytes);
}

static void edit_end(struct edit *d, const char *path)
{
    char *about = json_dumps(d->about, JSON_ENCODE_ANY);
    json_object_set_new(json_object_get(d->header, "__metadata__"), "engram", json_string(about));
    char *header = json_dumps(d->header, 0);
    uint64_t length = strlen(header);
    FILE *f = fopen(path, "wb");
    fwrite(&length, 8, 1, f);
    fwrite(header, 1, length, f);
    fwrite(d->data, 1, d->size, f);
    fclose(f);
    json_decref(d->header);
    json_decref(d->about);
    free(d->data);
    free(about);
    free(header);
}

/* object.key.key = value (JSON text), or removed where value is NULL. */
static void set_at(json_t *object, const char *path, const char *value)
{
    char copy[200], *last = copy, *dot;
    snprintf(copy, sizeof copy, "%s", path);
    while ((dot = strchr(last, '.'))) {
        *dot = 0;
        object = json_object_get(object, last);
        assert_non_null(object);
        last = dot + 1;
    }
    if (value)
        assert_int_equal(json_object_set_new(object, last, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    else
        assert_int_equal(json_object_del(object, last), 0);
}

static void wrong_descriptions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *at, *value, *says;
    } cases[] = {
        {"format", "2", "newer engram"},
        {"format", "0", "'format' should be from 1"},
        {"format", "\"1\"", "'format' should be a whole number"},
        {"format", NULL, "'format' should be a whole number, but there is nothing"},
        {"model", "\"nosuch\"", "nosuch"},
        {"model", "3", "'model' should be a string"},
        {"options", NULL, "'options' should be an object"},
        {"options.items", "\"-3\"", "items"},
        {"options.items", "7", "option 'items' of memae should be a string"},
        {"options.invented", "\"1\"", "has no option 'invented'"},
        {"options.widths", "\"\"", "widths"},
        {"options.items", "\"8\"", "is 7x"},
        {"options.widths", "\"4,6,8\"", "no tensor"},
        {"train.lr", "\"fast\"", "option lr takes a number"},
        {"input.shape", "[12,16]", "height, width"},
        {"input.shape", "[12,16,2]", "height, width"},
        {"input.shape", "[12,-16,3]", "sizes from 1"},
        {"input.shape", "[12,16,1]", "tensor"},
        {"input.shape", "[12,1e9,3]", "sizes from 1"},
        {"input.shape", "[16384,16384,1]", "16384x16384x1 has 268435456 values"},
        {"input.std", "0", "positive std"},
        {"input.mean", "null", "finite mean"},
        {"input.tile", "0", "'tile' should be from 1"},
        {"input.tile", "16", "'overlap' should be a number"},
        {"input.roi", "3", "'roi' should be an array"},
        {"input.roi", "[100]", "the region that counts should say it of all 192 pixels"},
        {"input.roi", "[192]", "of some that they do"},
        {"input.roi", "[100,93]", "the region that counts"},
        {"input.roi", "[-1,193]", "the region that counts"},
        {"calibration.map_low", "2", "from a low to a high"},
        {"calibration.map_high", "\"x\"", "'map_high' should be a number"},
        {"calibration.usual_low", "7", "from a low to a high"},
        {"calibration.usual_high", NULL, "'usual_high' should be a number"},
        {"train.score", "\"both\"", "option score takes"},
        {"samples.calibrated", "6", "should hold 6 calibration scores, but has 5"},
        {"curve.rows", "[[1]]", "epoch 1 of the training curve should have 3 numbers"},
        {"curve.rows", "[1]", "epoch 1"},
        {"curve.losses", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "at most 4"},
        {"curve.losses", "[1]", "should be names"},
        {"kept_epoch", "-1", "kept_epoch"},
        {"data", "[]", "'data' should be a string"},
        {"state", "{}", "unfinished training"},
    };
    const char *good = write_made("good"), *bad = in_folder("bad");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit d;
        struct loaded *s;
        struct err e = ERR_INIT;
        edit_begin(&d, good);
        set_at(d.about, cases[i].at, cases[i].value);
        edit_end(&d, bad);
        if (loaded_open(bad, &s, &e) != ERR_FORMAT)
            fail_msg("%s = %s was accepted", cases[i].at, cases[i].value ? cases[i].value : "nothing");
        assert_null(s);
        assert_says(e.msg, cases[i].says);
        assert_says(e.msg, "/bad");
    }
}

static void tiles_and_regions_come_back(void **state)
{
    (void)state;
    struct made m;
    struct loaded *s;
    struct err e = ERR_INIT;
    uint8_t roi[12 * 16];
    for (int first = 0; first < 2; first++) { /* the first pixel counts, or it does not */
        make(&m);
        for (int i = 0; i < 12 * 16; i++)
            roi[i] = i ? i % 5 < 2 : (uint8_t)first;
        m.c.input.roi = roi;
        m.c.input.tile = 17;
        m.c.input.overlap = 0.3;
        assert_int_equal(model_file_write(in_folder("tiles"), true, &m.c, m.params, &e), 0);
        if (loaded_open(in_folder("tiles"), &s, &e))
            fail_msg("%s", e.msg);
        assert_memory_equal(loaded_file(s)->input.roi, roi, sizeof roi);
        assert_int_equal(loaded_file(s)->input.tile, 17);
        assert_true(loaded_file(s)->input.overlap == 0.3);
        loaded_close(s);
        unmake(&m);
    }
}

/* A file by an engram that did not have an option yet: the option's default. */
/* A large sample may be honest, and there is a size from which on it is none. */
static void samples_have_a_limit(void **state)
{
    (void)state;
    static const float mean = 0.5f, deviation = 0.5f;
    struct err e = ERR_INIT;
    struct preprocess p = {
        .kind = kind_find("pictures", &e), .sample = SHAPE(8192, 8192, 1), .n = 1, .mean = &mean, .std = &deviation};
    assert_int_equal(preprocess_check(&p, &e), 0);
    p.sample = SHAPE(8193, 8192, 1);
    assert_int_equal(preprocess_check(&p, &e), ERR_FORMAT);
    assert_says(e.msg, "at most 67108864 can be handled");
}

static void a_missing_option_has_its_default(void **state)
{
    (void)state;
    struct edit d;
    struct loaded *s;
    struct err e = ERR_INIT;
    edit_begin(&d, write_made("older"));
    set_at(d.about, "options.fallback", NULL);
    set_at(d.about, "train.lr", NULL);
    edit_end(&d, in_folder("older"));
    assert_int_equal(loaded_open(in_folder("older"), &s, &e), 0);
    assert_true(loaded_file(s)->train.lr == 0.001);
    loaded_close(s);
}

static int open_made(const char *path, struct err *e)
{
    struct loaded *s;
    *e = ERR_INIT;
    int code = loaded_open(path, &s, e);
    loaded_close(s);
    return code;
}

static void wrong_tensors_are_refused(void **state)
{
    (void)state;
    struct edit d;
    struct err e;
    const char *good = write_made("good"), *bad = in_folder("bad");
    edit_begin(&d, good); /* another name: as if it were missing */
    json_t *items = json_incref(json_object_get(d.header, "memory.items"));
    assert_non_null(items);
    json_object_del(d.header, "memory.items");
    json_object_set(d.header, "renamed", items);
    edit_end(&d, bad);
    assert_int_equal(open_made(bad, &e), ERR_FORMAT);
    assert_says(e.msg, "no tensor memory.items");
    edit_begin(&d, good); /* turned on its side */
    json_t *shape = json_object_get(json_object_get(d.header, "memory.items"), "shape");
    json_t *reversed = json_pack("[O,O]", json_array_get(shape, 1), json_array_get(shape, 0));
    json_object_set_new(json_object_get(d.header, "memory.items"), "shape", reversed);
    edit_end(&d, bad);
    assert_int_equal(open_made(bad, &e), ERR_FORMAT);
    assert_says(e.msg, "but its model needs 7x");
    edit_begin(&d, good); /* a weight that is not a number */
    const json_t *place = json_object_get(json_object_get(d.header, "memory.items"), "data_offsets");
    const float nan = NAN;
    memcpy(d.data + json_integer_value(json_array_get(place, 0)) + 8, &nan, 4);
    edit_end(&d, bad);
    assert_int_equal(open_made(bad, &e), ERR_FORMAT);
    assert_says(e.msg, "memory.items holds values that are not finite");
    edit_begin(&d, good); /* scores out of order */
    place = json_object_get(json_object_get(d.header, "calibration.scores"), "data_offsets");
    const float large = 100;
    memcpy(d.data + json_integer_value(json_array_get(place, 0)), &large, 4);
    edit_end(&d, bad);
    assert_int_equal(open_made(bad, &e), ERR_FORMAT);
    assert_says(e.msg, "ascending");
    json_decref(items);
}

/* What is usual: the same with a name changed, a shape, or the first value. */
static void wrong_statistics_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *renamed;
        int64_t shape[2];
        float first;
        const char *says;
    } cases[] = {
        {"usual.mean", "gone", {0}, 0, "usual.mean should be there"},
        {"usual.deviation", "gone", {0}, 0, "usual.deviation should be there"},
        {"usual.mean", NULL, {16, 12}, 0, "a value for each position"},
        {"usual.mean", NULL, {0}, NAN, "values that are not finite"},
        {"usual.deviation", NULL, {0}, -1, "usual.deviation holds -1"},
        {"usual.scores", "gone", {0}, 0, "no tensors usual.scores and usual.peaks"},
        {"usual.peaks", "gone", {0}, 0, "no tensors usual.scores and usual.peaks"},
        {"usual.scores", NULL, {0}, 100, "ascending"},
        {"usual.peaks", NULL, {1, HELD}, 0, "list of the held-out samples' values"},
    };
    const char *good = write_made("good"), *bad = in_folder("bad");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit d;
        struct err e;
        edit_begin(&d, good);
        json_t *tensor = json_incref(json_object_get(d.header, cases[i].tensor));
        assert_non_null(tensor);
        if (cases[i].renamed) {
            json_object_del(d.header, cases[i].tensor);
            json_object_set(d.header, cases[i].renamed, tensor);
        } else if (*cases[i].shape) {
            json_object_set_new(tensor, "shape", json_pack("[I,I]", cases[i].shape[0], cases[i].shape[1]));
        } else {
            memcpy(d.data + json_integer_value(json_array_get(json_object_get(tensor, "data_offsets"), 0)),
                   &cases[i].first, 4);
        }
        edit_end(&d, bad);
        json_decref(tensor);
        if (open_made(bad, &e) != ERR_FORMAT)
            fail_msg("case %zu, %s, was accepted", i, cases[i].tensor);
        assert_says(e.msg, cases[i].says);
    }
}

/* One pair for all positions; and files that know nothing, whose verdicts stand on the model's own score. */
static void statistics_may_be_one_pair_or_none(void **state)
{
    (void)state;
    struct made m;
    struct loaded *s;
    struct err e = ERR_INIT;
    make(&m);
    m.c.usual.n = 1;
    assert_int_equal(model_file_write(in_folder("one"), true, &m.c, m.params, &e), 0);
    assert_int_equal(loaded_open(in_folder("one"), &s, &e), 0);
    assert_true(loaded_file(s)->usual.n == 1 && *loaded_file(s)->usual.mean == m.mean[0]);
    loaded_close(s);
    m.c.usual = (struct usual){0};
    m.c.map_calibration = (struct calibration){0};
    m.c.train.score = BY_MODEL;
    assert_int_equal(model_file_write(in_folder("none"), true, &m.c, m.params, &e), 0);
    assert_int_equal(loaded_open(in_folder("none"), &s, &e), 0);
    assert_true(!loaded_file(s)->usual.n && model_file_stands(loaded_file(s)) == BY_MODEL);
    loaded_close(s);
    unmake(&m);
}

static void not_a_model_is_said(void **state)
{
    (void)state;
    const float one = 1;
    struct safetensors_tensor t = {.name = "w", .shape = {1, {1}}, .data = &one};
    struct err e = ERR_INIT;
    const char *path = in_folder("foreign");
    assert_int_equal(safetensors_write(path, true, "format", "pt", &t, 1, &e), 0);
    assert_int_equal(open_made(path, &e), ERR_FORMAT);
    assert_says(e.msg, "not an engram model");
    static const char png[] = "\x89PNG\r\n\x1a\n and so on";
    write_file(path, png, sizeof png);
    assert_int_equal(open_made(path, &e), ERR_FORMAT);
}

/* Damage in the description and between the tensors: never a crash, always a sentence or a model that scores. */
static void mutations_never_crash(void **state)
{
    (void)state;
    size_t size;
    uint64_t length;
    unsigned char *bytes = read_file(write_made("seed"), &size), *copy = malloc(size);
    struct rng r = rng_new(2, 9);
    memcpy(&length, bytes, 8);
    for (int round = 0; round < 3000; round++) {
        struct err e;
        memcpy(copy, bytes, size);
        for (uint64_t k = rng_below(&r, 3) + 1; k > 0; k--) {
            static const char interesting[] = "0123456789[]{}\",:-.";
            uint64_t at = 8 + rng_below(&r, length);
            copy[at] = (unsigned char)interesting[rng_below(&r, sizeof interesting - 1)];
        }
        write_file(in_folder("mutant"), copy, rng_below(&r, 8) ? size : rng_below(&r, size));
        if (open_made(in_folder("mutant"), &e))
            assert_says(e.msg, "/mutant");
    }
    free(copy);
    free(bytes);
}

/* Every byte up to the data, and the ends of all tensors. */
static void cut_files_are_refused(void **state)
{
    (void)state;
    size_t size;
    uint64_t length;
    unsigned char *bytes = read_file(write_made("whole"), &size);
    memcpy(&length, bytes, 8);
    for (size_t n = 0; n < size; n += n < 8 + length ? 1 : 64) {
        struct err e;
        write_file(in_folder("cut"), bytes, n);
        assert_int_equal(open_made(in_folder("cut"), &e), ERR_FORMAT);
        assert_says(e.msg, "/cut");
    }
    free(bytes);
}

/* ---- the training state ---- */

static void damaged_states_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *at, *value, *says;
    } cases[] = {
        {"state", NULL, "is a model, not the state"},
        {"version", "\"0.1.0\"", "is of a training that engram 0.1.0 began"},
        {"state.epoch", "3", "3 epochs are said to be done"},
        {"state.step", "-1", "'step'"},
        {"state.step", "1000", "epochs"},
        {"state.adam_steps", "[1]", "4 entries"},
        {"state.best", "\"x\"", "'best'"},
        {"state.loss_sums", "[0]", "entries, but has"},
        {"state.data", "17", "'data'"},
        {"state.data", "\"17\"", "other data"},
        {"curve.rows", "[]", "epochs are said to be done"},
        {"options.items", "\"9\"", "begun with items"},
        {"kept_epoch", "3", "epochs are said to be done"},
    };
    struct toy t;
    struct err e;
    const char *path = in_folder("state"), *side = in_folder("state.train");
    toy_init(&t, "memae", NULL, "items=10", path);
    t.stop_after = 6;
    assert_int_equal(toy_train(&t, &e), ERR_STOPPED);
    size_t size;
    unsigned char *good = read_file(side, &size);
    t.job.resume = true;
    t.stop_after = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edit d;
        write_file(side, good, size);
        edit_begin(&d, side);
        set_at(d.about, cases[i].at, cases[i].value);
        edit_end(&d, side);
        if (toy_train(&t, &e) >= 0)
            fail_msg("%s = %s was accepted", cases[i].at, cases[i].value ? cases[i].value : "nothing");
        assert_says(e.msg, cases[i].says);
    }
    for (size_t n = 0; n < size; n += size / 50) {
        write_file(side, good, n);
        assert_int_equal(toy_train(&t, &e), ERR_FORMAT);
    }
    assert_int_equal(open_made(side, &e), ERR_FORMAT);
    free(good);
    toy_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),          cmocka_unit_test(names_that_are_not_utf8_are_written),
        cmocka_unit_test(wrong_descriptions_are_refused), cmocka_unit_test(a_missing_option_has_its_default),
        cmocka_unit_test(wrong_statistics_are_refused),   cmocka_unit_test(statistics_may_be_one_pair_or_none),
        cmocka_unit_test(wrong_tensors_are_refused),      cmocka_unit_test(not_a_model_is_said),
        cmocka_unit_test(mutations_never_crash),          cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(tiles_and_regions_come_back),    cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(samples_have_a_limit),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
