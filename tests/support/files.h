/* What tests share: a folder to work in that goes away, files as bytes, sentences. */
#ifndef TESTS_SUPPORT_FILES_H
#define TESTS_SUPPORT_FILES_H

/* What cmocka.h wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

/* cmocka's setup and teardown, of a test or of a group: a new empty folder, which becomes the working folder, and its
 * removal with all that is in it. The removal fails where the library has left a temporary file. */
int folder_begin(void **state);
int folder_end(void **state);

/* The full path of something in that folder, made from a format; one of 16 static buffers, used in turn. */
const char *in_folder(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Entries in the folder, to see that nothing was left behind. */
int count_files(void);

/* Writes a file, and the folders above it. */
void write_file(const char *path, const void *bytes, size_t size);
/* The whole file with a 0 behind it; `size` may be NULL, the caller frees. Fails the test when it cannot be read. */
void *read_file(const char *path, size_t *size);
bool same_files(const char *a, const char *b);
bool exists(const char *path);

/* Fails, with the text, unless `part` is in it. */
#define assert_says(text, part) assert_says_at(text, part, __FILE__, __LINE__)
void assert_says_at(const char *text, const char *part, const char *file, int line);

#endif
