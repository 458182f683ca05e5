/* Files for fuzz targets whose code reads paths: one in memory, and a scratch folder of the process. */
#ifndef OVP_FUZZ_FOLDER_H
#define OVP_FUZZ_FOLDER_H

#include "fuzz.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Path of a file in memory that holds these bytes, until the next call. */
static inline const char *fuzz_file(const void *data, size_t size) {
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        fuzz_require(fd >= 0, "no memfd");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    fuzz_require(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "memfd of %zu bytes", size);
    return path;
}

static char fuzz_folder_path[256];

static inline int fuzz_remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info, (void)type, (void)at;
    return remove(path);
}

static inline void fuzz_folder_remove(void) {
    nftw(fuzz_folder_path, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A folder of this process, removed at a normal exit. */
static inline const char *fuzz_folder(void) {
    if (!fuzz_folder_path[0]) {
        const char *parent = getenv("TMPDIR");
        snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%s/ovp-fuzz-XXXXXX", parent ? parent : "/tmp");
        fuzz_require(mkdtemp(fuzz_folder_path), "no scratch folder %s", fuzz_folder_path);
        atexit(fuzz_folder_remove);
    }
    return fuzz_folder_path;
}

#endif
