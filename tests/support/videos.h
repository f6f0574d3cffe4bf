/* Small videos as files and folders. A bright square of 6x6 pixels wanders over a ramp: normal. */
#ifndef TESTS_SUPPORT_VIDEOS_H
#define TESTS_SUPPORT_VIDEOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIDEO_WIDTH = 32, VIDEO_HEIGHT = 24 };

/* Frame `number` in grey, VIDEO_HEIGHT x VIDEO_WIDTH; `odd`: with a dark bar across, which is not normal. */
void draw_frame(uint8_t *grey, int number, int odd);

/* Whether this build reads and writes files of videos; writing one skips the test where it does not. */
bool videos_can_be(void);

/* A yuv4mpeg file of 25 frames a second, grey, of which those from `from` up to `to` are odd. */
void write_y4m(const char *path, int frames, int from, int to);
/* The same as a folder of NNN.png. */
void write_frames(const char *folder, int frames, int from, int to);
/* The same as whatever the name says that it is: .mp4, .mkv. */
void write_video(const char *path, int frames);
/* Sound alone: a WAV file. */
void write_sound(const char *path);

/* A NumPy array, `about` being what its header says: 'descr': '<i8', 'fortran_order': False, 'shape': (1, 4), */
void write_npy(const char *path, const char *about, const void *values, size_t bytes);
/* One of frames x VIDEO_HEIGHT x VIDEO_WIDTH bytes, 1 where the bar of odd frames is, in those from `from` up to `to`.
 */
void write_mask_array(const char *path, int frames, int from, int to);
/* A NumPy array of n int64, 1 from `from` up to `to`; shape (1, n). */
void write_labels(const char *path, int n, int from, int to);

#endif
