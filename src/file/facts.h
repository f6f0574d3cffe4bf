/* What a model file says of itself, as a list of texts for people. */
#ifndef FILE_FACTS_H
#define FILE_FACTS_H

#include "base/arena.h"
#include "file/model_file.h"

struct fact {
    const char *section, *name, *value; /* "options", "items", "100" */
};

struct facts {
    struct fact *rows; /* n, in the arena with their texts */
    size_t n;
    struct arena arena;
};

/* Fills a zeroed list; facts_free ends it, whatever came of it. `weights_bytes`: of all parameters. */
int facts_list(const struct model_file *c, size_t weights_bytes, struct facts *facts, struct err *e);
void facts_free(struct facts *facts);

#endif
