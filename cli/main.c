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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the order to show them. */
static const struct verb verbs[] = {
    {"train", "MODEL DATA", "learn what normal looks like",
     "Trains MODEL on the normal samples of DATA and writes a model file. DATA is a folder of pictures, a folder with "
     "train/ and test/ parts (MVTec AD layout or one folder a class), idx files, or SOURCE:PATH?option=value; see "
     "engram "
     "data --help. Everything wrong with the data is said before the first step. The file is usable from the first "
     "epoch on. The first Ctrl-C finishes the step, saves, and exits with 130; --resume goes on from there.",
     "engram train memae photos/ -o photos.safetensors\n"
     "engram train memae 'idx:mnist/?normal=3' --preset mnist -o three.safetensors\n"
     "engram train ae synth: --epochs 2 --seed 7 -o toy.safetensors",
     train_flags, 2, 2, true, cmd_train},
    {"score", "FILE DATA...", "say how abnormal each sample is",
     "Scores every sample of DATA (pictures, folders, or SOURCE:PATH) with the model in FILE, in order, one row each: "
     "path, index, score, p_value, anomalous, error. A score is raw, higher is more abnormal. The p-value is the share "
     "of "
     "normal samples with such a score or a higher one; a sample is anomalous where it is at most the false-alarm "
     "rate. "
     "A sample that cannot be read is a row with its error, and the exit code is 1.",
     "engram score photos.safetensors new/ > scores.csv\n"
     "engram score photos.safetensors new/ --maps maps/ --false-alarm-rate 0.01\n"
     "engram score photos.safetensors one.png --format jsonl",
     score_flags, 2, 1 << 20, false, cmd_score},
    {"eval", "FILE... DATA", "measure a model on labelled data",
     "Scores the test part of DATA, which must say what is normal and what is not, with each model FILE and prints "
     "what "
     "was measured: area under the ROC curve, average precision, false-alarm and detection rate at the calibrated "
     "threshold, and the same by kind of anomaly.",
     "engram eval bottle.safetensors bottle/ --report report.html\n"
     "engram eval memae.safetensors ae.safetensors 'idx:mnist/?normal=3' --format text",
     eval_flags, 2, 100, false, cmd_eval},
    {"info", "FILE", "say what is in a model file",
     "Prints the options, preprocessing, calibration and provenance that a model file holds.",
     "engram info photos.safetensors\nengram info photos.safetensors --format jsonl", info_flags, 1, 1, false,
     cmd_info},
    {"models", "[MODEL]", "list the models, or one model's options and presets", "",
     "engram models\nengram models memae", models_flags, 0, 1, false, cmd_models},
    {"data", "[DATA]", "look at data before anything is learnt from it",
     "Says what is found at DATA: parts, kinds, sizes, masks, what was skipped, and opens every sample to say what is "
     "wrong. Without DATA it lists the sources and their options.",
     "engram data\nengram data bottle/\nengram data 'idx:mnist/?normal=3' --list", data_flags, 0, 1, false, cmd_data},
    {"demo", "[DIR]", "see it work on Fashion-MNIST",
     "Trains memae and ae, the same net with and without memory, on one class of Fashion-MNIST as what is normal, "
     "evaluates both on the whole test set, prints a table and writes DIR/report.html (DIR is demo without it).",
     "engram demo\nengram demo out/ --normal 5", demo_flags, 0, 1, false, cmd_demo},
    {"bench", "[MODEL]", "measure speed on this machine",
     "Times steps of MODEL (memae without it) on random input, no data needed: scoring, or with --train whole "
     "training steps. Prints the median, samples a second and the most memory that was in use. With --profile one row "
     "for each operation and pass: milliseconds, share of the sum, GFLOP/s, share of the convolution peak that is "
     "measured beside it, and the size of its result.",
     "engram bench memae --preset mnist --train\n"
     "engram bench memae --preset cifar10 --precision bf16 --threads 1\n"
     "engram bench memae --preset video --train --profile --repeat 5",
     bench_flags, 0, 1, true, cmd_bench},
    {"help", "[VERB]", "show help, the man page or shell completion", "",
     "engram help train\nengram help --man | man -l -\neval \"$(engram help --completion bash)\"", help_flags, 0, 1,
     false, cmd_help},
    {0},
};

/* A closed standard stream would hand its number to the next file opened, and results would be written into that. */
static void keep_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY); /* the wrong way round: its use is an error */
}

/* OpenMP's idle threads spin for milliseconds, which slows whatever else runs here, and our own decoding threads; put
 * to sleep at once, they wake too slowly for small nets. A short spin gives both. An MNIST training step on two cores
 * takes, by GOMP_SPINCOUNT, 6.5 ms (0), 3.1 (500), 3.0 (2000); while another process has one of them, 6.2, 7.8
 * and 13.5. libgomp reads it before main begins, so the only way to tell it is to begin again: 20 ms, paid by verbs
 * that run for seconds. One picture is scored without it: cold start counts there. */
static void wait_politely(char **argv, const struct args *args)
{
    bool computes = args->verb->run == cmd_train || args->verb->run == cmd_eval || args->verb->run == cmd_demo ||
                    args->verb->run == cmd_bench;
    struct stat status;
    if (args->verb->run == cmd_score)
        computes = args->noperands > 2 || stat(args->operands[1], &status) != 0 || !S_ISREG(status.st_mode);
    if (!computes || args->help || getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0 || setenv("OMP_WAIT_POLICY", "passive", 1) != 0 || setenv("GOMP_SPINCOUNT", "500", 1) != 0)
        return;
    path[n] = 0;
    execv(path, argv); /* where that fails, it works as well, only less politely */
}

static int run(char **argv, const struct args *args)
{
    if (args->version) {
        printf("engram %s\n", engram_version());
        return output_flush();
    }
    if (!args->verb) {
        help_general(args->verbs);
        return output_flush();
    }
    if (args->help) {
        help_verb(args->verb, args->noperands ? args->operands[0] : NULL);
        return output_flush();
    }
    wait_politely(argv, args);
    console_begin(args->quiet, args->verbose, true);
    int code = console_catch_signals();
    return code ? code : args->verb->run(args);
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
