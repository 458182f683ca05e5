/* label-noise: which labels are replaced, and by what. */
#include "label_noise_int.h"

#include <string.h>

static ovp_status permutations(ovp_ctx *ctx, ovp_numeric_rng *rng, ovp_idx count, ovp_idx n) {
    int64_t *order = NULL;
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &order, n, sizeof *order));
    for (ovp_idx k = 0; k < count; k++) ovp_numeric_rng_permutation(rng, n, order);
done:
    ovp_free(ctx, order);
    return status;
}

/* numpy: two streams go through all draws; philox: two streams a draw, one for the training labels, one for the test
 * ones. */
ovp_status noise_draws_make(noise_draw *out, ovp_experiment_run *run, int64_t seed, ovp_idx draws, ovp_idx n,
                            ovp_idx n_test, ovp_idx classes, ovp_idx epochs, int corrupt_test) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = ovp_run_ctx(run);
    ovp_numeric_rng *labels = NULL, *uniforms = NULL;
    const int64_t data_seed = ovp_run_data_seed(run, seed);
    const int numpy = strcmp(ovp_params_text(ovp_run_params(run), "rng"), "numpy") == 0;
    for (ovp_idx k = 0; k < draws; k++) {
        noise_draw *draw = &out[k];
        OVP_TRY(ovp_alloc(ctx, &draw->label, n, sizeof *draw->label));
        OVP_TRY(ovp_alloc(ctx, &draw->label_test, n_test, sizeof *draw->label_test));
        OVP_TRY(ovp_alloc(ctx, &draw->u, n, sizeof *draw->u));
        if (corrupt_test) OVP_TRY(ovp_alloc(ctx, &draw->u_test, n_test, sizeof *draw->u_test));
        if (!numpy || k == 0) {
            ovp_numeric_rng_free(labels);
            ovp_numeric_rng_free(uniforms);
            labels = uniforms = NULL;
            OVP_TRY(study_stream(&labels, run, data_seed, OVP_PURPOSE_DATA, (uint64_t)k));
            OVP_TRY(study_stream(&uniforms, run, numpy ? seed : data_seed, OVP_PURPOSE_TEST, (uint64_t)k));
            if (numpy) OVP_TRY(permutations(ctx, uniforms, 1 + epochs, n));
        }
        ovp_numeric_rng_integers(labels, n, 0, classes, draw->label);
        ovp_numeric_rng_integers(labels, n_test, 0, classes, draw->label_test);
        ovp_numeric_rng_uniform(uniforms, OVP_F64, n, 0, 1, draw->u);
        if (corrupt_test) ovp_numeric_rng_uniform(uniforms, OVP_F64, n_test, 0, 1, draw->u_test);
    }
done:
    ovp_numeric_rng_free(uniforms);
    ovp_numeric_rng_free(labels);
    return status;
}

void noise_draws_free(ovp_ctx *ctx, noise_draw *draws, ovp_idx count) {
    for (ovp_idx k = 0; draws && k < count; k++) {
        ovp_free(ctx, draws[k].u_test);
        ovp_free(ctx, draws[k].u);
        ovp_free(ctx, draws[k].label_test);
        ovp_free(ctx, draws[k].label);
    }
    ovp_free(ctx, draws);
}
