#include "errors.h"

#include "files.h"

#include <string.h>

void expect_error(const struct err *e, int code, ...)
{
    if (e->code != code)
        fail_msg("the error is %d (%s), and %d was expected", e->code, e->msg, code);
    va_list words;
    va_start(words, code);
    for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *))
        if (!strstr(e->msg, word))
            fail_msg("'%s' is not in the sentence: %s", word, e->msg);
    va_end(words);
}
