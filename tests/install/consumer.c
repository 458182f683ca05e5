/* A stranger's program: public headers, installed libraries. With liboverparam alone it trains a net; with the
 * laboratory it loads a data set besides and writes arrays that it reads back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <overparam/measure.h>
#include <overparam/train.h>
#ifdef OVP_USE_LAB
#include <overparam/data.h>
#include <overparam/experiment.h>
#endif

#define ROWS 16
#define STEPS 10

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, ovp_message(ctx));                              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* y = sin x with a net 1-8-1: ten steps of gradient descent, and the loss falls at every one. */
static void train(ovp_ctx *ctx) {
    static const ovp_idx widths[] = {1, 8, 1};
    const ovp_net_dense_options net = {
        .size = sizeof net, .layers = 2, .widths = widths, .activation = "tanh", .type = OVP_F64};
    const ovp_net_init_options rule = {.size = sizeof rule, .rule = "torch-default"};
    const ovp_train_options sgd = {.size = sizeof sgd, .optimiser = "sgd", .lr = .05};
    double x[ROWS], y[ROWS], *theta = NULL, loss, before = INFINITY;
    ovp_net_model *model = NULL;
    ovp_net_batch *batch = NULL;
    ovp_net_workspace *workspace = NULL;
    ovp_numeric_rng *rng = NULL;
    ovp_train *trainer = NULL;
    for (int i = 0; i < ROWS; i++) {
        x[i] = -1.5 + 3. * i / (ROWS - 1);
        y[i] = sin(x[i]);
    }
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = y};
    CHECK(ovp_net_dense_create(&model, ctx, &net) == OVP_OK);
    CHECK(ovp_net_model_parameters(model) == 25);
    CHECK(ovp_alloc(ctx, &theta, ovp_net_model_parameters(model), sizeof *theta) == OVP_OK);
    CHECK(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 1, OVP_PURPOSE_INIT, 0) == OVP_OK);
    CHECK(ovp_net_init(model, ctx, &rule, rng, theta) == OVP_OK);
    CHECK(ovp_net_bind(&batch, ctx, model, x, ROWS) == OVP_OK);
    CHECK(ovp_net_workspace_create(&workspace, ctx, model, ROWS) == OVP_OK);
    CHECK(ovp_train_create(&trainer, ctx, model, workspace, batch, &targets, &sgd, theta) == OVP_OK);
    for (int step = 0; step < STEPS; step++) {
        CHECK(ovp_train_step(trainer, &loss) == OVP_OK);
        CHECK(loss < before);
        before = loss;
    }
    CHECK(ovp_train_test(trainer, NULL) == OVP_TRAIN_RUNNING);
    ovp_train_free(trainer);
    ovp_net_workspace_free(workspace);
    ovp_net_batch_free(batch);
    ovp_numeric_rng_free(rng);
    ovp_free(ctx, theta);
    ovp_net_model_free(model);
}

#ifdef OVP_USE_LAB
/* A few samples of MNIST into an npz in the folder given, and back. */
static void load_and_write(ovp_ctx *ctx, const char *folder) {
    const ovp_data_options options = {.size = sizeof options, .train = 5, .test = 2, .type = OVP_F32};
    char path[4096], name[] = "x";
    ovp_data_set set;
    ovp_io_named_array *back = NULL;
    ovp_idx count = 0;
    CHECK(ovp_data_load(&set, ctx, "mnist", &options) == OVP_OK);
    CHECK(set.features == 784 && set.classes == 10 && set.x_train.shape[0] == 5);
    snprintf(path, sizeof path, "%s/x.npz", folder);
    const ovp_io_named_array array = {name, set.x_train};
    CHECK(ovp_io_npz_write(ctx, path, &array, 1) == OVP_OK);
    CHECK(ovp_io_npz_read(&back, &count, ctx, path) == OVP_OK);
    CHECK(count == 1 && strcmp(back[0].name, "x") == 0);
    CHECK(memcmp(back[0].array.data, set.x_train.data, 5 * 784 * sizeof(float)) == 0);
    CHECK(ovp_experiment_at(0) != NULL);
    ovp_io_npz_free(ctx, back, count);
    ovp_data_free(ctx, &set);
}
#endif

int main(int argc, char **argv) {
    ovp_ctx *ctx = NULL;
    const ovp_ctx_options options = {.size = sizeof options, .threads = 1};
    if (ovp_ctx_create(&ctx, &options) != OVP_OK) return 1;
    CHECK(ovp_threads(ctx) == 1);
    train(ctx);
#ifdef OVP_USE_LAB
    CHECK(argc == 2);
    load_and_write(ctx, argv[1]);
#else
    (void)argc, (void)argv;
#endif
    ovp_ctx_free(ctx);
    return 0;
}
