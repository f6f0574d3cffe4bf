#include "file/train_config.h"

#include <sched.h>
#include <stdlib.h>

#define ROW(name, type, field, value, min, max, choices, help)                                                         \
    {                                                                                                                  \
        name, type, offsetof(struct train_config, field), value, min, max, choices, help                               \
    }

const struct option train_options[] = {
    ROW("epochs", OPTION_INT, epochs, "50", 1, 1000000, NULL, "times that training goes through the data"),
    ROW("batch", OPTION_INT, batch, "64", 1, 65536, NULL, "samples per training step; fewer where there are fewer"),
    ROW("lr", OPTION_FLOAT, lr, "0.001", 1e-9, 10, NULL, "learning rate of Adam"),
    ROW("lr_epochs", OPTION_INTS, lr_epochs, "", 1, 1000000, NULL,
        "epochs after each of which the learning rate is multiplied by lr_factor"),
    ROW("lr_factor", OPTION_FLOAT, lr_factor, "0.1", 1e-6, 1, NULL, "what the learning rate is multiplied by"),
    ROW("beta1", OPTION_FLOAT, beta1, "0.9", 0, 0.9999, NULL, "Adam's decay of the mean gradient"),
    ROW("beta2", OPTION_FLOAT, beta2, "0.999", 0, 0.999999, NULL, "Adam's decay of the mean squared gradient"),
    ROW("seed", OPTION_INT, seed, "1", 0, 9007199254740992, NULL, "of all random choices: equal seeds, equal models"),
    ROW("threads", OPTION_INT, threads, "0", 0, 1024, NULL, "processor cores to use; 0: all"),
    ROW("precision", OPTION_CHOICE, precision, "f32", 0, 0, "f32|bf16|auto",
        "number format between layers; auto: bf16 where the processor computes in it"),
    ROW("size", OPTION_STRING, size, "0", 0, 0, NULL,
        "pixels that pictures are resized to: N or HEIGHTxWIDTH; 0: chosen from the data"),
    ROW("channels", OPTION_INT, channels, "0", 0, 3, NULL, "1: grey, 3: colour, 0: chosen from the data"),
    ROW("frames", OPTION_INT, frames, "0", 0, 1024, NULL, "of a clip, which is one sample; 0: pictures"),
    ROW("range", OPTION_CHOICE, range, "-1..1", 0, 0, "-1..1|0..1", "what black and white become"),
    ROW("validation", OPTION_FLOAT, validation, "0.05", 0, 0.9, NULL,
        "share of the normal training data that chooses the epoch to keep"),
    ROW("calibration", OPTION_FLOAT, calibration, "0.1", 0, 0.9, NULL,
        "share of the normal training data that sets the threshold"),
    ROW("patience", OPTION_INT, patience, "0", 0, 1000000, NULL,
        "epochs without a better validation loss after which training ends; 0: never"),
    ROW("keep", OPTION_CHOICE, keep, "best", 0, 0, "best|last",
        "whose weights to keep: the epoch of the lowest validation loss, or the last"),
    ROW("flip_h", OPTION_BOOL, flip_h, "false", 0, 0, NULL, "mirror training pictures left to right at random"),
    ROW("flip_v", OPTION_BOOL, flip_v, "false", 0, 0, NULL, "mirror training pictures top to bottom at random"),
    ROW("cache", OPTION_INT, cache, "2048", 0, 1 << 24, NULL, "MiB of memory for decoded pictures"),
    ROW("keep_state", OPTION_BOOL, keep_state, "false", 0, 0, NULL,
        "leave OUTPUT.train in place when training is complete, to train more epochs later"),
    {0},
};

/* Reads a side of 1 to 65536 pixels; NULL when there is none. */
static const char *parse_side(const char *text, int *side)
{
    char *end;
    long v = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
    if (v < 1 || v > 65536)
        return NULL;
    *side = (int)v;
    return end;
}

int train_size_parse(const char *text, int *height, int *width, struct err *e)
{
    *height = *width = 0;
    if (text[0] == '0' && !text[1])
        return 0;
    const char *rest = parse_side(text, height);
    *width = *height;
    if (rest && (*rest == 'x' || *rest == 'X'))
        rest = parse_side(rest + 1, width);
    if (rest && !*rest)
        return 0;
    return err_set(e, ERR_USAGE,
                   "option size takes 0, a number of pixels such as 64, or HEIGHTxWIDTH such as 64x96, "
                   "each at most 65536; not '%s'",
                   text);
}

int threads_choose(int64_t asked)
{
    cpu_set_t cores;
    if (asked > 0)
        return (int)asked;
    return sched_getaffinity(0, sizeof cores, &cores) ? 1 : CPU_COUNT(&cores);
}

int train_config_check(const struct train_config *c, struct err *e)
{
    int height, width;
    TRY(train_size_parse(c->size, &height, &width, e));
    if (c->channels == 2)
        return err_set(e, ERR_USAGE, "option channels takes 1 (grey), 3 (colour) or 0 (chosen from the data), not 2");
    if (c->validation + c->calibration > 0.9)
        return err_set(e, ERR_USAGE,
                       "options validation (%g) and calibration (%g) would hold out more than 0.9 of the "
                       "training data; lower one of them",
                       c->validation, c->calibration);
    if (c->patience && c->validation <= 0)
        return err_set(e, ERR_USAGE,
                       "option patience (%lld) needs a validation loss, but validation is 0; set "
                       "validation=0.05, or patience=0",
                       (long long)c->patience);
    return 0;
}
