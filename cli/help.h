/* Help texts and man page, from the tables of verbs, flags and options. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "args.h"

void help_general(const struct verb *const *verbs);
/* `model` (may be NULL): whose options to list with a verb that takes settings. */
void help_verb(const struct verb *verb, const char *model);
void help_man(const struct verb *const *verbs); /* troff */

#endif
