/* overparam: dispatch to a command, then write its result or its one-line error. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli_int.h"

/* A closed standard stream would hand its number to the next file opened (a table of the run, say), and our output
 * would land there. The mode is the wrong one on purpose, so that using the stream still fails. */
static void occupy_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

static void look_at_terminal(cli_app *cli) {
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    int dumb = !term || !*term || !strcmp(term, "dumb");
    int colour = !dumb && !(no_colour && *no_colour);
    struct winsize size;
    cli->out_terminal = isatty(STDOUT_FILENO);
    /* A bar is redrawn in place, which a dumb terminal cannot do: it gets lines like a file. */
    cli->err_terminal = isatty(STDERR_FILENO) && !dumb;
    cli->out_colour = cli->out_terminal && colour;
    cli->err_colour = cli->err_terminal && colour;
    cli->width = 100;
    if ((cli->out_terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col) ||
        (cli->err_terminal && !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col))
        cli->width = size.ws_col;
    if (cli->width < 40) cli->width = 40;
}

static void warn(void *user, ovp_log_level level, const char *line) {
    const cli_app *cli = user;
    if (level == OVP_LOG_WARNING && !cli->silent) cli_complain("overparam: warning: ", line);
}

static ovp_status write_result(cli_app *cli) {
    ovp_status status = ovp_text_status(&cli->out);
    size_t done = 0;
    if (status != OVP_OK) return ovp_fail(cli->ctx, status, "out of memory while writing the result");
    if (cli->out_terminal) cli_disarm(cli);
    while (done < cli->out.length) {
        ssize_t n = write(STDOUT_FILENO, cli->out.data + done, cli->out.length - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ovp_fail(cli->ctx, OVP_EIO, "cannot write the result to stdout: %s", strerror(errno));
        done += (size_t)n;
    }
    return OVP_OK;
}

static ovp_status unknown_command(cli_app *cli, const char *name) {
    cli_nearest near = {.typed = name};
    if (ovp_experiment_find(name))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "'%.40s' is an experiment; run it with: overparam run %.40s", name, name);
    for (int i = 0; cli_command_at(i); i++) cli_offer(&near, cli_command_at(i)->name);
    if (near.best)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown command '%.40s'; did you mean '%s'?", name, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown command '%.40s'; see: overparam help", name);
}

static ovp_status dispatch(cli_app *cli, int argc, char **argv) {
    const char *name = argv[1];
    if (!strcmp(name, "--version") || !strcmp(name, "version")) {
        ovp_text_add(&cli->out, "overparam %s\n", OVP_VERSION);
        return OVP_OK;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (name[0] == '-')
        return ovp_fail(cli->ctx, OVP_EUSAGE, "%.40s: unknown option; a command comes first, see: overparam help",
                        name);
    const cli_command *command = cli_command_find(name);
    if (!command) return unknown_command(cli, name);
    for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            if (!command->help || !command->help(cli, argc - 2, argv + 2)) cli_help_command(cli, command);
            return ovp_last_status(cli->ctx);
        }
    return command->run(cli, argc - 2, argv + 2);
}

static int start_failed(ovp_status status) {
    const char *isa = getenv("OVERPARAM_ISA");
    if (status == OVP_EINVAL && isa) {
        char message[160];
        snprintf(message, sizeof message, "OVERPARAM_ISA='%.40s' is not a level of this processor; use base, v3 or v4",
                 isa);
        cli_complain("overparam: ", message);
    } else {
        cli_complain("overparam: ", ovp_status_text(status));
    }
    return ovp_status_exit_code(status);
}

int main(int argc, char **argv) {
    cli_app cli = {0};
    ovp_ctx_options options = {.size = sizeof options, .log = warn, .user = &cli};
    occupy_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write_result, not a silent death */
    look_at_terminal(&cli);
    if (argc < 2) {
        ovp_text text = {0};
        ovp_status made = ovp_ctx_create(&cli.ctx, &options);
        if (made != OVP_OK) return start_failed(made);
        text.ctx = cli.ctx;
        cli_help_overview(&text);
        if (!text.failed) fputs(text.data, stderr);
        ovp_text_free(&text);
        ovp_ctx_free(cli.ctx);
        return ovp_status_exit_code(OVP_EUSAGE);
    }
    ovp_status status = ovp_ctx_create(&cli.ctx, &options);
    if (status != OVP_OK) return start_failed(status);
    cli_signals_watch(cli.ctx);
    cli.out.ctx = cli.ctx;
    status = dispatch(&cli, argc, argv);
    if (status == OVP_OK || cli.keep_output) {
        ovp_status written = write_result(&cli);
        if (status == OVP_OK) status = written;
    }
    if (status != OVP_OK)
        cli_complain("overparam: ", ovp_message(cli.ctx)[0] ? ovp_message(cli.ctx) : ovp_status_text(status));
    ovp_text_free(&cli.out);
    ovp_ctx_free(cli.ctx);
    return ovp_status_exit_code(status);
}
