/* Shared by the tests of io and data: a context that counts and can refuse allocations, a scratch folder. */
#ifndef OVP_TESTS_IO_HELPER_H
#define OVP_TESTS_IO_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <overparam/base.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    ovp_ctx *ctx;
    long live;      /* allocations not yet freed */
    long countdown; /* > 0: this many more succeed, then all fail; < 0: all succeed */
    long refused;
    size_t largest; /* allocation so far */
    char folder[64];
} fixture;

static void *fixture_alloc(void *user, size_t bytes) {
    fixture *f = user;
    if (f->countdown == 0) {
        f->refused++;
        return NULL;
    }
    if (f->countdown > 0) f->countdown--;
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64 + (bytes ? 0 : 64));
    if (memory) f->live++;
    if (bytes > f->largest) f->largest = bytes;
    return memory;
}

static void fixture_release(void *user, void *memory) {
    if (memory) ((fixture *)user)->live--;
    free(memory);
}

static inline int fixture_setup(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->countdown = -1;
    strcpy(f->folder, "/tmp/ovp-test-XXXXXX");
    if (!mkdtemp(f->folder)) return -1;
    ovp_allocator allocator = {fixture_alloc, fixture_release, f};
    ovp_ctx_options options = {.size = sizeof(options), .threads = 1, .allocator = &allocator};
    if (ovp_ctx_create(&f->ctx, &options) != OVP_OK) return -1;
    f->live = 0;
    *state = f;
    return 0;
}

static inline void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    if (dir) {
        for (struct dirent *entry; (entry = readdir(dir));) {
            char *inner = NULL;
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            if (asprintf(&inner, "%s/%s", path, entry->d_name) > 0) remove_tree(inner);
            free(inner);
        }
        closedir(dir);
    }
    remove(path);
}

static inline int fixture_teardown(void **state) {
    fixture *f = *state;
    long left = f->live;
    remove_tree(f->folder);
    ovp_ctx_free(f->ctx);
    free(f);
    if (left) print_error("%ld allocations were not freed\n", left);
    return left ? -1 : 0;
}

/* Path of a file in the scratch folder; a few may be in use at once. */
static inline const char *scratch(fixture *f, const char *name) {
    static char paths[8][512];
    static int turn;
    char *path = paths[turn = (turn + 1) % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", f->folder, name);
    return path;
}

static inline void put_file(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static inline char *get_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(*bytes + 1);
    assert_int_equal(fread(data, 1, *bytes, file), *bytes);
    data[*bytes] = 0;
    fclose(file);
    return data;
}

static inline int count_files(const char *folder) {
    int n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    if (dir) closedir(dir);
    return n;
}

/* A failure with this status and a one-line message that contains `part`; the context is cleared. */
static inline void check_failed(fixture *f, ovp_status got, ovp_status wanted, const char *part, const char *file,
                                int line) {
    const char *message = ovp_message(f->ctx);
    if (got != wanted || !message[0] || strchr(message, '\n') || !strstr(message, part)) {
        print_error("%s:%d: %s (wanted %s, '%s'): %s\n", file, line, ovp_status_name(got), ovp_status_name(wanted),
                    part, message);
        fail();
    }
    ovp_clear(f->ctx);
}
#define assert_failed(f, expr, wanted, part) check_failed(f, expr, wanted, part, __FILE__, __LINE__)

static inline void check_ok(fixture *f, ovp_status got, const char *file, int line) {
    if (got == OVP_OK) return;
    print_error("%s:%d: %s: %s\n", file, line, ovp_status_name(got), ovp_message(f->ctx));
    fail();
}
#define assert_ok(f, expr) check_ok(f, expr, __FILE__, __LINE__)

#endif
