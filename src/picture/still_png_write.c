/* Pictures out, as PNG, through libpng. */
#include "picture/picture.h"

#include "base/file.h"
#include "picture/still_png_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    png_structp png;
    png_infop info;
    unsigned char *bytes;
    size_t size, room;
    bool no_memory;
    struct still_png_words words;
};

static void take_bytes(png_structp png, png_bytep bytes, size_t n)
{
    struct writer *w = png_get_io_ptr(png);
    if (n > w->room - w->size) {
        const size_t room = 2 * w->room + n;
        unsigned char *more = realloc(w->bytes, room);
        w->no_memory = !more;
        if (!more)
            png_error(png, "out of memory");
        w->bytes = more;
        w->room = room;
    }
    memcpy(w->bytes + w->size, bytes, n);
    w->size += n;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

static int encode_or_land(struct writer *w, const struct picture *in, struct err *e)
{
    if (setjmp(png_jmpbuf(w->png)))
        return w->no_memory ? err_memory(e, "a PNG")
                            : err_set(e, ERR_FAIL, "cannot write a PNG of %dx%d pixels: %s", in->width, in->height,
                                      w->words.why);
    png_set_write_fn(w->png, w, take_bytes, flush_nothing);
    png_set_user_limits(w->png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_set_IHDR(w->png, w->info, (png_uint_32)in->width, (png_uint_32)in->height, 8,
                 in->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    const size_t row = (size_t)in->width * (size_t)in->channels;
    for (int y = 0; y < in->height; y++)
        png_write_row(w->png, in->pixels + row * (size_t)y);
    png_write_end(w->png, NULL);
    return 0;
}

int picture_encode_png(const struct picture *in, unsigned char **data, size_t *size, struct err *e)
{
    *data = NULL;
    *size = 0;
    if (in->width < 1 || in->height < 1 || (in->channels != 1 && in->channels != 3))
        return err_set(e, ERR_USAGE, "cannot write a PNG of %dx%d pixels and %d channels; 1 or 3 channels are possible",
                       in->width, in->height, in->channels);
    struct writer w = {0};
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w.words, still_png_give_up, still_png_ignore);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    const int code = w.info ? encode_or_land(&w, in, e) : err_memory(e, "a PNG");
    png_destroy_write_struct(&w.png, &w.info);
    if (code < 0) {
        free(w.bytes);
        return code;
    }
    *data = w.bytes;
    *size = w.size;
    return 0;
}

int picture_write_png(const char *path, const struct picture *in, bool force, struct err *e)
{
    unsigned char *data;
    size_t size;
    TRY(picture_encode_png(in, &data, &size, e));
    struct file_out f = {0};
    int code = file_create(&f, path, force, e);
    if (code == 0) {
        fwrite(data, 1, size, f.stream); /* file_commit sees what fails */
        code = file_commit(&f, e);
    }
    free(data);
    return code;
}
