/* The sources of the tests: the library's pictures and videos, rows, and a camera. Linked before the library's own
 * table. */
#include "data/source.h"

extern const struct source source_images, source_idx, source_synth, source_video, source_toy_rows, source_toy_live;

const struct source *const sources[] = {&source_images,   &source_idx,      &source_synth, &source_video,
                                        &source_toy_rows, &source_toy_live, NULL};
