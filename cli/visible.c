#include "visible.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t utf8_length(const char *text)
{
    const unsigned char *u = (const unsigned char *)text;
    size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xc2 && u[0] < 0xe0 ? 2 : u[0] >= 0xe0 && u[0] < 0xf0 ? 3 : 4;
    if (u[0] >= 0x80 && (u[0] < 0xc2 || u[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90);
    bool surrogate = u[0] == 0xed && u[1] >= 0xa0, beyond = u[0] == 0xf4 && u[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

/* C0, DEL, and C1 as UTF-8 has it. */
static bool is_control(const unsigned char *u, size_t length)
{
    return length == 1 ? u[0] < 0x20 || u[0] == 0x7f : length == 2 && u[0] == 0xc2 && u[1] < 0xa0;
}

size_t visible_next(const char *text, enum visible mode, char shown[VISIBLE])
{
    const unsigned char *u = (const unsigned char *)text;
    size_t length = utf8_length(text), n = length ? length : 1;
    bool hide = length ? is_control(u, length) : mode == VISIBLE_ALL;
    if (mode == VISIBLE_CSV && length == 1 && strchr("\t\r\n", *text))
        hide = false;
    for (size_t i = 0; hide && i < n; i++)
        snprintf(shown + 4 * i, 5, "\\x%02X", u[i]);
    if (!hide)
        snprintf(shown, VISIBLE, "%.*s", (int)n, text);
    return n;
}
