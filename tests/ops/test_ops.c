/* Every op of every table (cases_*.c) against its double-precision reference; see harness.h. */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(void **state)
{
    check_row(*state);
}

int main(void)
{
    static const struct op_row *const tables[] = {elementwise_rows, norm_rows,   product_rows, memory_rows,
                                                  loss_rows,        blocks_rows, gauss_rows,   pool_rows,
                                                  assign_rows,      feature_rows};
    enum { MOST = 200 };
    static struct CMUnitTest tests[MOST];
    size_t n = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct op_row *row = tables[t]; row->name && n < MOST; row++)
            tests[n++] =
                (struct CMUnitTest){.name = row->name, .test_func = check, .initial_state = (void *)(uintptr_t)row};
    return _cmocka_run_group_tests("ops", tests, n, NULL, NULL);
}
