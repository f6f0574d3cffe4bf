#include "data/callback.h"

#include "data/dataset_private.h"
#include "data/kind.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* The caller's functions, one call at a time. */
struct state {
    const struct callback_data *data;
    pthread_mutex_t lock;
};

static int add(struct part *p, const struct callback_sample *known, size_t i, struct err *e)
{
    char number[32];
    snprintf(number, sizeof number, "%05zu", i);
    struct sample s = {.name = known->name ? known->name : number, .path = p->path, .index = (int64_t)i};
    s.kind = known->kind ? known->kind : "";
    s.label = -1;
    s.anomalous = known->truth == CALLBACK_UNKNOWN ? -1 : known->truth == CALLBACK_ANOMALOUS;
    if (*s.kind)
        TRY(part_class(p, s.kind, &s.label, e));
    bool test = known->test || s.anomalous == 1 || p->use == DATASET_SCORE;
    return part_add(p, test ? SPLIT_TEST : SPLIT_TRAIN, &s, e);
}

static int callback_open(struct part *p, struct err *e)
{
    const struct callback_data *data = p->state;
    struct state *s = p->state = malloc(sizeof *s);
    if (!s)
        return err_memory(e, "a data set");
    s->data = data;
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < data->count; i++) {
        struct callback_sample known = {0};
        if (data->describe)
            data->describe(data->user, i, &known);
        TRY(add(p, &known, i, e));
    }
    return 0;
}

/* The pixels are the caller's until its next call: they are copied before anybody else can make one. */
static int read_locked(const struct callback_data *data, const struct sample *s, struct picture_decoder *d,
                       int channels, struct picture *out, struct err *e)
{
    struct pixels pixels = {0};
    struct err why = ERR_INIT;
    char text[300] = "it does not say why";
    if (data->read(data->user, (size_t)s->index, &pixels, text, sizeof text))
        return err_set(e, ERR_IO, "sample %s of %s cannot be read: %s", s->name, s->path, text);
    if (pixels_read(&pixels, channels, d, out, &why) < 0)
        return err_set(e, why.code, "sample %s of %s: %s", s->name, s->path, why.msg);
    return 0;
}

static int callback_read(const struct part *p, const struct sample *s, struct picture_decoder *d, int channels,
                         struct picture *out, struct err *e)
{
    struct state *st = p->state;
    pthread_mutex_lock(&st->lock);
    int code = read_locked(st->data, s, d, channels, out, e);
    pthread_mutex_unlock(&st->lock);
    return code;
}

static void callback_close(struct part *p)
{
    struct state *s = p->state;
    if (s)
        pthread_mutex_destroy(&s->lock);
    free(s);
}

static const struct option options[] = {{0}};

/* Not in the table: no URL leads to it. */
static const struct source source_callback = {
    .name = "callback",
    .help = "pictures from the calling program",
    .options = options,
    .kind = &kind_pictures,
    .open = callback_open,
    .read = callback_read,
    .close = callback_close,
};

int dataset_open_callback(const struct callback_data *data, enum dataset_use use, const struct log *log,
                          struct dataset **ds, struct err *e)
{
    if (!data->read)
        return err_set(e, ERR_USAGE, "data from a program need a function that reads a sample, and there is none");
    return dataset_open_source(&source_callback, data->name ? data->name : "the program's data",
                               (void *)(uintptr_t)data, use, log, ds, e);
}
