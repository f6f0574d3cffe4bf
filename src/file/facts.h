/* What a model file says of itself, as a list of values with their texts for people. */
#ifndef FILE_FACTS_H
#define FILE_FACTS_H

#include "base/arena.h"
#include "file/model_file.h"

enum fact_type { FACT_TEXT, FACT_BOOL, FACT_INT, FACT_FLOAT, FACT_LIST };

struct fact {
    const char *section, *name; /* "options", "items" */
    enum fact_type type;
    const char *text;    /* whatever its type: "100" */
    const char *unit;    /* "bytes"; "" where it has none */
    int64_t integer;     /* INT; BOOL: 0, 1 */
    double number;       /* FLOAT, INT, BOOL */
    const int64_t *list; /* LIST: nlist numbers */
    size_t nlist;
};

struct facts {
    struct fact *rows; /* n, in the arena with their texts */
    size_t n, room;
    struct arena arena;
};

/* Fills a zeroed list; facts_free ends it, whatever came of it. `weights_bytes`: of all parameters. */
int facts_list(const struct model_file *c, size_t weights_bytes, struct facts *facts, struct err *e);
void facts_free(struct facts *facts);

#endif
