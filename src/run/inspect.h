/* Looking into the memories of a model (heads.memories): what their items look like. */
#ifndef RUN_INSPECT_H
#define RUN_INSPECT_H

#include "base/err.h"
#include "run/score.h"

/* Decodes items of memory k to what the model makes of them. Models whose item is a whole code: each item alone. Models
 * whose item is one position: a sample of a code filled with that item. `items[n]` chooses; pictures: n pictures of
 * 8 bits, of the format that preprocess_shows gives of what the model sees at once (preprocess_view). ERR_USAGE where
 * there is nothing to look at. */
int inspect_items(const struct loaded *s, int k, const int64_t *items, int n, uint8_t *pictures, struct err *e);

/* Number of items of memory k that can be decoded and looked at; 0: none can. */
int64_t inspect_item_count(const struct loaded *s, int k);

#endif
