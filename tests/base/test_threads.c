/* base: the thread pool. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct job {
    int64_t out[1000];
    atomic_int runs, bad_worker;
    ovp_idx fail_from;
    ovp_ctx *cancel;
} job;

static ovp_status square(ovp_ctx *worker, void *arg, ovp_idx task) {
    job *j = arg;
    if (ovp_worker(worker) < 0 || ovp_worker(worker) >= ovp_threads(worker)) j->bad_worker = 1;
    j->out[task] += task * task;
    j->runs++;
    if (j->cancel && task == 3) ovp_cancel(j->cancel);
    if (j->fail_from && task >= j->fail_from) return ovp_fail(worker, OVP_ENUMERIC, "task %d broke", (int)task);
    return OVP_OK;
}

static ovp_ctx *context(int threads) {
    ovp_ctx *ctx;
    ovp_ctx_options o = {.size = sizeof o, .threads = threads};
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    return ctx;
}

static void every_task_runs_once(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        ovp_ctx *ctx = context(threads);
        static job j;
        memset(&j, 0, sizeof j);
        for (int round = 1; round <= 300; round++) {
            ovp_idx tasks = round % 7 == 0 ? 0 : round * 3;
            memset(j.out, 0, sizeof j.out);
            assert_int_equal(ovp_parallel(ctx, tasks, square, &j), OVP_OK);
            for (ovp_idx i = 0; i < 1000; i++) assert_int_equal(j.out[i], i < tasks ? i * i : 0);
        }
        assert_int_equal(j.bad_worker, 0);
        ovp_ctx_free(ctx);
    }
}

static void the_lowest_error_is_reported(void **state) {
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        ovp_ctx *ctx = context(threads);
        static job j;
        memset(&j, 0, sizeof j);
        j.fail_from = 17;
        assert_int_equal(ovp_parallel(ctx, 500, square, &j), OVP_ENUMERIC);
        /* Tasks are handed out in order, so task 17 always runs. */
        assert_string_equal(ovp_message(ctx), "task 17 broke");
        assert_true(j.runs < 17 + 1 + threads);
        ovp_clear(ctx);
        j.fail_from = 0;
        assert_int_equal(ovp_parallel(ctx, 500, square, &j), OVP_OK);
        ovp_ctx_free(ctx);
    }
}

static void cancelling_stops_and_says_so(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        ovp_ctx *ctx = context(threads);
        static job j;
        memset(&j, 0, sizeof j);
        j.cancel = ctx;
        assert_int_equal(ovp_parallel(ctx, 1000, square, &j), OVP_EINTERRUPTED);
        assert_string_equal(ovp_message(ctx), "interrupted");
        assert_true(j.runs < 1000);
        assert_int_equal(ovp_check(ctx), OVP_EINTERRUPTED);
        ovp_ctx_free(ctx);
    }
}

static ovp_status nested(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)task;
    return ovp_parallel(worker, 10, square, arg);
}

static void nested_calls_run_inline(void **state) {
    (void)state;
    ovp_ctx *ctx = context(3);
    static job j;
    memset(&j, 0, sizeof j);
    assert_int_equal(ovp_parallel(ctx, 1, nested, &j), OVP_OK);
    for (ovp_idx i = 0; i < 10; i++) assert_int_equal(j.out[i], i * i);
    ovp_ctx_free(ctx);
}

static void *host_thread(void *arg) {
    (void)arg;
    ovp_ctx *ctx = context(2);
    static _Thread_local job j;
    memset(&j, 0, sizeof j);
    intptr_t bad = 0;
    for (int i = 0; i < 200; i++) bad |= ovp_parallel(ctx, 50, square, &j) != OVP_OK;
    ovp_ctx_free(ctx);
    return (void *)bad;
}

static void contexts_of_several_host_threads_do_not_meet(void **state) {
    (void)state;
    pthread_t t[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&t[i], NULL, host_thread, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *bad;
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(the_lowest_error_is_reported),
        cmocka_unit_test(cancelling_stops_and_says_so),
        cmocka_unit_test(nested_calls_run_inline),
        cmocka_unit_test(contexts_of_several_host_threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
