/* Source `csv`: a table of text, a row a line: .csv and .tsv, plain or gz, or - for standard input. What separates
 * fields, whether there is a header and which columns are numbers is found out from the first rows, or said by options.
 *
 * A column that says what a row is (label=) makes classes: as with folders of pictures, a class good, ok or normal
 * beside others is the normal one, or normal= and anomalous= say which. What is normal is learnt; everything may be
 * scored. With train= a share of the normal rows, drawn by the seed, is to learn from and all others are to be scored.
 */
#include "data/kind.h"
#include "table/csv_rows.h"
#include "table/csv_sniff.h"

#include "base/file.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CLASSES = 1000, PIECE = 1 << 14 }; /* rows that are there at a time, where they are passed through */

enum delimiter { DELIMITER_AUTO, DELIMITER_COMMA, DELIMITER_SEMICOLON, DELIMITER_TAB, DELIMITER_PIPE, DELIMITER_SPACE };
enum decimal { DECIMAL_POINT, DECIMAL_COMMA };

struct csv_options {
    struct class_options classes;
    char label[OPTION_TEXT], id[OPTION_TEXT], ignore[OPTION_TEXT], numeric[OPTION_TEXT], categorical[OPTION_TEXT];
    enum header header;
    enum delimiter delimiter;
    enum decimal decimal;
    double train;
    int64_t seed;
};

#define OPTIONS_OF struct csv_options
// clang-format off
static const struct option options[] = {
    ROW_TABLE(class_options, classes),
    ROW_STRING(label, "", "column that says what a row is, by name or by number (1 is the first, -1 the last); empty: the one called label, if there is one"),
    ROW_STRING(id, "", "columns (with commas) that name a row: shown beside its score, not learnt"),
    ROW_STRING(ignore, "", "columns (with commas) that are left out"),
    ROW_STRING(numeric, "", "columns (with commas) that are numbers, whatever the first rows look like"),
    ROW_STRING(categorical, "", "columns (with commas) that are categories, such as codes written in digits"),
    ROW_CHOICE(header, "auto", "auto|yes|no", "whether the first line has the names of the columns"),
    ROW_CHOICE(delimiter, "auto", "auto|comma|semicolon|tab|pipe|space", "what separates fields"),
    ROW_CHOICE(decimal, "point", "point|comma", "what separates the fraction of a number"),
    ROW_FLOAT(train, "0", 0, 1, "share of the normal rows that is learnt from, drawn by seed, where the rest of the file is to be scored; 0: all are both"),
    ROW_INT(seed, "1", 0, 1e15, "of that draw"),
    {0}};
// clang-format on

struct state {
    struct csv_reader *reader;
    struct csv_rows *rows;
    size_t first, next; /* the number of the first of them, and of the next to be read */
    struct table table;
    char delimiter;
    int label;                 /* column; -1: there is none */
    struct dictionary classes; /* of its texts, in the order in which they come */
    int labels[CLASSES];       /* of each in the data set */
    int anomalous[CLASSES];    /* 0, 1, or -1: nobody says */
    int16_t *classes_of;       /* of rows */
    size_t classes_room;
    struct rng draw;     /* of rows to learn from */
    struct row_text row; /* in hand while the rows are looked through */
};

/* ---- columns ---- */

static int give_role(struct part *p, struct table *t, const char *names, enum column_role role, struct err *e)
{
    char list[OPTION_TEXT];
    snprintf(list, sizeof list, "%s", names);
    char *rest = list;
    for (char *name = strsep(&rest, ","); name && *name; name = strsep(&rest, ",")) {
        int found = table_find(t, name);
        if (found < 0)
            return err_set(e, ERR_USAGE, "%s has no column '%s' (option %s); its %d columns are %s, ..., %s", p->path,
                           name, column_roles[role], t->n, t->columns[0].name, t->columns[t->n - 1].name);
        t->columns[found].role = role;
    }
    return 0;
}

/* As in the model that is to score them. */
static void give_roles_like(const struct table *model, struct table *t)
{
    for (int i = 0; i < t->n; i++) {
        const struct column *there = table_counterpart(t, model, i);
        if (there)
            t->columns[i].role = there->role;
    }
    t->normal = model->normal;
    t->anomalous = model->anomalous;
}

/* A column called label is one where nobody says anything else. */
static void find_label(struct table *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->named && !strcasecmp(t->columns[i].name, "label") && t->columns[i].role <= COLUMN_CATEGORY) {
            t->columns[i].role = COLUMN_LABEL;
            return;
        }
}

static int give_roles(struct part *p, struct err *e)
{
    const struct csv_options *o = p->options;
    struct state *st = p->state;
    struct table *t = &st->table;
    if (p->like)
        give_roles_like(p->like, t);
    TRY(give_role(p, t, o->numeric, COLUMN_NUMBER, e));
    TRY(give_role(p, t, o->categorical, COLUMN_CATEGORY, e));
    TRY(give_role(p, t, o->ignore, COLUMN_IGNORED, e));
    TRY(give_role(p, t, o->id, COLUMN_ID, e));
    TRY(give_role(p, t, o->label, COLUMN_LABEL, e));
    if (!*o->label && !p->like)
        find_label(t);
    if (*o->classes.normal || *o->classes.anomalous) {
        t->normal = o->classes.normal;
        t->anomalous = o->classes.anomalous;
    }
    st->label = -1;
    for (int i = 0; i < t->n; i++)
        if (t->columns[i].role == COLUMN_LABEL)
            st->label = i;
    table_place(t);
    if (t->kept)
        return 0;
    return err_set(e, ERR_USAGE, "%s has %d columns, and none of them is left to learn from", p->path, t->n);
}

/* Opens the file and finds out what it is. */
static int open_table(struct part *p, struct err *e)
{
    static const char delimiters[] = {[DELIMITER_COMMA] = ',',
                                      [DELIMITER_SEMICOLON] = ';',
                                      [DELIMITER_TAB] = '\t',
                                      [DELIMITER_PIPE] = '|',
                                      [DELIMITER_SPACE] = ' '};
    const struct csv_options *o = p->options;
    struct state *st = p->state;
    struct csv_sniffed sniffed;
    struct csv_record header;
    const char *text;
    size_t n;
    const struct csv_known known = {.delimiter = o->delimiter ? delimiters[o->delimiter] : 0,
                                    .point = o->decimal == DECIMAL_COMMA ? ',' : '.',
                                    .header = o->header,
                                    .names = p->like && p->like->named ? p->like : NULL};
    TRY(csv_open(p->path, &st->reader, e));
    TRY(csv_head(st->reader, &text, &n, e));
    TRY(csv_sniff(text, n, csv_ended(st->reader), &known, p->path, part_arena(p), &sniffed, e));
    st->table = sniffed.table;
    st->table.missing = MISSING_MEDIAN; /* nothing is wrong with an empty cell until something is to be learnt */
    st->delimiter = sniffed.delimiter;
    csv_delimiter(st->reader, sniffed.delimiter);
    TRY(give_roles(p, e));
    p->table = &st->table;
    return sniffed.header ? csv_next(st->reader, &header, e) : 0;
}

/* ---- what rows are ---- */

/* The class of a row: its place among st->classes; -1: it has no such cell. */
static int class_of(struct part *p, const struct csv_record *record, struct err *e)
{
    struct state *st = p->state;
    size_t most = (size_t)st->label + 1;
    TRY(row_text_split(&st->row, record->text, record->n, st->delimiter, most, e));
    if (st->row.n < most)
        return -1;
    const struct cell *c = &st->row.cells[st->label];
    int found = dictionary_find(&st->classes, c->text, c->n);
    if (found >= 0)
        return found;
    if (st->classes.n == CLASSES)
        return err_set(e, ERR_USAGE,
                       "%s: the column %s has more than %d different texts, too many for classes; name another column "
                       "with label=",
                       p->path, st->table.columns[st->label].name, CLASSES);
    return dictionary_add(&st->classes, part_arena(p), c->text, c->n, e);
}

static int note_class(struct part *p, size_t i, const struct csv_record *record, struct err *e)
{
    struct state *st = p->state;
    if (i >= st->classes_room) {
        size_t room = st->classes_room ? 2 * st->classes_room : PIECE;
        int16_t *more = realloc(st->classes_of, room * sizeof *more);
        if (!more)
            return err_memory(e, "the classes of rows");
        st->classes_of = more;
        st->classes_room = room;
    }
    int class = st->label < 0 ? -1 : class_of(p, record, e);
    st->classes_of[i] = (int16_t) class;
    return class < -1 ? class : 0;
}

/* Reads rows, all or a piece of them: where they begin, and of what class each is. */
static int read_rows(struct part *p, struct err *e)
{
    struct state *st = p->state;
    struct csv_record record;
    size_t n = 0;
    int got = 1;
    csv_rows_clear(st->rows);
    st->first = st->next;
    for (; !p->pass || n < PIECE; n++) {
        got = csv_next(st->reader, &record, e);
        if (got <= 0)
            break;
        TRY(csv_rows_add(st->rows, &record, e));
        TRY(note_class(p, n, &record, e));
    }
    st->next += n;
    p->whole = got == 0;
    return got < 0 ? got : csv_rows_finish(st->rows, e);
}

static bool sounds_normal(const char *name)
{
    return !strcasecmp(name, "good") || !strcasecmp(name, "ok") || !strcasecmp(name, "normal");
}

static bool is_listed(const char *name, const char *list)
{
    const size_t n = strlen(name);
    for (; *list; list += *list == ',') {
        size_t word = strcspn(list, ",");
        if (word == n && !strncasecmp(name, list, n))
            return true;
        list += word;
    }
    return false;
}

/* Which classes are anomalous where not all of them have been seen: by their names. */
static void choose_passing(const struct table *t, const char *const *names, int n, int *anomalous)
{
    bool sounds = false;
    for (int i = 0; i < n; i++)
        sounds |= sounds_normal(names[i]);
    for (int i = 0; i < n; i++)
        anomalous[i] = *t->normal      ? !is_listed(names[i], t->normal)
                       : *t->anomalous ? is_listed(names[i], t->anomalous)
                       : sounds        ? !sounds_normal(names[i])
                                       : -1;
}

static int choose_all(struct part *p, const char *const *names, int n, int *anomalous, struct err *e)
{
    const struct state *st = p->state;
    struct class_options chosen = {0};
    bool normal[CLASSES] = {0}, sounds = false;
    snprintf(chosen.normal, sizeof chosen.normal, "%s", st->table.normal);
    snprintf(chosen.anomalous, sizeof chosen.anomalous, "%s", st->table.anomalous);
    for (int i = 0; i < n; i++)
        sounds |= normal[i] = sounds_normal(names[i]);
    int said = classes_choose(&chosen, names, n, p->path, normal, e);
    TRY(said);
    for (int i = 0; i < n; i++)
        anomalous[i] = said || (sounds && n > 1) ? !normal[i] : -1;
    if (!said && !sounds && n)
        snprintf(p->note, sizeof p->note,
                 "column %s has %d different texts and does not say which of them is normal (normal= does): all rows "
                 "are taken for it",
                 st->table.columns[st->label].name, n);
    return 0;
}

static int choose_normal(struct part *p, struct err *e)
{
    const struct csv_options *o = p->options;
    struct state *st = p->state;
    const char *names[CLASSES];
    for (int i = 0; i < st->classes.n; i++) {
        names[i] = st->classes.words[i].text;
        TRY(part_class(p, names[i], &st->labels[i], e));
    }
    if (st->label < 0 && (*o->classes.normal || *o->classes.anomalous))
        return err_set(
            e, ERR_USAGE,
            "%s: normal= and anomalous= are about a column that says what a row is; name it with label=", p->path);
    if (!p->pass)
        return st->label < 0 ? 0 : choose_all(p, names, st->classes.n, st->anomalous, e);
    choose_passing(&st->table, names, st->classes.n, st->anomalous);
    return 0;
}

/* Rows that are known to be anomalous are for the test; of the others a share, or all. */
static int add_row(struct part *p, size_t i, int class, struct err *e)
{
    const struct csv_options *o = p->options;
    struct state *st = p->state;
    char name[32];
    struct sample s = {.name = name, .path = p->path, .index = (int64_t)i, .kind = "", .label = -1, .anomalous = -1};
    snprintf(name, sizeof name, "%07zu", i);
    if (class >= 0) {
        s.kind = st->classes.words[class].text;
        s.label = st->labels[class];
        s.anomalous = st->anomalous[class];
    }
    const bool parts = o->train > 0;
    bool learnt = s.anomalous != 1 && (!parts || rng_uniform(&st->draw) < (float)o->train);
    if (p->use == DATASET_LEARN && learnt)
        return part_add(p, SPLIT_TRAIN, &s, e);
    return parts && learnt ? 0 : part_add(p, SPLIT_TEST, &s, e);
}

static int add_rows(struct part *p, struct err *e)
{
    const struct state *st = p->state;
    const size_t n = csv_rows_count(st->rows);
    TRY(choose_normal(p, e));
    for (size_t i = 0; i < n; i++)
        TRY(add_row(p, st->first + i, st->classes_of[i], e));
    return 0;
}

/* The next piece with rows that are to be scored, or all rows. */
static int csv_source_more(struct part *p, struct err *e)
{
    const size_t before = part_count(p, SPLIT_TEST);
    do {
        TRY(read_rows(p, e));
        TRY(add_rows(p, e));
    } while (!p->whole && part_count(p, SPLIT_TEST) == before);
    return 0;
}

/* ---- the source ---- */

static int csv_source_open(struct part *p, struct err *e)
{
    const struct csv_options *o = p->options;
    struct state *st = p->state = calloc(1, sizeof *st);
    if (!st)
        return err_memory(e, "a table");
    row_text_begin(&st->row);
    st->draw = rng_new((uint64_t)o->seed, rng_stream("csv train"));
    p->pass = p->pass && !o->classes.limit; /* a limit spreads evenly over all of them */
    TRY(open_table(p, e));
    TRY(csv_rows_new(p->path, csv_plain(st->reader) && !p->pass, CSV_MEMORY, &st->rows, e));
    return csv_source_more(p, e);
}

static int csv_source_cells(const struct part *p, const struct sample *s, struct row_text *row, struct err *e)
{
    const struct state *st = p->state;
    const size_t wanted = (size_t)st->table.n;
    TRY(csv_rows_read(st->rows, (size_t)s->index - st->first, st->delimiter, wanted, row, e));
    if (row->n == wanted)
        return 0;
    return err_set(e, ERR_FORMAT,
                   "%s, line %llu: the row has %zu cell%s, and there are %zu columns; correct it, or quote a text that "
                   "has separators in it",
                   p->path, (unsigned long long)row->line, row->n, row->n == 1 ? "" : "s", wanted);
}

static void csv_source_close(struct part *p)
{
    struct state *st = p->state;
    if (!st)
        return;
    csv_close(st->reader);
    csv_rows_free(st->rows);
    row_text_free(&st->row);
    free(st->classes_of);
    free(st);
}

static bool csv_sniffs(const char *path)
{
    static const char *const endings[] = {".csv", ".csv.gz", ".tsv", ".tsv.gz"};
    size_t n = strlen(path);
    if (file_kind(path) != FILE_REGULAR)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (n > strlen(endings[i]) && !strcasecmp(path + n - strlen(endings[i]), endings[i]))
            return true;
    return false;
}

const struct source source_csv = {
    .name = "csv",
    .help = "a table of text, a row a line (csv, tsv, plain or gz; - is standard input): numbers and categories",
    .options = options,
    .options_size = sizeof(struct csv_options),
    .kind = &kind_rows,
    .sniff = csv_sniffs,
    .open = csv_source_open,
    .more = csv_source_more,
    .cells = csv_source_cells,
    .close = csv_source_close,
};
