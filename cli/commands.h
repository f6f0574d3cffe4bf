/* The verbs, one file each: flags, texts and work. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "args.h"

extern const struct verb verb_train, verb_add, verb_score, verb_eval, verb_info, verb_models, verb_data, verb_demo, verb_bench,
    verb_help;

#endif
