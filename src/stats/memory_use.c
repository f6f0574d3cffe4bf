#include "stats/memory_use.h"

#include <math.h>
#include <stdlib.h>

int memory_use_init(struct memory_use *u, int64_t items, struct err *e)
{
    *u = (struct memory_use){.items = items};
    u->weight = calloc((size_t)items, sizeof *u->weight);
    u->best = calloc((size_t)items, sizeof *u->best);
    if (u->weight && u->best)
        return 0;
    memory_use_free(u);
    return err_memory(e, "the use of memory items");
}

void memory_use_free(struct memory_use *u)
{
    free(u->weight);
    free(u->best);
    *u = (struct memory_use){0};
}

void memory_use_add(struct memory_use *u, const float *attention, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++, attention += u->items) {
        int64_t best = 0, used = 0;
        for (int64_t i = 0; i < u->items; i++) {
            double w = (double)attention[i];
            u->weight[i] += w;
            used += w > 0;
            u->entropy_sum -= w > 0 ? w * log(w) : 0;
            best = attention[i] > attention[best] ? i : best;
        }
        u->best[best] += used > 0;
        u->single_rows += used == 1;
    }
    u->rows += rows;
}

void memory_use_finish(struct memory_use *u)
{
    u->dead = 0;
    for (int64_t i = 0; i < u->items; i++)
        u->dead += !(u->weight[i] > 0);
    u->entropy = u->rows ? u->entropy_sum / (double)u->rows : (double)NAN;
    u->rows_one_item = u->rows ? (double)u->single_rows / (double)u->rows : (double)NAN;
}
