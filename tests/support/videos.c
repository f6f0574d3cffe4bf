#include "support/videos.h"

#include "picture/picture.h"
#include "support/files.h"
#include "video/video_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = VIDEO_WIDTH * VIDEO_HEIGHT };

void draw_frame(uint8_t *grey, int number, int odd)
{
    const int left = number * 2 % (VIDEO_WIDTH - 6), top = 9;
    for (int y = 0; y < VIDEO_HEIGHT; y++)
        for (int x = 0; x < VIDEO_WIDTH; x++) {
            uint8_t v = (uint8_t)(60 + 2 * x + y);
            if (x >= left && x < left + 6 && y >= top && y < top + 6)
                v = 230;
            grey[y * VIDEO_WIDTH + x] = odd && y >= 16 && y < 21 ? 0 : v;
        }
}

bool videos_can_be(void)
{
#ifdef TESTS_WITHOUT_VIDEO
    return false;
#else
    return true;
#endif
}

void write_y4m(const char *path, int frames, int from, int to)
{
    if (!videos_can_be())
        skip();
    char head[100];
    const int n = snprintf(head, sizeof head, "YUV4MPEG2 W%d H%d F25:1 Ip A1:1 Cmono\n", VIDEO_WIDTH, VIDEO_HEIGHT);
    uint8_t *file = malloc((size_t)n + (size_t)frames * (6 + PIXELS)), *at = mempcpy(file, head, (size_t)n);
    for (int i = 0; i < frames; i++) {
        at = mempcpy(at, "FRAME\n", 6);
        draw_frame(at, i, i >= from && i < to);
        at += PIXELS;
    }
    write_file(path, file, (size_t)(at - file));
    free(file);
}

void write_frames(const char *folder, int frames, int from, int to)
{
    uint8_t grey[PIXELS];
    for (int i = 0; i < frames; i++) {
        const struct picture picture = {VIDEO_WIDTH, VIDEO_HEIGHT, 1, grey};
        struct err e = ERR_INIT;
        unsigned char *png;
        size_t size;
        char path[500];
        draw_frame(grey, i, i >= from && i < to);
        if (picture_encode_png(&picture, &png, &size, &e))
            fail_msg("%s", e.msg);
        snprintf(path, sizeof path, "%s/%03d.png", folder, i);
        write_file(path, png, size);
        free(png);
    }
}

void write_video(const char *path, int frames)
{
    uint8_t grey[PIXELS], rgb[3 * PIXELS];
    struct video_writer *w;
    struct err e = ERR_INIT;
    if (!videos_can_be())
        skip();
    int code = video_writer_new(path, VIDEO_WIDTH, VIDEO_HEIGHT, true, &w, &e);
    for (int i = 0; i < frames && code >= 0; i++) {
        draw_frame(grey, i, 0);
        for (int k = 0; k < 3 * PIXELS; k++)
            rgb[k] = grey[k / 3];
        code = video_writer_add(w, rgb, i / 25.0, &e);
    }
    if (code >= 0)
        code = video_writer_close(w, &e);
    if (code < 0)
        fail_msg("%s", e.msg);
}

void write_sound(const char *path)
{
    static const unsigned char head[44] = {'R', 'I', 'F', 'F', 36, 31, 0,   0,   'W', 'A',  'V',  'E', 'f', 'm',  't',
                                           ' ', 16,  0,   0,   0,  1,  0,   1,   0,   0x40, 0x1f, 0,   0,   0x40, 0x1f,
                                           0,   0,   1,   0,   8,  0,  'd', 'a', 't', 'a',  0,    31,  0,   0};
    unsigned char file[44 + 7936];
    memset(file, 128, sizeof file);
    memcpy(file, head, sizeof head);
    write_file(path, file, sizeof file);
}

void write_npy(const char *path, const char *about, const void *values, size_t bytes)
{
    enum { HEAD = 128 };
    unsigned char *file = malloc(HEAD + bytes);
    memset(file, ' ', HEAD);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00{", 11);
    memcpy(file + 11, about, strlen(about));
    memcpy(file + HEAD - 2, "}\n", 2);
    memcpy(file + HEAD, values, bytes);
    write_file(path, file, HEAD + bytes);
    free(file);
}

void write_mask_array(const char *path, int frames, int from, int to)
{
    const size_t size = (size_t)frames * PIXELS;
    uint8_t *masks = calloc(1, size), ordinary[PIXELS], odd[PIXELS];
    char about[100];
    for (int i = from; i < to; i++) {
        draw_frame(ordinary, i, 0);
        draw_frame(odd, i, 1);
        for (int k = 0; k < PIXELS; k++)
            masks[i * PIXELS + k] = ordinary[k] != odd[k];
    }
    snprintf(about, sizeof about, "'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d), ", frames,
             VIDEO_HEIGHT, VIDEO_WIDTH);
    write_npy(path, about, masks, size);
    free(masks);
}

void write_labels(const char *path, int n, int from, int to)
{
    char about[100];
    int64_t *labels = calloc((size_t)n, sizeof *labels);
    for (int i = from; i < to; i++)
        labels[i] = 1;
    snprintf(about, sizeof about, "'descr': '<i8', 'fortran_order': False, 'shape': (1, %d), ", n);
    write_npy(path, about, labels, (size_t)n * sizeof *labels);
    free(labels);
}
