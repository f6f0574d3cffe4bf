#include "base/number.h"

#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MAX = 19,  /* that a uint64_t holds */
    EXACT_POWER = 22, /* 10^22 is the largest power of ten that a double holds exactly */
    LONG_MAX_TEXT = 400,
};

static const uint64_t EXACT_INTEGER = (uint64_t)1 << 53;

static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t plain_locale;
static pthread_once_t plain_once = PTHREAD_ONCE_INIT;

static void make_plain(void)
{
    plain_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* What the fast way cannot say exactly: many digits, large exponents. The grammar has been checked. */
static bool read_slowly(const char *text, size_t n, char point, double *out)
{
    char copy[LONG_MAX_TEXT];
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    char *at = memchr(copy, point, n);
    if (at)
        *at = '.';
    pthread_once(&plain_once, make_plain);
    if (!plain_locale)
        return false;
    *out = strtod_l(copy, NULL, plain_locale);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A number while it is read: `mantissa` of the digits so far times 10^power. */
struct reading {
    const char *at, *end;
    uint64_t mantissa;
    int digits; /* significant ones in the mantissa */
    int power;
    bool exact; /* all of them are in it */
};

/* Takes digits; how many of them lower the power says `fraction`. */
static bool take_digits(struct reading *r, int fraction)
{
    const char *from = r->at;
    for (; r->at < r->end && is_digit(*r->at); r->at++) {
        if (r->digits == DIGITS_MAX) {
            r->exact = false;
            continue;
        }
        r->mantissa = r->mantissa * 10 + (uint64_t)(*r->at - '0');
        r->digits += r->mantissa != 0;
        r->power -= fraction;
    }
    return r->at > from;
}

static bool take_exponent(struct reading *r)
{
    bool negative = false;
    int exponent = 0;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
        negative = *r->at++ == '-';
    const char *from = r->at;
    for (; r->at < r->end && is_digit(*r->at); r->at++)
        exponent = exponent < 100000 ? exponent * 10 + (*r->at - '0') : exponent;
    r->power += negative ? -exponent : exponent;
    return r->at > from;
}

bool number_read(const char *text, size_t n, char point, double *out)
{
    while (n && is_blank(*text))
        text++, n--;
    while (n && is_blank(text[n - 1]))
        n--;
    struct reading r = {.at = text, .end = text + n, .exact = true};
    bool negative = n && *text == '-';
    if (n && (*text == '-' || *text == '+'))
        r.at++;
    bool whole = take_digits(&r, 0), fraction = false;
    if (r.at < r.end && *r.at == point) {
        r.at++;
        fraction = take_digits(&r, 1);
    }
    if (!whole && !fraction)
        return false;
    if (r.at < r.end && (*r.at == 'e' || *r.at == 'E')) {
        r.at++;
        if (!take_exponent(&r))
            return false;
    }
    if (r.at != r.end)
        return false;
    /* Both are exact in a double, so that their product or quotient is rounded once (Clinger 1990). */
    if (!r.exact || r.mantissa > EXACT_INTEGER || r.power < -EXACT_POWER || r.power > EXACT_POWER)
        return read_slowly(text, n, point, out);
    double value = (double)r.mantissa;
    value = r.power < 0 ? value / powers[-r.power] : value * powers[r.power];
    *out = negative ? -value : value;
    return true;
}
