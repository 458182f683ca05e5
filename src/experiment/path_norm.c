/* path-norm: how large the weights of deep residual nets are along the depth, ||L^beta W_k|| over k/L, and how rough.
 */
#include "depth_paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    DEPTH_PATHS_PARAMS,
    {"pvar-only", OVP_PARAM_BOOL, "no", 0, 0, NULL, "",
     "Only the p-variations, no profiles of norms and no figure of them."},
};

static const ovp_experiment_preset presets[] = {
    DEPTH_PATHS_PRESETS("", "p 1"),
};

static const ovp_store_column path_columns[] = {
    DEPTH_PATHS_NET_COLUMNS,
    {"dim", "", "d"},
    {"norm_mean", "", "mean over k of ||L^beta W_k||, Frobenius"},
    {"norm_min", "", "least"},
    {"norm_min_at", "", "where it is, k/(L-1)"},
    {"norm_first", "", "at k = 0"},
    {"norm_last", "", "at k = L-1"},
    {"pvar", "", "V_p^(1/p) of k -> L^beta W_k in R^(d d), with p = --pvar"},
};
static const ovp_store_column depth_columns[] = {
    {"layers", "", "L"},
    {"count", "", "nets"},
    {"pvar_max", "", "largest V_p^(1/p) among them (the published row of LaTeX)"},
    {"pvar_mean", "", "mean"},
    {"pvar_low", "", "95 % by Student's t"},
    {"pvar_high", "", ""},
};
static const ovp_store_column summary_columns[] = {
    {"layers", "", "L"},
    DEPTH_PATHS_MEAN_COLUMNS("paths"),
};
static const ovp_experiment_table tables[] = {
    {"paths", "One row a net.", path_columns, COUNT(path_columns), 0},
    {"paths-summary", "Means over nets of one depth.", summary_columns, COUNT(summary_columns), 0},
    {"pvar", "p-variations, one row a depth.", depth_columns, COUNT(depth_columns), 0},
};

/* ---- one net ------------------------------------------------------------------------------------- */

typedef struct path {
    ovp_idx layers, order; /* order: as read */
    int64_t repeat;
    double mean, variation;
    double *norms; /* L; NULL with --pvar-only */
} path;

typedef struct lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    double p;
    int pvar_only;
    path *paths;
    ovp_idx count, capacity;
} lab;

static ovp_status visit(void *user, const depth_net *net, double *x) {
    lab *l = user;
    ovp_status status = OVP_OK;
    const ovp_idx cells = net->dim * net->dim, last = net->layers - 1;
    ovp_idx least = 0;
    OVP_TRY(depth_paths_grow(l->ctx, &l->paths, l->count, &l->capacity, sizeof *l->paths));
    path *p = &l->paths[l->count];
    *p = (path){.layers = net->layers, .order = l->count, .repeat = net->repeat};
    OVP_TRY(ovp_alloc(l->ctx, &p->norms, net->layers, sizeof *p->norms));
    for (ovp_idx k = 0; k < net->layers; k++) {
        double square = 0;
        for (ovp_idx i = 0; i < cells; i++) square += x[k * cells + i] * x[k * cells + i];
        p->norms[k] = sqrt(square);
        p->mean += p->norms[k] / (double)net->layers;
        if (p->norms[k] < p->norms[least]) least = k;
    }
    OVP_TRY(ovp_measure_p_variation_root(&p->variation, l->ctx, net->layers, cells, x, OVP_NORM_L2, l->p));
    const ovp_store_cell cells_of_row[] = {
        ovp_cell_text(net->source),
        ovp_cell_int(net->layers),
        ovp_cell_int(net->repeat),
        ovp_cell_int(net->dim),
        l->pvar_only ? ovp_cell_null() : ovp_cell_finite(p->mean),
        l->pvar_only ? ovp_cell_null() : ovp_cell_finite(p->norms[least]),
        l->pvar_only ? ovp_cell_null() : ovp_cell_finite((double)least / (double)last),
        l->pvar_only ? ovp_cell_null() : ovp_cell_finite(p->norms[0]),
        l->pvar_only ? ovp_cell_null() : ovp_cell_finite(p->norms[last]),
        ovp_cell_finite(p->variation),
    };
    OVP_TRY(ovp_run_row(l->run, "paths", cells_of_row));
    l->count++; /* a net that was not finished is freed, not shown */
done:
    return status;
}

/* ---- depths -------------------------------------------------------------------------------------- */

static int by_depth(const void *a, const void *b) {
    const path *x = a, *y = b;
    if (x->layers != y->layers) return x->layers < y->layers ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The depths, ascending: nets of depth i are paths[first[i]] .. paths[first[i + 1] - 1]. */
typedef struct depths {
    ovp_idx count, *first;
} depths;

static ovp_status sort_depths(depths *out, lab *l) {
    ovp_status status = OVP_OK;
    *out = (depths){0, NULL};
    qsort(l->paths, (size_t)l->count, sizeof *l->paths, by_depth);
    OVP_TRY(ovp_alloc(l->ctx, &out->first, l->count + 1, sizeof *out->first));
    for (ovp_idx i = 0; i < l->count; i++)
        if (i == 0 || l->paths[i].layers != l->paths[i - 1].layers) out->first[out->count++] = i;
    out->first[out->count] = l->count;
done:
    return status;
}

/* Mean norm of one depth's nets at every k, its band, and the array norms_<L> [net, k]. */
static ovp_status profile(const lab *l, const depths *d, ovp_idx depth, double *mean, double *low, double *high) {
    ovp_status status = OVP_OK;
    const ovp_idx from = d->first[depth], nets = d->first[depth + 1] - from, layers = l->paths[from].layers;
    double *all = NULL, *column = NULL;
    char name[40];
    OVP_TRY(ovp_alloc(l->ctx, &all, nets * layers, sizeof *all));
    OVP_TRY(ovp_alloc(l->ctx, &column, nets, sizeof *column));
    for (ovp_idx i = 0; i < nets; i++) memcpy(all + i * layers, l->paths[from + i].norms, (size_t)layers * sizeof *all);
    for (ovp_idx k = 0; k < layers; k++) {
        for (ovp_idx i = 0; i < nets; i++) column[i] = all[i * layers + k];
        const ovp_measure_interval at = ovp_measure_mean(nets, column);
        mean[k] = at.mean;
        low[k] = at.low;
        high[k] = at.high;
    }
    (void)snprintf(name, sizeof name, "norms_%lld", (long long)layers);
    OVP_TRY(study_put(l->run, name, OVP_F64, nets, layers, all));
done:
    ovp_free(l->ctx, column);
    ovp_free(l->ctx, all);
    return status;
}

static ovp_status figure_profiles(const lab *l, const depths *d) {
    ovp_status status = OVP_OK;
    double *room = NULL, *at;
    char(*labels)[40] = NULL, y_label[64], beta[32];
    ovp_figure_series *series = NULL;
    ovp_idx total = 0;
    int banded = 0;
    for (ovp_idx i = 0; i < d->count; i++) total += l->paths[d->first[i]].layers;
    OVP_TRY(ovp_alloc(l->ctx, &room, 4 * total, sizeof *room));
    OVP_TRY(ovp_alloc(l->ctx, &labels, d->count, sizeof *labels));
    OVP_TRY(ovp_alloc(l->ctx, &series, d->count, sizeof *series));
    at = room;
    for (ovp_idx i = 0; i < d->count; i++) {
        const ovp_idx n = l->paths[d->first[i]].layers;
        double *const x = at, *const mean = x + n, *const low = mean + n, *const high = low + n;
        const int several = d->first[i + 1] - d->first[i] > 1;
        at += 4 * n;
        for (ovp_idx k = 0; k < n; k++) x[k] = (double)k / (double)(n - 1);
        OVP_TRY(profile(l, d, i, mean, low, high));
        (void)snprintf(labels[i], sizeof labels[i], "L = %lld", (long long)n);
        banded |= several;
        series[i] = (ovp_figure_series){.label = labels[i],
                                        .style = several ? OVP_FIGURE_BAND : OVP_FIGURE_LINE,
                                        .n = n,
                                        .x = x,
                                        .y = mean,
                                        .low = several ? low : NULL,
                                        .high = several ? high : NULL,
                                        .colour = (int)i};
    }
    ovp_experiment_short(beta, ovp_params_real(ovp_run_params(l->run), "beta"));
    (void)snprintf(y_label, sizeof y_label, "||L^%s W_k||", beta);
    const ovp_figure figure = {.name = "path-norm",
                               .title = "Size of the weights along the depth",
                               .x_label = "k/L",
                               .y_label = y_label,
                               .caption = banded ? "Mean over nets of one depth with its 95 % band (Student t)."
                                                 : "One net a depth.",
                               .series = series,
                               .count = d->count,
                               .ordered = 1};
    OVP_TRY(ovp_run_figure(l->run, &figure));
done:
    ovp_free(l->ctx, series);
    ovp_free(l->ctx, labels);
    ovp_free(l->ctx, room);
    return status;
}

static ovp_status report_variations(const lab *l, const depths *d) {
    ovp_status status = OVP_OK;
    double *room = NULL;
    char y_label[64], label[64], p[32];
    OVP_TRY(ovp_alloc(l->ctx, &room, 5 * d->count + l->count, sizeof *room));
    double *const x = room, *const mean = x + d->count, *const low = mean + d->count, *const high = low + d->count,
                  *const theory = high + d->count, *const column = theory + d->count;
    for (ovp_idx i = 0; i < d->count; i++) {
        const ovp_idx from = d->first[i], nets = d->first[i + 1] - from;
        double most = 0;
        for (ovp_idx k = 0; k < nets; k++) {
            column[k] = l->paths[from + k].variation;
            most = fmax(most, column[k]);
        }
        const ovp_measure_interval value = ovp_measure_mean(nets, column);
        x[i] = (double)l->paths[from].layers;
        mean[i] = value.mean;
        low[i] = value.low;
        high[i] = value.high;
        const ovp_store_cell cells[] = {
            ovp_cell_int(l->paths[from].layers), ovp_cell_int(nets),         ovp_cell_finite(most),
            ovp_cell_finite(value.mean),         ovp_cell_finite(value.low), ovp_cell_finite(value.high)};
        OVP_TRY(ovp_run_row(l->run, "pvar", cells));
    }
    ovp_experiment_short(p, l->p);
    (void)snprintf(y_label, sizeof y_label, "V_p^(1/p), p = %s", p);
    const double made = depth_paths_predicted(ovp_run_params(l->run)), power = isfinite(made) ? made : 0;
    for (ovp_idx i = 0; i < d->count; i++) theory[i] = mean[d->count - 1] * pow(x[i] / x[d->count - 1], power);
    ovp_experiment_short(p, power);
    (void)snprintf(label, sizeof label, "L^%s through the deepest", p);
    const ovp_figure_series series[] = {
        {.label = "measured",
         .style = OVP_FIGURE_POINTS,
         .n = d->count,
         .x = x,
         .y = mean,
         .low = low,
         .high = high,
         .colour = 0},
        {.label = label, .style = OVP_FIGURE_THEORY, .n = d->count, .x = x, .y = theory, .colour = -1}};
    const ovp_figure figure = {.name = "pvar",
                               .title = "p-variation of k -> L^beta W_k",
                               .x_label = "L",
                               .y_label = y_label,
                               .caption = "Mean over nets of one depth with its 95 % interval (Student t).",
                               .x_log = 1,
                               .y_log = 1,
                               .series = series,
                               .count = COUNT(series)};
    if (d->count > 1) OVP_TRY(ovp_run_figure(l->run, &figure));
done:
    ovp_free(l->ctx, room);
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static ovp_status judge(const lab *l) {
    ovp_status status = OVP_OK;
    study_rows rows;
    OVP_TRY(depth_paths_rows(&rows, l->ctx, l->count));
    for (ovp_idx i = 0; i < l->count; i++) {
        rows.x[i] = (double)l->paths[i].layers;
        rows.seed[i] = l->paths[i].repeat;
        rows.y[i] = l->paths[i].mean;
    }
    if (!l->pvar_only)
        OVP_TRY(depth_paths_judge(l->run, &rows, "L^beta is the scale of the weights: their mean norm follows L^0", 0,
                                  "mean norm"));
    for (ovp_idx i = 0; i < l->count; i++) rows.y[i] = l->paths[i].variation;
    status = depth_paths_judge_variation(l->run, &rows, "V_p^(1/p) of these synthetic nets",
                                         "the p-variation stays bounded in the depth: V_p^(1/p)", "V_p^(1/p)");
done:
    depth_paths_rows_free(l->ctx, &rows);
    return status;
}

/* ---- run ----------------------------------------------------------------------------------------- */

static ovp_status conclude(lab *l) {
    ovp_status status = OVP_OK;
    depths d = {0, NULL};
    OVP_TRY(ovp_run_summary(
        l->run, "paths", "paths-summary", (const char *const[]){"layers"}, 1,
        (const char *const[]){"norm_mean", "norm_min", "norm_min_at", "norm_first", "norm_last", "pvar"}, 6));
    OVP_TRY(judge(l));
    OVP_TRY(sort_depths(&d, l));
    OVP_TRY(report_variations(l, &d));
    if (!l->pvar_only) OVP_TRY(figure_profiles(l, &d));
done:
    ovp_free(l->ctx, d.first);
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    const ovp_params *p = ovp_run_params(r);
    lab l = {
        .run = r, .ctx = ovp_run_ctx(r), .p = ovp_params_real(p, "pvar"), .pvar_only = ovp_params_bool(p, "pvar-only")};
    status = depth_paths_visit(l.ctx, r, p, visit, &l);
    end = l.count > 0 ? conclude(&l) : OVP_OK;
    if (status == OVP_OK) status = end;
    for (ovp_idx i = 0; i < l.capacity; i++) ovp_free(l.ctx, l.paths[i].norms);
    ovp_free(l.ctx, l.paths);
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx dim;
    return depth_paths_check(ctx, p, &dim);
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"What does a limit of L^beta W_k mean?",
     "If k/L -> L^beta W_k converges to a function as L grows, the net becomes a differential equation (smooth, beta = "
     "1 - "
     "alpha = 0 .. 1) or one driven by a rough path. Curves of all depths then lie on one another (first verdict)."},
    {"Why p-variation?", "It tells how rough the limit is: V_1 is the length of the path, and is bounded only for "
                         "paths as smooth as integrals; "
                         "Brownian paths have V_p bounded for p > 2 alone. Existence and stability of the limiting "
                         "equation need V_p for p < 2 "
                         "(Young) or p < 3 (rough paths)."},
    {"Where does roughness come from?",
     "From the initialisation: gradients are smooth in k. Noise of size L^(-1/gamma) in each of L layers has V_p^(1/p) "
     "~ "
     "L^(1/p - 1/gamma): bounded for p >= gamma (table pvar with --pvar 1, 1.5, 2 on synthetic nets)."},
    {"Why another band than the published one?", "The published band is 1.96 sd/sqrt(3), with sd over the number of "
                                                 "nets and 3 runs whatever their number. For three runs "
                                                 "the 95 % band is t_2 sd'/sqrt(3) with t_2 = 4.30 and sd' = sd "
                                                 "sqrt(3/2): 2.7 times as wide. Here n is counted and t is "
                                                 "Student's."},
};

const ovp_experiment ovp_experiment_path_norm = {
    .id = "path-norm",
    .title = "Size and roughness of weights along the depth",
    .claim =
        "Scaled by L^beta, trained weights of deep residual nets approach one path k/L -> W of bounded p-variation.",
    .formula =
        "y_k = ||L^beta W_k||_F at k/(L-1); V_p = max over k_0 < k_1 < .. of sum_i ||L^beta (W_k_i - W_k_(i-1))||^p",
    .source = "Companion code of the thesis 'Weights regularity for residual neural networks in the depth limit', "
              "path-norm; Cont, Rossier and Xu 2022 (arXiv 2204.07261)",
    .about =
        "Nets of several depths L are read (--runs: runs of depth-limit, or files of weights), their blocks W_0 .. "
        "W_(L-1) "
        "multiplied by L^beta, and their Frobenius norms drawn over k/(L-1), the mean over nets of one depth with its "
        "95 % "
        "band. The p-variation of the path in R^(d d) tells its roughness (--pvar; --pvar-only leaves the norms out). "
        "V_p^(1/p) is given, so that p = 1 is the path's length.\n\n"
        "Files: .npz or .safetensors with one array [L, d, d] or matrices blocks.<k>.weight, k = 0 .. L-1 (docs/cli.md "
        "tells "
        "what a run keeps; a PyTorch list of matrices becomes such a file by numpy.savez(file, *matrices)). Nets of "
        "one file or "
        "several count as repeats of their depth; a run's nets carry their seeds. All have one d.\n\n"
        "Without --runs, nets are made: L^beta W_k = cos(pi k/(L-1)) A + noise uniform within +-L^(-1/gamma)/2, A of "
        "norm "
        "--smooth drawn once a seed. Their p-variation is known to follow L^max(0, 1/p - 1/gamma), and the verdict "
        "compares.\n\n"
        "How to read the figures. path-norm: curves on one another say that beta is right. pvar: level in L says that "
        "the limit "
        "has bounded p-variation. The published figures plot mean +- 1.96 sd/sqrt(3) whatever the number of runs, and "
        "print the "
        "largest V_p^(1/p) of each depth as 'Max 1-variation' whatever p is (table pvar, pvar_max).",
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
