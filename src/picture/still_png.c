/* PNG, through libpng. Gamma and colour profiles are left alone, as in other formats. */
#include "picture/still.h"

#include "picture/exif.h"
#include "picture/still_png_words.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct still_file *file;
    size_t at;
    png_structp png;
    png_infop info;
    int components; /* of a row, with alpha */
    struct still_png_words words;
};

/* ---- what libpng asks for, and says ---- */

static void give_bytes(png_structp png, png_bytep out, size_t n)
{
    struct reader *r = png_get_io_ptr(png);
    if (n > r->file->size - r->at)
        png_error(png, "it ends too early");
    memcpy(out, r->file->bytes + r->at, n);
    r->at += n;
}

/* ---- decoding ---- */

static void set_up(struct reader *r)
{
    static const png_byte exif[] = "eXIf";
    png_set_read_fn(r->png, r, give_bytes);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);         /* limits are still_claim's */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* texts and profiles may unpack into much */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_AS_DEFAULT, exif, 1);
}

static bool stores_grey(const struct reader *r)
{
    png_colorp palette;
    int n = 0;
    if (png_get_color_type(r->png, r->info) != PNG_COLOR_TYPE_PALETTE)
        return !(png_get_color_type(r->png, r->info) & PNG_COLOR_MASK_COLOR);
    png_get_PLTE(r->png, r->info, &palette, &n);
    return still_all_grey(&palette[0].red, n);
}

static int read_head(struct reader *r, struct err *e)
{
    struct still_file *f = r->file;
    set_up(r);
    png_read_info(r->png, r->info);
    const int depth = png_get_bit_depth(r->png, r->info), colours = png_get_channels(r->png, r->info);
    const png_uint_32 width = png_get_image_width(r->png, r->info), height = png_get_image_height(r->png, r->info);
    TRY(still_claim(f, width, height, (size_t)colours * (depth > 8 ? 2 : 1), e));
    TRY(still_canvas(f, (int)width, (int)height, stores_grey(r), e));
    png_set_expand(r->png); /* of whatever it is to 8 bits of grey, grey and alpha, RGB or RGBA */
    png_set_scale_16(r->png);
    return 0;
}

static int read_rows(struct reader *r, struct err *e)
{
    struct still_file *f = r->file;
    const int passes = png_set_interlace_handling(r->png), height = f->picture.height;
    png_read_update_info(r->png, r->info);
    r->components = png_get_channels(r->png, r->info);
    const size_t row = png_get_rowbytes(r->png, r->info), kept = passes > 1 ? (size_t)height : 1;
    TRY(canvas_need(f->work, row * kept, e));
    for (int pass = 1; pass < passes; pass++) /* each fills in pixels between those of the others */
        for (int y = 0; y < height; y++)
            png_read_row(r->png, f->work->bytes + row * (size_t)y, NULL);
    for (int y = 0; y < height; y++) {
        uint8_t *line = f->work->bytes + (kept > 1 ? row * (size_t)y : 0);
        png_read_row(r->png, line, NULL);
        still_row(f, y, line, r->components);
    }
    return 0;
}

static int decode_all(struct reader *r, struct err *e)
{
    png_uint_32 n = 0;
    png_bytep exif;
    TRY(read_head(r, e));
    TRY(read_rows(r, e));
    png_read_end(r->png, r->info);
    if (png_get_eXIf_1(r->png, r->info, &n, &exif)) {
        const int said = exif_orientation(exif, n);
        r->file->orientation = said ? said : 1;
    }
    return 0;
}

static int decode_or_land(struct reader *r, struct err *e)
{
    if (setjmp(png_jmpbuf(r->png)))
        return still_damaged(r->file, r->words.why, e);
    return decode_all(r, e);
}

static int decode(struct still_file *f, struct err *e)
{
    struct reader r = {.file = f};
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r.words, still_png_give_up, still_png_ignore);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    const int code = r.info ? decode_or_land(&r, e) : err_memory(e, f->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return code;
}

const struct still still_png = {
    .name = "png",
    .extensions = "png ",
    .starts = {{"\x89PNG\r\n\x1a\n", 8}},
    .packing = 1032 * 8, /* deflate, 258 bytes in 2 bits and no more, and 1 bit a pixel becomes a byte */
    .decode = decode,
};
