/* HOT marks inner loops: gcc compiles them for several x86-64 levels, up to that of the build option `hot`, and chooses
 * at load; elsewhere it means nothing. A HOT function is a leaf: it must not open a parallel region (OpenMP outlines
 * before cloning), but be called in one. */
#ifndef BASE_HOT_H
#define BASE_HOT_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)
#if BASE_HOT_LEVEL == 4
#define HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif BASE_HOT_LEVEL == 3
#define HOT __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define HOT
#endif
#else
#define HOT
#endif

#endif
