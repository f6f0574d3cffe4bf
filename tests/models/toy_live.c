/* A camera without a device: a square that wanders over a ramp, in so many connections of so many frames. */
#include "data/kind.h"

#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 16 };

struct toy_options {
    int64_t n, rate, connections;
};

#define OPTIONS_OF struct toy_options
// clang-format off
static const struct option options[] = {
    ROW_INT(n, "30", 0, 1e6, "frames of a connection"),
    ROW_INT(rate, "0", 0, 1e6, "frames a second; 0: as fast as they are taken"),
    ROW_INT(connections, "1", 0, 1e6, "how many there will be; after them there is nobody"),
    {0}};
// clang-format on

struct player {
    const struct toy_options *options;
    int64_t at;
    uint8_t pixels[SIDE * SIDE];
};

static int64_t connected; /* so far; one stream is open at a time */

static int toy_open(struct part *p, struct err *e)
{
    const struct sample s = {.name = "camera", .path = p->url, .kind = "", .label = -1, .anomalous = -1};
    connected = 0;
    return part_add(p, SPLIT_TEST, &s, e);
}

static int play(const struct part *p, const struct sample *s, const atomic_bool *halt, void **out, struct err *e)
{
    const struct toy_options *o = p->options;
    (void)s, (void)halt;
    if (connected >= o->connections)
        return err_set(e, ERR_IO, "nobody is there");
    struct player *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(e, "a camera");
    connected++;
    r->options = o;
    *out = r;
    return 0;
}

static int next(void *player, const struct frame_wish *wish, struct frame *out, struct err *e)
{
    struct player *r = player;
    (void)wish, (void)e;
    if (r->at >= r->options->n)
        return 0;
    if (r->options->rate)
        usleep((useconds_t)(1000000 / r->options->rate));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            r->pixels[y * SIDE + x] = (uint8_t)(abs(x - (int)(r->at % SIDE)) < 3 && y > 8 ? 200 : 3 * x + y);
    out->picture = out->whole = (struct picture){SIDE, SIDE, 1, r->pixels};
    out->own = (struct picture_size){SIDE, SIDE};
    out->time = (double)r->at++ / 25;
    return 1;
}

const struct source source_toy_live = {
    .name = "toylive",
    .help = "a camera made up for tests",
    .options = options,
    .options_size = sizeof(struct toy_options),
    .kind = &kind_clips,
    .live = true,
    .open = toy_open,
    .play = play,
    .next = next,
    .stop = free,
};
