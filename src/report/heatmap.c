#include "report/heatmap.h"

#include "base/file.h"
#include "picture/picture.h"

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

bool heatmap_scale_calibrated(struct heatmap_scale *s, const struct calibration *c, double rate)
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
    bool fixed = high > c->map_low;
    heatmap_scale_init(s, fixed ? c->map_low : INFINITY, fixed ? high : -INFINITY, level);
    return fixed;
}

void heatmap_scale_widen(struct heatmap_scale *s, const float *map, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(map[i]))
            continue;
        s->low = fminf(s->low, map[i]);
        s->high = fmaxf(s->high, map[i]);
    }
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

void heatmap_draw(const struct heatmap_scale *s, const float *map, int width, int height, uint8_t *rgb)
{
    static const uint8_t unknown[3] = {128, 128, 128};
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++) {
        float t = heatmap_position(s, map[i]);
        memcpy(rgb + 3 * i, isnan(t) ? unknown : s->colors[lrintf(t * (HEATMAP_COLORS - 1))], 3);
    }
}

void heatmap_bar(const struct heatmap_scale *s, int width, int height, uint8_t *rgb)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, rgb += 3)
            memcpy(rgb, s->colors[(HEATMAP_COLORS * (int64_t)x + HEATMAP_COLORS / 2) / width], 3);
}

/* What may come from outside: a map of a size that a picture can have. */
static int check_map(const char *path, const float *map, int width, int height, struct err *e)
{
    if (map && width >= 1 && height >= 1 && width <= PICTURE_MAX_SIDE && height <= PICTURE_MAX_SIDE &&
        (int64_t)width * height <= PICTURE_MAX_PIXELS)
        return 0;
    return err_set(
        e, ERR_USAGE,
        "a heat map of %d x %d%s cannot be written to %s: it takes values, sides from 1 to %d and at most %d "
        "values in all",
        width, height, map ? "" : " without values", path, PICTURE_MAX_SIDE, PICTURE_MAX_PIXELS);
}

int heatmap_write_png(const char *path, const struct calibration *c, const float *map, int width, int height,
                      bool force, struct err *e)
{
    TRY(check_map(path, map, width, height, e));
    struct heatmap_scale scale;
    if (!heatmap_scale_calibrated(&scale, c, 1))
        heatmap_scale_widen(&scale, map, (size_t)width * (size_t)height);
    struct picture p = {.width = width, .height = height, .channels = 3};
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    if (!rgb)
        return err_memory(e, "a heat map's picture");
    heatmap_draw(&scale, map, width, height, rgb);
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
    TRY(check_map(path, map, width, height, e));
    TRY(file_create(&f, path, force, e));
    char header[128];
    npy_header(width, height, header);
    fwrite(header, 1, sizeof header, f.stream);
    fwrite(map, sizeof *map, (size_t)width * (size_t)height, f.stream);
    return file_commit(&f, e);
}
