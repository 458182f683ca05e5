/* Verdicts with their words. */
#include "study.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void say_few_seeds(char *how, size_t bytes, ovp_idx count) {
    const size_t length = strlen(how);
    if (count < OVP_SEEDS_FOR_A_VERDICT)
        snprintf(how + length, bytes - length, " Only %lld seed%s: give --seeds with at least %d.", (long long)count,
                 count == 1 ? "" : "s", OVP_SEEDS_FOR_A_VERDICT);
}

void study_verdict_fill(study_verdict *out, const char *claim, ovp_measure_interval measured, double predicted,
                        ovp_experiment_holds holds, const char *how, ...) {
    va_list list;
    va_start(list, how);
    (void)vsnprintf(out->how, sizeof out->how, how, list);
    va_end(list);
    say_few_seeds(out->how, sizeof out->how, measured.count);
    out->verdict = (ovp_experiment_verdict){.claim = claim,
                                            .how = out->how,
                                            .measured = measured.mean,
                                            .low = measured.low,
                                            .high = measured.high,
                                            .predicted = predicted,
                                            .holds = holds};
}

ovp_experiment_holds study_judge_below(ovp_measure_interval interval, double bound) {
    const ovp_measure_interval flipped = {interval.count, -interval.mean, -interval.high, -interval.low};
    return ovp_experiment_judge_above(flipped, -bound);
}

void study_verdict_theorem(study_verdict *out, const char *claim, double worst, ovp_idx count, const char *how, ...) {
    va_list list;
    va_start(list, how);
    (void)vsnprintf(out->how, sizeof out->how, how, list);
    va_end(list);
    out->verdict = (ovp_experiment_verdict){.claim = claim,
                                            .how = out->how,
                                            .measured = count > 0 ? worst : (double)NAN,
                                            .low = NAN,
                                            .high = NAN,
                                            .predicted = NAN,
                                            .holds = count == 0   ? OVP_HOLDS_UNCLEAR
                                                     : worst <= 1 ? OVP_HOLDS_YES
                                                                  : OVP_HOLDS_NO};
}
