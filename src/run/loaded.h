/* A loaded model: what its file says, and its weights. Shared read-only by any number of threads. */
#ifndef RUN_LOADED_H
#define RUN_LOADED_H

#include "base/err.h"
#include "file/model_file.h"

struct loaded;

/* What the model's score graph has, by name. */
struct roles {
    int nparts; /* of the score */
    const char *parts[SCORE_PARTS];
    float weights[SCORE_PARTS];
    int nmemories;
    struct memory_role {
        const char *name;
        const struct param *items; /* an item a row */
    } memories[MEMORIES];
    bool has_map;
};

/* Loads a model file. Nothing that one score does not need is done. */
int loaded_open(const char *path, struct loaded **out, struct err *e);
/* The same of a model file's n bytes in memory, which are not needed afterwards. */
int loaded_open_memory(const void *bytes, size_t n, struct loaded **out, struct err *e);
void loaded_close(struct loaded *s); /* after all of its scorers */
/* What the file says. Valid while it is open. */
const struct model_file *loaded_file(const struct loaded *s);
struct params *loaded_params(const struct loaded *s); /* not to be changed while scorers exist */
const struct roles *loaded_roles(const struct loaded *s);
size_t loaded_weights_bytes(const struct loaded *s);

#endif
