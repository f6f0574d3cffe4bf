/* Which columns make a row abnormal, and what stands there. */
#ifndef DATA_REASONS_H
#define DATA_REASONS_H

#include "data/dataset.h"

/* One column's part of what is abnormal. */
struct reason {
    int column;   /* of the table */
    double share; /* of all that its values add, 0 to 1 */
};

/* The columns of a table with the largest parts of a map, which has a value for each of the table's, largest first: how
 * many of the `room` have any part at all. */
int reasons_find(const struct table *t, const float *map, struct reason *out, int room);

/* What normal rows have in a column: "0..12", where 98 % of them lie; "tcp 70 %, udp 20 %, 3 more", the commonest. */
void reason_normal(const struct column *c, char *text, size_t size);

/* A column in words: "number, 0..12 (least 0, most 58329), 3 missing", "category, tcp 70 %, udp 30 %", "label". */
void column_tell(const struct column *c, char *text, size_t size);

/* What a number for a learnt column is, as of preprocess_row, in words: "5821", "tcp". */
void reason_number(const struct column *c, float number, char *text, size_t size);

/* What stands in a column of the table that the data set was last matched to, as its file has it; cut at `size`. */
int reason_cell(const struct dataset *ds, enum split split, size_t i, const struct table *t, int column, char *text,
                size_t size, struct err *e);

/* What its id columns say, with commas between: 1, or 0 where there are none. */
int row_id(const struct dataset *ds, enum split split, size_t i, char *text, size_t size, struct err *e);

#endif
