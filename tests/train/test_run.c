/* Many trainings side by side. */
#include "trainee.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { MEMBERS = 9, STEPS = 150 };

static ovp_ctx *context(int threads) {
    ovp_ctx *ctx = NULL;
    const ovp_ctx_options o = {.size = sizeof o, .threads = threads};
    assert_int_equal(ovp_ctx_create(&ctx, &o), OVP_OK);
    return ctx;
}

typedef struct ensemble {
    ovp_ctx *ctx;
    trainee net[MEMBERS];
    ovp_train *members[MEMBERS];
} ensemble;

/* Member i has its own weights, rule and mini-batches (every third: all rows); number 4 diverges, number 6 stops at its
 * limit. */
static ensemble *gather(int threads, ovp_numeric_type type, const char *engine) {
    ensemble *e = calloc(1, sizeof *e);
    e->ctx = context(threads);
    for (int i = 0; i < MEMBERS; i++) {
        ovp_train_options o = trainee_rules[i % TRAINEE_RULES];
        if (i % 3) o.batches = (ovp_train_batches){.size = 4, .seed = 1, .index = (uint64_t)i};
        if (i == 4) o = (ovp_train_options){.lr = 1e9};
        if (i == 6) o.stop.max_steps = 33;
        trainee_make(&e->net[i], e->ctx, type, engine, i);
        trainee_start(&e->net[i], &o);
        e->members[i] = e->net[i].train;
    }
    return e;
}
static void part(ensemble *e) {
    for (int i = 0; i < MEMBERS; i++) trainee_drop(&e->net[i]);
    ovp_ctx_free(e->ctx);
    free(e);
}

static void members_train_as_they_would_alone(void **state) {
    (void)state;
    static const char *const engines[] = {"reference", "gemm", "tile", "auto"};
    for (int engine = 0; engine < 4; engine++)
        for (int type = OVP_F32; type <= OVP_F64; type++) {
            static double alone[MEMBERS][STEPS], together[MEMBERS][STEPS + 5];
            ensemble *one = gather(1, (ovp_numeric_type)type, engines[engine]);
            ovp_idx stopped[MEMBERS];
            ovp_train_state reason[MEMBERS];
            for (int i = 0; i < MEMBERS; i++) {
                ovp_idx k = 0;
                for (; k < STEPS && ovp_train_test(one->members[i], NULL) == OVP_TRAIN_RUNNING; k++)
                    assert_ok(one->ctx, ovp_train_step(one->members[i], &alone[i][k]));
                reason[i] = ovp_train_test(one->members[i], &stopped[i]);
                assert_int_equal(stopped[i], k);
            }
            assert_int_equal(reason[4], OVP_TRAIN_DIVERGED);
            assert_in_range(stopped[4], 2, STEPS - 1);
            assert_int_equal(reason[6], OVP_TRAIN_MAX_STEPS);
            assert_int_equal(stopped[6], 33);
            for (int threads = 1; threads <= 3; threads++) {
                ensemble *e = gather(threads, (ovp_numeric_type)type, engines[engine]);
                for (int i = 0; i < MEMBERS; i++) together[i][STEPS] = -7;
                /* In two pieces, as a caller does who reports in between. */
                assert_ok(e->ctx, ovp_train_run(e->ctx, e->members, MEMBERS, 90, together[0], STEPS + 5));
                assert_ok(e->ctx, ovp_train_run(e->ctx, e->members, MEMBERS, STEPS - 90, together[0] + 90, STEPS + 5));
                for (int i = 0; i < MEMBERS; i++) {
                    ovp_idx step;
                    assert_int_equal(ovp_train_test(e->members[i], &step), reason[i]);
                    assert_int_equal(step, stopped[i]);
                    assert_memory_equal(e->net[i].theta, one->net[i].theta, e->net[i].bytes);
                    for (ovp_idx k = 0; k < STEPS; k++)
                        if (k < stopped[i])
                            assert_memory_equal(&together[i][k], &alone[i][k], sizeof(double));
                        else
                            assert_true(isnan(together[i][k]));
                    assert_true(together[i][STEPS] == -7);
                }
                /* Workspaces are back under the context that made them: it holds what goes wrong with them. */
                trainee other;
                trainee_make(&other, e->ctx, type == OVP_F32 ? OVP_F64 : OVP_F32, engines[engine], 0);
                for (int i = 0; i < MEMBERS; i++)
                    assert_fails(e->ctx, OVP_ESHAPE, "batch is f",
                                 ovp_net_forward(e->net[i].ws, other.batch, other.theta, other.theta));
                trainee_drop(&other);
                part(e);
            }
            part(one);
        }
}

static void a_single_member_and_none(void **state) {
    (void)state;
    ensemble *a = gather(2, OVP_F32, "gemm"), *b = gather(1, OVP_F32, "gemm");
    double losses[40], loss;
    assert_ok(a->ctx, ovp_train_run(a->ctx, a->members, 0, 10, NULL, 0));
    assert_ok(a->ctx, ovp_train_run(a->ctx, a->members, 1, 0, NULL, 0));
    assert_ok(a->ctx, ovp_train_run(a->ctx, a->members, 1, 40, losses, 40));
    for (int k = 0; k < 40; k++) {
        assert_ok(b->ctx, ovp_train_step(b->members[0], &loss));
        assert_true(loss == losses[k]);
    }
    assert_memory_equal(a->net[0].theta, b->net[0].theta, a->net[0].bytes);
    part(a);
    part(b);
}

static void failures_are_those_of_the_lowest_member(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        ensemble *e = gather(threads, OVP_F32, "gemm");
        /* Members 2 and 7 want rows that nobody gives. */
        for (int i = 2; i < MEMBERS; i += 5) {
            const ovp_train_options o = {.lr = 0.1, .batches = {.size = i, .order = "given"}};
            ovp_train_free(e->net[i].train);
            trainee_start(&e->net[i], &o);
            e->members[i] = e->net[i].train;
        }
        static double losses[MEMBERS][8];
        assert_fails(e->ctx, OVP_EINVAL, "ovp_train_step_rows",
                     ovp_train_run(e->ctx, e->members, MEMBERS, 8, losses[0], 8));
        assert_true(isfinite(losses[0][7]) && isnan(losses[2][0]));
        ovp_train *twice[] = {e->members[0], e->members[1], e->members[0]};
        assert_fails(e->ctx, OVP_EINVAL, "member 2 is there twice", ovp_train_run(e->ctx, twice, 3, 8, NULL, 0));
        assert_ok(e->ctx, ovp_train_run(e->ctx, twice, 2, 8, NULL, 0));
        assert_fails(e->ctx, OVP_EINVAL, "no room for 8 steps", ovp_train_run(e->ctx, twice, 2, 8, losses[0], 7));
        assert_fails(e->ctx, OVP_EINVAL, "-1 steps", ovp_train_run(e->ctx, twice, 2, -1, NULL, 0));
        part(e);
    }
}

static void *cancel_soon(void *ctx) {
    const struct timespec wait = {0, 30000000};
    nanosleep(&wait, NULL);
    ovp_cancel(ctx);
    return NULL;
}

/* A run of days stops soon after it is asked to; one that was asked before makes no step. */
static void cancelling_stops_every_member(void **state) {
    (void)state;
    const ovp_idx forever = (ovp_idx)1 << 40;
    for (int threads = 1; threads <= 3; threads++)
        for (ovp_idx count = 1; count <= MEMBERS; count += MEMBERS - 1) {
            ensemble *e = gather(threads, OVP_F32, "auto");
            pthread_t thread;
            ovp_idx steps[MEMBERS], again;
            assert_int_equal(pthread_create(&thread, NULL, cancel_soon, e->ctx), 0);
            assert_fails(e->ctx, OVP_EINTERRUPTED, "interrupted",
                         ovp_train_run(e->ctx, e->members, count, forever, NULL, 0));
            pthread_join(thread, NULL);
            for (int i = 0; i < MEMBERS; i++) {
                ovp_train_test(e->members[i], &steps[i]);
                assert_true(steps[i] < forever);
            }
            assert_fails(e->ctx, OVP_EINTERRUPTED, "interrupted", ovp_train_run(e->ctx, e->members, count, 8, NULL, 0));
            for (int i = 0; i < MEMBERS; i++) {
                ovp_train_test(e->members[i], &again);
                assert_int_equal(again, steps[i]);
            }
            part(e);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_train_as_they_would_alone),
        cmocka_unit_test(a_single_member_and_none),
        cmocka_unit_test(failures_are_those_of_the_lowest_member),
        cmocka_unit_test(cancelling_stops_every_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
