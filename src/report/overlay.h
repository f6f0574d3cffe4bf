/* A video that shows what was found: every frame with its heat map laid on where it is abnormal, under it the scores of
 * the frames so far against the threshold, and the verdict in words; a red frame around what is anomalous. */
#ifndef REPORT_OVERLAY_H
#define REPORT_OVERLAY_H

#include "picture/picture.h"
#include "stats/calibrate.h"

#include <stdbool.h>

struct overlay;

/* Of verdicts that stand on that calibration, which is read now, at that false-alarm rate. Maps have map_width x
 * map_height values. The file appears when it is closed (video/video_writer.h). */
struct overlay_spec {
    const char *path;
    bool force;
    const struct calibration *calibration;
    double rate;
    int map_width, map_height;
};

struct overlay_frame {
    struct picture picture; /* as it came: of one size in a file, that of the first; others are brought to it */
    const float *map;       /* NULL: there is none */
    double score, p_value, time;
    bool anomalous;
};

int overlay_new(const struct overlay_spec *spec, struct overlay **out, struct err *e);
int overlay_add(struct overlay *o, const struct overlay_frame *frame, struct err *e);
/* Ends the file; o is freed whatever comes of it. ERR_FAIL: there was no frame. */
int overlay_close(struct overlay *o, struct err *e);
/* Gives up: nothing is left behind. NULL is fine. */
void overlay_free(struct overlay *o);

#endif
