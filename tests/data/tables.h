/* For the tests of tables of text: files, and what is learnt of one. */
#ifndef TESTS_DATA_TABLES_H
#define TESTS_DATA_TABLES_H

#include "support.h"

#include "base/arena.h"
#include "data/kind.h"

/* Of four columns and five rows, four of them normal. */
extern const char small_table[];

void write_text(const char *path, const char *text);
/* As gz, without the last `cut` bytes. */
void write_packed(const char *path, const char *text, size_t cut);

/* A table that has been opened, and what was learnt of it. */
struct learnt {
    struct dataset *ds;
    struct arena arena;
    struct preprocess p;
    float kept[64], values[64];
};

/* Fail the test where it cannot be. */
struct learnt learn(const char *url);
struct learnt learn_with(const char *url, const struct wishes *w);
void load_row(struct learnt *l, enum split split, size_t i);
void forget(struct learnt *l);

/* Another table, to be scored by what was learnt of one; `pass`: a part at a time. */
struct dataset *open_like(const char *url, const struct preprocess *like, bool pass);

#endif
