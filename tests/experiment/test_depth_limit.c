/* depth-limit: its formulas (acceptance list of the published program), verdicts and runs end to end. */
#include "linear_helpers.h"

#include <experiment/depth_limit_int.h>

static const ovp_experiment *const experiment = &ovp_experiment_depth_limit;

/* ---- nets by hand -------------------------------------------------------------------------------- */

static depth_limit_setup plain_setup(void) {
    return (depth_limit_setup){.omega = 1,
                               .dataset = "constant",
                               .activation = "tanh",
                               .augmentation = "skip",
                               .init = "constant",
                               .engine = "auto",
                               .dim = 1,
                               .num_samples = 1000,
                               .alpha = .75,
                               .gamma = 1,
                               .lr = 9,
                               .dynamic_limit = 10,
                               .p_var = 2,
                               .p_loss = 2,
                               .c = .01,
                               .fraction = 1,
                               .type = OVP_F64};
}

static ovp_numeric_rng *stream(ovp_ctx *ctx, ovp_numeric_rng_kind kind) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, kind, 1234, OVP_PURPOSE_TEST, 0));
    return rng;
}

/* The net of the spec's golden numbers: U = .8, V = .625 on a midpoint grid of [-1, 1] with y = c. */
typedef struct grid {
    double x[20], y[20];
    depth_limit_samples samples;
    depth_limit_net net;
} grid;

static void make_grid(ovp_ctx *ctx, grid *g, const depth_limit_setup *s, ovp_idx layers, ovp_idx points) {
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_PHILOX);
    for (ovp_idx i = 0; i < points; i++) {
        g->x[i] = ((double)i + .5) * 2 / (double)points - 1;
        g->y[i] = s->c;
    }
    g->samples = (depth_limit_samples){.x = g->x, .y = g->y, .rows = points, .inputs = 1, .outputs = 1};
    assert_ok(ctx, depth_limit_net_create(&g->net, ctx, s, layers, 1, 1, rng));
    *(double *)g->net.read_in = .8;
    *(double *)g->net.read_out = .625;
    assert_ok(ctx, depth_limit_net_bind(&g->net, ctx, &g->samples));
    ovp_numeric_rng_free(rng);
}

static double step(ovp_ctx *ctx, grid *g, double lr, double *omega) {
    depth_limit_scores scores;
    double loss;
    assert_ok(ctx, depth_limit_epoch(&g->net, ctx, lr, &scores, &loss, omega));
    assert_true(scores.loss == loss && scores.omega == *omega);
    return loss;
}

/* Spec 4a.10: L = 128, alpha .75, gamma 1, eta 9, c = .01, 20 points. */
static void constant_data_give_the_golden_losses(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx at[] = {0, 1, 10, 100};
    static const double tanh_loss[] = {.08387695, .06426782, .02184095, .00310532},
                        line_loss[] = {.08387695, .06426505, .02172604, .00302483};
    const depth_limit_setup s = plain_setup();
    grid g;
    double omega, variation[3];
    make_grid(ctx, &g, &s, 128, 20);
    depth_limit_line line = depth_limit_line_of(&g.net);
    for (ovp_idx t = 0, k = 0; t <= 100; t++) {
        const double theory = depth_limit_line_loss(&line);
        if (t == 100) { /* the weights at t = 100 are those after 100 steps */
            assert_ok(ctx, depth_limit_variations(&g.net, ctx, variation));
            double path[128];
            depth_limit_path(&g.net, path);
            assert_true(fabs(path[0] + 1.644231) < 1e-5 && fabs(path[127] + 1.673719) < 1e-5);
            /* monotone in k: every variation is the distance of the ends */
            for (int i = 0; i < 3; i++) assert_true(fabs(variation[i] - .029488) < 1e-5);
        }
        const double loss = step(ctx, &g, 9, &omega);
        depth_limit_line_step(&line, 9);
        if (t != at[k]) continue;
        assert_true(fabs(loss - tanh_loss[k]) < 1e-7);
        assert_true(fabs(theory - line_loss[k]) < 1e-7);
        k++;
    }
    depth_limit_net_free(ctx, &g.net);
}

/* Spec 4a.10: an odd net cannot fit a constant, so the loss stays above c^2 (1 - E[x]^2 / E[x^2]). */
static void the_constant_has_a_floor(void **state) {
    ovp_ctx *ctx = *state;
    const depth_limit_setup s = plain_setup();
    grid g;
    double omega, loss = 0;
    make_grid(ctx, &g, &s, 128, 20);
    for (int t = 0; t < 2000; t++) loss = step(ctx, &g, 90, &omega);
    /* The grid is symmetric: E[x] = 0, the floor is c^2, and the 1/t law is 1.6e-5 above it at that time. */
    assert_true(loss > 1e-4 && loss < 1.2e-4);
    depth_limit_net_free(ctx, &g.net);
}

/* Spec 4a.11. */
static void losses_fall_as_one_over_t(void **state) {
    ovp_ctx *ctx = *state;
    enum { STEPS = 151 };
    depth_limit_setup s = plain_setup();
    grid g;
    double omegas[STEPS], r2;
    ovp_measure_decay fit;

    make_grid(ctx, &g, &s, 128, 20);
    depth_limit_line line = depth_limit_line_of(&g.net);
    const double q = line.q, kappa = 2 * 9 * q * q * line.xx * pow(128, 1 - 2 * s.alpha);
    for (int t = 0; t <= 100; t++) {
        const double p = pow(1 + line.delta * line.w, 128), square = q * q * p * p * line.xx;
        const double law = q * q * line.xx / (1 + 2 * kappa * t);
        if (t > 0) assert_true(fabs(law / square - 1) < .08);
        depth_limit_line_step(&line, 9);
    }
    depth_limit_net_free(ctx, &g.net);

    /* Omega with c = 0, L = 64, lr 9 / sqrt 2: the fit finds rho about .956, T0 about 2.21 */
    s.c = 0;
    make_grid(ctx, &g, &s, 64, 20);
    for (int t = 0; t < STEPS; t++) (void)step(ctx, &g, 9 / sqrt(2), &omegas[t]);
    assert_ok(ctx, depth_limit_fit_omega(&fit, &r2, ctx, STEPS, 1, omegas));
    assert_true(fabs(fit.rho - .956) < .02 && fabs(fit.shift - 2.21) < .1);
    assert_true(fit.rho > .9 && fit.rho < 1.05 && r2 > .999);
    assert_true(fabs(fit.scale * pow(1 + fit.shift, -fit.rho) / omegas[0] - 1) < .02); /* units are put back */
    depth_limit_net_free(ctx, &g.net);
}

/* Spec 4a.14: eta L^(2 alpha - 1) gives every depth one pace; losses after 25 steps from the spec. */
static void the_rate_follows_the_depth(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx depths[] = {128, 512, 1024};
    static const double after[] = {.010657, .010659, .010651};
    depth_limit_setup s = plain_setup();
    double first[26], loss = 0, omega;
    s.depth_lr = 1;
    s.lr = 9 / sqrt(128);
    for (int i = 0; i < 3; i++) {
        grid g;
        make_grid(ctx, &g, &s, depths[i], 10);
        const double lr = depth_limit_first_lr(&s, depths[i]);
        assert_true(fabs(lr - 9 * sqrt((double)depths[i] / 128)) < 1e-12);
        for (int t = 0; t <= 25; t++) {
            loss = step(ctx, &g, lr, &omega);
            if (i == 0) first[t] = loss;
            assert_true(fabs(loss / first[t] - 1) < .01);
        }
        assert_true(fabs(loss - after[i]) < 1e-6);
        depth_limit_net_free(ctx, &g.net);
    }
}

/* Spec 4a.9. Inputs of about 1e-3 make tanh a line, so the net follows the closed form. */
static void the_sine_is_learnt_as_a_line(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 100000 };
    depth_limit_setup s = plain_setup();
    depth_limit_data data;
    depth_limit_samples samples;
    depth_limit_net net;
    depth_limit_scores scores;
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_TORCH);
    double xx = 0, xy = 0, yy = 0, loss, omega;
    s.dataset = "sin";
    s.num_samples = N;
    assert_ok(ctx, depth_limit_data_load(&data, ctx, &s));
    assert_true(depth_limit_has_line(&s, &data));
    assert_ok(ctx, depth_limit_net_create(&net, ctx, &s, 64, 1, 1, rng));
    assert_ok(ctx, depth_limit_samples_draw(&samples, ctx, &s, &data, rng));
    assert_int_equal(samples.rows, 90000);
    assert_int_equal(samples.test_rows, 10000);
    const double *x = samples.x, *y = samples.y, reach = sqrt(exp(-.04) / (8. * N));
    assert_true(fabs(reach - 1.0959e-3) < 1e-7);
    for (ovp_idx i = 0; i < samples.rows; i++) {
        assert_true(fabs(x[i]) <= reach);
        xx += x[i] * x[i] / (double)samples.rows;
        xy += x[i] * y[i] / (double)samples.rows;
        yy += y[i] * y[i] / (double)samples.rows;
    }
    assert_true(fabs(yy - .5) < 3 / sqrt(N));
    assert_true(fabs(yy - xy * xy / xx - (.5 - 3 / (M_PI * M_PI))) < 3 / sqrt(N));

    assert_ok(ctx, depth_limit_net_bind(&net, ctx, &samples));
    depth_limit_line line = depth_limit_line_of(&net);
    /* as long as |w h| is small: the slope q P, which begins below 1, is below 8 */
    while (fabs(line.q) * pow(1 + line.delta * line.w, 64) < 8) {
        assert_ok(ctx, depth_limit_epoch(&net, ctx, 2000, &scores, &loss, &omega));
        assert_true(fabs(loss / depth_limit_line_loss(&line) - 1) < 1e-4);
        depth_limit_line_step(&line, 2000);
    }
    assert_true(fabs(((const double *)net.theta)[0] / line.w - 1) < 1e-4);
    assert_true(loss < .995 * yy); /* it did learn, so the test compared something */
    depth_limit_net_free(ctx, &net);
    depth_limit_samples_free(ctx, &samples);
    depth_limit_data_free(ctx, &data);
    ovp_numeric_rng_free(rng);
}

/* ---- Omega, frozen ends, splits, scores ------------------------------------------------------------ */

/* Spec 4a.6: with V = 0 all logits are 0. */
static void uniform_logits_have_their_omega(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx batches[] = {128, 80};
    static const double code[] = {5.4931640625e-5, 1.40625e-4};
    for (int readme = 0; readme < 2; readme++)
        for (int b = 0; b < 2; b++) {
            depth_limit_setup s = plain_setup();
            ovp_numeric_rng *rng = stream(ctx, OVP_RNG_PHILOX);
            depth_limit_net net;
            depth_limit_scores scores;
            double x[3 * 128], loss, omega;
            int32_t y[128];
            s.classify = 1;
            s.readme = readme;
            s.dim = 4;
            for (int i = 0; i < 3 * 128; i++) x[i] = sin(2.385 * i);
            for (int i = 0; i < 128; i++) y[i] = i % 10;
            const depth_limit_samples samples = {.x = x, .y = y, .rows = batches[b], .inputs = 3, .outputs = 10};
            assert_ok(ctx, depth_limit_net_create(&net, ctx, &s, 5, 3, 10, rng));
            memset(net.read_out, 0, 40 * sizeof(double));
            assert_ok(ctx, depth_limit_net_bind(&net, ctx, &samples));
            assert_ok(ctx, depth_limit_epoch(&net, ctx, .1, &scores, &loss, &omega));
            assert_true(fabs(loss - log(10)) < 1e-14);
            assert_true(fabs(omega / (readme ? .9 : code[b]) - 1) < 1e-12);
            depth_limit_net_free(ctx, &net);
            ovp_numeric_rng_free(rng);
        }
}

static void splits_have_torchs_lengths(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        ovp_idx total;
        double share, rest;
        ovp_idx first;
    } splits[] = {{50000, .25, .75, 12500}, {10000, .9, .1, 9000}, {50000, 1. / 3000, 1 - 1. / 3000, 17}};
    for (int i = 0; i < 3; i++) {
        const double shares[] = {splits[i].share, splits[i].rest};
        ovp_idx lengths[2];
        assert_ok(ctx, ovp_numeric_torch_split_lengths(ctx, splits[i].total, 2, shares, lengths));
        assert_int_equal(lengths[0], splits[i].first);
        assert_int_equal(lengths[1], splits[i].total - splits[i].first);
    }
    depth_limit_setup s = plain_setup();
    depth_limit_data data;
    depth_limit_samples samples;
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_TORCH);
    s.classify = 1;
    s.dataset = "mnist";
    s.samples = 50;
    s.test_samples = 7;
    s.fraction = .25;
    s.type = OVP_F32;
    assert_ok(ctx, depth_limit_data_load(&data, ctx, &s));
    assert_ok(ctx, depth_limit_samples_draw(&samples, ctx, &s, &data, rng));
    assert_int_equal(samples.rows, 13); /* floor 12, and the sample left over goes to the first piece */
    assert_int_equal(samples.test_rows, 7);
    /* (0/255 - .1307) / .3081 in a corner */
    assert_true(fabs((double)((const float *)samples.x)[0] + .1307 / .3081) < 1e-6);
    depth_limit_samples_free(ctx, &samples);
    depth_limit_data_free(ctx, &data);
    ovp_numeric_rng_free(rng);
}

/* Test scores are means over ten batches of 1000, not those of 10000. */
static void scores_are_means_over_batches(void **state) {
    ovp_ctx *ctx = *state;
    depth_limit_setup s = plain_setup();
    depth_limit_data data;
    depth_limit_samples samples;
    depth_limit_net net;
    depth_limit_scores mean;
    ovp_measure_scores part, whole;
    ovp_numeric_rng *rng = stream(ctx, OVP_RNG_TORCH);
    double sum[3] = {0};
    s.classify = 1;
    s.dataset = "mnist";
    s.samples = 40;
    s.dim = 6;
    s.type = OVP_F32;
    assert_ok(ctx, depth_limit_data_load(&data, ctx, &s));
    assert_ok(ctx, depth_limit_net_create(&net, ctx, &s, 3, 784, 10, rng));
    assert_ok(ctx, depth_limit_samples_draw(&samples, ctx, &s, &data, rng));
    assert_ok(ctx, depth_limit_net_bind(&net, ctx, &samples));
    assert_int_equal(samples.test_rows, 10000);
    assert_ok(ctx, depth_limit_test_scores(&net, ctx, &mean));

    float *f = calloc(100000, sizeof *f);
    ovp_net_batch *batch;
    ovp_net_workspace *workspace;
    assert_non_null(f);
    assert_ok(ctx, ovp_net_bind(&batch, ctx, net.model, samples.x_test, 10000));
    assert_ok(ctx, ovp_net_workspace_create(&workspace, ctx, net.model, 10000));
    assert_ok(ctx, ovp_net_forward(workspace, batch, net.theta, f));
    for (int b = 0; b < 10; b++) {
        const int32_t *labels = (const int32_t *)samples.y_test + 1000 * b;
        assert_ok(ctx, ovp_measure_macro(&part, ctx, OVP_F32, 1000, 10, f + 10000 * b, labels));
        sum[0] += part.accuracy / 10;
        sum[1] += part.precision / 10;
        sum[2] += part.recall / 10;
        assert_true(fabs(part.accuracy - part.recall) <= 1e-15);
    }
    assert_ok(ctx, ovp_measure_macro(&whole, ctx, OVP_F32, 10000, 10, f, samples.y_test));
    assert_true(fabs(mean.macro.accuracy - sum[0]) < 1e-12 && fabs(mean.macro.precision - sum[1]) < 1e-12);
    assert_true(fabs(mean.macro.recall - sum[2]) < 1e-12);
    assert_true(fabs(mean.macro.recall - mean.macro.accuracy) <= 1e-15);
    assert_true(fabs(mean.macro.precision - whole.precision) > 1e-6); /* they do differ */
    free(f);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    depth_limit_net_free(ctx, &net);
    depth_limit_samples_free(ctx, &samples);
    depth_limit_data_free(ctx, &data);
    ovp_numeric_rng_free(rng);
}

/* ---- shapes along the depth ------------------------------------------------------------------------ */

static void profiles_are_described(void **state) {
    (void)state;
    double norms[101];
    depth_limit_profile p;
    for (int k = 0; k <= 100; k++) norms[k] = 2 + (k / 100. - .8) * (k / 100. - .8);
    depth_limit_profile_of(&p, 101, norms);
    assert_true(fabs(p.least - 2) < 1e-15 && fabs(p.least_at - .8) < 1e-15);
    assert_true(p.first > p.middle && p.middle < p.last + .06 && p.last < p.first);
    assert_true(fabs(p.early - (.64 - .09) / .64) < .02);
    for (int k = 0; k <= 100; k++) norms[k] = 1 + k;
    depth_limit_profile_of(&p, 101, norms);
    assert_true(isnan(p.early) && p.least_at == 0 && fabs(p.mean - 51) < 1e-12);
    depth_limit_profile_of(&p, 1, norms);
    assert_true(p.least == 1 && p.least_at == 0 && p.first == p.last && isnan(p.early));
    /* two entries: |1 - 0| + |3 - 1| and |-1 - 1| + |1 + 1| */
    const double path[] = {0, 1, 1, -1, 3, 1};
    assert_true(fabs(depth_limit_coordinate_variation(3, 2, path) - 3.5) < 1e-15);
    ovp_idx entries[DEPTH_LIMIT_ENTRIES][2];
    assert_int_equal(depth_limit_entries(1, entries), 1);
    assert_int_equal(depth_limit_entries(9, entries), 5);
    assert_int_equal(depth_limit_entries(10, entries), 6);
    assert_int_equal(entries[5][0], 9);
    assert_int_equal(entries[5][1], 6);
}

/* ---- verdicts -------------------------------------------------------------------------------------- */

#define HOLDS(expected, call)                                                                                          \
    do {                                                                                                               \
        study_verdict v;                                                                                               \
        call;                                                                                                          \
        assert_int_equal(v.verdict.holds, expected);                                                                   \
    } while (0)

static void verdicts_follow_the_numbers(void **state) {
    (void)state;
    const double late[] = {.75, .8, .77, .79}, start[] = {0, .1, .05, .02}, mixed[] = {.1, .9, .4, .7};
    const double slow[] = {.05, .06, .07, .06}, half[] = {.5, .52, .48, .49}, wild[] = {-.4, .5, .6, -.2};
    const double good[] = {.99, .98, .97, .99}, poor[] = {.5, .6, .4, .5}, rising[] = {-.5, -.4, -.6, -.5};
    const double inside[] = {.001, .02, NAN}, outside[] = {.001, .2, .01};
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_late(&v, late, 4));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_late(&v, start, 4));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_late(&v, mixed, 4));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_late(&v, late, 3));
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_flat(&v, late, 4));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_flat(&v, start, 4));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_flat(&v, mixed, 4));
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_level(&v, slow, 4, .51));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_level(&v, half, 4, .51));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_level(&v, wild, 4, .51));
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_coordinates(&v, slow, 4, 0));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_coordinates(&v, half, 4, 0));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_coordinates(&v, wild, 4, 0));
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_omega(&v, half, good, 4));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_omega(&v, half, poor, 4)); /* it falls, but not as a power */
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_omega(&v, rising, good, 4));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_omega(&v, wild, good, 4));
    HOLDS(OVP_HOLDS_YES, depth_limit_judge_line(&v, inside, 3));
    HOLDS(OVP_HOLDS_NO, depth_limit_judge_line(&v, outside, 3));
    HOLDS(OVP_HOLDS_UNCLEAR, depth_limit_judge_line(&v, inside + 2, 1));
}

/* gamma = 2: the increments of L^beta W_k between layers are of size L^(-1/2), independent; the noise of a start. */
static void a_rough_start_stays_rough(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const gammas[] = {"gamma=2", "gamma=0.8"};
    static const char *const holds[] = {"no", "yes"};
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result, *verdict = NULL, *one;
        size_t k;
        assert_ok(ctx, run_study(ctx, experiment, &result, root,
                                 SETTINGS("task=classification", "samples=200", "test-samples=20", "fraction=1",
                                          "layers=20,40,80,160", "dim=6", "alpha=0.5", "init=ntrunc", "lr=2",
                                          "epochs=10", "record-every=10", "seeds=1..4", gammas[i])));
        json_array_foreach(json_object_get(result, "verdicts"), k,
                           one) if (strstr(text_at(one, "claim"), "1-variation")) verdict = one;
        assert_non_null(verdict);
        assert_string_equal(text_at(verdict, "holds"), holds[i]);
        assert_true(fabs(json_number_value(json_object_get(verdict, "predicted")) - (i ? 0 : .5)) < 1e-15);
        json_decref(result);
        scratch_remove(root);
    }
}

/* Series that are no decay. */
static void poor_series_are_not_fitted(void **state) {
    ovp_ctx *ctx = *state;
    ovp_measure_decay fit;
    double r2, few[] = {5, 4, 3, 2, 1}, zero[8] = {0}, broken[] = {1, .5, .3, NAN, .2, .1, .1, .1};
    assert_ok(ctx, depth_limit_fit_omega(&fit, &r2, ctx, 5, 1, few));
    assert_true(isnan(fit.rho) && isnan(r2));
    assert_ok(ctx, depth_limit_fit_omega(&fit, &r2, ctx, 8, 1, zero));
    assert_true(isnan(fit.rho));
    assert_ok(ctx, depth_limit_fit_omega(&fit, &r2, ctx, 8, 1, broken));
    assert_true(isnan(fit.rho));
}

/* Warnings that say this (one on gnuplot stands there, too). */
static int warnings_on(const json_t *result, const char *words) {
    json_t *warning;
    size_t i;
    int count = 0;
    json_array_foreach(json_object_get(result, "warnings"), i, warning) count +=
        strstr(json_string_value(warning), words) != NULL;
    return count;
}

/* ---- dynamic learning rate ------------------------------------------------------------------------- */

/* Spec 4a.8. */
static void the_rate_follows_the_variation(void **state) {
    ovp_ctx *ctx = *state;
    depth_limit_setup s = plain_setup();
    int clamped;
    assert_true(fabs(depth_limit_next_lr(&s, .3, 2, &clamped) - 2 * .3 / 4) < 1e-15 && !clamped);
    s.activation = "relu";
    assert_true(fabs(depth_limit_next_lr(&s, .3, 2, &clamped) - 10 * .3 / 4) < 1e-15 && !clamped);
    assert_true(fabs(depth_limit_next_lr(&s, .3, 1e-9, &clamped) - 3) < 1e-12 && clamped);
    assert_true(fabs(depth_limit_next_lr(&s, .3, 0, &clamped) - 3) < 1e-12 && clamped);

    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("layers=12", "dim=3", "init=ntrunc", "gamma=4", "lr=0.2", "epochs=6",
                                      "num-samples=200", "dynamic-lr=yes", "dynamic-lr-limit=1000", "seeds=3")));
    for (size_t t = 1; t < 6; t++) {
        const double v = number_at(result, "epochs", t - 1, "pvar");
        assert_true(fabs(number_at(result, "epochs", t, "lr") / (2 * .2 / (v * v)) - 1) < 1e-12);
    }
    assert_int_equal(warnings_on(result, "--dynamic-lr"), 0);
    json_decref(result);
    scratch_remove(root);

    /* equal layers: no variation at the start, and it is said */
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("layers=12", "lr=0.2", "epochs=4", "num-samples=200", "dynamic-lr=yes")));
    assert_true(fabs(number_at(result, "epochs", 1, "lr") - 2) < 1e-12);
    assert_int_equal(warnings_on(result, "--dynamic-lr-limit, 10 times"), 1);
    json_decref(result);
    scratch_remove(root);
}

/* ---- runs ------------------------------------------------------------------------------------------ */

#define SMALL "num-samples=60", "dim=2", "init=ntrunc", "lr=0.5"

static void threads_change_no_bit(void **state) {
    (void)state;
    static const char *const files[] = {"tables/epochs.csv", "tables/depths.csv", "arrays.npz", "weights.npz",
                                        "weights/layers7-seed2.safetensors"};
    assert_same_bits(experiment,
                     SETTINGS("task=classification", "samples=300", "test-samples=50", "fraction=0.7", "layers=7,3",
                              "dim=5", "init=ntrunc", "epochs=3", "seeds=1,2"),
                     files, 5, NULL, 0);
    assert_same_bits(experiment, SETTINGS(SMALL, "layers=9,20", "epochs=5", "batch=17", "rng=torch", "seeds=1,2"),
                     files, 3, NULL, 0);
}

/* One array of a safetensors file or npz, in f64. */
static double *weights_of(ovp_ctx *ctx, const json_t *result, const char *file, const char *name, ovp_idx count) {
    char path[600];
    ovp_io_safetensors tensors = {.count = 0};
    double *out = NULL;
    snprintf(path, sizeof path, "%s/%s", text_at(result, "run_dir"), file);
    if (strstr(file, ".npz"))
        assert_ok(ctx, ovp_io_npz_read(&tensors.arrays, &tensors.count, ctx, path));
    else
        assert_ok(ctx, ovp_io_safetensors_read(&tensors, ctx, path));
    for (ovp_idx i = 0; i < tensors.count; i++) {
        const ovp_numeric_array *a = &tensors.arrays[i].array;
        if (strcmp(tensors.arrays[i].name, name) != 0) continue;
        assert_int_equal(ovp_numeric_array_count(a), count);
        out = malloc((size_t)count * sizeof *out);
        for (ovp_idx k = 0; k < count; k++) out[k] = (double)((const float *)a->data)[k];
    }
    if (strstr(file, ".npz"))
        ovp_io_npz_free(ctx, tensors.arrays, tensors.count);
    else
        ovp_io_safetensors_free(ctx, &tensors);
    assert_non_null(out);
    return out;
}

/* Read-in, read-out and blocks of one small net after so many epochs: 784 4, 40 and 6 16 values in a row. */
static double *trained_weights(ovp_ctx *ctx, const char *kind, const char *epochs) {
    static const char *const names[] = {"read_in", "read_out", "blocks"};
    static const ovp_idx counts[] = {784 * 4, 40, 6 * 16};
    char root[256];
    json_t *result;
    double *out = malloc((784 * 4 + 40 + 6 * 16) * sizeof *out), *to = out;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("task=classification", "samples=40", "test-samples=10", "fraction=1", "layers=6",
                                      "dim=4", "init=ntrunc", "seeds=5", kind, epochs)));
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "layers6.seed5.%s", names[i]);
        double *a = weights_of(ctx, result, "weights/layers6-seed5.safetensors", names[i], counts[i]),
               *b = weights_of(ctx, result, "weights.npz", name, counts[i]);
        assert_memory_equal(a, b, (size_t)counts[i] * sizeof *a);
        memcpy(to, a, (size_t)counts[i] * sizeof *a);
        to += counts[i];
        free(a);
        free(b);
    }
    json_decref(result);
    scratch_remove(root);
    return out;
}

/* Spec 4a.6: training moves the blocks alone; npz and safetensors hold the same. */
static void only_blocks_are_trained(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const kinds[] = {"augmentation=skip", "augmentation=inc-skip"};
    const size_t frozen = 784 * 4 + 40;
    for (int k = 0; k < 2; k++) {
        double *one = trained_weights(ctx, kinds[k], "epochs=1"), *four = trained_weights(ctx, kinds[k], "epochs=4");
        assert_memory_equal(one, four, frozen * sizeof *one);
        assert_memory_not_equal(one + frozen, four + frozen, 96 * sizeof *one);
        free(one);
        free(four);
    }
}

static void rows_and_arrays_are_the_contracts(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const epochs[] = {"layers",
                                         "seed",
                                         "epoch",
                                         "loss",
                                         "accuracy",
                                         "precision",
                                         "recall",
                                         "omega",
                                         "pvar",
                                         "pvar_half",
                                         "pvar_three_quarters",
                                         "lr"};
    static const char *const depths[] = {"layers", "seed", "final_loss", "norm_min", "norm_min_at", "pvar"};
    char root[256];
    json_t *result, *tables, *columns;
    ovp_idx count;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS(SMALL, "layers=5,8", "epochs=7", "record-every=3", "batch=20", "seeds=1..4")));
    tables = json_object_get(result, "tables");
    columns = json_object_get(json_object_get(tables, "epochs"), "columns");
    for (size_t i = 0; i < 12; i++) assert_string_equal(json_string_value(json_array_get(columns, i)), epochs[i]);
    columns = json_object_get(json_object_get(tables, "depths"), "columns");
    for (size_t i = 0; i < 6; i++) assert_string_equal(json_string_value(json_array_get(columns, i)), depths[i]);
    assert_int_equal(table_rows(result, "depths"), 8);
    assert_int_equal(table_rows(result, "epochs"), 8 * 3); /* epochs 0, 3, 6 */
    assert_true(number_at(result, "epochs", 2, "epoch") == 6);
    assert_int_equal(table_rows(result, "exponents"), 4);
    assert_true(number_at(result, "timings", 0, "seconds_epoch") > 0);
    assert_true(number_at(result, "timings", 0, "seconds_pvar_epoch") > 0);
    assert_true(json_is_null(table_cell(result, "epochs", 0, "accuracy")));
    double *loss = array_of(ctx, result, "loss", &count);
    assert_int_equal(count, 8 * 7 * 3); /* 54 samples in batches of 20, 20, 14 */
    const double mean = (20 * loss[0] + 20 * loss[1] + 14 * loss[2]) / 54;
    assert_true(fabs(number_at(result, "epochs", 0, "loss") / mean - 1) < 1e-12);
    free(loss);
    double *norms = array_of(ctx, result, "norms.layers8", &count);
    assert_int_equal(count, 4 * 8);
    free(norms);
    json_decref(result);
    scratch_remove(root);
}

/* The README's regression, whose loss has a closed form. */
static void the_paper_preset_follows_the_line(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root, SETTINGS("preset=paper")));
    assert_int_equal(table_rows(result, "epochs"), 25);
    assert_string_equal(holds_of(result, 3), "yes");
    for (size_t t = 0; t < 25; t++)
        assert_true(fabs(number_at(result, "epochs", t, "loss") / number_at(result, "epochs", t, "loss_theory") - 1) <
                    .01);
    json_decref(result);
    scratch_remove(root);
}

/* README: sin(x) on [-1, 1], no delta in none, no 1/B^2 in Omega. */
static void the_readme_is_another_program(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const variants[] = {"variant=code", "variant=readme"};
    double loss[2], omega[2];
    for (int i = 0; i < 2; i++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, experiment, &result, root,
                                 SETTINGS("dataset=sin", "num-samples=1000", "layers=10", "epochs=2", "lr=0.1",
                                          "init=lin-inc", "augmentation=none", variants[i])));
        loss[i] = number_at(result, "epochs", 0, "loss");
        omega[i] = number_at(result, "epochs", 0, "omega");
        json_decref(result);
        scratch_remove(root);
    }
    assert_true(fabs(loss[0] - .5) < .05);                     /* E sin^2 over a period */
    assert_true(fabs(2 * loss[1] - (.5 - sin(2.) / 4)) < .03); /* E sin(x)^2 on [-1, 1], half */
    assert_true(omega[0] < 1e-5 && omega[1] > .1);             /* 4 loss / 900^2; E y^2 */
    assert_true(fabs(omega[0] / (4 * loss[0] / (900. * 900)) - 1) < 1e-5);
    assert_true(fabs(omega[1] / (2 * loss[1]) - 1) < 1e-5);
}

static void what_vanishes_is_said(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("layers=2,20,60", "augmentation=none", "epochs=2", "num-samples=100")));
    /* 20^(-15) is a number of f32, but (20^(-3/4) 20^(-5/4) / 2)^20, with the weights, is not */
    assert_int_equal(warnings_on(result, "--augmentation none"), 2);
    assert_int_equal(warnings_on(result, "layers 20: --augmentation none"), 1);
    assert_int_equal(warnings_on(result, "layers 60: --augmentation none"), 1);
    assert_true(number_at(result, "epochs", 2, "loss") == number_at(result, "epochs", 3, "loss"));
    json_decref(result);
    scratch_remove(root);
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("layers=20", "augmentation=none", "epochs=2", "num-samples=100", "variant=readme",
                                      "gamma=1e9", "alpha=1")));
    assert_int_equal(warnings_on(result, "--augmentation none"), 0); /* M = 1 */
    json_decref(result);
    scratch_remove(root);
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("layers=8", "lr=1e-20", "epochs=2", "num-samples=100")));
    assert_int_equal(warnings_on(result, "layers 8: no weight moved"), 1);
    json_decref(result);
    scratch_remove(root);
}

static void a_diverged_net_is_a_row(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, experiment, &result, root,
                             SETTINGS("num-samples=100", "dim=2", "augmentation=linear-skip", "activation=relu",
                                      "init=ntrunc", "lr=1e6", "layers=10,11", "epochs=200")));
    assert_int_equal(table_rows(result, "depths"), 2);
    assert_string_equal(json_string_value(table_cell(result, "depths", 0, "status")), "diverged");
    assert_true(json_is_null(table_cell(result, "depths", 0, "final_loss")));
    assert_true(number_at(result, "depths", 0, "diverged_at") >= 1);
    assert_int_equal(warnings_on(result, "layers 10, seed 42 diverged"), 1);
    json_decref(result);
    scratch_remove(root);
}

static void wrong_values_are_refused_before_the_folder(void **state) {
    ovp_ctx *ctx = *state;
    assert_refused(ctx, experiment, "--rng numpy", SETTINGS("rng=numpy"));
    assert_refused(ctx, experiment, "--engine gemm", SETTINGS("engine=gemm"));
    assert_refused(ctx, experiment, "--layers: 8 stands there twice", SETTINGS("layers=8,9,8"));
    assert_refused(ctx, experiment, "--dataset sin: has real targets", SETTINGS("task=classification", "dataset=sin"));
    assert_refused(ctx, experiment, "--task regression takes a synthetic set", SETTINGS("dataset=mnist"));
    assert_refused(ctx, experiment, "unknown data set", SETTINGS("task=classification", "dataset=mnsit"));
    assert_refused(ctx, experiment, "--p-loss 3", SETTINGS("task=classification", "p-loss=3"));
    assert_refused(ctx, experiment, "GiB are available", SETTINGS("layers=1000000", "dim=4096"));
    ovp_params *p;
    assert_ok(ctx, ovp_experiment_params(&p, ctx, experiment));
    assert_fails(ctx, OVP_EUSAGE, "1", ovp_params_set(p, "layers", "0", "--layers", OVP_EUSAGE));
    assert_fails(ctx, OVP_EUSAGE, "2", ovp_params_set(p, "p-var", "1.5", "--p-var", OVP_EUSAGE));
    ovp_params_free(p);
}

static void an_interrupted_run_keeps_its_rows(void **state) {
    (void)state;
    interruption stop = {.stage = "seed 42, 9 layers"};
    char root[256], path[600];
    json_t *result;
    ovp_ctx *ctx = run_interrupted(&stop, experiment, &result, root, SETTINGS(SMALL, "layers=6,9,12", "epochs=50"));
    assert_int_equal(table_rows(result, "depths"), 1);
    assert_in_range(table_rows(result, "epochs"), 51, 99);
    snprintf(path, sizeof path, "%s/weights/layers6-seed42.safetensors", text_at(result, "run_dir"));
    assert_int_equal(access(path, R_OK), 0);
    json_decref(result);
    ovp_ctx_free(ctx);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(constant_data_give_the_golden_losses),
        CTX_TEST(the_constant_has_a_floor),
        CTX_TEST(losses_fall_as_one_over_t),
        CTX_TEST(the_rate_follows_the_depth),
        CTX_TEST(the_sine_is_learnt_as_a_line),
        CTX_TEST(uniform_logits_have_their_omega),
        CTX_TEST(splits_have_torchs_lengths),
        CTX_TEST(scores_are_means_over_batches),
        cmocka_unit_test(profiles_are_described),
        cmocka_unit_test(verdicts_follow_the_numbers),
        CTX_TEST(a_rough_start_stays_rough),
        CTX_TEST(poor_series_are_not_fitted),
        CTX_TEST(the_rate_follows_the_variation),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(only_blocks_are_trained),
        CTX_TEST(rows_and_arrays_are_the_contracts),
        CTX_TEST(the_paper_preset_follows_the_line),
        CTX_TEST(the_readme_is_another_program),
        CTX_TEST(what_vanishes_is_said),
        CTX_TEST(a_diverged_net_is_a_row),
        CTX_TEST(wrong_values_are_refused_before_the_folder),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
