/* Initialisation of one tensor and of a whole model. Rules, gains and fans are those of torch.nn.init and of the
 * layers' own reset_parameters (torch 1.13); parameters are computed in double as Python does, then drawn from the
 * stream, so a torch stream gives torch's weights bit for bit (docs/random.md). */
#include "net/init_int.h"

#include <math.h>
#include <string.h>

typedef enum init_draw { DRAW_NOTHING, DRAW_UNIFORM, DRAW_NORMAL } init_draw;
typedef enum init_fan { FAN_IN, FAN_SUM } init_fan;

/* One row a rule. Weights have the standard deviation of weight_std(); uniform ones are U(+-sqrt(3) std). gain is the
 * rule's own, taken when the caller gives 0. */
typedef struct init_rule {
    const char *name;
    init_draw draw;
    init_fan fan;
    double gain;
    int draws_bias;
} init_rule;

/* torch-default is kaiming_uniform_(a = sqrt(5)): gain sqrt(2 / (1 + a a)), a a = 5.000000000000001 in double. */
static const init_rule rules[] = {
    {"torch-default", DRAW_UNIFORM, FAN_IN, 0.0, 1},
    {"kaiming-uniform", DRAW_UNIFORM, FAN_IN, M_SQRT2, 0},
    {"kaiming-normal", DRAW_NORMAL, FAN_IN, M_SQRT2, 0},
    {"xavier-uniform", DRAW_UNIFORM, FAN_SUM, 1.0, 0},
    {"xavier-normal", DRAW_NORMAL, FAN_SUM, 1.0, 0},
    {"normal", DRAW_NORMAL, FAN_IN, 1.0, 0},
    {"zero", DRAW_NOTHING, FAN_IN, 1.0, 0},
};

#define RULE_NAMES "torch-default, kaiming-uniform, kaiming-normal, xavier-uniform, xavier-normal, normal, zero"

static const init_rule *find_rule(const char *name) {
    for (size_t i = 0; name && i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!strcmp(rules[i].name, name)) return &rules[i];
    }
    return NULL;
}

double ovp_net_gain(const char *activation) {
    if (!activation) return 1.0;
    if (!strcmp(activation, "relu")) return M_SQRT2;
    if (!strcmp(activation, "tanh")) return 5.0 / 3.0;
    if (!strcmp(activation, "selu")) return 0.75;
    if (!strcmp(activation, "leaky-relu")) return sqrt(2.0 / (1.0 + 0.01 * 0.01));
    return 1.0;
}

/* Standard deviation of a weight, in torch's order of operations. */
static double weight_std(const init_rule *rule, double gain, ovp_idx fan_in, ovp_idx fan_out) {
    if (rule->draws_bias) {
        double a = sqrt(5.0);
        return sqrt(2.0 / (1.0 + a * a)) / sqrt((double)fan_in);
    }
    if (rule->fan == FAN_SUM) return gain * sqrt(2.0 / (double)(fan_in + fan_out));
    return gain / sqrt((double)fan_in);
}

static ovp_status check(ovp_ctx *ctx, const char *name, double gain, ovp_idx fan_in, ovp_idx fan_out,
                        ovp_numeric_type type, ovp_idx n) {
    const init_rule *rule = find_rule(name);
    if (!rule) {
        return ovp_fail(ctx, OVP_EINVAL, "initialisation: unknown rule '%s'; use one of " RULE_NAMES,
                        name ? name : "(none)");
    }
    if (!(gain >= 0.0 && isfinite(gain))) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "initialisation '%s': gain %g must be finite and positive, or 0 for the rule's own", name,
                        gain);
    }
    if (rule->draws_bias && gain != 0.0) {
        return ovp_fail(ctx, OVP_EINVAL, "initialisation 'torch-default' takes no gain, got %g; leave it 0", gain);
    }
    if (type != OVP_F32 && type != OVP_F64) {
        return ovp_fail(ctx, OVP_EINVAL, "initialisation: type %d is not f32 (0) or f64 (1)", (int)type);
    }
    if (n < 0 || fan_in < 1 || fan_out < 1) {
        return ovp_fail(ctx, OVP_EINVAL,
                        "initialisation of %lld values, fan-in %lld, fan-out %lld: need n >= 0 and fans >= 1",
                        (long long)n, (long long)fan_in, (long long)fan_out);
    }
    return OVP_OK;
}

static void fill_constant(ovp_numeric_type type, ovp_idx n, double value, void *out) {
    for (ovp_idx i = 0; i < n; i++) {
        if (type == OVP_F32) {
            ((float *)out)[i] = (float)value;
        } else {
            ((double *)out)[i] = value;
        }
    }
}

ovp_status ovp_net_init_tensor(ovp_ctx *ctx, const char *name, double gain, ovp_net_role role, ovp_idx fan_in,
                               ovp_idx fan_out, ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, void *out) {
    ovp_status status = check(ctx, name, gain, fan_in, fan_out, type, n);
    if (status != OVP_OK) return status;
    const init_rule *rule = find_rule(name);
    if (role == OVP_ROLE_NORM) {
        fill_constant(type, n, 1.0, out);
    } else if (role == OVP_ROLE_BIAS && rule->draws_bias) {
        double bound = 1.0 / sqrt((double)fan_in);
        ovp_numeric_rng_uniform(rng, type, n, -bound, bound, out);
    } else if (role == OVP_ROLE_BIAS || rule->draw == DRAW_NOTHING) {
        fill_constant(type, n, 0.0, out);
    } else {
        double std = weight_std(rule, gain == 0.0 ? rule->gain : gain, fan_in, fan_out);
        double bound = sqrt(3.0) * std;
        if (rule->draw == DRAW_UNIFORM) {
            ovp_numeric_rng_uniform(rng, type, n, -bound, bound, out);
        } else {
            ovp_numeric_rng_normal(rng, type, n, 0.0, std, out);
        }
    }
    return OVP_OK;
}

/* ---- draws of a slice -------------------------------------------------------------------------------------------- */

/* Values of one slice in C order, or the next n of them: by the rule, or the parametrisation's own. */
static ovp_status draw(ovp_ctx *ctx, const ovp_net_init_options *options, const ovp_net_slice *slice,
                       ovp_numeric_rng *rng, ovp_numeric_type type, ovp_idx n, void *out) {
    if (slice->fan_in == 0) { /* of a norm: scales start at 1, shifts at 0, whatever the rule */
        fill_constant(type, n, slice->role == OVP_ROLE_NORM ? 1 : 0, out);
        return OVP_OK;
    }
    const int own = !options->rule || strcmp(options->rule, "parametrization") == 0;
    if (slice->init_std > 0 && !(own && !(options->gain < 0) && !(options->gain > 0)))
        return ovp_fail(ctx, OVP_EINVAL,
                        "initialisation '%s', gain %g: a model of this parametrisation has draws of its own; give the "
                        "rule 'parametrization' and gain 0",
                        options->rule ? options->rule : "(none)", options->gain);
    if (slice->init_std > 0) {
        ovp_numeric_rng_normal(rng, type, n, 0, slice->init_std, out);
        return OVP_OK;
    }
    return ovp_net_init_tensor(ctx, options->rule, options->gain, slice->role, slice->fan_in, slice->fan_out, rng, type,
                               n, out);
}

/* ---- slices: engines choose the order of theta, the stream runs in C order -------------------------------------- */

/* Leading rows drawn at a time where theta is not in C order. torch's normals work on blocks of 16, with a special case
 * for the end and another for fewer than 16 in all: pieces of a multiple of 16 values whose last one is not shorter
 * give the same bits as one draw. */
#define PIECE_ROWS 64

static int in_c_order(const ovp_net_slice *slice) {
    ovp_idx expected = 1;
    for (int d = slice->ndim - 1; d >= 0; d--) {
        if (slice->shape[d] != 1 && slice->strides[d] != expected) return 0;
        expected *= slice->shape[d];
    }
    return 1;
}

/* Offset of column c of any row: the indices behind the first, last fastest. */
static ovp_idx column_offset(const ovp_net_slice *slice, ovp_idx c) {
    ovp_idx offset = 0;
    for (int d = slice->ndim - 1; d >= 1; d--) {
        offset += c % slice->shape[d] * slice->strides[d];
        c /= slice->shape[d];
    }
    return offset;
}

static void scatter(const ovp_net_slice *slice, ovp_numeric_type type, ovp_idx first, ovp_idx rows, const void *piece,
                    void *theta) {
    ovp_idx columns = slice->count / slice->shape[0], step = slice->strides[0];
    for (ovp_idx c = 0; c < columns; c++) {
        ovp_idx to = slice->offset + first * step + column_offset(slice, c);
        if (type == OVP_F32) {
            const float *in = (const float *)piece + c;
            for (ovp_idx i = 0; i < rows; i++) ((float *)theta)[to + i * step] = in[i * columns];
        } else {
            const double *in = (const double *)piece + c;
            for (ovp_idx i = 0; i < rows; i++) ((double *)theta)[to + i * step] = in[i * columns];
        }
    }
}

ovp_status ovp_net_init_slice(ovp_ctx *ctx, const ovp_net_init_options *options, const ovp_net_slice *slice,
                              ovp_numeric_rng *rng, ovp_numeric_type type, void *theta) {
    ovp_status status = OVP_OK;
    void *piece = NULL;
    size_t size = type == OVP_F32 ? sizeof(float) : sizeof(double);
    ovp_idx rows = slice->ndim ? slice->shape[0] : 1, columns = rows ? slice->count / rows : 0;
    if (in_c_order(slice)) {
        return draw(ctx, options, slice, rng, type, slice->count, (char *)theta + size * (size_t)slice->offset);
    }
    ovp_idx largest = rows < 2 * PIECE_ROWS ? rows : 2 * PIECE_ROWS - 1;
    OVP_TRY(ovp_alloc(ctx, &piece, largest * columns, size));
    for (ovp_idx first = 0, take; first < rows; first += take) {
        take = rows - first < 2 * PIECE_ROWS ? rows - first : PIECE_ROWS;
        OVP_TRY(draw(ctx, options, slice, rng, type, take * columns, piece));
        scatter(slice, type, first, take, piece, theta);
    }
done:
    ovp_free(ctx, piece);
    return status;
}
