/* Optimisers' element-wise rules (torch.optim of 1.13; ovp_net_update says the formulas), compiled per precision and
 * level. */
#include "net/net_int.h"
#include "numeric/real.h"

/* The plain case apart because it moves half the memory. */
static void sgd(ovp_idx n, real *restrict x, const real *restrict g, real *restrict buf, const ovp_net_update *u,
                real eta) {
    const real decay = (real)u->weight_decay, mu = (real)u->momentum, keep = (real)(1 - u->dampening);
    if (!buf) {
        if (decay == 0)
            for (ovp_idx i = 0; i < n; i++) x[i] = x[i] - eta * g[i];
        else
            for (ovp_idx i = 0; i < n; i++) x[i] = x[i] - eta * (g[i] + decay * x[i]);
        return;
    }
    for (ovp_idx i = 0; i < n; i++) {
        const real d = g[i] + decay * x[i];
        const real b = u->first ? d : mu * buf[i] + keep * d;
        buf[i] = b;
        x[i] = x[i] - eta * (u->nesterov ? d + mu * b : b);
    }
}

extern void OVP_HOT(ovp_net_update_range)(ovp_idx n, ovp_idx offset, void *theta, const void *grad,
                                          const ovp_net_update *u, double lr);
void OVP_HOT(ovp_net_update_range)(ovp_idx n, ovp_idx offset, void *theta, const void *grad, const ovp_net_update *u,
                                   double lr) {
    sgd(n, (real *)theta + offset, grad, u->m ? (real *)u->m + offset : NULL, u, (real)lr);
}
