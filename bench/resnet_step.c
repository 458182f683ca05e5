/* Times training steps of resnet-cifar's net on 128 images, and the floor of such a step, in one process.
 *
 * usage: resnet_step LAYERS THREADS SECONDS
 * Prints one JSON object: groups of milliseconds a step and the floor measured just before; the loss of the second
 * step, by which the driver sees that the peer did the same work. bench/README.md derives the floor. */
#include "common.h"

#include <overparam/measure.h>
#include <overparam/net.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 128, CLASSES = 10, WARM_STEPS = 2, STEPS = 3 };

typedef struct bench {
    ovp_ctx *ctx;
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    float *theta, *x;
    int32_t labels[ROWS];
    double lr;
} bench;

/* Weights and then images come from one torch stream, in the order in which the peer draws. */
static void setup(bench *b, ovp_idx layers) {
    const ovp_net_resnet_options o = {.size = sizeof o, .blocks = (layers - 2) / 6, .type = OVP_F32, .engine = "conv"};
    ovp_numeric_rng *rng;
    bench_check(b->ctx, ovp_net_resnet_create(&b->model, b->ctx, &o));
    const ovp_idx inputs = ROWS * ovp_net_model_inputs(b->model);
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->theta, ovp_net_model_parameters(b->model), sizeof *b->theta));
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->x, inputs, sizeof *b->x));
    bench_check(b->ctx, ovp_numeric_rng_create(&rng, b->ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_GENERAL, 0));
    bench_check(b->ctx, ovp_net_resnet_draw(b->model, b->ctx, rng, b->theta));
    ovp_numeric_rng_normal(rng, OVP_F32, inputs, 0, 1, b->x);
    ovp_numeric_rng_free(rng);
    for (int i = 0; i < ROWS; i++) b->labels[i] = (7 * i + 3) % CLASSES;
    bench_check(b->ctx, ovp_net_bind(&b->batch, b->ctx, b->model, b->x, ROWS));
    bench_check(b->ctx, ovp_net_workspace_create(&b->ws, b->ctx, b->model, ROWS));
    b->lr = 0.1; /* the published rate is chaotic at its start: f32 rounding alone would part the sides */
}

static double step(bench *b) {
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = b->labels};
    const ovp_net_update sgd = {.rule = OVP_RULE_SGD, .lr = b->lr};
    double loss;
    bench_check(b->ctx, ovp_net_loss_step(b->ws, b->batch, &targets, &sgd, b->theta, &loss));
    return loss;
}

/* Multiply-adds of the convolutions in one step. */
static double multiply_adds(const bench *b) {
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_slices(b->model, &count);
    double total = 0, pixels = 32 * 32;
    for (ovp_idx i = 0, channels = 16; i < count; i++) {
        if (s[i].ndim != 4) continue;
        if (s[i].shape[0] != channels) pixels /= 4; /* into a stage of half the image */
        channels = s[i].shape[0];
        total += (i == 0 ? 2 : 3) * (double)s[i].count * pixels * ROWS;
    }
    return total;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: resnet_step LAYERS THREADS SECONDS\n");
        return 2;
    }
    const int layers = atoi(argv[1]), threads = atoi(argv[2]);
    const double seconds = atof(argv[3]);
    if (layers < 8 || (layers - 2) % 6 || threads < 1 || threads > BENCH_MAX_THREADS) {
        fprintf(stderr, "resnet_step: layers 6 n + 2 from 8 on, threads 1..%d\n", BENCH_MAX_THREADS);
        return 2;
    }
    bench b = {.ctx = bench_ctx(threads)};
    double loss = 0;
    setup(&b, layers);
    for (int k = 0; k < WARM_STEPS; k++) loss = step(&b);
    const double work = multiply_adds(&b);
    printf(
        "{\"layers\": %d, \"threads\": %d, \"library\": \"%s\", \"loss\": %.9g, \"multiply_adds\": %.0f, \"groups\": [",
        layers, threads, ovp_net_conv_library(), loss, work);
    const double end = ovp_seconds() + seconds;
    for (int group = 0; group == 0 || ovp_seconds() < end; group++) {
        const double rate = bench_fma_rate(b.ctx);
        double ms[STEPS];
        for (int i = 0; i < STEPS; i++) {
            const double start = ovp_seconds();
            step(&b);
            ms[i] = (ovp_seconds() - start) * 1e3;
        }
        printf("%s{\"ms\": %.5g, \"floor_ms\": %.5g, \"fma_g\": %.4g}", group ? ", " : "",
               ovp_measure_median_in_place(STEPS, ms), work / rate * 1e3, rate * 1e-9);
    }
    printf("], ");
    bench_print_environment(b.ctx);
    printf("}\n");
    ovp_net_workspace_free(b.ws);
    ovp_net_batch_free(b.batch);
    ovp_net_model_free(b.model);
    ovp_free(b.ctx, b.theta);
    ovp_free(b.ctx, b.x);
    ovp_ctx_free(b.ctx);
    return 0;
}
