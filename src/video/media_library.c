/* What libengram-video shows: one table. */
#include "video/media.h"

extern const struct media engram_video;

__attribute__((visibility("default"))) const struct media engram_video = {
    .version = BASE_VERSION,
    .player = &media_player,
    .writer = &media_writer,
};
