/* Opened videos that clips are read from: to open one again for every clip, and to find out what is in it, costs more
 * than to go on in it. */
#include "data/dataset_private.h"

#include <string.h>

int dataset_take_player(struct dataset *ds, const struct sample *s, struct open_video *out, struct err *e)
{
    const struct part *part = &ds->parts[s->part];
    out->player = NULL;
    out->part = part;
    out->path = s->path;
    pthread_mutex_lock(&ds->lock);
    for (int i = 0; i < ds->n_players && !out->player; i++)
        if (ds->players[i].part == part && !strcmp(ds->players[i].path, s->path)) {
            out->player = ds->players[i].player;
            memmove(&ds->players[i], &ds->players[i + 1], (size_t)(--ds->n_players - i) * sizeof *ds->players);
        }
    pthread_mutex_unlock(&ds->lock);
    return out->player ? 0 : part->source->play(part, s, NULL, &out->player, e);
}

void dataset_put_player(struct dataset *ds, const struct open_video *p)
{
    struct open_video out = {0};
    pthread_mutex_lock(&ds->lock);
    if (ds->n_players == PLAYERS_KEPT) {
        out = ds->players[0]; /* the one that nobody has wanted for the longest time */
        memmove(&ds->players[0], &ds->players[1], (size_t)--ds->n_players * sizeof *ds->players);
    }
    ds->players[ds->n_players++] = *p;
    pthread_mutex_unlock(&ds->lock);
    dataset_drop_player(&out);
}

void dataset_drop_player(const struct open_video *p)
{
    if (p->player)
        p->part->source->stop(p->player);
}
