/* What a model file says of itself, as a list of texts for people. */
#ifndef RUN_FACTS_H
#define RUN_FACTS_H

#include "base/arena.h"
#include "run/score.h"

struct fact {
    const char *section, *name, *value; /* "options", "items", "100" */
};

struct facts {
    struct fact *rows; /* n, in the arena with their texts */
    size_t n;
    struct arena arena;
};

/* Fills a zeroed list; facts_free ends it, whatever came of it. */
int facts_list(const struct scorer *s, struct facts *facts, struct err *e);
void facts_free(struct facts *facts);

#endif
