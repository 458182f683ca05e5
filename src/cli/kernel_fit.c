/* overparam kernel fit: kernel regression on the user's points by one of three solvers. */
#include <math.h>

#include "cli_kernel.h"

#define MOST_DIRECT 10000 /* auto takes the direct solver up to so many points */

#define RESIDUAL_TOLD 1e-9
#define RESIDUAL_REFUSED 1e-3

typedef struct fit {
    cli_app *cli;
    ovp_params *job;
    cli_kernel_model model;
    ovp_numeric_type type;
    ovp_idx n, d, c;
    double *f;    /* n x c: on the training points */
    json_t *took; /* what the solver says */
} fit;

/* ---- solvers ----------------------------------------------------------------------------------------- */

static double inputs_bytes(const fit *t) {
    return cli_kernel_bytes(t->n, t->d + 6 * t->c, OVP_F64);
}

/* K, the solver's copy of it, and both sides' points as products want them. */
static double direct_bytes(const fit *t) {
    return 2 * cli_kernel_bytes(t->n, t->n, OVP_F64) + (double)ovp_numeric_cholesky_memory(t->n) +
           2 * cli_kernel_bytes(t->n, t->d, OVP_F64) + inputs_bytes(t);
}

/* A matrix that is singular to rounding can leave targets that no coefficients reach: a solution far off is refused. */
static ovp_status check_residual(cli_app *cli, const ovp_kernel_solver_report *r) {
    if (r->residual <= RESIDUAL_TOLD) return OVP_OK;
    if (!(r->residual <= RESIDUAL_REFUSED))
        return ovp_fail(
            cli->ctx, OVP_ENUMERIC,
            "fit: the kernel matrix is singular to rounding (condition %.3g, ridge %.3g): its solution misses "
            "the targets by %.3g of their size; give a larger --ridge, 1e-10 with --ridge-scale trace to "
            "begin with",
            r->condition, r->lambda, r->residual);
    ovp_log(
        cli->ctx, OVP_LOG_WARNING,
        "the kernel matrix is nearly singular (condition %.3g): a relative residual of %.3g is left; a larger --ridge "
        "helps",
        r->condition, r->residual);
    return OVP_OK;
}

static ovp_status solve_direct(fit *t) {
    cli_app *cli = t->cli;
    double *k = NULL;
    ovp_kernel_solver *solver = NULL;
    const char *scale = ovp_params_text(t->job, "ridge-scale");
    const ovp_kernel_solver_options options = {.size = sizeof options,
                                               .ridge = ovp_params_real(t->job, "ridge"),
                                               .ridge_scale = strcmp(scale, "trace") ? "absolute" : "relative"};
    ovp_status status;
    OVP_TRY(cli_kernel_fits(cli, "fit by the direct solver", direct_bytes(t), t->model.kernel.memory,
                            "take --solver eigenpro or cg"));
    OVP_TRY(ovp_alloc_unset(cli->ctx, &k, t->n * t->n, sizeof *k));
    OVP_TRY(cli_kernel_gram(k, cli, &t->model.kernel, OVP_F64, t->d, t->n, t->model.x.data, 0, NULL));
    OVP_TRY(ovp_kernel_solver_create(&solver, cli->ctx, t->n, k, &options));
    OVP_TRY(ovp_kernel_solve(solver, cli->ctx, t->c, t->model.y.data, t->model.coefficients.data));
    OVP_TRY(check_residual(cli, ovp_kernel_solver_get_report(solver)));
    const int blas = ovp_numeric_blas_begin();
    ovp_numeric_gemm(OVP_F64, 0, 0, t->n, t->c, t->n, 1, k, t->n, t->model.coefficients.data, t->c, 0, t->f, t->c);
    ovp_numeric_blas_end(blas);
    const ovp_kernel_solver_report *r = ovp_kernel_solver_get_report(solver);
    t->model.lambda = r->lambda;
    t->took =
        json_pack("{s:s, s:s, s:f, s:f, s:o, s:I, s:i, s:o}", "solver", "direct", "method", r->method, "lambda",
                  r->lambda, "jitter", r->jitter, "condition", ovp_io_json_number(r->condition), "dropped",
                  (json_int_t)r->dropped, "refinements", r->refinements, "residual", ovp_io_json_number(r->residual));
done:
    ovp_kernel_solver_free(solver);
    ovp_free(cli->ctx, k);
    return status;
}

/* What the iterative solvers work on: points and targets of their type; a net's kernel as a matrix. */
typedef struct problem {
    ovp_kernel_problem given;
    double *gram;
    ovp_numeric_array y;
} problem;

static ovp_status pose(problem *p, fit *t) {
    cli_app *cli = t->cli;
    ovp_status status = OVP_OK;
    const ovp_idx shape[2] = {t->n, t->c};
    p->given = (ovp_kernel_problem){.size = sizeof p->given, .type = t->type, .n = t->n, .d = t->d};
    if (t->model.kernel.net) {
        OVP_TRY(ovp_alloc(cli->ctx, &p->gram, t->n * t->n, sizeof *p->gram));
        OVP_TRY(cli_kernel_gram(p->gram, cli, &t->model.kernel, OVP_F64, t->d, t->n, t->model.x.data, 0, NULL));
        p->given.gram = p->gram;
    } else {
        p->given.kernel = t->model.kernel.function;
        p->given.x = t->model.x.data;
    }
    OVP_TRY(ovp_numeric_array_create(&p->y, cli->ctx, OVP_F64, 2, shape));
    memcpy(p->y.data, t->model.y.data, (size_t)(t->n * t->c) * sizeof(double));
    status = cli_kernel_real(&p->y, cli, "the targets", t->type, 1);
done:
    return status;
}

static void drop(cli_app *cli, problem *p) {
    ovp_free(cli->ctx, p->gram);
    ovp_numeric_array_free(cli->ctx, &p->y);
}

static void take_weights(fit *t, const void *weights) {
    memcpy(t->model.coefficients.data, weights, (size_t)(t->n * t->c) * ovp_numeric_type_size(t->type));
}

/* *left: bytes for the kernel's panels in the solver, beside the inputs, the subsample's matrices and a net's matrix;
 * at least a quarter of what is allowed. */
static ovp_status check_iterative(int64_t *left, fit *t, const char *what) {
    const ovp_idx sample = t->n < 2000 ? t->n : t->n < 100000 ? 2000 : 12000; /* the solvers' own choice */
    const int64_t memory = t->model.kernel.memory;
    double fixed = 2 * inputs_bytes(t) + 5 * cli_kernel_bytes(sample, sample, OVP_F64);
    if (t->model.kernel.net) fixed += cli_kernel_bytes(t->n, t->n, OVP_F64);
    *left = memory - (int64_t)fmin(fixed, .75 * (double)memory);
    return cli_kernel_fits(t->cli, what, fixed / .75, memory, "give fewer points");
}

static ovp_status epochs(fit *t, ovp_kernel_eigenpro *solver, const problem *p) {
    cli_app *cli = t->cli;
    cli_progress progress = {.cli = cli, .title = "EigenPro"};
    const ovp_idx most = ovp_params_int(t->job, "epochs");
    const size_t bytes = (size_t)(t->n * t->c) * ovp_numeric_type_size(t->type);
    ovp_numeric_array f = {0};
    ovp_status status;
    double mse;
    OVP_TRY(ovp_numeric_array_create(&f, cli->ctx, t->type, 2, t->model.y.shape));
    for (ovp_idx epoch = 1; epoch <= most; epoch++) {
        OVP_TRY(ovp_kernel_eigenpro_epoch(solver, cli->ctx));
        OVP_TRY(ovp_kernel_eigenpro_fit(f.data, solver, cli->ctx, t->n, NULL));
        ovp_kernel_score(&mse, NULL, t->type, t->n, t->c, f.data, p->y.data);
        cli_progress_report(&progress, &(ovp_progress){"EigenPro", "epochs", epoch, most, "train mse", mse});
    }
    take_weights(t, ovp_kernel_eigenpro_weights(solver));
    if (t->type == OVP_F64)
        memcpy(t->f, f.data, bytes);
    else
        for (ovp_idx i = 0; i < t->n * t->c; i++) t->f[i] = (double)((float *)f.data)[i];
done:
    cli_progress_erase(&progress);
    ovp_numeric_array_free(cli->ctx, &f);
    return status;
}

static ovp_status solve_eigenpro(fit *t) {
    cli_app *cli = t->cli;
    problem p = {.gram = NULL};
    ovp_kernel_eigenpro *solver = NULL;
    ovp_kernel_eigenpro_options options = {.size = sizeof options,
                                           .seed = ovp_params_int(t->model.kernel.params, "seed")};
    ovp_status status;
    OVP_TRY(check_iterative(&options.memory, t, "fit by EigenPro"));
    OVP_TRY(pose(&p, t));
    OVP_TRY(ovp_kernel_eigenpro_create(&solver, cli->ctx, &p.given, t->c, p.y.data, &options));
    OVP_TRY(epochs(t, solver, &p));
    const ovp_kernel_eigenpro_report *r = ovp_kernel_eigenpro_get_report(solver);
    t->took = json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:b}", "solver", "eigenpro", "epochs",
                        (json_int_t)r->epochs, "subsample", (json_int_t)r->subsample, "top_q", (json_int_t)r->top_q,
                        "batch", (json_int_t)r->batch, "eta", r->eta, "lambda", 0.0, "stored", r->stored);
done:
    ovp_kernel_eigenpro_free(solver);
    drop(cli, &p);
    return status;
}

/* f = K W with what is at hand. */
static ovp_status evaluate(fit *t) {
    cli_app *cli = t->cli;
    ovp_numeric_array f = {0};
    ovp_status status;
    OVP_TRY(ovp_numeric_array_create(&f, cli->ctx, t->type, 2, t->model.y.shape));
    OVP_TRY(cli_kernel_apply(f.data, cli, &t->model.kernel, t->type, t->d, t->n, t->model.x.data, t->n, t->model.x.data,
                             t->c, t->model.coefficients.data));
    OVP_TRY(cli_kernel_real(&f, cli, "the fit on the training points", OVP_F64, 1));
    memcpy(t->f, f.data, (size_t)(t->n * t->c) * sizeof *t->f);
done:
    ovp_numeric_array_free(cli->ctx, &f);
    return status;
}

static ovp_status solve_cg(fit *t) {
    cli_app *cli = t->cli;
    problem p = {.gram = NULL};
    ovp_kernel_cg_report report;
    const char *scale = ovp_params_text(t->job, "ridge-scale");
    ovp_kernel_cg_options options = {.size = sizeof options,
                                     .ridge = ovp_params_real(t->job, "ridge"),
                                     .ridge_scale = strcmp(scale, "trace") ? "absolute" : "relative",
                                     .tolerance = ovp_params_real(t->job, "residual"),
                                     .seed = ovp_params_int(t->model.kernel.params, "seed")};
    ovp_status status;
    OVP_TRY(check_iterative(&options.memory, t, "fit by conjugate gradients"));
    OVP_TRY(pose(&p, t));
    OVP_TRY(ovp_kernel_cg(t->model.coefficients.data, &report, cli->ctx, &p.given, t->c, p.y.data, &options));
    OVP_TRY(evaluate(t));
    if (!report.converged)
        ovp_log(cli->ctx, OVP_LOG_WARNING,
                "conjugate gradients stopped after %lld steps at a relative residual of %.3g; give a larger --ridge or "
                "--residual",
                (long long)report.steps, report.residual);
    t->model.lambda = report.lambda;
    t->took = json_pack("{s:s, s:I, s:I, s:f, s:o, s:b}", "solver", "cg", "steps", (json_int_t)report.steps, "top_q",
                        (json_int_t)report.top_q, "lambda", report.lambda, "residual",
                        ovp_io_json_number(report.residual), "converged", report.converged);
done:
    drop(cli, &p);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static ovp_status choose_solver(fit *t) {
    ovp_ctx *ctx = t->cli->ctx;
    const char *asked = ovp_params_text(t->job, "solver");
    const double ridge = ovp_params_real(t->job, "ridge");
    const int single = !strcmp(ovp_params_text(t->job, "type"), "f32");
    const char *chosen = asked;
    if (!strcmp(asked, "auto")) {
        const int direct = !single && t->n <= MOST_DIRECT && direct_bytes(t) <= (double)t->model.kernel.memory;
        chosen = direct ? "direct" : ridge > 0 ? "cg" : "eigenpro";
    }
    snprintf(t->model.solver, sizeof t->model.solver, "%s", chosen);
    if (single && !strcmp(chosen, "direct"))
        return ovp_fail(ctx, OVP_EUSAGE, "--type f32: the direct solver works in f64; leave it out");
    if (ridge > 0 && !strcmp(chosen, "eigenpro"))
        return ovp_fail(ctx, OVP_EUSAGE, "--ridge %g: EigenPro has none (its epochs regularise); take --solver cg",
                        ridge);
    if (strcmp(chosen, "eigenpro") != 0 && ovp_params_is_set(t->job, "epochs"))
        return ovp_fail(ctx, OVP_EUSAGE, "--epochs belongs to --solver eigenpro; this is %s", chosen);
    if (strcmp(chosen, "cg") != 0 && ovp_params_is_set(t->job, "residual"))
        return ovp_fail(ctx, OVP_EUSAGE, "--residual belongs to --solver cg; this is %s", chosen);
    return OVP_OK;
}

static ovp_status read_inputs(fit *t, const cli_args *args) {
    cli_app *cli = t->cli;
    const char *x = args->operands[1], *y = args->operands[2];
    ovp_status status;
    OVP_TRY(cli_kernel_read(&t->model.x, cli, x));
    OVP_TRY(cli_kernel_targets(&t->model, cli, y, ovp_params_text(t->job, "task")));
    OVP_TRY(cli_kernel_match(cli, x, &t->model.x, y, &t->model.y, 1));
    t->n = t->model.x.shape[0];
    t->d = t->model.x.shape[1];
    t->c = t->model.y.shape[1];
    OVP_TRY(choose_solver(t));
    t->type = !strcmp(ovp_params_text(t->job, "type"), "f32") ? OVP_F32 : OVP_F64;
    OVP_TRY(cli_kernel_real(&t->model.x, cli, x, t->type, ovp_params_real(t->model.kernel.params, "divide")));
    const ovp_idx shape[2] = {t->n, t->c};
    OVP_TRY(ovp_numeric_array_create(&t->model.coefficients, cli->ctx, t->type, 2, shape));
    status = ovp_alloc(cli->ctx, &t->f, t->n * t->c, sizeof *t->f);
done:
    return status;
}

static ovp_status put(fit *t, const char *path, int json) {
    cli_app *cli = t->cli;
    const cli_kernel_model *m = &t->model;
    double mse, error;
    const char *key;
    json_t *value;
    ovp_kernel_score(&mse, &error, OVP_F64, t->n, t->c, t->f, m->y.data);
    if (json) {
        json_t *out =
            json_pack("{s:i, s:s, s:I, s:I, s:I, s:s, s:o, s:O, s:o}", "schema", 1, "model", path, "points",
                      (json_int_t)t->n, "inputs", (json_int_t)t->d, "outputs", (json_int_t)t->c, "task",
                      m->classes.data ? "classification" : "regression", "kernel", cli_kernel_json(cli, &m->kernel),
                      "solver", t->took, "train_mse", ovp_io_json_number(mse));
        cli_json_set(cli, out, "train_error", m->classes.data ? ovp_io_json_number(error) : json_null());
        return cli_put_json(cli, out);
    }
    ovp_text_add(&cli->out, "Kernel       ");
    cli_kernel_text(&cli->out, &m->kernel);
    ovp_text_add(&cli->out, "\nPoints       %lld of %lld numbers, %lld %s\n", (long long)t->n, (long long)t->d,
                 (long long)t->c,
                 m->classes.data ? "classes"
                 : t->c > 1      ? "outputs"
                                 : "output");
    ovp_text_add(&cli->out, "Solver       ");
    json_object_foreach(t->took, key, value) {
        if (json_is_string(value))
            ovp_text_add(&cli->out, "%s%s", strcmp(key, "solver") ? ", " : "", json_string_value(value));
        else if (json_is_number(value))
            ovp_text_add(&cli->out, ", %s %.6g", key, json_number_value(value));
    }
    ovp_text_add(&cli->out, "\nTrain mse    %.6g\n", mse);
    if (m->classes.data) ovp_text_add(&cli->out, "Train error  %.4g %%\n", 100 * error);
    ovp_text_add(&cli->out, "Model        %s\n", path);
    return OVP_OK;
}

ovp_status cli_kernel_fit(cli_app *cli, const cli_args *args) {
    fit t = {.cli = cli};
    const char *path = cli_value(args, "out");
    ovp_status status;
    if (args->operand_count != 3 || !path || strlen(path) < 5 || strcmp(path + strlen(path) - 4, ".npz") != 0)
        return ovp_fail(cli->ctx, OVP_EUSAGE,
                        "kernel fit: write overparam kernel fit X Y --out MODEL.npz, X the points and Y the targets");
    OVP_TRY(cli_kernel_choose(&t.model.kernel, cli, args));
    OVP_TRY(cli_kernel_job(&t.job, cli, args));
    OVP_TRY(cli_kernel_memory(&t.model.kernel.memory, cli, args));
    OVP_TRY(read_inputs(&t, args));
    OVP_TRY(cli_kernel_make(&t.model.kernel, cli, t.d, t.type));
    if (!strcmp(t.model.solver, "direct"))
        status = solve_direct(&t);
    else
        status = !strcmp(t.model.solver, "cg") ? solve_cg(&t) : solve_eigenpro(&t);
    if (status != OVP_OK) goto done;
    OVP_TRY(cli_kernel_model_save(cli, path, &t.model));
    status = put(&t, path, cli_value(args, "json") != NULL);
done:
    json_decref(t.took);
    ovp_free(cli->ctx, t.f);
    ovp_params_free(t.job);
    cli_kernel_model_free(cli, &t.model);
    return status;
}
