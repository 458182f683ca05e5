/* base(phi(x)): the map is applied when a batch is bound, in f64; everything else is the base's. */
#include "net/composed_int.h"

#include <math.h>
#include <string.h>

/* Room for an empty batch; a bound one replaces it. */
static ovp_status bind(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_model *model) {
    return ovp_net_batch_create(&b->base, ctx, model->base, b->capacity);
}

static ovp_status refresh(ovp_net_batch *b, ovp_ctx *ctx, const ovp_net_batch *from, const int64_t *rows) {
    const ovp_net_feature_map *map = &ovp_net_composed_of(b->model)->map;
    ovp_net_batch *bound = NULL;
    double *x = NULL, *phi = NULL;
    void *features = NULL;
    ovp_status status = OVP_OK;
    if (from) return ovp_net_batch_select(b->base, ctx, from->base, rows, b->rows);
    const ovp_idx n = b->rows * map->inputs, m = b->rows * map->features;
    OVP_TRY(ovp_alloc(ctx, &x, n, sizeof *x));
    OVP_TRY(ovp_alloc(ctx, &phi, m, sizeof *phi));
    for (ovp_idx i = 0; i < n; i++) x[i] = b->type == OVP_F32 ? (double)((float *)b->x)[i] : ((double *)b->x)[i];
    OVP_TRY(map->apply(map, ctx, b->rows, x, phi));
    if (b->type == OVP_F32) {
        OVP_TRY(ovp_alloc(ctx, &features, m, sizeof(float)));
        for (ovp_idx i = 0; i < m; i++) ((float *)features)[i] = (float)phi[i];
    }
    OVP_TRY(ovp_net_bind(&bound, ctx, b->model->base, features ? features : phi, b->rows));
    ovp_net_batch_free(b->base);
    b->base = bound;
done:
    ovp_free(ctx, x);
    ovp_free(ctx, phi);
    ovp_free(ctx, features);
    return status;
}

static void copy_wide(ovp_net_workspace *ws, const ovp_net_batch *batch) {
    memcpy(ws->wide, ws->base->wide, (size_t)(batch->rows * ws->model->outputs) * sizeof *ws->wide);
}

static ovp_status forward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *f) {
    ovp_status status = ws->model->base->engine->forward(ws->base, batch->base, theta, f);
    if (status == OVP_OK) copy_wide(ws, batch);
    return status;
}

static ovp_status backward(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *df,
                           const ovp_net_sink *sink) {
    return ws->model->base->engine->backward(ws->base, batch->base, theta, df, sink);
}

static ovp_status loss_grad(ovp_net_workspace *ws, const ovp_net_batch *batch, const ovp_net_targets *targets,
                            const void *theta, double *loss, const ovp_net_sink *sink) {
    return ovp_net_loss_backward(ws->base, batch->base, targets, theta, loss, sink);
}

static ovp_status tangent(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v, void *f,
                          void *jv) {
    ovp_status status = ws->model->base->engine->tangent(ws->base, batch->base, theta, v, f, jv);
    if (status == OVP_OK) copy_wide(ws, batch);
    return status;
}

static ovp_status second(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, const void *v,
                         const void *df, const void *rdf, void *out) {
    return ws->model->base->engine->second(ws->base, batch->base, theta, v, df, rdf, out);
}

static ovp_status jacobian(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, ovp_idx first,
                           ovp_idx count, void *out) {
    return ws->model->base->engine->jacobian(ws->base, batch->base, theta, first, count, out);
}

static ovp_status factors(ovp_net_workspace *ws, const ovp_net_batch *batch, const void *theta, void *const *h,
                          void *const *delta) {
    return ws->model->base->engine->factors(ws->base, batch->base, theta, h, delta);
}

static const ovp_net_engine engine = {.name = "mapped",
                                      .bind = bind,
                                      .refresh = refresh,
                                      .prepare = ovp_net_composed_prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .loss_grad = loss_grad,
                                      .tangent = tangent,
                                      .second = second,
                                      .jacobian = jacobian,
                                      .factors = factors};

ovp_status ovp_net_mapped_create(ovp_net_model **out, ovp_ctx *ctx, const ovp_net_model *base,
                                 const ovp_net_feature_map *map) {
    const ovp_net_composed own = {.map = *map};
    *out = NULL;
    if (map->inputs < 1)
        return ovp_fail(ctx, OVP_EINVAL, "mapped model: a map of %lld inputs; at least 1", (long long)map->inputs);
    if (map->features != base->inputs)
        return ovp_fail(ctx, OVP_ESHAPE, "mapped model: the map gives %lld features, its base takes %lld inputs",
                        (long long)map->features, (long long)base->inputs);
    ovp_status status = ovp_net_composed_create(out, ctx, base, &engine, &own);
    if (status == OVP_OK) (*out)->inputs = map->inputs;
    return status;
}

/* ---- the Fourier map ------------------------------------------------------------------------------- */

static ovp_status apply_fourier(const ovp_net_feature_map *map, ovp_ctx *ctx, ovp_idx rows, const double *x,
                                double *phi) {
    const ovp_net_fourier *fourier = map->user;
    const ovp_idx count = fourier->count;
    for (ovp_idx i = 0; i < rows * map->inputs; i++)
        for (ovp_idx k = 0; k < count; k++) {
            const double angle = fourier->frequency * (double)(fourier->first + k) * x[i];
            phi[2 * i * count + k] = sin(angle);
            phi[(2 * i + 1) * count + k] = cos(angle);
        }
    return ovp_check(ctx);
}

ovp_status ovp_net_fourier_map(ovp_net_feature_map *out, ovp_ctx *ctx, const ovp_net_fourier *fourier, ovp_idx inputs) {
    *out = (ovp_net_feature_map){0};
    if (fourier->count < 1 || inputs < 1 || fourier->count > INT32_MAX / 2 / inputs)
        return ovp_fail(ctx, OVP_EINVAL,
                        "fourier map: %lld frequencies of %lld inputs; each from 1, features to 2^31-1",
                        (long long)fourier->count, (long long)inputs);
    if (!isfinite(fourier->frequency))
        return ovp_fail(ctx, OVP_EINVAL, "fourier map: frequency %g is not finite", fourier->frequency);
    *out = (ovp_net_feature_map){inputs, 2 * inputs * fourier->count, apply_fourier, fourier};
    return OVP_OK;
}
