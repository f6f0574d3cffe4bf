#include "support.h"

#include "support/limits.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 64, OUTPUT = 1 << 20, SECONDS = 60 }; /* what takes longer hangs */

static char out_text[OUTPUT], err_text[OUTPUT];

/* ---- running ---- */

static void child(const struct how *how, const char *words, int out, int err)
{
    static char copy[8192];
    char *argv[WORDS + 2], *rest;
    int argc = 0;
    const char *program = how->program ? how->program : getenv("ENGRAM_BIN");
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* with a test that failed it does not go on */
    if (strlen(words) >= sizeof copy)
        _exit(126);
    strcpy(copy, words);
    argv[argc++] = (char *)(uintptr_t)program;
    for (char *word = strtok_r(copy, " ", &rest); word && argc < WORDS; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    argv[argc] = NULL;
    if (how->out_file)
        out = open(how->out_file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (how->in_file)
        dup2(open(how->in_file, O_RDONLY), STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (how->limit_bytes) {
        signal(SIGXFSZ, SIG_IGN);
        const struct rlimit limit = {(rlim_t)how->limit_bytes, (rlim_t)how->limit_bytes};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (how->environment)
        putenv((char *)(uintptr_t)how->environment);
    execv(program, argv);
    _exit(127);
}

static bool interrupt_due(const struct how *how)
{
    if (!how->interrupt)
        return false;
    if (!strncmp(how->interrupt, "stderr:", 7))
        return strstr(err_text, how->interrupt + 7) != NULL;
    if (!strncmp(how->interrupt, "lines:", 6))
        return count_lines(out_text) >= atoi(how->interrupt + 6);
    return exists(how->interrupt);
}

/* Reads both streams to their ends, and interrupts on the way. What hangs is killed: the code says so. */
static void listen(const struct how *how, pid_t pid, const int fds[2])
{
    char *const texts[2] = {out_text, err_text};
    size_t used[2] = {0, 0};
    bool open[2] = {fds[0] >= 0, true};
    int left = how->interrupts ? how->interrupts : 1;
    time_t started = time(NULL);
    while (open[0] || open[1]) {
        struct pollfd polls[2] = {{open[0] ? fds[0] : -1, POLLIN, 0}, {open[1] ? fds[1] : -1, POLLIN, 0}};
        poll(polls, 2, 20);
        for (int i = 0; i < 2; i++) {
            if (!open[i] || !polls[i].revents)
                continue;
            ssize_t n = read(fds[i], texts[i] + used[i], OUTPUT - 1 - used[i]);
            open[i] = n > 0;
            used[i] += n > 0 ? (size_t)n : 0;
            texts[i][used[i]] = 0;
        }
        if (time(NULL) - started > (time_t)limit_of(SECONDS))
            kill(pid, SIGKILL);
        if (left && interrupt_due(how)) {
            if (how->look)
                how->look(pid);
            kill(pid, how->signal ? how->signal : SIGINT);
            left--;
        }
    }
}

/* A pipe, or a terminal of 100 columns: what is written to [1] is read from [0]. */
static void make_channel(bool terminal, int fds[2])
{
    if (!terminal) {
        assert_int_equal(pipe(fds), 0);
        return;
    }
    const struct winsize size = {.ws_row = 30, .ws_col = 100};
    fds[0] = posix_openpt(O_RDWR | O_NOCTTY);
    if (fds[0] < 0) {
        print_message("no pseudo-terminals here\n");
        skip();
    }
    assert_true(grantpt(fds[0]) == 0 && unlockpt(fds[0]) == 0);
    fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY);
    assert_true(fds[1] >= 0 && ioctl(fds[1], TIOCSWINSZ, &size) == 0);
}

struct ran run_how(const struct how *how, const char *words)
{
    int out[2], err[2], status;
    out_text[0] = err_text[0] = 0;
    make_channel(how->out_terminal, out);
    make_channel(how->terminal, err);
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    fcntl(err[0], F_SETFD, FD_CLOEXEC);
    if (how->reader_gone)
        close(out[0]);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(how, words, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    listen(how, pid, (const int[]){how->reader_gone ? -1 : out[0], err[0]});
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!how->reader_gone)
        close(out[0]);
    close(err[0]);
    int killed = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return (struct ran){killed ? 128 + killed : WEXITSTATUS(status), killed, out_text, err_text};
}

struct ran run(const char *words)
{
    return run_how(&(struct how){0}, words);
}

/* ---- what every test begins with ---- */

int command_begin(void **state)
{
    if (!getenv("ENGRAM_BIN")) {
        fprintf(stderr, "ENGRAM_BIN has to name the command under test\n");
        return -1;
    }
    unsetenv("ENGRAM_DATA");
    setenv("SOURCE_DATE_EPOCH", "86400", 1);
    return folder_begin(state);
}

const char *small_model(void)
{
    static const char name[] = "small.safetensors";
    if (!exists(name))
        assert_code(run("train memae " SMALL_DATA " -q -o small.safetensors " SMALL_FLAGS), 0);
    return name;
}

/* ---- looking ---- */

void assert_code_at(struct ran ran, int want, const char *file, int line)
{
    if (ran.code != want)
        print_error("stdout:\n%s\nstderr:\n%s\n", ran.out, ran.err);
    _assert_int_equal((LargestIntegralType)ran.code, (LargestIntegralType)want, file, line);
}

void assert_refused_at(struct ran ran, int want, const char *text, const char *file, int line)
{
    assert_code_at(ran, want, file, line);
    assert_says_at(ran.err, "engram: error: ", file, line);
    assert_says_at(ran.err, text, file, line);
}

const char *line_of(const char *text, int i)
{
    static char line[4096];
    for (; i > 0; i--)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : "";
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    return line;
}

int count_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}
