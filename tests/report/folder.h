/* A folder of its own for each test program: made before the tests, removed after them. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

/* "folder/name" on the heap. */
char *path_of(const char *name);

/* cmocka's group setup and teardown; removal fails where something unexpected, a temporary file say, was left. */
int make_folder(void **state);
int remove_folder(void **state);

#endif
