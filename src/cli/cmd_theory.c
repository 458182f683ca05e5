/* overparam theory: mean-field here, risk-curves in theory_risk.c. */
#include <math.h>

#include <overparam/theory.h>

#include "cli_theory.h"

static const cli_action actions[] = {
    {"mean-field", "", "Infinitely wide random nets: how lengths and angles travel through the layers."},
    {"risk-curves", "", "Test and train error against the number of features (or samples): double descent."},
    {0},
};

#define DEFAULT_W "1.5"
#define DEFAULT_B "0.3"
#define MAP_W "lin:0.5:5:19"
#define MAP_B "lin:0:4:33"

static const cli_option options[] = {
    {"sigma-w", "S",
     "mean-field: weights have variance S^2 / fan-in; above 0 (default " DEFAULT_W
     "). A list (1,2,4 or lin:1:5:9): a row for each pair."},
    {"sigma-b", "S", "mean-field: biases have variance S^2 (default " DEFAULT_B "), or a list."},
    {"activation", "NAME", "mean-field: any activation of the library (default tanh)."},
    {"tolerance", "T", "mean-field: error asked of each integral, 1e-13..0.1 (default 1e-10)."},
    {"depth", "L", "mean-field: also follow two inputs, and a small curve, through L layers (default 0)."},
    {"q0", "Q", "mean-field: their squared length per unit at the first layer (default 1)."},
    {"c0", "C", "mean-field: their correlation there, -1..1 (default 0.5)."},
    {"map", NULL,
     "mean-field: draw the phases over sigma-w (" MAP_W ") and sigma-b (" MAP_B "), or over the lists given."},
    {"model", "NAME",
     "risk-curves: hastie (least squares and ridge on isotropic features; default), mei-montanari (random features on "
     "the sphere) or eigenlearning (kernel ridge regression from a spectrum)."},
    {"counts", "LIST", "risk-curves: numbers of features; eigenlearning: of samples (default " CLI_RISK_COUNTS ")."},
    {"n", "N", "risk-curves: samples (default 300; not with eigenlearning)."},
    {"d", "D", "risk-curves: input dimension (default 100; mei-montanari)."},
    {"signal", "S", "risk-curves: squared norm of the target's coefficients (default 1)."},
    {"unseen", "S",
     "risk-curves: variance of what no feature can express (default 0; hastie without lambda, mei-montanari)."},
    {"noise", "S", "risk-curves: standard deviation of the noise (default 0.5)."},
    {"lambda", "L",
     "risk-curves: ridge in the model's own units (docs/theory.md; default 0: the limit of least norm)."},
    {"nonlinearity", "NAME", "risk-curves: activation of the random features (default relu; mei-montanari)."},
    {"modes", "M", "risk-curves: modes of the kernel (default 10000; eigenlearning)."},
    {"eigenvalue-power", "A", "risk-curves: eigenvalue i is i^-A (default 1.5; eigenlearning)."},
    {"target-power", "B", "risk-curves: the target's power on mode i falls as i^-B (default 2; eigenlearning)."},
    {"json", NULL, "One JSON object."},
    {0},
};

static const ovp_param rows[] = {
    {"sigma-w", OVP_PARAM_REAL_LIST, DEFAULT_W, 1e-6, 1e6, NULL, "", "Width of the weights."},
    {"sigma-b", OVP_PARAM_REAL_LIST, DEFAULT_B, 0, 1e6, NULL, "", "Width of the biases."},
    {"activation", OVP_PARAM_TEXT, "tanh", 0, 0, NULL, "", "Activation."},
    {"tolerance", OVP_PARAM_REAL, "1e-10", 1e-13, 0.1, NULL, "", "Error of each integral."},
    {"depth", OVP_PARAM_INT, "0", 0, 10000, NULL, "layers", "Layers followed."},
    {"q0", OVP_PARAM_REAL, "1", 0, 1e6, NULL, "", "Squared length per unit at the first layer."},
    {"c0", OVP_PARAM_REAL, "0.5", -1, 1, NULL, "", "Correlation at the first layer."},
};
#define MOST_POINTS 40000

typedef struct request {
    ovp_params *params;
    const double *w, *b;
    ovp_idx w_count, b_count;
    ovp_theory_mean_field_options options;
} request;

static ovp_status read_request(request *r, cli_app *cli, const cli_args *args) {
    const int map = cli_value(args, "map") != NULL;
    ovp_status status;
    OVP_TRY(cli_args_params(&r->params, cli, args, rows, sizeof rows / sizeof *rows));
    if (map && !cli_value(args, "sigma-w")) OVP_TRY(ovp_params_set(r->params, "sigma-w", MAP_W, "--map", OVP_EUSAGE));
    if (map && !cli_value(args, "sigma-b")) OVP_TRY(ovp_params_set(r->params, "sigma-b", MAP_B, "--map", OVP_EUSAGE));
    r->w = ovp_params_reals(r->params, "sigma-w", &r->w_count);
    r->b = ovp_params_reals(r->params, "sigma-b", &r->b_count);
    r->options = (ovp_theory_mean_field_options){.size = sizeof r->options,
                                                 .activation = ovp_params_text(r->params, "activation"),
                                                 .sigma_w = r->w[0],
                                                 .sigma_b = r->b[0],
                                                 .tolerance = ovp_params_real(r->params, "tolerance")};
    if (r->w_count * r->b_count > MOST_POINTS)
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sigma-w, --sigma-b: %lld x %lld points; at most %d together",
                          (long long)r->w_count, (long long)r->b_count, MOST_POINTS);
    else if (r->w_count * r->b_count > 1 && ovp_params_int(r->params, "depth"))
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--depth: follows one net; give one --sigma-w and one --sigma-b");
done:
    return status;
}

static json_t *point_json(cli_app *cli, double sigma_w, double sigma_b, const ovp_theory_fixed_point *p) {
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"sigma_w", sigma_w}, {"sigma_b", sigma_b}, {"q_star", p->q_star}, {"q_error", p->error},
                   {"chi_1", p->chi_1},  {"chi_2", p->chi_2},  {"c_star", p->c_star}, {"chi_c", p->chi_c},
                   {"xi_q", p->xi_q},    {"xi_c", p->xi_c}};
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        cli_json_set(cli, out, numbers[i].key, ovp_io_json_number(numbers[i].value));
    cli_json_set(cli, out, "phase", json_string(ovp_theory_phase_name(p->phase)));
    return out;
}

static void put_number(cli_grid *grid, double value) {
    char number[32] = "-";
    if (!isnan(value)) snprintf(number, sizeof number, "%.9g", value);
    cli_grid_cell(grid, "%s", number);
}

/* ---- many points ---------------------------------------------------------------------------------- */

static void put_rows(cli_app *cli, const request *r, const ovp_theory_fixed_point *points) {
    static const char *const titles[] = {"sigma_w", "sigma_b", "phase", "q*", "chi_1", "c*", "xi_q", "xi_c"};
    cli_grid grid;
    cli_grid_begin(&grid, cli, 8, 0);
    for (int i = 0; i < 8; i++) {
        grid.right[i] = i != 2;
        cli_grid_cell(&grid, "%s", titles[i]);
    }
    for (ovp_idx i = 0; i < r->w_count * r->b_count; i++) {
        const ovp_theory_fixed_point *p = &points[i];
        cli_grid_cell(&grid, "%.6g", r->w[i / r->b_count]);
        cli_grid_cell(&grid, "%.6g", r->b[i % r->b_count]);
        cli_grid_cell(&grid, "%s", ovp_theory_phase_name(p->phase));
        put_number(&grid, p->q_star);
        put_number(&grid, p->chi_1);
        put_number(&grid, p->c_star);
        put_number(&grid, p->xi_q);
        put_number(&grid, p->xi_c);
    }
    cli_grid_end(&grid, cli);
}

static void put_map(cli_app *cli, const request *r, const ovp_theory_fixed_point *points) {
    static const char marks[] = ".=#^"; /* as ovp_theory_phase */
    ovp_text_add(&cli->out, "%10s  sigma_b from %g to %g\n", "sigma_w", r->b[0], r->b[r->b_count - 1]);
    for (ovp_idx i = 0; i < r->w_count; i++) {
        ovp_text_add(&cli->out, "%10.4g  ", r->w[i]);
        for (ovp_idx j = 0; j < r->b_count; j++) ovp_text_add(&cli->out, "%c", marks[points[i * r->b_count + j].phase]);
        ovp_text_add(&cli->out, "\n");
    }
    ovp_text_add(&cli->out, "\n. ordered (inputs become alike)   = critical   # chaotic (they part)   ^ lengths grow "
                            "without bound\n");
}

static ovp_status diagram(cli_app *cli, const cli_args *args, const request *r) {
    ovp_theory_fixed_point *points = NULL;
    ovp_theory_mean_field *field = NULL;
    json_t *list = json_array();
    ovp_status status;
    OVP_TRY(ovp_theory_mean_field_create(&field, cli->ctx, &r->options)); /* a wrong name is told before the work */
    OVP_TRY(ovp_alloc(cli->ctx, &points, r->w_count * r->b_count, sizeof *points));
    OVP_TRY(ovp_theory_phase_diagram(points, cli->ctx, &r->options, r->w_count, r->w, r->b_count, r->b));
    if (cli_value(args, "json")) {
        for (ovp_idx i = 0; i < r->w_count * r->b_count; i++)
            cli_json_append(cli, list, point_json(cli, r->w[i / r->b_count], r->b[i % r->b_count], &points[i]));
        status = cli_put_json(cli, json_pack("{s:i, s:s, s:s, s:O}", "schema", 1, "activation", r->options.activation,
                                             "method", ovp_theory_mean_field_method(field), "points", list));
    } else if (cli_value(args, "map")) {
        put_map(cli, r, points);
    } else {
        put_rows(cli, r, points);
    }
done:
    json_decref(list);
    ovp_free(cli->ctx, points);
    ovp_theory_mean_field_free(field);
    return status;
}

/* ---- one point ------------------------------------------------------------------------------------- */

/* Curve and correlation one layer on. */
static ovp_status advance(ovp_theory_curve *curve, double *c, ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    const double q = curve->q;
    ovp_status status = ovp_theory_curve_next(curve, ctx, field);
    if (!(curve->q > 0)) *c = NAN;
    if (status == OVP_OK && !isnan(*c)) status = ovp_theory_c_map(c, NULL, ctx, field, q, *c);
    return status;
}

/* Layers 1..depth: [layer, q, c, length of a small curve of length 1 at the first layer]. Where q grows without bound
 * the layers past the largest numbers hold none. */
static ovp_status follow(json_t *layers, cli_app *cli, const request *r, const ovp_theory_mean_field *field,
                         int unbounded) {
    const int64_t depth = ovp_params_int(r->params, "depth");
    ovp_theory_curve curve = {ovp_params_real(r->params, "q0"), 1, 0};
    double c = ovp_params_real(r->params, "c0");
    ovp_status status = OVP_OK;
    for (int64_t l = 1; l <= depth; l++) {
        json_t *layer = json_object();
        cli_json_set(cli, layer, "layer", json_integer(l));
        cli_json_set(cli, layer, "q", ovp_io_json_number(curve.q));
        cli_json_set(cli, layer, "c", ovp_io_json_number(c));
        cli_json_set(cli, layer, "length", ovp_io_json_number(curve.length));
        cli_json_append(cli, layers, layer);
        OVP_TRY(ovp_check(cli->ctx));
        if (isfinite(curve.q)) status = advance(&curve, &c, cli->ctx, field);
        if (unbounded && (status == OVP_ENUMERIC || !isfinite(curve.q))) {
            if (status != OVP_OK) ovp_clear(cli->ctx);
            curve = (ovp_theory_curve){NAN, NAN, NAN};
            c = NAN;
            status = OVP_OK;
        }
        OVP_TRY(status);
    }
done:
    return status;
}

static void put_fact(cli_grid *grid, const char *name, double value, const char *meaning) {
    cli_grid_cell(grid, "%s", name);
    put_number(grid, value);
    cli_grid_cell(grid, "%s", meaning);
}

static void put_layers(cli_app *cli, const json_t *layers) {
    static const char *const columns[] = {"layer", "q", "c", "length"};
    cli_grid grid;
    size_t i;
    json_t *layer;
    ovp_text_add(&cli->out, "\n");
    cli_grid_begin(&grid, cli, 4, 0);
    for (int k = 0; k < 4; k++) {
        grid.right[k] = 1;
        cli_grid_cell(&grid, "%s", columns[k]);
    }
    json_array_foreach(layers, i, layer) for (int k = 0; k < 4; k++) {
        const json_t *value = json_object_get(layer, columns[k]);
        put_number(&grid, json_is_number(value) ? json_number_value(value) : (double)NAN);
    }
    cli_grid_end(&grid, cli);
}

static void put_point(cli_app *cli, const request *r, const ovp_theory_fixed_point *p, const char *method,
                      double edge) {
    cli_grid grid;
    ovp_text_add(&cli->out, "%s, sigma_w = %g, sigma_b = %g (%s): %s%s%s\n\n", r->options.activation,
                 r->options.sigma_w, r->options.sigma_b, method, cli_paint(cli, CLI_BOLD),
                 ovp_theory_phase_name(p->phase), cli_paint(cli, CLI_PLAIN));
    cli_grid_begin(&grid, cli, 3, 0);
    put_fact(&grid, "q*", p->q_star,
             isinf(p->q_star) ? "no fixed point: q grows without bound; a lower sigma_w has one"
                              : "squared length per unit that all inputs reach");
    put_fact(&grid, "error", p->error, "of q*, estimated");
    put_fact(&grid, "chi_1", p->chi_1, "growth of small differences a layer; a small curve grows by its root");
    put_fact(&grid, "chi_2", p->chi_2, "how strongly a layer bends");
    put_fact(&grid, "c*", p->c_star, "correlation that two different inputs reach");
    put_fact(&grid, "slope", p->chi_c, "of the correlation map at c*");
    put_fact(&grid, "xi_q", p->xi_q, "layers in which lengths settle (by a factor e)");
    put_fact(&grid, "xi_c", p->xi_c, "layers in which correlations settle: how deep the net can be trained");
    put_fact(&grid, "edge", edge, "sigma_w of the edge of chaos at this sigma_b");
    cli_grid_end(&grid, cli);
}

/* A q that grows without bound is an answer: phase unbounded, no numbers. */
static ovp_status find_point(ovp_theory_fixed_point *found, ovp_ctx *ctx, const ovp_theory_mean_field *field) {
    const ovp_status status = ovp_theory_fixed_point_find(found, ctx, field);
    if (status != OVP_ENUMERIC || !isinf(found->q_star)) return status;
    ovp_clear(ctx);
    return OVP_OK;
}

static ovp_status point(cli_app *cli, const cli_args *args, const request *r) {
    ovp_theory_mean_field *field = NULL;
    ovp_theory_fixed_point found;
    json_t *layers = json_array();
    double edge = NAN;
    ovp_status status;
    OVP_TRY(ovp_theory_mean_field_create(&field, cli->ctx, &r->options));
    OVP_TRY(find_point(&found, cli->ctx, field));
    OVP_TRY(follow(layers, cli, r, field, isinf(found.q_star)));
    status = ovp_theory_edge_of_chaos(&edge, cli->ctx, r->options.activation, r->options.sigma_b);
    if (status == OVP_ENUMERIC) { /* there is none: no failure of the command */
        ovp_clear(cli->ctx);
        status = OVP_OK;
    }
    if (status != OVP_OK) goto done;
    const char *method = ovp_theory_mean_field_method(field);
    if (cli_value(args, "json")) {
        json_t *out = point_json(cli, r->options.sigma_w, r->options.sigma_b, &found);
        cli_json_set(cli, out, "schema", json_integer(1));
        cli_json_set(cli, out, "activation", json_string(r->options.activation));
        cli_json_set(cli, out, "method", json_string(method));
        cli_json_set(cli, out, "tolerance", ovp_io_json_number(r->options.tolerance));
        cli_json_set(cli, out, "edge_sigma_w", ovp_io_json_number(edge));
        cli_json_set(cli, out, "layers", json_incref(layers));
        status = cli_put_json(cli, out);
        goto done;
    }
    put_point(cli, r, &found, method, edge);
    if (json_array_size(layers)) put_layers(cli, layers);
done:
    json_decref(layers);
    ovp_theory_mean_field_free(field);
    return status;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    request r = {0};
    const cli_action *action;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_theory, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 0, 1));
    OVP_TRY(cli_find_action(&action, cli, &args, "mean-field"));
    OVP_TRY(cli_check_action(cli, &args, action->name));
    if (strcmp(action->name, "risk-curves") == 0) {
        status = cli_theory_risk_curves(cli, &args);
        goto done;
    }
    OVP_TRY(read_request(&r, cli, &args));
    status = r.w_count * r.b_count > 1 || cli_value(&args, "map") ? diagram(cli, &args, &r) : point(cli, &args, &r);
done:
    ovp_params_free(r.params);
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_theory = {
    .name = "theory",
    .operands = "[mean-field|risk-curves]",
    .summary = "What theory predicts, computed: mean field of deep random nets, risk of fits.",
    .about =
        "mean-field: in a wide net with random weights (variance sigma-w^2 / fan-in) and biases (sigma-b^2), the "
        "squared "
        "length of an input per unit, q, and the correlation c of two inputs follow maps from layer to layer, down to "
        "fixed points q* and c*. Their slopes say how deep a signal reaches. chi_1 below 1: ordered, all inputs become "
        "alike (c* = 1). Above: chaotic, neighbours part. At 1, the edge of chaos, xi_c is infinite: nets far deeper "
        "than "
        "xi_c do not train. Where q grows without bound (relu with sigma-w^2 above 2) the phase is unbounded and there "
        "is no fixed point.\nrisk-curves: bias, variance, excess (against the noiseless target), test (with new noise) "
        "and train error of "
        "fits as the number of features grows. hastie: exact for n samples without --lambda, asymptotic with it. "
        "mei-montanari: asymptotic in d. eigenlearning: against samples, for a power-law spectrum.\nFormulas and "
        "sources: docs/theory.md.",
    .examples = "overparam theory mean-field --sigma-w 1.3 --sigma-b .3\n"
                "overparam theory mean-field --activation relu --sigma-w 1.414 --sigma-b .1 --json\n"
                "overparam theory mean-field --sigma-w 4 --depth 10 --c0 .9\n"
                "overparam theory mean-field --sigma-w 1,1.5,2,4 --sigma-b 0,.3\n"
                "overparam theory mean-field --map\n"
                "overparam theory risk-curves --n 300 --noise 1\n"
                "overparam theory risk-curves --model mei-montanari --d 100 --n 300 --lambda 0.01\n"
                "overparam theory risk-curves --model eigenlearning --counts log:10:1000:9 --json",
    .actions = actions,
    .options = options,
    .run = run,
};
