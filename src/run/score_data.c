/* Scoring whole data sets: samples in batches, videos as they are played. */
#include "data/loader.h"
#include "run/score_private.h"

#include <string.h>

/* ---- samples ---- */

static int score_batch(struct scorer *s, const struct batch *b, scorer_each *each, void *user, struct err *e)
{
    memcpy(s->forward.input, b->data, b->n * s->forward.sample_values * sizeof(float));
    TRY(scorer_run(s, b->n, e));
    for (size_t i = 0; i < b->n; i++) {
        struct verdict v = {.error = ERR_IO, .message = b->errors[i]};
        if (!b->errors[i])
            v = scorer_verdict(s, (int)i);
        if (each(user, b->samples[i], &v))
            return err_set(e, ERR_STOPPED, "scoring was stopped after %zu of the batch's samples", i + 1);
    }
    return 0;
}

int scorer_score_dataset(struct scorer *s, struct dataset *data, enum split split, const size_t *indices, size_t n,
                         scorer_each *each, void *user, struct err *e)
{
    struct loader_options options = {.batch = (size_t)s->forward.batch,
                                     .input = &loaded_file(s->loaded)->input,
                                     .ahead = s->forward.tiled ? 1 : 0}; /* large pictures are large batches */
    size_t count = indices ? n : dataset_count(data, split);
    if (dataset_plays(data) && preprocess_shows(options.input, NULL)) /* a model of pictures judges frames, too */
        return scorer_score_videos(s, data, split, indices, n, each, user, e);
    if (dataset_kind(data) != options.input->kind)
        return err_set(e, ERR_USAGE, "the data are %s, but the model was made for %s%s",
                       kind_samples(dataset_kind(data)), kind_samples(options.input->kind),
                       s->forward.heads.input->shape.nd == 5 && !kind_is_rows(dataset_kind(data))
                           ? "; call a path video:PATH where folders hold the frames of videos"
                           : "");
    options.threads = count > 1 ? s->forward.threads : 1; /* decoding may well be most of the work */
    struct loader *loader = NULL;
    struct batch b;
    TRY(loader_new(data, split, indices, n, &options, &loader, e));
    int got, code = 0;
    while (!code && (got = loader_next(loader, &b, e)) != 0)
        code = got < 0 ? got : score_batch(s, &b, each, user, e);
    loader_free(loader);
    return code;
}
