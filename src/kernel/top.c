/* Top eigenpairs of a symmetric matrix by block Lanczos with full reorthogonalisation (Golub and Underwood 1977): the
 * spectra of kernel matrices fall fast, and some 400 of 2000 directions hold the first 50 eigenvectors to rounding.
 * Where it does not pay (small matrices, many eigenpairs, spectra that do not fall) LAPACK finds all of them. */
#include "kernel/solve_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 32, FIRST_LOOK = 4, MOST = 1024, SMALL = 512 };
#define CONVERGED 1e-10 /* residuals by the largest eigenvalue; eigenvalues then err by about its square */

typedef struct lanczos {
    const double *a;
    ovp_idx s, room, m;                     /* room: columns of v, m of them hold the basis */
    double *v, *t;                          /* s x room; room x room: V^T A V */
    double *w, *u;                          /* s x BLOCK: what comes next, and its orthonormal basis */
    double *h, *values, *vt;                /* room x BLOCK; BLOCK singular values and right vectors: w = u R */
    double *theta, *y, *packed, *residuals; /* eigenvalues, eigenvectors (rows) and matrix of t's first m rows */
} lanczos;

/* w -= V V^T w; the coefficients are added to t's columns `into`, or dropped where that is negative. */
static ovp_status project_out(lanczos *l, ovp_ctx *ctx, double *w, ovp_idx into) {
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 1, l->m, BLOCK, l->s, 1, l->v, l->room, w, BLOCK, 0, l->h, BLOCK));
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, l->s, BLOCK, l->m, -1, l->v, l->room, l->h, BLOCK, 1, w, BLOCK));
    for (ovp_idx i = 0; i < l->m && into >= 0; i++)
        for (ovp_idx j = 0; j < BLOCK; j++) {
            l->t[i * l->room + into + j] += l->h[i * BLOCK + j];
            if (i < into) l->t[(into + j) * l->room + i] = l->t[i * l->room + into + j];
        }
done:
    return status;
}

/* One more block of the basis from u, A times it, and the next u. */
static ovp_status extend(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx at = l->m;
    for (ovp_idx i = 0; i < l->s; i++) memcpy(l->v + i * l->room + at, l->u + i * BLOCK, BLOCK * sizeof *l->u);
    l->m += BLOCK;
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, l->s, BLOCK, l->s, 1, l->a, l->s, l->u, BLOCK, 0, l->w, BLOCK));
    for (int twice = 0; twice < 2; twice++) OVP_TRY(project_out(l, ctx, l->w, at));
    OVP_TRY(ovp_numeric_svd(l->values, l->u, l->vt, ctx, l->s, BLOCK, l->w));
    /* where w is short, rounding has turned u back to the basis */
    memcpy(l->w, l->u, (size_t)(l->s * BLOCK) * sizeof *l->u);
    OVP_TRY(project_out(l, ctx, l->w, -1));
    OVP_TRY(ovp_numeric_svd(l->residuals, l->h, l->y, ctx, l->s, BLOCK, l->w));
    /* u = w (its polar factor keeps w's columns in their places) */
    OVP_TRY(ovp_kernel_product(ctx, OVP_F64, 0, l->s, BLOCK, BLOCK, 1, l->h, BLOCK, l->y, BLOCK, 0, l->u, BLOCK));
done:
    return status;
}

/* Ritz values, descending, in theta; residuals |A x - theta x| = |R y's last block|. */
static ovp_status look(lanczos *l, ovp_ctx *ctx) {
    const ovp_idx m = l->m;
    for (ovp_idx i = 0; i < m; i++) memcpy(l->packed + i * m, l->t + i * l->room, (size_t)m * sizeof *l->t);
    const ovp_status status = ovp_numeric_eigh(l->theta, l->y, ctx, m, l->packed);
    if (status != OVP_OK) return status;
    for (ovp_idx i = 0; i < m / 2; i++) {
        const double swap = l->theta[i];
        l->theta[i] = l->theta[m - 1 - i];
        l->theta[m - 1 - i] = swap;
    }
    for (ovp_idx i = 0; i < m; i++) {
        const double *last = l->y + (m - 1 - i) * m + m - BLOCK;
        double square = 0;
        for (int p = 0; p < BLOCK; p++) {
            double dot = 0;
            for (int j = 0; j < BLOCK; j++) dot += l->vt[p * BLOCK + j] * last[j];
            square += l->values[p] * dot * (l->values[p] * dot);
        }
        l->residuals[i] = sqrt(square);
    }
    return OVP_OK;
}

static ovp_status allocate(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    const ovp_idx s = l->s, room = l->room, longest = s > room ? s : room;
    OVP_TRY(ovp_alloc(ctx, &l->v, s * room, sizeof *l->v));
    OVP_TRY(ovp_alloc(ctx, &l->t, room * room, sizeof *l->t));
    OVP_TRY(ovp_alloc(ctx, &l->y, room * room, sizeof *l->y));
    OVP_TRY(ovp_alloc(ctx, &l->packed, room * room, sizeof *l->packed));
    OVP_TRY(ovp_alloc(ctx, &l->w, s * BLOCK, sizeof *l->w));
    OVP_TRY(ovp_alloc(ctx, &l->u, s * BLOCK, sizeof *l->u));
    OVP_TRY(ovp_alloc(ctx, &l->h, longest * BLOCK, sizeof *l->h));
    OVP_TRY(ovp_alloc(ctx, &l->values, BLOCK + BLOCK * BLOCK, sizeof *l->values));
    OVP_TRY(ovp_alloc(ctx, &l->theta, 2 * room, sizeof *l->theta));
    l->vt = l->values + BLOCK;
    l->residuals = l->theta + room;
done:
    return status;
}

static void release(lanczos *l, ovp_ctx *ctx) {
    double *const owned[] = {l->v, l->t, l->y, l->packed, l->w, l->u, l->h, l->values, l->theta};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) ovp_free(ctx, owned[i]);
}

/* A random orthonormal block, always the same. */
static ovp_status begin(lanczos *l, ovp_ctx *ctx) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    OVP_TRY(allocate(l, ctx));
    OVP_TRY(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 0, OVP_PURPOSE_GENERAL, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, l->s * BLOCK, 0, 1, l->w);
    OVP_TRY(ovp_numeric_svd(l->values, l->u, l->vt, ctx, l->s, BLOCK, l->w));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

/* *q: of the pairs found, 0 if they were not within reach. */
static ovp_status by_lanczos(lanczos *l, ovp_ctx *ctx, ovp_kernel_choose_q choose, const void *user, ovp_idx *q) {
    ovp_status status = OVP_OK;
    *q = 0;
    OVP_TRY(begin(l, ctx));
    for (ovp_idx looks = FIRST_LOOK * BLOCK; l->m < l->room;) {
        OVP_TRY(ovp_check(ctx));
        OVP_TRY(extend(l, ctx));
        if (l->m < looks && l->m < l->room) continue;
        looks = l->m + (l->m / 2 > BLOCK ? l->m / 2 : BLOCK);
        OVP_TRY(look(l, ctx));
        /* an invariant subspace has been found whole, but not how often its eigenvalues occur outside */
        if (!(l->values[0] > (double)l->s * DBL_EPSILON * l->theta[0])) goto done;
        const ovp_idx wanted = choose(user, l->theta, l->m);
        if (4 * wanted > l->room) goto done; /* some four directions a pair: LAPACK is faster */
        ovp_idx good = 0;
        while (good < l->m && l->residuals[good] <= CONVERGED * l->theta[0]) good++;
        if (good <= wanted) continue; /* one more than wanted: the rule has looked at it */
        *q = wanted;
        goto done;
    }
done:
    return status;
}

ovp_status ovp_kernel_top_eigenpairs(ovp_idx *q, double **values, double **vectors, ovp_ctx *ctx, ovp_idx s,
                                     const double *a, ovp_kernel_choose_q choose, const void *user) {
    ovp_status status = OVP_OK;
    lanczos l = {.a = a, .s = s, .room = s / 2 < MOST ? s / 2 / BLOCK * BLOCK : MOST};
    double *all = NULL, *rows = NULL;
    *q = 0;
    if (s >= SMALL) OVP_TRY(by_lanczos(&l, ctx, choose, user, q));
    if (*q > 0) {
        OVP_TRY(ovp_alloc(ctx, values, *q, sizeof **values));
        OVP_TRY(ovp_alloc(ctx, vectors, *q * s, sizeof **vectors));
        memcpy(*values, l.theta, (size_t)*q * sizeof **values);
        for (ovp_idx i = 0; i < *q; i++)
            ovp_numeric_gemm(OVP_F64, 0, 1, 1, s, l.m, 1, l.y + (l.m - 1 - i) * l.m, l.m, l.v, l.room, 0,
                             *vectors + i * s, s);
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
