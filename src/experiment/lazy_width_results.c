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
    double *scratch; /* rows.count values */
    lazy_width_theory theory;
    int predicts, published;
    lazy_width_prediction predicted; /* over the widths */
    double *exponents;               /* one a seed */
    int ntk;
    double *ntk_exponents;
} view;

static ovp_status put_array(ovp_experiment_run *run, const char *name, ovp_numeric_type type, ovp_idx rows,
                            ovp_idx cols, void *data) {
    ovp_numeric_array array = {.type = type, .ndim = cols > 0 ? 2 : 1, .shape = {rows, cols}, .data = data};
    return ovp_run_array(run, name, &array);
}

static ovp_status put_arrays(view *v) {
    ovp_status status = OVP_OK;
    const lazy_width_rows *rows = v->rows;
    int64_t *keys = NULL;
    OVP_TRY(put_array(v->run, "loss", OVP_F64, rows->count, rows->epochs, rows->losses));
    OVP_TRY(ovp_alloc(v->ctx, &keys, rows->count, sizeof *keys));
    for (ovp_idx i = 0; i < rows->count; i++) keys[i] = rows->items[i].width;
    OVP_TRY(put_array(v->run, "width", OVP_I64, rows->count, 0, keys));
    for (ovp_idx i = 0; i < rows->count; i++) keys[i] = rows->items[i].seed;
    OVP_TRY(put_array(v->run, "seed", OVP_I64, rows->count, 0, keys));
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
    lazy_width_verdict verdict;
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
    lazy_width_verdict verdict;
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
    ovp_idx epochs = v->rows->epochs, widths = v->width_count;
    double *steps = NULL, *curves = NULL;
    ovp_figure_series *series = NULL;
    char(*labels)[48] = NULL;
    OVP_TRY(ovp_alloc(v->ctx, &steps, epochs, sizeof *steps));
    OVP_TRY(ovp_alloc(v->ctx, &curves, 3 * widths * epochs, sizeof *curves));
    OVP_TRY(ovp_alloc(v->ctx, &series, widths, sizeof *series));
    OVP_TRY(ovp_alloc(v->ctx, &labels, widths, sizeof *labels));
    for (ovp_idx k = 0; k < epochs; k++) steps[k] = (double)(k + 1);
    for (ovp_idx w = 0; w < widths; w++) {
        double *middle = curves + 3 * w * epochs, *low = middle + epochs, *high = low + epochs;
        for (ovp_idx k = 0; k < epochs; k++) {
            ovp_idx n = 0;
            low[k] = high[k] = NAN;
            for (ovp_idx i = 0; i < v->rows->count; i++) {
                double loss = v->rows->losses[i * epochs + k];
                if (v->rows->items[i].width != (ovp_idx)v->widths[w] || !isfinite(loss)) continue;
                v->scratch[n++] = loss;
                low[k] = fmin(loss, low[k]); /* fmin and fmax pass over the NaN */
                high[k] = fmax(loss, high[k]);
            }
            middle[k] = ovp_measure_median_in_place(n, v->scratch);
        }
        snprintf(labels[w], sizeof labels[w], "width %lld", (long long)v->widths[w]);
        series[w] = (ovp_figure_series){.label = labels[w],
                                        .style = v->seed_count > 1 ? OVP_FIGURE_BAND : OVP_FIGURE_LINE,
                                        .n = epochs,
                                        .x = steps,
                                        .y = middle,
                                        .low = v->seed_count > 1 ? low : NULL,
                                        .high = v->seed_count > 1 ? high : NULL,
                                        .colour = -1};
    }
    const ovp_figure figure = {
        .name = "loss",
        .title = "Training loss",
        .x_label = "step",
        .y_label = "loss before the step",
        .caption = v->seed_count > 1 ? "Median over seeds; the band reaches from the lowest to the highest seed."
                                     : "One seed.",
        .x_log = 1,
        .y_log = 1,
        .series = series,
        .count = widths,
        .ordered = 1};
    OVP_TRY(ovp_run_figure(v->run, &figure));
done:
    ovp_free(v->ctx, labels);
    ovp_free(v->ctx, series);
    ovp_free(v->ctx, curves);
    ovp_free(v->ctx, steps);
    return status;
}

static double test_of(const lazy_width_row *row) {
    return row->test_accuracy;
}
static double train_of(const lazy_width_row *row) {
    return row->train_accuracy;
}

/* Mean and interval at each distinct width. */
static void means(const view *v, lazy_width_value value, double *mean, double *low, double *high) {
    for (ovp_idx w = 0; w < v->width_count; w++) {
        ovp_idx n = 0;
        for (ovp_idx i = 0; i < v->rows->count; i++) {
            const lazy_width_row *row = &v->rows->items[i];
            if (row->width == (ovp_idx)v->widths[w] && isfinite(value(row))) v->scratch[n++] = value(row);
        }
        ovp_measure_interval interval = ovp_measure_mean(n, v->scratch);
        mean[w] = interval.mean;
        low[w] = interval.low;
        high[w] = interval.high;
    }
}

/* Factor that puts a curve through the points in the mean of their logarithms; NaN without a point. */
static double scale_to(const double *points, const double *curve, ovp_idx count) {
    double sum = 0;
    ovp_idx n = 0;
    for (ovp_idx i = 0; i < count; i++) {
        if (!(points[i] > 0) || !(curve[i] > 0)) continue;
        sum += log(points[i] / curve[i]);
        n++;
    }
    return n ? exp(sum / (double)n) : (double)NAN;
}

enum { CURVE_POINTS = 200, MOST_PUBLISHED = 16 };

typedef struct change_curves {
    double x[CURVE_POINTS], fit[CURVE_POINTS], theory[CURVE_POINTS];
    char fit_label[128], theory_label[128];
} change_curves;

static void label_fit(char *label, size_t bytes, ovp_measure_interval exponent) {
    char text[3][32];
    ovp_experiment_short(text[0], exponent.mean);
    ovp_experiment_short(text[1], exponent.low);
    ovp_experiment_short(text[2], exponent.high);
    if (isfinite(exponent.low))
        snprintf(label, bytes, "fit: exponent %s [%s, %s]", text[0], text[1], text[2]);
    else
        snprintf(label, bytes, "fit: exponent %s", text[0]);
}

/* Fitted power and predicted curve on a fine grid between the least and the largest width. */
static ovp_status fill_curves(view *v, const double *mean, const double *exponents, change_curves *c) {
    ovp_status status = OVP_OK;
    double *shape = NULL, least = INFINITY, most = 0;
    ovp_measure_interval exponent = lazy_width_over_seeds(exponents, v->seed_count);
    char text[32];
    OVP_TRY(ovp_alloc(v->ctx, &shape, 2 * v->width_count, sizeof *shape));
    for (ovp_idx w = 0; w < v->width_count; w++) {
        least = fmin(least, v->widths[w]);
        most = fmax(most, v->widths[w]);
        shape[w] = pow(v->widths[w], exponent.mean);
        shape[v->width_count + w] = v->predicts ? lazy_width_movement(&v->theory, v->widths[w]) : (double)NAN;
    }
    double fit = scale_to(mean, shape, v->width_count);
    double theory = scale_to(mean, shape + v->width_count, v->width_count);
    for (int k = 0; k < CURVE_POINTS; k++) {
        double x = least * pow(most / least, (double)k / (CURVE_POINTS - 1));
        c->x[k] = x;
        c->fit[k] = fit * pow(x, exponent.mean);
        c->theory[k] = v->predicts ? theory * lazy_width_movement(&v->theory, x) : (double)NAN;
    }
    label_fit(c->fit_label, sizeof c->fit_label, exponent);
    ovp_experiment_short(text, v->predicted.exponent);
    snprintf(c->theory_label, sizeof c->theory_label, "theory: exponent %s over these widths", text);
done:
    ovp_free(v->ctx, shape);
    return status;
}

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

static ovp_status figure_change(view *v) {
    ovp_status status = OVP_OK;
    ovp_idx n = v->width_count, count = 0;
    double *mean = NULL, x[MOST_PUBLISHED], y[MOST_PUBLISHED];
    change_curves *c = NULL;
    ovp_figure_series series[4];
    OVP_TRY(ovp_alloc(v->ctx, &mean, 3 * n, sizeof *mean));
    OVP_TRY(ovp_alloc(v->ctx, &c, 1, sizeof *c));
    means(v, lazy_width_change_of, mean, mean + n, mean + 2 * n);
    OVP_TRY(fill_curves(v, mean, v->exponents, c));
    ovp_idx points = published_points(v, 0, x, y);
    if (points)
        series[count++] = (ovp_figure_series){
            .label = "published", .style = OVP_FIGURE_POINTS, .n = points, .x = x, .y = y, .colour = 1};
    series[count++] = (ovp_figure_series){.label = "measured",
                                          .style = OVP_FIGURE_POINTS,
                                          .n = n,
                                          .x = v->widths,
                                          .y = mean,
                                          .low = mean + n,
                                          .high = mean + 2 * n,
                                          .colour = 0};
    series[count++] = (ovp_figure_series){
        .label = c->fit_label, .style = OVP_FIGURE_LINE, .n = CURVE_POINTS, .x = c->x, .y = c->fit, .colour = 0};
    if (v->predicts)
        series[count++] = (ovp_figure_series){.label = c->theory_label,
                                              .style = OVP_FIGURE_THEORY,
                                              .n = CURVE_POINTS,
                                              .x = c->x,
                                              .y = c->theory,
                                              .colour = -1};
    const ovp_figure figure = {.name = "relative-change",
                               .title = "Relative change of the weights",
                               .x_label = "width",
                               .y_label = "relative change",
                               .caption =
                                   "Mean over seeds with 95 % interval, the fitted power, and the predicted curve "
                                   "with its one factor fitted.",
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(v->run, &figure));
done:
    ovp_free(v->ctx, c);
    ovp_free(v->ctx, mean);
    return status;
}

static ovp_status figure_ntk(view *v) {
    ovp_status status = OVP_OK;
    const ovp_idx n = v->width_count;
    double *mean = NULL;
    change_curves *c = NULL;
    OVP_TRY(ovp_alloc(v->ctx, &mean, 3 * n, sizeof *mean));
    OVP_TRY(ovp_alloc(v->ctx, &c, 1, sizeof *c));
    means(v, lazy_width_ntk_of, mean, mean + n, mean + 2 * n);
    OVP_TRY(fill_curves(v, mean, v->ntk_exponents, c));
    const ovp_figure_series series[] = {
        {.label = "measured",
         .style = OVP_FIGURE_POINTS,
         .n = n,
         .x = v->widths,
         .y = mean,
         .low = mean + n,
         .high = mean + 2 * n,
         .colour = 0},
        {.label = c->fit_label, .style = OVP_FIGURE_LINE, .n = CURVE_POINTS, .x = c->x, .y = c->fit, .colour = 0}};
    const ovp_figure figure = {.name = "ntk-change",
                               .title = "Relative change of the empirical tangent kernel",
                               .x_label = "width",
                               .y_label = "||Theta_T - Theta_0|| / ||Theta_0||",
                               .caption = "On the first images, all outputs, Frobenius norms: mean over seeds with "
                                          "95 % interval, and the fitted power.",
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = 2};
    OVP_TRY(ovp_run_figure(v->run, &figure));
done:
    ovp_free(v->ctx, c);
    ovp_free(v->ctx, mean);
    return status;
}

static ovp_status figure_accuracy(view *v) {
    ovp_status status = OVP_OK;
    ovp_idx n = v->width_count, count = 0;
    double *values = NULL, x[MOST_PUBLISHED], y[MOST_PUBLISHED];
    ovp_figure_series series[3];
    OVP_TRY(ovp_alloc(v->ctx, &values, 6 * n, sizeof *values));
    double *test = values, *train = values + 3 * n;
    means(v, test_of, test, test + n, test + 2 * n);
    means(v, train_of, train, train + n, train + 2 * n);
    ovp_idx points = published_points(v, 1, x, y);
    if (points)
        series[count++] = (ovp_figure_series){
            .label = "published, test", .style = OVP_FIGURE_POINTS, .n = points, .x = x, .y = y, .colour = 1};
    series[count++] = (ovp_figure_series){.label = "test",
                                          .style = OVP_FIGURE_POINTS,
                                          .n = n,
                                          .x = v->widths,
                                          .y = test,
                                          .low = test + n,
                                          .high = test + 2 * n,
                                          .colour = 0};
    series[count++] = (ovp_figure_series){.label = "training",
                                          .style = OVP_FIGURE_POINTS,
                                          .n = n,
                                          .x = v->widths,
                                          .y = train,
                                          .low = train + n,
                                          .high = train + 2 * n,
                                          .colour = 2};
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
    ovp_free(v->ctx, values);
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
    OVP_TRY(ovp_alloc(v->ctx, &v->scratch, v->rows->count, sizeof *v->scratch));
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
    ovp_free(v.ctx, v.scratch);
    ovp_free(v.ctx, v.widths);
    return status;
}
