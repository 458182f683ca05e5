/* Losses of given outputs and their gradients; sums in f64, in the order of the rows. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <math.h>

enum { CHUNK = 256, PIECE = 64 }; /* rows a task; outputs an exp call */

/* Softmax derivatives below this are set to 0: their products with weights and inputs would be denormal numbers, which
 * cost a hundred times a normal one (the first steps on raw MNIST ran at half speed), and added to any weight they
 * change nothing. */
static const double NEGLIGIBLE = OVP_BITS == 32 ? 0x1p-90 : 0x1p-900;

static real derivative(double value) {
    return fabs(value) < NEGLIGIBLE ? 0 : (real)value;
}

/* Element i of the outputs. */
static inline double output(const ovp_net_outputs *o, ovp_idx i) {
    return o->wide ? o->wide[i] : (double)((const real *)o->f)[i];
}

typedef struct job {
    const ovp_net_targets *targets;
    ovp_idx rows, c;
    ovp_net_outputs outputs;
    real *df;
    double scale; /* d(total) / d(sum of per-sample terms) */
    double *partial;
} job;

static double cross_entropy_row(const ovp_ctx *ctx, const ovp_net_outputs *f, ovp_idx at, ovp_idx c, ovp_idx label,
                                double scale, real *df) {
    ovp_idx top = 0;
    for (ovp_idx j = 1; j < c; j++)
        if (output(f, at + j) > output(f, at + top)) top = j;
    const double highest = output(f, at + top);
    /* The largest term is exactly 1: summing the others apart keeps small losses accurate. */
    double rest = 0, at_label = 0;
    real e[PIECE];
    for (ovp_idx j0 = 0; j0 < c; j0 += PIECE) {
        ovp_idx n = c - j0 < PIECE ? c - j0 : PIECE;
        for (ovp_idx j = 0; j < n; j++) e[j] = (real)(output(f, at + j0 + j) - highest);
        ovp_numeric_map(ctx, OVP_FN_EXP, OVP_REAL_TYPE, n, e, e);
        for (ovp_idx j = 0; j < n; j++) {
            if (j0 + j != top) rest += (double)e[j];
            if (j0 + j == label) at_label = (double)e[j];
            if (df) df[j0 + j] = e[j];
        }
    }
    if (df) {
        const double over = scale / (1 + rest);
        const double others = label == top ? rest : 1 + rest - at_label;
        for (ovp_idx j = 0; j < c; j++) df[j] = derivative((double)df[j] * over);
        df[label] = derivative(-others * over);
    }
    return log1p(rest) - (output(f, at + label) - highest);
}

/* |d|^power and, in *slope, its derivative. */
static double power_of(double d, double power, double *slope) {
    const double size = fabs(d), below = pow(size, power - 1);
    *slope = d < 0 ? -power * below : d > 0 ? power * below : d; /* 0, and NaN stays */
    return size * below;
}

static double powers_row(const ovp_net_targets *t, ovp_idx row, const ovp_net_outputs *f, ovp_idx at, ovp_idx c,
                         double scale, real *df) {
    double sum = 0;
    for (ovp_idx j = 0; j < c; j++) {
        const double want = t->values ? (double)((const real *)t->values)[row * c + j] : t->labels[row] == j;
        double slope;
        sum += power_of(output(f, at + j) - want, t->power, &slope);
        if (df) df[j] = (real)(scale * slope);
    }
    return sum;
}

static double squared_row(const ovp_net_targets *t, ovp_idx row, const ovp_net_outputs *f, ovp_idx at, ovp_idx c,
                          double scale, real *df) {
    double sum = 0;
    for (ovp_idx j = 0; j < c; j++) {
        const double want = t->values ? (double)((const real *)t->values)[row * c + j] : t->labels[row] == j;
        const double d = output(f, at + j) - want;
        sum += d * d;
        if (df) df[j] = (real)(2 * scale * d);
    }
    return sum;
}

double OVP_REAL(ovp_net_loss_rows)(const ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx first, ovp_idx count,
                                   ovp_idx c, const ovp_net_outputs *outputs, double scale, void *df) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) {
        const ovp_idx row = t->rows ? t->rows[first + i] : first + i;
        real *d = df ? (real *)df + i * c : NULL;
        if (t->loss == OVP_LOSS_CROSS_ENTROPY)
            sum += cross_entropy_row(ctx, outputs, i * c, c, t->labels[row], scale, d);
        else
            sum += (ovp_net_loss_is_square(t) ? squared_row : powers_row)(t, row, outputs, i * c, c, scale, d);
    }
    return sum;
}

static ovp_status chunk(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx first = task * CHUNK, end = first + CHUNK < j->rows ? first + CHUNK : j->rows;
    const ovp_net_outputs from = {j->outputs.f ? (const real *)j->outputs.f + first * j->c : NULL,
                                  j->outputs.wide ? j->outputs.wide + first * j->c : NULL};
    j->partial[task % 64] += OVP_REAL(ovp_net_loss_rows)(ctx, j->targets, first, end - first, j->c, &from, j->scale,
                                                         j->df ? j->df + first * j->c : NULL);
    return OVP_OK;
}
/* One loop over blocks of 64 chunks keeps the partial sums on the stack. */
ovp_status OVP_REAL(ovp_net_loss)(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c,
                                  const ovp_net_outputs *outputs, double *loss, void *df) {
    const double scale = ovp_net_loss_scale(t, rows, c);
    double total = 0;
    for (ovp_idx r = 0; r < rows; r += 64 * CHUNK) {
        ovp_idx n = rows - r < 64 * CHUNK ? rows - r : 64 * CHUNK;
        double partial[64] = {0};
        ovp_net_targets part = *t;
        if (part.rows) part.rows += r;
        if (!part.rows && part.labels) part.labels += r;
        if (!part.rows && part.values) part.values = (const real *)part.values + r * c;
        const ovp_net_outputs from = {outputs->f ? (const real *)outputs->f + r * c : NULL,
                                      outputs->wide ? outputs->wide + r * c : NULL};
        job j = {&part, n, c, from, df ? (real *)df + r * c : NULL, scale, partial};
        ovp_status status = ovp_parallel(ctx, (n + CHUNK - 1) / CHUNK, chunk, &j);
        if (status != OVP_OK) return status;
        for (int k = 0; k < 64; k++) total += partial[k];
    }
    *loss = total * scale;
    return OVP_OK;
}
