/* The command `engram`: finds the verb, reads its flags, runs it. Built on engram.h alone. */
#include "args.h"
#include "commands.h"
#include "console.h"
#include "engram.h"
#include "help.h"
#include "output.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* In the order to show them. */
static const struct verb *const verbs[] = {&verb_train, &verb_add,  &verb_score, &verb_eval, &verb_info, &verb_models,
                                           &verb_data,  &verb_demo, &verb_bench, &verb_help, NULL};

/* A closed standard stream would hand its number to the next file opened, and results would be written into that. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY); /* the wrong way round: its use is an error */
}

/* Who tells OpenMP how threads wait or where they run, is not interfered with. One that is bound to a core already
 * would begin again with that core alone. */
static bool user_sets_threads(void)
{
    static const char *const names[] = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT",    "OMP_PROC_BIND",
                                        "OMP_PLACES",      "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return true;
    return false;
}

/* OpenMP's idle threads spin for milliseconds, which is noise between steps; put to sleep at once, they wake too slowly
 * for small nets. libgomp reads how long before main begins, so the only way to tell it is to begin again: 20 ms, paid
 * by verbs that run for seconds. One picture is scored without it: cold start counts there. */
static void wait_politely(char **argv, const struct args *args)
{
    bool computes = args->verb->computes && args->verb->computes(args);
    if (!computes || user_sets_threads())
        return;
    char path[4096], count[32];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    snprintf(count, sizeof count, "%d", engram_spin_count());
    if (n < 0 || setenv("OMP_WAIT_POLICY", "passive", 1) != 0 || setenv("GOMP_SPINCOUNT", count, 1) != 0)
        return;
    path[n] = 0;
    execv(path, argv); /* where that fails, it works as well, only less politely */
}

/* The library computes on as many threads as there are cores. In a build with LLVM's OpenMP, libgomp, which oneDNN
 * brings, binds the first thread to a core before LLVM's counts them. */
static void check_threads(int asked)
{
    int n = engram_threads(asked);
    if (getenv("OMP_PROC_BIND") && engram_threads(0) == 1 && sysconf(_SC_NPROCESSORS_ONLN) > 1)
        console_warn("OMP_PROC_BIND leaves one processor core to this process; without it there may be %ld",
                     sysconf(_SC_NPROCESSORS_ONLN));
    if (asked > n)
        console_warn("this process may use %d processor core%s: %d threads are asked for, %d will compute", n,
                     n == 1 ? "" : "s", asked, n);
}

static int show_help(const struct args *args)
{
    if (args->version)
        printf("engram %s\n", engram_version());
    else if (args->verb)
        help_verb(args->verb, args->noperands ? args->operands[0] : NULL);
    else
        help_general(args->verbs);
    return output_flush();
}

static int run(char **argv, const struct args *args)
{
    if (args->version || args->help)
        return show_help(args);
    wait_politely(argv, args);
    console_begin(args->quiet, args->verbose, true);
    check_threads(args->threads);
    int code = console_catch_signals();
    if (!code)
        code = args->verb->run(args);
    console_debug("exit code %d, at most %.0f MiB of memory", code, (double)console_peak_memory() / (1 << 20));
    return code;
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is a failed write, seen where it happens */
    console_begin(false, false, false);
    struct args args;
    int code = args_parse(verbs, argc, argv, &args);
    if (!code)
        code = run(argv, &args);
    args_free(&args);
    return code;
}
