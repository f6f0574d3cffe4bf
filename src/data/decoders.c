/* The decoders of a data set: as many as threads ever read from it at once, made once. */
#include "data/dataset_private.h"

void dataset_limit(struct dataset *ds, const struct picture_limits *limits)
{
    ds->limits = *limits;
}

int dataset_take_decoder(struct dataset *ds, struct picture_decoder **d, struct err *e)
{
    *d = NULL;
    pthread_mutex_lock(&ds->lock);
    if (ds->n_idle)
        *d = ds->idle[--ds->n_idle];
    pthread_mutex_unlock(&ds->lock);
    if (*d)
        return 0;
    TRY(picture_decoder_new(d, e));
    picture_decoder_limit(*d, &ds->limits);
    return 0;
}

void dataset_put_decoder(struct dataset *ds, struct picture_decoder *d)
{
    pthread_mutex_lock(&ds->lock);
    if (ds->n_idle < DECODERS_KEPT) {
        ds->idle[ds->n_idle++] = d;
        d = NULL;
    }
    pthread_mutex_unlock(&ds->lock);
    picture_decoder_free(d);
}
