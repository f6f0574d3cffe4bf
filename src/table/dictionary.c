#include "table/dictionary.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

/* The slot of a word, or the free one where it would be. */
static size_t find_slot(const struct dictionary *d, const char *text, size_t n)
{
    size_t at = rng_hash(text, n) & (d->size - 1);
    for (; d->slots[at] >= 0; at = (at + 1) & (d->size - 1)) {
        const struct word *w = &d->words[d->slots[at]];
        if (w->n == n && !memcmp(w->text, text, n))
            break;
    }
    return at;
}

int dictionary_find(const struct dictionary *d, const char *text, size_t n)
{
    return d->size ? d->slots[find_slot(d, text, n)] : -1;
}

static void fill_slots(struct dictionary *d)
{
    memset(d->slots, -1, d->size * sizeof *d->slots);
    for (int i = 0; i < d->n; i++)
        d->slots[find_slot(d, d->words[i].text, d->words[i].n)] = i;
}

/* Half of the slots stay free. */
static int grow(struct dictionary *d, struct arena *arena, struct err *e)
{
    size_t size = d->size ? 2 * d->size : SLOTS_MIN;
    struct word *words = arena_alloc(arena, size / 2 * sizeof *words);
    int32_t *slots = arena_alloc(arena, size * sizeof *slots);
    if (!words || !slots)
        return err_memory(e, "the categories of a column");
    if (d->n)
        memcpy(words, d->words, (size_t)d->n * sizeof *words);
    d->words = words;
    d->room = (int)(size / 2);
    d->slots = slots;
    d->size = size;
    fill_slots(d);
    return 0;
}

int dictionary_add(struct dictionary *d, struct arena *arena, const char *text, size_t n, struct err *e)
{
    if (d->n == d->room)
        TRY(grow(d, arena, e));
    char *copy = arena_alloc(arena, n + 1); /* zeroed */
    if (!copy)
        return err_memory(e, "the categories of a column");
    memcpy(copy, text, n);
    d->slots[find_slot(d, text, n)] = d->n;
    d->words[d->n] = (struct word){.text = copy, .n = n};
    return d->n++;
}

static int by_bytes(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

void dictionary_sort(struct dictionary *d)
{
    for (int i = 0; i < d->n; i++)
        d->words[i].added = i;
    if (!d->n)
        return;
    qsort(d->words, (size_t)d->n, sizeof *d->words, by_bytes);
    fill_slots(d);
}
