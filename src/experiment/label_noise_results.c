/* label-noise: summary, verdicts, comparison with the published table, figures. */
#include "label_noise_int.h"

#include <stdio.h>
#include <string.h>

/* ---- verdicts ------------------------------------------------------------------------------------------ */

/* Every draw of every seed counts as one. */
static int same_draw(const noise_row *a, const noise_row *b) {
    return a->seed == b->seed && a->member == b->member && a->solver == b->solver;
}

/* The solver that verdicts over draws are about: the direct one if it is there. */
static noise_solver judged(const noise_lab *lab) {
    for (int s = 0; s < NOISE_SOLVERS; s++)
        for (ovp_idx i = 0; i < lab->count; i++)
            if (lab->rows[i].solver == (noise_solver)s) return (noise_solver)s;
    return NOISE_DIRECT;
}

/* One number a draw: the largest or the mean of value over its rows that have one. NaN in between: none. */
enum { MOST_DRAWS = 4096 };
typedef double (*row_value)(const noise_row *row);
static ovp_measure_interval over_draws(const noise_lab *lab, row_value value, int largest) {
    double values[MOST_DRAWS];
    const noise_solver solver = judged(lab);
    ovp_idx draws = 0;
    for (ovp_idx i = 0; i < lab->count && draws < MOST_DRAWS; i++) {
        double sum = 0, most = -INFINITY;
        ovp_idx n = 0;
        if (lab->rows[i].solver != solver || (i > 0 && same_draw(&lab->rows[i], &lab->rows[i - 1]))) continue;
        for (ovp_idx j = i; j < lab->count && same_draw(&lab->rows[i], &lab->rows[j]); j++) {
            const double v = value(&lab->rows[j]);
            if (!isfinite(v)) continue;
            sum += v;
            most = fmax(most, v);
            n++;
        }
        if (n > 0) values[draws++] = largest ? most : sum / (double)n;
    }
    return study_over_seeds(values, draws);
}

/* Ratio of the test error to the share of training labels that are wrong (of ten classes); at p = 1 nothing is left to
 * learn. */
static double error_to_noise(const noise_row *row) {
    return row->p > 0 && row->p < 1 ? row->test_error / (.9 * row->p) : (double)NAN;
}

static double mse_to_theory(const noise_row *row) {
    return row->p > 0 ? row->test_mse / row->theory_mse : (double)NAN;
}

static double error_off_theory(const noise_row *row) {
    return fabs(row->test_error - row->theory_error);
}

static void judge_interpolation(study_verdict *out, const noise_lab *lab) {
    double worst = 0, mse = 0;
    char text[32];
    for (ovp_idx i = 0; i < lab->count; i++) {
        worst = fmax(worst, isfinite(lab->rows[i].train_mse) ? lab->rows[i].train_error : 1);
        mse = fmax(mse, lab->rows[i].train_mse);
    }
    ovp_experiment_short(text, mse);
    study_verdict_theorem(out, "every training label is fitted, wrong ones too", worst > 0 ? 1 + worst : 0, lab->count,
                          "Largest train error over %lld fits is %.4g, largest train mse %s. Holds if no fit leaves a "
                          "training sample out (measured: 0, else 1 + the error).",
                          (long long)lab->count, worst, text);
}

static void judge_benign(study_verdict *out, const noise_lab *lab) {
    const ovp_measure_interval all = over_draws(lab, error_to_noise, 1);
    study_verdict_fill(out, "the test error stays below the share of wrong labels that were fitted", all, NAN,
                       lab->corrupt_test ? OVP_HOLDS_UNCLEAR : study_judge_below(all, 1),
                       "Largest ratio of the test error to .9 p over all p > 0, for each draw (%s); mean and 95 %% "
                       "Student t interval over draws. Holds if the interval is below 1.%s",
                       noise_solver_names[judged(lab)],
                       lab->corrupt_test ? " With --corrupt-test the test labels are wrong as well: not judged." : "");
}

static void judge_theory(study_verdict *out, const noise_lab *lab) {
    const ovp_measure_interval ratio = over_draws(lab, mse_to_theory, 0), most = over_draws(lab, mse_to_theory, 1),
                               off = over_draws(lab, error_off_theory, 0), far = over_draws(lab, error_off_theory, 1);
    char text[32], far_text[32];
    ovp_experiment_short(text, most.mean);
    ovp_experiment_short(far_text, far.mean);
    study_verdict_fill(&out[0], "the test mse is the risk that eigenlearning gives", ratio, 1,
                       ovp_experiment_judge_near(ratio, 1, .1),
                       "Ratio of the two, mean over p > 0, for each draw (largest ratio: %s); 95 %% Student t interval "
                       "over draws. Holds if it lies within 1 +- .1. The theory takes the images as if their features "
                       "were independent; at p = 0, where only the few hard images count, it falls short.",
                       text);
    study_verdict_fill(
        &out[1], "clean fit plus the theory's variance gives the test error", off, 0, study_judge_below(off, .03),
        "Distance of test_error from theory_error, mean over all p, for each draw (largest distance: "
        "%s); 95 %% Student t interval over draws. Holds if it is below .03: one variance for all images "
        "is a rough account.",
        far_text);
}

/* Largest distance of EigenPro's test error from the direct solver's. */
static int judge_solvers(study_verdict *out, const noise_lab *lab) {
    double worst = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < lab->count; i++)
        for (ovp_idx j = 0; j < lab->count; j++) {
            const noise_row *a = &lab->rows[i], *b = &lab->rows[j];
            if (a->solver != NOISE_DIRECT || b->solver == NOISE_DIRECT || a->seed != b->seed ||
                a->member != b->member || a->p > b->p || a->p < b->p)
                continue;
            worst = fmax(worst, fabs(a->test_error - b->test_error));
            count++;
        }
    study_verdict_theorem(out, "EigenPro ends at the interpolating solution", worst / .002, count,
                          "Largest difference of its test error from the direct solver's over %lld fits is %.4g; "
                          "allowed .002. Measured in units of it.",
                          (long long)count, worst);
    return count > 0;
}

ovp_idx noise_judge(study_verdict out[NOISE_VERDICTS], const noise_lab *lab) {
    judge_interpolation(&out[0], lab);
    judge_benign(&out[1], lab);
    judge_theory(&out[2], lab);
    return 4 + judge_solvers(&out[4], lab);
}

/* ---- published table ----------------------------------------------------------------------------------- */

/* The tutorial's printed table (per cent there) and the solver's own numbers, the same at every p. */
static const struct {
    double p;
    ovp_idx corrupted;
    double test_error, train_mse, test_mse;
} published[] = {
    {.0, 0, .0458, 1.57e-07, 1.44e-02},    {.1, 371, .0489, 2.14e-06, 1.77e-02},  {.2, 805, .0556, 5.00e-06, 2.27e-02},
    {.3, 1204, .0754, 7.06e-06, 2.89e-02}, {.4, 1610, .1051, 8.20e-06, 3.57e-02}, {.5, 2016, .1534, 9.80e-06, 4.36e-02},
    {.6, 2429, .2333, 1.12e-05, 5.31e-02}, {.7, 2809, .3597, 1.26e-05, 6.29e-02}, {.8, 3189, .5370, 1.31e-05, 7.45e-02},
    {.9, 3583, .7356, 1.33e-05, 8.73e-02},
};
enum { PUBLISHED_DATA_SEED = 2134, PUBLISHED_SEED = 1 };

static int near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static int eigenpro_is_published(const ovp_params *p) {
    const int64_t subsample = ovp_params_int(p, "subsample"), top_q = ovp_params_int(p, "top-q"),
                  batch = ovp_params_int(p, "batch");
    return (subsample == 0 || subsample == 2000) && (top_q == 0 || top_q == 36) && (batch == 0 || batch == 1905) &&
           near(ovp_params_real(p, "lr"), 0) && near(ovp_params_real(p, "lr-scale"), 1);
}

int noise_is_published(const noise_lab *lab) {
    const ovp_params *p = lab->params;
    return strcmp(ovp_params_text(p, "rng"), "numpy") == 0 && lab->count > 0 && lab->rows[0].seed == PUBLISHED_SEED &&
           ovp_run_data_seed(lab->run, PUBLISHED_SEED) == PUBLISHED_DATA_SEED &&
           strcmp(ovp_params_text(p, "dataset"), "mnist") == 0 && lab->images.n == 4000 &&
           lab->images.n_test == 10000 && strcmp(ovp_params_text(p, "kernel"), "laplace") == 0 &&
           near(ovp_params_real(p, "bandwidth"), 10) && ovp_params_int(p, "epochs") == 150 && !lab->corrupt_test &&
           (!lab->uses[NOISE_EIGENPRO] || eigenpro_is_published(p));
}

typedef struct comparison {
    ovp_experiment_run *run;
    double worst;
    ovp_idx count;
} comparison;

/* bar 0: equal. */
static ovp_status compare(comparison *c, double p, noise_solver solver, const char *measure, double expected,
                          double measured, double deviation, double bar) {
    const double units = bar > 0 ? deviation / bar : deviation > 0 ? (double)INFINITY : 0;
    c->worst = fmax(c->worst, isfinite(measured) ? units : (double)INFINITY);
    c->count++;
    return ovp_run_row(c->run, "published",
                       (const ovp_store_cell[]){ovp_cell_real(p), ovp_cell_text(noise_solver_names[solver]),
                                                ovp_cell_text(measure), ovp_cell_real(expected),
                                                ovp_cell_real(measured), ovp_cell_real(deviation), ovp_cell_real(bar)});
}

static ovp_status compare_difference(comparison *c, double p, noise_solver solver, const char *measure, double expected,
                                     double measured, double bar) {
    return compare(c, p, solver, measure, expected, measured, fabs(measured - expected), bar);
}

static ovp_status compare_row(comparison *c, const noise_row *row) {
    ovp_status status = OVP_OK;
    for (ovp_idx k = 0; k < COUNT(published); k++) {
        if (row->member != 0 || row->seed != PUBLISHED_SEED || row->solver == NOISE_MODERN ||
            !near(row->p, published[k].p))
            continue;
        const int early = row->solver == NOISE_EIGENPRO;
        OVP_TRY(compare_difference(c, row->p, row->solver, "corrupted", (double)published[k].corrupted,
                                   (double)row->corrupted, 0));
        OVP_TRY(compare_difference(c, row->p, row->solver, "test_error", published[k].test_error, row->test_error,
                                   early ? 5e-4 : 1e-3));
        if (!early) continue;
        OVP_TRY(compare_difference(c, row->p, row->solver, "train_error", 0, row->train_error, 0));
        OVP_TRY(compare_difference(c, row->p, row->solver, "test_mse", published[k].test_mse, row->test_mse, 1e-4));
        /* a factor 2: in powers of 2 */
        OVP_TRY(compare(c, row->p, row->solver, "train_mse", published[k].train_mse, row->train_mse,
                        fabs(log2(row->train_mse / published[k].train_mse)), 1));
    }
done:
    return status;
}

/* Printed as subsamples 2000, top_eigenvalue .897, top_q 36, new_top_eigenvalue 5.20e-04, eta 1923.82, batch 1905, beta
 * .99: bars are half a unit of the last digit, .02 for eta (by how the f32 kernel rounds). */
static ovp_status compare_solver(comparison *c, const ovp_kernel_eigenpro_report *r) {
    ovp_status status = OVP_OK;
    const noise_solver s = NOISE_EIGENPRO;
    OVP_TRY(compare_difference(c, 0, s, "top_eigenvalue", .897, r->lambda_1, 5e-4));
    OVP_TRY(compare_difference(c, 0, s, "top_q", 36, (double)r->top_q, 0));
    OVP_TRY(compare_difference(c, 0, s, "new_top", 5.20e-4, r->new_top, 5e-7));
    OVP_TRY(compare_difference(c, 0, s, "eta", 1923.82, r->eta, .02));
    OVP_TRY(compare_difference(c, 0, s, "batch", 1905, (double)r->batch, 0));
    OVP_TRY(compare_difference(c, 0, s, "beta", .99, r->beta, 5e-3));
done:
    return status;
}

ovp_status noise_compare_published(study_verdict *out, noise_lab *lab) {
    ovp_status status = OVP_OK;
    comparison c = {.run = lab->run};
    for (ovp_idx i = 0; i < lab->count; i++) OVP_TRY(compare_row(&c, &lab->rows[i]));
    if (lab->reports[NOISE_EIGENPRO].batch > 0) OVP_TRY(compare_solver(&c, &lab->reports[NOISE_EIGENPRO]));
    study_verdict_theorem(out, "the published table is met", c.worst, c.count,
                          "Largest deviation over the %lld numbers of table published, in units of each one's bar: "
                          "counts, top_q and batch equal; test errors within .001 (direct) and .0005 (EigenPro); test "
                          "mse within a unit of its last printed digit; train mse within a factor 2.",
                          (long long)c.count);
done:
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------------- */

static ovp_status points_of(study_points *out, noise_lab *lab, noise_solver solver, const char *column) {
    const study_query query = {
        .table = "noise", .x = "p", .y = column, .where = {{.column = "solver", .text = noise_solver_names[solver]}}};
    return study_points_get(out, lab->run, &query);
}

static ovp_figure_series points_series(const char *label, const study_points *points, int several, int colour) {
    return (ovp_figure_series){.label = label,
                               .style = OVP_FIGURE_POINTS,
                               .n = points->count,
                               .x = points->x,
                               .y = points->mean,
                               .low = several ? points->low : NULL,
                               .high = several ? points->high : NULL,
                               .colour = colour};
}

/* Colours beside the solvers' own; train mse: TRAIN and the next ones. */
enum { TRAIN = NOISE_SOLVERS, WRONG = TRAIN + 1, PUBLISHED = TRAIN + NOISE_SOLVERS };

/* Errors (mse 0) or mean squared errors of all solvers against p, theory on top. */
static ovp_status draw(noise_lab *lab, int mse) {
    static const char *const labels[2][NOISE_SOLVERS][2] = {
        {{"test error, direct", "train error"},
         {"test error, EigenPro", "train error"},
         {"test error, EigenPro (modern)", "train error"}},
        {{"test mse, direct", "train mse, direct"},
         {"test mse, EigenPro", "train mse, EigenPro"},
         {"test mse, EigenPro (modern)", "train mse, EigenPro (modern)"}}};
    ovp_status status = OVP_OK;
    study_points points[NOISE_SOLVERS][2] = {{{.count = 0}}};
    ovp_figure_series series[2 * NOISE_SOLVERS + 3];
    double x[2] = {0, 1}, wrong[2] = {0, .9}, p[COUNT(published)], value[COUNT(published)];
    ovp_idx count = 0;
    const int several = lab->seed_count * lab->draws > 1;
    for (int s = 0; s < NOISE_SOLVERS; s++) {
        if (!lab->uses[s]) continue;
        OVP_TRY(points_of(&points[s][0], lab, (noise_solver)s, mse ? "test_mse" : "test_error"));
        OVP_TRY(points_of(&points[s][1], lab, (noise_solver)s, mse ? "train_mse" : "train_error"));
        series[count++] = points_series(labels[mse][s][0], &points[s][0], several, s);
        /* Train errors are one set of zeros, as a rule; the direct solver's train mse is rounding. */
        if (mse ? s != NOISE_DIRECT : (noise_solver)s == judged(lab))
            series[count++] = points_series(labels[mse][s][1], &points[s][1], several, TRAIN + s * mse);
    }
    if (!mse) {
        x[1] = 0;
        for (ovp_idx l = 0; l < lab->level_count; l++) x[1] = fmax(x[1], lab->levels[l]);
        wrong[1] = .9 * x[1];
        series[count++] =
            (ovp_figure_series){.label = lab->corrupt_test ? "a perfect classifier's error on wrong labels"
                                                           : "share of wrong training labels, .9 p",
                                .style = OVP_FIGURE_LINE,
                                .n = 2,
                                .x = x,
                                .y = wrong,
                                .colour = WRONG};
    }
    if (lab->uses[NOISE_DIRECT] && !lab->corrupt_test)
        series[count++] = (ovp_figure_series){.label = "theory",
                                              .style = OVP_FIGURE_THEORY,
                                              .n = lab->level_count,
                                              .x = lab->levels,
                                              .y = mse ? lab->theory_mse : lab->theory_error,
                                              .colour = -1};
    if (noise_is_published(lab)) {
        for (ovp_idx k = 0; k < COUNT(published); k++) {
            p[k] = published[k].p;
            value[k] = mse ? published[k].test_mse : published[k].test_error;
        }
        series[count++] = (ovp_figure_series){.label = "published",
                                              .style = OVP_FIGURE_POINTS,
                                              .n = COUNT(published),
                                              .x = p,
                                              .y = value,
                                              .colour = PUBLISHED};
    }
    const ovp_figure figure = {
        .name = mse ? "mse" : "errors",
        .title = mse ? "Mean squared errors of interpolation" : "Errors of interpolation",
        .x_label = "noise level p",
        .y_label = mse ? "mean squared error" : "error",
        .caption =
            mse ? "Means over draws with 95 % intervals; dashed: the risk by eigenlearning. What EigenPro leaves of "
                  "the "
                  "training error is drawn, the direct solver's is rounding."
                : "Means over draws with 95 % intervals. All training labels are fitted, of which the share .9 p is "
                  "wrong, and yet the test error lies far below that line; dashed: the clean fit with the variance "
                  "that eigenlearning gives.",
        .y_log = mse,
        .series = series,
        .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    for (int s = 0; s < NOISE_SOLVERS; s++)
        for (int k = 0; k < 2; k++) study_points_free(lab->ctx, &points[s][k]);
    return status;
}

ovp_status noise_conclude(noise_lab *lab) {
    static const char *const settings[] = {"p", "solver"}, *const measures[] = {"corrupted", "train_error",
                                                                                "test_error", "train_mse", "test_mse"};
    ovp_status status = OVP_OK;
    study_verdict verdicts[NOISE_VERDICTS];
    if (lab->count == 0) return OVP_OK;
    OVP_TRY(ovp_run_summary(lab->run, "noise", "noise-summary", settings, COUNT(settings), measures, COUNT(measures)));
    ovp_idx count = noise_judge(verdicts, lab);
    if (noise_is_published(lab)) OVP_TRY(noise_compare_published(&verdicts[count++], lab));
    for (ovp_idx i = 0; i < count; i++) OVP_TRY(ovp_run_verdict(lab->run, &verdicts[i].verdict));
    OVP_TRY(draw(lab, 0));
    OVP_TRY(draw(lab, 1));
done:
    return status;
}
