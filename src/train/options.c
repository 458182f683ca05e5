/* The table of optimisers and the check of options. */
#include "train/train_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const ovp_train_optimiser optimisers[] = {
    {"sgd", OVP_RULE_SGD, .keeps_m = 1, .momentum = 1, .nesterov = 1},
    {"adam", OVP_RULE_ADAM, .keeps_m = 1, .keeps_v = 1, .beta1 = 1, .default_beta1 = .9, .default_beta2 = .999,
     .default_eps = 1e-8},
    {"adamw", OVP_RULE_ADAMW, .keeps_m = 1, .keeps_v = 1, .beta1 = 1, .default_beta1 = .9, .default_beta2 = .999,
     .default_eps = 1e-8},
    {"rmsprop", OVP_RULE_RMSPROP, .keeps_m = 1, .keeps_v = 1, .momentum = 1, .default_beta2 = .99, .default_eps = 1e-8},
    {"adagrad", OVP_RULE_ADAGRAD, .keeps_v = 1, .default_eps = 1e-10},
};
enum { OPTIMISERS = sizeof optimisers / sizeof *optimisers };

const ovp_train_optimiser *ovp_train_optimiser_find(const char *name) {
    for (size_t i = 0; i < OPTIMISERS; i++)
        if (strcmp(name ? name : "sgd", optimisers[i].name) == 0) return &optimisers[i];
    return NULL;
}

int ovp_train_keeps_m(const ovp_train_optimiser *optimiser, const ovp_train_options *o) {
    return optimiser->keeps_m && (!optimiser->momentum || o->momentum > 0);
}

ovp_train_options ovp_train_complete(const ovp_train_options *options) {
    ovp_train_options o;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    const ovp_train_optimiser *optimiser = ovp_train_optimiser_find(o.optimiser);
    if (!optimiser) return o;
    if (o.beta1 == 0) o.beta1 = optimiser->default_beta1;
    if (o.beta2 == 0) o.beta2 = optimiser->default_beta2;
    if (o.eps == 0) o.eps = optimiser->default_eps;
    return o;
}

static ovp_status unknown_optimiser(ovp_ctx *ctx, const char *name) {
    char names[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < OPTIMISERS && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "", optimisers[i].name);
    return ovp_fail(ctx, OVP_EINVAL, "optimiser '%s' is unknown; optimisers are %s", name, names);
}

/* An option that the optimiser would silently ignore is refused. */
static ovp_status check_known(ovp_ctx *ctx, const ovp_train_optimiser *optimiser, const ovp_train_options *o) {
    const struct {
        const char *name;
        double value;
        int known;
    } options[] = {{"momentum", o->momentum, optimiser->momentum},    {"dampening", o->dampening, optimiser->nesterov},
                   {"nesterov", o->nesterov, optimiser->nesterov},    {"beta1", o->beta1, optimiser->default_beta1 > 0},
                   {"beta2", o->beta2, optimiser->default_beta2 > 0}, {"eps", o->eps, optimiser->default_eps > 0}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].value != 0 && !options[i].known)
            return ovp_fail(ctx, OVP_EINVAL, "%s: optimiser %s has none; leave it 0", options[i].name, optimiser->name);
    return OVP_OK;
}

static ovp_status check_rule(ovp_ctx *ctx, const ovp_train_optimiser *optimiser, const ovp_train_options *o) {
    if (!(o->lr > 0) || !isfinite(o->lr)) return ovp_fail(ctx, OVP_EINVAL, "lr: %g is not a positive number", o->lr);
    if (!(o->momentum >= 0 && o->momentum < 1))
        return ovp_fail(ctx, OVP_EINVAL, "momentum: %g is outside 0 <= momentum < 1", o->momentum);
    if (!(o->dampening >= 0 && o->dampening <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "dampening: %g is outside 0..1", o->dampening);
    if (!(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        return ovp_fail(ctx, OVP_EINVAL, "weight-decay: %g is negative or not finite", o->weight_decay);
    const double beta[] = {o->beta1, o->beta2};
    for (int i = 0; i < 2; i++)
        if (!(beta[i] >= 0 && beta[i] < 1))
            return ovp_fail(ctx, OVP_EINVAL, "beta%d: %g is outside 0 <= beta < 1 (0: the optimiser's default)", i + 1,
                            beta[i]);
    if (!(o->eps >= 0) || !isfinite(o->eps))
        return ovp_fail(ctx, OVP_EINVAL, "eps: %g is negative or not finite (0: the optimiser's default)", o->eps);
    ovp_status status = check_known(ctx, optimiser, o);
    if (status == OVP_OK && o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return ovp_fail(ctx, OVP_EINVAL, "nesterov needs a momentum above 0 and dampening 0, as in torch.optim.SGD");
    return status;
}

static ovp_status check_stop(ovp_ctx *ctx, const ovp_train_stop *s) {
    if (s->max_steps < 0)
        return ovp_fail(ctx, OVP_EINVAL, "max-steps: %lld is negative; 0 means no limit", (long long)s->max_steps);
    if (!(s->target_loss >= 0) || !isfinite(s->target_loss))
        return ovp_fail(ctx, OVP_EINVAL, "target-loss: %g is negative or not finite; 0 means none", s->target_loss);
    if (s->patience < 0)
        return ovp_fail(ctx, OVP_EINVAL, "patience: %lld is negative; 0 means never to stop on a plateau",
                        (long long)s->patience);
    if (!(s->threshold >= 0 && s->threshold < 1))
        return ovp_fail(ctx, OVP_EINVAL, "threshold: %g is outside 0 <= threshold < 1", s->threshold);
    return OVP_OK;
}

ovp_status ovp_train_check(ovp_ctx *ctx, const ovp_train_options *options) {
    ovp_train_options o;
    ovp_train_schedule_kind schedule;
    ovp_train_order_kind order;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    const ovp_train_optimiser *optimiser = ovp_train_optimiser_find(o.optimiser);
    if (!optimiser) return unknown_optimiser(ctx, o.optimiser);
    ovp_status status = check_rule(ctx, optimiser, &o);
    if (status == OVP_OK) status = ovp_train_schedule_check(ctx, &o.schedule, &schedule);
    if (status == OVP_OK) status = check_stop(ctx, &o.stop);
    if (status == OVP_OK) status = ovp_train_order_check(ctx, &o.batches, &order);
    return status;
}

int64_t ovp_train_memory(const ovp_train_options *options, ovp_idx parameters, ovp_numeric_type type) {
    const ovp_train_options o = ovp_train_complete(options);
    const ovp_train_optimiser *optimiser = ovp_train_optimiser_find(o.optimiser);
    const int kept = optimiser ? ovp_train_keeps_m(optimiser, &o) + optimiser->keeps_v : 0;
    return kept * parameters * (int64_t)ovp_numeric_type_size(type);
}
