/* What libpng says when it gives up, for reading and writing. */
#ifndef PICTURE_STILL_PNG_WORDS_H
#define PICTURE_STILL_PNG_WORDS_H

#include <png.h>

/* Its user's pointer for errors. */
struct still_png_words {
    char why[200];
};

/* Its function for errors: notes the words and jumps to png_jmpbuf. */
void still_png_give_up(png_structp png, png_const_charp why);
/* Its function for warnings. */
void still_png_ignore(png_structp png, png_const_charp text);

#endif
