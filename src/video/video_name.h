/* What is taken for a video, whether or not this build reads any. */
#ifndef VIDEO_VIDEO_NAME_H
#define VIDEO_VIDEO_NAME_H

#include "base/file.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a file name's extension says that it is a video; whether a file's first bytes do. */
bool video_name(const char *name);
bool video_starts(const unsigned char *bytes, size_t n);

/* The pictures in a folder that is a video: its frames, in order. */
int video_frames(const char *folder, struct file_list *list, struct err *e);

#endif
