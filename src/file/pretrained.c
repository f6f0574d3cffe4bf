#include "file/pretrained.h"

#include "file/safetensors.h"

static bool find_shape(const struct weights *w, const char *name, struct shape *shape)
{
    const struct safetensors_tensor *t = safetensors_find(w->user, name);
    if (t)
        *shape = t->shape;
    return t;
}

static int read_values(const struct weights *w, const char *name, float *out, struct err *e)
{
    return safetensors_read(w->user, safetensors_find(w->user, name), out, e);
}

struct weights pretrained_view(struct safetensors *file)
{
    return (struct weights){.path = safetensors_path(file), .shape = find_shape, .read = read_values, .user = file};
}

int pretrained_open(const struct weights_place *place, struct weights *out, struct err *e)
{
    struct safetensors *file;
    *out = (struct weights){0};
    if (place->path)
        TRY(safetensors_open(place->path, &file, e));
    else
        TRY(safetensors_open_memory(place->bytes, place->n, &file, e));
    *out = pretrained_view(file);
    return 0;
}

void pretrained_close(struct weights *w)
{
    safetensors_close(w->user);
    *w = (struct weights){0};
}
