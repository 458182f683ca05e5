/* overparam kernel predict: a fit at new points, or what training would predict at any time. */
#include "cli_kernel.h"

typedef struct prediction {
    cli_app *cli;
    ovp_params *job;
    cli_kernel_model model;
    ovp_numeric_array x, f, covariance; /* f: m x c, f64; covariance: m x m or zeroed */
    ovp_numeric_array labels;           /* i64, m, or zeroed */
    ovp_idx n, d, c, m;
    const char *path, *covariance_path;
    int timed; /* training is followed, for --time or --covariance */
} prediction;

static ovp_status read_inputs(prediction *p, const cli_args *args) {
    cli_app *cli = p->cli;
    const char *x = args->operands[2];
    const ovp_numeric_array *points = &p->model.x;
    ovp_status status;
    OVP_TRY(cli_kernel_model_load(&p->model, cli, args->operands[1]));
    OVP_TRY(cli_kernel_memory(&p->model.kernel.memory, cli, args));
    OVP_TRY(cli_kernel_read(&p->x, cli, x));
    OVP_TRY(cli_kernel_match(cli, x, &p->x, "the model's x", points, 0));
    OVP_TRY(cli_kernel_real(&p->x, cli, x, points->type, ovp_params_real(p->model.kernel.params, "divide")));
    p->n = points->shape[0];
    p->d = points->shape[1];
    p->c = p->model.y.shape[1];
    p->m = p->x.shape[0];
    status = cli_kernel_make(&p->model.kernel, cli, p->d, points->type);
    if (status == OVP_EINVAL || status == OVP_EUSAGE) status = OVP_EFORMAT; /* the model's file says so, not the user */
done:
    return status;
}

/* ---- the fit ----------------------------------------------------------------------------------------- */

static ovp_status apply(prediction *p) {
    cli_app *cli = p->cli;
    const cli_kernel_model *m = &p->model;
    const ovp_idx shape[2] = {p->m, p->c};
    ovp_status status;
    const double panel = fmin(cli_kernel_bytes(p->m, p->n, m->x.type), (double)m->kernel.memory / 4);
    OVP_TRY(cli_kernel_fits(cli, "a prediction at so many points",
                            cli_kernel_bytes(p->m, p->d + 2 * p->c, OVP_F64) +
                                cli_kernel_bytes(p->n, p->d + p->c, OVP_F64) + panel +
                                cli_kernel_scratch(&m->kernel, p->n + p->m, p->d),
                            m->kernel.memory, "give fewer points at once"));
    OVP_TRY(ovp_numeric_array_create(&p->f, cli->ctx, m->x.type, 2, shape));
    OVP_TRY(cli_kernel_apply(p->f.data, cli, &m->kernel, m->x.type, p->d, p->m, p->x.data, p->n, m->x.data, p->c,
                             m->coefficients.data));
    status = cli_kernel_real(&p->f, cli, "the prediction", OVP_F64, 1);
done:
    return status;
}

/* ---- training at a time ------------------------------------------------------------------------------ */

/* Kernels between training points, tests and training points, and tests. */
typedef struct matrices {
    double *train, *test, *both;
} matrices;

static ovp_status make_matrices(matrices *out, prediction *p, const cli_kernel *kernel, int tests_too) {
    cli_app *cli = p->cli;
    const void *x = p->model.x.data, *z = p->x.data;
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, &out->train, p->n * p->n, sizeof(double)));
    OVP_TRY(ovp_alloc(cli->ctx, &out->test, p->m * p->n, sizeof(double)));
    OVP_TRY(cli_kernel_gram(out->train, cli, kernel, OVP_F64, p->d, p->n, x, 0, NULL));
    OVP_TRY(cli_kernel_gram(out->test, cli, kernel, OVP_F64, p->d, p->m, z, p->n, x));
    if (!tests_too) goto done;
    OVP_TRY(ovp_alloc(cli->ctx, &out->both, p->m * p->m, sizeof(double)));
    status = cli_kernel_gram(out->both, cli, kernel, OVP_F64, p->d, p->m, z, 0, NULL);
done:
    return status;
}

static void drop(cli_app *cli, matrices *k) {
    ovp_free(cli->ctx, k->train);
    ovp_free(cli->ctx, k->test);
    ovp_free(cli->ctx, k->both);
}

/* A Gaussian process: its kernel is also that of its outputs at the start, and the ridge is the noise of the targets,
 * which then differ by K + lambda I (Rasmussen and Williams 2006, 2.2). Takes k->both over. */
static ovp_status add_noise(matrices *out, prediction *p, matrices *k) {
    ovp_status status = ovp_alloc(p->cli->ctx, &out->train, p->n * p->n, sizeof(double));
    if (status != OVP_OK) return status;
    memcpy(out->train, k->train, (size_t)(p->n * p->n) * sizeof(double));
    for (ovp_idx i = 0; i < p->n; i++) out->train[i * p->n + i] += p->model.lambda;
    OVP_TRY(ovp_alloc(p->cli->ctx, &out->test, p->m * p->n, sizeof(double)));
    memcpy(out->test, k->test, (size_t)(p->m * p->n) * sizeof(double));
    out->both = k->both;
    k->both = NULL;
done:
    return status;
}

static ovp_status check_time(prediction *p) {
    const double n = cli_kernel_bytes(p->n, p->n, OVP_F64), mn = cli_kernel_bytes(p->m, p->n, OVP_F64),
                 m = cli_kernel_bytes(p->m, p->m, OVP_F64);
    const int covariance = p->covariance_path != NULL;
    if (covariance && p->model.kernel.net)
        return ovp_fail(p->cli->ctx, OVP_EUSAGE,
                        "--covariance: an empirical NTK is that of one net; fit with --kernel ntk for an ensemble");
    return cli_kernel_fits(p->cli, "following the training of so many points",
                           (6 + 4 * covariance) * n + (2 + 2 * covariance) * mn + 3 * covariance * m +
                               cli_kernel_scratch(&p->model.kernel, 2 * (p->n + p->m), p->d),
                           p->model.kernel.memory,
                           covariance ? "give fewer points at once" : "leave out --time, or give fewer points at once");
}

/* k: kernels of the outputs at the start; NULL: no covariance wanted. */
static ovp_status predictor(ovp_kernel_predictor **out, prediction *p, const matrices *theta, const matrices *k) {
    const ovp_kernel_predict_options options = {.size = sizeof options,
                                                .n = p->n,
                                                .tests = p->m,
                                                .theta = theta->train,
                                                .theta_test = theta->test,
                                                .k = k ? k->train : NULL,
                                                .k_test = k ? k->test : NULL,
                                                .k_test_test = k ? k->both : NULL,
                                                .ridge = p->model.lambda,
                                                .c = p->c,
                                                .loss = ovp_params_text(p->job, "loss")};
    return ovp_kernel_predict_create(out, p->cli->ctx, &options);
}

static ovp_status follow(prediction *p) {
    cli_app *cli = p->cli;
    cli_kernel *kernel = &p->model.kernel, prior = {.memory = 0};
    const int ensemble = p->covariance_path && cli_kernel_is(kernel, "ntk");
    matrices theta = {NULL}, start = {NULL};
    ovp_kernel_predictor *made = NULL;
    const ovp_kernel_time time = {ovp_params_real(p->job, "time"), ovp_params_real(p->job, "lr")};
    const ovp_idx f_shape[2] = {p->m, p->c}, shape[2] = {p->m, p->m};
    ovp_status status;
    OVP_TRY(check_time(p));
    OVP_TRY(cli_kernel_real(&p->model.x, cli, "the model's x", OVP_F64, 1));
    OVP_TRY(cli_kernel_real(&p->x, cli, "X", OVP_F64, 1));
    OVP_TRY(make_matrices(&theta, p, kernel, p->covariance_path && !ensemble));
    if (ensemble) {
        OVP_TRY(cli_kernel_make_prior(&prior, cli, kernel));
        OVP_TRY(make_matrices(&start, p, &prior, 1));
    } else if (p->covariance_path) {
        OVP_TRY(add_noise(&start, p, &theta));
    }
    OVP_TRY(predictor(&made, p, &theta, p->covariance_path ? &start : NULL));
    OVP_TRY(ovp_numeric_array_create(&p->f, cli->ctx, OVP_F64, 2, f_shape));
    OVP_TRY(ovp_kernel_predict_mean(NULL, p->f.data, cli->ctx, made, time, p->model.y.data, NULL, NULL));
    if (!p->covariance_path) goto done;
    OVP_TRY(ovp_numeric_array_create(&p->covariance, cli->ctx, OVP_F64, 2, shape));
    status = ovp_kernel_predict_covariance(p->covariance.data, cli->ctx, made, time);
done:
    ovp_kernel_predict_free(made);
    drop(cli, &theta);
    drop(cli, &start);
    cli_kernel_free(cli, &prior);
    return status;
}

/* ---- results ----------------------------------------------------------------------------------------- */

/* The class of the largest output; the first of equals. */
static ovp_status decide(prediction *p) {
    ovp_status status = ovp_numeric_array_create(&p->labels, p->cli->ctx, OVP_I64, 1, &p->m);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < p->m; i++) {
        const double *row = (const double *)p->f.data + i * p->c;
        ovp_idx largest = 0;
        for (ovp_idx k = 1; k < p->c; k++)
            if (row[k] > row[largest]) largest = k;
        ((int64_t *)p->labels.data)[i] = ((const int64_t *)p->model.classes.data)[largest];
    }
    return OVP_OK;
}

static ovp_status write_files(prediction *p) {
    const ovp_io_named_array arrays[] = {{(char *)(uintptr_t) "f", p->f}, {(char *)(uintptr_t) "labels", p->labels}};
    const ovp_io_named_array covariance = {(char *)(uintptr_t) "covariance", p->covariance};
    ovp_status status = OVP_OK;
    if (p->path) OVP_TRY(cli_kernel_write(p->cli, p->path, arrays, p->labels.data ? 2 : 1));
    if (p->covariance_path) status = cli_kernel_write(p->cli, p->covariance_path, &covariance, 1);
done:
    return status;
}

/* Mean over points of the standard deviation; rounding may leave a variance a little below 0. */
static double mean_deviation(const prediction *p) {
    double sum = 0;
    if (!p->covariance.data) return NAN;
    for (ovp_idx i = 0; i < p->m; i++) sum += sqrt(fmax(((double *)p->covariance.data)[i * p->m + i], 0));
    return sum / (double)p->m;
}

static ovp_status put(prediction *p, const cli_args *args, const cli_kernel_score *score) {
    cli_app *cli = p->cli;
    const int labels = p->model.classes.data != NULL;
    const double deviation = mean_deviation(p);
    if (cli_value(args, "json")) {
        json_t *out = json_pack(
            "{s:i, s:s, s:I, s:I, s:s, s:o, s:o, s:o, s:o}", "schema", 1, "model", args->operands[1], "points",
            (json_int_t)p->m, "outputs", (json_int_t)p->c, "task", labels ? "classification" : "regression", "time",
            p->timed ? ovp_io_json_number(ovp_params_real(p->job, "time")) : json_null(), "mse",
            ovp_io_json_number(score->mse), "accuracy", ovp_io_json_number(labels ? 1 - score->error : (double)NAN),
            "mean_std", ovp_io_json_number(deviation));
        cli_json_set(cli, out, "out", p->path ? json_string(p->path) : json_null());
        cli_json_set(cli, out, "covariance", p->covariance_path ? json_string(p->covariance_path) : json_null());
        return cli_put_json(cli, out);
    }
    ovp_text_add(&cli->out, "Points     %lld, %lld %s\n", (long long)p->m, (long long)p->c,
                 labels     ? "classes"
                 : p->c > 1 ? "outputs"
                            : "output");
    if (!isnan(score->mse)) ovp_text_add(&cli->out, "Mse        %.6g\n", score->mse);
    if (labels && !isnan(score->error)) ovp_text_add(&cli->out, "Accuracy   %.4g %%\n", 100 * (1 - score->error));
    if (!isnan(deviation)) ovp_text_add(&cli->out, "Std        %.6g on average\n", deviation);
    if (p->path) ovp_text_add(&cli->out, "File       %s\n", p->path);
    if (p->covariance_path) ovp_text_add(&cli->out, "Covariance %s\n", p->covariance_path);
    return OVP_OK;
}

static ovp_status read_flags(prediction *p, const cli_args *args) {
    cli_app *cli = p->cli;
    ovp_status status;
    OVP_TRY(cli_kernel_out(&p->path, cli, args, "out"));
    OVP_TRY(cli_kernel_out(&p->covariance_path, cli, args, "covariance"));
    OVP_TRY(cli_kernel_job(&p->job, cli, args));
    p->timed = cli_value(args, "time") || p->covariance_path;
    if (args->operand_count < 3 || args->operand_count > 4 ||
        (args->operand_count == 3 && !p->path && !p->covariance_path))
        status =
            ovp_fail(cli->ctx, OVP_EUSAGE,
                     "kernel predict: write overparam kernel predict MODEL.npz X [Y], with --out F.npy, Y to compare "
                     "with, or both");
    else if (!p->timed && (cli_value(args, "lr") || cli_value(args, "loss")))
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--lr and --loss belong to a time of training; give --time too");
done:
    return status;
}

ovp_status cli_kernel_predict(cli_app *cli, const cli_args *args) {
    prediction p = {.cli = cli};
    cli_kernel_score score = {NAN, NAN};
    ovp_status status;
    OVP_TRY(read_flags(&p, args));
    OVP_TRY(read_inputs(&p, args));
    OVP_TRY(p.timed ? follow(&p) : apply(&p));
    if (args->operand_count > 3) OVP_TRY(cli_kernel_compare(&score, cli, &p.model, args->operands[3], &p.f));
    if (p.model.classes.data) OVP_TRY(decide(&p));
    OVP_TRY(write_files(&p));
    status = put(&p, args, &score);
done:
    ovp_numeric_array_free(cli->ctx, &p.x);
    ovp_numeric_array_free(cli->ctx, &p.f);
    ovp_numeric_array_free(cli->ctx, &p.covariance);
    ovp_numeric_array_free(cli->ctx, &p.labels);
    ovp_params_free(p.job);
    cli_kernel_model_free(cli, &p.model);
    return status;
}
