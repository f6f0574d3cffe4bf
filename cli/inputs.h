/* What is read, so that nothing overwrites it: files by what they are and not by their names. */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A file, whatever it is called. */
struct file_identity {
    dev_t device;
    ino_t inode;
};

struct inputs {                  /* {0}: none */
    struct file_identity *files; /* sorted */
    size_t n, room;
};

/* Lists the files of all samples at those URLs. False: out of memory. inputs_free whatever came of it. */
bool inputs_list(struct inputs *in, const char *const *urls, size_t n);
bool inputs_have(const struct inputs *in, const char *path);
void inputs_free(struct inputs *in);

#endif
