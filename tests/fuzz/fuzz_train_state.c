/* Saved states of trainings: what is accepted goes on as its own saved state does, what is refused changes nothing. The
 * first byte chooses optimiser and order of mini-batches; after it come edits of four bytes to the state of a training
 * that has run: which array, how (a byte of its data, its type, its length, its name), where, and the value. */
#include "fuzz.h"

#include <overparam/train.h>

enum { ROWS = 6, INPUTS = 2, HIDDEN = 3, MOST = 16, STEPS = 3 };

typedef struct training {
    ovp_net_model *model;
    ovp_net_workspace *workspace;
    ovp_net_batch *batch;
    ovp_numeric_rng *rng;
    ovp_train *train;
    float theta[INPUTS * HIDDEN + HIDDEN + HIDDEN + 1];
} training;

static void begin(training *t, int kind) {
    static const char *const optimisers[] = {"sgd", "adam", "rmsprop", "adagrad"}, *const orders[] = {"cycle",
                                                                                                      "philox"};
    static const float x[ROWS * INPUTS] = {.1f, -.5f, 1, .3f, -.7f, .2f, .9f, -1, .4f, .6f, -.2f, .8f};
    static const float y[ROWS] = {1, 0, -1, .5f, .25f, -.5f};
    static const ovp_idx widths[] = {INPUTS, HIDDEN, 1};
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = 2,
                                           .widths = widths,
                                           .activation = "tanh",
                                           .type = OVP_F32,
                                           .engine = "reference"};
    const ovp_net_targets targets = {.loss = OVP_LOSS_MSE, .values = y};
    ovp_train_options how = {.size = sizeof how, .optimiser = optimisers[kind & 3], .lr = .01};
    how.momentum = (kind & 3) == 0 ? .9 : 0;
    how.stop.patience = kind & 4 ? 2 : 0;
    fuzz_must(ovp_numeric_rng_create(&t->rng, fuzz_ctx(), OVP_RNG_NUMPY, 3, OVP_PURPOSE_BATCH, 0), "a stream");
    if (kind & 8) how.batches = (ovp_train_batches){.size = 4, .order = orders[kind >> 4 & 1], .rng = t->rng};
    for (size_t i = 0; i < sizeof t->theta / sizeof *t->theta; i++) t->theta[i] = .1f * (float)i - .5f;
    fuzz_must(ovp_net_dense_create(&t->model, fuzz_ctx(), &options), "a model");
    fuzz_must(ovp_net_workspace_create(&t->workspace, fuzz_ctx(), t->model, ROWS), "a workspace");
    fuzz_must(ovp_net_bind(&t->batch, fuzz_ctx(), t->model, x, ROWS), "a batch");
    fuzz_must(ovp_train_create(&t->train, fuzz_ctx(), t->model, t->workspace, t->batch, &targets, &how, t->theta),
              "a trainer");
}

static void step(training *t, double *losses) {
    for (int k = 0; k < STEPS; k++) fuzz_must(ovp_train_step(t->train, &losses[k]), "a step");
}

static void end(training *t) {
    ovp_train_free(t->train);
    ovp_net_batch_free(t->batch);
    ovp_net_workspace_free(t->workspace);
    ovp_net_model_free(t->model);
    ovp_numeric_rng_free(t->rng);
}

/* A copy of a state whose data can be edited. */
typedef struct state {
    ovp_train_array arrays[MOST];
    char names[MOST][32];
    void *data[MOST];
    ovp_idx count;
} state;

static size_t bytes_of(const ovp_train_array *a) {
    return (size_t)a->count * ovp_numeric_type_size(a->type);
}

static void copy_state(state *s, const training *t) {
    s->count = ovp_train_state_get(t->train, s->arrays, MOST);
    for (ovp_idx i = 0; i < s->count; i++) {
        ovp_train_array *a = &s->arrays[i];
        s->data[i] = malloc(bytes_of(a));
        fuzz_require(s->data[i] != NULL, "no memory");
        memcpy(s->data[i], a->data, bytes_of(a));
        snprintf(s->names[i], sizeof s->names[i], "%s", a->name);
        a->data = s->data[i];
        a->name = s->names[i];
    }
}

static void free_state(state *s) {
    for (ovp_idx i = 0; i < s->count; i++) free(s->data[i]);
}

static void edit(state *s, const uint8_t *e) {
    const int which = e[0] % (int)s->count;
    ovp_train_array *a = &s->arrays[which];
    const size_t bytes = bytes_of(a);
    switch (e[1] >> 6) {
    case 0:
    case 1:
        if (bytes) ((uint8_t *)s->data[which])[((size_t)(e[1] & 63) << 8 | e[2]) % bytes] = e[3];
        break;
    case 2: /* shorter, or of a type no larger: the bytes it tells of are there */
        if (e[2] & 1)
            a->count = a->count ? e[3] % (a->count + 1) : 0;
        else if (ovp_numeric_type_size((ovp_numeric_type)(e[3] % 5)) <= ovp_numeric_type_size(a->type))
            a->type = (ovp_numeric_type)(e[3] % 5);
        break;
    default:
        s->names[which][e[2] % 8] = (char)e[3];
    }
}

static int same_state(const state *s, const training *t) {
    ovp_train_array now[MOST];
    int same = ovp_train_state_get(t->train, now, MOST) == s->count;
    for (ovp_idx i = 0; same && i < s->count; i++) same = !memcmp(now[i].data, s->data[i], bytes_of(&now[i]));
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    training one, two;
    state before, given, accepted;
    double losses[STEPS], again[STEPS];
    begin(&one, data[0]);
    step(&one, losses);
    copy_state(&before, &one);
    copy_state(&given, &one);
    for (size_t i = 1; i + 4 <= size && i < 1 + 4 * 64; i += 4) edit(&given, data + i);
    if (fuzz_ok(ovp_train_state_set(one.train, given.arrays, given.count))) {
        copy_state(&accepted, &one);
        begin(&two, data[0]);
        fuzz_must(ovp_train_state_set(two.train, accepted.arrays, accepted.count), "a state that was saved");
        memcpy(two.theta, one.theta, sizeof one.theta);
        step(&one, losses);
        step(&two, again);
        fuzz_require(!memcmp(losses, again, sizeof losses) && !memcmp(one.theta, two.theta, sizeof one.theta),
                     "trainings part");
        end(&two);
        free_state(&accepted);
    } else {
        fuzz_require(same_state(&before, &one), "changed by a state that was refused");
    }
    end(&one);
    free_state(&given);
    free_state(&before);
    return fuzz_end();
}
