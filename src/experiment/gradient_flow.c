/* gradient-flow: gradient descent from many starts beside the gradient flow through the same points. */
#include "gradient_flow_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

#define PUBLISHED "sin(x+4)*(cos(3*y-5)+0.3)+0.5*cos(2*(x+2)*(y-4)^2)"

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"function", OVP_PARAM_TEXT, PUBLISHED, 0, 0, NULL, "",
     "The function of x and y to descend (docs/expressions.md)."},
    {"starts", OVP_PARAM_INT, "100", 1, 1e6, NULL, "", "Starting points, uniform in the square."},
    {"steps", OVP_PARAM_INT, "10000", 1, 1e9, NULL, "steps", "Steps of gradient descent."},
    {"lrs", OVP_PARAM_REAL_LIST, ".0001,.002", 1e-12, 1e6, NULL, "", "Learning rates, each different."},
    {"low", OVP_PARAM_REAL, "-1.5", -1e6, 1e6, NULL, "", "Lower end of both sides of the square."},
    {"high", OVP_PARAM_REAL, "1.5", -1e6, 1e6, NULL, "", "Upper end."},
    {"tolerance", OVP_PARAM_REAL, "1e-9", 1e-13, 1e-2, NULL, "", "Relative and absolute tolerance of the flow."},
    {"record", OVP_PARAM_INT, "100", 1, 1e5, NULL, "", "Points kept of each path, besides its start."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "about 5 seconds on two cores: four seeds of 40 starts", "starts=40;seeds=1..4"},
    {"default", "about 20 seconds: eight seeds of the published experiment", "seeds=1..8"},
    {"paper", "as published: 100 starts, 10,000 steps, both learning rates, numpy's stream", "rng=numpy;seeds=42"},
};

static const ovp_store_column start_columns[] = {
    {"seed", "", "seed of the starting points"},
    {"start", "", "starting point, from 0"},
    {"lr", "", "learning rate"},
    {"x0", "", "start"},
    {"y0", "", "start"},
    {"x", "", "end of the descent; empty: not finite"},
    {"y", "", "end of the descent"},
    {"value", "", "f there (computed in f64)"},
    {"flow_value", "", "f where the flow is at time lr steps"},
    {"distance", "", "between the two ends"},
    {"status", "", "ok; non-finite: the descent left the numbers; flow: why the flow did not arrive"},
    {"flow_x", "", "the flow at time lr steps"},
    {"flow_y", "", "the flow at time lr steps"},
    {"farthest", "", "largest distance between the paths at the steps kept, the flow at time lr k beside step k"},
    {"last_step", "", "length of the last step, lr times the gradient's norm at the end"},
    {"sharpness", "", "largest eigenvalue of the Hessian at the end of the descent"},
    {"flow_sharpness", "", "the same at the end of the flow"},
    {"diverged_at", "steps", "step after which the point was not finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"lr", "", "learning rate"},
    {"measure", "", "column of table starts"},
    {"count", "", "starts of all seeds with a finite value"},
    {"mean", "", "their mean"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column seed_columns[] = {
    {"seed", "", "seed of the starting points"},
    {"lr", "", "learning rate"},
    {"median_distance", "", "median over starts of the distance between descent and flow"},
    {"followed", "", "fraction of the starts that end within .01 of the flow"},
    {"at_rest", "", "fraction whose last step was shorter than 1e-7"},
    {"ks_flow", "", "Kolmogorov-Smirnov distance between final values of descent and flow"},
    {"p_flow", "", "probability of that distance or more if they had one distribution"},
    {"ks_lr", "", "the same between this learning rate and the smallest; empty: it is that"},
    {"p_lr", "", "its probability"},
};
static const ovp_store_column timing_columns[] = {
    {"seed", "", "seed of the starting points"},
    {"seconds", "s", "descents and flows of this seed, side by side"},
};
static const ovp_experiment_table tables[] = {
    {"starts", "One row a start and learning rate.", start_columns, COUNT(start_columns), 0},
    {"starts-summary", "Means over starts and seeds.", summary_columns, COUNT(summary_columns), 0},
    {"seeds", "Descent and flow for each seed and learning rate.", seed_columns, COUNT(seed_columns), 0},
    {"timings", "Time of each seed.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- the function -------------------------------------------------------------------------------- */

static const char *const names[] = {"x", "y"};
static const ovp_idx both[] = {0, 1};

void gradient_flow_at(const ovp_numeric_expression *f, double x, double y, double *value, double *gradient,
                      double *hessian) {
    const double *const values[] = {&x, &y};
    ovp_numeric_expression_evaluate(f, 1, values, NULL, 2, both, value, gradient, hessian);
}

void gradient_flow_eigenvalues(const double hessian[4], double out[2]) {
    const double mean = (hessian[0] + hessian[3]) / 2, radius = hypot((hessian[0] - hessian[3]) / 2, hessian[1]);
    out[0] = mean - radius;
    out[1] = mean + radius;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_numeric_expression *f;
    ovp_idx count;
    const double *lrs = ovp_params_reals(p, "lrs", &count), low = ovp_params_real(p, "low");
    ovp_status status = ovp_numeric_expression_create(&f, ctx, ovp_params_text(p, "function"), names, 2, "--function");
    ovp_numeric_expression_free(f);
    if (status != OVP_OK) return status;
    if (!(low < ovp_params_real(p, "high")))
        return ovp_fail(ctx, OVP_EINVAL, "--low %g: must be below --high %g", low, ovp_params_real(p, "high"));
    for (ovp_idx i = 0; i < count; i++)
        for (ovp_idx j = 0; j < i; j++)
            if (lrs[i] >= lrs[j] && lrs[i] <= lrs[j])
                return ovp_fail(ctx, OVP_EINVAL, "--lrs: %g stands there twice", lrs[i]);
    const double kept = (double)count * (double)ovp_params_int(p, "starts") * (double)(ovp_params_int(p, "record") + 1);
    if (kept > 1e7)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--starts %lld --record %lld: %g points a seed to keep; at most 1e7: keep fewer",
                        (long long)ovp_params_int(p, "starts"), (long long)ovp_params_int(p, "record"), kept);
    return OVP_OK;
}

/* ---- descent ------------------------------------------------------------------------------------- */

enum { LANES = 16 }; /* descents that one task makes side by side */

typedef struct seed_job {
    gradient_flow_lab *lab;
    ovp_idx first; /* row */
    ovp_idx blocks;
} seed_job;

/* One update. f32: the gradient, computed in f64 at the point, is rounded, as are lr times it and the difference. */
static double updated(int single, double at, double lr, double slope) {
    if (!single) return at - lr * slope;
    const float step = (float)lr * (float)slope;
    return (double)((float)at - step);
}

static ovp_status descend(const seed_job *job, ovp_ctx *ctx, ovp_idx lr, ovp_idx block) {
    const gradient_flow_lab *lab = job->lab;
    const ovp_idx from = block * LANES, n = lab->starts - from < LANES ? lab->starts - from : LANES;
    gradient_flow_row *rows = lab->rows + job->first + lr * lab->starts + from;
    double *paths = lab->paths + (rows - lab->rows) * lab->points * 2;
    double x[LANES], y[LANES], gradient[2 * LANES];
    const double *const values[] = {x, y};
    for (ovp_idx l = 0; l < n; l++) x[l] = rows[l].x0, y[l] = rows[l].y0;
    for (ovp_idx k = 0, next = 0; k <= lab->steps; k++) {
        if (k == lab->kept[next]) {
            for (ovp_idx l = 0; l < n; l++) {
                double *point = paths + (l * lab->points + next) * 2;
                point[0] = x[l], point[1] = y[l];
            }
            next++;
        }
        if (k % 1024 == 0 && ovp_check(ctx) != OVP_OK) return OVP_EINTERRUPTED;
        ovp_numeric_expression_evaluate(lab->f, n, values, NULL, 2, both, NULL, gradient, NULL);
        for (ovp_idx l = 0; l < n; l++) {
            const double *slope = gradient + 2 * l;
            if (k == lab->steps) {
                rows[l].step = rows[l].lr * hypot(slope[0], slope[1]);
                continue;
            }
            x[l] = updated(lab->single, x[l], rows[l].lr, slope[0]);
            y[l] = updated(lab->single, y[l], rows[l].lr, slope[1]);
            if (rows[l].diverged_at == 0 && !(isfinite(x[l]) && isfinite(y[l]))) rows[l].diverged_at = k + 1;
            if (rows[l].diverged_at > 0) x[l] = y[l] = NAN;
        }
    }
    for (ovp_idx l = 0; l < n; l++) {
        double hessian[4], eigenvalues[2];
        gradient_flow_at(lab->f, x[l], y[l], &rows[l].value, gradient, hessian);
        gradient_flow_eigenvalues(hessian, eigenvalues);
        rows[l].x = x[l], rows[l].y = y[l];
        rows[l].sharpness = eigenvalues[1];
    }
    return OVP_OK;
}

/* ---- flow ---------------------------------------------------------------------------------------- */

static void downhill(void *user, double t, const double *at, double *rate) {
    (void)t;
    gradient_flow_at(user, at[0], at[1], NULL, rate, NULL);
    rate[0] = -rate[0];
    rate[1] = -rate[1];
}

/* Whether the flow has come to its minimum up to the tolerance: the Hessian is positive definite and Newton's step, the
 * way that is left, is shorter. An explicit method would need steps of the stiff direction's length until the end. */
static int at_rest(const gradient_flow_lab *lab, const double *at) {
    double g[2], h[4], eigenvalues[2];
    gradient_flow_at(lab->f, at[0], at[1], NULL, g, h);
    gradient_flow_eigenvalues(h, eigenvalues);
    const double determinant = h[0] * h[3] - h[1] * h[2];
    return eigenvalues[0] > 0 && determinant > 0 &&
           hypot(h[3] * g[0] - h[1] * g[1], h[0] * g[1] - h[1] * g[0]) <= lab->tolerance * determinant;
}

/* The next learning rate by size after `last` (NULL: the least); lr_count if there is none. */
static ovp_idx next_lr(const gradient_flow_lab *lab, const double *last) {
    ovp_idx best = lab->lr_count;
    for (ovp_idx i = 0; i < lab->lr_count; i++)
        if ((!last || lab->lrs[i] > *last) && (best == lab->lr_count || lab->lrs[i] < lab->lrs[best])) best = i;
    return best;
}

/* Points of the flow at the times of each learning rate's kept steps, up to time t; next: of each learning rate. */
static void keep_flow(const seed_job *job, ovp_idx start, const ovp_numeric_rk *rk, double t, ovp_idx *next) {
    const gradient_flow_lab *lab = job->lab;
    for (ovp_idx i = 0; i < lab->lr_count; i++) {
        double *path = lab->flow + (job->first + i * lab->starts + start) * lab->points * 2;
        for (; next[i] < lab->points && lab->lrs[i] * (double)lab->kept[next[i]] <= t; next[i]++)
            ovp_numeric_rk_dense(rk, lab->lrs[i] * (double)lab->kept[next[i]], path + 2 * next[i]);
    }
}

static void end_flow(const gradient_flow_lab *lab, gradient_flow_row *row, const double *at) {
    double g[2], h[4], eigenvalues[2];
    gradient_flow_at(lab->f, at[0], at[1], &row->flow_value, g, h);
    gradient_flow_eigenvalues(h, eigenvalues);
    row->flow_x = at[0], row->flow_y = at[1];
    row->flow_sharpness = eigenvalues[1];
}

/* One flow through the ends of all learning rates, the least first. */
static ovp_status flow(const seed_job *job, ovp_ctx *ctx, ovp_idx start) {
    const gradient_flow_lab *lab = job->lab;
    gradient_flow_row *rows = lab->rows + job->first + start;
    const ovp_numeric_rk_options options = {
        .size = sizeof options, .rtol = lab->tolerance, .atol = lab->tolerance, .most_steps = 2000000};
    const double begin[2] = {rows->x0, rows->y0};
    ovp_status status = OVP_OK;
    ovp_numeric_rk *rk = NULL;
    ovp_idx *next = NULL;
    const double *last = NULL;
    int rests = 0;
    ovp_numeric_rk_state state = OVP_RK_ARRIVED;
    OVP_TRY(ovp_alloc(ctx, &next, lab->lr_count, sizeof *next));
    OVP_TRY(ovp_numeric_rk_create(&rk, ctx, 2, downhill, lab->f, &options));
    ovp_numeric_rk_start(rk, 0, begin);
    keep_flow(job, start, rk, 0, next);
    for (ovp_idx i = next_lr(lab, NULL); i < lab->lr_count; i = next_lr(lab, last)) {
        const double end = lab->lrs[i] * (double)lab->steps;
        last = &lab->lrs[i];
        for (state = OVP_RK_GOING; !rests && state == OVP_RK_GOING;) {
            state = ovp_numeric_rk_step(rk, end);
            if (state > OVP_RK_ARRIVED) break;
            keep_flow(job, start, rk, ovp_numeric_rk_time(rk), next);
            const ovp_idx steps = ovp_numeric_rk_count(rk).steps;
            if (steps % 32 == 0) rests = at_rest(lab, ovp_numeric_rk_y(rk));
            if (steps % 1024 == 0) OVP_TRY(ovp_check(ctx));
        }
        if (!rests && state != OVP_RK_ARRIVED) break;
        end_flow(lab, &rows[i * lab->starts], ovp_numeric_rk_y(rk));
        rows[i * lab->starts].flow_state = NULL;
    }
    for (ovp_idx i = 0; i < lab->lr_count; i++) {
        gradient_flow_row *row = &rows[i * lab->starts];
        double *path = lab->flow + (job->first + i * lab->starts + start) * lab->points * 2;
        if (row->flow_state) row->flow_state = ovp_numeric_rk_state_name(state);
        for (; next[i] < lab->points; next[i]++)
            for (int c = 0; c < 2; c++) path[2 * next[i] + c] = rests ? ovp_numeric_rk_y(rk)[c] : (double)NAN;
    }
done:
    ovp_numeric_rk_free(rk);
    ovp_free(ctx, next);
    return status;
}

/* ---- one seed ------------------------------------------------------------------------------------ */

static ovp_status seed_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const seed_job *job = arg;
    if (task < job->lab->starts) return flow(job, ctx, task); /* the longest first */
    task -= job->lab->starts;
    return descend(job, ctx, task / job->blocks, task % job->blocks);
}

/* Uniform in the square, x before y of each start: numpy.random.uniform(low, high, (starts, 2)), torch.rand(starts, 2)
 * scaled. In f32 the start is rounded (torch: drawn so). */
static ovp_status draw_starts(gradient_flow_lab *lab, gradient_flow_row *rows, int64_t seed) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    double *points = NULL;
    const ovp_idx n = 2 * lab->starts;
    OVP_TRY(ovp_alloc(lab->ctx, &points, n, sizeof *points));
    OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_INIT, 0));
    ovp_numeric_rng_uniform(rng, lab->single ? OVP_F32 : OVP_F64, n, lab->low, lab->high, points);
    for (ovp_idx i = 0; i < lab->lr_count * lab->starts; i++) {
        const ovp_idx at = 2 * (i % lab->starts);
        rows[i] = (gradient_flow_row){.seed = seed,
                                      .start = i % lab->starts,
                                      .lr = lab->lrs[i / lab->starts],
                                      .x0 = lab->single ? (double)((float *)points)[at] : points[at],
                                      .y0 = lab->single ? (double)((float *)points)[at + 1] : points[at + 1],
                                      .flow_x = NAN,
                                      .flow_y = NAN,
                                      .flow_value = NAN,
                                      .flow_sharpness = NAN,
                                      .flow_state = ""};
    }
done:
    ovp_numeric_rng_free(rng);
    ovp_free(lab->ctx, points);
    return status;
}

static double farthest(const gradient_flow_lab *lab, ovp_idx row) {
    const double *a = lab->paths + row * lab->points * 2, *b = lab->flow + row * lab->points * 2;
    double most = 0;
    for (ovp_idx i = 0; i < lab->points; i++) {
        const double distance = hypot(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]);
        if (!isfinite(distance)) return NAN;
        most = fmax(most, distance);
    }
    return most;
}

static ovp_status report_row(gradient_flow_lab *lab, const gradient_flow_row *row) {
    char text[64] = "ok";
    if (row->flow_state) snprintf(text, sizeof text, "flow: %s", row->flow_state);
    if (row->diverged_at) snprintf(text, sizeof text, "non-finite");
    const ovp_store_cell cells[COUNT(start_columns)] = {
        ovp_cell_int(row->seed),
        ovp_cell_int(row->start),
        ovp_cell_real(row->lr),
        ovp_cell_real(row->x0),
        ovp_cell_real(row->y0),
        ovp_cell_real(row->x),
        ovp_cell_real(row->y),
        ovp_cell_real(row->value),
        ovp_cell_real(row->flow_value),
        ovp_cell_real(row->distance),
        ovp_cell_text(text),
        ovp_cell_real(row->flow_x),
        ovp_cell_real(row->flow_y),
        ovp_cell_real(row->farthest),
        ovp_cell_real(row->step),
        ovp_cell_real(row->sharpness),
        ovp_cell_real(row->flow_sharpness),
        row->diverged_at ? ovp_cell_int(row->diverged_at) : ovp_cell_null(),
    };
    return ovp_run_row(lab->run, "starts", cells);
}

static ovp_status one_seed(gradient_flow_lab *lab, ovp_idx s) {
    ovp_status status = OVP_OK;
    const ovp_idx rows = lab->lr_count * lab->starts;
    seed_job job = {lab, s * rows, (lab->starts + LANES - 1) / LANES};
    ovp_idx diverged = 0, lost = 0;
    OVP_TRY(draw_starts(lab, lab->rows + job.first, lab->seeds[s]));
    const double begin = ovp_seconds();
    OVP_TRY(ovp_parallel(lab->ctx, lab->starts + lab->lr_count * job.blocks, seed_task, &job));
    const double seconds = ovp_seconds() - begin;
    for (ovp_idx r = job.first; r < job.first + rows; r++) {
        gradient_flow_row *row = &lab->rows[r];
        row->distance = hypot(row->x - row->flow_x, row->y - row->flow_y);
        row->farthest = farthest(lab, r);
        diverged += row->diverged_at > 0;
        lost += row->flow_state != NULL;
        OVP_TRY(report_row(lab, row));
    }
    lab->row_count += rows;
    OVP_TRY(ovp_run_row(lab->run, "timings", (ovp_store_cell[]){ovp_cell_int(lab->seeds[s]), ovp_cell_real(seconds)}));
    if (diverged)
        OVP_TRY(ovp_run_warning(lab->run,
                                "seed %lld: %lld of %lld descents left the numbers; a smaller --lrs keeps them",
                                (long long)lab->seeds[s], (long long)diverged, (long long)rows));
    if (lost)
        OVP_TRY(ovp_run_warning(lab->run, "seed %lld: the flow did not arrive for %lld of %lld rows (column status)",
                                (long long)lab->seeds[s], (long long)lost, (long long)rows));
    ovp_run_progress(lab->run, &(ovp_progress){"starts", "seeds", s + 1, lab->seed_count, NULL, NAN});
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    gradient_flow_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    const ovp_params *p = lab.params;
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.lrs = ovp_params_reals(p, "lrs", &lab.lr_count);
    lab.starts = ovp_params_int(p, "starts");
    lab.steps = ovp_params_int(p, "steps");
    lab.single = strcmp(ovp_params_text(p, "precision"), "f32") == 0;
    lab.low = ovp_params_real(p, "low");
    lab.high = ovp_params_real(p, "high");
    lab.tolerance = ovp_params_real(p, "tolerance");
    const ovp_idx record = ovp_params_int(p, "record"), rows = lab.seed_count * lab.lr_count * lab.starts;
    lab.points = 1 + (record < lab.steps ? record : lab.steps);
    OVP_TRY(ovp_numeric_expression_create(&lab.f, lab.ctx, ovp_params_text(p, "function"), names, 2, "--function"));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.rows, rows, sizeof *lab.rows));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.kept, lab.points, sizeof *lab.kept));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.paths, 2 * rows * lab.points, sizeof *lab.paths));
    OVP_TRY(ovp_alloc(lab.ctx, &lab.flow, 2 * rows * lab.points, sizeof *lab.flow));
    for (ovp_idx i = 0; i < lab.points; i++)
        lab.kept[i] = (int64_t)rint((double)lab.steps * (double)i / (double)(lab.points - 1));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = one_seed(&lab, s);
    end = gradient_flow_conclude(&lab); /* also of the seeds that were finished before an interruption */
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.flow);
    ovp_free(lab.ctx, lab.paths);
    ovp_free(lab.ctx, lab.kept);
    ovp_free(lab.ctx, lab.rows);
    ovp_numeric_expression_free(lab.f);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Is gradient descent the gradient flow, discretised?",
     "Yes: a step is Euler's for z' = -grad f(z) with time step lr, so step k stands beside time lr k; each step errs "
     "by "
     "lr^2 |H grad f| / 2, and at the smallest rate most starts end within .01 of the flow (first verdict)."},
    {"Then why are there exceptions at a small learning rate?",
     "Flows from both sides of a ridge part for good: an error of one step that crosses it decides the valley. And the "
     "ends at lr .0001 are those of time 1, where slow starts are still on their way."},
    {"Do two learning rates end at the same values after as many steps?",
     "No (second verdict): they stand for different times, lr steps, and the larger one cannot stay in sharp minima."},
    {"Which minima can gradient descent not end in?", "Those whose largest Hessian eigenvalue exceeds 2/lr: along it a "
                                                      "step multiplies the error by 1 - lr lambda, below "
                                                      "-1 (third verdict). The flow may end in any."},
    {"What does single precision do?", "A step shorter than half the spacing of the numbers, about 6e-8 |z|, is lost: "
                                       "at lr .0001 the descent halts where "
                                       "the gradient is below about 1e-3. --precision f64 shows the difference."},
};

const ovp_experiment ovp_experiment_gradient_flow = {
    .id = "gradient-flow",
    .title = "Gradient descent and the gradient flow",
    .claim = "With a small learning rate gradient descent follows the gradient flow; a large one ends elsewhere.",
    .formula = "z_(k+1) = z_k - lr grad f(z_k) beside z'(t) = -grad f(z(t)) at t = lr k; a minimum of sharpness "
               "lambda_max(H) > 2/lr is unstable for the descent",
    .source =
        "Practical on lazy training (notebook); Euler's method and its stability: Hairer, Norsett and Wanner 1993, "
        "Solving Ordinary Differential Equations I",
    .about =
        "From 100 starts, uniform in the square [-1.5, 1.5]^2, gradient descent on f(x, y) makes 10,000 steps with "
        "each "
        "learning rate. Beside it runs the true gradient flow from the same starts, by an adaptive Runge-Kutta method "
        "of order 5 in f64 to the same times t = lr k. f may be any expression (--function, docs/expressions.md); its "
        "gradient and Hessian are exact.\n\n"
        "What theory says. Gradient descent is Euler's method for the flow. Over a fixed time its error is "
        "proportional "
        "to lr where the flow contracts; where it does not, on ridges, errors grow and two paths part. Near a minimum "
        "the error along an eigenvector of the Hessian is multiplied by 1 - lr lambda each step: beyond lambda = 2/lr "
        "the minimum repels, whatever the start. So a large learning rate leaves sharp, often deep valleys to the flow "
        "and ends in flat ones, or jumps for ever.\n\n"
        "What is rounded. With --precision f32 (published) a start, the gradient (computed in f64 at the f32 point), "
        "lr, "
        "lr times the gradient, and the new point are rounded to float32; the published program also rounds inside the "
        "gradient. The flow, values and Hessians are f64 always. The flow is taken to have arrived for good where the "
        "Hessian is positive definite and Newton's step is shorter than the tolerance.\n\n"
        "Draws. x before y for each start: numpy.random.uniform(low, high, (starts, 2)) with --rng numpy; torch.rand"
        "(starts, 2) scaled to the square with torch; one stream a seed with philox. The published program gives no "
        "seed.\n\n"
        "How to read the figures. Paths of the first seed over contours of f, ends as points. Histograms of final "
        "values over all seeds. Distances: the fraction of starts whose descent ends within a distance of the flow. "
        "Verdicts over seeds need at least four.",
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
