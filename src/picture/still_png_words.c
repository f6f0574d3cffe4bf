#include "picture/still_png_words.h"

#include <stdio.h>

void still_png_give_up(png_structp png, png_const_charp why)
{
    struct still_png_words *words = png_get_error_ptr(png);
    snprintf(words->why, sizeof words->why, "%s", why);
    png_longjmp(png, 1);
}

void still_png_ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}
