/* Which classes are normal: the options normal= and anomalous= that every source with classes has. */
#include "data/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_OF struct class_options
// clang-format off
const struct option class_options[] = {
    ROW_STRING(normal, "", "class (or several with commas), by name or number, that is normal: trained on, all others are anomalous"),
    ROW_STRING(anomalous, "", "class (or several with commas) that is anomalous: trained on all others"),
    ROW_INT(limit, "0", 0, 1e9, "samples of each split to use, spread evenly over it; 0 is all"),
    {0}};
// clang-format on

static int unknown_class(const char *word, const char *const *names, int n, const char *path, struct err *e)
{
    char list[600] = "";
    size_t used = 0;
    for (int i = 0; i < n && used < sizeof list - 80; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.60s", i ? ", " : "", names[i]);
    return err_set(e, ERR_USAGE, "%s has no class '%s'; its classes are: %s", path, word, n ? list : "none");
}

static int find_class(const char *word, const char *const *names, int n, const char *path, struct err *e)
{
    for (int i = 0; i < n; i++)
        if (!strcasecmp(names[i], word))
            return i;
    char *end;
    long number = strtol(word, &end, 10);
    if (end != word && !*end && number >= 0 && number < n)
        return (int)number;
    return unknown_class(word, names, n, path, e);
}

int classes_choose(const struct class_options *o, const char *const *names, int n, const char *path, bool *normal,
                   struct err *e)
{
    const bool by_normal = o->normal[0];
    if (by_normal && o->anomalous[0])
        return err_set(e, ERR_USAGE, "%s: give normal= or anomalous=, not both: each says what the other classes are",
                       path);
    if (!by_normal && !o->anomalous[0])
        return 0;
    char list[OPTION_TEXT];
    snprintf(list, sizeof list, "%s", by_normal ? o->normal : o->anomalous);
    for (int i = 0; i < n; i++)
        normal[i] = !by_normal;
    char *rest = list;
    for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
        int found = find_class(word, names, n, path, e);
        TRY(found);
        normal[found] = by_normal;
    }
    int normals = 0;
    for (int i = 0; i < n; i++)
        normals += normal[i];
    if (normals == 0)
        return err_set(e, ERR_USAGE, "%s: with anomalous=%s no class is normal, and there is nothing to learn from",
                       path, o->anomalous);
    return 1;
}
