/* Small nets with everything around them, for the contract tests of the net room. */
#ifndef OVP_TEST_NET_NETS_H
#define OVP_TEST_NET_NETS_H

#include "check.h"
#include "values.h"

#include <overparam/net.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const net_levels[] = {"base", "v3", "v4"};
enum { NET_LEVELS = 3 };

static const char *const net_engines[] = {"reference", "gemm", "tile"}; /* every dense engine */
enum { NET_ENGINES = sizeof net_engines / sizeof *net_engines };

static const ovp_idx deep[] = {6, 19, 7, 33, 5}, wide[] = {11, 37, 3}, linear[] = {9, 4}, many[] = {5, 12, 21};

typedef struct shape {
    ovp_idx layers;
    const ovp_idx *widths;
} shape;
static const shape shapes[] = {{4, deep}, {2, wide}, {1, linear}, {2, many}};
enum { SHAPES = 4 };

/* What a net is made of; zero fields: 1 thread, best level, f32, engine auto, relu, shape deep, 12 rows without zeros.
 */
typedef struct recipe {
    int threads;
    const char *isa;
    ovp_numeric_type type;
    const char *engine, *input, *layout, *act;
    int no_bias;
    const char *parametrization;
    shape shape;
    ovp_idx rows;
    double density; /* fraction of the inputs that is not 0; 0: all */
    int64_t seed;
} recipe;

typedef struct net {
    ovp_ctx *ctx;
    ovp_net_model *model;
    ovp_net_batch *batch;
    ovp_net_workspace *ws;
    ovp_idx rows, inputs, outputs, parameters;
    ovp_numeric_type type;
    void *x, *theta, *dense; /* dense: theta in torch's order */
    void *rooms[64];         /* freed with the net */
    int room_count;
} net;

/* n normal numbers times `scale`; high entropy, the same for both types but for rounding. */
static inline void fill(ovp_ctx *ctx, int64_t seed, ovp_numeric_type type, ovp_idx n, double scale, void *out) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, type, n, 0, scale, out);
    ovp_numeric_rng_free(rng);
}

/* Keeps about a fraction `density` of the values; the others become 0. */
static inline void thin(ovp_ctx *ctx, int64_t seed, ovp_numeric_type type, ovp_idx n, double density, void *values) {
    ovp_numeric_rng *rng;
    assert_ok(ctx, ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, seed, OVP_PURPOSE_GENERAL, 0));
    for (ovp_idx i = 0; i < n; i++) {
        double u;
        ovp_numeric_rng_uniform(rng, OVP_F64, 1, 0, 1, &u);
        if (u >= density) set(type, values, i, 0);
    }
    ovp_numeric_rng_free(rng);
}

/* n zeroed values of either type, freed by drop. */
static inline void *room(net *n, ovp_idx count) {
    void *p;
    assert_true(n->room_count < 64);
    assert_ok(n->ctx, ovp_alloc(n->ctx, &p, count, sizeof(double)));
    return n->rooms[n->room_count++] = p;
}
static inline void *random_room(net *n, ovp_idx count, int64_t seed, double scale) {
    void *p = room(n, count);
    fill(n->ctx, seed, n->type, count, scale, p);
    return p;
}

/* Between torch's order and the model's, tensor by tensor. */
static inline void scatter(const ovp_net_model *model, const void *dense, void *theta) {
    ovp_idx count, at = 0;
    const ovp_net_slice *s = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; at += s[i++].count)
        ovp_net_slice_set(model, &s[i],
                          (const char *)dense + (size_t)at * ovp_numeric_type_size(ovp_net_model_type(model)), theta);
}
static inline void gather(const ovp_net_model *model, const void *theta, void *dense) {
    ovp_idx count, at = 0;
    const ovp_net_slice *s = ovp_net_model_slices(model, &count);
    for (ovp_idx i = 0; i < count; at += s[i++].count)
        ovp_net_slice_get(model, &s[i], theta,
                          (char *)dense + (size_t)at * ovp_numeric_type_size(ovp_net_model_type(model)));
}

/* A net by its recipe; ctx NULL: this processor lacks the level. */
static inline net make(recipe r) {
    net n;
    memset(&n, 0, sizeof n);
    ovp_ctx_options o = {.size = sizeof o, .threads = r.threads ? r.threads : 1, .isa = r.isa};
    if (ovp_ctx_create(&n.ctx, &o) != OVP_OK) {
        n.ctx = NULL;
        return n;
    }
    if (!r.shape.layers) r.shape = shapes[0];
    const ovp_net_dense_options d = {.size = sizeof d,
                                     .layers = r.shape.layers,
                                     .widths = r.shape.widths,
                                     .activation = r.act,
                                     .no_bias = r.no_bias,
                                     .type = r.type,
                                     .engine = r.engine,
                                     .input = r.input,
                                     .layout = r.layout,
                                     .parametrization = r.parametrization,
                                     .sigma_b =
                                         r.parametrization && strcmp(r.parametrization, "standard") != 0 ? 0.7 : 0};
    assert_ok(n.ctx, ovp_net_dense_create(&n.model, n.ctx, &d));
    n.type = r.type;
    n.rows = r.rows ? r.rows : 12;
    n.inputs = r.shape.widths[0];
    n.outputs = r.shape.widths[r.shape.layers];
    n.parameters = ovp_net_model_parameters(n.model);
    n.x = random_room(&n, n.rows * n.inputs, 5 + 100 * r.seed, 1.1);
    if (r.density > 0) thin(n.ctx, 7 + 100 * r.seed, n.type, n.rows * n.inputs, r.density, n.x);
    /* Squares of squares grow; 1/sqrt(fan-in) keeps everything else of order one. */
    n.dense = random_room(&n, n.parameters, 6 + 100 * r.seed, r.act && strcmp(r.act, "square") == 0 ? 0.2 : 0.4);
    n.theta = room(&n, n.parameters);
    scatter(n.model, n.dense, n.theta);
    assert_ok(n.ctx, ovp_net_bind(&n.batch, n.ctx, n.model, n.x, n.rows));
    assert_ok(n.ctx, ovp_net_workspace_create(&n.ws, n.ctx, n.model, n.rows));
    return n;
}

static inline void drop(net *n) {
    if (!n->ctx) return;
    ovp_net_workspace_free(n->ws);
    ovp_net_batch_free(n->batch);
    ovp_net_model_free(n->model);
    while (n->room_count) ovp_free(n->ctx, n->rooms[--n->room_count]);
    ovp_ctx_free(n->ctx);
}

/* Labels 0..c-1 in a fixed disorder; `store` holds one a row. */
static inline ovp_net_targets label_targets(ovp_net_loss loss, ovp_net_reduction reduction, ovp_idx rows, ovp_idx c,
                                            int32_t *store) {
    for (ovp_idx i = 0; i < rows; i++) store[i] = (int32_t)((i * 7 + 3) % c);
    return (ovp_net_targets){.loss = loss, .reduction = reduction, .labels = store};
}

static inline double dot(ovp_numeric_type type, const void *a, const void *b, ovp_idx n) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += get(type, a, i) * get(type, b, i);
    return sum;
}

/* Smallest distance of a pre-activation from a kink of the activation, at theta in torch's order (f64). */
static inline double kink_distance(const net *n, const shape *of, const ovp_numeric_activation *act) {
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(n->model, &count);
    const int bias = count > of->layers;
    double least = INFINITY;
    const double *x = n->x;
    for (ovp_idx i = 0; i < n->rows; i++) {
        double a[64], z[64];
        memcpy(a, x + i * n->inputs, (size_t)n->inputs * sizeof *a);
        const double *w = n->dense;
        for (ovp_idx l = 0; l + 1 < of->layers; l++) {
            const ovp_idx in = of->widths[l], out = of->widths[l + 1];
            const double scale = slice[l * (1 + bias)].multiplier;
            for (ovp_idx o = 0; o < out; o++) {
                z[o] = bias ? slice[l * 2 + 1].multiplier * w[in * out + o] : 0;
                for (ovp_idx k = 0; k < in; k++) z[o] += scale * w[o * in + k] * a[k];
                for (int j = 0; j < act->kink_count; j++) least = fmin(least, fabs(z[o] - act->kinks[j]));
            }
            for (ovp_idx o = 0; o < out; o++) a[o] = act->phi(z[o]);
            w += in * out + (bias ? out : 0);
        }
    }
    return least;
}

/* Outputs, or a gradient: a vector of `n` f64 values as a function of theta. */
typedef struct vector_function {
    net *net;
    void (*at)(net *n, const void *arg, const double *theta, double *out);
    const void *arg;
    ovp_idx n;
} vector_function;

/* out = derivative along v by central differences, and in tolerance[i] what they may be wrong by: the difference
 * between steps h and 2h (three times the truncation error of the smaller one, whose order is h^2), and rounding of the
 * function's values, some 100 units in the last place of the largest, over h. f64 only. */
static inline void difference(const vector_function *f, const double *theta, const double *v, double *out,
                              double *tolerance) {
    net *n = f->net;
    double norm = sqrt(dot(OVP_F64, v, v, n->parameters));
    const double h = 2e-5 / (norm > 0 ? norm : 1);
    const int mark = n->room_count;
    double *point = room(n, n->parameters), *value[4], top = 0;
    for (int k = 0; k < 4; k++) {
        const double step = (k - 2 + (k > 1)) * h; /* -2h -h h 2h */
        value[k] = room(n, f->n);
        for (ovp_idx i = 0; i < n->parameters; i++) point[i] = theta[i] + step * v[i];
        f->at(n, f->arg, point, value[k]);
        top = fmax(top, largest(OVP_F64, value[k], f->n));
    }
    for (ovp_idx i = 0; i < f->n; i++) {
        const double twice = (value[3][i] - value[0][i]) / (4 * h);
        out[i] = (value[2][i] - value[1][i]) / (2 * h);
        tolerance[i] = fabs(out[i] - twice) + 100 * 0x1p-52 * fmax(1, top) / h;
    }
    while (n->room_count > mark) ovp_free(n->ctx, n->rooms[--n->room_count]);
}

static inline void assert_difference(const char *what, const vector_function *f, const double *theta, const double *v,
                                     const double *claimed) {
    net *n = f->net;
    const int mark = n->room_count;
    double *want = room(n, f->n), *tolerance = room(n, f->n);
    difference(f, theta, v, want, tolerance);
    for (ovp_idx i = 0; i < f->n; i++)
        if (!(fabs(want[i] - claimed[i]) <= tolerance[i]))
            fail_msg("%s, %s: element %d is %.12g, by differences %.12g within %.2g", what,
                     ovp_net_model_engine(n->model), (int)i, claimed[i], want[i], tolerance[i]);
    while (n->room_count > mark) ovp_free(n->ctx, n->rooms[--n->room_count]);
}

static inline void outputs_at(net *n, const void *arg, const double *theta, double *out) {
    (void)arg;
    assert_ok(n->ctx, ovp_net_forward(n->ws, n->batch, theta, out));
}
/* arg: targets */
static inline void gradient_at(net *n, const void *arg, const double *theta, double *out) {
    double loss;
    assert_ok(n->ctx, ovp_net_loss_grad(n->ws, n->batch, arg, theta, &loss, out));
}

#endif
