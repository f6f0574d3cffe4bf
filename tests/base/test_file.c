/* Files: atomic writes, limits, natural order. */
#include "base/file.h"

#include "support/errors.h"
#include "support/files.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t entries(const char *folder)
{
    struct file_list list;
    struct err e = ERR_INIT;
    assert_int_equal(file_list(folder, &list, &e), 0);
    size_t n = list.n + list.hidden;
    file_list_free(&list);
    return n;
}

static void expect_content(const char *path, const char *text)
{
    unsigned char *data;
    size_t size;
    struct err e = ERR_INIT;
    assert_int_equal(file_read(path, 1000, &data, &size, &e), 0);
    assert_string_equal((char *)data, text);
    assert_int_equal(size, strlen(text));
    free(data);
}

static void test_dangling_link(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    char text[64] = "";
    assert_int_equal(mkdir(in_folder("there"), 0777), 0);
    assert_int_equal(symlink("there/real", in_folder("link")), 0); /* leads to nothing yet */
    assert_int_equal(file_create(&f, in_folder("link"), false, &e), 0);
    fputs("one", f.stream);
    assert_int_equal(file_commit(&f, &e), 0);
    assert_true(readlink(in_folder("link"), text, sizeof text - 1) > 0);
    assert_string_equal(text, "there/real");
    expect_content(in_folder("there/real"), "one");
    assert_int_equal(file_create(&f, in_folder("link"), false, &e), ERR_IO); /* now there is something */
    assert_says(e.msg, "exists already");
}

/* A pipe is never waited for: with nobody at its other end both ways are refused. */
static void test_pipes(void **state)
{
    (void)state;
    struct file_out f;
    struct err write = ERR_INIT, read = ERR_INIT;
    unsigned char *data;
    size_t size;
    assert_int_equal(mkfifo(in_folder("pipe"), 0666), 0);
    assert_int_equal(file_create(&f, in_folder("pipe"), true, &write), ERR_IO);
    assert_says(write.msg, "nobody reads");
    assert_int_equal(file_read(in_folder("pipe"), 100, &data, &size, &read), ERR_IO);
    assert_says(read.msg, "a pipe or a device");
    assert_null(data);
}

/* Neither a limit of the process nor a reader that goes away ends the process: both are errors with their reason. */
static void test_no_signal(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){100000, before.rlim_max};
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(file_create(&f, in_folder("large"), false, &e), 0);
    for (int i = 0; i < 100000; i++)
        fputs("hundred thousand", f.stream);
    int code = file_commit(&f, &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(code, ERR_IO);
    assert_says(e.msg, "File too large");
    assert_int_equal(entries(in_folder(".")), 0);
}

static int no_locks; /* what flock says, as on a disk without them; 0: the real one answers */

/* Stands before the C library's, in this program. */
int flock(int fd, int operation)
{
    errno = no_locks;
    return no_locks ? -1 : (int)syscall(SYS_flock, fd, operation);
}

static void test_lock_by_any_name(void **state)
{
    (void)state;
    struct file_lock mine, other;
    struct err e = ERR_INIT;
    assert_int_equal(symlink("out", in_folder("link")), 0);
    assert_int_equal(file_lock(&mine, in_folder("out"), &e), 0);
    assert_int_equal(file_lock(&other, in_folder("link"), &e), ERR_IO);
    file_unlock(&other);
    file_unlock(&mine);
    e = (struct err)ERR_INIT;
    no_locks = ENOTSUP;
    int code = file_lock(&mine, in_folder("out"), &e);
    no_locks = 0;
    assert_int_equal(code, 0);
    file_unlock(&mine);
    assert_int_equal(entries(in_folder(".")), 1);
}

/* One process at a time; a lock ends with its owner, however that ends. */
static void test_lock(void **state)
{
    (void)state;
    struct file_lock mine, other;
    struct err e = ERR_INIT;
    int status;
    assert_int_equal(file_lock(&mine, in_folder("out"), &e), 0);
    assert_int_equal(file_lock(&other, in_folder("out"), &e), ERR_IO);
    assert_says(e.msg, "is being written by another process");
    file_unlock(&other);
    assert_int_equal(file_kind(in_folder("out.lock")), FILE_REGULAR);
    file_unlock(&mine);
    assert_int_equal(entries(in_folder(".")), 0);
    pid_t child = fork();
    if (child == 0) {
        e = ERR_INIT;
        file_lock(&mine, in_folder("out"), &e);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    e = ERR_INIT;
    assert_int_equal(file_lock(&mine, in_folder("out"), &e), 0); /* over what the dead one left */
    file_unlock(&mine);
    assert_int_equal(entries(in_folder(".")), 0);
}

static void test_atomic_write(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    assert_int_equal(file_create(&f, in_folder("new"), false, &e), 0);
    fputs("one", f.stream);
    assert_int_equal(file_kind(in_folder("new")), FILE_ABSENT); /* not before it is whole */
    assert_int_equal(file_commit(&f, &e), 0);
    expect_content(in_folder("new"), "one");
    assert_int_equal(file_create(&f, in_folder("new"), false, &e), ERR_IO);
    expect_error(&e, ERR_IO, "new", "exists already", "--force", NULL);
    e = ERR_INIT;
    assert_int_equal(file_create(&f, in_folder("new"), true, &e), 0);
    fputs("two", f.stream);
    file_abandon(&f);
    file_abandon(&f);
    expect_content(in_folder("new"), "one");
    assert_int_equal(file_create(&f, in_folder("new"), true, &e), 0);
    fputs("three", f.stream);
    assert_int_equal(file_commit(&f, &e), 0);
    expect_content(in_folder("new"), "three");
    assert_int_equal(entries(in_folder(".")), 1); /* no temporary file left */
}

static void test_appeared_meanwhile(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    assert_int_equal(file_create(&f, in_folder("x"), false, &e), 0);
    fputs("mine", f.stream);
    write_file("x", "theirs", 6);
    assert_int_equal(file_commit(&f, &e), ERR_IO);
    expect_error(&e, ERR_IO, "/x", NULL);
    expect_content(in_folder("x"), "theirs");
    assert_int_equal(entries(in_folder(".")), 1);
}

static void test_unwritable(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    assert_int_equal(file_create(&f, in_folder("no/such/x"), false, &e), ERR_IO);
    expect_error(&e, ERR_IO, "no/such/x", "folder exists", NULL);
    e = ERR_INIT;
    assert_int_equal(file_create(&f, in_folder("."), true, &e), ERR_IO);
    expect_error(&e, ERR_IO, "is a folder", NULL);
    file_abandon(&f);
}

/* A device is written to where it is: renaming over it would destroy it. */
static void test_full_device(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    if (file_kind("/dev/full") != FILE_OTHER)
        skip();
    assert_int_equal(file_create(&f, "/dev/full", false, &e), 0);
    fputs("x", f.stream);
    assert_int_equal(file_commit(&f, &e), ERR_IO);
    expect_error(&e, ERR_IO, "/dev/full", "No space left", NULL);
    assert_int_equal(file_kind("/dev/full"), FILE_OTHER);
}

/* In a child, since the limit cannot be taken back: exits 0 when all went as it should. */
static void write_beyond_limit(const char *path)
{
    struct file_out f;
    struct err e = ERR_INIT;
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){100000, 100000});
    if (file_create(&f, path, true, &e) < 0)
        _exit(1);
    char block[1000] = {1};
    for (int i = 0; i < 1000; i++)
        fwrite(block, 1, sizeof block, f.stream);
    _exit(file_commit(&f, &e) == ERR_IO && strstr(e.msg, path) ? 0 : 2);
}

static void test_full_disk(void **state)
{
    (void)state;
    int status;
    write_file("kept", "old", 3);
    pid_t child = fork();
    if (child == 0)
        write_beyond_limit(in_folder("kept"));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_content(in_folder("kept"), "old");
    assert_int_equal(entries(in_folder(".")), 1);
}

static void test_links_stay(void **state)
{
    (void)state;
    struct file_out f;
    struct err e = ERR_INIT;
    struct stat st;
    write_file("there/target", "old", 3);
    write_file("beside/it", "", 0);
    assert_int_equal(symlink("../there/target", in_folder("beside/link")), 0);
    assert_int_equal(file_create(&f, in_folder("beside/link"), true, &e), 0);
    fputs("new", f.stream);
    assert_int_equal(file_commit(&f, &e), 0);
    expect_content(in_folder("there/target"), "new");
    assert_int_equal(lstat(in_folder("beside/link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void test_read(void **state)
{
    (void)state;
    unsigned char *data;
    size_t size;
    struct err e = ERR_INIT;
    write_file("ten", "0123456789", 10);
    assert_int_equal(file_read(in_folder("ten"), 10, &data, &size, &e), 0);
    assert_int_equal(size, 10);
    free(data);
    assert_int_equal(file_read(in_folder("ten"), 9, &data, &size, &e), ERR_FORMAT);
    expect_error(&e, ERR_FORMAT, "ten", "10 bytes", "at most 9", NULL);
    e = ERR_INIT;
    assert_int_equal(file_read(in_folder("none"), 9, &data, &size, &e), ERR_IO);
    e = ERR_INIT;
    assert_int_equal(file_read(in_folder("."), 9, &data, &size, &e), ERR_IO);
    e = ERR_INIT;
    assert_int_equal(file_read("/dev/zero", 100000, &data, &size, &e), ERR_IO); /* never ends */
    assert_null(data);
}

/* Files of the kernel say that they have 0 bytes. */
static void test_read_kernel(void **state)
{
    (void)state;
    unsigned char *data;
    size_t size;
    struct err e = ERR_INIT;
    if (!exists("/proc/self/status")) {
        print_message("no /proc here\n");
        skip();
    }
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &data, &size, &e), 0);
    assert_true(size > 0);
    free(data);
}

static void test_folders(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    assert_int_equal(file_make_folder(in_folder("a/b//c/"), &e), 0);
    assert_int_equal(file_make_folder(in_folder("a/b/c"), &e), 0);
    assert_int_equal(file_kind(in_folder("a/b/c")), FILE_FOLDER);
    write_file("f", "", 0);
    assert_int_equal(file_make_folder(in_folder("f/g"), &e), ERR_IO);
    expect_error(&e, ERR_IO, "/f", NULL);
    e = ERR_INIT;
    struct file_list list;
    assert_int_equal(file_list(in_folder("none"), &list, &e), ERR_IO);
    expect_error(&e, ERR_IO, "none", NULL);
}

static void test_join(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *joined = file_join(cases[i][0], cases[i][1]);
        assert_string_equal(joined, cases[i][2]);
        free(joined);
    }
}

static void test_natural_order(void **state)
{
    (void)state;
    static const char *const ordered[] = {
        "",   "1",  "02",  "2", "10",         "99999999999999999999", "100000000000000000000",
        "A1", "a2", "A10", "b", "frame2.png", "frame10.png",          "frame10b.png",
        "z"};
    const size_t n = sizeof ordered / sizeof *ordered;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int order = file_natural_order(&ordered[i], &ordered[k]);
            if ((order < 0) != (i < k))
                fail_msg("'%s' and '%s' are in the wrong order", ordered[i], ordered[k]);
            assert_int_equal(order == 0, i == k);
            int back = file_natural_order(&ordered[k], &ordered[i]);
            assert_int_equal(order<0, back> 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dangling_link, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_pipes, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_no_signal, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_lock, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_lock_by_any_name, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_atomic_write, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_appeared_meanwhile, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_unwritable, folder_begin, folder_end),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test_setup_teardown(test_full_disk, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_links_stay, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(test_read, folder_begin, folder_end),
        cmocka_unit_test(test_read_kernel),
        cmocka_unit_test_setup_teardown(test_folders, folder_begin, folder_end),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_natural_order),
    };
    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
