#include "base/pause.h"

#include "base/clock.h"

#include <limits.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void pause_once(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* The shortest of several tries: the others were interrupted. */
static double pause_seconds(void)
{
    enum { PAUSES = 200, TRIES = 10 };
    double best = 1;
    for (int i = 0; i < TRIES; i++) {
        double start = clock_seconds();
        for (int k = 0; k < PAUSES; k++)
            pause_once();
        double took = (clock_seconds() - start) / PAUSES;
        best = took < best ? took : best;
    }
    return best;
}

int pause_count(double seconds)
{
    double count = seconds / pause_seconds();
    return count < 1 ? 1 : count < INT_MAX ? (int)count : INT_MAX;
}
