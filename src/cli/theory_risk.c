/* overparam theory risk-curves */
#include "cli_theory.h"

#include <math.h>
#include <overparam/theory.h>

static const ovp_param rows[] = {
    {"model", OVP_PARAM_CHOICE, "hastie", 0, 0, "hastie|mei-montanari|eigenlearning", "", "Which theory."},
    {"counts", OVP_PARAM_INT_LIST, CLI_RISK_COUNTS, 1, 1e9, NULL, "", "Features, or samples."},
    {"n", OVP_PARAM_INT, "300", 1, 1e9, NULL, "samples", "Samples."},
    {"d", OVP_PARAM_INT, "100", 1, 1e9, NULL, "", "Dimension."},
    {"signal", OVP_PARAM_REAL, "1", 0, 1e12, NULL, "", "Squared norm of the target."},
    {"unseen", OVP_PARAM_REAL, "0", 0, 1e12, NULL, "", "Signal that the features miss."},
    {"noise", OVP_PARAM_REAL, "0.5", 0, 1e6, NULL, "", "Standard deviation."},
    {"lambda", OVP_PARAM_REAL, "0", 0, 1e12, NULL, "", "Ridge."},
    {"nonlinearity", OVP_PARAM_TEXT, "relu", 0, 0, NULL, "", "Activation."},
    {"modes", OVP_PARAM_INT, "10000", 1, 1e6, NULL, "", "Modes."},
    {"eigenvalue-power", OVP_PARAM_REAL, "1.5", 0, 20, NULL, "", "Decay."},
    {"target-power", OVP_PARAM_REAL, "2", 0, 20, NULL, "", "Decay."},
};
#define MOST_COUNTS 10000

typedef struct curve {
    cli_app *cli;
    const ovp_params *params;
    const char *model;
    double signal, noise, lambda; /* noise: variance */
    ovp_theory_random_features_options features;
    ovp_theory_mode *modes;
    ovp_idx mode_count;
} curve;

static int is(const curve *c, const char *model) {
    return strcmp(c->model, model) == 0;
}

static ovp_status make_modes(curve *c) {
    ovp_status status = OVP_OK;
    double sum = 0;
    const double decay = ovp_params_real(c->params, "eigenvalue-power"),
                 power = ovp_params_real(c->params, "target-power");
    c->mode_count = ovp_params_int(c->params, "modes");
    OVP_TRY(ovp_alloc(c->cli->ctx, &c->modes, c->mode_count, sizeof *c->modes));
    for (ovp_idx i = 0; i < c->mode_count; i++) {
        const double k = (double)(i + 1);
        c->modes[i] = (ovp_theory_mode){pow(k, -decay), 1, pow(k, -power)};
        sum += c->modes[i].power;
    }
    for (ovp_idx i = 0; i < c->mode_count; i++) c->modes[i].power *= c->signal / sum;
done:
    return status;
}

static ovp_status begin(curve *c) {
    ovp_status status = OVP_OK;
    const double noise = ovp_params_real(c->params, "noise");
    c->model = ovp_params_text(c->params, "model");
    c->signal = ovp_params_real(c->params, "signal");
    c->noise = noise * noise;
    c->lambda = ovp_params_real(c->params, "lambda");
    if (is(c, "eigenlearning")) return make_modes(c);
    if (!is(c, "mei-montanari")) return OVP_OK;
    const double d = (double)ovp_params_int(c->params, "d");
    c->features = (ovp_theory_random_features_options){.size = sizeof c->features,
                                                       .psi_2 = (double)ovp_params_int(c->params, "n") / d,
                                                       .linear = c->signal,
                                                       .nonlinear = ovp_params_real(c->params, "unseen"),
                                                       .noise = c->noise,
                                                       .lambda = c->lambda};
    OVP_TRY(ovp_theory_activation_moments_get(&c->features.moments, c->cli->ctx,
                                              ovp_params_text(c->params, "nonlinearity")));
done:
    return status;
}

/* aspect: features / samples; eigenlearning: kappa. */
static ovp_status point(ovp_theory_risk *out, double *aspect, curve *c, int64_t count) {
    ovp_ctx *ctx = c->cli->ctx;
    ovp_status status = OVP_OK;
    ovp_theory_eigenlearning learned;
    const int64_t n = ovp_params_int(c->params, "n");
    *aspect = (double)count / (double)n;
    if (is(c, "eigenlearning")) {
        OVP_TRY(ovp_theory_eigenlearning_solve(&learned, NULL, ctx, c->mode_count, c->modes, (double)count, c->lambda,
                                               c->noise));
        *out = learned.risk;
        *aspect = learned.kappa;
    } else if (is(c, "mei-montanari")) {
        c->features.psi_1 = (double)count / (double)ovp_params_int(c->params, "d");
        OVP_TRY(ovp_theory_random_features(out, ctx, &c->features));
    } else if (c->lambda > 0) {
        OVP_TRY(ovp_theory_ridge(out, ctx, *aspect, c->signal, c->noise, c->lambda));
    } else {
        OVP_TRY(
            ovp_theory_least_squares(out, ctx, n, count, c->signal, ovp_params_real(c->params, "unseen"), c->noise));
    }
done:
    return status;
}

static void put(curve *c, ovp_idx count, const int64_t *counts, const double *aspects, const ovp_theory_risk *risks) {
    const int kernel = is(c, "eigenlearning");
    const char *const titles[] = {
        kernel ? "samples" : "features", kernel ? "kappa" : "aspect", "bias", "variance", "excess", "test", "train"};
    cli_grid grid;
    cli_grid_begin(&grid, c->cli, 7, 0);
    for (int k = 0; k < 7; k++) {
        grid.right[k] = 1;
        cli_grid_cell(&grid, "%s", titles[k]);
    }
    for (ovp_idx i = 0; i < count; i++) {
        const double values[] = {aspects[i],      risks[i].bias, risks[i].variance,
                                 risks[i].excess, risks[i].test, risks[i].train};
        cli_grid_cell(&grid, "%lld", (long long)counts[i]);
        for (int k = 0; k < 6; k++) cli_grid_cell(&grid, "%.6g", values[k]);
    }
    cli_grid_end(&grid, c->cli);
}

static ovp_status put_json(curve *c, ovp_idx count, const int64_t *counts, const double *aspects,
                           const ovp_theory_risk *risks) {
    json_t *points = json_array(), *out = json_object();
    const int kernel = is(c, "eigenlearning");
    for (ovp_idx i = 0; i < count; i++) {
        json_t *point_ = json_object();
        cli_json_set(c->cli, point_, kernel ? "samples" : "features", json_integer(counts[i]));
        cli_json_set(c->cli, point_, kernel ? "kappa" : "aspect", ovp_io_json_number(aspects[i]));
        cli_json_set(c->cli, point_, "bias", ovp_io_json_number(risks[i].bias));
        cli_json_set(c->cli, point_, "variance", ovp_io_json_number(risks[i].variance));
        cli_json_set(c->cli, point_, "excess", ovp_io_json_number(risks[i].excess));
        cli_json_set(c->cli, point_, "test", ovp_io_json_number(risks[i].test));
        cli_json_set(c->cli, point_, "train", ovp_io_json_number(risks[i].train));
        cli_json_append(c->cli, points, point_);
    }
    cli_json_set(c->cli, out, "schema", json_integer(1));
    cli_json_set(c->cli, out, "model", json_string(c->model));
    cli_json_set(c->cli, out, "points", points);
    return cli_put_json(c->cli, out);
}

ovp_status cli_theory_risk_curves(cli_app *cli, const cli_args *args) {
    ovp_params *params = NULL;
    curve c = {.cli = cli};
    ovp_theory_risk *risks = NULL;
    double *aspects = NULL;
    ovp_idx count;
    ovp_status status;
    OVP_TRY(cli_args_params(&params, cli, args, rows, sizeof rows / sizeof *rows));
    c.params = params;
    const int64_t *counts = ovp_params_ints(params, "counts", &count);
    if (count > MOST_COUNTS) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--counts: %lld values; at most %d", (long long)count, MOST_COUNTS);
        goto done;
    }
    OVP_TRY(begin(&c));
    OVP_TRY(ovp_alloc(cli->ctx, &risks, count, sizeof *risks));
    OVP_TRY(ovp_alloc(cli->ctx, &aspects, count, sizeof *aspects));
    for (ovp_idx i = 0; i < count; i++) {
        OVP_TRY(ovp_check(cli->ctx));
        OVP_TRY(point(&risks[i], &aspects[i], &c, counts[i]));
    }
    if (cli_value(args, "json")) {
        status = put_json(&c, count, counts, aspects, risks);
    } else {
        put(&c, count, counts, aspects, risks);
    }
done:
    ovp_free(cli->ctx, c.modes);
    ovp_free(cli->ctx, aspects);
    ovp_free(cli->ctx, risks);
    ovp_params_free(params);
    return status;
}
