/* CIFAR-10's binary files, small ones of the same layout, from a folder and from an archive. */
#include "data/sets.h"

#include <zlib.h>

#define RECORD 3073

static const char *const names[6] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                     "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

static unsigned char value(int file, int record, int p) {
    return (unsigned char)(p < 0 ? (file + record) % 10 : file * 91 + record * 31 + p * 7);
}

/* File k has k + 2 records. */
static size_t make(unsigned char *to, int file) {
    for (int i = 0; i < file + 2; i++)
        for (int p = -1; p < 3072; p++) to[i * RECORD + 1 + p] = value(file, i, p);
    return (size_t)(file + 2) * RECORD;
}

static void put_folder(fixture *f, const char *folder) {
    static unsigned char data[7 * RECORD];
    char path[128];
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, folder)));
    for (int k = 0; k < 6; k++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[k]);
        size_t bytes = make(data, k);
        put_file(scratch(f, path), data, bytes);
    }
}

/* The published archive's layout: a folder, the batches, a text file; GNU headers. twice, without: file to spoil. */
static void put_archive(fixture *f, const char *relative, int twice, int without) {
    static unsigned char tar[40 * RECORD];
    size_t bytes = 0;
    memset(tar, 0, sizeof(tar));
    for (int k = -1; k < 7; k++) {
        for (int copy = 0; copy < (k == twice ? 2 : k == without ? 0 : 1); copy++) {
            unsigned char *header = tar + bytes;
            size_t size = k < 0 || k > 5 ? 0 : make(header + 512, k);
            unsigned sum = 0;
            snprintf((char *)header, 100, "cifar-10-batches-bin/%s", k < 0 ? "" : k > 5 ? "readme.html" : names[k]);
            snprintf((char *)header + 124, 12, "%011o", (unsigned)size);
            header[156] = k < 0 ? '5' : '0';
            memcpy(header + 257, "ustar  ", 8);
            memset(header + 148, ' ', 8);
            for (int i = 0; i < 512; i++) sum += header[i];
            snprintf((char *)header + 148, 8, "%06o", sum);
            bytes += 512 + (size + 511) / 512 * 512;
        }
    }
    gzFile packed = gzopen(scratch(f, relative), "wb1");
    assert_int_equal(gzwrite(packed, tar, (unsigned)bytes + 1024), bytes + 1024);
    assert_int_equal(gzclose(packed), Z_OK);
}

static ovp_status load(fixture *f, ovp_data_set *set) {
    const ovp_data_options o = {.size = sizeof(o), .directory = f->folder};
    return ovp_data_load(set, f->ctx, "cifar10", &o);
}

static void expect_set(const ovp_data_set *set) {
    assert_int_equal(set->features, 3072);
    assert_int_equal(set->classes, 10);
    assert_int_equal(set->image_rows, 32);
    assert_int_equal(set->image_cols, 32);
    assert_int_equal(set->image_channels, 3);
    assert_string_equal(set->class_names[9], "truck");
    assert_int_equal(set->x_train.shape[0], 2 + 3 + 4 + 5 + 6);
    assert_int_equal(set->x_test.shape[0], 7);
    ovp_idx at = 0;
    for (int file = 0; file < 6; file++)
        for (int i = 0; i < file + 2; i++, at++) {
            const ovp_idx row = file < 5 ? at : i;
            const float *x = (const float *)(file < 5 ? set->x_train.data : set->x_test.data) + row * 3072;
            assert_int_equal(((int32_t *)(file < 5 ? set->y_train.data : set->y_test.data))[row], value(file, i, -1));
            for (int p = 0; p < 3072; p++) assert_true(x[p] == (float)value(file, i, p));
        }
}

/* In every place that the search knows, as folder and as archive. */
static void found_and_loaded(void **state) {
    fixture *f = *state;
    static const char *const folders[] = {"cifar10", "cifar-10-batches-bin", "."};
    static const char *const archives[] = {"cifar10/cifar-10-binary.tar.gz", "cifar-10-binary.tar.gz"};
    ovp_data_set set;
    char *found;
    assert_failed(f, load(f, &set), OVP_ENOTFOUND, "`overparam data fetch cifar10` brings it");
    setenv("OVERPARAM_DATA", f->folder, 1);
    for (int k = 0; k < 5; k++) {
        if (k < 3) {
            put_folder(f, folders[k]);
        } else {
            assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "cifar10")));
            put_archive(f, archives[k - 3], -9, -9);
        }
        assert_ok(f, load(f, &set));
        expect_set(&set);
        assert_ok(f, ovp_data_locate(&found, f->ctx, "cifar10"));
        assert_string_equal(found, set.source);
        if (k >= 3) assert_string_equal(found, scratch(f, archives[k - 3]));
        ovp_free(f->ctx, found);
        ovp_data_free(f->ctx, &set);
        remove_tree(f->folder);
        assert_int_equal(mkdir(f->folder, 0777), 0);
    }
}

static void damaged_files(void **state) {
    fixture *f = *state;
    static unsigned char data[7 * RECORD];
    ovp_data_set set;
    put_folder(f, "cifar10");
    size_t bytes = make(data, 2);
    const char *path = strdup(scratch(f, "cifar10/data_batch_3.bin"));
    put_file(path, data, bytes - 1);
    assert_failed(f, load(f, &set), OVP_EFORMAT, "data_batch_3.bin: 12291 bytes are not whole records of 3073");
    for (size_t cut = 0; cut < 4 * RECORD; cut += 997) {
        put_file(path, data, cut);
        if (cut == 0 || cut % RECORD) assert_failed(f, load(f, &set), OVP_EFORMAT, "data_batch_3.bin: ");
    }
    data[2 * RECORD] = 10;
    put_file(path, data, bytes);
    assert_failed(f, load(f, &set), OVP_EFORMAT, "data_batch_3.bin: label 10 in record 2 (from 0); labels are 0 to 9");
    put_file(path, "\x1f\x8b\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    assert_failed(f, load(f, &set), OVP_EFORMAT, "data_batch_3.bin: damaged gzip");
    remove(path);
    assert_failed(f, load(f, &set), OVP_ENOTFOUND, "data set cifar10 not found");
    free((void *)(uintptr_t)path);
}

static void damaged_archives(void **state) {
    fixture *f = *state;
    ovp_data_set set;
    size_t bytes;
    put_archive(f, "cifar-10-binary.tar.gz", 3, -9);
    assert_failed(f, load(f, &set), OVP_EFORMAT, "cifar-10-binary.tar.gz: data_batch_4.bin stands in it twice");
    put_archive(f, "cifar-10-binary.tar.gz", -9, 5);
    assert_failed(f, load(f, &set), OVP_EFORMAT, "no test_batch.bin in this archive (the binary version");
    put_archive(f, "cifar-10-binary.tar.gz", -9, -9);
    char *whole = get_file(scratch(f, "cifar-10-binary.tar.gz"), &bytes);
    for (size_t cut = 0; cut < bytes; cut += bytes / 50) {
        put_file(scratch(f, "cifar-10-binary.tar.gz"), whole, cut);
        assert_failed(f, load(f, &set), OVP_EFORMAT, "cifar-10-binary.tar.gz: ");
    }
    free(whole);
}

/* Files that look right but are not the published ones. */
static void verify(void **state) {
    fixture *f = *state;
    ovp_text report = {.ctx = f->ctx};
    setenv("OVERPARAM_DATA", f->folder, 1);
    put_folder(f, "cifar10");
    assert_failed(f, ovp_data_verify(f->ctx, "cifar10", &report), OVP_EFORMAT,
                  "cifar10: 20 training and 7 test samples; the published set has 50000 and 10000");
    assert_non_null(strstr(report.data, "test_batch.bin: sha256 "));
    assert_non_null(strstr(report.data, "DAMAGED; expected 50000 + 10000 colour images"));
    ovp_text_free(&report);
    remove_tree(scratch(f, "cifar10"));
    put_archive(f, "cifar-10-binary.tar.gz", -9, -9);
    report = (ovp_text){.ctx = f->ctx};
    assert_failed(f, ovp_data_verify(f->ctx, "cifar10", &report), OVP_EFORMAT,
                  "cifar-10-binary.tar.gz: not the published file: its sha256 is");
    assert_non_null(strstr(report.data, "expected c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd\n"));
    ovp_text_free(&report);
}

static void out_of_memory(void **state) {
    fixture *f = *state;
    ovp_data_set set = {0};
    put_archive(f, "cifar-10-binary.tar.gz", -9, -9);
    for (f->countdown = 0; f->refused < 300; f->countdown = f->refused) {
        ovp_status status = load(f, &set);
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
        assert_int_equal(f->live, 0);
    }
    f->countdown = -1;
    assert_in_range(f->refused, 20, 299);
    ovp_data_free(f->ctx, &set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(found_and_loaded), CASE(damaged_files), CASE(damaged_archives), CASE(verify), CASE(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
