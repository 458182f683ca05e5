/* Times a Gram matrix of 10,000 x 4,000 MNIST images in f64: the Laplace kernel, or the NTK of a relu net of five
 * hidden layers; and, alternately, its matrix product alone.
 *
 * usage: kernel_gram THREADS SECONDS laplace|ntk dense|sparse      prints one JSON object: groups of milliseconds
 * ("floor_ms": of the product), "ns" beyond the product a value and layer, and as "loss" the mean of the matrix. */
#include "common.h"

#include <overparam/data.h>
#include <overparam/kernel.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 10000, OTHERS = 4000, INPUTS = 784, DEPTH = 5, TILE = 512, ACROSS = (OTHERS + TILE - 1) / TILE };

typedef struct product {
    const double *x, *z;
    double *out;
} product;

static ovp_status tile(ovp_ctx *worker, void *arg, ovp_idx task) {
    const product *p = arg;
    const ovp_idx i = task / ACROSS * TILE, j = task % ACROSS * TILE;
    (void)worker;
    ovp_numeric_gemm(OVP_F64, 0, 1, ROWS - i < TILE ? ROWS - i : TILE, OTHERS - j < TILE ? OTHERS - j : TILE, INPUTS, 1,
                     p->x + i * INPUTS, INPUTS, p->z + j * INPUTS, INPUTS, 0, p->out + i * OTHERS + j, OTHERS);
    return OVP_OK;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: kernel_gram THREADS SECONDS laplace|ntk dense|sparse\n");
        return 2;
    }
    const double seconds = atof(argv[2]);
    const int ntk = strcmp(argv[3], "ntk") == 0;
    ovp_ctx *ctx = bench_ctx(atoi(argv[1]));
    ovp_data_set data;
    const ovp_data_options dopt = {.size = sizeof dopt, .train = OTHERS + ROWS, .test = 1, .type = OVP_F64};
    bench_check(ctx, ovp_data_load(&data, ctx, "mnist", &dopt));
    const double *z = data.x_train.data;
    product p = {z + (ovp_idx)OTHERS * INPUTS, z, NULL};
    bench_check(ctx, ovp_alloc(ctx, &p.out, (ovp_idx)ROWS * OTHERS, sizeof *p.out));
    ovp_kernel *kernel;
    const ovp_kernel_options o = {.size = sizeof o,
                                  .name = argv[3],
                                  .bandwidth = 2550,
                                  .depth = DEPTH,
                                  .convention = ntk ? "unit-sphere" : NULL,
                                  .normalise = ntk,
                                  .products = argv[4]};
    bench_check(ctx, ovp_kernel_create(&kernel, ctx, &o));
    printf("{\"threads\": %d, \"groups\": [", ovp_threads(ctx));
    double end = 0, loss = 0;
    for (int k = 0; k < 4 || ovp_seconds() < end; k++) { /* the first only warms */
        const double t0 = ovp_seconds();
        const int blas = ovp_numeric_blas_begin();
        bench_check(ctx, ovp_parallel(ctx, (ovp_idx)((ROWS + TILE - 1) / TILE) * ACROSS, tile, &p));
        ovp_numeric_blas_end(blas);
        const double t1 = ovp_seconds();
        bench_check(ctx, ovp_kernel_gram(p.out, ctx, kernel, OVP_F64, INPUTS, ROWS, p.x, OTHERS, z));
        const double t2 = ovp_seconds();
        if (k == 0)
            end = ovp_seconds() + seconds;
        else
            printf("%s{\"ms\": %.3f, \"floor_ms\": %.3f, \"ns\": %.4f}", k > 1 ? ", " : "", (t2 - t1) * 1e3,
                   (t1 - t0) * 1e3, ((t2 - t1) - (t1 - t0)) * 1e9 / ((double)ROWS * OTHERS * (ntk ? DEPTH : 1)));
    }
    for (ovp_idx i = 0; i < (ovp_idx)ROWS * OTHERS; i++) loss += p.out[i];
    printf("], \"loss\": %.12g, ", loss / ((double)ROWS * OTHERS));
    bench_print_environment(ctx);
    printf("}\n");
    ovp_kernel_free(kernel);
    ovp_free(ctx, p.out);
    ovp_data_free(ctx, &data);
    ovp_ctx_free(ctx);
    return 0;
}
