/* lazy-scaling: a net multiplied by alpha is lazy: the larger alpha, the less its weights move and the closer it stays
 * to its linearisation, while its outputs do as much. */
#include "lazy_scaling_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"alphas", OVP_PARAM_REAL_LIST, "1,100,1000", 1e-6, 1e9, NULL, "",
     "Scales of the net, in the order of its draws; all different."},
    {"width", OVP_PARAM_INT, "8", 1, 1024, NULL, "units", "Width of each of the five hidden layers."},
    {"activation", OVP_PARAM_TEXT, "relu", 0, 0, NULL, "", "Activation of the hidden layers."},
    {"target", OVP_PARAM_CHOICE, "middle", 0, 0, "simple|middle|complex", "", "Function behind the data (lazy-1d)."},
    {"n", OVP_PARAM_INT, "10", 1, 2000, NULL, "samples", "Data points, x uniform in [-1, 1], without noise."},
    {"steps", OVP_PARAM_INT, "10000", 1, 1e7, NULL, "steps", "Full-batch updates of each net."},
    {"lr", OVP_PARAM_REAL, "0.01", 1e-30, 1e6, NULL, "", "Learning rate; the net of scale alpha takes lr / alpha^2."},
    {"warm-up-steps", OVP_PARAM_INT, "10000", 0, 1e7, NULL, "steps",
     "Updates that the last alpha's net makes before all others begin, at --warm-up-lr; it goes on from there."},
    {"warm-up-lr", OVP_PARAM_REAL, "0.1", 1e-30, 1e6, NULL, "", "Learning rate of the warm-up, over alpha^2 too."},
    {"same-start", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Whether the nets of one seed start from the same weights; no: drawn one after another."},
    {"fit-from", OVP_PARAM_REAL, "10", 0, 1e9, NULL, "", "Exponents are fitted over alphas of at least this."},
    {"points", OVP_PARAM_INT, "2001", 2, 1e6, NULL, "points",
     "Even points of [-1, 1] on which functions are compared and kept."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "a few seconds: five seeds, 3000 steps, double precision",
     "alphas=1,10,30,100,300,1000;steps=3000;warm-up-steps=0;precision=f64;same-start=yes;seeds=1..5"},
    {"default", "about 10 seconds on two cores: eight seeds, six scales, double precision",
     "alphas=1,10,30,100,300,1000;warm-up-steps=0;precision=f64;same-start=yes;seeds=1..8"},
    {"paper", "the published notebook: three scales, single precision, its warm-up; torch's and numpy's streams",
     "rng=torch"},
};

static const ovp_store_column scale_columns[] = {
    {"alpha", "", "scale of the net"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "0.. for nets of one scale and seed drawn one after another"},
    {"final_loss", "", "mean squared error of alpha (f - f_0) after the last update"},
    {"movement_all", "", "||theta - theta_0|| / ||theta_0|| of the whole vector"},
    {"linearisation_gap", "", "||f - f_lin|| / ||f|| of the scaled functions on the points"},
    {"gap_on_data", "", "the same on the data points"},
    {"linear_loss", "", "mean squared error of the linearisation after as many updates"},
    {"limit_loss", "", "that of the linearisation computed exactly through its kernel"},
    {"movement_theory", "", "movement of the linearisation: (1/alpha) ||J^T a|| / ||theta_0||"},
    {"deviation", "", "largest difference of sqrt(loss) between linearisation and kernel, in units of its tolerance"},
    {"status", "", "ok, or diverged: a loss was not finite"},
    {"diverged_at", "steps", "step (from 1) whose loss was the first not to be finite; empty: none"},
};
static const ovp_store_column summary_columns[] = {
    {"alpha", "", "scale of the net"},
    {"measure", "", "column of table scales"},
    {"count", "", "nets with a finite value"},
    {"mean", "", "mean over seeds"},
    {"low", "", "lower end of the mean's 95 % interval (Student t)"},
    {"high", "", "upper end"},
};
static const ovp_store_column exponent_columns[] = {
    {"seed", "", "seed of the initialisation"},
    {"movement", "", "least-squares slope of log movement_all against log alpha, from --fit-from on"},
    {"gap", "", "the same of linearisation_gap"},
};
static const ovp_store_column timing_columns[] = {
    {"alpha", "", "scale of the net"},
    {"seed", "", "seed of the initialisation"},
    {"member", "", "as in table scales"},
    {"seconds", "s", "training of the net and its measures"},
    {"seconds_linear", "s", "the same of its linearisation"},
};
static const ovp_experiment_table tables[] = {
    {"scales", "One row a trained net.", scale_columns, COUNT(scale_columns), 0},
    {"scales-summary", "Means over seeds.", summary_columns, COUNT(summary_columns), 0},
    {"exponents", "Fitted exponents of each seed.", exponent_columns, COUNT(exponent_columns), 0},
    {"timings", "Time of each net.", timing_columns, COUNT(timing_columns), 0},
};

/* ---- a row --------------------------------------------------------------------------------------- */

ovp_status lazy_scaling_report(lazy_scaling_lab *lab, const lazy_scaling_row *row) {
    ovp_status status = OVP_OK;
    const ovp_store_cell cells[COUNT(scale_columns)] = {
        ovp_cell_real(row->alpha),
        ovp_cell_int(row->seed),
        ovp_cell_int(0),
        ovp_cell_real(row->final_loss),
        ovp_cell_real(row->movement),
        ovp_cell_real(row->gap),
        ovp_cell_real(row->gap_train),
        ovp_cell_real(row->linear_loss),
        ovp_cell_real(row->limit_loss),
        ovp_cell_real(row->movement_theory),
        ovp_cell_real(row->deviation),
        ovp_cell_text(row->diverged_at ? "diverged" : "ok"),
        row->diverged_at ? ovp_cell_int(row->diverged_at) : ovp_cell_null(),
    };
    const ovp_store_cell times[COUNT(timing_columns)] = {ovp_cell_real(row->alpha), ovp_cell_int(row->seed),
                                                         ovp_cell_int(0), ovp_cell_real(row->seconds),
                                                         ovp_cell_real(row->seconds_linear)};
    OVP_TRY(ovp_run_row(lab->run, "scales", cells));
    OVP_TRY(ovp_run_row(lab->run, "timings", times));
    if (row->diverged_at)
        OVP_TRY(ovp_run_warning(lab->run, "alpha %g, seed %lld diverged at step %lld; a smaller --lr trains it",
                                row->alpha, (long long)row->seed, (long long)row->diverged_at));
done:
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------- */

static ovp_status make_lab(lazy_scaling_lab *lab) {
    const ovp_idx rows = lab->seed_count * lab->alpha_count;
    ovp_ctx *ctx = lab->ctx;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &lab->rows, rows, sizeof *lab->rows));
    OVP_TRY(ovp_alloc(ctx, &lab->losses, rows * lab->steps, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->limits, rows * lab->steps, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->warm_losses, lab->seed_count * lab->warm_up, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->start, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->scaled_end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->linear_end, rows * lab->points, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->x, lab->seed_count * lab->n, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->y, lab->seed_count * lab->n, sizeof(double)));
    OVP_TRY(ovp_alloc(ctx, &lab->grid, lab->points, sizeof(double)));
    for (ovp_idx i = 0; i < lab->points; i++) lab->grid[i] = -1 + 2 * (double)i / (double)(lab->points - 1);
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    lazy_scaling_lab lab = {.run = r, .ctx = ovp_run_ctx(r), .params = ovp_run_params(r)};
    const ovp_params *p = lab.params;
    lab.seeds = ovp_run_seeds(r, &lab.seed_count);
    lab.alphas = ovp_params_reals(p, "alphas", &lab.alpha_count);
    lab.type = strcmp(ovp_params_text(p, "precision"), "f64") == 0 ? OVP_F64 : OVP_F32;
    lab.steps = ovp_params_int(p, "steps");
    lab.warm_up = ovp_params_int(p, "warm-up-steps");
    lab.n = ovp_params_int(p, "n");
    lab.points = ovp_params_int(p, "points");
    lab.lr = ovp_params_real(p, "lr");
    lab.warm_up_lr = ovp_params_real(p, "warm-up-lr");
    OVP_TRY(make_lab(&lab));
    for (ovp_idx s = 0; s < lab.seed_count && status == OVP_OK; s++) status = lazy_scaling_one_seed(&lab, s);
    end = lazy_scaling_conclude(&lab);
    if (status == OVP_OK) status = end;
done:
    ovp_free(lab.ctx, lab.grid);
    ovp_free(lab.ctx, lab.y);
    ovp_free(lab.ctx, lab.x);
    ovp_free(lab.ctx, lab.linear_end);
    ovp_free(lab.ctx, lab.scaled_end);
    ovp_free(lab.ctx, lab.end);
    ovp_free(lab.ctx, lab.start);
    ovp_free(lab.ctx, lab.warm_losses);
    ovp_free(lab.ctx, lab.limits);
    ovp_free(lab.ctx, lab.losses);
    ovp_free(lab.ctx, lab.rows);
    return status;
}

/* Bytes of losses and functions, and of the Jacobians of one seed's nets. */
static ovp_status check_memory(ovp_ctx *ctx, const ovp_params *p, ovp_idx seeds, ovp_idx alphas) {
    const double w = (double)ovp_params_int(p, "width"), n = (double)ovp_params_int(p, "n");
    const double steps = (double)ovp_params_int(p, "steps") + (double)ovp_params_int(p, "warm-up-steps");
    const double rows = (double)seeds * (double)alphas, parameters = 4 * w * (w + 1) + 4 * w;
    const double need = 8 * (rows * (3 * steps + 4 * (double)ovp_params_int(p, "points")) + 2 * n * parameters +
                             12 * (double)alphas * parameters);
    return study_check_memory(ctx, need, "give fewer --steps, --seeds, --points or a smaller --width",
                              "lazy-scaling needs");
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    ovp_idx alphas, seeds;
    const double *alpha = ovp_params_reals(p, "alphas", &alphas);
    const char *activation = ovp_params_text(p, "activation");
    if (strcmp(ovp_params_text(p, "rng"), "numpy") == 0)
        return ovp_fail(
            ctx, OVP_EINVAL,
            "--rng numpy: the nets of lazy-scaling are torch's; use torch (its data are numpy's) or philox");
    if (!ovp_numeric_activation_find(activation))
        return ovp_fail(ctx, OVP_EINVAL, "--activation %s: unknown; see `overparam info lazy-scaling`", activation);
    for (ovp_idx i = 0; i < alphas; i++)
        for (ovp_idx k = 0; k < i; k++)
            if (alpha[i] <= alpha[k] && alpha[i] >= alpha[k])
                return ovp_fail(ctx, OVP_EINVAL, "--alphas: %g stands there twice; give each scale once", alpha[i]);
    OVP_TRY(study_seed_count(&seeds, ctx, &ovp_experiment_lazy_scaling, p));
    OVP_TRY(check_memory(ctx, p, seeds, alphas));
    OVP_TRY(study_check_seeds(ctx, &ovp_experiment_lazy_scaling, p));
done:
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Is a lazy net one that learns nothing?",
     "No: final_loss stays of one size as alpha grows (table scales, figure loss), while movement_all falls as "
     "1/alpha; "
     "alpha (f - f_0) does with small steps in theta what f does with large ones."},
    {"Why is the learning rate divided by alpha^2?",
     "The gradient of the loss is alpha J^T r, and outputs move by alpha J d theta: a step changes them by alpha^2 lr "
     "Theta r, so lr / alpha^2 gives every alpha the same training in function space."},
    {"Why does the movement fall as 1/alpha?",
     "In the limit theta_T - theta_0 = J^T a / alpha, and a does not know alpha (column movement_theory, first "
     "verdict)."},
    {"How fast does the net approach its linearisation?",
     "As 1/alpha where f is smooth in theta; a kink of ReLU crosses a fraction 1/alpha of the line, on which the "
     "difference does not fall, so the root mean square falls as alpha^(-1/2) (second verdict; --activation tanh shows "
     "-1)."},
    {"Is lazy training as good?",
     "On these data no: the net of the smallest alpha, which moves its features, reaches a lower loss in as many steps "
     "(last verdict); its lazy limit is a kernel method with slow directions."},
    {"What does the warm-up of the notebook do?",
     "It gives the last alpha ten times the learning rate for as many steps; the main training goes on from those "
     "weights, f_0 and theta_0 stay those of the start. Without --warm-up-steps all alphas are treated alike."},
    {"Why double precision?",
     "At alpha = 1000 an update of single precision is often below half a unit of theta's last place, and rounding, "
     "times alpha, shows in the gap: compare --precision f32."},
};

const ovp_experiment ovp_experiment_lazy_scaling = {
    .id = "lazy-scaling",
    .title = "Scale makes a net lazy",
    .claim = "Multiplying a net by alpha makes its training lazy: weights move as 1/alpha and the net approaches its "
             "linearisation, while its outputs travel as far.",
    .formula = "F = alpha (f(theta) - f(theta_0)), lr / alpha^2: ||theta_T - theta_0|| -> ||J^T a|| / alpha, "
               "||F - F_lin|| / ||F|| ~ 1/alpha (smooth), alpha^(-1/2) (ReLU, mean square over x)",
    .source =
        "Lazy-training practical, part on scaling (paper preset); Chizat, Oyallon and Bach 2019, On Lazy Training "
        "in Differentiable Programming, https://arxiv.org/abs/1812.07956",
    .about =
        "A net f with five hidden layers of 8 units (1-8-8-8-8-8-1, ReLU, biases, PyTorch's default initialisation) "
        "is replaced by F = alpha (f(theta) - f(theta_0)), which is 0 at the start, and trained by full-batch "
        "gradient descent on the mean squared error over 10 points of a one-dimensional target, at learning rate "
        "0.01 / alpha^2. Beside each net its linearisation alpha J (theta - theta_0), J the Jacobian of f at "
        "theta_0, is trained from the same weights with the same steps.\n\n"
        "What theory says. The outputs must move by O(1), and moving theta by d changes them by alpha J d: a change "
        "of order 1/alpha is enough. Over such a distance J changes by order 1/alpha only, so for large alpha "
        "nothing but J counts: training is that of the linear model, a kernel method with Theta = J J^T. With theta "
        "- theta_0 = J^T a / alpha a step of the linear model is a -= (2 lr / n) (Theta a - y), which does not "
        "contain alpha: the loss curve has a limit (dashed in the first figure, computed exactly), and the movement "
        "is ||J^T a|| / alpha (movement_theory). The gap to the linearisation is of second order in the movement, "
        "alpha ||d||^2 ~ 1/alpha, where f is smooth in theta. With ReLU a unit changes side on the part of the line "
        "that its kink has crossed, a fraction of order 1/alpha; there the two functions differ by a relative "
        "amount that does not fall, and the root mean square over x falls as alpha^(-1/2) only. Nets whose start is "
        "poor (a kernel with tiny eigenvalues, all but constant) reach the limit late: seeds differ much, which the "
        "intervals show.\n\n"
        "Streams. --rng torch: the nets are drawn one after another in the order of --alphas from one torch stream "
        "of the seed (with --same-start yes: the same weights for all), the data point by point from numpy's stream "
        "of the data seed (one uniform, one normal). The published notebook first trains the net of its last alpha "
        "for 10,000 steps at 0.1 / alpha^2. Here what carries over is that net's weights: its training proper begins "
        "where the warm-up ended, while f(theta_0), theta_0 in the movement and the linearisation stay those of the "
        "initialisation; gradient descent has no other state, and no random number is drawn. Its linearisation is "
        "warmed up in the same way. The other presets do without.\n\n"
        "How to read the figures. Loss: median over seeds with the band from lowest to highest, one colour an "
        "alpha; dashed: the exact lazy limit. Functions: the first seed, one panel an alpha: data, F and its "
        "linearisation (dashed), and the base net before and after. Movement and gap: means with 95 % intervals, "
        "fitted power, and the predicted one through the same points; only alphas from --fit-from on are fitted.",
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
