/* Starting gnuplot. posix_spawn, never fork: the pool's threads are running (a forked child of a threaded process may
 * only call async-signal-safe functions). */
#include "figure/figure_int.h"

#include <errno.h>
#include <fcntl.h>
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

enum { MAX_VARIABLES = 1024 };

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

int figure_find_program(char *path, size_t bytes) {
    const char *search = getenv("PATH");
    while (search && *search) {
        size_t length = strcspn(search, ":");
        /* Relative entries would mean another program after the child's chdir. */
        if (search[0] == '/' && length < 4000) {
            int n = snprintf(path, bytes, "%.*s/gnuplot", (int)length, search);
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
static void keep(figure_process *out, size_t *length, const char *data, size_t count) {
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
static int drain(int fd, figure_process *out, size_t *length) {
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

static void follow(figure_process *out, pid_t child, int fd, double timeout) {
    const double end = ovp_seconds() + timeout;
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
        if (ovp_seconds() > end) {
            (void)kill(-child, SIGKILL);
            while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
            }
            out->timed_out = 1;
            out->exit_code = 128 + SIGKILL;
            return;
        }
    }
}

void figure_spawn(figure_process *out, const char *const *argv, const char *dir, double timeout) {
    int ends[2] = {-1, -1}, actions_made = 0, attributes_made = 0;
    pid_t child = 0;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    char *arguments[16], *variables[MAX_VARIABLES];
    int count = 0;

    memset(out, 0, sizeof(*out));
    out->exit_code = -1;
    /* posix_spawn takes char *const[] for historical reasons and changes nothing. */
    while (argv[count] && count < 15) {
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
    if (!out->error && dir) out->error = posix_spawn_file_actions_addchdir_np(&actions, dir);
    if (!out->error) {
        out->error = posix_spawnattr_init(&attributes);
        attributes_made = out->error == 0;
    }
    if (!out->error) {
        /* An own group: Ctrl-C stops the computation, but the figures of the finished rows are still drawn. */
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
    if (!out->error) follow(out, child, ends[0], timeout);
    (void)close(ends[0]);
    if (actions_made) (void)posix_spawn_file_actions_destroy(&actions);
    if (attributes_made) (void)posix_spawnattr_destroy(&attributes);
}
