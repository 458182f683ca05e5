/* The program's commands within a fuzz target: everything of src/cli but main and the signals. */
#ifndef OVP_FUZZ_COMMAND_H
#define OVP_FUZZ_COMMAND_H

#include "folder.h"

#include "cli/cli_int.h"

/* In place of signals.c: a fuzzer keeps its own handlers. */
void cli_signals_watch(ovp_ctx *ctx) {
    (void)ctx;
}

/* Names a folder that can never be made, so that a run ends before it computes. */
#define FUZZ_NO_FOLDER "/dev/null/run"

/* Splits text, which is changed, into one argument a line, the last NULL; what goes beyond `most` is left out. */
static inline int fuzz_arguments(char *text, char **argv, int most) {
    int argc = 0;
    while (text && argc < most) {
        char *next = strchr(text, '\n');
        if (next) *next++ = 0;
        argv[argc++] = text;
        text = next;
    }
    argv[argc] = NULL;
    return argc;
}

/* Runs a command silently on a wide terminal; the outcome is checked as a parser's is, the output for being a text that
 * does nothing to a terminal, whatever a file contains. */
static inline void fuzz_command(const cli_command *command, int argc, char **argv) {
    cli_app cli = {.ctx = fuzz_ctx(), .width = 100, .silent = 1};
    cli.out.ctx = cli.ctx;
    int completes = 0; /* `help --complete` of words that nothing can follow is empty */
    for (int i = 0; i < argc; i++) completes |= strcmp(argv[i], "--complete") == 0;
    if (fuzz_ok(command->run(&cli, argc, argv)))
        fuzz_require(!cli.out.failed && (cli.out.length > 0 || completes), "no output and no failure");
    cli_disarm(&cli);
    for (size_t i = 0; i < cli.out.length; i++)
        fuzz_require((unsigned char)cli.out.data[i] >= 32 || cli.out.data[i] == '\n', "control character %d in: %s",
                     cli.out.data[i], cli.out.data);
    ovp_text_free(&cli.out);
}

#endif
