#include "picture/shown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct picture_format choose_format(const struct picture *p)
{
    const int longest = p->width > p->height ? p->width : p->height;
    const double by = longest > SHOWN_SIDE ? (double)SHOWN_SIDE / longest : 1;
    const int width = (int)lround(p->width * by), height = (int)lround(p->height * by);
    return (struct picture_format){width < 1 ? 1 : width, height < 1 ? 1 : height, p->channels};
}

int shown_keep(struct shown *s, struct picture_decoder *d, const struct picture *frame, struct err *e)
{
    s->picture = (struct picture){0};
    if (!frame || !frame->pixels)
        return 0;
    const struct picture_format format = choose_format(frame);
    const size_t bytes = picture_bytes(&format);
    if (bytes > s->room) {
        free(s->pixels);
        s->pixels = malloc(bytes);
        s->room = s->pixels ? bytes : 0;
    }
    if (!s->pixels)
        return err_memory(e, "a frame to show");
    if (format.width == frame->width && format.height == frame->height)
        memcpy(s->pixels, frame->pixels, bytes);
    else
        TRY(picture_fit(d, frame, &format, s->pixels, e));
    s->picture = (struct picture){format.width, format.height, format.channels, s->pixels};
    return 0;
}

void shown_free(struct shown *s)
{
    free(s->pixels);
    *s = (struct shown){0};
}
