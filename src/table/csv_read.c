#include "table/csv_read.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { STEP = 1 << 18 }; /* bytes read at a time */

struct csv_reader {
    const char *path; /* the caller's */
    gzFile in;
    char *text; /* used of room bytes; at: the next record */
    size_t used, room, at;
    uint64_t offset, line; /* of text[at] */
    bool ended;            /* text[used] is the end of the file */
    int failed;            /* zlib's error behind text[used] */
    bool plain;
    char delimiter;
};

/* ---- records ---- */

/* The end of a quoted field that begins at `from`: the byte behind its last quote, or n where it is not closed. */
static size_t skip_quoted(const char *text, size_t n, size_t from, bool *closed)
{
    *closed = false;
    for (size_t at = from + 1; at < n && !*closed; at++) {
        const char *quote = memchr(text + at, '"', n - at);
        if (!quote)
            return n;
        at = (size_t)(quote - text) + 1;
        *closed = at == n || text[at] != '"';
        if (*closed)
            return at;
    }
    return n;
}

/* With quotes in it: field by field. */
static size_t quoted_length(const char *text, size_t n, char delimiter, bool last, bool *open)
{
    bool begins = true, closed;
    for (size_t at = 0; at < n;) {
        if (begins && text[at] == '"') {
            at = skip_quoted(text, n, at, &closed);
            *open = !closed;
            begins = false;
            continue;
        }
        if (text[at] == '\n')
            return at + 1;
        begins = text[at++] == delimiter;
    }
    return last && !*open ? n : 0;
}

size_t csv_length(const char *text, size_t n, char delimiter, bool last, bool *open)
{
    const char *end = memchr(text, '\n', n);
    size_t length = end ? (size_t)(end - text) + 1 : n;
    *open = false;
    if (memchr(text, '"', length))
        return quoted_length(text, n, delimiter, last, open);
    return end || last ? length : 0;
}

size_t csv_trim(const char *text, size_t n)
{
    if (n && text[n - 1] == '\n')
        n--;
    if (n && text[n - 1] == '\r')
        n--;
    return n;
}

/* A field in quotes, what stands behind them included; *at is moved behind it. */
static struct cell take_quoted(const char *text, size_t n, char delimiter, size_t *at, char **spare)
{
    bool closed;
    const size_t begin = *at + 1;
    size_t end = skip_quoted(text, n, *at, &closed), stop = end;
    while (stop < n && text[stop] != delimiter)
        stop++;
    *at = stop;
    size_t inner = closed ? end - 1 : end;
    if (stop == end && !memchr(text + begin, '"', inner - begin))
        return (struct cell){text + begin, inner - begin};
    struct cell cell = {*spare, 0};
    for (size_t i = begin; i < inner; i++) {
        *(*spare)++ = text[i];
        i += text[i] == '"';
    }
    memcpy(*spare, text + end, stop - end);
    *spare += stop - end;
    cell.n = (size_t)(*spare - cell.text);
    return cell;
}

size_t csv_split(const char *text, size_t n, char delimiter, char *spare, struct cell *cells, size_t room)
{
    size_t count = 0, at = 0;
    for (;; at++) {
        struct cell cell;
        if (at < n && text[at] == '"') {
            cell = take_quoted(text, n, delimiter, &at, &spare);
        } else {
            const size_t from = at;
            while (at < n && text[at] != delimiter)
                at++;
            cell = (struct cell){text + from, at - from};
        }
        if (count < room)
            cells[count] = cell;
        count++;
        if (at >= n)
            return count;
    }
}

/* ---- reading ---- */

static int open_stream(struct csv_reader *r, struct err *e)
{
    struct stat status;
    size_t size;
    int fd;
    if (!strcmp(r->path, "-")) {
        fd = dup(STDIN_FILENO);
        if (fd < 0)
            return err_set(e, ERR_IO, "standard input cannot be read: %s", strerror(errno));
    } else {
        TRY(file_open(r->path, &fd, &size, e));
    }
    r->in = gzdopen(fd, "rb");
    if (!r->in) {
        close(fd);
        return err_memory(e, r->path);
    }
    gzbuffer(r->in, STEP);
    r->plain = strcmp(r->path, "-") && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && gzdirect(r->in);
    return 0;
}

int csv_open(const char *path, struct csv_reader **out, struct err *e)
{
    struct csv_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return err_memory(e, "a reader of tables");
    r->path = path;
    r->line = 1;
    r->delimiter = ',';
    int code = open_stream(r, e);
    if (code < 0)
        csv_close(r);
    else
        *out = r;
    return code;
}

void csv_close(struct csv_reader *r)
{
    if (!r)
        return;
    if (r->in)
        gzclose(r->in);
    free(r->text);
    free(r);
}

bool csv_plain(const struct csv_reader *r)
{
    return r->plain;
}

/* Moves what is left to the front, and makes room for at least a step more. */
static int make_room(struct csv_reader *r, struct err *e)
{
    if (r->at) {
        memmove(r->text, r->text + r->at, r->used - r->at);
        r->used -= r->at;
        r->at = 0;
    }
    if (r->room - r->used >= STEP)
        return 0;
    size_t room = r->room ? 2 * r->room : 4 * STEP;
    char *more = realloc(r->text, room);
    if (!more)
        return err_memory(e, "a part of a table");
    r->text = more;
    r->room = room;
    return 0;
}

static int cannot_read(const struct csv_reader *r, const char *why, struct err *e)
{
    if (r->failed == Z_MEM_ERROR)
        return err_memory(e, "what zlib wants to read a table");
    return err_set(e, r->failed == Z_ERRNO ? ERR_IO : ERR_FORMAT,
                   "%s cannot be read on behind line %llu: %s; copy it again", r->path, (unsigned long long)r->line,
                   r->failed == Z_ERRNO       ? strerror(errno)
                   : r->failed == Z_BUF_ERROR ? "its gz data ends too early"
                                              : why);
}

/* Reads on: fills what room there is. What came before an error is there for its lines; zlib 1.3.2 says the error with
 * it, and never again. */
static int fill(struct csv_reader *r, struct err *e)
{
    if (r->room - r->used < STEP || r->at)
        TRY(make_room(r, e));
    int n = r->failed ? 0 : gzread(r->in, r->text + r->used, (unsigned)(r->room - r->used));
    const char *why = gzerror(r->in, &r->failed);
    if (n < 0 || (n == 0 && r->failed))
        return cannot_read(r, why, e);
    r->ended = n == 0;
    r->used += (size_t)n;
    return 0;
}

static void skip(struct csv_reader *r, size_t n)
{
    r->at += n;
    r->offset += n;
}

int csv_head(struct csv_reader *r, const char **text, size_t *n, struct err *e)
{
    static const char mark[] = "\xef\xbb\xbf";
    while (!r->ended && r->used - r->at < CSV_HEAD)
        TRY(fill(r, e));
    if (!r->offset && r->used >= 3 && !memcmp(r->text, mark, 3))
        skip(r, 3);
    *text = r->text + r->at;
    *n = r->used - r->at;
    return 0;
}

bool csv_ended(const struct csv_reader *r)
{
    return r->ended;
}

void csv_delimiter(struct csv_reader *r, char delimiter)
{
    r->delimiter = delimiter;
}

static int explain_endless(const struct csv_reader *r, bool open, struct err *e)
{
    if (open)
        return err_set(e, ERR_FORMAT,
                       "%s: a quote that is opened in the record at line %llu is not closed %s; close it, or double a "
                       "quote that belongs to a text",
                       r->path, (unsigned long long)r->line,
                       r->ended ? "before the file ends" : "within the 16 MiB that a record may have");
    return err_set(e, ERR_FORMAT, "%s: line %llu is longer than the 16 MiB that a record may have; is this a table?",
                   r->path, (unsigned long long)r->line);
}

/* Line ends within a record, its own included. */
static uint64_t count_lines(const char *text, size_t n)
{
    uint64_t lines = 0;
    for (const char *at = text, *end = text + n; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        lines++;
    return lines;
}

int csv_next(struct csv_reader *r, struct csv_record *record, struct err *e)
{
    for (;;) {
        bool open = false;
        const char *text = r->text + r->at;
        size_t left = r->used - r->at;
        if (!left && r->ended)
            return 0;
        size_t length = left ? csv_length(text, left, r->delimiter, r->ended, &open) : 0;
        if (!length || length > CSV_RECORD) {
            if (length || r->ended || left > CSV_RECORD)
                return explain_endless(r, open, e);
            TRY(fill(r, e));
            continue;
        }
        *record = (struct csv_record){.text = text, .n = csv_trim(text, length), .offset = r->offset, .line = r->line};
        r->line += count_lines(text, length);
        skip(r, length);
        if (record->n)
            return 1;
    }
}
