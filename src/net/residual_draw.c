/* How the published program of the depth limit starts: its draws, in its order (docs/residual.md). */
#include <overparam/net.h>

#include <math.h>
#include <string.h>

typedef struct profile {
    const char *init;
    ovp_idx layers;
    double w, m; /* exponent 1/gamma + 1 - alpha, and L^-w */
} profile;

/* x^w with the sign of x, as the symmetric profiles want it; the sign of 0 is +. */
static double signed_power(double x, double w) {
    const double size = pow(2, -w) * pow(fabs(x), w);
    return x < 0 ? -size : size;
}

/* The value all entries of W_i have; constant: the given one. */
static double value_of(const profile *p, double constant, ovp_idx i) {
    const double l = (double)p->layers, k = (double)i, rest = l - k - 1, m = p->m;
    if (strcmp(p->init, "lin-dec") == 0) return pow(rest, p->w) * m * m;
    if (strcmp(p->init, "lin-inc") == 0) return pow(k, p->w) * m * m;
    if (strcmp(p->init, "quad") == 0) return pow(rest * k, p->w) * m * m * m;
    if (strcmp(p->init, "lin-dec-sym") == 0) return signed_power(l - 2 * (k - 1), p->w) * m * m;
    if (strcmp(p->init, "lin-inc-sym") == 0) return signed_power(2 * k - l, p->w) * m * m;
    return constant;
}

static int is_known(const char *init) {
    static const char *const names[] = {"constant", "ntrunc",      "lin-dec",    "lin-inc",
                                        "quad",     "lin-dec-sym", "lin-inc-sym"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(init, names[i]) == 0) return 1;
    return 0;
}

/* The x with erf(x) = y, -1 < y < 1: a logarithm's first guess (Winitzki 2008), then Newton's steps with the second
 * derivative (Halley), of which each triples the digits. */
static double inverse_erf(double y) {
    if (fabs(y) >= 1) return copysign(INFINITY, y); /* an interval wider than f64's tails */
    const double a = 0.147, l = log1p(-y * y), b = 2 / (M_PI * a) + l / 2;
    double x = copysign(sqrt(sqrt(b * b - l / a) - b), y);
    for (int step = 0; step < 3; step++) {
        const double e = (erf(x) - y) * exp(x * x) * sqrt(M_PI) / 2;
        x -= e / (1 + x * e);
    }
    return x;
}

/* torch.nn.init.trunc_normal_ with mean 0, std, [-bound, bound]: bit for bit with a torch stream in f32. */
static void truncated_normal(ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, double std, double bound,
                             void *out) {
    if (type == OVP_F32 && ovp_numeric_rng_get_kind(rng) == OVP_RNG_TORCH) {
        ovp_numeric_torch_trunc_normal(rng, n, 0, std, -bound, bound, out);
        return;
    }
    const double edge = erf(bound / std * M_SQRT1_2); /* 2 cdf(bound / std) - 1 */
    ovp_numeric_rng_uniform(rng, type, n, -edge, edge, out);
    for (ovp_idx i = 0; i < n; i++) {
        const double u = type == OVP_F32 ? (double)((float *)out)[i] : ((double *)out)[i];
        const double x = fmax(-bound, fmin(bound, std * M_SQRT2 * inverse_erf(u)));
        if (type == OVP_F32)
            ((float *)out)[i] = fmaxf((float)-bound, fminf((float)bound, (float)x));
        else
            ((double *)out)[i] = x;
    }
}

static void fill(ovp_numeric_type type, ovp_idx n, double value, void *out) {
    for (ovp_idx i = 0; i < n; i++)
        if (type == OVP_F32)
            ((float *)out)[i] = (float)value;
        else
            ((double *)out)[i] = value;
}

static ovp_status check(ovp_ctx *ctx, const ovp_net_residual_options *o, const ovp_net_residual_start *s) {
    if (!is_known(s->init))
        return ovp_fail(ctx, OVP_EINVAL,
                        "residual net: unknown initialisation '%s'; use constant, ntrunc, lin-dec, lin-inc, quad, "
                        "lin-dec-sym or lin-inc-sym",
                        s->init);
    if (!(s->gamma > 0 && isfinite(s->gamma)))
        return ovp_fail(ctx, OVP_EINVAL, "residual net: gamma %g must be finite and above 0", s->gamma);
    if (!isfinite(o->alpha)) return ovp_fail(ctx, OVP_EINVAL, "residual net: alpha %g must be finite", o->alpha);
    if (o->inputs < 1 || o->dim < 1 || o->outputs < 1 || o->layers < 1)
        return ovp_fail(ctx, OVP_EINVAL, "residual net: %lld inputs, dim %lld, %lld outputs, %lld layers; each from 1",
                        (long long)o->inputs, (long long)o->dim, (long long)o->outputs, (long long)o->layers);
    return OVP_OK;
}

ovp_status ovp_net_residual_draw(ovp_ctx *ctx, const ovp_net_residual_options *options,
                                 const ovp_net_residual_start *start, ovp_numeric_rng *rng, void *read_in,
                                 void *read_out, void *theta) {
    ovp_net_residual_options o;
    ovp_net_residual_start s;
    memset(&o, 0, sizeof o);
    memset(&s, 0, sizeof s);
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    memcpy(&s, start, start->size < sizeof s ? start->size : sizeof s);
    if (!s.init) s.init = "constant";
    void *before = NULL;
    ovp_status status = OVP_OK;
    OVP_TRY(check(ctx, &o, &s));
    const double w = 1 / s.gamma + 1 - o.alpha, d = (double)o.dim;
    const profile p = {s.init, o.layers, w, pow((double)o.layers, -w)};
    const double bound = s.readme ? p.m / (d * d) : p.m / 2, std = s.readme ? bound : sqrt(bound);
    const double smallest = 1e-9; /* below, the program writes ntrunc's bound itself */
    const int draws = strcmp(s.init, "ntrunc") == 0 && bound > smallest;
    const ovp_idx block = o.dim * o.dim;
    const size_t bytes = (size_t)block * ovp_numeric_type_size(o.type);
    OVP_TRY(ovp_net_init_tensor(ctx, "torch-default", 0, OVP_ROLE_WEIGHT, o.inputs, o.dim, rng, o.type,
                                o.dim * o.inputs, read_in));
    OVP_TRY(ovp_net_init_tensor(ctx, "torch-default", 0, OVP_ROLE_WEIGHT, o.dim, o.outputs, rng, o.type,
                                o.outputs * o.dim, read_out));
    for (ovp_idx i = 0; i < o.layers; i++) {
        void *to = (char *)theta + (size_t)i * bytes;
        const double value = value_of(&p, bound, i);
        if (!isfinite(value))
            OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                             "residual net: '%s' with gamma %g, alpha %g gives %g in block %lld; choose a small power "
                             "1/gamma + 1 - alpha above 0",
                             s.init, s.gamma, o.alpha, value, (long long)i));
        OVP_TRY(ovp_net_init_tensor(ctx, "torch-default", 0, OVP_ROLE_WEIGHT, o.dim, o.dim, rng, o.type, block, to));
        if (draws)
            truncated_normal(rng, o.type, block, std, bound, to);
        else
            fill(o.type, block, value, to);
    }
    /* The program's W_-1 is one more Linear, set to 0: its draw moves on what comes later in the stream. */
    if (o.augmentation && strcmp(o.augmentation, "inc-skip") == 0) {
        OVP_TRY(ovp_alloc(ctx, &before, block, ovp_numeric_type_size(o.type)));
        OVP_TRY(
            ovp_net_init_tensor(ctx, "torch-default", 0, OVP_ROLE_WEIGHT, o.dim, o.dim, rng, o.type, block, before));
    }
done:
    ovp_free(ctx, before);
    return status;
}
