#include "console.h"

#include "visible.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool quiet, verbose, bar, colour;
    bool shown;       /* there is a bar on the screen */
    double last_draw; /* seconds: the bar is drawn ten times a second */
    double last_line; /* seconds: without a bar, a line now and then */
    double started;
    char doing[32]; /* what the last progress was of */
} console;

static volatile sig_atomic_t caught, training; /* the signal; whether a stop has something to save */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void console_begin(bool quiet, bool verbose, bool bar)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
    console.quiet = quiet;
    console.verbose = verbose;
    console.bar = terminal && bar && !quiet;
    console.colour = terminal && !(no_colour && *no_colour);
    console.last_line = now();
    console.started = console.started > 0 ? console.started : now();
}

void console_clear(void)
{
    if (console.shown)
        fputs("\r\033[K", stderr);
    console.shown = false;
}

/* ---- messages ---- */

enum tone { TONE_PLAIN, TONE_WARN, TONE_ERROR };

static void print(enum tone tone, const char *format, va_list args)
{
    static const char *const label[] = {"", "warning: ", "error: "}, *const colour[] = {"", "\033[33m", "\033[31m"};
    char *text = NULL;
    console_clear();
    console.last_line = now();
    if (tone != TONE_PLAIN)
        fprintf(stderr, "engram: %s%s%s", console.colour ? colour[tone] : "", label[tone],
                console.colour ? "\033[0m" : "");
    char shown[VISIBLE];
    int n = vasprintf(&text, format, args);
    for (const char *at = n < 0 ? "out of memory" : text; *at;) {
        at += visible_next(at, VISIBLE_ALL, shown);
        fputs(shown, stderr);
    }
    fputc('\n', stderr);
    if (n >= 0)
        free(text);
}

void console_debug(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (console.verbose) {
        console_clear();
        fprintf(stderr, "[%.2f s] ", now() - console.started);
        print(TONE_PLAIN, format, args);
    }
    va_end(args);
}

void console_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!console.quiet)
        print(TONE_PLAIN, format, args);
    va_end(args);
}

void console_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(TONE_WARN, format, args);
    va_end(args);
}

int console_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(TONE_ERROR, format, args);
    va_end(args);
    return EXIT_FAILED;
}

int console_usage(const char *verb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print(TONE_ERROR, format, args);
    va_end(args);
    fprintf(stderr, "See: engram %s%s--help\n", verb ? verb : "", verb ? " " : "");
    return EXIT_USAGE;
}

int console_refuse(engram_error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->code = code;
    vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return -1;
}

int console_report(const engram_error *error)
{
    if (error->code == ENGRAM_STOPPED)
        return console_interrupted() ? console_signal_code() : EXIT_OK;
    console_error("%s", error->message);
    return error->code == ENGRAM_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static void on_log(void *user, int level, const char *text)
{
    (void)user;
    if (level == ENGRAM_LOG_WARN)
        console_warn("%s", text);
    else if (level == ENGRAM_LOG_INFO)
        console_info("%s", text);
    else
        console_debug("%s", text);
}

/* ---- progress ---- */

const char *console_duration(double seconds, char *text)
{
    long s = seconds > 0 && seconds < 1e9 ? lround(seconds) : 0;
    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    return text;
}

/* Share of the whole call that is done; negative: not known. */
static double progress_share(const engram_progress *p)
{
    if (p->total <= 0)
        return -1;
    double part = (double)p->done / (double)p->total;
    return p->epochs > 0 ? ((double)p->epoch - 1 + part) / (double)p->epochs : part;
}

/* "training epoch 3/25" */
static int progress_title(const engram_progress *p, char *text, size_t size)
{
    if (p->epochs > 0)
        return snprintf(text, size, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    if (p->total > 0)
        return snprintf(text, size, "%s %lld/%lld", p->what, (long long)p->done, (long long)p->total);
    return snprintf(text, size, "%s %lld", p->what, (long long)p->done);
}

static size_t append(char *text, size_t size, size_t used, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static size_t append(char *text, size_t size, size_t used, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = used < size ? vsnprintf(text + used, size - used, format, args) : 0;
    va_end(args);
    return used + (n > 0 ? (size_t)n : 0);
}

static void draw_bar(const engram_progress *p)
{
    enum { WIDTH = 24 };
    static const char full[] = "========================", empty[] = "                        ";
    char line[400], time[32], title[80];
    progress_title(p, title, sizeof title);
    size_t used = append(line, sizeof line, 0, "%s", title);
    double share = progress_share(p);
    if (share >= 0) {
        int n = share >= 1 ? WIDTH : (int)(share * WIDTH);
        used = append(line, sizeof line, used, " [%.*s%.*s] %3.0f%%", n, full, WIDTH - n, empty, 100 * share);
    }
    if (p->seconds_left >= 0)
        used = append(line, sizeof line, used, "  %s left", console_duration(p->seconds_left, time));
    for (size_t i = 0; i < p->nvalues; i++)
        used = append(line, sizeof line, used, "  %s %.4g", p->names[i], p->values[i]);
    struct winsize w = {0};
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1 : 79;
    fprintf(stderr, "\r%.*s\033[K", width, line);
    fflush(stderr);
    console.shown = true;
}

static void epoch_line(const engram_progress *p)
{
    char line[400], time[32];
    size_t used = append(line, sizeof line, 0, "epoch %lld/%lld", (long long)p->epoch, (long long)p->epochs);
    for (size_t i = 0; i < p->nvalues; i++)
        used = append(line, sizeof line, used, "  %s %.5g", p->names[i], p->values[i]);
    if (isfinite(p->validation_loss))
        used = append(line, sizeof line, used, "  validation %.5g", p->validation_loss);
    if (p->kept)
        used = append(line, sizeof line, used, "  kept");
    if (p->saved)
        used = append(line, sizeof line, used, ", saved");
    if (p->seconds_left > 0 && p->epoch < p->epochs)
        append(line, sizeof line, used, "  %s left", console_duration(p->seconds_left, time));
    console_info("%s", line);
}

static void on_progress(void *user, const engram_progress *p)
{
    (void)user;
    training = p->epochs > 0;
    if (strncmp(console.doing, p->what, sizeof console.doing - 1)) {
        snprintf(console.doing, sizeof console.doing, "%s", p->what);
        console_debug("%s", p->what);
    }
    if (console.quiet)
        return;
    if (p->epoch_done) {
        epoch_line(p);
        return;
    }
    double t = now();
    if (console.bar && t - console.last_draw >= 0.1) {
        console.last_draw = t;
        draw_bar(p);
    } else if (!console.bar && t - console.last_line >= 15) {
        char title[80], left[32];
        progress_title(p, title, sizeof title);
        console_info("%s%s%s%s", title, p->seconds_left >= 0 ? ", " : "",
                     p->seconds_left >= 0 ? console_duration(p->seconds_left, left) : "",
                     p->seconds_left >= 0 ? " left" : "");
    }
}

/* ---- signals ---- */

enum { PATIENCE = 3 }; /* seconds */

static engram_stop *stop;

/* Whatever is in hand may hang: in a pipe that nobody writes to, a disk that does not answer. */
static void on_alarm(int number)
{
    static const char text[] = "\nengram: stopped, although what was in hand did not end\n";
    (void)number;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(128 + caught);
}

static void on_signal(int number)
{
    caught = number;
    engram_stop_set(stop);
    if (!training)
        alarm(PATIENCE);
}

/* Where signals arrive: this thread computes nothing. A handler writes on the stack of whoever is interrupted, and
 * oneDNN's generated code uses the stack's register for other things: in a thread that computes it would write into
 * the heap. */
static void *be_interrupted(void *signals)
{
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    for (;;)
        pause();
    return NULL;
}

/* Before any other thread is made, which inherit what is blocked. Without such a thread they arrive anywhere. */
static void keep_from_computing(const sigset_t *signals)
{
    static sigset_t of_thread;
    pthread_t id;
    of_thread = *signals;
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    if (pthread_create(&id, NULL, be_interrupted, &of_thread))
        pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    else
        pthread_detach(id);
}

int console_catch_signals(void)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t signals;
    engram_error error;
    if (engram_stop_new(&stop, &error))
        return console_report(&error);
    console_hooks.stop = stop;
    sigemptyset(&signals);
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {0}, before;
        action.sa_handler = on_signal;
        action.sa_flags = (int)SA_RESETHAND | SA_RESTART; /* the second one has its usual effect */
        sigaction(stops[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* nohup */
            sigaction(stops[i], &action, NULL);
        sigaddset(&signals, stops[i]);
    }
    signal(SIGALRM, on_alarm);
    sigaddset(&signals, SIGALRM);
    keep_from_computing(&signals);
    return EXIT_OK;
}

bool console_interrupted(void)
{
    return caught != 0;
}

int console_signal_code(void)
{
    return 128 + caught;
}

engram_hooks console_hooks = {.size = sizeof console_hooks, .log = on_log, .progress = on_progress};

const char *console_date(char *text)
{
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    time_t t = fixed ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
    struct tm tm;
    return gmtime_r(&t, &tm) && strftime(text, 32, "%Y-%m-%d", &tm) ? text : NULL;
}

/* ---- memory ---- */

void console_watch_memory(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t written = write(fd, "5", 1); /* sets the peak to what is in use now; where refused, it stays since start */
    (void)written;
    close(fd);
}

size_t console_peak_memory(void)
{
    char line[200];
    size_t kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %zu", &kilobytes) == 1)
            break;
    if (f)
        fclose(f);
    struct rusage use;
    if (!kilobytes && getrusage(RUSAGE_SELF, &use) == 0)
        kilobytes = (size_t)use.ru_maxrss;
    return kilobytes * 1024;
}
