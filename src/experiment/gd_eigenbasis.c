/* gd-eigenbasis: gradient descent on least squares, coordinate by coordinate in the eigenbasis of X X^T, and the
 * spectrum of X X^T against the law of Marchenko and Pastur. */
#include "gd_eigenbasis_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    {"p", OVP_PARAM_INT, "100", 1, 20000, NULL, "weights", "Weights: rows of X."},
    {"n", OVP_PARAM_INT, "5000", 1, 1e8, NULL, "samples", "Samples: columns of X."},
    {"steps", OVP_PARAM_INT, "1000", 1, 1e7, NULL, "steps", "Steps of gradient descent."},
    {"lr", OVP_PARAM_REAL, "0.001", 1e-30, 1e6, NULL, "",
     "Learning rate; descent converges below 2 / largest eigenvalue."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "about a second: the published sizes, five draws", "seeds=1..5"},
    {"default", "a few seconds: the published sizes, twenty draws", "seeds=1..20"},
    {"paper", "the published notebook: one draw from numpy's stream", "rng=numpy"},
};

static const ovp_store_column coordinate_columns[] = {
    {"seed", "", "seed of the draw"},
    {"index", "", "eigenvector, from 0: eigenvalues descending"},
    {"eigenvalue", "", "of X X^T; 0 where it is rounding"},
    {"start", "", "coordinate of w_0; eigenvectors have their largest component positive"},
    {"end", "", "coordinate of w after the last step"},
    {"theory_end", "", "the same, exactly: c* + (1 - lr lambda)^steps (c_0 - c*)"},
};
static const ovp_store_column spectrum_columns[] = {
    {"seed", "", "seed of the draw"},
    {"rank", "", "eigenvalues above max(p, n) eps lambda_1"},
    {"largest", "", "largest eigenvalue of X X^T"},
    {"edge", "", "(1 + sqrt(p/n))^2"},
    {"kolmogorov", "", "Kolmogorov's distance of the eigenvalues to the law of Marchenko and Pastur"},
    {"final_loss", "", "||X^T w - Y||^2 / n after the last step"},
    {"least_loss", "", "the least possible"},
    {"distance", "", "||w - w_0|| / ||w_0|| after the last step"},
    {"deviation", "",
     "largest difference of a coordinate from its exact value at any compared step, over its tolerance"},
    {"loss_error", "",
     "largest |loss by the Gram matrix - loss by X and Y| over the first loss (or this one, if larger), at eleven "
     "steps"},
    {"status", "", "ok, or diverged: the loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"measure", "", "column of table spectrum"},
    {"count", "", "draws with a finite value"},
    {"mean", "", "mean over draws"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_experiment_table tables[] = {
    {"coordinates", "One row an eigenvector and draw.", coordinate_columns, COUNT(coordinate_columns), 0},
    {"spectrum", "One row a draw.", spectrum_columns, COUNT(spectrum_columns), 0},
    {"spectrum-summary", "Means over draws.", summary_columns, COUNT(summary_columns), 0},
};

/* ---- one draw ------------------------------------------------------------------------------------ */

enum { CHECKS = 1000, DIRECT_LOSSES = 11 };

ovp_idx gd_check_step(const gd_lab *lab, ovp_idx check) {
    return (check + 1) * lab->steps / lab->checks;
}

/* Coordinates agree to 1e-10, relative to the largest one where that is above 1 (a diverging descent). */
static double deviation(const gd_lab *lab, const gd_problem *q, const double *coordinates, ovp_idx t) {
    double worst = 0, size = 1;
    for (ovp_idx i = 0; i < q->p; i++) {
        const double exact = gd_problem_exact(q, lab->lr, i, t);
        worst = fmax(worst, fabs(coordinates[i] - exact));
        size = fmax(size, fabs(exact));
    }
    return isfinite(size) && isfinite(worst) ? worst / size / 1e-10 : 0;
}

static double relative_distance(const gd_problem *q, const double *w) {
    double moved = 0, size = 0;
    for (ovp_idx i = 0; i < q->p; i++) {
        moved += (w[i] - q->w_0[i]) * (w[i] - q->w_0[i]);
        size += q->w_0[i] * q->w_0[i];
    }
    return sqrt(moved) / sqrt(size);
}

/* Steps from w_0 to the end or to divergence, comparing on the way. w: p values; scratch: 2 p. */
static ovp_status descend(gd_lab *lab, const gd_problem *q, gd_row *row, double *w, double *scratch) {
    ovp_status status = OVP_OK;
    const ovp_idx at = lab->count * lab->steps;
    double *losses = lab->losses + at, *distances = lab->distances + at, *coordinates = scratch + q->p;
    char stage[64];
    ovp_idx check = 0;
    snprintf(stage, sizeof stage, "seed %lld", (long long)row->seed);
    for (ovp_idx k = 0; k < lab->steps; k++) losses[k] = distances[k] = NAN;
    memcpy(w, q->w_0, (size_t)q->p * sizeof *w);
    for (ovp_idx k = 0; k < lab->steps; k++) {
        OVP_TRY(ovp_check(lab->ctx));
        if (k * (DIRECT_LOSSES - 1) % lab->steps < DIRECT_LOSSES - 1 || k + 1 == lab->steps) {
            const double direct = gd_problem_direct_loss(q, w);
            losses[k] = gd_problem_step(q, lab->lr, w, scratch);
            if (isfinite(direct))
                row->loss_error = fmax(row->loss_error, fabs(losses[k] - direct) / fmax(losses[0], direct));
        } else {
            losses[k] = gd_problem_step(q, lab->lr, w, scratch);
        }
        if (!isfinite(losses[k])) {
            row->diverged_at = k + 1;
            break;
        }
        distances[k] = relative_distance(q, w);
        lab->exact_losses[at + k] = gd_problem_exact_loss(q, lab->lr, k);
        if (k + 1 == gd_check_step(lab, check)) {
            gd_problem_coordinates(q, w, coordinates);
            row->deviation = fmax(row->deviation, deviation(lab, q, coordinates, k + 1));
            for (ovp_idx i = 0; lab->count == 0 && i < q->p; i++)
                lab->first_path[check * q->p + i] = fabs(coordinates[i] - q->start[i]);
            check++;
        }
        ovp_run_progress(lab->run, &(ovp_progress){stage, "steps", k + 1, lab->steps, "loss", losses[k]});
    }
done:
    return status;
}

static ovp_status report(gd_lab *lab, const gd_problem *q, const gd_row *row, const double *end) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[COUNT(spectrum_columns)] = {
        ovp_cell_int(row->seed),
        ovp_cell_int(row->rank),
        ovp_cell_real(row->largest),
        ovp_cell_real(row->edge),
        ovp_cell_real(row->kolmogorov),
        ovp_cell_real(row->final_loss),
        ovp_cell_real(row->least_loss),
        ovp_cell_real(row->distance),
        ovp_cell_real(row->deviation),
        ovp_cell_real(row->loss_error),
        ovp_cell_text(row->diverged_at ? "diverged" : "ok"),
        row->diverged_at ? ovp_cell_int(row->diverged_at) : ovp_cell_null(),
    };
    for (ovp_idx i = 0; i < q->p; i++)
        OVP_TRY(ovp_run_row(lab->run, "coordinates",
                            (const ovp_store_cell[]){ovp_cell_int(row->seed), ovp_cell_int(i),
                                                     ovp_cell_real(q->eigenvalues[i]), ovp_cell_real(q->start[i]),
                                                     row->diverged_at ? ovp_cell_null() : ovp_cell_real(end[i]),
                                                     ovp_cell_real(gd_problem_exact(q, lab->lr, i, lab->steps))}));
    OVP_TRY(ovp_run_row(lab->run, "spectrum", cells));
    if (lab->lr * row->largest > 2)
        OVP_TRY(
            ovp_run_warning(lab->run,
                            "seed %lld: --lr %g is above 2 / largest eigenvalue = %g, so gradient descent diverges%s; "
                            "a smaller --lr converges",
                            (long long)row->seed, lab->lr, 2 / row->largest,
                            row->diverged_at ? " (the loss is no longer finite)" : ""));
done:
    return status;
}

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* X and Y belong to the data seed, w_0 to the seed; numpy with one seed for both: one stream, as published. */
static ovp_status draw(gd_lab *lab, gd_problem *q, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *data = NULL, *init = NULL;
    const int64_t data_seed = ovp_run_data_seed(lab->run, seed);
    const int one = strcmp(ovp_params_text(lab->params, "rng"), "numpy") == 0 && data_seed == seed;
    OVP_TRY(study_stream(&data, lab->run, data_seed, OVP_PURPOSE_DATA, 0));
    if (!one) OVP_TRY(study_stream(&init, lab->run, seed, OVP_PURPOSE_INIT, 0));
    OVP_TRY(gd_problem_draw(q, lab->ctx, lab->p, lab->n, data, one ? data : init));
done:
    ovp_numeric_rng_free(init);
    ovp_numeric_rng_free(data);
    return status;
}

static ovp_status one_seed(gd_lab *lab, int64_t seed) {
    ovp_status status = OVP_OK;
    gd_problem q = {.x = NULL};
    double *w = NULL;
    const ovp_idx p = lab->p;
    gd_row row = {.seed = seed, .edge = lab->law.high, .final_loss = NAN, .distance = NAN};
    OVP_TRY(ovp_check(lab->ctx));
    OVP_TRY(draw(lab, &q, seed));
    OVP_TRY(ovp_alloc(lab->ctx, &w, 3 * p, sizeof *w));
    double *eigenvalues = lab->eigenvalues + lab->count * p, *end = w + p;
    memcpy(eigenvalues, q.eigenvalues, (size_t)p * sizeof *w);
    memcpy(w, q.eigenvalues, (size_t)p * sizeof *w);
    qsort(w, (size_t)p, sizeof *w, ascending);
    row.rank = q.rank;
    row.largest = q.eigenvalues[0];
    row.kolmogorov = ovp_theory_marchenko_pastur_distance(&lab->law, p, w);
    row.least_loss = gd_problem_least_loss(&q);
    OVP_TRY(descend(lab, &q, &row, w, w + p));
    gd_problem_coordinates(&q, w, end);
    if (!row.diverged_at) {
        row.final_loss = gd_problem_direct_loss(&q, w);
        row.distance = relative_distance(&q, w);
    }
    OVP_TRY(report(lab, &q, &row, end));
    if (lab->count == 0) {
        lab->first = q;
        q = (gd_problem){.x = NULL};
    }
    lab->rows[lab->count++] = row;
done:
    ovp_free(lab->ctx, w);
    gd_problem_free(lab->ctx, &q);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status make_lab(gd_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx values = lab->seed_count * lab->steps;
    OVP_TRY(ovp_theory_marchenko_pastur_make(&lab->law, lab->ctx, (double)lab->p / (double)lab->n, 1));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->rows, lab->seed_count, sizeof *lab->rows));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->losses, values, sizeof(double)));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->distances, values, sizeof(double)));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->exact_losses, values, sizeof(double)));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->eigenvalues, lab->seed_count * lab->p, sizeof(double)));
    OVP_TRY(ovp_alloc(lab->ctx, &lab->first_path, lab->checks * lab->p, sizeof(double)));
    for (ovp_idx i = 0; i < lab->checks * lab->p; i++) lab->first_path[i] = NAN;
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    gd_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.p = ovp_params_int(lab.params, "p");
    lab.n = ovp_params_int(lab.params, "n");
    lab.steps = ovp_params_int(lab.params, "steps");
    lab.lr = ovp_params_real(lab.params, "lr");
    lab.checks = lab.steps < CHECKS ? lab.steps : CHECKS;
    OVP_TRY(make_lab(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, lab.seeds[s]);
    end = gd_eigenbasis_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    gd_problem_free(lab.ctx, &lab.first);
    ovp_free(lab.ctx, lab.first_path);
    ovp_free(lab.ctx, lab.eigenvalues);
    ovp_free(lab.ctx, lab.exact_losses);
    ovp_free(lab.ctx, lab.distances);
    ovp_free(lab.ctx, lab.losses);
    ovp_free(lab.ctx, lab.rows);
    return status;
}

/* Two problems live at a time, with LAPACK's workspace. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *params_, ovp_idx seeds) {
    const double p = (double)ovp_params_int(params_, "p"), n = (double)ovp_params_int(params_, "n");
    const double need = 8 * (2 * p * n + 8 * p * p + 3 * (double)seeds * (double)ovp_params_int(params_, "steps") +
                             (double)(CHECKS + seeds) * p);
    return study_check_memory(ctx, need, "give smaller ones, fewer --steps or --seeds", "--p %lld --n %lld needs",
                              (long long)ovp_params_int(params_, "p"), (long long)ovp_params_int(params_, "n"));
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx seeds;
    if (strcmp(ovp_params_text(p, "rng"), "torch") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng torch: nothing of gd-eigenbasis was drawn by torch; use numpy (as published) or philox");
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision %s: gd-eigenbasis compares to 1e-10, which takes f64; leave --precision out",
                        ovp_params_text(p, "precision"));
    OVP_TRY(study_seed_count(&seeds, ctx, &ovp_experiment_gd_eigenbasis, p));
    OVP_TRY(check_memory(ctx, p, seeds));
    OVP_TRY(study_check_seeds(ctx, &ovp_experiment_gd_eigenbasis, p));
done:
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"In which directions does gradient descent move fast?",
     "Along eigenvectors of large eigenvalue: coordinate i keeps (1 - lr lambda_i)^t of its distance to the solution "
     "(first verdict; figure path)."},
    {"Which learning rates converge?",
     "lr < 2 / lambda_1; with these X lambda_1 is near (1 + sqrt(p/n))^2 (third verdict), here about 1.3."},
    {"What is the rank of X X^T?",
     "min(p, n) with probability 1 (column rank). With p > n the p - n other directions keep their start for ever: "
     "gradient descent ends at the solution nearest to w_0."},
    {"How close to w_0 does descent stay?",
     "||w_t - w_0||^2 = sum_i (1 - (1 - lr lambda_i)^t)^2 (c_i* - c_i(0))^2; with 1000 steps of 0.001 and eigenvalues "
     "near 1 about 1 - 1/e of the way."},
    {"Are the eigenvalues all near 1, as those of the mean of X X^T?",
     "No: its entries are within 1/sqrt(n) of the identity's, but the eigenvalues fill [(1 - sqrt(p/n))^2, (1 + "
     "sqrt(p/n))^2] with the density of Marchenko and Pastur (second verdict)."},
    {"Why are P X X^T P^T and its eigenvalues alike?",
     "P diagonalises it: what is left off the diagonal is rounding, about 1e-16 (figure rotated)."},
};

const ovp_experiment ovp_experiment_gd_eigenbasis = {
    .id = "gd-eigenbasis",
    .title = "Gradient descent in the eigenbasis",
    .claim =
        "In the eigenbasis of X X^T the coordinates of gradient descent go their own ways, each at the rate of its "
        "eigenvalue, and the eigenvalues of random X follow the law of Marchenko and Pastur.",
    .formula = "c_i(t) = c_i* + (1 - lr lambda_i)^t (c_i(0) - c_i*); density sqrt((b - x)(x - a)) / (2 pi (p/n) x) on "
               "[a, b] = (1 -+ sqrt(p/n))^2",
    .source = "Lazy-training practical, part on gradient descent (paper preset); Marchenko and Pastur 1967, "
              "Distribution of eigenvalues for some sets of random matrices",
    .about =
        "Least squares with p weights and n samples: X (p x n) has entries N(0, 1) / sqrt(n), the targets Y are N(0, "
        "1) "
        "and unrelated to X, the start w_0 has entries N(0, 1) / sqrt(p). Gradient descent is w -= lr (X X^T w - X Y); "
        "its loss ||X^T w - Y||^2 / n and its relative distance from w_0 are kept at every step.\n\n"
        "What theory says. Write X X^T = P^T diag(lambda) P, the rows of P its eigenvectors, and c = P w. Then a step "
        "is "
        "c_i -= lr (lambda_i c_i - (P X Y)_i): p separate recursions, solved by c_i(t) = c_i* + (1 - lr lambda_i)^t "
        "(c_i(0) - c_i*), c_i* = (P X Y)_i / lambda_i. This is exact, so the first verdict is a test of correctness: "
        "every coordinate, at every step (at a thousand of them in longer runs), to 1e-10. Where lambda_i = 0 (p > n) "
        "the "
        "coordinate stays. The loss is computed from X X^T and X Y, and compared with the sum over samples at eleven "
        "steps (loss_error).\n\n"
        "The spectrum. If p and n grow with p/n fixed, the eigenvalues of X X^T fill an interval with a density that "
        "does "
        "not depend on the draw (Marchenko and Pastur). At p = 100, n = 5000 that is [0.737, 1.303]; every direction "
        "is "
        "learnt at nearly one rate. With p/n near 1 the lower edge comes near 0 and some directions are never learnt. "
        "The "
        "second verdict measures Kolmogorov's distance, the largest difference between the share of eigenvalues below "
        "x "
        "and the law's; eigenvalues repel each other, so it is much smaller than for as many independent numbers. The "
        "third compares the largest eigenvalue with the edge.\n\n"
        "Streams. --rng numpy: X, Y, w_0 in this order from one stream (with a --data-seed of its own: X and Y from "
        "that "
        "one). philox: data and start from streams of their own. Eigenvectors are only defined up to a sign: the one "
        "that makes the component of largest absolute value positive is taken. Index 0 is the largest eigenvalue.\n\n"
        "How to read the figures. Spectrum: eigenvalues of all draws, the law over them. Gram and rotated: absolute "
        "values of X X^T and P X X^T P^T of the first draw, colours logarithmic. Path: how far each coordinate has "
        "gone "
        "from its start, against the step. Loss and distance: median and range over draws, dashed the exact loss.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = run,
};
