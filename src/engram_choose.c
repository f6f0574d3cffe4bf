/* The public interface: from names and settings to a model and its options. */
#include "engram_private.h"

#include "base/option.h"

#include <stdlib.h>
#include <string.h>

static int apply_presets(struct chosen *c, const char *names, struct err *e)
{
    while (*names) {
        char name[OPTION_TEXT];
        size_t n = strcspn(names, ",");
        if (n >= sizeof name)
            return err_set(e, ERR_USAGE, "there is no preset '%.40s...'", names);
        memcpy(name, names, n);
        name[n] = 0;
        const struct preset *preset = preset_find(c->model, name, e);
        if (!preset)
            return e->code;
        TRY(options_parse(c->model->options, c->config, c->model->name, preset->model, ' ', e));
        TRY(options_parse(train_options, &c->train, "training", preset->run, ' ', e));
        names += n + (names[n] == ',');
    }
    return 0;
}

static int apply_setting(struct chosen *c, const char *setting, struct err *e)
{
    char name[OPTION_TEXT];
    size_t n = strcspn(setting, "=");
    if (!setting[n] || n >= sizeof name)
        return err_set(e, ERR_USAGE, "'%.60s' is not of the form option=value", setting);
    memcpy(name, setting, n);
    name[n] = 0;
    if (option_find(train_options, name, NULL))
        return options_set(train_options, &c->train, "training", name, setting + n + 1, e);
    if (option_find(c->model->options, name, NULL))
        return options_set(c->model->options, c->config, c->model->name, name, setting + n + 1, e);
    return err_set(e, ERR_USAGE, "neither model %s nor training has an option '%s'", c->model->name, name);
}

int chosen_read(struct chosen *c, const char *model, const char *presets, const char *const *settings, size_t n,
                struct err *e)
{
    *c = (struct chosen){.model = model_find(model, e)};
    if (!c->model)
        return e->code;
    c->config = calloc(1, c->model->config_bytes);
    if (!c->config)
        return err_memory(e, "the model's options");
    options_default(c->model->options, c->config);
    options_default(train_options, &c->train);
    TRY(apply_presets(c, presets ? presets : c->model->presets[0].name, e));
    for (size_t i = 0; i < n; i++)
        TRY(apply_setting(c, settings[i], e));
    return 0;
}

void chosen_free(struct chosen *c)
{
    free(c->config);
}
