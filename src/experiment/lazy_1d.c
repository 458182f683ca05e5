/* lazy-1d: small nets on a handful of points on a line: how they fit, how far they move, what width and start do. */
#include "lazy_1d_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"mode", OVP_PARAM_CHOICE, "thin-vs-wide", 0, 0, "single|robustness|thin-vs-wide|bad-init", "",
     "Which study: it gives model, widths, members, steps, lr and batch their values where those keys are left alone."},
    {"target", OVP_PARAM_CHOICE, "middle", 0, 0, "simple|middle|complex", "", "Function to learn (see about)."},
    {"n", OVP_PARAM_INT, "15", 1, 1e6, NULL, "points", "Points of data."},
    {"noise", OVP_PARAM_REAL, "0", 0, 1e6, NULL, "", "Standard deviation of the noise in the targets."},
    {"model", OVP_PARAM_CHOICE, "auto", 0, 0, "auto|shallow|deep", "",
     "shallow 1-h-1, deep 1-h-h-h-h-h-1; auto: the mode's (single deep, the others shallow)."},
    {"widths", OVP_PARAM_INT_LIST, "0", 0, 1e6, NULL, "units",
     "Hidden widths h in the order of their draws; 0: the mode's (10; thin-vs-wide 5,10,100,1000; bad-init 100)."},
    {"members", OVP_PARAM_INT, "0", 0, 1e6, NULL, "nets",
     "Nets of each width and seed; 0: the mode's (robustness and bad-init 10, else 1)."},
    {"steps", OVP_PARAM_INT, "0", 0, 1e9, NULL, "steps",
     "Updates; 0: the mode's (single 10000, robustness 5000, thin-vs-wide 50000, bad-init 1000)."},
    {"lr", OVP_PARAM_REAL, "0", 0, 1e30, NULL, "",
     "Learning rate; 0: the mode's (single 0.1, thin-vs-wide 0.002, else 0.001)."},
    {"batch", OVP_PARAM_INT, "0", 0, 1e9, NULL, "points",
     "Points a step (see about); n and more: all of them. 0: the mode's (15; robustness and bad-init 30)."},
    {"record-every", OVP_PARAM_INT, "0", 0, 1e9, NULL, "steps",
     "Movement and step size are taken every so many steps and at the last, and the array of losses keeps steps 1, 1 + "
     "this, ..; 0: about 30 steps a decade, and every loss."},
    {"target-loss", OVP_PARAM_REAL, "0.01", 1e-300, 1e300, NULL, "", "Loss that steps_to_loss waits for."},
    {"x-min", OVP_PARAM_REAL, "-1", -1e6, 1e6, NULL, "", "Lower end of the inputs."},
    {"x-max", OVP_PARAM_REAL, "1", -1e6, 1e6, NULL, "", "Upper end of the inputs."},
    {"gap", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Also trains each net in f64 from the same (f32) numbers, at most 1000 steps, and tables how far rounding takes "
     "the losses apart."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: the mode's study over four seeds", "seeds=1..4"},
    {"default", "some seconds: the mode's study over ten seeds", "seeds=1..10"},
    {"paper", "as published: initialisations from torch's stream, data from numpy's, one seed", "rng=torch;seeds=42"},
};

static const ovp_store_column model_columns[] = {
    {"width", "units", "units of each hidden layer"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one width and seed drawn one after another"},
    {"initial_loss", "", "loss before the first update (of its batch)"},
    {"final_loss", "", "loss on all points after the last update"},
    {"movement_all", "", "||theta_T - theta_0|| / ||theta_0|| of all parameters"},
    {"movement_last_layer", "", "the same of the last layer, weight and bias together"},
    {"movement_output_bias", "", "the same of the last parameter tensor, the output bias"},
    {"risk", "", "mean squared error against the noiseless target on 1000 even points"},
    {"steps_to_loss", "steps", "updates after which the loss was first below target-loss; empty: never"},
    {"movement_published", "", "of the output bias, from theta after the first update, as the notebook measured it"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column tensor_columns[] = {
    {"member", "", "as in table models"},
    {"name", "", "parameter tensor: layer.weight or layer.bias"},
    {"shape", "", "out x in, or out"},
    {"norm_init", "", "Euclidean norm at the start"},
    {"norm_end", "", "norm after the last update"},
    {"movement", "", "||W_T - W_0|| / ||W_0||"},
    {"width", "units", "as in table models"},
    {"seed", "", "as in table models"},
};
static const ovp_store_column summary_columns[] = {
    {"width", "units", "units of each hidden layer"},
    {"measure", "", "column of table models"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds and members"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column exponent_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"measure", "", "column of table models"},
    {"exponent", "", "least-squares slope of its logarithm against log width"},
    {"predicted", "", "the same fit to table lazy-theory; empty: no prediction"},
};
static const ovp_store_column theory_columns[] = {
    {"width", "units", "units of the hidden layer"},
    {"seed", "", "seed whose data these are"},
    {"movement_all", "", "predicted by linearised training; no factor is fitted"},
    {"movement_last_layer", "", "likewise"},
    {"movement_output_bias", "", "likewise, root mean square over root mean square of the start"},
    {"final_loss", "", "mean training loss after the last update"},
};
static const ovp_store_column precision_columns[] = {
    {"member", "", "as in table models"},     {"step", "steps", "the loss before this update (from 1)"},
    {"loss_f32", "", "of the f32 net"},       {"loss_f64", "", "of the f64 net from the same numbers"},
    {"gap", "", "|loss_f32 / loss_f64 - 1|"}, {"width", "units", "as in table models"},
    {"seed", "", "as in table models"},
};
static const ovp_store_column timing_columns[] = {
    {"width", "units", "units of each hidden layer"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table models"},
    {"seconds", "s", "training with its measurements, beside other nets"},
    {"steps_per_second", "1/s", "training steps a second"},
};
static const ovp_experiment_table tables[] = {
    {"models", "One row a trained net.", model_columns, COUNT(model_columns), 0},
    {"tensors", "One row a parameter tensor of each net.", tensor_columns, COUNT(tensor_columns), 0},
    {"models-summary", "Means over seeds and members.", summary_columns, COUNT(summary_columns), 0},
    {"exponents", "Fitted powers of the width for each seed.", exponent_columns, COUNT(exponent_columns), 1},
    {"lazy-theory", "What linearised training predicts (shallow nets, full batch).", theory_columns,
     COUNT(theory_columns), 1},
    {"precision", "f32 losses beside f64 ones, with --gap.", precision_columns, COUNT(precision_columns), 1},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- check --------------------------------------------------------------------------------------- */

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx widths;
    const int64_t *width = ovp_params_ints(p, "widths", &widths);
    const double low = ovp_params_real(p, "x-min"), high = ovp_params_real(p, "x-max");
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "--rng numpy: the published nets are drawn from torch's stream (their data from numpy's); use "
                        "torch or philox");
    for (ovp_idx i = 0; widths > 1 && i < widths; i++)
        if (width[i] == 0)
            return ovp_fail(ctx, OVP_EINVAL,
                            "--widths: 0 is the mode's own list and stands alone; a width is 1..1000000");
    if (!(low < high)) return ovp_fail(ctx, OVP_EINVAL, "--x-min %g is not below --x-max %g", low, high);
    if (ovp_params_bool(p, "gap") && strcmp(ovp_params_text(p, "precision"), "f32") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "--gap compares f32 nets with f64 ones; leave --precision at f32");
    const ovp_status status = study_check_seeds(ctx, &ovp_experiment_lazy_1d, p);
    return status == OVP_OK ? lazy_1d_check_memory(ctx, p) : status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

/* What was used, also where a key says "the mode's". */
static ovp_status describe(const lazy_1d_lab *lab) {
    const lazy_1d_setup *s = &lab->setup;
    ovp_status status = OVP_OK;
    json_t *widths = json_array();
    for (ovp_idx i = 0; i < s->width_count; i++) json_array_append_new(widths, json_integer(s->widths[i]));
    json_t *about = json_pack(
        "{s:{s:s, s:s, s:o, s:I, s:s, s:s, s:s}, s:{s:s, s:I, s:f, s:f, s:f}, s:{s:s, s:I, s:f, s:I, s:b, s:I, s:f}}",
        "model", "architecture", strcmp(s->model, "deep") == 0 ? "dense: 1-h-h-h-h-h-1" : "dense: 1-h-1", "model",
        s->model, "widths", widths, "members", (json_int_t)s->members, "activation", "relu", "init", "torch-default",
        "names", "width<h>.seed<seed>.member<member>.<layer>.<weight [out, in] or bias>", "data", "target", s->target,
        "n", (json_int_t)s->n, "noise", s->noise, "x_min", s->low, "x_max", s->high, "training", "mode", s->mode,
        "steps", (json_int_t)s->steps, "lr", s->lr, "batch", (json_int_t)s->batch, "full_batch", !lazy_1d_mini(s),
        "bad_steps", (json_int_t)s->bad_steps, "bad_lr", s->bad_steps > 0 ? s->bad_lr : 0);
    status = about ? ovp_run_describe(lab->run, about)
                   : ovp_fail(lab->ctx, OVP_ENOMEM, "lazy-1d: out of memory for the description");
    json_decref(about);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    lazy_1d_lab lab;
    OVP_TRY(lazy_1d_lab_create(&lab, r));
    OVP_TRY(describe(&lab));
    status = lazy_1d_lab_train(&lab);
    /* Also for the nets that were finished before an interruption. */
    end = lazy_1d_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    lazy_1d_lab_free(&lab);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Do wide nets move less than thin ones?",
     "Relative to where they start, yes: movement_all falls with the width (mode thin-vs-wide, first verdict), once "
     "wide about as h^(-1)."},
    {"Can the movement be predicted?",
     "Yes, without a fitted factor, where nets are wide: |theta_T - theta_0|^2 = r_0^T M Theta M r_0 of linearised "
     "training (table lazy-theory; last verdict about widths compares the widest nets)."},
    {"Why does the last layer not follow the same power?",
     "It is divided by a norm that does not grow with h (||v_0||^2 = 1/3), and over a fixed number of steps wide nets "
     "get further along slow directions: h^(1/2) while those are hardly begun, h^(-1/2) when they are fitted."},
    {"What did the published notebook measure?",
     "The last parameter tensor alone, which is the output bias, and from theta after the first update: column "
     "movement_published; the last verdict says whether it overstates the movement."},
    {"Do different initialisations end at the same function?",
     "Nearly: mode robustness compares the members' deviation after training with that before (verdict). After these "
     "5000 steps they agree on the slow part of the target; its kinks are learnt later, and apart from the data they "
     "differ most."},
    {"What do two steps of a far too large learning rate do?",
     "They leave weights from which the same training ends elsewhere: mode bad-init, figures functions-before and "
     "functions-after, column risk beside that of robustness."},
    {"Why do wide nets train faster at the same learning rate?",
     "Their tangent kernel Theta grows as h, and the residual shrinks by 1 - 2 eta lambda / n a step (verdict about "
     "steps_to_loss); above 2 eta lambda / n = 2 it would grow instead."},
    {"Is a trajectory of f32 numbers to be trusted?",
     "As long as rounding does not grow: --gap trains each net in f64 too and tables the distance of the losses; about "
     "one deep net in twelve is chaotic."},
};

const ovp_experiment ovp_experiment_lazy_1d = {
    .id = "lazy-1d",
    .title = "Small nets on a line: fits, movements, widths, starts",
    .claim = "Wide nets fit a few points by moving very little; how little, linearised training predicts.",
    .formula = "movement = ||theta_T - theta_0|| / ||theta_0||; linearised: theta_T - theta_0 = -J^T M r_0, M = s "
               "sum_(t<T) (1 - s Theta)^t, s = 2 eta / n, Theta = J J^T; fitted directions: all ~ h^(-1), last layer "
               "and output bias ~ h^(-1/2)",
    .source = "Lazy-training practical (notebook of a course on the theory of deep learning); Chizat, Oyallon and Bach "
              "2019, On Lazy Training in Differentiable Programming; Jacot, Gabriel and Hongler 2018, Neural Tangent "
              "Kernel; Lee et al. 2019, Wide Neural Networks of Any Depth Evolve as Linear Models",
    .about =
        "Nets with one input and one output learn n points (x, y) of a function on [x-min, x-max] by gradient descent "
        "on the mean squared error. Targets: simple f = max(.3 x, 0), middle f = |x + .5| - 2 max(x - .5, 0) - .4, "
        "complex f = sin(10 x) cos(2 x + 1). Models: shallow 1-h-1 and deep 1-h-h-h-h-h-1, ReLU, biases, torch's "
        "default initialisation U(+-1/sqrt(fan_in)).\n\n"
        "Four studies (--mode); every key may be given besides. single: one deep net of width 10, lr .1, 10,000 steps. "
        "robustness: ten shallow nets of width 10 on the same points, lr .001, 5000 steps: does the start matter? "
        "thin-vs-wide: shallow nets of widths 5, 10, 100, 1000, lr .002, 50,000 steps: how far does each move? "
        "bad-init: ten shallow nets of width 100 that first take two steps of learning rate 1, then 1000 of .001; "
        "theta_0, initial_loss and the functions before training are those after the two steps.\n\n"
        "What is measured. movement_all = ||theta_T - theta_0|| / ||theta_0|| of all parameters; the same of the last "
        "layer (weight and bias) and of the output bias. The published notebook reported the last parameter tensor, "
        "which is the output bias, and started from theta after the first update: column movement_published. "
        "Everything else here is relative to theta_0. step_size = ||theta_t - theta_(t-1)|| / ||theta_t||. Losses are "
        "those before an update; final_loss, risk and movements are taken after the last one.\n\n"
        "Theory (shallow nets, all points in every step). A net that stays at its linearisation has residuals r_T = "
        "(1 - s Theta)^T r_0 with the tangent kernel Theta and s = 2 lr / n, and moves by theta_T - theta_0 = -J^T M "
        "r_0, M = s sum_(t<T) (1 - s Theta)^t. Averaged over initialisations this is a formula in the data alone: "
        "Theta = h A + 1 + (1 + x x') I / 3 with A and I the means of relu relu and of relu' relu' over w, b ~ U(-1, "
        "1), E r_0 r_0^T = y y^T + A / 3 + 1 / (3 h). The dashed curves are this, with no factor fitted. The kernel "
        "grows as h: a direction that is fitted costs a movement of h^(-1/2), and ||theta_0|| = sqrt(2 h / 3), so "
        "movement_all falls as h^(-1); the last layer, whose norm does not grow, and the output bias, whose start "
        "shrinks, as h^(-1/2). Directions too slow for the number of steps add movements that do not fall (all: h^0, "
        "last layer: h^(1/2)): wider nets learn them faster. Over widths 5 to 1000 and 50,000 steps the exponents lie "
        "between, and the last layer's movement even rises at first. Thin nets are out of reach: their kernel "
        "moves.\n\n"
        "Streams. --rng torch: the data, point by point, from numpy's stream of data-seed (one uniform, then one "
        "normal, also without noise), all nets in the order of --widths, members one after another, from one torch "
        "stream of the seed. --rng philox: a stream for each net, so that its result does not depend on the list. "
        "Batches: order[pos .. min(pos + batch, n)), then pos = (pos + batch) mod n; where the old pos + batch exceeds "
        "n the order is shuffled by the stream that drew the data, which goes on from net to net in the order of the "
        "list (bad steps of all nets first); each net begins with the order 0, 1, .. at pos 0. The place where each "
        "net finds the stream is counted beforehand, so nets train side by side. A batch of n or more takes all "
        "points in every step; the published program shuffles them even then (batch 30 of 15 points), which changes "
        "the rounding of sums and nothing else: here they stay in order.\n\n"
        "How to read the figures. Functions: before and after training, with data and target, of the first seed. "
        "Losses, movements, step sizes: the median over seeds and members with the band from lowest to highest. "
        "Movement against width: points with 95 % intervals, predictions dashed. --gap trains every net in f64 as "
        "well: table precision says from which step on rounding makes another trajectory.",
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
