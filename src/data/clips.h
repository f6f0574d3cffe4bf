/* Clips: which frames of a video are seen together, and which of them the score of a clip is given to.
 *
 * Clip k begins at frame k * hop. Its score is about one of its frames (the middle; of a model that predicts, the
 * last), and goes to those that lie nearer to that one than to the next clip's, of two equally near ones to the later
 * clip's: with a hop of the clip's length to every frame of the clip, with a hop of 1 to that one frame alone, as in
 * MemAE's protocol (the ninth of 16). A clip says nothing of frames behind its last. What lies before the first clip's
 * share or behind the last one's has the score of the first or the last; where the hop leaves frames over at the end,
 * the last clip is that of the last frames. So every frame has one score, that of one clip, and one p-value.
 *
 * Frames and clips count from 0. Numbers only; any thread. */
#ifndef DATA_CLIPS_H
#define DATA_CLIPS_H

#include <stdint.h>

struct clips {
    int length; /* frames of a clip, at least 1 */
    int step;   /* from one of its frames to the next, in frames of the video; at least 1 */
    int hop;    /* from the start of a clip to that of the next; at least 1 */
    int about;  /* the frame that its score is about, from 0: length / 2, or length - 1 where that is predicted */
};

/* The total of a video that has not ended yet. */
#define CLIPS_ENDLESS INT64_MAX

/* Frames of the video from the first of a clip to its last, both included. */
int64_t clips_span(const struct clips *c);
/* Clips of a video of so many frames; 0: it is too short for one. */
int64_t clips_count(const struct clips *c, int64_t total);
/* Where clip k begins. */
int64_t clips_start(const struct clips *c, int64_t k, int64_t total);
/* The frames that have its score: *first up to, not including, the returned one. */
int64_t clips_share(const struct clips *c, int64_t k, int64_t total, int64_t *first);
/* Which frame of clip k, from 0, is nearest to that frame of the video: whose map it has. */
int clips_place(const struct clips *c, int64_t k, int64_t total, int64_t frame);
/* How many frames behind a frame may have to be there before it has its score. */
int64_t clips_latency(const struct clips *c);

#endif
