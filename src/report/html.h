/* Writing HTML: texts that may hold anything, numbers that may be missing, pictures inside the page.
 *
 * All functions write to a stream and leave its errors to whoever commits the file (base/file.h). Numbers are written
 * as the C locale has them: run between html_begin and html_end. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "base/err.h"
#include "picture/picture.h"

#include <locale.h>
#include <stddef.h>
#include <stdio.h>

/* Puts this thread into the C locale and back; other threads do not notice. */
struct html_locale {
    locale_t c, before;
};
int html_begin(struct html_locale *l, struct err *e);
void html_end(struct html_locale *l);

/* A user's text, for contents and for attributes in double quotes. Bytes that are no UTF-8 and control characters
 * become U+FFFD; NULL writes nothing. */
void html_text(FILE *f, const char *text);

/* A number with so many decimals; a dash where it is not finite. A minus is a minus (U+2212). */
void html_number(FILE *f, double value, int decimals);
/* A number with so many significant digits, for scores and losses of unknown size. */
void html_digits(FILE *f, double value, int digits);
/* 0.0525 as "5.3 %"; the space does not break. */
void html_percent(FILE *f, double share, int decimals);
/* 10000 as "10,000". */
void html_count(FILE *f, size_t n);
/* "85 µs", "4.2 ms", "0.42 s", "12.3 s", "2 min 5 s", "1 h 10 min"; a dash where it is not finite. */
void html_seconds(FILE *f, double seconds);
/* "812 KB", "64.2 MB", "1.3 GB" (powers of 1000). */
void html_bytes(FILE *f, size_t bytes);

/* An <img> that holds its PNG. Pictures above `side` pixels are shrunk to it. `alt` and `class` are written as they
 * are: no text of users. */
int html_picture(FILE *f, const struct picture *p, int side, const char *class, const char *alt, struct err *e);

#endif
