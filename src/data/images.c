/* Source `images`: one picture, a folder of pictures at any depth, a folder with train/ and test/, or one with a folder
 * a class.
 *
 * train/CLASS and test/CLASS hold a class each. Where there is a class good, ok or normal, it is the normal one and all
 * others are defects (MVTec AD's layout; masks in ground_truth/DEFECT/NAME_mask.png or NAME.png); the options normal=
 * and anomalous= say otherwise; without either, nothing is known about what is normal. Pictures directly in train/ are
 * trained on.
 *
 * A folder without classes is of pictures of which nothing is known, or what the option truth= says of all.
 *
 * Without train/ and test/, a folder good, ok or normal beside others, or the options, make classes of the folders
 * (masks as before): the normal ones are trained on and nothing else; to be scored are all. */
#include "data/source.h"

#include "base/file.h"
#include "data/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum truth { TRUTH_UNKNOWN, TRUTH_NORMAL, TRUTH_ANOMALOUS };

struct images_options {
    struct class_options classes;
    enum truth truth;
};

#define OPTIONS_OF struct images_options
// clang-format off
static const struct option options[] = {
    ROW_TABLE(class_options, classes),
    ROW_CHOICE(truth, "unknown", "unknown|normal|anomalous", "what all pictures of a folder without classes are known to be"),
    {0}};
// clang-format on

/* ---- walking ---- */

struct folder_id {
    dev_t device;
    ino_t inode;
};

/* One walk through a tree of folders, all of whose pictures get the same class. */
struct walk {
    struct part *part;
    enum split split;
    struct sample like; /* kind, label, anomalous of every picture */
    bool count_only;    /* as left out of training */
    struct folder_id *seen;
    size_t n_seen, seen_size;
};

/* Each folder is read once a walk, whichever way links lead to it: loops end, and nothing is there twice. Returns 1
 * when it has been seen. */
static int mark_seen(struct walk *w, const char *folder, struct err *e)
{
    struct stat st;
    if (stat(folder, &st) < 0)
        return 0; /* file_list will say what is wrong */
    for (size_t i = 0; i < w->n_seen; i++)
        if (w->seen[i].device == st.st_dev && w->seen[i].inode == st.st_ino)
            return 1;
    if (w->n_seen == w->seen_size) {
        w->seen_size = w->seen_size ? w->seen_size * 2 : 16;
        struct folder_id *more = realloc(w->seen, w->seen_size * sizeof *more);
        if (!more)
            return err_memory(e, "a list of folders");
        w->seen = more;
    }
    w->seen[w->n_seen++] = (struct folder_id){st.st_dev, st.st_ino};
    return 0;
}

/* "a.png" has the masks a_mask.* and a.*, in any letter case. */
static bool is_mask_of(const char *mask, const char *picture)
{
    size_t stem = (size_t)(strrchr(picture, '.') - picture);
    if (strncasecmp(mask, picture, stem))
        return false;
    const char *rest = mask + stem;
    if (!strncasecmp(rest, "_mask", 5))
        rest += 5;
    return rest[0] == '.' && strrchr(rest, '.') == rest && picture_name(mask);
}

/* Both lists are in natural order, so the search goes on where the last one ended. */
static const char *find_mask(const struct file_list *masks, size_t *at, const char *picture)
{
    for (size_t k = 0; k < masks->n; k++) {
        size_t i = (*at + k) % masks->n;
        if (is_mask_of(masks->names[i], picture)) {
            *at = i;
            return masks->names[i];
        }
    }
    return NULL;
}

static int add_picture(struct walk *w, const char *path, const char *name, const char *mask_folder, const char *mask,
                       struct err *e)
{
    if (w->count_only) {
        w->part->skipped.not_normal++;
        return 0;
    }
    struct sample s = w->like;
    s.path = path;
    s.name = name;
    char *mask_path = mask ? file_join(mask_folder, mask) : NULL;
    if (mask && !mask_path)
        return err_memory(e, "a file name");
    s.mask_path = mask_path;
    w->part->has_masks |= mask != NULL;
    int code = part_add(w->part, w->split, &s, e);
    free(mask_path);
    return code;
}

static int walk_folder(struct walk *w, const char *folder, const char *prefix, const char *mask_folder, struct err *e);

/* One entry of a folder, `name` relative to what was opened. */
static int walk_entry(struct walk *w, const char *path, const char *name, const char *entry, const char *mask_folder,
                      const char *mask, struct err *e)
{
    switch (file_kind(path)) {
    case FILE_FOLDER: {
        char *deeper = mask_folder ? file_join(mask_folder, entry) : NULL;
        if (mask_folder && !deeper)
            return err_memory(e, "a file name");
        int code = walk_folder(w, path, name, deeper, e);
        free(deeper);
        return code;
    }
    case FILE_ABSENT:
        w->part->skipped.broken_links++;
        return 0;
    case FILE_REGULAR:
        if (picture_name(entry))
            return add_picture(w, path, name, mask_folder, mask, e);
        break;
    case FILE_OTHER:
        break;
    }
    w->part->skipped.foreign++;
    return 0;
}

static int walk_list(struct walk *w, const char *folder, const char *prefix, const char *mask_folder,
                     const struct file_list *list, const struct file_list *masks, struct err *e)
{
    size_t mask_at = 0;
    int code = 0;
    for (size_t i = 0; i < list->n && code == 0; i++) {
        const char *entry = list->names[i];
        char *path = file_join(folder, entry), *name = file_join(prefix, entry);
        const char *mask = picture_name(entry) ? find_mask(masks, &mask_at, entry) : NULL;
        code = path && name ? walk_entry(w, path, name, entry, mask_folder, mask, e) : err_memory(e, "a file name");
        free(path);
        free(name);
    }
    return code;
}

/* Adds the pictures in `folder` and below, named by `prefix`; `mask_folder` runs in parallel where there are masks. */
static int walk_folder(struct walk *w, const char *folder, const char *prefix, const char *mask_folder, struct err *e)
{
    int seen = mark_seen(w, folder, e);
    w->part->skipped.repeated_folders += seen == 1;
    if (seen)
        return seen < 0 ? seen : 0;
    struct file_list list, masks = {0};
    TRY(file_list(folder, &list, e));
    w->part->skipped.hidden += list.hidden;
    int code = 0;
    if (mask_folder && file_kind(mask_folder) == FILE_FOLDER)
        code = file_list(mask_folder, &masks, e);
    if (code == 0)
        code = walk_list(w, folder, prefix, mask_folder, &list, &masks, e);
    file_list_free(&masks);
    file_list_free(&list);
    return code;
}

static int walk_class(struct part *p, enum split split, const struct sample *like, const char *folder,
                      const char *prefix, const char *mask_folder, struct err *e)
{
    struct walk w = {.part = p, .split = split, .like = *like};
    w.count_only = split == SPLIT_TRAIN && like->anomalous == 1;
    int code = walk_folder(&w, folder, prefix, mask_folder, e);
    free(w.seen);
    return code;
}

/* ---- classes ---- */

static const char GROUND_TRUTH[] = "ground_truth";

struct layout {
    bool flat;             /* no train/ and test/: both are the folder itself */
    char *folders[SPLITS]; /* path, NULL where absent */
    const char *names[SPLITS];
    char *masks; /* ground_truth, or NULL */
    struct file_list root;
    char **classes; /* folders of train/ and test/, natural order; owned by lists[] */
    int n_classes;
    bool *normal;
    bool known; /* normal[] means something */
    struct file_list lists[SPLITS];
};

static void layout_free(struct layout *l)
{
    for (int s = 0; s < SPLITS; s++) {
        free(l->folders[s]);
        file_list_free(&l->lists[s]);
    }
    free(l->masks);
    free(l->classes);
    free(l->normal);
    file_list_free(&l->root);
}

static int find_folder(const struct part *p, const struct file_list *root, const char *wanted, char **path,
                       const char **name, struct err *e)
{
    for (size_t i = 0; i < root->n && !*path; i++) {
        if (strcasecmp(root->names[i], wanted))
            continue;
        *path = file_join(p->path, root->names[i]);
        *name = root->names[i];
        if (!*path)
            return err_memory(e, "a file name");
        if (file_kind(*path) != FILE_FOLDER) {
            free(*path);
            *path = NULL;
        }
    }
    return 0;
}

static bool is_folder_in(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool is = path && file_kind(path) == FILE_FOLDER;
    free(path);
    return is;
}

static bool names_classes(const struct part *p)
{
    const struct class_options *o = p->options;
    return o->normal[0] || o->anomalous[0];
}

static bool usually_normal(const char *class)
{
    return !strcasecmp(class, "good") || !strcasecmp(class, "ok") || !strcasecmp(class, "normal");
}

/* Whether the folders in what was opened are classes: one has the usual name of what is normal and is not alone, or the
 * options say so. (Nobody's folder is called like a picture; there are many of those to look at.) */
static bool root_has_classes(const struct layout *l, const struct part *p)
{
    size_t folders = 0, normals = 0;
    for (size_t i = 0; i < l->root.n; i++) {
        const bool folder = !picture_name(l->root.names[i]) && is_folder_in(p->path, l->root.names[i]);
        folders += folder;
        normals += folder && usually_normal(l->root.names[i]);
    }
    return names_classes(p) ? folders : normals && folders > 1;
}

static int layout_list(struct layout *l, const struct part *p, struct err *e)
{
    const char *ignored;
    TRY(file_list(p->path, &l->root, e));
    TRY(find_folder(p, &l->root, "train", &l->folders[SPLIT_TRAIN], &l->names[SPLIT_TRAIN], e));
    TRY(find_folder(p, &l->root, "test", &l->folders[SPLIT_TEST], &l->names[SPLIT_TEST], e));
    TRY(find_folder(p, &l->root, GROUND_TRUTH, &l->masks, &ignored, e));
    l->flat = !l->folders[SPLIT_TRAIN] && !l->folders[SPLIT_TEST] && root_has_classes(l, p);
    for (int s = 0; s < SPLITS && l->flat; s++) {
        l->names[s] = "";
        if (!(l->folders[s] = strdup(p->path)))
            return err_memory(e, "a file name");
    }
    for (int s = l->flat ? SPLIT_TEST : SPLIT_TRAIN; s < SPLITS; s++)
        if (l->folders[s])
            TRY(file_list(l->folders[s], &l->lists[s], e));
    return 0;
}

/* The folders of train/ and test/ together, each once. */
static int layout_classes(struct layout *l, struct err *e)
{
    size_t n = 0, all = l->lists[SPLIT_TRAIN].n + l->lists[SPLIT_TEST].n;
    l->classes = calloc(all + 1, sizeof *l->classes);
    l->normal = calloc(all + 1, sizeof *l->normal);
    if (!l->classes || !l->normal)
        return err_memory(e, "a list of classes");
    for (int s = 0; s < SPLITS; s++)
        for (size_t i = 0; i < l->lists[s].n; i++)
            if (is_folder_in(l->folders[s], l->lists[s].names[i]) &&
                !(l->flat && !strcasecmp(l->lists[s].names[i], GROUND_TRUTH)))
                l->classes[n++] = l->lists[s].names[i];
    qsort(l->classes, n, sizeof *l->classes, file_natural_order);
    for (size_t i = 0; i < n; i++)
        if (l->n_classes == 0 || strcmp(l->classes[l->n_classes - 1], l->classes[i]))
            l->classes[l->n_classes++] = l->classes[i];
    return 0;
}

static int layout_normals(struct layout *l, const struct part *p, struct err *e)
{
    int chosen = classes_choose(p->options, (const char *const *)l->classes, l->n_classes, p->path, l->normal, e);
    TRY(chosen);
    l->known = chosen;
    for (int i = 0; i < l->n_classes && !chosen; i++)
        if (usually_normal(l->classes[i]))
            l->known = l->normal[i] = true;
    return 0;
}

static int add_class(struct part *p, struct layout *l, enum split split, int i, struct err *e)
{
    char *folder = file_join(l->folders[split], l->classes[i]);
    char *prefix = file_join(l->names[split], l->classes[i]);
    char *masks = l->masks && split == SPLIT_TEST ? file_join(l->masks, l->classes[i]) : NULL;
    struct sample like = {.kind = l->classes[i], .anomalous = l->known ? !l->normal[i] : -1};
    int code = part_class(p, l->classes[i], &like.label, e);
    if (code == 0 && (!folder || !prefix))
        code = err_memory(e, "a file name");
    if (code == 0 && file_kind(folder) == FILE_FOLDER)
        code = walk_class(p, split, &like, folder, prefix, masks, e);
    free(folder);
    free(prefix);
    free(masks);
    return code;
}

/* The pictures directly in train/ or test/; its folders are the classes. */
static int add_loose(struct part *p, struct layout *l, enum split split, struct err *e)
{
    struct walk w = {.part = p, .split = split};
    w.like = (struct sample){.kind = "", .label = -1, .anomalous = split == SPLIT_TRAIN && l->known ? 0 : -1};
    int code = 0;
    for (size_t i = 0; i < l->lists[split].n && code == 0; i++) {
        const char *entry = l->lists[split].names[i];
        if (is_folder_in(l->folders[split], entry))
            continue;
        char *path = file_join(l->folders[split], entry), *name = file_join(l->names[split], entry);
        code = path && name ? walk_entry(&w, path, name, entry, NULL, NULL, e) : err_memory(e, "a file name");
        free(path);
        free(name);
    }
    p->skipped.hidden += l->lists[split].hidden;
    return code;
}

/* Without train/ and test/, what is normal is for training, and the rest for the test; to be scored is all there is. */
static bool class_belongs(const struct part *p, const struct layout *l, enum split split, int i)
{
    return !l->flat || p->use == DATASET_SCORE || l->normal[i] == (split == SPLIT_TRAIN);
}

/* Nobody should find out later that half of the pictures were not trained on, or that all were. */
static void explain_classes(struct part *p, const struct layout *l)
{
    char normals[200] = "";
    size_t used = 0;
    for (int i = 0; i < l->n_classes && used < sizeof normals - 70; i++)
        if (l->normal[i])
            used += (size_t)snprintf(normals + used, sizeof normals - used, "%s%.60s", used ? ", " : "", l->classes[i]);
    snprintf(p->note, sizeof p->note,
             p->use == DATASET_LEARN
                 ? "its folders are classes: trained on is %s and nothing else; the others are anomalies to test with"
                 : "its folders are classes: normal is %s; a model that was trained on it scores those pictures lower "
                   "than new ones, so put good parts that it has not seen into test/good to measure it",
             normals);
}

static int open_layout(struct part *p, struct layout *l, struct err *e)
{
    const struct images_options *o = p->options;
    if (o->truth != TRUTH_UNKNOWN)
        return err_set(e, ERR_USAGE, "%s has folders that say what is normal, so truth= says nothing; give one of them",
                       p->path);
    TRY(layout_classes(l, e));
    TRY(layout_normals(l, p, e));
    for (size_t i = 0; i < l->root.n && !l->flat; i++)
        p->skipped.foreign += !is_folder_in(p->path, l->root.names[i]);
    if (l->flat)
        explain_classes(p, l);
    else
        p->skipped.hidden += l->root.hidden;
    for (enum split s = part_plain_split(p); s < SPLITS; s++) {
        if (!l->folders[s])
            continue;
        TRY(add_loose(p, l, s, e));
        for (int i = 0; i < l->n_classes; i++)
            if (class_belongs(p, l, s, i))
                TRY(add_class(p, l, s, i, e));
    }
    return 0;
}

/* ---- the source ---- */

static int open_plain(struct part *p, struct err *e)
{
    const struct images_options *o = p->options;
    struct sample like = {.kind = "", .label = -1};
    like.anomalous = o->truth == TRUTH_UNKNOWN ? -1 : o->truth == TRUTH_ANOMALOUS;
    if (names_classes(p))
        return err_set(e, ERR_USAGE,
                       "%s has no classes, so normal= and anomalous= say nothing; they want a folder a class, or "
                       "train/CLASS and test/CLASS; truth=normal says it of a whole folder",
                       p->path);
    if (like.anomalous == 1 && p->use == DATASET_LEARN)
        return err_set(e, ERR_USAGE, "%s?truth=anomalous is nothing to learn from: what is normal is learnt", p->path);
    if (file_kind(p->path) == FILE_FOLDER)
        return walk_class(p, part_plain_split(p), &like, p->path, "", NULL, e);
    const char *slash = strrchr(p->path, '/');
    like.path = p->path;
    like.name = slash ? slash + 1 : p->path;
    return part_add(p, part_plain_split(p), &like, e);
}

static int explain_nothing(const struct part *p, const struct layout *l, struct err *e)
{
    const char *split = p->use == DATASET_LEARN ? "train" : "test";
    if (part_count(p, part_plain_split(p)))
        return 0;
    if (l->flat)
        return err_set(e, ERR_FORMAT, "%s has no pictures in its folders: %s", p->path, p->note);
    if (l->folders[SPLIT_TRAIN] || l->folders[SPLIT_TEST])
        return err_set(e, ERR_FORMAT, "%s has no pictures in its folder %s%s", p->path, split,
                       p->use == DATASET_LEARN ? "" : "; to score others, name their folder itself");
    return err_set(e, ERR_FORMAT, "%s has no pictures in it (png, jpg, tiff, bmp, webp, pgm, ppm, pbm)", p->path);
}

static int images_open(struct part *p, struct err *e)
{
    struct layout l = {0};
    int code = 0;
    if (file_kind(p->path) == FILE_ABSENT && !p->among)
        return err_set(e, ERR_IO, "there is no file or folder %s; check the name", p->path);
    if (file_kind(p->path) == FILE_FOLDER)
        code = layout_list(&l, p, e);
    if (code == 0)
        code = l.folders[SPLIT_TRAIN] || l.folders[SPLIT_TEST] ? open_layout(p, &l, e) : open_plain(p, e);
    if (code == 0)
        code = explain_nothing(p, &l, e);
    layout_free(&l);
    return code;
}

static int images_read(const struct part *p, const struct sample *s, struct picture_decoder *d, int channels,
                       struct picture *out, struct err *e)
{
    (void)p;
    return picture_read(d, s->path, channels, out, e);
}

static int images_mask(const struct part *p, const struct sample *s, struct picture_decoder *d, struct picture *out,
                       struct err *e)
{
    (void)p;
    if (!s->mask_path)
        return 0;
    TRY(picture_read(d, s->mask_path, 1, out, e));
    return 1;
}

const struct source source_images = {
    .name = "images",
    .help = "pictures: one, a folder at any depth, a folder a class, or train/CLASS and test/CLASS (MVTec AD with "
            "masks too)",
    .options = options,
    .options_size = sizeof(struct images_options),
    .kind = &kind_pictures,
    .open = images_open,
    .read = images_read,
    .mask = images_mask,
};
