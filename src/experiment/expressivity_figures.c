/* expressivity: figures. */
#include "expressivity_int.h"

#include <stdio.h>

/* ---- against the layer --------------------------------------------------------------------------------- */

/* A column of table layers, means over seeds and members, with theory dashed; level: also a dotted line a sigma. */
typedef struct against_layer {
    const char *name, *column, *title, *y_label, *caption;
    double (*theory)(const expressivity_theory *theory, ovp_idx layer);
    double (*level)(const expressivity_theory *theory);
    int y_log;
} against_layer;

static double q_of(const expressivity_theory *t, ovp_idx layer) {
    return t->layers[layer].q;
}
static double length_of(const expressivity_theory *t, ovp_idx layer) {
    return t->layers[layer].length;
}
static double growth_of(const expressivity_theory *t, ovp_idx layer) {
    return t->growth[layer];
}
static double curvature_of(const expressivity_theory *t, ovp_idx layer) {
    return t->layers[layer].curvature;
}
static double level_of(const expressivity_theory *t) {
    return sqrt(t->fixed.chi_1);
}

static const against_layer layer_figures[] = {
    {"length", "length", "Length of the curve", "length",
     "Mean over seeds and members with 95 % intervals; dashed: mean field theory, sqrt(chi_1) in each layer.",
     length_of, NULL, 1},
    {"growth", "growth", "Growth of the length in each layer", "length / length of the layer before",
     "Mean with 95 % intervals; dashed: sqrt(chi_1) at the q of each layer, dotted: at the fixed point q*.", growth_of,
     level_of, 0},
    {"q", "q", "Squared length per unit", "q = |z|^2 / width", "Mean with 95 % intervals; dashed: the q map iterated.",
     q_of, NULL, 1},
    {"curvature", "curvature", "Curvature", "sqrt(width) kappa, root mean square",
     "Mean with 95 % intervals; dashed: kappa^2 <- 3 chi_2 / chi_1^2 + kappa^2 / chi_1.", curvature_of, NULL, 1},
};

static ovp_status draw_against_layer(expressivity_study *study, const against_layer *f) {
    enum { KINDS = 3 };
    ovp_status status = OVP_OK;
    const ovp_idx n = study->sigma_count, hidden = study->hidden;
    study_points *points = NULL;
    ovp_figure_series *series = NULL;
    double *values = NULL; /* layers, then theory and level of each sigma */
    char(*labels)[48] = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_alloc(study->ctx, &points, n, sizeof *points));
    OVP_TRY(ovp_alloc(study->ctx, &series, KINDS * n, sizeof *series));
    OVP_TRY(ovp_alloc(study->ctx, &values, hidden + n * (hidden + 1), sizeof *values));
    OVP_TRY(ovp_alloc(study->ctx, &labels, n, sizeof *labels));
    for (ovp_idx l = 0; l < hidden; l++) values[l] = (double)l;
    for (ovp_idx i = 0; i < n; i++) {
        const study_query query = {
            .table = "layers", .x = "layer", .y = f->column, .where = {{"sigma", study->sigmas[i], NULL}}};
        char sigma[32];
        double *theory = values + hidden + i * (hidden + 1);
        OVP_TRY(study_points_get(&points[i], study->run, &query));
        ovp_format_real(sigma, study->sigmas[i]);
        snprintf(labels[i], sizeof labels[i], "sigma %s", sigma);
        for (ovp_idx l = 0; l < hidden; l++) theory[l] = f->theory(&study->theory[i], l);
        series[count++] = (ovp_figure_series){.label = labels[i],
                                              .style = OVP_FIGURE_POINTS,
                                              .n = points[i].count,
                                              .x = points[i].x,
                                              .y = points[i].mean,
                                              .low = points[i].low,
                                              .high = points[i].high,
                                              .colour = (int)i};
        series[count++] = (ovp_figure_series){.label = i == 0 ? "theory" : "",
                                              .style = OVP_FIGURE_THEORY,
                                              .n = hidden,
                                              .x = values,
                                              .y = theory,
                                              .colour = (int)i};
        if (!f->level) continue;
        theory[hidden] = f->level(&study->theory[i]);
        series[count++] = (ovp_figure_series){.label = i == 0 ? "sqrt(chi_1)" : "",
                                              .style = OVP_FIGURE_HLINE,
                                              .n = 1,
                                              .y = theory + hidden,
                                              .colour = (int)i};
    }
    const ovp_figure figure = {.name = f->name,
                               .title = f->title,
                               .x_label = "layer",
                               .y_label = f->y_label,
                               .caption = f->caption,
                               .y_log = f->y_log,
                               .series = series,
                               .count = count};
    OVP_TRY(ovp_run_figure(study->run, &figure));
done:
    for (ovp_idx i = 0; points && i < n; i++) study_points_free(study->ctx, &points[i]);
    ovp_free(study->ctx, labels);
    ovp_free(study->ctx, values);
    ovp_free(study->ctx, series);
    ovp_free(study->ctx, points);
    return status;
}

/* ---- correlations ----------------------------------------------------------------------------------------- */

/* What the panels of a correlation figure borrow, a block a sigma. */
typedef struct correlation_panels {
    ovp_figure *panels;
    ovp_figure_series *series;
    study_points *points; /* sigmas x angles */
    double *values;
    char (*titles)[48];
    char (*labels)[48]; /* one an angle */
} correlation_panels;

enum { MAP_POINTS = 41 };

static void correlation_panels_free(const expressivity_study *study, correlation_panels *p) {
    for (ovp_idx i = 0; p->points && i < study->sigma_count * study->angles; i++)
        study_points_free(study->ctx, &p->points[i]);
    ovp_free(study->ctx, p->labels);
    ovp_free(study->ctx, p->titles);
    ovp_free(study->ctx, p->values);
    ovp_free(study->ctx, p->points);
    ovp_free(study->ctx, p->series);
    ovp_free(study->ctx, p->panels);
}

static ovp_status correlation_panels_create(expressivity_study *study, correlation_panels *p) {
    ovp_status status = OVP_OK;
    const ovp_idx n = study->sigma_count, angles = study->angles;
    OVP_TRY(ovp_alloc(study->ctx, &p->panels, n, sizeof *p->panels));
    OVP_TRY(ovp_alloc(study->ctx, &p->series, n * 2 * (angles + 1), sizeof *p->series));
    OVP_TRY(ovp_alloc(study->ctx, &p->points, n * angles, sizeof *p->points));
    OVP_TRY(ovp_alloc(study->ctx, &p->values, n * (angles + 1) * (study->hidden + MAP_POINTS), sizeof *p->values));
    OVP_TRY(ovp_alloc(study->ctx, &p->titles, n, sizeof *p->titles));
    OVP_TRY(ovp_alloc(study->ctx, &p->labels, angles, sizeof *p->labels));
    for (ovp_idx k = 0; k < angles; k++) {
        char angle[32];
        ovp_experiment_short(angle, study->angle[k] * 180 / M_PI);
        snprintf(p->labels[k], sizeof p->labels[k], "%s degrees", angle);
    }
    for (ovp_idx i = 0; i < n; i++) {
        char sigma[32];
        ovp_format_real(sigma, study->sigmas[i]);
        snprintf(p->titles[i], sizeof p->titles[i], "sigma %s", sigma);
        for (ovp_idx k = 0; k < angles; k++) {
            const study_query query = {
                .table = "correlations",
                .x = "layer",
                .y = "c",
                .where = {{"sigma", study->sigmas[i], NULL}, {"angle", study->angle[k] * 180 / M_PI, NULL}}};
            OVP_TRY(study_points_get(&p->points[i * angles + k], study->run, &query));
        }
    }
done:
    return status;
}

/* Each angle's correlation against the layer. */
static void fill_by_layer(const expressivity_study *study, correlation_panels *p, ovp_idx i) {
    const ovp_idx angles = study->angles, hidden = study->hidden;
    ovp_figure_series *series = p->series + i * 2 * (angles + 1);
    double *layer = p->values + i * (angles + 1) * (hidden + MAP_POINTS), *theory = layer + hidden;
    ovp_idx count = 0;
    for (ovp_idx l = 0; l < hidden; l++) layer[l] = (double)l;
    for (ovp_idx k = 0; k < angles; k++, theory += hidden) {
        const study_points *at = &p->points[i * angles + k];
        for (ovp_idx l = 0; l < hidden; l++) theory[l] = study->theory[i].layers[l].correlation[k];
        series[count++] = (ovp_figure_series){.label = p->labels[k],
                                              .style = OVP_FIGURE_POINTS,
                                              .n = at->count,
                                              .x = at->x,
                                              .y = at->mean,
                                              .low = at->low,
                                              .high = at->high,
                                              .colour = (int)k};
        series[count++] = (ovp_figure_series){.label = k == 0 ? "theory" : "",
                                              .style = OVP_FIGURE_THEORY,
                                              .n = hidden,
                                              .x = layer,
                                              .y = theory,
                                              .colour = (int)k};
    }
    p->panels[i] = (ovp_figure){
        .title = p->titles[i], .x_label = "layer", .y_label = "correlation", .series = series, .count = count};
}

/* Each layer's correlation against that of the layer before, over the map at q*. */
static ovp_status fill_map(const expressivity_study *study, correlation_panels *p, ovp_idx i) {
    ovp_status status = OVP_OK;
    const ovp_idx angles = study->angles;
    const expressivity_theory *t = &study->theory[i];
    ovp_figure_series *series = p->series + i * 2 * (angles + 1);
    double *c = p->values + i * (angles + 1) * (study->hidden + MAP_POINTS), *image = c + MAP_POINTS;
    const ovp_theory_mean_field_options options = {.size = sizeof options,
                                                   .activation = ovp_params_text(study->params, "activation"),
                                                   .sigma_w = t->sigma,
                                                   .sigma_b = t->sigma_b};
    ovp_theory_mean_field *field = NULL;
    ovp_idx count = 0;
    OVP_TRY(ovp_theory_mean_field_create(&field, study->ctx, &options));
    for (ovp_idx k = 0; k < MAP_POINTS; k++) {
        c[k] = -1 + 2 * (double)k / (MAP_POINTS - 1);
        image[k] = c[k]; /* where all dies out the net is linear in the end */
        if (t->fixed.q_star > 0) OVP_TRY(ovp_theory_c_map(&image[k], NULL, study->ctx, field, t->fixed.q_star, c[k]));
    }
    for (ovp_idx k = 0; k < angles; k++) {
        const study_points *at = &p->points[i * angles + k];
        if (at->count <= EXPRESSIVITY_FIRST + 1) continue;
        series[count++] = (ovp_figure_series){.label = p->labels[k],
                                              .style = OVP_FIGURE_POINTS,
                                              .n = at->count - EXPRESSIVITY_FIRST - 1,
                                              .x = at->mean + EXPRESSIVITY_FIRST,
                                              .y = at->mean + EXPRESSIVITY_FIRST + 1,
                                              .colour = (int)k};
    }
    series[count++] = (ovp_figure_series){
        .label = "map", .style = OVP_FIGURE_THEORY, .n = MAP_POINTS, .x = c, .y = image, .colour = -1};
    series[count++] = (ovp_figure_series){
        .label = "c' = c", .style = OVP_FIGURE_LINE, .n = MAP_POINTS, .x = c, .y = c, .colour = (int)angles};
    p->panels[i] = (ovp_figure){
        .title = p->titles[i], .x_label = "c", .y_label = "c of the next layer", .series = series, .count = count};
done:
    ovp_theory_mean_field_free(field);
    return status;
}

static ovp_status draw_correlations(expressivity_study *study) {
    ovp_status status = OVP_OK;
    correlation_panels p = {.panels = NULL};
    OVP_TRY(correlation_panels_create(study, &p));
    for (ovp_idx i = 0; i < study->sigma_count; i++) fill_by_layer(study, &p, i);
    ovp_figure figure = {.name = "correlations",
                         .title = "Correlation of pairs of points",
                         .caption =
                             "Pairs at fixed angles on the circle, means over seeds with 95 % intervals; dashed: "
                             "the correlation map iterated.",
                         .panels = p.panels,
                         .panel_count = study->sigma_count};
    OVP_TRY(ovp_run_figure(study->run, &figure));
    for (ovp_idx i = 0; i < study->sigma_count; i++) OVP_TRY(fill_map(study, &p, i));
    figure.name = "correlation-map";
    figure.title = "Correlations against their map";
    figure.caption = "Each layer's mean correlation over that of the layer before, once q has settled; dashed: the map "
                     "at q*, whose slope at c = 1 is chi_1.";
    OVP_TRY(ovp_run_figure(study->run, &figure));
done:
    correlation_panels_free(study, &p);
    return status;
}

/* ---- trajectories ------------------------------------------------------------------------------------------ */

/* One panel: a record's curve behind a layer's activation, in space; coordinates go to xyz, 3 x points. */
static ovp_figure trajectory(const expressivity_study *study, ovp_idx record, ovp_idx layer, const double *hue,
                             double *xyz, ovp_figure_series *series, const char *title) {
    const ovp_idx n = study->points;
    const double *from = study->trajectories + (record * study->hidden + layer) * n * 3;
    for (ovp_idx p = 0; p < n; p++)
        for (int k = 0; k < 3; k++) xyz[k * n + p] = from[3 * p + k];
    *series = (ovp_figure_series){
        .style = OVP_FIGURE_LINE, .n = n, .x = xyz, .y = xyz + n, .z = xyz + 2 * n, .hue = hue, .colour = 0};
    return (ovp_figure){.title = title, .series = series, .count = 1};
}

enum { SHOWN_LAYERS = 4, MOST_LAYERS = 24, TITLE = 48 };

/* `layers` of each of `records` records from `first` on, side by side. */
static ovp_status draw_panels(expressivity_study *study, ovp_idx first, ovp_idx records, const ovp_idx *layers,
                              ovp_idx count, ovp_idx columns, ovp_figure *figure) {
    ovp_status status = OVP_OK;
    const ovp_idx n = study->points, all = records * count;
    ovp_figure *panels = NULL;
    ovp_figure_series *series = NULL;
    double *xyz = NULL, *hue = NULL;
    char(*titles)[TITLE] = NULL;
    OVP_TRY(ovp_alloc(study->ctx, &panels, all, sizeof *panels));
    OVP_TRY(ovp_alloc(study->ctx, &series, all, sizeof *series));
    OVP_TRY(ovp_alloc(study->ctx, &xyz, all * 3 * n, sizeof *xyz));
    OVP_TRY(ovp_alloc(study->ctx, &hue, n, sizeof *hue));
    OVP_TRY(ovp_alloc(study->ctx, &titles, all, sizeof *titles));
    for (ovp_idx p = 0; p < n; p++) hue[p] = (double)p / (double)(n - 1);
    for (ovp_idx r = 0; r < records; r++)
        for (ovp_idx k = 0; k < count; k++) {
            const ovp_idx at = r * count + k;
            char sigma[32];
            ovp_format_real(sigma, study->sigmas[study->records[first + r].sigma]);
            snprintf(titles[at], sizeof titles[at], "sigma %s, layer %lld", sigma, (long long)layers[k]);
            panels[at] = trajectory(study, first + r, layers[k], hue, xyz + at * 3 * n, &series[at], titles[at]);
        }
    figure->panels = panels;
    figure->panel_count = all;
    figure->panel_columns = columns;
    OVP_TRY(ovp_run_figure(study->run, figure));
done:
    ovp_free(study->ctx, titles);
    ovp_free(study->ctx, hue);
    ovp_free(study->ctx, xyz);
    ovp_free(study->ctx, series);
    ovp_free(study->ctx, panels);
    return status;
}

/* `count` layers evenly from the first to the last; returns how many there are. */
static ovp_idx choose_layers(const expressivity_study *study, ovp_idx count, ovp_idx *layers) {
    if (count > study->hidden) count = study->hidden;
    for (ovp_idx k = 0; k < count; k++) layers[k] = count < 2 ? 0 : k * (study->hidden - 1) / (count - 1);
    return count;
}

/* The first seed's first net of each sigma. */
static ovp_status draw_trajectories(expressivity_study *study) {
    ovp_status status = OVP_OK;
    const ovp_idx records = study->count < study->sigma_count ? study->count : study->sigma_count;
    ovp_idx layers[MOST_LAYERS], count;
    ovp_figure figure = {.name = "trajectories",
                         .title = "A circle through the nets",
                         .caption = "phi(z) of the first seed, projected to three dimensions; colour runs along the "
                                    "circle. Each panel has a scale of its own.",
                         .equal_axes = 1};
    if (records == 0) return OVP_OK;
    count = choose_layers(study, SHOWN_LAYERS, layers);
    OVP_TRY(draw_panels(study, 0, records, layers, count, count, &figure));
    count = choose_layers(study, MOST_LAYERS, layers);
    for (ovp_idx r = 0; r < records; r++) {
        char name[48], title[96], sigma[32];
        ovp_format_real(sigma, study->sigmas[study->records[r].sigma]);
        snprintf(name, sizeof name, "layers-%lld", (long long)r + 1);
        snprintf(title, sizeof title, "A circle through every layer, sigma %s", sigma);
        figure.name = name;
        figure.title = title;
        OVP_TRY(draw_panels(study, r, 1, layers, count, 5, &figure));
    }
done:
    return status;
}

/* ---- phase diagram ------------------------------------------------------------------------------------------- */

static ovp_status draw_phases(expressivity_study *study) {
    static const double edge_level[] = {1};
    ovp_status status = OVP_OK;
    const ovp_idx cols = study->map_cols, rows = study->map_rows, n = study->sigma_count;
    const double sigma_b = ovp_params_real(study->params, "sigma-b");
    double *values = NULL, *b;
    OVP_TRY(ovp_alloc(study->ctx, &values, 2 * cols * rows + n + 2 * rows, sizeof *values));
    b = values + 2 * cols * rows;
    double *edge = b + n, *edge_b = edge + rows;
    for (ovp_idx j = 0; j < rows; j++) {
        const int there = isfinite(study->map_edge[j]);
        edge[j] = there ? study->map_edge[j] : study->map_w[0];
        edge_b[j] = there ? study->map_b[j] : (double)NAN;
    }
    for (ovp_idx i = 0; i < cols; i++)
        for (ovp_idx j = 0; j < rows; j++) {
            const ovp_theory_fixed_point *f = &study->map[i * rows + j];
            values[j * cols + i] = isfinite(f->chi_1) ? f->chi_1 : (double)NAN;
            values[(rows + j) * cols + i] = isfinite(f->q_star) ? f->q_star : (double)NAN;
        }
    for (ovp_idx i = 0; i < n; i++) b[i] = sigma_b;
    const ovp_figure_map maps[] = {{.cols = cols,
                                    .rows = rows,
                                    .values = values,
                                    .x_low = study->map_w[0],
                                    .x_high = study->map_w[cols - 1],
                                    .y_low = study->map_b[0],
                                    .y_high = study->map_b[rows - 1],
                                    .label = "chi_1",
                                    .levels = edge_level,
                                    .level_count = COUNT(edge_level)},
                                   {.cols = cols,
                                    .rows = rows,
                                    .values = values + cols * rows,
                                    .x_low = study->map_w[0],
                                    .x_high = study->map_w[cols - 1],
                                    .y_low = study->map_b[0],
                                    .y_high = study->map_b[rows - 1],
                                    .label = "q*"}};
    const ovp_figure_series series[] = {
        {.label = "edge of chaos", .style = OVP_FIGURE_THEORY, .n = rows, .x = edge, .y = edge_b, .colour = -1},
        {.label = "this run", .style = OVP_FIGURE_POINTS, .n = n, .x = study->sigmas, .y = b, .colour = 1}};
    const ovp_figure panels[] = {{.title = "Slope of the correlation map at c = 1",
                                  .x_label = "sigma_w",
                                  .y_label = "sigma_b",
                                  .map = &maps[0],
                                  .series = series,
                                  .count = COUNT(series)},
                                 {.title = "Fixed point of the squared length",
                                  .x_label = "sigma_w",
                                  .y_label = "sigma_b",
                                  .map = &maps[1],
                                  .series = series,
                                  .count = COUNT(series)}};
    const ovp_figure figure = {.name = "phase-diagram",
                               .title = "Order and chaos",
                               .caption =
                                   "Left of the edge chi_1 < 1 and curves shrink, right of it they grow; points: "
                                   "this run's nets.",
                               .panels = panels,
                               .panel_count = COUNT(panels)};
    OVP_TRY(ovp_run_figure(study->run, &figure));
done:
    ovp_free(study->ctx, values);
    return status;
}

ovp_status expressivity_draw(expressivity_study *study) {
    ovp_status status = OVP_OK;
    OVP_TRY(draw_trajectories(study));
    for (ovp_idx i = 0; i < COUNT(layer_figures); i++) OVP_TRY(draw_against_layer(study, &layer_figures[i]));
    OVP_TRY(draw_correlations(study));
    if (study->map) OVP_TRY(draw_phases(study));
done:
    return status;
}
