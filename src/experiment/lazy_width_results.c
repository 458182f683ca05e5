/* lazy-width: from finished rows to arrays, summaries, verdicts and figures. */
#include "lazy_width_int.h"

#include <stdio.h>
#include <string.h>

typedef struct view {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    const ovp_params *params;
    const lazy_width_rows *rows;
    const int64_t *seeds;
    ovp_idx seed_count;
    double *widths; /* distinct ones that were finished, in order of appearance */
    ovp_idx width_count;
    lazy_width_theory theory;
    int predicts, published;
    lazy_width_prediction predicted; /* over the widths */
    double *exponents;               /* one a seed */
    int ntk;
    double *ntk_exponents;
} view;

static ovp_status put_arrays(view *v) {
    ovp_status status = OVP_OK;
    const lazy_width_rows *rows = v->rows;
    int64_t *keys = NULL;
    OVP_TRY(study_put(v->run, "loss", OVP_F64, rows->count, rows->epochs, rows->losses));
    OVP_TRY(ovp_alloc(v->ctx, &keys, rows->count, sizeof *keys));
    for (ovp_idx i = 0; i < rows->count; i++) keys[i] = rows->items[i].width;
    OVP_TRY(study_put(v->run, "width", OVP_I64, rows->count, 0, keys));
    for (ovp_idx i = 0; i < rows->count; i++) keys[i] = rows->items[i].seed;
    OVP_TRY(study_put(v->run, "seed", OVP_I64, rows->count, 0, keys));
done:
    ovp_free(v->ctx, keys);
    return status;
}

/* ---- tables and verdicts ------------------------------------------------------------------------- */

static double input_norm(const ovp_data_set *data) {
    const ovp_numeric_array *x = &data->x_train;
    ovp_idx n = ovp_numeric_array_count(x);
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) {
        double value = x->type == OVP_F32 ? (double)((const float *)x->data)[i] : ((const double *)x->data)[i];
        sum += value * value;
    }
    return sqrt(sum / (double)x->shape[0]);
}

static ovp_status put_exponents(view *v) {
    ovp_status status = OVP_OK;
    for (ovp_idx s = 0; s < v->seed_count; s++) {
        const ovp_store_cell cells[] = {ovp_cell_int(v->seeds[s]), ovp_cell_real(v->exponents[s]),
                                        v->predicts ? ovp_cell_real(v->predicted.exponent) : ovp_cell_null()};
        if (isfinite(v->exponents[s])) OVP_TRY(ovp_run_row(v->run, "exponents", cells));
    }
done:
    return status;
}

static ovp_status put_ntk(view *v) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    for (ovp_idx s = 0; s < v->seed_count; s++) {
        const ovp_store_cell cells[] = {ovp_cell_int(v->seeds[s]), ovp_cell_real(v->ntk_exponents[s])};
        if (isfinite(v->ntk_exponents[s])) OVP_TRY(ovp_run_row(v->run, "ntk-exponents", cells));
    }
    lazy_width_judge_ntk(&verdict, v->ntk_exponents, v->seed_count, v->predicted.parametrization);
    OVP_TRY(ovp_run_verdict(v->run, &verdict.verdict));
done:
    return status;
}

static ovp_status published_row(view *v, ovp_idx width, const char *measure, double published, double measured,
                                int relative, double bar) {
    double deviation = relative ? fabs(measured / published - 1) : fabs(measured - published);
    const ovp_store_cell cells[] = {ovp_cell_int(width),     ovp_cell_text(measure),   ovp_cell_real(published),
                                    ovp_cell_real(measured), ovp_cell_real(deviation), ovp_cell_real(bar)};
    return ovp_run_row(v->run, "published", cells);
}

static ovp_status put_published(view *v) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const lazy_width_published *p = lazy_width_published_rows(&count);
    for (ovp_idx i = 0; i < v->rows->count; i++) {
        const lazy_width_row *row = &v->rows->items[i];
        for (ovp_idx k = 0; k < count; k++) {
            if (row->seed != LAZY_WIDTH_PUBLISHED_SEED || row->width != p[k].width) continue;
            OVP_TRY(published_row(v, row->width, "relative_change", p[k].relative_change, row->relative_change, 1,
                                  p[k].bar_change));
            OVP_TRY(published_row(v, row->width, "final_loss", p[k].final_loss, row->final_loss, 1, p[k].bar_loss));
            OVP_TRY(published_row(v, row->width, "test_accuracy", p[k].test_accuracy, row->test_accuracy, 0,
                                  p[k].bar_accuracy));
        }
    }
done:
    return status;
}

static ovp_status put_tables_and_verdicts(view *v) {
    static const char *const settings[] = {"width"};
    static const char *const measures[] = {"relative_change", "relative_change_l2", "final_loss",
                                           "train_accuracy",  "test_accuracy",      "ntk_change"};
    ovp_status status = OVP_OK;
    study_verdict verdict;
    OVP_TRY(ovp_run_summary(v->run, "widths", "widths-summary", settings, 1, measures, 5 + v->ntk));
    OVP_TRY(put_exponents(v));
    lazy_width_judge_falls(&verdict, v->exponents, v->seed_count);
    OVP_TRY(ovp_run_verdict(v->run, &verdict.verdict));
    lazy_width_judge_exponent(&verdict, v->exponents, v->seed_count, &v->predicted);
    OVP_TRY(ovp_run_verdict(v->run, &verdict.verdict));
    OVP_TRY(lazy_width_judge_accuracy(&verdict, v->ctx, v->rows, v->seeds, v->seed_count));
    OVP_TRY(ovp_run_verdict(v->run, &verdict.verdict));
    if (v->ntk) OVP_TRY(put_ntk(v));
    if (v->published) {
        OVP_TRY(put_published(v));
        lazy_width_judge_published(&verdict, v->rows);
        OVP_TRY(ovp_run_verdict(v->run, &verdict.verdict));
    }
done:
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

static ovp_status figure_losses(view *v) {
    ovp_status status = OVP_OK;
    const ovp_idx epochs = v->rows->epochs, widths = v->width_count, rows = v->rows->count;
    double *steps = NULL;
    ovp_idx *group = NULL;
    char(*text)[48] = NULL;
    const char **labels = NULL;
    OVP_TRY(ovp_alloc(v->ctx, &steps, epochs, sizeof *steps));
    OVP_TRY(ovp_alloc(v->ctx, &group, rows, sizeof *group));
    OVP_TRY(ovp_alloc(v->ctx, &text, widths, sizeof *text));
    OVP_TRY(ovp_alloc(v->ctx, &labels, widths, sizeof *labels));
    for (ovp_idx k = 0; k < epochs; k++) steps[k] = (double)(k + 1);
    for (ovp_idx i = 0; i < rows; i++)
        while ((ovp_idx)v->widths[group[i]] != v->rows->items[i].width) group[i]++;
    for (ovp_idx w = 0; w < widths; w++) {
        snprintf(text[w], sizeof text[w], "width %lld", (long long)v->widths[w]);
        labels[w] = text[w];
    }
    OVP_TRY(study_figure_curves(v->run, &(study_curves){.name = "loss",
                                                        .title = "Training loss",
                                                        .x_label = "step",
                                                        .y_label = "loss before the step",
                                                        .x_log = 1,
                                                        .y_log = 1,
                                                        .ordered = 1,
                                                        .rows = rows,
                                                        .steps = epochs,
                                                        .groups = widths,
                                                        .x = steps,
                                                        .values = v->rows->losses,
                                                        .group = group,
                                                        .labels = labels}));
done:
    ovp_free(v->ctx, (void *)labels);
    ovp_free(v->ctx, text);
    ovp_free(v->ctx, group);
    ovp_free(v->ctx, steps);
    return status;
}

enum { MOST_PUBLISHED = 16 };

/* Published points of the widths drawn; returns their number. */
static ovp_idx published_points(const view *v, int accuracy, double *x, double *y) {
    ovp_idx count, n = 0;
    const lazy_width_published *p = lazy_width_published_rows(&count);
    for (ovp_idx k = 0; k < count && v->published && n < MOST_PUBLISHED; k++)
        for (ovp_idx w = 0; w < v->width_count; w++)
            if ((ovp_idx)v->widths[w] == p[k].width) {
                x[n] = (double)p[k].width;
                y[n++] = accuracy ? p[k].test_accuracy : p[k].relative_change;
            }
    return n;
}

static double predicted_movement(const void *user, double width) {
    return lazy_width_movement(user, width);
}

static ovp_status figure_change(view *v) {
    ovp_status status = OVP_OK;
    const study_query query = {.table = "widths", .x = "width", .y = "relative_change"};
    study_points points;
    double x[MOST_PUBLISHED], y[MOST_PUBLISHED];
    char exponent[32], label[96];
    ovp_experiment_short(exponent, v->predicted.exponent);
    snprintf(label, sizeof label, "theory: exponent %s over these widths", exponent);
    OVP_TRY(study_points_get(&points, v->run, &query));
    OVP_TRY(
        study_figure_power(v->run, &(study_power){.name = "relative-change",
                                                  .title = "Relative change of the weights",
                                                  .x_label = "width",
                                                  .y_label = "relative change",
                                                  .caption = "Mean over seeds with 95 % interval, the fitted power, "
                                                             "and the predicted curve with its one factor fitted.",
                                                  .points = &points,
                                                  .exponents = v->exponents,
                                                  .predicted = v->predicts ? predicted_movement : NULL,
                                                  .user = &v->theory,
                                                  .predicted_label = label,
                                                  .published_x = x,
                                                  .published_y = y,
                                                  .published_count = published_points(v, 0, x, y)}));
done:
    study_points_free(v->ctx, &points);
    return status;
}

static ovp_status figure_ntk(view *v) {
    ovp_status status = OVP_OK;
    const study_query query = {.table = "widths", .x = "width", .y = "ntk_change"};
    study_points points;
    OVP_TRY(study_points_get(&points, v->run, &query));
    OVP_TRY(study_figure_power(v->run, &(study_power){.name = "ntk-change",
                                                      .title = "Relative change of the empirical tangent kernel",
                                                      .x_label = "width",
                                                      .y_label = "||Theta_T - Theta_0|| / ||Theta_0||",
                                                      .caption = "On the first images, all outputs, Frobenius norms: "
                                                                 "mean over seeds with 95 % interval, and the fitted "
                                                                 "power.",
                                                      .points = &points,
                                                      .exponents = v->ntk_exponents}));
done:
    study_points_free(v->ctx, &points);
    return status;
}

static ovp_figure_series accuracy_of(const char *label, const study_points *p, int colour) {
    return (ovp_figure_series){.label = label,
                               .style = OVP_FIGURE_POINTS,
                               .n = p->count,
                               .x = p->x,
                               .y = p->mean,
                               .low = p->low,
                               .high = p->high,
                               .colour = colour};
}

static ovp_status figure_accuracy(view *v) {
    ovp_status status = OVP_OK;
    ovp_idx count = 0;
    study_points test = {.x = NULL}, train = {.x = NULL};
    double x[MOST_PUBLISHED], y[MOST_PUBLISHED];
    ovp_figure_series series[3];
    OVP_TRY(study_points_get(&test, v->run, &(study_query){.table = "widths", .x = "width", .y = "test_accuracy"}));
    OVP_TRY(study_points_get(&train, v->run, &(study_query){.table = "widths", .x = "width", .y = "train_accuracy"}));
    const ovp_idx points = published_points(v, 1, x, y);
    if (points)
        series[count++] = (ovp_figure_series){
            .label = "published, test", .style = OVP_FIGURE_POINTS, .n = points, .x = x, .y = y, .colour = 1};
    series[count++] = accuracy_of("test", &test, 0);
    series[count++] = accuracy_of("training", &train, 2);
    const ovp_figure figure = {.name = "accuracy",
                               .title = "Accuracy against width",
                               .x_label = "width",
                               .y_label = "accuracy",
                               .caption =
                                   "Fraction classified right after training: mean over seeds with 95 % interval.",
                               .x_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(v->run, &figure));
done:
    study_points_free(v->ctx, &train);
    study_points_free(v->ctx, &test);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* Standard: the argument bounds the output gradient by cross-entropy. The others have a limit of the whole training, if
 * their learning rate does not change with the width. Neither knows a pull towards 0. */
static void predict(view *v) {
    const lazy_width_theory *t = &v->theory;
    const char *fits = t->parametrization ? t->lr_scaling : ovp_params_text(v->params, "loss");
    const double from = lazy_width_limit_from(t);
    double least = INFINITY;
    for (ovp_idx w = 0; w < v->width_count; w++) least = fmin(least, v->widths[w]);
    v->predicted = (lazy_width_prediction){NAN, t->parametrization, from <= least ? 0 : from};
    if (strcmp(fits, t->parametrization ? "none" : "cross-entropy") == 0 && from <= least &&
        strcmp(ovp_params_text(v->params, "optimiser"), "sgd") == 0 &&
        !(ovp_params_real(v->params, "weight-decay") > 0))
        v->predicted.exponent = lazy_width_exponent(v->ctx, t, v->widths, v->width_count);
    v->predicts = isfinite(v->predicted.exponent);
}

static ovp_status fill_view(view *v, const ovp_data_set *data) {
    ovp_status status = OVP_OK;
    const ovp_params *p = v->params;
    v->seeds = ovp_run_seeds(v->run, &v->seed_count);
    v->published = lazy_width_is_published(p, v->seeds, v->seed_count);
    OVP_TRY(ovp_alloc(v->ctx, &v->widths, v->rows->count, sizeof *v->widths));
    OVP_TRY(ovp_alloc(v->ctx, &v->exponents, v->seed_count, sizeof *v->exponents));
    OVP_TRY(ovp_alloc(v->ctx, &v->ntk_exponents, v->seed_count, sizeof *v->ntk_exponents));
    v->ntk = ovp_params_bool(p, "ntk");
    for (ovp_idx i = 0; i < v->rows->count; i++) {
        ovp_idx seen = 0;
        while (seen < v->width_count && (ovp_idx)v->widths[seen] != v->rows->items[i].width) seen++;
        if (seen == v->width_count) v->widths[v->width_count++] = (double)v->rows->items[i].width;
    }
    v->theory = (lazy_width_theory){.inputs = (double)data->features,
                                    .outputs = (double)data->classes,
                                    .input_norm = input_norm(data),
                                    .init = ovp_params_text(p, "init"),
                                    .activation = ovp_params_text(p, "activation"),
                                    .lr_scaling = lazy_width_lr_scaling(p),
                                    .bias = ovp_params_bool(p, "bias"),
                                    .parametrization =
                                        lazy_width_is_standard(p) ? NULL : ovp_params_text(p, "parametrization")};
    predict(v);
    OVP_TRY(lazy_width_exponents(v->exponents, v->ctx, v->rows, lazy_width_change_of, v->seeds, v->seed_count));
    OVP_TRY(lazy_width_exponents(v->ntk_exponents, v->ctx, v->rows, lazy_width_ntk_of, v->seeds, v->seed_count));
done:
    return status;
}

ovp_status lazy_width_conclude(ovp_experiment_run *run, lazy_width_rows *rows, const ovp_data_set *data) {
    ovp_status status = OVP_OK;
    view v = {.run = run, .ctx = ovp_run_ctx(run), .params = ovp_run_params(run), .rows = rows};
    if (rows->count == 0) return OVP_OK;
    OVP_TRY(fill_view(&v, data));
    OVP_TRY(put_arrays(&v));
    OVP_TRY(put_tables_and_verdicts(&v));
    OVP_TRY(figure_losses(&v));
    OVP_TRY(figure_change(&v));
    if (v.ntk) OVP_TRY(figure_ntk(&v));
    OVP_TRY(figure_accuracy(&v));
done:
    ovp_free(v.ctx, v.ntk_exponents);
    ovp_free(v.ctx, v.exponents);
    ovp_free(v.ctx, v.widths);
    return status;
}
