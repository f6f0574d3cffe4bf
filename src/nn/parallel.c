#include "nn/parallel.h"

#include <omp.h>
#include <stdint.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* Ranges start at multiples of this: the same elements fall into a vector loop's rest whatever the threads. */
enum { ALIGN = 64 };

static size_t range_start(size_t n, int part, int parts)
{
    if (part >= parts)
        return n;
    size_t at = n / (size_t)parts * (size_t)part + n % (size_t)parts * (size_t)part / (size_t)parts;
    return n >= (size_t)parts * ALIGN * 4 ? at / ALIGN * ALIGN : at;
}

void parallel_ranges(int threads, size_t n, size_t grain, range_fn *fn, void *context)
{
    if (grain > 1 && n / grain < (size_t)threads)
        threads = (int)(n / grain);
    if ((size_t)threads > n)
        threads = (int)n;
    if (threads <= 1) {
        if (n)
            fn(context, 0, n);
        return;
    }
#pragma omp parallel num_threads(threads)
    {
        int part = omp_get_thread_num(), parts = omp_get_num_threads();
        size_t begin = range_start(n, part, parts), end = range_start(n, part + 1, parts);
        if (begin < end)
            fn(context, begin, end);
    }
}

void parallel_chunks(int threads, size_t n, int chunks, chunk_fn *fn, void *context)
{
    if (threads > chunks)
        threads = chunks;
    if (threads <= 1) {
        for (int c = 0; c < chunks; c++)
            fn(context, c, range_start(n, c, chunks), range_start(n, c + 1, chunks));
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < chunks; c++)
        fn(context, c, range_start(n, c, chunks), range_start(n, c + 1, chunks));
}

/* ---- flush-to-zero: denormal numbers cost a hundred cycles each and mean nothing here ---- */

#if defined(__SSE__)

enum { FLUSH = 0x8040 }; /* of MXCSR: flush results to zero, denormals are zero */

static unsigned flush_get(void)
{
    return _mm_getcsr() & FLUSH;
}

static void flush_set(unsigned mode)
{
    _mm_setcsr((_mm_getcsr() & ~(unsigned)FLUSH) | mode);
}

#elif defined(__aarch64__)

enum { FLUSH = 0x1 }; /* bit 24 of FPCR */

static uint64_t control_get(void)
{
    uint64_t v;
    __asm__ volatile("mrs %0, fpcr" : "=r"(v));
    return v;
}

static unsigned flush_get(void)
{
    return (unsigned)(control_get() >> 24) & FLUSH;
}

static void flush_set(unsigned mode)
{
    uint64_t v = (control_get() & ~(UINT64_C(1) << 24)) | (uint64_t)mode << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(v));
}

#else

enum { FLUSH = 0 };

static unsigned flush_get(void)
{
    return 0;
}

static void flush_set(unsigned mode)
{
    (void)mode;
}

#endif

enum { UNKNOWN = ~0u };

/* Of what parallel_begin returns, beside the bits of FLUSH: there was nothing to prepare. */
enum { NESTED = 0x2 };

/* What this thread of a pool had before; UNKNOWN in one that came while we worked. */
static _Thread_local unsigned own_mode = UNKNOWN;

/* How many threads the calling thread's outermost begin has prepared; 0: it is in none. */
static _Thread_local int prepared;

static void own_begin(void)
{
    own_mode = flush_get();
    flush_set(FLUSH);
}

static void own_end(unsigned callers)
{
    flush_set(own_mode == UNKNOWN ? callers : own_mode);
    own_mode = UNKNOWN;
}

/* The pool's size is packed above the 16 bits of the mode. The calling thread changes its own mode outside of the
 * region: libomp puts back what it was at the region's begin, and hands that to the others. */
unsigned parallel_begin(int threads)
{
    unsigned before = flush_get() | (unsigned)omp_get_max_threads() << 16;
    omp_set_num_threads(threads);
    if (threads <= prepared)
        return before | NESTED;
    prepared = threads;
    own_begin();
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        if (omp_get_thread_num())
            own_begin();
    }
    return before;
}

void parallel_end(unsigned before)
{
    int threads = omp_get_max_threads();
    if (before & NESTED) {
        omp_set_num_threads((int)(before >> 16));
        return;
    }
    prepared = 0;
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        if (omp_get_thread_num())
            own_end(before & 0xffffu);
    }
    own_end(before & 0xffffu);
    omp_set_num_threads((int)(before >> 16));
}
