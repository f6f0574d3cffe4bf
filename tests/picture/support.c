#include "support.h"

struct picture_decoder *decoder;

int decoder_begin(void **state)
{
    struct err e = ERR_INIT;
    return folder_begin(state) || picture_decoder_new(&decoder, &e);
}

int decoder_end(void **state)
{
    picture_decoder_free(decoder);
    return folder_end(state);
}

struct picture decode_still(const void *bytes, size_t size, int channels)
{
    struct picture p;
    struct err e = ERR_INIT;
    if (picture_decode(decoder, bytes, size, "x", channels, &p, &e) < 0)
        fail_msg("%s", e.msg);
    return p;
}
