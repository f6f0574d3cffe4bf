/* Masks of the frames of videos: which pixels are anomalous. Beside a folder NAME of frames a folder NAME_gt of
 * pictures, one a frame (UCSD), or in a folder of such an array NAME.npy of frames x height x width (ShanghaiTech's
 * test_pixel_mask); what is not 0 there is anomalous. Used inside data/ only. */
#ifndef DATA_VIDEO_MASKS_H
#define DATA_VIDEO_MASKS_H

#include "base/arena.h"
#include "data/labels.h"
#include "picture/picture.h"

/* Whether that is the name of a folder of masks, and of no video. */
bool video_masks_name(const char *name);

/* Masks of one video. */
struct video_masks {
    const char *path;            /* of the folder, or of the array */
    const char *const *pictures; /* files in that folder, one a frame; NULL: it is an array */
    int64_t npictures;
};

/* The masks of the video `name` at `path`, in the arena; NULL: there are none. `arrays`: the folder of arrays, or NULL.
 */
int video_masks_find(const char *path, const char *name, const char *arrays, struct arena *arena,
                     const struct video_masks **out, struct err *e);

/* Labels from masks: a frame is anomalous where its mask has a pixel that is. `frames` is how many the video has, -1
 * where nobody knows; `video` is its name for errors. */
int video_masks_truths(const struct video_masks *masks, const char *video, int64_t frames, struct arena *arena,
                       struct labelled *out, struct err *e);

/* That of one frame, in the decoder's memory, 128 and more is anomalous. 1, or an error. */
int video_masks_read(const struct video_masks *masks, int64_t frame, struct picture_decoder *d, struct picture *out,
                     struct err *e);

#endif
