#include "report/html.h"

#include "picture/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int html_begin(struct html_locale *l, struct err *e)
{
    l->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!l->c)
        return err_memory(e, "a locale to write numbers in");
    l->before = uselocale(l->c);
    return 0;
}

void html_end(struct html_locale *l)
{
    uselocale(l->before);
    freelocale(l->c);
}

/* Length of the UTF-8 character at `s`, 0 if it is none (Unicode 15, table 3-7: no overlong forms, no surrogates). */
static int utf8_length(const unsigned char *s)
{
    int n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static const char *entity(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    }
    return NULL;
}

void html_text(FILE *f, const char *text)
{
    const unsigned char *s = (const unsigned char *)(text ? text : "");
    while (*s) {
        int n = utf8_length(s);
        bool control = (*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f || (*s == 0xc2 && n == 2 && s[1] < 0xa0);
        const char *escaped = entity(*s);
        if (!n || control)
            fputs("\xef\xbf\xbd", f);
        else if (escaped)
            fputs(escaped, f);
        else
            fwrite(s, 1, (size_t)n, f);
        s += n ? n : 1;
    }
}

/* Digits as printf made them, with a real minus. */
static void put_digits(FILE *f, const char *digits)
{
    fputs(*digits == '-' ? "\xe2\x88\x92" : "", f);
    fputs(digits + (*digits == '-'), f);
}

void html_number(FILE *f, double value, int decimals)
{
    char digits[400];
    snprintf(digits, sizeof digits, "%.*f", decimals, value);
    put_digits(f, isfinite(value) ? digits : "\xe2\x80\x93");
}

void html_digits(FILE *f, double value, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%#.*g", digits, value);
    size_t n = strlen(text);
    if (text[n - 1] == '.')
        text[n - 1] = 0;
    put_digits(f, isfinite(value) ? text : "\xe2\x80\x93");
}

void html_percent(FILE *f, double share, int decimals)
{
    html_number(f, 100 * share, decimals);
    if (isfinite(share))
        fputs("&nbsp;%", f);
}

void html_count(FILE *f, size_t n)
{
    if (n >= 1000) {
        html_count(f, n / 1000);
        fprintf(f, ",%03zu", n % 1000);
    } else {
        fprintf(f, "%zu", n);
    }
}

void html_seconds(FILE *f, double seconds)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        fputs("\xe2\x80\x93", f);
        return;
    }
    int whole = (int)lround(seconds);
    if (seconds > 0 && seconds < 0.1) {
        html_digits(f, seconds * (seconds < 1e-4 ? 1e6 : 1e3), 2);
        fputs(seconds < 1e-4 ? "&nbsp;\xc2\xb5s" : "&nbsp;ms", f);
    } else if (seconds < 60) {
        fprintf(f, "%.*f&nbsp;s", seconds < 1 ? 2 : 1, seconds);
    } else if (whole < 3600) {
        fprintf(f, "%d&nbsp;min %d&nbsp;s", whole / 60, whole % 60);
    } else {
        fprintf(f, "%d&nbsp;h %d&nbsp;min", whole / 3600, whole / 60 % 60);
    }
}

void html_bytes(FILE *f, size_t bytes)
{
    double v = (double)bytes / 1000;
    if (v < 1000)
        fprintf(f, "%.0f&nbsp;KB", v);
    else if (v < 1e6)
        fprintf(f, "%.1f&nbsp;MB", v / 1000);
    else
        fprintf(f, "%.1f&nbsp;GB", v / 1e6);
}

static void put_base64(FILE *f, const unsigned char *bytes, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned v = (unsigned)bytes[i] << 16;
        v |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        v |= left > 2 ? bytes[i + 2] : 0;
        char four[4] = {letters[v >> 18], letters[v >> 12 & 63], left > 1 ? letters[v >> 6 & 63] : '=',
                        left > 2 ? letters[v & 63] : '='};
        fwrite(four, 1, 4, f);
    }
}

static int put_img(FILE *f, const struct picture *p, const char *class, const char *alt, struct err *e)
{
    unsigned char *png;
    size_t size;
    TRY(picture_encode_png(p, &png, &size, e));
    fprintf(f, "<img class=\"%s\" width=\"%d\" height=\"%d\" alt=\"%s\" src=\"data:image/png;base64,", class, p->width,
            p->height, alt);
    put_base64(f, png, size);
    fputs("\">", f);
    free(png);
    return 0;
}

int html_picture(FILE *f, const struct picture *p, int side, const char *class, const char *alt, struct err *e)
{
    int longest = p->width > p->height ? p->width : p->height;
    if (longest <= side)
        return put_img(f, p, class, alt, e);
    int width = (int)((int64_t)p->width * side / longest), height = (int)((int64_t)p->height * side / longest);
    struct picture small = {.width = width ? width : 1, .height = height ? height : 1, .channels = p->channels};
    uint8_t *pixels = malloc((size_t)(small.width * small.height * small.channels));
    if (!pixels)
        return err_memory(e, "a picture of the report");
    struct resize r = {0};
    int code = resize_run(&r, RESIZE_SMOOTH, p->pixels, p->width, p->height, p->channels, pixels, small.width,
                          small.height, e);
    small.pixels = pixels;
    if (!code)
        code = put_img(f, &small, class, alt, e);
    resize_free(&r);
    free(pixels);
    return code;
}
