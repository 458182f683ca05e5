/* Expressions: programs of a stack machine whose values carry first and second derivatives (forward mode). */
#include "numeric/expression_int.h"

#include <assert.h>
#include <string.h>

static ovp_status check_names(ovp_ctx *ctx, const char *const *names, ovp_idx count) {
    if (count < 0 || count > OVP_NUMERIC_EXPRESSION_VARIABLES)
        return ovp_fail(ctx, OVP_EINVAL, "expression: %lld variables; 0 to %d", (long long)count,
                        OVP_NUMERIC_EXPRESSION_VARIABLES);
    for (ovp_idx i = 0; i < count; i++) {
        const size_t length = strspn(names[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        if (length == 0 || names[i][length] || length > 31 || (names[i][0] >= '0' && names[i][0] <= '9'))
            return ovp_fail(ctx, OVP_EINVAL, "expression: variable '%.40s': 1 to 31 letters, digits and _", names[i]);
    }
    return OVP_OK;
}

ovp_status ovp_numeric_expression_create(ovp_numeric_expression **out, ovp_ctx *ctx, const char *text,
                                         const char *const *variables, ovp_idx count, const char *where) {
    ovp_status status = OVP_OK;
    ovp_numeric_expression *e = NULL;
    *out = NULL;
    OVP_TRY(check_names(ctx, variables, count));
    OVP_TRY(ovp_alloc(ctx, &e, 1, sizeof *e));
    e->ctx = ctx;
    e->variables = (int)count;
    OVP_TRY(expression_parse(e, text, variables, where));
    *out = e;
done:
    if (status != OVP_OK) ovp_numeric_expression_free(e);
    return status;
}

void ovp_numeric_expression_free(ovp_numeric_expression *e) {
    if (!e) return;
    ovp_free(e->ctx, e->steps);
    ovp_free(e->ctx, e);
}

int ovp_numeric_expression_uses(const ovp_numeric_expression *e, ovp_idx variable) {
    for (ovp_idx i = 0; i < e->count; i++)
        if (e->steps[i].kind == EXPRESSION_VARIABLE && e->steps[i].variable == variable) return 1;
    return 0;
}

/* ---- evaluation ---------------------------------------------------------------------------------- */

/* A value and its derivatives at up to `lanes` points: component c of point l at room[c lanes + l]; components are the
 * value, k first derivatives, and the second ones i <= j row by row. `active` has a bit for each derivative that is not
 * identically 0; the others, and second ones of what is not curved, are neither written nor read: 0 * inf never
 * comes up where nothing depends. */
typedef struct slot {
    double *room;
    unsigned active;
    int curved;
} slot;

typedef struct machine {
    const ovp_numeric_expression *e;
    const double *const *values;
    const ovp_idx *strides, *wrt;
    ovp_idx k, lanes, n; /* n: points of this block */
    int order;
    slot slots[EXPRESSION_DEEPEST];
    expression_partials partials;
} machine;

static double *first_of(const machine *m, const slot *s, ovp_idx i) {
    return s->room + (1 + i) * m->lanes;
}

static int has(unsigned active, ovp_idx i) {
    return (int)(active >> i & 1);
}

/* sum += p q r, sum += p q. */
static void add3(ovp_idx n, double *sum, const double *p, const double *q, const double *r) {
    for (ovp_idx l = 0; l < n; l++) sum[l] += p[l] * q[l] * r[l];
}

static void add2(ovp_idx n, double *sum, const double *p, const double *q) {
    for (ovp_idx l = 0; l < n; l++) sum[l] += p[l] * q[l];
}

/* Second derivative (i, j), at component c, of f(a, b) into sum. */
static void second_of(const machine *m, int terms, const slot *a, const slot *b, ovp_idx i, ovp_idx j, ovp_idx c,
                      double *sum) {
    const expression_partials *d = &m->partials;
    const int ai = has(a->active, i), aj = has(a->active, j), bi = has(b->active, i), bj = has(b->active, j);
    const ovp_idx n = m->n;
    memset(sum, 0, (size_t)n * sizeof *sum);
    if (ai && aj && a->curved) add2(n, sum, d->a, a->room + c * m->lanes);
    if (bi && bj && b->curved) add2(n, sum, d->b, b->room + c * m->lanes);
    if (ai && aj && (terms & EXPRESSION_AA)) add3(n, sum, d->aa, first_of(m, a, i), first_of(m, a, j));
    if (bi && bj && (terms & EXPRESSION_BB)) add3(n, sum, d->bb, first_of(m, b, i), first_of(m, b, j));
    if (ai && bj && (terms & EXPRESSION_AB)) add3(n, sum, d->ab, first_of(m, a, i), first_of(m, b, j));
    if (aj && bi && (terms & EXPRESSION_AB)) add3(n, sum, d->ab, first_of(m, a, j), first_of(m, b, i));
}

/* a = f(a, b) by the chain rule: second derivatives first, as they need the old first ones. */
static void apply(machine *m, const expression_step *step, slot *a, const slot *b) {
    const int terms = step->function->terms, need = (a->active ? EXPRESSION_A : 0) | (b->active ? EXPRESSION_B : 0);
    const unsigned active = a->active | b->active;
    const expression_partials *d = &m->partials;
    const size_t bytes = (size_t)m->n * sizeof(double);
    double sum[EXPRESSION_LANES];
    const int curved = a->curved || b->curved || (need && terms);
    step->function->rule(m->n, need ? m->order : 0, need, a->room, b->room, step->activation, &m->partials);
    for (ovp_idx i = 0, c = 1 + m->k; m->order == 2 && curved && i < m->k; i++)
        for (ovp_idx j = i; j < m->k; j++, c++) {
            if (!has(active, i) || !has(active, j)) continue;
            second_of(m, terms, a, b, i, j, c, sum);
            memcpy(a->room + c * m->lanes, sum, bytes);
        }
    for (ovp_idx i = 0; m->order > 0 && i < m->k; i++) {
        if (!has(active, i)) continue;
        memset(sum, 0, bytes);
        if (has(a->active, i)) add2(m->n, sum, d->a, first_of(m, a, i));
        if (has(b->active, i)) add2(m->n, sum, d->b, first_of(m, b, i));
        memcpy(first_of(m, a, i), sum, bytes);
    }
    memcpy(a->room, d->v, bytes);
    a->active = active;
    a->curved = curved;
}

static void load(const machine *m, const expression_step *step, slot *s, ovp_idx at) {
    s->active = 0;
    s->curved = 0;
    if (step->kind == EXPRESSION_CONSTANT) {
        for (ovp_idx l = 0; l < m->n; l++) s->room[l] = step->constant;
        return;
    }
    const ovp_idx stride = m->strides ? m->strides[step->variable] : 1;
    const double *values = m->values[step->variable];
    for (ovp_idx l = 0; l < m->n; l++) s->room[l] = values[(at + l) * stride];
    for (ovp_idx i = 0; i < m->k; i++) {
        if (m->wrt[i] != step->variable) continue;
        s->active |= 1u << i;
        for (ovp_idx l = 0; l < m->n; l++) first_of(m, s, i)[l] = 1;
    }
}

/* Points at .. at + n - 1; the result is left in the first slot. */
static void run(machine *m, ovp_idx at) {
    static const slot none = {NULL, 0, 0};
    int held = 0;
    for (ovp_idx s = 0; s < m->e->count; s++) {
        const expression_step *step = &m->e->steps[s];
        if (step->kind != EXPRESSION_APPLY) {
            load(m, step, &m->slots[held++], at);
        } else if (step->function->arity == 1) {
            apply(m, step, &m->slots[held - 1], &none);
        } else {
            held--;
            apply(m, step, &m->slots[held - 1], &m->slots[held]);
        }
    }
    assert(held == 1);
}

static void store(const machine *m, ovp_idx at, double *value, double *gradient, double *hessian) {
    const slot *s = m->slots;
    const ovp_idx k = m->k;
    if (value) memcpy(value + at, s->room, (size_t)m->n * sizeof *value);
    for (ovp_idx i = 0, c = 1 + k; i < k; i++) {
        for (ovp_idx l = 0; gradient && l < m->n; l++)
            gradient[(at + l) * k + i] = has(s->active, i) ? first_of(m, s, i)[l] : 0;
        for (ovp_idx j = i; hessian && j < k; j++, c++) {
            const int there = s->curved && has(s->active, i) && has(s->active, j);
            for (ovp_idx l = 0; l < m->n; l++) {
                double *block = hessian + (at + l) * k * k;
                block[i * k + j] = block[j * k + i] = there ? s->room[c * m->lanes + l] : 0;
            }
        }
    }
}

void ovp_numeric_expression_evaluate(const ovp_numeric_expression *e, ovp_idx n, const double *const *values,
                                     const ovp_idx *strides, ovp_idx k, const ovp_idx *wrt, double *value,
                                     double *gradient, double *hessian) {
    double room[EXPRESSION_ROOM];
    machine m; /* most of it is written before it is read: clearing it would cost as much as a short expression */
    m.e = e, m.values = values, m.strides = strides, m.wrt = wrt;
    assert(k >= 0 && k <= OVP_NUMERIC_EXPRESSION_DERIVATIVES);
    m.order = k == 0 ? 0 : hessian ? 2 : gradient ? 1 : 0;
    m.k = m.order > 0 ? k : 0;
    const ovp_idx components = 1 + (m.order > 0 ? k : 0) + (m.order > 1 ? k * (k + 1) / 2 : 0);
    m.lanes = EXPRESSION_ROOM / (e->depth * components);
    if (m.lanes > EXPRESSION_LANES) m.lanes = EXPRESSION_LANES;
    for (int s = 0; s < e->depth; s++) m.slots[s].room = room + s * components * m.lanes;
    for (ovp_idx at = 0; at < n; at += m.n) {
        m.n = n - at < m.lanes ? n - at : m.lanes;
        run(&m, at);
        store(&m, at, value, gradient, hessian);
    }
}
