/* Words with their places, for columns of categories: found by their bytes in about the time of reading them. */
#ifndef TABLE_DICTIONARY_H
#define TABLE_DICTIONARY_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct word {
    const char *text; /* with a 0 behind its n bytes */
    size_t n;
    int added; /* its place before the last dictionary_sort */
};

struct dictionary {
    struct word *words; /* n */
    int n, room;
    int32_t *slots; /* size of them, a power of two: places of words, -1 empty */
    size_t size;
};

/* The place of a word; -1: it is not there. */
int dictionary_find(const struct dictionary *d, const char *text, size_t n);

/* Adds a copy of a word that is not there; its place. Memory is the arena's. */
int dictionary_add(struct dictionary *d, struct arena *arena, const char *text, size_t n, struct err *e);

/* Orders words by their bytes. */
void dictionary_sort(struct dictionary *d);

#endif
