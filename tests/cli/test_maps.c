/* engram score --maps: where maps go, what they never overwrite, what becomes of those that cannot be written. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void maps_mirror_the_data(void **state)
{
    (void)state;
    small_model();
    write_png("pictures/frame2.png", 16, 16, 1, 1);
    write_png("pictures/Frame3.PNG", 40, 20, 3, 3);
    write_png("pictures/sub/odd, \"name\".png", 16, 16, 1, 4);
    assert_code(run("score small.safetensors pictures --maps maps/deep --npy -q"), 0);
    assert_true(exists("maps/deep/frame2.png.map.png"));
    assert_true(exists("maps/deep/Frame3.PNG.map.png"));
    assert_true(exists("maps/deep/sub/odd, \"name\".png.map.png"));
    size_t size;
    char *npy = read_file("maps/deep/frame2.png.map.npy", &size);
    assert_memory_equal(npy, "\x93NUMPY\x01\x00", 8);
    assert_says(npy + 10, "'shape': (16, 16)");
    assert_int_equal(size % 64, 16 * 16 * 4 % 64);
    free(npy);
    assert_code(run("score small.safetensors pictures --maps maps/deep -q --force"), 0);
    write_file("in-the-way", "x", 1);
    struct ran r = run("score small.safetensors pictures --maps in-the-way");
    assert_refused(r, 1, "in-the-way");
    assert_string_equal(r.out, "");
}

/* Each map that is there already is said in its row, and the rest goes on. */
static void existing_maps_are_kept(void **state)
{
    (void)state;
    small_model();
    write_png("two/a.png", 16, 16, 1, 1);
    write_png("two/b.png", 16, 16, 1, 2);
    write_file("kept/a.png.map.png", "precious", 8);
    struct ran r = run("score small.safetensors two --maps kept --score model");
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 3);
    assert_says(line_of(r.out, 1), "two/a.png,0,0.");
    assert_says(line_of(r.out, 1), "kept/a.png.map.png");
    assert_says(line_of(r.out, 2), "e,"); /* no error */
    assert_says(r.err, "1 heat map could not be written");
    assert_true(exists("kept/b.png.map.png"));
    char *kept = read_file("kept/a.png.map.png", NULL);
    assert_string_equal(kept, "precious");
    free(kept);
    assert_refused(run("score small.safetensors two --maps kept --strict"), 1, "kept/a.png.map.png");
}

/* Maps beside the pictures, with --force: the pictures stay as they are, also those that are called as a map. */
static void pictures_are_never_overwritten(void **state)
{
    (void)state;
    small_model();
    write_png("new/a.png", 16, 16, 1, 1);
    write_png("new/b.png", 16, 16, 1, 2);
    write_png("new/b.png.map.png", 16, 16, 1, 3);
    write_png("same/a.png", 16, 16, 1, 1);
    write_png("same/b.png", 16, 16, 1, 2);
    write_png("same/b.png.map.png", 16, 16, 1, 3);
    struct ran r = run("score small.safetensors new/ --maps new/ --force");
    assert_code(r, 4);
    assert_true(same_files("new/a.png", "same/a.png"));
    assert_true(same_files("new/b.png", "same/b.png"));
    assert_true(same_files("new/b.png.map.png", "same/b.png.map.png"));
    assert_true(exists("new/a.png.map.png"));
    assert_says(line_of(r.out, 2), "that file is scored");
    assert_says(r.err, "1 heat map could not be written");
}

/* By device and inode, whatever the way to it. */
static void links_to_pictures_are_known(void **state)
{
    (void)state;
    small_model();
    write_png("linked/a.png", 16, 16, 1, 1);
    write_png("linked/copy.png", 16, 16, 1, 1);
    write_file("elsewhere/x", "", 0);
    assert_int_equal(link("linked/a.png", "elsewhere/a.png.map.png"), 0);
    struct ran r = run("score small.safetensors linked/a.png --maps elsewhere --force");
    assert_code(r, 4);
    assert_says(line_of(r.out, 1), "that file is scored");
    assert_true(same_files("linked/a.png", "linked/copy.png"));
    assert_true(same_files("elsewhere/a.png.map.png", "linked/copy.png"));
}

/* No two samples have one map, and one that cannot be written is one row's matter. */
static void names_that_end_alike_or_are_long(void **state)
{
    (void)state;
    char path[400], name[241];
    small_model();
    memset(name, 'n', 240);
    name[240] = 0;
    snprintf(path, sizeof path, "names/%s.long.png", name);
    write_png(path, 16, 16, 1, 0);
    write_png("names/a.jpg", 16, 16, 1, 1);
    write_png("names/a.jpg.png", 16, 16, 1, 2);
    write_png("names/a.png", 16, 16, 1, 3);
    write_png("names/z.png", 16, 16, 1, 4);
    struct ran r = run("score small.safetensors names --maps apart");
    assert_code(r, 4);
    assert_int_equal(count_lines(r.out), 6);
    assert_says(r.err, "5 scored");
    assert_says(r.err, "1 heat map could not be written");
    assert_true(exists("apart/a.jpg.map.png"));
    assert_true(exists("apart/a.jpg.png.map.png"));
    assert_true(exists("apart/a.png.map.png"));
    assert_true(exists("apart/z.png.map.png"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_mirror_the_data),
        cmocka_unit_test(existing_maps_are_kept),
        cmocka_unit_test(pictures_are_never_overwritten),
        cmocka_unit_test(links_to_pictures_are_known),
        cmocka_unit_test(names_that_end_alike_or_are_long),
    };
    return cmocka_run_group_tests_name("cli: maps", tests, command_begin, folder_end);
}
