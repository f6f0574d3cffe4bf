#include "base/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int json_parse_text(const char *text, size_t size, const char *name, json_t **out, struct err *e)
{
    json_error_t je;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &je);
    if (*out)
        return 0;
    if (!je.text[0]) /* what is wrong with a text, jansson says */
        return err_memory(e, "the description in a file");
    return err_set(e, ERR_FORMAT, "%s: the JSON text is not valid: %s (line %d, column %d); the file is damaged", name,
                   je.text, je.line, je.column);
}

static const char *type_name(const json_t *v)
{
    static const char *const names[] = {"an object", "an array", "a string", "a whole number",
                                        "a number",  "true",     "false",    "null"};
    return v ? names[json_typeof(v)] : "nothing";
}

static int want(const json_t *object, const char *key, const char *name, const char *wanted, const json_t *found,
                bool fits, struct err *e)
{
    if (fits)
        return 0;
    if (!json_is_object(object))
        return err_set(e, ERR_FORMAT, "%s: '%s' should be in an object, but there is %s; the file is damaged", name,
                       key, type_name(object));
    return err_set(e, ERR_FORMAT, "%s: '%s' should be %s, but there is %s; the file is damaged", name, key, wanted,
                   type_name(found));
}

int json_want_object(const json_t *object, const char *key, const char *name, json_t **out, struct err *e)
{
    *out = json_object_get(object, key);
    return want(object, key, name, "an object", *out, json_is_object(*out), e);
}

int json_want_array(const json_t *object, const char *key, const char *name, size_t size, json_t **out, struct err *e)
{
    *out = json_object_get(object, key);
    TRY(want(object, key, name, "an array", *out, json_is_array(*out), e));
    if (size != SIZE_MAX && json_array_size(*out) != size)
        return err_set(e, ERR_FORMAT, "%s: '%s' should have %zu entries, but has %zu; the file is damaged", name, key,
                       size, json_array_size(*out));
    return 0;
}

int json_want_string(const json_t *object, const char *key, const char *name, const char **out, struct err *e)
{
    json_t *v = json_object_get(object, key);
    *out = json_string_value(v);
    return want(object, key, name, "a string", v, *out != NULL, e);
}

int json_want_integer(const json_t *object, const char *key, const char *name, int64_t min, int64_t max, int64_t *out,
                      struct err *e)
{
    json_t *v = json_object_get(object, key);
    TRY(want(object, key, name, "a whole number", v, json_is_integer(v), e));
    *out = json_integer_value(v);
    if (*out < min || *out > max)
        return err_set(e, ERR_FORMAT, "%s: '%s' should be from %lld to %lld, but is %lld; the file is damaged", name,
                       key, (long long)min, (long long)max, (long long)*out);
    return 0;
}

int json_want_number(const json_t *object, const char *key, const char *name, double *out, struct err *e)
{
    json_t *v = json_object_get(object, key);
    *out = json_number_read(v);
    return want(object, key, name, "a number", v, json_is_number(v) || json_is_null(v), e);
}

json_t *json_add(json_t *list, json_t *v)
{
    if (!json_array_append_new(list, v))
        return list;
    json_decref(list);
    return NULL;
}

json_t *json_put(json_t *object, const char *key, json_t *v)
{
    if (!json_object_set_new(object, key, v))
        return object;
    json_decref(object);
    return NULL;
}

/* A text that grows; NULL for good once memory has run out. */
struct text {
    char *bytes;
    size_t used, size;
};

static int append(const char *bytes, size_t n, void *user)
{
    struct text *t = user;
    if (t->bytes && t->used + n >= t->size) {
        t->size = 2 * (t->size + n);
        char *more = realloc(t->bytes, t->size);
        if (!more)
            free(t->bytes);
        t->bytes = more;
    }
    if (!t->bytes)
        return -1;
    memcpy(t->bytes + t->used, bytes, n);
    t->used += n;
    t->bytes[t->used] = 0;
    return 0;
}

/* json_dumps leaves out keys that it has no memory for, and says nothing. */
char *json_print(const json_t *v)
{
    struct text t = {.bytes = v ? malloc(1) : NULL, .size = 1};
    if (json_dump_callback(v, append, &t, JSON_COMPACT)) {
        free(t.bytes);
        t.bytes = NULL;
    }
    return t.bytes;
}

json_t *json_text(const char *bytes)
{
    json_t *text = json_string(bytes);
    if (text)
        return text;
    char *copy = strdup(bytes);
    if (!copy)
        return NULL;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    text = json_string(copy);
    free(copy);
    return text;
}

json_t *json_number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

double json_number_read(const json_t *v)
{
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}
