/* What is remembered of the videos of a data set. */
#include "data/dataset_private.h"

#include <stdlib.h>

void dataset_forget_episode(struct episode *e)
{
    free(e->kept);
    free(e->times);
    *e = (struct episode){0};
}
