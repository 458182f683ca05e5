/* Verdicts and the figure of double-descent-features' random features of MNIST. */
#include "double_descent_features_int.h"

#include <stdio.h>
#include <stdlib.h>

typedef enum features_measure { TEST, TRAIN, TEST_WRONG, TRAIN_WRONG, MEASURES } features_measure;

static double measure(const features_images_row *row, int which) {
    const features_images_error *e = &row->error;
    const double values[MEASURES] = {e->test, e->train, e->test_wrong, e->train_wrong};
    return values[which];
}

/* values: of one way and count, a seed each in the order of the rows. Returns how many. */
static ovp_idx of_count(const features_images *im, ovp_idx way, int64_t features, int which, double *values) {
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < im->done; i++)
        if (im->rows[i].way == way && im->rows[i].features == features) values[count++] = measure(&im->rows[i], which);
    return count;
}

/* The finished count nearest to `target` in ratio. */
static int64_t nearest(const features_lab *lab, double target) {
    int64_t best = lab->counts[0];
    for (ovp_idx i = 1; i < lab->count_count; i++)
        if (fabs(log((double)lab->counts[i] / target)) < fabs(log((double)best / target))) best = lab->counts[i];
    return best;
}

/* ---- verdicts -------------------------------------------------------------------------------------- */

/* log10 of a measure's distance from `limit` at `low` features over that at `high`, above 0 over seeds. */
static ovp_status judge_fall(features_lab *lab, const features_images *im, features_measure which, int64_t low,
                             int64_t high, double limit, const char *claim, const char *what) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    double *values = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &values, 2 * lab->seed_count, sizeof *values));
    double *after = values + lab->seed_count;
    ovp_idx count = of_count(im, 0, low, which, values);
    const ovp_idx finished = of_count(im, 0, high, which, after);
    if (finished < count) count = finished;
    for (ovp_idx i = 0; i < count; i++) values[i] = log10(fabs(values[i] - limit) / fabs(after[i] - limit));
    const ovp_measure_interval interval = ovp_measure_mean(count, values);
    study_verdict_fill(&verdict, claim, interval, NAN, ovp_experiment_judge_above(interval, 0),
                       "mean over seeds of log10 (%s at %lld features / at %lld), above 0 with its 95 %% interval.",
                       what, (long long)low, (long long)high);
    status = ovp_run_verdict(lab->run, &verdict.verdict);
done:
    ovp_free(lab->ctx, values);
    return status;
}

static ovp_status judge(features_lab *lab, const features_images *im) {
    ovp_status status = OVP_OK;
    const double n = (double)lab->n;
    const int64_t least = lab->counts[0], most = lab->counts[lab->count_count - 1], peak = nearest(lab, n);
    const int64_t half = nearest(lab, n / 2), beyond = nearest(lab, 2 * n);
    if (im->rows[0].lambda > 0 || (double)most < 4 * n || fabs(log((double)peak / n)) > .1) return OVP_OK;
    /* Wrong classes: before the peak, squared errors are those of a few images with features that hardly live. */
    if (least < half && half < peak)
        OVP_TRY(judge_fall(lab, im, TEST_WRONG, peak, half, 0,
                           "mnist: more images are wrong at features = samples than at half as many",
                           "share of wrong test images"));
    OVP_TRY(judge_fall(lab, im, TEST_WRONG, peak, most, 0,
                       "mnist: more images are wrong at features = samples than at very many",
                       "share of wrong test images"));
    if (beyond > peak && beyond < most)
        status = judge_fall(lab, im, TEST, beyond, most, im->limits[0].test,
                            "mnist: the error of ever more features tends to that of their kernel",
                            "|test error - the kernel's|");
done:
    return status;
}

/* ---- figure ---------------------------------------------------------------------------------------- */

/* x and mean of one way and measure over the finished counts. */
static ovp_idx means_of(double *block, const features_lab *lab, const features_images *im, ovp_idx way, int which,
                        double *values) {
    ovp_idx count = 0;
    const ovp_idx n = lab->count_count;
    for (ovp_idx i = 0; i < n; i++) {
        const ovp_idx found = of_count(im, way, lab->counts[i], which, values);
        if (found == 0) continue;
        double sum = 0; /* geometric means of squared errors: one feature that hardly lives decides the plain ones */
        for (ovp_idx k = 0; k < found; k++) sum += which <= TRAIN ? log(values[k]) : values[k];
        const double mean = which <= TRAIN ? exp(sum / (double)found) : sum / (double)found;
        block[count] = (double)lab->counts[i];
        block[n + count++] = mean > 1e-12 ? mean : (double)NAN; /* an interpolated training error is rounding */
    }
    return count;
}

typedef struct drawing {
    double *block; /* MEASURES x 2 x counts */
    double x[2], y[2][2];
    ovp_figure_series series[2][4];
    ovp_figure panels[2];
} drawing;

/* Panel 0: mean squared errors, 1: shares of wrong classes. */
static void panel_of(drawing *d, const features_lab *lab, const features_images *im, int panel, double *values) {
    const ovp_idx n = lab->count_count;
    ovp_figure_series *s = d->series[panel];
    const double *limit = panel ? &im->limits[0].test_wrong : &im->limits[0].test;
    d->y[panel][0] = INFINITY;
    for (int k = 0; k < 2; k++) {
        double *block = d->block + (2 * panel + k) * 2 * n;
        const ovp_idx found = means_of(block, lab, im, 0, 2 * panel + k, values);
        s[k] = (ovp_figure_series){.label = k ? "train" : "test",
                                   .style = OVP_FIGURE_LINE,
                                   .n = found,
                                   .x = block,
                                   .y = block + n,
                                   .colour = k};
        for (ovp_idx i = 0; i < found; i++) {
            if (!isfinite(s[k].y[i])) continue;
            d->y[panel][0] = fmin(d->y[panel][0], s[k].y[i]);
            d->y[panel][1] = fmax(d->y[panel][1], s[k].y[i]);
        }
    }
    d->x[0] = d->x[1] = (double)lab->n;
    s[2] = (ovp_figure_series){
        .label = "infinitely many (NNGP)", .style = OVP_FIGURE_HLINE, .n = 1, .y = limit, .colour = 2};
    s[3] = (ovp_figure_series){
        .label = "features = samples", .style = OVP_FIGURE_THEORY, .n = 2, .x = d->x, .y = d->y[panel], .colour = 6};
    d->panels[panel] = (ovp_figure){.title = panel ? "Wrong classes" : "Squared error",
                                    .x_label = "features",
                                    .y_label = panel ? "share of images" : "mean over images and classes",
                                    .x_log = 1,
                                    .y_log = 1,
                                    .series = s,
                                    .count = 4};
}

static ovp_status draw(features_lab *lab, const features_images *im) {
    ovp_status status = OVP_OK;
    drawing d = {.block = NULL};
    double *values = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->seed_count, sizeof *values));
    OVP_TRY(ovp_alloc(lab->ctx, &d.block, MEASURES * 2 * lab->count_count, sizeof *d.block));
    for (int panel = 0; panel < 2; panel++) panel_of(&d, lab, im, panel, values);
    const ovp_figure figure = {
        .name = "mnist",
        .title = "Random ReLU features of MNIST",
        .caption = "Means over seeds (of squared errors geometric ones), the first of --lambda. The line is the "
                   "kernel that the features tend to. Where the fit interpolates, its training "
                   "error is rounding and not shown.",
        .panels = d.panels,
        .panel_count = 2,
        .panel_columns = 2};
    status = ovp_run_figure(lab->run, &figure);
done:
    ovp_free(lab->ctx, d.block);
    ovp_free(lab->ctx, values);
    return status;
}

ovp_status features_conclude_images(features_lab *lab, const features_images *images) {
    const ovp_status status = judge(lab, images);
    return status == OVP_OK ? draw(lab, images) : status;
}
