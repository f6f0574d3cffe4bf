/* What a text table is, from its first records: what separates fields, whether there is a header, which columns are
 * numbers. */
#ifndef TABLE_CSV_SNIFF_H
#define TABLE_CSV_SNIFF_H

#include "table/table.h"

enum header { HEADER_AUTO, HEADER_YES, HEADER_NO };

struct csv_sniffed {
    char delimiter;
    bool header;
    struct table table; /* every column a number or a category; owned by the arena */
};

/* What is known beforehand: '\0' and HEADER_AUTO where it is to be found out. `whole`: the n bytes are all of it. */
struct csv_known {
    char delimiter, point;
    enum header header;
    const struct table *names; /* a first line with one of its columns' names is a header, and a lone line without is
                                  none; NULL: no names are known */
};

/* `path` is for sentences. ERR_FORMAT: there is no record, no row, or a name that two columns have. */
int csv_sniff(const char *text, size_t n, bool whole, const struct csv_known *known, const char *path,
              struct arena *arena, struct csv_sniffed *out, struct err *e);

#endif
