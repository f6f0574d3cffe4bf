#include "data/url.h"

#include "base/file.h"
#include "base/rng.h"
#include "data/dataset_private.h"
#include "video/address.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int copy_part(const char *text, size_t n, char *out, size_t size, struct err *e)
{
    if (n >= size)
        return err_set(e, ERR_USAGE,
                       "%.60s... is longer than the %zu characters that this part of a data path may have", text,
                       size - 1);
    memcpy(out, text, n);
    out[n] = 0;
    return 0;
}

/* How many characters at the start are a word with a colon behind it: 0 where there is none. */
static size_t source_length(const char *text)
{
    size_t n = 0;
    while (isalnum((unsigned char)text[n]))
        n++;
    return text[n] == ':' ? n : 0;
}

static int parse_source(const char *text, size_t n, struct url *url, struct err *e)
{
    char list[200] = "";
    size_t used = 0;
    for (size_t i = 0; (url->source = sources[i]); i++) {
        const char *name = url->source->name;
        if (strlen(name) == n && !strncasecmp(name, text, n))
            return 0;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", name);
    }
    return err_set(e, ERR_USAGE, "there is no data source '%.*s' and no file or folder %s; the sources are: %s", (int)n,
                   text, text, list);
}

static const struct source *live_source(void)
{
    size_t i = 0;
    while (sources[i] && !sources[i]->live)
        i++;
    return sources[i];
}

int url_parse(const char *text, struct url *url, struct err *e)
{
    *url = (struct url){.source = NULL, .path = "", .options = ""};
    if (file_kind(text) != FILE_ABSENT)
        return copy_part(text, strlen(text), url->path, sizeof url->path, e);
    if (address_is(text)) { /* whose options are the camera's */
        url->source = live_source();
        return copy_part(text, strlen(text), url->path, sizeof url->path, e);
    }
    const char *question = strrchr(text, '?');
    size_t length = question ? (size_t)(question - text) : strlen(text);
    if (question)
        TRY(copy_part(question + 1, strlen(question + 1), url->options, sizeof url->options, e));
    TRY(copy_part(text, length, url->path, sizeof url->path, e));
    size_t source = source_length(text);
    if (!source || source >= length || file_kind(url->path) != FILE_ABSENT)
        return 0;
    TRY(parse_source(text, source, url, e));
    return copy_part(text + source + 1, length - source - 1, url->path, sizeof url->path, e);
}

/* ---- names ---- */

/* Open addressing; holds pointers to samples, keyed by name. */
struct name_table {
    const struct sample **slots;
    size_t size; /* a power of two */
};

static const struct sample **find_slot(const struct name_table *t, const char *name)
{
    size_t at = rng_stream(name) & (t->size - 1);
    while (t->slots[at] && strcmp(t->slots[at]->name, name))
        at = (at + 1) & (t->size - 1);
    return &t->slots[at];
}

/* A path as a name: no leading slash, no "." and "..", so that a file written under it stays where it should. */
static char *path_as_name(struct arena *arena, const char *path, const char *more)
{
    char *joined = file_join(path, more), *name = joined ? arena_alloc(arena, strlen(joined) + 1) : NULL, *end = name;
    for (const char *word = joined; name && *word;) {
        size_t n = strcspn(word, "/");
        bool keep = n && !(n == 1 && word[0] == '.') && !(n == 2 && word[0] == '.' && word[1] == '.');
        if (keep) {
            if (end != name)
                *end++ = '/';
            end = mempcpy(end, word, n);
        }
        word += n + (word[n] == '/');
    }
    free(joined);
    return name;
}

static char *numbered(struct arena *arena, const char *name, int number)
{
    size_t size = strlen(name) + 16;
    char *text = arena_alloc(arena, size);
    if (text)
        snprintf(text, size, "%s~%d", name, number);
    return text;
}

/* Puts a sample into the table under a free name. Returns 1 when the very same sample is there already. */
static int insert(struct dataset *ds, const struct name_table *t, struct sample *s, struct err *e)
{
    const char *base = ds->parts[s->part].path;
    const bool lone = !strcmp(base, s->path) && s->index == 0;
    const char *longer = NULL;
    for (int attempt = 1;; attempt++) {
        const struct sample **slot = find_slot(t, s->name);
        if (!*slot) {
            *slot = s;
            return 0;
        }
        if (!strcmp((*slot)->path, s->path) && (*slot)->index == s->index && file_kind(s->path) != FILE_ABSENT)
            return 1;
        if (!longer)
            s->name = longer = path_as_name(&ds->arena, base, lone ? "" : s->name);
        else
            s->name = numbered(&ds->arena, longer, attempt);
        if (!s->name)
            return err_memory(e, "the names of samples");
    }
}

static int name_split_apart(struct dataset *ds, struct split_samples *s, struct err *e)
{
    struct name_table t = {.size = 16};
    while (t.size < 2 * s->n)
        t.size *= 2;
    t.slots = calloc(t.size, sizeof *t.slots);
    if (!t.slots)
        return err_memory(e, "the names of samples");
    size_t kept = 0;
    int code = 0;
    for (size_t i = 0; i < s->n && code >= 0; i++) {
        s->v[kept] = s->v[i];
        code = insert(ds, &t, &s->v[kept], e);
        if (code == 0)
            kept++;
        else
            ds->dropped++;
    }
    free(t.slots);
    s->n = kept;
    return code < 0 ? code : 0;
}

int dataset_name_apart(struct dataset *ds, struct err *e)
{
    for (int s = 0; s < SPLITS; s++)
        TRY(name_split_apart(ds, &ds->splits[s], e));
    return 0;
}
