/* Texts, numbers and pictures in HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *written;
static size_t written_size;

static FILE *writing(void)
{
    free(written);
    return open_memstream(&written, &written_size);
}

static void test_html_text(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\x80", "\xef\xbf\xbd"},                                   /* a lone continuation */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                   /* '/' written too long */
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                   /* cut short by the end */
        {"\xed\xa0\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"}, /* half a surrogate pair */
        {"a\x01\x7f\xc2\x9b", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\nb\tc", "a\nb\tc"},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *f = writing();
        html_text(f, cases[i].in);
        fclose(f);
        assert_string_equal(written, cases[i].out);
    }
}

static void test_html_numbers(void **state)
{
    (void)state;
    FILE *f = writing();
    html_number(f, 0.9755, 2);
    fputs("|", f);
    html_number(f, -1.5, 1);
    fputs("|", f);
    html_number(f, NAN, 3);
    fputs("|", f);
    html_percent(f, -INFINITY, 1);
    fputs("|", f);
    html_percent(f, 0.051, 1);
    fputs("|", f);
    html_count(f, 1234005);
    fputs("|", f);
    html_digits(f, 12, 2);
    fputs("|", f);
    html_seconds(f, 59.4);
    fputs("|", f);
    html_seconds(f, 3725);
    fputs("|", f);
    html_seconds(f, NAN);
    fputs("|", f);
    html_seconds(f, 0.00423);
    fputs("|", f);
    html_seconds(f, 8.5e-7);
    fputs("|", f);
    html_seconds(f, 0);
    fputs("|", f);
    html_bytes(f, 1500000);
    fclose(f);
    assert_string_equal(written, "0.98|\xe2\x88\x92"
                                 "1.5|\xe2\x80\x93|\xe2\x80\x93|5.1&nbsp;%|1,234,005|12|59.4&nbsp;s|1&nbsp;h "
                                 "2&nbsp;min|\xe2\x80\x93|4.2&nbsp;ms|0.85&nbsp;\xc2\xb5s|0.00&nbsp;s|1.5&nbsp;MB");
}

/* Width and height as the PNG itself says, of the first picture in a page. */
static void png_size(const char *page, int *width, int *height)
{
    const char *p = strstr(page, "base64,") + 7;
    unsigned char bytes[24];
    for (int i = 0; i < 24; i += 3, p += 4) {
        unsigned v = 0;
        for (int k = 0; k < 4; k++) {
            unsigned c = (unsigned char)p[k];
            v = v << 6 | (c >= 'a' ? c - 'a' + 26 : c >= 'A' ? c - 'A' : c >= '0' ? c - '0' + 52 : c == '+' ? 62 : 63);
        }
        bytes[i] = (unsigned char)(v >> 16);
        bytes[i + 1] = (unsigned char)(v >> 8);
        bytes[i + 2] = (unsigned char)v;
    }
    assert_memory_equal(bytes, "\x89PNG\r\n\x1a\n", 8);
    *width = bytes[18] << 8 | bytes[19];
    *height = bytes[22] << 8 | bytes[23];
}

static void test_large_pictures_are_shrunk(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    uint8_t *pixels = calloc(600 * 300, 1);
    int width, height;
    FILE *f = writing();
    assert_int_equal(html_picture(f, &(struct picture){600, 300, 1, pixels}, 160, "smooth", "alt", &e), 0);
    fclose(f);
    png_size(written, &width, &height);
    assert_int_equal(width, 160);
    assert_int_equal(height, 80);
    f = writing();
    assert_int_equal(html_picture(f, &(struct picture){28, 20, 1, pixels}, 160, "crisp", "alt", &e), 0);
    fclose(f);
    png_size(written, &width, &height);
    assert_int_equal(width, 28);
    assert_int_equal(height, 20);
    f = writing();
    assert_int_equal(html_picture(f, &(struct picture){600, 1, 1, pixels}, 160, "smooth", "alt", &e), 0);
    fclose(f);
    png_size(written, &width, &height);
    assert_int_equal(height, 1);
    free(pixels);
}

static int free_written(void **state)
{
    (void)state;
    free(written);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_html_text),
        cmocka_unit_test(test_html_numbers),
        cmocka_unit_test(test_large_pictures_are_shrunk),
    };
    return cmocka_run_group_tests(tests, NULL, free_written);
}
