/* Other programs: found, run, heard, stopped. */
#include "folder.h"

#include <errno.h>

static void run(ovp_program_result *out, const char *script, const char *dir, double timeout) {
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const ovp_program_options options = {.size = sizeof(options), .dir = dir, .timeout = timeout};
    ovp_program_run(out, argv, &options);
}

static void hanging_program_is_killed(void **state) {
    (void)state;
    ovp_program_result process;
    double start = ovp_seconds();
    run(&process, "echo here; sleep 100 & sleep 100", folder, .3); /* the grandchild keeps the pipe open */
    assert_true(process.timed_out && !process.stopped);
    assert_true(ovp_seconds() - start < 10);
    assert_string_equal(process.output, "here\n");
    start = ovp_seconds();
    run(&process, "sleep 5 & echo done", folder, 30);
    assert_int_equal(process.exit_code, 0);
    assert_true(ovp_seconds() - start < 4);
}

static void codes_and_words(void **state) {
    (void)state;
    ovp_program_result process;
    run(&process, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 3", NULL, 30);
    assert_int_equal(process.exit_code, 3);
    assert_non_null(strstr(process.output, "line 2999\n"));
    assert_string_equal(ovp_program_last_words(&process), "line 2999");
    run(&process, "kill -9 $$", NULL, 0);
    assert_int_equal(process.exit_code, 128 + 9);
    assert_string_equal(ovp_program_last_words(&process), "no message");
    run(&process, "pwd", "/", 30);
    assert_string_equal(process.output, "/\n");
    const char *const missing[] = {"/nonexistent/gnuplot", NULL};
    const ovp_program_options options = {.size = sizeof(options)};
    ovp_program_run(&process, missing, &options);
    assert_int_equal(process.error, ENOENT);
}

static int third_time(void *user) {
    return ++*(int *)user == 3;
}

static void tick_stops(void **state) {
    (void)state;
    int ticks = 0;
    ovp_program_result process;
    const char *const argv[] = {"/bin/sleep", "100", NULL};
    const ovp_program_options options = {.size = sizeof(options), .tick = third_time, .user = &ticks};
    double start = ovp_seconds();
    ovp_program_run(&process, argv, &options);
    assert_true(process.stopped && !process.timed_out);
    assert_int_equal(ticks, 3);
    assert_int_equal(process.exit_code, 128 + 9);
    assert_true(ovp_seconds() - start < 10);
}

static void found_on_path(void **state) {
    (void)state;
    char path[4096], wanted[600], *old = strdup(getenv("PATH"));
    put(in_folder("tool"), "#!/bin/sh\n");
    setenv("PATH", folder, 1);
    assert_false(ovp_program_find(path, sizeof(path), "tool")); /* not executable */
    assert_int_equal(chmod(in_folder("tool"), 0755), 0);
    assert_true(ovp_program_find(path, sizeof(path), "tool"));
    snprintf(wanted, sizeof(wanted), "%s/tool", folder);
    assert_string_equal(path, wanted);
    assert_false(ovp_program_find(path, 4, "tool"));
    assert_int_equal(chdir(folder), 0);
    setenv("PATH", ".:relative", 1); /* relative entries are not trusted */
    assert_false(ovp_program_find(path, sizeof(path), "tool"));
    assert_int_equal(chdir("/"), 0);
    setenv("PATH", old, 1);
    free(old);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(hanging_program_is_killed),
        FOLDER_TEST(codes_and_words),
        FOLDER_TEST(tick_stops),
        FOLDER_TEST(found_on_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
