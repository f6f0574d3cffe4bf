/* Random numbers as a function of (seed, stream, position): no hidden state, so that whatever is drawn can be drawn
 * again, in any order and on any number of threads. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t key;     /* seed and stream, mixed */
    uint64_t counter; /* position in the stream; set it to jump */
};

/* A stream of its own for every (seed, stream) pair. */
struct rng rng_new(uint64_t seed, uint64_t stream);

/* A stream number from a name (FNV-1a), for whatever is known by name: parameters, sources. */
uint64_t rng_stream(const char *name);

/* A stream number from any bytes: whoever has the same bytes has the same stream. */
uint64_t rng_hash(const void *bytes, size_t size);

uint64_t rng_u64(struct rng *r);                   /* 64 random bits */
float rng_uniform(struct rng *r);                  /* [0, 1), 24 bits */
float rng_normal(struct rng *r);                   /* mean 0, deviation 1 */
uint64_t rng_below(struct rng *r, uint64_t limit); /* 0 .. limit-1; limit > 0 */

/* A random permutation of 0 .. n-1 written to `order`. */
void rng_permutation(struct rng *r, size_t *order, size_t n);

#endif
