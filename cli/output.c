#include "output.h"

#include "console.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER = 40 };

static int put_errno; /* of the first write that failed: errno itself is gone by the end */

static size_t count_columns(const struct output *o)
{
    size_t n = 0;
    while (o->columns[n])
        n++;
    return n;
}

static void put(struct output *o, const char *text, size_t n)
{
    if (fwrite(text, 1, n, stdout) == n)
        return;
    put_errno = put_errno ? put_errno : errno;
    o->failed = true;
}

static void put_text(struct output *o, const char *text)
{
    put(o, text, strlen(text));
}

/* A cell that is no text, without quotes; "" for nothing. */
static const char *format_cell(const struct cell *c, char *text)
{
    *text = 0;
    if (c->type == CELL_WHOLE)
        snprintf(text, NUMBER, "%lld", (long long)c->whole);
    if (c->type == CELL_BOOL)
        snprintf(text, NUMBER, "%s", c->whole ? "true" : "false");
    if (c->type == CELL_FLOAT && isfinite(c->number))
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(text, NUMBER, "%.*g", digits, c->number);
            if (strtof(text, NULL) == (float)c->number)
                break;
        }
    return text;
}

static void put_csv(struct output *o, const char *text)
{
    if (!strpbrk(text, "\",\r\n")) {
        put_text(o, text);
        return;
    }
    put_text(o, "\"");
    for (; *text; text++)
        put(o, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    put_text(o, "\"");
}

/* Length of the UTF-8 character at s, 0 where there is none. */
static size_t utf8_length(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : u[0] >= 0xe0 && u[0] < 0xf0 ? 3 : 4;
    if (u[0] >= 0x80 && (u[0] < 0xc2 || u[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90);
    bool surrogate = u[0] == 0xed && u[1] >= 0xa0, beyond = u[0] == 0xf4 && u[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

/* Bytes that are no UTF-8 (file names may hold any) become the replacement character: JSON has no way to say them. */
static void put_json(struct output *o, const char *text)
{
    put_text(o, "\"");
    while (*text) {
        size_t n = utf8_length(text);
        char escape[8];
        if (*text == '"' || *text == '\\') {
            snprintf(escape, sizeof escape, "\\%c", *text);
            put_text(o, escape);
        } else if (n == 1 && (unsigned char)*text < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*text);
            put_text(o, escape);
        } else if (n) {
            put(o, text, n);
        } else {
            put_text(o, "\\ufffd");
        }
        text += n ? n : 1;
    }
    put_text(o, "\"");
}

static void csv_row(struct output *o, const struct cell *cells, size_t n)
{
    char number[NUMBER];
    for (size_t i = 0; i < n; i++) {
        put(o, ",", i ? 1 : 0);
        put_csv(o, cells[i].type == CELL_TEXT ? cells[i].text : format_cell(&cells[i], number));
    }
    put_text(o, "\n");
}

static void json_row(struct output *o, const struct cell *cells, size_t n)
{
    char number[NUMBER];
    for (size_t i = 0; i < n; i++) {
        put_text(o, i ? "," : "{");
        put_json(o, o->columns[i]);
        put_text(o, ":");
        if (cells[i].type == CELL_TEXT)
            put_json(o, cells[i].text);
        else
            put_text(o, *format_cell(&cells[i], number) ? number : "null");
    }
    put_text(o, "}\n");
}

static void keep_row(struct output *o, const struct cell *cells, size_t n)
{
    if (o->ncells + n > o->room) {
        size_t room = 2 * o->room + 64;
        char **more = realloc(o->cells, room * sizeof *more);
        if (!more) {
            put_errno = ENOMEM;
            o->failed = true;
            return;
        }
        o->cells = more;
        o->room = room;
    }
    char number[NUMBER];
    for (size_t i = 0; i < n; i++) {
        const char *text = cells[i].type == CELL_TEXT ? cells[i].text : format_cell(&cells[i], number);
        o->cells[o->ncells++] = strdup(text);
    }
}

/* Characters on the screen, roughly: every UTF-8 character is one. */
static size_t screen_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Columns as wide as their widest cell; empty ones are left out. */
static void text_rows(struct output *o, size_t n)
{
    size_t width[OUTPUT_COLUMNS] = {0};
    for (size_t i = 0; i < o->ncells; i++) {
        size_t w = o->cells[i] ? screen_width(o->cells[i]) : 0;
        if (w > width[i % n])
            width[i % n] = w;
    }
    for (size_t i = 0; i < o->ncells; i++) {
        const char *text = o->cells[i] ? o->cells[i] : "";
        bool rest = false; /* anything but blanks to the right? */
        for (size_t k = i + 1; k % n; k++)
            rest |= o->cells[k] && *o->cells[k];
        put_text(o, text);
        for (size_t k = screen_width(text); rest && width[i % n] && k < width[i % n] + 2; k++)
            put_text(o, " ");
        if (i % n == n - 1)
            put_text(o, "\n");
    }
}

void output_begin(struct output *o, const char *format, const char *const *columns)
{
    *o = (struct output){.columns = columns};
    o->format = !strcmp(format, "jsonl") ? OUTPUT_JSONL : !strcmp(format, "text") ? OUTPUT_TEXT : OUTPUT_CSV;
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct cell names[OUTPUT_COLUMNS];
    size_t n = count_columns(o);
    for (size_t i = 0; i < n; i++)
        names[i] = CELL_OF_TEXT(columns[i]);
    if (o->format == OUTPUT_CSV)
        csv_row(o, names, n);
}

bool output_row(struct output *o, const struct cell *cells)
{
    size_t n = count_columns(o);
    if (o->format == OUTPUT_CSV)
        csv_row(o, cells, n);
    else if (o->format == OUTPUT_JSONL)
        json_row(o, cells, n);
    else
        keep_row(o, cells, n);
    return !o->failed;
}

int output_end(struct output *o)
{
    if (o->format == OUTPUT_TEXT)
        text_rows(o, count_columns(o));
    for (size_t i = 0; i < o->ncells; i++)
        free(o->cells[i]);
    free(o->cells);
    o->cells = NULL;
    return output_flush();
}

int output_flush(void)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && !put_errno)
        put_errno = errno ? errno : EIO; /* where printf failed some time ago, its errno may be another's by now */
    if (put_errno == 0 || put_errno == EPIPE)
        return EXIT_OK;
    return console_error("the results could not be written to standard output: %s", strerror(put_errno));
}
