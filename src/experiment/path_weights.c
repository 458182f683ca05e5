/* path-weights: single entries of the weights of deep residual nets along the depth, L^beta W_k[r, c] over k/L. */
#include "depth_paths.h"
#include "past_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- declaration --------------------------------------------------------------------------------- */

#define PUBLISHED "0:0,1:1,2:2,7:3,8:5,9:6"

static const ovp_param params[] = {
    OVP_EXPERIMENT_COMMON("quick|default|paper", "f64"),
    DEPTH_PATHS_PARAMS,
    {"entries", OVP_PARAM_TEXT, PUBLISHED, 0, 0, NULL, "",
     "Entries row:column, from 0; of the default those that the matrices have."},
};

static const ovp_experiment_preset presets[] = {
    DEPTH_PATHS_PRESETS(", one figure an entry", "its six entries"),
};

static const ovp_store_column entry_columns[] = {
    DEPTH_PATHS_NET_COLUMNS,
    {"row", "", "row of the entry, from 0"},
    {"column", "", "its column"},
    {"first", "", "L^beta W_0[row, column]"},
    {"last", "", "at k = L-1"},
    {"zero_at", "", "k/(L-1) of the first change of sign, linear between layers; empty: none"},
    {"pvar", "", "V_p^(1/p) of this entry's path, p = --pvar"},
    {"direct", "", "|last - first| / V_1: 1 for a path that only rises or only falls"},
};
static const ovp_store_column summary_columns[] = {
    {"layers", "", "L"},
    {"row", "", "row of the entry"},
    {"column", "", "its column"},
    DEPTH_PATHS_MEAN_COLUMNS("entries"),
};
static const ovp_experiment_table tables[] = {
    {"entries", "One row a net and entry.", entry_columns, COUNT(entry_columns), 0},
    {"entries-summary", "Means over nets of one depth.", summary_columns, COUNT(summary_columns), 0},
};

/* ---- entries ------------------------------------------------------------------------------------- */

typedef struct entry {
    ovp_idx row, column;
} entry;

/* A whole number at *at, which moves on behind it; -1: none. */
static ovp_idx number_at(const char **at) {
    char *end;
    if (**at < '0' || **at > '9') return -1;
    const long long value = strtoll(*at, &end, 10);
    *at = end;
    return value < 1000000 ? (ovp_idx)value : 1000000;
}

/* The entries of --entries that lie in a dim x dim matrix. Errors: OVP_EINVAL (syntax; one outside, unless the list is
 * the default; none left). *out: ovp_free. */
static ovp_status read_entries(entry **out, ovp_idx *count, ovp_ctx *ctx, const ovp_params *values, ovp_idx dim) {
    ovp_status status = OVP_OK;
    past_names names;
    *out = NULL;
    *count = 0;
    OVP_TRY(past_names_split(&names, ctx, "--entries", ovp_params_text(values, "entries")));
    OVP_TRY(ovp_alloc(ctx, out, names.count, sizeof **out));
    for (ovp_idx i = 0; i < names.count; i++) {
        const char *at = names.name[i];
        entry e = {.row = number_at(&at)};
        const int colon = *at == ':';
        at += colon;
        e.column = number_at(&at);
        if (e.row < 0 || !colon || e.column < 0 || *at)
            OVP_TRY(
                ovp_fail(ctx, OVP_EINVAL, "--entries '%.40s': write row:column, from 0, as 0:0,1:2", names.name[i]));
        if (e.row < dim && e.column < dim)
            (*out)[(*count)++] = e;
        else if (ovp_params_is_set(values, "entries"))
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                             "--entries %.40s: outside the matrices of %lld x %lld; rows and columns are 0..%lld",
                             names.name[i], (long long)dim, (long long)dim, (long long)dim - 1));
    }
done:
    past_names_free(ctx, &names);
    if (status != OVP_OK) {
        ovp_free(ctx, *out);
        *out = NULL;
    }
    return status;
}

/* ---- one net ------------------------------------------------------------------------------------- */

typedef struct path {
    ovp_idx layers;
    int64_t repeat;
    double *y;         /* entries x L */
    double *variation; /* one an entry */
} path;

typedef struct lab {
    ovp_experiment_run *run;
    ovp_ctx *ctx;
    double p;
    entry *entries;
    ovp_idx entry_count;
    path *paths;
    ovp_idx count, capacity;
} lab;

static double zero_of(ovp_idx n, const double *y) {
    for (ovp_idx k = 1; k < n; k++)
        if (y[k - 1] == 0 || (y[k - 1] < 0) != (y[k] < 0))
            return ((double)(k - 1) + y[k - 1] / (y[k - 1] - y[k])) / (double)(n - 1);
    return NAN;
}

static ovp_status put_entry(const lab *l, const depth_net *net, const path *p, ovp_idx at) {
    const ovp_idx n = net->layers;
    const double *y = p->y + at * n;
    double length = 0;
    for (ovp_idx k = 1; k < n; k++) length += fabs(y[k] - y[k - 1]);
    const ovp_store_cell cells[] = {ovp_cell_text(net->source),
                                    ovp_cell_int(n),
                                    ovp_cell_int(net->repeat),
                                    ovp_cell_int(l->entries[at].row),
                                    ovp_cell_int(l->entries[at].column),
                                    ovp_cell_finite(y[0]),
                                    ovp_cell_finite(y[n - 1]),
                                    ovp_cell_finite(zero_of(n, y)),
                                    ovp_cell_finite(p->variation[at]),
                                    ovp_cell_finite(length > 0 ? fabs(y[n - 1] - y[0]) / length : (double)NAN)};
    return ovp_run_row(l->run, "entries", cells);
}

static ovp_status visit(void *user, const depth_net *net, double *x) {
    lab *l = user;
    ovp_status status = OVP_OK;
    const ovp_idx cells = net->dim * net->dim, n = net->layers;
    char name[64];
    if (!l->entries) OVP_TRY(read_entries(&l->entries, &l->entry_count, l->ctx, ovp_run_params(l->run), net->dim));
    OVP_TRY(depth_paths_grow(l->ctx, &l->paths, l->count, &l->capacity, sizeof *l->paths));
    path *p = &l->paths[l->count];
    *p = (path){.layers = n, .repeat = net->repeat};
    OVP_TRY(ovp_alloc(l->ctx, &p->y, l->entry_count * n, sizeof *p->y));
    OVP_TRY(ovp_alloc(l->ctx, &p->variation, l->entry_count, sizeof *p->variation));
    for (ovp_idx e = 0; e < l->entry_count; e++) {
        double *y = p->y + e * n;
        const ovp_idx at = l->entries[e].row * net->dim + l->entries[e].column;
        for (ovp_idx k = 0; k < n; k++) y[k] = x[k * cells + at];
        OVP_TRY(ovp_measure_p_variation_root(&p->variation[e], l->ctx, n, 1, y, OVP_NORM_L2, l->p));
        OVP_TRY(put_entry(l, net, p, e));
    }
    (void)snprintf(name, sizeof name, "path_%lld", (long long)l->count);
    OVP_TRY(study_put(l->run, name, OVP_F64, l->entry_count, n, p->y));
    l->count++; /* a net that was not finished is freed, not shown */
done:
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------- */

/* Index of a net's depth among the different ones, ascending. */
static ovp_idx rank_of(const lab *l, ovp_idx net, int *first) {
    ovp_idx rank = 0;
    *first = 1;
    for (ovp_idx i = 0; i < l->count; i++) {
        int seen = 0;
        if (l->paths[i].layers == l->paths[net].layers && i < net) *first = 0;
        if (l->paths[i].layers >= l->paths[net].layers) continue;
        for (ovp_idx j = 0; j < i && !seen; j++) seen = l->paths[j].layers == l->paths[i].layers;
        rank += !seen;
    }
    return rank;
}

/* One curve a net, nets of one depth in one colour. x: room for the longest path of every net in turn. */
static ovp_status figure_entry(const lab *l, ovp_idx e, ovp_figure_series *series, char (*labels)[40], double *x) {
    char name[64], title[80], y_label[64], beta[32];
    for (ovp_idx i = 0; i < l->count; i++) {
        const path *p = &l->paths[i];
        int first;
        const ovp_idx rank = rank_of(l, i, &first);
        for (ovp_idx k = 0; k < p->layers; k++) x[k] = (double)k / (double)(p->layers - 1);
        (void)snprintf(labels[i], sizeof labels[i], "L = %lld", (long long)p->layers);
        series[i] = (ovp_figure_series){.label = first ? labels[i] : NULL,
                                        .style = OVP_FIGURE_LINE,
                                        .n = p->layers,
                                        .x = x,
                                        .y = p->y + e * p->layers,
                                        .colour = (int)rank};
        x += p->layers;
    }
    ovp_experiment_short(beta, ovp_params_real(ovp_run_params(l->run), "beta"));
    (void)snprintf(name, sizeof name, "entry-%lld-%lld", (long long)l->entries[e].row, (long long)l->entries[e].column);
    (void)snprintf(title, sizeof title, "Entry [%lld, %lld] along the depth", (long long)l->entries[e].row,
                   (long long)l->entries[e].column);
    (void)snprintf(y_label, sizeof y_label, "L^%s W_k[%lld,%lld]", beta, (long long)l->entries[e].row,
                   (long long)l->entries[e].column);
    const ovp_figure figure = {.name = name,
                               .title = title,
                               .x_label = "k/L",
                               .y_label = y_label,
                               .caption = "One curve a net; nets of one depth share a colour.",
                               .series = series,
                               .count = l->count,
                               .ordered = 1};
    return ovp_run_figure(l->run, &figure);
}

static ovp_status figures(const lab *l) {
    ovp_status status = OVP_OK;
    ovp_figure_series *series = NULL;
    char(*labels)[40] = NULL;
    double *x = NULL;
    ovp_idx total = 0;
    for (ovp_idx i = 0; i < l->count; i++) total += l->paths[i].layers;
    OVP_TRY(ovp_alloc(l->ctx, &series, l->count, sizeof *series));
    OVP_TRY(ovp_alloc(l->ctx, &labels, l->count, sizeof *labels));
    OVP_TRY(ovp_alloc(l->ctx, &x, total, sizeof *x));
    for (ovp_idx e = 0; e < l->entry_count; e++) OVP_TRY(figure_entry(l, e, series, labels, x));
done:
    ovp_free(l->ctx, x);
    ovp_free(l->ctx, labels);
    ovp_free(l->ctx, series);
    return status;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

/* The mean of V_p^(1/p) over the entries, net by net. */
static ovp_status judge(const lab *l) {
    ovp_status status = OVP_OK;
    study_rows rows;
    OVP_TRY(depth_paths_rows(&rows, l->ctx, l->count));
    for (ovp_idx i = 0; i < l->count; i++) {
        rows.x[i] = (double)l->paths[i].layers;
        rows.seed[i] = l->paths[i].repeat;
        for (ovp_idx e = 0; e < l->entry_count; e++) rows.y[i] += l->paths[i].variation[e] / (double)l->entry_count;
    }
    status = depth_paths_judge_variation(l->run, &rows, "V_p^(1/p) of these synthetic nets' entries",
                                         "entries' p-variation stays bounded in the depth: V_p^(1/p)",
                                         "V_p^(1/p), the mean over the entries,");
done:
    depth_paths_rows_free(l->ctx, &rows);
    return status;
}

/* ---- run ----------------------------------------------------------------------------------------- */

static ovp_status conclude(const lab *l) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_run_summary(l->run, "entries", "entries-summary", (const char *const[]){"layers", "row", "column"}, 3,
                            (const char *const[]){"first", "last", "zero_at", "pvar", "direct"}, 5));
    OVP_TRY(judge(l));
    OVP_TRY(figures(l));
done:
    return status;
}

static ovp_status run(ovp_experiment_run *r) {
    ovp_status status = OVP_OK, end;
    const ovp_params *p = ovp_run_params(r);
    lab l = {.run = r, .ctx = ovp_run_ctx(r), .p = ovp_params_real(p, "pvar")};
    status = depth_paths_visit(l.ctx, r, p, visit, &l);
    end = l.count > 0 ? conclude(&l) : OVP_OK;
    if (status == OVP_OK) status = end;
    for (ovp_idx i = 0; i < l.capacity; i++) {
        ovp_free(l.ctx, l.paths[i].y);
        ovp_free(l.ctx, l.paths[i].variation);
    }
    ovp_free(l.ctx, l.paths);
    ovp_free(l.ctx, l.entries);
    return status;
}

static ovp_status check(ovp_ctx *ctx, const ovp_params *p) {
    ovp_idx dim, count;
    entry *entries;
    ovp_status status = depth_paths_check(ctx, p, &dim);
    if (status == OVP_OK) status = read_entries(&entries, &count, ctx, p, dim);
    if (status == OVP_OK) ovp_free(ctx, entries);
    return status;
}

/* ---- descriptor ---------------------------------------------------------------------------------- */

static const ovp_experiment_question questions[] = {
    {"What do smooth curves say?",
     "That neighbouring layers received nearly the same updates: gradients are smooth in k. Roughness can only come "
     "from the "
     "initialisation, and vanishes with L for gamma < 2 at fixed p = 1 only if gamma <= 1."},
    {"What does column direct tell?", "|last - first| / V_1 is 1 for a monotone path and near 0 for a rough one; noise "
                                      "of size L^(-1/gamma) makes it fall as "
                                      "L^(1/gamma - 1)."},
    {"Is the variation of an entry that of the path?", "No: an entry's V_p is at most that of the whole path in R^(d "
                                                       "d) (path-norm), which sees all entries at once; but if all "
                                                       "of them are bounded in L, so is the path's."},
    {"Why these six entries?", "They are the published script's, zip([0,1,2,7,8,9], [0,1,2,3,5,6]), and need d of at "
                               "least 10; its published figure "
                               "shows another one, [10, 7]. --entries takes any."},
};

const ovp_experiment ovp_experiment_path_weights = {
    .id = "path-weights",
    .title = "Single weights along the depth",
    .claim =
        "Scaled by L^beta, single weights of trained residual nets trace curves over k/L that no longer depend on L.",
    .formula = "y_k = L^beta W_k[r, c] at k/(L-1); V_p = max over k_0 < k_1 < .. of sum_i |y_k_i - y_k_(i-1)|^p",
    .source = "Companion code of the thesis 'Weights regularity for residual neural networks in the depth limit', "
              "path-weights; Cont, Rossier and Xu 2022 (arXiv 2204.07261)",
    .about = "Nets of several depths L are read (--runs: runs of depth-limit, or files of weights) and chosen entries "
             "of their blocks "
             "W_0 .. W_(L-1), multiplied by L^beta, drawn over k/(L-1): one figure an entry, one curve a net. Where "
             "curves of all "
             "depths look alike, the weights have a limit; where they tremble more and more, it is rough. Table "
             "entries holds where "
             "each starts, ends and crosses 0, its p-variation V_p^(1/p) and how direct it is.\n\n"
             "Files: .npz or .safetensors with one array [L, d, d] or matrices blocks.<k>.weight, k = 0 .. L-1; nets "
             "of one file or "
             "several count as repeats of their depth, a run's nets carry their seeds. All have one d. Without --runs, "
             "nets are made "
             "as path-norm makes them: a cosine of a random matrix along the depth with noise of size L^(-1/gamma).\n\n"
             "How to read the figures. One colour a depth, dark to light. In the published figure (entry [10, 7], "
             "depths 2000 to "
             "12000) the curves fall smoothly from about .17 to -.04, cross 0 at .6 to .9 of the depth, and do not "
             "drift with L.",
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
