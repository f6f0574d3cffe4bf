/* Completion scripts for shells, from the tables of verbs, flags and options. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "args.h"

/* `shell`: "bash", "zsh" or "fish". */
void complete_script(const struct verb *const *verbs, const char *shell);

#endif
