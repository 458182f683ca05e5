/* Second derivatives of the losses with respect to the outputs, applied to a direction; f64 inside. */
#include "net/net_int.h"
#include "numeric/real.h"

#include <math.h>

enum { CHUNK = 256 }; /* rows a task */

typedef struct job {
    int cross_entropy;
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

static ovp_status chunk(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx c = j->c, end = (task + 1) * CHUNK < j->rows ? (task + 1) * CHUNK : j->rows;
    (void)worker;
    for (ovp_idx i = task * CHUNK * c; !j->cross_entropy && i < end * c; i++)
        j->rdf[i] = (real)(2 * j->scale * (double)j->jv[i]);
    for (ovp_idx i = task * CHUNK; j->cross_entropy && i < end; i++)
        cross_entropy_row(c, j->scale, j->wide + i * c, j->jv + i * c, j->rdf + i * c);
    return OVP_OK;
}

ovp_status OVP_REAL(ovp_net_loss_second)(ovp_ctx *ctx, const ovp_net_targets *t, ovp_idx rows, ovp_idx c,
                                         const double *wide, const void *jv, void *rdf) {
    job j = {t->loss == OVP_LOSS_CROSS_ENTROPY, rows, c, ovp_net_loss_scale(t, rows, c), wide, jv, rdf};
    return ovp_parallel(ctx, (rows + CHUNK - 1) / CHUNK, chunk, &j);
}
