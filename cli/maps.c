#include "maps.h"

#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- writing ---- */

int maps_begin(const struct maps *m)
{
    struct stat s;
    if (m->folder && stat(m->folder, &s) == 0 && !S_ISDIR(s.st_mode))
        return console_error("maps cannot be written to %s: it is no folder", m->folder);
    return 0;
}

static int write_one(const struct maps *m, const engram_scorer *scorer, const char *name, int format,
                     engram_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s.map.%s", m->folder, name, format == ENGRAM_MAP_PNG ? "png" : "npy") < 0)
        return console_refuse(error, ENGRAM_MEMORY, "out of memory while naming the heat map of %s", name);
    int failed =
        inputs_have(m->inputs, path)
            ? console_refuse(error, ENGRAM_USAGE,
                             "the heat map %s is not written: that file is scored, too; name another folder", path)
            : engram_scorer_map_write(scorer, 0, path, format, m->force, error);
    free(path);
    return failed ? -1 : 0;
}

int maps_write(const struct maps *m, const engram_scorer *scorer, const char *name, engram_error *error)
{
    if (write_one(m, scorer, name, ENGRAM_MAP_PNG, error))
        return -1;
    return m->npy ? write_one(m, scorer, name, ENGRAM_MAP_NPY, error) : 0;
}
