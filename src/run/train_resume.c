/* Going on with a training that was interrupted: whether it is the same one, and where it was. */
#include "run/train_parts.h"

#include <math.h>
#include <string.h>

/* Options that may be changed on the way: they do not say what the steps so far were. */
static bool may_change(const char *name)
{
    static const char *const free_names[] = {"epochs",   "steps",   "lr",     "lr_epochs",  "lr_factor",
                                             "patience", "threads", "cache",  "keep_state", "score",
                                             "map_blur", "map_top", "aligned"};
    for (size_t i = 0; i < sizeof free_names / sizeof *free_names; i++)
        if (!strcmp(name, free_names[i]))
            return true;
    return false;
}

static int same_options(const struct trainer *t, const struct option *table, const void *then, const void *now,
                        struct err *e)
{
    struct option row;
    for (size_t i = 0; option_at(table, i, &row); i++) {
        char a[OPTION_TEXT * 2], b[OPTION_TEXT * 2];
        option_format(&row, then, a, sizeof a);
        option_format(&row, now, b, sizeof b);
        if (strcmp(a, b) && !(now == &t->about.train && may_change(row.name)))
            return err_set(e, ERR_USAGE,
                           "%s was begun with %s=%s, not %s; give the same options to go on, or begin "
                           "anew with --force",
                           t->state_path, row.name, a, b);
    }
    return 0;
}

static bool same_input(const struct preprocess *a, const struct preprocess *b)
{
    if (!shape_equal(&a->sample, &b->sample) || !a->roi != !b->roi)
        return false;
    if (!a->roi)
        return true;
    const struct picture_format f = preprocess_format(a);
    return !memcmp(a->roi, b->roi, (size_t)f.width * (size_t)f.height);
}

static int same_training(const struct trainer *t, const struct model_file *then, const struct train_state *state,
                         struct err *e)
{
    if (then->model != t->job->model)
        return err_set(e, ERR_USAGE, "%s is a training of %s, not of %s", t->state_path, then->model->name,
                       t->job->model->name);
    TRY(same_options(t, then->model->options, then->config, t->job->config, e));
    TRY(same_options(t, train_options, &then->train, &t->about.train, e));
    if (!same_input(&then->input, &t->about.input) || state->data != t->at.data || then->trained != t->about.trained)
        return err_set(
            e, ERR_USAGE,
            "%s was begun on other data than %s: the samples, or what counts of them, are not the same; give the same "
            "data to go on, or begin anew with --force",
            t->state_path, t->job->data_name);
    if (state->step > (int64_t)loader_steps(t->loaders[SHARE_TRAIN]) || state->epoch > t->epochs)
        return err_set(e, ERR_USAGE, "%s has %d epochs done already, and %lld are asked for", t->state_path,
                       state->epoch, (long long)t->epochs);
    return 0;
}

static int take_over(struct trainer *t, struct state_file *file, const struct model_file *then,
                     const struct train_state *state, struct err *e)
{
    TRY(same_training(t, then, state, e));
    TRY(state_read(file, then, state, t->params, t->kept, e));
    t->at = *state;
    t->about.kept_epoch = then->kept_epoch;
    t->about.date = arena_string(&t->about.arena, then->date);
    t->about.curve.epochs = then->curve.epochs;
    memcpy(t->about.curve.rows, then->curve.rows, (size_t)then->curve.epochs * sizeof *then->curve.rows);
    t->validation = state->epoch ? then->curve.rows[state->epoch - 1].validation : (double)NAN;
    t->model_due = then->kept_epoch > 0;
    return t->about.date ? 0 : err_memory(e, "the date");
}

int train_resume(struct trainer *t, struct err *e)
{
    struct model_file then;
    struct train_state state = {0};
    struct state_file *file = NULL;
    int code = state_open(t->state_path, &then, &state, &file, e);
    if (!code)
        code = take_over(t, file, &then, &state, e);
    state_close(file);
    model_file_free(&then);
    if (!code)
        log_line(t->job->log, LOG_INFO, "going on after epoch %d, step %lld", t->at.epoch, (long long)t->at.step);
    return code;
}
