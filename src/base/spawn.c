/* Starting other programs. posix_spawn, never fork: the pool's threads are running (a forked child of a threaded
 * process may only call async-signal-safe functions). */
#include <overparam/base.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 31, MAX_VARIABLES = 1024 };

/* The environment with a UTF-8 locale, without which gnuplot warns about `set encoding utf8` (figures are the same).
 * Uses the caller's list, or leaves an environment too long for it as it is. */
static char **utf8_environment(char **list, size_t room) {
    const char *const locale = "LC_ALL=C.UTF-8";
    size_t count = 0;
    for (char **v = environ; *v; v++) {
        if (strncmp(*v, "LC_ALL=", 7) == 0) continue;
        if (count + 2 >= room) return environ;
        list[count++] = *v;
    }
    memcpy(&list[count++], &locale, sizeof locale); /* posix_spawn changes nothing of it */
    list[count] = NULL;
    return list;
}

int ovp_program_find(char *path, size_t bytes, const char *name) {
    const char *search = getenv("PATH");
    while (search && *search) {
        size_t length = strcspn(search, ":");
        /* Relative entries would mean another program after the child's chdir. */
        if (search[0] == '/' && length < 4000) {
            int n = snprintf(path, bytes, "%.*s/%s", (int)length, search, name);
            struct stat info;
            if (n > 0 && (size_t)n < bytes && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
                access(path, X_OK) == 0)
                return 1;
        }
        search += length;
        if (*search == ':') search++;
    }
    return 0;
}

/* Appends to the kept output, dropping its oldest half when full. */
static void keep(ovp_program_result *out, size_t *length, const char *data, size_t count) {
    const size_t capacity = sizeof(out->output) - 1;
    for (size_t i = 0; i < count; i++) {
        if (*length == capacity) {
            memmove(out->output, out->output + capacity / 2, capacity - capacity / 2);
            *length = capacity - capacity / 2;
        }
        out->output[(*length)++] = data[i] ? data[i] : ' ';
    }
    out->output[*length] = 0;
}

/* Reads what is there without blocking; 0 at the end of the stream. */
static int drain(int fd, ovp_program_result *out, size_t *length) {
    char buffer[1024];
    for (;;) {
        ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got > 0)
            keep(out, length, buffer, (size_t)got);
        else if (got == 0)
            return 0;
        else if (errno == EINTR)
            continue;
        else
            return errno == EAGAIN || errno == EWOULDBLOCK;
    }
}

static void follow(ovp_program_result *out, pid_t child, int fd, const ovp_program_options *options) {
    const double end = options->timeout > 0 ? ovp_seconds() + options->timeout : HUGE_VAL;
    size_t length = 0;
    int open = 1, code = 0;
    for (;;) {
        struct pollfd wait_for = {.fd = open ? fd : -1, .events = POLLIN, .revents = 0};
        (void)poll(&wait_for, 1, open ? 50 : 5);
        if (open) open = drain(fd, out, &length);
        /* The child's end counts, not the stream's: a grandchild may hold the pipe open. */
        pid_t ended = waitpid(child, &code, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR)) {
            if (open) (void)drain(fd, out, &length);
            out->exit_code = ended < 0 ? -1 : WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
            return;
        }
        out->stopped = options->tick && options->tick(options->user) != 0;
        out->timed_out = !out->stopped && ovp_seconds() > end;
        if (out->stopped || out->timed_out) {
            (void)kill(-child, SIGKILL);
            while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
            }
            out->exit_code = 128 + SIGKILL;
            return;
        }
    }
}

void ovp_program_run(ovp_program_result *out, const char *const *argv, const ovp_program_options *options) {
    int ends[2] = {-1, -1}, actions_made = 0, attributes_made = 0;
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    char *arguments[MAX_ARGUMENTS + 1], *variables[MAX_VARIABLES];
    int count = 0;

    assert(options->size == sizeof(*options));
    memset(out, 0, sizeof(*out));
    out->exit_code = -1;
    /* posix_spawn takes char *const[] for historical reasons and changes nothing. */
    while (argv[count] && count < MAX_ARGUMENTS) {
        memcpy(&arguments[count], &argv[count], sizeof(char *));
        count++;
    }
    arguments[count] = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        out->error = errno;
        return;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    out->error = posix_spawn_file_actions_init(&actions);
    actions_made = out->error == 0;
    if (!out->error) out->error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!out->error) out->error = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    if (!out->error) out->error = posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    if (!out->error && options->dir) out->error = posix_spawn_file_actions_addchdir_np(&actions, options->dir);
    if (!out->error) {
        out->error = posix_spawnattr_init(&attributes);
        attributes_made = out->error == 0;
    }
    if (!out->error) {
        /* An own group: Ctrl-C stops the computation, but the figures of the finished rows are still drawn;
         * what is to stop with it is stopped by its tick. */
        sigemptyset(&none);
        sigfillset(&defaults);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
        (void)posix_spawnattr_setpgroup(&attributes, 0);
        (void)posix_spawnattr_setflags(&attributes,
                                       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        out->error = posix_spawn(&child, arguments[0], &actions, &attributes, arguments,
                                 utf8_environment(variables, MAX_VARIABLES));
    }
    (void)close(ends[1]);
    if (!out->error) follow(out, child, ends[0], options);
    (void)close(ends[0]);
    if (actions_made) (void)posix_spawn_file_actions_destroy(&actions);
    if (attributes_made) (void)posix_spawnattr_destroy(&attributes);
}

const char *ovp_program_last_words(ovp_program_result *result) {
    char *text = result->output;
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1])) text[--length] = 0;
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    while (*line == ' ' || *line == '\t') line++;
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = ' ';
    return *line ? line : "no message";
}
