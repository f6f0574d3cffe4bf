/* Threads: the one place that opens a parallel region of ours. OpenMP's pool, shared with oneDNN. */
#ifndef NN_PARALLEL_H
#define NN_PARALLEL_H

#include "base/hot.h" /* for the kernels that run in the ranges below */

#include <stddef.h>

/* Work on items begin .. end-1. */
typedef void range_fn(void *context, size_t begin, size_t end);

/* Splits 0 .. n-1 into one range a thread. Fewer than `grain` items a thread: fewer threads; one thread: a plain call.
 */
void parallel_ranges(int threads, size_t n, size_t grain, range_fn *fn, void *context);

/* The same, in exactly `chunks` ranges whatever the threads: for sums whose order must not depend on the threads.
 * Partial results are kept by chunk number and added in that order. */
typedef void chunk_fn(void *context, int chunk, size_t begin, size_t end);
void parallel_chunks(int threads, size_t n, int chunks, chunk_fn *fn, void *context);

/* Processor cores that this process may use, also where OpenMP has bound the calling thread to one (OMP_PROC_BIND). */
int parallel_cores(void);

/* Sets flush-to-zero in the calling thread and its pool of `threads`, and the pool's size for oneDNN; returns what the
 * calling thread had, for parallel_end, which puts all of that back: the pool is the host's too. Within another such
 * pair of as many threads it costs nothing: so a whole training step stands in one. */
unsigned parallel_begin(int threads);
void parallel_end(unsigned before);

#endif
