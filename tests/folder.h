/* A scratch folder for tests of files, and small helpers around it. */
#ifndef OVP_TEST_FOLDER_H
#define OVP_TEST_FOLDER_H

#include "check.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256]; /* of the running test */

static inline const char *in_folder(const char *relative) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, relative);
    return path;
}

static inline int wipe_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info, (void)type, (void)at;
    return remove(path);
}

static inline void wipe(const char *path) {
    nftw(path, wipe_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int folder_setup(void **state) {
    snprintf(folder, sizeof(folder), "%s/test-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(folder) && check_context_setup(state) == 0 ? 0 : -1;
}

static inline int folder_teardown(void **state) {
    wipe(folder);
    return check_context_teardown(state);
}

/* A test with a context and an empty scratch folder. */
#define FOLDER_TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

static inline void put(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Whole file, 0-terminated, to be freed; NULL if it cannot be read. */
static inline char *get(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    char *text = calloc(1, 1 << 22);
    size_t length = fread(text, 1, (1 << 22) - 1, file);
    text[length] = 0;
    fclose(file);
    return text;
}

static inline int exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Entries of a folder whose name starts with a dot: temporary files left behind. */
static inline int hidden_files(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        count += e->d_name[0] == '.' && strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    if (dir) closedir(dir);
    return count;
}

/* Allocator that fails once, after `left` successes (never when negative). */
typedef struct countdown {
    int left;
} countdown;

static inline void *countdown_alloc(void *user, size_t bytes) {
    countdown *count = user;
    if (count->left == 0) {
        count->left = -1;
        return NULL;
    }
    if (count->left > 0) count->left--;
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0));
}

static inline void countdown_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

#endif
