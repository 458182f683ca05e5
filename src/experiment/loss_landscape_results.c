/* loss-landscape: what is read off surfaces and paths, rows, verdicts. */
#include "loss_landscape_int.h"

#include <stdio.h>
#include <string.h>

/* ---- reading off ------------------------------------------------------------------------------------- */

static int on_border(const landscape_row *row, ovp_idx i, ovp_idx j) {
    return j == 0 || j == row->cols - 1 || (row->rows > 1 && (i == 0 || i == row->rows - 1));
}

static ovp_idx apart(ovp_idx a, ovp_idx b) {
    return a > b ? a - b : b - a;
}

void landscape_read_off(landscape_row *row) {
    double border = 0;
    ovp_idx on = 0;
    row->centre = row->loss[row->rows / 2 * row->cols + row->cols / 2];
    row->minimum = NAN;
    row->min_row = row->min_col = row->min_cells = -1;
    row->not_finite = 0;
    for (ovp_idx i = 0; i < row->rows; i++)
        for (ovp_idx j = 0; j < row->cols; j++) {
            const double loss = row->loss[i * row->cols + j];
            if (!isfinite(loss)) {
                if (row->not_finite++ == 0) row->first_bad = i * row->cols + j;
                continue;
            }
            if (on_border(row, i, j)) {
                border += loss;
                on++;
            }
            if (loss >= row->minimum) continue; /* the first of equals; false for the NaN it starts with */
            row->minimum = loss;
            row->min_row = i;
            row->min_col = j;
        }
    row->far = on > 0 ? border / (double)on : (double)NAN;
    if (row->min_row < 0) return;
    const ovp_idx up = apart(row->min_row, row->rows / 2), across = apart(row->min_col, row->cols / 2);
    row->min_cells = up > across ? up : across;
}

void landscape_read_path(landscape_path *path) {
    path->barrier = path->barrier_at = path->minimum = path->minimum_at = NAN;
    for (ovp_idx i = 0; i < path->steps; i++) {
        const double t = path->t[i], loss = path->loss[i];
        const double above = loss - ((1 - t) * path->end[0] + t * path->end[1]);
        if (!isfinite(loss)) continue;
        if (!(loss >= path->minimum)) {
            path->minimum = loss;
            path->minimum_at = t;
        }
        if (t >= 0 && t <= 1 && !(above <= path->barrier)) {
            path->barrier = above;
            path->barrier_at = t;
        }
    }
}

/* ---- rows -------------------------------------------------------------------------------------------- */

ovp_status landscape_report(const landscape_lab *lab, const landscape_row *row) {
    const double res = ovp_params_real(lab->params, "res");
    const int line = row->rows == 1, known = row->run[0] != 0, found = row->min_cells >= 0;
    const ovp_store_cell cells[] = {
        ovp_cell_text(row->run),
        ovp_cell_text(row->net),
        known ? ovp_cell_int(row->seed) : ovp_cell_null(),
        ovp_cell_int(row->samples),
        ovp_cell_finite(row->trained),
        ovp_cell_finite(row->centre),
        ovp_cell_finite(row->minimum),
        found ? ovp_cell_real((double)(row->min_col - row->cols / 2) * res) : ovp_cell_null(),
        found && !line ? ovp_cell_real((double)(row->min_row - row->rows / 2) * res) : ovp_cell_null(),
        found ? ovp_cell_int(row->min_cells) : ovp_cell_null(),
        ovp_cell_finite(row->far),
        row->classes > 0 ? ovp_cell_real(log(row->classes)) : ovp_cell_null(),
        ovp_cell_finite(row->recorded),
        ovp_cell_int(row->not_finite),
        ovp_cell_finite(row->cosine),
        ovp_cell_finite(row->length),
    };
    const ovp_store_cell times[] = {
        ovp_cell_text(row->run),
        ovp_cell_text(row->net),
        ovp_cell_int(row->seed),
        ovp_cell_finite(row->seconds),
        ovp_cell_finite((double)(row->rows * row->cols) / row->seconds),
    };
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_run_row(lab->run, "surfaces", cells));
    if (known) OVP_TRY(ovp_run_row(lab->run, "timings", times));
    if (row->not_finite > 0 && known)
        OVP_TRY(ovp_run_warning(
            lab->run, "%s, seed %lld: %lld of %lld losses are not finite; a smaller --res stays nearer", row->net,
            (long long)row->seed, (long long)row->not_finite, (long long)(row->rows * row->cols)));
    else if (row->not_finite > 0)
        OVP_TRY(ovp_run_warning(
            lab->run,
            "--surface %s: %lld of %lld losses are not finite, the first at row %lld, column %lld (from 0); "
            "they are left out",
            row->net, (long long)row->not_finite, (long long)(row->rows * row->cols),
            (long long)(row->first_bad / row->cols), (long long)(row->first_bad % row->cols)));
done:
    return status;
}

static ovp_status report_path(const landscape_lab *lab) {
    const landscape_path *path = &lab->path;
    const ovp_store_cell cells[] = {
        ovp_cell_text(path->run[0]),       ovp_cell_text(path->net[0]),       ovp_cell_text(path->run[1]),
        ovp_cell_text(path->net[1]),       ovp_cell_int(path->samples),       ovp_cell_finite(path->end[0]),
        ovp_cell_finite(path->end[1]),     ovp_cell_finite(path->trained[0]), ovp_cell_finite(path->trained[1]),
        ovp_cell_finite(path->barrier),    ovp_cell_finite(path->barrier_at), ovp_cell_finite(path->minimum),
        ovp_cell_finite(path->minimum_at),
    };
    return ovp_run_row(lab->run, "paths", cells);
}

/* ---- verdicts ---------------------------------------------------------------------------------------- */

/* |centre - trained| in units of what is allowed; infinity where it is not finite. */
static double centre_fault(const landscape_row *row) {
    const double fault = fabs(row->centre - row->trained) / row->tolerance;
    return isnan(fault) ? (double)INFINITY : fault;
}

void landscape_judge_centre(study_verdict *out, ovp_idx count, const landscape_row *rows) {
    double worst = 0, largest = 0;
    ovp_idx known = 0;
    char apart_text[32];
    for (ovp_idx i = 0; i < count; i++) {
        if (isnan(rows[i].tolerance)) continue;
        known++;
        if (centre_fault(&rows[i]) < worst) continue;
        worst = centre_fault(&rows[i]);
        largest = fabs(rows[i].centre - rows[i].trained);
    }
    ovp_experiment_short(apart_text, largest);
    study_verdict_theorem(out, "the centre of every surface is the loss of the trained weights", worst, known,
                          "Largest |centre - loss as training computes it, with its gradient| over %lld surfaces, in "
                          "units of what rounding allows (1e-6 in f32, 1e-12 in f64, of the loss or of the outputs "
                          "where these are above 1); there it is %s.",
                          (long long)known, apart_text);
}

void landscape_judge_directions(study_verdict *out, ovp_idx count, const landscape_row *rows) {
    double worst = 0;
    ovp_idx known = 0;
    for (ovp_idx i = 0; i < count; i++) {
        if (isnan(rows[i].length)) continue;
        known++;
        worst = fmax(worst, rows[i].length / LANDSCAPE_ORTHOGONAL);
        if (!isnan(rows[i].cosine)) worst = fmax(worst, rows[i].cosine / LANDSCAPE_ORTHOGONAL);
    }
    study_verdict_theorem(out, "directions are orthogonal in every layer and as long as res times its weights", worst,
                          known,
                          "Largest |<d1, d2>| / (|d1| |d2|) over layers and | |d| / (res |theta|) - 1 | over units, in "
                          "units of 1e-10, over %lld pairs of directions.",
                          (long long)known);
}

/* One number a seed over its rows: the largest of value(row), NaN where there is none. */
static ovp_status by_seed(double **out, ovp_ctx *ctx, ovp_idx count, const landscape_row *rows, const int64_t *seeds,
                          ovp_idx seed_count, double (*value)(const landscape_row *row)) {
    ovp_status status = ovp_alloc(ctx, out, seed_count, sizeof **out);
    for (ovp_idx s = 0; status == OVP_OK && s < seed_count; s++) {
        double most = NAN;
        for (ovp_idx i = 0; i < count; i++) {
            const double v = rows[i].seed == seeds[s] ? value(&rows[i]) : (double)NAN;
            if (!isnan(v) && !(fabs(v) <= fabs(most))) most = v;
        }
        (*out)[s] = most;
    }
    return status;
}

static double cells_of(const landscape_row *row) {
    return isnan(row->trained) || row->min_cells < 0 ? (double)NAN : (double)row->min_cells;
}

ovp_status landscape_judge_minimum(study_verdict *out, ovp_ctx *ctx, ovp_idx count, const landscape_row *rows,
                                   const int64_t *seeds, ovp_idx seed_count) {
    double *cells = NULL;
    ovp_status status = by_seed(&cells, ctx, count, rows, seeds, seed_count, cells_of);
    if (status == OVP_OK) {
        const ovp_measure_interval interval = study_over_seeds(cells, seed_count);
        study_verdict_fill(
            out, "training ended in a minimum: the lowest point lies within 2 cells of the centre", interval, NAN,
            study_judge_below(interval, LANDSCAPE_NEAR + .5),
            "Cells between the lowest point and the centre, the larger of both ways; of several nets the "
            "one furthest away; mean over seeds of the directions with its 95 %% interval, which is to "
            "lie below 2.5.");
    }
    ovp_free(ctx, cells);
    return status;
}

static double far_of(const landscape_row *row) {
    return row->classes > 0 ? row->far - log(row->classes) : (double)NAN;
}

ovp_status landscape_judge_far(study_verdict *out, ovp_ctx *ctx, ovp_idx count, const landscape_row *rows,
                               const int64_t *seeds, ovp_idx seed_count) {
    double *distance = NULL;
    ovp_status status = by_seed(&distance, ctx, count, rows, seeds, seed_count, far_of);
    if (status == OVP_OK) {
        const ovp_measure_interval interval = study_over_seeds(distance, seed_count);
        study_verdict_fill(
            out, "far away the net knows nothing: the loss on the border is ln(classes) up to 0.3", interval, 0,
            ovp_experiment_judge_near(interval, 0, LANDSCAPE_FAR_MARGIN),
            "Mean loss on the border minus ln(classes), of several nets the one furthest from it; mean "
            "over seeds of the directions with its 95 %% interval, which is to lie within 0.3 of 0. True "
            "where outputs stay small as weights move; nets whose outputs grow with the weights are "
            "confidently wrong there, and their loss is larger.");
    }
    ovp_free(ctx, distance);
    return status;
}

void landscape_judge_ends(study_verdict *out, const landscape_path *path) {
    double worst = 0;
    for (int e = 0; e < 2; e++) {
        const double fault = fabs(path->end[e] - path->trained[e]) / path->tolerance;
        worst = isnan(fault) ? (double)INFINITY : fmax(worst, fault);
    }
    study_verdict_theorem(
        out, "the path ends in the losses of the two nets", worst, 2,
        "Largest |loss on the path at 0 or 1 - loss of that net's weights on the first one's data| in "
        "units of what rounding allows (1e-6 in f32, 1e-12 in f64, of the loss or of the outputs "
        "where these are above 1).");
}

static ovp_status judge_surfaces(landscape_lab *lab) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    int known = 0, classes = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        known |= !isnan(lab->rows[i].trained);
        classes |= lab->rows[i].classes > 0;
    }
    if (!known) return OVP_OK;
    landscape_judge_centre(&verdict, lab->count, lab->rows);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    landscape_judge_directions(&verdict, lab->count, lab->rows);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    OVP_TRY(landscape_judge_minimum(&verdict, lab->ctx, lab->count, lab->rows, lab->seeds, lab->seed_count));
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    if (!classes) goto done;
    OVP_TRY(landscape_judge_far(&verdict, lab->ctx, lab->count, lab->rows, lab->seeds, lab->seed_count));
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
done:
    return status;
}

/* ---- arrays and files -------------------------------------------------------------------------------- */

static ovp_status put_axis(landscape_lab *lab, const char *name, ovp_idx count) {
    ovp_status status = OVP_OK;
    const double res = ovp_params_real(lab->params, "res");
    double *axis = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &axis, count, sizeof *axis));
    for (ovp_idx j = 0; j < count; j++) axis[j] = (double)(j - count / 2) * res;
    OVP_TRY(study_put(lab->run, name, OVP_F64, count, 0, axis));
done:
    ovp_free(lab->ctx, axis);
    return status;
}

/* "surface" of the first row, "surface.K" of row K, as arrays and as files of their own. */
static ovp_status put_surface(landscape_lab *lab, ovp_idx k) {
    ovp_status status = OVP_OK;
    const landscape_row *row = &lab->rows[k];
    const ovp_numeric_array array = {.type = OVP_F64, .ndim = 2, .shape = {row->rows, row->cols}, .data = row->loss};
    char name[48], file[64];
    snprintf(name, sizeof name, k ? "surface.%lld" : "surface", (long long)k);
    snprintf(file, sizeof file, "%s.npy", name);
    OVP_TRY(ovp_run_array(lab->run, name, &array));
    OVP_TRY(study_export_npy(lab->run, file, &array));
done:
    return status;
}

static ovp_status put_path(landscape_lab *lab) {
    ovp_status status = OVP_OK;
    const landscape_path *path = &lab->path;
    study_verdict verdict;
    OVP_TRY(report_path(lab));
    OVP_TRY(study_put(lab->run, "t", OVP_F64, path->steps, 0, path->t));
    OVP_TRY(study_put(lab->run, "path", OVP_F64, path->steps, 0, path->loss));
    landscape_judge_ends(&verdict, path);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
done:
    return status;
}

ovp_status landscape_conclude(landscape_lab *lab) {
    ovp_status status = OVP_OK;
    if (lab->path.loss) OVP_TRY(put_path(lab));
    if (lab->count > 0) {
        OVP_TRY(put_axis(lab, "axis-d1", lab->rows[0].cols));
        if (lab->rows[0].rows > 1) OVP_TRY(put_axis(lab, "axis-d2", lab->rows[0].rows));
        for (ovp_idx k = 0; k < lab->count; k++) OVP_TRY(put_surface(lab, k));
        OVP_TRY(judge_surfaces(lab));
    }
    OVP_TRY(landscape_figures(lab));
done:
    return status;
}
