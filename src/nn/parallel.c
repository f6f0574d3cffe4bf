#include "nn/parallel.h"

#include "base/clock.h"
#include "nn/crowd.h"

#include <fcntl.h>
#include <omp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
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

/* Of the calling thread's outermost begin: how many pieces threads have shared since, and whether it computes them
 * alone. In the same parts as they would, so that no result tells the difference. */
static _Thread_local int shared;
static _Thread_local bool alone;

static void run_chunks(size_t n, int chunks, chunk_fn *fn, void *context)
{
    for (int c = 0; c < chunks; c++)
        fn(context, c, range_start(n, c, chunks), range_start(n, c + 1, chunks));
}

/* What oneDNN is asked for within runs on this thread, too, as in a region. */
static void run_alone(size_t n, int chunks, chunk_fn *fn, void *context)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    run_chunks(n, chunks, fn, context);
    omp_set_num_threads(before);
}

struct range {
    range_fn *fn;
    void *context;
};

static void run_range(void *context, int chunk, size_t begin, size_t end)
{
    const struct range *r = context;
    (void)chunk;
    if (begin < end)
        r->fn(r->context, begin, end);
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
    shared++;
    if (alone) {
        run_alone(n, threads, run_range, &(struct range){fn, context});
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
        run_chunks(n, chunks, fn, context);
        return;
    }
    shared++;
    if (alone) {
        run_alone(n, chunks, fn, context);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int c = 0; c < chunks; c++)
        fn(context, c, range_start(n, c, chunks), range_start(n, c + 1, chunks));
}

int parallel_cores(void)
{
    return omp_get_num_procs();
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

/* ---- the crowd: idle threads sleep at once for a time ---- */

enum { LINE = 100 };

/* The first line of what the system says in a file; empty where it does not. */
static const char *system_line(const char *path, char text[LINE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, LINE - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

/* Seconds that this thread has had work and no core, about; 0 where the system does not say. Kernels that do not count
 * them (their first number, the time on a core, stays 0) still say how often the core was given to another: each time
 * for a slice of some milliseconds, of which the least is taken, as many an interruption is shorter. */
static double seconds_waited(void)
{
    static const double SLICE = 0.002;
    char text[LINE], *second;
    if (strtoull(system_line("/proc/thread-self/schedstat", text), &second, 10))
        return (double)strtoull(second, NULL, 10) * 1e-9;
    struct rusage used;
    return getrusage(RUSAGE_THREAD, &used) == 0 ? (double)used.ru_nivcsw * SLICE : 0;
}

/* How many threads of the whole machine have a core or wait for one, of "0.20 0.18 0.12 2/80 4711" the 2; 0 where the
 * system does not say. */
static int count_running(void)
{
    char text[LINE];
    int running = 0;
    return sscanf(system_line("/proc/loadavg", text), "%*s %*s %*s %d/", &running) == 1 ? running : 0;
}

/* Whether others run on cores that the pool needs, while of ours this thread alone runs. Counted twice: one of the
 * program's own that has just begun may be about to wait, and does so while this one naps. */
static bool others_run(int threads)
{
    const struct timespec nap = {.tv_nsec = 500000};
    int room = 1 + parallel_cores() - threads;
    return count_running() > room && nanosleep(&nap, NULL) == 0 && count_running() > room;
}

/* LLVM's OpenMP lets itself be told, for the calling thread's pool: what lies between regions (in milliseconds) is put
 * to 0 within our computations, the host's own again outside of them. */
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
extern int kmp_get_blocktime(void) __attribute__((weak));

static _Thread_local double asleep_until;
static _Thread_local int blocktime = -1; /* the host's while ours is set */

static void blocktime_begin(double now)
{
    if (now >= asleep_until)
        return;
    blocktime = kmp_get_blocktime();
    kmp_set_blocktime(0);
}

static void blocktime_end(void)
{
    if (blocktime >= 0)
        kmp_set_blocktime(blocktime);
    blocktime = -1;
}

/* libgomp does so while there are more of its threads than cores. */
static struct {
    pthread_mutex_t lock;
    bool there;
    double until;
} extra = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Seconds until they may leave; 0: they are on their way, and further ones have to be started. */
static double extra_left(void)
{
    pthread_mutex_lock(&extra.lock);
    double left = extra.until - clock_seconds();
    extra.there = left > 0;
    pthread_mutex_unlock(&extra.lock);
    return left > 0 ? left : 0;
}

/* Threads that do nothing but be there, for some time. They leave with the one whose pool they are. */
static void *be_there(void *threads)
{
#pragma omp parallel num_threads((int)(intptr_t)threads)
    __asm__ volatile("" ::: "memory"); /* a region without anything in it is left out */
    for (double left = extra_left(); left > 0; left = extra_left()) {
        time_t whole = (time_t)left;
        nanosleep(&(struct timespec){.tv_sec = whole, .tv_nsec = (long)((left - (double)whole) * 1e9)}, NULL);
    }
    return NULL;
}

/* Where threads cannot be started, idle ones spin as before. */
static void extra_stay(int threads, double until)
{
    pthread_t id;
    intptr_t more = parallel_cores() - threads + 2;
    pthread_mutex_lock(&extra.lock);
    extra.until = until > extra.until ? until : extra.until;
    bool start = !extra.there && pthread_create(&id, NULL, be_there, (void *)more) == 0;
    if (start)
        pthread_detach(id);
    extra.there |= start;
    pthread_mutex_unlock(&extra.lock);
}

static void sleep_at_once(int threads, double now, double seconds)
{
    if (kmp_set_blocktime)
        asleep_until = now + seconds;
    else
        extra_stay(threads, now + seconds);
}

/* Of the calling thread and its pool. */
static _Thread_local struct crowd crowd;

/* What this thread had waited when the look began that its pool is in; negative: it was not there. */
static _Thread_local double own_waited = -1;

/* Where most cores are idle, the system gives ours to nobody else. */
static bool is_tight(int threads)
{
    int cores = parallel_cores();
    return threads > 1 && threads <= cores && 2 * threads > cores;
}

static double own_wait(void)
{
    double waited = own_waited < 0 ? 0 : seconds_waited() - own_waited;
    own_waited = -1;
    return waited;
}

/* ---- a computation's begin and end ---- */

enum { UNKNOWN = ~0u };

/* Of what parallel_begin returns, beside the bits of FLUSH: there was nothing to prepare. */
enum { NESTED = 0x2 };

/* What this thread of a pool had before; UNKNOWN in one that came while we worked. */
static _Thread_local unsigned own_mode = UNKNOWN;

/* How many threads the calling thread's outermost begin has prepared; 0: it is in none; and when. */
static _Thread_local int prepared;
static _Thread_local double prepared_at;

static void own_begin(bool look)
{
    own_mode = flush_get();
    flush_set(FLUSH);
    if (look)
        own_waited = seconds_waited();
}

/* Returns, where a look ends, how long this thread has waited. */
static double own_end(unsigned callers, bool look)
{
    flush_set(own_mode == UNKNOWN ? callers : own_mode);
    own_mode = UNKNOWN;
    return look ? own_wait() : 0;
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
    prepared_at = clock_seconds();
    shared = 0;
    alone = crowd_keeps_alone(&crowd, prepared_at);
    bool look = is_tight(threads) && crowd_opens(&crowd, prepared_at);
    double suspicion = look ? crowd_suspicion(&crowd) : 0;
    if (suspicion > 0 && others_run(threads))
        sleep_at_once(threads, prepared_at, suspicion);
    own_begin(look);
    blocktime_begin(prepared_at);
    if (threads > 1) {
#pragma omp parallel num_threads(threads)
        if (omp_get_thread_num())
            own_begin(look);
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
    alone = false;
    double waited = 0, now = clock_seconds();
    crowd_note(&crowd, now - prepared_at, shared);
    bool look = is_tight(threads) && crowd_closes(&crowd, now - prepared_at);
    if (threads > 1) {
#pragma omp parallel num_threads(threads) reduction(+ : waited)
        if (omp_get_thread_num())
            waited += own_end(before & 0xffffu, look);
    }
    waited += own_end(before & 0xffffu, look);
    blocktime_end();
    double hold = look ? crowd_judge(&crowd, now, waited) : 0;
    if (hold > 0)
        sleep_at_once(threads, now, hold);
    omp_set_num_threads((int)(before >> 16));
}
