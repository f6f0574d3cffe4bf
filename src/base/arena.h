/* Arena: many small allocations that end together. Used by whatever is built once and freed whole (graphs, datasets).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks; /* {0} is an empty, ready arena */
};

/* Zeroed memory aligned to 16 bytes, or NULL when there is none left. Freed by arena_free alone. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of a string in the arena, or NULL. */
char *arena_string(struct arena *a, const char *text);

/* Frees everything the arena gave out; the arena is empty and ready again. */
void arena_free(struct arena *a);

#endif
