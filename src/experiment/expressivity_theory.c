/* expressivity: what mean field theory says of a circle, layer by layer (Poole et al. 2016, sections 2 and 3). */
#include "expressivity_int.h"

/* The circle of the first layer: z = W x with |x| = radius has |z|^2 = width sigma^2 radius^2 / 2 besides its biases,
 * and curvature 1 / |z|. */
static void first_layer(expressivity_theory *t, const expressivity_theory_options *o) {
    const double square = .5 * o->sigma * o->sigma * o->radius * o->radius, bias = o->sigma_b * o->sigma_b;
    expressivity_layer *l = &t->layers[0];
    l->q = square + bias;
    l->length = 2 * M_PI * sqrt(square * (double)o->width);
    l->curvature = 1 / sqrt(square);
    for (ovp_idx k = 0; k < o->angles; k++) l->correlation[k] = (square * cos(o->angle[k]) + bias) / l->q;
    t->growth[0] = NAN;
}

/* Behind the activation a step is as long as E phi'^2 makes it: chi_1 without the next weights' sigma^2. */
static ovp_status after_activation(expressivity_theory *t, ovp_ctx *ctx, const ovp_theory_mean_field *field,
                                   ovp_idx layer, double *growth) {
    double chi;
    ovp_status status = ovp_theory_chi_1(&chi, NULL, ctx, field, t->layers[layer].q);
    *growth = sqrt(chi);
    t->layers[layer].length_h = t->layers[layer].length * *growth / t->sigma;
    return status;
}

static ovp_status next_layer(expressivity_theory *t, ovp_ctx *ctx, const ovp_theory_mean_field *field, ovp_idx layer,
                             ovp_idx angles) {
    ovp_status status = OVP_OK;
    const expressivity_layer *from = &t->layers[layer - 1];
    expressivity_layer *to = &t->layers[layer];
    ovp_theory_curve curve = {from->q, from->length, from->curvature * from->curvature};
    OVP_TRY(ovp_theory_curve_next(&curve, ctx, field));
    to->q = curve.q;
    to->length = curve.length;
    to->curvature = sqrt(curve.curvature_squared);
    for (ovp_idx k = 0; k < angles; k++) {
        double covariance;
        const double c = fmax(-1, fmin(1, from->correlation[k]));
        OVP_TRY(ovp_theory_covariance_map(&covariance, NULL, ctx, field, from->q, from->q, c));
        to->correlation[k] = covariance / to->q;
    }
done:
    return status;
}

ovp_status expressivity_theory_create(expressivity_theory *out, ovp_ctx *ctx, const expressivity_theory_options *o) {
    ovp_status status = OVP_OK;
    ovp_theory_mean_field *field = NULL;
    const ovp_theory_mean_field_options options = {
        .size = sizeof options, .activation = o->activation, .sigma_w = o->sigma, .sigma_b = o->sigma_b};
    double growth = NAN;
    *out = (expressivity_theory){.sigma = o->sigma, .sigma_b = o->sigma_b};
    OVP_TRY(ovp_alloc(ctx, &out->layers, o->hidden, sizeof *out->layers));
    OVP_TRY(ovp_alloc(ctx, &out->growth, o->hidden, sizeof *out->growth));
    OVP_TRY(ovp_theory_mean_field_create(&field, ctx, &options));
    OVP_TRY(ovp_theory_fixed_point_find(&out->fixed, ctx, field));
    first_layer(out, o);
    OVP_TRY(after_activation(out, ctx, field, 0, &growth));
    for (ovp_idx layer = 1; layer < o->hidden; layer++) {
        out->growth[layer] = growth;
        OVP_TRY(next_layer(out, ctx, field, layer, o->angles));
        OVP_TRY(after_activation(out, ctx, field, layer, &growth));
    }
done:
    ovp_theory_mean_field_free(field);
    if (status != OVP_OK) expressivity_theory_free(ctx, out);
    return status;
}

void expressivity_theory_free(ovp_ctx *ctx, expressivity_theory *theory) {
    ovp_free(ctx, theory->growth);
    ovp_free(ctx, theory->layers);
    *theory = (expressivity_theory){.layers = NULL};
}
