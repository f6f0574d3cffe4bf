/* The public interface: the tables of what there is. */
#include "engram_private.h"

#include "data/dataset.h"

#include <string.h>

static const struct model *known_model(const char *name)
{
    for (size_t i = 0; name && models[i]; i++)
        if (!strcmp(models[i]->name, name))
            return models[i];
    return NULL;
}

int engram_model_kind_at(size_t i, engram_model_kind *row)
{
    for (size_t k = 0; models[k]; k++)
        if (k == i)
            return STRUCT_ROW(engram_model_kind, row, .name = models[k]->name, .title = models[k]->title,
                              .paper = models[k]->paper, .idea = models[k]->idea);
    return 0;
}

static int public_option(const struct option *table, size_t i, engram_option *row)
{
    static const char *const types[] = {
        [OPTION_INT] = "int",       [OPTION_FLOAT] = "float", [OPTION_BOOL] = "bool",
        [OPTION_CHOICE] = "choice", [OPTION_STRING] = "text", [OPTION_INTS] = "ints",
    };
    struct option o;
    if (!option_at(table, i, &o))
        return 0;
    return STRUCT_ROW(engram_option, row, .name = o.name, .type = types[o.type], .value = o.value, .choices = o.choices,
                      .min = o.min, .max = o.max, .help = o.help);
}

int engram_model_option_at(const char *model, size_t i, engram_option *row)
{
    const struct model *m = known_model(model);
    return m ? public_option(m->options, i, row) : 0;
}

int engram_train_option_at(size_t i, engram_option *row)
{
    return public_option(train_options, i, row);
}

int engram_scorer_option_at(size_t i, engram_option *row)
{
    return public_option(scorer_options, i, row);
}

int engram_evaluate_option_at(size_t i, engram_option *row)
{
    return public_option(evaluate_options, i, row);
}

int engram_preset_at(const char *model, size_t i, engram_preset *row)
{
    const struct model *m = known_model(model);
    for (const struct preset *p = m ? m->presets : NULL; p && p->name; p++, i--)
        if (!i)
            return STRUCT_ROW(engram_preset, row, .name = p->name, .help = p->help, .model = p->model, .train = p->run);
    return 0;
}

int engram_source_at(size_t i, engram_source *row)
{
    const struct source *s = dataset_source(i);
    return s ? STRUCT_ROW(engram_source, row, .name = source_name(s), .help = source_help(s)) : 0;
}

int engram_source_option_at(const char *source, size_t i, engram_option *row)
{
    const struct source *s;
    for (size_t k = 0; source && (s = dataset_source(k)); k++)
        if (!strcmp(source_name(s), source))
            return public_option(source_options(s), i, row);
    return 0;
}
