/* Kernel functions: options, their checks, and what follows from them. */
#include "kernel/functions_int.h"

#include <math.h>
#include <string.h>

enum { MOST_DEGREE = 1000, MOST_DEPTH = 100000 };

/* ---- reading ---------------------------------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    int value;
} named;

enum { NAME_LAPLACE, NAME_GAUSSIAN, NAME_DISPERSAL, NAME_POLYNOMIAL, NAME_NNGP, NAME_NTK };
static const named names[] = {{"laplace", NAME_LAPLACE},
                              {"gaussian", NAME_GAUSSIAN},
                              {"dispersal", NAME_DISPERSAL},
                              {"polynomial", NAME_POLYNOMIAL},
                              {"nngp", NAME_NNGP},
                              {"ntk", NAME_NTK},
                              {NULL, 0}};
static const named conventions[] = {{"ntk-parametrization", OVP_CONVENTION_NTK},
                                    {"unit-sphere", OVP_CONVENTION_SPHERE},
                                    {"tutorial-bias", OVP_CONVENTION_TUTORIAL},
                                    {NULL, 0}};
enum { BIAS_TRAINED, BIAS_FROZEN };
static const named biases[] = {{"trained", BIAS_TRAINED}, {"frozen", BIAS_FROZEN}, {NULL, 0}};
static const named products[] = {
    {"auto", OVP_PRODUCTS_AUTO}, {"dense", OVP_PRODUCTS_DENSE}, {"sparse", OVP_PRODUCTS_SPARSE}, {NULL, 0}};
enum { TRAIN_ALL, TRAIN_LAST, TRAIN_HIDDEN };
static const named trains[] = {{"all", TRAIN_ALL}, {"last", TRAIN_LAST}, {"hidden", TRAIN_HIDDEN}, {NULL, 0}};

/* *text becomes the table's own name; NULL: the first row. */
static ovp_status choose(int *value, const char **text, ovp_ctx *ctx, const char *option, const named *table) {
    char list[256] = "";
    const named *row = table;
    while (*text && row->name && strcmp(*text, row->name) != 0) {
        strcat(strcat(list, *list ? ", " : ""), row->name);
        row++;
    }
    if (!row->name) return ovp_fail(ctx, OVP_EINVAL, "kernel: unknown %s '%s'; choices: %s", option, *text, list);
    *text = row->name;
    *value = row->value;
    return OVP_OK;
}

static ovp_status positive(double *value, ovp_ctx *ctx, const char *option) {
    if (*value == 0) *value = 1;
    if (!(*value > 0 && isfinite(*value)))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: %s is %g; it must be above 0 and finite", option, *value);
    return OVP_OK;
}

/* ---- kernels of points ------------------------------------------------------------------------------------ */

static ovp_status set_distance(ovp_kernel *k, ovp_ctx *ctx, int name) {
    ovp_kernel_options *o = &k->options;
    ovp_status status = positive(&o->bandwidth, ctx, "bandwidth");
    if (status == OVP_OK) status = positive(&o->gamma, ctx, "gamma");
    if (status != OVP_OK) return status;
    if (o->gamma > 2)
        return ovp_fail(ctx, OVP_EINVAL, "kernel: gamma is %g; allowed: above 0, at most 2 (no kernel beyond)",
                        o->gamma);
    const double width = o->bandwidth;
    switch (name) {
    case NAME_LAPLACE:
        k->point = (ovp_kernel_point){.form = OVP_FORM_LAPLACE, .rate = 1 / width};
        break;
    case NAME_GAUSSIAN:
        k->point = (ovp_kernel_point){.form = OVP_FORM_GAUSSIAN, .rate = 0.5 / width / width};
        break;
    default:
        k->point = (ovp_kernel_point){.form = OVP_FORM_DISPERSAL, .rate = 1 / width, .power = 0.5 * o->gamma};
        if (!(o->gamma < 1 || o->gamma > 1)) k->point.form = OVP_FORM_LAPLACE;
        if (!(o->gamma < 2)) k->point.form = OVP_FORM_GAUSSIAN;
        break;
    }
    if (!isfinite(k->point.rate))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: bandwidth is %g; its inverse, or the square of it, overflows", width);
    return OVP_OK;
}

static ovp_status set_polynomial(ovp_kernel *k, ovp_ctx *ctx) {
    const ovp_kernel_options *o = &k->options;
    if (!(o->degree >= 1 && o->degree <= MOST_DEGREE && floor(o->degree) >= o->degree))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: degree is %g; it must be a whole number, 1..%d", o->degree,
                        MOST_DEGREE);
    if (!(o->offset >= 0 && isfinite(o->offset)))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: offset is %g; it must be 0 or above and finite", o->offset);
    if (!(o->scale >= 0 && isfinite(o->scale)))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: scale is %g; it must be above 0 and finite, or 0 for 1 / d",
                        o->scale);
    k->point = (ovp_kernel_point){
        .form = OVP_FORM_POLYNOMIAL, .scale = o->scale, .offset = o->offset, .degree = (int)o->degree};
    return OVP_OK;
}

/* ---- kernels of nets ------------------------------------------------------------------------------------------ */

/* Linear left and right of 0, with these slopes. */
static const struct pieces {
    const char *name;
    double left, right;
} pieces[] = {{"identity", 1, 1}, {"relu", 0, 1}, {"leaky-relu", 0.01, 1}, {"abs", -1, 1}};
static const struct closed {
    const char *name;
    ovp_kernel_dual dual;
} closed[] = {{"erf", OVP_DUAL_ERF}, {"gelu", OVP_DUAL_GELU}, {"sin", OVP_DUAL_SIN},
              {"cos", OVP_DUAL_COS}, {"step", OVP_DUAL_STEP}, {"square", OVP_DUAL_SQUARE}};

static ovp_status set_activation(ovp_kernel *k, ovp_ctx *ctx) {
    const char *name = k->options.activation ? k->options.activation : "relu";
    k->act = ovp_numeric_activation_find(name);
    if (!k->act) {
        char list[512] = "";
        for (ovp_idx i = 0; ovp_numeric_activation_at(i); i++)
            if (strlen(list) < sizeof list - 32)
                strcat(strcat(list, *list ? ", " : ""), ovp_numeric_activation_at(i)->name);
        return ovp_fail(ctx, OVP_EINVAL, "kernel: unknown activation '%s'; choices: %s", name, list);
    }
    k->options.activation = k->act->name;
    k->dual = OVP_DUAL_SERIES;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (strcmp(k->act->name, pieces[i].name) == 0) {
            k->dual = OVP_DUAL_PIECES;
            k->left = pieces[i].left;
            k->right = pieces[i].right;
        }
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (strcmp(k->act->name, closed[i].name) == 0) k->dual = closed[i].dual;
    return OVP_OK;
}

/* w0, b0, w, b of the convention. */
static ovp_status set_convention(ovp_kernel *k, ovp_ctx *ctx) {
    ovp_kernel_options *o = &k->options;
    double gain;
    ovp_status status;
    if (k->convention == OVP_CONVENTION_NTK) {
        if (o->sigma_w == 0) o->sigma_w = ovp_net_gain(k->act->name);
        if (!(o->sigma_w > 0 && o->sigma_w <= 1e6))
            return ovp_fail(ctx, OVP_EINVAL, "kernel: sigma_w is %g; allowed: above 0, at most 1e6", o->sigma_w);
        if (!(o->sigma_b >= 0 && o->sigma_b <= 1e6))
            return ovp_fail(ctx, OVP_EINVAL, "kernel: sigma_b is %g; allowed: 0..1e6", o->sigma_b);
        k->divided = 1;
        k->w0 = k->w = o->sigma_w * o->sigma_w;
        k->b0 = k->b = o->sigma_b * o->sigma_b;
        return OVP_OK;
    }
    if (o->sigma_w < 0 || o->sigma_w > 0 || o->sigma_b < 0 || o->sigma_b > 0)
        return ovp_fail(ctx, OVP_EINVAL,
                        "kernel: sigma_w %g and sigma_b %g: convention %s sets them itself; leave both 0", o->sigma_w,
                        o->sigma_b, o->convention);
    k->w0 = 1;
    if (k->convention == OVP_CONVENTION_TUTORIAL) {
        if (o->depth != 1 || strcmp(k->act->name, "relu") != 0)
            return ovp_fail(ctx, OVP_EINVAL,
                            "kernel: convention tutorial-bias with depth %lld and activation %s; it has one hidden "
                            "layer of relu",
                            (long long)o->depth, k->act->name);
        k->b0 = 1;
    }
    status = ovp_kernel_dual_square(&gain, ctx, k, 1);
    if (status == OVP_OK) k->w = 1 / gain;
    return status;
}

/* Largest error estimate at variances 1 over correlations, where there is no closed form. */
static ovp_status estimate_error(ovp_kernel *k, ovp_ctx *ctx) {
    static const double at[] = {-0.9, 0, 0.5, 0.9, 0.99, 1};
    const double tolerance = k->options.tolerance, one = 1;
    const int blas = ovp_numeric_blas_begin();
    double square;
    ovp_kernel_series series = {0};
    ovp_status status = OVP_OK;
    for (int derivative = 0; derivative <= k->slopes; derivative++) {
        OVP_TRY(derivative ? ovp_kernel_dual_slope(&square, ctx, k, 1) : ovp_kernel_dual_square(&square, ctx, k, 1));
        OVP_TRY(ovp_kernel_series_make(&series, ctx, k, derivative, 1, &one, &square));
        for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
            double error = pow(fabs(at[i]), (double)series.terms) * series.rest[0] * series.rest[0], value;
            if (error > tolerance) OVP_TRY(ovp_kernel_dual_plane(&value, &error, ctx, k, derivative, 1, 1, at[i]));
            k->error = fmax(k->error, error);
        }
        ovp_kernel_series_free(ctx, &series);
    }
done:
    ovp_numeric_blas_end(blas);
    ovp_kernel_series_free(ctx, &series);
    return status;
}

static ovp_status set_net(ovp_kernel *k, ovp_ctx *ctx, int is_ntk) {
    ovp_kernel_options *o = &k->options;
    int convention = 0, bias = 0, train = 0;
    ovp_status status = OVP_OK;
    k->point.form = OVP_FORM_NET;
    OVP_TRY(choose(&convention, &o->convention, ctx, "convention", conventions));
    OVP_TRY(choose(&bias, &o->bias, ctx, "bias", biases));
    OVP_TRY(choose(&train, &o->train, ctx, "train", trains));
    k->convention = (ovp_kernel_convention)convention;
    if (!is_ntk && (bias != BIAS_TRAINED || train != TRAIN_ALL))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: bias %s, train %s: kernel nngp trains nothing; they belong to ntk",
                        o->bias, o->train);
    if (o->depth == 0) o->depth = 1;
    if (o->depth < 1 || o->depth > MOST_DEPTH)
        return ovp_fail(ctx, OVP_EINVAL, "kernel: depth is %lld; allowed: 1..%d hidden layers", (long long)o->depth,
                        MOST_DEPTH);
    if (o->tolerance == 0) o->tolerance = 1e-10;
    if (!(o->tolerance >= 1e-13 && o->tolerance <= 0.1))
        return ovp_fail(ctx, OVP_EINVAL, "kernel: tolerance is %g; allowed: 1e-13..0.1", o->tolerance);
    OVP_TRY(set_activation(k, ctx));
    if (k->dual == OVP_DUAL_STEP && is_ntk && train != TRAIN_LAST)
        return ovp_fail(ctx, OVP_EINVAL,
                        "kernel: ntk of step: the mean of step' step' is infinite; use nngp, train last, or erf");
    OVP_TRY(set_convention(k, ctx));
    k->t0 = bias == BIAS_TRAINED ? k->b0 : 0;
    k->t = bias == BIAS_TRAINED ? k->b : 0;
    k->value = train == TRAIN_HIDDEN ? 0 : k->w;
    k->constant = train == TRAIN_HIDDEN ? 0 : k->t;
    k->slopes = is_ntk && train != TRAIN_LAST;
    k->slope = k->slopes ? k->w : 0;
    if (k->dual == OVP_DUAL_SERIES) OVP_TRY(estimate_error(k, ctx));
done:
    return status;
}

ovp_status ovp_kernel_create(ovp_kernel **out, ovp_ctx *ctx, const ovp_kernel_options *options) {
    ovp_kernel *k;
    int name = 0, how = 0;
    ovp_status status = ovp_alloc(ctx, &k, 1, sizeof *k);
    *out = NULL;
    if (status != OVP_OK) return status;
    memcpy(&k->options, options, options->size < sizeof k->options ? options->size : sizeof k->options);
    k->options.size = sizeof k->options;
    k->ctx = ctx;
    if (!k->options.name) k->options.name = "";
    OVP_TRY(choose(&name, &k->options.name, ctx, "kernel", names));
    OVP_TRY(choose(&how, &k->options.products, ctx, "products", products));
    k->products = (ovp_kernel_products)how;
    if (name == NAME_NNGP || name == NAME_NTK)
        OVP_TRY(set_net(k, ctx, name == NAME_NTK));
    else if (name == NAME_POLYNOMIAL)
        OVP_TRY(set_polynomial(k, ctx));
    else
        OVP_TRY(set_distance(k, ctx, name));
    ovp_kernel_profile_make(k);
    *out = k;
    k = NULL;
done:
    ovp_kernel_free(k);
    return status;
}

void ovp_kernel_free(ovp_kernel *kernel) {
    if (kernel) ovp_free(kernel->ctx, kernel);
}

const ovp_kernel_options *ovp_kernel_get_options(const ovp_kernel *kernel) {
    return &kernel->options;
}

double ovp_kernel_error(const ovp_kernel *kernel) {
    return kernel->error;
}
