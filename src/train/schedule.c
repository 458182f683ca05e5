/* Learning rates as functions of the step number; train.h has the formulas and torch's names. */
#include "train/train_int.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {[OVP_SCHEDULE_CONSTANT] = "constant",
                                    [OVP_SCHEDULE_STEP] = "step",
                                    [OVP_SCHEDULE_MULTI_STEP] = "multi-step",
                                    [OVP_SCHEDULE_EXPONENTIAL] = "exponential",
                                    [OVP_SCHEDULE_COSINE] = "cosine"};
enum { KINDS = sizeof names / sizeof *names };

static ovp_status check_milestones(ovp_ctx *ctx, const ovp_train_schedule *s) {
    if (s->milestone_count < 1 || !s->milestones)
        return ovp_fail(ctx, OVP_EINVAL, "schedule multi-step: no milestones are given");
    for (ovp_idx i = 0; i < s->milestone_count; i++)
        if (s->milestones[i] < 1 || (i > 0 && s->milestones[i] <= s->milestones[i - 1]))
            return ovp_fail(ctx, OVP_EINVAL,
                            "schedule multi-step: milestone %lld (%lld) is not above the one before it, or below 1",
                            (long long)i, (long long)s->milestones[i]);
    return OVP_OK;
}

ovp_status ovp_train_schedule_check(ovp_ctx *ctx, const ovp_train_schedule *s, ovp_train_schedule_kind *kind) {
    int k = 0;
    while (k < KINDS && strcmp(s->name ? s->name : "constant", names[k]) != 0) k++;
    if (k == KINDS)
        return ovp_fail(ctx, OVP_EINVAL,
                        "schedule '%s' is unknown; schedules are constant, step, multi-step, exponential, cosine",
                        s->name);
    *kind = (ovp_train_schedule_kind)k;
    const int decays = k == OVP_SCHEDULE_STEP || k == OVP_SCHEDULE_MULTI_STEP || k == OVP_SCHEDULE_EXPONENTIAL;
    if (s->warm_up < 0)
        return ovp_fail(ctx, OVP_EINVAL, "warm-up: %lld steps is negative; 0 means none", (long long)s->warm_up);
    if (!(s->warm_up_start >= 0 && s->warm_up_start <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "warm-up-start: %g is outside 0..1", s->warm_up_start);
    if (decays && !(s->gamma > 0 && s->gamma <= 1))
        return ovp_fail(ctx, OVP_EINVAL, "schedule %s: gamma %g is outside 0 < gamma <= 1", names[k], s->gamma);
    if (k == OVP_SCHEDULE_STEP && s->every < 1)
        return ovp_fail(ctx, OVP_EINVAL, "schedule step: every %lld is below 1", (long long)s->every);
    if (k == OVP_SCHEDULE_COSINE && s->length < 1)
        return ovp_fail(ctx, OVP_EINVAL, "schedule cosine: length %lld is below 1", (long long)s->length);
    if (k == OVP_SCHEDULE_COSINE && (!(s->end >= 0) || !isfinite(s->end)))
        return ovp_fail(ctx, OVP_EINVAL, "schedule cosine: end %g is negative or not finite", s->end);
    return k == OVP_SCHEDULE_MULTI_STEP ? check_milestones(ctx, s) : OVP_OK;
}

double ovp_train_schedule_rate(const ovp_train_schedule *s, ovp_train_schedule_kind kind, double lr, ovp_idx t,
                               ovp_idx *until) {
    *until = t + 1;
    if (t < s->warm_up) return lr * (s->warm_up_start + (1 - s->warm_up_start) * (double)t / (double)s->warm_up);
    const ovp_idx at = t - s->warm_up;
    ovp_idx passed = 0;
    switch (kind) {
    case OVP_SCHEDULE_CONSTANT:
        *until = INT64_MAX;
        return lr;
    case OVP_SCHEDULE_STEP:
        *until = t + s->every - at % s->every;
        return lr * pow(s->gamma, (double)(at / s->every));
    case OVP_SCHEDULE_MULTI_STEP:
        while (passed < s->milestone_count && s->milestones[passed] <= at) passed++;
        *until = passed < s->milestone_count ? s->milestones[passed] + s->warm_up : INT64_MAX;
        return lr * pow(s->gamma, (double)passed);
    case OVP_SCHEDULE_EXPONENTIAL:
        return lr * pow(s->gamma, (double)at);
    case OVP_SCHEDULE_COSINE:
        if (at < s->length)
            return s->end + (lr - s->end) * (1 + cos(3.14159265358979323846 * (double)at / (double)s->length)) / 2;
        *until = INT64_MAX;
        return s->end;
    }
    return lr;
}
