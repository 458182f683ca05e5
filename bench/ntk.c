/* Times the empirical neural tangent kernel of a 784-512-10 net with ReLUs on 64 MNIST images.
 *
 * usage: ntk THREADS SECONDS      prints one JSON object: milliseconds of every kernel, and as "loss", which the
 * driver compares with the peer's, the trace of the last. */
#include "common.h"

#include <overparam/data.h>
#include <overparam/kernel.h>

#include <stdio.h>
#include <stdlib.h>

enum { IMAGES = 64, INPUTS = 784, WIDTH = 512, OUTPUTS = 10, ROWS = IMAGES * OUTPUTS };

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: ntk THREADS SECONDS\n");
        return 2;
    }
    const int threads = atoi(argv[1]);
    const double seconds = atof(argv[2]);
    const ovp_idx widths[] = {INPUTS, WIDTH, OUTPUTS};
    ovp_ctx *ctx = bench_ctx(threads);
    ovp_data_set data;
    const ovp_data_options dopt = {.size = sizeof dopt, .train = IMAGES, .test = 1, .type = OVP_F32};
    bench_check(ctx, ovp_data_load(&data, ctx, "mnist", &dopt));
    const ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = widths, .type = OVP_F32};
    ovp_net_model *model;
    bench_check(ctx, ovp_net_dense_create(&model, ctx, &d));
    ovp_numeric_rng *rng;
    bench_check(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_INIT, 0));
    float *theta;
    bench_check(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
    const ovp_net_init_options init = {.size = sizeof init, .rule = "torch-default"};
    bench_check(ctx, ovp_net_init(model, ctx, &init, rng, theta));
    double *kernel;
    bench_check(ctx, ovp_alloc(ctx, &kernel, (ovp_idx)ROWS * ROWS, sizeof *kernel));
    ovp_kernel_ntk_plan plan;
    bench_check(ctx, ovp_kernel_ntk_choose(&plan, ctx, model, IMAGES, 0, NULL));

    bench_check(ctx, ovp_kernel_ntk(kernel, ctx, model, theta, IMAGES, data.x_train.data, 0, NULL, NULL)); /* warm */
    printf("{\"threads\": %d, \"method\": \"%s\", \"ms\": [", threads, plan.method);
    const double end = ovp_seconds() + seconds;
    for (int k = 0; k < 3 || ovp_seconds() < end; k++) {
        const double t = ovp_seconds();
        bench_check(ctx, ovp_kernel_ntk(kernel, ctx, model, theta, IMAGES, data.x_train.data, 0, NULL, NULL));
        printf("%s%.4f", k ? ", " : "", (ovp_seconds() - t) * 1e3);
    }
    double trace = 0;
    for (ovp_idx i = 0; i < ROWS; i++) trace += kernel[i * ROWS + i];
    printf("], \"loss\": %.9g, ", trace);
    bench_print_environment(ctx);
    printf("}\n");
    ovp_free(ctx, kernel);
    ovp_free(ctx, theta);
    ovp_net_model_free(model);
    ovp_numeric_rng_free(rng);
    ovp_data_free(ctx, &data);
    ovp_ctx_free(ctx);
    return 0;
}
