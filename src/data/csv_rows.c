#include "data/csv_rows.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From this row on a row's line is its number and so much more. */
struct jump {
    size_t row;
    uint64_t more;
};

struct csv_rows {
    const char *path; /* the caller's; NULL: the text is here */
    int fd;
    char *text;
    size_t used, room;
    uint64_t *starts; /* n + 1, the last is the end */
    size_t n, capacity;
    struct jump *jumps;
    size_t njumps, jumps_room;
};

int csv_rows_new(const char *path, struct csv_rows **out, struct err *e)
{
    struct csv_rows *r = calloc(1, sizeof *r);
    size_t size;
    *out = NULL;
    if (!r)
        return err_memory(e, "the rows of a table");
    *r = (struct csv_rows){.path = path, .fd = -1};
    if (path) {
        int code = file_open(path, &r->fd, &size, e);
        if (code < 0) {
            free(r);
            return code;
        }
    }
    *out = r;
    return 0;
}

void csv_rows_free(struct csv_rows *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r->text);
    free(r->starts);
    free(r->jumps);
    free(r);
}

void csv_rows_clear(struct csv_rows *r)
{
    r->n = r->njumps = r->used = 0;
}

size_t csv_rows_count(const struct csv_rows *r)
{
    return r->n;
}

uint64_t csv_rows_line(const struct csv_rows *r, size_t i)
{
    size_t low = 0, high = r->njumps;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (r->jumps[middle].row <= i)
            low = middle;
        else
            high = middle;
    }
    return i + r->jumps[low].more;
}

/* The list with room for an item behind n, maybe elsewhere; NULL: out of memory, and the list is as it was. */
static void *grown(void *list, size_t item, size_t n, size_t *room)
{
    if (n < *room)
        return list;
    size_t size = *room ? 2 * *room : 1024;
    void *more = realloc(list, size * item);
    *room = more ? size : *room;
    return more;
}

static int copy_text(struct csv_rows *r, const struct csv_record *record, uint64_t *offset, struct err *e)
{
    if (r->room - r->used < record->n) {
        size_t room = r->room ? 2 * r->room : 1 << 16;
        while (room - r->used < record->n)
            room *= 2;
        char *more = realloc(r->text, room);
        if (!more)
            return err_memory(e, "the text of a table");
        r->text = more;
        r->room = room;
    }
    memcpy(r->text + r->used, record->text, record->n);
    *offset = r->used;
    r->used += record->n;
    return 0;
}

int csv_rows_add(struct csv_rows *r, const struct csv_record *record, struct err *e)
{
    uint64_t offset = record->offset, more = record->line - r->n;
    uint64_t *starts = grown(r->starts, sizeof *starts, r->n + 1, &r->capacity);
    struct jump *jumps = grown(r->jumps, sizeof *jumps, r->njumps, &r->jumps_room);
    r->starts = starts ? starts : r->starts;
    r->jumps = jumps ? jumps : r->jumps;
    if (!starts || !jumps)
        return err_memory(e, "the rows of a table");
    if (!r->path)
        TRY(copy_text(r, record, &offset, e));
    if (!r->njumps || r->jumps[r->njumps - 1].more != more)
        r->jumps[r->njumps++] = (struct jump){r->n, more};
    r->starts[r->n++] = offset;
    r->starts[r->n] = offset + record->n;
    return 0;
}

/* ---- reading ---- */

void row_text_begin(struct row_text *t)
{
    t->many = NULL;
    t->text = NULL;
    t->room = t->size = 0;
}

void row_text_free(struct row_text *t)
{
    free(t->many);
    free(t->text);
}

/* Room for the row's bytes twice: as they are, and as cells without quotes. */
static char *bytes_of(struct row_text *t, size_t n)
{
    if (n <= ROW_BYTES)
        return t->little;
    if (t->size < n) {
        free(t->text);
        t->text = malloc(2 * n);
        t->size = t->text ? n : 0;
    }
    return t->text;
}

static struct cell *cells_of(struct row_text *t, size_t n)
{
    if (n <= ROW_CELLS)
        return t->few;
    if (t->room < n) {
        free(t->many);
        t->many = malloc(n * sizeof *t->many);
        t->room = t->many ? n : 0;
    }
    return t->many;
}

int row_text_split(struct row_text *t, const char *text, size_t n, char delimiter, size_t most, struct err *e)
{
    char *bytes = bytes_of(t, n);
    t->cells = cells_of(t, most);
    if (!bytes || !t->cells)
        return err_memory(e, "a row of a table");
    t->n = csv_split(text, n, delimiter, bytes + (n <= ROW_BYTES ? ROW_BYTES : t->size), t->cells, most);
    return 0;
}

static int read_bytes(const struct csv_rows *r, size_t i, char *to, size_t n, struct err *e)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = pread(r->fd, to + got, n - got, (off_t)(r->starts[i] + got));
        if (more <= 0)
            return err_set(e, ERR_IO, "%s, line %llu: the row is gone; the file was changed while it was read", r->path,
                           (unsigned long long)csv_rows_line(r, i));
        got += (size_t)more;
    }
    return 0;
}

int csv_rows_read(const struct csv_rows *r, size_t i, char delimiter, size_t most, struct row_text *out, struct err *e)
{
    size_t n = (size_t)(r->starts[i + 1] - r->starts[i]);
    const char *text = r->path ? bytes_of(out, n) : r->text + r->starts[i];
    if (!text)
        return err_memory(e, "a row of a table");
    if (r->path)
        TRY(read_bytes(r, i, bytes_of(out, n), n, e));
    n = csv_trim(text, csv_length(text, n, delimiter, true, &(bool){false}));
    out->line = csv_rows_line(r, i);
    return row_text_split(out, text, n, delimiter, most, e);
}
