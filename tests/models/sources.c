/* The sources of the tests: the library's pictures, and rows. Linked before the library's own table. */
#include "data/source.h"

extern const struct source source_images, source_idx, source_synth, source_toy_rows;

const struct source *const sources[] = {&source_images, &source_idx, &source_synth, &source_toy_rows, NULL};
