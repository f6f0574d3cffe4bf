/* The table of sources, alone in its file: a program that links the static library may bring another. */
#include "data/source.h"

extern const struct source source_images, source_idx, source_synth, source_video, source_csv, source_live;

const struct source *const sources[] = {&source_images, &source_idx,  &source_synth, &source_video,
                                        &source_csv,    &source_live, NULL};
