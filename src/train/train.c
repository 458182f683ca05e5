/* Optimisers as init / step / test. */
#include "train/train_int.h"

#include <math.h>
#include <string.h>

/* ---- creation ------------------------------------------------------------------------------------ */

static ovp_status create_batches(ovp_train *t, const ovp_net_model *model, const ovp_train_batches *b) {
    ovp_status status = OVP_OK;
    ovp_train_order *order = &t->order;
    const ovp_idx n = ovp_net_batch_rows(t->batch);
    OVP_TRY(ovp_train_order_create(order, t->ctx, b, n));
    if (order->kind == OVP_ORDER_FULL) return OVP_OK;
    t->capacity = order->kind == OVP_ORDER_GIVEN || b->size < n ? b->size : n; /* given rows may repeat */
    OVP_TRY(ovp_net_batch_create(&t->mini, t->ctx, model, t->capacity));
    OVP_TRY(ovp_alloc(t->ctx, &t->rows, t->capacity, sizeof *t->rows));
    if (t->targets.rows) OVP_TRY(ovp_alloc(t->ctx, &t->target_row, t->capacity, sizeof *t->target_row));
done:
    return status;
}

static ovp_status create_schedule(ovp_train *t, const ovp_train_options *o) {
    ovp_status status = OVP_OK;
    t->schedule = o->schedule;
    OVP_TRY(ovp_train_schedule_check(t->ctx, &t->schedule, &t->schedule_kind));
    if (t->schedule_kind == OVP_SCHEDULE_MULTI_STEP) {
        const ovp_idx count = o->schedule.milestone_count;
        OVP_TRY(ovp_alloc(t->ctx, &t->milestones, count, sizeof *t->milestones));
        memcpy(t->milestones, o->schedule.milestones, (size_t)count * sizeof *t->milestones);
        t->schedule.milestones = t->milestones;
    }
done:
    return status;
}

ovp_status ovp_train_create(ovp_train **out, ovp_ctx *ctx, const ovp_net_model *model, ovp_net_workspace *workspace,
                            const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const ovp_train_options *options, void *theta) {
    *out = NULL;
    ovp_train *t = NULL;
    ovp_status status = ovp_train_check(ctx, options);
    if (status != OVP_OK) return status;
    const ovp_train_options o = ovp_train_complete(options);
    const ovp_train_optimiser *optimiser = ovp_train_optimiser_find(o.optimiser);
    OVP_TRY(ovp_alloc(ctx, &t, 1, sizeof *t));
    *t = (ovp_train){.ctx = ctx,
                     .workspace = workspace,
                     .batch = batch,
                     .targets = *targets,
                     .update = {.rule = optimiser->rule,
                                .momentum = o.momentum,
                                .dampening = o.dampening,
                                .weight_decay = o.weight_decay,
                                .beta1 = o.beta1,
                                .beta2 = o.beta2,
                                .eps = o.eps,
                                .nesterov = o.nesterov,
                                .mask = o.mask},
                     .theta = theta,
                     .parameters = ovp_net_model_parameters(model),
                     .type = ovp_net_model_type(model),
                     .lr = o.lr,
                     .corrected = optimiser->beta1,
                     .stop = o.stop};
    const size_t size = ovp_numeric_type_size(t->type);
    if (ovp_train_keeps_m(optimiser, &o)) OVP_TRY(ovp_alloc(ctx, &t->update.m, t->parameters, size));
    if (optimiser->keeps_v) OVP_TRY(ovp_alloc(ctx, &t->update.v, t->parameters, size));
    OVP_TRY(create_schedule(t, &o));
    OVP_TRY(create_batches(t, model, &o.batches));
    ovp_train_restart(t);
    *out = t;
done:
    if (status != OVP_OK) ovp_train_free(t);
    return status;
}

void ovp_train_free(ovp_train *train) {
    if (!train) return;
    ovp_net_batch_free(train->mini);
    ovp_train_order_free(&train->order, train->ctx);
    ovp_free(train->ctx, train->rows);
    ovp_free(train->ctx, train->target_row);
    ovp_free(train->ctx, train->milestones);
    ovp_free(train->ctx, train->update.m);
    ovp_free(train->ctx, train->update.v);
    ovp_free(train->ctx, train);
}

/* ---- what changes from step to step -------------------------------------------------------------- */

/* beta^t from beta^(t-1). pow costs as much as a small net's step, so it is called at every 16th t and the powers
 * between are products: within 16 roundings of torch's beta ** t, and a function of t alone. Below 2^-64, where 1 -
 * beta^t has long been 1, it is 0. */
enum { ANCHOR = 16 };
static double next_power(double before, double beta, ovp_idx t) {
    const double power = before == 0 ? 0 : t % ANCHOR == 0 ? pow(beta, (double)t) : before * beta;
    return power < 0x1p-64 ? 0 : power;
}

static double power_at(double beta, ovp_idx t) {
    const ovp_idx anchor = t - t % ANCHOR;
    double power = anchor == 0 ? 1 : next_power(1, beta, anchor);
    for (ovp_idx i = anchor + 1; i <= t; i++) power = next_power(power, beta, i);
    return power;
}

static void set_rate(ovp_train *t) {
    t->update.lr = ovp_train_schedule_rate(&t->schedule, t->schedule_kind, t->lr, t->steps, &t->rate_until);
}

void ovp_train_refresh(ovp_train *t) {
    set_rate(t);
    t->update.first = t->steps == 0;
    t->power[0] = power_at(t->update.beta1, t->steps);
    t->power[1] = power_at(t->update.beta2, t->steps);
}

void ovp_train_restart(ovp_train *t) {
    const size_t bytes = (size_t)t->parameters * ovp_numeric_type_size(t->type);
    if (t->update.m) memset(t->update.m, 0, bytes);
    if (t->update.v) memset(t->update.v, 0, bytes);
    t->steps = t->stopped_at = t->waited = 0;
    t->state = OVP_TRAIN_RUNNING;
    t->best = INFINITY;
    ovp_train_refresh(t);
}

ovp_status ovp_train_set_lr(ovp_train *t, double lr) {
    if (!(lr > 0) || !isfinite(lr)) return ovp_fail(t->ctx, OVP_EINVAL, "lr: %g is not a positive number", lr);
    t->lr = lr;
    set_rate(t);
    return OVP_OK;
}

double ovp_train_lr(const ovp_train *t) {
    ovp_idx until;
    return ovp_train_schedule_rate(&t->schedule, t->schedule_kind, t->lr, t->steps, &until);
}

/* ---- steps --------------------------------------------------------------------------------------- */

static void stop(ovp_train *t, ovp_train_state reason) {
    t->state = (int64_t)reason;
    t->stopped_at = t->steps;
}

static void note_loss(ovp_train *t, double loss) {
    if (!isfinite(loss)) {
        if (t->state != OVP_TRAIN_DIVERGED) stop(t, OVP_TRAIN_DIVERGED);
        return;
    }
    if (t->state != OVP_TRAIN_RUNNING) return;
    if (t->stop.patience > 0) {
        t->waited = loss < t->best * (1 - t->stop.threshold) ? 0 : t->waited + 1;
        if (t->waited == 0) t->best = loss;
    }
    if (loss < t->stop.target_loss)
        stop(t, OVP_TRAIN_TARGET);
    else if (t->waited > t->stop.patience)
        stop(t, OVP_TRAIN_PLATEAU);
    else if (t->steps == t->stop.max_steps)
        stop(t, OVP_TRAIN_MAX_STEPS);
}

static ovp_status step_on(ovp_train *t, const ovp_net_batch *batch, const ovp_net_targets *targets, double *loss) {
    double value = NAN, power[2] = {0, 0};
    if (t->steps >= t->rate_until) set_rate(t);
    if (t->corrected) {
        power[0] = next_power(t->power[0], t->update.beta1, t->steps + 1);
        power[1] = next_power(t->power[1], t->update.beta2, t->steps + 1);
        t->update.correction1 = 1 - power[0];
        t->update.correction2 = 1 - power[1];
    }
    ovp_status status = ovp_net_loss_step(t->workspace, batch, targets, &t->update, t->theta, &value);
    if (status != OVP_OK) return status;
    t->update.first = 0;
    t->power[0] = power[0];
    t->power[1] = power[1];
    t->steps++;
    note_loss(t, value);
    if (loss) *loss = value;
    return OVP_OK;
}

static ovp_status step_rows(ovp_train *t, ovp_ctx *ctx, const int64_t *rows, ovp_idx count, double *loss) {
    ovp_status status = ovp_net_batch_select(t->mini, ctx, t->batch, rows, count);
    if (status != OVP_OK) return status;
    t->row_count = count;
    memcpy(t->rows, rows, (size_t)count * sizeof *rows);
    ovp_net_targets targets = t->targets;
    targets.rows = t->rows;
    if (t->target_row) {
        for (ovp_idx i = 0; i < count; i++) t->target_row[i] = t->targets.rows[rows[i]];
        targets.rows = t->target_row;
    }
    return step_on(t, t->mini, &targets, loss);
}

ovp_status ovp_train_step_under(ovp_train *t, ovp_ctx *ctx, double *loss) {
    if (t->order.kind == OVP_ORDER_FULL) return step_on(t, t->batch, &t->targets, loss);
    if (t->order.kind == OVP_ORDER_GIVEN)
        return ovp_fail(ctx, OVP_EINVAL, "order given: the rows of a step come through ovp_train_step_rows");
    ovp_idx count;
    const int64_t *rows = ovp_train_order_next(&t->order, &count);
    ovp_status status = step_rows(t, ctx, rows, count, loss);
    if (status == OVP_OK) ovp_train_order_advance(&t->order);
    return status;
}

ovp_status ovp_train_step(ovp_train *t, double *loss) {
    return ovp_train_step_under(t, t->ctx, loss);
}

ovp_status ovp_train_step_rows(ovp_train *t, const int64_t *rows, ovp_idx count, double *loss) {
    if (!t->mini)
        return ovp_fail(t->ctx, OVP_EINVAL,
                        "batch: the training was created without mini-batches (size 0 or all rows)");
    return step_rows(t, t->ctx, rows, count, loss);
}

const int64_t *ovp_train_rows(const ovp_train *t, ovp_idx *count) {
    *count = t->mini ? t->row_count : ovp_net_batch_rows(t->batch);
    return t->row_count > 0 ? t->rows : NULL;
}

ovp_train_state ovp_train_test(const ovp_train *t, ovp_idx *step) {
    if (step) *step = t->state == OVP_TRAIN_RUNNING ? t->steps : t->stopped_at;
    return (ovp_train_state)t->state;
}
