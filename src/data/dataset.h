/* Datasets: every kind of data as a list of named samples in two splits, readable in any order from any thread.
 *
 * A dataset is opened from one or several URLs:
 *     PATH                              the source is found by looking at the path
 *     SOURCE:PATH                       images:bottle/  idx:mnist/  synth:
 *     SOURCE:PATH?option=value&...      idx:mnist/?normal=3&limit=1000
 * (a path that exists is taken as it is, whatever characters it has). dataset_sources lists what there is; each
 * source's options are data (base/option.h). Options of the sources with classes: `normal=3` (one class, or several
 * with commas, is normal: it alone is trained on, all others are anomalous: MemAE's protocol), `anomalous=3` (the
 * reverse: GANomaly's), a class by name or number; `limit=N` (N samples of each split, spread evenly over it, for quick
 * runs).
 *
 * Splits: sources with a training and a test part (MVTec layout, class folders, idx) fill both when opened to learn,
 * and only SPLIT_TEST when opened to score. A plain list (a folder of pictures, one picture, one idx file) has no
 * parts: all of it is SPLIT_TRAIN when opened to learn and SPLIT_TEST when opened to score. SPLIT_TRAIN never holds a
 * sample that is known to be anomalous.
 *
 * Usual order: dataset_open; dataset_fit (to choose the preprocessing); dataset_check (finds everything wrong before
 * anything is trained, and keeps the samples in memory); then a loader (data/loader.h). Scoring skips the check: there,
 * a bad picture is one error row.
 *
 * Threads: dataset_open, dataset_check and dataset_close are one thread's; everything else may be called from any
 * number of threads at once. Ownership: strings and samples live until dataset_close. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/err.h"
#include "base/log.h"
#include "base/option.h"
#include "data/preprocess.h"
#include "table/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum split { SPLIT_TRAIN, SPLIT_TEST, SPLITS };

enum dataset_use { DATASET_LEARN, DATASET_SCORE };

struct sample {
    const char *name;      /* unique in the dataset, relative and without "..": test/good/000.png, test/00017 */
    const char *path;      /* its episode: the file or video it is from; the URL for generated samples */
    int64_t index;         /* its place in that; 0 for a picture of its own */
    const char *mask_path; /* of a video a folder or an array of them; NULL: none in a file */
    const char *kind;      /* class or defect: good, broken_large, 3; "" where there are no classes */
    size_t episode;        /* of videos and clips: which video of the split, from 0 */
    const struct video_masks *masks; /* of the same; NULL: none */
    const uint8_t
        *truths;     /* of the same: of each of the video's `ntruths` frames 1 anomalous, 0 normal; NULL: unknown, */
    int64_t ntruths; /* or as `anomalous` says of all */
    int label;       /* index of the class (dataset_class), -1 unknown */
    int anomalous;   /* 0, 1, or -1 unknown */
    int part;        /* which of the opened URLs, from 0 */
    enum split split;
};

struct arena;
struct dataset;

/* `log` (may be NULL) gets the warnings about skipped files. ERR_USAGE: unknown source, option or class; ERR_IO:
 * nothing at that path; ERR_FORMAT: nothing usable there. Never opens an empty dataset: the split that `use` asks for
 * (train to learn, test to score) has at least one sample. */
int dataset_open(const char *url, enum dataset_use use, const struct log *log, struct dataset **ds, struct err *e);
/* What a data set is opened for. */
struct dataset_purpose {
    enum dataset_use use;
    const struct preprocess *like; /* of the model that is to score it: rows are read as its table has them, and folders
                                      of pictures as videos where it takes clips. NULL: not known. Outlives the data
                                      set */
    bool pass; /* its samples are gone through once, in order: of one path with many rows there is a part at a time,
                  see dataset_more */
};
int dataset_open_for(const char *const *urls, size_t n, const struct dataset_purpose *purpose, const struct log *log,
                     struct dataset **ds, struct err *e);

/* Of a data set that is passed through: the next part takes the place of the last in the split to score, whose samples
 * are gone: 1, or 0 where that was all. Nobody may be reading. */
int dataset_more(struct dataset *ds, struct err *e);
/* Whether the samples that are there are all. */
bool dataset_whole(const struct dataset *ds);

/* The same of several at once. Of several to score, one that is not there is a sample that cannot be read. */
int dataset_open_all(const char *const *urls, size_t n, enum dataset_use use, const struct log *log,
                     struct dataset **ds, struct err *e);
void dataset_close(struct dataset *ds); /* NULL is fine */

/* What its pictures may be, from here on; before the first is read. */
void dataset_limit(struct dataset *ds, const struct picture_limits *limits);

size_t dataset_count(const struct dataset *ds, enum split split);
const struct sample *dataset_sample(const struct dataset *ds, enum split split, size_t i);

/* Whether a frame of a video is anomalous, as in a sample; of samples that are none their own truth. */
int dataset_truth(const struct dataset *ds, enum split split, size_t i, int64_t frame);

/* Classes in order of their label; NULL past the last. */
const char *dataset_class(const struct dataset *ds, int label);

/* How many samples of a split are known to be normal or known to be anomalous. */
size_t dataset_known(const struct dataset *ds, enum split split);
/* Whether there are masks of what is anomalous. */
bool dataset_has_masks(const struct dataset *ds);

/* What all samples are. */
const struct kind *dataset_kind(const struct dataset *ds);

/* How the user wants samples to be brought to the model; 0 where that is left to the data. */
struct wishes {
    int height, width;  /* pixels */
    int channels;       /* 1 grey, 3 colour */
    int frames;         /* of a clip */
    int step;           /* of a clip: from frame to frame */
    bool symmetric;     /* black and white become -1 and 1, not 0 and 1 */
    struct ints square; /* sides, ascending: where no height and width are asked for, pictures have about as many pixels
                         * as the largest such square that does not enlarge them, or the first */
    int tile;           /* pixels; pictures then keep their own size where none is asked for */
    double overlap;     /* of tiles: part of their side */
    const char *roi;    /* a mask of what counts: a picture; "" or NULL: all of it */
    /* Of rows: */
    enum scale scale;     /* of numbers */
    bool plain;           /* categories are 0 and 1 whatever the scale */
    double clip;          /* as in struct preprocess */
    enum missing missing; /* what an empty cell is */
};

/* Chooses the preprocessing for the samples of a split. Means and deviations are made in the arena. Reads some samples,
 * or all of them, as the kind has it. ERR_USAGE: wishes that this kind of data cannot fulfil. */
int dataset_fit(struct dataset *ds, enum split split, const struct wishes *w, struct arena *arena, struct preprocess *p,
                struct err *e);

/* Whether samples are videos when it is opened. To be trained on they are cut into clips, each from another frame on,
 * and the samples of the split are these; after dataset_check. Nothing happens to what plays not. ERR_FORMAT: a video
 * is shorter than a clip. To be scored they are played (data/feed.h). */
bool dataset_plays(const struct dataset *ds);
bool dataset_live(const struct dataset *ds); /* which come as they happen, without an end */
int dataset_cut(struct dataset *ds, enum split split, const struct preprocess *p, struct err *e);

/* Before the first sample is brought to it: whether they can be, and how. One preprocessing at a time. ERR_FORMAT: rows
 * with other columns. */
int dataset_match(struct dataset *ds, const struct preprocess *p, struct err *e);

/* Sample i in its kept form, preprocess_bytes(p) to `kept`. */
int dataset_load(struct dataset *ds, enum split split, size_t i, const struct preprocess *p, void *kept, struct err *e);

/* What noise about a sample is drawn from: a number of its own, whatever is beside it. */
uint64_t dataset_identity(const struct dataset *ds, enum split split, size_t i);

/* Of names, order and kept contents of all samples, after a dataset_check with that preprocessing: whether a training
 * goes on with the data it began with. */
uint64_t dataset_fingerprint(const struct dataset *ds, enum split split);

/* Its mask at any size, height * width bytes of 0 or 1 (1: defective, where the mask file covers at least half the
 * pixel with values of 128 and more). Returns 1; all zeros for a sample known to be normal; 0 when there is no mask to
 * know. */
int dataset_mask(struct dataset *ds, enum split split, size_t i, int width, int height, uint8_t *out, struct err *e);
/* The same of a frame of a video; of samples that are none their own. */
int dataset_frame_mask(struct dataset *ds, enum split split, size_t i, int64_t frame, int width, int height,
                       uint8_t *out, struct err *e);

struct dataset_needs {
    size_t at_least;                 /* samples in the split */
    const struct preprocess *input;  /* how they will be read; NULL: only check, as they are */
    size_t memory;                   /* bytes that may be spent on keeping samples; the first that fit */
    int threads;                     /* to decode on; 0 counts as 1 */
    bool (*should_stop)(void *user); /* asked on the calling thread, often: true ends with ERR_STOPPED; may be NULL */
    void *user;
};

/* Opens every sample of the split and every mask, and says everything that is wrong in one sentence: how many, and the
 * first few by name: unreadable pictures, a mask of another size, empty or missing, too few samples. Samples are
 * kept within `memory`, so that dataset_load with that preprocessing costs a copy. `log` gets progress every few
 * seconds. */
int dataset_check(struct dataset *ds, enum split split, const struct dataset_needs *needs, const struct log *log,
                  struct err *e);

/* A few lines for people: counts by split and kind, sizes where dataset_check has seen them, masks, what was skipped.
 * Each line goes to `out` at LOG_INFO. Fails for want of memory alone. */
int dataset_summary(const struct dataset *ds, const struct log *out, struct err *e);

/* And what the samples to learn from are made of, or where there are none those to score: of rows every column. May
 * read all of them. */
int dataset_tell(struct dataset *ds, const struct log *out, struct err *e);

/* The table of sources; NULL after the last. For help texts. */
struct source;
const struct source *dataset_source(size_t i);
const char *source_name(const struct source *s);
const char *source_help(const struct source *s);             /* one line */
const struct option *source_options(const struct source *s); /* ends with a NULL name */

#endif
