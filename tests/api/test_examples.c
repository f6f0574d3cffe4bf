/* The examples, as they were built against the shared library. */
#include "support.h"

#include "support/limits.h"
#include "support/pictures.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[4096]; /* where they are */

/* Runs an example, its output in out.txt and err.txt; what it printed is the caller's to free. */
static char *run(const char *name, const char *words, int want)
{
    char command[8192];
    snprintf(command, sizeof command, "%s/%s %s >out.txt 2>err.txt", folder, name, words);
    int status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
        fail_msg("%s: status %d: %s", command, status, (char *)read_file("err.txt", NULL));
    return read_file(want ? "err.txt" : "out.txt", NULL);
}

static int begin(void **state)
{
    char path[4096];
    const char *example = getenv("ENGRAM_EXAMPLE");
    if (!example || !realpath(example, path))
        return -1;
    snprintf(folder, sizeof folder, "%s", dirname(path));
    if (model_begin(state))
        return -1;
    for (int i = 0; i < 6; i++)
        write_png(in_folder("%d.png", i), 20, 16, 1, i * 30);
    return 0;
}

static void one_file(void **state)
{
    (void)state;
    char *text = run("score_one", "model.safetensors 0.png", 0);
    assert_says(text, "score ");
    free(text);
    text = run("score_one", "model.safetensors none.png", 1);
    assert_says(text, "none.png");
    free(text);
    free(run("score_one", "", 2));
}

/* One model on many threads: the same lines, in the order of the pictures. */
static void many_threads(void **state)
{
    (void)state;
    char *one = run("score_threads", "model.safetensors 1 0.png 1.png 2.png 3.png 4.png 5.png", 0),
         *many = run("score_threads", "model.safetensors 4 0.png 1.png 2.png 3.png 4.png 5.png", 0);
    assert_string_equal(one, many);
    assert_says(one, "5.png: score ");
    free(one);
    free(many);
    many = run("score_threads", "model.safetensors 3 0.png none.png 1.png", 1);
    assert_says(many, "none.png");
    free(many);
}

static void a_stream(void **state)
{
    enum { FRAME = 20 * 16 * 3 };
    uint8_t frames[5 * FRAME + 7]; /* and a bit of a sixth */
    (void)state;
    fill(frames, sizeof frames, 3);
    write_file("frames.rgb", frames, sizeof frames);
    char *text = run("stream", "model.safetensors 20 16 <frames.rgb", 0);
    assert_says(text, "frame 4 at 0.16 s: score ");
    assert_null(strstr(text, "frame 5"));
    assert_says(text, "waits for at most 0 others");
    free(text);
    free(run("stream", "model.safetensors 20 0", 2));
    text = run("stream", "none.safetensors 20 16 <frames.rgb", 1);
    assert_says(text, "none.safetensors");
    free(text);
}

/* Texts as they stand in a file; a line that has too few is said. */
static void rows_of_a_table(void **state)
{
    static const char *const settings[] = {"epochs=2", "threads=1"};
    const engram_train_job job = {.size = sizeof job,
                                  .model = "ae",
                                  .settings = settings,
                                  .nsettings = 2,
                                  .data = "csv:t.csv",
                                  .output = "table"};
    char csv[8000], *text;
    engram_error error;
    int n = 0;
    (void)state;
    for (int i = 0; i < 200; i++)
        n += sprintf(csv + n, "%d,%d,%s\n", i % 13, 2 * (i % 13) + i % 3, i % 2 ? "yes" : "no");
    write_file("t.csv", csv, (size_t)n);
    if (engram_train(&job, NULL, NULL, &error))
        fail_msg("%s", error.message);
    text = run("score_rows", "table <t.csv", 0);
    assert_says(text, "row 0: score ");
    assert_says(text, "row 199: score ");
    free(text);
    write_file("short.csv", "1,2,no\n1,2\n", 11);
    text = run("score_rows", "table <short.csv", 1);
    assert_says(text, "line 2 has 2 fields, but the model takes 3");
    free(text);
    free(run("score_rows", "model.safetensors <t.csv", 1));
}

static void a_camera(void **state)
{
    (void)state;
    char *text = run("camera", "model.safetensors 50", 0);
    assert_says(text, "50 frames, ");
    assert_says(text, "frame 9: score ");
    assert_says(text, "most of it at ");
    free(text);
}

/* Without a number of frames it goes on until Ctrl-C, and then ends as it should. */
static bool has_text(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && s.st_size > 0;
}

static void a_camera_is_stopped(void **state)
{
    (void)state;
    char program[8192];
    int status;
    snprintf(program, sizeof program, "%s/camera", folder);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("stopped.txt", "w", stdout))
            _exit(99);
        execl(program, program, "model.safetensors", (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    for (double left = limit_of(10); left > 0 && !has_text("stopped.txt"); left -= 0.02)
        usleep(20000);
    kill(child, SIGINT);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char *text = read_file("stopped.txt", NULL);
    assert_says(text, " frames, ");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file),        cmocka_unit_test(many_threads), cmocka_unit_test(a_stream),
        cmocka_unit_test(rows_of_a_table), cmocka_unit_test(a_camera),     cmocka_unit_test(a_camera_is_stopped),
    };
    return cmocka_run_group_tests_name("examples", tests, begin, model_end);
}
