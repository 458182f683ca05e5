/* loss-landscape: the loss on planes and lines through the weights of a net that an earlier run trained. */
#include "loss_landscape_int.h"

#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f32"),
    {"runs", OVP_PARAM_TEXT, "", 0, 0, NULL, "",
     "Earlier runs, with commas: ids, starts of ids, paths of run folders or of weights.npz; latest: the newest one "
     "with "
     "nets; empty: a small residual net is trained here."},
    {"nets", OVP_PARAM_TEXT, "", 0, 0, NULL, "",
     "Which of their nets, by parts of the names between dots, with commas (width100.seed1); empty takes all, up to "
     "12."},
    {"mode", OVP_PARAM_CHOICE, "plane", 0, 0, "plane|line|interpolation", "",
     "A plane of two random directions, a line of one, or the straight line between two nets."},
    {"normalization", OVP_PARAM_CHOICE, "layer", 0, 0, "layer|filter", "",
     "Random directions take their length from every weight tensor (published), or from every filter, the row of a "
     "dense "
     "weight (Li et al.)."},
    {"biases", OVP_PARAM_CHOICE, "fixed", 0, 0, "fixed|moved", "",
     "Biases and other vectors: kept where they are (Li et al.), or moved, each as one layer."},
    {"steps", OVP_PARAM_INT, "100", 1, 1000, NULL, "points", "Points each way; the centre is number steps/2, from 0."},
    {"res", OVP_PARAM_REAL, "0.05", 1e-12, 1e6, NULL, "",
     "Length of one step, as a share of the weights it starts from; with --surface only the scale of the axes."},
    {"samples", OVP_PARAM_INT, "17", 0, 1e9, NULL, "",
     "Training samples of the loss: the first that many; 0 takes all."},
    {"beyond", OVP_PARAM_REAL, "0.5", 0, 10, NULL, "",
     "With --mode interpolation: how far the line reaches beyond both nets, as a share of their distance."},
    {"surface", OVP_PARAM_TEXT, "", 0, 0, NULL, "FILE.npy", "Draws this surface and computes nothing."},
};

static const ovp_experiment_preset presets[] = {
    {"quick", "seconds: 25 x 25 points, 256 samples, four pairs of directions",
     "steps=25;res=0.2;samples=256;seeds=1..4"},
    {"default", "50 x 50 points, 1000 samples, four pairs of directions", "steps=50;res=0.1;samples=1000;seeds=1..4"},
    {"paper", "as published: 100 x 100 points, 17 samples, seed 1234", "rng=torch;seeds=1234"},
};

static const ovp_store_column surface_columns[] = {
    {"run", "", "id or path of the earlier run; none: the example net; empty: a surface from a file"},
    {"net", "", "its name in weights.npz"},
    {"seed", "", "seed of the directions"},
    {"samples", "", "training samples of the loss"},
    {"trained_loss", "", "loss of the trained weights on them, as training computes it"},
    {"centre", "", "loss at the centre of the surface"},
    {"minimum", "", "lowest loss on the surface"},
    {"minimum_d1", "", "where it is, along d1, as a share of each unit's weights"},
    {"minimum_d2", "", "along d2; empty: a line"},
    {"minimum_cells", "points", "its distance from the centre, the larger of both ways"},
    {"far", "", "mean loss on the border"},
    {"ln_classes", "", "loss of knowing nothing; empty: no classes or another loss than cross-entropy"},
    {"recorded_loss", "",
     "last loss of the training, before its update, as the run recorded it (over all its samples)"},
    {"not_finite", "", "losses that are not finite"},
    {"cosine", "", "largest |cosine| of d1 and d2 over the layers"},
    {"length_error", "", "largest | |d| / (res |theta|) - 1 | over the units"},
};
static const ovp_store_column path_columns[] = {
    {"run_a", "", "id or path of the first run"},
    {"net_a", "", "name of the first net"},
    {"run_b", "", "id or path of the second run"},
    {"net_b", "", "name of the second net"},
    {"samples", "", "training samples of the loss, of the first net"},
    {"loss_a", "", "loss on the path at t = 0"},
    {"loss_b", "", "at t = 1"},
    {"trained_a", "", "loss of the first net's weights, as training computes it"},
    {"trained_b", "", "of the second's"},
    {"barrier", "", "largest excess over the straight line between both losses, t in [0, 1]"},
    {"barrier_at", "", "its t"},
    {"minimum", "", "lowest loss on the path"},
    {"minimum_at", "", "its t"},
};
static const ovp_store_column timing_columns[] = {
    {"run", "", "as in table surfaces"},
    {"net", "", "as in table surfaces"},
    {"seed", "", "as in table surfaces"},
    {"seconds", "s", "all points of the surface"},
    {"points_per_second", "1/s", "points a second"},
};
static const ovp_experiment_table tables[] = {
    {"surfaces", "One row a net and pair of directions.", surface_columns, COUNT(surface_columns), 0},
    {"paths", "With --mode interpolation: the line between two nets.", path_columns, COUNT(path_columns), 1},
    {"timings", "Time of each surface.", timing_columns, COUNT(timing_columns), 1},
};

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_status status = OVP_OK;
    landscape_lab lab = {.ctx = ctx};
    ovp_numeric_array surface = {.data = NULL};
    const char *file = ovp_params_text(p, "surface"), *mode = ovp_params_text(p, "mode");
    if (file[0]) {
        if (strcmp(mode, "plane") != 0)
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--mode %s: --surface draws a plane from a file; leave one of both out",
                             mode));
        OVP_TRY(landscape_read_surface(&surface, ctx, file));
        goto done;
    }
    OVP_TRY(study_check_seeds(ctx, &ovp_experiment_loss_landscape, p));
    OVP_TRY(landscape_lab_open(&lab, ctx, p));
done:
    ovp_numeric_array_free(ctx, &surface);
    landscape_lab_free(&lab);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"Why are directions normalised?",
     "Scaling a layer of a ReLU net up and the next one down changes its weights but not its function; a step of fixed "
     "length would look small in one and large in the other. A step in proportion to the weights does not."},
    {"Does the picture show the minimum that training found?",
     "A slice of it: two random directions out of millions are nearly orthogonal to the few that training moved along. "
     "The centre is the trained net (first verdict); that nothing lower lies near (third verdict) is needed for a "
     "minimum, "
     "but does not prove one."},
    {"Why does the loss level off at ln(classes) in residual nets of the depth limit?",
     "With weights of the wrong direction the outputs no longer depend on the class but stay small, so that the net "
     "guesses "
     "evenly: ln 10 = 2.303 for ten classes (last verdict). Nets with biases and raw pixels blow up instead."},
    {"Is a flat minimum one that generalises?", "Not by itself: flatness along unnormalised directions can be changed "
                                                "at will (Dinh et al. 2017); with normalised ones "
                                                "Li et al. found it to go along with the test error."},
    {"Are two minima connected?", "--mode interpolation: barrier is how far the loss rises above the straight line "
                                  "between both ends; near 0 for two "
                                  "nets from one start that forked late (Frankle et al. 2020), large for independent "
                                  "ones, whose units are permuted."},
};

const ovp_experiment ovp_experiment_loss_landscape = {
    .id = "loss-landscape",
    .title = "Loss landscapes of trained nets",
    .claim = "Around its trained weights a net's loss is a funnel whose lowest point is where training ended.",
    .formula = "surface[i][j] = loss(theta + (j - n/2) d1 + (i - n/2) d2); d1, d2 ~ N(0, 1), per layer "
               "d2 -= <d1, d2>/|d1|^2 d1, then d_k *= res |theta_k| / |d_k|",
    .source =
        "Thesis companion code on residual networks in the depth limit (visualization.py); Li, Xu, Taylor, Studer "
        "and Goldstein 2018, Visualizing the Loss Landscape of Neural Nets (arXiv 1712.09913); Goodfellow, Vinyals "
        "and Saxe 2015 (interpolation); Frankle, Dziugaite, Roy and Carbin 2020 (barriers); Dinh, Pascanu, Bengio "
        "and Bengio 2017",
    .about =
        "Takes the weights that an earlier run kept (weights.npz of a run folder, with the description of nets and "
        "data "
        "in it), builds the net and its training data again, and computes the loss on a grid of points around them, "
        "many "
        "at a time over the cores, all on one batch: the first --samples training rows.\n\n"
        "Directions. The entries of d1 and d2 are standard normal. In every layer (weight tensor) d2 loses its part "
        "along "
        "d1, and both get the length res |theta_k|: the directions are orthogonal layer by layer, and a step changes "
        "every "
        "layer by the same share. This is what the published program calls filter normalisation. In Li et al. it is "
        "done "
        "for every filter (--normalization filter: for each row of a dense weight, which makes one unit), without "
        "making "
        "the directions orthogonal; here they are, row by row, where a row has two weights or more. Biases and other "
        "vectors stay as they are, as in Li et al.\n\n"
        "The surface. Row i moves along d2, column j along d1, both from 0 to n - 1; the point (n/2, n/2) is the "
        "trained "
        "net. surface.npy holds it (n x n, float64), arrays.npz with the axes: axis-d1 and axis-d2 = (j - n/2) res.\n\n"
        "Other than the published program: every point is computed directly from the weights, where the program adds "
        "up "
        "steps in place, so that rounding errors drift; axes show their true extents, where the program labels both "
        "-1..1; the batch is the first 17 training samples in the run's own order, where the program draws 17 of "
        "CIFAR-10 "
        "at random; directions are drawn from --rng torch with the seed alone, not behind the program's other draws, "
        "so "
        "that its numbers are not repeated.\n\n"
        "Lines and paths. --mode line draws one direction for every seed. --mode interpolation goes straight from one "
        "net "
        "to another of the same shape and beyond both; a barrier between them tells that they lie in different "
        "valleys.\n\n"
        "How to read the figures. A funnel at the centre that levels off: training found a minimum, and far away the "
        "net "
        "knows nothing, loss ln(classes). Colours and heights are logarithmic where losses span more than a factor 30. "
        "The two markers are the trained weights and the lowest point of the plane.\n\n"
        "Without --runs a residual net of 32 layers of width 10 is trained on the first 1000 digits of MNIST and "
        "looked "
        "at. What can be read: runs of depth-limit, lazy-width, lazy-1d, depth-vs-width and ntk-vs-network, whose "
        "weights.npz tells how their nets are built and what they were trained on.",
    .params = params,
    .param_count = COUNT(params),
    .presets = presets,
    .preset_count = COUNT(presets),
    .tables = tables,
    .table_count = COUNT(tables),
    .questions = questions,
    .question_count = COUNT(questions),
    .check = check,
    .run = landscape_run,
};
