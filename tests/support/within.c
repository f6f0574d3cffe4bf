#include "within.h"

#include "files.h"

void within(int64_t value, int64_t least, int64_t most, const char *what, const char *file, int line)
{
    if (value >= least && value <= most)
        return;
    print_error("%s is %lld, not from %lld to %lld\n", what, (long long)value, (long long)least, (long long)most);
    _fail(file, line);
}
