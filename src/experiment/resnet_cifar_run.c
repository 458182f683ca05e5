/* resnet-cifar: images, training, testing. */
#include "resnet_cifar_int.h"

#include <stdio.h>
#include <string.h>

/* ---- measures ----------------------------------------------------------------------------------------- */

/* Softmax probabilities minus the one-hot label, in f64: squared length. */
static double residual_square(ovp_idx c, const float *f, int32_t label) {
    double top = (double)f[0], sum = 0, square = 0;
    for (ovp_idx k = 1; k < c; k++) top = (double)f[k] > top ? (double)f[k] : top;
    for (ovp_idx k = 0; k < c; k++) sum += exp((double)f[k] - top);
    for (ovp_idx k = 0; k < c; k++) {
        const double r = exp((double)f[k] - top) / sum - (k == label);
        square += r * r;
    }
    return square;
}

double resnet_omega(ovp_idx rows, ovp_idx c, const float *f, const int32_t *labels) {
    const double b = (double)rows;
    double sum = 0;
    for (ovp_idx i = 0; i < rows; i++) sum += residual_square(c, f + i * c, labels[i]) / (b * b);
    return sum / b;
}

/* The two largest outputs, first of equals; outputs that are not numbers are never among them: -1. */
static void two_largest(ovp_idx c, const float *f, int32_t best[2]) {
    best[0] = best[1] = -1;
    for (ovp_idx k = 0; k < c; k++) {
        if (isnan(f[k])) continue;
        if (best[0] < 0 || f[k] > f[best[0]]) {
            best[1] = best[0];
            best[0] = (int32_t)k;
        } else if (best[1] < 0 || f[k] > f[best[1]]) {
            best[1] = (int32_t)k;
        }
    }
}

/* The published program asks `label in predictions2`, and for a tensor of B x 2 predictions Python answers whether the
 * label stands anywhere in it. */
void resnet_count(resnet_score *out, ovp_idx rows, ovp_idx c, const float *f, const int32_t *labels) {
    for (ovp_idx i = 0; i < rows; i++) {
        int32_t best[2], other[2];
        int anywhere = 0;
        two_largest(c, f + i * c, best);
        out->top1 += best[0] == labels[i];
        out->top2 += best[0] == labels[i] || best[1] == labels[i];
        for (ovp_idx j = 0; j < rows && !anywhere; j++) {
            two_largest(c, f + j * c, other);
            anywhere = other[0] == labels[i] || other[1] == labels[i];
        }
        out->top2_published += anywhere;
    }
}

/* ---- images ------------------------------------------------------------------------------------------- */

/* A random share of a part: the first images of a folder are all of one class. */
static ovp_status choose(resnet_images *out, ovp_ctx *ctx, const ovp_numeric_array *x, const ovp_numeric_array *y,
                         ovp_idx wanted, const char *key, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    const ovp_idx all = x->shape[0];
    *out = (resnet_images){.x = x->data, .label = y->data, .n = wanted ? wanted : all};
    if (wanted > all)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "--%s: %lld of %lld images; allowed 0 (all) to all of them", key,
                         (long long)wanted, (long long)all));
    OVP_TRY(ovp_alloc(ctx, &out->row, all, sizeof *out->row));
    ovp_numeric_rng_permutation(rng, all, out->row);
done:
    return status;
}

static ovp_status check_set(const resnet_lab *lab, const char *name) {
    const ovp_data_set *s = &lab->set;
    if (s->classes < 3 || s->image_rows < 1)
        return ovp_fail(lab->ctx, OVP_EINVAL,
                        "--dataset %s: not images of at least 3 classes; cifar10, mnist and imagefolder:DIR are", name);
    if (s->image_rows != s->image_cols)
        return ovp_fail(lab->ctx, OVP_EINVAL,
                        "--dataset %s: images of %lld x %lld are not square; import them with --resize", name,
                        (long long)s->image_rows, (long long)s->image_cols);
    if (!s->x_test.data)
        return ovp_fail(lab->ctx, OVP_EINVAL,
                        "--dataset %s has no test images; give a folder with train/ and test/ inside", name);
    return OVP_OK;
}

ovp_status resnet_load(resnet_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_data_options options = {.size = sizeof options, .type = OVP_F32};
    const char *name = ovp_params_text(lab->params, "dataset");
    const int64_t seed = ovp_run_data_seed(lab->run, lab->seeds[0]);
    ovp_numeric_rng *train = NULL, *test = NULL;
    json_t *about = NULL;
    OVP_TRY(ovp_data_load(&lab->set, lab->ctx, name, &options));
    OVP_TRY(check_set(lab, name));
    lab->side = lab->set.image_rows;
    lab->channels = lab->set.image_channels;
    OVP_TRY(ovp_numeric_rng_create(&train, lab->ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_DATA, 0));
    OVP_TRY(ovp_numeric_rng_create(&test, lab->ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_DATA, 1));
    OVP_TRY(choose(&lab->train, lab->ctx, &lab->set.x_train, &lab->set.y_train,
                   ovp_params_int(lab->params, "train-samples"), "train-samples", train));
    OVP_TRY(choose(&lab->test, lab->ctx, &lab->set.x_test, &lab->set.y_test,
                   ovp_params_int(lab->params, "test-samples"), "test-samples", test));
    if (lab->train.n % lab->batch && 2 * (lab->train.n % lab->batch) < lab->batch)
        OVP_TRY(
            ovp_run_warning(lab->run,
                            "the last batch of an epoch has %lld images of %lld: its step is noisier than the others "
                            "and comes just before the test; give --train-samples as a multiple of --batch",
                            (long long)(lab->train.n % lab->batch), (long long)lab->batch));
    about = json_pack("{s:s, s:I, s:I, s:s}", "dataset", name, "train", (json_int_t)lab->train.n, "test",
                      (json_int_t)lab->test.n, "preparation", "pixels / 255, minus .5, over .5");
    status = about ? ovp_run_describe(lab->run, about)
                   : ovp_fail(lab->ctx, OVP_ENOMEM, "resnet-cifar: out of memory for the description");
done:
    json_decref(about);
    ovp_numeric_rng_free(train);
    ovp_numeric_rng_free(test);
    return status;
}

/* ---- one net ------------------------------------------------------------------------------------------ */

typedef struct net {
    resnet_lab *lab;
    ovp_idx index, layers, outputs;
    int64_t seed;
    ovp_net_model *model;
    ovp_net_workspace *ws;
    float *theta, *state, *x, *f;
    int32_t *labels;
    int64_t *order;
    double train_seconds, test_seconds;
    ovp_idx steps, images; /* made, trained on */
    int diverged;
} net;

static ovp_status make(net *n) {
    ovp_status status = OVP_OK;
    resnet_lab *lab = n->lab;
    ovp_ctx *ctx = lab->ctx;
    ovp_net_resnet_options options;
    ovp_numeric_rng *rng = NULL;
    OVP_TRY(resnet_options(&options, lab, n->layers));
    OVP_TRY(ovp_net_resnet_create(&n->model, ctx, &options));
    n->outputs = lab->set.classes;
    OVP_TRY(ovp_net_workspace_create(&n->ws, ctx, n->model, lab->batch));
    OVP_TRY(ovp_alloc(ctx, &n->theta, ovp_net_model_parameters(n->model), sizeof *n->theta));
    OVP_TRY(ovp_alloc(ctx, &n->state, ovp_net_model_state_values(n->model), sizeof *n->state));
    OVP_TRY(ovp_alloc(ctx, &n->x, lab->batch * lab->set.features, sizeof *n->x));
    OVP_TRY(ovp_alloc(ctx, &n->f, lab->batch * n->outputs, sizeof *n->f));
    OVP_TRY(ovp_alloc(ctx, &n->labels, lab->batch, sizeof *n->labels));
    OVP_TRY(ovp_alloc(ctx, &n->order, lab->train.n, sizeof *n->order));
    ovp_net_state_init(n->model, n->state);
    OVP_TRY(study_stream(&rng, lab->run, n->seed, OVP_PURPOSE_INIT, (uint64_t)n->layers));
    OVP_TRY(ovp_net_resnet_draw(n->model, ctx, rng, n->theta));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static void drop(net *n) {
    ovp_ctx *ctx = n->lab->ctx;
    ovp_free(ctx, n->order);
    ovp_free(ctx, n->labels);
    ovp_free(ctx, n->f);
    ovp_free(ctx, n->x);
    ovp_free(ctx, n->state);
    ovp_free(ctx, n->theta);
    ovp_net_workspace_free(n->ws);
    ovp_net_model_free(n->model);
}

/* An image, its window at (row, col) of the image padded with zeros (black), scaled to -1..1. */
static void place(const resnet_lab *lab, const float *image, ovp_idx row, ovp_idx col, float *out) {
    const ovp_idx s = lab->side;
    for (ovp_idx c = 0; c < lab->channels; c++)
        for (ovp_idx i = 0; i < s; i++)
            for (ovp_idx j = 0; j < s; j++) {
                const ovp_idx p = i + row - lab->crop, q = j + col - lab->crop;
                const float v = p < 0 || q < 0 || p >= s || q >= s ? 0 : image[(c * s + p) * s + q];
                out[(c * s + i) * s + j] = (v / 255 - 0.5f) / 0.5f;
            }
}

/* Images `from` .. of a part (through `order`, or NULL: in its own) bound as a batch; crops by rng, NULL: none. */
static ovp_status gather(ovp_net_batch **out, net *n, const resnet_images *images, const int64_t *order, ovp_idx from,
                         ovp_idx count, ovp_numeric_rng *rng) {
    const resnet_lab *lab = n->lab;
    for (ovp_idx i = 0; i < count; i++) {
        const int64_t row = images->row[order ? order[from + i] : from + i];
        int64_t at[2] = {lab->crop, lab->crop};
        if (rng && lab->crop) ovp_numeric_rng_integers(rng, 2, 0, 2 * lab->crop + 1, at);
        place(lab, images->x + row * lab->set.features, at[0], at[1], n->x + i * lab->set.features);
        n->labels[i] = images->label[row];
    }
    return ovp_net_bind(out, lab->ctx, n->model, n->x, count);
}

static ovp_idx batches_of(const resnet_lab *lab, ovp_idx n) {
    return (n + lab->batch - 1) / lab->batch;
}

static ovp_idx batch_rows(const resnet_lab *lab, ovp_idx n, ovp_idx batch) {
    const ovp_idx left = n - batch * lab->batch;
    return left < lab->batch ? left : lab->batch;
}

/* One pass over the training images; their table rows come at its end. */
static ovp_status train_epoch(net *n, ovp_idx epoch, resnet_row *row) {
    resnet_lab *lab = n->lab;
    ovp_status status = OVP_OK;
    ovp_numeric_rng *order = NULL, *crops = NULL;
    ovp_net_batch *batch = NULL;
    const ovp_idx count = batches_of(lab, lab->train.n), total = lab->epochs * count;
    const ovp_net_update update = {.rule = OVP_RULE_SGD, .lr = resnet_rate(lab->params, n->layers)};
    char stage[64];
    const double start = ovp_seconds();
    snprintf(stage, sizeof stage, "L = %lld, seed %lld", (long long)n->layers, (long long)n->seed);
    OVP_TRY(ovp_numeric_rng_create(&order, lab->ctx, OVP_RNG_PHILOX, n->seed, OVP_PURPOSE_BATCH, 2 * (uint64_t)epoch));
    OVP_TRY(
        ovp_numeric_rng_create(&crops, lab->ctx, OVP_RNG_PHILOX, n->seed, OVP_PURPOSE_BATCH, 2 * (uint64_t)epoch + 1));
    ovp_numeric_rng_permutation(order, lab->train.n, n->order);
    for (ovp_idx k = 0; k < count && !n->diverged; k++) {
        const ovp_idx rows = batch_rows(lab, lab->train.n, k);
        double loss;
        OVP_TRY(gather(&batch, n, &lab->train, n->order, k * lab->batch, rows, crops));
        const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = n->labels, .outputs = n->f};
        OVP_TRY(ovp_net_loss_step(n->ws, batch, &targets, &update, n->theta, &loss));
        OVP_TRY(ovp_net_state_update(n->ws, 0.1, n->state));
        ovp_net_batch_free(batch);
        batch = NULL;
        lab->steps[lab->step_count++] = (resnet_step){.net = n->index,
                                                      .rows = rows,
                                                      .epoch = (double)n->steps / (double)count,
                                                      .loss = loss,
                                                      .omega = resnet_omega(rows, n->outputs, n->f, n->labels)};
        n->steps++;
        n->diverged = !isfinite(loss);
        row->train_loss += loss / (double)count;
        row->train_accuracy +=
            (double)rows * ovp_measure_accuracy(OVP_F32, rows, n->outputs, n->f, n->labels) / (double)lab->train.n;
        n->images += rows;
        ovp_run_progress(lab->run, &(ovp_progress){stage, "steps", n->steps, total, "loss", loss});
    }
done:
    n->train_seconds += ovp_seconds() - start;
    ovp_net_batch_free(batch);
    ovp_numeric_rng_free(order);
    ovp_numeric_rng_free(crops);
    return status;
}

/* Over all test images, normed as published by the test batch or by the running statistics; both modes see the same
 * crops. */
static ovp_status test_net(net *n, ovp_idx epoch, int running, resnet_score *score) {
    resnet_lab *lab = n->lab;
    ovp_status status = OVP_OK;
    ovp_numeric_rng *crops = NULL;
    ovp_net_batch *batch = NULL;
    const ovp_idx count = batches_of(lab, lab->test.n);
    const double start = ovp_seconds(), all = (double)lab->test.n;
    OVP_TRY(ovp_numeric_rng_create(&crops, lab->ctx, OVP_RNG_PHILOX, n->seed, OVP_PURPOSE_TEST, (uint64_t)epoch));
    for (ovp_idx k = 0; k < count; k++) {
        const ovp_idx rows = batch_rows(lab, lab->test.n, k);
        double loss;
        OVP_TRY(gather(&batch, n, &lab->test, NULL, k * lab->batch, rows, lab->crop_test ? crops : NULL));
        OVP_TRY(running ? ovp_net_forward_state(n->ws, batch, n->theta, n->state, n->f)
                        : ovp_net_forward(n->ws, batch, n->theta, n->f));
        ovp_net_batch_free(batch);
        batch = NULL;
        const ovp_net_targets targets = {.loss = OVP_LOSS_CROSS_ENTROPY, .labels = n->labels};
        OVP_TRY(ovp_net_loss_value(lab->ctx, &targets, OVP_F32, rows, n->outputs, n->f, &loss, NULL));
        score->loss += loss * (double)rows / all;
        resnet_count(score, rows, n->outputs, n->f, n->labels);
    }
    score->top1 /= all;
    score->top2 /= all;
    score->top2_published /= all;
done:
    n->test_seconds += ovp_seconds() - start;
    ovp_net_batch_free(batch);
    ovp_numeric_rng_free(crops);
    return status;
}

static ovp_status put_steps(net *n, ovp_idx first) {
    enum { COLUMNS = 7 };
    resnet_lab *lab = n->lab;
    ovp_status status = OVP_OK;
    const ovp_idx count = lab->step_count - first;
    ovp_store_cell *cells = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &cells, count * COLUMNS, sizeof *cells));
    for (ovp_idx i = 0; i < count; i++) {
        const resnet_step *s = &lab->steps[first + i];
        const ovp_store_cell row[COLUMNS] = {
            ovp_cell_int(n->layers),  ovp_cell_int(n->seed), ovp_cell_int(n->steps - count + i),
            ovp_cell_real(s->epoch),  ovp_cell_int(s->rows), ovp_cell_finite(s->loss),
            ovp_cell_finite(s->omega)};
        memcpy(cells + i * COLUMNS, row, sizeof row);
    }
    OVP_TRY(ovp_run_rows(lab->run, "steps", count, cells));
done:
    ovp_free(lab->ctx, cells);
    return status;
}

static ovp_status put_row(resnet_lab *lab, const resnet_row *r) {
    lab->rows[lab->row_count++] = *r;
    return ovp_run_row(lab->run, "accuracy",
                       (const ovp_store_cell[]){ovp_cell_int(r->layers), ovp_cell_int(r->seed), ovp_cell_int(r->epoch),
                                                ovp_cell_finite(r->train_loss), ovp_cell_finite(r->train_accuracy),
                                                ovp_cell_finite(r->batch.loss), ovp_cell_finite(r->batch.top1),
                                                ovp_cell_finite(r->batch.top2), ovp_cell_finite(r->running.loss),
                                                ovp_cell_finite(r->running.top1), ovp_cell_finite(r->running.top2),
                                                ovp_cell_finite(r->batch.top2_published)});
}

/* What is not known of a net that diverged. */
static void forget(resnet_score *s) {
    *s = (resnet_score){NAN, NAN, NAN, NAN};
}

static ovp_status train_net(net *n) {
    resnet_lab *lab = n->lab;
    ovp_status status = OVP_OK;
    for (ovp_idx epoch = 1; epoch <= lab->epochs && !n->diverged; epoch++) {
        resnet_row row = {.layers = n->layers, .epoch = epoch, .seed = n->seed};
        const ovp_idx first = lab->step_count;
        status = train_epoch(n, epoch, &row);
        if (lab->step_count > first) { /* also of an epoch that was interrupted */
            const ovp_status put = put_steps(n, first);
            if (status == OVP_OK) status = put;
        }
        if (status != OVP_OK) return status;
        if (n->diverged) {
            row.train_loss = row.train_accuracy = NAN;
        } else {
            OVP_TRY(test_net(n, epoch, 0, &row.batch));
            OVP_TRY(test_net(n, epoch, 1, &row.running));
            n->diverged = !isfinite(row.batch.loss); /* by the epoch's last update */
        }
        if (n->diverged) {
            forget(&row.batch);
            forget(&row.running);
            OVP_TRY(ovp_run_warning(lab->run,
                                    "L = %lld, seed %lld: the loss was not finite at step %lld (learning rate %g); try "
                                    "a smaller --lr",
                                    (long long)n->layers, (long long)n->seed, (long long)n->steps,
                                    resnet_rate(lab->params, n->layers)));
        }
        OVP_TRY(put_row(lab, &row));
    }
done:
    return status;
}

static ovp_status put_state(const net *n, const char *prefix) {
    ovp_status status = OVP_OK;
    ovp_idx count;
    const ovp_net_slice *s = ovp_net_model_state(n->model, &count);
    ovp_numeric_array array = {.data = NULL};
    for (ovp_idx i = 0; i < count; i++) {
        char name[160];
        snprintf(name, sizeof name, "%s.%s", prefix, s[i].name);
        OVP_TRY(ovp_numeric_array_create(&array, n->lab->ctx, OVP_F32, s[i].ndim, s[i].shape));
        ovp_net_slice_get(n->model, &s[i], n->state, array.data);
        OVP_TRY(ovp_run_weight(n->lab->run, name, &array));
        ovp_numeric_array_free(n->lab->ctx, &array);
    }
done:
    ovp_numeric_array_free(n->lab->ctx, &array);
    return status;
}

static ovp_status put_net(const net *n) {
    resnet_lab *lab = n->lab;
    ovp_status status = OVP_OK;
    char prefix[64];
    OVP_TRY(ovp_run_row(lab->run, "timings",
                        (const ovp_store_cell[]){ovp_cell_int(n->layers), ovp_cell_int(n->seed), ovp_cell_int(n->steps),
                                                 ovp_cell_real(n->train_seconds), ovp_cell_real(n->test_seconds),
                                                 ovp_cell_finite((double)n->images / n->train_seconds)}));
    snprintf(prefix, sizeof prefix, "L%lld.s%lld", (long long)n->layers, (long long)n->seed);
    OVP_TRY(study_keep_weights(lab->run, prefix, n->model, n->theta));
    OVP_TRY(put_state(n, prefix));
done:
    return status;
}

static ovp_status describe_net(const net *n) {
    const ovp_idx blocks = resnet_blocks(n->layers);
    return ovp_run_row(
        n->lab->run, "nets",
        (const ovp_store_cell[]){
            ovp_cell_int(n->layers), ovp_cell_int(blocks), ovp_cell_int(ovp_net_model_parameters(n->model)),
            ovp_cell_real(pow((double)blocks, -ovp_params_real(n->lab->params, "alpha"))),
            ovp_cell_real(resnet_rate(n->lab->params, n->layers)), ovp_cell_text(ovp_net_model_engine(n->model))});
}

ovp_status resnet_train_seed(resnet_lab *lab, ovp_idx seed) {
    ovp_status status = OVP_OK;
    for (ovp_idx l = 0; l < lab->layer_count && status == OVP_OK; l++) {
        net n = {.lab = lab, .index = seed * lab->layer_count + l, .layers = lab->layers[l], .seed = lab->seeds[seed]};
        status = make(&n);
        if (status == OVP_OK && seed == 0) status = describe_net(&n);
        if (status == OVP_OK) status = train_net(&n);
        if (status == OVP_OK) status = put_net(&n);
        drop(&n);
    }
    return status;
}
