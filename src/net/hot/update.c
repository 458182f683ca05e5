/* Optimisers' element-wise rules (torch.optim of 1.13; ovp_net_update says the formulas), compiled per precision and
 * level.
 *
 * Rounded where torch rounds: a multiply-add is fused where torch's AVX2 kernels fuse it and nowhere else (this file is
 * compiled without contraction), constants are computed in f64 and rounded once. So from the same gradient levels with
 * FMA give torch's bits, and no value depends on how theta is cut into ranges. Weight decay 0 adds an exact 0. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <string.h>

#if (OVP_BITS == 32 && defined(__FP_FAST_FMAF)) || (OVP_BITS == 64 && defined(__FP_FAST_FMA))
#define FUSED(a, b, c) R_(__builtin_fma)(a, b, c)
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif
#define ROOT(x) R_(__builtin_sqrt)(x)

/* lr: scaled for this part of theta; m, v: NULL where the rule does without. */
#define RULE_ARGS                                                                                                      \
    ovp_idx n, real *restrict x, const real *restrict g, real *restrict m, real *restrict v, const ovp_net_update *u,  \
        double lr
typedef void (*rule_fn)(RULE_ARGS);

/* The plain case apart because it moves half the memory. */
static void sgd(RULE_ARGS) {
    const real down = (real)-lr, decay = (real)u->weight_decay, mu = (real)u->momentum;
    const real keep = (real)(1 - u->dampening);
    const int first = u->first, nesterov = u->nesterov;
    (void)v;
    if (!m) {
        for (ovp_idx i = 0; i < n; i++) x[i] = FUSED(down, FUSED(decay, x[i], g[i]), x[i]);
        return;
    }
    for (ovp_idx i = 0; i < n; i++) {
        const real d = FUSED(decay, x[i], g[i]);
        const real b = first ? d : FUSED(keep, d, mu * m[i]);
        m[i] = b;
        x[i] = FUSED(down, nesterov ? FUSED(mu, b, d) : b, x[i]);
    }
}

/* Adam with decay in the gradient, AdamW with decay of theta: the other factor is then 0 or 1, which is exact. */
static void adam(RULE_ARGS) {
    const int decoupled = u->rule == OVP_RULE_ADAMW;
    const real decay = decoupled ? 0 : (real)u->weight_decay;
    const real shrink = decoupled ? (real)(1 - lr * u->weight_decay) : 1;
    const real beta1 = (real)u->beta1, keep1 = (real)(1 - u->beta1);
    const real beta2 = (real)u->beta2, keep2 = (real)(1 - u->beta2);
    const real down = (real)(-lr / u->correction1), root = (real)__builtin_sqrt(u->correction2), eps = (real)u->eps;
    for (ovp_idx i = 0; i < n; i++) {
        const real d = FUSED(decay, x[i], g[i]);
        const real mean = FUSED(keep1, d, beta1 * m[i]), square = FUSED(keep2 * d, d, beta2 * v[i]);
        m[i] = mean;
        v[i] = square;
        x[i] = x[i] * shrink + down * mean / (ROOT(square) / root + eps);
    }
}

static void rmsprop(RULE_ARGS) {
    const real decay = (real)u->weight_decay, beta2 = (real)u->beta2, keep2 = (real)(1 - u->beta2);
    const real eps = (real)u->eps, mu = (real)u->momentum, down = (real)-lr;
    if (!m) {
        for (ovp_idx i = 0; i < n; i++) {
            const real d = FUSED(decay, x[i], g[i]);
            const real square = FUSED(keep2 * d, d, beta2 * v[i]);
            v[i] = square;
            x[i] = x[i] + down * d / (ROOT(square) + eps);
        }
        return;
    }
    for (ovp_idx i = 0; i < n; i++) {
        const real d = FUSED(decay, x[i], g[i]);
        const real square = FUSED(keep2 * d, d, beta2 * v[i]);
        const real b = mu * m[i] + d / (ROOT(square) + eps);
        v[i] = square;
        m[i] = b;
        x[i] = FUSED(down, b, x[i]);
    }
}

static void adagrad(RULE_ARGS) {
    const real decay = (real)u->weight_decay, eps = (real)u->eps, down = (real)-lr;
    (void)m;
    for (ovp_idx i = 0; i < n; i++) {
        const real d = FUSED(decay, x[i], g[i]);
        const real square = FUSED(d, d, v[i]);
        v[i] = square;
        x[i] = x[i] + down * d / (ROOT(square) + eps);
    }
}

static const rule_fn rules[] = {[OVP_RULE_SGD] = sgd,
                                [OVP_RULE_ADAM] = adam,
                                [OVP_RULE_ADAMW] = adam,
                                [OVP_RULE_RMSPROP] = rmsprop,
                                [OVP_RULE_ADAGRAD] = adagrad};

static real *part(void *whole, ovp_idx offset) {
    return whole ? (real *)whole + offset : NULL;
}

extern void OVP_HOT(ovp_net_update_range)(ovp_idx n, ovp_idx offset, void *theta, const void *grad,
                                          const ovp_net_update *u, double lr);
void OVP_HOT(ovp_net_update_range)(ovp_idx n, ovp_idx offset, void *theta, const void *grad, const ovp_net_update *u,
                                   double lr) {
    enum { CHUNK = 256 };
    const rule_fn rule = rules[u->rule];
    const real *g = grad;
    real *x = part(theta, offset), *m = part(u->m, offset), *v = part(u->v, offset), before[CHUNK];
    if (!u->mask) {
        rule(n, x, g, m, v, u, lr);
        return;
    }
    /* Masked weights are put back afterwards: one place instead of a second form of every rule. */
    const uint8_t *mask = u->mask + offset;
    for (ovp_idx at = 0; at < n; at += CHUNK) {
        const ovp_idx count = n - at < CHUNK ? n - at : CHUNK;
        memcpy(before, x + at, (size_t)count * sizeof(real));
        rule(count, x + at, g + at, m ? m + at : NULL, v ? v + at : NULL, u, lr);
        for (ovp_idx i = 0; i < count; i++) x[at + i] = mask[at + i] ? x[at + i] : before[i];
    }
}
