/* Times full-batch training steps of a small net through the public calls, and the floor of such a step, in one
 * process.
 *
 * usage: small_step NET THREADS SECONDS MEMBERS      NET: a name of `nets` below
 * One member: ovp_train_step with all THREADS; more: ovp_train_run side by side. Prints one JSON object: groups of
 * microseconds a step (of one member), the floor measured just before, and what the floor is made of; the loss of the
 * 20th step, by which the driver sees that the peer did the same work. bench/README.md derives the floor. */
#include "common.h"

#include <overparam/measure.h>
#include <overparam/train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_STEPS = 20, BATCHES = 9, MAX_MEMBERS = 64 };
static const double BATCH_SECONDS = 1e-4; /* long against the clock's resolution */

typedef struct net {
    const char *name;
    ovp_idx layers, widths[8];
    const char *activation;
    int no_bias;
    ovp_idx rows;
    const char *optimiser;
    double lr;
} net;

static const net nets[] = {
    {"5-5-5-5-5-1", 5, {5, 5, 5, 5, 5, 1}, "tanh", 1, 4000, "adam", 3e-3},
    {"5-135-1", 2, {5, 135, 1}, "tanh", 1, 4000, "adam", 3e-3},
    {"1-10-1", 2, {1, 10, 1}, "relu", 0, 15, "sgd", 1e-3},
    {"1-1000-1", 2, {1, 1000, 1}, "relu", 0, 15, "sgd", 1e-3},
    {"1-8-8-8-8-8-1", 6, {1, 8, 8, 8, 8, 8, 1}, "relu", 0, 15, "sgd", 1e-3},
};

static const net *find(const char *name) {
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (!strcmp(name, nets[i].name)) return &nets[i];
    fprintf(stderr, "small_step: no net named %s\n", name);
    exit(2);
}

typedef struct member {
    float *theta;
    ovp_net_workspace *ws;
} member;

typedef struct bench {
    ovp_ctx *ctx;
    const net *net;
    ovp_net_model *model;
    ovp_net_batch *batch;
    float *x, *y;
    int count;
    member member[MAX_MEMBERS];
    ovp_train *train[MAX_MEMBERS];
} bench;

/* Inputs, targets and then every member's weights come from one torch stream, in the order in which the peer draws. */
static void setup(bench *b) {
    const net *n = b->net;
    const ovp_net_dense_options d = {.size = sizeof d,
                                     .layers = n->layers,
                                     .widths = n->widths,
                                     .activation = n->activation,
                                     .no_bias = n->no_bias,
                                     .type = OVP_F32};
    bench_check(b->ctx, ovp_net_dense_create(&b->model, b->ctx, &d));
    ovp_numeric_rng *rng;
    bench_check(b->ctx, ovp_numeric_rng_create(&rng, b->ctx, OVP_RNG_TORCH, 42, OVP_PURPOSE_GENERAL, 0));
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->x, n->rows * n->widths[0], sizeof *b->x));
    bench_check(b->ctx, ovp_alloc(b->ctx, &b->y, n->rows, sizeof *b->y));
    ovp_numeric_rng_normal(rng, OVP_F32, n->rows * n->widths[0], 0, 1, b->x);
    ovp_numeric_rng_normal(rng, OVP_F32, n->rows, 0, 1, b->y);
    bench_check(b->ctx, ovp_net_bind(&b->batch, b->ctx, b->model, b->x, n->rows));
    const ovp_net_init_options init = {.size = sizeof init, .rule = "torch-default"};
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = b->y};
    const ovp_train_options o = {.size = sizeof o, .optimiser = n->optimiser, .lr = n->lr};
    for (int i = 0; i < b->count; i++) {
        member *m = &b->member[i];
        bench_check(b->ctx, ovp_alloc(b->ctx, &m->theta, ovp_net_model_parameters(b->model), sizeof *m->theta));
        bench_check(b->ctx, ovp_net_init(b->model, b->ctx, &init, rng, m->theta));
        bench_check(b->ctx, ovp_net_workspace_create(&m->ws, b->ctx, b->model, n->rows));
        bench_check(b->ctx, ovp_train_create(&b->train[i], b->ctx, b->model, m->ws, b->batch, &targets, &o, m->theta));
    }
    ovp_numeric_rng_free(rng);
}

static void drop(bench *b) {
    for (int i = 0; i < b->count; i++) {
        ovp_train_free(b->train[i]);
        ovp_net_workspace_free(b->member[i].ws);
        ovp_free(b->ctx, b->member[i].theta);
    }
    ovp_net_batch_free(b->batch);
    ovp_net_model_free(b->model);
    ovp_free(b->ctx, b->x);
    ovp_free(b->ctx, b->y);
    ovp_ctx_free(b->ctx);
}

/* Seconds a step of one member takes, from `steps` steps of all. */
static double run(bench *b, ovp_idx steps) {
    double loss;
    const double t = ovp_seconds();
    if (b->count == 1) {
        for (ovp_idx k = 0; k < steps; k++) bench_check(b->ctx, ovp_train_step(b->train[0], &loss));
    } else {
        bench_check(b->ctx, ovp_train_run(b->ctx, b->train, b->count, steps, NULL, 0));
    }
    return (ovp_seconds() - t) / (double)(steps * b->count);
}

typedef struct counts {
    double activations, multiply_adds;
} counts;

/* Of one step; biases, loss and the optimiser are left out. */
static counts count(const net *n) {
    counts c = {0, 0};
    for (ovp_idx l = 0; l < n->layers; l++) {
        const double weights = (double)(n->widths[l] * n->widths[l + 1]);
        c.multiply_adds += (l == 0 ? 2 : 3) * weights; /* forward, weight gradient, input gradient */
        if (l + 1 < n->layers) c.activations += (double)n->widths[l + 1];
    }
    c.activations *= (double)n->rows;
    c.multiply_adds *= (double)n->rows;
    return c;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: small_step NET THREADS SECONDS MEMBERS\n");
        return 2;
    }
    bench b = {.net = find(argv[1]), .count = atoi(argv[4])};
    const int threads = atoi(argv[2]);
    const double seconds = atof(argv[3]);
    if (b.count < 1 || b.count > MAX_MEMBERS) {
        fprintf(stderr, "small_step: %s members; 1..%d\n", argv[4], MAX_MEMBERS);
        return 2;
    }
    if (threads < 1 || threads > BENCH_MAX_THREADS) {
        fprintf(stderr, "small_step: %s threads; 1..%d\n", argv[2], BENCH_MAX_THREADS);
        return 2;
    }
    b.ctx = bench_ctx(threads);
    setup(&b);

    double loss = 0;
    for (int i = 0; i < b.count; i++)
        for (int k = 0; k < WARM_STEPS; k++) bench_check(b.ctx, ovp_train_step(b.train[i], i ? NULL : &loss));
    ovp_idx steps = 1;
    while (run(&b, steps) * (double)(steps * b.count) < BATCH_SECONDS) steps *= 2;

    const counts c = count(b.net);
    const ovp_numeric_activation *act = ovp_numeric_activation_find(b.net->activation);
    printf("{\"net\": \"%s\", \"threads\": %d, \"members\": %d, \"engine\": \"%s\", \"loss\": %.9g, "
           "\"activations\": %.0f, \"multiply_adds\": %.0f, \"groups\": [",
           b.net->name, threads, b.count, ovp_net_model_engine(b.model), loss, c.activations, c.multiply_adds);
    const double end = ovp_seconds() + seconds;
    for (int group = 0; group == 0 || ovp_seconds() < end; group++) {
        const double phi = bench_phi_seconds(b.ctx, act), rate = bench_fma_rate(b.ctx);
        double us[BATCHES];
        for (int i = 0; i < BATCHES; i++) us[i] = run(&b, steps) * 1e6;
        printf("%s{\"us\": %.5g, \"floor_us\": %.5g, \"activation_ns\": %.4g, \"fma_g\": %.4g}", group ? ", " : "",
               ovp_measure_median_in_place(BATCHES, us), (c.activations * phi + c.multiply_adds / rate) * 1e6,
               phi * 1e9, rate * 1e-9);
    }
    printf("], ");
    bench_print_environment(b.ctx);
    printf("}\n");
    drop(&b);
    return 0;
}
