/* Times epochs of EigenPro on the first n MNIST images, Laplace kernel of bandwidth 10, f32, and, alternately, the
 * matrix products of as many operations as an epoch counts.
 *
 * usage: eigenpro N THREADS SECONDS dense|sparse      prints one JSON object: groups of milliseconds an epoch
 * ("floor_ms": of the products), "setup_ms" of the preconditioner (and of the matrix where it is kept), and as "loss"
 * the mean squared error on the first thousand images after one epoch. */
#include "common.h"

#include <overparam/data.h>
#include <overparam/kernel.h>

#include <stdio.h>
#include <stdlib.h>

enum { OUTPUTS = 10, ROWS = 512, SCORED = 1000 };

typedef struct product {
    const float *x;
    float *out;
    ovp_idx n, d;
} product;

static ovp_status multiply(ovp_ctx *worker, void *arg, ovp_idx task) {
    const product *p = arg;
    (void)task;
    ovp_numeric_gemm(OVP_F32, 0, 1, ROWS, p->n, p->d, 1, p->x, p->d, p->x, p->d, 0,
                     p->out + (ovp_idx)ovp_worker(worker) * ROWS * p->n, p->n);
    return OVP_OK;
}

int main(int argc, char **argv) {
    if (argc != 5 || atoll(argv[1]) < SCORED) {
        fprintf(stderr, "usage: eigenpro N THREADS SECONDS dense|sparse, N >= %d\n", SCORED);
        return 2;
    }
    const ovp_idx n = atoll(argv[1]);
    const double seconds = atof(argv[3]);
    ovp_ctx *ctx = bench_ctx(atoi(argv[2]));
    ovp_data_set data;
    const ovp_data_options dopt = {
        .size = sizeof dopt, .train = n, .test = 1, .scale = OVP_SCALE_UNIT, .type = OVP_F32};
    bench_check(ctx, ovp_data_load(&data, ctx, "mnist", &dopt));
    const ovp_kernel_options o = {.size = sizeof o, .name = "laplace", .bandwidth = 10, .products = argv[4]};
    ovp_kernel *kernel;
    ovp_numeric_rng *rng;
    ovp_kernel_eigenpro *solver;
    product p = {.x = data.x_train.data, .n = n, .d = data.features};
    float *y, *f;
    bench_check(ctx, ovp_kernel_create(&kernel, ctx, &o));
    bench_check(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_NUMPY, 1, OVP_PURPOSE_GENERAL, 0));
    bench_check(ctx, ovp_alloc(ctx, &p.out, ROWS * n * ovp_threads(ctx), sizeof *p.out));
    bench_check(ctx, ovp_alloc(ctx, &y, n * OUTPUTS, sizeof *y));
    bench_check(ctx, ovp_alloc(ctx, &f, SCORED * OUTPUTS, sizeof *f));
    for (ovp_idx i = 0; i < n; i++) y[i * OUTPUTS + ((const int32_t *)data.y_train.data)[i]] = 1;
    const ovp_kernel_problem problem = {
        .size = sizeof problem, .type = OVP_F32, .n = n, .d = p.d, .kernel = kernel, .x = p.x};
    /* memory for tiles alone: the rows are made anew in every epoch, as the other side does */
    const ovp_kernel_eigenpro_options eo = {.size = sizeof eo, .rng = rng, .memory = 1024 * (n + p.d) * 4};
    const double start = ovp_seconds();
    bench_check(ctx, ovp_kernel_eigenpro_create(&solver, ctx, &problem, OUTPUTS, y, &eo));
    const double setup = ovp_seconds() - start;
    const ovp_kernel_eigenpro_report *r = ovp_kernel_eigenpro_get_report(solver);
    int64_t ids[SCORED];
    double loss;
    for (int i = 0; i < SCORED; i++) ids[i] = i;
    bench_check(ctx, ovp_kernel_eigenpro_epoch(solver, ctx));
    bench_check(ctx, ovp_kernel_eigenpro_fit(f, solver, ctx, SCORED, ids));
    ovp_kernel_score(&loss, NULL, OVP_F32, SCORED, OUTPUTS, f, y);

    const double flops = 2. * (double)(r->batches * r->batch) * (double)n * (double)(p.d + OUTPUTS);
    const double each = 2. * ROWS * (double)n * (double)p.d;
    const ovp_idx tasks = 4 * (ovp_idx)ovp_threads(ctx);
    printf("{\"threads\": %d, \"setup_ms\": %.3f, \"eta\": %.9g, \"groups\": [", ovp_threads(ctx), setup * 1e3, r->eta);
    const double end = ovp_seconds() + seconds;
    for (int g = 0; g < 2 || ovp_seconds() < end; g++) {
        const double t0 = ovp_seconds();
        const int blas = ovp_numeric_blas_begin();
        bench_check(ctx, ovp_parallel(ctx, tasks, multiply, &p));
        ovp_numeric_blas_end(blas);
        const double t1 = ovp_seconds();
        bench_check(ctx, ovp_kernel_eigenpro_epoch(solver, ctx));
        printf("%s{\"ms\": %.4f, \"floor_ms\": %.4f}", g ? ", " : "", (ovp_seconds() - t1) * 1e3,
               (t1 - t0) * 1e3 * flops / (each * (double)tasks));
    }
    printf("], \"loss\": %.9g, ", loss);
    bench_print_environment(ctx);
    printf("}\n");
    ovp_kernel_eigenpro_free(solver);
    ovp_numeric_rng_free(rng);
    ovp_kernel_free(kernel);
    ovp_free(ctx, p.out);
    ovp_free(ctx, y);
    ovp_free(ctx, f);
    ovp_data_free(ctx, &data);
    ovp_ctx_free(ctx);
    return 0;
}
