/* ENGRAM_TEST_ONLY=PATTERN runs those tests of a program alone whose names match, with * and ? in it. Every program has
 * this. */
#include "support/files.h"

#include <stdlib.h>

__attribute__((constructor)) static void run_only(void)
{
    cmocka_set_test_filter(getenv("ENGRAM_TEST_ONLY"));
}
