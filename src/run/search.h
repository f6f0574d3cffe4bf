/* A search at scoring time (AnoGAN's): for every sample of a batch the latent of the lowest loss, by gradient. */
#ifndef RUN_SEARCH_H
#define RUN_SEARCH_H

#include "models/model.h"

struct search;

/* `plan` is of the score graph, with the loss as its first objective with respect to the latent; the input, the latent
 * and its start are among its outputs. */
int search_new(const struct refine *r, struct plan *plan, int threads, struct search **out, struct err *e);
void search_free(struct search *s); /* NULL is fine */

/* Told after each step: how many of them are done. Returns true to break the search off. */
typedef bool search_step(void *user, int done, int steps);

/* Searches for what the plan's input holds; afterwards the plan's values are those of the latents found. The same for a
 * sample whatever is beside it. `step` NULL: nobody is told. False: it was broken off, and nothing was found. */
bool search_run(struct search *s, search_step *step, void *user);

#endif
