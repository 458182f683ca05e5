/* Optimisers as init / step / test. */
#include <overparam/train.h>

#include <math.h>
#include <string.h>

struct ovp_train {
    ovp_ctx *ctx;
    ovp_net_workspace *workspace;
    const ovp_net_batch *batch;
    ovp_net_targets targets;
    ovp_net_update update;
    void *theta;
    ovp_idx steps, diverged_at; /* 0: not diverged */
};

static ovp_status check_options(ovp_ctx *ctx, const ovp_train_options *o) {
    if (o->optimiser && strcmp(o->optimiser, "sgd") != 0)
        return ovp_fail(ctx, OVP_EINVAL, "optimiser '%s' is unknown; optimisers are sgd", o->optimiser);
    if (!(o->lr > 0) || !isfinite(o->lr)) return ovp_fail(ctx, OVP_EINVAL, "lr: %g is not a positive number", o->lr);
    if (!(o->momentum >= 0 && o->momentum < 1))
        return ovp_fail(ctx, OVP_EINVAL, "momentum: %g is outside 0 <= momentum < 1", o->momentum);
    if (!(o->dampening >= 0 && o->dampening <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "dampening: %g is outside 0..1", o->dampening);
    if (!(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        return ovp_fail(ctx, OVP_EINVAL, "weight-decay: %g is negative or not finite", o->weight_decay);
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return ovp_fail(ctx, OVP_EINVAL, "nesterov needs a momentum above 0 and dampening 0, as in torch.optim.SGD");
    return OVP_OK;
}

ovp_status ovp_train_create(ovp_train **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_net_workspace *workspace,
                            const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const ovp_train_options *options, void *theta) {
    *out = NULL;
    ovp_train *t = NULL;
    ovp_train_options o;
    memset(&o, 0, sizeof o);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    ovp_status status = check_options(ctx, &o);
    if (status != OVP_OK) return status;
    OVP_TRY(ovp_alloc(ctx, &t, 1, sizeof *t));
    *t = (ovp_train){.ctx = ctx,
                     .workspace = workspace,
                     .batch = batch,
                     .targets = *targets,
                     .update = {.rule = OVP_RULE_SGD,
                                .lr = o.lr,
                                .momentum = o.momentum,
                                .dampening = o.dampening,
                                .weight_decay = o.weight_decay,
                                .nesterov = o.nesterov,
                                .first = 1},
                     .theta = theta};
    if (o.momentum > 0)
        OVP_TRY(ovp_alloc(ctx, &t->update.m, ovp_net_model_parameters(model),
                          ovp_numeric_type_size(ovp_net_model_type(model))));
    *out = t;
done:
    if (status != OVP_OK) ovp_train_free(t);
    return status;
}

void ovp_train_free(ovp_train *train) {
    if (!train) return;
    ovp_free(train->ctx, train->update.m);
    ovp_free(train->ctx, train);
}

ovp_status ovp_train_step(ovp_train *t, double *loss) {
    double value = NAN;
    ovp_status status = ovp_net_loss_step(t->workspace, t->batch, &t->targets, &t->update, t->theta, &value);
    if (status != OVP_OK) return status;
    t->update.first = 0;
    t->steps++;
    if (!isfinite(value) && !t->diverged_at) t->diverged_at = t->steps;
    if (loss) *loss = value;
    return OVP_OK;
}

ovp_train_state ovp_train_test(const ovp_train *t, ovp_idx *step) {
    if (step) *step = t->diverged_at ? t->diverged_at : t->steps;
    return t->diverged_at ? OVP_TRAIN_DIVERGED : OVP_TRAIN_RUNNING;
}
