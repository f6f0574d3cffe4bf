#include "commands.h"
#include "complete.h"
#include "console.h"
#include "help.h"
#include "output.h"

struct help_flags {
    bool man;
    const char *completion;
};

#define FLAGS_OF struct help_flags
// clang-format off
static const struct flag flags[] = {
    ROW_SWITCH(man, 0, "the man page, engram.1"),
    ROW_CHOICE(completion, 0, "SHELL", NULL, "bash|zsh|fish", "a completion script for this shell"),
    {0}};
// clang-format on

static int run(const struct args *args)
{
    const struct help_flags *f = args->flags;
    const struct verb *verb = args->noperands ? verb_find(args->verbs, args->operands[0]) : NULL;
    if (args->noperands && !verb)
        return console_usage(NULL, "there is no verb '%s' to help with", args->operands[0]);
    if (f->man)
        help_man(args->verbs);
    else if (f->completion)
        complete_script(args->verbs, f->completion);
    else if (verb)
        help_verb(verb, NULL);
    else
        help_general(args->verbs);
    return output_flush();
}

const struct verb verb_help = {
    .name = "help",
    .operands = "[VERB]",
    .summary = "show help, the man page or shell completion",
    .details = "",
    .examples = "engram help train\nengram help --man | man -l -\neval \"$(engram help --completion bash)\"",
    .flags = flags,
    .flags_size = sizeof(struct help_flags),
    .least = 0,
    .most = 1,
    .run = run,
};
