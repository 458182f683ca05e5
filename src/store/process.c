/* Telling "still running" from "died": a pid alone is not enough, it is given out again. The start time of a process
 * (clock ticks since boot, proc(5), field 22 of stat) together with the boot's id is unique. */
#include "store/store_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_small(const char *path, char *buffer, size_t bytes) {
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    buffer[0] = 0;
    if (fd < 0) return;
    while (length + 1 < bytes) {
        ssize_t got = read(fd, buffer + length, bytes - 1 - length);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += (size_t)got;
    }
    buffer[length] = 0;
    (void)close(fd);
}

/* 0 if unknown (no /proc, or no such process). */
static long long start_ticks(long long pid) {
    char path[64], line[1024];
    (void)snprintf(path, sizeof(path), "/proc/%lld/stat", pid);
    read_small(path, line, sizeof(line));
    const char *p = strrchr(line, ')'); /* the name may hold blanks and brackets */
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p + 1, ' ');
    }
    return p ? strtoll(p, NULL, 10) : 0;
}

static void boot_id(char *buffer, size_t bytes) {
    read_small("/proc/sys/kernel/random/boot_id", buffer, bytes);
    buffer[strcspn(buffer, "\r\n")] = 0;
}

static void host_name(char *buffer, size_t bytes) {
    if (gethostname(buffer, bytes) != 0) buffer[0] = 0;
    buffer[bytes - 1] = 0;
}

json_t *store_process_self(void) {
    char boot[64], host[256];
    boot_id(boot, sizeof(boot));
    host_name(host, sizeof(host));
    json_t *name = json_string(host);
    if (!name) name = json_string("");
    return json_pack("{s:I, s:I, s:s, s:o}", "pid", (json_int_t)getpid(), "start", (json_int_t)start_ticks(getpid()),
                     "boot", boot, "host", name);
}

int store_process_alive(const json_t *process) {
    char boot[64], host[256];
    const char *its_boot = json_string_value(json_object_get(process, "boot"));
    const char *its_host = json_string_value(json_object_get(process, "host"));
    long long pid = json_integer_value(json_object_get(process, "pid"));
    long long start = json_integer_value(json_object_get(process, "start"));
    if (pid <= 1 || pid > 0x7fffffff) return 0;
    host_name(host, sizeof(host));
    if (its_host && strcmp(its_host, host) != 0) return 1;
    boot_id(boot, sizeof(boot));
    if (its_boot && its_boot[0] && boot[0] && strcmp(its_boot, boot) != 0) return 0;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) return 0;
    long long now = start_ticks(pid);
    return start == 0 || now == 0 || now == start;
}
