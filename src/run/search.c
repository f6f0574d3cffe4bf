#include "run/search.h"

#include "nn/adam.h"

#include <stdlib.h>
#include <string.h>

struct search {
    const struct refine *refine;
    struct plan *plan;
    int threads;
    size_t count;          /* values of the latents of a batch */
    float *latent, *m, *v; /* count each: the plan's own, and Adam's moments */
};

int search_new(const struct refine *r, struct plan *plan, int threads, struct search **out, struct err *e)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(e, "a search");
    *s =
        (struct search){.refine = r, .plan = plan, .threads = threads, .count = (size_t)shape_count(&r->latent->shape)};
    s->latent = plan_data(plan, r->latent);
    s->m = malloc(s->count * sizeof *s->m);
    s->v = malloc(s->count * sizeof *s->v);
    if (!s->m || !s->v) {
        search_free(s);
        return err_memory(e, "a search");
    }
    *out = s;
    return 0;
}

void search_free(struct search *s)
{
    if (!s)
        return;
    free(s->m);
    free(s->v);
    free(s);
}

bool search_run(struct search *s, search_step *step, void *user)
{
    const struct adam adam = {.lr = s->refine->rate, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f};
    size_t bytes = s->count * sizeof *s->latent;
    memset(s->latent, 0, bytes); /* the first run is for the start alone */
    plan_forward(s->plan, 0);
    memcpy(s->latent, plan_data(s->plan, s->refine->start), bytes);
    memset(s->m, 0, bytes);
    memset(s->v, 0, bytes);
    for (int done = 1; done <= s->refine->steps; done++) {
        plan_forward(s->plan, 0);
        plan_backward(s->plan, 0);
        adam_step(&adam, (uint64_t)done, s->latent, s->m, s->v, plan_grad(s->plan, s->refine->latent), s->count,
                  s->threads);
        if (step && step(user, done, s->refine->steps))
            return false;
    }
    plan_forward(s->plan, 0);
    return true;
}
