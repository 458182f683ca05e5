/* A model whose formula is an expression of inputs and weights. */
#include "net/net_int.h"

static ovp_status evaluate(void *user, const double *x, const double *theta, double *f, double *jacobian,
                           double *hessian) {
    const ovp_net_expression *own = user;
    const double *values[OVP_NUMERIC_EXPRESSION_VARIABLES];
    ovp_idx wrt[OVP_NUMERIC_EXPRESSION_DERIVATIVES];
    for (ovp_idx i = 0; i < own->inputs; i++) values[i] = x + i;
    for (ovp_idx i = 0; i < own->parameters; i++) {
        values[own->inputs + i] = theta + i;
        wrt[i] = own->inputs + i;
    }
    ovp_numeric_expression_evaluate(own->expression, 1, values, NULL, own->parameters, wrt, f, jacobian, hessian);
    return OVP_OK;
}

ovp_status ovp_net_expression_function(ovp_net_function *out, ovp_ctx *ctx, ovp_net_expression *expression,
                                       ovp_numeric_type type) {
    const ovp_net_expression *e = expression;
    if (e->inputs < 0 || e->parameters < 1 || e->parameters > OVP_NUMERIC_EXPRESSION_DERIVATIVES ||
        e->inputs + e->parameters > OVP_NUMERIC_EXPRESSION_VARIABLES)
        return ovp_fail(ctx, OVP_EINVAL, "expression model: %lld inputs and %lld weights; 1 to %d weights, %d in all",
                        (long long)e->inputs, (long long)e->parameters, OVP_NUMERIC_EXPRESSION_DERIVATIVES,
                        OVP_NUMERIC_EXPRESSION_VARIABLES);
    *out = (ovp_net_function){.inputs = e->inputs,
                              .outputs = 1,
                              .parameters = e->parameters,
                              .evaluate = evaluate,
                              .has_hessian = 1,
                              .type = type,
                              .user = expression};
    return OVP_OK;
}
