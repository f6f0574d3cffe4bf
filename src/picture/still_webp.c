/* WebP, through libwebp. */
#include "picture/still.h"

#include "picture/bytes.h"
#include "picture/colour.h"
#include "picture/exif.h"

#include <webp/decode.h>

#include <string.h>

enum { RIFF_HEAD = 12, CHUNK_HEAD = 8 };

/* A file is a row of chunks that say how long they are; libwebp would make do with a part of the last one. */
static bool read_chunks(struct still_file *f)
{
    size_t at = RIFF_HEAD;
    while (at + CHUNK_HEAD <= f->size) {
        const unsigned char *chunk = f->bytes + at;
        const size_t length = le32(chunk + 4), left = f->size - at - CHUNK_HEAD;
        if (length > left)
            return false;
        const int said = memcmp(chunk, "EXIF", 4) ? 0 : exif_orientation(chunk + CHUNK_HEAD, length);
        f->orientation = said ? said : f->orientation;
        at += CHUNK_HEAD + length + length % 2;
    }
    return at > RIFF_HEAD;
}

/* libwebp 1.5 says that it lacks memory where an alpha plane makes no sense, too. So where there is memory for several
 * pictures, the bits are to blame. */
static int explain(const struct still_file *f, VP8StatusCode status, struct err *e)
{
    enum { ROOM = 16 }; /* bytes a pixel */
    const size_t room = (size_t)f->own.width * (size_t)f->own.height * ROOM;
    if (status == VP8_STATUS_OUT_OF_MEMORY && canvas_need(f->work, room, e) < 0)
        return err_memory(e, f->name);
    const bool cut = status == VP8_STATUS_SUSPENDED || status == VP8_STATUS_NOT_ENOUGH_DATA;
    return still_damaged(f, cut ? "it ends too early" : "its bits make no sense", e);
}

/* Y alone. */
static int read_luma(struct still_file *f, WebPDecoderConfig *c, struct err *e)
{
    c->output.colorspace = MODE_YUVA;
    const VP8StatusCode status = WebPDecode(f->bytes, f->size, c);
    if (status != VP8_STATUS_OK)
        return explain(f, status, e);
    const WebPYUVABuffer *b = &c->output.u.YUVA;
    const int width = f->picture.width, height = f->picture.height;
    const struct yuv planes = {.width = width, .height = height, .plane = {b->y}, .stride = {b->y_stride}};
    yuv_to_grey(&planes, f->pixels->bytes);
    for (int y = 0; y < height && c->input.has_alpha; y++)
        for (int x = 0; x < width; x++)
            still_line(f, y)[x] = colour_over_black(still_line(f, y)[x], b->a[(ptrdiff_t)y * b->a_stride + x]);
    return 0;
}

static int read_colours(struct still_file *f, WebPDecoderConfig *c, struct err *e)
{
    const int components = c->input.has_alpha ? 4 : 3;
    const size_t row = (size_t)f->picture.width * (size_t)components, size = row * (size_t)f->picture.height;
    TRY(canvas_need(f->work, size, e));
    c->output.colorspace = components == 4 ? MODE_RGBA : MODE_RGB;
    c->output.is_external_memory = 1;
    c->output.u.RGBA = (WebPRGBABuffer){.rgba = f->work->bytes, .stride = (int)row, .size = size};
    const VP8StatusCode status = WebPDecode(f->bytes, f->size, c);
    if (status != VP8_STATUS_OK)
        return explain(f, status, e);
    for (int y = 0; y < f->picture.height; y++)
        still_row(f, y, f->work->bytes + row * (size_t)y, components);
    return 0;
}

static int decode(struct still_file *f, struct err *e)
{
    enum { LOSSY = 1 };
    WebPDecoderConfig c;
    if (!read_chunks(f))
        return still_damaged(f, "it ends too early", e);
    if (!WebPInitDecoderConfig(&c))
        return still_damaged(f, "libwebp is another one than engram was built with", e);
    const VP8StatusCode status = WebPGetFeatures(f->bytes, f->size, &c.input);
    if (status != VP8_STATUS_OK)
        return explain(f, status, e);
    if (c.input.has_animation)
        return still_damaged(f, "it moves", e);
    TRY(still_claim(f, c.input.width, c.input.height, c.input.has_alpha ? 4 : 3, e));
    TRY(still_canvas(f, f->own.width, f->own.height, false, e));
    const bool luma = f->picture.channels == 1 && c.input.format == LOSSY;
    const int code = luma ? read_luma(f, &c, e) : read_colours(f, &c, e);
    WebPFreeDecBuffer(&c.output);
    return code;
}

const struct still still_webp = {
    .name = "webp",
    .extensions = "webp ",
    .starts = {{"RIFF????WEBP", 12}},
    .packing = 16384, /* a picture of one colour takes no bits at all for a pixel: a limit of sense */
    .decode = decode,
};
