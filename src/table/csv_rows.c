#include "table/csv_rows.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_STEP = 1 << 20 }; /* bytes written at a time */

/* From this row on a row's line is its number and so much more. */
struct jump {
    size_t row;
    uint64_t more;
};

struct csv_rows {
    const char *path; /* the caller's, for sentences */
    size_t memory;    /* bytes that the text may have here */
    int fd;           /* where it is; -1: in memory */
    bool copying;     /* the file behind fd is a copy, written from `text` on when that is full */
    char *text;       /* in memory all of it; of a copy what is not written yet */
    size_t used, room;
    uint64_t written;
    uint64_t *starts; /* n + 1, the last is the end */
    size_t n, capacity;
    struct jump *jumps;
    size_t njumps, jumps_room;
};

static int open_plain(struct csv_rows *r, struct err *e)
{
    size_t size;
    int fd;
    TRY(file_open(r->path, &fd, &size, e));
    if (size > r->memory)
        r->fd = fd;
    else
        close(fd);
    return 0;
}

int csv_rows_new(const char *path, bool plain, size_t memory, struct csv_rows **out, struct err *e)
{
    struct csv_rows *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return err_memory(e, "the rows of a table");
    *r = (struct csv_rows){.path = path, .memory = memory, .fd = -1};
    int code = plain ? open_plain(r, e) : 0;
    if (code < 0)
        free(r);
    else
        *out = r;
    return code;
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

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/var/tmp";
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

/* Writes what is in memory behind what is in the copy. */
static int write_out(struct csv_rows *r, struct err *e)
{
    for (size_t done = 0; done < r->used;) {
        ssize_t n = write(r->fd, r->text + done, r->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(
                e, ERR_IO,
                "%s is copied, to be read in any order, and the copy cannot be written to %s: %s; set TMPDIR "
                "to a folder with room for all of its text",
                r->path, temporary_folder(), strerror(errno));
        done += (size_t)n;
    }
    r->written += r->used;
    r->used = 0;
    return 0;
}

/* A file without a name takes over from memory. */
static int begin_copy(struct csv_rows *r, struct err *e)
{
    char *name = file_join(temporary_folder(), "engram-table-XXXXXX");
    if (!name)
        return err_memory(e, "the name of a file");
    r->fd = mkostemp(name, O_CLOEXEC);
    if (r->fd >= 0)
        unlink(name);
    free(name);
    r->copying = true;
    if (r->fd < 0)
        return err_set(e, ERR_IO,
                       "%s is copied, to be read in any order, and no file can be made in %s: %s; set TMPDIR to "
                       "another folder",
                       r->path, temporary_folder(), strerror(errno));
    return write_out(r, e);
}

static int make_room(struct csv_rows *r, size_t n, struct err *e)
{
    if (r->copying && r->used + n > COPY_STEP)
        TRY(write_out(r, e));
    else if (!r->copying && r->used + n > r->memory && r->used)
        TRY(begin_copy(r, e));
    if (r->room - r->used >= n)
        return 0;
    size_t room = r->room ? r->room : COPY_STEP;
    while (room - r->used < n)
        room *= 2;
    char *more = realloc(r->text, room);
    if (!more)
        return err_memory(e, "the text of a table");
    r->text = more;
    r->room = room;
    return 0;
}

static int copy_text(struct csv_rows *r, const struct csv_record *record, uint64_t *offset, struct err *e)
{
    TRY(make_room(r, record->n, e));
    memcpy(r->text + r->used, record->text, record->n);
    *offset = r->written + r->used;
    r->used += record->n;
    return 0;
}

int csv_rows_finish(struct csv_rows *r, struct err *e)
{
    if (!r->copying)
        return 0;
    TRY(write_out(r, e));
    free(r->text);
    r->text = NULL;
    r->room = 0;
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
    if (r->fd < 0 || r->copying)
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
    const char *text = r->fd >= 0 ? bytes_of(out, n) : r->text + r->starts[i];
    if (!text)
        return err_memory(e, "a row of a table");
    if (r->fd >= 0)
        TRY(read_bytes(r, i, bytes_of(out, n), n, e));
    n = csv_trim(text, csv_length(text, n, delimiter, true, &(bool){false}));
    out->line = csv_rows_line(r, i);
    return row_text_split(out, text, n, delimiter, most, e);
}
