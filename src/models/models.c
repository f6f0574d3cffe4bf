#include "models/model.h"

#include <stdio.h>
#include <string.h>

const struct model *model_find(const char *name, struct err *e)
{
    char names[400] = "";
    size_t used = 0;
    for (int i = 0; models[i]; i++) {
        if (!strcmp(models[i]->name, name))
            return models[i];
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", models[i]->name);
    }
    err_set(e, ERR_USAGE, "there is no model '%s'; there are: %s", name, names);
    return NULL;
}

const struct preset *preset_find(const struct model *m, const char *name, struct err *e)
{
    char names[400] = "";
    size_t used = 0;
    for (const struct preset *p = m->presets; p->name; p++) {
        if (!strcmp(p->name, name))
            return p;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", p->name);
    }
    err_set(e, ERR_USAGE, "model %s has no preset '%s'; it has: %s", m->name, name, names);
    return NULL;
}
