#include "run/rate.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

/* 1 at the first step behind the warm-up, towards 0 at the last: half a cosine (Loshchilov, Hutter, ICLR 2017). */
static double fall(int64_t step, int64_t steps)
{
    return steps > 0 && step > 0 ? (1 + cos(pi * (double)step / (double)steps)) / 2 : 1;
}

float rate_of(const struct train_config *c, int epoch, int64_t step, int64_t steps)
{
    double lr = c->lr;
    for (int i = 0; i < c->lr_epochs.n; i++)
        if (epoch >= c->lr_epochs.v[i])
            lr *= c->lr_factor;
    if (step < c->lr_warmup)
        return (float)(lr * (double)(step + 1) / (double)c->lr_warmup);
    return (float)(c->lr_cosine ? lr * fall(step - c->lr_warmup, steps - c->lr_warmup) : lr);
}

int64_t rate_epochs(const struct train_config *c, int64_t steps_an_epoch)
{
    int64_t wanted = (c->steps + steps_an_epoch - 1) / steps_an_epoch;
    return wanted > c->epochs ? wanted : c->epochs;
}
