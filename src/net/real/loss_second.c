/* Second derivatives of the losses with respect to the outputs, applied to a direction; f64 inside. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <math.h>

enum { CHUNK = 256 }; /* rows a task */

typedef struct job {
    const ovp_net_targets *targets;
    ovp_idx rows, c;
    double scale;
    const double *wide;
    const real *jv;
    real *rdf;
} job;

/* scale (diag(p) - p p^T) jv = scale p (jv - <p, jv>), p the softmax of the outputs. Only differences of jv count:
 * taken from the likeliest class's, small probabilities beside one near 1 keep their digits. */
static void cross_entropy_row(ovp_idx c, double scale, const double *f, const real *jv, real *rdf) {
    ovp_idx top = 0;
    double total = 0, mean = 0;
    for (ovp_idx j = 1; j < c; j++) top = f[j] > f[top] ? j : top;
    for (ovp_idx j = 0; j < c; j++) {
        const double e = exp(f[j] - f[top]);
        total += e;
        mean += e * ((double)jv[j] - (double)jv[top]);
    }
    mean /= total;
    for (ovp_idx j = 0; j < c; j++)
        rdf[j] = (real)(scale * (exp(f[j] - f[top]) / total) * ((double)jv[j] - (double)jv[top] - mean));
}

/* power (power - 1) |f - y|^(power - 2) jv; 0 where that is infinite, as at other kinks. */
static void powers_row(const job *j, ovp_idx i) {
    const ovp_net_targets *t = j->targets;
    const ovp_idx row = t->rows ? t->rows[i] : i;
    for (ovp_idx k = 0; k < j->c; k++) {
        const ovp_idx at = i * j->c + k;
        const double want = t->values ? (double)((const real *)t->values)[row * j->c + k] : t->labels[row] == k;
        const double d = fabs(j->wide[at] - want);
        const double curve = d > 0 || d != d ? t->power * (t->power - 1) * pow(d, t->power - 2) : 0;
        j->rdf[at] = (real)(j->scale * curve * (double)j->jv[at]);
    }
}

static ovp_status chunk(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx c = j->c, end = (task + 1) * CHUNK < j->rows ? (task + 1) * CHUNK : j->rows;
    (void)worker;
    for (ovp_idx i = task * CHUNK; i < end; i++)
        if (j->targets->loss == OVP_LOSS_CROSS_ENTROPY)
            cross_entropy_row(c, j->scale, j->wide + i * c, j->jv + i * c, j->rdf + i * c);
        else if (!ovp_net_loss_is_square(j->targets))
            powers_row(j, i);
        else
            for (ovp_idx k = i * c; k < (i + 1) * c; k++) j->rdf[k] = (real)(2 * j->scale * (double)j->jv[k]);
    return OVP_OK;
}

ovp_status OVP_REAL(ovp_net_loss_second)(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c,
                                         const double *wide, const void *jv, void *rdf) {
    job j = {t, rows, c, ovp_net_loss_scale(t, rows, c), wide, jv, rdf};
    return ovp_parallel(ctx, (rows + CHUNK - 1) / CHUNK, chunk, &j);
}
