/* Numbers in text, read fast and exactly, whatever the locale. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Reads [+-]digits[.digits][e[+-]digits] out of n bytes, blanks around it allowed, to the double that is nearest;
 * false: it is something else. What is too large for a double is infinite. `point` separates the fraction. */
bool number_read(const char *text, size_t n, char point, double *out);

#endif
