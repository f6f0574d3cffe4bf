/* The verbs' work, one file each. All return an exit code. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "args.h"

int cmd_train(const struct args *args);
int cmd_score(const struct args *args);
int cmd_eval(const struct args *args);
int cmd_info(const struct args *args);
int cmd_models(const struct args *args);
int cmd_data(const struct args *args);
int cmd_demo(const struct args *args);
int cmd_bench(const struct args *args);
int cmd_help(const struct args *args);

extern const struct flag train_flags[], score_flags[], eval_flags[], info_flags[], models_flags[], data_flags[],
    demo_flags[], bench_flags[], help_flags[];

#endif
