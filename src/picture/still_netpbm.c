/* PBM, PGM and PPM, as text (P1 to P3) and as bytes (P4 to P6). Few lines of our own: the library of that name reads
 * files alone and ends the program where one is damaged. */
#include "picture/still.h"

#include "picture/bytes.h"
#include "picture/colour.h"

#include <ctype.h>

enum { NO_NUMBER = -1, MAX_NUMBER = 100000000 };

struct netpbm {
    struct still_file *file;
    size_t at;
    int width, height, most; /* the highest value */
    int colours;             /* of a pixel: 1 or 3 */
    bool bits, text;
};

/* ---- numbers as text ---- */

/* Past white space and comments; whether anything is there. */
static bool skip_space(struct netpbm *n)
{
    const unsigned char *bytes = n->file->bytes;
    const size_t size = n->file->size;
    while (n->at < size && (isspace(bytes[n->at]) || bytes[n->at] == '#'))
        if (bytes[n->at++] == '#')
            while (n->at < size && bytes[n->at] != '\n')
                n->at++;
    return n->at < size;
}

static int next_number(struct netpbm *n)
{
    const unsigned char *bytes = n->file->bytes;
    int number = 0;
    if (!skip_space(n) || !isdigit(bytes[n->at]))
        return NO_NUMBER;
    for (; n->at < n->file->size && isdigit(bytes[n->at]) && number < MAX_NUMBER; n->at++)
        number = 10 * number + bytes[n->at] - '0';
    return number;
}

/* Bits as text may stand without space between. */
static int next_bit(struct netpbm *n)
{
    const int digit = skip_space(n) ? n->file->bytes[n->at++] : 0;
    return digit == '0' || digit == '1' ? digit - '0' : NO_NUMBER;
}

/* ---- rows ---- */

static bool row_of_text(struct netpbm *n, uint8_t *row)
{
    for (int i = 0; i < n->width * n->colours; i++) {
        const int value = n->bits ? next_bit(n) : next_number(n);
        if (value < 0 || value > n->most)
            return false;
        row[i] =
            n->bits ? (uint8_t)(value ? 0 : 255) : colour_scale((unsigned)value, (unsigned)n->most); /* 1 is black */
    }
    return true;
}

static bool row_of_bytes(struct netpbm *n, uint8_t *row)
{
    const int wide = n->most > UINT8_MAX ? 2 : 1, values = n->width * n->colours;
    const unsigned char *from = n->file->bytes + n->at;
    const size_t size = n->bits ? ((size_t)n->width + 7) / 8 : (size_t)values * (size_t)wide;
    if (size > n->file->size - n->at)
        return false;
    n->at += size;
    for (int i = 0; i < values; i++) {
        const unsigned value = n->bits ? !(from[i / 8] >> (7 - i % 8) & 1) : wide == 2 ? be16(from + 2 * i) : from[i];
        if (value > (unsigned)n->most)
            return false;
        row[i] = colour_scale(value, (unsigned)n->most);
    }
    return true;
}

static int read_rows(struct netpbm *n, struct err *e)
{
    struct still_file *f = n->file;
    TRY(canvas_need(f->work, (size_t)n->width * (size_t)n->colours, e));
    for (int y = 0; y < n->height; y++) {
        if (!(n->text ? row_of_text(n, f->work->bytes) : row_of_bytes(n, f->work->bytes)))
            return still_damaged(f, "its pixels end too early, or are above the highest value", e);
        still_row(f, y, f->work->bytes, n->colours);
    }
    return 0;
}

static int decode(struct still_file *f, struct err *e)
{
    const int sort = f->bytes[1] - '0';
    struct netpbm n = {.file = f, .at = 2, .bits = sort % 3 == 1, .text = sort <= 3, .colours = sort % 3 ? 1 : 3};
    n.width = next_number(&n);
    n.height = next_number(&n);
    n.most = n.bits ? 1 : next_number(&n);
    if (n.width < 1 || n.height < 1 || n.most < 1 || n.most > UINT16_MAX || n.at >= f->size)
        return still_damaged(f, "its header has no size or no highest value", e);
    n.at += !n.text; /* one white space */
    TRY(still_claim(f, n.width, n.height, (size_t)n.colours * (n.most > UINT8_MAX ? 2 : 1), e));
    TRY(still_canvas(f, n.width, n.height, n.colours == 1, e));
    return read_rows(&n, e);
}

const struct still still_netpbm = {
    .name = "pbm, pgm or ppm",
    .extensions = "pgm ppm pnm pbm ",
    .starts = {{"P1", 2}, {"P2", 2}, {"P3", 2}, {"P4", 2}, {"P5", 2}, {"P6", 2}},
    .packing = 8, /* bits become bytes */
    .decode = decode,
};
