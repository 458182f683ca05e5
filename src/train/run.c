/* Many small trainings side by side: one worker a member. */
#include "train/train_int.h"

#include <math.h>

enum { CHECK_EVERY = 64 }; /* steps between looks at ovp_cancel; engines look in between where a step is long */

typedef struct run {
    ovp_train *const *members;
    ovp_idx steps, stride;
    double *losses;
} run;

static ovp_status run_member(ovp_ctx *ctx, ovp_train *t, ovp_idx steps, double *losses) {
    ovp_status status = OVP_OK;
    ovp_idx k = 0;
    for (; k < steps && t->state == OVP_TRAIN_RUNNING; k++) {
        if (k % CHECK_EVERY == 0) OVP_TRY(ovp_check(ctx));
        OVP_TRY(ovp_train_step_under(t, ctx, losses ? &losses[k] : NULL));
    }
done:
    for (; losses && k < steps; k++) losses[k] = NAN;
    return status;
}

static ovp_status run_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const run *r = arg;
    ovp_train *t = r->members[task];
    ovp_net_workspace_attach(t->workspace, worker);
    ovp_status status = run_member(worker, t, r->steps, r->losses ? r->losses + task * r->stride : NULL);
    ovp_net_workspace_attach(t->workspace, t->ctx);
    return status;
}

static ovp_status check_members(ovp_ctx *ctx, ovp_train *const *members, ovp_idx count) {
    ovp_status status = OVP_OK;
    ovp_idx i = 0;
    for (; i < count && status == OVP_OK; i++) {
        if (members[i]->running)
            status = ovp_fail(ctx, OVP_EINVAL, "run: member %lld is there twice", (long long)i);
        else
            members[i]->running = 1;
    }
    for (ovp_idx k = 0; k < i; k++) members[k]->running = 0;
    return status;
}

ovp_status ovp_train_run(ovp_ctx *ctx, ovp_train *const *members, ovp_idx count, ovp_idx steps, double *losses,
                         ovp_idx stride) {
    const run r = {members, steps, stride, losses};
    if (count < 0 || steps < 0)
        return ovp_fail(ctx, OVP_EINVAL, "run: %lld members or %lld steps is negative", (long long)count,
                        (long long)steps);
    if (losses && stride < steps)
        return ovp_fail(ctx, OVP_EINVAL, "run: rows of losses %lld apart have no room for %lld steps",
                        (long long)stride, (long long)steps);
    ovp_status status = check_members(ctx, members, count);
    if (status != OVP_OK) return status;
    /* Alone, a member has all threads to itself inside its steps. */
    if (count == 1) return run_task(ctx, (void *)(uintptr_t)&r, 0);
    /* Held here, so that the workers' own pairs find one thread already and change nothing of the process. */
    const int blas = ovp_numeric_blas_begin();
    status = ovp_parallel(ctx, count, run_task, (void *)(uintptr_t)&r);
    ovp_numeric_blas_end(blas);
    return status;
}
