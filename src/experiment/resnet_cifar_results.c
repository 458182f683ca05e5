/* resnet-cifar: summary, verdicts, published accuracies, figures. */
#include "resnet_cifar_int.h"

#include <stdio.h>
#include <string.h>

/* ---- verdicts ----------------------------------------------------------------------------------------- */

/* |p - y|^2 <= 2 for every softmax p and one-hot y. */
static void judge_bound(study_verdict *out, const resnet_lab *lab) {
    double worst = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < lab->step_count; i++) {
        const double b = (double)lab->steps[i].rows, units = lab->steps[i].omega * b * b / 2;
        if (!isfinite(units)) continue;
        worst = fmax(worst, units);
        count++;
    }
    study_verdict_theorem(out, "Omega is never above 2 / B^2", worst, count,
                          "Largest Omega B^2 / 2 over %lld steps; an untrained net of C classes has about (1 - 1/C) / "
                          "2.",
                          (long long)count);
}

/* For each seed: mean over its depths of the mean of Omega B^2 over one epoch's steps. */
static void omega_means(const resnet_lab *lab, double from, double *out) {
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        double sum = 0;
        ovp_idx count = 0;
        for (ovp_idx i = 0; i < lab->step_count; i++) {
            const resnet_step *step = &lab->steps[i];
            const double b = (double)step->rows;
            if (step->net / lab->layer_count != s || step->epoch < from || step->epoch >= from + 1) continue;
            sum += step->omega * b * b;
            count++;
        }
        out[s] = count ? sum / (double)count : (double)NAN;
    }
}

static ovp_status judge_decay(study_verdict *out, const resnet_lab *lab) {
    double *first = NULL, *last;
    ovp_status status = ovp_alloc(lab->ctx, &first, 2 * lab->seed_count, sizeof *first);
    if (status != OVP_OK) return status;
    last = first + lab->seed_count;
    omega_means(lab, 0, first);
    omega_means(lab, (double)(lab->epochs - 1), last);
    for (ovp_idx s = 0; s < lab->seed_count; s++) first[s] = lab->epochs > 1 ? last[s] / first[s] : (double)NAN;
    const ovp_measure_interval ratio = study_over_seeds(first, lab->seed_count);
    study_verdict_fill(
        out, "the gradient at the outputs decays", ratio, NAN, study_judge_below(ratio, 1),
        "Mean of Omega B^2 over the last epoch's steps by that over the first's, mean over depths; 95 %% "
        "Student t interval over seeds. Holds if it is below 1.");
    ovp_free(lab->ctx, first);
    return OVP_OK;
}

/* Mean over the depths' last epochs of a difference of two columns, one a seed. */
static void last_differences(const resnet_lab *lab, double (*of)(const resnet_row *row), double *out) {
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        double sum = 0;
        ovp_idx count = 0;
        for (ovp_idx i = 0; i < lab->row_count; i++) {
            const resnet_row *row = &lab->rows[i];
            if (row->seed != lab->seeds[s] || row->epoch != lab->epochs) continue;
            sum += of(row);
            count++;
        }
        out[s] = count ? sum / (double)count : (double)NAN;
    }
}

static double artefact(const resnet_row *row) {
    return row->batch.top2_published - row->batch.top2;
}
static double modes(const resnet_row *row) {
    return row->running.top1 - row->batch.top1;
}

static ovp_status judge_tests(study_verdict out[2], const resnet_lab *lab) {
    double *values = NULL;
    ovp_status status = ovp_alloc(lab->ctx, &values, lab->seed_count, sizeof *values);
    if (status != OVP_OK) return status;
    last_differences(lab, artefact, values);
    const ovp_measure_interval over = study_over_seeds(values, lab->seed_count);
    study_verdict_fill(
        &out[0], "the published top-2 counts what it should not", over, NAN, ovp_experiment_judge_above(over, 0),
        "published_top2 - test_top2 after the last epoch, mean over depths; 95 %% Student t interval over "
        "seeds. Holds if it is above 0.");
    last_differences(lab, modes, values);
    const ovp_measure_interval apart = study_over_seeds(values, lab->seed_count);
    study_verdict_fill(
        &out[1], "batch statistics and running statistics test alike", apart, 0,
        ovp_experiment_judge_near(apart, 0, .02),
        "eval_accuracy - test_accuracy after the last epoch, mean over depths; 95 %% Student t interval "
        "over seeds. Holds if it lies within +- .02; with so large steps running statistics lag behind.");
    ovp_free(lab->ctx, values);
    return OVP_OK;
}

/* ---- published ---------------------------------------------------------------------------------------- */

/* Comments of the published program. */
static const struct {
    ovp_idx layers;
    double top1;
} published[] = {{56, .8203}, {104, .8449}, {224, .8154}};
static const double BAR = .025;

static int near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static int is_published(const resnet_lab *lab) {
    const ovp_params *p = lab->params;
    return strcmp(ovp_params_text(p, "dataset"), "cifar10") == 0 && lab->train.n == 50000 && lab->test.n == 10000 &&
           lab->epochs == 16 && lab->batch == 128 && lab->crop == 4 && lab->crop_test &&
           near(ovp_params_real(p, "lr"), 0) && near(ovp_params_real(p, "alpha"), .75) &&
           ovp_params_int(p, "width") == 16;
}

static ovp_status compare(resnet_lab *lab) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    double worst = 0;
    ovp_idx count = 0;
    if (!is_published(lab)) return OVP_OK;
    for (ovp_idx k = 0; k < COUNT(published); k++) {
        double sum = 0;
        ovp_idx seeds = 0;
        for (ovp_idx i = 0; i < lab->row_count; i++) {
            const resnet_row *row = &lab->rows[i];
            if (row->layers != published[k].layers || row->epoch != lab->epochs) continue;
            sum += row->batch.top1;
            seeds++;
        }
        if (seeds == 0) continue;
        const double measured = sum / (double)seeds, deviation = fabs(measured - published[k].top1);
        worst = fmax(worst, isfinite(deviation) ? deviation / BAR : (double)INFINITY);
        count++;
        OVP_TRY(ovp_run_row(lab->run, "published",
                            (const ovp_store_cell[]){ovp_cell_int(published[k].layers),
                                                     ovp_cell_real(published[k].top1), ovp_cell_finite(measured),
                                                     ovp_cell_finite(deviation), ovp_cell_real(BAR)}));
    }
    study_verdict_theorem(&verdict, "the published accuracies are met", worst, count,
                          "Largest deviation over the %lld depths in units of .025; other random numbers than the "
                          "published ones.",
                          (long long)count);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
done:
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------------ */

/* Labels "L = 56", one a depth. */
static ovp_status make_labels(char (**text)[32], const char ***labels, const resnet_lab *lab, const char *format) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(lab->ctx, text, lab->layer_count, sizeof **text));
    OVP_TRY(ovp_alloc(lab->ctx, labels, lab->layer_count, sizeof **labels));
    for (ovp_idx l = 0; l < lab->layer_count; l++) {
        snprintf((*text)[l], sizeof **text, format, (long long)lab->layers[l]);
        (*labels)[l] = (*text)[l];
    }
done:
    return status;
}

/* Omega B^2 against the epoch, means over a few steps. */
static ovp_status draw_omega(resnet_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx per_epoch = (lab->train.n + lab->batch - 1) / lab->batch, steps = lab->epochs * per_epoch;
    const ovp_idx bins = steps < 100 ? steps : 100, nets = lab->seed_count * lab->layer_count;
    double *x = NULL, *values;
    ovp_idx *group = NULL, *count;
    char(*text)[32] = NULL;
    const char **labels = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &x, bins * (nets + 1), sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &group, nets * (bins + 1), sizeof *group));
    OVP_TRY(make_labels(&text, &labels, lab, "L = %lld"));
    values = x + bins;
    count = group + nets;
    for (ovp_idx i = 0; i < lab->step_count; i++) {
        const resnet_step *s = &lab->steps[i];
        const ovp_idx bin = (ovp_idx)(s->epoch / (double)lab->epochs * (double)bins + 1e-9), at = s->net * bins + bin;
        const double b = (double)s->rows;
        if (!isfinite(s->omega)) continue;
        values[at] += s->omega * b * b;
        count[at]++;
    }
    for (ovp_idx i = 0; i < nets * bins; i++) values[i] = count[i] ? values[i] / (double)count[i] : (double)NAN;
    for (ovp_idx i = 0; i < nets; i++) group[i] = i % lab->layer_count;
    for (ovp_idx k = 0; k < bins; k++) x[k] = ((double)k + .5) / (double)bins * (double)lab->epochs;
    OVP_TRY(study_figure_curves(
        lab->run,
        &(study_curves){.name = "omega",
                        .title = "Gradient at the outputs",
                        .x_label = "epoch",
                        .y_label = "Omega B^2",
                        .caption = "Omega times B^2, means over a hundredth of the training; a net that knows "
                                   "nothing of ten classes has .9. Bands reach from the lowest to the highest "
                                   "seed.",
                        .y_log = 1,
                        .ordered = lab->layer_count > 2,
                        .rows = nets,
                        .steps = bins,
                        .groups = lab->layer_count,
                        .x = x,
                        .values = values,
                        .group = group,
                        .labels = labels}));
done:
    ovp_free(lab->ctx, labels);
    ovp_free(lab->ctx, text);
    ovp_free(lab->ctx, group);
    ovp_free(lab->ctx, x);
    return status;
}

/* Mean over seeds of one column against the epoch, for one depth. */
static void curve(const resnet_lab *lab, ovp_idx layers, int running, double *out) {
    for (ovp_idx e = 0; e < lab->epochs; e++) {
        double sum = 0;
        ovp_idx count = 0;
        for (ovp_idx i = 0; i < lab->row_count; i++) {
            const resnet_row *row = &lab->rows[i];
            const double value = running ? row->running.top1 : row->batch.top1;
            if (row->layers != layers || row->epoch != e + 1 || !isfinite(value)) continue;
            sum += value;
            count++;
        }
        out[e] = count ? sum / (double)count : (double)NAN;
    }
}

static ovp_status draw_accuracy(resnet_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx epochs = lab->epochs, depths = lab->layer_count;
    double *x = NULL, *y;
    ovp_figure_series *series = NULL;
    char(*text[2])[32] = {NULL, NULL};
    const char **labels[2] = {NULL, NULL};
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &x, epochs * (1 + 2 * depths), sizeof *x));
    OVP_TRY(ovp_alloc(lab->ctx, &series, 2 * depths, sizeof *series));
    OVP_TRY(make_labels(&text[0], &labels[0], lab, "L = %lld, batch"));
    OVP_TRY(make_labels(&text[1], &labels[1], lab, "L = %lld, eval mode"));
    for (ovp_idx e = 0; e < epochs; e++) x[e] = (double)(e + 1);
    y = x + epochs;
    for (int running = 0; running < 2; running++)
        for (ovp_idx l = 0; l < depths; l++, y += epochs) {
            curve(lab, lab->layers[l], running, y);
            series[count++] = (ovp_figure_series){.label = labels[running][l],
                                                  .style = running ? OVP_FIGURE_POINTS : OVP_FIGURE_LINE,
                                                  .n = epochs,
                                                  .x = x,
                                                  .y = y,
                                                  .colour = (int)l};
        }
    const ovp_figure figure = {.name = "accuracy",
                               .title = "Test accuracy",
                               .x_label = "epoch",
                               .y_label = "share of test images",
                               .caption = "Means over seeds. Lines: normed by the test batch's own statistics, as "
                                          "published; points: eval mode, by running statistics.",
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(lab->run, &figure));
done:
    for (int k = 0; k < 2; k++) {
        ovp_free(lab->ctx, labels[k]);
        ovp_free(lab->ctx, text[k]);
    }
    ovp_free(lab->ctx, series);
    ovp_free(lab->ctx, x);
    return status;
}

ovp_status resnet_conclude(resnet_lab *lab) {
    static const char *const settings[] = {"layers", "epoch"}, *const measures[] = {
                                                                   "train_loss",    "train_accuracy", "test_loss",
                                                                   "test_accuracy", "test_top2",      "eval_loss",
                                                                   "eval_accuracy", "eval_top2",      "published_top2"};
    ovp_status status = OVP_OK;
    study_verdict verdicts[4];
    if (lab->step_count == 0) return OVP_OK;
    OVP_TRY(ovp_run_summary(lab->run, "accuracy", "accuracy-summary", settings, COUNT(settings), measures,
                            COUNT(measures)));
    judge_bound(&verdicts[0], lab);
    OVP_TRY(judge_decay(&verdicts[1], lab));
    OVP_TRY(judge_tests(&verdicts[2], lab));
    for (ovp_idx i = 0; i < COUNT(verdicts); i++) OVP_TRY(ovp_run_verdict(lab->run, &verdicts[i].verdict));
    OVP_TRY(compare(lab));
    OVP_TRY(draw_omega(lab));
    OVP_TRY(draw_accuracy(lab));
done:
    return status;
}
