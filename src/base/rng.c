#include "base/rng.h"

#include <math.h>
#include <string.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that passes BigCrush on a counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

struct rng rng_new(uint64_t seed, uint64_t stream)
{
    return (struct rng){.key = mix(mix(seed) ^ stream)};
}

uint64_t rng_stream(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

uint64_t rng_hash(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t h = mix(size), word;
    for (; size >= sizeof word; size -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        h = mix(h ^ word);
    }
    word = 0;
    memcpy(&word, at, size);
    return mix(h ^ word);
}

uint64_t rng_u64(struct rng *r)
{
    return mix(r->key ^ mix(r->counter++));
}

float rng_uniform(struct rng *r)
{
    return (float)(rng_u64(r) >> 40) * 0x1p-24f;
}

float rng_normal(struct rng *r)
{
    double u = ((double)(rng_u64(r) >> 11) + 1.0) * 0x1p-53; /* (0, 1]: the logarithm is finite */
    double v = (double)(rng_u64(r) >> 11) * 0x1p-53;
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

uint64_t rng_below(struct rng *r, uint64_t limit)
{
    return (uint64_t)(((unsigned __int128)rng_u64(r) * limit) >> 64);
}

void rng_permutation(struct rng *r, size_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t j = rng_below(r, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}
