/* Where a run happens: processor, BLAS, memory. */
#include "experiment_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *ovp_experiment_environment(ovp_ctx *ctx) {
    char cpu[128], blas[64];
    ovp_cpu_name(cpu, sizeof cpu);
    ovp_numeric_blas_name(blas, sizeof blas);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "isa", ovp_isa(ctx), "cpu", cpu, "blas", blas, "core",
                     ovp_numeric_blas_core(), "flavour", ovp_numeric_blas_flavour(), "threads", ovp_threads(ctx));
}

/* First integer after `key` in a small kernel file (key "": at its start); -1 if there is none. */
static int64_t kernel_number(const char *path, const char *key) {
    char text[4096];
    FILE *file = fopen(path, "re");
    if (!file) return -1;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    const char *at = strstr(text, key);
    if (!at) return -1;
    at += strlen(key);
    while (*at && isspace((unsigned char)*at)) at++;
    return isdigit((unsigned char)*at) ? strtoll(at, NULL, 10) : -1; /* "max" is no number: no limit */
}

int64_t ovp_experiment_memory_available(void) {
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    int64_t kib = kernel_number("/proc/meminfo", "MemAvailable:"), least = kib > 0 ? kib * 1024 : 0;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        int64_t limit = kernel_number(limits[i], "");
        if (limit > 0 && (least == 0 || limit < least)) least = limit;
    }
    return least;
}
