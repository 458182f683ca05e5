/* Ctrl-C and SIGTERM. */
#include <signal.h>
#include <unistd.h>

#include "cli_int.h"

/* A signal handler has no argument: these two are the program's only mutable globals. */
static ovp_ctx *volatile watched;
static volatile sig_atomic_t asked;

static void on_signal(int number) {
    (void)number;
    if (asked++ || !watched) _exit(ovp_status_exit_code(OVP_EINTERRUPTED));
    ovp_cancel(watched);
}

void cli_signals_watch(ovp_ctx *ctx) {
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    watched = ctx;
    if (asked && ctx) ovp_cancel(ctx); /* it came between two contexts */
    for (int i = 0; i < 2; i++) {
        struct sigaction old;
        /* A signal that the caller had ignored (nohup, a background job) stays ignored. */
        if (!sigaction(numbers[i], NULL, &old) && old.sa_handler != SIG_IGN) sigaction(numbers[i], &action, NULL);
    }
}
