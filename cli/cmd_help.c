#include "commands.h"
#include "console.h"
#include "help.h"
#include "output.h"

#include <string.h>

const struct flag help_flags[] = {
    {"man", 0, FLAG_SWITCH, offsetof(struct args, man), NULL, NULL, 0, 0, NULL, "the man page, engram.1"},
    {"completion", 0, FLAG_CHOICE, offsetof(struct args, completion), "SHELL", NULL, 0, 0, "bash",
     "a completion script for this shell"},
    {0},
};

int cmd_help(const struct args *args)
{
    const struct verb *verb = args->noperands ? verb_find(args->verbs, args->operands[0]) : NULL;
    if (args->noperands && !verb)
        return console_usage(NULL, "there is no verb '%s' to help with", args->operands[0]);
    if (args->man)
        help_man(args->verbs);
    else if (args->completion)
        help_completion(args->verbs);
    else if (verb)
        help_verb(verb, NULL);
    else
        help_general(args->verbs);
    return output_flush();
}
