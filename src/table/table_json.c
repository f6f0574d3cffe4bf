/* Tables in model files. */
#include "table/table.h"

#include <math.h>
#include <string.h>

static const char *const missing_names[] = {
    [MISSING_ERROR] = "error", [MISSING_MEAN] = "mean", [MISSING_MEDIAN] = "median"};
enum { MISSINGS = sizeof missing_names / sizeof *missing_names };

/* The place of a word among n; -1: it is none of them. */
static int find_word(const char *word, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(words[i], word))
            return i;
    return -1;
}

/* ---- writing ---- */

static json_t *numbers_json(const double *v, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        list = json_add(list, json_number(v[i]));
    return list;
}

static json_t *number_json(const struct column *c, json_t *object)
{
    object = json_put(object, "scale", numbers_json((const double[]){c->middle, c->spread}, 2));
    object = json_put(object, "range", numbers_json((const double[]){c->least, c->most}, 2));
    object = json_put(object, "normal", numbers_json((const double[]){c->low, c->high}, 2));
    object = json_put(object, "fill", json_number(c->fill));
    return json_put(object, "missing", json_integer(c->missing));
}

static json_t *category_json(const struct column *c, json_t *object)
{
    json_t *words = json_array();
    for (int i = 0; i < c->categories.n; i++)
        words = json_add(words, json_text(c->categories.words[i].text));
    object = json_put(object, "categories", words);
    return json_put(object, "shares", numbers_json(c->shares, c->categories.n));
}

json_t *table_save(const struct table *t)
{
    json_t *columns = json_array();
    for (int i = 0; i < t->n; i++) {
        const struct column *c = &t->columns[i];
        json_t *object = json_put(json_object(), "name", json_text(c->name));
        object = json_put(object, "role", json_string(column_roles[c->role]));
        if (c->role == COLUMN_NUMBER)
            object = number_json(c, object);
        if (c->role == COLUMN_CATEGORY)
            object = category_json(c, object);
        columns = json_add(columns, object);
    }
    json_t *table = json_put(json_object(), "named", json_boolean(t->named));
    table = json_put(table, "point", json_stringn(&t->point, 1));
    table = json_put(table, "missing", json_string(missing_names[t->missing]));
    table = json_put(table, "normal", json_text(t->normal));
    table = json_put(table, "anomalous", json_text(t->anomalous));
    return json_put(table, "columns", columns);
}

/* ---- reading ---- */

struct reading {
    const char *name; /* of the file */
    struct arena *arena;
    struct err *e;
};

static int damaged(const struct reading *r, const char *what)
{
    return err_set(r->e, ERR_FORMAT, "%s: a column of its table %s; the file is damaged", r->name, what);
}

static int read_pair(const struct reading *r, const json_t *object, const char *key, double *a, double *b)
{
    json_t *list;
    TRY(json_want_array(object, key, r->name, 2, &list, r->e));
    *a = json_number_read(json_array_get(list, 0));
    *b = json_number_read(json_array_get(list, 1));
    return isfinite(*a) && isfinite(*b) ? 0 : damaged(r, "has a number that is not finite");
}

static int read_number(const struct reading *r, const json_t *object, struct column *c)
{
    TRY(read_pair(r, object, "scale", &c->middle, &c->spread));
    TRY(read_pair(r, object, "range", &c->least, &c->most));
    TRY(read_pair(r, object, "normal", &c->low, &c->high));
    TRY(json_want_number(object, "fill", r->name, &c->fill, r->e));
    TRY(json_want_integer(object, "missing", r->name, 0, INT64_MAX, &c->missing, r->e));
    return c->spread > 0 && isfinite(c->fill) ? 0 : damaged(r, "has no scale");
}

static int read_category(const struct reading *r, const json_t *object, struct column *c)
{
    json_t *words, *shares;
    TRY(json_want_array(object, "categories", r->name, SIZE_MAX, &words, r->e));
    size_t n = json_array_size(words);
    TRY(json_want_array(object, "shares", r->name, n, &shares, r->e));
    c->shares = arena_alloc(r->arena, (n + 1) * sizeof *c->shares);
    if (!c->shares)
        return err_memory(r->e, "the categories of a column");
    if (n > CATEGORIES_MAX)
        return damaged(r, "has too many categories");
    for (size_t i = 0; i < n; i++) {
        const json_t *word = json_array_get(words, i);
        const char *text = json_string_value(word);
        if (!text || dictionary_find(&c->categories, text, json_string_length(word)) >= 0)
            return damaged(r, "has categories that are no texts, or twice the same");
        TRY(dictionary_add(&c->categories, r->arena, text, json_string_length(word), r->e));
        c->shares[i] = json_number_read(json_array_get(shares, i));
        if (!(c->shares[i] >= 0 && c->shares[i] <= 1))
            return damaged(r, "has a category of no share");
    }
    return 0;
}

static int read_column(const struct reading *r, const json_t *object, struct column *c)
{
    const char *name, *role;
    TRY(json_want_string(object, "name", r->name, &name, r->e));
    TRY(json_want_string(object, "role", r->name, &role, r->e));
    int found = find_word(role, column_roles, COLUMN_ROLES);
    if (found < 0)
        return damaged(r, "has a role that is not known");
    *c = (struct column){.role = (enum column_role)found, .name = arena_string(r->arena, name)};
    if (!c->name)
        return err_memory(r->e, "the name of a column");
    if (c->role == COLUMN_NUMBER)
        return read_number(r, object, c);
    return c->role == COLUMN_CATEGORY ? read_category(r, object, c) : 0;
}

int table_restore(const json_t *object, const char *name, struct arena *arena, const struct table **out, struct err *e)
{
    const struct reading r = {name, arena, e};
    json_t *columns;
    const char *missing, *point, *normal, *anomalous;
    TRY(json_want_array(object, "columns", name, SIZE_MAX, &columns, e));
    TRY(json_want_string(object, "missing", name, &missing, e));
    TRY(json_want_string(object, "point", name, &point, e));
    TRY(json_want_string(object, "normal", name, &normal, e));
    TRY(json_want_string(object, "anomalous", name, &anomalous, e));
    size_t n = json_array_size(columns);
    int policy = find_word(missing, missing_names, MISSINGS);
    if (policy < 0 || n < 1 || n > COLUMNS_MAX)
        return damaged(&r, "is none");
    struct table *t = arena_alloc(arena, sizeof *t);
    struct column *all = arena_alloc(arena, n * sizeof *all);
    if (!t || !all)
        return err_memory(e, "the columns of a table");
    *t = (struct table){.columns = all, .n = (int)n, .point = *point, .missing = (enum missing)policy};
    t->normal = arena_string(arena, normal);
    t->anomalous = arena_string(arena, anomalous);
    if (!t->normal || !t->anomalous)
        return err_memory(e, "the columns of a table");
    t->named = json_is_true(json_object_get(object, "named"));
    for (size_t i = 0; i < n; i++)
        TRY(read_column(&r, json_array_get(columns, i), &all[i]));
    table_place(t);
    *out = t;
    return 0;
}
