/* The empirical neural tangent kernel: checks, and which method. */
#include "kernel/kernel_int.h"

#include <math.h>
#include <string.h>

/* What estimates need to know: sizes summed over layers, or over slices where there are no layers. */
typedef struct sizes {
    double in, out, parameters, c, pairs, samples, value;
    int mean;
} sizes;

static sizes measure(const ovp_net_model *model, ovp_idx rows, ovp_idx others, int mean) {
    ovp_idx count;
    const ovp_net_slice *slice = ovp_net_model_slices(model, &count);
    const double n = (double)rows, m = (double)(others ? others : rows);
    sizes s = {.parameters = (double)ovp_net_model_parameters(model),
               .c = (double)ovp_net_model_outputs(model),
               .pairs = others ? n * m : n * (n + 1) / 2,
               .samples = others ? n + m : n,
               .value = (double)ovp_numeric_type_size(ovp_net_model_type(model)),
               .mean = mean};
    for (ovp_idx i = 0; i < count; i++) {
        if (slice[i].role != OVP_ROLE_WEIGHT) continue;
        s.in += (double)slice[i].fan_in;
        s.out += (double)slice[i].fan_out;
    }
    return s;
}

/* Floating-point operations; bytes that every row of a block takes (both sides, and the workspace) and that no number
 * of rows changes. */
static double factors_flops(const sizes *s) {
    return 2 * s->pairs * (s->in + (s->mean ? 1 : s->c) * s->c * s->out) + 2 * s->samples * (s->c + 1) * s->parameters;
}
static double factors_row(const sizes *s) {
    return s->value * (2 * (s->in + s->c * s->out) + 3 * (s->in + s->out));
}
static double jacobian_flops(const sizes *s) {
    return 2 * s->pairs * (s->mean ? 1 : s->c) * s->c * s->parameters + 4 * s->samples * s->c * s->parameters;
}
static double jacobian_row(const sizes *s) {
    return s->value * (2 * s->c * s->parameters + 3 * (s->in + s->out));
}
static double products_flops(const sizes *s) {
    return 4 * (s->pairs + s->samples) * s->c * s->parameters;
}
static double products_row(const sizes *s) {
    return s->value * 6 * (s->in + s->out);
}
static double nothing(const sizes *s) {
    (void)s;
    return 0;
}
static double products_fixed(const sizes *s) {
    return s->value * s->parameters;
}

static const struct method {
    const char *name;
    unsigned needs;
    const char *what;
    double (*flops)(const sizes *s), (*row)(const sizes *s), (*fixed)(const sizes *s);
    ovp_status (*run)(const ovp_kernel_job *job);
} methods[] = {
    {"factors", OVP_CAN_FACTORS, "the factors of a dense net", factors_flops, factors_row, nothing,
     ovp_kernel_ntk_factors},
    {"jacobian", OVP_CAN_JACOBIAN, "rows of the Jacobian", jacobian_flops, jacobian_row, nothing,
     ovp_kernel_ntk_jacobian},
    {"products", OVP_CAN_VJP | OVP_CAN_JVP, "vjp and jvp", products_flops, products_row, products_fixed,
     ovp_kernel_ntk_products},
};
enum { METHODS = sizeof methods / sizeof *methods, LARGEST_BLOCK = 1024 };

/* Rows at a time within `memory` bytes; below 1: not even one fits. */
static double block_rows(const struct method *m, const sizes *s, double memory) {
    const double rows = (memory - m->fixed(s)) / m->row(s);
    return rows < LARGEST_BLOCK ? rows : LARGEST_BLOCK;
}

static ovp_kernel_ntk_options read_options(const ovp_kernel_ntk_options *options) {
    ovp_kernel_ntk_options o;
    memset(&o, 0, sizeof o);
    if (options) memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (!o.method) o.method = "auto";
    return o;
}

static ovp_status choose(const struct method **method, ovp_kernel_ntk_plan *plan, ovp_ctx *ctx,
                         const ovp_net_model *model, ovp_idx rows, ovp_idx others, const ovp_kernel_ntk_options *o) {
    const sizes s = measure(model, rows, others, o->mean);
    const unsigned can = ovp_net_model_capabilities(model);
    const int any = strcmp(o->method, "auto") == 0;
    const double limit = o->memory ? (double)o->memory : (double)((int64_t)1 << 30);
    const struct method *best = NULL, *small = NULL;
    int known = any, able = 0;
    for (const struct method *m = methods; m < methods + METHODS; m++) {
        if (!any && strcmp(o->method, m->name) != 0) continue;
        known = 1;
        if ((can & m->needs) != m->needs) continue;
        able = 1;
        if (!small || m->row(&s) + m->fixed(&s) < small->row(&s) + small->fixed(&s)) small = m;
        if (block_rows(m, &s, limit) < 1) continue;
        if (!best || m->flops(&s) < best->flops(&s)) best = m;
    }
    if (!known)
        return ovp_fail(ctx, OVP_EINVAL, "ntk: unknown method '%s'; methods are auto, factors, jacobian, products",
                        o->method);
    if (!able && any)
        return ovp_fail(ctx, OVP_EUNSUPPORTED, "ntk: the model has neither factors, nor a jacobian, nor vjp and jvp");
    for (int k = 0; !able && k < METHODS; k++)
        if (strcmp(o->method, methods[k].name) == 0)
            return ovp_fail(ctx, OVP_EUNSUPPORTED, "ntk: method %s needs %s, which the model lacks; use auto",
                            o->method, methods[k].what);
    if (!best && !o->memory) best = small;
    if (!best)
        return ovp_fail(ctx, OVP_EINVAL, "ntk: %lld bytes of memory are too few for one row; %s needs at least %.0f",
                        (long long)o->memory, small->name, small->row(&s) + small->fixed(&s));
    const double most = (double)(others > rows ? others : rows), fit = fmax(block_rows(best, &s, limit), 1);
    *method = best;
    plan->method = best->name;
    plan->block = (ovp_idx)(fit < most ? fit : most);
    plan->flops = best->flops(&s);
    plan->bytes = (int64_t)(best->fixed(&s) + (double)plan->block * best->row(&s));
    return OVP_OK;
}

static ovp_status check_counts(ovp_ctx *ctx, ovp_idx rows, ovp_idx others, ovp_idx least, int64_t memory) {
    if (rows < 1 || others < least)
        return ovp_fail(ctx, OVP_EINVAL, "ntk: %lld rows against %lld; there must be at least 1 and %lld",
                        (long long)rows, (long long)others, (long long)least);
    if (memory < 0) return ovp_fail(ctx, OVP_EINVAL, "ntk: memory %lld is negative", (long long)memory);
    return OVP_OK;
}

ovp_status ovp_kernel_ntk_choose(ovp_kernel_ntk_plan *out, ovp_ctx *ctx, const ovp_net_model *model, ovp_idx rows,
                                 ovp_idx others, const ovp_kernel_ntk_options *options) {
    const ovp_kernel_ntk_options o = read_options(options);
    const struct method *method;
    memset(out, 0, sizeof *out);
    ovp_status status = check_counts(ctx, rows, others, 0, o.memory);
    return status == OVP_OK ? choose(&method, out, ctx, model, rows, others, &o) : status;
}

ovp_status ovp_kernel_bind_rows(ovp_net_batch **out, const ovp_kernel_job *job, int side, ovp_idx first,
                                ovp_idx count) {
    const size_t row = (size_t)ovp_net_model_inputs(job->model) * ovp_numeric_type_size(ovp_net_model_type(job->model));
    return ovp_net_bind(out, job->ctx, job->model, job->x[side] ? job->x[side] + (size_t)first * row : NULL, count);
}

ovp_status ovp_kernel_ntk(double *out, ovp_ctx *ctx, const ovp_net_model *model, const void *theta, ovp_idx rows,
                          const void *x, ovp_idx others, const void *x_other, const ovp_kernel_ntk_options *options) {
    const ovp_kernel_ntk_options o = read_options(options);
    const struct method *method;
    ovp_kernel_ntk_plan plan;
    if (!x_other) others = rows;
    ovp_status status = check_counts(ctx, rows, others, 1, o.memory);
    if (status != OVP_OK) return status;
    const size_t row = (size_t)ovp_net_model_inputs(model) * ovp_numeric_type_size(ovp_net_model_type(model));
    const int same = !x_other || x_other == x || (others == rows && memcmp(x, x_other, (size_t)rows * row) == 0);
    status = choose(&method, &plan, ctx, model, rows, same ? 0 : others, &o);
    if (status != OVP_OK) return status;
    const ovp_kernel_job job = {.ctx = ctx,
                                .model = model,
                                .theta = theta,
                                .rows = {rows, others},
                                .x = {x, same ? x : x_other},
                                .symmetric = same,
                                .mean = o.mean,
                                .block = plan.block,
                                .groups = o.mean ? 1 : ovp_net_model_outputs(model),
                                .out = out};
    const int blas = ovp_numeric_blas_begin();
    status = method->run(&job);
    ovp_numeric_blas_end(blas);
    return status;
}
