/* Times training steps of lazy-width's net on raw MNIST and the matrix products they are made of, in one process.
 *
 * usage: lazy_step WIDTH THREADS dense|sparse STEPS
 * prints one JSON object: milliseconds of every step, the best GEMM rate on the step's two large shapes in this run
 * (OpenBLAS's own threads and our blocks, whichever is faster), the floor that rate gives, the loss of the first step,
 * by which the driver sees that the peer did the same work, and the BLAS. */
#include "common.h"

#include <overparam/data.h>
#include <overparam/measure.h>
#include <overparam/train.h>

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024, INPUTS = 784, OUTPUTS = 10, GROUP = 5 };

__attribute__((weak)) void omp_set_num_threads(int threads);
__attribute__((weak)) void openblas_set_num_threads(int threads);

static void blas_threads(int n) {
    if (omp_set_num_threads) omp_set_num_threads(n);
    if (openblas_set_num_threads) openblas_set_num_threads(n);
}

typedef struct product {
    int ta;
    ovp_idx m, n, k, lda, ldb, block;
    const float *a, *b;
    float *c;
} product;

static ovp_status block_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)worker;
    const product *p = arg;
    ovp_idx j = task * p->block, n = p->n - j < p->block ? p->n - j : p->block;
    ovp_numeric_gemm(OVP_F32, p->ta, 0, p->m, n, p->k, 1, p->a, p->lda, p->b + j, p->ldb, 0, p->c + j, p->n);
    return OVP_OK;
}

/* Best seconds of one product: OpenBLAS with `threads` threads, and blocks of several widths on our pool. */
static double best_product(ovp_ctx *ctx, product p, int threads) {
    double best = INFINITY;
    for (int round = 0; round < 3; round++) {
        blas_threads(threads);
        double t = ovp_seconds();
        cblas_sgemm(CblasRowMajor, p.ta ? CblasTrans : CblasNoTrans, CblasNoTrans, (int)p.m, (int)p.n, (int)p.k, 1, p.a,
                    (int)p.lda, p.b, (int)p.ldb, 0, p.c, (int)p.n);
        best = fmin(best, ovp_seconds() - t);
        blas_threads(1);
        const ovp_idx widths[] = {256, 512, (p.n + threads - 1) / threads};
        for (int w = 0; w < 3; w++) {
            p.block = widths[w];
            t = ovp_seconds();
            bench_check(ctx, ovp_parallel(ctx, (p.n + p.block - 1) / p.block, block_task, &p));
            best = fmin(best, ovp_seconds() - t);
        }
    }
    return best;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: lazy_step WIDTH THREADS dense|sparse STEPS\n");
        return 2;
    }
    const ovp_idx width = atoll(argv[1]), widths[] = {INPUTS, width, OUTPUTS};
    const int threads = atoi(argv[2]), steps = atoi(argv[4]);
    ovp_ctx *ctx = bench_ctx(threads);
    ovp_data_set data;
    ovp_data_options dopt = {.size = sizeof dopt, .train = ROWS, .test = 1, .type = OVP_F32};
    bench_check(ctx, ovp_data_load(&data, ctx, "mnist", &dopt));
    ovp_net_dense_options d = {.size = sizeof d, .layers = 2, .widths = widths, .type = OVP_F32, .input = argv[3]};
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_numeric_rng *rng;
    ovp_train *train;
    float *theta;
    bench_check(ctx, ovp_net_dense_create(&model, ctx, &d));
    bench_check(ctx, ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta));
    bench_check(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_INIT, 0));
    ovp_net_init_options init = {.size = sizeof init, .rule = "torch-default"};
    bench_check(ctx, ovp_net_init(model, ctx, &init, rng, theta));
    bench_check(ctx, ovp_net_bind(&batch, ctx, model, data.x_train.data, ROWS));
    bench_check(ctx, ovp_net_workspace_create(&ws, ctx, model, ROWS));
    ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = data.y_train.data};
    ovp_train_options to = {.size = sizeof to, .lr = 0.01 / sqrt((double)width)};
    bench_check(ctx, ovp_train_create(&train, ctx, model, ws, batch, &targets, &to, theta));
    double first;
    bench_check(ctx, ovp_train_step(train, &first));

    float *h, *g;
    bench_check(ctx, ovp_alloc(ctx, &h, ROWS * width, sizeof *h));
    bench_check(ctx, ovp_alloc(ctx, &g, INPUTS * width, sizeof *g));
    product forward = {0, ROWS, width, INPUTS, INPUTS, width, 0, data.x_train.data, theta, h};
    product backward = {1, INPUTS, width, ROWS, INPUTS, width, 0, data.x_train.data, h, g};
    const double large = 4.0 * ROWS * INPUTS * (double)width, all = large + 6.0 * ROWS * OUTPUTS * (double)width;
    printf("{\"width\": %lld, \"threads\": %d, \"input\": \"%s\", \"loss\": %.9g, \"groups\": [", (long long)width,
           threads, argv[3], first);
    for (int k = 0; k < steps; k += GROUP) {
        const double products = best_product(ctx, forward, threads) + best_product(ctx, backward, threads);
        double ms[GROUP];
        for (int i = 0; i < GROUP; i++) {
            double loss, t = ovp_seconds();
            bench_check(ctx, ovp_train_step(train, &loss));
            ms[i] = (ovp_seconds() - t) * 1e3;
        }
        printf("%s{\"ms\": %.4f, \"floor_ms\": %.4f, \"gemm_gflops\": %.2f}", k ? ", " : "",
               ovp_measure_median_in_place(GROUP, ms), all / large * products * 1e3, large / products * 1e-9);
    }
    double density;
    ovp_net_batch_path(batch, &density);
    printf("], \"density\": %.4f, ", density);
    bench_print_environment(ctx);
    printf("}\n");
    ovp_free(ctx, h);
    ovp_free(ctx, g);
    ovp_free(ctx, theta);
    ovp_train_free(train);
    ovp_net_workspace_free(ws);
    ovp_net_batch_free(batch);
    ovp_net_model_free(model);
    ovp_numeric_rng_free(rng);
    ovp_data_free(ctx, &data);
    ovp_ctx_free(ctx);
    return 0;
}
