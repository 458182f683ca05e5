/* Top eigenpairs of a symmetric matrix by block Lanczos with full reorthogonalisation (Golub and Underwood 1977): the
 * spectra of kernel matrices fall fast, and some 400 of 2000 directions hold the first 50 eigenvectors to rounding.
 * Where it does not pay (small matrices, many eigenpairs, spectra that do not fall) LAPACK finds all of them. */
#include "kernel/solve_int.h"
#include "net/net_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = OVP_NET_NARROW, ROWS = 64, FIRST_LOOK = 4, MOST = 2048, SMALL = 512 };

typedef struct lanczos {
    const double *a;
    double converged;                       /* residuals by the largest eigenvalue */
    ovp_idx s, room, m;                     /* room: rows of v, m of them hold the basis */
    ovp_idx width;                          /* of t's band */
    double *v, *t;                          /* room x s; room x room: V A V^T */
    double *w, *u;                          /* s x BLOCK: what comes next, and its orthonormal basis: w = u r */
    double *h, *r, *gram, *vt;              /* room x BLOCK; the others BLOCK x BLOCK */
    double *theta, *y, *packed, *residuals; /* eigenvalues, eigenvectors (rows) and matrix of t's first m rows */
} lanczos;

/* ---- products with BLOCK columns, by all threads ---- */

typedef struct narrow {
    const ovp_net_kernels *kernels;
    ovp_idx rows, inner, ld;
    const double *a, *b;
    double *c;
} narrow;

/* C = A B, A rows x inner */
static ovp_status times_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const narrow *p = arg;
    const ovp_idx first = task * ROWS, rows = p->rows - first < ROWS ? p->rows - first : ROWS;
    (void)ctx;
    memset(p->c + first * BLOCK, 0, (size_t)(rows * BLOCK) * sizeof *p->c);
    p->kernels->narrow_forward(rows, p->inner, p->a + first * p->ld, p->ld, p->b, p->c + first * BLOCK);
    return OVP_OK;
}

/* C -= A^T B, A inner x rows */
static ovp_status subtract_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const narrow *p = arg;
    const ovp_idx first = task * ROWS, rows = p->rows - first < ROWS ? p->rows - first : ROWS;
    double product[ROWS * BLOCK] __attribute__((aligned(64)));
    (void)ctx;
    p->kernels->narrow_grad(p->inner, rows, p->a + first, p->ld, p->b, product);
    for (ovp_idx i = 0; i < rows * BLOCK; i++) p->c[first * BLOCK + i] -= product[i];
    return OVP_OK;
}

static ovp_status multiply(ovp_ctx *ctx, ovp_task_fn task, ovp_idx rows, ovp_idx inner, const double *a, ovp_idx ld,
                           const double *b, double *c) {
    narrow p = {ovp_net_kernels_for(ctx, OVP_F64), rows, inner, ld, a, b, c};
    return ovp_parallel(ctx, (rows + ROWS - 1) / ROWS, task, &p);
}

/* w -= V^T V w for V's rows from `first` on; the coefficients are added to t's columns `into`, or dropped where that is
 * negative. */
static ovp_status project_out(lanczos *l, ovp_ctx *ctx, double *w, ovp_idx first, ovp_idx into) {
    ovp_status status = OVP_OK;
    const double *v = l->v + first * l->s;
    const ovp_idx rows = l->m - first;
    OVP_TRY(multiply(ctx, times_task, rows, l->s, v, l->s, w, l->h));
    OVP_TRY(multiply(ctx, subtract_task, l->s, rows, v, l->s, l->h, w));
    for (ovp_idx i = first; i < l->m && into >= 0; i++)
        for (ovp_idx j = 0; j < BLOCK; j++) {
            l->t[i * l->room + into + j] += l->h[(i - first) * BLOCK + j];
            if (i < into) l->t[(into + j) * l->room + i] = l->t[i * l->room + into + j];
        }
done:
    return status;
}

/* ---- orthonormal blocks ---- */

/* gram = r^T r of a triangle r in its place; 0 where it is too near to singular for that. */
static int factor_gram(double *r) {
    for (ovp_idx i = 0; i < BLOCK; i++) {
        const double whole = r[i * BLOCK + i];
        for (ovp_idx k = 0; k < i; k++) r[i * BLOCK + i] -= r[k * BLOCK + i] * r[k * BLOCK + i];
        if (!(r[i * BLOCK + i] > 1e-10 * whole)) return 0;
        const double pivot = r[i * BLOCK + i] = sqrt(r[i * BLOCK + i]);
        for (ovp_idx j = 0; j < i; j++) r[i * BLOCK + j] = 0;
        for (ovp_idx j = i + 1; j < BLOCK; j++) {
            for (ovp_idx k = 0; k < i; k++) r[i * BLOCK + j] -= r[k * BLOCK + i] * r[k * BLOCK + j];
            r[i * BLOCK + j] /= pivot;
        }
    }
    return 1;
}

/* inverse r = 1, both upper triangles */
static void invert_triangle(const double *r, double *inverse) {
    memset(inverse, 0, BLOCK * BLOCK * sizeof *inverse);
    for (ovp_idx i = 0; i < BLOCK; i++) {
        double *row = inverse + i * BLOCK;
        row[i] = 1;
        for (ovp_idx k = i; k < BLOCK; k++) {
            row[k] /= r[k * BLOCK + k];
            for (ovp_idx j = k + 1; j < BLOCK; j++) row[j] -= row[k] * r[k * BLOCK + j];
        }
    }
}

/* w = u r by Cholesky's factor of w^T w; *found 0 where w's columns are too near to dependent for that. */
static ovp_status factor_quickly(lanczos *l, ovp_ctx *ctx, int *found) {
    ovp_net_kernels_for(ctx, OVP_F64)->narrow_grad(l->s, BLOCK, l->w, BLOCK, l->w, l->gram);
    *found = factor_gram(l->gram);
    if (!*found) return OVP_OK;
    invert_triangle(l->gram, l->vt);
    return multiply(ctx, times_task, l->s, BLOCK, l->w, BLOCK, l->vt, l->u);
}

/* The same by singular values. polar: the factor that keeps w's columns in their places. */
static ovp_status factor_safely(lanczos *l, ovp_ctx *ctx, int polar) {
    ovp_status status = OVP_OK;
    double values[BLOCK];
    OVP_TRY(ovp_numeric_svd(values, l->u, l->vt, ctx, l->s, BLOCK, l->w));
    for (ovp_idx i = 0; i < BLOCK; i++)
        for (ovp_idx j = 0; j < BLOCK; j++) l->gram[i * BLOCK + j] = values[i] * l->vt[i * BLOCK + j];
    if (!polar) goto done;
    memcpy(l->w, l->u, (size_t)(l->s * BLOCK) * sizeof *l->w);
    ovp_numeric_gemm(OVP_F64, 0, 0, l->s, BLOCK, BLOCK, 1, l->w, BLOCK, l->vt, BLOCK, 0, l->u, BLOCK);
done:
    return status;
}

/* u and r of w, u orthogonal to the basis, also where w is short and rounding has turned u back to it. */
static ovp_status normalise(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    int quick, again = 0;
    OVP_TRY(factor_quickly(l, ctx, &quick));
    if (!quick) OVP_TRY(factor_safely(l, ctx, 0));
    memcpy(l->r, l->gram, BLOCK * BLOCK * sizeof *l->r);
    memcpy(l->w, l->u, (size_t)(l->s * BLOCK) * sizeof *l->u);
    OVP_TRY(project_out(l, ctx, l->w, 0, -1));
    if (quick) OVP_TRY(factor_quickly(l, ctx, &again));
    if (again) goto done;
    l->width = 2 * BLOCK - 1; /* r is no triangle */
    OVP_TRY(factor_safely(l, ctx, 1));
done:
    return status;
}

/* ---- the basis ---- */

/* One more block of the basis from u, A times it, and the next u. */
static ovp_status extend(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx at = l->m, local = at > BLOCK ? at - BLOCK : 0;
    for (ovp_idx j = 0; j < BLOCK; j++)
        for (ovp_idx i = 0; i < l->s; i++) l->v[(at + j) * l->s + i] = l->u[i * BLOCK + j];
    l->m += BLOCK;
    OVP_TRY(multiply(ctx, times_task, l->s, l->s, l->a, l->s, l->u, l->w));
    OVP_TRY(project_out(l, ctx, l->w, local, at)); /* but for rounding nothing is left along the others */
    OVP_TRY(project_out(l, ctx, l->w, 0, at));
    OVP_TRY(normalise(l, ctx));
done:
    return status;
}

/* Ritz values, descending, in theta. With `pairs` > 0 also the vectors of as many, and their residuals: |A x - theta x|
 * = |r times y's last block|. */
static ovp_status look(lanczos *l, ovp_ctx *ctx, ovp_idx pairs) {
    const ovp_idx m = l->m;
    ovp_status status;
    if (pairs) {
        for (ovp_idx i = 0; i < m; i++) memcpy(l->packed + i * m, l->t + i * l->room, (size_t)m * sizeof *l->t);
        status = ovp_numeric_eigh_top(l->theta, l->y, ctx, m, pairs, l->packed);
    } else /* what lies outside the band is rounding */
        status = ovp_numeric_eigh_band(l->theta, ctx, m, l->width, l->t, l->room);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < m / 2; i++) {
        const double swap = l->theta[i];
        l->theta[i] = l->theta[m - 1 - i];
        l->theta[m - 1 - i] = swap;
    }
    for (ovp_idx i = 0; i < pairs; i++) {
        const double *last = l->y + i * m + m - BLOCK;
        double square = 0;
        for (int p = 0; p < BLOCK; p++) {
            double dot = 0;
            for (int j = 0; j < BLOCK; j++) dot += l->r[p * BLOCK + j] * last[j];
            square += dot * dot;
        }
        l->residuals[i] = sqrt(square);
    }
    return OVP_OK;
}

static ovp_status allocate(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx s = l->s, room = l->room;
    OVP_TRY(ovp_alloc(ctx, &l->v, room * s, sizeof *l->v));
    OVP_TRY(ovp_alloc(ctx, &l->t, room * room, sizeof *l->t));
    OVP_TRY(ovp_alloc(ctx, &l->y, room * room, sizeof *l->y));
    OVP_TRY(ovp_alloc(ctx, &l->packed, room * room, sizeof *l->packed));
    OVP_TRY(ovp_alloc(ctx, &l->w, s * BLOCK, sizeof *l->w));
    OVP_TRY(ovp_alloc(ctx, &l->u, s * BLOCK, sizeof *l->u));
    OVP_TRY(ovp_alloc(ctx, &l->h, room * BLOCK, sizeof *l->h));
    OVP_TRY(ovp_alloc(ctx, &l->r, 3 * BLOCK * BLOCK, sizeof *l->r));
    OVP_TRY(ovp_alloc(ctx, &l->theta, 2 * room, sizeof *l->theta));
    l->gram = l->r + BLOCK * BLOCK;
    l->vt = l->gram + BLOCK * BLOCK;
    l->residuals = l->theta + room;
done:
    return status;
}

static void release(lanczos *l, ovp_ctx *ctx) {
    double *const owned[] = {l->v, l->t, l->y, l->packed, l->w, l->u, l->h, l->r, l->theta};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(ctx, owned[i]);
}

/* A random orthonormal block, always the same. */
static ovp_status begin(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    OVP_TRY(allocate(l, ctx));
    OVP_TRY(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 0, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, l->s * BLOCK, 0, 1, l->w);
    OVP_TRY(factor_safely(l, ctx, 0));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* How long a basis is likely to hold them. */
static ovp_idx likely(const lanczos *l, ovp_idx wanted) {
    return ovp_kernel_least((ovp_idx)(-25 * log10(l->converged)) + wanted * 13 / 5, l->room);
}

/* Whether one pair more than wanted is good, of the first `pairs`: the rule has looked at it. If not, *more: how many
 * directions it may take. */
static int is_good(const lanczos *l, ovp_idx wanted, ovp_idx pairs, ovp_idx *more) {
    double worst = 0;
    *more = BLOCK;
    if (wanted >= pairs) return 0;
    for (ovp_idx i = 0; i <= wanted; i++) worst = fmax(worst, l->residuals[i]);
    const double off = worst / (l->converged * l->theta[0]);
    *more = 2 * BLOCK * (off > 1 ? 1 + (ovp_idx)log10(off) : 1); /* some 30 for a digit where a spectrum is slow */
    return off <= 1;
}

/* *q: of the pairs found, 0 if they were not within reach. */
static ovp_status by_lanczos(lanczos *l, ovp_ctx *ctx, ovp_kernel_choose_q choose, const void *user, ovp_idx *q) {
    ovp_status status = OVP_OK;
    *q = 0;
    OVP_TRY(begin(l, ctx));
    ovp_idx pairs = 0; /* vectors cost four times the values: only once their number is about known */
    for (ovp_idx next = FIRST_LOOK * BLOCK, more; l->m < l->room;) {
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(extend(l, ctx));
        if (l->m < next && l->m < l->room) continue;
        OVP_TRY(look(l, ctx, pairs));
        /* an invariant subspace has been found whole, but not how often its eigenvalues occur outside */
        double square = 0;
        for (int i = 0; i < BLOCK * BLOCK; i++) square += l->r[i] * l->r[i];
        if (!(sqrt(square) > (double)l->s * DBL_EPSILON * l->theta[0])) goto done;
        const ovp_idx seen = choose(user, l->theta, l->m);
        /* LAPACK is faster; a count of most of the directions will still grow by half or more */
        if (3 * seen > l->room || (5 * seen > 3 * l->m && 5 * seen > l->room)) goto done;
        if (pairs && is_good(l, seen, pairs, &more)) {
            *q = seen;
            goto done;
        }
        next = pairs ? l->m + more : likely(l, seen);
        pairs =
            l->m >= 3 * seen ? ovp_kernel_least(seen + seen / 8 + BLOCK, l->m) : 0; /* the count may grow a little */
    }
done:
    return status;
}

ovp_status ovp_kernel_top_eigenpairs(ovp_idx *q, double **values, double **vectors, ovp_ctx *ctx, ovp_idx s,
                                     const double *a, double converged, ovp_kernel_choose_q choose, const void *user) {
    ovp_status status = OVP_OK;
    lanczos l = {
        .a = a, .converged = converged, .s = s, .room = s / 2 < MOST ? s / 2 / BLOCK * BLOCK : MOST, .width = BLOCK};
    double *all = NULL, *rows = NULL;
    *q = 0;
    if (s >= SMALL) OVP_TRY(by_lanczos(&l, ctx, choose, user, q));
    if (*q > 0) {
        OVP_TRY(ovp_alloc(ctx, values, *q, sizeof **values));
        OVP_TRY(ovp_alloc(ctx, vectors, *q * s, sizeof **vectors));
        memcpy(*values, l.theta, (size_t)*q * sizeof **values);
        OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, *q, s, l.m, 1, l.y, l.m, l.v, s, 0, *vectors, s));
        goto done;
    }
    OVP_TRY(ovp_alloc(ctx, &all, 2 * s, sizeof *all));
    OVP_TRY(ovp_alloc(ctx, &rows, s * s, sizeof *rows));
    OVP_TRY(ovp_numeric_eigh(all, rows, ctx, s, a));
    for (ovp_idx i = 0; i < s; i++) all[s + i] = all[s - 1 - i];
    *q = choose(user, all + s, s);
    OVP_TRY(ovp_alloc(ctx, values, *q, sizeof **values));
    OVP_TRY(ovp_alloc(ctx, vectors, *q * s, sizeof **vectors));
    memcpy(*values, all + s, (size_t)*q * sizeof **values);
    for (ovp_idx i = 0; i < *q; i++) memcpy(*vectors + i * s, rows + (s - 1 - i) * s, (size_t)s * sizeof **vectors);
done:
    release(&l, ctx);
    ovp_free(ctx, all);
    ovp_free(ctx, rows);
    return status;
}
