/* Numbers in text: the same as strtod's, and nothing that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"
#include "base/rng.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void same(const char *text)
{
    double got, want = strtod(text, NULL);
    if (!number_read(text, strlen(text), '.', &got))
        fail_msg("'%s' is a number", text);
    if (memcmp(&got, &want, sizeof got))
        fail_msg("'%s' is read as %.17g, not %.17g", text, got, want);
}

static void every_bit_is_right(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "+7",
                                        "1.",
                                        ".5",
                                        "0.1",
                                        "1e22",
                                        "1e23",
                                        "1e-22",
                                        "1e-23",
                                        "9007199254740993",
                                        "123456789012345678",
                                        "12345678901234567890",
                                        "0.000000000000000000000000000001",
                                        "1.7976931348623157e308",
                                        "4.9e-324",
                                        "2e-400",
                                        "1E+5",
                                        "00012",
                                        "5e-324",
                                        "179769313486231580793728971405301e276",
                                        "  3.25\t",
                                        "1e400"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        same(texts[i]);
    struct rng r = rng_new(1, 1);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        int digits = (int)rng_below(&r, 19), power = (int)rng_below(&r, 60) - 30;
        snprintf(text, sizeof text, "%.*ge%d", digits + 1, ((double)rng_uniform(&r) - 0.5) * pow(10, power), power);
        if (strchr(text, 'e') != strrchr(text, 'e'))
            *strrchr(text, 'e') = 0;
        same(text);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         " ",    "-",   "+",   ".",   "e5",    "1e",  "1e+", "nan",  "inf",
                                        "Infinity", "0x10", "1,5", "1 2", "--1", "1.2.3", "12a", "a12", "1_000"};
    double out;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (number_read(texts[i], strlen(texts[i]), '.', &out))
            fail_msg("'%s' is read as %g", texts[i], out);
}

static void the_point_may_be_a_comma_and_the_text_goes_on(void **state)
{
    (void)state;
    double out;
    assert_true(number_read("1,5", 3, ',', &out) && out == 1.5);
    assert_true(number_read("0,12345678901234567890123", 25, ',', &out) && out == 0.12345678901234567890123);
    assert_false(number_read("1.5", 3, ',', &out));
    assert_true(number_read("12345", 2, '.', &out) && out == 12);
    char many[1000];
    memset(many, '1', sizeof many);
    assert_false(number_read(many, sizeof many, '.', &out)); /* no column has such numbers */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_is_right),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(the_point_may_be_a_comma_and_the_text_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
