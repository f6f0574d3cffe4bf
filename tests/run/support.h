/* What the tests of the floor `run` share: a folder that goes away, files as bytes. */
#ifndef TESTS_RUN_SUPPORT_H
#define TESTS_RUN_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

/* cmocka's group setup and teardown: a fresh folder, and everything in it removed. */
int folder_setup(void **state);
int folder_teardown(void **state);

/* A path in that folder; one of 16 buffers in turn. */
const char *in_folder(const char *name);

void write_bytes(const char *path, const void *bytes, size_t size);
/* The whole file; the caller frees. Fails the test when it cannot be read. */
unsigned char *read_bytes(const char *path, size_t *size);
bool same_bytes(const char *a, const char *b);
bool exists(const char *path);
/* Entries in the folder, to see that nothing was left behind. */
int count_files(void);

/* Fails unless `msg` contains `part`. */
void assert_says(const char *msg, const char *part);

#endif
