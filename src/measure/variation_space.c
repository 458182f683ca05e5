#include "measure/variation_int.h"
ovp_status ovp_measure_variation_space(double *value, ovp_ctx *ctx, const ovp_variation_path *path,
                                       ovp_variation_partition *partition) {
    double *best = NULL;
    ovp_idx *before = NULL;
    ovp_status status;
    OVP_TRY(ovp_alloc(ctx, &best, path->n, sizeof *best));
    OVP_TRY(ovp_alloc(ctx, &before, path->n, sizeof *before));
    OVP_TRY(ovp_measure_variation_reference(ctx, path->n, path->d, path->x, path->norm, path->exponent.p, best, before));
    *value = best[path->n - 1] * pow(path->scale, path->exponent.p);
    for (ovp_idx j = path->n - 1; partition && j >= 0; j = before[j]) partition->index[partition->count++] = j;
done:
    ovp_free(ctx, best);
    ovp_free(ctx, before);
    return status;
}
