/* Sources: what a kind of data has to say for itself. One file each, ending in one const struct source; a row in
 * sources.c makes it known to everything else. Used inside data/ only. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "data/dataset.h"
#include "table/csv_rows.h"
#include "table/table.h"

#include <stdatomic.h>

/* One opened URL. */
struct part {
    const struct source *source;
    struct dataset *ds;
    const char *url;  /* as it was given */
    const char *path; /* the URL without source and options */
    int number;       /* which URL, from 0 */
    enum dataset_use use;
    const struct table *like; /* of rows: the columns of the model that is to score them; NULL: not known */
    bool pass;                /* samples may be handed out a part at a time, by `more` */
    bool whole;               /* all are there */
    bool among;               /* one of several to score: if it is not there, it is a sample that cannot be read */
    void *options;            /* the source's struct, filled from its table and the URL */
    void *state;              /* the source's own, from open to close */
    struct shape shape; /* of every sample, where all have one and to read it is no more than a copy; else nd = 0 */
    const struct table *table; /* of rows: its columns; NULL: numbers without names */
    int *to;                   /* where those are in the table of `matched`, whose rows it is read into */
    const struct table *matched;
    bool has_masks; /* the source knows masks of its anomalous samples */
    char note[300]; /* what the user should know of how it was understood, or "" */
    struct {
        size_t hidden, foreign, broken_links, repeated_folders, not_normal;
    } skipped;
};

/* How the next frame of a video is wanted: with channels as of source.read, and a size that it will be fitted to (0:
 * none), so that it may be decoded smaller than it is, as picture_decoder_aim has it. */
struct frame_wish {
    struct picture_format fitted;
    bool whole; /* at its own size, too, with the channels that it has */
};

struct frame {
    struct picture picture, whole; /* the second where it is wished for; they may be the same */
    struct picture_size own;       /* not smaller than the picture */
    double time;                   /* in seconds from the start */
};

struct source {
    const char *name;
    const char *help;
    const struct option *options;
    size_t options_size;
    const struct kind *kind; /* of its samples */
    bool live;               /* which come as they happen, and without an end: they are played once, and scored */
    /* Whether that path, which exists, is for this source; NULL: only when named, or when no other wants it. */
    bool (*sniff)(const char *path);
    /* Adds classes and samples with part_class and part_add. After a failure `close` is called all the same. */
    int (*open)(struct part *p, struct err *e);
    /* Of a part that is passed through: adds the next samples; sets `whole` with the last. NULL: all are there. */
    int (*more)(struct part *p, struct err *e);
    /* Pictures: the sample at its own size. `channels` says what is wanted (0: as it is); the source may still give the
     * other. Pixels are the decoder's (picture_canvas for those that are made up) or the state's. Any number of
     * threads. */
    int (*read)(const struct part *p, const struct sample *s, struct picture_decoder *d, int channels,
                struct picture *out, struct err *e);
    /* Rows of a table (the part has one): the sample's cells, as many as that has columns. Any number of threads. */
    int (*cells)(const struct part *p, const struct sample *s, struct row_text *row, struct err *e);
    /* Other rows: the sample's columns, as many as the part's shape has. Any number of threads. */
    int (*row)(const struct part *p, const struct sample *s, float *out, struct err *e);
    /* Videos: opens the one of a sample, to be played from its first frame on; any number of threads, each its own.
     * `halt` (may be NULL) becomes true where nobody waits for frames any more. The next frame, its pixels the player's
     * until the call after: 1, or 0 at the end. Goes to a frame, counted from 0, of that time; negative: it is not
     * known. */
    int (*play)(const struct part *p, const struct sample *s, const atomic_bool *halt, void **player, struct err *e);
    int (*next)(void *player, const struct frame_wish *wish, struct frame *out, struct err *e);
    int (*seek)(void *player, int64_t frame, double time, struct err *e);
    void (*stop)(void *player);
    /* The mask of an anomalous sample, one channel, 128 and more is defective: 1, or 0 when there is none. */
    int (*mask)(const struct part *p, const struct sample *s, struct picture_decoder *d, struct picture *out,
                struct err *e);
    /* The same of a frame of a video. NULL: of videos there are none. */
    int (*frame_mask)(const struct part *p, const struct sample *s, int64_t frame, struct picture_decoder *d,
                      struct picture *out, struct err *e);
    void (*close)(struct part *p);
};

/* All sources, NULL-terminated, in the order in which they look at a path; the first takes what no other wants. */
extern const struct source *const sources[];

/* The label of a class, made known if it is new. Labels count from 0 in the order of the calls. */
int part_class(struct part *p, const char *name, int *label, struct err *e);

/* Appends a copy of *s (strings included; `part` and `split` are filled in). */
int part_add(struct part *p, enum split split, const struct sample *s, struct err *e);

/* Memory that lives as long as the data set; what pictures and frames may be. */
struct arena *part_arena(const struct part *p);
const struct picture_limits *part_limits(const struct part *p);

/* Samples of the data set so far. */
size_t part_count(const struct part *p, enum split split);

/* The split that a list without parts belongs to. */
enum split part_plain_split(const struct part *p);

/* ---- classes that are normal ---- */

struct class_options {
    int64_t limit;
    char normal[OPTION_TEXT], anomalous[OPTION_TEXT];
};

/* For the table of a source whose options struct begins with a class_options: data.c applies the limit. */
extern const struct option class_options[];

/* Reads normal= and anomalous= against `n` class names: normal[i] tells whether class i is. Returns 1 when either was
 * given, 0 (normal[] untouched) when neither was. Numbers are places in `names`; a name goes before a number. */
int classes_choose(const struct class_options *o, const char *const *names, int n, const char *path, bool *normal,
                   struct err *e);

#endif
