#include "support/files.h"

#include "base/file.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[200];
static bool left_temporary;

int folder_begin(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/engram-test-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? chdir(folder) : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type;
    if (strstr(path + walk->base, ".tmp-")) {
        print_error("%s was left behind\n", path);
        left_temporary = true;
    }
    return remove(path);
}

int folder_end(void **state)
{
    (void)state;
    left_temporary = false;
    return chdir("/") || nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) || left_temporary ? -1 : 0;
}

const char *in_folder(const char *format, ...)
{
    static char paths[16][600];
    static int next;
    char *path = paths[next++ % 16];
    int n = snprintf(path, sizeof paths[0], "%s/", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, args);
    va_end(args);
    return path;
}

int count_files(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void make_parent(const char *path)
{
    struct err e = ERR_INIT;
    char *parent = strdup(path), *slash = strrchr(parent, '/');
    if (slash)
        *slash = 0;
    if (slash && *parent)
        assert_int_equal(file_make_folder(parent, &e), 0);
    free(parent);
}

void write_file(const char *path, const void *bytes, size_t size)
{
    make_parent(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

void *read_file(const char *path, size_t *size)
{
    struct err e = ERR_INIT;
    unsigned char *bytes;
    size_t n;
    if (file_read(path, (size_t)1 << 28, &bytes, &n, &e) < 0)
        fail_msg("%s", e.msg);
    if (size)
        *size = n;
    return bytes;
}

bool same_files(const char *a, const char *b)
{
    size_t n, m;
    char *x = read_file(a, &n), *y = read_file(b, &m);
    bool same = n == m && !memcmp(x, y, n);
    free(x);
    free(y);
    return same;
}

bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

void assert_says_at(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part))
        return;
    print_error("'%s' is not in:\n%s\n", part, text);
    _assert_true(0, "the text says it", file, line);
}
