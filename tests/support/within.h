/* A whole number between two others, as cmocka's assert_in_range, which cmocka 2 has under other names. */
#ifndef TESTS_SUPPORT_WITHIN_H
#define TESTS_SUPPORT_WITHIN_H

#include <stdint.h>

/* Fails unless the value is from least to most, both included. */
#define assert_within(value, least, most)                                                                              \
    within((int64_t)(value), (int64_t)(least), (int64_t)(most), #value, __FILE__, __LINE__)

void within(int64_t value, int64_t least, int64_t most, const char *what, const char *file, int line);

#endif
