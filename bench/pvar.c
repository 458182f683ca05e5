/* Times ovp_measure_p_variation on a Brownian path of n points in R^d, made from the philox stream of seed 1.
 *
 * usage: pvar N D P THREADS SECONDS      prints one JSON object: groups of milliseconds, and V_p as "loss". */
#include "common.h"

#include <overparam/measure.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    if (argc != 6 || atoll(argv[1]) < 1 || atoll(argv[2]) < 1) {
        fprintf(stderr, "usage: pvar N D P THREADS SECONDS\n");
        return 2;
    }
    const ovp_idx n = atoll(argv[1]), d = atoll(argv[2]);
    const double p = atof(argv[3]), seconds = atof(argv[5]);
    ovp_ctx *ctx = bench_ctx(atoi(argv[4]));
    ovp_numeric_rng *rng;
    double *x, v = 0, end = 0;
    bench_check(ctx, ovp_alloc(ctx, &x, n * d, sizeof *x));
    bench_check(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, n * d, 0, 1, x);
    ovp_numeric_rng_free(rng);
    for (ovp_idx i = d; i < n * d; i++) x[i] += x[i - d];

    printf("{\"threads\": %d, \"groups\": [", ovp_threads(ctx));
    for (int g = 0; g < 4 || ovp_seconds() < end; g++) { /* the first only warms */
        const double start = ovp_seconds();
        bench_check(ctx, ovp_measure_p_variation(&v, ctx, n, d, x, OVP_NORM_L2, p, NULL, NULL));
        const double now = ovp_seconds();
        if (g == 0)
            end = now + seconds;
        else
            printf("%s{\"ms\": %.4f}", g > 1 ? ", " : "", (now - start) * 1e3);
    }
    printf("], \"loss\": %.17g, ", v);
    bench_print_environment(ctx);
    printf("}\n");
    ovp_free(ctx, x);
    ovp_ctx_free(ctx);
    return 0;
}
