/* Shared by the tests of data: an environment that decides nothing, and small sets on disk. */
#ifndef OVP_TESTS_DATA_SETS_H
#define OVP_TESTS_DATA_SETS_H

#include "io/helper.h"

#include <overparam/data.h>

#include "data/data_int.h"

/* Nothing of the user's environment may decide what these tests find. */
static inline int setup(void **state) {
    unsetenv("OVERPARAM_DATA");
    unsetenv("XDG_DATA_HOME");
    unsetenv("HOME");
    return fixture_setup(state);
}
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

/* "kind:FOLDER/relative"; a few may be in use at once. */
static inline const char *own_set(fixture *f, const char *kind, const char *relative) {
    static char names[4][600];
    static int turn;
    char *name = names[turn = (turn + 1) % 4];
    snprintf(name, sizeof(names[0]), "%s:%s/%s", kind, f->folder, relative);
    return name;
}

/* An array of the test's own data; not freed. */
static inline ovp_io_named_array array_of(const char *name, ovp_numeric_type type, void *data, int ndim, ovp_idx a,
                                          ovp_idx b, ovp_idx c, ovp_idx d) {
    ovp_io_named_array out = {.array = {.type = type, .ndim = ndim, .shape = {a, b, c, d}, .data = data}};
    memcpy(&out.name, &name, sizeof(name));
    return out;
}

static inline void put_image(fixture *f, const char *relative, ovp_idx rows, ovp_idx cols, ovp_idx channels,
                             unsigned char value) {
    unsigned char pixels[64 * 64 * 3];
    const ovp_numeric_array image = {.type = OVP_U8, .ndim = 3, .shape = {rows, cols, channels}, .data = pixels};
    for (ovp_idx i = 0; i < rows * cols * channels; i++) pixels[i] = (unsigned char)(value + i);
    check_ok(f, ovp_io_png_write(f->ctx, scratch(f, relative), &image), __FILE__, __LINE__);
}

static inline const ovp_numeric_array *find_array(const ovp_io_named_array *list, ovp_idx count, const char *name) {
    for (ovp_idx i = 0; i < count; i++)
        if (!strcmp(list[i].name, name)) return &list[i].array;
    fail_msg("no array %s", name);
    return NULL;
}

#endif
