/* The user's own images: folders, classes, files, and packing them. */
#include "data/sets.h"

/* train: a (3 images), b (2), one of them deeper; test: b (1). 4 x 3 RGB; image k of value 50 k. */
static void put_folder(fixture *f) {
    static const char *const folders[] = {"set/train/b/deep", "set/train/a", "set/test/b"};
    for (int k = 0; k < 3; k++) assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, folders[k])));
    put_image(f, "set/train/b/deep/x.png", 4, 3, 3, 0);
    put_image(f, "set/train/b/0.PNG", 4, 3, 3, 50);
    put_image(f, "set/train/a/2.png", 4, 3, 3, 100);
    put_image(f, "set/train/a/10.png", 4, 3, 3, 150);
    put_image(f, "set/train/a/B.png", 4, 3, 3, 200);
    put_image(f, "set/test/b/1.png", 4, 3, 3, 7);
    put_file(scratch(f, "set/train/a/notes.txt"), "no image", 8);
    put_file(scratch(f, "set/train/a/.hidden.png"), "no image", 8);
    put_file(scratch(f, "set/train/README.png"), "not in a class", 14);
}

static ovp_status load(fixture *f, ovp_data_set *set, const char *kind, const char *relative) {
    return ovp_data_load(set, f->ctx, own_set(f, kind, relative), NULL);
}

static void expect_image(const ovp_numeric_array *x, ovp_idx i, int value) {
    for (ovp_idx p = 0; p < 12; p++)
        for (ovp_idx c = 0; c < 3; c++)
            assert_true(((float *)x->data)[36 * i + 12 * c + p] == (float)(unsigned char)(value + 3 * p + c));
}

static void expect_folder(const ovp_data_set *set) {
    static const int values[] = {150, 100, 200, 50, 0}, labels[] = {0, 0, 0, 1, 1}; /* bytewise: 10 2 B, 0 deep/x */
    assert_int_equal(set->classes, 2);
    assert_string_equal(set->class_names[0], "a");
    assert_string_equal(set->class_names[1], "b");
    assert_int_equal(set->image_rows, 4);
    assert_int_equal(set->image_cols, 3);
    assert_int_equal(set->image_channels, 3);
    assert_int_equal(set->features, 36);
    assert_int_equal(set->x_train.shape[0], 5);
    assert_int_equal(set->x_test.shape[0], 1);
    for (int i = 0; i < 5; i++) {
        expect_image(&set->x_train, i, values[i]);
        assert_int_equal(((int32_t *)set->y_train.data)[i], labels[i]);
    }
    expect_image(&set->x_test, 0, 7);
    assert_int_equal(((int32_t *)set->y_test.data)[0], 1);
}

static void labelled(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_folder(f);
    assert_ok(f, load(f, &set, "imagefolder", "set"));
    expect_folder(&set);
    ovp_data_free(f->ctx, &set);
    assert_ok(f, load(f, &set, "imagefolder", "set/train")); /* no train and test: the folders are the classes */
    assert_int_equal(set.x_train.shape[0], 5);
    assert_null(set.x_test.data);
    ovp_data_free(f->ctx, &set);
    const ovp_idx only[] = {1};
    const ovp_data_options o = {.size = sizeof(o), .train = 1, .classes = only, .class_count = 1, .channels = 1};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "imagefolder", "set"), &o));
    assert_int_equal(set.classes, 1);
    assert_string_equal(set.class_names[0], "b");
    assert_int_equal(set.features, 12);
    assert_int_equal(((int32_t *)set.y_train.data)[0], 0);
    ovp_data_free(f->ctx, &set);
    ovp_text report = {.ctx = f->ctx};
    char *found;
    assert_ok(f, ovp_data_verify(f->ctx, own_set(f, "imagefolder", "set"), &report));
    assert_non_null(strstr(report.data, "set: ok, "));
    ovp_text_free(&report);
    assert_ok(f, ovp_data_locate(&found, f->ctx, own_set(f, "imagefolder", "set")));
    assert_string_equal(found, scratch(f, "set"));
    ovp_free(f->ctx, found);
    assert_failed(f, ovp_data_locate(&found, f->ctx, "images:/nowhere"), OVP_ENOTFOUND, "/nowhere");
    assert_failed(f, ovp_data_locate(&found, f->ctx, "images:"), OVP_ENOTFOUND,
                  "the path is missing; write images:DIR");
}

static void unlabelled(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_folder(f);
    assert_ok(f, load(f, &set, "images", "set/test"));
    assert_int_equal(set.x_train.shape[0], 1);
    ovp_data_free(f->ctx, &set);
    remove(scratch(f, "set/train/README.png"));
    assert_ok(f, load(f, &set, "images", "set/train"));
    assert_int_equal(set.x_train.shape[0], 5);
    assert_int_equal(set.classes, 0);
    assert_null(set.y_train.data);
    assert_null(set.class_names);
    expect_image(&set.x_train, 0, 150); /* a/10.png first */
    expect_image(&set.x_train, 4, 0);
    ovp_data_free(f->ctx, &set);
}

static void packed(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    ovp_io_named_array *list;
    ovp_idx count;
    size_t bytes, again;
    put_folder(f);
    assert_ok(f, ovp_data_import(f->ctx, own_set(f, "imagefolder", "set"), NULL, scratch(f, "p.npz")));
    assert_ok(f, ovp_io_npz_read(&list, &count, f->ctx, scratch(f, "p.npz")));
    const ovp_numeric_array *x = find_array(list, count, "x_train"), *names = find_array(list, count, "classes");
    assert_int_equal(x->type, OVP_U8);
    assert_int_equal(x->ndim, 4);
    assert_int_equal(x->shape[0] * 1000 + x->shape[1] * 100 + x->shape[2] * 10 + x->shape[3], 5433);
    assert_int_equal(((unsigned char *)x->data)[35], (unsigned char)(150 + 35)); /* as it stood in the file */
    assert_memory_equal(names->data, "a\nb\n", 4);
    ovp_io_npz_free(f->ctx, list, count);
    assert_ok(f, load(f, &set, "npz", "p.npz"));
    expect_folder(&set);
    ovp_data_free(f->ctx, &set);
    char *first = get_file(scratch(f, "p.npz"), &bytes);
    assert_ok(f, ovp_data_import(f->ctx, own_set(f, "npz", "p.npz"), NULL, scratch(f, "q.npz")));
    char *second = get_file(scratch(f, "q.npz"), &again);
    assert_int_equal(bytes, again);
    assert_memory_equal(first, second, bytes); /* packing what was packed changes nothing */
    free(first);
    free(second);
    const ovp_data_options o = {
        .size = sizeof(o), .train = 2, .resize_rows = 2, .resize_cols = 2, .channels = 1, .scale = OVP_SCALE_UNIT};
    assert_ok(f, ovp_data_import(f->ctx, own_set(f, "imagefolder", "set"), &o, scratch(f, "s.npz")));
    assert_ok(f, load(f, &set, "npz", "s.npz"));
    assert_int_equal(set.x_train.shape[0], 2);
    assert_int_equal(set.features, 4);
    ovp_data_free(f->ctx, &set);
    assert_failed(f, ovp_data_import(f->ctx, own_set(f, "imagefolder", "set"), NULL, scratch(f, "no/p.npz")), OVP_EIO,
                  "no/p.npz");
    put_file(scratch(f, "t.csv"), "a,b\n1,2\n", 8);
    assert_failed(f, ovp_data_import(f->ctx, own_set(f, "csv", "t.csv"), NULL, scratch(f, "t.npz")), OVP_EINVAL,
                  "only images of bytes are packed; these are f64");
}

static void bad_images(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_folder(f);
    put_image(f, "set/train/a/2.png", 5, 3, 3, 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT,
                  "set/train/a/2.png: image of 5 x 3 pixels (rows x columns), the first one has 4 x 3; resize");
    ovp_data_options o = {.size = sizeof(o), .resize_rows = 4, .resize_cols = 3};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "imagefolder", "set"), &o));
    expect_image(&set.x_train, 0, 150); /* those of the right size stay as they are */
    ovp_data_free(f->ctx, &set);
    put_image(f, "set/train/a/2.png", 4, 3, 1, 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT,
                  "set/train/a/2.png: a gray image among RGB ones; choose 1 or 3 channels");
    o = (ovp_data_options){.size = sizeof(o), .channels = 3};
    assert_ok(f, ovp_data_load(&set, f->ctx, own_set(f, "imagefolder", "set"), &o));
    ovp_data_free(f->ctx, &set);
    put_file(scratch(f, "set/train/a/2.png"), "no image", 8);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT, "set/train/a/2.png: ");
    put_file(scratch(f, "set/train/a/2.png"), "", 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT, "set/train/a/2.png: ");
    /* The first one decides the size, so its damage is met first. */
    put_image(f, "set/train/a/2.png", 4, 3, 3, 100);
    put_file(scratch(f, "set/train/a/10.png"), "\x89PNG\r\n\x1a\n", 8);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT, "set/train/a/10.png: ");
}

static void bad_folders(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    put_folder(f);
    assert_failed(f, load(f, &set, "imagefolder", "nowhere"), OVP_ENOTFOUND, "nowhere: the folder cannot be read");
    assert_failed(f, load(f, &set, "imagefolder", "set/train/a/2.png"), OVP_ENOTFOUND, "2.png: the folder cannot be");
    assert_failed(f, load(f, &set, "images", "nowhere"), OVP_ENOTFOUND, "nowhere: the folder cannot be read");
    assert_failed(f, load(f, &set, "imagefolder", "set/test"), OVP_EFORMAT, "set/test: 1 class folders; 2 to 65536");
    assert_failed(f, load(f, &set, "imagefolder", "set/train/a"), OVP_EFORMAT, "set/train/a: 0 class folders");
    assert_int_equal(mkdir(scratch(f, "set/train/empty"), 0777), 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT,
                  "set/train/empty: class folder without an image");
    assert_failed(f, load(f, &set, "images", "set/train/empty"), OVP_EFORMAT, "no image (.png, .jpg, .jpeg) here");
    rmdir(scratch(f, "set/train/empty"));
    assert_int_equal(mkdir(scratch(f, "set/test/c"), 0777), 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT,
                  "set/test: class folder 'c' is not among the training classes");
    rmdir(scratch(f, "set/test/c"));
    assert_int_equal(mkdir(scratch(f, "set/train/two\nlines"), 0777), 0);
    assert_failed(f, load(f, &set, "imagefolder", "set"), OVP_EFORMAT, "a name with control characters");
    rmdir(scratch(f, "set/train/two\nlines"));
    char deep[128] = "deep";
    for (int k = 0; k < 40; k++) strcat(deep, "/d");
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, deep)));
    assert_failed(f, load(f, &set, "images", "deep"), OVP_ELIMIT, "folders more than 32 deep");
}

static int warnings;
static void count_warnings(void *user, ovp_log_level level, const char *text) {
    (void)user;
    warnings += level == OVP_LOG_WARNING && strstr(text, "2 symbolic links that lead out of it") != NULL;
}

/* Links to files below the folder count, links out of it and circles do not. */
static void symbolic_links(void **state) {
    fixture *f = *state;
    ovp_ctx *ctx;
    const ovp_ctx_options settings = {.size = sizeof(settings), .log = count_warnings};
    ovp_data_set set;
    put_folder(f);
    put_image(f, "outside.png", 4, 3, 3, 9);
    assert_int_equal(symlink(scratch(f, "outside.png"), scratch(f, "set/train/a/out.png")), 0);
    assert_int_equal(symlink("../b/0.PNG", scratch(f, "set/train/a/in.png")), 0);
    assert_int_equal(symlink("..", scratch(f, "set/train/a/circle")), 0);
    assert_int_equal(ovp_ctx_create(&ctx, &settings), OVP_OK);
    assert_int_equal(ovp_data_load(&set, ctx, own_set(f, "imagefolder", "set"), NULL), OVP_OK);
    assert_int_equal(set.x_train.shape[0], 6);
    expect_image(&set.x_train, 3, 50); /* 10 2 B in */
    assert_int_equal(warnings, 1);
    ovp_data_free(ctx, &set);
    ovp_ctx_free(ctx);
}

/* Decoded by several threads: the same bytes, and of several damaged files the first one is named. */
static void threads(void **state) {
    fixture *f = *state;
    ovp_ctx *ctx;
    const ovp_ctx_options settings = {.size = sizeof(settings), .threads = 4};
    ovp_data_set one, four;
    char name[64];
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "many")));
    for (int k = 0; k < 100; k++) {
        snprintf(name, sizeof(name), "many/%03d.png", k);
        put_image(f, name, 8, 8, 3, (unsigned char)k);
    }
    assert_int_equal(ovp_ctx_create(&ctx, &settings), OVP_OK);
    assert_ok(f, load(f, &one, "images", "many"));
    assert_int_equal(ovp_data_load(&four, ctx, own_set(f, "images", "many"), NULL), OVP_OK);
    assert_memory_equal(one.x_train.data, four.x_train.data, 100 * 192 * sizeof(float));
    ovp_data_free(f->ctx, &one);
    ovp_data_free(ctx, &four);
    put_file(scratch(f, "many/090.png"), "x", 1);
    put_file(scratch(f, "many/030.png"), "x", 1);
    assert_int_equal(ovp_data_load(&four, ctx, own_set(f, "images", "many"), NULL), OVP_EFORMAT);
    assert_non_null(strstr(ovp_message(ctx), "many/030.png"));
    ovp_ctx_free(ctx);
}

static void out_of_memory(void **state) {
    fixture *f = *state;
    ovp_data_set set = {0};
    const ovp_data_options o = {.size = sizeof(o), .resize_rows = 3, .resize_cols = 3};
    put_folder(f);
    const char *name = own_set(f, "imagefolder", "set");
    for (f->countdown = 0; f->refused < 900; f->countdown = f->refused) {
        ovp_status status = ovp_data_load(&set, f->ctx, name, &o);
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
        assert_int_equal(f->live, 0);
    }
    f->countdown = -1;
    assert_in_range(f->refused, 50, 899);
    ovp_data_free(f->ctx, &set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(labelled),    CASE(unlabelled),     CASE(packed),  CASE(bad_images),
        CASE(bad_folders), CASE(symbolic_links), CASE(threads), CASE(out_of_memory),
    };
    if (!ovp_io_image_library("png")) {
        print_message("this build reads no PNG: image folders cannot be tested\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
