#include "run/shrink.h"

static int rounded_up(int a, int b)
{
    return (a + b - 1) / b;
}

int shrink_block(const struct picture_format *f, int side)
{
    return rounded_up(f->width > f->height ? f->width : f->height, side);
}

struct picture_format shrink_format(const struct picture_format *f, int block)
{
    return (struct picture_format){rounded_up(f->width, block), rounded_up(f->height, block), f->channels};
}

/* The pixels of a block: from (x, y) up to (right, bottom). Those at the edges may be smaller. */
struct block {
    int x, y, right, bottom;
};

static struct block block_at(const struct picture_format *f, int block, int column, int row)
{
    struct block b = {column * block, row * block, (column + 1) * block, (row + 1) * block};
    b.right = b.right < f->width ? b.right : f->width;
    b.bottom = b.bottom < f->height ? b.bottom : f->height;
    return b;
}

static uint8_t mean_of(const struct picture_format *f, const struct block *b, int channel, const uint8_t *in)
{
    unsigned sum = 0, n = (unsigned)((b->right - b->x) * (b->bottom - b->y));
    for (int y = b->y; y < b->bottom; y++)
        for (int x = b->x; x < b->right; x++)
            sum += in[((size_t)y * (size_t)f->width + (size_t)x) * (size_t)f->channels + (size_t)channel];
    return (uint8_t)((sum + n / 2) / n);
}

void shrink_pixels(const struct picture_format *f, int block, const uint8_t *in, uint8_t *out)
{
    const struct picture_format to = shrink_format(f, block);
    for (int row = 0; row < to.height; row++)
        for (int column = 0; column < to.width; column++) {
            const struct block b = block_at(f, block, column, row);
            for (int c = 0; c < f->channels; c++)
                *out++ = mean_of(f, &b, c, in);
        }
}

void shrink_map(const struct picture_format *f, int block, const float *in, float *out)
{
    const struct picture_format to = shrink_format(f, block);
    for (int row = 0; row < to.height; row++)
        for (int column = 0; column < to.width; column++, out++) {
            const struct block b = block_at(f, block, column, row);
            *out = in[(size_t)b.y * (size_t)f->width + (size_t)b.x];
            for (int y = b.y; y < b.bottom; y++)
                for (int x = b.x; x < b.right; x++) {
                    float v = in[(size_t)y * (size_t)f->width + (size_t)x];
                    *out = v > *out ? v : *out;
                }
        }
}

void shrink_mask(const struct picture_format *f, int block, const uint8_t *in, uint8_t *out)
{
    const struct picture_format to = shrink_format(f, block);
    for (int row = 0; row < to.height; row++)
        for (int column = 0; column < to.width; column++, out++) {
            const struct block b = block_at(f, block, column, row);
            *out = 0;
            for (int y = b.y; y < b.bottom; y++)
                for (int x = b.x; x < b.right; x++)
                    *out |= in[(size_t)y * (size_t)f->width + (size_t)x];
        }
}
