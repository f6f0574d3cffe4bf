#include "support/limits.h"

#include <stdlib.h>

double limit_of(double seconds)
{
    const double usual = 60;
    const char *said = getenv("ENGRAM_TEST_SECONDS");
    const double command = said ? atof(said) : usual;
    return command > usual ? seconds * command / usual : seconds;
}
