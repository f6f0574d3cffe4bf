/* The parts of a dataset's URL, and names for what is opened from several. Used inside data/ only. */
#ifndef DATA_URL_H
#define DATA_URL_H

#include "data/dataset.h"

#include <limits.h>

struct url {
    const struct source *source; /* NULL when none was named */
    char path[PATH_MAX];
    char options[1024]; /* "normal=3&limit=100" or "" */
};

/* PATH, SOURCE:PATH, SOURCE:PATH?options. What exists as a path is one. ERR_USAGE: unknown source, or too long. */
int url_parse(const char *text, struct url *url, struct err *e);

/* Makes names unique across the parts: the first to come keeps its short name, a later one of the same name is called
 * by its path. A file given twice is dropped and counted. */
int dataset_name_apart(struct dataset *ds, struct err *e);

#endif
