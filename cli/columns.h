/* The flags about a table's columns become options of the data's URL: "rows.csv" and "label=kind" become
 * "csv:rows.csv?label=kind". */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

/* The URL, which the caller frees; NULL: out of memory. `options`: "label=kind&id=number". */
char *columns_url(const char *data, const char *options);

#endif
