/* Covariances by Hermite coefficients: with u = root1 x, v = root2 y, x and y standard normals of correlation c,
 * E[g(u) g(v)] = sum_k a_k(root1) a_k(root2) c^k, a_k(r) = E[g(r x) h_k(x)], h_k the normalised Hermite polynomials
 * (Mehler 1866). The a_k by Gauss-Legendre panels, cut where g is not smooth; where no cut depends on the row, one
 * table of h_k serves all rows and their coefficients are a matrix product. */
#include "kernel/functions_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INV_SQRT_2PI 0.39894228040143267794
#define LARGEST_COMMON_ROOT 50.0 /* beyond it g is too narrow for the common panels */

enum { POINTS = 20, MOST_EDGES = 96, MOST_NODES = POINTS * MOST_EDGES, CHUNK = 64, LEVELS = 3 };
static const ovp_idx terms_at[LEVELS] = {64, 256, 1024}; /* with kinks, where they fall off slowly, the second is last */

typedef struct grid {
    ovp_idx nodes;
    double z[MOST_NODES], weight[MOST_NODES]; /* density included */
} grid;

typedef struct job {
    const ovp_kernel *kernel;
    double (*g)(double);
    const double *roots, *squares;
    ovp_kernel_series *out;
    double x[POINTS], w[POINTS]; /* Gauss-Legendre on -1 .. 1 */
    grid common;
    double *table;   /* common.nodes x terms: weight h_k */
    double *scratch; /* of every worker */
    ovp_idx per_worker;
    int *open; /* of every chunk: whether a row has more terms to come */
} job;

/* Newton's method from Chebyshev-like starts. */
static void legendre(double *x, double *w) {
    for (int i = 0; i < POINTS; i++) {
        double t = cos(M_PI * (i + 0.75) / (POINTS + 0.5)), slope = 1;
        for (int step = 0; step < 8; step++) {
            double before = 1, now = t;
            for (int k = 2; k <= POINTS; k++) {
                const double next = ((2 * k - 1) * t * now - (k - 1) * before) / k;
                before = now;
                now = next;
            }
            slope = POINTS * (before - t * now) / (1 - t * t);
            t -= now / slope;
        }
        x[i] = t;
        w[i] = 2 / ((1 - t * t) * slope * slope);
    }
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Panels of at most 1/2 on -13 .. 13, finer towards 0; the density times any h_k here is below 1e-18 outside. */
static void make_grid(grid *g, const job *j, const double *breaks, int count) {
    static const double cuts[] = {0.02, 0.05, 0.1, 0.2, 0.35};
    double edges[MOST_EDGES];
    int n = 0;
    for (int i = -26; i <= 26; i++) edges[n++] = 0.5 * i;
    for (int i = 0; i < 10; i++) edges[n++] = i % 2 ? cuts[i / 2] : -cuts[i / 2];
    for (int i = 0; i < count; i++)
        if (fabs(breaks[i]) < 13) edges[n++] = breaks[i];
    qsort(edges, (size_t)n, sizeof *edges, compare);
    g->nodes = 0;
    for (int i = 0; i + 1 < n; i++) {
        const double half = 0.5 * (edges[i + 1] - edges[i]), middle = 0.5 * (edges[i + 1] + edges[i]);
        for (int k = 0; k < POINTS && half > 0; k++) {
            const double z = middle + half * j->x[k];
            g->z[g->nodes] = z;
            g->weight[g->nodes++] = half * j->w[k] * INV_SQRT_2PI * exp(-0.5 * z * z);
        }
    }
}

/* table[node * terms + k] = weight h_k(z): h_(k+1) = (z h_k - sqrt(k) h_(k-1)) / sqrt(k + 1). */
static void make_table(double *table, const grid *g, ovp_idx terms) {
    for (ovp_idx i = 0; i < g->nodes; i++) {
        double *row = table + i * terms, before = 0, now = g->weight[i];
        for (ovp_idx k = 0; k < terms; k++) {
            row[k] = now;
            const double next = (g->z[i] * now - sqrt((double)k) * before) / sqrt((double)k + 1);
            before = now;
            now = next;
        }
    }
}

static int own_grid(const job *j, double root) {
    return j->kernel->act->kink_count > 0 || root > LARGEST_COMMON_ROOT;
}

/* Coefficients of rows whose panels depend on the row. */
static void coefficients(double *a, const job *j, double root, ovp_idx terms, double *scratch) {
    grid *g = (grid *)(void *)scratch;
    double *before = scratch + sizeof *g / sizeof *scratch, *now = before + MOST_NODES, breaks[OVP_KERNEL_MOST_BREAKS];
    const int count = ovp_kernel_dual_breaks(breaks, j->kernel->act, root);
    make_grid(g, j, breaks, count);
    double *value = g->weight;
    for (ovp_idx i = 0; i < g->nodes; i++) {
        value[i] *= j->g(root * g->z[i]);
        before[i] = 0;
        now[i] = 1;
    }
    for (ovp_idx k = 0; k < terms; k++) {
        const double down = 1 / sqrt((double)k + 1), back = sqrt((double)k) * down;
        double sum = 0;
        for (ovp_idx i = 0; i < g->nodes; i++) {
            const double h = now[i];
            sum += value[i] * h;
            now[i] = down * g->z[i] * h - back * before[i];
            before[i] = h;
        }
        a[k] = sum;
    }
}

/* One row to the table; returns whether more terms would say more. */
static int keep(const job *j, ovp_idx row, const double *a) {
    const ovp_kernel_series *s = j->out;
    double norm = 0, last = 0;
    for (ovp_idx k = 0; k < s->terms; k++) {
        s->table[k * s->rows + row] = a[k];
        norm += a[k] * a[k];
        if (k >= s->terms - 4) last += a[k] * a[k];
    }
    s->rest[row] = sqrt(fabs(j->squares[row] - norm) + 4e-15 * norm);
    return last > 1e-17 * norm;
}

static ovp_status chunk_task(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    const ovp_idx first = task * CHUNK, rows = j->out->rows - first < CHUNK ? j->out->rows - first : CHUNK;
    const ovp_idx terms = j->out->terms, nodes = j->common.nodes;
    double *a = j->scratch + ovp_worker(worker) * j->per_worker, *values = a + CHUNK * terms;
    int open = 0, shared = 0;
    for (ovp_idx i = 0; i < rows; i++) {
        const double root = j->roots[first + i];
        const int same = i > 0 && !(root < j->roots[first + i - 1] || root > j->roots[first + i - 1]);
        if (own_grid(j, root)) {
            memset(values + i * nodes, 0, (size_t)nodes * sizeof *values);
            continue;
        }
        shared = 1;
        if (same)
            memcpy(values + i * nodes, values + (i - 1) * nodes, (size_t)nodes * sizeof *values);
        else
            for (ovp_idx k = 0; k < nodes; k++) values[i * nodes + k] = j->g(root * j->common.z[k]);
    }
    if (shared)
        ovp_numeric_gemm(OVP_F64, 0, 0, rows, terms, nodes, 1, values, nodes, j->table, terms, 0, a, terms);
    for (ovp_idx i = 0; i < rows; i++) {
        const double root = j->roots[first + i];
        const int same = i > 0 && !(root < j->roots[first + i - 1] || root > j->roots[first + i - 1]);
        if (own_grid(j, root)) {
            if (same)
                memcpy(a + i * terms, a + (i - 1) * terms, (size_t)terms * sizeof *a);
            else
                coefficients(a + i * terms, j, root, terms, values);
        }
        open |= keep(j, first + i, a + i * terms);
    }
    j->open[task] = open;
    return OVP_OK;
}

static ovp_status run_level(job *j, ovp_ctx *ctx, ovp_idx terms, int *open) {
    ovp_kernel_series *s = j->out;
    const ovp_idx chunks = (s->rows + CHUNK - 1) / CHUNK;
    const ovp_idx own = (ovp_idx)(sizeof(grid) / sizeof(double)) + 2 * MOST_NODES;
    const ovp_idx values = CHUNK * j->common.nodes > own ? CHUNK * j->common.nodes : own;
    ovp_status status = OVP_OK;
    s->terms = terms;
    j->per_worker = (CHUNK * terms + values + 7) / 8 * 8;
    OVP_TRY(ovp_alloc(ctx, &s->table, terms * s->rows, sizeof *s->table));
    OVP_TRY(ovp_alloc(ctx, &j->table, j->common.nodes * terms, sizeof *j->table));
    OVP_TRY(ovp_alloc(ctx, &j->scratch, j->per_worker * ovp_threads(ctx), sizeof *j->scratch));
    make_table(j->table, &j->common, terms);
    OVP_TRY(ovp_parallel(ctx, chunks, chunk_task, j));
    *open = 0;
    for (ovp_idx i = 0; i < chunks; i++) *open |= j->open[i];
done:
    ovp_free(ctx, j->table);
    ovp_free(ctx, j->scratch);
    return status;
}

ovp_status ovp_kernel_series_make(ovp_kernel_series *out, ovp_ctx *ctx, const ovp_kernel *kernel, int derivative,
                                  ovp_idx rows, const double *roots, const double *squares) {
    const int levels = kernel->act->kink_count ? LEVELS - 1 : LEVELS;
    job *j = NULL;
    int open = 1;
    ovp_status status = OVP_OK;
    *out = (ovp_kernel_series){.rows = rows};
    OVP_TRY(ovp_alloc(ctx, &out->rest, rows, sizeof *out->rest));
    OVP_TRY(ovp_alloc(ctx, &j, 1, sizeof *j));
    j->kernel = kernel;
    j->g = derivative ? kernel->act->dphi : kernel->act->phi;
    j->roots = roots;
    j->squares = squares;
    j->out = out;
    OVP_TRY(ovp_alloc(ctx, &j->open, (rows + CHUNK - 1) / CHUNK, sizeof *j->open));
    legendre(j->x, j->w);
    make_grid(&j->common, j, NULL, 0);
    for (int level = 0; level < levels && open; level++) {
        ovp_free(ctx, out->table);
        out->table = NULL;
        OVP_TRY(run_level(j, ctx, terms_at[level], &open));
    }
done:
    if (j) ovp_free(ctx, j->open);
    ovp_free(ctx, j);
    return status;
}

void ovp_kernel_series_free(ovp_ctx *ctx, ovp_kernel_series *series) {
    ovp_free(ctx, series->table);
    ovp_free(ctx, series->rest);
    *series = (ovp_kernel_series){0};
}
