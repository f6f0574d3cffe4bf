/* Sentences of errors. */
#ifndef TESTS_SUPPORT_ERRORS_H
#define TESTS_SUPPORT_ERRORS_H

#include "base/err.h"

/* Fails unless *e holds `code` and a sentence that has every one of the words (ended by NULL) in it. */
void expect_error(const struct err *e, int code, ...) __attribute__((sentinel));

#endif
