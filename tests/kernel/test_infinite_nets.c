/* Kernels of infinitely wide nets: published tables, closed forms against quadrature, finite nets, angles near 0 and
 * pi, conventions. */
#include "kernels.h"

/* K_l and Theta_l of a pair by the recursion in the header, every expectation by quadrature over the plane. */
typedef struct plane {
    const ovp_numeric_activation *act;
    int derivative;
    double root1, root2;
} plane;

static double plane_at(const void *user, double x, double y) {
    const plane *p = user;
    double (*g)(double) = p->derivative ? p->act->dphi : p->act->phi;
    return g(p->root1 * x) * g(p->root2 * y);
}

static double expectation(ovp_ctx *ctx, const char *activation, int derivative, double q1, double q2, double k) {
    const ovp_numeric_activation *act = ovp_numeric_activation_find(activation);
    const plane p = {act, derivative, sqrt(q1), sqrt(q2)};
    const double c = fmin(1, fmax(-1, k / sqrt(q1) / sqrt(q2)));
    double out, first[4] = {0}, second[4] = {0};
    for (int i = 0; i < act->kink_count; i++) {
        first[i + 1] = act->kinks[i] / p.root1;
        second[i + 1] = act->kinks[i] / p.root2;
    }
    assert_ok(ctx, ovp_numeric_normal_mean_2(&out, NULL, ctx, plane_at, &p, c, first, act->kink_count + 1, second,
                                             act->kink_count + 1, 1e-11));
    return out;
}

static void by_plane(double *nngp, double *ntk, ovp_ctx *ctx, const char *activation, ovp_idx depth, double w, double b,
                     double q1, double q2, double k) {
    double theta = k;
    for (ovp_idx l = 0; l < depth; l++) {
        const double e = expectation(ctx, activation, 0, q1, q2, k);
        theta = w * e + b + w * theta * expectation(ctx, activation, 1, q1, q2, k);
        const double next1 = w * expectation(ctx, activation, 0, q1, q1, q1) + b;
        const double next2 = w * expectation(ctx, activation, 0, q2, q2, q2) + b;
        k = w * e + b;
        q1 = next1;
        q2 = next2;
    }
    *nngp = k;
    *ntk = theta;
}

/* ---- published values ------------------------------------------------------------------------------------------ */

/* x, z unit vectors of R^2 with <x, z> = u. */
static void unit_pair(double u, double *x, double *z) {
    x[0] = 1;
    x[1] = 0;
    z[0] = u;
    z[1] = sqrt((1 - u) * (1 + u));
}

/* Cho and Saul 2009; Jacot et al. 2018; values of the closed forms in 10 digits (mpmath, 30 digits). */
static void published_tables(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        ovp_idx depth;
        double u, nngp, ntk;
    } rows[] = {
        {1, 0, NAN, .3183098862},
        {1, .5, NAN, .9423311144},
        {1, .9, NAN, 1.6803287350},
        {1, 1, 1, 2},
        {2, 0, .49373109, .68570864},
        {2, .5, .68390565, 1.35147956},
        {5, 0, .73594635, 1.79219597},
        {5, .5, .81045420, 2.46289313},
        {2, 1, 1, 3},
        {5, 1, 1, 6},
    };
    double x[2], z[2];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double printed = rows[i].depth == 1 ? 6e-11 : 6e-9; /* half a unit of the last digit */
        ovp_kernel *nngp =
            make_kernel(ctx, (ovp_kernel_options){.name = "nngp", .depth = rows[i].depth, .convention = "unit-sphere"});
        ovp_kernel *ntk =
            make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .depth = rows[i].depth, .convention = "unit-sphere"});
        unit_pair(rows[i].u, x, z);
        if (!isnan(rows[i].nngp)) assert_true(fabs(kernel_at(ctx, nngp, 2, x, z) - rows[i].nngp) <= printed);
        assert_true(fabs(kernel_at(ctx, ntk, 2, x, z) - rows[i].ntk) <= printed);
        ovp_kernel_free(nngp);
        ovp_kernel_free(ntk);
    }
}

/* spec of the tables: erf at K = (1, 1, .5): E = .2163468959, E' = .4501581581. K_0 = <x, z> / d with sigma_w 1. */
static void erf_values(void **state) {
    ovp_ctx *ctx = *state;
    double x[2], z[2];
    unit_pair(.5, x, z);
    for (int k = 0; k < 2; k++) {
        x[k] *= M_SQRT2;
        z[k] *= M_SQRT2;
    }
    ovp_kernel *nngp = make_kernel(ctx, (ovp_kernel_options){.name = "nngp", .activation = "erf", .sigma_w = 1});
    ovp_kernel *hidden =
        make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .activation = "erf", .sigma_w = 1, .train = "hidden"});
    assert_true(fabs(kernel_at(ctx, nngp, 2, x, z) - .2163468959) <= 6e-11);
    assert_true(fabs(kernel_at(ctx, hidden, 2, x, z) - .5 * .4501581581) <= 6e-11);
    ovp_kernel_free(nngp);
    ovp_kernel_free(hidden);
}

/* Unit inputs: 2 (E + K_0 E') with K_0 = u + 1, variances 2; the diagonal is 4. At u = 0, c = 1/2: E = (sin t + (pi -
 * t) / 2) 2 / 2 pi and E' = (pi - t) / 2 pi at t = pi / 3. */
static void tutorial_bias(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1, 0}, z[] = {0, 1}, t = M_PI / 3;
    ovp_kernel *k = make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .convention = "tutorial-bias"});
    const double want = 2 * ((sin(t) + 0.5 * (M_PI - t)) / M_PI + (M_PI - t) / (2 * M_PI));
    assert_true(fabs(kernel_at(ctx, k, 2, x, x) - 4) <= 1e-15);
    assert_true(fabs(kernel_at(ctx, k, 2, x, z) - want) <= 1e-15);
    ovp_kernel_free(k);
}

/* ---- closed forms and series against quadrature -------------------------------------------------------------------
 */

static void every_activation_by_quadrature(void **state) {
    ovp_ctx *ctx = *state;
    static const double lengths[][2] = {{1, 1}, {0.3, 2.2}, {3, 0.05}}, at[] = {-1, -.93, -.4, 0, .5, .97};
    for (ovp_idx a = 0; ovp_numeric_activation_at(a); a++) {
        const ovp_numeric_activation *act = ovp_numeric_activation_at(a);
        const int step = strcmp(act->name, "step") == 0, slow = act->kink_count && strcmp(act->name, "relu") != 0;
        for (int depth = 1; depth <= (slow ? 1 : 2); depth++) {
            const double w = 1.3, b = 0.2;
            ovp_kernel_options o = {
                .name = "nngp", .activation = act->name, .depth = depth, .sigma_w = sqrt(w), .sigma_b = sqrt(b)};
            ovp_kernel *nngp = make_kernel(ctx, o);
            o.name = "ntk";
            if (step) o.train = "last";
            ovp_kernel *ntk = make_kernel(ctx, o);
            assert_true(ovp_kernel_error(ntk) >= 0 && ovp_kernel_error(ntk) <= 1e-10);
            for (int l = 0; l < 3; l++)
                for (int p = 0; p < 6; p++) {
                    /* All angles where the lengths are equal; two of them elsewhere and for the second layer. */
                    if ((SLOW || l > 0 || depth > 1) && p != 1 && p != 4) continue;
                    if ((SLOW || depth > 1) && l != 1) continue;
                    double x[2], z[2], want_k, want_theta;
                    unit_pair(at[p], x, z);
                    for (int i = 0; i < 2; i++) {
                        x[i] *= lengths[l][0];
                        z[i] *= lengths[l][1];
                    }
                    const double q1 = w / 2 * lengths[l][0] * lengths[l][0] + b;
                    const double q2 = w / 2 * lengths[l][1] * lengths[l][1] + b;
                    const double k0 = w / 2 * (x[0] * z[0] + x[1] * z[1]) + b;
                    by_plane(&want_k, &want_theta, ctx, act->name, depth, w, b, q1, q2, k0);
                    const double k = kernel_at(ctx, nngp, 2, x, z), theta = kernel_at(ctx, ntk, 2, x, z);
                    if (!(fabs(k - want_k) <= 1e-10 * fmax(1, fabs(want_k))))
                        fail_msg("%s, depth %d, %g: nngp %.15g, not %.15g", act->name, depth, at[p], k, want_k);
                    if (step ? theta != k : !(fabs(theta - want_theta) <= 1e-10 * fmax(1, fabs(want_theta))))
                        fail_msg("%s, depth %d, %g: ntk %.15g, not %.15g", act->name, depth, at[p], theta, want_theta);
                }
            ovp_kernel_free(nngp);
            ovp_kernel_free(ntk);
        }
    }
}

/* Price 1958: E[phi' phi'] = dE[phi phi] / dk. sigma_w 1, d 1 ... two inputs of fixed length, the angle moved. */
static void slope_is_derivative(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const names[] = {"relu", "leaky-relu", "abs",  "erf",      "gelu", "sin",
                                        "cos",  "square",     "tanh", "softplus", "elu"};
    const double t = 1.1, h = 1e-4, r1 = 1.3, r2 = 0.8;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ovp_kernel_options o = {.name = "nngp", .activation = names[i], .sigma_w = 1};
        ovp_kernel *nngp = make_kernel(ctx, o);
        o.name = "ntk";
        o.train = "hidden";
        ovp_kernel *hidden = make_kernel(ctx, o);
        const double x[] = {r1, 0}, z[] = {r2 * cos(t), r2 * sin(t)};
        double e[4];
        static const int steps[] = {-2, -1, 1, 2};
        for (int s = 0; s < 4; s++) {
            const double moved[] = {r2 * cos(t + steps[s] * h), r2 * sin(t + steps[s] * h)};
            e[s] = kernel_at(ctx, nngp, 2, x, moved);
        }
        const double along = (e[0] - 8 * e[1] + 8 * e[2] - e[3]) / (12 * h); /* by t; k = r1 r2 cos t / 2 */
        const double slope = kernel_at(ctx, hidden, 2, x, z) / (0.5 * r1 * r2 * cos(t));
        if (!(fabs(along / (-0.5 * r1 * r2 * sin(t)) - slope) <= 1e-10))
            fail_msg("%s: %.15g, not %.15g", names[i], slope, along / (-0.5 * r1 * r2 * sin(t)));
        ovp_kernel_free(nngp);
        ovp_kernel_free(hidden);
    }
}

/* ---- angles ----------------------------------------------------------------------------------------------------- */

/* Depth 1, unit sphere, d = 3: NTK = kappa_1 + u kappa_0 = 2 - 2 t / pi + O(t^2): the angle itself is in the value. */
static void small_angles(void **state) {
    ovp_ctx *ctx = *state;
    ovp_kernel *k = make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .convention = "unit-sphere"});
    const double s3 = 1 / sqrt(3.0), x[] = {s3, s3, s3};
    for (double t = 1e-1; t > 1e-15; t /= 3) {
        const double side = t * M_SQRT1_2,
                     z[] = {s3 * cos(t) + side / t * sin(t), s3 * cos(t) - side / t * sin(t), s3 * cos(t)};
        const double want = (sin(t) + 2 * (M_PI - t) * cos(t)) / M_PI;
        const double got = kernel_at(ctx, k, 3, x, z);
        /* Angles above .014 (u = 1e-4) come from the products, whose rounding is eps / t of angle. */
        const double allowed = t > .014 ? 2e-15 + 2 * 2.2e-16 / t : 2e-15;
        if (!(fabs(got - want) <= allowed)) fail_msg("t %g: %.17g, not %.17g", t, got, want);
        for (int i = 0; i < 3; i++) {
            double antipode[3], longer[3];
            for (int j = 0; j < 3; j++) {
                antipode[j] = -x[j];
                longer[j] = 7 * x[j];
            }
            assert_true(fabs(kernel_at(ctx, k, 3, x, antipode)) <= 1e-15);
            assert_true(fabs(kernel_at(ctx, k, 3, x, longer) - 14) <= 1e-14);
        }
    }
    ovp_kernel_free(k);
}

/* t after a layer without biases: 1 - cos t' = 1 - cos t - (sin t - t cos t) / pi; by series for t = 1e-6, deep, with
 * depth + 1 - sum of the lost parts. All in long double from 1 - cos t = 2 sin^2(t / 2). */
static void small_angles_deep(void **state) {
    ovp_ctx *ctx = *state;
    enum { DEPTH = 5 };
    ovp_kernel *k = make_kernel(ctx, (ovp_kernel_options){.name = "ntk", .convention = "unit-sphere", .depth = DEPTH});
    for (double t = 3e-2; t > 1e-12; t /= 10) {
        const double x[] = {1, 0}, z[] = {cos(t), sin(t)};
        long double half = sinl(t / 2.0L), u = 2 * half * half, theta = 1 - u;
        for (int l = 0; l < DEPTH; l++) {
            const long double a = 2 * asinl(sqrtl(u / 2)), a3 = a * a * a;
            const long double bow = a < 1e-2L ? a3 / 3 - a3 * a * a / 30 + a3 * a3 * a / 840 : sinl(a) - a * cosl(a);
            u -= bow / (long double)M_PI;
            theta = 1 - u + theta * (1 - a / (long double)M_PI);
        }
        const double got = kernel_at(ctx, k, 2, x, z);
        if (!(fabs(got - (double)theta) <= 1e-14)) fail_msg("t %g: %.17g, not %.17g", t, got, (double)theta);
    }
    ovp_kernel_free(k);
}

/* Rows of zeros: without biases the kernel is that of phi(0), never NaN. */
static void zero_rows(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {0, 0, 1, 2, -1, 3};
    for (ovp_idx a = 0; ovp_numeric_activation_at(a); a++) {
        const ovp_numeric_activation *act = ovp_numeric_activation_at(a);
        ovp_kernel *k = make_kernel(ctx, (ovp_kernel_options){.name = "nngp", .activation = act->name, .sigma_w = 1});
        double *got = gram(ctx, k, OVP_F64, 2, 3, x, 0, NULL);
        assert_true(fabs(got[0] - act->phi(0) * act->phi(0)) <= 1e-12);
        for (int i = 0; i < 9; i++) assert_true(isfinite(got[i]));
        if (act->phi(0) == 0) assert_true(fabs(got[1]) <= 1e-12 && fabs(got[2]) <= 1e-12);
        ovp_free(ctx, got);
        ovp_kernel_free(k);
    }
}

/* ---- conventions ------------------------------------------------------------------------------------------------ */

/* all = last + hidden; frozen biases of one layer: Theta = w (E + K_0' E'), K_0' = K_0 - sigma_b^2. */
static void parts_of_the_kernel(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1, 2, -1}, z[] = {.5, -1, 2}, w = 1.7, b = .4;
    static const char *const trains[] = {"all", "last", "hidden"}, *const biases[] = {"trained", "frozen"};
    double theta[2][3], k;
    for (int f = 0; f < 2; f++)
        for (int p = 0; p < 3; p++) {
            ovp_kernel *kernel = make_kernel(ctx, (ovp_kernel_options){.name = "ntk",
                                                                       .activation = "gelu",
                                                                       .sigma_w = sqrt(w),
                                                                       .sigma_b = sqrt(b),
                                                                       .bias = biases[f],
                                                                       .train = trains[p]});
            theta[f][p] = kernel_at(ctx, kernel, 3, x, z);
            ovp_kernel_free(kernel);
        }
    ovp_kernel *nngp = make_kernel(
        ctx, (ovp_kernel_options){.name = "nngp", .activation = "gelu", .sigma_w = sqrt(w), .sigma_b = sqrt(b)});
    k = kernel_at(ctx, nngp, 3, x, z);
    const double k0 = w * (x[0] * z[0] + x[1] * z[1] + x[2] * z[2]) / 3;
    assert_true(fabs(theta[0][0] - theta[0][1] - theta[0][2]) <= 1e-15);
    assert_true(fabs(theta[1][0] - theta[1][1] - theta[1][2]) <= 1e-15);
    assert_true(theta[0][1] == k);
    assert_true(fabs(theta[1][1] - (k - b)) <= 1e-15);
    assert_true(fabs(theta[1][2] * (k0 + b) - theta[0][2] * k0) <= 1e-15);
    ovp_kernel_free(nngp);
}

/* ---- finite nets ------------------------------------------------------------------------------------------------ */

/* Mean over seeds of the empirical kernel of nets of width 512: within four standard errors everywhere, and most
 * entries within two; the finite width's own bias of order 1 / width is below that. */
static void finite_nets(void **state) {
    ovp_ctx *ctx = *state;
    enum { D = 4, ROWS = 5, WIDTH = 512, SEEDS = 12, PAIRS = ROWS * ROWS };
    static const char *const names[] = {"relu", "erf", "gelu", "tanh", "sin"};
    const ovp_idx widths[] = {D, WIDTH, WIDTH, 1};
    double *x = normal_points(ctx, OVP_F64, 20, ROWS * D);
    int within = 0, all = 0;
    for (size_t a = 0; a < (SLOW ? 2 : sizeof names / sizeof *names); a++) {
        const double w = 1.4, b = .3;
        const ovp_net_dense_options o = {.size = sizeof o,
                                         .layers = 3,
                                         .widths = widths,
                                         .activation = names[a],
                                         .type = OVP_F64,
                                         .parametrization = "ntk",
                                         .sigma_w = w,
                                         .sigma_b = b};
        const ovp_net_init_options init = {sizeof init, NULL, 0};
        double sum[PAIRS] = {0}, squares[PAIRS] = {0}, one[PAIRS], *theta;
        ovp_net_model *model;
        assert_ok(ctx, ovp_net_dense_create(&model, ctx, &o));
        assert_ok(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
        for (int seed = 0; seed < SEEDS; seed++) {
            ovp_numeric_rng *rng;
            assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_INIT, a));
            assert_ok(ctx, ovp_net_init(model, ctx, &init, rng, theta));
            assert_ok(ctx, ovp_kernel_ntk(one, ctx, model, theta, ROWS, x, 0, NULL, NULL));
            for (int i = 0; i < PAIRS; i++) {
                sum[i] += one[i];
                squares[i] += one[i] * one[i];
            }
            ovp_numeric_rng_free(rng);
        }
        ovp_kernel *k = make_kernel(
            ctx, (ovp_kernel_options){.name = "ntk", .activation = names[a], .depth = 2, .sigma_w = w, .sigma_b = b});
        double *want = gram(ctx, k, OVP_F64, D, ROWS, x, 0, NULL);
        for (int i = 0; i < PAIRS; i++) {
            const double mean = sum[i] / SEEDS, variance = (squares[i] - sum[i] * mean) / (SEEDS - 1);
            const double errors = fabs(mean - want[i]) / sqrt(variance / SEEDS);
            if (!(errors <= 4)) fail_msg("%s, %d: %g, not %g: %g standard errors", names[a], i, mean, want[i], errors);
            within += errors <= 2;
            all++;
        }
        ovp_free(ctx, want);
        ovp_kernel_free(k);
        ovp_free(ctx, theta);
        ovp_net_model_free(model);
    }
    assert_true(within >= all * 8 / 10);
    ovp_free(ctx, x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(published_tables),    CTX_TEST(erf_values),
        CTX_TEST(tutorial_bias),       CTX_TEST(every_activation_by_quadrature),
        CTX_TEST(slope_is_derivative), CTX_TEST(small_angles),
        CTX_TEST(small_angles_deep),   CTX_TEST(zero_rows),
        CTX_TEST(parts_of_the_kernel), CTX_TEST(finite_nets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
