/* What data.c and check.c share. */
#ifndef DATA_DATASET_PRIVATE_H
#define DATA_DATASET_PRIVATE_H

#include "base/arena.h"
#include "data/kind.h"
#include "data/source.h"

#include <pthread.h>

enum {
    DECODERS_KEPT = 32,
    PLAYERS_KEPT = 32, /* videos: open files, and a decoder each */
};

/* A video that is open. */
struct open_video {
    void *player; /* NULL: none */
    const struct part *part;
    const char *path; /* of its sample */
};

/* A video, once it has been examined. */
struct episode {
    int64_t frames;
    double seconds;
    uint8_t *kept;      /* its frames as kept for samples */
    struct shape shape; /* of this shape; NULL: there was no room, and then */
    double *times;      /* the time of each, to find it again */
};

struct split_samples {
    struct sample *v;
    size_t n, capacity;
    struct episode *episodes; /* of kinds that play: a video each */
    size_t n_episodes;
    /* The first `kept` samples in the form that is kept of `shape`. */
    unsigned char *memory;
    size_t kept;
    struct shape shape;
    /* What dataset_check saw; 0 before. */
    struct shape least, most; /* of the samples' own shapes, dimension by dimension */
    size_t checked;
    uint64_t fingerprint;
};

struct dataset {
    struct arena arena;
    struct part *parts;
    size_t n_parts;
    struct split_samples splits[SPLITS];
    struct dataset_purpose purpose;
    struct arena passing; /* of what a part at a time is there */
    const char **classes;
    int n_classes;
    size_t dropped;               /* given twice */
    struct picture_limits limits; /* of every decoder */
    size_t room;                  /* bytes left for frames of videos */
    pthread_mutex_t lock;
    struct picture_decoder *idle[DECODERS_KEPT];
    int n_idle;
    struct open_video players[PLAYERS_KEPT]; /* that nobody plays; the latest last */
    int n_players;
};

/* Opens a data set of one part whose source is not known by a URL; `state` is there when the source opens. */
int dataset_open_source(const struct source *source, const char *name, void *state, enum dataset_use use,
                        const struct log *log, struct dataset **out, struct err *e);

void dataset_forget_episode(struct episode *e);

/* Takes a decoder out of the pool, or makes one. dataset_put_decoder takes it back. */
int dataset_take_decoder(struct dataset *ds, struct picture_decoder **d, struct err *e);
void dataset_put_decoder(struct dataset *ds, struct picture_decoder *d);

/* Opens the video of a sample, or takes one that is open, wherever in it that is: seek first. It goes back with
 * dataset_put_player, or after an error with dataset_drop_player (which takes one without a player, too). */
int dataset_take_player(struct dataset *ds, const struct sample *s, struct open_video *out, struct err *e);
void dataset_put_player(struct dataset *ds, const struct open_video *p);
void dataset_drop_player(const struct open_video *p);

/* The sample in its kept form (`p` NULL: only looked at), and the shape of its own. */
int dataset_read_kept(const struct dataset *ds, const struct sample *s, struct picture_decoder *d,
                      const struct preprocess *p, void *kept, struct shape *own, struct err *e);

#endif
