/* Times full-batch SGD steps of a residual net (skip, tanh, dim 15, 12,500 samples of ten classes) through the public
 * calls, and the floor of such a step, in one process.
 *
 * usage: residual_step LAYERS THREADS SECONDS      prints one JSON object: groups of milliseconds a step and the floor
 * measured just before, peak memory, and the loss before the third step, by which the driver sees that the peer did the
 * same work. bench/README.md derives the floor. */
#include "common.h"

#include <overparam/measure.h>
#include <overparam/net.h>

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 12500, INPUTS = 64, DIM = 15, CLASSES = 10, COMPARED = 3, STEPS = 3 };

typedef struct bench {
    ovp_ctx *ctx;
    ovp_idx layers;
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    int32_t *labels;
    float *theta;
} bench;

/* Inputs, labels, the frozen maps and the blocks from one torch stream, in the order in which the peer draws. */
static void setup(bench *b) {
    ovp_numeric_rng *rng;
    float *x, *in, *out;
    int64_t *labels;
    ovp_net_residual_options o = {.size = sizeof o,
                                  .inputs = INPUTS,
                                  .dim = DIM,
                                  .outputs = CLASSES,
                                  .layers = b->layers,
                                  .alpha = .75,
                                  .type = OVP_F32};
    const ovp_net_residual_start start = {.size = sizeof start, .init = "ntrunc", .gamma = 1};
    bench_check(b->ctx, ovp_numeric_rng_create(&rng, b->ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_GENERAL, 0));
    bench_check(b->ctx, ovp_alloc(b->ctx, &x, ROWS * INPUTS, sizeof *x));
    bench_check(b->ctx, ovp_alloc(b->ctx, &labels, ROWS, sizeof *labels));
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->labels, ROWS, sizeof *b->labels));
    bench_check(b->ctx, ovp_alloc(b->ctx, &in, DIM * INPUTS, sizeof *in));
    bench_check(b->ctx, ovp_alloc(b->ctx, &out, CLASSES * DIM, sizeof *out));
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->theta, b->layers * DIM * DIM, sizeof *b->theta));
    ovp_numeric_rng_normal(rng, OVP_F32, ROWS * INPUTS, 0, 1, x);
    ovp_numeric_rng_integers(rng, ROWS, 0, CLASSES, labels);
    for (int i = 0; i < ROWS; i++) b->labels[i] = (int32_t)labels[i];
    bench_check(b->ctx, ovp_net_residual_draw(b->ctx, &o, &start, rng, in, out, b->theta));
    o.read_in = in;
    o.read_out = out;
    bench_check(b->ctx, ovp_net_residual_create(&b->model, b->ctx, &o));
    bench_check(b->ctx, ovp_net_bind(&b->batch, b->ctx, b->model, x, ROWS));
    bench_check(b->ctx, ovp_net_workspace_create(&b->ws, b->ctx, b->model, ROWS));
    ovp_free(b->ctx, x);
    ovp_free(b->ctx, labels);
    ovp_free(b->ctx, in);
    ovp_free(b->ctx, out);
    ovp_numeric_rng_free(rng);
}

static double step(bench *b) {
    const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = b->labels};
    const ovp_net_update update = {.rule = OVP_RULE_SGD, .lr = 9};
    double loss;
    bench_check(b->ctx, ovp_net_loss_step(b->ws, b->batch, &targets, &update, b->theta, &loss));
    return loss;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: residual_step LAYERS THREADS SECONDS\n");
        return 2;
    }
    bench b = {.layers = atoi(argv[1])};
    const int threads = atoi(argv[2]);
    const double seconds = atof(argv[3]);
    if (b.layers < 1 || threads < 1 || threads > BENCH_MAX_THREADS) {
        fprintf(stderr, "residual_step: %s layers, %s threads; from 1, 1..%d\n", argv[1], argv[2], BENCH_MAX_THREADS);
        return 2;
    }
    b.ctx = bench_ctx(threads);
    setup(&b);
    double loss = 0;
    for (int k = 0; k < COMPARED; k++) loss = step(&b);

    const double samples = (double)ROWS * (double)b.layers;
    const double activations = samples * DIM, multiply_adds = samples * 3 * DIM * DIM;
    const ovp_numeric_activation *act = ovp_numeric_activation_find("tanh");
    printf("{\"layers\": %d, \"threads\": %d, \"engine\": \"%s\", \"loss\": %.9g, \"groups\": [", (int)b.layers,
           threads, ovp_net_model_engine(b.model), loss);
    const double end = ovp_seconds() + seconds;
    for (int group = 0; group == 0 || ovp_seconds() < end; group++) {
        const double phi = bench_phi_seconds(b.ctx, act), rate = bench_fma_rate(b.ctx);
        double ms[STEPS];
        for (int i = 0; i < STEPS; i++) {
            const double t = ovp_seconds();
            step(&b);
            ms[i] = (ovp_seconds() - t) * 1e3;
        }
        printf("%s{\"ms\": %.5g, \"floor_ms\": %.5g, \"activation_ns\": %.4g, \"fma_g\": %.4g}", group ? ", " : "",
               ovp_measure_median_in_place(STEPS, ms), (activations * phi + multiply_adds / rate) * 1e3, phi * 1e9,
               rate * 1e-9);
    }
    printf("], \"peak_mib\": %.1f, ", (double)ovp_peak_memory() / 0x1p20);
    bench_print_environment(b.ctx);
    printf("}\n");
    ovp_net_workspace_free(b.ws);
    ovp_net_batch_free(b.batch);
    ovp_net_model_free(b.model);
    ovp_free(b.ctx, b.labels);
    ovp_free(b.ctx, b.theta);
    ovp_ctx_free(b.ctx);
    return 0;
}
