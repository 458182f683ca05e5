/* The products of tile_product.c for weights of at most SMALL x SMALL that lie as theta has them: every size and place
 * is a constant, so a register of samples takes its multiply-adds and nothing else. */
#include "net/hot/tile_vector.h"

enum { SMALL = 6 };

/* What the sum starts from or ends with, and how A lies: rows or columns side by side. */
typedef enum form { FROM_ZERO, FROM_BIAS, BACK_FROM_ZERO, BACK_TIMES_DTANH } form;

typedef struct operands {
    ovp_idx n, ldb, ldc;
    const real *a, *b, *bias, *h;
    real *c;
} operands;

ALWAYS_INLINE void sized(const form how, const int m, const int k, const operands *p) {
    const int back = how == BACK_FROM_ZERO || how == BACK_TIMES_DTANH;
    const real *a = p->a, *b = p->b, *h = p->h;
    real *c = p->c;
    for (ovp_idx j = 0; j < p->n; j += LANES, b += LANES, c += LANES, h += how == BACK_TIMES_DTANH ? LANES : 0) {
        vec sum[SMALL];
#pragma GCC unroll 6
        for (int r = 0; r < m; r++) sum[r] = how == FROM_BIAS ? splat(p->bias[r]) : (vec){0};
#pragma GCC unroll 6
        for (int q = 0; q < k; q++) {
            const vec x = *vectors(b + q * p->ldb);
#pragma GCC unroll 6
            for (int r = 0; r < m; r++) sum[r] = sum[r] + a[back ? r * k + q : r + q * m] * x;
        }
#pragma GCC unroll 6
        for (int r = 0; r < m; r++) {
            if (how == BACK_TIMES_DTANH) {
                const vec y = *vectors(h + r * p->ldc);
                sum[r] = sum[r] * ((real)1 - y * y);
            }
            *(vec *)(void *)(c + r * p->ldc) = sum[r];
        }
    }
}

ALWAYS_INLINE void inner(const form how, const int m, ovp_idx k, const operands *p){
#define CALL(q) sized(how, m, q, p)
    OVP_SWITCH_6(k, CALL)
#undef CALL
}

ALWAYS_INLINE void outer(const form how, ovp_idx m, ovp_idx k, const operands *p){
#define CALL(r) inner(how, r, k, p)
    OVP_SWITCH_6(m, CALL)
#undef CALL
}

/* Not inlined into the dispatch: each form's sizes are some 10 kB of code. */
#define DEFINE(name, how)                                                                                              \
    static __attribute__((noinline)) void name(ovp_idx m, ovp_idx k, const operands *p) {                              \
        outer(how, m, k, p);                                                                                           \
    }
DEFINE(from_zero, FROM_ZERO) DEFINE(from_bias, FROM_BIAS) DEFINE(back_from_zero, BACK_FROM_ZERO)
    DEFINE(back_times_dtanh, BACK_TIMES_DTANH)

        int OVP_HOT(ovp_net_tile_small)(ovp_idx m, ovp_idx n, ovp_idx k, const ovp_net_tile_scalars *a, const void *b,
                                        ovp_idx ldb, ovp_net_tile_start start, const void *bias, const void *h, void *c,
                                        ovp_idx ldc) {
    const operands p = {n, ldb, ldc, a->a, b, bias, h, c};
    const int forth = a->row == 1 && a->column == m, back = a->row == k && a->column == 1;
    if (m > SMALL || k > SMALL) return 0;
    if (h && back)
        back_times_dtanh(m, k, &p);
    else if (!h && forth && start == OVP_TILE_ROWS)
        from_bias(m, k, &p);
    else if (!h && forth && start == OVP_TILE_ZERO)
        from_zero(m, k, &p);
    else if (!h && back && start == OVP_TILE_ZERO)
        back_from_zero(m, k, &p);
    else
        return 0;
    return 1;
}
