/* The columns that make a row of a table abnormal, as one cell: "duration=5821 (normal 0..12); proto=icmp (normal tcp
 * 70
 * %, udp 30 %)", the largest part first. */
#ifndef CLI_REASONS_H
#define CLI_REASONS_H

#include "engram.h"

enum { REASONS_MAX = 16, REASON_TEXT = 400 };

struct reasons {
    char text[REASONS_MAX * REASON_TEXT];
};

/* Of the result that a row's callback is about, at most `most` of them; none of a model that does not know them. */
void reasons_tell(struct reasons *r, const engram_scorer *scorer, int most);

#endif
