/* The kinds of still pictures that are read. */
#include "picture/still.h"

const struct still *const stills[] = {&still_png, &still_jpeg,   &still_tiff, &still_webp,
                                      &still_bmp, &still_netpbm, NULL};
