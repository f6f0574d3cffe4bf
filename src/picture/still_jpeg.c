/* JPEG, through libjpeg(-turbo). A picture that is going to be made smaller comes out at a half, a quarter or an eighth
 * of its sides: the inverse cosine transform then makes 4x4, 2x2 or 1 pixel of a block, which is its mean over squares
 * with the frequencies left out that so many pixels cannot show, and takes a fraction of the time. */
#include "picture/still.h"

#include "picture/exif.h"

#include <stdio.h> /* before jpeglib.h, which wants it */

#include <jpeglib.h>
#include <jerror.h>

#include <setjmp.h>
#include <string.h>

enum {
    BLOCK = 8,
    EXIF = JPEG_APP0 + 1,
    MAX_SCANS = 200, /* of one picture: each is a pass over all of it, and encoders write some ten */
    MAX_ROWS = 4,    /* that the decoder gives at a time when it doubles chroma */
};

struct jpeg {
    struct jpeg_decompress_struct z;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf out; /* libjpeg does not expect its error function to come back */
    char why[JMSG_LENGTH_MAX];
    bool no_memory;
};

/* ---- what libjpeg says ---- */

static void give_up(j_common_ptr z)
{
    struct jpeg *j = z->client_data;
    j->no_memory = z->err->msg_code == JERR_OUT_OF_MEMORY;
    z->err->format_message(z, j->why);
    longjmp(j->out, 1);
}

/* After warnings libjpeg goes on with what it makes up. These mean nothing. */
static bool harmless(int warning)
{
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_ADOBE_XFORM || warning == JWRN_JFIF_MAJOR;
}

static void hear(j_common_ptr z, int level)
{
    if (level < 0 && !harmless(z->err->msg_code))
        give_up(z);
}

static void say_nothing(j_common_ptr z)
{
    (void)z;
}

static void count_scans(j_common_ptr z)
{
    struct jpeg *j = z->client_data;
    if (j->z.input_scan_number <= MAX_SCANS)
        return;
    snprintf(j->why, sizeof j->why, "more than %d scans of one picture", MAX_SCANS);
    longjmp(j->out, 1);
}

/* ---- decoding ---- */

static void read_orientation(const struct jpeg *j, struct still_file *f)
{
    for (jpeg_saved_marker_ptr m = j->z.marker_list; m; m = m->next) {
        const int said =
            m->data_length > 6 && !memcmp(m->data, "Exif\0\0", 6) ? exif_orientation(m->data, m->data_length) : 0;
        f->orientation = said ? said : f->orientation;
    }
}

/* The smallest size that has all the pixels that are wanted. */
static void choose_scale(struct jpeg *j, const struct still_file *f)
{
    const bool lies = f->orientation >= 5;
    const unsigned width = (unsigned)(lies ? f->aim.height : f->aim.width);
    const unsigned height = (unsigned)(lies ? f->aim.width : f->aim.height);
    j->z.scale_denom = BLOCK;
    for (j->z.scale_num = width && height ? 1 : BLOCK; j->z.scale_num < BLOCK; j->z.scale_num *= 2) {
        jpeg_calc_output_dimensions(&j->z);
        if (j->z.output_width >= width && j->z.output_height >= height)
            return;
    }
}

static bool is_cmyk(const struct jpeg *j)
{
    return j->z.jpeg_color_space == JCS_CMYK || j->z.jpeg_color_space == JCS_YCCK;
}

static int begin(struct jpeg *j, struct still_file *f, struct err *e)
{
    jpeg_mem_src(&j->z, f->bytes, f->size);
    jpeg_save_markers(&j->z, EXIF, 0xffff);
    jpeg_read_header(&j->z, TRUE);
    TRY(still_claim(f, j->z.image_width, j->z.image_height, (size_t)j->z.num_components, e));
    read_orientation(j, f);
    choose_scale(j, f);
    const bool grey = j->z.jpeg_color_space == JCS_GRAYSCALE;
    jpeg_calc_output_dimensions(&j->z);
    TRY(still_canvas(f, (int)j->z.output_width, (int)j->z.output_height, grey, e));
    j->z.out_color_space = is_cmyk(j) ? JCS_CMYK : f->picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&j->z);
    return 0;
}

static void read_rows(struct jpeg *j, struct still_file *f)
{
    while (j->z.output_scanline < j->z.output_height) {
        JSAMPROW rows[MAX_ROWS];
        JDIMENSION n = 0;
        for (; n < MAX_ROWS && j->z.output_scanline + n < j->z.output_height; n++)
            rows[n] = still_line(f, (int)(j->z.output_scanline + n));
        jpeg_read_scanlines(&j->z, rows, n);
    }
}

/* Black takes away from the light that cyan, magenta and yellow leave. Adobe, who began with it, stores what is left
 * and not what is printed. */
static int read_cmyk(struct jpeg *j, struct still_file *f, struct err *e)
{
    const size_t width = j->z.output_width;
    const uint8_t flip = j->z.saw_Adobe_marker ? 0 : 255;
    TRY(canvas_need(f->work, 4 * width, e));
    while (j->z.output_scanline < j->z.output_height) {
        const int y = (int)j->z.output_scanline;
        jpeg_read_scanlines(&j->z, &f->work->bytes, 1);
        for (size_t i = 0; i < 4 * width; i++)
            f->work->bytes[i] ^= flip;
        still_row(f, y, f->work->bytes, 4);
    }
    return 0;
}

static int decode_all(struct jpeg *j, struct still_file *f, struct err *e)
{
    TRY(begin(j, f, e));
    if (is_cmyk(j))
        TRY(read_cmyk(j, f, e));
    else
        read_rows(j, f);
    jpeg_finish_decompress(&j->z); /* looks for the end marker */
    return 0;
}

static int decode_or_land(struct jpeg *j, struct still_file *f, struct err *e)
{
    if (setjmp(j->out))
        return j->no_memory ? err_memory(e, f->name) : still_damaged(f, j->why, e);
    jpeg_create_decompress(&j->z);
    j->z.progress = &j->progress;
    return decode_all(j, f, e);
}

static int decode(struct still_file *f, struct err *e)
{
    struct jpeg j = {.no_memory = false};
    j.z.err = jpeg_std_error(&j.errors);
    j.errors.error_exit = give_up;
    j.errors.emit_message = hear;
    j.errors.output_message = say_nothing;
    j.progress.progress_monitor = count_scans;
    j.z.client_data = &j;
    const int code = decode_or_land(&j, f, e);
    jpeg_destroy_decompress(&j.z);
    return code;
}

const struct still still_jpeg = {
    .name = "jpg",
    .extensions = "jpg jpeg jpe jfif ",
    .starts = {{"\xff\xd8\xff", 3}},
    .packing = 64 * 8 * 4, /* a bit for a block of 64 pixels of up to 4 bytes */
    .decode = decode,
};
