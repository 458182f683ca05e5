/* Linked with -Wl,--wrap=ovp_run_verdict into twins of experiment tests: every verdict is hard-coded to hold. The suite
 * is sound only if they fail (tests/must_fail/expect-failure). */
#include <overparam/experiment.h>

ovp_status __real_ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *verdict);
ovp_status __wrap_ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *verdict);

ovp_status __wrap_ovp_run_verdict(ovp_experiment_run *run, const ovp_experiment_verdict *verdict) {
    ovp_experiment_verdict broken = *verdict;
    broken.holds = OVP_HOLDS_YES;
    return __real_ovp_run_verdict(run, &broken);
}
