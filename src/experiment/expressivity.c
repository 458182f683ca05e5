/* expressivity: a circle sent through deep random nets; chaotic nets stretch and bend it exponentially, ordered ones
 * shrink it to a point, as mean field theory says (Poole et al. 2016). */
#include "expressivity_int.h"

#include <stdio.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    {"width", OVP_PARAM_INT, "100", 1, 20000, NULL, "units", "Width of the hidden layers."},
    {"depth", OVP_PARAM_INT, "20", 2, 1000, NULL, "matrices",
     "Weight matrices: depth - 1 hidden layers, 0 to depth - 2, and a read-out that is drawn but not used."},
    {"points", OVP_PARAM_INT, "400", 3, 1e6, NULL, "", "Points on the circle, both ends of 0..2 pi among them."},
    {"sigmas", OVP_PARAM_REAL_LIST, "2,0.4", 1e-6, 1e6, NULL, "",
     "Standard deviations sigma_w: weights are N(0, sigma^2 / fan_in), a net each, in this order."},
    {"map", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Also computes the phase diagram over --map-sigma-w and --map-sigma-b."},
    {"sigma-b", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "", "Standard deviation of the biases; 0: none are drawn."},
    {"activation", OVP_PARAM_TEXT, "tanh", 0, 0, NULL, "", "Activation."},
    {"radius", OVP_PARAM_REAL, "1", 1e-6, 1e6, NULL, "", "Radius of the circle in the two inputs."},
    {"angles", OVP_PARAM_REAL_LIST, "1,5,20,45,135", 0.01, 180, NULL, "degrees",
     "Angles between the points of a pair whose correlation is followed (the nearest the points have; at most 8)."},
    {"tolerance", OVP_PARAM_REAL, "0.005", 1e-8, 0.5, NULL, "",
     "Points are added until halving changes no layer's length by more than this fraction."},
    {"points-limit", OVP_PARAM_INT, "12800", 6, 1e8, NULL, "", "Most points that may be reached so."},
    {"members", OVP_PARAM_INT, "1", 1, 10000, NULL, "", "Nets of each sigma and seed, drawn one after another."},
    {"map-sigma-w", OVP_PARAM_REAL_LIST, "lin:0.1:4:60", 1e-6, 1e6, NULL, "", "Grid of --map, evenly spaced."},
    {"map-sigma-b", OVP_PARAM_REAL_LIST, "lin:0:2:60", 0, 1e6, NULL, "", "Grid of --map, evenly spaced."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds on two cores: width 300, five seeds",
     "width=300;points=200;seeds=1..5;map=yes;map-sigma-w=lin:0.1:4:20;map-sigma-b=lin:0:2:20"},
    {"default", "about 3 minutes on two cores: width 1000, ten seeds of two nets, three sigmas, the phase diagram",
     "width=1000;sigmas=2,0.4,4;seeds=1..10;members=2;map=yes"},
    {"paper", "exactly the published run: torch's stream, seed 42, width 100, sigma 2 and 0.4",
     "rng=torch;seeds=42;data-seed=42"},
};

static const ovp_store_column layer_columns[] = {
    {"sigma", "", "sigma_w of the net"},
    {"seed", "", "seed of the net"},
    {"layer", "", "hidden layer, from 0; its quantities are those of the pre-activations z"},
    {"q", "", "mean over the points of |z|^2 / width"},
    {"q_theory", "", "q map iterated from sigma^2 radius^2 / 2 + sigma_b^2"},
    {"length", "", "of the curve z(theta), converged up to length_error"},
    {"length_theory", "", "2 pi radius sigma sqrt(width / 2), times sqrt(chi_1(q)) each layer"},
    {"growth", "", "length over that of the layer before; empty in layer 0"},
    {"member", "", "0.. for nets of one sigma and seed drawn one after another"},
    {"growth_theory", "", "sqrt(chi_1(q_theory of the layer before))"},
    {"length_error", "", "relative change of the length when points were added last; empty: none could be"},
    {"length_polyline", "", "straight segments between the points asked for"},
    {"length_activations", "", "of the curve phi(z(theta)), the published trajectories"},
    {"length_activations_theory", "", "length_theory times sqrt(chi_1(q)) / sigma"},
    {"curvature", "", "root mean square over the points of sqrt(width) kappa"},
    {"curvature_theory", "", "kappa^2 <- 3 chi_2 / chi_1^2 + kappa^2 / chi_1; empty: infinite (kinks)"},
};
static const ovp_store_column correlation_columns[] = {
    {"sigma", "", "sigma_w of the net"},
    {"seed", "", "seed of the net"},
    {"member", "", "as in table layers"},
    {"layer", "", "hidden layer, from 0"},
    {"angle", "degrees", "between the inputs of a pair"},
    {"c", "", "mean over the pairs of the correlation z z' / (|z| |z'|)"},
    {"c_theory", "", "correlation map iterated with the q of each layer"},
};
static const ovp_store_column theory_columns[] = {
    {"sigma", "", "sigma_w"},
    {"sigma_b", "", "sigma_b"},
    {"q_star", "", "fixed point of the q map"},
    {"chi_1", "", "sigma_w^2 E phi'(sqrt(q*) z)^2"},
    {"growth", "", "sqrt(chi_1): factor of a length in each layer"},
    {"chi_2", "", "sigma_w^2 E phi''(sqrt(q*) z)^2; empty: infinite"},
    {"c_star", "", "fixed point of the correlation map; empty where q* = 0"},
    {"xi_q", "layers", "depth scale of q; empty: infinite"},
    {"xi_c", "layers", "depth scale of correlations; empty: infinite"},
    {"phase", "", "ordered, critical or chaotic"},
};
static const ovp_store_column map_columns[] = {
    {"sigma_w", "", "sigma_w"},
    {"sigma_b", "", "sigma_b"},
    {"q_star", "", "fixed point of the q map; empty: there is none"},
    {"chi_1", "", "slope of the correlation map at 1; above 1: chaotic"},
    {"xi_c", "layers", "depth scale of correlations; empty: infinite"},
};
static const ovp_store_column edge_columns[] = {
    {"sigma_b", "", "sigma_b"},
    {"sigma_w", "", "at which chi_1 = 1: the edge of chaos, by root finding; empty: none found"},
};
static const ovp_store_column summary_columns[] = {
    {"sigma", "", "sigma_w"},
    {"layer", "", "hidden layer, from 0"},
    {"measure", "", "column of table layers"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds and members"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column timing_columns[] = {
    {"sigma", "", "sigma_w"},
    {"seed", "", "seed"},
    {"member", "", "as in table layers"},
    {"points", "", "points on the curve in the end"},
    {"seconds_draw", "s", "drawing the weights"},
    {"seconds", "s", "sending the curve through the net"},
};
static const ovp_experiment_table tables[] = {
    {"layers", "One row a net and layer.", layer_columns, COUNT(layer_columns), 0},
    {"layers-summary", "Means over seeds and members.", summary_columns, COUNT(summary_columns), 0},
    {"correlations", "Pairs of points at fixed angles.", correlation_columns, COUNT(correlation_columns), 0},
    {"theory", "Mean field theory of each sigma.", theory_columns, COUNT(theory_columns), 0},
    {"map", "Phase diagram, with --map.", map_columns, COUNT(map_columns), 1},
    {"map-edge", "Edge of chaos, with --map.", edge_columns, COUNT(edge_columns), 1},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- what is refused ------------------------------------------------------------------------------- */

/* An activation without a second moment or a map without a fixed point, in theory's words. */
static ovp_status check_field(ovp_ctx *ctx, const ovp_params *p, double sigma) {
    ovp_theory_mean_field *field = NULL;
    ovp_theory_fixed_point fixed;
    char why[512], text[32];
    const ovp_theory_mean_field_options options = {.size = sizeof options,
                                                   .activation = ovp_params_text(p, "activation"),
                                                   .sigma_w = sigma,
                                                   .sigma_b = ovp_params_real(p, "sigma-b")};
    ovp_status status = ovp_theory_mean_field_create(&field, ctx, &options);
    if (status == OVP_OK) status = ovp_theory_fixed_point_find(&fixed, ctx, field);
    ovp_theory_mean_field_free(field);
    if (status == OVP_OK && !isfinite(fixed.chi_1))
        return ovp_fail(ctx, OVP_EINVAL,
                        "--activation %s: it jumps, so that a curve breaks and has no length; give one "
                        "without jumps",
                        options.activation);
    if (status != OVP_ENUMERIC && status != OVP_EINVAL) return status;
    snprintf(why, sizeof why, "%s", ovp_message(ctx));
    ovp_clear(ctx);
    ovp_format_real(text, sigma);
    return ovp_fail(ctx, OVP_EINVAL, "--sigmas %s with --activation %s: %s", text, options.activation, why);
}

static ovp_status check_grid(ovp_ctx *ctx, const ovp_params *p, const char *key) {
    ovp_idx count;
    const double *x = ovp_params_reals(p, key, &count);
    const double step = (x[count - 1] - x[0]) / (double)(count - 1);
    for (ovp_idx i = 0; i < count; i++)
        if (count < 2 || !(step > 0) || !(fabs(x[i] - x[0] - (double)i * step) <= 1e-6 * step))
            return ovp_fail(ctx, OVP_EINVAL,
                            "--%s: needs at least 2 values, ascending and evenly spaced, such as "
                            "lin:0.1:4:60",
                            key);
    return OVP_OK;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx count, angles;
    const double *sigmas = ovp_params_reals(p, "sigmas", &count);
    const long long points = ovp_params_int(p, "points"), limit = ovp_params_int(p, "points-limit");
    ovp_params_reals(p, "angles", &angles);
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: the published program took its nets from torch and only the "
                        "projection from numpy, which --rng torch does; use torch or philox");
    if (strcmp(ovp_params_text(p, "precision"), "f64") != 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--precision f32: expressivity's weights are float32, but curves go through "
                        "them in f64 only, as chaos multiplies rounding; use f64");
    if (strcmp(ovp_params_text(p, "engine"), "auto") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--engine %s: expressivity has one way of its own; use auto",
                        ovp_params_text(p, "engine"));
    if (limit < 2 * points - 1)
        return ovp_fail(ctx, OVP_EINVAL, "--points-limit %lld: halving the intervals of --points %lld once needs %lld",
                        limit, points, 2 * points - 1);
    if (angles > EXPRESSIVITY_ANGLES)
        return ovp_fail(ctx, OVP_EINVAL, "--angles: %lld values; at most %d", (long long)angles, EXPRESSIVITY_ANGLES);
    if (ovp_params_bool(p, "map")) {
        OVP_TRY(check_grid(ctx, p, "map-sigma-w"));
        OVP_TRY(check_grid(ctx, p, "map-sigma-b"));
    }
    for (ovp_idx i = 0; i < count; i++) {
        for (ovp_idx j = 0; j < i; j++)
            if (sigmas[i] >= sigmas[j] && sigmas[i] <= sigmas[j])
                return ovp_fail(ctx, OVP_EINVAL, "--sigmas: %g is given twice; --members draws several nets of one",
                                sigmas[i]);
        OVP_TRY(check_field(ctx, p, sigmas[i]));
    }
    OVP_TRY(expressivity_check_memory(ctx, p));
done:
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why does a deep random net with sigma 2 tangle a circle, and one with sigma 0.4 flatten it?",
     "Each layer multiplies lengths by sqrt(chi_1): 1.167 at sigma 2 (chaotic), 0.4 at sigma 0.4 (ordered); second "
     "verdict of each sigma."},
    {"Where is the border between the two?",
     "At chi_1 = 1, the edge of chaos: sigma_w = 1 for tanh without biases, 1.396 with sigma_b = 0.3 (table map-edge, "
     "--map)."},
    {"Does the curve's length grow because the points move outwards?",
     "No: q settles at q* within about four layers (first verdict), so an ever longer curve is folded into a sphere of "
     "fixed radius."},
    {"Why does depth make functions that a shallow net cannot fit?",
     "A length that grows as chi_1^(depth/2) with a curvature that does not fall is crossed exponentially often by a "
     "hyperplane; one hidden layer needs exponentially many units for it (Poole et al. 2016, section 5)."},
    {"Do two points keep their distance?", "No: at sigma 2 correlations fall to c* = 0 however near the points began, "
                                           "in ordered nets they keep (sigma_b = 0) "
                                           "or go to 1; third verdict, depth scale xi_c in table theory."},
    {"Do 400 points show the chaotic curve?",
     "In the published net yes, at sigma 4 not beyond a few layers: compare length_polyline with length, to which "
     "points were added until it no longer changed."},
    {"Are finite nets like the theory?",
     "Their means are; single nets of width 1000 are off by some 3 per cent in q, falling as 1/sqrt(width), so that "
     "the "
     "mean of ten is within about 2 per cent (first verdict). Over 40 seeds at sigma 2 every layer from 4 on is within "
     "0.6 per cent and 2.1 standard errors of theory: no bias of finite width is seen."},
};

const ovp_experiment ovp_experiment_expressivity = {
    .id = "expressivity",
    .title = "Chaos and expressivity of deep random nets",
    .claim = "A circle sent through a deep random net grows exponentially in length where chi_1 > 1 and shrinks where "
             "chi_1 < 1, by sqrt(chi_1) in each layer.",
    .formula = "q' = sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2; chi_1 = sigma_w^2 E phi'(sqrt(q*) z)^2; length' = "
               "sqrt(chi_1) length; kappa'^2 = 3 chi_2 / chi_1^2 + kappa^2 / chi_1",
    .source = "Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli 2016, Exponential expressivity in deep neural networks "
              "through transient chaos; Neuromatch NeuroAI, W2D1, depth against width; Schoenholz, Gilmer, Ganguli and "
              "Sohl-Dickstein 2017, Deep Information Propagation",
    .about =
        "Points x = radius (cos theta, sin theta) go through nets with random weights N(0, sigma^2 / fan_in), float32 "
        "numbers, and biases N(0, sigma_b^2); no training. z^l are the pre-activations of hidden layer l = 0 .. depth "
        "- "
        "2, "
        "computed in f64. Recorded for each layer: q^l, the mean of |z|^2 / width; the length of the closed curve "
        "z^l(theta); its curvature; the correlation of pairs of points at fixed angles. Trajectories are the curves "
        "after the activation, phi(z^l), projected to three dimensions by a random matrix, as published.\n\n"
        "What theory says. In infinitely wide nets z is Gaussian, and each layer maps q and the correlation c of two "
        "points to the next (Poole et al. 2016). q runs to a fixed point q*. chi_1 is the slope of the correlation map "
        "at c = 1: near points move apart where chi_1 > 1 (chaos) and together where chi_1 < 1 (order). A length is "
        "multiplied by sqrt(chi_1) a layer, so that in the chaotic phase depth buys exponentially long curves on a "
        "sphere of fixed size; its curvature per length does not fall. length_theory is the recursion with the q of "
        "each finite layer, from q^1 = sigma^2 radius^2 / 2 + sigma_b^2 on.\n\n"
        "How the length is found. Straight segments between points cut the folds of a chaotic curve off, so the run "
        "sends dz/dtheta through the net beside z (forward mode) and integrates its norm by the trapezoid rule; where "
        "halving an interval changes its share by more than the tolerance it is halved again, until no layer's length "
        "changes by more. What is compared is the larger of the change and the root of its squares over the intervals, "
        "which luck cannot cancel. A run that reaches --points-limit says from which layer on its length is not "
        "converged. length_polyline holds the segments between the points asked for.\n\n"
        "Random numbers. --rng torch: one stream a seed; for each net (member by member, sigmas in their order) first "
        "the default initialisation of all layers, which is forgotten, then normal_ of all layers, read-out included; "
        "the stream is not seeded again between nets. The projection is numpy's randn(width, 3) of --data-seed. --rng "
        "philox: a stream for each (seed, sigma, member, layer).\n\n"
        "How to read the figures. Trajectories: colour runs along the circle. Length, q, curvature and correlations "
        "against the layer: means over seeds with 95 % intervals, theory dashed. Correlation map: each layer's "
        "correlation against that of the layer before, with the map at q*. Phase diagram: chi_1 over (sigma_w, "
        "sigma_b), the edge of chaos, and this run's nets.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = expressivity_run,
};
