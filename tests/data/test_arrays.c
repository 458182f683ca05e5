/* The user's own arrays (npz) and tables (csv). */
#include "data/sets.h"

#include <math.h>

static ovp_status load_npz(fixture *f, ovp_data_set *set, const ovp_io_named_array *list, ovp_idx count) {
    check_ok(f, ovp_io_npz_write(f->ctx, scratch(f, "s.npz"), list, count), __FILE__, __LINE__);
    return ovp_data_load(set, f->ctx, own_set(f, "npz", "s.npz"), NULL);
}

static void real_arrays(void **state) {
    fixture *f = *state;
    float x[] = {1, 2, 3, 4, 5, 6};
    double y[] = {.5, -.25, 4};
    ovp_data_set set;
    const ovp_io_named_array list[] = {array_of("x", OVP_F32, x, 2, 3, 2, 0, 0),
                                       array_of("y", OVP_F64, y, 1, 3, 0, 0, 0),
                                       array_of("extra", OVP_I64, NULL, 1, 0, 0, 0, 0)};
    assert_ok(f, load_npz(f, &set, list, 3));
    assert_int_equal(set.features, 2);
    assert_int_equal(set.classes, 0);
    assert_int_equal(set.image_rows, 0);
    assert_int_equal(set.y_train.type, OVP_F32);
    assert_int_equal(set.y_train.ndim, 2);
    for (int i = 0; i < 6; i++) assert_true(((float *)set.x_train.data)[i] == x[i]);
    for (int i = 0; i < 3; i++) assert_true(((float *)set.y_train.data)[i] == (float)y[i]);
    ovp_data_free(f->ctx, &set);
    const ovp_data_options o = {.size = sizeof(o), .type = OVP_F64, .scale = OVP_SCALE_STANDARD};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "s.npz"), &o));
    assert_int_equal(set.y_train.type, OVP_F64);
    assert_true(fabs(((double *)set.x_train.data)[0] + 2.5 / sqrt(35.0 / 12)) < 1e-15); /* 1..6: variance 35/12 */
    ovp_data_free(f->ctx, &set);
    assert_ok(f, load_npz(f, &set, list, 1)); /* inputs alone */
    assert_null(set.y_train.data);
    ovp_data_free(f->ctx, &set);
}

/* One image of 2 x 2 pixels and 3 channels in both orders, and a gray one. */
static void image_arrays(void **state) {
    fixture *f = *state;
    unsigned char last[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, first[] = {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12};
    int64_t y[] = {2};
    ovp_data_set set;
    for (int k = 0; k < 2; k++) {
        const ovp_io_named_array list[] = {k ? array_of("x_train", OVP_U8, first, 4, 1, 3, 2, 2)
                                             : array_of("x_train", OVP_U8, last, 4, 1, 2, 2, 3),
                                           array_of("y_train", OVP_I64, y, 1, 1, 0, 0, 0)};
        assert_ok(f, load_npz(f, &set, list, 2));
        assert_int_equal(set.image_channels, 3);
        assert_int_equal(set.image_rows, 2);
        assert_int_equal(set.classes, 3);
        for (int i = 0; i < 12; i++) assert_true(((float *)set.x_train.data)[i] == (float)first[i]);
        ovp_data_free(f->ctx, &set);
    }
    const ovp_io_named_array gray = array_of("x", OVP_U8, last, 3, 2, 2, 3, 0);
    assert_ok(f, load_npz(f, &set, &gray, 1));
    assert_int_equal(set.image_cols, 3);
    assert_int_equal(set.image_channels, 1);
    ovp_data_free(f->ctx, &set);
}

static void bad_arrays(void **state) {
    fixture *f = *state;
    float x[12] = {0}, nan_x[6] = {0, 0, 0, (float)NAN, 0, 0};
    double y_inf[3] = {0, 0, HUGE_VAL};
    int32_t y[3] = {0, 1, 2}, negative[3] = {0, -1, 2}, large[3] = {0, 70000, 1};
    unsigned char names[] = "one\ntwo\nx", few[] = "one\ntwo\n";
    const ovp_io_named_array good_x = array_of("x_train", OVP_F32, x, 2, 3, 2, 0, 0),
                             good_y = array_of("y_train", OVP_I32, y, 1, 3, 0, 0, 0),
                             test_x = array_of("x_test", OVP_F32, x, 2, 3, 2, 0, 0),
                             test_y = array_of("y_test", OVP_I32, y, 1, 3, 0, 0, 0);
    ovp_data_set set;
#define BAD(part, ...)                                                                                                 \
    do {                                                                                                               \
        const ovp_io_named_array list[] = {__VA_ARGS__};                                                               \
        assert_failed(f, load_npz(f, &set, list, sizeof(list) / sizeof(list[0])), OVP_EFORMAT, part);                  \
    } while (0)
    assert_failed(f, load_npz(f, &set, NULL, 0), OVP_EFORMAT, "");
    BAD("x_train and y_train (with x_test and y_test), or x and y expected; it holds y_train", good_y);
    BAD("it holds x_train, y_train, x_test", good_x, good_y, test_x);
    BAD("it holds x_train, y_train, y_test", good_x, good_y, test_y);
    BAD("it holds x_train, x_test, y_test", good_x, test_x, test_y);
    BAD("x_train is of type i32; u8, f32 or f64", array_of("x_train", OVP_I32, y, 2, 3, 1, 0, 0), good_y);
    BAD("x_train has 1 dimensions, 3 values", array_of("x_train", OVP_F32, x, 1, 3, 0, 0, 0), good_y);
    BAD("x_train has 4 dimensions, 8 values", array_of("x_train", OVP_F32, x, 4, 1, 2, 2, 2), good_y);
    BAD("x_train has 2 dimensions, 0 values", array_of("x_train", OVP_F32, x, 2, 0, 5, 0, 0), good_y);
    BAD("x_train is not a number at sample 1, value 1", array_of("x_train", OVP_F32, nan_x, 2, 3, 2, 0, 0), good_y);
    BAD("y_train has 2 entries for 3 samples", good_x, array_of("y_train", OVP_I32, y, 1, 2, 0, 0, 0));
    BAD("y_train has 3 dimensions", good_x, array_of("y_train", OVP_F32, x, 3, 3, 1, 1, 0));
    BAD("y_train has 2 dimensions; labels", good_x, array_of("y_train", OVP_I32, y, 2, 3, 1, 0, 0));
    BAD("y_train is infinite at sample 2, value 0", good_x, array_of("y_train", OVP_F64, y_inf, 1, 3, 0, 0, 0));
    BAD("y_train has no column", good_x, array_of("y_train", OVP_F64, y_inf, 2, 3, 0, 0, 0));
    BAD("y_train: label -1 at position 1", good_x, array_of("y_train", OVP_I32, negative, 1, 3, 0, 0, 0));
    BAD("y_train: label 70000 at position 1 (from 0); labels are 0 to 65535", good_x,
        array_of("y_train", OVP_I32, large, 1, 3, 0, 0, 0));
    BAD("x_test (f32, 3 x 3) and x_train (f32, 3 x 2) are of different kinds", good_x, good_y,
        array_of("x_test", OVP_F32, x, 2, 3, 3, 0, 0), test_y);
    BAD("of different kinds", good_x, good_y, array_of("x_test", OVP_U8, names, 2, 3, 2, 0, 0), test_y);
    BAD("y_train and y_test are of different kinds", good_x, good_y, test_x,
        array_of("y_test", OVP_F32, x, 1, 3, 0, 0, 0));
    BAD("classes (u8) must be at least 3 lines of text, it has 2", good_x, good_y,
        array_of("classes", OVP_U8, few, 1, 8, 0, 0, 0));
    BAD("classes (u8) must be at least 3 lines of text, it has 2", good_x, good_y,
        array_of("classes", OVP_U8, names, 1, 9, 0, 0, 0));
    BAD("classes (u8) must be at least 3 lines of text, it has 0", good_x, good_y,
        array_of("classes", OVP_F32, x, 1, 9, 0, 0, 0));
    unsigned char escape[] = "one\n\33[2J\ntwo\n";
    BAD("classes: control characters in line 2", good_x, good_y, array_of("classes", OVP_U8, escape, 1, 13, 0, 0, 0));
    put_file(scratch(f, "s.npz"), "no zip", 6);
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "s.npz"), NULL), OVP_EFORMAT,
                  "s.npz: not a readable");
    assert_failed(f, ovp_data_load(&set, f->ctx, own_set(f, "npz", "no.npz"), NULL), OVP_ENOTFOUND, "no.npz");
}

/* ---- csv ----------------------------------------------------------------------------------------- */

static ovp_status load_csv(fixture *f, ovp_data_set *set, const char *text, const char *label, const char *targets) {
    const ovp_data_options o = {.size = sizeof(o), .type = OVP_F64, .label_column = label, .target_columns = targets};
    put_file(scratch(f, "t.csv"), text, strlen(text));
    return ovp_data_load(set, f->ctx, own_set(f, "csv", "t.csv"), &o);
}

static void tables(void **state) {
    fixture *f = *state;
    static const char text[] = "a,species,b,c\n1,setosa,2,3e1\n-4,iris,5,6\n.5,setosa,0,1\n";
    ovp_data_set set;
    assert_ok(f, load_csv(f, &set, text, "species", NULL));
    static const double wanted[] = {1, 2, 30, -4, 5, 6, .5, 0, 1};
    static const int labels[] = {1, 0, 1};
    assert_int_equal(set.features, 3);
    assert_int_equal(set.classes, 2);
    assert_string_equal(set.class_names[0], "iris");
    for (int i = 0; i < 9; i++) assert_true(((double *)set.x_train.data)[i] == wanted[i]);
    for (int i = 0; i < 3; i++) assert_int_equal(((int32_t *)set.y_train.data)[i], labels[i]);
    ovp_data_free(f->ctx, &set);
    assert_ok(f, load_csv(f, &set, "a,b,c\n1,2,3\n4,5,6\n", NULL, "c,a"));
    static const double targets[] = {1, 3, 4, 6}; /* in the table's order */
    assert_int_equal(set.y_train.shape[1], 2);
    for (int i = 0; i < 4; i++) assert_true(((double *)set.y_train.data)[i] == targets[i]);
    assert_true(((double *)set.x_train.data)[1] == 5);
    ovp_data_free(f->ctx, &set);
    assert_ok(f, load_csv(f, &set, "a,y\n1,2\n4,0\n", "y", NULL));
    assert_int_equal(set.classes, 3);
    assert_null(set.class_names);
    assert_int_equal(((int32_t *)set.y_train.data)[0], 2);
    ovp_data_free(f->ctx, &set);
    assert_ok(f, load_csv(f, &set, "a,y\n1,2\n4,0\n", NULL, NULL));
    assert_null(set.y_train.data);
    assert_int_equal(set.features, 2);
    ovp_data_free(f->ctx, &set);
}

static void bad_tables(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    static const char good[] = "a,b,c\n1,2,3\n4,5,6\n";
    assert_failed(f, load_csv(f, &set, "", NULL, NULL), OVP_EFORMAT, "t.csv: empty");
    assert_failed(f, load_csv(f, &set, "a,b\n", NULL, NULL), OVP_EFORMAT, "0 rows with 2 input columns");
    assert_failed(f, load_csv(f, &set, "a\n1\n", "a", NULL), OVP_EFORMAT, "1 rows with 0 input columns");
    assert_failed(f, load_csv(f, &set, "a,b\n1,2\n3\n", NULL, NULL), OVP_EFORMAT, "line 3: 1 cells, the header has 2");
    assert_failed(f, load_csv(f, &set, "a,b\n1,2,3\n", NULL, NULL), OVP_EFORMAT, "line 2, column 3: more cells");
    static const char *const cells[] = {"nan", "inf", "-inf", "1e999", "", "x", "1.5.2", "0x1p", "1 "};
    for (int k = 0; k < 9; k++) {
        char text[64], message[96];
        snprintf(text, sizeof(text), "a,b\n1,2\n3,%s\n", cells[k]);
        snprintf(message, sizeof(message), "row 2 below the header, column 'b': '%s' is not a finite number", cells[k]);
        assert_failed(f, load_csv(f, &set, text, NULL, NULL), OVP_EFORMAT, message);
    }
    assert_failed(f, load_csv(f, &set, good, "d", NULL), OVP_EINVAL, "no column 'd' (label column)");
    assert_failed(f, load_csv(f, &set, good, NULL, "a,,b"), OVP_EINVAL, "no column '' (target columns)");
    assert_failed(f, load_csv(f, &set, good, NULL, "a,a"), OVP_EINVAL, "column 'a' is asked for twice");
    assert_failed(f, load_csv(f, &set, good, "a", "b"), OVP_EINVAL, "a label column and target columns");
    assert_failed(f, load_csv(f, &set, "a,a,b\n1,2,3\n", "a", NULL), OVP_EFORMAT, "two columns are named 'a'");
    assert_failed(f, load_csv(f, &set, "a,y\n1,-1\n", "y", NULL), OVP_EFORMAT, "row 1 below the header: label -1");
    assert_failed(f, load_csv(f, &set, "a,y\n1,65536\n", "y", NULL), OVP_EFORMAT, "label 65536; labels are 0 to 65535");
    assert_failed(f, load_csv(f, &set, "a,y\n1,one\n2,\n", "y", NULL), OVP_EFORMAT, "'y': an empty cell");
    assert_failed(f, load_csv(f, &set, "a,y\n1,one\n2,\33[2J\n", "y", NULL), OVP_EFORMAT, "control characters in a");
}

static void names_of_sets(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    for (ovp_idx i = 0; ovp_data_kind_at(i); i++) {
        const ovp_data_info *info = ovp_data_kind_at(i);
        assert_ptr_equal(ovp_data_find(info->name), info);
        assert_true(info->title[0] && info->shape[0]);
    }
    assert_null(ovp_data_kind_at(-1));
    assert_null(ovp_data_find("npz"));
    assert_null(ovp_data_find("np:x"));
    assert_string_equal(ovp_data_find("csv:a:b")->name, "csv:FILE");
    assert_failed(f, ovp_data_load(&set, f->ctx, "npz", NULL), OVP_ENOTFOUND, "npz:FILE");
    assert_failed(f, ovp_data_load(&set, f->ctx, "npz:", NULL), OVP_ENOTFOUND, "the path is missing; write npz:FILE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(real_arrays), CASE(image_arrays), CASE(bad_arrays), CASE(tables), CASE(bad_tables), CASE(names_of_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
