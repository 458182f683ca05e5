/* gd-eigenbasis: the random least-squares problem, its eigenbasis, and gradient descent in it, exactly. */
#include "gd_eigenbasis_int.h"

#include <float.h>

/* LAPACK gives values ascending and vectors of either sign. */
static void order(gd_problem *q) {
    const ovp_idx p = q->p;
    for (ovp_idx i = 0; i < p / 2; i++) {
        const double value = q->eigenvalues[i];
        q->eigenvalues[i] = q->eigenvalues[p - 1 - i];
        q->eigenvalues[p - 1 - i] = value;
        for (ovp_idx j = 0; j < p; j++) {
            double *a = q->vectors + i * p + j, *b = q->vectors + (p - 1 - i) * p + j, kept = *a;
            *a = *b;
            *b = kept;
        }
    }
    for (ovp_idx i = 0; i < p; i++) {
        double *row = q->vectors + i * p;
        ovp_idx largest = 0;
        for (ovp_idx j = 1; j < p; j++)
            if (fabs(row[j]) > fabs(row[largest])) largest = j;
        for (ovp_idx j = 0; row[largest] < 0 && j < p; j++) row[j] = j == largest ? row[j] : -row[j];
        row[largest] = fabs(row[largest]);
    }
}

/* Eigenvalues below max(p, n) eps lambda_1 are rounding: exactly 0 from here on. Along them nothing pulls. */
static void cut(gd_problem *q) {
    const double least = (double)(q->p > q->n ? q->p : q->n) * DBL_EPSILON * q->eigenvalues[0];
    for (ovp_idx i = 0; i < q->p; i++) {
        if (q->eigenvalues[i] > least)
            q->rank++;
        else
            q->eigenvalues[i] = 0;
    }
}

ovp_status gd_problem_draw(gd_problem *out, ovp_ctx *ctx, ovp_idx p, ovp_idx n, ovp_numeric_rng *data,
                           ovp_numeric_rng *init) {
    ovp_status status = OVP_OK;
    const int blas = ovp_numeric_blas_begin();
    *out = (gd_problem){.p = p, .n = n};
    OVP_TRY(ovp_alloc(ctx, &out->x, p * n + n + 5 * p + 2 * p * p, sizeof(double)));
    out->y = out->x + p * n;
    out->w_0 = out->y + n;
    out->moment = out->w_0 + p;
    out->eigenvalues = out->moment + p;
    out->start = out->eigenvalues + p;
    out->goal = out->start + p;
    out->gram = out->goal + p;
    out->vectors = out->gram + p * p;
    ovp_numeric_rng_normal(data, OVP_F64, p * n, 0, 1, out->x);
    ovp_numeric_rng_normal(data, OVP_F64, n, 0, 1, out->y);
    ovp_numeric_rng_normal(init, OVP_F64, p, 0, 1, out->w_0);
    for (ovp_idx i = 0; i < p * n; i++) out->x[i] /= sqrt((double)n);
    for (ovp_idx i = 0; i < p; i++) out->w_0[i] /= sqrt((double)p);
    for (ovp_idx i = 0; i < n; i++) out->y_square += out->y[i] * out->y[i];
    ovp_numeric_gemm(OVP_F64, 0, 1, p, p, n, 1, out->x, n, out->x, n, 0, out->gram, p);
    ovp_numeric_gemm(OVP_F64, 0, 0, p, 1, n, 1, out->x, n, out->y, 1, 0, out->moment, 1);
    OVP_TRY(ovp_numeric_eigh(out->eigenvalues, out->vectors, ctx, p, out->gram));
    order(out);
    cut(out);
    gd_problem_coordinates(out, out->w_0, out->start);
    gd_problem_coordinates(out, out->moment, out->goal);
    for (ovp_idx i = 0; i < p; i++)
        out->goal[i] = out->eigenvalues[i] > 0 ? out->goal[i] / out->eigenvalues[i] : out->start[i];
done:
    ovp_numeric_blas_end(blas);
    if (status != OVP_OK) gd_problem_free(ctx, out);
    return status;
}

void gd_problem_free(ovp_ctx *ctx, gd_problem *problem) {
    ovp_free(ctx, problem->x);
    *problem = (gd_problem){.x = NULL};
}

static double dot(ovp_idx n, const double *a, const double *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

void gd_problem_coordinates(const gd_problem *q, const double *w, double *out) {
    for (ovp_idx i = 0; i < q->p; i++) out[i] = dot(q->p, q->vectors + i * q->p, w);
}

double gd_problem_exact(const gd_problem *q, double lr, ovp_idx i, ovp_idx t) {
    return q->goal[i] + pow(1 - lr * q->eigenvalues[i], (double)t) * (q->start[i] - q->goal[i]);
}

/* ||Y||^2 less what the row space of X holds of Y. */
double gd_problem_least_loss(const gd_problem *q) {
    double sum = q->y_square;
    for (ovp_idx i = 0; i < q->rank; i++) sum -= q->eigenvalues[i] * q->goal[i] * q->goal[i];
    return fmax(sum, 0) / (double)q->n;
}

double gd_problem_exact_loss(const gd_problem *q, double lr, ovp_idx t) {
    double sum = 0;
    for (ovp_idx i = 0; i < q->rank; i++) {
        const double away = gd_problem_exact(q, lr, i, t) - q->goal[i];
        sum += q->eigenvalues[i] * away * away;
    }
    return gd_problem_least_loss(q) + sum / (double)q->n;
}

double gd_problem_direct_loss(const gd_problem *q, const double *w) {
    double sum = 0;
    for (ovp_idx j = 0; j < q->n; j++) {
        double f = 0;
        for (ovp_idx i = 0; i < q->p; i++) f += q->x[i * q->n + j] * w[i];
        sum += (f - q->y[j]) * (f - q->y[j]);
    }
    return sum / (double)q->n;
}

/* ||X^T w - Y||^2 = w . (K w - b) - w . b + ||Y||^2. */
double gd_problem_step(const gd_problem *q, double lr, double *w, double *residual) {
    for (ovp_idx i = 0; i < q->p; i++) residual[i] = dot(q->p, q->gram + i * q->p, w) - q->moment[i];
    const double loss = (dot(q->p, w, residual) - dot(q->p, w, q->moment) + q->y_square) / (double)q->n;
    for (ovp_idx i = 0; i < q->p; i++) w[i] -= lr * residual[i];
    return loss;
}
