/* Text of file names as it may be shown: no control character reaches a terminal or a table. */
#ifndef CLI_VISIBLE_H
#define CLI_VISIBLE_H

#include <stddef.h>

enum { VISIBLE = 12 }; /* bytes of the longest representation, its 0 included */

enum visible {
    VISIBLE_ALL, /* for people: bytes that are no UTF-8 are shown as \xNN, too */
    VISIBLE_CSV, /* for programs: these, and what a quoted cell may hold (tab, CR, LF), stay as they are */
};

/* Length of the UTF-8 character at text, 0 where there is none. */
size_t utf8_length(const char *text);

/* The next character as it is shown, with a 0 behind it; returns how many bytes of the text it stands for. Control
 * characters are \xNN, a byte each. */
size_t visible_next(const char *text, enum visible mode, char shown[VISIBLE]);

#endif
