/* data fetch with curl and file:// addresses; a curl of our own where a failure has to be made. The pinned archive is
 * not at hand, so fetches of right content go through a row made here. */
#include "data/sets.h"

#include <sys/file.h>
#include <sys/resource.h>

#define ARCHIVE "data/cifar10/cifar-10-binary.tar.gz"
#define PART ARCHIVE ".part"

static char old_path[4096];

static int fetch_setup(void **state) {
    snprintf(old_path, sizeof(old_path), "%s", getenv("PATH"));
    if (setup(state) != 0) return -1;
    setenv("OVERPARAM_DATA", scratch(*state, "data"), 1);
    return 0;
}

static int fetch_teardown(void **state) {
    setenv("PATH", old_path, 1);
    return fixture_teardown(state);
}

static ovp_status fetch_from(fixture *f, const char *url) {
    const ovp_data_fetch_options o = {.size = sizeof(o), .url = url};
    char *path;
    ovp_status status = ovp_data_fetch(&path, f->ctx, "cifar10", &o);
    if (status != OVP_OK) assert_null(path);
    ovp_free(f->ctx, path);
    return status;
}

static const char *file_url(fixture *f, const char *relative) {
    static char url[600];
    snprintf(url, sizeof(url), "file://%s", scratch(f, relative));
    return url;
}

/* From now on `curl` is this script; $part is the file it has to write. */
static void put_curl(fixture *f, const char *script) {
    char text[2048];
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "bin")));
    snprintf(text, sizeof(text),
             "#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --output) part=$2;; --url) url=$2;; esac; shift; done\n%s\n",
             script);
    put_file(scratch(f, "bin/curl"), text, strlen(text));
    assert_int_equal(chmod(scratch(f, "bin/curl"), 0755), 0);
    char path[5000];
    snprintf(path, sizeof(path), "%s:%s", scratch(f, "bin"), old_path);
    setenv("PATH", path, 1);
}

static void expect_part(fixture *f, const char *content) {
    size_t bytes;
    if (!content) {
        assert_int_not_equal(access(scratch(f, PART), F_OK), 0);
        return;
    }
    char *part = get_file(scratch(f, PART), &bytes);
    assert_string_equal(part, content);
    free(part);
}

/* Whole, continued, complete but not yet renamed, and already there; the last two need no curl. */
static void right_hash(void **state) {
    fixture *f = *state;
    /* SHA-256 of "abc": FIPS 180-4, example 1. */
    const ovp_data_info row = {.name = "letters",
                               .archive = "abc.bin",
                               .url = "file:///nonexistent",
                               .sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
    static const char *const parts[] = {NULL, "", "a", "abc"};
    char *path;
    put_file(scratch(f, "source"), "abc", 3);
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "data/letters")));
    for (int k = 0; k < 4; k++) {
        if (parts[k]) put_file(scratch(f, "data/letters/abc.bin.part"), parts[k], strlen(parts[k]));
        if (k == 3) setenv("PATH", "/nonexistent", 1);
        assert_ok(f, ovp_data_fetch_archive(&path, f->ctx, &row, file_url(f, "source")));
        assert_string_equal(path, scratch(f, "data/letters/abc.bin"));
        size_t bytes;
        char *content = get_file(path, &bytes);
        assert_string_equal(content, "abc");
        free(content);
        ovp_free(f->ctx, path);
        assert_int_equal(count_files(scratch(f, "data/letters")), 1);
        assert_ok(f, ovp_data_fetch_archive(&path, f->ctx, &row, k < 3 ? NULL : "file:///nonexistent"));
        ovp_free(f->ctx, path);
        remove(scratch(f, "data/letters/abc.bin"));
    }
    /* A file of that name which is another one is replaced, but only by the right one. */
    setenv("PATH", old_path, 1);
    put_file(scratch(f, "data/letters/abc.bin"), "abd", 3);
    assert_failed(f, ovp_data_fetch_archive(&path, f->ctx, &row, NULL), OVP_EIO, "file:///nonexistent: cannot be");
    assert_int_equal(access(scratch(f, "data/letters/abc.bin"), F_OK), 0);
    assert_ok(f, ovp_data_fetch_archive(&path, f->ctx, &row, file_url(f, "source")));
    ovp_free(f->ctx, path);
}

static void wrong_hash(void **state) {
    fixture *f = *state;
    put_file(scratch(f, "other"), "abc", 3);
    /* SHA-256 of "abc": FIPS 180-4, example 1. */
    assert_failed(f, fetch_from(f, file_url(f, "other")), OVP_EFORMAT,
                  "other: not the published file: its sha256 is "
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad, expected "
                  "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd; it was removed");
    expect_part(f, NULL);
    assert_int_not_equal(access(scratch(f, ARCHIVE), F_OK), 0);
    assert_failed(f, fetch_from(f, file_url(f, "nowhere")), OVP_EIO, "nowhere: cannot be fetched: curl: (37)");
    expect_part(f, NULL);
}

/* The real curl goes on where the part ends. */
static void continued(void **state) {
    fixture *f = *state;
    char *path;
    put_file(scratch(f, "whole"), "0123456789", 10);
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "data/cifar10")));
    put_file(scratch(f, PART), "abc", 3);
    /* sha256sum of "abc3456789" (coreutils): the first three bytes are the part's, the rest the file's. */
    assert_failed(f, fetch_from(f, file_url(f, "whole")), OVP_EFORMAT,
                  "5db522a890658dcfc51719a464499b929f69fd9c3cf527e1f5a3e94bf64cb245");
    put_file(scratch(f, PART), "a part longer than the file", 27);
    assert_failed(f, fetch_from(f, file_url(f, "whole")), OVP_EIO, "cannot continue the .part; it was removed");
    expect_part(f, NULL);
    assert_failed(f, ovp_data_fetch(&path, f->ctx, "mnist", NULL), OVP_EUNSUPPORTED, "it comes with overparam");
    assert_failed(f, ovp_data_fetch(&path, f->ctx, "npz:x", NULL), OVP_EUNSUPPORTED, "cannot be fetched: it is yours");
    assert_failed(f, ovp_data_fetch(&path, f->ctx, "cifra10", NULL), OVP_ENOTFOUND, "did you mean 'cifar10'");
    const ovp_data_fetch_options o = {.size = 3};
    assert_failed(f, ovp_data_fetch(&path, f->ctx, "cifar10", &o), OVP_EINVAL, "set size");
}

static void broken_connection(void **state) {
    fixture *f = *state;
    put_curl(f, "printf 12345 >>$part; echo 'curl: (18) transfer closed with 9 bytes remaining' >&2; exit 18");
    assert_failed(f, fetch_from(f, "http://example.org/x"), OVP_EIO,
                  "http://example.org/x: cannot be fetched: curl: (18) transfer closed with 9 bytes remaining (curl "
                  "ended with code 18); 5 bytes are kept in its .part, run it again to go on");
    expect_part(f, "12345");
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz: cannot");
    expect_part(f, "1234512345");
    put_curl(f, "echo 'curl: (22) The requested URL returned error: 416' >&2; exit 22");
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "cannot continue the .part; it was removed");
    expect_part(f, NULL);
    put_curl(f, "echo 'curl: (22) The requested URL returned error: 404' >&2; exit 22");
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "error: 404 (curl ended with code 22)");
    expect_part(f, NULL);
    put_curl(f, "kill -9 $$");
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "no message (curl ended with code 137)");
}

/* The real curl against a limit on file sizes: what a full disk gives, but for the reason in curl's text. */
static void full_disk(void **state) {
    fixture *f = *state;
    static char data[200000];
    struct rlimit old;
    struct stat about;
    put_file(scratch(f, "large"), data, sizeof(data));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const struct rlimit small = {50000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    ovp_status status = fetch_from(f, file_url(f, "large"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_failed(f, status, OVP_EIO, PART ": cannot be written (disk full, or a limit on file sizes)");
    assert_int_equal(stat(scratch(f, PART), &about), 0);
    assert_int_equal(about.st_size, 50000);
    put_curl(f, "echo 'curl: (23) Failure writing output to destination' >&2; exit 23");
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "Failure writing output to destination; 50000 bytes are kept");
}

static void no_curl(void **state) {
    fixture *f = *state;
    setenv("PATH", "/nonexistent", 1);
    assert_failed(f, fetch_from(f, NULL), OVP_EUNAVAILABLE, "no curl on PATH: apt-get install curl, or bring");
    expect_part(f, NULL);
    put_file(scratch(f, "file"), "", 0);
    setenv("OVERPARAM_DATA", scratch(f, "file"), 1);
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "file/cifar10");
    unsetenv("OVERPARAM_DATA");
    assert_failed(f, fetch_from(f, NULL), OVP_ENOTFOUND, "no folder for data sets: set OVERPARAM_DATA");
}

static ovp_ctx *to_cancel;
static void cancel_now(void *user, const ovp_progress *progress) {
    (void)user;
    if (progress->done >= 1) ovp_cancel(to_cancel);
}

/* Interrupted at the second megabyte: the program ends, what came is kept. */
static void interrupted(void **state) {
    fixture *f = *state;
    const ovp_ctx_options settings = {.size = sizeof(settings), .progress = cancel_now};
    char *path;
    struct stat about;
    put_curl(f, "head -c 1500000 /dev/zero >$part; exec sleep 100");
    assert_int_equal(ovp_ctx_create(&to_cancel, &settings), OVP_OK);
    double start = ovp_seconds();
    assert_int_equal(ovp_data_fetch(&path, to_cancel, "cifar10", NULL), OVP_EINTERRUPTED);
    assert_true(ovp_seconds() - start < 20);
    assert_string_equal(ovp_message(to_cancel),
                        "fetching cifar10 was interrupted; 1500000 bytes are kept in its .part, "
                        "run it again to go on");
    ovp_ctx_free(to_cancel);
    assert_int_equal(stat(scratch(f, PART), &about), 0);
    assert_int_equal(about.st_size, 1500000);
}

static void one_at_a_time(void **state) {
    fixture *f = *state;
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "data/cifar10")));
    put_file(scratch(f, PART), "abc", 3);
    FILE *other = fopen(scratch(f, PART), "r");
    assert_int_equal(flock(fileno(other), LOCK_EX), 0);
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, "another fetch is writing it");
    expect_part(f, "abc");
    fclose(other);
    remove(scratch(f, PART));
    put_file(scratch(f, "elsewhere"), "precious", 8);
    assert_int_equal(symlink(scratch(f, "elsewhere"), scratch(f, PART)), 0); /* not written through */
    assert_failed(f, fetch_from(f, NULL), OVP_EIO, PART ": cannot be written");
}

#define FETCH(name) cmocka_unit_test_setup_teardown(name, fetch_setup, fetch_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        FETCH(right_hash), FETCH(wrong_hash), FETCH(continued),   FETCH(broken_connection),
        FETCH(full_disk),  FETCH(no_curl),    FETCH(interrupted), FETCH(one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
