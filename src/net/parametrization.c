/* Parametrisations of dense nets: where the width stands in z = weight_scale W a + bias_scale b, in the spread of the
 * initial W and b, and in the learning rate.
 *
 * In the words of Yang and Hu 2021 (abc-parametrisations): W^l = m^(-a_l) w^l, w^l ~ N(0, m^(-2 b_l)), learning rate
 * eta m^(-c). Their table 1 for SGD, first | inner | last layer:
 *     NTK         a = 0 | 1/2 | 1/2      b = 0      c = 0
 *     mean-field  a = 0 |  -  | 1        b = 0      c = -1
 *     mup         a = -1/2 | 0 | 1/2     b = 1/2    c = 0
 * (a, b, c) and (a + t, b - t, c - 2 t) are the same function along the same trajectory, so with one hidden layer
 * mean-field and mup are one and the same (t = 1/2 leads back). The table has no biases; ours follow from the rule that
 * a bias is a weight of a constant input: a hidden one goes with the first layer, and the last one, whose number does
 * not depend on the width, must have a learning rate that does not either (bias_scale^2 lr_scale = sigma_b^2). */
#include "net/net_int.h"

#include <math.h>
#include <string.h>

static ovp_net_scales ntk(double in, double out, int last) {
    (void)out;
    (void)last;
    return (ovp_net_scales){1 / sqrt(in), 1, 1, 1};
}

static ovp_net_scales mean_field(double in, double out, int last) {
    return last ? (ovp_net_scales){1 / in, 1 / sqrt(in), in, 1} : (ovp_net_scales){1 / sqrt(in), 1, out, 1};
}

/* Hidden layers of unequal widths: variance and change of each z stay free of all of them. */
static ovp_net_scales mup(double in, double out, int last) {
    return last ? (ovp_net_scales){1 / sqrt(in), 1, 1, 1 / sqrt(in)}
                : (ovp_net_scales){sqrt(out / in), sqrt(out), 1, 1 / sqrt(out)};
}

static const struct {
    const char *name;
    ovp_idx least, most; /* layers */
    ovp_net_scales (*of)(double in, double out, int last);
    int plain_first; /* the first layer's weights have no scale at all */
} rules[] = {{"standard", 1, OVP_NET_MAX_LAYERS, NULL, 0},
             {"ntk", 1, OVP_NET_MAX_LAYERS, ntk, 0},
             {"unit-sphere", 2, OVP_NET_MAX_LAYERS, ntk, 1},
             {"mean-field", 2, 2, mean_field, 0},
             {"mup", 2, OVP_NET_MAX_LAYERS, mup, 0}};
enum { RULES = sizeof rules / sizeof *rules };

static int find(const char *name) {
    int k = 0;
    while (k < RULES && strcmp(rules[k].name, name ? name : "standard") != 0) k++;
    return k;
}

int ovp_net_parametrization(ovp_net_scales *out, const char *name, double fan_in, double fan_out, int last) {
    const int k = find(name), known = k < RULES && rules[k].of;
    *out = known ? rules[k].of(fan_in, fan_out, last) : (ovp_net_scales){1, 1, 1, 0};
    return known;
}

static ovp_status sigma(ovp_ctx *ctx, const char *name, double value, double otherwise, double *out) {
    if (!(value >= 0 && isfinite(value)))
        return ovp_fail(ctx, OVP_EINVAL, "dense net: %s %g must be positive and finite, or 0 for its default", name,
                        value);
    *out = value > 0 ? value : otherwise;
    return OVP_OK;
}

ovp_status ovp_net_parametrize(ovp_net_model *m, ovp_ctx *ctx, const ovp_net_dense_options *o) {
    const char *name = o->parametrization;
    const int k = find(name);
    double sigma_w = 0, sigma_b = 0;
    if (k == RULES)
        return ovp_fail(ctx, OVP_EINVAL,
                        "dense net: unknown parametrisation '%s'; one of standard, ntk, unit-sphere, mean-field, "
                        "mup",
                        name);
    if (m->layers < rules[k].least || m->layers > rules[k].most)
        return ovp_fail(ctx, OVP_EINVAL, "dense net: parametrisation %s of %lld layers; it is for %lld%s", name,
                        (long long)m->layers, (long long)rules[k].least,
                        rules[k].most > rules[k].least ? " or more" : " (one hidden layer)");
    ovp_status status = sigma(ctx, "sigma_w", o->sigma_w, ovp_net_gain(m->act->name), &sigma_w);
    if (status == OVP_OK) status = sigma(ctx, "sigma_b", o->sigma_b, 1, &sigma_b);
    if (status != OVP_OK) return status;
    if (!rules[k].of && (o->sigma_w > 0 || o->sigma_b > 0))
        return ovp_fail(
            ctx, OVP_EINVAL,
            "dense net: sigma_w and sigma_b belong to the parametrisations ntk, unit-sphere, mean-field and "
            "mup, not to standard; leave them 0 or choose one");
    for (ovp_idx l = 0; l < m->layers; l++) {
        ovp_net_layer *y = &m->layer[l];
        ovp_net_scales scales;
        ovp_net_parametrization(&scales, name, (double)y->in, (double)y->out, l + 1 == m->layers);
        y->weight_scale = rules[k].of && !(rules[k].plain_first && l == 0) ? sigma_w * scales.weight : 1;
        y->bias_scale = rules[k].of ? sigma_b * scales.bias : 1;
        y->lr_scale = scales.lr;
        y->init_std = scales.init_std;
    }
    return OVP_OK;
}
