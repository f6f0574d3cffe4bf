#include "reasons.h"

#include <stdio.h>

void reasons_tell(struct reasons *r, const engram_scorer *scorer, int most)
{
    engram_reason found[REASONS_MAX] = {ENGRAM_REASON_INIT};
    size_t n, used = 0;
    r->text[0] = 0;
    if (engram_scorer_reasons(scorer, 0, found, (size_t)most, &n, NULL))
        return;
    for (size_t i = 0; i < n && i < (size_t)most; i++) {
        int length = snprintf(r->text + used, REASON_TEXT, "%s%.120s=%s (normal %s)", i ? "; " : "", found[i].column,
                              found[i].value, found[i].normal);
        used += length < REASON_TEXT ? (size_t)length : REASON_TEXT - 1;
    }
}
