/* Source `idx`: the format of MNIST (LeCun, Cortes, Burges 1998): big-endian header, then raw bytes. Plain or gz.
 *
 *     00 00 08 D   type 8 (unsigned byte), D dimensions
 *     D x 4 bytes  the dimensions, the count first
 *     the bytes, last dimension fastest
 *
 * A folder with the usual four names, or one file of images alone. Images of 3 dimensions are grey, of 4 channels last.
 */
#include "data/source.h"

#include "base/file.h"
#include "data/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

enum { CLASSES = 256, MAX_DIMENSIONS = 4 };

static const char debian_fashion[] = "/usr/share/datasets/fashion-mnist";

static const char *const fashion_names[] = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

struct idx {
    size_t count, item; /* items, and bytes of one */
    int height, width, channels;
    uint8_t *bytes;
};

struct state {
    struct idx images[SPLITS], labels[SPLITS];
};

/* ---- one file ---- */

static int read_exactly(gzFile in, const char *path, void *out, size_t size, const char *what, struct err *e)
{
    for (size_t got = 0; got < size;) {
        size_t left = size - got;
        int n = gzread(in, (uint8_t *)out + got, left < 1 << 28 ? (unsigned)left : 1u << 28);
        int failed;
        const char *why = gzerror(in, &failed);
        if (failed == Z_MEM_ERROR)
            return err_memory(e, path);
        if (n < 0 || failed) /* zlib 1.3.2 says an error with what came before it, and never again */
            return err_set(e, ERR_FORMAT, "%s is damaged or truncated (%s); copy it again", path,
                           failed == Z_BUF_ERROR ? "the gz data ends too early" : why);
        if (n == 0)
            return err_set(e, ERR_FORMAT, "%s is too short: it ends in the middle of its %s; copy it again", path,
                           what);
        got += (size_t)n;
    }
    return 0;
}

static int read_header(gzFile in, const char *path, int dimensions_wanted, struct idx *idx, struct err *e)
{
    unsigned char magic[4], d[4 * MAX_DIMENSIONS];
    TRY(read_exactly(in, path, magic, sizeof magic, "header", e));
    const int n = magic[3];
    if (magic[0] || magic[1] || magic[2] != 8)
        return err_set(e, ERR_FORMAT,
                       "%s is no idx file of bytes: it begins with %02x %02x %02x %02x, and 00 00 08 is wanted", path,
                       magic[0], magic[1], magic[2], magic[3]);
    if (dimensions_wanted == 1 ? n != 1 : n != 3 && n != 4)
        return err_set(e, ERR_FORMAT, "%s has %d dimension%s; %s", path, n, n == 1 ? "" : "s",
                       dimensions_wanted == 1 ? "labels have 1" : "images have 3, or 4 with colour");
    TRY(read_exactly(in, path, d, 4 * (size_t)n, "header", e));
    uint32_t size[MAX_DIMENSIONS] = {0, 1, 1, 1};
    for (int i = 0; i < n; i++)
        size[i] = (uint32_t)d[4 * i] << 24 | (uint32_t)d[4 * i + 1] << 16 | (uint32_t)d[4 * i + 2] << 8 | d[4 * i + 3];
    bool possible = size[1] && size[1] <= PICTURE_MAX_SIDE && size[2] && size[2] <= PICTURE_MAX_SIDE;
    if (size[0] == 0 || !possible || (uint64_t)size[1] * size[2] > PICTURE_MAX_PIXELS || (size[3] != 1 && size[3] != 3))
        return err_set(e, ERR_FORMAT, "%s says that it holds %u items of %ux%u with %u channels, which cannot be", path,
                       size[0], size[1], size[2], size[3]);
    *idx = (struct idx){.count = size[0], .height = (int)size[1], .width = (int)size[2], .channels = (int)size[3]};
    idx->item = (size_t)size[1] * size[2] * size[3];
    return 0;
}

/* Grows with what the file really has: a header may promise terabytes. */
static int read_body(gzFile in, const char *path, struct idx *idx, struct err *e)
{
    const size_t total = idx->count * idx->item;
    for (size_t have = 0; have < total;) {
        size_t step = have < (1 << 24) ? 1 << 24 : have, left = total - have, size = step < left ? step : left;
        uint8_t *more = realloc(idx->bytes, have + size);
        if (!more)
            return err_memory(e, path);
        idx->bytes = more;
        TRY(read_exactly(in, path, idx->bytes + have, size, "data", e));
        have += size;
    }
    uint8_t extra;
    int more = gzread(in, &extra, 1), failed; /* also compares the checksum of gz */
    gzerror(in, &failed);
    if (more < 0 || failed)
        return err_set(e, ERR_FORMAT, "%s is damaged or truncated: its checksum is wrong or missing; copy it again",
                       path);
    if (more > 0)
        return err_set(e, ERR_FORMAT, "%s is longer than the %zu items that its header speaks of", path, idx->count);
    return 0;
}

static int read_idx(const char *path, int dimensions, struct idx *idx, struct err *e)
{
    int fd;
    size_t size;
    TRY(file_open(path, &fd, &size, e));
    gzFile in = gzdopen(fd, "rb");
    if (!in) {
        close(fd);
        return err_memory(e, path);
    }
    gzbuffer(in, 1 << 17);
    int code = read_header(in, path, dimensions, idx, e);
    if (code == 0)
        code = read_body(in, path, idx, e);
    gzclose_r(in);
    return code;
}

/* ---- the usual names ---- */

/* Finds "train-images-idx3-ubyte.gz" or one of its relatives in a folder; *path stays NULL when there is none. */
static int find_file(const char *folder, enum split split, const char *what, int dimensions, char **path, struct err *e)
{
    static const char *const starts[SPLITS][2] = {{"train", "train"}, {"t10k", "test"}};
    *path = NULL;
    for (int form = 0; form < 8; form++) {
        char name[64];
        snprintf(name, sizeof name, "%s-%s%cidx%d-ubyte%s", starts[split][form & 1], what, form & 2 ? '.' : '-',
                 dimensions, form & 4 ? ".gz" : "");
        *path = file_join(folder, name);
        if (!*path)
            return err_memory(e, "a file name");
        if (file_kind(*path) != FILE_ABSENT)
            return 0;
        free(*path);
        *path = NULL;
    }
    return 0;
}

static bool idx_sniff(const char *path)
{
    if (file_kind(path) != FILE_FOLDER)
        return strcasestr(path, "idx3-ubyte") != NULL;
    bool found = false;
    for (enum split s = 0; s < SPLITS && !found; s++) {
        struct err e = ERR_INIT;
        char *file;
        found = find_file(path, s, "images", 3, &file, &e) == 0 && file;
        free(file);
    }
    return found;
}

/* ---- samples ---- */

static bool is_fashion(const char *path)
{
    return strcasestr(path, "fashion") != NULL;
}

/* Class names up to the largest label, known to the dataset in that order. */
static int make_classes(struct part *p, const struct state *st, int *n, char names[CLASSES][16], int *labels,
                        struct err *e)
{
    int last = -1;
    for (int s = 0; s < SPLITS; s++)
        for (size_t i = 0; i < st->labels[s].count; i++)
            if (st->labels[s].bytes[i] > last)
                last = st->labels[s].bytes[i];
    *n = last + 1;
    const bool fashion = is_fashion(p->path) && *n <= 10;
    for (int i = 0; i < *n; i++) {
        if (fashion)
            snprintf(names[i], sizeof names[i], "%s", fashion_names[i]);
        else
            snprintf(names[i], sizeof names[i], "%d", i);
        TRY(part_class(p, names[i], &labels[i], e));
    }
    return 0;
}

static int add_samples(struct part *p, enum split split, const char *path, const char *prefix, struct err *e)
{
    struct state *st = p->state;
    const struct idx *labels = &st->labels[split];
    char names[CLASSES][16];
    const char *list[CLASSES];
    int n = 0, label[CLASSES];
    bool normal[CLASSES] = {false};
    TRY(make_classes(p, st, &n, names, label, e));
    for (int i = 0; i < n; i++)
        list[i] = names[i];
    int known = classes_choose(p->options, list, n, p->path, normal, e);
    TRY(known);
    for (size_t i = 0; i < st->images[split].count; i++) {
        char name[48];
        snprintf(name, sizeof name, "%s%05zu", prefix, i);
        int class = labels->count ? labels->bytes[i] : -1;
        struct sample s = {.name = name, .path = path, .index = (int64_t)i, .kind = "", .label = -1, .anomalous = -1};
        if (class >= 0) {
            s.kind = names[class];
            s.label = label[class];
            s.anomalous = known ? !normal[class] : -1;
        }
        if (split == SPLIT_TRAIN && s.anomalous == 1)
            p->skipped.not_normal++;
        else
            TRY(part_add(p, split, &s, e));
    }
    return 0;
}

/* ---- opening ---- */

static int read_split(struct part *p, const char *folder, enum split split, char **images, struct err *e)
{
    struct state *st = p->state;
    char *labels;
    TRY(find_file(folder, split, "images", 3, images, e));
    if (!*images)
        return 0;
    TRY(read_idx(*images, 3, &st->images[split], e));
    TRY(find_file(folder, split, "labels", 1, &labels, e));
    int code = labels ? read_idx(labels, 1, &st->labels[split], e) : 0;
    if (code == 0 && labels && st->labels[split].count != st->images[split].count)
        code = err_set(e, ERR_FORMAT, "%s has %zu labels, but %s has %zu images; they do not belong together", labels,
                       st->labels[split].count, *images, st->images[split].count);
    free(labels);
    return code;
}

static int open_folder(struct part *p, const char *folder, struct err *e)
{
    static const char *const prefixes[SPLITS] = {"train/", "test/"};
    const enum split first = p->use == DATASET_LEARN ? SPLIT_TRAIN : SPLIT_TEST;
    char *paths[SPLITS] = {NULL, NULL};
    int code = 0;
    for (enum split s = first; s < SPLITS && code == 0; s++)
        code = read_split(p, folder, s, &paths[s], e);
    if (code == 0 && !paths[first])
        code = err_set(e, ERR_FORMAT, "%s has no %s-images-idx3-ubyte or %s-images-idx3-ubyte.gz", folder,
                       first == SPLIT_TRAIN ? "train" : "t10k", first == SPLIT_TRAIN ? "train" : "t10k");
    for (enum split s = first; s < SPLITS && code == 0; s++)
        if (paths[s])
            code = add_samples(p, s, paths[s], prefixes[s], e);
    for (int s = 0; s < SPLITS; s++)
        free(paths[s]);
    return code;
}

static int open_file(struct part *p, struct err *e)
{
    struct state *st = p->state;
    const enum split split = part_plain_split(p);
    TRY(read_idx(p->path, 3, &st->images[split], e));
    return add_samples(p, split, p->path, "", e);
}

static void note_shape(struct part *p)
{
    const struct state *st = p->state;
    const struct idx *a = &st->images[SPLIT_TRAIN], *b = &st->images[SPLIT_TEST];
    const struct idx *any = a->count ? a : b;
    bool alike =
        !a->count || !b->count || (a->width == b->width && a->height == b->height && a->channels == b->channels);
    if (alike)
        p->shape = SHAPE(any->height, any->width, any->channels);
}

static int idx_open(struct part *p, struct err *e)
{
    const char *path = p->path;
    p->state = calloc(1, sizeof(struct state));
    if (!p->state)
        return err_memory(e, "a dataset");
    if (file_kind(path) == FILE_ABSENT && !strcasecmp(path, "fashion-mnist")) {
        path = debian_fashion;
        if (file_kind(path) == FILE_ABSENT)
            return err_set(e, ERR_IO,
                           "Fashion-MNIST is not installed: there is no %s; on Debian the package "
                           "dataset-fashion-mnist has it",
                           path);
    }
    if (file_kind(path) == FILE_ABSENT)
        return err_set(e, ERR_IO, "there is no file or folder %s; check the name", path);
    TRY(file_kind(path) == FILE_FOLDER ? open_folder(p, path, e) : open_file(p, e));
    note_shape(p);
    return 0;
}

static void idx_close(struct part *p)
{
    struct state *st = p->state;
    for (int s = 0; s < SPLITS && st; s++) {
        free(st->images[s].bytes);
        free(st->labels[s].bytes);
    }
    free(st);
}

static int idx_read(const struct part *p, const struct sample *s, struct picture_decoder *d, int channels,
                    struct picture *out, struct err *e)
{
    (void)d;
    (void)channels;
    (void)e;
    const struct state *st = p->state;
    const struct idx *images = &st->images[s->split];
    *out = (struct picture){images->width, images->height, images->channels,
                            images->bytes + (size_t)s->index * images->item};
    return 0;
}

const struct source source_idx = {
    .name = "idx",
    .help = "MNIST's format, plain or gz: a folder with train-images-idx3-ubyte and so on, or one file of images",
    .options = class_options,
    .options_size = sizeof(struct class_options),
    .sniff = idx_sniff,
    .kind = &kind_pictures,
    .open = idx_open,
    .read = idx_read,
    .close = idx_close,
};
