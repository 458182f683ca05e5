/* Times the factorisation of a Laplace Gram matrix of n MNIST images in f64 and the solution for ten right-hand sides
 * by ovp_kernel_solver, and, alternately, matrix products of as many operations as the factorisation counts.
 *
 * usage: cholesky N THREADS SECONDS      prints one JSON object: groups of milliseconds ("floor_ms": of the products),
 * and as "loss" the sum of squares of the solution. */
#include "common.h"

#include <overparam/data.h>
#include <overparam/kernel.h>

#include <stdio.h>
#include <stdlib.h>

enum { OUTPUTS = 10, ROWS = 256, DEEP = 1024 };

typedef struct product {
    const double *k;
    double *out;
    ovp_idx n;
} product;

/* 2 ROWS DEEP n operations */
static ovp_status multiply(ovp_ctx *worker, void *arg, ovp_idx task) {
    const product *p = arg;
    ovp_numeric_gemm(OVP_F64, 0, 0, ROWS, p->n, DEEP, 1, p->k + task % (p->n / ROWS) * ROWS * p->n, p->n, p->k, p->n, 0,
                     p->out + (ovp_idx)ovp_worker(worker) * ROWS * p->n, p->n);
    return OVP_OK;
}

int main(int argc, char **argv) {
    if (argc != 4 || atoll(argv[1]) < DEEP) {
        fprintf(stderr, "usage: cholesky N THREADS SECONDS, N >= %d\n", DEEP);
        return 2;
    }
    const ovp_idx n = atoll(argv[1]);
    const double seconds = atof(argv[3]);
    ovp_ctx *ctx = bench_ctx(atoi(argv[2]));
    ovp_data_set data;
    const ovp_data_options dopt = {
        .size = sizeof dopt, .train = n, .test = 1, .scale = OVP_SCALE_UNIT, .type = OVP_F64};
    bench_check(ctx, ovp_data_load(&data, ctx, "mnist", &dopt));
    ovp_kernel *kernel;
    const ovp_kernel_options o = {.size = sizeof o, .name = "laplace", .bandwidth = 10};
    bench_check(ctx, ovp_kernel_create(&kernel, ctx, &o));
    product p = {.n = n};
    double *k, *y, *x;
    bench_check(ctx, ovp_alloc(ctx, &k, n * n, sizeof *k));
    bench_check(ctx, ovp_alloc(ctx, &p.out, ROWS * n * ovp_threads(ctx), sizeof *p.out));
    bench_check(ctx, ovp_alloc(ctx, &y, n * OUTPUTS, sizeof *y));
    bench_check(ctx, ovp_alloc(ctx, &x, n * OUTPUTS, sizeof *x));
    bench_check(ctx, ovp_kernel_gram(k, ctx, kernel, OVP_F64, data.features, n, data.x_train.data, 0, NULL));
    for (ovp_idx i = 0; i < n; i++) y[i * OUTPUTS + ((const int32_t *)data.y_train.data)[i]] = 1;
    p.k = k;
    const double flops = (double)n * (double)n * (double)n / 3, each = 2. * ROWS * DEEP * (double)n;
    const ovp_idx tasks = (ovp_idx)(flops / each) + 1;

    printf("{\"threads\": %d, \"groups\": [", ovp_threads(ctx));
    double end = 0;
    for (int g = 0; g < 4 || ovp_seconds() < end; g++) { /* the first only warms */
        const double t0 = ovp_seconds();
        const int blas = ovp_numeric_blas_begin();
        bench_check(ctx, ovp_parallel(ctx, tasks, multiply, &p));
        ovp_numeric_blas_end(blas);
        const double t1 = ovp_seconds();
        ovp_kernel_solver *solver;
        bench_check(ctx, ovp_kernel_solver_create(&solver, ctx, n, k, NULL));
        bench_check(ctx, ovp_kernel_solve(solver, ctx, OUTPUTS, y, x));
        ovp_kernel_solver_free(solver);
        const double t2 = ovp_seconds();
        if (g == 0) {
            end = t2 + seconds;
            continue;
        }
        printf("%s{\"ms\": %.4f, \"floor_ms\": %.4f}", g > 1 ? ", " : "", (t2 - t1) * 1e3,
               (t1 - t0) * 1e3 * flops / (each * (double)tasks));
    }
    double loss = 0;
    for (ovp_idx i = 0; i < n * OUTPUTS; i++) loss += x[i] * x[i];
    printf("], \"loss\": %.9g, ", loss);
    bench_print_environment(ctx);
    printf("}\n");
    ovp_kernel_free(kernel);
    ovp_free(ctx, k);
    ovp_free(ctx, p.out);
    ovp_free(ctx, y);
    ovp_free(ctx, x);
    ovp_data_free(ctx, &data);
    ovp_ctx_free(ctx);
    return 0;
}
