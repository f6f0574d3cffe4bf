/* JSON through jansson, with sentences: every helper says which key of which file was wanted and what was there. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Parses a whole text of `size` bytes, without duplicate keys. `name` (a file) is for the sentence. ERR_FORMAT,
 * ERR_MEMORY. */
int json_parse_text(const char *text, size_t size, const char *name, json_t **out, struct err *e);

/* object[key] of the wanted type, borrowed from `object`; ERR_FORMAT when it is absent or something else. */
int json_want_object(const json_t *object, const char *key, const char *name, json_t **out, struct err *e);
/* `size` items, any number of them when it is SIZE_MAX. */
int json_want_array(const json_t *object, const char *key, const char *name, size_t size, json_t **out, struct err *e);
int json_want_string(const json_t *object, const char *key, const char *name, const char **out, struct err *e);
int json_want_integer(const json_t *object, const char *key, const char *name, int64_t min, int64_t max, int64_t *out,
                      struct err *e);
/* null reads as NaN, which JSON cannot write. */
int json_want_number(const json_t *object, const char *key, const char *name, double *out, struct err *e);

/* A list or an object with `v` in it, whose reference they take: list = json_add(list, v). Where memory ran out, for
 * them or for `v`, everything is released and the result is NULL; NULL goes through, so that one look at the end will
 * do. */
json_t *json_add(json_t *list, json_t *v);
json_t *json_put(json_t *object, const char *key, json_t *v);

/* The compact text, which the caller frees; NULL for NULL or out of memory. */
char *json_print(const json_t *v);

/* A string from any bytes: what is not UTF-8 becomes '?'. NULL: out of memory. */
json_t *json_text(const char *bytes);
/* A number; NaN and infinities become null. */
json_t *json_number(double v);
double json_number_read(const json_t *v); /* the reverse */

#endif
