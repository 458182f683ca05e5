/* Steps, schedules, stopping, restart and refused options. */
#include "trainee.h"

#include "net/net_int.h"
#include "train/train_int.h"

#include <jansson.h>
#include <math.h>

static const char *const engines[] = {"reference", "gemm", "tile", "auto"};
static const char *const levels[] = {"base", "v3", "v4"};

static ovp_ctx *context(int threads, const char *isa) {
    ovp_ctx *ctx = NULL;
    const ovp_ctx_options o = {.size = sizeof o, .threads = threads, .isa = isa};
    return ovp_ctx_create(&ctx, &o) == OVP_OK ? ctx : NULL; /* a level that this processor lacks */
}

static void compare_updates(ovp_ctx *ctx, ovp_numeric_type type, const char *engine, const char *parametrization,
                            ovp_net_update u) {
    trainee n;
    double moments[4][TRAINEE_P] = {{0}}, grad[TRAINEE_P], apart[TRAINEE_P], l1, l2;
    const int keeps_m = u.rule == OVP_RULE_ADAM || u.rule == OVP_RULE_ADAMW || u.momentum > 0;
    trainee_make_as(&n, ctx, type, engine, parametrization, 0);
    memcpy(apart, n.theta, n.bytes);
    u.lr = 0.01;
    u.beta1 = 0.9;
    u.beta2 = 0.99;
    u.eps = 1e-8;
    for (int step = 1; step <= 5; step++) {
        u.first = step == 1;
        u.correction1 = 1 - pow(u.beta1, step);
        u.correction2 = 1 - pow(u.beta2, step);
        u.m = keeps_m ? moments[0] : NULL;
        u.v = moments[1];
        assert_ok(ctx, ovp_net_loss_step(n.ws, n.batch, &n.targets, &u, n.theta, &l1));
        assert_ok(ctx, ovp_net_loss_grad(n.ws, n.batch, &n.targets, apart, &l2, grad));
        u.m = keeps_m ? moments[2] : NULL;
        u.v = moments[3];
        ovp_net_apply_update(n.model, ctx, &u, grad, apart);
        assert_true(l1 == l2);
        assert_memory_equal(n.theta, apart, n.bytes);
        assert_memory_equal(moments[0], moments[2], n.bytes);
        assert_memory_equal(moments[1], moments[3], n.bytes);
    }
    trainee_drop(&n);
}

static void fused_and_separate_updates_give_the_same_bits(void **state) {
    (void)state;
    static const ovp_net_update updates[] = {
        {.rule = OVP_RULE_ADAM, .weight_decay = 0.02},
        {.rule = OVP_RULE_ADAMW, .weight_decay = 0.02},
        {.rule = OVP_RULE_RMSPROP},
        {.rule = OVP_RULE_RMSPROP, .momentum = 0.9},
        {.rule = OVP_RULE_ADAGRAD},
        {.rule = OVP_RULE_SGD},
        {.rule = OVP_RULE_SGD, .momentum = 0.9, .nesterov = 1, .weight_decay = 0.02},
    };
    /* The second has learning rates of its own for each slice. */
    static const char *const parametrizations[] = {"standard", "mean-field"};
    int compared = 0;
    for (int level = 0; level < 3; level++)
        for (int e = 0; e < 4; e++)
            for (int type = OVP_F32; type <= OVP_F64; type++)
                for (size_t r = 0; r < 2 * sizeof updates / sizeof *updates; r++) {
                    ovp_ctx *ctx = context(2, levels[level]);
                    if (!ctx) continue;
                    compare_updates(ctx, (ovp_numeric_type)type, engines[e], parametrizations[r % 2], updates[r / 2]);
                    compared++;
                    ovp_ctx_free(ctx);
                }
    assert_true(compared >= 2 * 7 * 2 * 4);
}

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    for (int e = 0; e < 4; e++)
        for (int rule = 0; rule < TRAINEE_RULES; rule++) {
            double first[TRAINEE_P];
            for (int threads = 1; threads <= 3; threads++) {
                ovp_ctx *ctx = context(threads, NULL);
                trainee n;
                trainee_make(&n, ctx, OVP_F32, engines[e], 0);
                ovp_train_options o = trainee_rules[rule];
                o.batches = (ovp_train_batches){.size = 4, .seed = 3};
                trainee_start(&n, &o);
                trainee_steps(&n, 20);
                if (threads == 1) memcpy(first, n.theta, n.bytes);
                assert_memory_equal(first, n.theta, n.bytes);
                trainee_drop(&n);
                ovp_ctx_free(ctx);
            }
        }
}

/* Slices' learning rates and the mask, for every rule. */
static void parts_have_their_own_rates_and_masked_weights_stay(void **state) {
    ovp_ctx *ctx = *state;
    for (int rule = 0; rule < TRAINEE_RULES; rule++) {
        trainee n;
        trainee_make(&n, ctx, OVP_F64, "reference", 0);
        double moments[2][TRAINEE_P] = {{0}}, grad[TRAINEE_P], scaled[TRAINEE_P], quick[TRAINEE_P], slow[TRAINEE_P];
        uint8_t mask[TRAINEE_P];
        trainee_fill(ctx, 9, OVP_F64, TRAINEE_P, 1, grad);
        const ovp_train_options *o = &trainee_rules[rule];
        static const ovp_net_rule rules[] = {OVP_RULE_SGD,   OVP_RULE_SGD,     OVP_RULE_SGD,     OVP_RULE_ADAM,
                                             OVP_RULE_ADAMW, OVP_RULE_RMSPROP, OVP_RULE_RMSPROP, OVP_RULE_ADAGRAD};
        ovp_net_update u = {.rule = rules[rule],
                            .momentum = o->momentum,
                            .weight_decay = o->weight_decay,
                            .beta1 = 0.9,
                            .beta2 = 0.99,
                            .eps = 1e-8,
                            .correction1 = 1,
                            .correction2 = 1,
                            .first = 1};
        double *const thetas[] = {slow, quick, scaled};
        for (int k = 0; k < 3; k++) {
            memcpy(thetas[k], n.theta, n.bytes);
            memset(moments, 0, sizeof moments);
            u.m = u.rule == OVP_RULE_ADAM || u.rule == OVP_RULE_ADAMW || u.momentum > 0 ? moments[0] : NULL;
            u.v = moments[1];
            u.lr = k == 1 ? 0.03 * 4 : 0.03;
            n.model->slices[1].lr_scale = k == 2 ? 4 : 1;
            ovp_net_apply_update(n.model, ctx, &u, grad, thetas[k]);
        }
        const ovp_idx from = n.model->slices[1].offset, to = from + n.model->slices[1].count;
        for (ovp_idx i = 0; i < TRAINEE_P; i++) {
            assert_true(scaled[i] == (i >= from && i < to ? quick : slow)[i]);
            assert_true(scaled[i] != n.theta[i]);
            mask[i] = i % 3 != 1;
        }
        n.model->slices[1].lr_scale = 1;
        ovp_train_options masked = *o;
        masked.mask = mask;
        memcpy(quick, n.theta, n.bytes);
        trainee_start(&n, &masked);
        trainee_steps(&n, 3);
        for (ovp_idx i = 0; i < TRAINEE_P; i++) assert_true((n.theta[i] == quick[i]) == !mask[i]);
        trainee_drop(&n);
    }
}

/* A mask longer than the pieces it is applied in. */
static void long_masks_are_applied_throughout(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx widths[] = {40, 31};
    const ovp_net_dense_options d = {
        .size = sizeof d, .layers = 1, .widths = widths, .type = OVP_F32, .engine = "reference"};
    enum { P = 41 * 31 };
    ovp_net_model *model;
    float theta[P], plain[P], start[P], grad[P], v[2][P] = {{0}};
    uint8_t mask[P];
    assert_ok(ctx, ovp_net_dense_create(&model, ctx, &d));
    trainee_fill(ctx, 1, OVP_F32, P, 1, start);
    trainee_fill(ctx, 2, OVP_F32, P, 1, grad);
    memcpy(theta, start, sizeof theta);
    memcpy(plain, start, sizeof plain);
    for (int i = 0; i < P; i++) mask[i] = i * i % 7 > 2;
    ovp_net_update u = {.rule = OVP_RULE_ADAGRAD, .lr = 0.1, .eps = 1e-10, .v = v[0]};
    ovp_net_apply_update(model, ctx, &u, grad, plain);
    u.v = v[1];
    u.mask = mask;
    ovp_net_apply_update(model, ctx, &u, grad, theta);
    for (int i = 0; i < P; i++) assert_true(theta[i] == (mask[i] ? plain : start)[i]);
    ovp_net_model_free(model);
}

/* ---- schedules ------------------------------------------------------------------------------------ */

static void rates_are_those_of_torchs_schedulers(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx milestones[] = {5, 6, 30};
    static const struct {
        const char *name;
        ovp_train_schedule schedule;
    } cases[] = {
        {"constant", {.name = NULL}},
        {"step", {.name = "step", .every = 7, .gamma = 0.3}},
        {"multi-step", {.name = "multi-step", .milestones = milestones, .milestone_count = 3, .gamma = 0.5}},
        {"exponential", {.name = "exponential", .gamma = 0.93}},
        {"cosine", {.name = "cosine", .length = 40, .end = 0.01}},
        {"warm-up-constant", {.name = "constant", .warm_up = 8, .warm_up_start = 0.25}},
        {"warm-up-step", {.name = "step", .every = 7, .gamma = 0.3, .warm_up = 8, .warm_up_start = 0.25}},
        {"warm-up-cosine", {.name = "cosine", .length = 32, .end = 0.01, .warm_up = 8, .warm_up_start = 0.25}},
    };
    json_error_t error;
    json_t *root = json_load_file(OVP_TEST_DIR "/golden/data/optimisers.json", 0, &error);
    const json_t *golden = json_object_get(root, "schedules");
    assert_int_equal(json_object_size(golden), sizeof cases / sizeof *cases);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const json_t *rates = json_object_get(golden, cases[c].name);
        trainee n, by_hand;
        trainee_make(&n, ctx, OVP_F64, "reference", 0);
        trainee_make(&by_hand, ctx, OVP_F64, "reference", 0);
        const ovp_train_options o = {.lr = 0.4, .schedule = cases[c].schedule}, plain = {.lr = 0.4};
        trainee_start(&n, &o);
        trainee_start(&by_hand, &plain);
        assert_int_equal(json_array_size(rates), 40);
        for (size_t k = 0; k < 40; k++) {
            const double want = json_number_value(json_array_get(rates, k)), got = ovp_train_lr(n.train);
            if (!(fabs(got - want) <= 1e-14 * want))
                fail_msg("%s: rate of step %d is %.17g, torch %.17g", cases[c].name, (int)k, got, want);
            /* The step takes the rate that was announced. */
            assert_ok(ctx, ovp_train_set_lr(by_hand.train, got));
            trainee_steps(&n, 1);
            trainee_steps(&by_hand, 1);
            assert_memory_equal(n.theta, by_hand.theta, n.bytes);
        }
        trainee_drop(&n);
        trainee_drop(&by_hand);
    }
    json_decref(root);
}

static void cosine_stays_at_its_end(void **state) {
    trainee n;
    trainee_make(&n, *state, OVP_F64, "reference", 0);
    const ovp_train_options o = {.lr = 0.1, .schedule = {.name = "cosine", .length = 3, .end = 0.02}};
    trainee_start(&n, &o);
    trainee_steps(&n, 3);
    for (int k = 0; k < 5; k++) {
        assert_true(ovp_train_lr(n.train) == 0.02);
        trainee_steps(&n, 1);
    }
    assert_ok(n.ctx, ovp_train_set_lr(n.train, 0.3)); /* moves the start, not the end */
    assert_true(ovp_train_lr(n.train) == 0.02);
    trainee_drop(&n);
}

/* ---- stopping and restart --------------------------------------------------------------------------- */

static void stops_are_told_with_their_step(void **state) {
    ovp_ctx *ctx = *state;
    double losses[60];
    ovp_idx step;
    trainee n;
    const ovp_train_options plain = {.lr = 0.1};
    trainee_make(&n, ctx, OVP_F64, "reference", 0);
    trainee_start(&n, &plain);
    for (int k = 0; k < 60; k++) assert_ok(ctx, ovp_train_step(n.train, &losses[k]));
    assert_int_equal(ovp_train_test(n.train, &step), OVP_TRAIN_RUNNING);
    assert_int_equal(step, 60);
    trainee_drop(&n);
    assert_true(losses[39] < losses[38] && losses[59] < losses[39]);

    /* Improvement by less than the threshold: never, after the first loss. */
    const struct {
        ovp_train_stop stop;
        ovp_train_state want;
        ovp_idx at;
    } cases[] = {{{.max_steps = 7}, OVP_TRAIN_MAX_STEPS, 7},
                 {{.target_loss = losses[38]}, OVP_TRAIN_TARGET, 40},
                 {{.target_loss = losses[38], .max_steps = 40}, OVP_TRAIN_TARGET, 40},
                 {{.target_loss = losses[38], .max_steps = 39}, OVP_TRAIN_MAX_STEPS, 39},
                 {{.patience = 4, .threshold = 0.999}, OVP_TRAIN_PLATEAU, 6},
                 {{.patience = 4}, OVP_TRAIN_RUNNING, 60}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const ovp_train_options o = {.lr = 0.1, .stop = cases[c].stop};
        trainee_make(&n, ctx, OVP_F64, "reference", 0);
        trainee_start(&n, &o);
        for (ovp_idx k = 1; k <= 60; k++) {
            trainee_steps(&n, 1);
            const ovp_train_state now = ovp_train_test(n.train, &step);
            assert_int_equal(now, k < cases[c].at ? OVP_TRAIN_RUNNING : cases[c].want);
            assert_int_equal(step, k < cases[c].at ? k : cases[c].at);
        }
        ovp_train_restart(n.train);
        assert_int_equal(ovp_train_test(n.train, &step), OVP_TRAIN_RUNNING);
        assert_int_equal(step, 0);
        trainee_drop(&n);
    }

    /* Divergence replaces another reason. */
    const ovp_train_options wild = {.lr = 1e200, .stop = {.max_steps = 1}};
    trainee_make(&n, ctx, OVP_F64, "reference", 0);
    trainee_start(&n, &wild);
    trainee_steps(&n, 1);
    assert_int_equal(ovp_train_test(n.train, &step), OVP_TRAIN_MAX_STEPS);
    trainee_steps(&n, 3);
    assert_int_equal(ovp_train_test(n.train, &step), OVP_TRAIN_DIVERGED);
    assert_in_range(step, 2, 4);
    trainee_drop(&n);
}

static void a_restart_is_a_new_optimiser(void **state) {
    ovp_ctx *ctx = *state;
    for (int rule = 0; rule < TRAINEE_RULES; rule++) {
        trainee a, b;
        ovp_train_options o = trainee_rules[rule];
        o.schedule = (ovp_train_schedule){.name = "exponential", .gamma = 0.9};
        trainee_make(&a, ctx, OVP_F32, "gemm", 0);
        trainee_make(&b, ctx, OVP_F32, "gemm", 0);
        trainee_start(&a, &o);
        trainee_steps(&a, 21);
        memcpy(b.theta, a.theta, a.bytes);
        ovp_train_restart(a.train);
        assert_ok(ctx, ovp_train_set_lr(a.train, o.lr / 3));
        o.lr /= 3;
        trainee_start(&b, &o);
        trainee_steps(&a, 19);
        trainee_steps(&b, 19);
        assert_memory_equal(a.theta, b.theta, a.bytes);
        trainee_drop(&a);
        trainee_drop(&b);
    }
}

/* Kept powers of beta against pow, over the range where they count. */
static void corrections_stay_those_of_torch(void **state) {
    trainee n;
    trainee_make(&n, *state, OVP_F64, "reference", 0);
    /* Gradient 0, so only the bias correction moves theta: weight decay makes the gradient theta itself. */
    static double zero[TRAINEE_ROWS * TRAINEE_OUT];
    n.targets.values = zero;
    memset(n.theta, 0, n.bytes);
    n.theta[0] = 1; /* a first-layer weight; the read-out is 0, so outputs and gradients are 0 */
    const ovp_train_options o = {.optimiser = "adam", .lr = 1e-6, .weight_decay = 1};
    trainee_start(&n, &o);
    double x = 1, m = 0, v = 0, worst = 0;
    for (int t = 1; t <= 40000; t++) {
        trainee_steps(&n, 1);
        for (int i = 0; i < 2; i++) {
            const double power = pow(i ? 0.999 : 0.9, t), kept = n.train->power[i];
            assert_true(fabs(kept - power) <= 16 * 0x1p-53 * power || (kept == 0 && power < 0x1p-60));
        }
        m = m * 0.9 + (1 - 0.9) * x;
        v = v * 0.999 + (1 - 0.999) * x * x;
        x += -(1e-6 / (1 - pow(0.9, t))) * m / (sqrt(v) / sqrt(1 - pow(0.999, t)) + 1e-8);
        worst = fmax(worst, fabs(n.theta[0] - x));
    }
    assert_true(x < 0.97); /* it moved about 40000 lr */
    if (!(worst < 1e-13)) fail_msg("theta is %g off after 40000 steps", worst);
    trainee_drop(&n);
}

/* ---- refused -------------------------------------------------------------------------------------- */

static void bad_options_are_refused_by_name(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx falling[] = {5, 5};
    trainee n;
    trainee_make(&n, ctx, OVP_F64, "reference", 0);
    ovp_numeric_rng *torch;
    assert_ok(ctx, ovp_numeric_rng_create(&torch, ctx, OVP_RNG_TORCH, 1, OVP_PURPOSE_BATCH, 0));
    const ovp_numeric_torch_loader loader = {.rng = torch, .n = 14, .shuffle = 1};
    const struct {
        ovp_train_options o;
        const char *words;
    } bad[] = {
        {{.optimiser = "adamax"}, "'adamax' is unknown; optimisers are sgd, adam, adamw, rmsprop, adagrad"},
        {{.lr = -1}, "lr: -1"},
        {{.optimiser = "adam", .beta1 = 1}, "beta1: 1 is outside 0 <= beta < 1"},
        {{.optimiser = "adam", .beta2 = -0.5}, "beta2: -0.5 is outside"},
        {{.optimiser = "adam", .eps = -1}, "eps: -1"},
        {{.optimiser = "adam", .momentum = 0.9}, "momentum: optimiser adam has none"},
        {{.optimiser = "rmsprop", .beta1 = 0.9}, "beta1: optimiser rmsprop has none"},
        {{.optimiser = "rmsprop", .momentum = 0.9, .nesterov = 1}, "nesterov: optimiser rmsprop has none"},
        {{.optimiser = "adagrad", .beta2 = 0.9}, "beta2: optimiser adagrad has none"},
        {{.optimiser = "sgd", .eps = 1e-8}, "eps: optimiser sgd has none"},
        {{.optimiser = "adamw", .dampening = 0.5}, "dampening: optimiser adamw has none"},
        {{.schedule = {.name = "linear"}}, "schedule 'linear' is unknown"},
        {{.schedule = {.name = "step", .gamma = 0.5}}, "every 0 is below 1"},
        {{.schedule = {.name = "step", .every = 3}}, "gamma 0 is outside"},
        {{.schedule = {.name = "exponential", .gamma = 1.5}}, "gamma 1.5 is outside"},
        {{.schedule = {.name = "cosine"}}, "length 0 is below 1"},
        {{.schedule = {.name = "cosine", .length = 9, .end = -1}}, "end -1"},
        {{.schedule = {.name = "multi-step", .gamma = 0.5}}, "no milestones"},
        {{.schedule = {.name = "multi-step", .gamma = 0.5, .milestones = falling, .milestone_count = 2}},
         "milestone 1"},
        {{.schedule = {.warm_up = -1}}, "warm-up: -1"},
        {{.schedule = {.warm_up = 3, .warm_up_start = 2}}, "warm-up-start: 2 is outside 0..1"},
        {{.stop = {.max_steps = -1}}, "max-steps: -1"},
        {{.stop = {.target_loss = -1}}, "target-loss: -1"},
        {{.stop = {.patience = -1}}, "patience: -1"},
        {{.stop = {.patience = 3, .threshold = 1}}, "threshold: 1"},
        {{.batches = {.size = -1}}, "batch: -1"},
        {{.batches = {.size = 4, .order = "sorted"}}, "order 'sorted'"},
        {{.batches = {.size = 4, .order = "torch"}}, "needs a loader"},
        {{.batches = {.size = 4, .order = "torch", .loader = &loader}}, "loader: its 14 items are not the 15 rows"},
        {{.batches = {.size = 4, .order = "cycle"}}, "needs a stream"},
        {{.batches = {.size = 4, .order = "cycle", .rng = torch, .drop_last = 1}}, "drop-last"},
        {{.batches = {.size = 16, .drop_last = 1}}, "16 rows leave nothing of 15"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ovp_train_options o = bad[i].o;
        o.size = sizeof o;
        if (o.lr == 0) o.lr = 0.1;
        assert_fails(ctx, OVP_EINVAL, bad[i].words,
                     ovp_train_create(&n.train, ctx, n.model, n.ws, n.batch, &n.targets, &o, n.theta));
        assert_null(n.train);
    }
    ovp_train_options o = {.size = sizeof o, .optimiser = "adam", .lr = 1};
    assert_ok(ctx, ovp_train_check(ctx, &o));
    assert_int_equal(ovp_train_memory(&o, 100, OVP_F32), 800);
    o.optimiser = "sgd";
    assert_int_equal(ovp_train_memory(&o, 100, OVP_F32), 0);
    o.momentum = 0.5;
    assert_int_equal(ovp_train_memory(&o, 100, OVP_F64), 800);
    /* A caller compiled against fewer options. */
    o = (ovp_train_options){.size = offsetof(ovp_train_options, beta1), .lr = 1, .beta1 = 7};
    assert_ok(ctx, ovp_train_check(ctx, &o));
    trainee_start(&n, &(ovp_train_options){.lr = 0.1});
    assert_fails(ctx, OVP_EINVAL, "lr: nan", ovp_train_set_lr(n.train, NAN));
    assert_true(ovp_train_lr(n.train) == 0.1);
    ovp_numeric_rng_free(torch);
    trainee_drop(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_and_separate_updates_give_the_same_bits),
        cmocka_unit_test(threads_do_not_change_a_bit),
        CTX_TEST(parts_have_their_own_rates_and_masked_weights_stay),
        CTX_TEST(long_masks_are_applied_throughout),
        CTX_TEST(rates_are_those_of_torchs_schedulers),
        CTX_TEST(cosine_stays_at_its_end),
        CTX_TEST(stops_are_told_with_their_step),
        CTX_TEST(a_restart_is_a_new_optimiser),
        CTX_TEST(corrections_stay_those_of_torch),
        CTX_TEST(bad_options_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
