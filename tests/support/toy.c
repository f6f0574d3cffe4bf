#include "support/toy.h"

#include "base/file.h"
#include "support/files.h"
#include "support/within.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void on_line(void *user, enum log_level level, const char *text)
{
    struct toy *t = user;
    size_t used = strlen(t->lines);
    (void)level;
    snprintf(t->lines + used, sizeof t->lines - used, "%s\n", text);
}

static void on_progress(void *user, const struct train_progress *p)
{
    struct toy *t = user;
    assert_int_equal(p->epochs > 0, !t->model->fitted);
    assert_within(p->epoch, p->epochs > 0, p->epochs);
    assert_within(p->step, 1, p->steps);
    assert_true(!p->nlosses || isfinite(p->losses[0]));
    assert_true(p->seconds_left >= 0 || (isnan(p->seconds_left) && !t->steps));
    t->steps += !p->epoch_done;
    t->epochs_seen += p->epoch_done;
    t->kept_seen += p->kept;
    if (p->saved) /* is said of what is there, not of what is meant to be */
        assert_int_equal(file_kind(t->job.output), FILE_REGULAR);
    t->last_validation = p->validation;
}

static bool on_stop(void *user)
{
    struct toy *t = user;
    if (t->explode_after && t->steps >= t->explode_after)
        t->train.lr = 1e38; /* the trainer looks at it in every step */
    return t->stop_after && t->steps >= t->stop_after;
}

void toy_set(struct toy *t, const char *options)
{
    char copy[1000], *save;
    snprintf(copy, sizeof copy, "%s", options);
    for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
        struct err e = ERR_INIT;
        char *value = strchr(pair, '=');
        assert_non_null(value);
        *value++ = 0;
        bool training = option_find(train_options, pair, NULL);
        if (options_set(training ? train_options : t->model->options, training ? (void *)&t->train : t->config, "toy",
                        pair, value, &e))
            fail_msg("%s", e.msg);
    }
}

void toy_init(struct toy *t, const char *model, const char *url, const char *options, const char *output)
{
    struct err e = ERR_INIT;
    *t = (struct toy){.model = model_find(model, &e)};
    assert_non_null(t->model);
    t->config = calloc(1, t->model->config_bytes);
    options_default(t->model->options, t->config);
    options_default(train_options, &t->train);
    if (option_find(t->model->options, "widths", NULL))
        toy_set(t, "widths=8,16");
    toy_set(t, "epochs=4 batch=16 lr=0.003 threads=1 range=-1..1");
    toy_set(t, options);
    const char *name = url ? url : "synth:?n=80&test=20&size=16";
    if (dataset_open(name, DATASET_LEARN, NULL, &t->data, &e))
        fail_msg("%s", e.msg);
    t->job = (struct train_job){
        .model = t->model,
        .config = t->config,
        .train = &t->train,
        .data = t->data,
        .data_name = name,
        .output = output,
        .user = t,
        .progress = on_progress,
        .should_stop = on_stop,
    };
}

int toy_train(struct toy *t, struct err *e)
{
    struct log log = {on_line, t};
    t->job.log = &log;
    *e = ERR_INIT;
    t->steps = 0;
    t->epochs_seen = t->kept_seen = 0;
    t->lines[0] = 0;
    return train_run(&t->job, &t->result, e);
}

void toy_free(struct toy *t)
{
    dataset_close(t->data);
    free(t->config);
}

void toy_must_train(struct toy *t)
{
    struct err e;
    if (toy_train(t, &e))
        fail_msg("%s", e.msg);
}

struct loaded *toy_open(const char *path)
{
    struct loaded *s;
    struct err e = ERR_INIT;
    if (loaded_open(path, &s, &e))
        fail_msg("%s", e.msg);
    return s;
}

struct loaded *toy_trained(const char *model, const char *url, const char *options, const char *name)
{
    struct toy t;
    toy_init(&t, model, url, options, in_folder("%s", name));
    toy_must_train(&t);
    toy_free(&t);
    return toy_open(in_folder("%s", name));
}
