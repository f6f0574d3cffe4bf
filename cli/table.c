#include "table.h"

#include "visible.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 200, GAP = 2, COLUMNS = TABLE_COLUMNS, NARROW = 40, WIDE = 10000 };

static const double PATIENCE = 1; /* seconds that a row waits for others */

/* Characters in a line of stdout: COLUMNS, else the terminal's, else 80. */
static size_t screen_columns(void)
{
    const char *text = getenv("COLUMNS");
    struct winsize w = {0};
    long n = text ? strtol(text, NULL, 10) : 0;
    if (n < NARROW && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
        n = w.ws_col;
    return n < NARROW ? 80 : n > WIDE ? WIDE : (size_t)n;
}

/* ---- keeping ---- */

/* A copy without control characters. */
static char *visible_copy(const char *text)
{
    char *copy = malloc((VISIBLE - 1) * strlen(text) + 1), *at = copy;
    while (copy && *text) {
        text += visible_next(text, VISIBLE_ALL, at);
        at += strlen(at);
    }
    if (copy)
        *at = 0;
    return copy;
}

void table_begin(struct table *t, size_t columns)
{
    *t = (struct table){.columns = columns};
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool print_block(struct table *t);

bool table_add(struct table *t, const char *const *cells)
{
    const bool full = t->n == BLOCK * t->columns, late = t->n > t->columns && now() - t->since > PATIENCE;
    if ((full || late) && !print_block(t))
        return false;
    if (t->n <= t->columns) /* the names do not count */
        t->since = now();
    if (t->n == t->room) {
        size_t room = 2 * t->room + 8 * t->columns;
        char **more = realloc(t->cells, room * sizeof *more);
        if (!more)
            return false;
        t->cells = more;
        t->room = room;
    }
    for (size_t i = 0; i < t->columns; i++) {
        char *copy = visible_copy(cells[i]);
        if (!copy)
            return false;
        t->cells[t->n++] = copy;
    }
    return true;
}

/* ---- widths ---- */

/* Characters on the screen, roughly: every UTF-8 character is one. */
static size_t screen_width(const char *text, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static size_t longest_word(const char *text)
{
    size_t longest = 0;
    while (*text) {
        size_t n = strcspn(text, " "), width = screen_width(text, n);
        longest = width > longest ? width : longest;
        text += n + strspn(text + n, " ");
    }
    return longest;
}

/* Columns as wide as their widest cell, and as they were; then the widest, as far as its words allow, gives way until
 * all fit. */
static void choose_widths(struct table *t)
{
    size_t least[COLUMNS] = {0}, sum = 0, *width = t->width;
    for (size_t i = 0; i < t->n; i++) {
        size_t c = i % t->columns, w = screen_width(t->cells[i], strlen(t->cells[i])), word = longest_word(t->cells[i]);
        width[c] = w > width[c] ? w : width[c];
        least[c] = word > least[c] ? word : least[c];
    }
    for (size_t c = 0; c < t->columns; c++)
        sum += width[c] + (width[c] ? GAP : 0);
    for (size_t room = screen_columns() + GAP; sum > room; sum--) {
        size_t widest = COLUMNS;
        for (size_t c = 0; c < t->columns; c++)
            if (width[c] > least[c] && (widest == COLUMNS || width[c] > width[widest]))
                widest = c;
        if (widest == COLUMNS)
            return;
        width[widest]--;
    }
}

/* ---- printing ---- */

/* As many words of *text as fit into `width`, at least one; *text moves behind them. Returns their bytes. */
static size_t take_line(const char **text, size_t width)
{
    const char *start = *text, *at = start;
    size_t taken = 0;
    while (*at) {
        size_t n = strcspn(at, " ");
        if (taken && screen_width(start, (size_t)(at - start) + n) > width)
            break;
        at += n;
        taken = (size_t)(at - start);
        at += strspn(at, " ");
    }
    *text = at;
    return taken;
}

/* One row, in as many lines as its highest cell takes. */
static bool print_row(const struct table *t, char *const *cells, const size_t *width)
{
    const char *rest[COLUMNS];
    bool more = true;
    for (size_t c = 0; c < t->columns; c++)
        rest[c] = cells[c];
    for (bool first = true; first || more; first = false) {
        size_t owed = 0; /* blanks that are due once something follows */
        more = false;
        for (size_t c = 0; c < t->columns; c++) {
            const char *start = rest[c];
            size_t n = take_line(&rest[c], width[c]), shown = screen_width(start, n);
            if (n)
                printf("%*s%.*s", (int)owed, "", (int)n, start);
            owed = n ? 0 : owed;
            owed += width[c] > shown ? width[c] - shown : 0;
            owed += width[c] ? GAP : 0;
            more |= *rest[c] != 0;
        }
        if (putchar('\n') == EOF)
            return false;
    }
    return true;
}

static bool print_block(struct table *t)
{
    bool fine = true;
    choose_widths(t);
    for (size_t i = 0; fine && i < t->n; i += t->columns)
        fine = print_row(t, t->cells + i, t->width);
    int why = errno;
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i]);
    t->n = 0;
    errno = why;
    return fine;
}

bool table_end(struct table *t)
{
    bool fine = print_block(t);
    int why = errno;
    free(t->cells);
    *t = (struct table){0};
    errno = why;
    return fine;
}
