/* engram score on live streams, from a real RTSP server on this machine where GStreamer's is installed. */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char script[4096]; /* the camera's */

static int begin(void **state)
{
    return realpath("tests/cli/rtsp_camera.py", script) ? command_begin(state) : -1;
}

struct camera {
    pid_t pid;
    int port;
};

/* Skips the test where there is no camera to be had. */
static struct camera camera_start(const char *frames)
{
    int out[2], port = 0;
    assert_int_equal(pipe(out), 0);
    struct camera c = {.pid = fork()};
    if (c.pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        execl("/usr/bin/python3", "python3", script, frames, "served", (char *)NULL);
        _exit(99);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    bool ready = said && fscanf(said, "ready %d", &port) == 1;
    fclose(said);
    c.port = port;
    if (ready)
        return c;
    waitpid(c.pid, NULL, 0);
    print_message("no RTSP server here (python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good): skipped\n");
    skip();
    return c;
}

static void camera_stop(struct camera c)
{
    kill(c.pid, SIGKILL);
    waitpid(c.pid, NULL, 0);
}

/* As long as the camera goes on, until Ctrl-C: which is a good end. */
static void a_camera_until_ctrl_c(void **state)
{
    (void)state;
    small_model();
    struct camera c = camera_start("0");
    char words[200];
    snprintf(words, sizeof words, "score small.safetensors rtsp://me:secret@127.0.0.1:%d/camera --overlay seen.mp4",
             c.port);
    struct ran r = run_how(&(struct how){.interrupt = "lines:7"}, words);
    camera_stop(c);
    assert_code(r, 0);
    assert_true(count_lines(r.out) > 5);
    assert_says(line_of(r.out, 1), "/camera,0,");
    assert_null(strstr(r.out, "secret"));
    assert_null(strstr(r.err, "secret"));
    assert_says(r.err, "frames scored");
    assert_says(r.err, "dropped; verdicts came");
    assert_says(r.err, "connected 1 time");
    assert_true(exists("seen.mp4"));
}

/* A stream that ends is asked for again, and its frames count on. */
static void a_connection_that_is_lost(void **state)
{
    (void)state;
    small_model();
    remove("served");
    struct camera c = camera_start("10");
    char words[200];
    snprintf(words, sizeof words, "score small.safetensors rtsp://127.0.0.1:%d/camera --late wait", c.port);
    struct ran r = run_how(&(struct how){.interrupt = "served"}, words);
    camera_stop(c);
    assert_code(r, 0);
    assert_says(r.err, "it is tried again");
    assert_says(r.err, "connected 2 times");
    assert_true(count_lines(r.out) > 12);
}

static void an_end_without_reconnection(void **state)
{
    (void)state;
    small_model();
    struct camera c = camera_start("10");
    char words[200];
    snprintf(words, sizeof words, "score small.safetensors rtsp://127.0.0.1:%d/camera --reconnect 0 --late wait",
             c.port);
    struct ran r = run(words);
    camera_stop(c);
    assert_code(r, 0);
    assert_true(count_lines(r.out) > 5);
}

static void nobody_is_there(void **state)
{
    (void)state;
    small_model();
    struct ran r = run("score small.safetensors rtsp://me:secret@127.0.0.1:9/camera");
    assert_code(r, 1);
    assert_says(r.out, "rtsp://127.0.0.1:9/camera cannot be opened");
    assert_null(strstr(r.out, "secret"));
    r = run("score small.safetensors v4l2:/dev/no-such-camera");
    assert_code(r, 1);
    assert_says(r.out, "v4l2:/dev/no-such-camera cannot be opened");
}

static void what_live_streams_are_not_for(void **state)
{
    (void)state;
    small_model();
    assert_refused(run("score small.safetensors rtsp://127.0.0.1:9/one rtsp://127.0.0.1:9/two"), 2, "of its own");
    assert_refused(run("train ae rtsp://127.0.0.1:9/camera -o never.safetensors"), 2, "live stream");
    assert_refused(run("eval small.safetensors rtsp://127.0.0.1:9/camera"), 1, "nothing to measure");
    assert_false(exists("never.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_camera_until_ctrl_c),         cmocka_unit_test(a_connection_that_is_lost),
        cmocka_unit_test(an_end_without_reconnection),   cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(what_live_streams_are_not_for),
    };
    return cmocka_run_group_tests_name("cli: live", tests, begin, folder_end);
}
