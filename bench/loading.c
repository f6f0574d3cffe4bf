/* How many pictures a second come out of a folder: read, decoded, resized and converted to float, nothing kept in
 * memory. Prints one number. bench/loading.py compares it with the usual Python loop.
 *
 *     loading FOLDER SIZE THREADS SECONDS */
#include "base/arena.h"
#include "base/clock.h"
#include "data/loader.h"

#include <stdio.h>
#include <stdlib.h>

static int measure(struct dataset *ds, const struct loader_options *o, double seconds, double *rate, struct err *e)
{
    struct loader *l;
    struct batch b;
    TRY(loader_new(ds, SPLIT_TRAIN, NULL, 0, o, &l, e));
    int code = loader_next(l, &b, e); /* the first pays for what is made once */
    size_t n = 0;
    double start = clock_seconds(), took = 0;
    while (code > 0 && took < seconds) {
        code = loader_next(l, &b, e);
        n += b.n;
        took = clock_seconds() - start;
    }
    *rate = (double)n / took;
    loader_free(l);
    return code < 0 ? code : 0;
}

int main(int argc, char **argv)
{
    struct dataset *ds = NULL;
    struct err e = ERR_INIT;
    double rate = 0;
    if (argc != 5) {
        fprintf(stderr, "usage: loading FOLDER SIZE THREADS SECONDS\n");
        return 2;
    }
    struct arena arena = {0};
    struct preprocess input;
    struct wishes wishes = {.width = atoi(argv[2]), .height = atoi(argv[2]), .channels = 3};
    struct loader_options o = {.batch = 8, .input = &input, .shuffled = true, .ahead = 8, .threads = atoi(argv[3])};
    int code = dataset_open(argv[1], DATASET_LEARN, NULL, &ds, &e);
    if (code == 0)
        code = dataset_fit(ds, SPLIT_TRAIN, &wishes, &arena, &input, &e);
    if (code == 0)
        code = measure(ds, &o, atof(argv[4]), &rate, &e);
    dataset_close(ds);
    arena_free(&arena);
    if (code < 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    printf("%.1f\n", rate);
    return 0;
}
