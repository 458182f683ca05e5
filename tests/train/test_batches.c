/* Mini-batches, and a training taken apart and put together again. */
#include "trainee.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static ovp_numeric_rng *torch_stream(ovp_ctx *ctx, int64_t seed) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, seed, OVP_PURPOSE_BATCH, 0));
    return rng;
}

/* The rows of the last step are `want`, and the step was that of these rows alone. */
static void expect_rows(const trainee *n, const int64_t *want, ovp_idx count) {
    ovp_idx have;
    const int64_t *rows = ovp_train_rows(n->train, &have);
    assert_int_equal(have, count);
    assert_non_null(rows);
    for (ovp_idx i = 0; i < count; i++) assert_int_equal(rows[i], want[i]);
}

static void a_step_is_that_of_its_rows(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const engines[] = {"reference", "gemm", "tile", "auto"};
    for (int e = 0; e < 4; e++) {
        trainee n, apart;
        trainee_make(&n, ctx, OVP_F64, engines[e], 0);
        trainee_make(&apart, ctx, OVP_F64, engines[e], 0);
        const ovp_train_options o = {.lr = 0.1, .batches = {.size = 4, .seed = 11}}, full = {.lr = 0.1};
        trainee_start(&n, &o);
        for (int k = 0; k < 9; k++) {
            double loss, alone, x[4 * TRAINEE_IN], y[4 * TRAINEE_OUT];
            ovp_idx count;
            assert_ok(ctx, ovp_train_step(n.train, &loss));
            const int64_t *rows = ovp_train_rows(n.train, &count);
            assert_int_equal(count, k % 4 == 3 ? 3 : 4); /* 15 rows */
            for (ovp_idx i = 0; i < count; i++) {
                memcpy(x + i * TRAINEE_IN, n.x + rows[i] * TRAINEE_IN, TRAINEE_IN * sizeof *x);
                memcpy(y + i * TRAINEE_OUT, n.y + rows[i] * TRAINEE_OUT, TRAINEE_OUT * sizeof *y);
            }
            ovp_net_batch_free(apart.batch);
            assert_ok(ctx, ovp_net_bind(&apart.batch, ctx, apart.model, x, count));
            apart.targets.values = y;
            trainee_start(&apart, &full);
            assert_ok(ctx, ovp_train_step(apart.train, &alone));
            ovp_train_free(apart.train);
            apart.train = NULL;
            assert_true(loss == alone);
            assert_memory_equal(n.theta, apart.theta, n.bytes);
        }
        trainee_drop(&n);
        trainee_drop(&apart);
    }
}

static void all_rows_in_order_equal_the_full_batch(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const engines[] = {"reference", "gemm", "tile", "auto"};
    ovp_numeric_rng *rng = torch_stream(ctx, 1);
    int64_t all[TRAINEE_ROWS];
    for (int i = 0; i < TRAINEE_ROWS; i++) all[i] = i;
    for (int e = 0; e < 4; e++)
        for (int rule = 0; rule < TRAINEE_RULES; rule++) {
            trainee n[3];
            for (int k = 0; k < 3; k++) {
                trainee_make(&n[k], ctx, OVP_F32, engines[e], 0);
                ovp_train_options o = trainee_rules[rule];
                if (k == 1) o.batches = (ovp_train_batches){.size = TRAINEE_ROWS, .order = "given"};
                if (k == 2) o.batches = (ovp_train_batches){.size = TRAINEE_ROWS, .order = "cycle", .rng = rng};
                trainee_start(&n[k], &o);
            }
            for (int step = 0; step < 10; step++) {
                double loss[3];
                assert_ok(ctx, ovp_train_step(n[0].train, &loss[0]));
                assert_ok(ctx, ovp_train_step_rows(n[1].train, all, TRAINEE_ROWS, &loss[1]));
                assert_ok(ctx, ovp_train_step(n[2].train, &loss[2]));
                assert_true(loss[0] == loss[1] && loss[0] == loss[2]);
                assert_memory_equal(n[0].theta, n[1].theta, n[0].bytes);
                assert_memory_equal(n[0].theta, n[2].theta, n[0].bytes);
            }
            ovp_idx count;
            assert_null(ovp_train_rows(n[0].train, &count));
            assert_int_equal(count, TRAINEE_ROWS);
            for (int k = 0; k < 3; k++) trainee_drop(&n[k]);
        }
    assert_int_equal(ovp_numeric_rng_word(rng), 1791095845); /* nothing was drawn: torch.manual_seed(1)'s first word */
    ovp_numeric_rng_free(rng);
}

/* Targets that have rows of their own. */
static void rows_of_the_targets_are_followed(void **state) {
    ovp_ctx *ctx = *state;
    int64_t turned[TRAINEE_ROWS];
    double values[TRAINEE_ROWS * TRAINEE_OUT];
    trainee plain, mapped;
    const ovp_train_options o = {.lr = 0.1, .batches = {.size = 4, .seed = 3}};
    trainee_make(&plain, ctx, OVP_F64, "reference", 0);
    trainee_make(&mapped, ctx, OVP_F64, "reference", 0);
    for (int i = 0; i < TRAINEE_ROWS; i++) {
        turned[i] = TRAINEE_ROWS - 1 - i;
        memcpy(values + turned[i] * TRAINEE_OUT, plain.y + i * TRAINEE_OUT, TRAINEE_OUT * sizeof *values);
    }
    mapped.targets.values = values;
    mapped.targets.rows = turned;
    trainee_start(&plain, &o);
    trainee_start(&mapped, &o);
    trainee_steps(&plain, 11);
    trainee_steps(&mapped, 11);
    assert_memory_equal(plain.theta, mapped.theta, plain.bytes);
    trainee_drop(&plain);
    trainee_drop(&mapped);
}

static void an_epoch_takes_every_row_once(void **state) {
    ovp_ctx *ctx = *state;
    int64_t first[2][TRAINEE_ROWS] = {{0}};
    for (int seed = 0; seed < 2; seed++)
        for (int drop = 0; drop < 2; drop++) {
            trainee n;
            const ovp_train_options o = {.lr = 0.1, .batches = {.size = 4, .seed = seed, .drop_last = drop}};
            trainee_make(&n, ctx, OVP_F64, "reference", 0);
            trainee_start(&n, &o);
            for (int epoch = 0; epoch < 3; epoch++) {
                int seen[TRAINEE_ROWS] = {0}, total = 0, same = 0;
                while (total < (drop ? 12 : 15)) {
                    ovp_idx count;
                    trainee_steps(&n, 1);
                    const int64_t *rows = ovp_train_rows(n.train, &count);
                    for (ovp_idx i = 0; i < count; i++) {
                        assert_int_equal(seen[rows[i]]++, 0);
                        if (epoch == 0 && !drop) first[seed][total] = rows[i];
                        same += first[seed][total] == rows[i];
                        total++;
                    }
                }
                assert_int_equal(total, drop ? 12 : 15);
                assert_true((same == total) == (epoch == 0)); /* another order each epoch, the same with drop_last */
            }
            trainee_drop(&n);
        }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
}

/* The same draws as the loader's, made by hand. */
static void torchs_loader_gives_the_epochs(void **state) {
    ovp_ctx *ctx = *state;
    for (int own = 0; own < 2; own++) {
        ovp_numeric_rng *a = torch_stream(ctx, 5), *b = torch_stream(ctx, 5);
        ovp_numeric_rng *ga = torch_stream(ctx, 8), *gb = torch_stream(ctx, 8);
        const ovp_numeric_torch_loader loader = {a, own ? ga : NULL, TRAINEE_ROWS, 1};
        const ovp_numeric_torch_loader by_hand = {b, own ? gb : NULL, TRAINEE_ROWS, 1};
        const ovp_train_options o = {.lr = 0.1, .batches = {.size = 6, .order = "torch", .loader = &loader}};
        trainee n;
        trainee_make(&n, ctx, OVP_F64, "reference", 0);
        trainee_start(&n, &o);
        for (int epoch = 0; epoch < 4; epoch++) {
            int64_t order[TRAINEE_ROWS];
            assert_int_equal(ovp_numeric_rng_word(a), ovp_numeric_rng_word(b)); /* draws between epochs */
            ovp_numeric_torch_loader_begin(&by_hand, order);
            for (ovp_idx at = 0; at < TRAINEE_ROWS; at += 6) {
                trainee_steps(&n, 1);
                expect_rows(&n, order + at, at == 12 ? 3 : 6);
            }
            ovp_numeric_torch_loader_end(&by_hand);
        }
        assert_int_equal(ovp_numeric_rng_word(ga), ovp_numeric_rng_word(gb));
        trainee_drop(&n);
        ovp_numeric_rng *all[] = {a, b, ga, gb};
        for (int i = 0; i < 4; i++) ovp_numeric_rng_free(all[i]);
    }
}

/* The rule written out: order[pos .. min(pos + batch, n)), and when it shuffles. */
static void the_cycle_never_wraps(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx sizes[] = {1, 4, 5, 14, 16, 30, 47};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const ovp_idx size = sizes[s], n = TRAINEE_ROWS;
        ovp_numeric_rng *a = torch_stream(ctx, 5), *b = torch_stream(ctx, 5);
        int64_t order[TRAINEE_ROWS], before[TRAINEE_ROWS], draw[TRAINEE_ROWS];
        const ovp_train_options o = {.lr = 0.01, .batches = {.size = size, .order = "cycle", .rng = a}};
        trainee t;
        trainee_make(&t, ctx, OVP_F64, "reference", 0);
        trainee_start(&t, &o);
        for (ovp_idx i = 0; i < n; i++) order[i] = i;
        ovp_idx pos = 0;
        for (int step = 0; step < 40; step++) {
            const ovp_idx last = pos + size < n ? pos + size : n;
            trainee_steps(&t, 1);
            expect_rows(&t, order + pos, last - pos);
            if (pos + size > n) {
                ovp_numeric_rng_permutation(b, n, draw);
                memcpy(before, order, sizeof order);
                for (ovp_idx i = 0; i < n; i++) order[i] = before[draw[i]];
            }
            pos = (pos + size) % n;
        }
        trainee_drop(&t);
        ovp_numeric_rng_free(a);
        ovp_numeric_rng_free(b);
    }
}

/* golden/optimisers.py: the same with numpy.random.shuffle. */
static void the_cycle_is_numpys(void **state) {
    ovp_ctx *ctx = *state;
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/optimisers.json", 0, &error), *golden, *rows;
    size_t i, step;
    json_array_foreach(json_object_get(root, "batches"), i, golden) {
        const ovp_idx count = json_integer_value(json_object_get(golden, "n"));
        ovp_numeric_rng *rng;
        const int64_t seed = json_integer_value(json_object_get(golden, "seed"));
        assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_NUMPY, seed, OVP_PURPOSE_BATCH, 0));
        trainee n;
        trainee_make(&n, ctx, OVP_F64, "reference", 0);
        ovp_net_batch_free(n.batch);
        assert_ok(ctx, ovp_net_bind(&n.batch, ctx, n.model, n.x, count));
        const ovp_idx size = json_integer_value(json_object_get(golden, "batch"));
        const ovp_train_options o = {.lr = 0.01, .batches = {.size = size, .order = "cycle", .rng = rng}};
        trainee_start(&n, &o);
        json_array_foreach(json_object_get(golden, "rows"), step, rows) {
            ovp_idx have;
            trainee_steps(&n, 1);
            const int64_t *taken = ovp_train_rows(n.train, &have);
            assert_int_equal(have, json_array_size(rows));
            for (ovp_idx k = 0; k < have; k++)
                assert_int_equal(taken ? taken[k] : k, json_integer_value(json_array_get(rows, (size_t)k)));
        }
        trainee_drop(&n);
        ovp_numeric_rng_free(rng);
    }
    json_decref(root);
}

static void given_rows_are_checked(void **state) {
    ovp_ctx *ctx = *state;
    trainee n;
    trainee_make(&n, ctx, OVP_F64, "reference", 0);
    const int64_t rows[] = {3, 3, 14, 15, -1};
    const ovp_train_options o = {.lr = 0.1, .batches = {.size = 4, .order = "given"}}, full = {.lr = 0.1};
    ovp_idx step;
    trainee_start(&n, &o);
    assert_ok(ctx, ovp_train_step_rows(n.train, rows, 3, NULL)); /* rows may repeat */
    expect_rows(&n, rows, 3);
    double theta[TRAINEE_P];
    memcpy(theta, n.theta, n.bytes);
    assert_fails(ctx, OVP_EINVAL, "row 15 (position 3)", ovp_train_step_rows(n.train, rows, 4, NULL));
    assert_fails(ctx, OVP_EINVAL, "row -1 (position 0)", ovp_train_step_rows(n.train, rows + 4, 1, NULL));
    assert_fails(ctx, OVP_ESHAPE, "5 rows is outside 1..4", ovp_train_step_rows(n.train, rows, 5, NULL));
    assert_fails(ctx, OVP_ESHAPE, "0 rows is outside 1..4", ovp_train_step_rows(n.train, rows, 0, NULL));
    assert_fails(ctx, OVP_EINVAL, "ovp_train_step_rows", ovp_train_step(n.train, NULL));
    assert_memory_equal(theta, n.theta, n.bytes);
    ovp_train_test(n.train, &step);
    assert_int_equal(step, 1);
    ovp_train_free(n.train);
    trainee_start(&n, &full);
    assert_fails(ctx, OVP_EINVAL, "without mini-batches", ovp_train_step_rows(n.train, rows, 1, NULL));
    trainee_drop(&n);
}

/* ---- state ----------------------------------------------------------------------------------------- */

typedef struct kept {
    ovp_train_array arrays[16];
    ovp_idx count;
} kept;

static kept keep(const trainee *n) {
    kept k;
    k.count = ovp_train_state_get(n->train, k.arrays, 16);
    assert_in_range(k.count, 6, 16);
    assert_int_equal(ovp_train_state_get(n->train, NULL, 0), k.count);
    for (ovp_idx i = 0; i < k.count; i++) {
        const size_t bytes = (size_t)k.arrays[i].count * ovp_numeric_type_size(k.arrays[i].type);
        void *copy = malloc(bytes);
        memcpy(copy, k.arrays[i].data, bytes);
        k.arrays[i].data = copy;
    }
    return k;
}
static void lose(kept *k) {
    for (ovp_idx i = 0; i < k->count; i++) free((void *)(uintptr_t)k->arrays[i].data);
}

static void a_resumed_training_gives_the_same_bits(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx milestones[] = {10, 30};
    static const char *const orders[] = {"full", "philox", "torch", "cycle"};
    for (int rule = 0; rule < TRAINEE_RULES; rule++)
        for (int order = 0; order < 4; order++)
            for (ovp_idx before = 0; before <= 21; before += 7) {
                trainee a, b;
                /* `a` runs through; `b` is another trainer that takes over, with streams of its own. */
                ovp_numeric_rng *rng = torch_stream(ctx, 4), *again = torch_stream(ctx, 55);
                ovp_numeric_rng *own = torch_stream(ctx, 9), *own_again = torch_stream(ctx, 99);
                const ovp_numeric_torch_loader loader = {rng, own, TRAINEE_ROWS, 1};
                const ovp_numeric_torch_loader loader_again = {again, own_again, TRAINEE_ROWS, 1};
                ovp_train_options o = trainee_rules[rule];
                o.schedule = (ovp_train_schedule){
                    .name = "multi-step", .gamma = 0.5, .milestones = milestones, .milestone_count = 2, .warm_up = 5};
                o.stop = (ovp_train_stop){.max_steps = 100, .patience = 90};
                if (order > 0)
                    o.batches = (ovp_train_batches){
                        .size = 4, .order = orders[order], .seed = 6, .rng = rng, .loader = &loader};
                trainee_make(&a, ctx, OVP_F32, "gemm", 0);
                trainee_make(&b, ctx, OVP_F32, "gemm", 0);
                trainee_start(&a, &o);
                assert_ok(ctx, ovp_train_set_lr(a.train, o.lr * 0.9));
                trainee_steps(&a, before);
                memcpy(b.theta, a.theta, a.bytes);
                kept k = keep(&a);
                trainee_steps(&a, 40);

                o.batches.rng = again;
                o.batches.loader = &loader_again;
                trainee_start(&b, &o);
                assert_ok(ctx, ovp_train_state_set(b.train, k.arrays, k.count));
                trainee_steps(&b, 40);
                assert_memory_equal(a.theta, b.theta, a.bytes);
                kept ka = keep(&a), kb = keep(&b);
                for (ovp_idx i = 0; i < ka.count; i++) {
                    assert_string_equal(ka.arrays[i].name, kb.arrays[i].name);
                    assert_memory_equal(ka.arrays[i].data, kb.arrays[i].data,
                                        (size_t)ka.arrays[i].count * ovp_numeric_type_size(ka.arrays[i].type));
                }
                lose(&k);
                lose(&ka);
                lose(&kb);
                trainee_drop(&a);
                trainee_drop(&b);
                ovp_numeric_rng *streams[] = {rng, again, own, own_again};
                for (int i = 0; i < 4; i++) ovp_numeric_rng_free(streams[i]);
            }
}

static ovp_train_array *named(kept *k, const char *name) {
    for (ovp_idx i = 0; i < k->count; i++)
        if (strcmp(k->arrays[i].name, name) == 0) return &k->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void damaged_states_are_refused(void **state) {
    ovp_ctx *ctx = *state;
    trainee n;
    ovp_numeric_rng *rng = torch_stream(ctx, 3), *generator = torch_stream(ctx, 4);
    const ovp_numeric_torch_loader loader = {rng, generator, TRAINEE_ROWS, 1};
    const ovp_train_options o = {
        .optimiser = "adam", .lr = 0.01, .batches = {.size = 4, .order = "torch", .loader = &loader}};
    trainee_make(&n, ctx, OVP_F32, "reference", 0);
    trainee_start(&n, &o);
    trainee_steps(&n, 5);
    kept good = keep(&n);
    trainee_steps(&n, 4);
    kept now = keep(&n);
    static const struct {
        const char *name, *words;
        int64_t integer;
        double real;
    } bad[] = {{"step", "'step' [0] is -1", -1, 0},
               {"state", "'state' [0] is 5", 5, 0},
               {"waited", "'waited'", -7, 0},
               {"stopped_at", "'stopped_at'", -1, 0},
               {"epoch", "'epoch' [0] is -2", -2, 0},
               {"position", "'position' [0] is 16, outside 0..15", 16, 0},
               {"order", "'order' [0] is 15, outside 0..14", 15, 0},
               {"lr", "'lr' is -1", 0, -1},
               {"best", "'best' is nan", 0, NAN}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ovp_train_array *a = named(&good, bad[i].name);
        void *own = (void *)(uintptr_t)a->data;
        unsigned char value[8];
        memcpy(value, own, 8);
        memcpy(own, a->type == OVP_I64 ? (const void *)&bad[i].integer : (const void *)&bad[i].real, 8);
        assert_fails(ctx, OVP_EFORMAT, bad[i].words, ovp_train_state_set(n.train, good.arrays, good.count));
        memcpy(own, value, 8);
    }
    for (ovp_idx i = 0; i < good.count; i++) {
        ovp_train_array *a = &good.arrays[i], keepsake = *a;
        a->count++;
        assert_fails(ctx, OVP_EFORMAT, keepsake.name, ovp_train_state_set(n.train, good.arrays, good.count));
        a->count = keepsake.count;
        a->type = OVP_I32;
        assert_fails(ctx, OVP_EFORMAT, "i32 values", ovp_train_state_set(n.train, good.arrays, good.count));
        a->type = keepsake.type;
        a->data = NULL;
        assert_fails(ctx, OVP_EFORMAT, keepsake.name, ovp_train_state_set(n.train, good.arrays, good.count));
        a->data = keepsake.data;
        if (a->type == OVP_U8) {
            unsigned char *bytes = (unsigned char *)(uintptr_t)a->data;
            bytes[0] ^= 4;
            assert_fails(ctx, OVP_EFORMAT, "random stream", ovp_train_state_set(n.train, good.arrays, good.count));
            bytes[0] ^= 4;
        }
        a->name = "else";
        assert_fails(ctx, OVP_EFORMAT, "is missing", ovp_train_state_set(n.train, good.arrays, good.count));
        a->name = keepsake.name;
    }
    /* Nothing was changed; an order that is whole is taken. */
    kept after = keep(&n);
    for (ovp_idx i = 0; i < now.count; i++)
        assert_memory_equal(now.arrays[i].data, after.arrays[i].data,
                            (size_t)now.arrays[i].count * ovp_numeric_type_size(now.arrays[i].type));
    assert_ok(ctx, ovp_train_state_set(n.train, good.arrays, good.count));
    lose(&good);
    lose(&now);
    lose(&after);
    trainee_drop(&n);
    ovp_numeric_rng_free(rng);
    ovp_numeric_rng_free(generator);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

typedef struct counter {
    int calls, fail_at; /* 0: never */
} counter;
static void *counted_alloc(void *user, size_t bytes) {
    counter *c = user;
    return ++c->calls == c->fail_at ? NULL : aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void counted_free(void *user, void *p) {
    (void)user;
    free(p);
}

static void steps_allocate_nothing_and_creation_survives_failures(void **state) {
    (void)state;
    static const ovp_idx milestones[] = {3};
    counter c = {0, 0};
    const ovp_allocator allocator = {counted_alloc, counted_free, &c};
    const ovp_ctx_options co = {.size = sizeof co, .threads = 2, .allocator = &allocator};
    ovp_ctx *ctx;
    assert_int_equal(ovp_ctx_create(&ctx, &co), OVP_OK);
    ovp_numeric_rng *rng = torch_stream(ctx, 1);
    static const char *const orders[] = {"philox", "cycle"};
    for (int order = 0; order < 2; order++) {
        trainee n;
        int64_t rows[TRAINEE_ROWS] = {0};
        const ovp_train_options o = {
            .size = sizeof o,
            .optimiser = "adam",
            .lr = 0.01,
            .schedule = {.name = "multi-step", .gamma = 0.5, .milestones = milestones, .milestone_count = 1},
            .batches = {.size = 4, .order = orders[order], .rng = rng}};
        trainee_make(&n, ctx, OVP_F32, "gemm", 0);
        n.targets.rows = rows;
        int failures = 0;
        for (;; failures++) {
            c.fail_at = c.calls + failures + 1;
            const ovp_status status = ovp_train_create(&n.train, ctx, n.model, n.ws, n.batch, &n.targets, &o, n.theta);
            if (status == OVP_OK) break;
            assert_int_equal(status, OVP_ENOMEM);
            assert_null(n.train);
            ovp_clear(ctx);
        }
        c.fail_at = 0;
        assert_true(failures >= 8);
        trainee_steps(&n, 1); /* the pool starts here */
        const int before = c.calls;
        trainee_steps(&n, 50);
        assert_int_equal(c.calls, before);
        trainee_drop(&n);
    }
    ovp_numeric_rng_free(rng);
    ovp_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(a_step_is_that_of_its_rows),
        CTX_TEST(all_rows_in_order_equal_the_full_batch),
        CTX_TEST(rows_of_the_targets_are_followed),
        CTX_TEST(an_epoch_takes_every_row_once),
        CTX_TEST(torchs_loader_gives_the_epochs),
        CTX_TEST(the_cycle_never_wraps),
        CTX_TEST(the_cycle_is_numpys),
        CTX_TEST(given_rows_are_checked),
        CTX_TEST(a_resumed_training_gives_the_same_bits),
        CTX_TEST(damaged_states_are_refused),
        cmocka_unit_test(steps_allocate_nothing_and_creation_survives_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
