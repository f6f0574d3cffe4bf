#include "tables.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

const char small_table[] = "size,colour,note,label\n"
                           "1,red,a,normal\n"
                           "2,blue,b,normal\n"
                           "3,red,c,normal\n"
                           "6,red,d,normal\n"
                           "100,green,e,odd\n";

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

void write_packed(const char *path, const char *text, size_t cut)
{
    size_t size;
    gzFile out = gzopen(path, "wb");
    assert_true(out && gzwrite(out, text, (unsigned)strlen(text)) > 0 && gzclose(out) == Z_OK);
    unsigned char *bytes = read_file(path, &size);
    write_file(path, bytes, size - cut);
    free(bytes);
}

struct learnt learn_with(const char *url, const struct wishes *w)
{
    struct learnt l = {.ds = open_dataset(url, DATASET_LEARN)};
    struct err e = ERR_INIT;
    if (dataset_fit(l.ds, SPLIT_TRAIN, w, &l.arena, &l.p, &e) < 0 || dataset_match(l.ds, &l.p, &e) < 0)
        fail_msg("%s", e.msg);
    return l;
}

struct learnt learn(const char *url)
{
    return learn_with(url, &(struct wishes){.scale = SCALE_STANDARD});
}

void load_row(struct learnt *l, enum split split, size_t i)
{
    struct err e = ERR_INIT;
    if (dataset_load(l->ds, split, i, &l->p, l->kept, &e) < 0)
        fail_msg("%s", e.msg);
    preprocess_values(&l->p, l->kept, l->values);
}

void forget(struct learnt *l)
{
    dataset_close(l->ds);
    arena_free(&l->arena);
}

struct dataset *open_like(const char *url, const struct preprocess *like, bool pass)
{
    struct dataset *ds;
    struct err e = ERR_INIT;
    const struct dataset_purpose purpose = {.use = DATASET_SCORE, .like = like, .pass = pass};
    if (dataset_open_for(&url, 1, &purpose, NULL, &ds, &e) < 0)
        fail_msg("%s", e.msg);
    return ds;
}
