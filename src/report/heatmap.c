#include "report/heatmap.h"

#include "base/file.h"
#include "data/media.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OKLab (Ottosson 2020) to 8-bit sRGB. */
static void oklab_to_srgb(double lightness, double a, double b, uint8_t rgb[3])
{
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    double linear[3] = {
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    };
    for (int i = 0; i < 3; i++) {
        double v = linear[i];
        v = v < 0 ? 0 : v > 1 ? 1 : v;
        v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
        rgb[i] = (uint8_t)lround(255 * v);
    }
}

/* Lightness in even steps, hue once from blue over purple and orange to yellow, both ends quiet. Chosen so that every
 * colour can be shown on a screen (nothing is clipped) and the 255 steps are equal in OKLab to within 8 %, the first
 * few near black aside. */
static void scale_color(double t, uint8_t rgb[3])
{
    const double pi = 3.14159265358979323846;
    double lightness = 0.13 + 0.84 * t;
    double hue = (285 + 175 * pow(t, 1.1)) * pi / 180;
    double chroma = 0.02 + 0.155 * sin(pi * pow(t, 0.75));
    oklab_to_srgb(lightness, chroma * cos(hue), chroma * sin(hue), rgb);
}

void heatmap_scale_init(struct heatmap_scale *s, float low, float high, float level)
{
    s->low = low;
    s->high = high;
    s->level = level;
    for (int i = 0; i < HEATMAP_COLORS; i++)
        scale_color(i / (HEATMAP_COLORS - 1.0), s->colors[i]);
}

void heatmap_scale_calibrated(struct heatmap_scale *s, const struct calibration *c, double rate)
{
    enum { ONE_IN = 20 };
    float high = c->map_high, level = INFINITY;
    if (c->n && c->peaks) {
        float peak = calibration_peak_threshold(c, 1.0 / ONE_IN);
        if (!isfinite(peak))
            peak = c->peaks[c->n - 1];
        high = fmaxf(high, c->map_low + 1.5f * (peak - c->map_low));
        level = calibration_peak_threshold(c, rate);
    }
    heatmap_scale_init(s, c->map_low, high, level);
}

float heatmap_position(const struct heatmap_scale *s, float value)
{
    if (!isfinite(value))
        return NAN;
    if (!(s->high > s->low))
        return value > s->low ? 1 : 0;
    float t = (value - s->low) / (s->high - s->low);
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

/* Strong colours cover the picture underneath, weak ones let it through. */
static void blend(uint8_t *rgb, const uint8_t *color, uint8_t grey, float cover)
{
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)lrintf(cover * color[i] + (1 - cover) * grey);
}

static void draw_value(const struct heatmap_scale *s, float value, const uint8_t *grey, float opacity, uint8_t *rgb)
{
    static const uint8_t unknown[3] = {128, 128, 128};
    float t = heatmap_position(s, value);
    const uint8_t *color = isnan(t) ? unknown : s->colors[(int)lrintf(t * (HEATMAP_COLORS - 1))];
    if (grey)
        blend(rgb, color, *grey, isnan(t) ? opacity : opacity * sqrtf(t));
    else
        memcpy(rgb, color, 3);
}

/* Whether the map is above the level at a pixel of the drawing; outside of the map it is not. */
static bool above(const struct heatmap_scale *s, const float *map, int width, int height, int zoom, int x, int y)
{
    if (x < 0 || y < 0 || x >= width * zoom || y >= height * zoom)
        return false;
    return map[(size_t)(y / zoom) * (size_t)width + (size_t)(x / zoom)] > s->level;
}

static bool on_contour(const struct heatmap_scale *s, const float *map, int width, int height, int zoom, int x, int y)
{
    return above(s, map, width, height, zoom, x, y) &&
           !(above(s, map, width, height, zoom, x - 1, y) && above(s, map, width, height, zoom, x + 1, y) &&
             above(s, map, width, height, zoom, x, y - 1) && above(s, map, width, height, zoom, x, y + 1));
}

void heatmap_draw(const struct heatmap_scale *s, const float *map, int width, int height,
                  const struct heatmap_style *style, uint8_t *rgb)
{
    int zoom = style->zoom;
    for (int y = 0; y < height * zoom; y++) {
        for (int x = 0; x < width * zoom; x++, rgb += 3) {
            size_t at = (size_t)(y / zoom) * (size_t)width + (size_t)(x / zoom);
            if (style->contour && on_contour(s, map, width, height, zoom, x, y))
                memset(rgb, 255, 3);
            else
                draw_value(s, map[at], style->grey ? style->grey + at : NULL, style->opacity, rgb);
        }
    }
}

void heatmap_bar(const struct heatmap_scale *s, int width, int height, uint8_t *rgb)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, rgb += 3)
            memcpy(rgb, s->colors[(HEATMAP_COLORS * (int64_t)x + HEATMAP_COLORS / 2) / width], 3);
}

int heatmap_write_png(const char *path, const struct heatmap_scale *s, const float *map, int width, int height,
                      const struct heatmap_style *style, bool force, struct err *e)
{
    struct picture p = {.width = width * style->zoom, .height = height * style->zoom, .channels = 3};
    uint8_t *rgb = malloc((size_t)p.width * (size_t)p.height * 3);
    if (!rgb)
        return err_memory(e, "a heat map's picture");
    heatmap_draw(s, map, width, height, style, rgb);
    p.pixels = rgb;
    int code = picture_write_png(path, &p, force, e);
    free(rgb);
    return code;
}

/* 10 bytes (magic, version, length of the text) and the text, padded with spaces to 128 in all. */
static void npy_header(int width, int height, char header[128])
{
    static const unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    memset(header, ' ', 128);
    memcpy(header, start, sizeof start);
    int n = snprintf(header + 10, 118, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", height, width);
    header[10 + n] = ' ';
    header[127] = '\n';
}

int heatmap_write_npy(const char *path, const float *map, int width, int height, bool force, struct err *e)
{
    struct file_out f;
    TRY(file_create(&f, path, force, e));
    char header[128];
    npy_header(width, height, header);
    fwrite(header, 1, sizeof header, f.stream);
    fwrite(map, sizeof *map, (size_t)width * (size_t)height, f.stream);
    return file_commit(&f, e);
}
