#include "folder.h"

#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/engram-report-XXXXXX";

char *path_of(const char *name)
{
    return file_join(folder, name);
}

int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

int remove_folder(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    struct file_list list;
    if (file_list(folder, &list, &e))
        return -1;
    for (size_t i = 0; i < list.n; i++) {
        char *path = path_of(list.names[i]);
        unlink(path);
        free(path);
    }
    file_list_free(&list);
    return rmdir(folder);
}
