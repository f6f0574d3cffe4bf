#include "output.h"

#include "console.h"
#include "visible.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER = 40 };

static int put_errno; /* of the first write that failed: errno itself is gone by the end */

static size_t count_columns(const struct output *o)
{
    size_t n = 0;
    while (o->columns[n])
        n++;
    return n;
}

static void fail(struct output *o)
{
    put_errno = put_errno ? put_errno : errno;
    o->failed = true;
}

/* fwrite itself calls it a success when the buffer took the text and only flushing the line failed. */
static void put(struct output *o, const char *text, size_t n)
{
    if (!o->failed && (fwrite(text, 1, n, stdout) != n || ferror(stdout)))
        fail(o);
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
    bool quoted = strpbrk(text, "\",\r\n");
    char shown[VISIBLE];
    put_text(o, quoted ? "\"" : "");
    while (*text) {
        put_text(o, *text == '"' ? "\"" : "");
        text += visible_next(text, VISIBLE_CSV, shown);
        put_text(o, shown);
    }
    put_text(o, quoted ? "\"" : "");
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
    char numbers[OUTPUT_COLUMNS][NUMBER];
    const char *texts[OUTPUT_COLUMNS];
    for (size_t i = 0; i < n; i++)
        texts[i] = cells[i].type == CELL_TEXT ? cells[i].text : format_cell(&cells[i], numbers[i]);
    if (!table_add(&o->table, texts))
        fail(o);
}

enum output_format output_format(const char *format)
{
    if (!format)
        return isatty(STDOUT_FILENO) ? OUTPUT_TEXT : OUTPUT_CSV;
    return !strcmp(format, "jsonl") ? OUTPUT_JSONL : !strcmp(format, "text") ? OUTPUT_TEXT : OUTPUT_CSV;
}

void output_begin(struct output *o, const char *format, const char *const *columns)
{
    *o = (struct output){.columns = columns, .format = output_format(format)};
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct cell names[OUTPUT_COLUMNS];
    size_t n = count_columns(o);
    for (size_t i = 0; i < n; i++)
        names[i] = CELL_OF_TEXT(columns[i]);
    table_begin(&o->table, n);
    if (o->format == OUTPUT_CSV)
        csv_row(o, names, n);
    if (o->format == OUTPUT_TEXT)
        keep_row(o, names, n);
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
    if (!table_end(&o->table))
        fail(o);
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
