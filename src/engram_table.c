/* The public interface: the columns of tables, and which of them make a row abnormal. */
#include "engram_private.h"

#include "data/reasons.h"

#include <stdlib.h>

/* What stands in a column of result i: in the data that it is of, or in the caller's numbers. */
static int read_value(const engram_scorer *s, size_t i, int column, char *text, size_t size, struct err *e)
{
    const struct table *t = loaded_file(s->model->loaded)->input.table;
    if (s->data)
        return reason_cell(s->data, SPLIT_TEST, s->sample, t, column, text, size, e);
    reason_number(&t->columns[column], s->rows[i * (size_t)t->kept + (size_t)t->columns[column].kept], text, size);
    return 0;
}

static int write_reasons(const engram_scorer *s, size_t i, const struct reason *found, engram_reason *out, size_t room,
                         struct err *e)
{
    const struct table *t = loaded_file(s->model->loaded)->input.table;
    for (size_t k = 0; k < room; k++) {
        const struct column *c = &t->columns[found[k].column];
        engram_reason r = {.size = sizeof r, .column = c->name, .share = found[k].share};
        engram_reason *to = struct_element(out, k);
        TRY(read_value(s, i, found[k].column, r.value, sizeof r.value, e));
        reason_normal(c, r.normal, sizeof r.normal);
        to->size = out->size;
        struct_write(to, &r, sizeof r);
    }
    return 0;
}

static int find_reasons(const engram_scorer *s, size_t i, engram_reason *out, size_t room, size_t *n, struct err *e)
{
    const struct preprocess *input = &loaded_file(s->model->loaded)->input;
    const struct verdict *v;
    size_t count;
    if (room && !out)
        return err_set(e, ERR_USAGE, "there is room for %zu reasons, but `reasons` is NULL", room);
    if (room)
        TRY(STRUCT_CHECK(engram_reason, out, e));
    if (!input->table)
        return err_set(e, ERR_USAGE, "columns are reasons of rows alone, and this model was made for %s",
                       kind_samples(input->kind));
    TRY(scorer_find_map(s, i, &v, &count, e));
    struct reason *found = malloc((size_t)input->table->n * sizeof *found);
    if (!found)
        return err_memory(e, "the reasons of a verdict");
    size_t all = (size_t)reasons_find(input->table, v->map, found, input->table->n);
    int code = write_reasons(s, i, found, out, room < all ? room : all, e);
    free(found);
    if (code >= 0)
        *n = all;
    return code;
}

int engram_scorer_reasons(const engram_scorer *scorer, size_t i, engram_reason *reasons, size_t room, size_t *n,
                          engram_error *error)
{
    struct call call;
    call_begin(&call);
    int code = NEEDS(&call, GIVEN(scorer), GIVEN(n));
    if (code >= 0)
        code = find_reasons(scorer, i, reasons, room, n, &call.err);
    return call_end(&call, code, error);
}

/* NULL: the model is not of rows, or has no such column. */
static const struct column *find_column(const engram_model *model, size_t i)
{
    const struct table *t = model ? loaded_file(model->loaded)->input.table : NULL;
    return t && i < (size_t)t->n ? &t->columns[i] : NULL;
}

int engram_model_column_at(const engram_model *model, size_t i, engram_column *row)
{
    const struct column *c = find_column(model, i);
    if (!c)
        return 0;
    return STRUCT_ROW(engram_column, row, .name = c->name, .role = column_roles[c->role], .place = c->kept,
                      .ncategories = (size_t)c->categories.n, .low = c->low, .high = c->high);
}

const char *engram_model_category_at(const engram_model *model, size_t i, size_t k)
{
    const struct column *c = find_column(model, i);
    return c && k < (size_t)c->categories.n ? c->categories.words[k].text : NULL;
}
