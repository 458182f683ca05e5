/* depth-limit: what the weights look like along the depth. */
#include "depth_limit_int.h"

double depth_limit_beta(const depth_limit_setup *setup) {
    return 1 - setup->alpha;
}

static ovp_idx cells_of(const depth_limit_net *net) {
    return net->setup->dim * net->setup->dim;
}

void depth_limit_path(const depth_limit_net *net, double *x) {
    const double scale = pow((double)net->layers, depth_limit_beta(net->setup));
    for (ovp_idx i = 0; i < net->layers * cells_of(net); i++)
        x[i] = scale *
               (net->setup->type == OVP_F32 ? (double)((const float *)net->theta)[i] : ((const double *)net->theta)[i]);
}

ovp_status depth_limit_variations(const depth_limit_net *net, ovp_ctx *ctx, double out[3]) {
    static const double parts[] = {1, .5, .75};
    ovp_status status = OVP_OK;
    double *x = NULL;
    OVP_TRY(ovp_alloc(ctx, &x, net->layers * cells_of(net), sizeof *x));
    depth_limit_path(net, x);
    for (int i = 0; i < 3; i++)
        OVP_TRY(ovp_measure_p_variation_root(&out[i], ctx, net->layers, cells_of(net), x, OVP_NORM_L2,
                                             parts[i] * net->setup->p_var));
done:
    ovp_free(ctx, x);
    return status;
}

void depth_limit_norms(ovp_idx layers, ovp_idx cells, const double *x, double *norms) {
    for (ovp_idx k = 0; k < layers; k++) {
        double square = 0;
        for (ovp_idx i = 0; i < cells; i++) square += x[k * cells + i] * x[k * cells + i];
        norms[k] = sqrt(square);
    }
}

double depth_limit_coordinate_variation(ovp_idx layers, ovp_idx cells, const double *x) {
    double sum = 0;
    for (ovp_idx i = 0; i + cells < layers * cells; i++) sum += fabs(x[i + cells] - x[i]);
    return sum / (double)cells;
}

static double mean_of(ovp_idx count, const double *values) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

void depth_limit_profile_of(depth_limit_profile *out, ovp_idx layers, const double *norms) {
    const ovp_idx window = layers / 50 > 1 ? layers / 50 : 1;
    double lowest = INFINITY;
    ovp_idx least = 0;
    for (ovp_idx k = 0; k < layers; k++)
        if (norms[k] < norms[least]) least = k;
    for (ovp_idx k = 0; k + window <= layers; k++) lowest = fmin(lowest, mean_of(window, norms + k));
    *out = (depth_limit_profile){.least = norms[least],
                                 .least_at = layers > 1 ? (double)least / (double)(layers - 1) : 0,
                                 .mean = mean_of(layers, norms),
                                 .first = mean_of(window, norms),
                                 .middle = mean_of(window, norms + (layers - window) / 2),
                                 .last = mean_of(window, norms + layers - window)};
    out->early = out->first > lowest ? (out->first - out->middle) / (out->first - lowest) : (double)NAN;
}

ovp_idx depth_limit_entries(ovp_idx dim, ovp_idx entries[DEPTH_LIMIT_ENTRIES][2]) {
    static const ovp_idx published[DEPTH_LIMIT_ENTRIES][2] = {{0, 0}, {1, 1}, {2, 2}, {7, 3}, {8, 5}, {9, 6}};
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < DEPTH_LIMIT_ENTRIES; i++) {
        if (published[i][0] >= dim || published[i][1] >= dim) continue;
        entries[count][0] = published[i][0];
        entries[count++][1] = published[i][1];
    }
    return count;
}
