/* double-descent-features: the tutorial's numbers, the theories at every count, and the verdicts driven to every
 * answer. */
#include "linear_helpers.h"

#include <experiment/double_descent_features_int.h>
#include <experiment/princeton_int.h>

static const ovp_experiment *const features = &ovp_experiment_double_descent_features;

static void close_to(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) fail_msg("%.17g, expected %.17g +- %g", value, expected, tolerance);
}

/* ---- ridge regression ---------------------------------------------------------------------------- */

/* Against the pseudo-inverse, and the normal equations' residual. */
static void ridge_by_the_smaller_side(void **state) {
    enum { N = 9, MOST = 20 };
    ovp_ctx *ctx = *state;
    ovp_numeric_rng *rng;
    static const ovp_idx sizes[] = {1, 5, 9, 20};
    double z[N * MOST], y[N], fits[2 * MOST], expected[MOST];
    const double ridges[] = {0, .3};
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 5, OVP_PURPOSE_DATA, 0));
    for (int s = 0; s < 4; s++) {
        const ovp_idx p = sizes[s];
        ovp_idx rank;
        ovp_numeric_rng_normal(rng, OVP_F64, N * p, 0, 1, z);
        ovp_numeric_rng_normal(rng, OVP_F64, N, 0, 1, y);
        assert_ok(ctx, features_ridge(fits, &rank, ctx, N, p, z, y, 2, ridges));
        assert_int_equal(rank, p < N ? p : N);
        assert_ok(ctx, ovp_numeric_lstsq(expected, NULL, NULL, ctx, N, p, 1, z, y, 1e-13));
        for (ovp_idx j = 0; j < p; j++) close_to(fits[j], expected[j], 1e-11 * (p == N ? 1e3 : 1));
        for (ovp_idx j = 0; j < p; j++) { /* gradient of mean (y - z a)^2 + .3 ||a||^2, halved */
            double gradient = .3 * fits[p + j];
            for (int i = 0; i < N; i++) {
                double r = -y[i];
                for (ovp_idx l = 0; l < p; l++) r += z[i * p + l] * fits[p + l];
                gradient += r * z[i * p + j] / N;
            }
            close_to(gradient, 0, 1e-13);
        }
    }
    /* a feature given twice is one direction */
    ovp_idx rank;
    for (int i = 0; i < N; i++) z[2 * i] = z[2 * i + 1] = i + 1;
    assert_ok(ctx, features_ridge(fits, &rank, ctx, N, 2, z, y, 1, ridges));
    assert_int_equal(rank, 1);
    close_to(fits[0], fits[1], 1e-12);
    ovp_numeric_rng_free(rng);
}

/* ---- the tutorial -------------------------------------------------------------------------------- */

static double published_of(const char *map, json_t *golden, size_t row, size_t column) {
    return json_number_value(json_array_get(json_array_get(json_object_get(golden, map), row), column));
}

/* numpy's run (tests/golden/double_descent_features.py), and the published table, to 1e-6. */
static void the_tutorial_is_met(void **state) {
    ovp_ctx *ctx = *state;
    json_t *golden = file_json(OVP_TEST_DIR, "golden/data/double_descent_features.json"), *result;
    char root[256];
    ovp_idx count;
    size_t published = 0;
    assert_non_null(golden);
    /* slow builds: without the last four counts, 5000 to 200,000 */
    const size_t counts = SLOW ? 7 : 11;
    assert_ok(ctx, run_study(ctx, features, &result, root,
                             SETTINGS("preset=paper", SLOW ? "counts=1,5,10,50,100,500,1000" : "fourier-seed=4321")));
    assert_int_equal(table_rows(result, "features"), 2 * counts);
    for (size_t row = 0; row < 2 * counts; row++) {
        const char *map = row < counts ? "fourier" : "relu";
        const size_t at = row % counts;
        const double train = published_of(map, golden, at, 1), test = published_of(map, golden, at, 2);
        assert_true(number_at(result, "features", row, "features") == published_of(map, golden, at, 0));
        assert_string_equal(json_string_value(table_cell(result, "features", row, "map")), map);
        assert_true(number_at(result, "features", row, "seed") == (row < counts ? 4321 : 1717));
        close_to(number_at(result, "features", row, "test_mse") / test, 1, 1e-6);
        close_to(number_at(result, "features", row, "train_mse"), train, 1e-6 * train + 1e-12);
        const double known = number_at(result, "features", row, "published");
        if (!isfinite(known)) continue;
        published++;
        close_to(number_at(result, "features", row, "test_mse") / known, 1, 1e-6);
    }
    assert_int_equal(published, SLOW ? 6 : 9);
    /* Both 'Gaussian' limits, told apart; the features' own is ill-conditioned (8e11): 10.0726 to 10.0728. */
    json_t *limits = json_object_get(golden, "limits");
    close_to(number_at(result, "limits", 0, "test_mse"), json_number_value(json_object_get(limits, "exp(-r^2/2)")),
             1e-3);
    close_to(number_at(result, "limits", 1, "test_mse"), 0.2678602200053003, 1e-11);
    close_to(number_at(result, "limits", 2, "test_mse"), 0.8432877145009113, 1e-8);
    for (size_t i = 0; i < 3; i++) assert_string_equal(holds_of(result, i), "yes");
    assert_string_equal(holds_of(result, 3), "unclear"); /* one seed */
    double *x = array_of(ctx, result, "fourier_x", &count);
    for (ovp_idx i = 0; i < 10; i++)
        close_to(x[i], json_number_value(json_array_get(json_object_get(golden, "x"), (size_t)i)), 1e-15);
    free(x);
    double *fits = array_of(ctx, result, "relu_fits", &count);
    assert_int_equal(count, counts * 1000);
    free(fits);
    json_decref(result);
    json_decref(golden);
    scratch_remove(root);
}

/* Other seeds, counts or noise are not the published run: nothing is compared with it. */
static void another_run_is_not_the_published_one(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const changes[] = {"seed=5", "data-seed=7", "counts=5,10", "noise=0.25", "rng=philox"};
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        char root[256];
        json_t *result;
        assert_ok(ctx, run_study(ctx, features, &result, root,
                                 SETTINGS("preset=paper", "counts=1,5,10", "features=fourier", changes[c])));
        assert_true(isnan(number_at(result, "features", 0, "published")));
        assert_null(strstr(text_at(json_array_get(json_object_get(result, "verdicts"), 0), "claim"), "published"));
        json_decref(result);
        scratch_remove(root);
    }
    char root[256];
    json_t *result;
    assert_ok(ctx,
              run_study(ctx, features, &result, root, SETTINGS("preset=paper", "counts=1,5,9", "features=fourier")));
    assert_true(isfinite(number_at(result, "features", 1, "published")));
    assert_true(isnan(number_at(result, "features", 2, "published")));
    json_decref(result);
    scratch_remove(root);
}

static void seeds_of_the_line(void **state) {
    ovp_ctx *ctx = *state;
    ovp_params *p = params_with(ctx, features, SETTINGS("preset=paper"));
    assert_int_equal(features_line_seed(p, 1, 42), 4321);
    assert_int_equal(features_line_seed(p, 0, 42), 1717);
    ovp_params_free(p);
    p = params_with(ctx, features, SETTINGS("preset=paper", "seed=3"));
    assert_int_equal(features_line_seed(p, 1, 3), 3);
    ovp_params_free(p);
}

/* ---- trials -------------------------------------------------------------------------------------- */

static double point(const json_t *result, size_t row, const char *column) {
    return number_at(result, "points", row, column);
}

/* The bar of least squares: twelve counts, six a side, 3 standard errors. */
static void gaussian_data_meet_the_exact_formula(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, features, &result, root,
                             SETTINGS("data=gaussian", "n=60",
                                      SLOW ? "counts=6,42,65,120" : "counts=6,15,30,42,50,55,65,70,90,120,240,600",
                                      "trials=300", "lambda=0,0.2", "best-ridge=yes")));
    const size_t rows = SLOW ? 12 : 36;
    assert_int_equal(table_rows(result, "points"), rows);
    assert_int_equal(table_rows(result, "features"), rows * 300);
    for (size_t row = 0; row < rows; row += 3) { /* rows of a count: least norm, ridge .2, best ridge */
        const double p = point(result, row, "features");
        const double exact = p < 60 ? .25 * p / (60 - p - 1) : 1 - 60 / p + .25 * 60 / (p - 61);
        close_to(point(result, row, "theory"), exact, 1e-12);
        assert_true(fabs(point(result, row, "test_mean") - exact) <= 3 * point(result, row, "standard_error"));
        close_to(point(result, row, "train_mean"), p < 60 ? .25 * (1 - p / 60) : 0, .02);
        assert_true(point(result, row + 2, "test_mean") <= point(result, row + 1, "test_mean") * 1.02);
        close_to(point(result, row + 2, "lambda"), .25 * p / 60, 1e-15);
        close_to(point(result, row + 1, "train_mean") / point(result, row + 1, "theory_train"), 1, .1);
    }
    for (size_t i = 0; i < 4; i++) assert_string_equal(holds_of(result, i), "yes");
    json_decref(result);
    scratch_remove(root);
}

static void random_features_meet_mei_and_montanari(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    assert_ok(ctx, run_study(ctx, features, &result, root,
                             SETTINGS("data=sphere", "n=150", "d=50", "counts=50,100,200,400", "trials=60",
                                      "n-test=300", "lambda=0,0.05", "seeds=1,2")));
    assert_int_equal(table_rows(result, "features"), 4 * 2 * 120);
    for (size_t row = 0; row < 8; row++) {
        assert_true(point(result, row, "trials") == 120);
        assert_true(fabs(point(result, row, "test_mean") - point(result, row, "theory")) <=
                    3 * point(result, row, "standard_error") + .04 * point(result, row, "theory")); /* d = 50 */
        close_to(point(result, row, "train_mean"), point(result, row, "theory_train"),
                 .04 * point(result, row, "theory_train") + 1e-12);
    }
    json_decref(result);
    scratch_remove(root);
}

/* ---- images -------------------------------------------------------------------------------------- */

/* One draw by the singular value decomposition of all features, all outputs; the seed's own streams. */
static void check_images_fit(ovp_ctx *ctx, const princeton_images *im, const json_t *result, size_t row, int64_t seed,
                             double ridge) {
    const ovp_idx n = im->n, all = n + im->n_test, d = im->d, c = im->classes;
    const ovp_idx k = (ovp_idx)number_at(result, "features", row, "features"), rows = ridge > 0 ? n + k : n;
    ovp_numeric_rng *rng;
    double *v, train = 0, test = 0;
    assert_ok(ctx, ovp_alloc(ctx, &v, k * (d + 1) + (all + rows + c) * k + rows * c, sizeof *v));
    double *z = v + k * (d + 1), *system = z + all * k, *a = system + rows * k, *right = a + k * c;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_INIT, (uint64_t)k));
    ovp_numeric_rng_normal(rng, OVP_F64, k * d, 0, 1, v);
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, k, 0, 1, v + k * d);
    ovp_numeric_rng_free(rng);
    for (ovp_idx i = 0; i < all; i++)
        for (ovp_idx j = 0; j < k; j++) {
            const double *x = i < n ? im->x + i * d : im->x_test + (i - n) * d;
            double dot = v[k * d + j];
            for (ovp_idx q = 0; q < d; q++) dot += x[q] * v[j * d + q];
            z[i * k + j] = sqrt(2. / (double)k) * fmax(dot, 0);
        }
    memcpy(system, z, (size_t)(n * k) * sizeof *z);
    memcpy(right, im->target, (size_t)(n * c) * sizeof *right);
    for (ovp_idx j = 0; j < rows - n; j++) system[(n + j) * k + j] = sqrt(ridge * (double)n);
    assert_ok(ctx, ovp_numeric_lstsq(a, NULL, NULL, ctx, rows, k, c, system, right, 1e-13));
    for (ovp_idx i = 0; i < all; i++)
        for (ovp_idx o = 0; o < c; o++) {
            double f = 0;
            for (ovp_idx j = 0; j < k; j++) f += z[i * k + j] * a[j * c + o];
            if (i < n)
                train += pow(f - im->target[i * c + o], 2) / (double)(n * c);
            else
                test += pow(f - im->target_test[(i - n) * c + o], 2) / (double)((all - n) * c);
        }
    close_to(number_at(result, "features", row, "test_mse") / test, 1, 1e-5);
    close_to(number_at(result, "features", row, "train_mse"), train, 1e-6 * train + 1e-12);
    ovp_free(ctx, v);
}

static void random_features_of_images(void **state) {
    ovp_ctx *ctx = *state;
    char root[256];
    json_t *result;
    princeton_images images;
    assert_ok(ctx, run_study(ctx, features, &result, root,
                             SETTINGS("data=mnist", "n=100", "n-test=150", "noise=0", "lambda=0,0.01",
                                      "counts=20,50,100,200,1600", "seeds=1..4")));
    assert_int_equal(table_rows(result, "features"), 5 * 4 * 2);
    assert_ok(ctx, princeton_images_load(&images, ctx, "mnist", 10, 150));
    for (size_t row = 0; row < 32; row += 7) /* counts up to 200, both ways */
        check_images_fit(ctx, &images, result, row, 1 + (int64_t)(row / 2 % 4), row % 2 ? .01 : 0);
    princeton_images_free(ctx, &images);
    double gram[2] = {0, 0}, gap[2] = {0, 0};
    for (size_t row = 0; row < 8; row += 2) { /* k = 200 and 1600: towards the kernel as 1 / sqrt(k) */
        for (size_t far = 0; far < 2; far++) {
            const size_t at = 24 + 8 * far + row;
            gram[far] += number_at(result, "features", at, "gram_error") / 4;
            gap[far] +=
                (number_at(result, "features", at, "test_mse") - number_at(result, "features", at, "theory")) / 4;
        }
    }
    assert_true(gram[1] < .5 * gram[0] && gram[1] > .2 * gram[0]);
    assert_true(fabs(gap[1]) < .3 * gap[0]);
    assert_true(isnan(number_at(result, "features", 0, "gram_error")));
    for (size_t i = 1; i < 3; i++) assert_string_equal(holds_of(result, i), "yes");
    assert_string_not_equal(holds_of(result, 0), "no"); /* below n single features decide: four seeds may not tell */
    json_decref(result);
    scratch_remove(root);
}

/* ---- the frame ----------------------------------------------------------------------------------- */

static void threads_change_no_bit(void **state) {
    static const char *const files[] = {"tables/features.csv", "tables/points.csv"};
    static const char *const line[] = {"tables/features.csv", "tables/limits.csv", "arrays.npz"};
    (void)state;
    assert_same_bits(features,
                     SETTINGS("data=both", "n=40", "d=15", "counts=20,35,50,90", "trials=7", "n-test=50",
                              "best-ridge=yes", "seeds=1,2"),
                     files, 2, NULL, 0);
    assert_same_bits(features, SETTINGS("counts=3,10,2000", "n-test=101", "seeds=1..2"), line, 3, NULL, 0);
    assert_same_bits(features, SETTINGS("data=mnist", "n=70", "n-test=90", "counts=30,70,300", "noise=0.1"), files, 1,
                     NULL, 0);
}

static void what_is_refused(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[3], *words;
    } cases[] = {
        {{"counts=5,5"}, "--counts: 5 after 5"},
        {{"counts=7,5"}, "ascending order"},
        {{"precision=f32"}, "--precision f32"},
        {{"rng=torch"}, "--rng torch"},
        {{"lambda=0.1"}, "without ridge"},
        {{"best-ridge=yes"}, "without ridge"},
        {{"data=sphere", "rng=numpy"}, "--rng numpy"},
        {{"data=gaussian", "rng=torch"}, "--rng torch"},
        {{"data=mnist", "rng=numpy"}, "--rng numpy"},
        {{"data=mnist", "n=15"}, "a multiple of 10"},
        {{"data=mnist", "n=100", "n-test=20000"}, "10000 test images"},
        {{"data=mnist", "n=100", "best-ridge=yes"}, "--best-ridge"},
        {{"data=mnist", "n=20000", "counts=10000000"}, "GiB are available"},
        {{"data=sphere", "activation=relux"}, "'relux' is unknown"},
        {{"data=both", "activation=identity"}, "--activation identity is linear"},
        {{"data=gaussian", "n=20000", "counts=10000000"}, "GiB are available"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *settings[4] = {NULL};
        for (size_t k = 0; k < 3; k++) settings[k] = cases[i].settings[k];
        assert_refused(ctx, features, cases[i].words, settings);
    }
    static const char *const values[][2] = {{"counts", "0"},    {"n", "1"},      {"noise", "-1"},
                                            {"lambda", "-0.1"}, {"trials", "1"}, {"n-test", "1"},
                                            {"d", "0"},         {"signal", "0"}, {"data", "moon"}};
    ovp_params *p = params_with(ctx, features, SETTINGS("seed=1"));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_fails(ctx, OVP_EUSAGE, values[i][0],
                     ovp_params_set(p, values[i][0], values[i][1], values[i][0], OVP_EUSAGE));
    ovp_params_free(p);
}

static void an_interrupted_run_keeps_its_rows(void **state) {
    static const char *const data[] = {"data=1d", "data=gaussian"};
    (void)state;
    for (int k = 0; k < 2; k++) {
        interruption stop = {.from = 1};
        char root[256];
        json_t *result;
        ovp_ctx *ctx =
            run_interrupted(&stop, features, &result, root,
                            SETTINGS(data[k], "counts=4,6,40,5000", "trials=12", "n-test=9", "n=8", "features=relu"));
        assert_int_equal(table_rows(result, "features"), k ? 12 : 1);
        assert_int_equal(table_rows(result, "features-summary"), 2);
        json_decref(result);
        ovp_ctx_free(ctx);
        scratch_remove(root);
    }
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

/* Points by hand: eight counts around n = 20, means `off` standard errors from a theory of 1. */
static void the_margin_of_the_means(void **state) {
    static const int64_t counts[] = {5, 18, 21, 60};
    features_point points[4];
    const features_lab lab = {.ctx = *state, .n = 20, .counts = counts, .count_count = 4};
    features_part part = {.data = "gaussian", .ways = 1, .points = points};
    study_verdict verdict;
    ovp_idx count, where;
    for (int i = 0; i < 4; i++)
        points[i] = (features_point){.features = counts[i],
                                     .theory = 1,
                                     .finite = 1.01,
                                     .trials = 50,
                                     .test = {50, 1.2, 1, 1.4},
                                     .standard_error = .1};
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_LEAST_NORM), 2. / 3, 1e-12);
    assert_int_equal(count, 2); /* 18 and 21 are next to the peak */
    features_judge_part(&verdict, 2. / 3, count, 50, "claim", "how");
    assert_int_equal(verdict.verdict.holds, OVP_HOLDS_YES);
    points[3].test.mean = 1.31;
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_LEAST_NORM), .31 / .3, 1e-12);
    assert_int_equal(where, 3);
    features_judge_part(&verdict, .31 / .3, count, 50, "claim", "how");
    assert_int_equal(verdict.verdict.holds, OVP_HOLDS_NO);
    part.sphere = 1;
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_LEAST_NORM), .31 / .32, 1e-12);
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_RIDGE), 0, 0);
    assert_int_equal(count, 0);
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_FINITE), .3 / (.3 + .0202), 1e-12);
    points[3].finite = 1.03; /* d is too small there for the limit, but not for the finite formula */
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_LEAST_NORM), .2 / .32, 1e-12);
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_FINITE), .28 / (.3 + .0206), 1e-12);
    for (int i = 0; i < 4; i++) points[i].trials = 9;
    close_to(features_worst(&count, &where, &lab, &part, FEATURES_LEAST_NORM), 0, 0);
    features_judge_part(&verdict, 0, count, 9, "claim", "how");
    assert_int_equal(verdict.verdict.holds, OVP_HOLDS_UNCLEAR);
    assert_non_null(strstr(verdict.how, "Only 9 trials"));
}

static void verdicts_of_runs(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *settings[7], *holds[3];
    } cases[] = {
        {{"data=gaussian", "n=30", "counts=10,24,36,90", "trials=40"}, {"yes", "yes"}},
        {{"data=gaussian", "n=30", "counts=10,24,36,90", "trials=4"}, {"unclear", "unclear"}},
        {{"data=sphere", "n=40", "d=20", "counts=4,20,60,90", "trials=3"}, {"unclear"}},
        /* a limit or a formula for large d is not that of five dimensions */
        {{"data=sphere", "n=20", "d=5", "counts=4,10,40,90", "trials=300", "n-test=50"}, {NULL, "no"}},
        /* no noise and no spare bias: nothing peaks at n; with a strong signal the last count is the worst */
        {{"data=gaussian", "n=30", "counts=10,24,36,900", "trials=40", "noise=0.01"}, {"yes", "no"}},
        /* kernel; then the descent of Fourier and of ReLU features */
        {{"counts=3,10,1000", "seeds=1..12", "n-test=200"}, {"yes", "yes"}},
        {{"counts=3,10,1000", "seeds=1..2", "n-test=200"}, {"yes", "unclear", "unclear"}},
        {{"counts=3,10,20", "seeds=1..2", "n-test=200"}, {"unclear"}}, /* too few to tell the kernels apart */
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char root[256];
        json_t *result;
        const char *settings[8] = {NULL};
        for (size_t k = 0; k < 7; k++) settings[k] = cases[c].settings[k];
        assert_ok(ctx, run_study(ctx, features, &result, root, settings));
        for (size_t v = 0; v < 3; v++) {
            if (!cases[c].holds[v]) continue;
            if (strcmp(holds_of(result, v), cases[c].holds[v]) != 0)
                fail_msg("case %zu, verdict %zu: %s (%s)", c, v, holds_of(result, v),
                         text_at(json_array_get(json_object_get(result, "verdicts"), v), "how"));
        }
        json_decref(result);
        scratch_remove(root);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(ridge_by_the_smaller_side),
        CTX_TEST(the_tutorial_is_met),
        CTX_TEST(another_run_is_not_the_published_one),
        CTX_TEST(seeds_of_the_line),
        CTX_TEST(gaussian_data_meet_the_exact_formula),
        CTX_TEST(random_features_meet_mei_and_montanari),
        CTX_TEST(random_features_of_images),
        cmocka_unit_test(threads_change_no_bit),
        CTX_TEST(what_is_refused),
        cmocka_unit_test(an_interrupted_run_keeps_its_rows),
        CTX_TEST(the_margin_of_the_means),
        CTX_TEST(verdicts_of_runs),
    };
    return cmocka_run_group_tests(tests, without_gnuplot, NULL);
}
