/* How long something may take before a test says that it hangs. */
#ifndef TESTS_SUPPORT_LIMITS_H
#define TESTS_SUPPORT_LIMITS_H

/* Seconds of a machine that is not slow, made longer where ENGRAM_TEST_SECONDS says that a command may take so long
 * (60 where it says nothing): in an emulator, under a sanitizer, beside much else. */
double limit_of(double seconds);

#endif
